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
//!
//! Where layers have windows ([`Windows`]), sequences have let go of the second parts of most of their blocks, and a path
//! can be gone on from at those positions alone before which enough of them are there: where a sequence ended, or was
//! kept on its way. [`PrefixCache::known`] and [`PrefixCache::begin`] know the longest such beginning; where that is short
//! of what others had, [`PrefixCache::parted`] says so, and whoever runs it again keeps it there. Second parts that nobody
//! went on from since a leaf was used go before that leaf.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound::{Excluded, Included, Unbounded};

use crate::Windows;
use crate::exec::{BLOCK_TOKENS, Executor, Piece};

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
    /// Whether its block has all parts.
    whole: bool,
    /// When somebody went on from where its second part is seen.
    seen: u64,
}

/// Computed sequences under a budget of bytes.
pub(crate) struct PrefixCache<B> {
    nodes: Vec<Option<Node<B>>>,
    free: Vec<usize>,
    /// Leaves by the time of their last use.
    leaves: BTreeSet<(u64, usize)>,
    windows: Option<Windows>,
    /// Nodes with second parts by the time at which these were seen last.
    near: BTreeSet<(u64, usize)>,
    budget: usize,
    /// Bytes of all parts of blocks, each counted once, and of all rows.
    bytes: usize,
    /// How many nodes keep a part of a block alive.
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
    /// Of an executor that lets go of `windows`.
    pub(crate) fn new(budget: usize, windows: Option<Windows>) -> Self {
        let root = Node {
            parent: ROOT,
            tokens: Box::default(),
            block: None,
            rows: BTreeMap::new(),
            children: BTreeMap::new(),
            used: 0,
            whole: true,
            seen: 0,
        };
        Self {
            nodes: vec![Some(root)],
            free: Vec::new(),
            leaves: BTreeSet::new(),
            windows,
            near: BTreeSet::new(),
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

    /// The longest known path of `tokens`, root first, and its length: one that can be gone on from, or any.
    fn path(&self, tokens: &[u32], goes_on: bool) -> (usize, Path) {
        /// A node that `tokens` go through: how far, and where from.
        struct Visit {
            id: usize,
            count: usize,
            total: usize,
            from: usize,
            /// The position from which on second parts are there.
            near: usize,
        }
        let windows = self.windows.filter(|_| goes_on);
        let mut visits = vec![Visit { id: ROOT, count: 0, total: 0, from: 0, near: 0 }];
        let (mut best, mut next) = (0, 0);
        while let Some(&Visit { id, total, near, .. }) = visits.get(next) {
            let rest = &tokens[total..];
            let window = &rest[..rest.len().min(BLOCK_TOKENS)];
            let mut visit = |id: usize, count: usize| {
                let total = total + count;
                let near = if self.node(id).is_some_and(|node| node.whole) { near } else { total };
                visits.push(Visit { id, count, total, from: next, near });
                if windows.is_some_and(|windows| !windows.reach(near, total)) {
                    return;
                }
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

    /// How much of the beginning of `tokens` need not be run to go on from there.
    pub(crate) fn known(&self, tokens: &[u32]) -> usize {
        self.path(tokens, true).0
    }

    /// Where other sequences parted from `tokens`, if a block or more of what they had before it has to be run again: it
    /// is worth keeping there.
    pub(crate) fn parted(&self, tokens: &[u32]) -> Option<usize> {
        self.windows?;
        let (parted, _) = self.path(tokens, false);
        (self.known(&tokens[..parted]) + BLOCK_TOKENS <= parted).then_some(parted)
    }

    /// A state that holds the longest known beginning of `tokens`, `most` tokens at the most.
    pub(crate) fn begin<E: Executor<Block = B>>(
        &mut self,
        executor: &E,
        tokens: &[u32],
        most: usize,
    ) -> E::State {
        let (length, path) = self.path(&tokens[..most.min(tokens.len())], true);
        self.touch(&path);
        self.look(&path, length);
        let pieces = path.iter().filter_map(|&(id, tokens)| {
            Some(Piece { block: self.node(id)?.block.clone()?, tokens })
        });
        let pieces: Vec<Piece<B>> = pieces.collect();
        executor.begin(&pieces)
    }

    /// The hidden rows at some positions of `tokens`, where they are known.
    pub(crate) fn rows(&self, tokens: &[u32], positions: &[usize]) -> Vec<Option<Vec<f32>>> {
        let (_, path) = self.path(tokens, false);
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
        let mut path = Path::new();
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
            path.push((id, piece.tokens));
        }
        self.look(&path, start);
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
        let whole = self.windows.is_none() || executor.parts(&block)[1].is_some();
        let is_whole = |id: usize| self.node(id).is_some_and(|node| node.whole);
        let Some(node) = self.node(parent) else { return parent };
        let above = node.children.range::<[u32], _>((Included(key), Unbounded)).next();
        // One that holds more, but not its second part, cannot be gone on from where `key` ends.
        let serves = |other: &[u32], id: usize| {
            other == key || (last && other.starts_with(key) && (is_whole(id) || !whole))
        };
        if let Some((_, &found)) = above.filter(|&(other, &id)| serves(other, id)) {
            let fills = whole && !is_whole(found);
            self.touch(&[(found, 0)]);
            if fills {
                self.replace(executor, found, block, true);
            }
            return found;
        }
        // A leaf that `key` goes on from is not needed any more; its rows are.
        let below = node.children.range::<[u32], _>((Unbounded, Excluded(key))).next_back();
        let begun = below.filter(|(other, _)| key.starts_with(other)).map(|(_, &id)| id);
        let begun = begun.filter(|&id| whole || !is_whole(id));
        let begun = begun.filter(|&id| self.node(id).is_some_and(|n| n.children.is_empty()));
        let rows = begun.map(|id| self.remove(executor, id)).unwrap_or_default();
        self.bytes += rows.values().map(|row| size_of_val(&**row)).sum::<usize>();
        self.hold(executor, &block);
        let node = Node {
            parent,
            tokens: key.into(),
            block: Some(block),
            rows,
            children: BTreeMap::new(),
            used: clock,
            whole,
            seen: 0,
        };
        let id = if let Some(id) = self.free.pop() {
            self.nodes[id] = Some(node);
            id
        } else {
            self.nodes.push(Some(node));
            self.nodes.len() - 1
        };
        self.leaves.insert((clock, id));
        if whole && self.windows.is_some() {
            self.near.insert((0, id));
        }
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

    /// Marks the second parts that somebody sees who goes on from position `at`, the end of a path.
    fn look(&mut self, path: &[(usize, usize)], at: usize) {
        let Some(windows) = self.windows else { return };
        let mut end = at;
        for &(id, tokens) in path.iter().rev() {
            if end <= windows.first(at) {
                break;
            }
            end -= tokens;
            let clock = self.clock;
            let Some(node) = self.node_mut(id).filter(|node| node.whole) else { continue };
            let seen = std::mem::replace(&mut node.seen, clock);
            self.near.remove(&(seen, id));
            self.near.insert((clock, id));
        }
    }

    /// Counts the parts of a block that a node has from now on.
    fn hold<E: Executor<Block = B>>(&mut self, executor: &E, block: &B) {
        for part in executor.parts(block).into_iter().flatten() {
            let holders = self.holders.entry(part.id).or_default();
            *holders += 1;
            if *holders == 1 {
                self.bytes += part.bytes;
            }
        }
    }

    /// Counts those that a node has no more.
    fn release<E: Executor<Block = B>>(&mut self, executor: &E, block: &B) {
        for part in executor.parts(block).into_iter().flatten() {
            let Some(holders) = self.holders.get_mut(&part.id) else { continue };
            *holders -= 1;
            if *holders == 0 {
                self.holders.remove(&part.id);
                self.bytes -= part.bytes;
            }
        }
    }

    /// Puts another block of the same tokens in the place of a node's own, with all parts or not.
    fn replace<E: Executor<Block = B>>(&mut self, executor: &E, id: usize, block: B, whole: bool) {
        // The new one first: both may share a part.
        self.hold(executor, &block);
        let windows = self.windows.is_some();
        let Some(node) = self.node_mut(id) else { return };
        node.whole = whole;
        let (seen, old) = (node.seen, node.block.replace(block));
        if let Some(old) = old {
            self.release(executor, &old);
        }
        self.near.remove(&(seen, id));
        if whole && windows {
            self.near.insert((seen, id));
        }
    }

    fn evict<E: Executor<Block = B>>(&mut self, executor: &E) {
        while self.bytes > self.budget {
            let Some(&(used, oldest)) = self.leaves.first() else { break };
            let near = self.near.first().filter(|&&(seen, _)| seen < used).map(|&(_, id)| id);
            let thin = near.and_then(|id| self.node(id)?.block.as_ref()).map(|b| executor.thin(b));
            match near.zip(thin) {
                Some((id, thin)) => self.replace(executor, id, thin, false),
                None => drop(self.remove(executor, oldest)),
            }
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
        self.near.remove(&(node.seen, id));
        self.bytes -= node.rows.values().map(|row| size_of_val(&**row)).sum::<usize>();
        if let Some(block) = &node.block {
            self.release(executor, block);
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
mod tests;
