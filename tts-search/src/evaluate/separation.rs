//! How well scores tell right candidates from wrong ones.
//!
//! Over all problems together a scorer may only tell easy problems from hard ones; what a choice among the
//! candidates of a problem goes by is the area *within* problems. Where the first is large and the second near
//! a half, the scorer is of no use to a search.
//!
//! Only finished candidates count: a search prefers them to what was cut, however that scores. An outcome
//! scorer says nothing of the latter, either.
//!
//! Source: [`tts_core::metrics::auc_over_problems`] and [`tts_core::metrics::auc_within_problems`].

use std::fmt;

use serde::Serialize;
use tts_core::metrics::{Auc, MetricError, auc_over_problems, auc_within_problems};

use super::{EvaluateError, Graded};

/// Draws of the interval, enough to settle it to about a tenth of its width.
const DRAWS: usize = 1_000;

/// How well scores tell right candidates from wrong ones: areas under the ROC curve over the finished
/// candidates with a score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Separation {
    /// The probability that a right candidate scores above a wrong one, of any two problems, with its
    /// interval.
    pub all: Auc,
    /// The same of candidates of one problem; `None` where no problem has both kinds.
    pub within_problems: Option<f64>,
    /// Problems with both kinds, which the area within problems is of.
    pub mixed: usize,
}

impl Separation {
    /// Of the problems that ran; `None` where nothing was scored, or all of it is right, or all wrong.
    pub(super) fn of(rows: &[Graded]) -> Result<Option<Self>, EvaluateError> {
        let (mut scores, mut right, mut problems, mut mixed) = (vec![], vec![], vec![], 0);
        for (problem, row) in rows.iter().enumerate().filter(|(_, row)| row.error.is_none()) {
            let start = right.len();
            let finished = row.candidates.iter().filter(|candidate| candidate.finished);
            for candidate in finished {
                if let Some(score) = candidate.score.filter(|score| !score.is_nan()) {
                    // Ranks alone count: by its sum of logarithms a path with a step of 0 is the last.
                    scores.push(score.clamp(f64::MIN, f64::MAX));
                    right.push(candidate.right);
                    problems.push(problem);
                }
            }
            let here = &right[start..];
            mixed += usize::from(here.contains(&true) && here.contains(&false));
        }
        let all = auc_over_problems(&scores, &right, &problems, DRAWS, 0);
        let Some(all) = if_there(all)? else { return Ok(None) };
        let within_problems = if_there(auc_within_problems(&scores, &right, &problems))?;
        Ok(Some(Self { all, within_problems, mixed }))
    }
}

impl fmt::Display for Separation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Auc { area, interval: [low, high], right, wrong, problems } = self.all;
        write!(
            f,
            "area {area:.3} (95 %: {low:.3} to {high:.3}) over {right} right and {wrong} wrong, "
        )?;
        match self.within_problems {
            Some(within) => {
                write!(f, "{within:.3} within problems ({} of {problems} with both)", self.mixed)
            }
            None => write!(f, "and no problem has both"),
        }
    }
}

/// `None` where there are no scores, or nothing to tell apart.
fn if_there<T>(found: Result<T, MetricError>) -> Result<Option<T>, EvaluateError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(MetricError::Empty { .. } | MetricError::MissingClass { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
