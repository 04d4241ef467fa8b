//! Sequences that were computed before, to begin new ones from.
//!
//! Entries are whole sequences by their token ids; a new sequence takes over the longest beginning
//! that any entry shares with it. Entries are kept in the order of their tokens, where that one is
//! a neighbour of the new sequence. None is the beginning of another: the longer one holds all
//! of it. The executor's states share their segments, so an entry costs only what it adds to the
//! one it was forked from. Under a budget of bytes the least recently used entries go first. The
//! cache changes what is computed, never what comes out.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use crate::Executor;

struct Entry<S> {
    state: S,
    /// The pieces of memory that it keeps alive.
    footprint: Vec<(Option<usize>, usize)>,
    used: u64,
}

/// Computed sequences under a budget of bytes.
pub(crate) struct PrefixCache<S> {
    entries: BTreeMap<Arc<[u32]>, Entry<S>>,
    /// The entries by the time of their last use; no two share one.
    order: BTreeMap<u64, Arc<[u32]>>,
    budget: usize,
    /// Bytes of all pieces, each counted once.
    bytes: usize,
    /// How many entries keep a shared piece alive.
    holders: HashMap<usize, usize>,
    clock: u64,
}

/// How many tokens two sequences have in common at their beginnings.
pub(crate) fn shared(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

impl<S> PrefixCache<S> {
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            order: BTreeMap::new(),
            budget,
            bytes: 0,
            holders: HashMap::new(),
            clock: 0,
        }
    }

    /// The entry that shares the longest beginning with `tokens`, and its length.
    fn longest(&self, tokens: &[u32]) -> Option<(&Arc<[u32]>, usize)> {
        let above = (Bound::Included(tokens), Bound::Unbounded);
        let below = (Bound::Unbounded, Bound::Excluded(tokens));
        let above = self.entries.range::<[u32], _>(above).next();
        let below = self.entries.range::<[u32], _>(below).next_back();
        let lengths = above.into_iter().chain(below).map(|(key, _)| (key, shared(key, tokens)));
        lengths.max_by_key(|&(_, length)| length).filter(|&(_, length)| length > 0)
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
        let found = self.longest(tokens).map(|(key, length)| (Arc::clone(key), length));
        let entry = found.and_then(|(key, length)| {
            let entry = self.entries.get_mut(&key)?;
            self.order.remove(&entry.used);
            self.order.insert(self.clock, key);
            entry.used = self.clock;
            Some((entry, length))
        });
        match entry {
            Some((entry, length)) => executor.fork(&mut entry.state, length.min(most)),
            None => executor.empty(),
        }
    }

    /// Keeps a sequence, unless an entry holds all of it already.
    pub(crate) fn insert<E: Executor<State = S>>(
        &mut self,
        executor: &E,
        tokens: Vec<u32>,
        mut state: S,
    ) {
        self.clock += 1;
        let longest = self.longest(&tokens);
        if longest.as_ref().is_some_and(|&(_, length)| length == tokens.len()) {
            return;
        }
        // An entry that `tokens` go on from is not needed any more.
        let begun = longest.filter(|(key, length)| *length == key.len());
        let begun = begun.map(|(key, _)| Arc::clone(key));
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
        let tokens: Arc<[u32]> = tokens.into();
        self.order.insert(self.clock, Arc::clone(&tokens));
        self.entries.insert(tokens, Entry { state, footprint, used: self.clock });
        if let Some(begun) = begun {
            self.remove(&begun);
        }
        while self.bytes > self.budget {
            let Some((_, oldest)) = self.order.first_key_value() else { break };
            let oldest = Arc::clone(oldest);
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, tokens: &[u32]) {
        let Some(entry) = self.entries.remove(tokens) else { return };
        self.order.remove(&entry.used);
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
        let pieces = cache.entries.values().flat_map(|entry| native.footprint(&entry.state));
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
