//! 95 % intervals for a mean over problems.
//!
//! A plain accuracy, right or wrong on each problem, has Wilson's interval, which stays inside
//! [0, 1] and does not collapse at the ends. Means of anything else (an estimate@k is a probability
//! per problem) are bootstrapped: problems are resampled with replacement and the 2.5 % and 97.5 %
//! quantiles of the resampled means are taken. The bootstrap is a little narrow for few problems.
//!
//! Source: Wilson 1927, Journal of the American Statistical Association 22:209-212; Efron and
//! Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (the percentile interval).

use serde::{Deserialize, Serialize};

use super::MetricError;
use super::random::OVER_PROBLEMS;
use crate::seed;

/// The 97.5 % quantile of the normal distribution.
const NORMAL_QUANTILE: f64 = 1.959_963_984_540_054;

/// A mean over problems and how far to trust it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// The mean.
    pub mean: f64,
    /// Its 95 % interval, the lower end first.
    pub interval: [f64; 2],
    /// The number of problems.
    pub problems: usize,
}

/// Wilson's 95 % interval for a proportion.
///
/// # Errors
/// [`MetricError::Empty`] for no trials, [`MetricError::OutOfRange`] for more successes than
/// trials.
///
/// ```
/// use tts_core::metrics::wilson;
/// let [low, high] = wilson(8, 10)?;
/// assert!((low - 0.4902).abs() < 1e-4 && (high - 0.9433).abs() < 1e-4);
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
pub fn wilson(successes: usize, trials: usize) -> Result<[f64; 2], MetricError> {
    if trials == 0 {
        return Err(MetricError::Empty { field: "trials" });
    }
    MetricError::check_range("successes", successes, 0, trials)?;
    let n = trials as f64;
    let p = successes as f64 / n;
    let z2 = NORMAL_QUANTILE * NORMAL_QUANTILE;
    let centre = p + z2 / (2.0 * n);
    let spread = NORMAL_QUANTILE * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    // The ends are exact at no and at full success; rounding must not move them.
    let low = if successes == 0 { 0.0 } else { (centre - spread) / scale };
    let high = if successes == trials { 1.0 } else { (centre + spread) / scale };
    Ok([low, high])
}

/// The share of correct problems with Wilson's interval.
///
/// # Errors
/// [`MetricError::Empty`] without problems.
pub fn accuracy_interval(correct: &[bool]) -> Result<Accuracy, MetricError> {
    if correct.is_empty() {
        return Err(MetricError::Empty { field: "correct" });
    }
    let right = correct.iter().filter(|&&correct| correct).count();
    Ok(Accuracy {
        mean: right as f64 / correct.len() as f64,
        interval: wilson(right, correct.len())?,
        problems: correct.len(),
    })
}

/// The mean of one value per problem with its percentile bootstrap interval over problems.
///
/// A thousand draws settle the interval to about a tenth of its width.
///
/// # Errors
/// [`MetricError::Empty`] without values, [`MetricError::BadNumber`] for a value that is not
/// finite, [`MetricError::OutOfRange`] for `draws` of zero.
///
/// ```
/// use tts_core::metrics::bootstrap_interval;
/// let found = bootstrap_interval(&[0.2, 0.4, 0.9, 0.5], 1000, 7)?;
/// assert_eq!(found.mean, 0.5);
/// assert!(found.interval[0] < 0.5 && 0.5 < found.interval[1]);
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
pub fn bootstrap_interval(
    values: &[f64],
    draws: usize,
    seed: u64,
) -> Result<Accuracy, MetricError> {
    MetricError::check_finite("values", values)?;
    MetricError::check_range("draws", draws, 1, usize::MAX)?;
    Ok(Accuracy {
        mean: mean(values),
        interval: percentile_interval(values, draws, seed),
        problems: values.len(),
    })
}

/// The mean of values that are not empty.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The percentile interval of checked values.
pub(super) fn percentile_interval(values: &[f64], draws: usize, seed: u64) -> [f64; 2] {
    let mut random = seed::stream(seed, OVER_PROBLEMS);
    let means = (0..draws)
        .map(|_| {
            let sum: f64 = (0..values.len()).map(|_| values[random.below(values.len())]).sum();
            sum / values.len() as f64
        })
        .collect();
    central(means)
}

/// The 2.5 % and 97.5 % quantiles of resampled statistics, of which there is at least one.
pub(super) fn central(mut resampled: Vec<f64>) -> [f64; 2] {
    resampled.sort_by(f64::total_cmp);
    [quantile(&resampled, 0.025), quantile(&resampled, 0.975)]
}

/// The quantile of a sorted, non-empty list, linear between neighbours.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between zero and the length"
    )]
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (position - position.floor())
}

#[cfg(test)]
#[path = "interval_tests.rs"]
mod tests;
