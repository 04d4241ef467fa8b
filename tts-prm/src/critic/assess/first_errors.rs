//! How well the first wrong step of solutions is found, by a jury of steps or by any scorer of steps.
//!
//! Both give each step a number. The first that is below the threshold is taken for the first error; a solution without one
//! is taken for right. On wrong solutions only the exact step counts, on right ones only silence, and F1 is the harmonic
//! mean of both shares. Of a jury a step has the mean of its judgements: below one half is a majority that calls it wrong.
//! Who abstained, because nothing could be read, found nothing, and is no silence: it counts as missed on either side.
//!
//! The area under the ROC curve is over steps up to and with the first error, the error against the others; behind it
//! nobody knows.
//!
//! Source: Zheng et al. 2024, `ProcessBench` (arXiv 2412.06559), sections 3 and 4: the task, F1, its mean over parts.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::metrics::{Auc, Judged, MetricError, Share, auc_over_problems, wilson};
use tts_core::{Cost, Outcome, Scored, Search, StepScorer, Trajectory};

use super::super::jury::Jury;
use super::super::response::Response;
use super::ended::Ended;
use super::report::Ruling;
use super::scored::{score_paths, trajectory};
use super::step_cases::StepCase;
use super::{Case, figures as wording, hear_whole};

/// Resamplings of an interval.
const DRAWS: usize = 2_000;

/// What was said of the steps of a solution.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepRuling {
    /// A number for each step, higher is better; none where nothing could be read.
    pub scores: Vec<f64>,
    /// How many judgements were read.
    pub judgements: usize,
    /// How many were refused.
    pub refused: usize,
    /// Why.
    pub reasons: Vec<String>,
}

impl StepRuling {
    /// What a jury of steps says of those of a solution.
    pub fn of(case: &StepCase, ruling: Ruling) -> Self {
        let Ruling { ballot, reasons } = ruling;
        let mut scores = ballot.steps(0);
        if scores.len() != case.steps.len() {
            scores.clear();
        }
        let (judgements, refused) = (ballot.judgements.len(), ballot.refused);
        Self { scores, judgements, refused, reasons }
    }

    /// Whether the first error is found exactly, or none where there is none; not where nothing was said.
    pub(super) fn finds(&self, first_error: Option<usize>, threshold: f64) -> bool {
        let judged = Judged { scores: self.scores.clone(), first_error };
        !self.scores.is_empty() && judged.predicted(threshold) == first_error
    }
}

/// Rulings in the order of their cases; `None` of those that were not asked about.
type StepRulings = Vec<Option<StepRuling>>;

/// Has a jury of steps judge solutions, and tells `done` of each as it is done, in any order, with what it cost; on `Break`
/// those in flight are finished, and nothing more is begun. The judge is the search's policy where the jury names no role.
///
/// ```
/// use std::ops::ControlFlow;
/// use tts_core::Search;
/// use tts_core::toy::Voice;
/// use tts_prm::critic::{Judge, Jury, StepAssessment, StepCase, assess_steps};
///
/// // It calls every second step wrong.
/// let judge = Voice::new(|_, _, _| "\\boxed{correct} \\boxed{incorrect}");
/// let jury = Jury { role: None, ..Jury::of(Judge::published("steps")?, 2) };
/// let case = |first_error| StepCase {
///     prompt: "2 + 3 + 4?".into(),
///     steps: vec!["2 + 3 = 5\n".into(), "5 + 4 = 8\n".into()],
///     first_error,
///     subset: None,
/// };
/// let cases = [case(Some(1)), case(Some(0)), case(None)];
/// let rulings = assess_steps(&Search::new(&judge), &jury, &cases, |_, _, _| ControlFlow::Continue(()))?;
/// let found = StepAssessment::of(&cases, &rulings, 0.5, 7)?;
/// assert_eq!(found.all.wrong.map(|share| (share.hits, share.count)), Some((1, 2)));
/// assert_eq!(found.all.right.map(|share| (share.hits, share.count)), Some((0, 1)));
/// assert_eq!(found.all.f1, Some(0.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the jury judges no steps, or does not fit, before anything is asked; or when the search of one fails, with the
/// rulings that were made.
pub fn assess_steps(
    search: &Search<'_>,
    jury: &Jury,
    cases: &[StepCase],
    mut done: impl FnMut(usize, &Ruling, &Cost) -> ControlFlow<()>,
) -> Result<Vec<Option<StepRuling>>, Ended<Vec<Option<StepRuling>>>> {
    assess_steps_whole(search, jury, cases, |item, ruling, outcome| {
        done(item, ruling, &outcome.usage.logical)
    })
}

/// The same, where `done` is told of the whole search of each: what was written stands in its tree
/// ([`super::Heard::of_steps`]).
///
/// # Errors
/// As [`assess_steps`].
pub fn assess_steps_whole(
    search: &Search<'_>,
    jury: &Jury,
    cases: &[StepCase],
    done: impl FnMut(usize, &Ruling, &Outcome) -> ControlFlow<()>,
) -> Result<Vec<Option<StepRuling>>, Ended<Vec<Option<StepRuling>>>> {
    let problem = if !jury.judge.judges_steps() {
        "judge: it judges no steps, expected thinkprm-steps, genprm, steps or one of your own"
    } else if jury.meta.is_some() {
        "judge: meta keeps some judgements of a response, and steps are judged by the mean of all: leave it out"
    } else {
        ""
    };
    if !problem.is_empty() {
        return Err(Ended::refused(None, problem, vec![None; cases.len()]));
    }
    let asked = cases.iter().map(|case| {
        let response = Response { steps: case.steps.clone(), ..Response::text("") };
        let (prompt, responses) = (case.prompt.clone(), Arc::from([response]));
        Case { prompt, responses, reference: None }
    });
    let (rulings, ended) = Ended::apart(hear_whole(search, jury, asked.collect(), done));
    let of_steps =
        |(case, ruling): (&StepCase, Option<Ruling>)| Some(StepRuling::of(case, ruling?));
    let found: StepRulings = cases.iter().zip(rulings).map(of_steps).collect();
    Ended::join(ended, found)
}

/// Has a scorer judge the steps of solutions, a process reward model say, and tells `done` how many it has judged, and how many
/// tokens it says that it has read for them ([`tts_core::Reads`]).
///
/// It is given texts without tokens, so it has to read texts: what reads the token ids of a vocabulary is refused.
///
/// # Errors
/// When it reads token ids, before anything is judged; or when it fails, with the rulings that were made: the error names the
/// solution.
pub fn score_steps(
    scorer: &dyn StepScorer,
    cases: &[StepCase],
    done: impl FnMut(usize, u64) -> ControlFlow<()>,
) -> Result<Vec<Option<StepRuling>>, Ended<Vec<Option<StepRuling>>>> {
    let path = |case: &StepCase| vec![trajectory(&case.prompt, &case.steps)];
    let paths: Vec<Vec<Trajectory>> = cases.iter().map(path).collect();
    let (scored, ended) = Ended::apart(score_paths(scorer, &paths, done));
    let of_case = |(case, scored): (&StepCase, Option<Vec<Scored>>)| {
        Some(ruling_of(scored?.pop()?, case.steps.len()))
    };
    Ended::join(ended, cases.iter().zip(scored).map(of_case).collect())
}

/// What a scorer says of so many steps.
fn ruling_of(scored: Scored, steps: usize) -> StepRuling {
    let Scored { scores, refused, .. } = scored;
    let whole = scores.len() == steps && scores.iter().all(|score| score.is_finite());
    if refused.is_none() && whole {
        return StepRuling { scores, judgements: 1, ..StepRuling::default() };
    }
    let why = refused.unwrap_or_else(|| format!("{} scores of {steps} steps", scores.len()));
    StepRuling { refused: 1, reasons: vec![why], ..StepRuling::default() }
}

/// How well first errors are found in some solutions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepFigures {
    /// How many solutions.
    pub solutions: usize,
    /// Those of which nothing was said that could be read.
    pub abstained: usize,
    /// Among wrong solutions, those whose first wrong step is found exactly; `None` without any.
    pub wrong: Option<Share>,
    /// Among right solutions, those in which no error is found; `None` without any.
    pub right: Option<Share>,
    /// The harmonic mean of both shares; 0 if either is 0, `None` without solutions of both kinds.
    pub f1: Option<f64>,
    /// The area under the ROC curve over steps; `None` without steps of both kinds.
    pub auc: Option<Auc>,
}

/// What an assessment on step labels found, see the [module](self).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepAssessment {
    /// Below it a step is taken for wrong.
    pub threshold: f64,
    /// Over all solutions.
    pub all: StepFigures,
    /// The same by parts of the data.
    pub subsets: BTreeMap<String, StepFigures>,
    /// The mean F1 of those parts that have solutions of both kinds, as `ProcessBench` counts; `None` without two of them.
    pub mean_f1: Option<f64>,
    /// Judgements that were read.
    pub judgements: usize,
    /// Judgements that were refused.
    pub refused: usize,
    /// Why, and how often.
    pub reasons: BTreeMap<String, usize>,
}

/// A case that was judged.
type Heard<'a> = (&'a StepCase, &'a StepRuling);

impl StepAssessment {
    /// What rulings on these solutions come to; those that are `None` were not asked about. The `threshold` of judges and
    /// probabilities is one half; one of another scorer is chosen on other solutions than these.
    ///
    /// # Errors
    /// When nothing was judged, or the threshold is not finite.
    pub fn of(
        cases: &[StepCase],
        rulings: &[Option<StepRuling>],
        threshold: f64,
        seed: u64,
    ) -> Result<Self, MetricError> {
        if !threshold.is_finite() {
            return Err(MetricError::BadNumber { field: "threshold", index: 0, value: threshold });
        }
        let heard = cases.iter().zip(rulings);
        let heard: Vec<Heard<'_>> =
            heard.filter_map(|(case, ruling)| Some((case, ruling.as_ref()?))).collect();
        if heard.is_empty() {
            return Err(MetricError::Empty { field: "solutions" });
        }
        let mut parts: BTreeMap<&str, Vec<Heard<'_>>> = BTreeMap::new();
        for &(case, ruling) in &heard {
            if let Some(subset) = &case.subset {
                parts.entry(subset).or_default().push((case, ruling));
            }
        }
        let of_part = |(name, own): (&str, Vec<Heard<'_>>)| {
            Ok((name.to_owned(), figures(&own, threshold, seed)?))
        };
        let subsets: BTreeMap<String, StepFigures> =
            parts.into_iter().map(of_part).collect::<Result<_, MetricError>>()?;
        let f1: Vec<f64> = subsets.values().filter_map(|figures| figures.f1).collect();
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for why in heard.iter().flat_map(|(_, ruling)| &ruling.reasons) {
            *reasons.entry(why.clone()).or_default() += 1;
        }
        Ok(Self {
            threshold,
            all: figures(&heard, threshold, seed)?,
            mean_f1: (f1.len() > 1).then(|| f1.iter().sum::<f64>() / f1.len() as f64),
            subsets,
            judgements: heard.iter().map(|(_, ruling)| ruling.judgements).sum(),
            refused: heard.iter().map(|(_, ruling)| ruling.refused).sum(),
            reasons,
        })
    }

    /// Why these figures say nothing, if not one judgement could be read.
    pub fn silence(&self) -> Option<String> {
        wording::silence(self.judgements, self.refused, &self.reasons)
    }

    /// Writes it for a reader.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        if self.silence().is_some() {
            let (refused, count) = (self.refused, self.all.solutions);
            writeln!(
                out,
                "judged    0 judgements read, {refused} refused; {count} solutions abstained"
            )?;
            return wording::write_reasons(&self.reasons, &mut out);
        }
        let share = |share: &Option<Share>| match share {
            None => "-".to_owned(),
            Some(Share { share, interval: [low, high], hits, count }) => format!(
                "{:.1} % ({:.1} to {:.1}), {hits} of {count}",
                100.0 * share,
                100.0 * low,
                100.0 * high
            ),
        };
        let mut table = |name: &str, figures: &StepFigures| {
            let StepFigures { solutions, abstained, wrong, right, f1, auc } = figures;
            let f1 = f1.map_or_else(|| "-".to_owned(), |f1| format!("{:.1}", 100.0 * f1));
            let auc = auc.map_or_else(String::new, |auc| {
                format!(
                    "; ROC AUC of steps {:.3} ({:.3} to {:.3})",
                    auc.area, auc.interval[0], auc.interval[1]
                )
            });
            writeln!(
                out,
                "{name}: F1 {f1}; first errors {}; right ones {}; {abstained} of {solutions} abstained{auc}",
                share(wrong),
                share(right)
            )
        };
        table("all", &self.all)?;
        for (subset, figures) in self.subsets.iter().filter(|_| self.subsets.len() > 1) {
            table(subset, figures)?;
        }
        if let Some(mean) = self.mean_f1 {
            writeln!(out, "mean F1 of the parts {:.1}", 100.0 * mean)?;
        }
        writeln!(
            out,
            "judged    {} judgements read, {} refused; a step below {} is taken for wrong",
            self.judgements, self.refused, self.threshold
        )?;
        wording::write_reasons(&self.reasons, &mut out)
    }
}

/// The figures of some solutions, one at least.
fn figures(heard: &[Heard<'_>], threshold: f64, seed: u64) -> Result<StepFigures, MetricError> {
    let found = |(case, ruling): &Heard<'_>| ruling.finds(case.first_error, threshold);
    let share = |wrong: bool| {
        let own = heard.iter().filter(|(case, _)| case.first_error.is_some() == wrong);
        let found: Vec<bool> = own.map(found).collect();
        let (hits, count) = (found.iter().filter(|&&hit| hit).count(), found.len());
        let share = || -> Result<Share, MetricError> {
            Ok(Share {
                share: hits as f64 / count as f64,
                interval: wilson(hits, count)?,
                hits,
                count,
            })
        };
        (count > 0).then(share).transpose()
    };
    let (wrong, right) = (share(true)?, share(false)?);
    let f1 = wrong.zip(right).map(|(wrong, right)| {
        let sum = wrong.share + right.share;
        if sum > 0.0 { 2.0 * wrong.share * right.share / sum } else { 0.0 }
    });
    let (mut scores, mut labels, mut solutions) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (case, ruling)) in heard.iter().enumerate() {
        let known = case.first_error.map_or(usize::MAX, |step| step + 1);
        for (step, score) in ruling.scores.iter().take(known).enumerate() {
            scores.push(*score);
            labels.push(case.first_error != Some(step));
            solutions.push(number);
        }
    }
    Ok(StepFigures {
        solutions: heard.len(),
        abstained: heard.iter().filter(|(_, ruling)| ruling.scores.is_empty()).count(),
        wrong,
        right,
        f1,
        auc: auc_over_problems(&scores, &labels, &solutions, DRAWS, seed).ok(),
    })
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
