//! Strategies that sample whole solutions from the prompt, side by side, and choose among them.

mod adaptive;
mod best_of_n;
mod chain_of_thought;
mod confidence;
mod deep_conf;
mod deep_conf_online;
mod few_shot;
mod hint;
pub(crate) mod lines;
mod posterior;
mod power;
mod self_certainty;
mod self_consistency;
mod zero_shot;

pub use adaptive::{AdaptiveConsistency, StopWhen};
pub use best_of_n::BestOfN;
pub use chain_of_thought::ChainOfThought;
pub use confidence::Measure;
pub use deep_conf::DeepConf;
pub use deep_conf_online::DeepConfOnline;
pub use few_shot::{Example, FewShot, FewShotError};
pub use hint::Hint;
pub use posterior::{ahead_of_all, ahead_of_second};
pub use power::{FromChain, PowerSampling, State as PowerState};
pub use self_certainty::SelfCertainty;
pub use self_consistency::SelfConsistency;
pub use zero_shot::ZeroShot;
