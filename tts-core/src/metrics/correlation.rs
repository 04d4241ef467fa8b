//! Rank correlation: does what scores more have more worth, where worth is a number and not right or wrong?
//!
//! Kendall's tau-b is the share of pairs in the same order less that of pairs in the opposite one, with ties taken out of
//! both of its denominators: 1 where scores order everything as the truth does, -1 where they order it from behind, 0 where
//! they say nothing. It needs no scale, so scores of any judge can be compared with worth of any unit. All pairs are counted by a
//! merge sort, in O(n log n).
//!
//! Entries of one problem are not independent, so intervals resample problems. Within problems each problem has a
//! correlation of its own, and their mean is told: what a choice among candidates goes by, and the one to look at where some
//! problems have better candidates than others.
//!
//! Source: Kendall 1945, Biometrika 33:239-251, for tau-b; Knight 1966, Journal of the American Statistical Association
//! 61:436-439, for the count by sorting.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::interval::{bootstrap_interval, central};
use super::random::OVER_PROBLEMS;
use super::{Accuracy, MetricError};
use crate::seed;

/// A rank correlation and how far to trust it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correlation {
    /// Kendall's tau-b, from -1 to 1.
    pub tau: f64,
    /// Its 95 % percentile bootstrap interval over problems, the lower end first.
    pub interval: [f64; 2],
    /// The number of entries that were compared.
    pub entries: usize,
    /// The number of problems that they are of.
    pub problems: usize,
}

/// Kendall's tau-b of `scores` and `truth`.
///
/// # Errors
/// [`MetricError::Empty`] without scores, [`MetricError::BadNumber`] for a value that is not finite,
/// [`MetricError::Length`] if `truth` does not match, [`MetricError::MissingClass`] where all scores, or all of the truth, are
/// equal: then nothing is ordered.
///
/// ```
/// use tts_core::metrics::rank_correlation;
/// // Of six pairs one is tied in the scores; four of the others are in order, and one is not.
/// let tau = rank_correlation(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 4.0, 3.0])?;
/// assert!((tau - 3.0 / (5.0_f64 * 6.0).sqrt()).abs() < 1e-12);
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
pub fn rank_correlation(scores: &[f64], truth: &[f64]) -> Result<f64, MetricError> {
    check(scores, truth)?;
    let missing = "different from the others";
    if is_constant(scores) {
        return Err(MetricError::MissingClass { field: "scores", missing });
    }
    let pairs = scores.iter().copied().zip(truth.iter().copied()).collect();
    tau_b(pairs).ok_or(MetricError::MissingClass { field: "truth", missing })
}

/// The same over all entries, with its interval over problems; `problems[i]` names the problem that entry `i` belongs to.
///
/// Resamples in which nothing is ordered have no correlation and are drawn again.
///
/// # Errors
/// Those of [`rank_correlation`], [`MetricError::Length`] if `problems` does not match, and
/// [`MetricError::OutOfRange`] for `draws` of zero.
pub fn rank_correlation_over_problems(
    scores: &[f64],
    truth: &[f64],
    problems: &[usize],
    draws: usize,
    seed: u64,
) -> Result<Correlation, MetricError> {
    let tau = rank_correlation(scores, truth)?;
    MetricError::check_range("draws", draws, 1, usize::MAX)?;
    let members = by_problem(scores, truth, problems)?;
    let mut random = seed::stream(seed, OVER_PROBLEMS);
    let mut resample = || loop {
        let drawn = (0..members.len()).flat_map(|_| &members[random.below(members.len())]);
        // As with classes: of problems that order anything some are in almost every resample.
        if let Some(tau) = tau_b(drawn.copied().collect()) {
            break tau;
        }
    };
    let interval = central((0..draws).map(|_| resample()).collect());
    Ok(Correlation { tau, interval, entries: scores.len(), problems: members.len() })
}

/// The mean correlation within problems, with its interval over problems.
///
/// A problem whose entries are all worth the same orders nothing, and is left out. One whose scores are all equal has a
/// correlation of 0: whoever does not choose is not right about the order, and leaving such problems out would flatter a
/// judge that ties often.
///
/// # Errors
/// Those of [`rank_correlation_over_problems`] but for equal scores; [`MetricError::MissingClass`] if no problem has entries of
/// different worth.
///
/// ```
/// use tts_core::metrics::{rank_correlation, rank_correlation_within_problems};
/// // Problem 1 has better entries and higher scores; within problems the scores have it the wrong way round.
/// let (scores, truth) = ([9.0, 8.0, 2.0, 1.0], [5.0, 6.0, 1.0, 2.0]);
/// let within = rank_correlation_within_problems(&scores, &truth, &[1, 1, 2, 2], 100, 7)?;
/// assert_eq!((within.tau, within.problems), (-1.0, 2));
/// assert!(rank_correlation(&scores, &truth)? > 0.3);
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
pub fn rank_correlation_within_problems(
    scores: &[f64],
    truth: &[f64],
    problems: &[usize],
    draws: usize,
    seed: u64,
) -> Result<Correlation, MetricError> {
    check(scores, truth)?;
    let members = by_problem(scores, truth, problems)?;
    let ordered = members.into_iter().filter(|members| {
        let truth: Vec<f64> = members.iter().map(|(_, truth)| *truth).collect();
        !is_constant(&truth)
    });
    let (mut entries, mut values) = (0, Vec::new());
    for members in ordered {
        entries += members.len();
        values.push(tau_b(members).unwrap_or(0.0));
    }
    if values.is_empty() {
        let missing = "different from the others of its problem";
        return Err(MetricError::MissingClass { field: "truth", missing });
    }
    let Accuracy { mean, interval, problems } = bootstrap_interval(&values, draws, seed)?;
    Ok(Correlation { tau: mean, interval, entries, problems })
}

fn check(scores: &[f64], truth: &[f64]) -> Result<(), MetricError> {
    MetricError::check_finite("scores", scores)?;
    MetricError::check_length("truth", truth.len(), scores.len())?;
    MetricError::check_finite("truth", truth)
}

/// Whether all values are equal; two zeros of different sign are.
fn is_constant(values: &[f64]) -> bool {
    values.windows(2).all(|pair| same(pair[0], pair[1]))
}

fn same(a: f64, b: f64) -> bool {
    a <= b && b <= a
}

/// The entries of each problem, problems by their numbers.
fn by_problem(
    scores: &[f64],
    truth: &[f64],
    problems: &[usize],
) -> Result<Vec<Vec<(f64, f64)>>, MetricError> {
    MetricError::check_length("problems", problems.len(), scores.len())?;
    let mut members: BTreeMap<usize, Vec<(f64, f64)>> = BTreeMap::new();
    for ((&score, &truth), &problem) in scores.iter().zip(truth).zip(problems) {
        members.entry(problem).or_default().push((score, truth));
    }
    Ok(members.into_values().collect())
}

/// Tau-b of pairs of finite numbers; `None` where one side is all equal.
fn tau_b(mut pairs: Vec<(f64, f64)>) -> Option<f64> {
    // Adding 0 makes one zero of two, which are equal, and are to be sorted as equals.
    let order = |a: f64, b: f64| (a + 0.0).total_cmp(&(b + 0.0));
    pairs.sort_by(|a, b| order(a.0, b.0).then(order(a.1, b.1)));
    let all = choose_two(pairs.len());
    let in_score = tied(&pairs, |a, b| same(a.0, b.0));
    let in_both = tied(&pairs, |a, b| same(a.0, b.0) && same(a.1, b.1));
    let mut truth: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    // Within a tie of scores the truth ascends, so that only pairs out of order are exchanged.
    let exchanged = sort_counting(&mut truth);
    let in_truth = tied(&truth, |a, b| same(*a, *b));
    // Counts of pairs are exact in f64 up to 2^53.
    let (ordered, out) = (all - in_score - in_truth + in_both, exchanged);
    let scale = ((all - in_score) * (all - in_truth)).sqrt();
    (scale > 0.0).then(|| (ordered - 2.0 * out) / scale)
}

fn choose_two(n: usize) -> f64 {
    let n = n as f64;
    n * (n - 1.0) / 2.0
}

/// How many pairs are equal, of a list in which equals stand together.
fn tied<T>(sorted: &[T], equal: impl FnMut(&T, &T) -> bool) -> f64 {
    sorted.chunk_by(equal).map(|chunk| choose_two(chunk.len())).sum()
}

/// Sorts by merging, and counts the pairs that were out of order.
fn sort_counting(values: &mut [f64]) -> f64 {
    let half = values.len() / 2;
    if half == 0 {
        return 0.0;
    }
    let (left, right) = values.split_at_mut(half);
    let mut exchanged = sort_counting(left) + sort_counting(right);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut at, mut other) = (0, 0);
    while at < left.len() && other < right.len() {
        if left[at] <= right[other] {
            merged.push(left[at]);
            at += 1;
        } else {
            // It goes before all that is left of the first half.
            exchanged += (left.len() - at) as f64;
            merged.push(right[other]);
            other += 1;
        }
    }
    merged.extend_from_slice(&left[at..]);
    merged.extend_from_slice(&right[other..]);
    values.copy_from_slice(&merged);
    exchanged
}

#[cfg(test)]
#[path = "correlation_tests.rs"]
mod tests;
