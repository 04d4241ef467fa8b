//! Beam search over steps: write several next steps, keep the best paths, continue these.
//!
//! ```text
//! source(3, 2): 3 first steps, keep 2, each continues 3 ways
//!
//! round 1            round 2                   round 3
//!          +-- 0.2                  +-- 0.1
//! question +-- 0.9 -- keep 1st -----+-- 0.8 -- keep ...
//!          +-- 0.6 -- keep 2nd --+  +-- 0.3
//!                                |  +-- 0.5
//!                                +--+-- 0.7 -- keep ...
//!                                   +-- 0.2
//! ```
//!
//! Every round ranks the new candidates by [`BeamSearch::aggregate`] over the scores of their
//! paths; equals rank in the order in which they were made. The [`BeamSearch::keep`] best survive
//! and are continued [`BeamSearch::branch`] ways each. "Beam width" is not a word used here: to
//! some authors it is what is kept, to others the branching.
//!
//! What a finished path does is a choice, see [`Completed`]. In every case it stays a candidate for
//! the final answer, also when it ranked too low to be kept. A path that a length limit closed is
//! neither continued nor finished: it is left out before the ranking and takes nobody's place.
//!
//! Cost: `first` lines in the first round, then at most `keep x branch` lines a round, each judged
//! once. Rounds are bounded by the longest path (`StepRule::max_steps`).
//!
//! Source: Snell et al. 2024, "Scaling LLM Test-Time Compute Optimally" (arXiv 2408.03314), section
//! 5.2 ([`BeamSearch::snell`]); the textbook form is [`BeamSearch::source`].

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use tts_core::{Aggregate, Expand, NodeId, Requirements, SearchStrategy, Selection, Tree, View};

use crate::sample::lines::at_least_one;

/// What becomes of a finished path and its place in the beam.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Completed {
    /// A finished candidate among the best `keep` leaves together with its slot: from then on one
    /// path less is kept. The search ends when no slot or no live candidate is left.
    #[default]
    FreeSlot,
    /// Finished paths leave, and `keep` live ones are kept for as long as there are any. When
    /// fewer are live, these are continued more often, the best first, so that a round always has
    /// `keep x branch` lines. Easy problems cost more this way.
    Refill,
    /// Finished paths stay in the ranking with the score they have, each in one slot, never copied
    /// or continued; better live ones may push them out. The search ends when all kept paths are
    /// finished.
    Compete,
}

/// What becomes of candidates with the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Duplicates {
    /// Each is a candidate of its own.
    #[default]
    Keep,
    /// Of candidates whose whole text is equal only the first is ranked.
    Merge,
}

/// Keeps the best paths, step by step.
///
/// ```
/// use tts_core::{Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::BeamSearch;
///
/// // Half of all lines are wrong: of 16 samples not one may be right, but a beam drops
/// // each error where it happens.
/// let world = ToyWorld { additions: 6, error: 0.5, ..ToyWorld::default() };
/// let oracle = Oracle::of(&world);
/// let outcome = Search::new(&world)
///     .scorer(&oracle)
///     .rule(StepRule::lines())
///     .run(BeamSearch { keep: 4, branch: 4, ..Default::default() }, world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BeamSearch {
    /// How many first steps; `keep x branch` when `None`.
    pub first: Option<usize>,
    /// How many paths survive a round.
    pub keep: usize,
    /// How many ways each survivor continues.
    pub branch: usize,
    /// The score that ranks candidates during the search.
    pub aggregate: Aggregate,
    /// What becomes of finished paths.
    pub completed: Completed,
    /// What becomes of equal candidates.
    pub duplicates: Duplicates,
    /// How the answer is chosen among all finished paths. Its aggregate is its own.
    pub select: Selection,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where a [`BeamSearch`] stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// Paths that may still be kept.
    slots: usize,
    /// Finished paths that hold a slot ([`Completed::Compete`]), the best first; equals in the
    /// order in which they were made, as the ranking needs them.
    held: Vec<NodeId>,
}

impl Default for BeamSearch {
    /// Keep 4, branch 4, by the scorer's scale.
    fn default() -> Self {
        Self {
            first: None,
            keep: 4,
            branch: 4,
            aggregate: Aggregate::ByScale,
            completed: Completed::default(),
            duplicates: Duplicates::default(),
            select: Selection::best(Aggregate::ByScale),
            state: State::default(),
        }
    }
}

impl BeamSearch {
    /// The textbook form: `n` first steps, keep `m`, each continues `n` ways. That is `n`
    /// candidates in the first round and `m x n` in every later one.
    ///
    /// ```
    /// use tts_search::BeamSearch;
    /// let beam = BeamSearch::source(8, 2)?;
    /// assert_eq!((beam.first, beam.keep, beam.branch), (Some(8), 2, 8));
    /// assert!(BeamSearch::source(2, 8).is_err());
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// When `n` or `m` is 0, or `m` is more than `n`.
    pub fn source(n: usize, m: usize) -> Result<Self, String> {
        let beam = Self { first: Some(n), keep: m, branch: n, ..Self::default() };
        beam.check().map(|()| beam)
    }

    /// Snell's form: a population of `n` first steps, keep `n / m`, each continues `m` ways, so
    /// that every round has `n` candidates; the answer by a weighted vote.
    ///
    /// ```
    /// use tts_search::BeamSearch;
    /// let beam = BeamSearch::snell(16, 4)?;
    /// assert_eq!((beam.first, beam.keep, beam.branch), (Some(16), 4, 4));
    /// assert!(BeamSearch::snell(16, 5).is_err());
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// When `n` or `m` is 0, or `m` does not divide `n`.
    pub fn snell(n: usize, m: usize) -> Result<Self, String> {
        let keep = divide("beam search", n, m)?;
        let select = Selection::weighted();
        Ok(Self { first: Some(n), keep, branch: m, select, ..Self::default() })
    }

    /// The beam of a budget of `n` lines a round: about the square root of `n` is kept, and each
    /// branches as much.
    pub fn square(n: usize) -> Self {
        let side = n.isqrt().max(1);
        Self { keep: side, branch: n / side, ..Self::default() }
    }

    /// The number of first steps.
    fn first(&self) -> usize {
        self.first.unwrap_or(self.keep.saturating_mul(self.branch))
    }

    /// What is ranked: finished paths that hold a slot, then the fresh leaves that go on or have
    /// finished, so that of equals the one made first comes first.
    fn candidates(&self, view: &View<'_>) -> Vec<NodeId> {
        let tree = view.tree();
        let mut candidates: Vec<NodeId> =
            self.state.held.iter().chain(view.fresh()).copied().collect();
        candidates.retain(|&id| tree[id].open || tree[id].is_finished());
        if self.duplicates == Duplicates::Merge {
            let mut seen = HashSet::new();
            candidates.retain(|&id| seen.insert(tree.text(id)));
        }
        candidates
    }

    /// The live paths that are kept, the best first.
    fn survivors(&mut self, tree: &Tree, mut ranked: Vec<NodeId>) -> Vec<NodeId> {
        if self.completed == Completed::Refill {
            ranked.retain(|&id| tree[id].open);
        }
        ranked.truncate(self.state.slots);
        let (live, done): (Vec<_>, Vec<_>) = ranked.into_iter().partition(|&id| tree[id].open);
        match self.completed {
            Completed::FreeSlot => self.state.slots -= done.len(),
            Completed::Refill => {}
            Completed::Compete => self.state.held = done,
        }
        live
    }

    /// How often each of `live` survivors is continued.
    fn shares(&self, live: usize) -> impl Iterator<Item = usize> {
        let lines = match self.completed {
            Completed::Refill => self.keep.saturating_mul(self.branch),
            Completed::FreeSlot | Completed::Compete => live.saturating_mul(self.branch),
        };
        (0..live).map(move |place| lines / live + usize::from(place < lines % live))
    }
}

impl SearchStrategy for BeamSearch {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = State { slots: self.keep, held: Vec::new() };
            return vec![Expand::step(NodeId::ROOT, self.first())];
        }
        let ranked = view.ranked(&self.candidates(view), self.aggregate);
        let live = self.survivors(view.tree(), ranked);
        let shares = self.shares(live.len());
        live.iter().zip(shares).map(|(&id, n)| Expand::step(id, n)).collect()
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        self.select.pick(tree)
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("beam search", "keep", self.keep)?;
        at_least_one("beam search", "branch", self.branch)?;
        let (first, keep) = (self.first(), self.keep);
        if first < keep {
            return Err(format!(
                "beam search: first is {first}, expected at least keep, which is {keep}"
            ));
        }
        Ok(())
    }

    fn requires(&self) -> Requirements {
        Requirements::scorer("beam search", [self.select, Selection::best(self.aggregate)])
    }
}

/// `n / m`, where `m` divides `n`.
pub(crate) fn divide(strategy: &str, n: usize, m: usize) -> Result<usize, String> {
    at_least_one(strategy, "n", n)?;
    at_least_one(strategy, "branch", m)?;
    if n.is_multiple_of(m) {
        return Ok(n / m);
    }
    Err(format!("{strategy}: branch is {m}, expected a divisor of n, which is {n}"))
}
