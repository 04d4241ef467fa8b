//! The exact oracle: scores every step by what the path that ends with it is worth.
//!
//! The score is [`Family::value`]: 1 while the solution can still come out right, 0 when it cannot,
//! and for the last step of a finished path whether it is solved. Steps are put together and read
//! as lines, so that steps cut by a length limit are judged as part of their line; a line that is
//! not complete yet is judged as it stands. With this scorer best-of-N is right exactly where one
//! of its samples is: whatever a learned scorer loses against it, it loses by its own errors.
//!
//! A model that ends with a blank step behind an unfinished solution is not judged again, as blank
//! steps are not: its path keeps the value of the state it stopped in.
//!
//! Source: Lightman et al. 2023, "Let's Verify Step by Step" (arXiv 2305.20050), section 2, for
//! steps judged one by one; the exact oracle is what process labels estimate.

use super::Family;
use crate::model::generator::BoxError;
use crate::{Scale, Scored, StepScorer, Trajectory};

/// Scores steps by their exact value in a family.
///
/// ```
/// use tts_core::family::{Chain, Checker, Family, RandomPlayer, Countdown};
/// use tts_core::{Search, StepRule, toy::Sample};
/// let countdown = Countdown { count: [3, 3], ..Countdown::default() };
/// let player = RandomPlayer(countdown.clone());
/// let outcome = Search::new(&player)
///     .scorer(&Checker(&countdown))
///     .rule(StepRule::lines())
///     .run(Sample { n: 64 }, countdown.prompt("2 3 4 -> 20"))?;
/// assert_eq!(outcome.answer().as_deref(), Some("20"));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checker<F>(pub F);

impl<F: Family> Checker<F> {
    fn judge(&self, path: &Trajectory) -> Result<Scored, BoxError> {
        let question = path.prompt().question().trim();
        // A prompt of something else is a mistake of the caller, not a bad solution.
        self.0.parse(question)?;
        let mut text: String = path.judged_steps().iter().map(|step| step.text.as_str()).collect();
        let fresh = path.fresh_steps();
        let scores = fresh.iter().enumerate().map(|(index, step)| {
            text.push_str(&step.text);
            let steps = lines(&text);
            if path.is_finished() && index + 1 == fresh.len() {
                return f64::from(u8::from(self.0.solved(question, &steps)));
            }
            self.0.value(question, &steps)
        });
        Ok(Scored::of(scores.collect()))
    }
}

impl<F: Family> StepScorer for Checker<F> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        batch.iter().map(|path| self.judge(path)).collect()
    }

    /// The value of the state.
    fn scale(&self) -> Scale {
        Scale::PREFIX
    }
}

/// The lines of a solution that are not blank: its steps, as a [`Family`] reads them.
///
/// ```
/// assert_eq!(tts_core::family::lines("=47+114\n\n=161"), ["=47+114", "=161"]);
/// ```
pub fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.trim().is_empty()).collect()
}

/// The place of the first wrong step, or `None` when all are right: up to there labels are known,
/// behind it they are a matter of definition.
///
/// ```
/// use tts_core::family::first_error;
/// assert_eq!(first_error(&[true, false, true]), Some(1));
/// assert_eq!(first_error(&[true, true]), None);
/// ```
pub fn first_error(check: &[bool]) -> Option<usize> {
    check.iter().position(|right| !right)
}
