//! Rows in the forms that matrices are multiplied with.
//!
//! A matrix of integers wants its input in signed bytes, in blocks of 32 with a scale of their own
//! (the largest magnitude is 127), and the sum of each block; one of BF16 wants pairs of BF16; one of
//! f32 the row as it is. An [`Input`] holds the forms that a projection's matrices need. A block with
//! a number that is not finite gets the scale NaN, so that it is not lost.
//!
//! Where precision matters, an input is made fine: a block in which one number towers over the others,
//! more than [`TOWERING`] times the root mean square, is followed by a second one that holds what
//! rounding the first has left over. Language models have such channels, and attention feels what the
//! others lose beside them: with queries, keys and values from fine inputs, `SmolLM2`'s perplexity on
//! worked grade-school problems rises by a third as much (0.16 instead of 0.50 %).

use super::elementwise::{LANES, sum_lanes};
use super::int8::BLOCK;
use super::matrix::{Matrix, bf16_bits, bf16_pair};
use super::{Team, for_each_isa};

/// 32 inputs as signed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Bytes {
    /// Four bytes each, the first in the lowest.
    pub(super) words: [i32; 8],
    /// The sum of the bytes.
    pub(super) sum: i32,
    pub(super) scale: f32,
    /// `scale * sum`.
    pub(super) scaled_sum: f32,
    /// Whether a second block holds what this one has left over.
    pub(super) fine: bool,
}

/// Times the root mean square.
const TOWERING: f32 = 5.0;

/// The forms that some matrices need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "forms are wanted or not")]
pub(crate) struct Kinds {
    f32: bool,
    bf16: bool,
    int8: bool,
    fine: bool,
}

impl Kinds {
    /// f32 alone.
    pub(super) const F32: Self = Self { f32: true, bf16: false, int8: false, fine: false };
    /// BF16 alone.
    pub(super) const BF16: Self = Self { f32: false, bf16: true, int8: false, fine: false };

    /// Those of these matrices.
    pub(crate) fn of<'a>(matrices: impl IntoIterator<Item = &'a Matrix>) -> Self {
        let mut kinds = Self::default();
        for matrix in matrices {
            match matrix {
                Matrix::F32 { .. } => kinds.f32 = true,
                Matrix::Bf16 { .. } => kinds.bf16 = true,
                Matrix::Int8(_) => kinds.int8 = true,
            }
        }
        kinds
    }

    /// With a second block of bytes where a first one is too coarse.
    pub(crate) fn fine(self) -> Self {
        Self { fine: true, ..self }
    }
}

/// Rows `[rows, inputs]`.
#[derive(Debug, Default)]
pub(crate) struct Input {
    pub(super) rows: usize,
    pub(super) inputs: usize,
    /// `[rows, inputs]`.
    pub(super) f32: Vec<f32>,
    /// `[rows, inputs / 2]`.
    pub(super) bf16: Vec<u32>,
    /// `[rows, inputs / 32]`, or `[rows, 2, inputs / 32]` with second blocks.
    pub(super) int8: Vec<Bytes>,
}

/// The parts of some rows that are being made.
struct Part<'a> {
    first: usize,
    f32: &'a mut [f32],
    bf16: &'a mut [u32],
    int8: &'a mut [Bytes],
}

impl Input {
    /// Takes over rows `[rows, inputs]`.
    pub(crate) fn copy(&mut self, team: &Team, kinds: Kinds, x: &[f32], inputs: usize) {
        self.make(team, kinds, x.len() / inputs, inputs, |row, _| {
            Some(&x[row * inputs..(row + 1) * inputs])
        });
    }

    /// Makes `rows` rows of `inputs` numbers, each written by `row` into a buffer of that length.
    pub(crate) fn fill(
        &mut self,
        team: &Team,
        kinds: Kinds,
        rows: usize,
        inputs: usize,
        row: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        self.make(team, kinds, rows, inputs, |index, buffer| {
            row(index, buffer);
            None
        });
    }

    /// Makes rows, each of which is where `row` says, or else what it has written to the buffer.
    fn make<'x>(
        &mut self,
        team: &Team,
        kinds: Kinds,
        rows: usize,
        inputs: usize,
        row: impl Fn(usize, &mut [f32]) -> Option<&'x [f32]> + Sync,
    ) {
        /// Below this many numbers other threads are not worth asking.
        const WORTH_SHARING: usize = 4096;
        (self.rows, self.inputs) = (rows, inputs);
        let levels = if kinds.fine { 2 } else { 1 };
        let (pairs, blocks) = (inputs.div_ceil(2), inputs.div_ceil(BLOCK) * levels);
        let size = |wanted: bool, width: usize| if wanted { rows * width } else { 0 };
        self.f32.resize(size(kinds.f32, inputs), 0.0);
        self.bf16.resize(size(kinds.bf16, pairs), 0);
        self.int8.resize(size(kinds.int8, blocks), Bytes::default());
        let parts = if rows * inputs < WORTH_SHARING { 1 } else { (4 * team.threads()).min(rows) };
        let each = rows.div_ceil(parts.max(1)).max(1);
        let (mut f32s, mut bf16s, mut int8s) =
            (&mut self.f32[..], &mut self.bf16[..], &mut self.int8[..]);
        let mut items = Vec::with_capacity(parts);
        for first in (0..rows).step_by(each) {
            let count = each.min(rows - first);
            let take = |wanted: bool, width: usize| if wanted { count * width } else { 0 };
            let (f32, rest) = f32s.split_at_mut(take(kinds.f32, inputs));
            f32s = rest;
            let (bf16, rest) = bf16s.split_at_mut(take(kinds.bf16, pairs));
            bf16s = rest;
            let (int8, rest) = int8s.split_at_mut(take(kinds.int8, blocks));
            int8s = rest;
            items.push((count, Part { first, f32, bf16, int8 }));
        }
        team.each_of(items, |_, (count, part)| {
            let mut buffer = vec![0.0; inputs];
            for index in 0..count {
                let own = row(part.first + index, &mut buffer);
                let x = own.unwrap_or(&buffer);
                if kinds.f32 {
                    part.f32[index * inputs..(index + 1) * inputs].copy_from_slice(x);
                }
                if kinds.bf16 {
                    to_bf16(x, &mut part.bf16[index * pairs..(index + 1) * pairs]);
                }
                if kinds.int8 {
                    let out = &mut part.int8[index * blocks..(index + 1) * blocks];
                    to_bytes(x, out, kinds.fine);
                }
            }
        });
    }

    /// Rows as they are.
    #[cfg(test)]
    pub(super) fn of(x: &[f32], inputs: usize, kinds: Kinds) -> Self {
        let mut input = Self::default();
        let team = Team::new(1).expect("no threads");
        input.copy(&team, kinds, x, inputs);
        input
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn to_bf16_body(x: &[f32], out: &mut [u32]) {
    let (whole, rest) = x.as_chunks::<{ 2 * LANES }>();
    let (first, last) = out.split_at_mut(LANES * whole.len());
    for (x, out) in whole.iter().zip(first.chunks_exact_mut(LANES)) {
        let mut bits = [0; 2 * LANES];
        for (bits, x) in bits.iter_mut().zip(x) {
            *bits = bf16_bits(*x);
        }
        for (out, pair) in out.iter_mut().zip(bits.as_chunks::<2>().0) {
            *out = pair[0] | pair[1] << 16;
        }
    }
    for (out, pair) in last.iter_mut().zip(rest.chunks(2)) {
        *out = bf16_pair(pair);
    }
}

for_each_isa! {
    /// Rounds a row to pairs of BF16.
    to_bf16 / to_bf16_on, to_bf16_body(x: &[f32], out: &mut [u32])
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn to_bytes_body(x: &[f32], out: &mut [Bytes], fine: bool) {
    let (first, second) = out.split_at_mut(x.len().div_ceil(BLOCK));
    let mut second = second.iter_mut();
    for (x, out) in x.chunks(BLOCK).zip(first) {
        let mut values = [0.0; BLOCK];
        values[..x.len()].copy_from_slice(x);
        *out = block(&values);
        if let (true, Some(second)) = (fine, second.next()) {
            out.fine = towers(&values, out.scale);
            *second = if out.fine { block(&left_over(&values, out)) } else { Bytes::default() };
        }
    }
}

/// Whether the largest number of a block, 127 times its scale, towers over the others.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn towers(values: &[f32; BLOCK], scale: f32) -> bool {
    let mut lanes = [0.0; LANES];
    for values in values.as_chunks::<LANES>().0 {
        for (value, lane) in values.iter().zip(&mut lanes) {
            *lane = value.mul_add(*value, *lane);
        }
    }
    let sum = sum_lanes(lanes);
    let most = 127.0 * scale;
    // False where anything is not finite.
    most * most > TOWERING * TOWERING / BLOCK as f32 * sum && most.is_finite()
}

/// What rounding has left over.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn left_over(values: &[f32; BLOCK], rounded: &Bytes) -> [f32; BLOCK] {
    let mut left = *values;
    for (left, word) in left.as_chunks_mut::<4>().0.iter_mut().zip(rounded.words) {
        for (left, byte) in left.iter_mut().zip(word.to_le_bytes()) {
            *left = (-f32::from(byte.cast_signed())).mul_add(rounded.scale, *left);
        }
    }
    left
}

#[inline(always)]
fn block(values: &[f32; BLOCK]) -> Bytes {
    // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    // Magnitudes are ordered as their bits are, and what is not finite comes last.
    let mut most = 0;
    for value in values {
        most = most.max(value.to_bits() & 0x7fff_ffff);
    }
    let most = f32::from_bits(most);
    if !most.is_finite() {
        return Bytes { scale: f32::NAN, scaled_sum: f32::NAN, ..Bytes::default() };
    }
    let inverse = 127.0 / most;
    // Also where `most` is so small that its inverse overflows: all bytes are 0 then.
    let inverse = if inverse.is_finite() { inverse } else { 0.0 };
    let mut bytes = [0_i8; BLOCK];
    let mut sum = 0;
    for (byte, value) in bytes.iter_mut().zip(values) {
        let level = (value * inverse + MAGIC).to_bits().wrapping_sub(MAGIC.to_bits());
        sum += level.cast_signed();
        #[expect(clippy::cast_possible_truncation, reason = "between -127 and 127")]
        let level = level.cast_signed() as i8;
        *byte = level;
    }
    let scale = most / 127.0;
    let mut words = [0; 8];
    for (word, [a, b, c, d]) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        let bytes = [a.cast_unsigned(), b.cast_unsigned(), c.cast_unsigned(), d.cast_unsigned()];
        *word = i32::from_le_bytes(bytes);
    }
    Bytes { words, sum, scale, scaled_sum: scale * sum as f32, fine: false }
}

for_each_isa! {
    /// Rounds a row to bytes, block by block, and with `fine` what that leaves over too.
    to_bytes / to_bytes_on, to_bytes_body(x: &[f32], out: &mut [Bytes], fine: bool)
}
