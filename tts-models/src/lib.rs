//! Language models for test-time search: checkpoints, tokenizers, decoders, engine.
//!
//! # Overview
//!
//! [`open`] takes a GGUF file or a Hugging Face folder and gives a [`LanguageModel`]: a
//! `Generator`, a `Likelihood` and a [`Backbone`] in one.
//!
//! ```no_run
//! use tts_core::{Budget, Sampling, Search};
//! use tts_core::toy::Sample;
//! use tts_models::{Backend, EngineConfig};
//!
//! let model = tts_models::open("model.gguf", Backend::Native, EngineConfig::default())?;
//! let outcome = Search::new(&model)
//!     .sampling(Sampling::temperature(0.7))
//!     .budget(Budget::tokens(4_000))
//!     .run(Sample { n: 8 }, "What is 17 * 24?")?;
//! println!("{:?}", outcome.answer());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layers
//!
//! * [`weights`]: [`Checkpoint`] reads GGUF and safetensors, tensor by tensor, from disk or from memory
//!   ([`Files`]); [`DecoderWeights`] is a decoder's weights, checked against its [`ModelConfig`].
//! * [`text`]: text to ids and back, step boundaries on ids, chats.
//! * [`Executor`]: tokens in, hidden rows and logits out. [`Native`] runs own CPU kernels, `Gpu`
//!   (with one of the features below) own GPU kernels, `Plain` Burn's operations on any of its
//!   backends; `exec::transformer` is the decoder as Burn modules.
//! * [`Engine`]: many lines at once on an executor, with a prefix cache. Its results depend on
//!   model, prompt, path and seed alone, bit for bit.
//! * [`encoder`]: texts as vectors, by models of the BERT form.
//!
//! # Features
//!
//! `burn`: Burn's types in the interface, which are those of one version of Burn: the decoder as Burn modules
//! (`exec::transformer`), `Plain` and `train::Trainer::train_on` on any of its backends.
//!
//! `remote`: vLLM, `SGLang` and llama-server as engines, over HTTP ([`remote`]); `https`: the same over TLS.
//!
//! `cuda`: own kernels and Burn's backend on NVIDIA GPUs. It builds without a toolkit: driver and
//! compiler are loaded when a program starts to use them.
//!
//! `wgpu`: own kernels on GPUs with Vulkan, Metal or DX12.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod encoder;
pub mod engine;
pub mod error;
pub mod exec;
mod kernels;
pub mod load;
#[cfg(feature = "remote")]
pub mod remote;
#[doc(hidden)]
pub mod testing;
pub mod text;
pub mod train;
pub mod weights;
mod write;

pub use engine::{Backbone, Engine, EngineConfig, Wanted};
pub use error::ModelError;
#[cfg(all(feature = "burn", feature = "cuda"))]
pub use exec::Cuda;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub use exec::Gpu;
pub use exec::{
    BLOCK_TOKENS, BlockPart, Executor, KeyValues, Native, Piece, Span, Want, WeightFormat,
};
#[cfg(feature = "burn")]
pub use exec::{Cpu, Plain};
pub use kernels::{Account, Clock, InstructionSet, Stage, StageTime};
pub use load::{Backend, LanguageModel, open, open_adapted};
pub use text::TextSide;
pub use text::template::ChatTemplate;
pub use text::tokenizer::Tokenizer;
pub use weights::config::{ModelConfig, RopeScaling, Stored, SuggestedSampling, Switches, Windows};
pub use weights::decoder::{DecoderWeights, FeedForwardWeights, LayerWeights};
pub use weights::{Checkpoint, Files};

// Compiles the code of the crate's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
