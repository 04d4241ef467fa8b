//! Language models for test-time search.

pub mod backend;
pub mod config;
pub mod error;
pub mod executor;
mod kernels;
pub mod native;
pub mod plain;
#[doc(hidden)]
pub mod testing;
pub mod transformer;
pub mod weights;

pub use backend::Cpu;
#[cfg(feature = "cuda")]
pub use backend::Cuda;
pub use config::{ModelConfig, RopeScaling};
pub use error::ModelError;
pub use executor::{Executor, Span, Want};
pub use native::Native;
pub use plain::Plain;
pub use transformer::Decoder;
pub use weights::Checkpoint;
pub use weights::decoder::{DecoderWeights, LayerWeights};
