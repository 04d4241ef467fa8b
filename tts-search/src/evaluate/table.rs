//! Results of a comparison: a table for the terminal, JSON for programs.
//!
//! A [`Row`] is one strategy at one budget. Accuracies have Wilson's 95 % interval over problems;
//! tokens are means over problems, as searches count them; seconds are the wall time of all
//! problems together.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use tts_core::metrics::{MetricError, accuracy_interval};

use super::Method;
use super::words::thousands;

/// One strategy at one budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The strategy.
    pub strategy: Method,
    /// Its budget.
    pub n: usize,
    /// The share of problems solved.
    pub accuracy: f64,
    /// The 95 % interval of that, the lower end first.
    pub ci95: [f64; 2],
    /// Tokens generated a problem, rollouts included.
    pub generated_tokens: f64,
    /// Tokens scored a problem.
    pub scored_tokens: f64,
    /// Wall time of all problems.
    pub seconds: f64,
}

/// What all problems together cost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spent {
    /// Tokens generated.
    pub generated: u64,
    /// Tokens scored.
    pub scored: u64,
    /// Wall time.
    pub seconds: f64,
}

impl Row {
    /// The row of a strategy that was right on these problems.
    ///
    /// # Errors
    /// When there are no problems.
    pub fn new(
        strategy: Method,
        n: usize,
        correct: &[bool],
        spent: Spent,
    ) -> Result<Self, MetricError> {
        let accuracy = accuracy_interval(correct)?;
        let mean = |sum: u64| sum as f64 / correct.len() as f64;
        Ok(Self {
            strategy,
            n,
            accuracy: accuracy.mean,
            ci95: accuracy.interval,
            generated_tokens: mean(spent.generated),
            scored_tokens: mean(spent.scored),
            seconds: spent.seconds,
        })
    }
}

/// All rows, as they are written to a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// What the problems are.
    pub task: String,
    /// Their number.
    pub problems: usize,
    /// The strategies.
    pub rows: Vec<Row>,
}

/// Writes the head of the table.
///
/// # Errors
/// When `out` cannot be written to.
pub fn head(out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{:>3}  {:<10} {:>8}  {:^17}  {:>10}  {:>10}  {:>8}",
        "N", "strategy", "accuracy", "95 % interval", "generated", "scored", "seconds"
    )
}

/// Writes a row of the table.
///
/// # Errors
/// When `out` cannot be written to.
pub fn row(out: &mut dyn Write, row: &Row) -> io::Result<()> {
    let [low, high] = row.ci95.map(percent);
    writeln!(
        out,
        "{:>3}  {:<10} {:>8}  {:^17}  {:>10}  {:>10}  {:>8.1}",
        row.n,
        row.strategy,
        percent(row.accuracy),
        format!("{low} to {high}"),
        whole(row.generated_tokens),
        whole(row.scored_tokens),
        row.seconds
    )
}

/// A share in percent, with one digit.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A mean number of tokens without its fraction; a dash for none.
fn whole(tokens: f64) -> String {
    if tokens <= 0.0 {
        return "-".to_owned();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and far below 2^64"
    )]
    thousands(tokens.round() as u64)
}
