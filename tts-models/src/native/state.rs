//! Keys and values of one sequence, in segments that sequences share.
//!
//! A sequence is a chain of shared segments and one tail of its own. Forking freezes the tail into
//! a segment; both sides go on with empty tails. Nothing is copied, and a segment lives as long as
//! any sequence that reads it. A fork at a shorter length reads a part of its last segment only.

use std::sync::Arc;

/// Keys and values of some tokens, layer by layer: `[tokens, kv_heads * head_dim]` each.
#[derive(Debug, Default)]
struct Segment {
    layers: Vec<(Vec<f32>, Vec<f32>)>,
    tokens: usize,
}

impl Segment {
    fn bytes(&self) -> usize {
        let numbers = self.layers.iter().map(|(keys, values)| keys.capacity() + values.capacity());
        numbers.sum::<usize>() * size_of::<f32>()
    }
}

/// One sequence on a [`super::Native`] executor.
#[derive(Debug)]
pub struct NativeState {
    /// Shared segments, with the number of tokens of each that belong to this sequence.
    chain: Vec<(Arc<Segment>, usize)>,
    tail: Segment,
    /// Tokens in the chain.
    shared: usize,
}

impl NativeState {
    pub(super) fn new(layers: usize) -> Self {
        let tail = Segment { layers: vec![Default::default(); layers], tokens: 0 };
        Self { chain: Vec::new(), tail, shared: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.shared + self.tail.tokens
    }

    /// Adds one token's keys and values to one layer; [`Self::advance`] counts them.
    pub(super) fn append(&mut self, layer: usize, keys: &[f32], values: &[f32]) {
        let (all_keys, all_values) = &mut self.tail.layers[layer];
        all_keys.extend_from_slice(keys);
        all_values.extend_from_slice(values);
    }

    /// Counts tokens that every layer has been given.
    pub(super) fn advance(&mut self, tokens: usize) {
        self.tail.tokens += tokens;
    }

    pub(super) fn fork(&mut self, length: usize) -> Self {
        let layers = self.tail.layers.len();
        if self.tail.tokens > 0 {
            let empty = Segment { layers: vec![Default::default(); layers], tokens: 0 };
            let mut frozen = std::mem::replace(&mut self.tail, empty);
            for (keys, values) in &mut frozen.layers {
                keys.shrink_to_fit();
                values.shrink_to_fit();
            }
            self.shared += frozen.tokens;
            let tokens = frozen.tokens;
            self.chain.push((Arc::new(frozen), tokens));
        }
        let mut fork = Self::new(layers);
        for (segment, tokens) in &self.chain {
            let take = (*tokens).min(length - fork.shared.min(length));
            if take == 0 {
                break;
            }
            fork.chain.push((Arc::clone(segment), take));
            fork.shared += take;
        }
        fork
    }

    /// Every segment that this sequence keeps alive, whole even where it reads a part only.
    pub(super) fn footprint(&self) -> Vec<(Option<usize>, usize)> {
        let shared = self
            .chain
            .iter()
            .map(|(segment, _)| (Some(Arc::as_ptr(segment).addr()), segment.bytes()));
        shared.chain([(None, self.tail.bytes())]).collect()
    }

    /// Keys and values of one layer in order, as runs of `[tokens, kv]`. The tail is read to its
    /// end, also where tokens have been appended that are not counted yet.
    pub(super) fn runs(&self, layer: usize, kv: usize) -> Vec<(&[f32], &[f32])> {
        let shared = self.chain.iter().map(|(segment, tokens)| {
            let (keys, values) = &segment.layers[layer];
            (&keys[..tokens * kv], &values[..tokens * kv])
        });
        let (keys, values) = &self.tail.layers[layer];
        shared.chain([(keys.as_slice(), values.as_slice())]).collect()
    }
}
