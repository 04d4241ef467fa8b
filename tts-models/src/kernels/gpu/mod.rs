//! Own GPU kernels in CubeCL, for CUDA and, through wgpu, for Vulkan, Metal and DX12.
//!
//! One source, compiled when a program runs, for the GPU at hand. Every sum has one order, which
//! depends on the shape of the model alone:
//!
//! * a product is cut along its inputs into [`CHUNKS`] stretches; a stretch is added front to back
//!   with fused multiply-adds, then the stretches are, in order. Few rows spread the stretches over
//!   warps, many rows pass over them in one thread: the same bits ([`product`]);
//! * attention is cut into parts of [`PART`] positions, each a softmax of its own, and the parts are
//!   joined in order ([`attend`]);
//! * norms add in 128 lanes, then front to back over these.
//!
//! Rows are padded to a multiple of [`PANEL`] numbers, and the padding is 0: no kernel has a
//! remainder loop along a row, and a padded output of a product is a product with zeros.
//!
//! Each launch checks the lengths of its buffers, which is what makes unchecked indexing sound; the
//! tables of tokens, rows and slots are made by [`crate::gpu`] and checked when they are made.

#![expect(clippy::cast_possible_truncation, reason = "what a kernel counts fits 32 bits")]

mod attend;
mod device;
mod finish;
mod norm;
mod place;
mod product;
mod routed;
#[cfg(test)]
mod tests;
mod tiled;

pub(crate) use attend::{Attention, PART, Scores, attend, join};
pub(crate) use device::{Buffer, Device};
pub(crate) use finish::{Gating, add, gate, shift};
pub(crate) use norm::{embed, norm, norm_sides};
pub(crate) use place::{Placement, copy, fill_slots, place};
pub(crate) use product::{Finish, Product, product, product_routed};
pub(crate) use routed::{Routed, Tiles, add_gated, combine, shift_each};

/// Outputs of a panel of weights, and the unit to which rows are padded.
pub(crate) const PANEL: usize = 32;

/// Stretches into which a sum along a row is cut, at most.
const CHUNKS: usize = 16;

/// Numbers of a vector.
const QUAD: usize = 4;
