//! Scores with what they should be, and the problem of each: areas under the curve over problems.

use tts_core::metrics::{Auc, MetricError, auc_over_problems, auc_within_problems};

/// Resamplings of an interval.
const DRAWS: usize = 2_000;

/// Judgements of steps or solutions.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Judgements {
    pub(crate) scores: Vec<f64>,
    pub(crate) right: Vec<bool>,
    problems: Vec<usize>,
}

impl Judgements {
    /// Adds one, of the problem of this number.
    pub(crate) fn add(&mut self, score: f64, right: bool, problem: usize) {
        self.scores.push(score);
        self.right.push(right);
        self.problems.push(problem);
    }

    /// Right against wrong ones, with an interval over problems.
    pub(crate) fn auc(&self, seed: u64) -> Result<Auc, MetricError> {
        auc_over_problems(&self.scores, &self.right, &self.problems, DRAWS, seed)
    }

    /// The same among those of one problem.
    pub(crate) fn auc_within_problems(&self) -> Result<f64, MetricError> {
        auc_within_problems(&self.scores, &self.right, &self.problems)
    }
}
