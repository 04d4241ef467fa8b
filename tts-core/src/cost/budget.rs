//! Budgets: they stop a search, they do not fail it.
//!
//! A soft budget is looked at between rounds, so it may be overshot by one round at most. A hard
//! one is reserved before a line starts: the tokens that are left are divided evenly among the
//! lines of a round and bound their length. Hard wall time is a deadline within the round. If nothing has finished when the budget is out, the
//! best open path is finished from [`Budget::reserve`], which is held back until then, drawn as it was so
//! far: a greedy solution stays one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of one problem; `None` is no limit.
///
/// ```
/// use tts_core::{Budget, Mode};
/// let budget = Budget { mode: Mode::Hard, ..Budget::tokens(20_000) };
/// assert_eq!(budget.generated_tokens, Some(20_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// Lines started.
    pub samples: Option<u64>,
    /// Tokens generated.
    pub generated_tokens: Option<u64>,
    /// Tokens judged.
    pub scored_tokens: Option<u64>,
    /// Floating-point operations, by formula.
    pub flops: Option<f64>,
    /// Requests to a generator or scorer.
    pub calls: Option<u64>,
    /// Rounds of generation.
    pub rounds: Option<u32>,
    /// Wall time in seconds, from submission or resumption; the one limit that can make two runs differ. A soft one ends
    /// the search after a round, with the reserve behind it. A hard one ends the round itself, within a pass of the
    /// generator: what is written by then is shown to the strategy, unjudged where it is not judged yet, and nothing is
    /// drawn behind it.
    pub wall: Option<f64>,
    /// Money, by the prices of those who write and judge, which the search has to know ([`crate::Prices`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money: Option<f64>,
    /// Generated tokens held back to finish the best open path when nothing has finished; a hard bound of money
    /// holds back their price. A hard bound of operations leaves no such line.
    pub reserve: u64,
    /// Soft or hard.
    pub mode: Mode,
}

/// Whether a budget may be overshot by a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Looked at between rounds.
    #[default]
    Soft,
    /// Never exceeded, but for three things: wall time, by the piece of work that is under way (a generator that
    /// answers whole batches, a scorer that judges in one call); the operations of reading a prompt, whose length is known with
    /// its first line only; and what a scorer reads besides paths ([`crate::Reads`]), which is foreseen from the most that
    /// it has read for one before, and not at all the first time. Where money is bounded, a prompt that nobody has read
    /// is taken for as many tokens as it has bytes: money that does not pay for these begins nothing.
    Hard,
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Limit {
    /// [`Budget::samples`].
    Samples,
    /// [`Budget::generated_tokens`].
    GeneratedTokens,
    /// [`Budget::scored_tokens`].
    ScoredTokens,
    /// [`Budget::flops`].
    Flops,
    /// [`Budget::calls`].
    Calls,
    /// [`Budget::rounds`].
    Rounds,
    /// [`Budget::wall`].
    Wall,
    /// [`Budget::money`].
    Money,
}

/// Why a search ended: data, not an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stop {
    /// The strategy wanted nothing more.
    Done,
    /// A limit was reached.
    Budget(Limit),
    /// Called off.
    Cancelled,
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done => f.write_str("the strategy was done"),
            Self::Budget(limit) => write!(f, "the budget was out ({limit})"),
            Self::Cancelled => f.write_str("it was called off"),
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Samples => "samples",
            Self::GeneratedTokens => "generated tokens",
            Self::ScoredTokens => "scored tokens",
            Self::Flops => "floating-point operations",
            Self::Calls => "calls",
            Self::Rounds => "rounds",
            Self::Wall => "wall time",
            Self::Money => "money",
        })
    }
}

impl Budget {
    /// A soft budget of generated tokens; a quarter of it, 256 at most, is the reserve.
    pub fn tokens(tokens: u64) -> Self {
        Self { generated_tokens: Some(tokens), reserve: (tokens / 4).min(256), ..Self::default() }
    }

    /// A soft budget of wall time.
    pub fn wall(duration: Duration) -> Self {
        Self { wall: Some(crate::path::seconds(duration)), reserve: 256, ..Self::default() }
    }

    /// # Errors
    /// A sentence that names the field when a limit is not a number or the reserve is too large.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [("flops", self.flops), ("wall", self.wall), ("money", self.money)] {
            if value.is_some_and(|value| !value.is_finite() || value < 0.0) {
                return Err(format!("budget: {name} is not a finite number of at least 0"));
            }
        }
        match self.generated_tokens {
            Some(tokens) if self.reserve > tokens => Err(format!(
                "budget: reserve is {}, more than the {tokens} generated_tokens",
                self.reserve
            )),
            _ => Ok(()),
        }
    }
}
