//! Names of the backends that the library is tested on.
//!
//! A program names one of them once, as in `Plain::<Cpu>::new(weights)`.
//! Any other Burn backend fits in the place of [`Cpu`], any other runtime of CubeCL in that of
//! `WgpuRuntime`, which `Gpu` takes.

/// Burn's ndarray backend in f32: runs everywhere, and gives a sequence the same bits whatever
/// runs beside it.
#[cfg_attr(not(feature = "burn"), expect(unreachable_pub, reason = "public with the feature"))]
pub type Cpu = burn::backend::NdArray<f32>;

/// Burn's CUDA backend in f32.
#[cfg(feature = "cuda")]
pub type Cuda = burn::backend::Cuda<f32, i32>;

#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub use cubecl::Runtime;

#[cfg(feature = "cuda")]
pub use cubecl::cuda::CudaRuntime;

#[cfg(feature = "wgpu")]
pub use cubecl::wgpu::WgpuRuntime;
