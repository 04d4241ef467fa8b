//! Why a judgement was refused.
//!
//! Each reason says what was found and what was expected; it goes into [`tts_core::Outcome::unscored`] with the
//! node of the judgement, so that refusals can be counted and looked at.
//!
//! Source: none.

use tts_core::LineError;

/// Why a judgement could not be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// What should hold the verdict is not there.
    #[error("no {expected} in the judgement")]
    Missing {
        /// What was looked for.
        expected: String,
    },
    /// Another number of verdicts than there are responses or steps.
    #[error("{found} {of} in the judgement, expected {expected}")]
    Count {
        /// What was counted.
        of: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// The verdict is none that may be given.
    #[error("the verdict {found:?}, expected {expected}")]
    Value {
        /// What stands there, cut to 40 characters.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// It was cut before its end, so that its last word is not known.
    #[error("the judgement was cut before its end")]
    Cut,
    /// The judge was not asked: its question could not be written.
    #[error("the question to the judge could not be written: {problem}")]
    Unasked {
        /// Why.
        problem: String,
    },
    /// No judgement was asked for: there were too few others to show it with.
    #[error("no judgement is about this response, each takes at least {least}")]
    LeftOut {
        /// The fewest responses that a judgement is about.
        least: usize,
    },
    /// No judgement was made: the line failed ([`tts_core::Outcome::failed`] says why).
    #[error("the line of the judgement failed")]
    Failed,
}

impl Refusal {
    /// That no judgement was made, and why its line failed.
    pub(in crate::critic) fn failed(error: &LineError) -> String {
        format!("{}: {error}", Self::Failed)
    }

    pub(in crate::critic) fn missing(expected: impl Into<String>) -> Self {
        Self::Missing { expected: expected.into() }
    }

    pub(in crate::critic) fn value(found: &str, expected: impl Into<String>) -> Self {
        Self::Value { found: found.chars().take(40).collect(), expected: expected.into() }
    }
}
