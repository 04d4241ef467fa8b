//! Values by problem: what every interval and p-value of a report is computed from, as a table.
//!
//! `values/NAME.csv.gz` beside a report has a row a problem, in their order, and a column a point, named
//! by its arm, N and place on the axis. Behind them stand, where a report has them, the share of right
//! samples that tells how difficult a problem is with its fifth, and the turns of revisions, a digit a
//! turn, 1 for right ones. Where the choice between arms or a comparison at equal accuracy is asked for, the tokens of each
//! point stand there, too, and for the choice the probe's estimate and tokens. Values are written with all of their digits: what is published follows
//! exactly from them, and thirds, as three seeds make them, still add up to ties for the sign test,
//! which rounded ones do not.
//!
//! Scores of single steps are not in it: the areas under ROC curves and errors of calibration of reward
//! models are not computed again.
//!
//! Source: none; a format of this library.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tts_search::evaluate::Difficulty;

use super::choice::Probed;
use super::report::Report;
use super::workshop::at;
use crate::Error;
use crate::files::write_whole;

/// What is known of each problem beside the values of points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ByProblem {
    /// Share of right samples, where difficulty is asked for.
    pub shares: Vec<f64>,
    /// Whether each turn was right, by policy: seeds of problems of turns.
    pub chains: BTreeMap<String, Vec<Vec<Vec<bool>>>>,
    /// The probe, where the choice between arms is asked for.
    pub probed: Vec<Probed>,
}

/// Where the values of a report lie.
pub(super) fn place(name: &str, folder: &Path) -> PathBuf {
    folder.join("values").join(format!("{name}.csv.gz"))
}

/// Whether it is known what first steps of the probe cost, which arms share.
fn knows_steps(report: &Report) -> bool {
    report.by_problem.probed.iter().any(|probed| probed.begun > 0.0)
}

/// The names of all columns, with or without first steps of the probe.
fn head(report: &Report, steps: bool) -> Vec<String> {
    let mut head = vec!["problem".to_owned()];
    let name = |point: &super::Point| format!("{}; N = {}; x = {}", point.arm, point.n, point.x);
    head.extend(report.points.iter().map(name));
    if report.recipe.needs_tokens() {
        head.extend(report.points.iter().map(|point| format!("tokens of {}", name(point))));
    }
    if report.choice.is_some() {
        head.extend(["estimate of the probe".to_owned(), "tokens of the probe".to_owned()]);
        if steps {
            head.push("tokens of first steps of the probe".to_owned());
        }
    }
    if report.difficulty.is_some() {
        head.extend(["share of right samples".to_owned(), "fifth".to_owned()]);
    }
    for policy in report.recipe.revising() {
        head.extend(
            (1..=report.recipe.seeds).map(|seed| format!("turns of {policy}; seed {seed}")),
        );
    }
    head
}

/// Writes the values of a report that has them.
pub(super) fn write(report: &Report, path: &Path) -> Result<(), Error> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(at(path))?;
    let mut table = csv::Writer::from_writer(GzEncoder::new(Vec::new(), Compression::best()));
    let steps = knows_steps(report);
    table.write_record(head(report, steps))?;
    for problem in 0..report.points.first().map_or(0, |point| point.values.len()) {
        let mut row = vec![(problem + 1).to_string()];
        row.extend(report.points.iter().map(|point| point.values[problem].to_string()));
        if report.recipe.needs_tokens() {
            row.extend(report.points.iter().map(|point| point.tokens[problem].to_string()));
        }
        if report.choice.is_some() {
            let Probed { estimate, tokens, begun } = report.by_problem.probed[problem];
            row.extend([estimate.to_string(), tokens.to_string()]);
            row.extend(steps.then(|| begun.to_string()));
        }
        if let Some(difficulty) = &report.difficulty {
            let fifth = difficulty.bins.iter().position(|bin| bin.places.contains(&problem));
            row.push(report.by_problem.shares[problem].to_string());
            row.push(fifth.map_or_else(String::new, |fifth| (fifth + 1).to_string()));
        }
        for seed in report.by_problem.chains.values().flatten() {
            row.push(seed[problem].iter().map(|&right| if right { '1' } else { '0' }).collect());
        }
        table.write_record(row)?;
    }
    let encoder = table.into_inner().map_err(csv::IntoInnerError::into_error).map_err(at(path))?;
    write_whole(path, &encoder.finish().map_err(at(path))?)
}

/// Reads values into the report that they belong to.
pub(super) fn read(report: &mut Report, path: &Path) -> Result<(), Error> {
    let file = File::open(path).map_err(at(path))?;
    let mut table = csv::Reader::from_reader(GzDecoder::new(file));
    let bad = |problem: &str| format!("{}: {problem}", path.display());
    let columns = table.headers()?.clone();
    let Some(steps) = [false, true].into_iter().find(|&steps| columns == head(report, steps))
    else {
        return Err(bad("its columns are not those of the report").into());
    };
    let points = report.points.len();
    let revising: Vec<String> = report.recipe.revising().into_iter().cloned().collect();
    let seeds = usize::try_from(report.recipe.seeds)?;
    let mut columns = vec![Vec::new(); points];
    let mut tokens = vec![Vec::new(); points];
    let mut by_problem = ByProblem::default();
    for policy in &revising {
        by_problem.chains.insert(policy.clone(), vec![Vec::new(); seeds]);
    }
    for row in table.into_records() {
        let row = row?;
        let mut cells = row.iter().skip(1);
        let mut number = || -> Result<f64, Error> {
            let cell = cells.next().unwrap_or_default();
            Ok(cell.parse().map_err(|error| bad(&format!("{cell:?}: {error}")))?)
        };
        for column in &mut columns {
            column.push(number()?);
        }
        if report.recipe.needs_tokens() {
            for column in &mut tokens {
                column.push(number()?);
            }
        }
        if report.choice.is_some() {
            let (estimate, tokens) = (number()?, number()?);
            let begun = if steps { number()? } else { 0.0 };
            by_problem.probed.push(Probed { estimate, tokens, begun });
        }
        if report.difficulty.is_some() {
            by_problem.shares.push(number()?);
            // The fifth follows from the shares.
            number()?;
        }
        for seed in by_problem.chains.values_mut().flatten() {
            seed.push(cells.next().unwrap_or_default().chars().map(|turn| turn == '1').collect());
        }
    }
    if columns.iter().any(|column| column.len() != report.recipe.problems) {
        return Err(bad("it has not a row for each problem").into());
    }
    for ((point, values), tokens) in report.points.iter_mut().zip(columns).zip(tokens) {
        (point.values, point.tokens) = (values, tokens);
    }
    if let Some(difficulty) = &mut report.difficulty {
        let again = Difficulty::by_shares(difficulty.samples, &by_problem.shares)?;
        for (bin, again) in difficulty.bins.iter_mut().zip(again.bins) {
            bin.places = again.places;
        }
    }
    report.by_problem = by_problem;
    Ok(())
}
