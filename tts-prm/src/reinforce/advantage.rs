//! How much better than expected each sample of a group came out.
//!
//! From a reward a [`Baseline`] is taken away, and the rest divided by a [`Spread`]. Of a group whose rewards are
//! all the same every advantage is exactly 0, whatever the rounding of its mean.
//!
//! | | advantage |
//! |---|---|
//! | GRPO, GSPO, DAPO, CISPO | (reward - mean of the group) / (population deviation of the group + 1e-4) |
//! | Dr. GRPO | reward - mean of the group |
//! | RLOO | reward - mean of the others of the group |
//! | REINFORCE | reward - mean of the batch |
//!
//! Source: Shao et al. 2024 (arXiv 2402.03300), section 4.1.2; Liu et al. 2025 (arXiv 2503.20783), section 3.2;
//! Ahmadian et al. 2024 (arXiv 2402.14740), section 2.2.

use serde::{Deserialize, Serialize};

/// What a reward is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// The mean of the group.
    #[default]
    Mean,
    /// The mean of the others of the group.
    Others,
    /// The mean of all samples of the step.
    Batch,
}

/// What the difference is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spread {
    /// The standard deviation of the group, over its number of samples.
    #[default]
    Population,
    /// The same over one less, as some trainers have it.
    Sample,
    /// The standard deviation of all rewards of the step that are learnt from, over their number: of groups that are
    /// dropped for equal rewards it knows nothing.
    Batch,
    /// Nothing.
    None,
}

/// Added to a deviation.
const EPSILON: f64 = 1e-4;

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn deviation(values: &[f64], less: usize) -> f64 {
    let mean = mean(values);
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    (squares / values.len().saturating_sub(less).max(1) as f64).sqrt()
}

/// Whether all of these are the same; none or one are.
pub fn all_equal(rewards: &[f64]) -> bool {
    rewards.windows(2).all(|pair| pair[0].to_bits() == pair[1].to_bits())
}

/// The advantage of each sample, group by group.
///
/// ```
/// use tts_prm::reinforce::{Baseline, Spread, advantages};
/// let groups = [vec![1.0, 0.0, 0.0, 1.0], vec![0.3; 3]];
/// let found = advantages(&groups, Baseline::Mean, Spread::Population);
/// assert!((found[0][0] - 0.99980).abs() < 1e-5 && (found[0][1] + 0.99980).abs() < 1e-5);
/// assert_eq!(found[1], [0.0; 3]);
/// ```
pub fn advantages(groups: &[Vec<f64>], baseline: Baseline, spread: Spread) -> Vec<Vec<f64>> {
    let all: Vec<f64> = groups.iter().flatten().copied().collect();
    let (batch_mean, batch_deviation) = (mean(&all), deviation(&all, 0));
    let group = |rewards: &Vec<f64>| {
        // With the batch as its baseline a group of equals still has something to learn.
        let equal = if baseline == Baseline::Batch { &all } else { rewards };
        if all_equal(equal) {
            return vec![0.0; rewards.len()];
        }
        let own = mean(rewards);
        let count = rewards.len() as f64;
        let divisor = match spread {
            Spread::Population => deviation(rewards, 0) + EPSILON,
            Spread::Sample => deviation(rewards, 1) + EPSILON,
            Spread::Batch => batch_deviation + EPSILON,
            Spread::None => 1.0,
        };
        let advantage = |&reward: &f64| {
            let less = match baseline {
                Baseline::Mean => reward - own,
                // The others' mean is (count * own - reward) / (count - 1).
                Baseline::Others => (reward - own) * count / (count - 1.0),
                Baseline::Batch => reward - batch_mean,
            };
            less / divisor
        };
        rewards.iter().map(advantage).collect()
    };
    groups.iter().map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(rewards: &[f64], baseline: Baseline, spread: Spread) -> Vec<f64> {
        advantages(&[rewards.to_vec()], baseline, spread).remove(0)
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 5e-6, "{found}, expected {expected}");
    }

    #[test]
    fn numbers_by_hand() {
        let two = [1.0, 0.0, 0.0, 1.0];
        let found = one(&two, Baseline::Mean, Spread::Population);
        near(found[0], 0.999_80);
        near(found[1], -0.999_80);
        let found = one(&two, Baseline::Mean, Spread::Sample);
        near(found[3], 0.865_88);
        near(found[2], -0.865_88);
        let mut one_right = [0.0; 8];
        one_right[2] = 1.0;
        let found = one(&one_right, Baseline::Mean, Spread::Population);
        near(found[2], 2.644_95);
        near(found[0], -0.377_85);
        let found = one(&one_right, Baseline::Mean, Spread::None);
        assert_eq!((found[2], found[0]), (0.875, -0.125));
        let found = one(&one_right, Baseline::Others, Spread::None);
        near(found[2], 1.0);
        near(found[0], -1.0 / 7.0);
    }

    #[test]
    fn equal_rewards_have_none_and_no_group_has_a_sum() {
        for baseline in [Baseline::Mean, Baseline::Others] {
            for spread in [Spread::Population, Spread::Sample, Spread::Batch, Spread::None] {
                // A third is no number of the machine: the mean of three is not it to the bit.
                for equal in [vec![0.1 + 0.2; 3], vec![1.0 / 3.0; 7], vec![5.0], vec![]] {
                    let found = advantages(&[equal, vec![1.0, 0.0]], baseline, spread);
                    assert!(found[0].iter().all(|advantage| *advantage == 0.0), "{found:?}");
                }
                let found = one(&[0.3, 1.7, -2.0, 0.9, 0.3], baseline, spread);
                assert!(found.iter().sum::<f64>().abs() < 1e-6, "{found:?}");
            }
        }
    }

    #[test]
    fn a_batch_is_a_baseline_of_its_own() {
        let groups = [vec![1.0, 1.0], vec![0.0, 0.0]];
        let found = advantages(&groups, Baseline::Batch, Spread::None);
        assert_eq!(found, [vec![0.5, 0.5], vec![-0.5, -0.5]]);
        let none = advantages(&[vec![1.0], vec![1.0]], Baseline::Batch, Spread::Batch);
        assert_eq!(none, [vec![0.0], vec![0.0]]);
    }
}
