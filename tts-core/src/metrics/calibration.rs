//! Is a score the probability of being right?
//!
//! Scores are put into bins of equal width over [0, 1]; in each, the mean score is compared with
//! the share of entries that are right. The expected calibration error is the mean distance of the
//! two over bins, weighted by their counts. It depends on the number of bins, is biased upwards
//! where bins hold few entries, and is small for a constant score too; the Brier score has none of
//! these faults but mixes calibration with how well scores tell right from wrong.
//!
//! A bin holds its upper edge and not its lower one; the first holds 0 as well. The interval of a
//! bin is Wilson's, which takes entries for independent: it is too narrow where many steps of one
//! problem fall into one bin.
//!
//! Source: Naeini et al. 2015, AAAI, section 3; Guo et al. 2017 (arXiv 1706.04599, equation 3);
//! Brier 1950, Monthly Weather Review 78:1-3.

use serde::{Deserialize, Serialize};

use super::{MetricError, wilson};

/// The entries whose score lies between two edges, of which there is at least one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// The lower edge, which belongs to the bin below (0 to the first).
    pub low: f64,
    /// The upper edge, which belongs to this bin.
    pub high: f64,
    /// The number of entries.
    pub count: usize,
    /// The mean of their scores.
    pub mean_score: f64,
    /// The share of them that are right.
    pub share_right: f64,
    /// Wilson's 95 % interval of that share, the lower end first.
    pub interval: [f64; 2],
}

/// How far scores are from probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The bins that hold entries, in ascending order; those without are left out.
    pub bins: Vec<Bin>,
    /// The expected calibration error over those bins: 0 if calibrated, at most 1.
    pub expected_error: f64,
    /// The mean squared distance of scores from 1 (right) or 0 (wrong).
    pub brier: f64,
    /// The number of entries.
    pub count: usize,
}

impl Calibration {
    /// The usual number of bins.
    pub const BINS: usize = 10;
}

/// The calibration of `scores` in [0, 1] over `bins` of equal width, `right[i]` saying whether
/// entry `i` is right.
///
/// # Errors
/// [`MetricError::Empty`] without scores, [`MetricError::BadNumber`] for a score outside [0, 1],
/// [`MetricError::Length`] if `right` does not match, [`MetricError::OutOfRange`] for no bins or
/// more than a million.
///
/// ```
/// use tts_core::metrics::{Calibration, calibration};
/// let found = calibration(&[0.9, 0.9, 0.2, 0.2], &[true, true, false, false], Calibration::BINS)?;
/// assert!((found.expected_error - 0.15).abs() < 1e-12); // off by 0.1 and by 0.2
/// assert!((found.brier - 0.025).abs() < 1e-12);
/// assert_eq!(found.bins.len(), 2);
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
pub fn calibration(
    scores: &[f64],
    right: &[bool],
    bins: usize,
) -> Result<Calibration, MetricError> {
    MetricError::check_finite("scores", scores)?;
    if let Some((index, &value)) =
        scores.iter().enumerate().find(|(_, score)| !(0.0..=1.0).contains(*score))
    {
        return Err(MetricError::BadNumber { field: "scores", index, value });
    }
    MetricError::check_length("right", right.len(), scores.len())?;
    MetricError::check_range("bins", bins, 1, 1_000_000)?;
    let edges: Vec<f64> = (0..=bins).map(|edge| edge as f64 / bins as f64).collect();
    let mut sums = vec![Sums::default(); bins];
    let mut squares = 0.0;
    for (&score, &right) in scores.iter().zip(right) {
        // Compared with the edges themselves: a product with the number of bins would round.
        let bin = edges[1..bins].partition_point(|&edge| edge < score);
        sums[bin].count += 1;
        sums[bin].right += usize::from(right);
        sums[bin].score += score;
        squares += (score - f64::from(u8::from(right))).powi(2);
    }
    let total = scores.len() as f64;
    let distances: f64 = sums.iter().map(|sums| (sums.right as f64 - sums.score).abs()).sum();
    let filled = sums.iter().zip(edges.windows(2)).filter(|(sums, _)| sums.count > 0);
    Ok(Calibration {
        bins: filled
            .map(|(sums, edges)| {
                Ok(Bin {
                    low: edges[0],
                    high: edges[1],
                    count: sums.count,
                    mean_score: sums.score / sums.count as f64,
                    share_right: sums.right as f64 / sums.count as f64,
                    interval: wilson(sums.right, sums.count)?,
                })
            })
            .collect::<Result<_, MetricError>>()?,
        expected_error: distances / total,
        brier: squares / total,
        count: scores.len(),
    })
}

/// What is added up in a bin.
#[derive(Clone, Copy, Default)]
struct Sums {
    count: usize,
    right: usize,
    score: f64,
}

#[cfg(test)]
#[path = "calibration_tests.rs"]
mod tests;
