//! Keys and values in blocks of a pool, and where a pass writes its own.
//!
//! A sequence is one or two [`Chain`]s of blocks (see the module `store`). Blocks that nobody uses any more go back to a pool, for
//! memory that is already mapped is faster than fresh one.

use std::sync::{Arc, Mutex, PoisonError};

use half::f16;

use super::KeyValues;
use crate::BLOCK_TOKENS;
use crate::exec::chain::Chain;
use crate::kernels::KeyValueShape;

/// The numbers of a block.
#[derive(Debug)]
pub(super) enum Numbers {
    F32(Box<[f32]>),
    F16(Box<[f16]>),
    /// Codes, and their factors.
    Int8(Box<[i8]>, Box<[f32]>),
}

/// Numbers of each type, and their factors; none of another type.
impl Numbers {
    pub(super) fn f32(&self) -> (&[f32], &[f32]) {
        match self {
            Self::F32(numbers) => (numbers, &[]),
            _ => (&[], &[]),
        }
    }

    pub(super) fn f16(&self) -> (&[f16], &[f32]) {
        match self {
            Self::F16(numbers) => (numbers, &[]),
            _ => (&[], &[]),
        }
    }

    pub(super) fn int8(&self) -> (&[i8], &[f32]) {
        match self {
            Self::Int8(codes, factors) => (codes, factors),
            _ => (&[], &[]),
        }
    }
}

/// Blocks of one shape, kept for reuse.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) shape: KeyValueShape,
    kind: KeyValues,
    free: Mutex<Vec<Numbers>>,
}

/// Bytes of blocks kept for reuse, at most.
const MOST_FREE: usize = 64 << 20;

impl Pool {
    /// Of a type that is said: not [`KeyValues::Auto`], which is f32 here.
    pub(super) fn new(shape: KeyValueShape, kind: KeyValues) -> Self {
        Self { shape, kind, free: Mutex::default() }
    }

    /// Bytes of one token, padding included.
    pub(super) fn token_bytes(&self) -> usize {
        let (elements, factors) = (self.shape.elements(), self.shape.factors());
        let bytes = match self.kind {
            KeyValues::Auto | KeyValues::F32 => elements * size_of::<f32>(),
            KeyValues::F16 => elements * size_of::<f16>(),
            KeyValues::Int8 => elements + factors * size_of::<f32>(),
        };
        bytes / BLOCK_TOKENS
    }

    pub(super) fn take(self: &Arc<Self>) -> Block {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let elements = self.shape.elements();
        let numbers = free.unwrap_or_else(|| match self.kind {
            KeyValues::Auto | KeyValues::F32 => {
                Numbers::F32(vec![0.0; elements].into_boxed_slice())
            }
            KeyValues::F16 => Numbers::F16(vec![f16::ZERO; elements].into_boxed_slice()),
            KeyValues::Int8 => {
                let factors = vec![0.0; self.shape.factors()];
                Numbers::Int8(vec![0; elements].into_boxed_slice(), factors.into_boxed_slice())
            }
        });
        Block { numbers, pool: Arc::clone(self) }
    }
}

/// Keys and values of up to 16 tokens, in every layer; goes back to its pool when it is dropped.
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

/// Rows that go to one block: numbers, first slot, and which rows.
pub(super) type Slots<'a> = (&'a mut Numbers, usize, std::ops::Range<usize>);

/// Where the next `tokens` tokens go, for which there is room.
pub(super) fn slots(chain: &mut Chain<Block>, tokens: usize) -> Vec<Slots<'_>> {
    let (tail, first) = chain.tail_mut();
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
