//! Test-time scaling of language models, without the models: trees, budgets, traits, drivers,
//! answers, votes and metrics.
//!
//! # Overview
//!
//! Three types carry everything:
//!
//! * A [`Generator`] writes continuations, a [`StepScorer`] judges steps.
//! * A [`SearchStrategy`] looks at the leaves that were just written and judged, and decides what
//!   to continue. It does no I/O, no batching and no counting.
//! * [`Search`] drives strategies: one problem or many at once, within a [`Budget`], recorded,
//!   resumable, the same in any company. It leaves an [`Outcome`]: tree, answer, cost.
//!
//! # Example
//!
//! ```
//! use tts_core::toy::{Oracle, Sample, ToyWorld};
//! use tts_core::{Aggregate, Budget, Rule, Search, Selection};
//!
//! let world = ToyWorld { error: 0.3, ..ToyWorld::default() };
//! let oracle = Oracle::of(&world);
//! let outcome = Search::new(&world)
//!     .scorer(&oracle)
//!     .budget(Budget::tokens(20_000))
//!     .seed(7)
//!     .run(Sample { n: 16 }, world.prompt(0))?;
//! assert_eq!(outcome.answer(), Some(world.answer(0)));
//!
//! // Any other choice among the same candidates costs nothing.
//! let vote = Selection { rule: Rule::Majority, aggregate: Aggregate::Last };
//! assert!(vote.pick(&outcome.tree).is_some());
//! # Ok::<(), tts_core::SearchError>(())
//! ```
//!
//! # Many problems
//!
//! [`Search::run_many`] runs problems together without lockstep; [`SearchPool`] is the open form: submit,
//! poll, cancel. A problem's tree does not depend on its company.
//!
//! # Lower level
//!
//! [`Run`] is one problem's search without I/O: it says what it needs and is given it. Drivers of
//! other kinds (async, distributed, a record that is played back) are a few lines around it.
//!
//! # Also here
//!
//! [`Store`] keeps every line that a model wrote, so that nothing is generated twice; [`answer`] finds
//! final answers and tells whether two are the same; [`select`] votes over pools;
//! [`metrics`] has unbiased pass@k, maj@k and others of one pool, intervals and paired tests,
//! and what a verifier's scores are worth; `plot` (behind a feature of that name) draws them as SVG;
//! [`toy`] is a world in which everything can be checked by hand, [`family`] has problems to train
//! and measure on of which every step can be checked exactly.

pub mod aggregate;
mod allot;
pub mod answer;
pub mod budget;
pub mod cost;
pub mod error;
pub mod family;
pub mod generator;
pub mod likelihood;
pub mod metrics;
pub mod observe;
pub mod outcome;
#[cfg(feature = "plot")]
pub mod plot;
pub mod pool;
pub mod prompt;
pub mod record;
pub mod run;
pub mod scorer;
pub mod search;
pub mod seed;
pub mod select;
pub mod selection;
pub mod settings;
pub mod step;
pub mod store;
pub mod strategy;
pub mod toy;
pub mod trajectory;
pub mod tree;
pub mod usage;

pub use aggregate::Aggregate;
pub use budget::{Budget, Limit, Mode, Stop};
pub use error::{RecordError, RunError, SearchError, SearchErrorKind};
pub use generator::{
    BoxError, Finished, Generated, Generator, LineError, LineId, Request, Session,
};
pub use likelihood::{Given, Likelihood};
pub use observe::{Event, What};
pub use outcome::{Candidate, Outcome};
pub use pool::SearchPool;
pub use prompt::{Message, Prompt, Role};
pub use run::{Call, FailedLine, Need, Run};
pub use scorer::{Scored, StepScorer};
pub use search::{ProblemId, Search};
pub use selection::{Rule, Selection};
pub use settings::Settings;
pub use step::{Completion, Finish, Sampling, Step, StepRule, Until};
pub use store::{Store, Stored};
pub use strategy::{Expand, SearchStrategy, View};
pub use trajectory::Trajectory;
pub use tree::{Node, NodeId, NodeKind, Tree};
pub use usage::{Cost, Measured, Usage};
