//! Keys and values in blocks of a pool, and where a pass writes its own.
//!
//! A sequence is one or two [`Chain`]s of blocks (see the module `store`). Their memory is that of an [`Arena`], to which it goes back.

use std::sync::Arc;

use half::f16;

use super::KeyValues;
use crate::BLOCK_TOKENS;
use crate::exec::chain::Chain;
use crate::kernels::{Arena, KeyValueShape, Taken};

/// The numbers of a block.
#[derive(Debug)]
pub(super) enum Numbers {
    F32(Taken<f32>),
    F16(Taken<f16>),
    /// Codes, and their factors.
    Int8(Taken<i8>, Taken<f32>),
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

/// Blocks of one shape.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) shape: KeyValueShape,
    arenas: Arenas,
}

/// What blocks of each type are taken from.
#[derive(Debug)]
enum Arenas {
    F32(Arc<Arena<f32>>),
    F16(Arc<Arena<f16>>),
    Int8(Arc<Arena<i8>>, Arc<Arena<f32>>),
}

impl Pool {
    /// Of a type that is said: not [`KeyValues::Auto`], which is f32 here.
    pub(super) fn new(shape: KeyValueShape, kind: KeyValues) -> Self {
        let elements = shape.elements();
        let arenas = match kind {
            KeyValues::Auto | KeyValues::F32 => Arenas::F32(Arc::new(Arena::new(elements))),
            KeyValues::F16 => Arenas::F16(Arc::new(Arena::new(elements))),
            KeyValues::Int8 => {
                let factors = Arc::new(Arena::new(shape.factors()));
                Arenas::Int8(Arc::new(Arena::new(elements)), factors)
            }
        };
        Self { shape, arenas }
    }

    /// Bytes of one token, padding included.
    pub(super) fn token_bytes(&self) -> usize {
        let (elements, factors) = (self.shape.elements(), self.shape.factors());
        let bytes = match self.arenas {
            Arenas::F32(_) => elements * size_of::<f32>(),
            Arenas::F16(_) => elements * size_of::<f16>(),
            Arenas::Int8(..) => elements + factors * size_of::<f32>(),
        };
        bytes / BLOCK_TOKENS
    }

    pub(super) fn take(&self) -> Block {
        let numbers = match &self.arenas {
            Arenas::F32(numbers) => Numbers::F32(numbers.take()),
            Arenas::F16(numbers) => Numbers::F16(numbers.take()),
            Arenas::Int8(codes, factors) => Numbers::Int8(codes.take(), factors.take()),
        };
        Block { numbers }
    }
}

/// Keys and values of up to 16 tokens, in the layers of its pool.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) numbers: Numbers,
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
