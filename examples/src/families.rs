//! The families of problems by name, as command lines have them.

use std::sync::Arc;

use clap::ValueEnum;
use tts_core::family::{Backtrack, Chain, Countdown, Family, Panel, Recheck, Strides};

/// A family with its default settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Families {
    /// Arithmetic, an operation a line.
    Chain,
    /// Reaching a number from others.
    Countdown,
    /// Arithmetic, as many operations a line as the writer likes.
    Strides,
    /// Arithmetic with checks, and an answer behind `#`.
    Recheck,
    /// Countdown with moves that are taken back.
    Backtrack,
    /// Judging responses, by criteria that nobody is told.
    Panel,
}

impl Families {
    /// The family.
    pub fn family(self) -> Arc<dyn Family> {
        match self {
            Self::Chain => Arc::new(Chain::default()),
            Self::Countdown => Arc::new(Countdown::default()),
            Self::Strides => Arc::new(Strides::default()),
            Self::Recheck => Arc::new(Recheck::default()),
            Self::Backtrack => Arc::new(Backtrack::default()),
            Self::Panel => Arc::new(Panel::default()),
        }
    }
}
