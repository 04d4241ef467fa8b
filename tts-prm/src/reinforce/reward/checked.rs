//! The share of steps that a family's checker finds right: an exact reward of the way, not of the end.
//!
//! A solution without steps gets 0, and so does one that was cut in the middle of nothing. As a reward by itself it
//! can be had without solving anything, by writing few and safe steps; beside [`super::Right`] it keeps lines
//! readable.
//!
//! Source: none; what a process reward model estimates, exactly.

use tts_core::family::{Family, Split, lines, problems};
use tts_core::seed;

use super::{Asked, Reward};
use crate::reinforce::Sample;

/// The share of right steps, 0 to 1.
#[derive(Clone)]
pub struct Checked<F>(pub F);

/// Families have no names: the first problems that one draws, and their solutions, tell which it is.
impl<F: Family> std::fmt::Debug for Checked<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut whole = 0;
        for problem in problems(&self.0, Split::Train, 0).take(8) {
            whole = seed::hash_text(whole, &problem.question);
            let solution = self.0.solve(&problem.question);
            whole = solution.iter().flatten().fold(whole, |all, line| seed::hash_text(all, line));
        }
        write!(f, "Checked({whole:016x})")
    }
}

impl<F: Family> Reward for Checked<F> {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let share = |sample: &Sample| {
            let steps = lines(&sample.text);
            let right = self.0.check(asked.problem.question.trim(), &steps);
            let count = right.iter().filter(|right| **right).count();
            count as f64 / steps.len().max(1) as f64
        };
        asked.samples.iter().map(share).collect()
    }
}
