//! How well an arm's thinking obeys its budget, and what more of it is worth.
//!
//! An arm that says how many tokens its runs are [`Asked`] for is told with the share that is within, *control*; beside
//! it stand, for every curve of the report, *scaling*, the mean slope of accuracy over all pairs of budgets along
//! generated tokens, and *performance*, the best accuracy of any budget.
//!
//! Source: Muennighoff et al. 2025, "s1: Simple test-time scaling" (arXiv:2501.19393), section 3.2.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use tts_search::evaluate::percent;
use tts_search::think::{performance, scaling};

use super::measure::Point;
use super::recipe::Recipe;
use super::report::Report;
use super::spec::is_default;
use crate::Error;

/// How many tokens a run is asked for, those of the answer among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// At least.
    #[serde(default, skip_serializing_if = "is_default")]
    pub least: u64,
    /// At most.
    pub most: u64,
    /// So many more for each of N.
    #[serde(default, skip_serializing_if = "is_default")]
    pub per_n: u64,
}

impl Asked {
    /// What is asked for at a budget.
    pub(super) fn at(self, n: usize) -> RangeInclusive<u64> {
        self.least..=self.most.saturating_add(self.per_n.saturating_mul(n as u64))
    }
}

/// A curve by its lengths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thinking {
    /// The curve.
    pub arm: String,
    /// Share of runs that are as long as was asked for, over all budgets; `None` of one that asks for nothing.
    pub control: Option<f64>,
    /// Mean slope of accuracy over pairs of budgets, a token; `None` of a single budget.
    pub scaling: Option<f64>,
    /// The best accuracy.
    pub performance: Option<f64>,
}

/// All curves by their lengths, if any asks for one.
pub(super) fn thinking(recipe: &Recipe, points: &[Point]) -> Vec<Thinking> {
    if recipe.arms.iter().all(|arm| arm.asked.is_none()) {
        return Vec::new();
    }
    let mut names: Vec<&str> = Vec::new();
    for point in points {
        if !names.contains(&point.arm.as_str()) {
            names.push(&point.arm);
        }
    }
    let told = |name: &str| {
        let own: Vec<&Point> = points.iter().filter(|point| point.arm == name).collect();
        let curve: Vec<(f64, f64)> =
            own.iter().map(|point| (point.generated_tokens, point.accuracy.mean)).collect();
        let shares: Vec<f64> = own.iter().filter_map(|point| point.control).collect();
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        Thinking {
            arm: name.to_owned(),
            control: (!shares.is_empty()).then_some(mean),
            scaling: scaling(&curve),
            performance: performance(&curve),
        }
    };
    names.into_iter().map(told).collect()
}

impl Report {
    /// Curves by their lengths.
    pub(super) fn lengths(&self, text: &mut String) -> Result<(), Error> {
        if self.thinking.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\nThinking against what was asked of its length: control is the share of runs that have it, scaling the mean \
             slope of accuracy over all pairs of budgets, in points for 100 generated tokens, performance the best \
             accuracy.\n"
        )?;
        writeln!(
            text,
            "| method | control | scaling | performance |\n| --- | ---: | ---: | ---: |"
        )?;
        let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), percent);
        for Thinking { arm, control, scaling, performance } in &self.thinking {
            let slope = |slope: f64| format!("{:+.2}", 100.0 * 100.0 * slope);
            let slope = scaling.map_or_else(|| "-".to_owned(), slope);
            let (control, performance) = (share(*control), share(*performance));
            writeln!(text, "| {arm} | {control} | {slope} | {performance} |")?;
        }
        Ok(())
    }
}
