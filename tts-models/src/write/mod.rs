//! From a request to the tokens that its lines go on from, and from drawn tokens to steps.
//!
//! [`Encoder`] makes token ids of prompts, paths and appended words; [`Writer`] makes steps of the tokens
//! that follow. Both the engine and remote servers write through them, so that a step means the same
//! wherever it was drawn.

#[cfg(feature = "remote")]
mod cutter;
mod encoder;
mod prefix;
mod prompts;
mod texts;
mod unfinished;
mod watching;
mod writer;

#[cfg(feature = "remote")]
pub(crate) use cutter::Cutter;
pub(crate) use encoder::Encoder;
pub(crate) use prefix::Prefix;
pub(crate) use writer::Writer;
