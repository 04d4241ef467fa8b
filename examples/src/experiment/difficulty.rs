//! How difficult the problems of an experiment are, from samples of their own.

use tts_search::evaluate::attempts::Attempts;
use tts_search::evaluate::{Bin, Difficulty};

use super::workshop::Workshop;
use crate::Error;

/// Samples of difficulty have a seed that no run has.
const APART: u64 = 0x0d1f_f1c0;

impl Workshop<'_> {
    /// How difficult the problems are for a policy, from so many samples of each, with the share of
    /// right ones by problem.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn difficulty(
        &self,
        policy: &str,
        samples: usize,
    ) -> Result<(Difficulty, Vec<f64>), Error> {
        let pools = self.attempts(policy, &self.test()?, samples, (self.model_seed(1), APART))?;
        let share = |pool: &Attempts| pool.solved() as f64 / pool.attempts.len().max(1) as f64;
        let shares: Vec<f64> = pools.iter().map(share).collect();
        Ok((Difficulty::by_shares(samples, &shares)?, shares))
    }
}

/// The mean of values by problem in each bin.
pub(super) fn means(difficulty: &Difficulty, values: &[f64]) -> Result<Vec<f64>, Error> {
    let mean = |bin: &Bin| Ok(bin.mean(values)?.mean);
    difficulty.bins.iter().map(mean).collect()
}
