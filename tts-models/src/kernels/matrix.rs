//! Weight matrices `[outputs, inputs]`, packed once for the kernels.
//!
//! Sixteen outputs make a panel. Along the inputs a panel holds, for each of them, the sixteen
//! weights side by side, so that one vector register is sixteen outputs and an input is broadcast:
//! no product ever needs a sum across a register. Weights keep the element type that they were
//! stored with, where there are dot products for it: f32, BF16, and integers of 4 or 8 bits in
//! blocks of 32 inputs with a scale (see [`super::int8`]).

use std::ops::{Deref, Range};

use super::int8::{Int8Panel, Int8Panels, Levels};
use super::memory::Placed;
use super::prefetch;
use crate::weights::RawTensor;
use crate::{ModelError, WeightFormat};

/// Outputs of a panel.
pub(crate) const PANEL: usize = 16;

/// A line of the first cache level: one vector register.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Line<T>(pub(super) T);

/// Packed weights. The last panel is filled up with zeros.
#[derive(Debug)]
pub(crate) enum Matrix {
    F32 {
        outputs: usize,
        inputs: usize,
        panels: Panels<[f32; PANEL]>,
    },
    /// Two inputs side by side in each number, the first in the low half.
    Bf16 {
        outputs: usize,
        inputs: usize,
        panels: Panels<[u32; PANEL]>,
    },
    Int8(Int8Panels),
}

/// Where panels lie.
#[derive(Debug)]
pub(crate) enum Panels<T: Copy + 'static> {
    /// Packed once, for a model's life.
    Placed(Placed<Line<T>>),
    /// Packed again and again (see [`super::operand`]).
    Reused(Vec<Line<T>>),
}

impl<T: Copy> Deref for Panels<T> {
    type Target = [Line<T>];

    fn deref(&self) -> &[Line<T>] {
        match self {
            Self::Placed(lines) => lines,
            Self::Reused(lines) => lines,
        }
    }
}

/// One panel of a matrix.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Panel<'a> {
    /// `[inputs]`.
    F32(&'a [Line<[f32; PANEL]>]),
    /// `[inputs / 2]`.
    Bf16(&'a [Line<[u32; PANEL]>]),
    Int8(Int8Panel<'a>),
}

impl Panel<'_> {
    /// Steps along the inputs: lines, or blocks.
    pub(super) fn steps(&self) -> usize {
        match self {
            Self::F32(lines) => lines.len(),
            Self::Bf16(lines) => lines.len(),
            Self::Int8(panel) => panel.scales.len(),
        }
    }

    /// Asks for the memory of some of the steps, of which there may be fewer.
    #[inline]
    pub(super) fn prefetch(&self, steps: Range<usize>) {
        fn some<T>(all: &[T], steps: Range<usize>) {
            prefetch(&all[steps.start.min(all.len())..steps.end.min(all.len())]);
        }
        match self {
            Self::F32(lines) => some(lines, steps),
            Self::Bf16(lines) => some(lines, steps),
            Self::Int8(panel) => {
                match panel.levels {
                    Levels::Four(levels) => some(levels, steps.clone()),
                    Levels::Eight(levels) => some(levels, steps.clone()),
                }
                some(panel.scales, steps.clone());
                some(panel.minima, steps);
            }
        }
    }
}

impl Matrix {
    /// Packs weights `[outputs, inputs]` in f32.
    fn from_f32(weights: &[f32], inputs: usize) -> Self {
        let outputs = weights.len() / inputs;
        let mut panels = vec![Line([0.0; PANEL]); outputs.div_ceil(PANEL) * inputs];
        for (output, row) in weights.chunks_exact(inputs).enumerate() {
            let panel = &mut panels[output / PANEL * inputs..][..inputs];
            for (line, weight) in panel.iter_mut().zip(row) {
                line.0[output % PANEL] = *weight;
            }
        }
        Self::F32 { outputs, inputs, panels: Panels::Placed(Placed::of(&panels)) }
    }

    /// Packs weights `[outputs, inputs]`, rounded to BF16. Numbers below its smallest normal one
    /// become 0, as the instruction reads them.
    fn to_bf16(weights: &[f32], inputs: usize) -> Self {
        let outputs = weights.len() / inputs;
        let pairs = inputs.div_ceil(2);
        let mut panels = vec![Line([0; PANEL]); outputs.div_ceil(PANEL) * pairs];
        for (output, row) in weights.chunks_exact(inputs).enumerate() {
            let panel = &mut panels[output / PANEL * pairs..][..pairs];
            for (line, pair) in panel.iter_mut().zip(row.chunks(2)) {
                line.0[output % PANEL] = bf16_pair(pair);
            }
        }
        Self::Bf16 { outputs, inputs, panels: Panels::Placed(Placed::of(&panels)) }
    }

    /// Packs a tensor `[outputs, inputs]` of a quantised type.
    ///
    /// # Errors
    /// When its bytes are not what its shape asks for, or a scale is not finite.
    pub(crate) fn of_blocks(tensor: &RawTensor) -> Result<Self, ModelError> {
        Ok(Self::Int8(Int8Panels::from_blocks(tensor)?))
    }

    /// Packs finite weights `[outputs, inputs]`.
    pub(crate) fn of(weights: &[f32], inputs: usize, format: WeightFormat) -> Self {
        match format {
            WeightFormat::Stored | WeightFormat::F32 => Self::from_f32(weights, inputs),
            WeightFormat::Bf16 => Self::to_bf16(weights, inputs),
            WeightFormat::Int8 => Self::Int8(Int8Panels::rounded(weights, inputs)),
        }
    }

    pub(crate) fn outputs(&self) -> usize {
        match self {
            Self::F32 { outputs, .. } | Self::Bf16 { outputs, .. } => *outputs,
            Self::Int8(panels) => panels.outputs,
        }
    }

    pub(crate) fn inputs(&self) -> usize {
        match self {
            Self::F32 { inputs, .. } | Self::Bf16 { inputs, .. } => *inputs,
            Self::Int8(panels) => panels.inputs,
        }
    }

    /// Bytes of the packed weights.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::F32 { panels, .. } => size_of_val(&**panels),
            Self::Bf16 { panels, .. } => size_of_val(&**panels),
            Self::Int8(panels) => panels.bytes(),
        }
    }

    /// Whether panels of both can be multiplied side by side.
    pub(super) fn pairs_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::F32 { .. }, Self::F32 { .. }) | (Self::Bf16 { .. }, Self::Bf16 { .. }) => true,
            (Self::Int8(one), Self::Int8(other)) => one.pairs_with(other),
            _ => false,
        }
    }

    /// Number of panels.
    pub(super) fn panels(&self) -> usize {
        self.outputs().div_ceil(PANEL)
    }

    pub(super) fn panel(&self, index: usize) -> Panel<'_> {
        match self {
            Self::F32 { inputs, panels, .. } => {
                Panel::F32(&panels[index * inputs..(index + 1) * inputs])
            }
            Self::Bf16 { inputs, panels, .. } => {
                let pairs = inputs.div_ceil(2);
                Panel::Bf16(&panels[index * pairs..(index + 1) * pairs])
            }
            Self::Int8(panels) => Panel::Int8(panels.panel(index)),
        }
    }

    /// The weights of one output, `[inputs]`, in f32: for looking up embeddings.
    pub(crate) fn output(&self, output: usize, out: &mut Vec<f32>) {
        out.clear();
        let lane = output % PANEL;
        match self.panel(output / PANEL) {
            Panel::F32(lines) => out.extend(lines.iter().map(|line| line.0[lane])),
            Panel::Bf16(lines) => {
                for line in lines {
                    out.push(f32::from_bits(line.0[lane] << 16));
                    out.push(f32::from_bits(line.0[lane] & 0xffff_0000));
                }
            }
            Panel::Int8(panel) => panel.output(lane, out),
        }
        out.truncate(self.inputs());
    }
}

/// The bits of a number rounded to BF16, the nearest and of two the even one. Numbers below its
/// smallest normal one become 0, as the instruction reads them.
#[inline(always)]
#[expect(clippy::inline_always, reason = "takes on its caller's instruction set")]
pub(super) fn bf16_bits(x: f32) -> u32 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    let number = bits & 0x7fff_ffff <= 0x7f80_0000;
    // What is not a number stays none, whatever its lowest bits were.
    let rounded = if number { rounded } else { bits >> 16 | 0x40 };
    if rounded & 0x7f80 == 0 { rounded & 0x8000 } else { rounded }
}

/// Two numbers, or one and 0, in BF16.
pub(super) fn bf16_pair(pair: &[f32]) -> u32 {
    let bits = |x: Option<&f32>| bf16_bits(x.copied().unwrap_or(0.0));
    bits(pair.first()) | bits(pair.get(1)) << 16
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::bf16_bits;

    #[test]
    fn rounding_to_bf16_is_that_of_half_but_for_subnormal_numbers() {
        let mut rng = tts_core::seed::rng(1);
        let mut random = || {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "32 bits")]
            let bits = (rng.uniform() * 4_294_967_296.0) as u32;
            bits
        };
        let special = [
            0,
            1,
            0x7f_ffff,
            0x80_0000,
            0x7f7f_ffff,
            0x7f80_0000,
            0x7f80_0001,
            0x3f80_8000,
            0x3f81_8000,
        ];
        let all = (0..100_000).map(|_| random()).chain(special.map(|bits| bits | 1 << 31));
        for bits in all.chain(special) {
            let expected = bf16::from_f32(f32::from_bits(bits)).to_bits();
            let small = expected & 0x7f80 == 0;
            let expected = if small { expected & 0x8000 } else { expected };
            assert_eq!(bf16_bits(f32::from_bits(bits)), u32::from(expected), "{bits:08x}");
        }
    }
}
