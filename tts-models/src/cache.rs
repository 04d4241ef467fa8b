//! Sequences that were computed before, to begin new ones from.
//!
//! Entries are whole sequences by their token ids; a new sequence takes over the longest beginning
//! that any entry shares with it. The executor's states share their segments, so an entry costs
//! only what it adds to the one it was forked from. Under a budget of bytes the least recently
//! used entries go first. The cache changes what is computed, never what comes out.

use crate::Executor;

struct Entry<S> {
    tokens: Vec<u32>,
    state: S,
    /// Bytes that this entry added when it came.
    bytes: usize,
    used: u64,
}

/// Computed sequences under a budget of bytes.
pub(crate) struct PrefixCache<S> {
    entries: Vec<Entry<S>>,
    budget: usize,
    bytes: usize,
    clock: u64,
}

fn shared(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

impl<S> PrefixCache<S> {
    pub(crate) fn new(budget: usize) -> Self {
        Self { entries: Vec::new(), budget, bytes: 0, clock: 0 }
    }

    /// The entry that shares the longest beginning with `tokens`, and its length.
    fn longest(&self, tokens: &[u32]) -> Option<(usize, usize)> {
        let lengths = self.entries.iter().map(|entry| shared(&entry.tokens, tokens));
        lengths.enumerate().max_by_key(|&(_, length)| length).filter(|&(_, length)| length > 0)
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
    pub(crate) fn insert(&mut self, tokens: Vec<u32>, state: S, bytes_per_token: usize) {
        self.clock += 1;
        let known = self.longest(&tokens).map_or(0, |(_, length)| length);
        if known == tokens.len() {
            return;
        }
        let bytes = (tokens.len() - known) * bytes_per_token;
        self.bytes += bytes;
        self.entries.push(Entry { tokens, state, bytes, used: self.clock });
        while self.bytes > self.budget {
            let oldest = self.entries.iter().enumerate().min_by_key(|(_, entry)| entry.used);
            let Some(index) = oldest.map(|(index, _)| index) else { break };
            self.bytes -= self.entries.swap_remove(index).bytes;
        }
    }
}
