//! Language models for test-time search.

pub mod backend;
mod cache;
pub mod config;
pub mod engine;
pub mod error;
pub mod executor;
mod kernels;
pub mod load;
pub mod native;
pub mod plain;
pub mod sampling;
pub mod template;
#[doc(hidden)]
pub mod testing;
pub mod tokenizer;
pub mod transformer;
pub mod weights;

pub use backend::Cpu;
#[cfg(feature = "cuda")]
pub use backend::Cuda;
pub use config::{ModelConfig, RopeScaling};
pub use engine::{Engine, EngineConfig, Trunk};
pub use error::ModelError;
pub use executor::{Executor, Span, Want};
pub use load::{Backend, LanguageModel, open};
pub use native::Native;
pub use plain::Plain;
pub use template::ChatTemplate;
pub use tokenizer::Tokenizer;
pub use transformer::Decoder;
pub use weights::Checkpoint;
pub use weights::decoder::{DecoderWeights, LayerWeights};
