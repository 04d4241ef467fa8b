//! A scorer behind a [`Store`]: what it has once judged is found in the file, today and after a crash.

use super::generator::BoxError;
use super::judged::{Remembering, Whose, judge};
use super::scorer::{Scored, Scoring, StepScorer};
use super::store::Store;
use crate::cost::ModelCost;
use crate::{Scale, Trajectory};

/// A scorer whose judgements a [`Store`] keeps ([`Store::judging`]).
#[derive(Debug, Clone)]
pub struct StoredScorer<'s, S> {
    store: &'s Store,
    scorer: S,
    name: String,
}

impl<'s, S> StoredScorer<'s, S> {
    pub(super) fn new(store: &'s Store, scorer: S, name: String) -> Self {
        Self { store, scorer, name }
    }
}

impl<S: StepScorer> StoredScorer<'_, S> {
    fn whose(&self) -> Whose<'_> {
        Whose { name: &self.name, scale: self.scorer.scale() }
    }
}

impl<S: StepScorer> StepScorer for StoredScorer<'_, S> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        judge(self.store, self.whose(), batch, |left| self.scorer.score(left))
    }

    fn scale(&self) -> Scale {
        self.scorer.scale()
    }

    fn cost(&self) -> ModelCost {
        self.scorer.cost()
    }

    fn identity(&self) -> Option<String> {
        Some(self.scorer.identity().unwrap_or_else(|| self.name.clone()))
    }

    fn vocabulary(&self) -> Option<u64> {
        self.scorer.vocabulary()
    }

    fn session(&self) -> Box<dyn Scoring + '_> {
        Box::new(Remembering::new(self.store, self.whose(), self.scorer.session()))
    }
}
