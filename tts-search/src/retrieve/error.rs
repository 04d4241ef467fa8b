//! What can be wrong with documents and indices.
//!
//! Every error names the file at fault. Files that are skipped rather than refused are told by
//! `Updated::skipped` of an index.
//!
//! Source: none; the form of the other crates' errors.

use std::path::PathBuf;

use tts_core::BoxError;

/// Documents or an index that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RetrieveError {
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// Settings that mean nothing.
    #[error("{0}")]
    Settings(String),
    /// An encoder of texts gave no vector that can be used.
    #[error("encoder: passage {passage:?}: {source}")]
    Embedder {
        /// The id of the passage.
        passage: String,
        /// What is wrong.
        source: BoxError,
    },
    /// The index engine failed.
    #[error("index: {0}")]
    Engine(String),
}

impl RetrieveError {
    /// What is wrong, without the file that it is wrong with.
    pub(super) fn reason(self) -> String {
        match self {
            Self::Io { source, .. } => source.to_string(),
            Self::File { problem, .. } => problem,
            other => other.to_string(),
        }
    }
}
