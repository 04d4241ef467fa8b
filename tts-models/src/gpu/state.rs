//! Sequences as chains of blocks of a pool, on the host: numbers of blocks, no keys or values.
//!
//! As on the CPU, a sequence is a chain of shared blocks and a tail of its own ones; sharing freezes
//! the tail, and the sequence goes on in a fresh block. A block is a number; dropping its last owner
//! gives the number back. A pass that still reads the block is safe, for all work of a device is
//! done in the order in which it was asked for.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{BLOCK_TOKENS, Piece};

/// Which blocks are in use.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    free: Vec<u32>,
    /// How many there are, free ones included.
    made: u32,
}

impl Pool {
    /// How many blocks a device must have room for.
    pub(super) fn made(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).made as usize
    }

    fn take(self: &Arc<Self>) -> Block {
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = numbers.free.pop().unwrap_or_else(|| {
            numbers.made += 1;
            numbers.made - 1
        });
        Block { number, pool: Arc::clone(self) }
    }
}

/// A block; goes back to its pool when it is dropped.
#[derive(Debug)]
struct Block {
    number: u32,
    pool: Arc<Pool>,
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut numbers = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.free.push(self.number);
    }
}

/// A block that sequences share.
#[derive(Debug, Clone)]
pub struct GpuBlock(Arc<Block>);

impl GpuBlock {
    pub(super) fn id(&self) -> usize {
        self.0.number as usize
    }
}

/// One sequence on a [`super::Gpu`] executor.
#[derive(Debug)]
pub struct GpuState {
    shared: Vec<Piece<GpuBlock>>,
    /// Tokens in `shared`.
    shared_tokens: usize,
    /// Full blocks but for the last ones.
    tail: Vec<Block>,
    tail_tokens: usize,
    pool: Arc<Pool>,
}

impl GpuState {
    pub(super) fn new(pool: &Arc<Pool>, pieces: &[Piece<GpuBlock>]) -> Self {
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

    /// The blocks, and the tokens of each, once `tokens` more are there, for which there is room.
    pub(super) fn blocks(&self, tokens: usize) -> impl Iterator<Item = (u32, usize)> {
        let all = self.tail_tokens + tokens;
        let tail = self.tail.iter().enumerate().map(move |(index, block)| {
            let before = index * BLOCK_TOKENS;
            (block.number, all.saturating_sub(before).min(BLOCK_TOKENS))
        });
        let shared = self.shared.iter().map(|piece| (piece.block.0.number, piece.tokens));
        shared.chain(tail).filter(|&(_, tokens)| tokens > 0)
    }

    /// The slot of the token that comes `offset` tokens after the present last one.
    pub(super) fn slot(&self, offset: usize) -> usize {
        let at = self.tail_tokens + offset;
        self.tail[at / BLOCK_TOKENS].number as usize * BLOCK_TOKENS + at % BLOCK_TOKENS
    }

    /// Counts tokens that have been written to every layer.
    pub(super) fn advance(&mut self, tokens: usize) {
        self.tail_tokens += tokens;
    }

    /// Freezes the tail.
    pub(super) fn pieces(&mut self) -> Vec<Piece<GpuBlock>> {
        for block in self.tail.drain(..) {
            // Room that was made for a pass that failed stays empty.
            let tokens = self.tail_tokens.min(BLOCK_TOKENS);
            if tokens > 0 {
                self.tail_tokens -= tokens;
                self.shared_tokens += tokens;
                self.shared.push(Piece { block: GpuBlock(Arc::new(block)), tokens });
            }
        }
        self.shared.clone()
    }
}
