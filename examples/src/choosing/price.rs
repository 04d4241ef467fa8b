//! What a strategy is paid in.
//!
//! Source: none; sums of [`Cost`].

use clap::ValueEnum;
use tts_core::{Cost, Until};
use tts_search::choose::{FirstLines, Probe};
use tts_search::evaluate::words::cost_of;

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

    /// What a probe costs on top of a strategy that begins with these lines and goes on from it: `all` is what its
    /// samples cost together, `begun` what their first steps do ([`FirstLines::on_top`], of what is paid by the token).
    pub(super) fn on_top(self, first: FirstLines, probe: Probe, [all, begun]: [f64; 2]) -> f64 {
        let (samples, to_end) = (probe.samples, probe.until == Until::End);
        match self {
            Self::Calls => match (first.whole, first.begun) {
                // Each first step is gone on with by a call of its own, the rest is one more.
                (whole @ 1.., 0) if !to_end => {
                    let calls = whole.min(samples) + usize::from(whole > samples);
                    all + (calls - 1) as f64
                }
                (lines, 0) | (0, lines) if (1..=samples).contains(&lines) => 0.0,
                // A round is a call, however little of it is left to ask for.
                _ => all,
            },
            // To go on behind a first step is a line again.
            Self::Lines if !to_end => FirstLines { whole: 0, ..first }.on_top(samples, all, begun),
            _ => first.on_top(samples, all, begun),
        }
    }

    /// So much of it, with the digits that matter.
    pub fn told(self, amount: f64) -> String {
        if amount <= 0.0 { "0".into() } else { cost_of(amount) }
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
