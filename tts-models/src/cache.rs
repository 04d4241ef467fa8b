//! Sequences that were computed before, to begin new ones from.
//!
//! Entries are whole sequences by their token ids; a new sequence takes over the longest beginning
//! that any entry shares with it. The executor's states share their segments, so an entry costs
//! only what it adds to the one it was forked from. Under a budget of bytes the least recently
//! used entries go first. The cache changes what is computed, never what comes out.

use std::collections::HashMap;

use crate::Executor;

struct Entry<S> {
    tokens: Vec<u32>,
    state: S,
    /// The pieces of memory that it keeps alive.
    footprint: Vec<(Option<usize>, usize)>,
    used: u64,
}

/// Computed sequences under a budget of bytes.
pub(crate) struct PrefixCache<S> {
    entries: Vec<Entry<S>>,
    budget: usize,
    /// Bytes of all pieces, each counted once.
    bytes: usize,
    /// How many entries keep a shared piece alive.
    holders: HashMap<usize, usize>,
    clock: u64,
}

fn shared(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

impl<S> PrefixCache<S> {
    pub(crate) fn new(budget: usize) -> Self {
        Self { entries: Vec::new(), budget, bytes: 0, holders: HashMap::new(), clock: 0 }
    }

    /// The entry that shares the longest beginning with `tokens`, and its length.
    fn longest(&self, tokens: &[u32]) -> Option<(usize, usize)> {
        let lengths = self.entries.iter().map(|entry| shared(&entry.tokens, tokens));
        lengths.enumerate().max_by_key(|&(_, length)| length).filter(|&(_, length)| length > 0)
    }

    /// How much of the beginning of `tokens` some entry holds.
    pub(crate) fn known(&self, tokens: &[u32]) -> usize {
        self.longest(tokens).map_or(0, |(_, length)| length)
    }

    /// A state that holds the longest known beginning of `tokens`, `most` tokens at the most.
    pub(crate) fn begin<E: Executor<State = S>>(
        &mut self,
        executor: &E,
        tokens: &[u32],
        most: usize,
    ) -> S {
        self.clock += 1;
        let Some((index, length)) = self.longest(tokens) else { return executor.empty() };
        let entry = &mut self.entries[index];
        entry.used = self.clock;
        executor.fork(&mut entry.state, length.min(most))
    }

    /// Keeps a sequence, unless an entry holds all of it already.
    pub(crate) fn insert<E: Executor<State = S>>(
        &mut self,
        executor: &E,
        tokens: Vec<u32>,
        mut state: S,
    ) {
        self.clock += 1;
        if self.longest(&tokens).is_some_and(|(_, length)| length == tokens.len()) {
            return;
        }
        // A fork has no tail of its own: all that it holds can be shared.
        let state = executor.fork(&mut state, tokens.len());
        let footprint = executor.footprint(&state);
        for &(key, bytes) in &footprint {
            let holders = key.map(|key| {
                let holders = self.holders.entry(key).or_default();
                *holders += 1;
                *holders
            });
            if holders.is_none_or(|holders| holders == 1) {
                self.bytes += bytes;
            }
        }
        self.entries.push(Entry { tokens, state, footprint, used: self.clock });
        while self.bytes > self.budget {
            let oldest = self.entries.iter().enumerate().min_by_key(|(_, entry)| entry.used);
            let Some(index) = oldest.map(|(index, _)| index) else { break };
            self.remove(index);
        }
    }

    fn remove(&mut self, index: usize) {
        let entry = self.entries.swap_remove(index);
        for (key, bytes) in entry.footprint {
            let last = match key {
                None => true,
                Some(key) => match self.holders.get_mut(&key) {
                    Some(holders) if *holders > 1 => {
                        *holders -= 1;
                        false
                    }
                    _ => self.holders.remove(&key).is_some(),
                },
            };
            if last {
                self.bytes -= bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::tiny_config;
    use crate::{DecoderWeights, Native, Span, Want};

    /// Bytes of every distinct piece that the entries hold, counted afresh.
    fn held(cache: &PrefixCache<crate::native::NativeState>, native: &Native) -> usize {
        let pieces = cache.entries.iter().flat_map(|entry| native.footprint(&entry.state));
        let distinct: HashMap<Option<usize>, usize> =
            pieces.filter(|(_, bytes)| *bytes > 0).collect();
        distinct.values().sum()
    }

    #[test]
    fn the_budget_holds_whatever_entries_share() {
        let native = Native::new(DecoderWeights::random(tiny_config("llama"), 1).unwrap(), 1);
        let native = native.unwrap();
        let mut cache = PrefixCache::new(6_000);
        let mut rng = tts_core::seed::rng(5);
        let mut most = 0;
        for _ in 0..200 {
            // Paths over two tokens share beginnings of all lengths.
            let draw = |rng: &mut _| u32::from(tts_core::seed::uniform(rng) < 0.5);
            let tokens: Vec<u32> = (0..24).map(|_| draw(&mut rng)).collect();
            let mut state = cache.begin(&native, &tokens, tokens.len() - 1);
            let done = native.length(&state);
            let span = Span { state: &mut state, tokens: &tokens[done..], want: Want::Nothing };
            native.forward(&mut [span]).unwrap();
            cache.insert(&native, tokens, state);
            assert_eq!(cache.bytes, held(&cache, &native));
            assert!(cache.bytes <= 6_000);
            most = most.max(cache.entries.len());
        }
        assert!(most > 1, "nothing was ever shared");
    }
}
