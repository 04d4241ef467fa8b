//! Rewards that can be verified: what a solution is worth to a policy that learns from it.
//!
//! A [`Reward`] sees a whole group, because some compare its samples, and says a number for each. The rewards of a
//! run are a sum with weights ([`Term`]); each by itself goes to the journal, so that a policy which learns to
//! please one of them at the cost of another is seen.
//!
//! | name | a sample gets |
//! |---|---|
//! | `right` ([`Right`]) | 1 where the task says that its answer is right, else 0 |
//! | `format` ([`Format`]) | 1 where its marks stand in order, each once, with something between, else 0 |
//! | `overlong` ([`Overlong`]) | 0 to -1, the further into the last tokens of its allowance |
//! | `brevity` ([`Brevity`]) | right ones 0.5 to -0.5 from the shortest to the longest of the group; wrong ones at most 0 |
//! | `target` ([`Target`]) | minus its distance from a length, over that length |
//! | `language` ([`Language`]) | the share of its words in one script; 0 without words or an answer |
//! | `random` ([`Random`]) | a coin: the control under which nothing should be learnt |
//! | `majority` ([`Majority`]) | 1 where it answers as most of its group do: reinforcement at test time |
//! | [`Checked`] | the share of its steps that a family's checker finds right |
//!
//! A reward of one's own is a type with one method:
//!
//! ```
//! use tts_prm::reinforce::{Asked, Reward};
//!
//! /// Likes solutions that say what they assume.
//! #[derive(Debug)]
//! struct Assumes;
//!
//! impl Reward for Assumes {
//!     fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
//!         let says = |text: &str| f64::from(u8::from(text.contains("Assume")));
//!         asked.samples.iter().map(|sample| says(&sample.text)).collect()
//!     }
//! }
//! ```
//!
//! Source: DeepSeek-AI 2025 (arXiv 2501.12948), sections 2.2.2 and 2.3.2 (accuracy, format, language); each of the
//! others names its own.

mod checked;
mod format;
mod language;
mod length;
mod majority;
mod random;
mod right;
mod spec;

pub use checked::Checked;
pub use format::Format;
pub use language::{Language, Script};
pub use length::{Brevity, Overlong, Target};
pub use majority::Majority;
pub use random::Random;
pub use right::Right;
pub use spec::{RewardSpec, Term};

use tts_core::Task;

use super::{Problem, Sample};

/// A problem with what was drawn for it: what a reward sees.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The problem.
    pub problem: &'a Problem,
    /// What an answer is.
    pub task: &'a dyn Task,
    /// The solutions.
    pub samples: &'a [Sample],
    /// A seed of this group's own, for rewards that draw.
    pub seed: u64,
}

/// Says what solutions are worth.
pub trait Reward: std::fmt::Debug + Send + Sync {
    /// A finite number for each sample, in order; a function of what it is shown alone.
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64>;
}

/// 1 for what holds.
fn of(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

#[cfg(test)]
pub(super) mod tests;
