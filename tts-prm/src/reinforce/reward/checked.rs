//! The share of steps before the first that the task's own checker finds wrong: an exact reward of the way, not of the end.
//!
//! It asks the task of the run ([`tts_core::Task::steps`]): families of problems check each line, tasks that look at
//! answers alone cannot, and are refused before anything is drawn. Steps behind a wrong one do not count, for they are of
//! another problem, which may be as easy as its writer likes. A solution without steps gets 0, and so does one that was
//! cut. As a reward by itself it can be had without solving anything, by writing few
//! and safe steps; beside [`super::Right`] it keeps lines readable.
//!
//! Source: none; what a process reward model estimates, exactly.

use serde::{Deserialize, Serialize};

use super::{Asked, Reward};
use crate::reinforce::Sample;

/// The share of steps before the first wrong one, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {}

impl Reward for Checked {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let share = |sample: &Sample| {
            if !sample.is_finished() {
                return 0.0;
            }
            let right = asked.task.steps(&asked.problem.question, &sample.text).unwrap_or_default();
            let count = right.iter().take_while(|right| **right).count();
            count as f64 / right.len().max(1) as f64
        };
        asked.samples.iter().map(share).collect()
    }
}
