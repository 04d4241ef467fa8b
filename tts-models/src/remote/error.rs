//! What can go wrong with a server, each with its address and what was expected.

use std::time::Duration;

use tts_core::LineError;

use crate::ModelError;

/// A server could not be used, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// A setting is out of range.
    #[error("remote engine: {field}: {problem}")]
    Config {
        /// The setting.
        field: String,
        /// What was found, and what was expected.
        problem: String,
    },
    /// No answer came: the connection failed, was cut, or took too long.
    #[error("{url}: {problem}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What happened.
        problem: String,
    },
    /// The server answered with an error.
    #[error("{url}: {status}: {message}")]
    Refused {
        /// What was asked.
        url: String,
        /// The status of HTTP.
        status: u16,
        /// What the server said.
        message: String,
        /// When it may be asked again, if it said so.
        retry_after: Option<Duration>,
    },
    /// The answer does not have the form of the server's interface.
    #[error("{url}: {problem}")]
    Answer {
        /// What was asked.
        url: String,
        /// What was found, and what was expected.
        problem: String,
    },
    /// The server is not what the files here belong to.
    #[error("{url}: {problem}")]
    Mismatch {
        /// The server.
        url: String,
        /// What differs.
        problem: String,
    },
    /// The server cannot do what was asked.
    #[error("{url}: {what}")]
    Unsupported {
        /// The server.
        url: String,
        /// What it cannot do, and what it does instead.
        what: String,
    },
    /// The server failed so often that it is left alone for a while.
    #[error("{url}: down after {failures} failures in a row, the last one: {last}")]
    Down {
        /// The server.
        url: String,
        /// How many.
        failures: u32,
        /// The last of them.
        last: String,
    },
    /// The text side of the model.
    #[error(transparent)]
    Text(#[from] ModelError),
}

impl RemoteError {
    pub(super) fn config(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Config { field: field.into(), problem: problem.into() }
    }

    pub(super) fn answer(url: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Answer { url: url.into(), problem: problem.into() }
    }

    /// Whether the same call may succeed later.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Down { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 425 | 429 | 500 | 502..=504),
            _ => false,
        }
    }

    /// Whether it speaks against this call alone: the server is there, and others may be answered.
    pub(super) fn is_of_the_call(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 400 | 413 | 414 | 422),
            // A setting here is a template, which this text does not fit.
            Self::Answer { .. } | Self::Config { .. } | Self::Text(_) => true,
            _ => false,
        }
    }

    /// Whether it speaks against the server, rather than against the call.
    pub(super) fn is_failure(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, retry_after, .. } => *status >= 500 && retry_after.is_none(),
            _ => false,
        }
    }
}

impl From<RemoteError> for LineError {
    fn from(error: RemoteError) -> Self {
        Self(error.to_string())
    }
}
