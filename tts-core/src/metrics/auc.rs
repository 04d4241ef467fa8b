//! The area under the ROC curve: does a right step score above a wrong one?
//!
//! The area is the probability that a right entry scores above a wrong one, both drawn at random,
//! with ties counted half. It is found by walking the scores in ascending order, which takes no
//! threshold and no trapezoids. It says how well scores rank, not whether they are probabilities
//! ([`super::calibration`]).
//!
//! Steps of one problem are not independent, so the interval resamples problems and keeps their
//! steps together; methods that treat each step as a draw of its own (`DeLong`) are too narrow.
//! Resamples that hold only one class have no area and are drawn again, so the interval is of the
//! areas that exist.
//!
//! Source: Hanley and `McNeil` 1982, Radiology 143:29-36, for the area as the statistic of Mann and
//! Whitney; Field and Welsh 2007, Journal of the Royal Statistical Society B 69:369-390, for the
//! bootstrap over clusters.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::MetricError;
use super::interval::central;
use super::random::OVER_PROBLEMS;
use crate::seed;

/// An area under the ROC curve and how far to trust it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Auc {
    /// The area, 0.5 for scores that say nothing and 1 where every right entry is above every
    /// wrong one.
    pub area: f64,
    /// Its 95 % percentile bootstrap interval over problems, the lower end first.
    pub interval: [f64; 2],
    /// The number of entries that are right.
    pub right: usize,
    /// The number of entries that are wrong.
    pub wrong: usize,
    /// The number of problems.
    pub problems: usize,
}

/// The area under the ROC curve of `scores`, `right[i]` saying whether entry `i` is right.
///
/// Takes O(n log n) for n entries.
///
/// # Errors
/// [`MetricError::Empty`] without scores, [`MetricError::BadNumber`] for a score that is not
/// finite, [`MetricError::Length`] if `right` does not match, [`MetricError::MissingClass`] if all
/// entries are right or all are wrong.
///
/// ```
/// use tts_core::metrics::auc;
/// // Of the four pairs one is out of order and one is a tie.
/// assert_eq!(auc(&[0.9, 0.4, 0.4, 0.1], &[true, false, true, false])?, 0.875);
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
pub fn auc(scores: &[f64], right: &[bool]) -> Result<f64, MetricError> {
    check(scores, right)?;
    let weights = vec![1; scores.len()];
    // Both classes are there, so there is an area.
    Ok(area(&ascending(scores), scores, right, &weights).unwrap_or(f64::NAN))
}

/// The area under the ROC curve with its interval over problems, `problems[i]` naming the problem
/// that entry `i` belongs to.
///
/// Numbers of problems are names only: they need not be dense or in order. A thousand draws settle
/// the interval to about a tenth of its width; with few problems it is a little narrow, and with
/// one it has no width at all.
///
/// # Errors
/// Those of [`auc`], [`MetricError::Length`] if `problems` does not match, and
/// [`MetricError::OutOfRange`] for `draws` of zero.
///
/// ```
/// use tts_core::metrics::auc_over_problems;
/// let scores = [0.9, 0.2, 0.7, 0.4, 0.3, 0.8];
/// let right = [true, false, true, false, true, true];
/// let found = auc_over_problems(&scores, &right, &[1, 1, 2, 2, 3, 3], 500, 7)?;
/// assert_eq!((found.area, found.problems), (0.875, 3));
/// assert!(found.interval[0] < 0.875 && found.interval[1] <= 1.0);
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
pub fn auc_over_problems(
    scores: &[f64],
    right: &[bool],
    problems: &[usize],
    draws: usize,
    seed: u64,
) -> Result<Auc, MetricError> {
    check(scores, right)?;
    MetricError::check_length("problems", problems.len(), scores.len())?;
    MetricError::check_range("draws", draws, 1, usize::MAX)?;
    let order = ascending(scores);
    let mut numbers = HashMap::new();
    let problem_of: Vec<usize> = problems
        .iter()
        .map(|problem| {
            let next = numbers.len();
            *numbers.entry(problem).or_insert(next)
        })
        .collect();
    let mut random = seed::stream(seed, OVER_PROBLEMS);
    let resampled = (0..draws)
        .map(|_| {
            loop {
                let times = resample(&mut random, numbers.len());
                let weights: Vec<u32> = problem_of.iter().map(|&problem| times[problem]).collect();
                // Any problem is in about 63 % of the resamples and half of them or more hold both
                // classes, so this ends soon.
                if let Some(found) = area(&order, scores, right, &weights) {
                    break found;
                }
            }
        })
        .collect();
    let count = right.iter().filter(|&&right| right).count();
    Ok(Auc {
        area: auc(scores, right)?,
        interval: central(resampled),
        right: count,
        wrong: right.len() - count,
        problems: numbers.len(),
    })
}

/// The area under the ROC curve within problems: of all pairs of a right and a wrong entry of the
/// same problem, the share in which the right one scores above the wrong one, ties half.
///
/// This is what a choice among candidates of one problem goes by. Scores that only tell easy
/// problems from hard ones can have a large area over all entries, and 0.5 here.
///
/// # Errors
/// Those of [`auc`], [`MetricError::Length`] if `problems` does not match, and
/// [`MetricError::MissingClass`] if no problem has both kinds of entries.
///
/// ```
/// use tts_core::metrics::{auc, auc_within_problems};
/// let scores = [0.9, 0.8, 0.2, 0.3];
/// let right = [true, true, true, false];
/// // Problem 1 is easy and has the high scores. Of problem 2 they say the opposite of the truth.
/// assert_eq!(auc_within_problems(&scores, &right, &[1, 1, 2, 2])?, 0.0);
/// assert!(auc(&scores, &right)? > 0.6);
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
pub fn auc_within_problems(
    scores: &[f64],
    right: &[bool],
    problems: &[usize],
) -> Result<f64, MetricError> {
    check(scores, right)?;
    MetricError::check_length("problems", problems.len(), scores.len())?;
    let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
    for entry in ascending(scores) {
        members.entry(problems[entry]).or_default().push(entry);
    }
    let weights = vec![1; scores.len()];
    // Whole numbers, whose sums are exact in any order.
    let (won, all) = members
        .values()
        .map(|order| pairs(order, scores, right, &weights))
        .fold((0.0, 0.0), |(won, all), (more, pairs)| (won + more, all + pairs));
    if all > 0.0 {
        return Ok(won / (2.0 * all));
    }
    let missing = "of another kind than the rest of its problem";
    Err(MetricError::MissingClass { field: "right", missing })
}

/// Checks what every area needs.
fn check(scores: &[f64], right: &[bool]) -> Result<(), MetricError> {
    MetricError::check_finite("scores", scores)?;
    MetricError::check_length("right", right.len(), scores.len())?;
    let count = right.iter().filter(|&&right| right).count();
    MetricError::check_classes("right", count, right.len() - count)
}

/// The indices of scores from the lowest to the highest.
fn ascending(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    order
}

/// How often each of `count` problems is in one resample of as many.
fn resample(random: &mut seed::Rng, count: usize) -> Vec<u32> {
    let mut times = vec![0; count];
    for _ in 0..count {
        times[random.below(count)] += 1;
    }
    times
}

/// The area with entry `i` counted `weights[i]` times, or `None` where a class has no weight.
fn area(order: &[usize], scores: &[f64], right: &[bool], weights: &[u32]) -> Option<f64> {
    let (twice_won, pairs) = pairs(order, scores, right, weights);
    (pairs > 0.0).then(|| twice_won / (2.0 * pairs))
}

/// Twice the pairs that are in order, ties counted half, and the number of pairs.
fn pairs(order: &[usize], scores: &[f64], right: &[bool], weights: &[u32]) -> (f64, f64) {
    // Counts of entries and of pairs are exact in f64 up to 2^53.
    let (mut below, mut all_right, mut twice_won) = (0.0, 0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] <= scores[b] && scores[b] <= scores[a]) {
        let weight = |class: bool| -> f64 {
            let members = tied.iter().filter(|&&entry| right[entry] == class);
            members.map(|&entry| f64::from(weights[entry])).sum()
        };
        let (right_here, wrong_here) = (weight(true), weight(false));
        twice_won += right_here * (2.0 * below + wrong_here);
        below += wrong_here;
        all_right += right_here;
    }
    (twice_won, all_right * below)
}

#[cfg(test)]
#[path = "auc_tests.rs"]
mod tests;
