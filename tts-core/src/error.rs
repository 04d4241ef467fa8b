//! What can go wrong in a search, each with what was at fault and what was expected.

use std::path::PathBuf;

use crate::model::generator::BoxError;
use crate::{LineError, NodeId, Outcome};

/// A [`crate::Run`] was given something that does not fit, or cannot go on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Nothing to solve.
    #[error("the problem is empty: expected some text besides white space")]
    EmptyProblem,
    /// A setting is out of range.
    #[error("{0}")]
    Settings(String),
    /// The strategy refuses its own settings.
    #[error("strategy: {0}")]
    Strategy(String),
    /// The strategy asked for an impossible continuation.
    #[error("the strategy cannot continue node {}: {problem}", node.0)]
    BadExpand {
        /// The node.
        node: NodeId,
        /// Why not.
        problem: String,
    },
    /// The strategy picked what can be no answer.
    #[error("the strategy cannot answer with node {}: {problem}", node.0)]
    BadPick {
        /// The node.
        node: NodeId,
        /// Why not.
        problem: String,
    },
    /// An answer that nobody waits for.
    #[error("no {what} is waited for (slot {slot})")]
    NotWanted {
        /// Line or scores.
        what: &'static str,
        /// The slot.
        slot: usize,
    },
    /// Every line of a round failed.
    #[error("every line of round {round} failed; the last one: {error}")]
    AllLinesFailed {
        /// The round of generation.
        round: u32,
        /// The last failure.
        error: LineError,
    },
    /// The scorer answered another number of paths.
    #[error("the scorer judged {found} paths, expected {expected}")]
    ScoreCount {
        /// Paths asked about.
        expected: usize,
        /// Paths judged.
        found: usize,
    },
    /// The scorer answered another number of steps.
    #[error("the scorer judged {found} steps of the path to node {}, expected {expected}", node.0)]
    StepCount {
        /// End of the path.
        node: NodeId,
        /// Fresh steps.
        expected: usize,
        /// Scores given.
        found: usize,
    },
    /// A score that is none of the scorer's scale.
    #[error(
        "the scorer gave node {} the score {score}, but states a scale of probabilities: expected 0 \
         to 1, or another StepScorer::scale",
        node.0
    )]
    OffScale {
        /// The step.
        node: NodeId,
        /// The score.
        score: f64,
    },
    /// A score that is not finite.
    #[error("the scorer gave node {} the score {score}, expected a finite number", node.0)]
    BadScore {
        /// The step.
        node: NodeId,
        /// The score.
        score: f64,
    },
    /// What a scorer read took no number of operations.
    #[error("the scorer read for node {} at {flops} operations, expected a finite number of at least 0", node.0)]
    BadReads {
        /// The last node of the path.
        node: NodeId,
        /// The operations.
        flops: f64,
    },
}

/// A search failed. What had been computed until then comes with it.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct SearchError {
    /// What went wrong.
    pub kind: SearchErrorKind,
    /// The tree and cost until then; `None` when the search did not start.
    pub partial: Option<Box<Outcome>>,
}

/// What went wrong in a search.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchErrorKind {
    /// The run itself.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The generator as a whole.
    #[error("generator: {0}")]
    Generator(BoxError),
    /// The scorer.
    #[error("scorer: {0}")]
    Scorer(BoxError),
    /// The record.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl<E: Into<SearchErrorKind>> From<E> for SearchError {
    fn from(kind: E) -> Self {
        Self { kind: kind.into(), partial: None }
    }
}

/// A record cannot be written, read, or does not belong to this search.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The record.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A line is not of the record's form.
    #[error("{}: line {line}: {problem}", path.display())]
    Line {
        /// The record.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What was found, and what was expected.
        problem: String,
    },
}
