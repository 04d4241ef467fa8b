//! What generator and reward models are worth on held-out problems.
//!
//! Reward models are run as searches run them: from their committed files, on whole paths.

use serde::Serialize;
use tts_core::family::first_error;
use tts_core::metrics::{
    Accuracy, Auc, Calibration, FirstErrors, Judged, bootstrap_interval, calibration, first_errors,
    pass_at_k,
};
use tts_core::{Aggregate, StepScorer};
use tts_search::evaluate::attempts::Attempts;

use super::Stages;
use super::verifiers::Kind;
use crate::Error;
use crate::roc::Judgements;

/// Resamplings of an interval.
const DRAWS: usize = 2_000;

/// A reward model on held-out solutions.
#[derive(Debug, Serialize)]
pub(super) struct Verifier {
    /// Right against wrong steps, up to the first error; of an outcome model, finished solutions.
    pub(super) auc: Auc,
    /// Of the same.
    pub(super) calibration: Calibration,
    /// Right against wrong solutions, each by its score as the searches take it.
    pub(super) solution_auc: Auc,
    /// The same within problems, which is what a choice among candidates goes by; none where no
    /// problem has right and wrong solutions.
    pub(super) solution_auc_within_problems: Option<f64>,
    /// Finding the first error; process models only.
    pub(super) first_errors: Option<FirstErrors>,
}

/// The generator on held-out problems.
#[derive(Debug, Serialize)]
pub(super) struct OperatingPoint {
    pub(super) problems: usize,
    pub(super) samples: usize,
    /// Mean over problems of the share of right samples, with its interval.
    pub(super) pass_at_1: Accuracy,
    /// pass@16, without bias.
    pub(super) pass_at_16: f64,
    /// pass@64, without bias.
    pub(super) pass_at_64: f64,
    /// Mean pass@1 of each fifth of the problems, hardest first.
    pub(super) fifths: Vec<f64>,
    /// Share of right steps after right ones only.
    pub(super) step_accuracy: f64,
}

pub(super) fn operating_point(all: &[Attempts], seed: u64) -> Result<OperatingPoint, Error> {
    let samples = all.first().map_or(0, |attempts| attempts.attempts.len());
    let mut rates: Vec<f64> =
        all.iter().map(|attempts| attempts.solved() as f64 / samples as f64).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let pass_at_1 = bootstrap_interval(&rates, DRAWS, seed)?;
    let pass = |k: usize| -> Result<f64, Error> {
        let each = all.iter().map(|attempts| pass_at_k(samples, attempts.solved(), k));
        Ok(mean(&each.collect::<Result<Vec<f64>, _>>()?))
    };
    let steps = all.iter().flat_map(|attempts| &attempts.attempts);
    let (mut right, mut judged) = (0, 0);
    for attempt in steps {
        let good = first_error(&attempt.right).unwrap_or(attempt.right.len());
        right += good;
        judged += good + usize::from(good < attempt.right.len());
    }
    rates.sort_by(f64::total_cmp);
    Ok(OperatingPoint {
        problems: all.len(),
        samples,
        pass_at_1,
        pass_at_16: pass(16.min(samples))?,
        pass_at_64: pass(64.min(samples))?,
        fifths: rates.chunks(all.len().div_ceil(5).max(1)).map(mean).collect(),
        step_accuracy: f64::from(u32::try_from(right)?) / f64::from(u32::try_from(judged)?),
    })
}

impl Stages {
    /// Scores of every step of every attempt, in their order.
    fn scores(
        &self,
        scorer: &dyn StepScorer,
        all: &[Attempts],
    ) -> Result<Vec<Vec<Vec<f64>>>, Error> {
        all.iter().map(|attempts| Ok(attempts.scores(&self.config.family, scorer)?)).collect()
    }

    pub(super) fn judge_verifier(
        &self,
        kind: Kind,
        scorer: &dyn StepScorer,
        all: &[Attempts],
    ) -> Result<Verifier, Error> {
        let scores = self.scores(scorer, all)?;
        let aggregate = match kind {
            Kind::Process => Aggregate::SumLog,
            Kind::Outcome => Aggregate::Last,
        };
        let mut steps = Judgements::default();
        let mut solutions = Judgements::default();
        let mut judged = Vec::new();
        for (problem, (attempts, scores)) in all.iter().zip(scores).enumerate() {
            for (attempt, scores) in attempts.attempts.iter().zip(scores) {
                let Some(&last) = scores.last() else { continue };
                let error = first_error(&attempt.right);
                solutions.add(
                    aggregate.apply(scores.iter().copied()).unwrap_or(last),
                    attempt.solved,
                    problem,
                );
                match kind {
                    Kind::Process => {
                        let end = error.map_or(scores.len(), |error| error + 1);
                        for (place, &score) in scores[..end].iter().enumerate() {
                            steps.add(score, Some(place) != error, problem);
                        }
                        judged.push(Judged { scores, first_error: error });
                    }
                    Kind::Outcome => steps.add(last, attempt.solved, problem),
                }
            }
        }
        let errors = first_errors(&judged, FirstErrors::THRESHOLD);
        Ok(Verifier {
            auc: steps.auc(self.config.seed)?,
            calibration: calibration(&steps.scores, &steps.right, Calibration::BINS)?,
            solution_auc: solutions.auc(self.config.seed)?,
            // All else that could be wrong with them is wrong for the area above too.
            solution_auc_within_problems: solutions.auc_within_problems().ok(),
            first_errors: if kind == Kind::Process { Some(errors?) } else { None },
        })
    }
}
