//! Decorators: what any strategy or scorer gains by being wrapped. (`Lookahead` and `Forest` stand beside the
//! trees.)

mod again;
mod dedupe;
mod ensemble;
mod noisy;
mod outcome_only;
mod phases;
mod retry;

pub use dedupe::Dedupe;
pub use ensemble::{Combine, Ensemble, EnsembleError};
pub use noisy::{Noisy, NoisyError};
pub use outcome_only::OutcomeOnly;
pub use phases::{Phase, Phases};
pub use retry::Retry;
/// A scorer that remembers what it has judged.
pub use tts_core::Memo;
