//! Language models for test-time search.

pub mod config;
pub mod error;
pub mod executor;
#[doc(hidden)]
pub mod testing;
pub mod weights;

pub use config::{ModelConfig, RopeScaling};
pub use error::ModelError;
pub use executor::{Executor, Span, Want};
pub use weights::Checkpoint;
pub use weights::decoder::{DecoderWeights, LayerWeights};
