//! Rewards that can be verified: what a solution is worth to a policy that learns from it.
//!
//! A [`Reward`] sees a whole group, because some compare its samples, and says a number for each. The rewards of a
//! run are a sum with weights ([`Term`]); each by itself goes to the journal, so that a policy which learns to
//! please one of them at the cost of another is seen.
//!
//! | name | a sample gets |
//! |---|---|
//! | `right` ([`Right`]) | 1 where the task says that its answer is right, else 0 |
//! | `near` ([`Near`]) | how near the answer is to the right one, 0 to 1, of tasks that know more than right and wrong |
//! | `format` ([`Format`]) | 1 where its marks stand in order, each once, with something between, else 0 |
//! | `overlong` ([`Overlong`]) | 0 to -1, the further into the last tokens of its allowance |
//! | `brevity` ([`Brevity`]) | right ones 0.5 to -0.5 from the shortest to the longest of the group; wrong ones at most 0 |
//! | `target` ([`Target`]) | minus its distance from a length, over that length |
//! | `language` ([`Language`]) | the share of its words in one script; 0 without words or an answer |
//! | `random` ([`Random`]) | a coin: the control under which nothing should be learnt |
//! | `majority` ([`Majority`]) | 1 where it answers as most of its group do: reinforcement at test time; copies of the question have no vote |
//! | `checked` ([`Checked`]) | the share of its steps before the first that the task's checker finds wrong; 0 where it was cut |
//! | `scored` ([`ByScorer`]) | what the scorer says of it, a reward model say; unfinished ones the least of the group |
//! | `picked` ([`Picked`]) | 1 where it is what its search would answer with: best-of-n distillation |
//! | `judged` ([`ByJury`]) | what a judge that writes says of it, by votes; the mean of the group where it says nothing |
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

mod by_jury;
mod by_scorer;
mod checked;
mod format;
mod language;
mod length;
mod majority;
mod near;
mod picked;
mod random;
mod right;
mod spec;

pub use by_jury::ByJury;
pub use by_scorer::ByScorer;
pub use checked::Checked;
pub use format::Format;
pub use language::{Language, Script};
pub use length::{Brevity, Overlong, Target};
pub use majority::Majority;
pub use near::Near;
pub use picked::Picked;
pub use random::Random;
pub use right::Right;
pub use spec::{On, RewardSpec, Term};

use std::collections::BTreeMap;

use tts_core::Task;

use super::{Problem, Sample, all_equal};

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
    /// What juries say of them, those that the run asks.
    pub heard: &'a Heard,
}

/// What juries say of each sample of a group, by the names of the rewards that ask them ([`ByJury::name`]); `None` where
/// no judgement could be read.
pub type Heard = BTreeMap<String, Vec<Option<f64>>>;

/// Where no jury is asked.
static NOBODY: Heard = Heard::new();

impl<'a> Asked<'a> {
    /// Samples of a problem, of which no jury was heard.
    pub fn new(problem: &'a Problem, task: &'a dyn Task, samples: &'a [Sample], seed: u64) -> Self {
        Self { problem, task, samples, seed, heard: &NOBODY }
    }
}

/// Says what solutions are worth.
pub trait Reward: std::fmt::Debug + Send + Sync {
    /// A finite number for each sample, in order; a function of what it is shown alone.
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64>;

    /// Of which samples it knows something, in order; of all unless it says otherwise. What it gives the others is no
    /// finding but a rule, and is left out of means, journals and samples that are kept.
    fn knows(&self, asked: &Asked<'_>) -> Vec<bool> {
        vec![true; asked.samples.len()]
    }
}

/// The numbers of a group of which some are not known: those are the mean of the others, so that a comparison within the
/// group neither praises nor blames them; 0 where none is known.
fn neutral(known: &[Option<f64>]) -> Vec<f64> {
    let own: Vec<f64> = known.iter().flatten().copied().collect();
    let mean = match own.first() {
        None => 0.0,
        // By rounding their mean may be another number.
        Some(&first) if all_equal(&own) => first,
        Some(_) => own.iter().sum::<f64>() / own.len() as f64,
    };
    known.iter().map(|value| value.unwrap_or(mean)).collect()
}

/// 1 for what holds.
fn of(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

#[cfg(test)]
pub(super) mod tests;
