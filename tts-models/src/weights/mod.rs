//! Weights of a checkpoint.

pub mod decoder;
