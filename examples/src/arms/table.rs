//! What methods came to, as tables: slots that are right, lines and searches used, and differences.
//!
//! Source: none.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tts_core::Outcome;
use tts_search::research::Trail;
use tts_search::research::atlas::Request;

use super::Arm;

/// The arm that others are held against.
const BASE: &str = "denoising";

/// Steps that are told of.
const STEPS: usize = 10;

/// What an arm came to under one limit, request by request.
#[derive(Debug, Clone, PartialEq, Default)]
struct Figures {
    right: Vec<f64>,
    lines: f64,
    searches: f64,
    repeated: f64,
    failed: f64,
    /// Shares of the report's lines that stood in the draft of each step, summed over requests.
    in_place: Vec<f64>,
}

/// What all arms came to, by number of the arm and limit of lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    names: Vec<String>,
    calls: Vec<u64>,
    all: BTreeMap<(usize, u64), Figures>,
}

/// The share of a report's lines that stand in the draft of each step, the first draft being step 0.
fn in_place(trail: &Trail) -> Vec<f64> {
    let known = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.ends_with('?')).map(str::to_owned).collect()
    };
    let report = known(trail.report().unwrap_or_default());
    let drafts = &trail.drafts[..trail.drafts.len().saturating_sub(1)];
    let share = |step: usize| {
        let draft = drafts.get(step).or(drafts.last()).map_or(Vec::new(), |(_, text)| known(text));
        let there = report.iter().filter(|line| draft.contains(line)).count();
        there as f64 / report.len().max(1) as f64
    };
    (0..=STEPS).map(share).collect()
}

/// Mean and standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let spread =
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (spread / n).sqrt())
}

impl Figures {
    fn add(&mut self, outcome: &Outcome, right: usize, slots: usize) {
        self.right.push(right as f64 / slots.max(1) as f64);
        self.lines += outcome.usage.logical.samples as f64;
        self.failed += outcome.failed.len() as f64;
        let trail = Trail::of(&outcome.tree, outcome.best, "search");
        let mut questions: Vec<&str> =
            trail.exchanges.iter().map(|e| e.question.as_str()).collect();
        self.searches += questions.len() as f64;
        self.in_place.resize(STEPS + 1, 0.0);
        for (sum, share) in self.in_place.iter_mut().zip(in_place(&trail)) {
            *sum += share;
        }
        questions.sort_unstable();
        let all = questions.len();
        questions.dedup();
        self.repeated += (all - questions.len()) as f64;
    }
}

impl Table {
    /// An empty one.
    pub fn new(arms: &[Arm], calls: &[u64]) -> Self {
        let names = arms.iter().map(|arm| arm.name.clone()).collect();
        Self { names, calls: calls.to_vec(), all: BTreeMap::new() }
    }

    /// The limits.
    pub fn calls(&self) -> &[u64] {
        &self.calls
    }

    /// Adds what an arm, by its number, made of a request within so many lines.
    pub fn add(&mut self, at: (usize, u64), request: &Request, outcome: &Outcome) {
        let right = request.right(&outcome.text().unwrap_or_default());
        self.all.entry(at).or_default().add(outcome, right, request.slots().len());
    }

    /// The mean share of slots that an arm has right within so many lines, with its standard error.
    pub fn right(&self, at: (usize, u64)) -> (f64, f64) {
        mean(self.all.get(&at).map_or(&[][..], |figures| &figures.right[..]))
    }

    fn heads(&self) -> String {
        self.calls.iter().fold(String::new(), |heads, lines| heads + &format!(" {lines} lines |"))
    }

    /// Shares, used lines and differences, as Markdown.
    pub fn markdown(&self) -> String {
        let (most, mut out) = (self.calls.iter().max().copied().unwrap_or_default(), String::new());
        let rule = "---|".repeat(self.calls.len());
        // Text takes all that is written to it.
        let _ =
            writeln!(out, "| method |{} lines used | searches | repeated | failed |", self.heads());
        let _ = writeln!(out, "|---|{rule}---|---|---|---|");
        for (number, name) in self.names.iter().enumerate() {
            let _ = write!(out, "| {name} |");
            for &lines in &self.calls {
                let (share, error) = self.right((number, lines));
                let _ = write!(out, " {:.1} ± {:.1} |", 100.0 * share, 100.0 * error);
            }
            let Some(figures) = self.all.get(&(number, most)) else { continue };
            let n = figures.right.len() as f64;
            let of = |sum: f64| sum / n;
            let _ = writeln!(
                out,
                " {:.1} | {:.1} | {:.2} | {:.2} |",
                of(figures.lines),
                of(figures.searches),
                of(figures.repeated),
                of(figures.failed)
            );
        }
        if let Some(base) = self.names.iter().position(|name| name == BASE) {
            self.against(base, most, &rule, &mut out);
        }
        out
    }

    /// What drafts had when, and paired differences to the base.
    fn against(&self, base: usize, most: u64, rule: &str, out: &mut String) {
        if let Some(figures) = self.all.get(&(base, most)) {
            let n = figures.right.len() as f64;
            let shares: Vec<String> =
                figures.in_place.iter().map(|sum| format!("{:.0}", 100.0 * sum / n)).collect();
            let _ = writeln!(
                out,
                "\nShare of the report that stands in the draft after 0 to {STEPS} steps of denoising, in %: {}.",
                shares.join(", ")
            );
        }
        let _ = writeln!(
            out,
            "\nThe last four columns are of the largest limit. Paired differences to denoising:\n"
        );
        let _ = writeln!(out, "| method |{}", self.heads());
        let _ = writeln!(out, "|---|{rule}");
        for (number, name) in self.names.iter().enumerate().filter(|(number, _)| *number != base) {
            let _ = write!(out, "| {name} |");
            for &lines in &self.calls {
                let right = |arm| self.all.get(&(arm, lines)).map_or(&[][..], |f| &f.right[..]);
                let pairs = right(number).iter().zip(right(base));
                let (share, error) =
                    mean(&pairs.map(|(own, other)| own - other).collect::<Vec<_>>());
                let _ = write!(out, " {:+.1} ± {:.1} |", 100.0 * share, 100.0 * error);
            }
            let _ = writeln!(out);
        }
    }
}
