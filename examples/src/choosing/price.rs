//! What a strategy is paid in.
//!
//! Source: none; sums of [`Cost`].

use clap::ValueEnum;
use tts_core::Cost;

/// What a strategy is paid in: what is to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Price {
    /// Tokens generated.
    #[default]
    Generated,
    /// Tokens generated, and those judged.
    Tokens,
    /// Floating-point operations, by formula.
    Operations,
    /// Lines started.
    Lines,
    /// Requests to generator and scorer.
    Calls,
}

impl Price {
    /// What this much is.
    pub fn of(self, cost: &Cost) -> f64 {
        match self {
            Self::Generated => cost.generated_tokens as f64,
            Self::Tokens => (cost.generated_tokens + cost.scored_tokens) as f64,
            Self::Operations => cost.flops,
            Self::Lines => cost.samples as f64,
            Self::Calls => cost.calls as f64,
        }
    }

    /// In words.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Generated => "generated tokens",
            Self::Tokens => "tokens, generated and judged",
            Self::Operations => "operations",
            Self::Lines => "lines",
            Self::Calls => "calls",
        }
    }
}
