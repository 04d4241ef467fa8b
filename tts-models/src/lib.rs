//! Language models for test-time search.

pub mod config;
pub mod error;
pub mod executor;
pub mod template;
pub mod tokenizer;
pub mod weights;

pub use config::ModelConfig;
pub use error::ModelError;
pub use executor::{Executor, Span, Want};
pub use template::{ChatTemplate, Message};
pub use tokenizer::{Boundary, BoundaryState, GgufVocabulary, SpecialIds, Tokenizer};
pub use weights::decoder::{DecoderWeights, LayerWeights};
