//! What decides and what drives: the trait [`SearchStrategy`], one problem without I/O ([`Run`]),
//! many at once ([`Search`], [`SearchPool`]), records and outcomes.

mod allot;
mod observe;
pub mod outcome;
mod pool;
mod record;
mod run;
mod search;
mod settings;
mod strategy;

pub use observe::{Event, What};
pub use outcome::{Candidate, Outcome};
pub use pool::SearchPool;
pub use run::{Call, FailedLine, Need, Run};
pub use search::{ProblemId, Search};
pub use settings::Settings;
pub use strategy::{Expand, SearchStrategy, View};
