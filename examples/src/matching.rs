//! Searches of a small model beside one answer of a large one, where both have cost as many operations, those of
//! pretraining included: the rows of such a table, for whoever asks.
//!
//! [`matched`] takes each search of the small model at its dearest budget within what the large one has cost, for each
//! share of tokens of inference in those of pretraining, and adjusts p-values for all rows. That a search was not run at
//! budgets as dear as it is allowed is told: its row then says the least that the small model can do. What a budget is
//! called is its caller's: a number of samples, or the name of an evaluation.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 7 and figure 9, by [`tts_search::choose::matched`].

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use tts_core::metrics::{Paired, holm};
use tts_search::choose::Tried;
use tts_search::choose::matched::{Match, TokenCost, compare, multiplier};
use tts_search::evaluate::{Bin, Difficulty};

use crate::Error;

/// A search of the small model, at budgets with what came of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Small<B> {
    /// What to call it.
    pub name: String,
    /// Its budgets.
    pub budgets: Vec<(B, Tried)>,
}

/// A search of the small model at what the large one has cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matched<B> {
    /// The search.
    pub small: String,
    /// Tokens of inference for each of pretraining.
    pub share: f64,
    /// How many times the large model's tokens it may generate.
    pub times: f64,
    /// Tokens that it may generate a problem.
    pub allowed: f64,
    /// The dearest of its budgets within that; `None` where none is.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub at: Option<Within<B>>,
}

/// A budget that is within what is allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Within<B> {
    /// The budget.
    #[serde(flatten)]
    pub budget: B,
    /// Tokens that it generates a problem.
    pub taken: f64,
    /// Whether the search has no dearer one.
    pub dearest: bool,
    /// Its accuracy less the large model's.
    pub paired: Paired,
    /// The p-value, adjusted for all rows.
    pub adjusted: f64,
    /// The difference in each bin of difficulty, the easiest first, where that is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_difficulty: Vec<f64>,
}

/// What is left out, whatever a budget is.
fn none<T>() -> Option<T> {
    None
}

/// The rows of all searches at all shares, where the large model has `larger` times the parameters and generates so many
/// `tokens` a problem; in bins of difficulty where it is known.
///
/// # Errors
/// When the large model is not larger, a share is no positive number, or searches are of other problems.
pub fn matched<B: Clone>(
    small: &[Small<B>],
    (large, tokens): (&Tried, f64),
    (larger, cost): (f64, TokenCost),
    shares: &[f64],
    difficulty: Option<&Difficulty>,
) -> Result<Vec<Matched<B>>, Error> {
    let mut rows = Vec::new();
    for &share in shares {
        let times = multiplier(larger, share, cost)?;
        for Small { name, budgets } in small {
            let tried: Vec<Tried> = budgets.iter().map(|(_, tried)| tried.clone()).collect();
            let found = compare(&tried, large, times)?;
            let within = |found: Match| within(&budgets[found.budget], &found, large, difficulty);
            let at = found.map(within).transpose()?;
            rows.push(Matched { small: name.clone(), share, times, allowed: times * tokens, at });
        }
    }
    let mut own: Vec<&mut Within<B>> = rows.iter_mut().filter_map(|row| row.at.as_mut()).collect();
    let p_values: Vec<f64> = own.iter().map(|at| at.paired.p_value).collect();
    for (at, adjusted) in own.iter_mut().zip(holm(&p_values)?) {
        at.adjusted = adjusted;
    }
    Ok(rows)
}

fn within<B: Clone>(
    (budget, tried): &(B, Tried),
    found: &Match,
    large: &Tried,
    difficulty: Option<&Difficulty>,
) -> Result<Within<B>, Error> {
    let both = tried.values.iter().zip(&large.values);
    let differences: Vec<f64> = both.map(|(here, there)| here - there).collect();
    let mean = |bin: &Bin| Ok::<_, Error>(bin.mean(&differences)?.mean);
    let bins = difficulty.iter().flat_map(|known| &known.bins);
    Ok(Within {
        budget: budget.clone(),
        taken: found.taken,
        dearest: found.dearest,
        paired: found.paired,
        adjusted: 1.0,
        by_difficulty: bins.map(mean).collect::<Result<_, _>>()?,
    })
}

/// What the columns of [`Matched::cells`] are; what a budget is called stands for the fifth.
pub const HEAD: [&str; 9] = [
    "small",
    "inference for pretraining",
    "times the tokens",
    "allowed",
    "N",
    "taken",
    "difference",
    "interval",
    "adjusted p",
];

impl<B: Display> Matched<B> {
    /// What stands in the row of a table, without bins of difficulty.
    pub fn cells(&self) -> Vec<String> {
        let Self { small, share, times, allowed, at } = self;
        let mut cells =
            vec![small.clone(), share.to_string(), format!("{times:.1}"), format!("{allowed:.0}")];
        let Some(Within { budget, taken, dearest, paired, adjusted, .. }) = at else {
            cells.extend(["none", "-", "-", "-", "-"].map(str::to_owned));
            return cells;
        };
        let [low, high] = paired.interval.map(|end| 100.0 * end);
        let largest = if *dearest && *taken < 0.95 * allowed { ", the largest" } else { "" };
        cells.extend([
            format!("{budget}{largest}"),
            format!("{taken:.0}"),
            format!("{:+.2}", 100.0 * paired.difference),
            format!("{low:+.2} to {high:+.2}"),
            format!("{adjusted:.4}"),
        ]);
        cells
    }

    /// The differences in bins of difficulty, in points.
    pub fn by_difficulty(&self) -> Vec<String> {
        let all = self.at.iter().flat_map(|at| &at.by_difficulty);
        all.map(|difference| format!("{:+.1}", 100.0 * difference)).collect()
    }
}
