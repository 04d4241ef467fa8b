//! Weights on the way: those that solve most of what is held out, and those of chosen steps.
//!
//! A policy that grows worse again has been better before, and what it was then is worth having. The loop says when
//! ([`Keeping`]), whoever runs it says where and in which form ([`super::Reinforce::keep`]): the library knows of no
//! layout of files. Which step is the best follows from the journal ([`best`]), so a run that goes on agrees with
//! one that was never killed; weights are handed over before the state behind them is saved, so none are missed.
//!
//! Source: none; the checkpoints that other trainers keep.

use serde::{Deserialize, Serialize};
use tts_core::{BoxError, SearchStrategy};
use tts_models::train::{Model, Online};

use super::{Measured, Note, Reinforce};
use crate::PrmError;

/// Whose weights are kept, beside those of the last step, which come out anyway. It changes no result.
///
/// ```
/// use tts_prm::reinforce::Keeping;
/// let keeping = Keeping { every: 50, steps: vec![10], ..Keeping::default() };
/// assert!(keeping.keeps(100) && keeping.keeps(10) && !keeping.keeps(0));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keeping {
    /// Whether those that solve the largest share of the held-out problems are, the first of equals.
    pub best: bool,
    /// Steps between two whose weights are kept; 0 for none.
    pub every: usize,
    /// Single steps; 0 is the model before the first one.
    pub steps: Vec<usize>,
}

impl Keeping {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the weights of this step are kept, however well they solve anything.
    pub fn keeps(&self, step: usize) -> bool {
        let due = self.every > 0 && step > 0 && step.is_multiple_of(self.every);
        due || self.steps.contains(&step)
    }

    /// # Errors
    /// Naming the setting that cannot be met by a run of so many steps.
    pub(super) fn check(&self, steps: usize) -> Result<(), PrmError> {
        if self.every > steps {
            let problem = format!("{}, of {steps} steps", self.every);
            return Err(PrmError::reinforce("keep.every", problem));
        }
        match self.steps.iter().position(|&step| step > steps) {
            None => Ok(()),
            Some(place) => {
                let problem = format!("{}, of {steps} steps", self.steps[place]);
                Err(PrmError::reinforce(format!("keep.steps[{place}]"), problem))
            }
        }
    }
}

/// Why weights are to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// They solve more of what is held out than any before them: they take the place of those.
    Best,
    /// Their step was asked for.
    Chosen,
}

/// Weights to be kept.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// After this many steps.
    pub step: usize,
    /// Why.
    pub why: Why,
    /// The weights; of one with an adapter the decoder is the one that it began with.
    pub model: &'a Model,
    /// What they solve, if this was measured.
    pub measured: Option<Measured>,
}

/// Who keeps weights.
pub(super) type Keeper<'a> = Box<dyn FnMut(&Kept<'_>) -> Result<(), BoxError> + 'a>;

/// The measurement of the weights that solve the largest share of the held-out problems, the first of equals.
///
/// ```
/// use tts_prm::reinforce::{Measured, Note, best};
/// let measured = |step, pass| {
///     let interval = [pass; 2];
///     let (problems, samples, failed, majority, any, tokens) = (1, 1, 0, pass, pass, 1.0);
///     Note::Measured(Measured { step, problems, samples, pass, interval, majority, any, tokens, failed })
/// };
/// let notes = [measured(0, 0.1), measured(20, 0.6), measured(40, 0.6), measured(60, 0.2)];
/// assert_eq!(best(&notes).map(|found| found.step), Some(20));
/// ```
pub fn best(notes: &[Note]) -> Option<&Measured> {
    let measured = notes.iter().filter_map(|note| match note {
        Note::Measured(found) => Some(found),
        Note::Step(_) => None,
    });
    measured.reduce(|best, found| if found.pass > best.pass { found } else { best })
}

impl<S: SearchStrategy + Clone + std::fmt::Debug> Reinforce<'_, S> {
    /// Hands the weights of a step over where they are to be kept. Done again for the same step, it hands over the
    /// same.
    ///
    /// # Errors
    /// When whoever keeps them says so.
    pub(super) fn keep_weights(
        &mut self,
        online: &Online,
        notes: &[Note],
        step: usize,
    ) -> Result<(), PrmError> {
        let Some(keeper) = &mut self.keeper else { return Ok(()) };
        let keeping = &self.config.keep;
        let best = keeping.best && best(notes).is_some_and(|found| found.step == step);
        let reasons = [(Why::Best, best), (Why::Chosen, keeping.keeps(step))];
        if !reasons.iter().any(|(_, due)| *due) {
            return Ok(());
        }
        let measured = notes.iter().rev().find_map(|note| match note {
            Note::Measured(found) if found.step == step => Some(*found),
            _ => None,
        });
        let model = &online.model()?;
        for (why, _) in reasons.into_iter().filter(|(_, due)| *due) {
            keeper(&Kept { step, why, model, measured }).map_err(|error| {
                PrmError::reinforce(format!("keep: step {step}"), error.to_string())
            })?;
        }
        Ok(())
    }
}
