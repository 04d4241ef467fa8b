//! Who judges, as an option says it.
//!
//! `auto` and `none` are no scorers of their own: what they come to depends on what a policy tells and a strategy asks
//! for.
//!
//! Source: none.

use std::fmt;
use std::str::FromStr;

use tts_prm::ScorerSpec;

use crate::Error;

/// Who judges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Judging {
    /// The policy's own log-probabilities, where they are told; nobody, where they are not and need not be.
    #[default]
    Auto,
    /// Nobody.
    Nobody,
    /// This scorer.
    By(ScorerSpec),
}

impl FromStr for Judging {
    type Err = tts_prm::PrmError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "auto" => Self::Auto,
            "none" => Self::Nobody,
            text => Self::By(text.parse()?),
        })
    }
}

impl fmt::Display for Judging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Nobody => f.write_str("none"),
            Self::By(spec) => spec.fmt(f),
        }
    }
}

impl Judging {
    /// The scorer that it comes to, where a policy's log-probabilities are told or not, and a strategy asks for
    /// a scorer or not.
    ///
    /// # Errors
    /// When log-probabilities are needed and not told.
    pub fn settle(&self, told: bool, needed: bool) -> Result<Option<ScorerSpec>, Error> {
        match self {
            Self::By(ScorerSpec::Logprob) if !told => Err("scorer logprob: the server tells no \
                log-probabilities of the model; expected rule, prm:PATH, orm:PATH, json:PATH, word:FILE or none"
                .into()),
            Self::Auto if !told && needed => Err("the strategy asks for a \
                scorer, and the server tells no log-probabilities to score by: name one with --scorer"
                .into()),
            Self::Auto if told => Ok(Some(ScorerSpec::Logprob)),
            Self::Auto | Self::Nobody => Ok(None),
            Self::By(spec) => Ok(Some(spec.clone())),
        }
    }
}
