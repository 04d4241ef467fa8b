//! Sequences that were computed before, as a radix tree over blocks of token ids.
//!
//! A node is a block of up to 16 tokens with the keys and values that the executor computed for
//! them after those of its ancestors; a path from the root is a sequence. A new sequence begins with
//! the longest path that it shares, the last block possibly in part, and so do lines of one prompt,
//! steps of one search, and problems of one template. Blocks are shared, never copied and never
//! written to again. Hidden rows that are known are kept beside their tokens: who scores a step, or
//! goes on from it, need not run its last token again.
//!
//! Under a budget of bytes the least recently used leaves go first; a block that running sequences
//! still read lives until they end. The cache changes what is computed, never what comes out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound::{Excluded, Included, Unbounded};

use crate::exec::{BLOCK_TOKENS, Executor, Piece, keep};

/// The node of no tokens.
const ROOT: usize = 0;

struct Node<B> {
    parent: usize,
    tokens: Box<[u32]>,
    /// `None` at the root alone.
    block: Option<B>,
    /// Hidden rows after the final norm, by the place of their token.
    rows: BTreeMap<usize, Box<[f32]>>,
    /// By their tokens; one may be the beginning of another.
    children: BTreeMap<Box<[u32]>, usize>,
    used: u64,
}

/// Computed sequences under a budget of bytes.
pub(crate) struct PrefixCache<B> {
    nodes: Vec<Option<Node<B>>>,
    free: Vec<usize>,
    /// Leaves by the time of their last use.
    leaves: BTreeSet<(u64, usize)>,
    budget: usize,
    /// Bytes of all blocks, each counted once, and of all rows.
    bytes: usize,
    /// How many nodes keep a block alive.
    holders: HashMap<usize, usize>,
    clock: u64,
}

/// A path: nodes, and how many tokens of each.
type Path = Vec<(usize, usize)>;

/// How many tokens two sequences have in common at their beginnings.
pub(crate) fn shared(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

impl<B: Clone> PrefixCache<B> {
    pub(crate) fn new(budget: usize) -> Self {
        let root = Node {
            parent: ROOT,
            tokens: Box::default(),
            block: None,
            rows: BTreeMap::new(),
            children: BTreeMap::new(),
            used: 0,
        };
        Self {
            nodes: vec![Some(root)],
            free: Vec::new(),
            leaves: BTreeSet::new(),
            budget,
            bytes: 0,
            holders: HashMap::new(),
            clock: 0,
        }
    }

    fn node(&self, id: usize) -> Option<&Node<B>> {
        self.nodes.get(id)?.as_ref()
    }

    fn node_mut(&mut self, id: usize) -> Option<&mut Node<B>> {
        self.nodes.get_mut(id)?.as_mut()
    }

    /// The longest known path of `tokens`, root first, and its length.
    fn path(&self, tokens: &[u32]) -> (usize, Path) {
        /// A node that `tokens` go through: how far, and where from.
        struct Visit {
            id: usize,
            count: usize,
            total: usize,
            from: usize,
        }
        let mut visits = vec![Visit { id: ROOT, count: 0, total: 0, from: 0 }];
        let (mut best, mut next) = (0, 0);
        while let Some(&Visit { id, total, .. }) = visits.get(next) {
            let rest = &tokens[total..];
            let window = &rest[..rest.len().min(BLOCK_TOKENS)];
            let mut visit = |id: usize, count: usize| {
                visits.push(Visit { id, count, total: total + count, from: next });
                // Of two as long, one that knows its last row.
                let ends = |visit: &Visit| {
                    let row = |node: &Node<B>| node.rows.contains_key(&(visit.count - 1));
                    (visit.total, visit.total > 0 && self.node(visit.id).is_some_and(row))
                };
                if ends(&visits[visits.len() - 1]) > ends(&visits[best]) {
                    best = visits.len() - 1;
                }
            };
            if let Some(node) = self.node(id) {
                // Every child that is wholly gone through may lead further; one that is gone
                // through in part is a neighbour in the order of tokens, and leads nowhere.
                let mut longest = 0;
                for count in 1..=window.len() {
                    if let Some(&child) = node.children.get(&window[..count]) {
                        visit(child, count);
                        longest = count;
                    }
                }
                let above = node.children.range::<[u32], _>((Included(window), Unbounded)).next();
                let below =
                    node.children.range::<[u32], _>((Unbounded, Excluded(window))).next_back();
                for (key, &child) in above.into_iter().chain(below) {
                    let count = shared(key, window);
                    if count > longest && count < key.len() {
                        visit(child, count);
                        longest = count;
                    }
                }
            }
            next += 1;
            // Parts of a node have no children to go on to.
            while visits
                .get(next)
                .is_some_and(|v| self.node(v.id).is_some_and(|node| v.count < node.tokens.len()))
            {
                next += 1;
            }
        }
        let length = visits[best].total;
        let mut path = Path::new();
        while best > 0 {
            path.push((visits[best].id, visits[best].count));
            best = visits[best].from;
        }
        path.reverse();
        (length, path)
    }

    /// How much of the beginning of `tokens` is known.
    pub(crate) fn known(&self, tokens: &[u32]) -> usize {
        self.path(tokens).0
    }

    /// A state that holds the longest known beginning of `tokens`, `most` tokens at the most.
    pub(crate) fn begin<E: Executor<Block = B>>(
        &mut self,
        executor: &E,
        tokens: &[u32],
        most: usize,
    ) -> E::State {
        let (_, path) = self.path(tokens);
        self.touch(&path);
        let pieces = path.iter().filter_map(|&(id, tokens)| {
            Some(Piece { block: self.node(id)?.block.clone()?, tokens })
        });
        let mut pieces = pieces.collect();
        keep(&mut pieces, most);
        executor.begin(&pieces)
    }

    /// The hidden rows at some positions of `tokens`, where they are known.
    pub(crate) fn rows(&self, tokens: &[u32], positions: &[usize]) -> Vec<Option<Vec<f32>>> {
        let (_, path) = self.path(tokens);
        // First positions of the nodes.
        let mut starts = Vec::with_capacity(path.len());
        let mut at = 0;
        for &(_, count) in &path {
            starts.push(at);
            at += count;
        }
        let row = |&position: &usize| {
            let index = starts.partition_point(|&start| start <= position).checked_sub(1)?;
            let (id, count) = path[index];
            let place = position - starts[index];
            let row = self.node(id)?.rows.get(&place).filter(|_| place < count)?;
            Some(row.to_vec())
        };
        positions.iter().map(row).collect()
    }

    /// Keeps a sequence in pieces, with hidden rows at some of its positions.
    pub(crate) fn insert<E: Executor<Block = B>>(
        &mut self,
        executor: &E,
        tokens: &[u32],
        pieces: Vec<Piece<B>>,
        rows: Vec<(usize, Vec<f32>)>,
    ) {
        self.clock += 1;
        let mut rows: BTreeMap<usize, Vec<f32>> = rows.into_iter().collect();
        let (mut id, mut start) = (ROOT, 0);
        let last = pieces.len().saturating_sub(1);
        for (index, piece) in pieces.into_iter().enumerate() {
            let Some(key) = tokens.get(start..start + piece.tokens) else { break };
            id = self.child(executor, id, key, piece.block, index == last);
            let Some(node) = self.nodes.get_mut(id).and_then(Option::as_mut) else { break };
            let later = rows.split_off(&(start + piece.tokens));
            for (position, row) in std::mem::replace(&mut rows, later) {
                if let Some(place) = position.checked_sub(start) {
                    let bytes = size_of_val(row.as_slice());
                    if node.rows.insert(place, row.into()).is_none() {
                        self.bytes += bytes;
                    }
                }
            }
            start += piece.tokens;
        }
        self.evict(executor);
    }

    /// The child of a node that holds `key`, made if need be. A last one may hold more.
    fn child<E: Executor<Block = B>>(
        &mut self,
        executor: &E,
        parent: usize,
        key: &[u32],
        block: B,
        last: bool,
    ) -> usize {
        let clock = self.clock;
        let Some(node) = self.node(parent) else { return parent };
        let above = node.children.range::<[u32], _>((Included(key), Unbounded)).next();
        let found =
            above.filter(|(other, _)| if last { other.starts_with(key) } else { ***other == *key });
        if let Some((_, &found)) = found {
            self.touch(&[(found, 0)]);
            return found;
        }
        // A leaf that `key` goes on from is not needed any more; its rows are.
        let below = node.children.range::<[u32], _>((Unbounded, Excluded(key))).next_back();
        let begun = below.filter(|(other, _)| key.starts_with(other)).map(|(_, &id)| id);
        let begun = begun.filter(|&id| self.node(id).is_some_and(|n| n.children.is_empty()));
        let rows = begun.map(|id| self.remove(executor, id)).unwrap_or_default();
        self.bytes += rows.values().map(|row| size_of_val(&**row)).sum::<usize>();
        let holders = self.holders.entry(executor.block_id(&block)).or_default();
        *holders += 1;
        if *holders == 1 {
            self.bytes += executor.block_bytes(&block);
        }
        let node = Node {
            parent,
            tokens: key.into(),
            block: Some(block),
            rows,
            children: BTreeMap::new(),
            used: clock,
        };
        let id = if let Some(id) = self.free.pop() {
            self.nodes[id] = Some(node);
            id
        } else {
            self.nodes.push(Some(node));
            self.nodes.len() - 1
        };
        self.leaves.insert((clock, id));
        if let Some(node) = self.node_mut(parent) {
            node.children.insert(key.into(), id);
            let used = node.used;
            self.leaves.remove(&(used, parent));
        }
        id
    }

    /// Marks nodes as just used.
    fn touch(&mut self, path: &[(usize, usize)]) {
        self.clock += 1;
        let clock = self.clock;
        for &(id, _) in path {
            let Some(node) = self.node_mut(id) else { continue };
            let used = std::mem::replace(&mut node.used, clock);
            if self.leaves.remove(&(used, id)) {
                self.leaves.insert((clock, id));
            }
        }
    }

    fn evict<E: Executor<Block = B>>(&mut self, executor: &E) {
        while self.bytes > self.budget {
            let Some(&(_, oldest)) = self.leaves.first() else { break };
            self.remove(executor, oldest);
        }
    }

    /// Takes a leaf out; its rows.
    fn remove<E: Executor<Block = B>>(
        &mut self,
        executor: &E,
        id: usize,
    ) -> BTreeMap<usize, Box<[f32]>> {
        let Some(node) = self.nodes.get_mut(id).and_then(Option::take) else {
            return BTreeMap::new();
        };
        self.free.push(id);
        self.leaves.remove(&(node.used, id));
        self.bytes -= node.rows.values().map(|row| size_of_val(&**row)).sum::<usize>();
        if let Some(block) = &node.block {
            let key = executor.block_id(block);
            let holders = self.holders.get_mut(&key).map_or(0, |holders| {
                *holders -= 1;
                *holders
            });
            if holders == 0 {
                self.holders.remove(&key);
                self.bytes -= executor.block_bytes(block);
            }
        }
        if let Some(parent) = self.node_mut(node.parent) {
            parent.children.remove(&node.tokens);
            let leaf = (parent.used, node.parent);
            if parent.children.is_empty() && node.parent != ROOT {
                self.leaves.insert(leaf);
            }
        }
        node.rows
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exec::native::NativeBlock;
    use crate::testing::tiny_config;
    use crate::{DecoderWeights, Native, Span, Want};

    /// Bytes that the nodes hold, counted afresh.
    fn held(cache: &PrefixCache<NativeBlock>, native: &Native) -> usize {
        let nodes = || cache.nodes.iter().flatten();
        let blocks: HashMap<usize, usize> = nodes()
            .filter_map(|node| node.block.as_ref())
            .map(|block| (native.block_id(block), native.block_bytes(block)))
            .collect();
        let rows = nodes().flat_map(|node| node.rows.values());
        blocks.values().sum::<usize>() + rows.map(|row| size_of_val(&**row)).sum::<usize>()
    }

    /// Runs what the cache lacks of a path, and keeps it; how many tokens it found.
    fn run(
        cache: &mut PrefixCache<NativeBlock>,
        native: &Native,
        tokens: &[u32],
        cut: usize,
    ) -> usize {
        let state = cache.begin(native, tokens, tokens.len() - 1);
        run_on(cache, native, state, tokens, cut)
    }

    /// As [`run`], from a state that holds the beginning of the path.
    fn run_on(
        cache: &mut PrefixCache<NativeBlock>,
        native: &Native,
        mut state: crate::exec::native::NativeState,
        tokens: &[u32],
        cut: usize,
    ) -> usize {
        let done = native.length(&state);
        let mut rows = Vec::new();
        // In two goes with a fork between them, which leaves a block half empty.
        let cut = cut.clamp(done, tokens.len());
        for part in [done..cut, cut..tokens.len()] {
            if part.is_empty() {
                continue;
            }
            let span = Span { state: &mut state, tokens: &tokens[part.clone()], want: Want::All };
            let hidden = native.forward(&mut [span]).unwrap();
            rows.extend(part.zip(hidden.chunks(8).map(<[f32]>::to_vec)));
            native.pieces(&mut state);
        }
        cache.insert(native, tokens, native.pieces(&mut state), rows);
        done
    }

    fn native() -> Native {
        Native::new(DecoderWeights::random(tiny_config("llama"), 1).unwrap(), 1).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]

        #[test]
        fn the_budget_holds_and_rows_are_the_right_ones(
            paths in prop::collection::vec((prop::collection::vec(0_u32..2, 2..40), 0_usize..40), 1..40),
            budget in prop::sample::select(vec![0, 20_000, 60_000, usize::MAX]),
        ) {
            let native = native();
            let mut cache = PrefixCache::new(budget);
            for (tokens, cut) in &paths {
                let known = cache.known(tokens);
                let done = run(&mut cache, &native, tokens, *cut);
                prop_assert_eq!(done, known.min(tokens.len() - 1));
                prop_assert_eq!(cache.bytes, held(&cache, &native));
                prop_assert!(cache.bytes <= budget);
                if budget == usize::MAX {
                    prop_assert_eq!(cache.known(tokens), tokens.len());
                }
                let positions: Vec<usize> = (0..tokens.len()).collect();
                let found = cache.rows(tokens, &positions);
                let mut state = native.empty();
                let span = Span { state: &mut state, tokens, want: Want::All };
                let exact = native.forward(&mut [span]).unwrap();
                for (row, exact) in found.iter().zip(exact.chunks(8)) {
                    prop_assert!(row.as_ref().is_none_or(|row| row == exact));
                }
                if budget == usize::MAX {
                    prop_assert!(found.last().is_some_and(Option::is_some), "{found:?}");
                }
            }
        }
    }

    #[test]
    fn a_long_path_is_found_behind_a_short_block() {
        let native = native();
        let mut cache = PrefixCache::new(usize::MAX);
        // The first block ends at token 5, and a second path goes on from there.
        let long: Vec<u32> = (0..30).map(|i| i % 7).collect();
        run(&mut cache, &native, &long, 5);
        // Another one shares 9 tokens in one block.
        let other: Vec<u32> = long[..9].iter().copied().chain([9; 12]).collect();
        run(&mut cache, &native, &other, 0);
        assert_eq!(cache.known(&long), 30);
        assert_eq!(cache.known(&other), 21);
        assert_eq!(cache.known(&long[..12]), 12);
    }

    /// Two sequences that ran side by side: neither began with what the other one had done.
    #[test]
    fn a_longer_block_takes_the_place_of_its_beginning_and_its_rows() {
        let native = native();
        let mut cache = PrefixCache::new(usize::MAX);
        let tokens: Vec<u32> = (0..9).collect();
        for length in [4, 9] {
            run_on(&mut cache, &native, native.empty(), &tokens[..length], 0);
            assert_eq!(cache.bytes, held(&cache, &native));
        }
        // The root, and one block in the place of two.
        assert_eq!(cache.nodes.iter().flatten().count(), 2);
        assert_eq!(cache.bytes, native.token_bytes() * BLOCK_TOKENS + 9 * 8 * 4);
        // A beginning of what is there is there.
        let mut pieces = native.pieces(&mut cache.begin(&native, &tokens, 9));
        crate::exec::keep(&mut pieces, 6);
        cache.insert(&native, &tokens[..6], pieces, Vec::new());
        assert_eq!(cache.nodes.iter().flatten().count(), 2);
        assert_eq!(cache.known(&tokens), 9);
    }

    #[test]
    fn what_was_used_last_stays() {
        let native = native();
        let block = native.token_bytes() * BLOCK_TOKENS;
        let mut cache = PrefixCache::new(3 * block + 60 * 8 * 4);
        for first in 0..3 {
            run(&mut cache, &native, &[first; 10], 0);
        }
        // Looking the first one up keeps it; the second one is the oldest now.
        cache.begin(&native, &[0; 10], 10);
        run(&mut cache, &native, &[3; 10], 0);
        let known: Vec<usize> = (0..4).map(|first| cache.known(&[first; 10])).collect();
        assert_eq!(known, [10, 0, 10, 10]);
    }
}
