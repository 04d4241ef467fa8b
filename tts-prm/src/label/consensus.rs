//! Consensus: labels are kept where a judge finds the first error in the same step.
//!
//! Rollouts say where solutions stop to come right, which is not always where they go wrong: a policy
//! may repair a slip, or fail from a sound prefix. A judge that reads the steps errs in other ways.
//! Where both name the same step, or both none, the label is worth learning.
//!
//! Source: Zhang et al. 2025, "The Lessons of Developing Process Reward Models in Mathematical
//! Reasoning" (arXiv:2501.07301), section 3.1.3.

use std::sync::Arc;

use tts_core::{BoxError, Step, StepScorer, Trajectory};

use super::LabelledSolution;
use crate::PrmError;

/// A judge whose first error must be that of the labels.
#[derive(Clone, Copy)]
pub struct Consensus<'a> {
    /// Judges steps: a generative judge, a reward model, a rule.
    pub judge: &'a dyn StepScorer,
    /// A step with a score below this is wrong.
    pub threshold: f64,
}

impl std::fmt::Debug for Consensus<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consensus").field("threshold", &self.threshold).finish_non_exhaustive()
    }
}

impl Consensus<'_> {
    /// For each solution whether the judge's first error is that of its labels.
    ///
    /// # Errors
    /// When the threshold is not finite, the judge fails, or does not judge every step with a finite
    /// score.
    pub fn agrees(&self, solutions: &[LabelledSolution]) -> Result<Vec<bool>, BoxError> {
        if !self.threshold.is_finite() {
            return Err(format!("the threshold is {}, expected a number", self.threshold).into());
        }
        let path = |solution: &LabelledSolution| {
            let step = |step: &super::LabelledStep| {
                let (text, tokens) = (step.text.clone(), step.tokens.clone());
                Arc::new(Step { text, tokens, ..Step::default() })
            };
            let steps: Vec<Arc<Step>> = solution.steps.iter().map(step).collect();
            let (prompt, count) = (Arc::new(solution.prompt.clone()), steps.len());
            Trajectory::new(prompt, steps, count, true)
        };
        let paths: Vec<Trajectory> = solutions.iter().map(path).collect();
        let judged = self.judge.score(&paths)?;
        if judged.len() != solutions.len() {
            let problem = format!("{} paths judged, expected {}", judged.len(), solutions.len());
            return Err(problem.into());
        }
        let agrees = |(index, (solution, judged)): (usize, (&LabelledSolution, _))| {
            let tts_core::Scored { scores, refused, .. } = judged;
            let steps = solution.steps.len();
            if let Some(why) = refused {
                return Err(PrmError::step(index, 0, format!("the judge refused the path: {why}")));
            }
            if let Some(step) = scores.iter().position(|score: &f64| !score.is_finite()) {
                return Err(PrmError::step(index, step, "the judge's score is not finite"));
            }
            if scores.len() != steps {
                let problem = format!("the judge gave {} scores, expected {steps}", scores.len());
                return Err(PrmError::step(index, scores.len().min(steps), problem));
            }
            let verdict = scores.iter().position(|&score| score < self.threshold);
            Ok(verdict == solution.first_error())
        };
        let all: Result<Vec<bool>, PrmError> =
            solutions.iter().zip(judged).enumerate().map(agrees).collect();
        Ok(all?)
    }
}
