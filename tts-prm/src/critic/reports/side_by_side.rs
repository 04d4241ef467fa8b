//! Which of two reports is better? Both orders, ties, and how often.
//!
//! A judge of two is shown each pair in one order and in the other. What it says of the two orders is averaged, so that one
//! that prefers a place says once this and once that, which is a tie. A pair of which one order has no judgement that
//! could be read is abstained from: the other order alone would count the preference for a place. The share of wins counts a tie
//! as a half, with an interval over pairs.
//!
//! A judge's other preferences do not cancel. How often the longer report won is told beside it.
//!
//! Cost: `2 rounds` lines for each pair.
//!
//! Source: Han et al. 2025, "Deep Researcher with Test-Time Diffusion" (arXiv 2507.16075), section 3.2: side-by-side
//! comparison for helpfulness and comprehensiveness; Zheng et al. 2023 (arXiv 2306.05685), section 3.4, for both orders.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::metrics::{Accuracy, bootstrap_interval};
use tts_core::rows::{self, Row, RowError, RowsError};
use tts_core::{Prompt, Search};

use super::Tally;
use crate::PrmError;
use crate::critic::{Ballot, Ended, Judge, Jury, Order, Response, Vote, hear};

/// Two reports on one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reports {
    /// The request.
    pub question: Prompt,
    /// A report.
    pub first: String,
    /// The report that it is held against.
    pub second: String,
}

/// Reads pairs of reports: records with the fields `question`, `first` and `second`, as JSON lines, a JSON list or a table.
///
/// # Errors
/// When the file cannot be read, or a record lacks a field; the error names file and place.
pub fn read_reports(path: impl AsRef<Path>) -> Result<Vec<Reports>, PrmError> {
    let path = path.as_ref();
    let at = |source: RowError| RowsError::Row { path: path.to_owned(), source };
    let pair = |row: &Row| -> Result<Reports, RowError> {
        let question = Prompt::from(row.required("question")?);
        Ok(Reports { question, first: row.required("first")?, second: row.required("second")? })
    };
    rows::read(path)?.iter().map(|row| pair(row).map_err(|error| at(error).into())).collect()
}

/// How often the first report was better.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SideBySide {
    /// Pairs whose first report is better.
    pub wins: usize,
    /// Pairs whose reports are equal, or of which the orders say opposite things.
    pub ties: usize,
    /// Pairs whose second report is better.
    pub losses: usize,
    /// Pairs of which an order has no judgement that could be read.
    pub abstained: usize,
    /// Pairs that were not asked about, because it was ended before.
    pub left: usize,
    /// Wins, and half of the ties, as a share of the pairs that were decided; `None` where none was.
    pub share: Option<Accuracy>,
    /// How often the report that was shown first won a judgement: a half of a judge without a preference for a place.
    pub first_place: Option<f64>,
    /// How often the longer report won, of pairs with a winner and a longer one.
    pub longer: Option<f64>,
    /// What became of the judgements.
    pub tally: Tally,
}

impl SideBySide {
    /// Writes it for a reader.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        let Self { wins, ties, losses, abstained, left, .. } = self;
        write!(
            out,
            "first     {wins} better, {ties} ties, {losses} worse, {abstained} without a judgement"
        )?;
        if *left > 0 {
            write!(out, ", {left} not asked about")?;
        }
        writeln!(out)?;
        if let Some(Accuracy { mean, interval: [low, high], problems }) = self.share {
            let [mean, low, high] = [mean, low, high].map(|share| 100.0 * share);
            writeln!(
                out,
                "share     {mean:.1} % ({low:.1} to {high:.1}) of {problems} pairs, ties a half"
            )?;
        }
        for (name, share) in
            [("the one shown first", self.first_place), ("the longer one", self.longer)]
        {
            if let Some(share) = share {
                writeln!(out, "          {name} won {:.1} %", 100.0 * share)?;
            }
        }
        self.tally.write(out)
    }
}

/// Resamplings of an interval.
const DRAWS: usize = 2_000;

/// Compares the reports of each pair `rounds` times in both orders; `done` is told how many pairs have been judged, and on
/// `Break` those in flight are finished and nothing more is begun. The judge is one of two responses ([`Judge::published`] has `helpful` and `comprehensive`), and the search's policy.
///
/// ```
/// use std::ops::ControlFlow;
/// use tts_core::Search;
/// use tts_core::toy::Voice;
/// use tts_prm::critic::{Judge, Reports, side_by_side};
///
/// // It prefers the first that it is shown.
/// let judge = Voice::new(|_, _, _| "The first. [[A]]");
/// let pair = Reports { question: "Why?".into(), first: "So.".into(), second: "Because.".into() };
/// let found =
///     side_by_side(&Search::new(&judge), &Judge::published("helpful")?, 1, &[pair], 7, |_| ControlFlow::Continue(()))?;
/// assert_eq!((found.wins, found.ties, found.first_place), (0, 1, Some(1.0)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the judge is not one of two responses; or when a search fails, with what was found of the others.
pub fn side_by_side(
    search: &Search<'_>,
    judge: &Judge,
    rounds: usize,
    pairs: &[Reports],
    seed: u64,
    mut done: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<SideBySide, Ended<SideBySide>> {
    let jury = Jury {
        role: None,
        order: Order::Mirrored,
        vote: Vote::Winners,
        ..Jury::of(judge.clone(), rounds.saturating_mul(2))
    };
    let [least, most] = jury.takes();
    if least > 2 || most < 2 {
        let problem =
            "side by side: the judge is of a single response, expected one that compares two";
        return Err(Ended::refused(None, problem, SideBySide::default()));
    }
    let cases = pairs.iter().map(|Reports { question, first, second }| {
        let shown: Arc<[Response]> = Arc::new([Response::text(first), Response::text(second)]);
        (question.clone(), shown)
    });
    let (mut found, mut count) = (SideBySide::default(), 0);
    let rulings = hear(search, &jury, cases.collect(), |_, _, cost| {
        found.tally.cost += *cost;
        count += 1;
        done(count)
    });
    let (rulings, ended) = Ended::apart(rulings);
    let (mut values, mut places, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    for (pair, ruling) in pairs.iter().zip(rulings) {
        let Some(ruling) = ruling else {
            found.left += 1;
            continue;
        };
        found.tally.add(&ruling);
        let judged = &ruling.ballot.judgements;
        places.extend(judged.iter().filter_map(|j| j.win(*j.shown.first()?)));
        let Some(value) = both_orders(&ruling.ballot) else {
            found.abstained += 1;
            continue;
        };
        values.push(value);
        let won = value - 0.5;
        let counted = match won {
            won if won > SLACK => &mut found.wins,
            won if won < -SLACK => &mut found.losses,
            _ => &mut found.ties,
        };
        *counted += 1;
        let longer = pair.first.chars().count().cmp(&pair.second.chars().count());
        if won.abs() > SLACK && longer.is_ne() {
            lengths.push(f64::from(u8::from((won > 0.0) == longer.is_gt())));
        }
    }
    found.share = bootstrap_interval(&values, DRAWS, seed).ok();
    (found.first_place, found.longer) = (mean(&places), mean(&lengths));
    Ended::join(ended, found)
}

/// Sums of halves are exact; means of three need not be.
const SLACK: f64 = 1e-9;

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// How often the first report won, each order for a half; `None` where one has no judgement.
fn both_orders(ballot: &Ballot) -> Option<f64> {
    let of = |order: [usize; 2]| {
        let shown = ballot.judgements.iter().filter(|judgement| judgement.shown == order);
        mean(&shown.filter_map(|judgement| judgement.win(0)).collect::<Vec<_>>())
    };
    Some(f64::midpoint(of([0, 1])?, of([1, 0])?))
}
