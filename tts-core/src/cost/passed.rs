//! Which limits a search has passed, and by how much.
//!
//! A soft budget is looked at between rounds, so a strategy of one round passes it and is done before anybody
//! looks: its stop says nothing of the budget. What was spent does.
//!
//! Source: none.

use super::{Budget, Limit, Usage};

/// A limit that was passed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Passed {
    /// Which one.
    pub limit: Limit,
    /// What was spent, in the limit's own unit.
    pub spent: f64,
    /// What was allowed.
    pub allowed: f64,
}

impl Budget {
    /// The limits of which more was spent than allowed. A sum that is off in its last bits passes nothing.
    ///
    /// ```
    /// use tts_core::{Budget, Cost, Limit, Usage};
    /// let budget = Budget { samples: Some(8), ..Budget::default() };
    /// let spent = |samples| Usage { logical: Cost { samples, ..Cost::default() }, ..Usage::default() };
    /// assert_eq!(budget.passed(&spent(8)), []);
    /// let passed = budget.passed(&spent(64));
    /// assert_eq!((passed[0].limit, passed[0].spent, passed[0].allowed), (Limit::Samples, 64.0, 8.0));
    /// ```
    pub fn passed(&self, usage: &Usage) -> Vec<Passed> {
        let (cost, count) = (&usage.logical, |count: u64| count as f64);
        let allowed = |limit: Option<u64>| limit.map(count);
        let all = [
            (Limit::Samples, count(cost.samples), allowed(self.samples)),
            (Limit::GeneratedTokens, count(cost.generated_tokens), allowed(self.generated_tokens)),
            (Limit::ScoredTokens, count(cost.scored_tokens), allowed(self.scored_tokens)),
            (Limit::Calls, count(cost.calls), allowed(self.calls)),
            (Limit::Rounds, usage.rounds.into(), self.rounds.map(f64::from)),
            (Limit::Flops, cost.flops, self.flops),
            (Limit::Money, cost.money, self.money),
            (Limit::Wall, usage.measured.seconds, self.wall),
        ];
        let passed = |(limit, spent, allowed): (Limit, f64, Option<f64>)| {
            let allowed = allowed.filter(|allowed| spent > allowed * (1.0 + 1e-9))?;
            Some(Passed { limit, spent, allowed })
        };
        all.into_iter().filter_map(passed).collect()
    }
}
