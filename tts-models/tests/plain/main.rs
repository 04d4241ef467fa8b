//! The decoder and its reference executor: right, and the same bits in any batch.
//!
//! One binary, because each that runs a model compiles the whole of Burn's backend into it.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside a function marked so")]

mod common;
mod executor;
mod families;
mod golden;
mod invariance;
