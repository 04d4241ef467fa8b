//! What decides and what drives: the trait [`SearchStrategy`], one problem without I/O ([`Run`]),
//! many at once ([`Search`], [`SearchPool`]), records and outcomes.

mod allot;
mod call;
mod fitted;
mod lanes;
mod observe;
mod outcome;
pub mod pool;
mod readers;
mod record;
pub mod recorded;
pub mod run;
pub mod script;
mod search;
pub mod settings;
pub mod strategy;

pub use call::Call;
pub use fitted::FittedTo;
pub use observe::{Event, What};
pub use outcome::{Candidate, Curtailed, FailedLine, Outcome, Unscored};
pub use pool::SearchPool;
pub use record::{Decided, Pick, Picks, Record, Retold};
pub use recorded::RecordedRun;
pub use run::{Judging, Need, Run};
pub use script::{Ask, Desk, Line, Reply, Script, Scripted, all};
pub use search::{ProblemId, Search};
pub use settings::{Judge, Settings, Writer};
pub use strategy::{Expand, Requirements, ScoreBy, SearchStrategy, View};
