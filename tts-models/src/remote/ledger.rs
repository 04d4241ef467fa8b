//! What servers were asked for and what it cost, by their own count.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::Price;

/// What a remote engine has used so far, in the servers' tokens.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteUsage {
    /// Calls that were answered.
    pub calls: u64,
    /// Calls that were made again.
    pub repeated: u64,
    /// Calls that failed for good: each took its line with it.
    pub failed: u64,
    /// Tokens of prompts, those from the cache included.
    pub prompt_tokens: u64,
    /// Tokens of prompts that came from the server's cache; 0 where it does not say.
    pub cached_tokens: u64,
    /// Tokens that were generated, those past the end of a step included.
    pub generated_tokens: u64,
    /// Generated tokens that are in no step: the server wrote on past the end of one.
    pub dropped_tokens: u64,
    /// Money, by [`Price`].
    pub money: f64,
}

/// Counts as calls come back.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    calls: AtomicU64,
    repeated: AtomicU64,
    failed: AtomicU64,
    prompt: AtomicU64,
    cached: AtomicU64,
    generated: AtomicU64,
    dropped: AtomicU64,
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

impl Ledger {
    pub(super) fn answered(&self, prompt: u64, cached: u64, generated: u64) {
        add(&self.calls, 1);
        add(&self.prompt, prompt);
        add(&self.cached, cached);
        add(&self.generated, generated);
    }

    pub(super) fn repeated(&self) {
        add(&self.repeated, 1);
    }

    pub(super) fn failed(&self) {
        add(&self.failed, 1);
    }

    pub(super) fn dropped(&self, tokens: u64) {
        add(&self.dropped, tokens);
    }

    pub(super) fn usage(&self, price: &Price) -> RemoteUsage {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (prompt, cached, generated) =
            (read(&self.prompt), read(&self.cached), read(&self.generated));
        let million = |tokens: u64, price: f64| tokens as f64 * price / 1e6;
        RemoteUsage {
            calls: read(&self.calls),
            repeated: read(&self.repeated),
            failed: read(&self.failed),
            prompt_tokens: prompt,
            cached_tokens: cached,
            generated_tokens: generated,
            dropped_tokens: read(&self.dropped),
            money: million(prompt.saturating_sub(cached), price.prompt)
                + million(cached, price.cached)
                + million(generated, price.generated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_money_add_up() {
        let ledger = Ledger::default();
        ledger.answered(1_000_000, 400_000, 20_000);
        ledger.answered(0, 0, 30_000);
        ledger.repeated();
        ledger.failed();
        ledger.dropped(7);
        let usage = ledger.usage(&Price { prompt: 2.0, cached: 0.5, generated: 10.0 });
        assert_eq!((usage.calls, usage.repeated, usage.failed), (2, 1, 1));
        assert_eq!((usage.prompt_tokens, usage.cached_tokens), (1_000_000, 400_000));
        assert_eq!((usage.generated_tokens, usage.dropped_tokens), (50_000, 7));
        assert!((usage.money - (1.2 + 0.2 + 0.5)).abs() < 1e-12, "{}", usage.money);
    }
}
