//! Strategies that sample whole solutions from the prompt, side by side, and choose among them.

mod best_of_n;
mod chain_of_thought;
mod few_shot;
pub(crate) mod lines;
mod power;
mod self_consistency;
mod zero_shot;

pub use best_of_n::BestOfN;
pub use chain_of_thought::ChainOfThought;
pub use few_shot::{Example, FewShot, FewShotError};
pub use power::{FromChain, PowerSampling, State as PowerState};
pub use self_consistency::SelfConsistency;
pub use zero_shot::ZeroShot;
