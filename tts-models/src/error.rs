//! The one error type of the crate: it names the file, tensor, field or line at fault.

use std::path::{Path, PathBuf};

/// What went wrong while reading or running a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The operating system refused a read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file does not have the structure that its format promises.
    #[error("{}: {field}: {problem}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The field, tensor or byte offset at fault.
        field: String,
        /// What was found, and what was expected.
        problem: String,
    },
    /// The file is sound, but asks for something that is not supported.
    #[error("{}: {field}: unsupported {what}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The field or tensor.
        field: String,
        /// What was found, and what is supported.
        what: String,
    },
    /// A forward pass was asked for something impossible.
    #[error("{field}: {problem}")]
    Input {
        /// The argument at fault.
        field: String,
        /// What was found, and what was expected.
        problem: String,
    },
    /// A training run could not go on.
    #[error("update {step}: {problem}")]
    Training {
        /// The update, from 1.
        step: usize,
        /// What was found.
        problem: String,
    },
    /// A device failed while it computed.
    #[error("device: {problem}")]
    Device {
        /// What the backend said.
        problem: String,
    },
}

impl ModelError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn format(
        path: &Path,
        field: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Self::Format { path: path.to_owned(), field: field.into(), problem: problem.into() }
    }

    pub(crate) fn unsupported(
        path: &Path,
        field: impl Into<String>,
        what: impl Into<String>,
    ) -> Self {
        Self::Unsupported { path: path.to_owned(), field: field.into(), what: what.into() }
    }

    pub(crate) fn input(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Input { field: field.into(), problem: problem.into() }
    }
}
