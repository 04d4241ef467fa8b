//! Training data of reward models, and their files.
//!
//! A [`Solution`] is a sampled solution with labels on its steps. It becomes an example for a
//! process reward model ([`Solution::process`]: one label at the end of every judged step) or for
//! an outcome reward model ([`Solution::outcome`]: the outcome at every token), which
//! [`tts_models::train`] learns from; [`save`] writes what [`crate::RewardModel`] opens.
//!
//! ```
//! use tts_prm::train::{Solution, until_first_error};
//! // A prompt of two tokens; three steps, the second of which is wrong.
//! let labels = until_first_error(&[true, false, true]);
//! let solution = Solution::new(vec![1, 2], vec![vec![3, 9], vec![4, 9], vec![5, 9]], labels, false)?;
//! let example = solution.process();
//! let places: Vec<_> = example.targets.iter().map(|target| target.position).collect();
//! // Labelled at the ends of the first two steps; nothing after the first error.
//! assert_eq!((example.tokens.as_slice(), places.as_slice()), (&[1, 2, 3, 9, 4, 9][..], &[3, 5][..]));
//! # Ok::<(), tts_prm::PrmError>(())
//! ```
//!
//! Source: Lightman et al. 2023 (arXiv:2305.20050), sections 2.3 to 2.6; Cobbe et al. 2021
//! (arXiv:2110.14168), section 4.2, for the outcome at every token.

mod save;
mod solution;

pub use save::{outcome_config, process_config, save};
pub use solution::{Solution, until_first_error};
