//! Every published interval and p-value again, from the values by problem that lie beside it.
//!
//! Bootstraps and random signs have seeds, so that figures are the same to the last bit or else wrong.
//! P-values adjusted for their number follow from the published ones, with or without values. What is
//! not computed again are the figures of reward models ([`Verdict`](super::Verdict)), of which the
//! scores would be needed, and costs.
//!
//! Source: none; a check of this library's own figures.

use std::path::Path;

use tts_core::metrics::{Accuracy, Coverage, bootstrap_interval};
use tts_search::choose::CostRatio;
use tts_search::evaluate::Difficulty;

use super::choice::worth;
use super::compare::{adjust, differences};
use super::curve::{Reached, curves};
use super::matched::{self, Matched, matched};
use super::measure::DRAWS;
use super::report::Report;
use super::saved::saved;
use super::thinking::thinking;
use super::turns::turns_of;
use super::values::ByProblem;
use crate::Error;

/// What came of computing the figures of a report again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recomputed {
    /// Whether there are values by problem; without them only adjusted p-values can be recomputed.
    pub has_values: bool,
    /// Figures that were computed.
    pub figures: usize,
    /// Those that came out otherwise, with both numbers.
    pub differ: Vec<String>,
}

impl Recomputed {
    fn figure(&mut self, name: &str, published: f64, again: f64) {
        self.figures += 1;
        if published.to_bits() != again.to_bits() {
            self.differ.push(format!("{name}: published {published}, recomputed {again}"));
        }
    }

    fn accuracy(&mut self, name: &str, published: &Accuracy, again: &Accuracy) {
        self.figure(name, published.mean, again.mean);
        self.figure(&format!("{name}, lower end"), published.interval[0], again.interval[0]);
        self.figure(&format!("{name}, upper end"), published.interval[1], again.interval[1]);
    }

    /// What is never reached is said as numbers that no ratio can be.
    fn ratio(&mut self, name: &str, published: &CostRatio, again: &CostRatio) {
        let number = |ratio: Option<f64>| ratio.unwrap_or(-1.0);
        let ends = |ratio: &CostRatio| ratio.interval.unwrap_or([-1.0; 2]);
        let ([low, high], [again_low, again_high]) = (ends(published), ends(again));
        self.figure(&format!("{name}, ratio"), number(published.ratio), number(again.ratio));
        self.figure(&format!("{name}, ratio, lower end"), low, again_low);
        self.figure(&format!("{name}, ratio, upper end"), high, again_high);
        self.figure(&format!("{name}, reached"), published.reached, again.reached);
    }

    fn count(&mut self, name: &str, published: usize, again: usize) {
        self.figure(&format!("number of {name}"), published as f64, again as f64);
    }
}

/// Computes the figures of a report again.
///
/// # Errors
/// When values are not finite, or no point has the budget of a comparison.
pub fn recompute(report: &Report) -> Result<Recomputed, Error> {
    let mut found = Recomputed { has_values: report.has_values(), ..Recomputed::default() };
    let mut adjusted = report.differences.clone();
    adjust(&mut adjusted)?;
    for (published, again) in report.differences.iter().zip(&adjusted) {
        found.figure(&format!("{published}, adjusted p"), published.adjusted, again.adjusted);
    }
    if !found.has_values {
        return Ok(found);
    }
    for point in &report.points {
        let again = bootstrap_interval(&point.values, DRAWS, 0)?;
        found.accuracy(&format!("{} at N = {}", point.arm, point.n), &point.accuracy, &again);
    }
    let again = differences(&report.points, &report.recipe.compare)?;
    found.count("differences", report.differences.len(), again.len());
    for (published, again) in report.differences.iter().zip(&again) {
        let (one, other) = (&published.paired, &again.paired);
        let name = published.to_string();
        found.figure(&name, one.difference, other.difference);
        found.figure(&format!("{name}, lower end"), one.interval[0], other.interval[0]);
        found.figure(&format!("{name}, upper end"), one.interval[1], other.interval[1]);
        found.figure(&format!("{name}, p"), one.p_value, other.p_value);
    }
    costs(report, &mut found)?;
    operations(report, &mut found)?;
    training(report, &mut found);
    let again = thinking(&report.recipe, &report.points);
    found.count("curves by length", report.thinking.len(), again.len());
    for (one, other) in report.thinking.iter().zip(&again) {
        let number = |figure: Option<f64>| figure.unwrap_or(-1.0);
        for (what, published, again) in [
            ("control", one.control, other.control),
            ("scaling", one.scaling, other.scaling),
            ("performance", one.performance, other.performance),
        ] {
            found.figure(&format!("{}, {what}", one.arm), number(published), number(again));
        }
    }
    laws(report, &mut found)?;
    bins(report, &mut found)?;
    choice(report, &mut found)?;
    let again =
        report.by_problem.chains.iter().flat_map(|(policy, chains)| turns_of(policy, chains));
    let again: Vec<_> = again.collect();
    found.count("turns", report.turns.len(), again.len());
    for (published, again) in report.turns.iter().zip(&again) {
        let name = format!("turn {} of {}", published.turn, published.policy);
        found.figure(&name, published.right, again.right);
        for (kind, published, again) in
            [("broken", published.broken, again.broken), ("mended", published.mended, again.mended)]
        {
            // No share is said as a number that no share can be.
            let number = |share: Option<f64>| share.unwrap_or(-1.0);
            found.figure(&format!("{name}, {kind}"), number(published), number(again));
        }
    }
    Ok(found)
}

/// What the same accuracy costs.
fn costs(report: &Report, found: &mut Recomputed) -> Result<(), Error> {
    let again = saved(&report.points, &report.recipe.compare)?;
    found.count("ratios of tokens", report.saved.len(), again.len());
    for (one, other) in report.saved.iter().zip(&again) {
        let name = one.name();
        let bounds = usize::from(one.at_most != other.at_most);
        found.count(&format!("other bounds, {name}"), 0, bounds);
        found.ratio(&name, &one.ratio, &other.ratio);
    }
    Ok(())
}

/// Small models beside a large one, at as many operations.
fn operations(report: &Report, found: &mut Recomputed) -> Result<(), Error> {
    let again = matched(&report.recipe, &report.points, report.difficulty.as_ref())?;
    found.count("rows at as many operations", report.matched.len(), again.len());
    for (one, other) in report.matched.iter().zip(&again) {
        let name = matched::name(one);
        found.figure(&format!("{name}, times the tokens"), one.times, other.times);
        found.figure(&format!("{name}, allowed"), one.allowed, other.allowed);
        let samples = |row: &Matched| row.at.as_ref().map_or(0, |within| within.budget.n);
        found.count(&format!("samples, {name}"), samples(one), samples(other));
        for (one, other) in one.at.iter().zip(&other.at) {
            let (here, there) = (&one.paired, &other.paired);
            found.figure(&format!("{name}, tokens"), one.taken, other.taken);
            found.figure(&name, here.difference, there.difference);
            found.figure(&format!("{name}, lower end"), here.interval[0], there.interval[0]);
            found.figure(&format!("{name}, upper end"), here.interval[1], there.interval[1]);
            found.figure(&format!("{name}, p"), here.p_value, there.p_value);
            found.figure(&format!("{name}, adjusted p"), one.adjusted, other.adjusted);
            let (fifths, others) = (&one.by_difficulty, &other.by_difficulty);
            found.count(&format!("fifths, {name}"), fifths.len(), others.len());
            for (number, (&one, &other)) in (1..).zip(fifths.iter().zip(others)) {
                found.figure(&format!("{name} in fifth {number}"), one, other);
            }
        }
    }
    Ok(())
}

/// Curves of training, and when a level was reached.
fn training(report: &Report, found: &mut Recomputed) {
    let again = curves(&report.courses, &report.recipe.until);
    found.count("curves of training", report.training.len(), again.len());
    for (one, other) in report.training.iter().zip(&again) {
        let model = &one.model;
        let moved = usize::from(model != &other.model || one.seeds != other.seeds);
        found.count(&format!("other models or seeds, {model}"), 0, moved);
        found.count(&format!("figures of {model}"), one.figures.len(), other.figures.len());
        for ((figure, one), (_, other)) in one.figures.iter().zip(&other.figures) {
            let name = format!("{model}, {}", figure.label());
            found.count(&format!("points, {name}"), one.len(), other.len());
            for (one, other) in one.iter().zip(other) {
                let name = format!("{name} at step {}", one.step);
                found.count(&format!("step, {name}"), one.step, other.step);
                found.figure(&name, one.mean, other.mean);
                found.figure(&format!("{name}, the least"), one.least, other.least);
                found.figure(&format!("{name}, the greatest"), one.most, other.most);
            }
        }
        found.count(&format!("levels, {model}"), one.until.len(), other.until.len());
        for (one, other) in one.until.iter().zip(&other.until) {
            // Never is said as a number that no step can be.
            let step = |reached: Option<Reached>| reached.map_or(-1.0, |at| at.step as f64);
            let drawn = |reached: Option<Reached>| reached.map_or(-1.0, |at| at.drawn);
            for (seed, (published, again)) in (1..).zip(one.seeds.iter().zip(&other.seeds)) {
                let name = format!("{model}, seed {seed}, until {}", one.level);
                found.figure(&name, step(*published), step(*again));
                found.figure(&format!("{name}, tokens"), drawn(*published), drawn(*again));
            }
        }
    }
}

fn laws(report: &Report, found: &mut Recomputed) -> Result<(), Error> {
    let again = super::coverage::laws(&report.recipe, &report.points)?;
    found.count("laws of coverage", report.coverage.len(), again.len());
    for ((arm, one), other) in report.coverage.iter().zip(again.values()) {
        let numbers = |law: &Coverage| {
            let [[a_low, a_high], [b_low, b_high]] = law.intervals;
            [law.a, a_low, a_high, law.b, b_low, b_high, law.error]
        };
        let names =
            ["a", "a, lower end", "a, upper end", "b", "b, lower end", "b, upper end", "error"];
        for ((what, published), again) in names.into_iter().zip(numbers(one)).zip(numbers(other)) {
            found.figure(&format!("{arm}, law of coverage, {what}"), published, again);
        }
    }
    Ok(())
}

fn bins(report: &Report, found: &mut Recomputed) -> Result<(), Error> {
    let Some(published) = &report.difficulty else { return Ok(()) };
    let again = Difficulty::by_shares(published.samples, &report.by_problem.shares)?;
    found.accuracy("pass@1", &published.pass_at_1, &again.pass_at_1);
    found.accuracy("some sample right", &published.pass_at_samples, &again.pass_at_samples);
    found.count("bins", published.bins.len(), again.bins.len());
    for (number, (one, other)) in (1..).zip(published.bins.iter().zip(&again.bins)) {
        let name = |what: &str| format!("{what} of fifth {number}");
        found.figure(&name("share"), one.share, other.share);
        found.figure(&name("pass@1"), one.pass_at_1, other.pass_at_1);
        found.figure(&name("least share"), one.range[0], other.range[0]);
        found.figure(&name("greatest share"), one.range[1], other.range[1]);
        found.figure(&name("some sample right"), one.solvable, other.solvable);
    }
    for point in &report.points {
        let again = super::difficulty::means(&again, &point.values)?;
        found.count("means by difficulty", point.by_difficulty.len(), again.len());
        for (number, (&one, other)) in (1..).zip(point.by_difficulty.iter().zip(again)) {
            let name = format!("{} at N = {} in fifth {number}", point.arm, point.n);
            found.figure(&name, one, other);
        }
    }
    Ok(())
}

fn choice(report: &Report, found: &mut Recomputed) -> Result<(), Error> {
    let (Some(published), Some(asked)) = (&report.choice, &report.recipe.choice) else {
        return Ok(());
    };
    let ByProblem { probed, shares, .. } = &report.by_problem;
    let again = worth(asked, &report.recipe.arms, &report.points, (probed, shares))?;
    found.figure("tokens of the probe", published.probe_tokens, again.probe_tokens);
    found.count("ways to choose", published.policies.len(), again.policies.len());
    for (one, other) in published.policies.iter().zip(&again.policies) {
        let name = &one.name;
        found.ratio(name, &one.ratio, &other.ratio);
        found.count(&format!("budgets, {name}"), one.levels.len(), other.levels.len());
        for (one, other) in one.levels.iter().zip(&other.levels) {
            let name = format!("{name}, at a budget of {}", one.budget);
            found.figure(&name, one.budget, other.budget);
            found.figure(&format!("{name}, tokens"), one.tokens, other.tokens);
            found.accuracy(&name, &one.accuracy, &other.accuracy);
            found.count(&format!("other arms, {name}"), 0, usize::from(one.arms != other.arms));
        }
    }
    Ok(())
}

/// The names of all reports in a folder, in order.
///
/// # Errors
/// When it cannot be read.
pub fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(super::workshop::at(folder))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}
