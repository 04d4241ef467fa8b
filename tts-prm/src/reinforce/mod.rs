//! Reinforcement: a policy learns from rewards of what it wrote itself, by any search.
//!
//! [`Reinforce`] draws solutions of problems with the engine that will search with the policy, rewards them by
//! rules that can be verified ([`Reward`]), makes advantages within the groups of a problem, lets the trainer learn
//! ([`tts_models::train::Online`]), and hands the weights back to the engine. So what was sampled is what is
//! trained on, token for token, any strategy can be the sampler, and what was trained is searched with at once.
//!
//! * [`ReinforceConfig`] is data: the scheme (GRPO, DAPO, Dr. GRPO, GSPO, CISPO, RLOO, REINFORCE, see [`Scheme`]), sizes,
//!   rewards, curriculum, measurements. Results depend on it, the model, the problems and the seed alone.
//! * With a [`Reinforce::folder`] a run that was killed goes on, to the same bits; [`Note`]s tell what it went
//!   through, and [`write_charts`] draws them. What the policy wrote is kept to be read ([`Recording`]), and
//!   [`write_samples_page`] lays it out. Weights on the way can be kept ([`Keeping`], [`Reinforce::keep`]).
//! * [`Process`] adds scores of steps, guarded so that they cannot take the place of the outcome.
//!
//! ```
//! use std::sync::Arc;
//! use tts_core::StepRule;
//! use tts_core::task::Exact;
//! use tts_models::train::Model;
//! use tts_models::{DecoderWeights, Engine, EngineConfig, LanguageModel, Native, Tokenizer};
//! use tts_prm::reinforce::{Learning, Problem, Reinforce, ReinforceConfig};
//! # let shape = tts_models::testing::byte_config("llama");
//!
//! // A model that knows nothing, and one letter that is right.
//! let weights = DecoderWeights::initial(shape, 1)?;
//! let native = Native::new(weights.clone(), 1)?;
//! let mut policy = Engine::new(native, Arc::new(Tokenizer::bytes()?), None, EngineConfig::default())?;
//! let letter = |gold: &str| Problem {
//!     prompt: tts_core::Prompt::text("Which letter?\n"),
//!     question: "Which letter?".into(),
//!     gold: gold.into(),
//!     difficulty: None,
//! };
//! let config = ReinforceConfig {
//!     steps: 2,
//!     problems: 1,
//!     samples: 16,
//!     rule: StepRule { stop: ('a'..='z').map(String::from).collect(), max_tokens: 4, ..StepRule::lines() },
//!     learn: Learning { rate: 1e-2, ..Learning::default() },
//!     ..ReinforceConfig::default()
//! };
//! let learnt = Reinforce::new(config)
//!     .task(Arc::new(Exact))
//!     .run(&mut policy, Model::from(weights), &[letter("e")])?;
//! assert!(learnt.complete && learnt.notes.len() == 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Source: Shao et al. 2024 (arXiv 2402.03300), section 4; DeepSeek-AI 2025, DeepSeek-R1 (arXiv
//! 2501.12948), section 2.

mod advantage;
mod branches;
mod build;
mod chart;
mod config;
mod curriculum;
mod hearing;
mod importance;
mod journal;
mod keep;
mod learn;
mod measure;
mod objective;
mod page;
mod problem;
mod process;
mod recording;
mod reference;
mod reward;
mod rollout;
mod run;
mod sample;
mod sampler;
mod scores;
mod step;
mod tally;
#[cfg(test)]
mod tests;
mod worth;

pub use advantage::{Baseline, Spread, advantages, all_equal};
pub use branches::tree_advantages;
pub use build::{Progress, Reinforce, Reinforced};
pub use chart::{charts, thinned, write_charts};
pub use config::{Cut, Learning, Measuring, Old, ReinforceConfig};
pub use curriculum::Curriculum;
pub use hearing::Hearing;
pub use importance::{Beyond, Importance, Over};
pub use journal::{Measured, Mismatch, Note, Solved, StepNote, read_notes};
pub use keep::{Keeping, Kept, Why, best};
pub use objective::{Adjust, Clip, Divisor, Equal, Objective, Scheme};
pub use page::{samples_page, write_samples_page};
pub use problem::Problem;
pub use process::{Form, Process, Steps, step_advantages};
pub use recording::{GroupNote, Ids, Recording, SampleNote, read_samples};
pub use reward::{
    Asked, Brevity, ByJury, ByScorer, Checked, Format, Heard, Language, Majority, Near, On,
    Overlong, Picked, Random, Reward, RewardSpec, Right, Script, Target, Term,
};
pub use sample::{Passed, Run, Sample, Scored};
pub use sampler::Independent;
pub use scores::ScoredStep;

use sample::Group;
