//! Judges of reports: whether sources say what is cited, and which of two reports is better.
//!
//! Both ask a [`super::Judge`] through a search, as [`super::assess()`] does: lines that are batched, stored, and counted.
//! What cannot be read is refused and told with its reasons ([`Tally`]): it counts neither for nor against a report.
//!
//! Source: see [`support`](mod@support) and [`side_by_side`](mod@side_by_side).

pub mod side_by_side;
pub mod support;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use tts_core::Cost;

use super::assess::Ruling;

pub use side_by_side::{Reports, SideBySide, read_reports, side_by_side};
pub use support::{Cited, Support, support};

/// What became of judgements, and what they cost.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Judgements that were read.
    pub judgements: usize,
    /// Judgements that were refused.
    pub refused: usize,
    /// Why, and how often.
    pub reasons: BTreeMap<String, usize>,
    /// What all of them cost.
    pub cost: Cost,
}

impl Tally {
    fn add(&mut self, ruling: &Ruling) {
        self.judgements += ruling.ballot.judgements.len();
        self.refused += ruling.ballot.refused;
        for why in &ruling.reasons {
            *self.reasons.entry(why.clone()).or_default() += 1;
        }
    }

    /// Writes it for a reader.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        let Self { judgements, refused, reasons, cost } = self;
        writeln!(
            out,
            "judged    {judgements} judgements read, {refused} refused; {} lines, {} tokens",
            cost.samples, cost.generated_tokens
        )?;
        let mut reasons: Vec<(&String, &usize)> = reasons.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (why, count) in reasons.into_iter().take(5) {
            writeln!(out, "          {count} refused: {why}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
