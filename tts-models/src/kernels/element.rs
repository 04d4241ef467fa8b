//! Element types of keys and values: f32, and f16, which is widened as it is read.
//!
//! f16 halves the memory of f32 and keeps three more bits than BF16; keys and values of language
//! models stay far below its largest number. Codes of 8 bits are in [`super::coded`].

use half::f16;

use super::Isa;

/// An element type of keys and values.
pub(crate) trait Element: Copy + Default + Send + Sync + 'static {
    /// Rounds to this type. What is too large for it becomes its largest.
    fn narrow(x: &[f32], out: &mut [Self]);

    fn wide(self) -> f32;

    /// Sixteen elements in f32.
    ///
    /// # Safety
    /// The machine must have AVX-512F, BW and VL, and F16C.
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "runs on detected instruction sets only")]
    unsafe fn sixteen(x: &[Self; 16]) -> std::arch::x86_64::__m512;

    /// Eight elements in f32.
    ///
    /// # Safety
    /// The machine must have AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "runs on detected instruction sets only")]
    unsafe fn eight(x: &[Self; 8]) -> std::arch::x86_64::__m256;
}

impl Element for f32 {
    fn narrow(x: &[f32], out: &mut [Self]) {
        out.copy_from_slice(x);
    }

    fn wide(self) -> f32 {
        self
    }

    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "vector loads through pointers")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma,f16c")]
    #[inline]
    unsafe fn sixteen(x: &[Self; 16]) -> std::arch::x86_64::__m512 {
        // SAFETY: sixteen numbers.
        unsafe { std::arch::x86_64::_mm512_loadu_ps(x.as_ptr()) }
    }

    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "vector loads through pointers")]
    #[target_feature(enable = "avx2,fma,f16c")]
    #[inline]
    unsafe fn eight(x: &[Self; 8]) -> std::arch::x86_64::__m256 {
        // SAFETY: eight numbers.
        unsafe { std::arch::x86_64::_mm256_loadu_ps(x.as_ptr()) }
    }
}

impl Element for f16 {
    fn narrow(x: &[f32], out: &mut [Self]) {
        #[cfg(target_arch = "x86_64")]
        {
            /// Eight at a time; how many are done.
            #[target_feature(enable = "avx2,fma,f16c")]
            #[expect(unsafe_code, reason = "vector loads and stores through pointers")]
            fn eights(x: &[f32], out: &mut [f16]) -> usize {
                use std::arch::x86_64::{
                    _mm_storeu_si128, _mm256_cvtps_ph, _mm256_loadu_ps, _mm256_max_ps,
                    _mm256_min_ps, _mm256_set1_ps,
                };
                let most = f16::MAX.to_f32();
                let (x, _) = x.as_chunks::<8>();
                let (out, _) = out.as_chunks_mut::<8>();
                for (x, out) in x.iter().zip(&mut *out) {
                    // SAFETY: eight numbers of four bytes are read, eight of two bytes written.
                    unsafe {
                        let x = _mm256_loadu_ps(x.as_ptr());
                        // Operands in this order keep what is not a number.
                        let x = _mm256_min_ps(_mm256_set1_ps(most), x);
                        let x = _mm256_max_ps(_mm256_set1_ps(-most), x);
                        _mm_storeu_si128(out.as_mut_ptr().cast(), _mm256_cvtps_ph::<0>(x));
                    }
                }
                8 * x.len().min(out.len())
            }
            if Isa::detect() != Isa::Portable {
                #[expect(unsafe_code, reason = "calls code for a detected instruction set")]
                // SAFETY: the machine has AVX2 and F16C, or `detect` would have said otherwise.
                let done = unsafe { eights(x, out) };
                return narrow_f16(&x[done..], &mut out[done..]);
            }
        }
        narrow_f16(x, out);
    }

    fn wide(self) -> f32 {
        self.to_f32()
    }

    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "vector loads through pointers")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma,f16c")]
    #[inline]
    unsafe fn sixteen(x: &[Self; 16]) -> std::arch::x86_64::__m512 {
        use std::arch::x86_64::{_mm256_loadu_si256, _mm512_cvtph_ps};
        // SAFETY: sixteen numbers of two bytes.
        _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(x.as_ptr().cast()) })
    }

    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "vector loads through pointers")]
    #[target_feature(enable = "avx2,fma,f16c")]
    #[inline]
    unsafe fn eight(x: &[Self; 8]) -> std::arch::x86_64::__m256 {
        use std::arch::x86_64::{_mm_loadu_si128, _mm256_cvtph_ps};
        // SAFETY: eight numbers of two bytes.
        _mm256_cvtph_ps(unsafe { _mm_loadu_si128(x.as_ptr().cast()) })
    }
}

/// The safe reference of [`Element::narrow`] for f16.
fn narrow_f16(x: &[f32], out: &mut [f16]) {
    for (x, out) in x.iter().zip(out) {
        *out = f16::from_f32(x.clamp(-f16::MAX.to_f32(), f16::MAX.to_f32()));
    }
}
