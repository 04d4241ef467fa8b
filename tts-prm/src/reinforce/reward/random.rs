//! A coin in the place of a reward: the control of every claim about what rewards teach.
//!
//! What a policy gains under it, it gains without having been told what is right: by the bias of a clip, say, or by
//! the luck of one run.
//!
//! Source: Shao et al. 2025, "Spurious rewards" (arXiv 2506.10947), section 2.

use serde::{Deserialize, Serialize};

use super::{Asked, Reward, of};
use crate::PrmError;

/// 1 with a probability that depends on nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Random {
    /// Of a 1, above 0 and below 1.
    pub probability: f64,
}

impl Default for Random {
    /// One half.
    fn default() -> Self {
        Self { probability: 0.5 }
    }
}

impl Random {
    /// # Errors
    /// When it is no coin.
    pub(super) fn check(self) -> Result<(), PrmError> {
        if self.probability > 0.0 && self.probability < 1.0 {
            return Ok(());
        }
        let problem = format!("{}, expected above 0 and below 1", self.probability);
        Err(PrmError::reinforce("random.probability", problem))
    }
}

/// Apart from all else that the seed of a group decides.
const COIN: u64 = 0x00c0_1d1e;

impl Reward for Random {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let mut rng = tts_core::seed::rng(asked.seed ^ COIN);
        asked.samples.iter().map(|_| of(rng.uniform() < self.probability)).collect()
    }
}
