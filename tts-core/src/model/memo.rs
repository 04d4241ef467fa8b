//! A scorer that remembers: what it has judged is not judged again while it lives.
//!
//! The same solution comes to a scorer more than once: as an equal text among samples, on a way of a tree that leads to it
//! again, or when best-of-8 and best-of-16 are tried one after the other. Behind a [`Memo`] each path is judged once, in memory;
//! [`super::Store::judging`] is the same in a file. Scores, and the cost of a search, are those without: a search pays for what
//! it asks, wherever the answer is from. What it saves, says [`Memo::found`].
//!
//! ```
//! use tts_core::toy::{Oracle, Sample, ToyWorld};
//! use tts_core::{Memo, Search};
//! let (world, oracle) = (ToyWorld::default(), Memo::new(Oracle { noise: 0.2, seed: 1 }));
//! let search = Search::new(&world).scorer(&oracle);
//! search.run(Sample { n: 4 }, world.prompt(0))?;
//! let before = oracle.found();
//! // The first four of eight were judged, and whichever of the others are like them.
//! search.run(Sample { n: 8 }, world.prompt(0))?;
//! assert!(oracle.found() >= before + 4);
//! # Ok::<(), tts_core::SearchError>(())
//! ```
//!
//! Source: Michie 1968, "Memo functions and machine learning".

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::generator::BoxError;
use super::judged::{Remembering, Shelf, Whose, judge};
use super::scorer::{Scored, Scoring, StepScorer};
use super::store::Key;
use crate::cost::ModelCost;
use crate::{Scale, Trajectory};

/// Judgements that are held where nothing is said.
const MOST: usize = 1 << 16;

/// A scorer behind its own judgements, see the [module](self).
#[derive(Debug)]
pub struct Memo<S> {
    scorer: S,
    held: Held,
}

/// Judgements in memory, at most so many.
#[derive(Debug)]
struct Held {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    judged: HashMap<Key, Scored>,
    /// The oldest first.
    order: VecDeque<Key>,
    found: u64,
}

impl<S> Memo<S> {
    /// Holds 65,536 judgements, each of a path; beyond, the oldest is forgotten.
    pub fn new(scorer: S) -> Self {
        Self { scorer, held: Held { most: MOST, state: Mutex::default() } }
    }

    /// The same with so many at most; with 0 it remembers nothing.
    #[must_use]
    pub fn at_most(self, most: usize) -> Self {
        Self { held: Held { most, ..self.held }, ..self }
    }

    /// Paths that were judged before, and not again.
    pub fn found(&self) -> u64 {
        self.held.state().found
    }

    /// Judgements held.
    pub fn len(&self) -> usize {
        self.held.state().judged.len()
    }

    /// Whether it holds no judgements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Held {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves it as it was before or after a whole judgement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf for Held {
    fn get(&self, key: Key) -> Result<Option<Scored>, BoxError> {
        let mut state = self.state();
        let known = state.judged.get(&key).cloned();
        state.found += u64::from(known.is_some());
        Ok(known)
    }

    fn put(&self, key: Key, scored: &Scored) -> Result<(), BoxError> {
        let mut state = self.state();
        if state.judged.insert(key, scored.clone()).is_none() {
            state.order.push_back(key);
        }
        while state.judged.len() > self.most
            && let Some(oldest) = state.order.pop_front()
        {
            state.judged.remove(&oldest);
        }
        Ok(())
    }
}

impl<S: StepScorer> Memo<S> {
    /// One scorer alone is in it, so that it needs no name.
    fn whose(&self) -> Whose<'_> {
        Whose { name: "", scale: self.scorer.scale() }
    }
}

impl<S: StepScorer> StepScorer for Memo<S> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        judge(&self.held, self.whose(), batch, |left| self.scorer.score(left))
    }

    fn scale(&self) -> Scale {
        self.scorer.scale()
    }

    fn cost(&self) -> ModelCost {
        self.scorer.cost()
    }

    fn identity(&self) -> Option<String> {
        self.scorer.identity()
    }

    fn vocabulary(&self) -> Option<u64> {
        self.scorer.vocabulary()
    }

    fn session(&self) -> Box<dyn Scoring + '_> {
        Box::new(Remembering::new(&self.held, self.whose(), self.scorer.session()))
    }
}
