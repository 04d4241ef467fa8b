//! What can go wrong while strategies are evaluated, with the file, line or problem at fault.

use std::path::{Path, PathBuf};

use tts_core::metrics::MetricError;
use tts_core::rows::RowError;
use tts_core::{BoxError, SearchError};

use super::Shard;

/// An evaluation that cannot be made, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// A file or folder cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A record of a file is not what it should be.
    #[error("{}: {source}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Where, what is wrong, and what was expected.
        source: RowError,
    },
    /// What lies in a folder or file was made by another run.
    #[error("{}: made with another {}: name another place, or remove it", path.display(), differs.join(", "))]
    OtherRun {
        /// The folder or file.
        path: PathBuf,
        /// The settings that differ, with what they were and are.
        differs: Vec<String>,
    },
    /// The folder of a shard belongs to another evaluation than those before it.
    #[error(
        "{}: not of the same evaluation as {}: made with another {}",
        folder.display(),
        of.display(),
        differs.join(", ")
    )]
    OtherEvaluation {
        /// The folder.
        folder: PathBuf,
        /// The folder that it is compared with.
        of: PathBuf,
        /// The settings that differ, with what they are there and here.
        differs: Vec<String>,
    },
    /// An evaluation was asked to stop. What is done is kept if it has a folder.
    #[error(
        "stopped with {done} of {of} problems done{}",
        folder.as_ref().map_or(String::new(), |folder| format!(
            ": started again with the same options, it goes on from {}",
            folder.display()
        ))
    )]
    Stopped {
        /// Problems that are done.
        done: usize,
        /// Problems of the run.
        of: usize,
        /// Where they are kept.
        folder: Option<PathBuf>,
    },
    /// There is nothing to evaluate on.
    #[error("no problems to evaluate on, expected at least one")]
    NoProblems,
    /// A shard of an evaluation of fewer problems than shards: its folder says so, and there is no report of it alone.
    #[error("shard {shard} has none of {problems} problems, and no report")]
    EmptyShard {
        /// The shard.
        shard: Shard,
        /// Problems of all shards.
        problems: usize,
    },
    /// A search failed, or a line of one where every line counts.
    #[error("{question}: {source}")]
    Search {
        /// The problem.
        question: String,
        /// What failed.
        source: BoxError,
    },
    /// The scorer failed.
    #[error("scorer: {0}")]
    Scorer(BoxError),
    /// Settings that mean nothing.
    #[error("{0}")]
    Settings(String),
    /// Figures cannot be computed.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// A value cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl EvaluateError {
    /// Names the path in an error of the operating system.
    pub(crate) fn at(path: &Path) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    /// Names the problem in an error of its search.
    pub(crate) fn search(question: &str, error: SearchError) -> Self {
        Self::Search { question: question.to_owned(), source: error.into() }
    }
}
