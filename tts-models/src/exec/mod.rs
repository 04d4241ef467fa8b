//! Executors: tokens in, hidden rows and logits out, whatever computes them.
//!
//! An [`Executor`] owns the weights on one device; its state is the keys and values of one sequence.
//! [`Native`] runs own CPU kernels, `Gpu` (with the feature `cuda` or `wgpu`) own GPU kernels, [`Plain`]
//! the operations of Burn, whose form of a decoder is in [`transformer`]. A prefix cache of blocks
//! (private) works on any of them.

pub mod backend;
pub(crate) mod cache;
pub(crate) mod chain;
mod executor;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub mod gpu;
pub mod native;
mod plain;
pub(crate) mod rope;
pub mod transformer;

pub use executor::{BLOCK_TOKENS, Executor, Piece, Span, Want};
pub(crate) use executor::{check_hidden, check_spans, keep};
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub use gpu::Gpu;
pub use native::{Native, WeightFormat};
pub use plain::Plain;
