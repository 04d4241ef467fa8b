//! The inner loops of f32 and BF16 products: `R` rows against `P` panels.
//!
//! Every pair of a row and an output is one sum that runs over the inputs from front to back with
//! fused multiply-adds. BF16 has two inputs in a word, of which the second comes first, as in the
//! machine's own instruction; products of two BF16 numbers are exact in f32.

use super::matrix::{Line, PANEL};

/// The safe reference for f32: `out[r][p][lane]`, all of one length.
pub(super) fn portable_f32<const R: usize, const P: usize>(
    x: &[&[f32]; R],
    w: &[&[Line<[f32; PANEL]>]; P],
    out: &mut [[[f32; PANEL]; P]; R],
) {
    for (row, out) in x.iter().zip(out) {
        for (panel, out) in w.iter().zip(out) {
            *out = [0.0; PANEL];
            for (x, line) in row.iter().zip(*panel) {
                for (out, weight) in out.iter_mut().zip(line.0) {
                    *out = weight.mul_add(*x, *out);
                }
            }
        }
    }
}

/// The safe reference for BF16.
pub(super) fn portable_bf16<const R: usize, const P: usize>(
    x: &[&[u32]; R],
    w: &[&[Line<[u32; PANEL]>]; P],
    out: &mut [[[f32; PANEL]; P]; R],
) {
    let high = |word: u32| f32::from_bits(word & 0xffff_0000);
    let low = |word: u32| f32::from_bits(word << 16);
    for (row, out) in x.iter().zip(out) {
        for (panel, out) in w.iter().zip(out) {
            *out = [0.0; PANEL];
            for (x, line) in row.iter().zip(*panel) {
                for (out, word) in out.iter_mut().zip(line.0) {
                    *out = high(word).mul_add(high(*x), *out);
                    *out = low(word).mul_add(low(*x), *out);
                }
            }
        }
    }
}

/// Length of all rows and panels.
fn length<T, W>(x: &[&[T]], w: &[&[W]]) -> usize {
    let length = x.first().map_or(0, |row| row.len());
    assert!(x.iter().all(|row| row.len() == length), "rows of one length");
    assert!(w.iter().all(|panel| panel.len() == length), "panels of that length");
    length
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector loads through pointers")]
pub(super) mod x86 {
    use std::arch::x86_64::{
        __m256, __m512, __m512bh, __m512i, _mm256_and_si256, _mm256_castsi256_ps, _mm256_fmadd_ps,
        _mm256_load_ps, _mm256_load_si256, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps,
        _mm256_slli_epi32, _mm256_storeu_ps, _mm512_and_si512, _mm512_castsi512_ps,
        _mm512_dpbf16_ps, _mm512_fmadd_ps, _mm512_load_ps, _mm512_load_si512, _mm512_set1_epi32,
        _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512, _mm512_slli_epi32,
        _mm512_storeu_ps,
    };

    use super::{Line, PANEL, length};

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn store16(sums: __m512, out: &mut [f32; PANEL]) {
        // SAFETY: `out` is 16 numbers.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), sums) };
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn store8([low, high]: [__m256; 2], out: &mut [f32; PANEL]) {
        let (first, second) = out.split_at_mut(8);
        // SAFETY: both halves are 8 numbers.
        unsafe {
            _mm256_storeu_ps(first.as_mut_ptr(), low);
            _mm256_storeu_ps(second.as_mut_ptr(), high);
        }
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn words(line: &Line<[u32; PANEL]>) -> __m512i {
        // SAFETY: a `Line` is 64 bytes, aligned to 64.
        unsafe { _mm512_load_si512(std::ptr::from_ref(line).cast()) }
    }

    /// AVX-512 form of [`super::portable_f32`].
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    #[inline]
    pub(in super::super) fn avx512_f32<const R: usize, const P: usize>(
        x: &[&[f32]; R],
        w: &[&[Line<[f32; PANEL]>]; P],
        out: &mut [[[f32; PANEL]; P]; R],
    ) {
        let length = length(x, w);
        let mut sums: [[__m512; P]; R] = [[_mm512_setzero_ps(); P]; R];
        for k in 0..length {
            let mut weights = [_mm512_setzero_ps(); P];
            for p in 0..P {
                // SAFETY: a `Line` is 64 bytes, aligned to 64.
                weights[p] = unsafe { _mm512_load_ps(w[p][k].0.as_ptr()) };
            }
            for r in 0..R {
                let input = _mm512_set1_ps(x[r][k]);
                for p in 0..P {
                    sums[r][p] = _mm512_fmadd_ps(weights[p], input, sums[r][p]);
                }
            }
        }
        for r in 0..R {
            for p in 0..P {
                store16(sums[r][p], &mut out[r][p]);
            }
        }
    }

    /// AVX2 form of [`super::portable_f32`].
    #[target_feature(enable = "avx2,fma,f16c")]
    #[inline]
    pub(in super::super) fn avx2_f32<const R: usize, const P: usize>(
        x: &[&[f32]; R],
        w: &[&[Line<[f32; PANEL]>]; P],
        out: &mut [[[f32; PANEL]; P]; R],
    ) {
        let length = length(x, w);
        // One panel after the other: with two at a time the sums leave no registers for operands.
        for p in 0..P {
            let mut sums = [[_mm256_setzero_ps(); 2]; R];
            for k in 0..length {
                let (halves, _) = w[p][k].0.as_chunks::<8>();
                let mut weights = [_mm256_setzero_ps(); 2];
                for half in 0..2 {
                    // SAFETY: a half is 32 bytes, aligned to 32 as its line is to 64.
                    weights[half] = unsafe { _mm256_load_ps(halves[half].as_ptr()) };
                }
                for r in 0..R {
                    let input = _mm256_set1_ps(x[r][k]);
                    for half in 0..2 {
                        sums[r][half] = _mm256_fmadd_ps(weights[half], input, sums[r][half]);
                    }
                }
            }
            for r in 0..R {
                store8(sums[r], &mut out[r][p]);
            }
        }
    }

    /// The machine's own dot products of BF16.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx512bf16,avx2,fma,f16c")]
    #[inline]
    pub(in super::super) fn own_bf16<const R: usize, const P: usize>(
        x: &[&[u32]; R],
        w: &[&[Line<[u32; PANEL]>]; P],
        out: &mut [[[f32; PANEL]; P]; R],
    ) {
        #[target_feature(enable = "avx512f")]
        #[inline]
        fn pairs(bits: __m512i) -> __m512bh {
            // SAFETY: both types are 64 bytes without meaning of their own.
            unsafe { std::mem::transmute(bits) }
        }
        let length = length(x, w);
        let mut sums: [[__m512; P]; R] = [[_mm512_setzero_ps(); P]; R];
        for k in 0..length {
            let mut weights = [_mm512_setzero_si512(); P];
            for p in 0..P {
                weights[p] = words(&w[p][k]);
            }
            for r in 0..R {
                let input = pairs(_mm512_set1_epi32(x[r][k].cast_signed()));
                for p in 0..P {
                    sums[r][p] = _mm512_dpbf16_ps(sums[r][p], pairs(weights[p]), input);
                }
            }
        }
        for r in 0..R {
            for p in 0..P {
                store16(sums[r][p], &mut out[r][p]);
            }
        }
    }

    /// AVX-512 form of [`super::portable_bf16`], for machines without such dot products.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")]
    #[inline]
    pub(in super::super) fn avx512_bf16<const R: usize, const P: usize>(
        x: &[&[u32]; R],
        w: &[&[Line<[u32; PANEL]>]; P],
        out: &mut [[[f32; PANEL]; P]; R],
    ) {
        let length = length(x, w);
        let mask = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
        let mut sums: [[__m512; P]; R] = [[_mm512_setzero_ps(); P]; R];
        for k in 0..length {
            let mut weights = [_mm512_setzero_si512(); P];
            for p in 0..P {
                weights[p] = words(&w[p][k]);
            }
            for r in 0..R {
                let high = _mm512_set1_ps(f32::from_bits(x[r][k] & 0xffff_0000));
                let low = _mm512_set1_ps(f32::from_bits(x[r][k] << 16));
                for p in 0..P {
                    let weight = _mm512_castsi512_ps(_mm512_and_si512(weights[p], mask));
                    let sum = _mm512_fmadd_ps(weight, high, sums[r][p]);
                    let weight = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(weights[p]));
                    sums[r][p] = _mm512_fmadd_ps(weight, low, sum);
                }
            }
        }
        for r in 0..R {
            for p in 0..P {
                store16(sums[r][p], &mut out[r][p]);
            }
        }
    }

    /// AVX2 form of [`super::portable_bf16`].
    #[target_feature(enable = "avx2,fma,f16c")]
    #[inline]
    pub(in super::super) fn avx2_bf16<const R: usize, const P: usize>(
        x: &[&[u32]; R],
        w: &[&[Line<[u32; PANEL]>]; P],
        out: &mut [[[f32; PANEL]; P]; R],
    ) {
        let length = length(x, w);
        let mask = _mm256_set1_epi32(0xffff_0000_u32.cast_signed());
        for p in 0..P {
            let mut sums = [[_mm256_setzero_ps(); 2]; R];
            for k in 0..length {
                let (halves, _) = w[p][k].0.as_chunks::<8>();
                for half in 0..2 {
                    // SAFETY: a half is 32 bytes, aligned to 32 as its line is to 64.
                    let weights = unsafe { _mm256_load_si256(halves[half].as_ptr().cast()) };
                    let second = _mm256_castsi256_ps(_mm256_and_si256(weights, mask));
                    let first = _mm256_castsi256_ps(_mm256_slli_epi32::<16>(weights));
                    for r in 0..R {
                        let high = _mm256_set1_ps(f32::from_bits(x[r][k] & 0xffff_0000));
                        let low = _mm256_set1_ps(f32::from_bits(x[r][k] << 16));
                        let sum = _mm256_fmadd_ps(second, high, sums[r][half]);
                        sums[r][half] = _mm256_fmadd_ps(first, low, sum);
                    }
                }
            }
            for r in 0..R {
                store8(sums[r], &mut out[r][p]);
            }
        }
    }
}
