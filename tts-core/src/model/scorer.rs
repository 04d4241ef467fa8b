//! What judges steps: the [`StepScorer`] trait.
//!
//! A scorer sees whole paths and judges their fresh steps only. Blank steps at the end are left out:
//! an end token alone is not judged, and such a path keeps the score of its last real step. An
//! outcome-only scorer gives every step of an unfinished path [`NEUTRAL`], so that neither
//! finished nor unfinished paths win by being what they are.

use std::sync::Arc;

use crate::cost::ModelCost;
use crate::model::generator::BoxError;
use crate::{Step, Trajectory};

/// The score of a step about which the scorer has nothing to say, on a scale from 0 to 1.
pub const NEUTRAL: f64 = 0.5;

/// The judgement of one path.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// One score for each fresh step, in order; higher is better; finite.
    pub scores: Vec<f64>,
}

/// Judges steps.
pub trait StepScorer: Send + Sync {
    /// `out[i].scores[k]` judges `batch[i].fresh_steps()[k]`. A score depends only on its own path.
    ///
    /// # Errors
    /// When the batch could not be judged. A number of scores that does not match, or a score that
    /// is not finite, is made an error by the caller.
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError>;

    /// What the model costs a token; the default costs nothing.
    fn cost(&self) -> ModelCost {
        ModelCost::default()
    }
}

macro_rules! forward {
    ($($owner:ty),*) => {$(
        impl<T: StepScorer + ?Sized> StepScorer for $owner {
            fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
                (**self).score(batch)
            }
            fn cost(&self) -> ModelCost {
                (**self).cost()
            }
        }
    )*};
}
forward!(&T, Box<T>, Arc<T>);

/// A scorer from a closure over one path and one of its fresh steps.
///
/// ```
/// use tts_core::{scorer, StepScorer};
/// let short_is_good = scorer::from_fn(|_path, step| 1.0 / (1.0 + step.text.len() as f64));
/// # let _: &dyn StepScorer = &short_is_good;
/// ```
pub fn from_fn<F>(judge: F) -> FromFn<F>
where
    F: Fn(&Trajectory, &Step) -> f64 + Send + Sync,
{
    FromFn { judge }
}

/// See [`from_fn`].
#[derive(Clone, Copy)]
pub struct FromFn<F> {
    judge: F,
}

impl<F> std::fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FromFn").finish_non_exhaustive()
    }
}

impl<F: Fn(&Trajectory, &Step) -> f64 + Send + Sync> StepScorer for FromFn<F> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let judge = |path: &Trajectory| Scored {
            scores: path.fresh_steps().iter().map(|step| (self.judge)(path, step)).collect(),
        };
        Ok(batch.iter().map(judge).collect())
    }
}
