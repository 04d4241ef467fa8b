//! Keys and values of one sequence, in blocks that sequences share.
//!
//! A sequence is a chain of shared blocks and a tail of its own ones. Sharing freezes the tail; the
//! sequence then goes on in a fresh block, so that nothing shared is ever written to and nothing is
//! copied. The price is a block that may stay partly empty where sequences part. Blocks that nobody
//! uses any more go back to a pool, for memory that is already mapped is faster than fresh one.

use std::sync::{Arc, Mutex, PoisonError};

use half::f16;

use crate::kernels::KeyValueShape;
use crate::{BLOCK_TOKENS, Piece};

/// Element type of keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyValueType {
    F32,
    F16,
}

/// Keys and values of up to 16 tokens, in every layer.
#[derive(Debug)]
pub(super) enum Numbers {
    F32(Box<[f32]>),
    F16(Box<[f16]>),
}

/// Blocks of one shape, kept for reuse.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) shape: KeyValueShape,
    kind: KeyValueType,
    free: Mutex<Vec<Numbers>>,
}

/// Bytes of blocks kept for reuse, at most.
const MOST_FREE: usize = 64 << 20;

impl Pool {
    pub(super) fn new(shape: KeyValueShape, kind: KeyValueType) -> Self {
        Self { shape, kind, free: Mutex::default() }
    }

    /// Bytes of one token, padding included.
    pub(super) fn token_bytes(&self) -> usize {
        let element = match self.kind {
            KeyValueType::F32 => size_of::<f32>(),
            KeyValueType::F16 => size_of::<f16>(),
        };
        self.shape.elements() / BLOCK_TOKENS * element
    }

    fn take(self: &Arc<Self>) -> Block {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let numbers = free.unwrap_or_else(|| match self.kind {
            KeyValueType::F32 => Numbers::F32(vec![0.0; self.shape.elements()].into_boxed_slice()),
            KeyValueType::F16 => {
                Numbers::F16(vec![f16::ZERO; self.shape.elements()].into_boxed_slice())
            }
        });
        Block { numbers, pool: Arc::clone(self) }
    }
}

/// A block; goes back to its pool when it is dropped.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) numbers: Numbers,
    pool: Arc<Pool>,
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut free = self.pool.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() * self.pool.token_bytes() * BLOCK_TOKENS < MOST_FREE {
            free.push(std::mem::replace(&mut self.numbers, Numbers::F32(Box::default())));
        }
    }
}

/// A block that sequences share.
#[derive(Debug, Clone)]
pub struct NativeBlock(pub(super) Arc<Block>);

impl NativeBlock {
    pub(super) fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

/// One sequence on a [`super::Native`] executor.
#[derive(Debug)]
pub struct NativeState {
    shared: Vec<Piece<NativeBlock>>,
    /// Tokens in `shared`.
    shared_tokens: usize,
    /// Full blocks but for the last ones.
    tail: Vec<Block>,
    tail_tokens: usize,
    pool: Arc<Pool>,
}

/// Rows that go to one block: numbers, first slot, and which rows.
pub(super) type Slots<'a> = (&'a mut Numbers, usize, std::ops::Range<usize>);

impl NativeState {
    pub(super) fn new(pool: &Arc<Pool>, pieces: &[Piece<NativeBlock>]) -> Self {
        Self {
            shared: pieces.to_vec(),
            shared_tokens: pieces.iter().map(|piece| piece.tokens).sum(),
            tail: Vec::new(),
            tail_tokens: 0,
            pool: Arc::clone(pool),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shared_tokens + self.tail_tokens
    }

    /// Makes room for `tokens` more.
    pub(super) fn reserve(&mut self, tokens: usize) {
        let blocks = (self.tail_tokens + tokens).div_ceil(BLOCK_TOKENS);
        while self.tail.len() < blocks {
            self.tail.push(self.pool.take());
        }
    }

    /// Where the next `tokens` tokens go, for which there is room.
    pub(super) fn slots(&mut self, tokens: usize) -> Vec<Slots<'_>> {
        let first = self.tail_tokens;
        let mut row = 0;
        let blocks = self.tail.iter_mut().enumerate().skip(first / BLOCK_TOKENS);
        let slots = blocks.map_while(|(index, block)| {
            let slot = (first + row) - index * BLOCK_TOKENS;
            let rows = row..tokens.min(row + BLOCK_TOKENS - slot);
            row = rows.end;
            (!rows.is_empty()).then_some((&mut block.numbers, slot, rows))
        });
        slots.collect()
    }

    /// Counts tokens that have been written to every layer.
    pub(super) fn advance(&mut self, tokens: usize) {
        self.tail_tokens += tokens;
    }

    /// Freezes the tail.
    pub(super) fn pieces(&mut self) -> Vec<Piece<NativeBlock>> {
        for block in self.tail.drain(..) {
            // Room that was made for a pass that failed stays empty.
            let tokens = self.tail_tokens.min(BLOCK_TOKENS);
            if tokens > 0 {
                self.tail_tokens -= tokens;
                self.shared_tokens += tokens;
                self.shared.push(Piece { block: NativeBlock(Arc::new(block)), tokens });
            }
        }
        self.shared.clone()
    }

    /// Number of blocks, the tail's included.
    pub(super) fn blocks(&self) -> usize {
        self.shared.len() + self.tail.len()
    }

    /// Block number `index`, and its tokens; those of a last block are all that may be there once
    /// the present pass has written them.
    pub(super) fn block(&self, index: usize) -> (&Numbers, usize) {
        match self.shared.get(index) {
            Some(piece) => (&piece.block.0.numbers, piece.tokens),
            None => (&self.tail[index - self.shared.len()].numbers, BLOCK_TOKENS),
        }
    }

    /// What tells one block from another.
    pub(super) fn key(&self, index: usize) -> (usize, usize) {
        match self.shared.get(index) {
            Some(piece) => (piece.block.id(), piece.tokens),
            None => {
                (std::ptr::from_ref(&self.tail[index - self.shared.len()]).addr(), BLOCK_TOKENS)
            }
        }
    }
}
