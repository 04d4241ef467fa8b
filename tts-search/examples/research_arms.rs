//! Slots of Atlas that each method of research gets right, against the lines that it may take.
//!
//! `cargo run --release -p tts-search --example research_arms -- tts-search/examples/research_arms.json > docs/results/research.md`
//!
//! Every arm gets the same requests, agents and seeds, and the same hard limits of lines, searches included; so its
//! figures are paired. Differences are to the arm `denoising`, with their standard error over requests of all seeds.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;

use serde::Deserialize;
use tts_core::{Budget, Mode, Outcome, Search};
use tts_search::Recipe;
use tts_search::research::Trail;
use tts_search::research::atlas::{Agents, Atlas};
use tts_search::retrieve::{SearchSettings, Searcher};

/// What is tried.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    /// Paragraphs of a world.
    paragraphs: usize,
    /// Requests of each world.
    requests: usize,
    /// A world each.
    seeds: Vec<u64>,
    agents: Vec<Careless>,
    /// Lines that a request may take, searches included.
    calls: Vec<u64>,
    arms: Vec<Arm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Careless {
    misread: f64,
    stray: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arm {
    name: String,
    recipe: Recipe,
}

/// What an arm came to under one limit, request by request.
#[derive(Default)]
struct Figures {
    right: Vec<f64>,
    lines: f64,
    searches: f64,
    repeated: f64,
    /// Shares of the report's lines that stood in the draft of each step, summed over requests.
    in_place: Vec<f64>,
}

/// Steps that are told of.
const STEPS: usize = 10;

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
    fn add(&mut self, outcome: &Outcome, right: usize) {
        self.right.push(right as f64 / 6.0);
        self.lines += outcome.usage.logical.samples as f64;
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

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("expected the file of a plan")?;
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let plan: Plan = serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
    let mut out = std::io::stdout().lock();
    let (requests, seeds) = (plan.requests, plan.seeds.len());
    writeln!(out, "# Research on Atlas\n")?;
    writeln!(
        out,
        "Share of {requests} requests' six slots that are right, over {seeds} worlds of {} paragraphs, by the lines that a \
         request may take (searches included, a hard limit). The agents are rules that misread and stray at a rate, no \
         models: this measures what a method makes of its calls, not what a model writes. Made by \
         `cargo run --release -p tts-search --example research_arms -- {path}`.\n",
        plan.paragraphs
    )?;
    for careless in &plan.agents {
        let agents = Agents { misread: careless.misread, stray: careless.stray };
        let mut all: BTreeMap<(usize, u64), Figures> = BTreeMap::new();
        for &seed in &plan.seeds {
            let world = Atlas::new(seed, plan.paragraphs);
            let searcher = Searcher::new(world.retriever(), SearchSettings::default())?;
            let prompts: Vec<_> =
                (0..requests).map(|number| world.request(number).prompt()).collect();
            for (number, arm) in plan.arms.iter().enumerate() {
                for &lines in &plan.calls {
                    let budget =
                        Budget { samples: Some(lines), mode: Mode::Hard, ..Budget::default() };
                    let search =
                        Search::new(agents).role("search", &searcher).budget(budget).seed(seed);
                    let figures = all.entry((number, lines)).or_default();
                    for (request, outcome) in
                        search.run_many(&arm.recipe, prompts.clone()).into_iter().enumerate()
                    {
                        let outcome = outcome?;
                        let text = outcome.text().unwrap_or_default();
                        figures.add(&outcome, world.request(request).right(&text));
                    }
                }
            }
        }
        writeln!(
            out,
            "## Answers misread {:.0} %, questions astray {:.0} %\n",
            100.0 * careless.misread,
            100.0 * careless.stray
        )?;
        let heads: Vec<String> =
            plan.calls.iter().map(|lines| format!("{lines} lines |")).collect();
        writeln!(out, "| method | {} lines used | searches | repeated |", heads.join(" "))?;
        writeln!(out, "|---|{}---|---|---|", "---|".repeat(plan.calls.len()))?;
        let base = plan.arms.iter().position(|arm| arm.name == "denoising").unwrap_or_default();
        for (number, arm) in plan.arms.iter().enumerate() {
            write!(out, "| {} |", arm.name)?;
            for &lines in &plan.calls {
                let (share, error) = mean(&all[&(number, lines)].right);
                write!(out, " {:.1} ± {:.1} |", 100.0 * share, 100.0 * error)?;
            }
            let most = plan.calls.iter().max().copied().unwrap_or_default();
            let figures = &all[&(number, most)];
            let n = figures.right.len() as f64;
            let (lines, searches) = (figures.lines / n, figures.searches / n);
            writeln!(out, " {lines:.1} | {searches:.1} | {:.2} |", figures.repeated / n)?;
        }
        let most = plan.calls.iter().max().copied().unwrap_or_default();
        let figures = &all[&(base, most)];
        let n = figures.right.len() as f64;
        let shares: Vec<String> =
            figures.in_place.iter().map(|sum| format!("{:.0}", 100.0 * sum / n)).collect();
        writeln!(
            out,
            "\nShare of the report that stands in the draft after 0 to {STEPS} steps of denoising, in %: {}.",
            shares.join(", ")
        )?;
        writeln!(
            out,
            "\nThe last three columns are of the largest limit. Paired differences to denoising:\n"
        )?;
        writeln!(out, "| method | {} |", heads.join(" ").trim_end_matches(" |"))?;
        writeln!(out, "|---|{}", "---|".repeat(plan.calls.len()))?;
        for (number, arm) in plan.arms.iter().enumerate().filter(|(number, _)| *number != base) {
            write!(out, "| {} |", arm.name)?;
            for &lines in &plan.calls {
                let pairs = all[&(number, lines)].right.iter().zip(&all[&(base, lines)].right);
                let (share, error) =
                    mean(&pairs.map(|(own, other)| own - other).collect::<Vec<_>>());
                write!(out, " {:+.1} ± {:.1} |", 100.0 * share, 100.0 * error)?;
            }
            writeln!(out)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
