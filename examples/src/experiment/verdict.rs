//! Reward models against what is true: of every step whether a right solution can still follow.
//!
//! Solutions of held-out problems are judged as searches judge them. A step counts up to the first
//! from which nothing right can follow (`V*` is 0); what comes behind it is lost either way.

use serde::{Deserialize, Serialize};
use tts_core::Aggregate;
use tts_core::metrics::{Auc, Calibration, MetricError, calibration};
use tts_search::evaluate::attempts::Attempts;

use super::recipe::Judged;
use super::workshop::Workshop;
use crate::roc::Judgements;
use crate::{Error, quickstart};

/// A reward model on held-out solutions, averaged over seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The reward model.
    pub model: String,
    /// Steps from which a right solution can follow against those from which none can, by seed; `None`
    /// where all are of one kind.
    pub steps: Vec<Option<Auc>>,
    /// The same by the step itself being right, by seed.
    pub errors: Vec<Option<Auc>>,
    /// Right against wrong solutions of the same problem, by their score as a whole, by seed; `None` where no
    /// problem has both.
    pub within_problems: Vec<Option<f64>>,
    /// Expected error of calibration against `V*`, by seed; `None` where scores are no probabilities.
    pub calibration_error: Vec<Option<f64>>,
}

impl Workshop<'_> {
    /// Judges the reward models of a recipe.
    ///
    /// # Errors
    /// When a model cannot be made.
    pub fn verdicts(&self, judged: &Judged) -> Result<Vec<Verdict>, Error> {
        judged.models.iter().map(|model| self.verdict(judged, model)).collect()
    }

    fn verdict(
        &self,
        judged: &Judged,
        (model, by): (&String, &Aggregate),
    ) -> Result<Verdict, Error> {
        let mut verdict = Verdict {
            model: model.clone(),
            steps: Vec::new(),
            errors: Vec::new(),
            within_problems: Vec::new(),
            calibration_error: Vec::new(),
        };
        let family = self.family();
        for seed in 1..=self.recipe.seeds {
            let made = self.model_seed(seed);
            let test = self.test()?;
            let pools = self.attempts(&judged.policy, &test, judged.samples, (made, seed))?;
            let scorer = self.scorer(model, made, true)?;
            let (mut steps, mut errors, mut ends) =
                (Judgements::default(), Judgements::default(), Judgements::default());
            let bar = quickstart::bar(model, pools.len())?;
            for (problem, pool) in pools.iter().enumerate() {
                let Attempts { question, attempts } = pool;
                let scores = pool.scores(&*family, &*scorer)?;
                for (attempt, scores) in attempts.iter().zip(scores) {
                    let texts: Vec<&str> = attempt.steps.iter().map(String::as_str).collect();
                    let (mut possible, mut right) = (true, true);
                    for (place, &score) in scores.iter().enumerate() {
                        let last = place + 1 == texts.len();
                        let open = if last {
                            attempt.solved
                        } else {
                            possible && family.value(question, &texts[..=place]) > 0.0
                        };
                        if possible {
                            steps.add(score, open, problem);
                        }
                        if right {
                            errors.add(score, attempt.right[place], problem);
                        }
                        possible = open;
                        right &= attempt.right[place];
                    }
                    if let Some(score) = by.apply(scores) {
                        ends.add(score, attempt.solved, problem);
                    }
                }
                bar.inc(1);
            }
            bar.finish_and_clear();
            verdict.steps.push(unless_one_kind(steps.auc(0))?);
            verdict.errors.push(unless_one_kind(errors.auc(0))?);
            verdict.within_problems.push(unless_one_kind(ends.auc_within_problems())?);
            let found = calibration(&steps.scores, &steps.right, Calibration::BINS);
            verdict.calibration_error.push(found.ok().map(|found| found.expected_error));
        }
        Ok(verdict)
    }
}

/// `None` where there is nothing to tell apart.
fn unless_one_kind<T>(found: Result<T, MetricError>) -> Result<Option<T>, Error> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(MetricError::MissingClass { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
