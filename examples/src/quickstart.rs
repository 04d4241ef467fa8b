//! The comparison of `quickstart`: every way from samples to an answer on the same problems.
//!
//! A [`Contest`] runs one strategy at one budget at a time and makes it a [`Row`]. Strategies that
//! choose from a pool share its samples, its scores and its time; the time of scoring is charged to
//! those that score.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use tts_core::metrics::Sampled;
use tts_core::{Aggregate, Outcome, StepScorer};
use tts_search::evaluate::pools::{self, Sample};
use tts_search::evaluate::{Comparison, Method, Row, Spent, TreeView};

use crate::{Error, setting};

/// A problem with fewer operations has a tree in which little can be seen.
const INSTRUCTIVE: usize = 4;

/// Strategies on the same problems, judged by one scorer.
#[derive(Clone)]
pub struct Contest<'a> {
    /// Generator, problems, checker.
    pub comparison: Comparison<'a>,
    /// Judges steps.
    pub scorer: &'a dyn StepScorer,
    /// How its scores become one.
    pub aggregate: Aggregate,
}

impl std::fmt::Debug for Contest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contest").field("comparison", &self.comparison).finish_non_exhaustive()
    }
}

/// A search of every problem.
#[derive(Debug, Clone)]
pub struct Searched {
    /// The figures.
    pub row: Row,
    /// Whether each problem was solved.
    pub correct: Vec<bool>,
    /// The trees.
    pub outcomes: Vec<Outcome>,
}

impl Contest<'_> {
    /// A search at budget `n`: greedy, or one with a tree of its own.
    ///
    /// # Errors
    /// When it cannot be done at this budget, or a search fails.
    pub fn search(&self, method: Method, n: usize) -> Result<Searched, Error> {
        let recipe = method.search(n, self.aggregate)?;
        let scorer = method.is_scored().then_some(self.scorer);
        let places = self.comparison.places();
        let progress = bar(&format!("{method}, N = {n}"), places.len())?;
        let start = Instant::now();
        let outcomes = self.comparison.search(&recipe, scorer, &places, |_, _| {
            progress.inc(1);
            Ok::<(), Error>(())
        })?;
        let seconds = start.elapsed().as_secs_f64();
        progress.finish_and_clear();
        let solved = |(place, outcome)| self.comparison.is_solved(place, outcome);
        let correct: Vec<bool> = outcomes.iter().enumerate().map(solved).collect();
        let costs = || outcomes.iter().map(|outcome| &outcome.usage.logical);
        let spent = Spent {
            generated: costs().map(|cost| cost.generated_tokens).sum(),
            scored: costs().map(|cost| cost.scored_tokens).sum(),
            seconds,
        };
        Ok(Searched { row: Row::new(method, n, &correct, spent)?, correct, outcomes })
    }

    /// The strategies that choose from one pool of `n` samples.
    ///
    /// # Errors
    /// When a search or the scorer fails.
    pub fn pool(&self, n: usize) -> Result<Vec<Row>, Error> {
        let places = self.comparison.places();
        let progress = bar(&format!("samples, N = {n}"), places.len())?;
        let start = Instant::now();
        let pools = pools::draw(&self.comparison, n, &places, |_, _| {
            progress.inc(1);
            Ok::<(), Error>(())
        })?;
        let drawn = start.elapsed().as_secs_f64();
        progress.finish_and_clear();
        let progress = bar(&format!("scores, N = {n}"), n * places.len())?;
        let scores = pools::score(self.scorer, self.aggregate, &pools, |count| {
            progress.inc(count as u64);
        })?;
        progress.finish_and_clear();
        let scored = start.elapsed().as_secs_f64();
        let sum = |tokens: fn(&Sample) -> u64| pools.iter().flatten().map(tokens).sum();
        let row = |method: Method| {
            let solved = |(pool, scores): (&Vec<Sample>, &Vec<Option<f64>>)| {
                let samples = pool.iter().zip(scores).map(|(sample, &score)| sample.sampled(score));
                let samples: Vec<Sampled> = samples.collect();
                pools::choose(method, &samples, self.scorer.scale(), self.aggregate)
            };
            let correct: Vec<bool> =
                pools.iter().zip(&scores).map(solved).collect::<Result<_, _>>()?;
            let generated = sum(|sample| sample.generated);
            let spent = if method.is_scored() {
                Spent { generated, scored: sum(|sample| sample.judged), seconds: scored }
            } else {
                Spent { generated, scored: 0, seconds: drawn }
            };
            Ok(Row::new(method, n, &correct, spent)?)
        };
        Method::POOLED.into_iter().map(row).collect()
    }

    /// The problem whose tree is worth showing, and why: solved by the search and not by greedy
    /// decoding, of at least four operations, with the smallest tree, the first of
    /// equals. Where there is none the conditions are dropped, the last one first.
    pub fn shown(&self, greedy: &[bool], searched: &Searched) -> Option<(usize, &'static str)> {
        let height = |&place: &usize| {
            let question = &self.comparison.problems[place].question;
            let outcome = &searched.outcomes[place];
            TreeView { family: self.comparison.family, question, outcome }.height()
        };
        let long = |&place: &usize| self.comparison.problems[place].steps >= INSTRUCTIVE;
        let all = || 0..searched.outcomes.len();
        let solved = || all().filter(|&place| searched.correct[place]);
        let won = || solved().filter(|&place| !greedy[place]);
        let why = "which the search solves and greedy decoding does not";
        let first = won().filter(long).min_by_key(height).or_else(|| won().min_by_key(height));
        first
            .map(|place| (place, why))
            .or_else(|| Some((solved().min_by_key(height)?, "which greedy decoding solves too")))
            .or_else(|| Some((all().min_by_key(height)?, "which the search does not solve")))
    }
}

/// A bar of progress on standard error; nothing where that is no terminal.
///
/// # Errors
/// Never: its template is known to be right.
pub fn bar(label: &str, length: usize) -> Result<ProgressBar, Error> {
    let style =
        ProgressStyle::with_template("{msg:<20} {bar:30} {pos}/{len} {elapsed} of {duration}")?;
    Ok(ProgressBar::new(length as u64).with_style(style).with_message(label.to_owned()))
}

/// The task, in words.
pub fn task() -> String {
    let [fewest, most] = setting::family().operations;
    format!("arithmetic of {fewest} to {most} operations")
}
