//! Blocks of a device as the host knows them: numbers of places, no keys or values.
//!
//! A sequence is a [`Chain`] of such numbers. Dropping the last owner of a block gives its number
//! back; a pass that still reads it is safe, for all work of a device is done in the order in which
//! it was asked for.

use std::sync::{Arc, Mutex, PoisonError};

use crate::BLOCK_TOKENS;
use crate::exec::chain::{Chain, Shared};

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

    pub(super) fn take(self: &Arc<Self>) -> Block {
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = numbers.free.pop().unwrap_or_else(|| {
            numbers.made += 1;
            numbers.made - 1
        });
        Block { number, pool: Arc::clone(self) }
    }
}

/// A place for the keys and values of up to 16 tokens; goes back to its pool when it is dropped.
#[derive(Debug)]
pub struct Block {
    number: u32,
    pool: Arc<Pool>,
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut numbers = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.free.push(self.number);
    }
}

/// A block that sequences on a [`super::Gpu`] executor share.
pub type GpuBlock = Shared<Block>;

/// One sequence on a [`super::Gpu`] executor.
pub type GpuState = Chain<Block>;

/// The blocks, and the tokens of each, once `tokens` more are there, for which there is room.
pub(super) fn blocks(state: &GpuState, tokens: usize) -> impl Iterator<Item = (u32, usize)> {
    let (tail, held) = state.tail();
    let before = state.blocks() - tail.len();
    let count = move |index: usize, all: usize| match index.checked_sub(before) {
        None => all,
        Some(own) => (held + tokens).saturating_sub(own * BLOCK_TOKENS).min(BLOCK_TOKENS),
    };
    let blocks = (0..state.blocks()).filter_map(move |index| {
        let (block, all) = state.block(index)?;
        Some((block.number, count(index, all)))
    });
    blocks.filter(|&(_, tokens)| tokens > 0)
}

/// The slot of the token that comes `offset` tokens after the present last one.
pub(super) fn slot(state: &GpuState, offset: usize) -> usize {
    let (tail, held) = state.tail();
    let at = held + offset;
    tail[at / BLOCK_TOKENS].number as usize * BLOCK_TOKENS + at % BLOCK_TOKENS
}
