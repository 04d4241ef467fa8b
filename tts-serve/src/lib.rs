//! Test-time scaling behind an OpenAI-compatible server: any client asks for search.
//!
//! A client names a model, and behind a plus sign a strategy: `smollm2+beam-16` is a beam search of sixteen
//! lines whose answer comes back as any completion does, with what it cost. [`serve`] runs until it is told
//! to stop. Handlers (`http/`) understand requests and tell answers; one thread (`engine/`) owns a
//! [`tts_core::SearchPool`] in which all searches share the generator's passes, in turns. A request's
//! answer depends on model, prompt, seed and settings alone, whatever runs beside it.
//!
//! It knows generators and scorers by their traits: models of any kind are served alike. What can be asked,
//! every limit and every metric is in `docs/serve.md`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod config;
mod engine;
mod fault;
mod http;
mod metrics;
mod model;
mod plan;
mod serve;

pub use config::{ApiKey, ServeConfig};
pub use model::{Model, Words};
pub use serve::{ServeError, serve, stop_signal};
