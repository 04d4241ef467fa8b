//! Strategies against each other on many problems, with paired intervals.
//!
//! [`Experiment`] runs everything once per seed and writes each problem's result to a [`Journal`],
//! so that a run that was killed goes on where it was. [`Measured`] is one method: its share of
//! right answers on each problem, averaged over seeds, and what it costs. Problems are the unit of
//! all intervals: seeds of one problem are no further evidence about other problems.
//!
//! Methods that choose from a pool are evaluated on subsets of one pool larger than their budget
//! (see [`tts_core::metrics::Pool::at_k`]), all of them on the same one, with every scorer. Tree
//! searches are run at each budget.

mod difference;
mod difficulty;
mod experiment;
mod journal;
mod measure;
mod report;

pub use difference::{Difference, differences};
pub use difficulty::{Bin, Difficulty};
pub use experiment::{Experiment, Plan};
pub use journal::{Graded, Journal, Single};
pub use measure::{Measured, Methods};
pub use report::{Report, print};
