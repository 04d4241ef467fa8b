//! Choosing one candidate out of a pool: the best score, the majority, the weighted vote.
//!
//! Every selector is a pure function from candidates to an index, without randomness: first seen
//! wins every tie. A candidate without a readable answer never votes and never forms a class, so a
//! pool of failures cannot elect "no answer". Answers are compared by a predicate of the caller's,
//! so that grouping by exact string and grouping by mathematical equivalence are one code path.
//!
//! Source: majority is self-consistency (Wang et al. 2022, arXiv 2203.11171, section 2); the
//! weighted vote is Li et al. 2022 (arXiv 2206.02336) as used by Snell et al. 2024 (arXiv
//! 2408.03314, section 5.1, "best-of-N weighted").

mod chains;
mod classes;
mod hierarchical;
mod selection;
mod top;
mod vote;

pub use chains::weighted_over_chains;
pub use classes::{Group, classes};
pub use hierarchical::hierarchical_majority;
pub use selection::{Rule, Selection};
pub use top::top;
pub use vote::{Class, Weight, best, majority, tally, weighted};

pub(crate) use vote::{preferred_first, weigh, winner};

use top::better_first;

use serde::{Deserialize, Serialize};

/// What a selector sees of one candidate: its final answer and its score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    /// The final answer, or `None` where none could be read from the candidate.
    pub answer: Option<String>,
    /// The verifier's score; greater is better, `NaN` ranks below every number.
    pub score: f64,
}

impl Vote {
    /// A candidate with an answer and a score.
    pub fn new(answer: impl Into<String>, score: f64) -> Self {
        Self { answer: Some(answer.into()), score }
    }

    /// A candidate of which no answer could be read.
    pub const fn unparsable(score: f64) -> Self {
        Self { answer: None, score }
    }

    /// The answer if it may vote: a blank string counts as unparsable, as `None` does.
    ///
    /// ```
    /// use tts_core::select::Vote;
    /// assert_eq!(Vote::new("42", 0.5).parsed(), Some("42"));
    /// assert_eq!(Vote::new("  ", 0.5).parsed(), None);
    /// ```
    pub fn parsed(&self) -> Option<&str> {
        self.answer.as_deref().filter(|answer| !answer.trim().is_empty())
    }
}
