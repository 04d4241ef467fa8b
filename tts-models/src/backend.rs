//! Names of the Burn backends that the library is tested on.
//!
//! A program names one of them once, as in `Plain::<Cpu>::new(weights)`.
//! Any other Burn backend fits in its place.

/// Burn's ndarray backend in f32: runs everywhere, and gives a sequence the same bits whatever
/// runs beside it.
pub type Cpu = burn::backend::NdArray<f32>;

/// Burn's CUDA backend in f32.
#[cfg(feature = "cuda")]
pub type Cuda = burn::backend::Cuda<f32, i32>;
