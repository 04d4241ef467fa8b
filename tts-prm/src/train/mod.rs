//! Training data of reward models, and their files.
//!
//! A [`Solution`] is a sampled solution with labels on its steps. It becomes an example for a
//! process reward model ([`Solution::process`]: one label at the end of every judged step, or,
//! where it is known at which token a step goes wrong, [`Solution::process_tokens`]: a label for
//! every token up to that one; or a [`StepClass`] at every end, [`Solution::process_classes`]) or for
//! an outcome reward model ([`Solution::outcome`]: the outcome
//! at every token), which [`tts_models::train`] learns from; [`save`] writes what
//! [`crate::RewardModel`] opens. [`implicit`] makes examples for a language model that learns the
//! outcome in its own probabilities, and then rewards steps without a head ([`crate::ImplicitReward`]). From preferences a
//! scalar reward model learns which response is best ([`preferred`]).
//!
//! A label at the end of a step asks the network to compare what it would have written with what
//! was written, and to carry the result there. Labels of tokens begin with a language model's own
//! logits, which are that comparison: they learn far faster where the model knows the subject.
//!
//! ```
//! use tts_models::train::{Example, LabelHead, Model, TrainConfig, Trainer};
//! use tts_models::weights::Dtype;
//! use tts_prm::train::{Solution, process_config, save, until_first_error};
//! # use tts_models::{DecoderWeights, testing::tiny_config};
//! # let folder = tempfile::tempdir().unwrap();
//! # let decoder = DecoderWeights::initial(tiny_config("llama"), 1)?;
//!
//! // Token ids of a prompt and of its steps, each with the separator that scores are read at, and
//! // which steps are right: here the second is the first error.
//! let solution = Solution::new(vec![3, 4], vec![vec![5, 2], vec![6, 2]], until_first_error(&[true, false]), false)?;
//! let data: Vec<Example> = vec![solution.process()];
//!
//! // From a language model's weights: `DecoderWeights::load(&Checkpoint::open("FOLDER")?)?`.
//! let label = Some(LabelHead::zero(decoder.config.hidden_size));
//! let config = TrainConfig { steps: 20, ..TrainConfig::default() };
//! let trained = Trainer::new(config)
//!     .checkpoints(folder.path().join("work")) // killed and started again, it goes on
//!     .train(Model { label, ..Model::from(decoder) }, &data)?;
//! save(folder.path(), &trained.model, &process_config("\n"), Dtype::F16)?;
//! // With its tokenizer.json beside it: --scorer prm:FOLDER, or RewardModel::process(FOLDER, ..).
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Source: Lightman et al. 2023 (arXiv:2305.20050), sections 2.3 to 2.6; Cobbe et al. 2021
//! (arXiv:2110.14168), section 4.2, for the outcome at every token.

mod class;
mod implicit;
mod linear;
mod preference;
mod save;
mod solution;

pub use class::{StepClass, until_first_bad};
pub use implicit::{check_outcomes, implicit};
pub use linear::{Rows, fit_head};
pub use preference::{preferred, text_tokens};
pub use save::{outcome_config, process_config, process_tokens_config, save};
pub use solution::{Solution, check, until_first_error};
