//! What can go wrong while strategies are evaluated, with the file, line or problem at fault.

use std::path::{Path, PathBuf};

use tts_core::metrics::MetricError;
use tts_core::rows::RowError;
use tts_core::{BoxError, SearchError};

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
