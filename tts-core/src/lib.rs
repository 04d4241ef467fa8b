//! Test-time scaling of language models, without the models: trees, budgets, traits, drivers,
//! answers, votes and metrics.

pub mod aggregate;
mod allot;
pub mod answer;
pub mod budget;
pub mod cost;
pub mod error;
pub mod generator;
pub mod likelihood;
pub mod metrics;
pub mod observe;
pub mod outcome;
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
pub use pool::Pool;
pub use prompt::{Message, Prompt, Role};
pub use run::{Call, FailedLine, Need, Run};
pub use scorer::{Scored, StepScorer};
pub use search::{ProblemId, Search};
pub use selection::{Rule, Selection};
pub use settings::Settings;
pub use step::{Completion, Finish, Sampling, Step, StepRule, Until};
pub use strategy::{Expand, SearchStrategy, View};
pub use trajectory::Trajectory;
pub use tree::{Node, NodeId, NodeKind, Tree};
pub use usage::{Cost, Measured, Usage};
