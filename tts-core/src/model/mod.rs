//! What writes and what judges: the traits [`Generator`], [`StepScorer`] and [`Likelihood`], and a
//! [`Store`] that remembers what was written, and a [`Replay`] that says it again without a model;
//! [`Embedder`] makes vectors of texts.

mod apart;
mod embedder;
pub mod generator;
mod likelihood;
pub mod replay;
pub mod scorer;
pub mod store;

pub use embedder::{Embedded, Embedder, TextKind};
pub use generator::{
    BoxError, Finished, Generated, Generator, Lane, LineError, LineId, Request, Session, gather,
};
pub use likelihood::{Given, Likelihood};
pub use replay::Replay;
pub use scorer::{GroupId, Judged, Reads, Scored, Scoring, StepScorer};
pub use store::{Store, Stored};
