//! The inner loop of integer products for AVX2, which multiplies unsigned with signed bytes and adds
//! neighbours in 16 bits.
//!
//! Those 16 bits must not overflow, or the sums would not be the exact ones of [`super::tile`]. Levels
//! of 4 bits leave room for a whole block: 16 products of at most `15 * 127`. Levels of 8 bits are
//! multiplied as `level - 128` by its magnitude, the input taking on the sign: two products are at
//! most `2 * 128 * 127`, and 32 bits take up each pair.
#![expect(clippy::needless_range_loop, reason = "indices of registers in a tile")]
#![expect(unsafe_code, reason = "vector loads through pointers")]

use std::arch::x86_64::{
    __m256, __m256i, _mm_load_si128, _mm256_abs_epi8, _mm256_add_epi16, _mm256_add_epi32,
    _mm256_and_si256, _mm256_cvtepi32_ps, _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_load_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_mul_ps, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps, _mm256_setzero_si256, _mm256_sign_epi8,
    _mm256_srli_epi16, _mm256_storeu_ps, _mm256_xor_si256,
};

use super::tile::{blocks, fine};
use super::{Halves, Int8Panel, Levels};
use crate::kernels::input::Bytes;
use crate::kernels::matrix::{Line, PANEL};

/// Half of a line: the levels of 8 outputs.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn levels(line: &Line<[u8; 64]>, half: usize) -> __m256i {
    let (halves, _) = line.0.as_chunks::<32>();
    // SAFETY: a half is 32 bytes, aligned to 32 as its line is to 64.
    unsafe { _mm256_load_si256(halves[half].as_ptr().cast()) }
}

/// Half of a panel's numbers.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn floats(halves: &Halves, half: usize) -> __m256 {
    let (eights, _) = halves.0.as_chunks::<8>();
    // SAFETY: eight numbers of two bytes, aligned to 16 as `Halves` is to 32.
    _mm256_cvtph_ps(unsafe { _mm_load_si128(eights[half].as_ptr().cast()) })
}

/// AVX2 form of [`super::tile::portable`].
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
pub(in super::super) fn avx2<const R: usize, const P: usize>(
    x: &[&[Bytes]; R],
    w: &[Int8Panel<'_>; P],
    out: &mut [[[f32; PANEL]; P]; R],
) {
    let blocks = blocks(x, w);
    // One panel after the other: the sums of two leave no registers for operands.
    for p in 0..P {
        let sums = match w[p].levels {
            Levels::Four(levels) => panel(blocks, x, &w[p], levels),
            Levels::Eight(levels) => panel(blocks, x, &w[p], levels),
        };
        for r in 0..R {
            let (halves, _) = out[r][p].as_chunks_mut::<8>();
            for half in 0..2 {
                // SAFETY: a half is 8 numbers.
                unsafe { _mm256_storeu_ps(halves[half].as_mut_ptr(), sums[r][half]) };
            }
        }
    }
}

/// The sums of a panel with `LINES` lines a block: 4 with levels of 4 bits, 8 with levels of 8.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn panel<const R: usize, const LINES: usize>(
    blocks: usize,
    x: &[&[Bytes]; R],
    w: &Int8Panel<'_>,
    lines: &[[Line<[u8; 64]>; LINES]],
) -> [[__m256; 2]; R] {
    let ones = _mm256_set1_epi16(1);
    let mut sums = [[_mm256_setzero_ps(); 2]; R];
    // Each block once, and again for what the first ones have left over: in one loop, because out of an
    // inner one the compiler would take the levels, into memory.
    let (mut block, mut place) = (0, 0);
    while block < blocks {
        let mut exact = [[_mm256_setzero_si256(); 2]; R];
        for g in 0..LINES {
            for half in 0..2 {
                let both = levels(&lines[block][g], half);
                if LINES == 4 {
                    let nibble = _mm256_set1_epi8(15);
                    let low = _mm256_and_si256(both, nibble);
                    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(both), nibble);
                    for (nibbles, word) in [(low, g), (high, g + 4)] {
                        for r in 0..R {
                            let input = _mm256_set1_epi32(x[r][place].words[word]);
                            let pairs = _mm256_maddubs_epi16(nibbles, input);
                            exact[r][half] = _mm256_add_epi16(exact[r][half], pairs);
                        }
                    }
                } else {
                    let signed = _mm256_xor_si256(both, _mm256_set1_epi8(i8::MIN));
                    let size = _mm256_abs_epi8(signed);
                    for r in 0..R {
                        let input = _mm256_set1_epi32(x[r][place].words[g]);
                        // Inputs are never -128, whose sign could not be turned.
                        let pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(input, signed));
                        let fours = _mm256_madd_epi16(pairs, ones);
                        exact[r][half] = _mm256_add_epi32(exact[r][half], fours);
                    }
                }
            }
        }
        // What the levels that were multiplied lack of `level - offset`.
        let lack = if LINES == 4 { 0 } else { 128 } - w.offset;
        for half in 0..2 {
            let scale = floats(&w.scales[block], half);
            for r in 0..R {
                let row = &x[r][place];
                let sum = if LINES == 4 {
                    _mm256_madd_epi16(exact[r][half], ones)
                } else {
                    exact[r][half]
                };
                let sum = _mm256_add_epi32(sum, _mm256_set1_epi32(lack * row.sum));
                let scale = _mm256_mul_ps(scale, _mm256_set1_ps(row.scale));
                sums[r][half] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), scale, sums[r][half]);
            }
            if let Some(minima) = w.minima.get(block) {
                let minimum = floats(minima, half);
                for r in 0..R {
                    let scaled = _mm256_set1_ps(x[r][place].scaled_sum);
                    sums[r][half] = _mm256_fmadd_ps(minimum, scaled, sums[r][half]);
                }
            }
        }
        if place == block && fine(x, block) {
            place += blocks;
        } else {
            block += 1;
            place = block;
        }
    }
    sums
}
