//! The reward of a right answer, by the task's own verdict.
//!
//! There is one way from text to verdict, that of searches and metrics; a solution that was cut has no answer,
//! whatever number stands last in it. What a task accepts is what is learnt: families of problems say it exactly,
//! and a solution with two different final answers is judged by the one that the task finds.
//!
//! Source: DeepSeek-AI 2025 (arXiv 2501.12948), section 2.2.2, accuracy rewards.

use serde::{Deserialize, Serialize};

use super::{Asked, Reward, of};
use crate::reinforce::Sample;

/// 1 where the answer is right, else 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Right {}

impl Reward for Right {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        asked.samples.iter().map(Sample::is_right).map(of).collect()
    }
}
