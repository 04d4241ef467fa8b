//! Is one method better than another on the same problems?
//!
//! Problems differ far more than methods do, so the comparison is made inside each problem: the
//! differences are bootstrapped for the interval. The p-value asks how often a difference as large
//! in either direction arises when each problem's sign is a coin flip, which needs no normality
//! and stays honest for few problems, where a bootstrap p-value is far too small; on outcomes of
//! zero and one it is the exact test of `McNemar`. All sign patterns are counted where there are no
//! more of them than `draws`, else `draws` random ones. Interval and p-value are two procedures, so
//! at the margin one may exclude no difference where the other does not.
//!
//! Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3, for the
//! interval; Fisher 1935, The Design of Experiments, section 21, for the randomisation of signs.

use serde::{Deserialize, Serialize};

use super::MetricError;
use super::interval::{mean, percentile_interval};
use crate::seed;

/// The difference between two methods over the same problems.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// The mean of the first minus the mean of the second.
    pub difference: f64,
    /// The 95 % percentile bootstrap interval of the difference, the lower end first.
    pub interval: [f64; 2],
    /// The two-sided p-value of no difference, by random signs.
    pub p_value: f64,
    /// The number of problems.
    pub problems: usize,
}

/// Compares two methods given one value per problem each, in the same order of problems.
///
/// # Errors
/// [`MetricError::Empty`] without problems, [`MetricError::Length`] if `b` does not match `a`,
/// [`MetricError::BadNumber`] for a value that is not finite, [`MetricError::OutOfRange`] for
/// `draws` of zero.
///
/// ```
/// use tts_core::metrics::paired_bootstrap;
/// let found = paired_bootstrap(&[1.0, 1.0, 1.0, 0.0], &[0.0, 0.0, 1.0, 0.0], 1000, 7)?;
/// assert_eq!(found.difference, 0.5);
/// assert_eq!(found.p_value, 0.5); // two wins, no loss: two of the four sign patterns
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
pub fn paired_bootstrap(
    a: &[f64],
    b: &[f64],
    draws: usize,
    seed: u64,
) -> Result<Paired, MetricError> {
    MetricError::check_finite("a", a)?;
    MetricError::check_length("b", b.len(), a.len())?;
    MetricError::check_finite("b", b)?;
    MetricError::check_range("draws", draws, 1, usize::MAX)?;
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    // Two finite numbers of opposite sign can still be an infinity apart.
    MetricError::check_finite("a - b", &differences)?;
    Ok(Paired {
        difference: mean(&differences),
        interval: percentile_interval(&differences, draws, seed),
        p_value: sign_test(&differences, draws, seed),
        problems: a.len(),
    })
}

/// The share of sign patterns with a sum as far from zero as the observed one.
fn sign_test(differences: &[f64], draws: usize, seed: u64) -> f64 {
    // A problem without a difference has no sign to flip.
    let sizes: Vec<f64> =
        differences.iter().map(|difference| difference.abs()).filter(|&size| size > 0.0).collect();
    let observed = differences.iter().sum::<f64>().abs();
    // Sums that are equal on paper must count as equal after rounding in another order.
    let threshold = observed - 1e-12 * sizes.iter().sum::<f64>();
    let patterns = u32::try_from(sizes.len()).ok().and_then(|flips| 1_usize.checked_shl(flips));
    if let Some(patterns) = patterns.filter(|&patterns| patterns <= draws) {
        let extreme = (0..patterns)
            .filter(|pattern| {
                let sum = signed(&sizes, |place| pattern >> place & 1 == 1);
                sum.abs() >= threshold
            })
            .count();
        extreme as f64 / patterns as f64
    } else {
        let mut random = seed::stream(seed, 0);
        let extreme = (0..draws)
            .filter(|_| {
                let mut bits = 0;
                let sum = signed(&sizes, |place| {
                    if place % 64 == 0 {
                        bits = random.next_u64();
                    }
                    bits >> (place % 64) & 1 == 1
                });
                sum.abs() >= threshold
            })
            .count();
        // The observed pattern is one of those possible: a sampled p-value is never zero.
        (extreme as f64 + 1.0) / (draws as f64 + 1.0)
    }
}

/// The sum of sizes, negative where the pattern says so.
fn signed(sizes: &[f64], mut negative: impl FnMut(usize) -> bool) -> f64 {
    sizes.iter().enumerate().map(|(place, &size)| if negative(place) { -size } else { size }).sum()
}

#[cfg(test)]
#[path = "paired_tests.rs"]
mod tests;
