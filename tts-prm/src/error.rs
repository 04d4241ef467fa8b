//! The error type of the crate: it names the file, tensor, field or step at fault.
//!
//! What the backbone or a file reader says is passed on as it is; everything else states what was
//! found and what was expected.

use std::path::{Path, PathBuf};

use tts_core::SearchError;
use tts_core::rows::RowsError;
use tts_models::ModelError;

/// What went wrong while a scorer was opened or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrmError {
    /// The backbone, its tokenizer or a reader of weights failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A server failed, or is not what it was taken for.
    #[cfg(feature = "remote")]
    #[error(transparent)]
    Remote(#[from] tts_models::remote::RemoteError),
    /// The operating system refused a read or a write.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A data file cannot be read, or a record of it makes no sense.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// A head cannot be used: a tensor is missing, has another shape or holds no number.
    #[error("{}: {tensor}: {problem}", path.display())]
    Head {
        /// The file or folder.
        path: PathBuf,
        /// The tensor, by its name in the file.
        tensor: String,
        /// What was found, and what was expected.
        problem: String,
    },
    /// A configuration cannot be read, or a field of it makes no sense.
    #[error("{}: {field}: {problem}", path.display())]
    Config {
        /// The file, or the head that the configuration is for.
        path: PathBuf,
        /// The field.
        field: String,
        /// What was found, and what was expected.
        problem: String,
    },
    /// A step cannot be judged.
    #[error("path {path}: step {step}: {problem}")]
    Step {
        /// Place of the path in the batch, from 0.
        path: usize,
        /// Place of the step on its path, from 0.
        step: usize,
        /// What was found, and what was expected.
        problem: String,
    },
    /// A solution cannot be learnt from.
    #[error("{field}: {problem}")]
    Solution {
        /// The step, label or count at fault.
        field: String,
        /// What was found, and what was expected.
        problem: String,
    },
    /// A setting, problem, sample or reward of reinforcement makes no sense.
    #[error("{field}: {problem}")]
    Reinforce {
        /// What is at fault.
        field: String,
        /// What was found, and what was expected.
        problem: String,
    },
    /// Solutions of a problem could not be drawn.
    #[error("drawing solutions of {question:?}: {source}")]
    Rollout {
        /// The question, cut to 200 characters.
        question: String,
        /// What went wrong.
        source: Box<SearchError>,
    },
    /// A journal is damaged, or belongs to another run.
    #[error("{}: line {line}: {problem}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What was found, and what was expected.
        problem: String,
    },
    /// No gold answer is known for a question.
    #[error("no gold answer for the question {question:?}")]
    UnknownQuestion {
        /// The question, cut to 200 characters.
        question: String,
    },
    /// A text does not name a scorer.
    #[error(
        "{text:?} is not a scorer: expected logprob, rule, prm:PATH, orm:PATH, json:PATH or word:FILE"
    )]
    Spec {
        /// The text.
        text: String,
    },
}

impl PrmError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn head(path: &Path, tensor: &str, problem: impl Into<String>) -> Self {
        Self::Head { path: path.to_owned(), tensor: tensor.to_owned(), problem: problem.into() }
    }

    pub(crate) fn config(path: &Path, field: &str, problem: impl Into<String>) -> Self {
        Self::Config { path: path.to_owned(), field: field.to_owned(), problem: problem.into() }
    }

    pub(crate) fn step(path: usize, step: usize, problem: impl Into<String>) -> Self {
        Self::Step { path, step, problem: problem.into() }
    }

    pub(crate) fn reinforce(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Reinforce { field: field.into(), problem: problem.into() }
    }
}
