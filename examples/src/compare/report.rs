//! What a comparison found, for the terminal and as JSON.

use std::io::{self, Write};

use serde::Serialize;
use tts_core::metrics::Accuracy;

use super::{Difference, Difficulty, Experiment, Measured, Methods, differences};
use crate::judge::Judge;
use crate::table::percent;
use crate::{Error, pair, quick};

/// A method or a difference in each bin of difficulty.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ByBin {
    /// Of what.
    pub name: String,
    /// The means, the easiest bin first.
    pub bins: Vec<Accuracy>,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What the problems are.
    pub task: String,
    /// Their number.
    pub problems: usize,
    /// How often everything was run.
    pub seeds: u64,
    /// The sampling temperature.
    pub temperature: f32,
    /// Samples in each pool.
    pub pool: usize,
    /// How difficult the problems are.
    pub difficulty: Difficulty,
    /// The methods.
    pub methods: Vec<Measured>,
    /// Differences between them.
    pub differences: Vec<Difference>,
    /// Methods by difficulty.
    pub methods_by_bin: Vec<ByBin>,
    /// Differences by difficulty.
    pub differences_by_bin: Vec<ByBin>,
}

impl Report {
    /// What an experiment that has run found.
    ///
    /// # Errors
    /// When results are missing.
    pub fn of(experiment: &Experiment<'_>) -> Result<Self, Error> {
        let plan = &experiment.plan;
        let difficulty = Difficulty::of(experiment)?;
        let methods = Methods::of(experiment)?;
        let judges: Vec<Judge> = experiment.judges.iter().map(|(judge, _)| *judge).collect();
        let differences = differences(&methods, &plan.budgets, &judges)?;
        let by_bin = |name: String, values: &[f64]| {
            let bins: Result<Vec<Accuracy>, Error> =
                difficulty.bins.iter().map(|bin| bin.mean(values)).collect();
            Ok::<_, Error>(ByBin { name, bins: bins? })
        };
        let of_method = |method: &Measured| by_bin(method.name(), &method.values);
        let of_difference = |d: &Difference| {
            by_bin(format!("{} - {} at equal {}", d.first, d.second, d.equal), &d.values)
        };
        Ok(Self {
            task: quick::task(),
            problems: experiment.arena.problems.len(),
            seeds: plan.seeds,
            temperature: pair::TEMPERATURE,
            pool: plan.pool,
            methods_by_bin: methods.all.iter().map(of_method).collect::<Result<_, _>>()?,
            differences_by_bin: differences.iter().map(of_difference).collect::<Result<_, _>>()?,
            differences,
            methods: methods.all,
            difficulty,
        })
    }
}

/// Writes a report for the terminal.
///
/// # Errors
/// When `out` cannot be written to.
pub fn print(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let difficulty = &report.difficulty;
    writeln!(
        out,
        "{}: {} problems, {} seeds, temperature {}; pools of {}",
        report.task, report.problems, report.seeds, report.temperature, report.pool
    )?;
    writeln!(
        out,
        "pass@1 {}, pass@{} {}, from samples apart\n",
        interval(&difficulty.pass_at_1),
        difficulty.samples,
        interval(&difficulty.pass_at_samples)
    )?;
    writeln!(out, "{:<22} {:<26} {:>10} {:>10}", "method", "accuracy", "generated", "scored")?;
    for method in &report.methods {
        writeln!(
            out,
            "{:<22} {:<26} {:>10.0} {:>10.0}",
            method.name(),
            interval(&method.accuracy),
            method.generated_tokens,
            method.scored_tokens
        )?;
    }
    writeln!(
        out,
        "\n{:<22}   {:<24} {:<14} {:>7}  {:<18} {:>7}",
        "first", "second", "at equal", "points", "95 % interval", "p"
    )?;
    for difference in &report.differences {
        let paired = &difference.paired;
        let [low, high] = paired.interval.map(|end| 100.0 * end);
        writeln!(
            out,
            "{:<22} - {:<24} {:<14} {:>+7.2}  {:<18} {:>7.4}",
            difference.first,
            difference.second,
            difference.equal,
            100.0 * paired.difference,
            format!("{low:+.2} to {high:+.2}"),
            paired.p_value
        )?;
    }
    bins(out, report)
}

fn bins(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let bins = &report.difficulty.bins;
    writeln!(out, "\nby difficulty, the easiest fifth first")?;
    let mut line = |name: &str, of: &mut dyn Iterator<Item = String>| {
        write!(out, "{name:<22}")?;
        for cell in of {
            write!(out, " {cell:>9}")?;
        }
        writeln!(out)
    };
    line("share of problems", &mut bins.iter().map(|bin| percent(bin.share)))?;
    line("pass@1, mean", &mut bins.iter().map(|bin| percent(bin.pass_at_1)))?;
    line("pass@1, least", &mut bins.iter().map(|bin| percent(bin.range[0])))?;
    line("any sample right", &mut bins.iter().map(|bin| percent(bin.solvable)))?;
    for method in &report.methods_by_bin {
        line(&method.name, &mut method.bins.iter().map(|bin| percent(bin.mean)))?;
    }
    Ok(())
}

fn interval(accuracy: &Accuracy) -> String {
    let [low, high] = accuracy.interval.map(percent);
    format!("{} ({low} to {high})", percent(accuracy.mean))
}
