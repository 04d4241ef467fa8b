//! Weights of a checkpoint: one interface over GGUF files and Hugging Face folders.
//!
//! [`Checkpoint`] opens either, on disk or in memory ([`Files`]), and gives tensors as stored ([`RawTensor`]) under Hugging Face's
//! names; [`decoder`] reads all of them into f32. Files are read by seek, tensor by tensor, and
//! checked against their real length before anything is allocated: see [`gguf`] and
//! [`safetensors`].

pub(crate) mod advice;
mod checkpoint;
pub mod config;
pub mod decoder;
pub(crate) mod digest;
mod files;
pub mod gguf;
pub(crate) mod identity;
pub(crate) mod names;
pub mod quant;
pub mod safetensors;
pub(crate) mod source;
mod stacked;
mod tensor;

pub use checkpoint::Checkpoint;
pub(crate) use decoder::replace;
pub use files::Files;
pub use gguf::Gguf;
pub use tensor::{Dtype, RawTensor};
