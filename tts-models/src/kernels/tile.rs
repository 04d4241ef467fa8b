//! The inner loop of all products: `R` rows against `C` rows, each pair a dot product in 16 lanes.
//!
//! Lane `l` of a pair sums elements `l, l + 16, l + 32, ...` with fused multiply-adds; a last
//! chunk of fewer than 16 is padded with zeros. The lanes are then added in halves: 8 and 8, 4 and
//! 4, 2 and 2, 1 and 1. Both are the same for every `R`, `C` and register width.

/// Lanes of a dot product.
pub(super) const LANES: usize = 16;

/// Adds lanes in halves.
pub(super) fn sum_lanes(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The safe reference: `out[r][c] = x[r] . w[c]`, all slices of one length.
pub(super) fn portable<const R: usize, const C: usize>(
    x: [&[f32]; R],
    w: [&[f32]; C],
) -> [[f32; C]; R] {
    std::array::from_fn(|r| {
        std::array::from_fn(|c| {
            let mut lanes = [0.0; LANES];
            for (a, b) in x[r].chunks(LANES).zip(w[c].chunks(LANES)) {
                for (lane, sum) in lanes.iter_mut().enumerate() {
                    let (a, b) =
                        (a.get(lane).copied().unwrap_or(0.0), b.get(lane).copied().unwrap_or(0.0));
                    *sum = a.mul_add(b, *sum);
                }
            }
            sum_lanes(lanes)
        })
    })
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector loads through pointers")]
#[expect(clippy::needless_range_loop, reason = "indices of registers in a tile")]
pub(super) mod x86 {
    use std::arch::x86_64::{
        __m256, __m512, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehl_ps, _mm_shuffle_ps,
        _mm256_add_ps, _mm256_castpd_ps, _mm256_castps256_ps128, _mm256_extractf128_ps,
        _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps, _mm512_castps_pd,
        _mm512_castps512_ps256, _mm512_extractf64x4_pd, _mm512_fmadd_ps, _mm512_loadu_ps,
        _mm512_maskz_loadu_ps, _mm512_setzero_ps,
    };

    use super::LANES;

    /// Adds 8 lanes in halves: the last three steps of `sum_lanes`.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    fn sum8(v: __m256) -> f32 {
        let four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
    }

    /// AVX-512 form of [`super::portable`].
    #[target_feature(enable = "avx512f,avx2,fma")]
    #[inline]
    pub(in super::super) fn avx512<const R: usize, const C: usize>(
        x: [&[f32]; R],
        w: [&[f32]; C],
    ) -> [[f32; C]; R] {
        let length = x.first().map_or(0, |row| row.len());
        assert!(x.iter().chain(&w).all(|row| row.len() == length), "rows of one length");
        let mut sums: [[__m512; C]; R] = [[_mm512_setzero_ps(); C]; R];
        let mut at = 0;
        while at + LANES <= length {
            // SAFETY: every row has `length` elements, and `at + 16 <= length`.
            let b: [__m512; C] =
                std::array::from_fn(|c| unsafe { _mm512_loadu_ps(w[c].as_ptr().add(at)) });
            for r in 0..R {
                // SAFETY: as above.
                let a = unsafe { _mm512_loadu_ps(x[r].as_ptr().add(at)) };
                for c in 0..C {
                    sums[r][c] = _mm512_fmadd_ps(a, b[c], sums[r][c]);
                }
            }
            at += LANES;
        }
        if at < length {
            let mask = (1_u16 << (length - at)) - 1;
            // SAFETY: the mask admits `length - at` elements from `at` on; masked lanes are not read.
            let b: [__m512; C] = std::array::from_fn(|c| unsafe {
                _mm512_maskz_loadu_ps(mask, w[c].as_ptr().add(at))
            });
            for r in 0..R {
                // SAFETY: as above.
                let a = unsafe { _mm512_maskz_loadu_ps(mask, x[r].as_ptr().add(at)) };
                for c in 0..C {
                    sums[r][c] = _mm512_fmadd_ps(a, b[c], sums[r][c]);
                }
            }
        }
        std::array::from_fn(|r| {
            std::array::from_fn(|c| {
                let v = sums[r][c];
                let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(v)));
                sum8(_mm256_add_ps(_mm512_castps512_ps256(v), high))
            })
        })
    }

    /// AVX2 form of [`super::portable`]: two registers a pair, lanes 0 to 7 and 8 to 15.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    pub(in super::super) fn avx2<const R: usize, const C: usize>(
        x: [&[f32]; R],
        w: [&[f32]; C],
    ) -> [[f32; C]; R] {
        let length = x.first().map_or(0, |row| row.len());
        assert!(x.iter().chain(&w).all(|row| row.len() == length), "rows of one length");
        let mut sums = [[[_mm256_setzero_ps(); 2]; C]; R];
        let mut at = 0;
        while at + LANES <= length {
            for half in 0..2 {
                let from = at + 8 * half;
                // SAFETY: every row has `length` elements, and `from + 8 <= at + 16 <= length`.
                let b: [__m256; C] =
                    std::array::from_fn(|c| unsafe { _mm256_loadu_ps(w[c].as_ptr().add(from)) });
                for r in 0..R {
                    // SAFETY: as above.
                    let a = unsafe { _mm256_loadu_ps(x[r].as_ptr().add(from)) };
                    for c in 0..C {
                        sums[r][c][half] = _mm256_fmadd_ps(a, b[c], sums[r][c][half]);
                    }
                }
            }
            at += LANES;
        }
        if at < length {
            let pad = |row: &[f32]| {
                let mut padded = [0.0; LANES];
                padded[..length - at].copy_from_slice(&row[at..]);
                padded
            };
            for r in 0..R {
                let a = pad(x[r]);
                for c in 0..C {
                    let b = pad(w[c]);
                    for half in 0..2 {
                        // SAFETY: both arrays have 16 elements, and `8 * half + 8 <= 16`.
                        let (a, b) = unsafe {
                            (
                                _mm256_loadu_ps(a.as_ptr().add(8 * half)),
                                _mm256_loadu_ps(b.as_ptr().add(8 * half)),
                            )
                        };
                        sums[r][c][half] = _mm256_fmadd_ps(a, b, sums[r][c][half]);
                    }
                }
            }
        }
        std::array::from_fn(|r| {
            std::array::from_fn(|c| sum8(_mm256_add_ps(sums[r][c][0], sums[r][c][1])))
        })
    }
}
