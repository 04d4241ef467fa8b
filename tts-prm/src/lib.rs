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
//! | [`ProcessHead`] | a head for the generator's backbone | probability, or log-odds if raw | `Product`, `Min` for labels "is this step right"; `Last` for a value function | `Weighted`; raw: `WeightedSigmoid` |
//! | [`OutcomeHead`] | the same | the same | `Last` | the same |
//! | [`ImplicitReward`] | a trained model and the one it came from | log-ratio times beta | `Sum` | `WeightedSigmoid` |
//! | [`AdvantageScorer`] | one or two scorers of probabilities | value plus alpha times advantage | `Last` | `WeightedExp` |
//! | [`RewardModel`] | a model folder with decoder and head, see below | as its kind | as its kind | as its kind |
//!
//! # Published reward models
//!
//! [`RewardModel`] opens these as they are published, given safetensors and a `tokenizer.json`:
//!
//! | Models | [`Format`] | Known by | Open with | A score is |
//! |---|---|---|---|---|
//! | Qwen2.5-Math-PRM | `qwen-math-prm` | architecture `Qwen2ForProcessRewardModel` | `prm:FOLDER` | a softmax of two labels at `<extra_0>`, put after every step |
//! | Math-Shepherd (`math-shepherd-mistral-7b-prm`) | `math-shepherd` | that name | `prm:FOLDER` | a softmax of the next tokens `+` and `-` at the step tag, put after every step |
//! | `RLHFlow` (`Llama3.1-8B-PRM-Deepseek-Data`, `-Mistral-Data`) | `rlhflow` | those names | `prm:FOLDER` | the same where the assistant answers a turn that is a step |
//! | Skywork-o1-Open-PRM-Qwen-2.5 | `skywork-prm` | architecture `Qwen2ForPrmModel` | `prm:FOLDER` | the sigmoid of a value head at the line end after every step |
//! | `LlamaForSequenceClassification`, `Qwen2ForSequenceClassification` and others, of one label (Skywork-Reward) | `sequence-classifier` | architecture | `orm:FOLDER` | the logit at the end of the whole chat, unbounded |
//! | the same of two labels | | architecture, `id2label` | `orm:FOLDER` | a softmax of the two |
//!
//! Names are looked for in `_name_or_path` of `config.json` and in the name of the folder. A model under
//! another name, or a GGUF file of one that judges by two tokens, needs a `head.json` in its folder:
//! `{"format": "rlhflow"}`. Every other field of [`HeadConfig`] may stand beside it, such as
//! `"output": "raw"` or a `"temperature"`, and describes a format that has no name:
//! `{"contrast": {"right": " Yes", "wrong": " No"}, "separator": "\n"}`.
//!
//! [`critic`] has judges that write: generative reward models, asked several times and in any search.
//!
//! [`ScorerSpec`] opens them by name, for command lines. [`label`] makes labels of steps without people,
//! [`train`] learns reward models from them, [`curate`] chooses which of its own solutions a policy
//! learns from next, [`reinforce`] lets it learn from rewards as it writes.
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
//!
//! # Features
//!
//! `pair`: the module `pair`, a small generator of arithmetic with its process and its outcome reward
//! model, held in the program. A first search with it takes six lines and no download.
//!
//! `remote`: reward models on servers (`RemoteRewardModel`), and `prm:http://...` as names of scorers.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod critic;
pub mod curate;
mod error;
mod head;
pub mod label;
#[cfg(feature = "pair")]
pub mod pair;
pub mod reinforce;
mod rule;
mod scorer;
mod spec;
pub mod train;

pub use error::PrmError;
#[cfg(feature = "remote")]
pub use head::RemoteRewardModel;
pub use head::{
    Contrast, Format, HeadConfig, HeadOutput, Linear, NeutralLabel, OutcomeHead, ProcessHead,
    PromptLayout, Reading, RewardHead, RewardModel, Separator, Token, fit_temperature,
};
pub use rule::{Arithmetic, Equation, GoldAnswer, GoldAnswers, equations};
pub use scorer::{AdvantageScorer, ImplicitReward, MeanLogprob, SumLogprob, best_of};
pub use spec::ScorerSpec;

// Compiles the code of the crate's README.
#[cfg(all(doctest, feature = "pair"))]
#[doc = include_str!("../README.md")]
struct Readme;
