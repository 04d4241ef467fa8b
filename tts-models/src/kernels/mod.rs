//! Own CPU kernels in f32: the one place of the workspace with `unsafe` code.
//!
//! Every kernel exists three times over one definition: for AVX-512, for AVX2 with FMA, and
//! portable. Which one runs is decided once, at run time. All three round the same way, so they
//! give the same bits: a product and a sum are one fused operation (`mul_add`), a dot product runs
//! in 16 lanes over the inner dimension, whatever the width of the registers, and lanes are added in
//! one fixed order. An output element therefore depends on its own inputs alone: not on the number
//! of rows, the number of threads, or the machine's instruction set.
//!
//! Each unsafe block states why it is sound; the portable form is the safe reference beside it,
//! and property tests compare them bit for bit.

mod elementwise;
mod matmul;
mod tile;

pub(crate) use elementwise::{axpy, exp_in_place, rms_norm, softmax, swiglu, weighted};
pub(crate) use matmul::{dot, dots, matmul};

/// Instruction sets with kernels of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isa {
    /// AVX-512F, with AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Whatever the compiler makes of plain Rust.
    Portable,
}

impl Isa {
    /// The best one that this machine has.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            // The standard library caches the answers: these are loads and tests.
            let avx2 = std::arch::is_x86_feature_detected!("avx2")
                && std::arch::is_x86_feature_detected!("fma");
            if avx2 && std::arch::is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if avx2 {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// All that this machine can run, for tests.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        match Self::detect() {
            Self::Avx512 => all.extend([Self::Avx2, Self::Avx512]),
            Self::Avx2 => all.push(Self::Avx2),
            Self::Portable => {}
        }
        all
    }
}

/// Compiles one body for every instruction set, and picks at run time.
macro_rules! for_each_isa {
    ($(#[$doc:meta])* $name:ident / $on:ident, $body:ident ( $($arg:ident : $type:ty),* ) $(-> $out:ty)?) => {
        $(#[$doc])*
        pub(crate) fn $name($($arg: $type),*) $(-> $out)? {
            $on(crate::kernels::Isa::detect(), $($arg),*)
        }

        #[expect(unsafe_code, reason = "calls code compiled for a detected instruction set")]
        fn $on(isa: crate::kernels::Isa, $($arg: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f")]
            fn avx512($($arg: $type),*) $(-> $out)? {
                $body($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $type),*) $(-> $out)? {
                $body($($arg),*)
            }
            match isa {
                // SAFETY: `Isa` values other than `Portable` are made by `detect` (or by tests, from
                // what it found), so the machine has the instructions.
                #[cfg(target_arch = "x86_64")]
                crate::kernels::Isa::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                crate::kernels::Isa::Avx2 => unsafe { avx2($($arg),*) },
                crate::kernels::Isa::Portable => $body($($arg),*),
            }
        }
    };
}
pub(crate) use for_each_isa;
