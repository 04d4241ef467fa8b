//! Scorers that need no head: what a policy's own probabilities say, and what values say of a step.

mod advantage;
mod implicit;
mod logprob;

pub use advantage::{AdvantageScorer, best_of};
pub use implicit::ImplicitReward;
pub use logprob::{MeanLogprob, SumLogprob};
