//! Integer weights: blocks of 32 inputs with a scale, multiplied with 8-bit inputs.
//!
//! A weight is `scale * (level - offset)` or `scale * level + minimum`, with levels of 4 or 8 bits
//! and no sign, the operand that AVX-512's dot product wants so. Inputs are rounded to signed bytes
//! in the same blocks of 32 ([`super::input`]). Within a block the products are summed as integers,
//! exactly; across blocks, front to back, in f32:
//! `y += scale * x_scale * (sum(level * x) - offset * sum(x))`, and with a minimum
//! `y += minimum * x_scale * sum(x)`.
//!
//! ggml's types map onto this: `Q8_0` (offset 128), `Q4_0` (8), `Q5_0` (16), `Q4_1` and `Q5_1`
//! (minimum) and `MXFP4` (offset 128) exactly; the sub-blocks of `Q4_K` and `Q5_K` with their scales multiplied out and
//! rounded to f16; `Q6_K`, whose sub-blocks have 16 inputs, is rounded to 8 bits.

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
mod pack;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod quantised;
pub(super) mod tile;

#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub(crate) use quantised::Quantised;

use half::f16;

use super::matrix::{Line, PANEL};
use super::memory::Placed;

/// Inputs of a block.
pub(super) const BLOCK: usize = 32;

/// Sixteen f16 numbers: one for each output of a panel.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(32))]
pub(crate) struct Halves(pub(super) [u16; PANEL]);

/// What turns levels into weights, beside the scale.
#[derive(Debug)]
enum Base<H> {
    /// Subtracted from each level.
    Offset(i32),
    /// Added to each weight: `[panels, blocks]`.
    Minima(H),
}

/// Packed integer weights, in memory for reading or, while they are packed, for writing.
#[derive(Debug)]
pub(crate) struct Int8Panels<L = Placed<Line<[u8; 64]>>, H = Placed<Halves>> {
    pub(super) outputs: usize,
    pub(super) inputs: usize,
    /// Blocks along the inputs; the last is filled up with zeros.
    blocks: usize,
    /// `[panels, blocks, lines of a block]`: byte `4 * output + i` of line `g` is the level of input
    /// `4 * g + i`. With 4 bits there are four lines, and the high nibbles belong to `g + 4`.
    levels: L,
    four_bits: bool,
    /// `[panels, blocks]`.
    scales: H,
    base: Base<H>,
}

/// The levels of a panel.
#[derive(Debug, Clone, Copy)]
pub(super) enum Levels<'a> {
    Four(&'a [[Line<[u8; 64]>; 4]]),
    Eight(&'a [[Line<[u8; 64]>; 8]]),
}

impl<'a> Levels<'a> {
    fn four(&self) -> Option<&'a [[Line<[u8; 64]>; 4]]> {
        if let Self::Four(levels) = *self { Some(levels) } else { None }
    }

    fn eight(&self) -> Option<&'a [[Line<[u8; 64]>; 8]]> {
        if let Self::Eight(levels) = *self { Some(levels) } else { None }
    }
}

/// One panel: everything `[blocks]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Int8Panel<'a> {
    pub(super) levels: Levels<'a>,
    pub(super) scales: &'a [Halves],
    /// Empty where there is an offset.
    pub(super) minima: &'a [Halves],
    pub(super) offset: i32,
}

impl Int8Panels {
    pub(super) fn bytes(&self) -> usize {
        let minima = match &self.base {
            Base::Offset(_) => 0,
            Base::Minima(minima) => size_of_val(&**minima),
        };
        size_of_val(&*self.levels) + size_of_val(&*self.scales) + minima
    }

    /// Whether panels of both can be multiplied side by side.
    pub(super) fn pairs_with(&self, other: &Self) -> bool {
        let minima = |panels: &Self| matches!(panels.base, Base::Minima(_));
        self.four_bits == other.four_bits && minima(self) == minima(other)
    }

    pub(super) fn panel(&self, index: usize) -> Int8Panel<'_> {
        let blocks = index * self.blocks..(index + 1) * self.blocks;
        let (minima, offset) = match &self.base {
            Base::Offset(offset) => (&[][..], *offset),
            Base::Minima(minima) => (&minima[blocks.clone()], 0),
        };
        let scales = &self.scales[blocks.clone()];
        let levels = if self.four_bits {
            Levels::Four(&self.levels.as_chunks().0[blocks])
        } else {
            Levels::Eight(&self.levels.as_chunks().0[blocks])
        };
        Int8Panel { levels, scales, minima, offset }
    }
}

impl Int8Panel<'_> {
    /// Whether both can be multiplied side by side.
    pub(super) fn pairs_with(&self, other: &Self) -> bool {
        self.levels.four().is_some() == other.levels.four().is_some()
            && self.minima.is_empty() == other.minima.is_empty()
    }

    /// The level of an input of output `lane`.
    fn level(&self, lane: usize, block: usize, input: usize) -> u8 {
        let (line, byte) = (input / 4, 4 * lane + input % 4);
        match self.levels {
            Levels::Eight(blocks) => blocks[block][line].0[byte],
            Levels::Four(blocks) if line < 4 => blocks[block][line].0[byte] & 15,
            Levels::Four(blocks) => blocks[block][line - 4].0[byte] >> 4,
        }
    }

    /// Appends the weights of output `lane`.
    pub(super) fn output(&self, lane: usize, out: &mut Vec<f32>) {
        for (block, scales) in self.scales.iter().enumerate() {
            let scale = f16::from_bits(scales.0[lane]).to_f32();
            let minimum = self.minima.get(block);
            let minimum = minimum.map_or(0.0, |minima| f16::from_bits(minima.0[lane]).to_f32());
            let mut levels = [0; BLOCK];
            for (line, levels) in levels.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                for (input, level) in levels.iter_mut().enumerate() {
                    *level = self.level(lane, block, 4 * line + input);
                }
            }
            let weight = |level: u8| scale * (i32::from(level) - self.offset) as f32 + minimum;
            out.extend(levels.map(weight));
        }
    }
}
