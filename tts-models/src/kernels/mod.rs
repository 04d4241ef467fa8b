//! Own kernels: the one place of the workspace with `unsafe` code. Those for GPUs are in `gpu`.
//!
//! Every CPU kernel exists several times over one definition: for AVX-512 with its dot products, for
//! AVX2 with FMA, and portable. Which one runs is decided at run time ([`InstructionSet`]). All of them add in the
//! same order, so they give the same bits: integers exactly, floats by fused multiply-adds that run
//! along a reduction from front to back, or in 16 lanes that are added in halves. An output element
//! therefore depends on its own inputs alone: not on the number of rows, the number of threads, or
//! the machine's instruction set.
//!
//! * [`Matrix`]: weights packed in panels of 16 outputs; [`Input`]: rows in the form that they are
//!   multiplied in; [`project`], [`project_swiglu`]: their products; [`project_each`] and
//!   [`project_swiglu_each`]: those of rows that have weights of their own.
//! * [`attend`]: attention over keys and values in blocks of 16 tokens ([`KeyValueShape`]), in f32, f16, or
//!   8 bits with factors ([`coded`]).
//! * [`Team`]: the threads, and their [`Clock`].
//!
//! Each unsafe block states why it is sound; a safe form stands beside it, and property tests
//! compare them bit for bit.

mod attend;
mod backward;
mod causal;
mod clock;
mod coded;
mod element;
mod elementwise;
mod float;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub(crate) mod gpu;
mod input;
mod int8;
mod isa;
mod matrix;
mod memory;
mod operand;
mod project;
mod team;

pub(crate) use attend::{KeyValueShape, prefetch, scores, weigh};
pub(crate) use backward::{add_rows, norm_back, norm_weight_back, rotate_back, swish_back};
pub(crate) use causal::{Gradients, Sequence, attend_all, attend_all_back};
pub use clock::{Account, Clock, Stage, StageTime};
pub(crate) use coded::times;
pub(crate) use element::Element;
pub(crate) use elementwise::{
    cap, clamped_gate_all, exp_in_place, exp_sum, gelu_gate_all, largest, largest_of_each,
    rms_norm, rotate, sigmoid_in_place, softmax, swish_gate_all,
};
pub(crate) use input::{Input, Kinds};
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub(crate) use int8::Quantised;
pub use isa::InstructionSet;
pub(crate) use isa::Isa;
pub(crate) use matrix::Matrix;
pub(crate) use memory::{Arena, Taken};
pub(crate) use operand::{Format, View};
pub(crate) use project::{Part, project, project_each, project_swiglu, project_swiglu_each};
pub(crate) use team::Team;

/// Compiles one body for every instruction set, and picks at run time.
macro_rules! for_each_isa {
    ($(#[$doc:meta])* $name:ident / $on:ident, $body:ident ( $($arg:ident : $type:ty),* ) $(-> $out:ty)?) => {
        $(#[$doc])*
        pub(crate) fn $name($($arg: $type),*) $(-> $out)? {
            $on(crate::kernels::Isa::detect(), $($arg),*)
        }

        #[expect(unsafe_code, reason = "calls code compiled for a detected instruction set")]
        pub(super) fn $on(isa: crate::kernels::Isa, $($arg: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma,f16c")]
            fn avx512($($arg: $type),*) $(-> $out)? {
                $body($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            fn avx2($($arg: $type),*) $(-> $out)? {
                $body($($arg),*)
            }
            match isa {
                // SAFETY: `Isa` values other than `Portable` are made in `isa` alone, of what the machine
                // was found to have.
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
