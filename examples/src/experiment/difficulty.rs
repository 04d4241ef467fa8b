//! How difficult the problems of an experiment are, from samples of their own.

use tts_search::evaluate::Difficulty;
use tts_search::evaluate::attempts::Attempts;

use super::workshop::Workshop;
use crate::Error;

/// Samples of difficulty have a seed that no run has.
const APART: u64 = 0x0d1f_f1c0;

impl Workshop<'_> {
    /// How difficult the problems are for a policy, from so many samples of each.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn difficulty(&self, policy: &str, samples: usize) -> Result<Difficulty, Error> {
        let pools = self.attempts(policy, &self.test()?, samples, (self.model_seed(1), APART))?;
        let share = |pool: &Attempts| pool.solved() as f64 / pool.attempts.len().max(1) as f64;
        Ok(Difficulty::by_shares(samples, &pools.iter().map(share).collect::<Vec<_>>())?)
    }
}
