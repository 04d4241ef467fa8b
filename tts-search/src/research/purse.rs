//! Budgets from the inside: what a step needs, what is left, and what is held back for the report.
//!
//! The driver counts and stops; a research looks at what it has counted, so that it turns to the report while there
//! is room for one. Lines, calls and rounds of a step are known before it starts. Tokens are not, so each line of a
//! step is bounded by an even share of what is left once the report has its own, and a step whose lines would be shorter than
//! what it works on is not begun. Time and operations are the driver's alone: when they run out, the latest draft is the answer.
//!
//! Source: none.

use std::ops::Add;

use tts_core::{Desk, Limit};

/// What something needs of a budget, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Need {
    pub(super) lines: u64,
    pub(super) calls: u64,
    pub(super) rounds: u64,
    /// Lines whose tokens are generated: all but searches.
    pub(super) written: u64,
}

impl Need {
    /// A search.
    pub(super) const SEARCH: Self = Self { lines: 1, calls: 1, rounds: 1, written: 0 };

    /// The same for so many, side by side.
    pub(super) fn times(self, n: u64) -> Self {
        let Self { lines, calls, rounds, written } = self;
        let times = |part: u64| part.saturating_mul(n);
        Self { lines: times(lines), calls: times(calls), rounds, written: times(written) }
    }
}

impl Add for Need {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            lines: self.lines.saturating_add(other.lines),
            calls: self.calls.saturating_add(other.calls),
            rounds: self.rounds.saturating_add(other.rounds),
            written: self.written.saturating_add(other.written),
        }
    }
}

/// The most tokens of a line; `None` has no limit but the search's.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cap(pub(super) Option<u32>);

/// What is left of a budget; `None` has no limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    lines: Option<u64>,
    calls: Option<u64>,
    rounds: Option<u64>,
    tokens: Option<u64>,
    /// The most that is held back for a report, however long it may be.
    most_held: u64,
}

/// A line of fewer tokens says nothing.
const LEAST_TOKENS: u64 = 8;

impl Left {
    pub(super) fn of(desk: &Desk) -> Self {
        let (budget, usage) = (desk.budget(), desk.usage());
        let left = |limit: Option<u64>, used: u64| limit.map(|limit| limit.saturating_sub(used));
        Self {
            lines: left(budget.samples, usage.samples),
            calls: left(budget.calls, usage.calls),
            rounds: left(budget.rounds.map(u64::from), u64::from(desk.rounds())),
            tokens: left(budget.generated_tokens, usage.generated_tokens),
            most_held: budget.generated_tokens.map_or(0, |tokens| tokens / 2),
        }
    }

    /// The limit that leaves no room for this many lines, calls and rounds, if one does.
    fn short_of(&self, need: Need) -> Option<Limit> {
        let limits = [
            (self.lines, need.lines, Limit::Samples),
            (self.calls, need.calls, Limit::Calls),
            (self.rounds, need.rounds, Limit::Rounds),
        ];
        let short =
            limits.into_iter().find(|(left, need, _)| left.is_some_and(|left| *need > left));
        short.map(|(.., limit)| limit)
    }

    /// The most tokens of each line of `now` while `later` is held back, at `later_tokens` a line; `None` without a limit.
    pub(super) fn share(&self, now: Need, later: Need, later_tokens: u32) -> Option<u64> {
        let held = later.written.saturating_mul(u64::from(later_tokens)).min(self.most_held);
        Some(self.tokens?.saturating_sub(held) / now.written.max(1))
    }

    /// Room for `now` while `later` is held back, at `later_tokens` a line: the most tokens of each line of `now`,
    /// where there is a limit, at least `least`. An error when there is no room: the limit that leaves none.
    pub(super) fn room(
        &self,
        now: Need,
        later: Need,
        later_tokens: u32,
        least: u64,
    ) -> Result<Cap, Limit> {
        if let Some(limit) = self.short_of(now + later) {
            return Err(limit);
        }
        let Some(share) = self.share(now, later, later_tokens) else { return Ok(Cap(None)) };
        // What generates nothing needs none.
        let enough = now.written == 0 || share >= least.max(LEAST_TOKENS);
        let cap = Cap(Some(u32::try_from(share).unwrap_or(u32::MAX)));
        enough.then_some(cap).ok_or(Limit::GeneratedTokens)
    }
}
