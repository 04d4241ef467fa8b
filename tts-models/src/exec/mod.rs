//! Executors: tokens in, hidden rows and logits out, whatever computes them.
//!
//! An [`Executor`] owns the weights on one device; its state is the keys and values of one sequence.
//! [`Native`] runs own CPU kernels, `Gpu` (with the feature `cuda` or `wgpu`) own GPU kernels, `Plain`
//! the operations of Burn, whose form of a decoder is in `transformer`. A prefix cache of blocks
//! (private) works on any of them.

mod backend;
pub(crate) mod cache;
pub(crate) mod chain;
mod executor;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub mod gpu;
pub mod native;
#[cfg_attr(
    not(feature = "burn"),
    expect(unreachable_pub, dead_code, reason = "the interface with the feature")
)]
mod plain;
pub(crate) mod rope;
pub(crate) mod route;
#[cfg(not(feature = "burn"))]
#[expect(unreachable_pub, reason = "the interface with the feature")]
pub(crate) mod transformer;
#[cfg(feature = "burn")]
pub mod transformer;

#[cfg(feature = "burn")]
pub use backend::Cpu;
#[cfg(not(feature = "burn"))]
pub(crate) use backend::Cpu;
#[cfg(all(feature = "burn", feature = "cuda"))]
pub use backend::Cuda;
#[cfg(all(not(feature = "burn"), feature = "cuda"))]
pub(crate) use backend::Cuda;
#[cfg(feature = "cuda")]
pub use backend::CudaRuntime;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub use backend::Runtime;
#[cfg(feature = "wgpu")]
pub use backend::WgpuRuntime;
pub use executor::{BLOCK_TOKENS, BlockPart, Executor, Piece, Span, Want};
pub(crate) use executor::{check_hidden, check_spans, keep};
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub use gpu::Gpu;
pub use native::{KeyValues, Native, WeightFormat};
#[cfg(feature = "burn")]
pub use plain::Plain;
#[cfg(not(feature = "burn"))]
pub(crate) use plain::Plain;
