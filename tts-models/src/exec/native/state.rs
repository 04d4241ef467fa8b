//! Keys and values in blocks of a pool, and where a pass writes its own.
//!
//! A sequence is a [`Chain`] of blocks. Blocks that nobody uses any more go back to a pool, for
//! memory that is already mapped is faster than fresh one.

use std::sync::{Arc, Mutex, PoisonError};

use half::f16;

use crate::BLOCK_TOKENS;
use crate::exec::chain::{Chain, Shared};
use crate::kernels::KeyValueShape;

/// Element type of keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyValueType {
    F32,
    F16,
}

/// The numbers of a block.
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

    pub(super) fn take(self: &Arc<Self>) -> Block {
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

/// Keys and values of up to 16 tokens, in every layer; goes back to its pool when it is dropped.
#[derive(Debug)]
pub struct Block {
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

/// A block that sequences on a [`super::Native`] executor share.
pub type NativeBlock = Shared<Block>;

/// One sequence on a [`super::Native`] executor.
pub type NativeState = Chain<Block>;

/// Rows that go to one block: numbers, first slot, and which rows.
pub(super) type Slots<'a> = (&'a mut Numbers, usize, std::ops::Range<usize>);

/// Where the next `tokens` tokens go, for which there is room.
pub(super) fn slots(state: &mut NativeState, tokens: usize) -> Vec<Slots<'_>> {
    let (tail, first) = state.tail_mut();
    let mut row = 0;
    let blocks = tail.iter_mut().enumerate().skip(first / BLOCK_TOKENS);
    let slots = blocks.map_while(|(index, block)| {
        let slot = (first + row) - index * BLOCK_TOKENS;
        let rows = row..tokens.min(row + BLOCK_TOKENS - slot);
        row = rows.end;
        (!rows.is_empty()).then_some((&mut block.numbers, slot, rows))
    });
    slots.collect()
}
