//! Rewards of length, in generated tokens.
//!
//! [`Overlong`] bends down before the limit, so that a solution is not punished as wrong for the luck of being
//! cut: nothing up to `most - margin`, then linearly down to -1 at `most`. [`Brevity`] prefers short among right
//! solutions of one problem, and never praises a wrong one. [`Target`] asks for a length.
//!
//! Source: Yu et al. 2025, DAPO (arXiv 2503.14476), section 3.4, equation 13; Kimi Team 2025 (arXiv 2501.12599),
//! section 2.3.3; Aggarwal and Welleck 2025, L1 (arXiv 2503.04697), equation 1.

use serde::{Deserialize, Serialize};

use super::{Asked, Reward};
use crate::PrmError;
use crate::reinforce::Sample;

/// Bends down before the limit.
///
/// ```
/// use tts_prm::reinforce::Overlong;
/// let overlong = Overlong { most: 16_384, margin: 4_096 };
/// assert_eq!([12_288, 14_336, 16_384, 16_385].map(|n| overlong.of(n)), [0.0, -0.5, -1.0, -1.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlong {
    /// The most tokens of a solution.
    pub most: usize,
    /// Over how many of the last ones the reward falls, 1 to `most`.
    pub margin: usize,
}

impl Overlong {
    /// The reward of so many tokens, from 0 down to -1.
    pub fn of(&self, tokens: usize) -> f64 {
        let free = self.most.saturating_sub(self.margin);
        -(tokens.saturating_sub(free) as f64 / self.margin.max(1) as f64).min(1.0)
    }

    /// # Errors
    /// When the margin is none.
    pub(super) fn check(&self) -> Result<(), PrmError> {
        if (1..=self.most).contains(&self.margin) {
            return Ok(());
        }
        let problem = format!("{}, expected 1 to {}", self.margin, self.most);
        Err(PrmError::reinforce("overlong.margin", problem))
    }
}

impl Reward for Overlong {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        asked.samples.iter().map(|sample| self.of(sample.generated())).collect()
    }
}

/// Short solutions before long ones: 0.5 for the shortest of a group to -0.5 for the longest where they are right,
/// and never above 0 where they are not. A group of one length has 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brevity {}

impl Reward for Brevity {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let lengths: Vec<usize> = asked.samples.iter().map(Sample::generated).collect();
        let (least, most) = (lengths.iter().min(), lengths.iter().max());
        let (Some(&least), Some(&most)) = (least, most) else { return Vec::new() };
        if least == most {
            return vec![0.0; lengths.len()];
        }
        let reward = |(sample, &length): (&Sample, &usize)| {
            let reward = 0.5 - (length - least) as f64 / (most - least) as f64;
            if sample.is_right() { reward } else { reward.min(0.0) }
        };
        asked.samples.iter().zip(&lengths).map(reward).collect()
    }
}

/// Minus the distance from a length, as a share of that length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The length asked for, in tokens, at least 1.
    pub tokens: usize,
}

impl Target {
    /// # Errors
    /// When it asks for nothing.
    pub(super) fn check(self) -> Result<(), PrmError> {
        match self.tokens {
            0 => Err(PrmError::reinforce("target.tokens", "0, expected at least 1")),
            _ => Ok(()),
        }
    }
}

impl Reward for Target {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let reward = |sample: &Sample| {
            -(sample.generated().abs_diff(self.tokens) as f64) / self.tokens.max(1) as f64
        };
        asked.samples.iter().map(reward).collect()
    }
}
