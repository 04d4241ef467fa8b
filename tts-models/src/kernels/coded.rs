//! Keys and values in 8 bits: codes, and a factor for each token, head and side.
//!
//! A token's keys of one head are written as whole numbers from -127 to 127 times a factor, the largest of their sizes
//! over 127, and its values likewise with a factor of their own: a quarter of the memory of f32, and half of that of
//! f16. Codes lie where numbers of other types would ([`KeyValueShape`]), so that attention's products run over them as
//! they are. A score is then multiplied by the factor of its key, and a weight by that of its value before values are
//! added. A token's codes depend on that token alone: not on those beside it, nor on when it was written.
//!
//! Source: Dettmers et al. 2022, "`LLM.int8()`" (arXiv 2208.07339), section 2.1, for absolute-maximum quantisation; a
//! vector of its own for each token and head, as in Sheng et al. 2023, "`FlexGen`" (arXiv 2303.06865), section 5, which
//! has groups instead.

use super::attend::KeyValueShape;
use super::elementwise::{LANES, sum_lanes};
use super::{Element, for_each_isa};
use crate::BLOCK_TOKENS;

/// The largest code.
const MOST: f32 = 127.0;
/// Numbers that are all smaller are written as 0: 127 over them might not be a number.
const LEAST: f32 = 1e-30;

/// The largest size of some numbers; not a number where one of them is none, or is not finite.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn size_body(x: &[f32]) -> f32 {
    let (mut most, mut wrong) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    for values in x.chunks(LANES) {
        for ((value, most), wrong) in values.iter().zip(&mut most).zip(&mut wrong) {
            *most = if value.abs() > *most { value.abs() } else { *most };
            // 0 of a finite number.
            *wrong += value * 0.0;
        }
    }
    most.into_iter().fold(0.0, f32::max) + sum_lanes(wrong)
}

for_each_isa! {
    /// The largest size of some numbers; not a number where one of them is none, or is not finite.
    size / size_on, size_body(x: &[f32]) -> f32
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn code_body(x: &[f32], by: f32, out: &mut [i8]) {
    for (x, out) in x.iter().zip(out) {
        #[expect(clippy::cast_possible_truncation, reason = "clamped; what is not a number is 0")]
        let code = (x * by).round_ties_even().clamp(-MOST, MOST) as i8;
        *out = code;
    }
}

for_each_isa! {
    /// Numbers times a number as codes, rounded to even.
    code / code_on, code_body(x: &[f32], by: f32, out: &mut [i8])
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn times_body(x: &mut [f32], factors: &[f32]) {
    for (x, factor) in x.iter_mut().zip(factors) {
        *x *= factor;
    }
}

for_each_isa! {
    /// Numbers times factors, one by one.
    times / times_on, times_body(x: &mut [f32], factors: &[f32])
}

/// The factor of numbers, and what they are multiplied with to become codes. Of what is not finite the factor is not a
/// number, so that nothing which reads it looks as if it were right.
fn factor(x: &[f32]) -> (f32, f32) {
    let size = size(x);
    if size < LEAST { (0.0, 0.0) } else { (size / MOST, MOST / size) }
}

impl KeyValueShape {
    /// Factors of a block.
    pub(crate) fn factors(&self) -> usize {
        self.layers * self.heads * 2 * BLOCK_TOKENS
    }

    /// Factors of the keys and of the values of one head in one layer, one a token.
    pub(crate) fn factors_of<'a>(
        &self,
        factors: &'a [f32],
        layer: usize,
        head: usize,
    ) -> (&'a [f32], &'a [f32]) {
        let from = (layer * self.heads + head) * 2 * BLOCK_TOKENS;
        factors[from..from + 2 * BLOCK_TOKENS].split_at(BLOCK_TOKENS)
    }

    /// Writes one token's keys and values, `[heads, width]` each, in one layer, as codes.
    pub(crate) fn write_coded(
        &self,
        (codes, factors): (&mut [i8], &mut [f32]),
        layer: usize,
        token: usize,
        keys: &[f32],
        values: &[f32],
    ) {
        let rows = keys.chunks_exact(self.width).zip(values.chunks_exact(self.width));
        for (head, (keys, values)) in rows.enumerate() {
            let (of_keys, keys_by) = factor(keys);
            let (of_values, values_by) = factor(values);
            let from = (layer * self.heads + head) * 2 * BLOCK_TOKENS;
            factors[from + token] = of_keys;
            factors[from + BLOCK_TOKENS + token] = of_values;
            let keys = (keys, |x: &[f32], out: &mut [i8]| code(x, keys_by, out));
            let values = (values, |x: &[f32], out: &mut [i8]| code(x, values_by, out));
            self.write_head(codes, (layer, head, token), keys, values);
        }
    }
}

impl Element for i8 {
    /// Of numbers that a factor has brought to codes.
    fn narrow(x: &[f32], out: &mut [Self]) {
        code(x, 1.0, out);
    }

    fn wide(self) -> f32 {
        f32::from(self)
    }

    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "vector loads through pointers")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma,f16c")]
    #[inline]
    unsafe fn sixteen(x: &[Self; 16]) -> std::arch::x86_64::__m512 {
        use std::arch::x86_64::{_mm_loadu_si128, _mm512_cvtepi8_epi32, _mm512_cvtepi32_ps};
        // SAFETY: sixteen numbers of one byte.
        _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(unsafe { _mm_loadu_si128(x.as_ptr().cast()) }))
    }

    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "vector loads through pointers")]
    #[target_feature(enable = "avx2,fma,f16c")]
    #[inline]
    unsafe fn eight(x: &[Self; 8]) -> std::arch::x86_64::__m256 {
        use std::arch::x86_64::{_mm_loadl_epi64, _mm256_cvtepi8_epi32, _mm256_cvtepi32_ps};
        // SAFETY: eight numbers of one byte.
        _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(unsafe { _mm_loadl_epi64(x.as_ptr().cast()) }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Isa;
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn codes_are_the_nearest_and_the_same_everywhere(
            x in prop::collection::vec(-3.0e3_f32..3.0e3, 1..150), power in -20_i32..20,
        ) {
            let x: Vec<f32> = x.iter().map(|x| x * 2.0_f32.powi(power)).collect();
            let (factor, by) = factor(&x);
            let exact = x.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
            prop_assert_eq!(size_on(Isa::Portable, &x).to_bits(), exact.to_bits());
            let mut reference = vec![0_i8; x.len()];
            code_on(Isa::Portable, &x, by, &mut reference);
            for (x, code) in x.iter().zip(&reference) {
                let off = (f64::from(*x) - f64::from(*code) * f64::from(factor)).abs();
                prop_assert!(off <= f64::from(factor) * 0.5001, "{} of {}", off, factor);
            }
            prop_assert!(reference.iter().any(|code| code.abs() == 127));
            let factors: Vec<f32> = x.iter().map(|x| x + 0.5).collect();
            let times = |isa| {
                let mut product = x.clone();
                times_on(isa, &mut product, &factors);
                product
            };
            for isa in Isa::all() {
                let mut codes = vec![0_i8; x.len()];
                code_on(isa, &x, by, &mut codes);
                prop_assert_eq!(&codes, &reference);
                prop_assert_eq!(size_on(isa, &x).to_bits(), exact.to_bits());
                prop_assert_eq!(times(isa), times(Isa::Portable));
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_not_hidden_and_nothing_is_nothing() {
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in [0, 7, 40] {
                let mut x = vec![1.0; 41];
                x[place] = wrong;
                for isa in Isa::all() {
                    assert!(size_on(isa, &x).is_nan(), "{wrong} at {place}");
                }
                assert!(factor(&x).0.is_nan());
            }
        }
        for nothing in [0.0, 1e-38, -1e-31] {
            assert_eq!(factor(&[nothing; 5]), (0.0, 0.0));
        }
        let (of, by) = factor(&[2e-30, -1e-30]);
        assert!(of > 0.0 && by.is_finite());
    }

    #[test]
    fn a_token_stands_where_it_is_read_with_its_factors() {
        let shape = KeyValueShape { layers: 2, heads: 3, width: 5 };
        let (mut codes, mut factors) = (vec![0; shape.elements()], vec![0.0; shape.factors()]);
        let keys: Vec<f32> = (0..15).map(|i| i as f32 - 6.0).collect();
        let values: Vec<f32> = (0..15).map(|i| 0.25 * i as f32).collect();
        shape.write_coded((&mut codes, &mut factors), 1, 9, &keys, &values);
        for head in 0..3 {
            let (k, v) = shape.part(&codes, 1, head);
            let (of_keys, of_values) = shape.factors_of(&factors, 1, head);
            for i in 0..5 {
                let key = f32::from(k[i * BLOCK_TOKENS + 9]) * of_keys[9];
                let value = f32::from(v[9 * shape.padded() + i]) * of_values[9];
                assert!((key - keys[5 * head + i]).abs() <= 0.5 * of_keys[9] + 1e-6);
                assert!((value - values[5 * head + i]).abs() <= 0.5 * of_values[9] + 1e-6);
            }
            let others = of_keys.iter().chain(of_values).filter(|factor| **factor > 0.0);
            assert_eq!(others.count(), 2);
        }
        // Nothing of the other layer.
        assert!((0..3).all(|head| shape.part(&codes, 0, head).0.iter().all(|code| *code == 0)));
    }
}
