//! The reward of an answer that is near the right one, by the task's own credit.
//!
//! Where answers are grades, of proofs say, one that is half a step away is worth more than one that is a whole step away: a
//! judge that learns from graded responses gets `1 - |s - s*|`, its distance as a share of the scale
//! ([`crate::critic::Judging::lesson_of`]). Of a task that knows only right and wrong it is the reward of right answers. What was
//! cut, or has no answer, gets 0.
//!
//! Source: `DeepSeekMath-V2` (arXiv 2511.22570), section 2.1: the score reward of a verifier of proofs.

use serde::{Deserialize, Serialize};

use super::{Asked, Reward};

/// How near the answer is, 0 to 1 ([`tts_core::Task::credit`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Near {}

impl Reward for Near {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let (question, gold) = (&asked.problem.question, &asked.problem.gold);
        let credit = |text: &str| asked.task.credit(question, gold, text).clamp(0.0, 1.0);
        let samples = asked.samples.iter();
        samples
            .map(|sample| if sample.is_finished() { credit(&sample.text) } else { 0.0 })
            .collect()
    }
}
