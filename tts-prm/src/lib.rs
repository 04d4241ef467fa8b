//! Verifiers for test-time search: log-probabilities, rules, reward heads, and what heads learn from.
//!
//! Each is a [`tts_core::StepScorer`]: it judges the fresh steps of a path, and a score depends on
//! its own path alone.
//!
//! | Scorer | Needs | Scale | Aggregates that suit it | Votes by |
//! |---|---|---|---|---|
//! | [`MeanLogprob`] | log-probabilities in the steps | nats, at most 0 | `Mean`, `Min`, `Last` | `WeightedExp` |
//! | [`SumLogprob`] | the same | nats, at most 0 | `Sum`: the path's log-likelihood | `WeightedExp` |
//! | [`Arithmetic`] | text | 0, 0.5, 1 | `Min`, `Mean` | `Weighted` |
//! | [`GoldAnswer`], [`GoldAnswers`] | gold answers | 0, 0.5, 1 | `Last` | `Best` |
//! | [`ProcessHead`] | a head for the generator's trunk | probability, or log-odds if raw | `Product`, `Min` for labels "is this step right"; `Last` for a value function | `Weighted`; raw: `WeightedSigmoid` |
//! | [`OutcomeHead`] | the same | the same | `Last` | the same |
//! | [`ImplicitReward`] | a trained model and the one it came from | log-ratio times beta | `Sum` | `WeightedSigmoid` |
//! | [`AdvantageScorer`] | one or two scorers of probabilities | value plus alpha times advantage | `Last` | `WeightedExp` |
//! | [`RewardModel`] | a model folder with decoder and head | as its kind | as its kind | as its kind |
//!
//! [`ScorerSpec`] opens them by name, for command lines. [`label`] makes labels of steps without people,
//! [`train`] learns reward models from them, [`curate`] chooses which of its own solutions a policy
//! learns from next.
//!
//! Source: methods and aggregates of Lightman et al. 2023 (section 2) and Snell et al. 2024
//! (section 5.1).
//!
//! ```
//! use std::sync::Arc;
//! use tts_core::{Prompt, Step, StepScorer, Trajectory};
//! use tts_prm::Arithmetic;
//!
//! let step = |text: &str| Arc::new(Step { text: text.into(), ..Step::default() });
//! let steps = vec![step("2 + 3 = 5\n"), step("Now double it.\n"), step("5 * 2 = 11\n")];
//! let path = Trajectory::new(Arc::new(Prompt::from("Double 2 + 3.")), steps, 3, false);
//! assert_eq!(Arithmetic.score(&[path])?[0].scores, [1.0, 0.5, 0.0]);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```

mod advantage;
mod cost;
pub mod curate;
mod error;
mod head;
mod implicit;
pub mod label;
mod logprob;
mod model;
mod rule;
mod spec;
pub mod train;

pub use advantage::{AdvantageScorer, best_of};
pub use error::PrmError;
pub use head::{
    HeadConfig, HeadOutput, Linear, NeutralLabel, OutcomeHead, ProcessHead, Reading, RewardHead,
    Separator, fit_temperature,
};
pub use implicit::ImplicitReward;
pub use logprob::{MeanLogprob, SumLogprob};
pub use model::RewardModel;
pub use rule::{Arithmetic, Equation, GoldAnswer, GoldAnswers, equations};
pub use spec::ScorerSpec;
