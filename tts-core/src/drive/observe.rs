//! What an observer is told while searches run: any `FnMut(&Event)` is one.

use crate::drive::search::ProblemId;
use crate::{LineError, Stop, Tree, Usage};

/// Something happened to one problem.
#[derive(Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// Which problem.
    pub problem: ProblemId,
    /// What.
    pub what: What<'a>,
    /// Its tree as of now.
    pub tree: &'a Tree,
    /// Its cost as of now.
    pub usage: &'a Usage,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum What<'a> {
    /// The problem was taken up; this many rounds came from its record.
    Started {
        /// Rounds that were not generated again.
        replayed: u32,
    },
    /// A round of lines was asked for.
    Asked {
        /// Number of lines.
        lines: usize,
    },
    /// A line is done.
    Line {
        /// Generated tokens.
        tokens: u64,
    },
    /// A line failed.
    Failed {
        /// Why.
        error: &'a LineError,
    },
    /// A round was judged.
    Scored {
        /// Number of paths.
        paths: usize,
    },
    /// The problem is over.
    Finished {
        /// Why.
        stop: Stop,
    },
}
