//! Arms side by side, for people to read: tables of text, and the cells of the same tables for a page.

use std::io::{self, Write};

use tts_core::metrics::Accuracy;

use super::super::percent;
use super::super::words::{columns, cost_of as cost};
use super::{ArmFigures, Compared, Difference};

/// A name and rows of cells, the first row their heads.
pub(super) type Cells = (String, Vec<Vec<String>>);

impl Compared {
    /// Writes the tables.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "problems  {}", self.problems)?;
        for (title, rows) in self.cells() {
            writeln!(out, "\n{title}")?;
            columns(out, &rows)?;
        }
        Ok(())
    }

    /// The tables: arms, differences, and both by difficulty where it is known.
    pub(super) fn cells(&self) -> Vec<Cells> {
        let mut tables = vec![
            ("Arms, a problem".to_owned(), arms(&self.arms)),
            (
                "Differences in points, p adjusted for their number (Holm); tokens of the first for each of the second"
                    .to_owned(),
                differences(&self.differences),
            ),
        ];
        if self.bins.is_empty() {
            return tables;
        }
        let head = ["share right in the pool", "problems"].map(str::to_owned).into_iter();
        let mut rows = vec![head.chain(self.arms.iter().map(|arm| arm.name.clone())).collect()];
        for bin in &self.bins {
            let [low, high] = bin.bin.range.map(percent);
            let cells = [format!("{low} to {high}"), bin.bin.places.len().to_string()].into_iter();
            rows.push(cells.chain(bin.accuracies.iter().map(with_interval)).collect());
        }
        tables.push(("Accuracy by difficulty, the easiest first".to_owned(), rows));
        let mut rows = Vec::new();
        for (number, bin) in (1..).zip(&self.bins) {
            let mut own = differences(&bin.differences);
            let head = own.remove(0);
            if rows.is_empty() {
                rows.push([vec!["bin".to_owned()], head].concat());
            }
            rows.extend(own.into_iter().map(|cells| [vec![number.to_string()], cells].concat()));
        }
        let title = "Differences by difficulty, p adjusted for all of them".to_owned();
        tables.push((title, rows));
        tables
    }
}

fn with_interval(accuracy: &Accuracy) -> String {
    let [low, high] = accuracy.interval.map(|share| 100.0 * share);
    format!("{} ({low:.1} to {high:.1})", percent(accuracy.mean))
}

fn arms(arms: &[ArmFigures]) -> Vec<Vec<String>> {
    let timed = arms.iter().any(|arm| arm.seconds.is_some());
    let priced = arms.iter().any(|arm| arm.per_problem.money.is_some());
    let failed = arms.iter().any(|arm| arm.failed > 0);
    let always =
        ["arm", "accuracy (95 %)", "lines", "generated", "scored", "read", "operations", "calls"];
    let sometimes = [("seconds", timed), ("money", priced), ("failed", failed)];
    let sometimes = sometimes.into_iter().filter_map(|(name, shown)| shown.then_some(name));
    let head = always.into_iter().chain(sometimes);
    let mut rows = vec![head.map(str::to_owned).collect::<Vec<String>>()];
    for arm in arms {
        let mean = &arm.per_problem;
        let mut cells = vec![arm.name.clone(), with_interval(&arm.accuracy)];
        cells.extend([mean.samples, mean.generated_tokens, mean.scored_tokens].map(cost));
        cells.push(mean.read_tokens.map_or_else(|| "unknown".to_owned(), cost));
        cells.extend([mean.flops, mean.calls].map(cost));
        if timed {
            cells.push(arm.seconds.map_or_else(|| "-".to_owned(), cost));
        }
        if priced {
            cells.push(mean.money.map_or_else(|| "-".to_owned(), cost));
        }
        if failed {
            cells.push(arm.failed.to_string());
        }
        rows.push(cells);
    }
    rows
}

fn differences(all: &[Difference]) -> Vec<Vec<String>> {
    let head = ["difference", "points (95 %)", "p", "adjusted", "tokens"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(all.iter().map(|found| {
        let [low, high] = found.paired.interval.map(|share| 100.0 * share);
        let points = 100.0 * found.paired.difference;
        let tokens = found.tokens.map(|ratio| format!("{ratio:.2} x"));
        vec![
            format!("{} - {}", found.first, found.second),
            format!("{points:+.1} ({low:+.1} to {high:+.1})"),
            format!("{:.4}", found.paired.p_value),
            format!("{:.4}", found.adjusted),
            tokens.unwrap_or_else(|| "-".to_owned()),
        ]
    }));
    rows
}
