//! What writes and what judges: the traits [`Generator`], [`StepScorer`] and [`Likelihood`], and a
//! [`Store`] and a [`Memo`] that remember what was written and judged, a [`Replay`] that says it again without a model, and
//! [`GivenTexts`] that says what others wrote; [`Embedder`] makes vectors of texts.

mod apart;
mod embedder;
pub mod generator;
mod judged;
mod likelihood;
pub mod memo;
pub mod replay;
pub mod scorer;
pub mod store;
mod stored_scorer;
pub mod texts;

pub use embedder::{Embedded, Embedder, TextKind};
pub use generator::{
    BoxError, Finished, Generated, Generator, Lane, LineError, LineId, Request, Session, gather,
};
pub use likelihood::{Given, Likelihood};
pub use memo::Memo;
pub use replay::Replay;
pub use scorer::{GroupId, Judged, Reads, Scored, Scoring, StepScorer};
pub use store::{Store, Stored};
pub use stored_scorer::StoredScorer;
pub use texts::{GivenText, GivenTexts};
