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
//! [`Store`] keeps every line that a model wrote and every judgement, so that nothing is made twice ([`Memo`]
//! remembers judgements in memory), and [`Replay`] tries other verifiers and rules on recorded samples, without a
//! model, as [`GivenTexts`] do on what was sampled elsewhere; [`answer`] finds
//! final answers and tells whether two are the same; [`select`] votes over pools;
//! [`metrics`] has unbiased pass@k, maj@k and others of one pool, intervals and paired tests,
//! and what a verifier's scores are worth; `plot` (behind a feature of that name) draws them as SVG;
//! [`cost`] has the law of inference, and a planner that turns seconds or operations into N;
//! [`task`] says what an answer is; an [`Embedder`] makes vectors of texts; [`rows`] reads data files (Parquet with
//! the feature `parquet`), [`files`] writes what outlasts a crash;
//! [`inspect`] shows searches and their records in a browser, and draws trees for papers;
//! [`toy`] is a world in which everything can be checked by hand, [`family`] has problems to train
//! and measure on of which every step can be checked exactly.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod cost;
pub mod drive;
pub mod error;
mod fast;
pub mod files;
mod guard;
pub mod inspect;
pub mod judge;
pub mod metrics;
pub mod model;
pub mod path;
#[cfg(feature = "plot")]
pub mod plot;
pub mod rows;
pub mod select;
pub mod task;
pub mod toy;

pub use cost::{Budget, Cost, Limit, Measured, Mode, Price, Prices, Stop, Usage};
pub use drive::{
    Ask, Call, Candidate, Curtailed, Decided, Desk, Event, Expand, FailedLine, FittedTo, Judging,
    Line, Need, Outcome, Pick, Picks, ProblemId, Record, RecordedRun, Reply, Requirements, Retold,
    Run, ScoreBy, Script, Scripted, Search, SearchPool, SearchStrategy, Settings, Unscored, View,
    What, all,
};
pub use error::{RecordError, RunError, SearchError, SearchErrorKind};
pub use model::{
    BoxError, Embedded, Embedder, Finished, Generated, Generator, Given, GivenText, GivenTexts,
    GroupId, Judged, Lane, Likelihood, LineError, LineId, Memo, Reads, Replay, Request, Scored,
    Scoring, Session, StepScorer, Store, Stored, StoredScorer, TextKind, gather, scorer,
};
pub use path::{
    Aggregate, Completion, Finish, Halt, Message, Node, NodeId, NodeKind, Notes, Prompt, Role,
    Sampling, Scale, Step, StepRule, Trajectory, Tree, Unit, Until, Watch, seed,
};
pub use select::{Rule, Selection};
pub use task::{Task, Verdict, family, math as answer};

// Compiles and runs the code of the crate's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
