//! The search's own choice as the reward: the policy learns to write at once what it would only find by searching.
//!
//! Whatever the sampler is, it answers with one of its solutions: the best by a scorer, the first of a majority, the
//! end of a beam, what a judge preferred. That one gets 1 and all others 0, so that the policy moves towards what its
//! own search picks: best-of-n distillation, step by step in the loop. A sampler that answers with none of its
//! samples teaches nothing.
//!
//! Source: Gui et al. 2024, `BoNBoN` (arXiv 2406.00832), section 4, and Sessa et al. 2024, BOND (arXiv 2407.14622),
//! section 3, for the best of n as what is learnt; Anthony et al. 2017 (arXiv 1705.08439), section 3, for any search.

use serde::{Deserialize, Serialize};

use super::{Asked, Reward, of};

/// 1 for the sample that its search would answer with, else 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picked {}

impl Reward for Picked {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        asked.samples.iter().map(|sample| of(sample.picked)).collect()
    }
}
