//! What a search spent.
//!
//! Logical cost is what the search asked for: independent of batch, cache and machine, so budgets,
//! records and comparisons use it. Measured cost is what the machine did: reported only.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Logical cost.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Lines started.
    pub samples: u64,
    /// Tokens generated.
    pub generated_tokens: u64,
    /// Tokens of steps that were judged, and those that a scorer reads besides ([`crate::Reads`]).
    pub scored_tokens: u64,
    /// Tokens that generators and scorers read without writing or judging them: a prompt once a reader, what others
    /// have written on a path once, and what was appended.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub read_tokens: u64,
    /// Floating-point operations of generating and judging, by formula (see [`crate::cost`]).
    pub flops: f64,
    /// Requests to a generator or a scorer.
    pub calls: u64,
    /// Money, by the prices of who read, wrote and judged ([`crate::Prices`]); 0 where none are known.
    #[serde(default, skip_serializing_if = "is_free")]
    pub money: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_nothing(tokens: &u64) -> bool {
    *tokens == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_free(money: &f64) -> bool {
    *money <= 0.0
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.samples += other.samples;
        self.generated_tokens += other.generated_tokens;
        self.scored_tokens += other.scored_tokens;
        self.read_tokens += other.read_tokens;
        self.flops += other.flops;
        self.calls += other.calls;
        self.money += other.money;
    }
}

/// Measured cost.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Tokens that a model really ran over, prompts included.
    pub computed_tokens: u64,
    /// Tokens whose keys and values were found in a cache instead.
    pub cached_tokens: u64,
    /// Wall time from submission to outcome, in seconds.
    pub seconds: f64,
}

/// Logical and measured cost of one problem.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// What was asked for.
    pub logical: Cost,
    /// Rounds of generation.
    pub rounds: u32,
    /// What the machine did.
    pub measured: Measured,
}
