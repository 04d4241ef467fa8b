//! Where the keys and values of each layer lie: those of layers with windows apart, so that a sequence can let go of them.
//!
//! A block has two parts: keys and values of up to 16 tokens in the layers that see everything, and in those with
//! windows. A sequence is a chain of either. Both grow alike; the second loses its first blocks once all of their tokens
//! lie behind the widest window of its end, and so a shared block may lack its second part. A model without windows has
//! the first chain alone, one of windows in every layer has first parts without numbers.
//!
//! Source: none.

use std::sync::Arc;

use super::KeyValues;
use super::state::{Block, Numbers, Pool, Slots, slots};
use crate::exec::chain::{Chain, Shared};
use crate::kernels::KeyValueShape;
use crate::{BLOCK_TOKENS, BlockPart, ModelConfig, Piece, Windows};

/// Where a layer's keys and values lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Whether in second parts: it has a window.
    pub(super) near: bool,
    /// Which of the layers there it is.
    pub(super) layer: usize,
}

/// What the blocks of a model are taken from.
#[derive(Debug)]
pub(super) struct Store {
    full: Arc<Pool>,
    near: Option<(Arc<Pool>, Windows)>,
    places: Vec<Place>,
}

impl Store {
    /// Of a type that is said: not [`KeyValues::Auto`], which is f32 here.
    pub(super) fn new(config: &ModelConfig, kind: KeyValues) -> Self {
        let mut counts = [0; 2];
        let place = |layer: usize| {
            let near = config.switches.attends(layer).window.is_some();
            let count = &mut counts[usize::from(near)];
            *count += 1;
            Place { near, layer: *count - 1 }
        };
        let places = (0..config.num_hidden_layers).map(place).collect();
        let pool = |layers: usize| {
            let (heads, width) = (config.num_key_value_heads, config.head_dim);
            Arc::new(Pool::new(KeyValueShape { layers, heads, width }, kind))
        };
        let near = config.windows().map(|(tokens, layers)| {
            let pool = pool(layers);
            let bytes = pool.token_bytes();
            (pool, Windows { tokens, bytes })
        });
        Self { full: pool(counts[0]), near, places }
    }

    /// Heads and width of keys and values; the layers are those that see everything.
    pub(super) fn shape(&self) -> KeyValueShape {
        self.full.shape
    }

    pub(super) fn place(&self, layer: usize) -> Place {
        self.places[layer]
    }

    pub(super) fn windows(&self) -> Option<Windows> {
        self.near.as_ref().map(|(_, windows)| *windows)
    }

    /// Bytes of one token in all layers, padding included.
    pub(super) fn token_bytes(&self) -> usize {
        self.full.token_bytes() + self.windows().map_or(0, |windows| windows.bytes)
    }

    pub(super) fn parts(&self, block: &NativeBlock) -> [Option<BlockPart>; 2] {
        let part = |id: usize, of_token: usize| BlockPart { id, bytes: of_token * BLOCK_TOKENS };
        let near = block.near.as_ref().zip(self.windows());
        [
            Some(part(block.full.id(), self.full.token_bytes())),
            near.map(|(near, windows)| part(near.id(), windows.bytes)),
        ]
    }

    /// A sequence that begins with these pieces; of second parts with those behind which none is missing.
    pub(super) fn begin(&self, pieces: &[Piece<NativeBlock>]) -> NativeState {
        let full = |piece: &Piece<NativeBlock>| Piece {
            block: piece.block.full.clone(),
            tokens: piece.tokens,
        };
        let near = |piece: &Piece<NativeBlock>| {
            Some(Piece { block: piece.block.near.clone()?, tokens: piece.tokens })
        };
        let there = pieces.iter().rev().take_while(|piece| piece.block.near.is_some()).count();
        let (gone, there) = pieces.split_at(pieces.len() - there);
        let chain = || {
            let tokens = gone.iter().map(|piece| piece.tokens).sum();
            Chain::behind(gone.len(), tokens, there.iter().filter_map(near).collect())
        };
        NativeState {
            full: Chain::new(pieces.iter().map(full).collect()),
            near: self.near.as_ref().map(|_| chain()),
        }
    }
}

/// A block that sequences on a [`super::Native`] executor share; a clone shares its parts.
#[derive(Debug, Clone)]
pub struct NativeBlock {
    full: Shared<Block>,
    near: Option<Shared<Block>>,
}

impl NativeBlock {
    /// Without its second part.
    pub(super) fn thin(&self) -> Self {
        Self { full: self.full.clone(), near: None }
    }
}

/// One sequence on a [`super::Native`] executor.
#[derive(Debug)]
pub struct NativeState {
    full: Chain<Block>,
    near: Option<Chain<Block>>,
}

impl NativeState {
    /// Tokens of the sequence.
    pub(super) fn len(&self) -> usize {
        self.full.len()
    }

    /// What tells one of its blocks from another.
    pub(super) fn keys(&self) -> Vec<(usize, usize)> {
        self.full.keys()
    }

    /// Tokens of block number `index`, as [`Chain::block`] counts them.
    pub(super) fn tokens(&self, index: usize) -> usize {
        self.full.block(index).map_or(0, |(_, tokens)| tokens)
    }

    /// The numbers of block number `index`, of layers with windows or the others; `None` where it has let go of them.
    pub(super) fn numbers(&self, near: bool, index: usize) -> Option<&Numbers> {
        let chain = if near { self.near.as_ref()? } else { &self.full };
        Some(&chain.block(index)?.0.numbers)
    }

    /// Whether something is missing that its next token sees.
    pub(super) fn lacks(&self, windows: Option<Windows>) -> bool {
        let near = self.near.as_ref().zip(windows);
        near.is_some_and(|(near, windows)| !windows.reach(near.gone_tokens(), near.len()))
    }

    /// Makes room for `tokens` more.
    pub(super) fn reserve(&mut self, tokens: usize, store: &Store) {
        self.full.reserve(tokens, || store.full.take());
        if let Some((near, (pool, _))) = self.near.as_mut().zip(store.near.as_ref()) {
            near.reserve(tokens, || pool.take());
        }
    }

    /// Where the next `tokens` tokens go, for which there is room, in layers with windows or the others.
    pub(super) fn slots(&mut self, near: bool, tokens: usize) -> Vec<Slots<'_>> {
        match &mut self.near {
            Some(chain) if near => slots(chain, tokens),
            _ => slots(&mut self.full, tokens),
        }
    }

    /// Counts tokens that have been written to every layer, and lets go of what lies behind windows then.
    pub(super) fn advance(&mut self, tokens: usize, windows: Option<Windows>) {
        self.full.advance(tokens);
        if let Some((near, windows)) = self.near.as_mut().zip(windows) {
            near.advance(tokens);
            near.let_go(windows.behind(near.len()));
        }
    }

    /// The whole sequence in pieces, which it shares from now on.
    pub(super) fn pieces(&mut self) -> Vec<Piece<NativeBlock>> {
        let full = self.full.pieces();
        let near = self.near.as_mut().map(Chain::pieces).unwrap_or_default();
        let missing = full.len() - near.len();
        let near = std::iter::repeat_n(None, missing).chain(near.into_iter().map(Some));
        let pieces = full.into_iter().zip(near).map(|(full, near)| Piece {
            block: NativeBlock { full: full.block, near: near.map(|near| near.block) },
            tokens: full.tokens,
        });
        pieces.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testing::tiny_config;
    use crate::weights::config::{Attends, Switches};

    /// A line of 1,000 tokens writes the second parts of all its blocks into the memory of a few.
    #[test]
    fn what_is_let_go_of_is_memory_for_what_comes() {
        let near = Attends { window: Some(40), ..Attends::default() };
        let layers = vec![Attends::default(), near];
        let switches = Switches { layers, ..Switches::default() };
        let store = Store::new(&ModelConfig { switches, ..tiny_config("llama") }, KeyValues::F16);
        let windows = store.windows().unwrap();
        let mut state = store.begin(&[]);
        let mut places = [BTreeSet::new(), BTreeSet::new()];
        for _ in 0..1_000 {
            state.reserve(1, &store);
            for (near, places) in [false, true].into_iter().zip(&mut places) {
                let index = state.keys().len() - 1;
                let numbers = state.numbers(near, index).unwrap();
                places.insert(numbers.f16().0.as_ptr().addr());
            }
            state.advance(1, Some(windows));
        }
        assert_eq!(places[0].len(), 1_000_usize.div_ceil(BLOCK_TOKENS));
        assert!(
            places[1].len() <= windows.kept().div_ceil(BLOCK_TOKENS) + 1,
            "{}",
            places[1].len()
        );
        // Shared with another sequence, nothing is given back before that one lets go as well.
        let pieces = state.pieces();
        let held = |index: usize| store.parts(&pieces[index].block)[1].is_some();
        assert!(!held(56) && held(60));
        let mut other = store.begin(&pieces);
        for _ in 0..200 {
            state.reserve(1, &store);
            state.advance(1, Some(windows));
        }
        assert!(state.numbers(true, 60).is_none() && other.numbers(true, 60).is_some());
        assert_eq!((other.len(), other.lacks(Some(windows))), (1_000, false));
        assert_eq!(store.parts(&other.pieces()[60].block), store.parts(&pieces[60].block));
        assert_eq!(store.token_bytes(), store.full.token_bytes() + windows.bytes);
    }
}
