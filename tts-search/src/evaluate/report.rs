//! The figures of an evaluation: accuracies, costs, and the curve over fewer samples.
//!
//! A problem whose search failed counts as wrong, and is reported apart. A sample that was cut, lost or could
//! not be judged stays in its pool as what it is, and a problem with fewer samples than `k` says nothing of
//! that `k`, so that each point of the curve has its own number of problems.

use std::io::{self, Write};

use serde::Serialize;
use tts_core::metrics::{self, Accuracy, Coverage, Metric, Pool};
use tts_core::select::Weight;
use tts_core::{Aggregate, Budget, Cost, Limit, Rule, Scale, Selection, Task};

use super::{Anytime, EvaluateError, Graded, Limited, Separation, words};

/// What would come of `k` samples a problem: a point of the curve over their number.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AtK {
    /// Samples.
    pub k: usize,
    /// Problems with so many samples.
    pub problems: usize,
    /// Some sample is finished and right (unbiased).
    pub pass: f64,
    /// The answer of most samples is right.
    pub majority: f64,
    /// The best-scored sample is right; `None` when nothing was scored.
    pub best: Option<f64>,
    /// The answer with the highest sum of weights, by the scorer's scale, is right; `None` when nothing was
    /// scored, or scores of that scale and aggregate cannot weigh.
    pub weighted: Option<f64>,
}

/// Mean cost of a problem.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Means {
    /// Lines started.
    pub samples: f64,
    /// Tokens generated.
    pub generated_tokens: f64,
    /// Tokens judged.
    pub scored_tokens: f64,
    /// Tokens read without being written or judged: prompts above all. `None` where that is not known of some problem:
    /// one that was graded before these were counted, or whose generator cannot tell how long its prompt is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_tokens: Option<f64>,
    /// Floating-point operations, by formula.
    pub flops: f64,
    /// Requests to generator and scorer.
    pub calls: f64,
    /// Money, where prices are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money: Option<f64>,
}

/// Whether a problem says what was read for it: whoever drew a line has read a prompt.
fn knows_reads(row: &Graded) -> bool {
    row.cost.read_tokens > 0 || row.cost.samples <= row.failed_lines as u64
}

/// Figures of a strategy on a set of problems.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Number of problems.
    pub problems: usize,
    /// What the scores are.
    pub scale: Scale,
    /// Of the strategy's answers over all problems, one that failed counted as wrong, with the 95 %
    /// Wilson interval.
    pub accuracy: Accuracy,
    /// The same over the problems that ran; `None` when none did.
    pub accuracy_of_run: Option<Accuracy>,
    /// Of the best possible choice among the candidates, over all problems.
    pub any_candidate: Accuracy,
    /// Over all problems.
    pub total: Cost,
    /// Means over problems.
    pub per_problem: Means,
    /// Problems whose search failed.
    pub failed: usize,
    /// Paths that the scorer could not judge.
    pub unscored: usize,
    /// Lines that failed, in problems that went on without them.
    pub failed_lines: usize,
    /// What the budget did to searches, by limit; only limits that did something.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limited>,
    /// How well scores tell right candidates from wrong ones; `None` where nothing was scored, or all is of
    /// one kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separation: Option<Separation>,
    /// For independent samples: figures at fewer of them, by subsampling the pools.
    pub curve: Vec<AtK>,
    /// The law by which the share of problems that some sample solves grows with the samples; `None` of a
    /// search that is more than samples, with fewer than 4 samples, and where nothing grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// What the answers were within fewer tokens, where that was asked for ([`super::Evaluation::anytime`]).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub anytime: Vec<Anytime>,
    /// The problems.
    pub rows: Vec<Graded>,
}

impl Report {
    /// Figures over all problems, of scores of this scale; `samples` is the aggregate by which the strategy
    /// chooses among independent samples ([`tts_core::SearchStrategy::samples`]).
    ///
    /// # Errors
    /// When there are no problems.
    pub fn new(
        rows: Vec<Graded>,
        samples: Option<Aggregate>,
        scale: Scale,
        task: &dyn Task,
    ) -> Result<Self, EvaluateError> {
        if rows.is_empty() {
            return Err(EvaluateError::NoProblems);
        }
        let of = |rows: &mut dyn Iterator<Item = &Graded>, correct: &dyn Fn(&Graded) -> bool| {
            let correct: Vec<bool> = rows.map(correct).collect();
            metrics::accuracy_interval(&correct)
        };
        let ran = || rows.iter().filter(|row| row.error.is_none());
        let accuracy = of(&mut rows.iter(), &|row| row.correct)?;
        let failed = rows.len() - ran().count();
        let accuracy_of_run =
            if failed < rows.len() { Some(of(&mut ran(), &|row| row.correct)?) } else { None };
        let any_candidate =
            of(&mut rows.iter(), &|row| row.candidates.iter().any(|candidate| candidate.right))?;
        let mut total = Cost::default();
        for row in &rows {
            total += row.cost;
        }
        let mean = |sum: u64| sum as f64 / rows.len() as f64;
        let per_problem = Means {
            samples: mean(total.samples),
            generated_tokens: mean(total.generated_tokens),
            scored_tokens: mean(total.scored_tokens),
            read_tokens: rows.iter().all(knows_reads).then(|| mean(total.read_tokens)),
            flops: total.flops / rows.len() as f64,
            calls: mean(total.calls),
            money: (total.money > 0.0).then(|| total.money / rows.len() as f64),
        };
        let (curve, coverage) = match samples {
            Some(aggregate) => {
                let pools = Pools::of(ran(), scale, aggregate, task)?;
                (pools.curve()?, pools.coverage())
            }
            None => (Vec::new(), None),
        };
        let separation = Separation::of(&rows)?;
        let failed_lines = rows.iter().map(|row| row.failed_lines).sum();
        let limits = Limited::of(&rows);
        let unscored = rows.iter().map(|row| row.unscored).sum();
        Ok(Self {
            problems: rows.len(),
            scale,
            accuracy,
            accuracy_of_run,
            any_candidate,
            total,
            per_problem,
            failed,
            unscored,
            failed_lines,
            limits,
            separation,
            curve,
            coverage,
            anytime: Vec::new(),
            rows,
        })
    }

    /// How many problems spent more than a budget allows, by limit, as far as costs tell: a soft budget is looked at
    /// between rounds, and one round may pass it by much.
    pub fn passed(&self, budget: &Budget) -> Vec<(Limit, usize)> {
        Limited::passed(&self.rows, budget)
    }

    /// The score that all candidates have, and how many these are, where a scorer says the same of everything: it chooses
    /// nothing. `None` where scores differ, and of fewer than two.
    pub fn same_score(&self) -> Option<(f64, usize)> {
        let mut scores =
            self.rows.iter().flat_map(|row| &row.candidates).filter_map(|own| own.score);
        let first = scores.next()?;
        let mut count = 1;
        for score in scores {
            if score.total_cmp(&first).is_ne() {
                return None;
            }
            count += 1;
        }
        (count > 1).then_some((first, count))
    }

    /// Writes the figures for people to read.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let percent = |accuracy: &Accuracy| {
            let [low, high] = accuracy.interval;
            let mean = 100.0 * accuracy.mean;
            format!("{mean:5.1} %  (95 %: {:.1} to {:.1})", 100.0 * low, 100.0 * high)
        };
        writeln!(out, "problems  {}, {} failed", self.problems, self.failed)?;
        writeln!(out, "accuracy  {}", percent(&self.accuracy))?;
        if let (Some(accuracy), true) = (&self.accuracy_of_run, self.failed > 0) {
            writeln!(out, "          {}  of the problems that ran", percent(accuracy))?;
        }
        if self.unscored > 0 {
            writeln!(out, "unscored  {} paths that the scorer could not judge", self.unscored)?;
        }
        if let Some(row) = self.rows.iter().find(|row| row.failed_lines > 0) {
            let why = row.why.as_deref().unwrap_or_default();
            let (lines, name) = (self.failed_lines, row.name());
            writeln!(out, "lost      {lines} lines failed, the first in problem {name}: {why}")?;
        }
        writeln!(out, "any       {}  some candidate is right", percent(&self.any_candidate))?;
        match (&self.separation, self.same_score()) {
            (_, Some((score, count))) => writeln!(
                out,
                "scores    {} of all {count} candidates: the scorer tells nothing apart",
                words::significant(score)
            )?,
            (Some(separation), None) => writeln!(out, "scores    {separation}")?,
            (None, None) => {}
        }
        let mean = &self.per_problem;
        let read = mean.read_tokens.map_or("unknown".to_owned(), |read| format!("{read:.0}"));
        writeln!(
            out,
            "cost      {:.1} lines, {:.0} tokens generated, {:.0} scored, {read} read, {:.3e} FLOPs, {:.1} calls a problem",
            mean.samples, mean.generated_tokens, mean.scored_tokens, mean.flops, mean.calls
        )?;
        if let Some(money) = mean.money {
            let [money, all] = [money, self.total.money].map(words::significant);
            writeln!(out, "money     {money} a problem, {all} in all")?;
        }
        for limited in &self.limits {
            writeln!(out, "budget    {limited} of {}", self.problems)?;
        }
        if !self.curve.is_empty() {
            writeln!(out, "\n    k  pass@k    maj@k   best@k  weighted@k  problems")?;
        }
        for point in &self.curve {
            let [pass, majority] = [point.pass, point.majority].map(|p| 100.0 * p);
            let [best, weighted] = [point.best, point.weighted].map(|share| {
                share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}", 100.0 * share))
            });
            writeln!(
                out,
                "{:>5} {pass:>7.1} {majority:>8.1} {best:>8} {weighted:>11} {:>9}",
                point.k, point.problems
            )?;
        }
        if let Some(law) = &self.coverage {
            writeln!(out, "coverage  {law}")?;
        }
        if !self.anytime.is_empty() {
            writeln!(
                out,
                "\nAnswers on the way: had each search been stopped after its last round within so many tokens. Spent \
                 is what these rounds took, a mean over problems, and over how many searches had ended by then."
            )?;
            writeln!(out, "  within      spent  over  accuracy of the answer by then")?;
        }
        for point in &self.anytime {
            let Anytime { tokens, accuracy, generated_tokens, over } = point;
            let accuracy = percent(accuracy);
            writeln!(out, "{tokens:>8} {generated_tokens:>10.0} {over:>5}  {accuracy}")?;
        }
        for row in self.rows.iter().filter(|row| row.error.is_some()).take(5) {
            let why = row.error.as_deref().unwrap_or_default();
            writeln!(out, "problem {} failed: {why}", row.name())?;
        }
        Ok(())
    }
}

/// The samples of the problems that ran.
struct Pools {
    all: Vec<Pool>,
    /// Without a scorer, the best sample would be the first one.
    scored: bool,
    /// Whether scores weigh something: those of no stated scale only rank.
    weigh: bool,
    /// 1, 2, 4 and so on, and the size of the largest pool.
    ks: Vec<usize>,
}

impl Pools {
    fn of<'r>(
        rows: impl Iterator<Item = &'r Graded>,
        scale: Scale,
        aggregate: Aggregate,
        task: &dyn Task,
    ) -> Result<Self, EvaluateError> {
        let mut same = task.comparer();
        let mut scored = false;
        let pools: Vec<Pool> = rows
            .filter(|row| !row.candidates.is_empty())
            .inspect(|row| scored |= row.candidates.iter().any(|sample| sample.score.is_some()))
            .map(|row| Pool::of_samples(&row.candidates, scale, aggregate, &mut same))
            .collect::<Result<_, _>>()?;
        let most = pools.iter().map(Pool::len).max().unwrap_or(0);
        let ks = std::iter::successors(Some(1), |k| Some(2 * k)).take_while(|&k| k < most);
        let ks = ks.chain((most > 0).then_some(most)).collect();
        let weighted = Selection { rule: Rule::Weighted, aggregate };
        let weigh = scored && scale.check(weighted).is_ok();
        Ok(Self { all: pools, scored, weigh, ks })
    }

    /// A problem with fewer samples than `k` says nothing of that `k`.
    fn curve(&self) -> Result<Vec<AtK>, EvaluateError> {
        let point = |&k: &usize| {
            let large: Vec<(usize, &Pool)> =
                self.all.iter().enumerate().filter(|(_, pool)| pool.len() >= k).collect();
            let mean = |metric: Metric| -> Result<f64, EvaluateError> {
                let mut sum = 0.0;
                for &(index, pool) in &large {
                    sum += pool.at_k(metric, k, 1000, index as u64)?.value;
                }
                Ok(sum / large.len() as f64)
            };
            Ok(AtK {
                k,
                problems: large.len(),
                pass: mean(Metric::Pass)?,
                majority: mean(Metric::Vote(Weight::Count))?,
                best: self.scored.then(|| mean(Metric::Best)).transpose()?,
                weighted: self.weigh.then(|| mean(Metric::Weighted)).transpose()?,
            })
        };
        self.ks.iter().map(point).collect()
    }

    /// Over the problems with as many samples as any; nothing where there is nothing to fit.
    fn coverage(&self) -> Option<Coverage> {
        Coverage::fit(&self.all, &self.ks, 1000, 0).ok()
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
