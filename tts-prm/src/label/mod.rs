//! Labels for process reward models, without people: from rollouts, halving, exact checkers and
//! judges.
//!
//! | Method | What it labels | Rollouts a solution of T steps |
//! |---|---|---|
//! | [`MonteCarlo`] | every prefix of sampled or given solutions | k (T - 1); of given ones k more a problem |
//! | [`OmegaPrm`] | the prefixes that lead to the first error of a rollout, which it searches by halving | k log2 T |
//! | [`exact`] | every prefix, by a family's checker | none |
//!
//! The first two are search strategies: the driver batches them across problems, the engine shares the
//! prefixes of all rollouts, budgets bound them, and over a [`tts_core::Store`] nothing is generated
//! twice and a killed run goes on. [`label`] runs a method over many problems. What comes out, a
//! [`LabelledSolution`], holds values; a [`LabelKind`] makes labels of them when a reward model is
//! trained. [`Consensus`] keeps those that a scorer agrees with, [`agreed`] those that a judge that writes does. What judges wrote
//! is labelled by [`LabelledSolution::of_judgement`], for those who judge them.
//!
//! ```
//! use std::sync::Arc;
//! use tts_core::family::{Chain, Family, Slipping, Split, problems};
//! use tts_core::{Search, StepRule};
//! use tts_prm::label::{InFamily, Method, MonteCarlo, Problem, label};
//!
//! let family = Chain::default();
//! let problems: Vec<Problem> = problems(&family, Split::Train, 1)
//!     .take(3)
//!     .map(|problem| Problem {
//!         prompt: family.prompt(&problem.question),
//!         grade: Arc::new(InFamily { family: family.clone(), question: problem.question }),
//!     })
//!     .collect();
//! let policy = Slipping { error: 0.2 }; // a language model
//! let search = Search::new(&policy).rule(StepRule::lines()).seed(7);
//! let method = Method::MonteCarlo(MonteCarlo { solutions: 4, rollouts: 8, ..MonteCarlo::default() });
//! let labelled = label(&search, &method, &problems, |_, _| {})?;
//! assert_eq!(labelled.len(), 3);
//! # Ok::<(), tts_prm::PrmError>(())
//! ```

mod agreed;
mod consensus;
mod exact;
mod file;
mod grade;
mod judgement;
mod monte_carlo;
mod omega;
mod rollouts;
mod run;
mod solution;

pub use agreed::{Agreement, agreed, agreed_whole};
pub use consensus::Consensus;
pub use exact::exact;
pub use file::{read_labels, write_labels};
pub use grade::{ByTask, Grade, InFamily};
pub use monte_carlo::{MonteCarlo, MonteCarloSearch};
pub use omega::{OmegaPrm, OmegaPrmSearch};
pub use rollouts::Estimate;
pub use run::{Done, Method, Problem, label};
pub use solution::{LabelKind, LabelledSolution, LabelledStep};
