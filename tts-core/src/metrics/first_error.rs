//! Does a verifier find the step at which a solution goes wrong?
//!
//! The first step whose score is below a threshold is taken for the first error; a solution
//! without such a step is taken for right. On wrong solutions only the exact step counts, on right
//! ones only silence, and the harmonic mean of the two shares punishes a verifier that always or
//! never complains.
//!
//! Source: Zheng et al. 2024, `ProcessBench` (arXiv 2412.06559): the task and its F1, and its
//! evaluation of process reward models by a threshold on their scores.

use serde::{Deserialize, Serialize};

use super::{MetricError, wilson};

/// One solution as a verifier scored it, and what is true of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// One score a step, in order; higher is better.
    pub scores: Vec<f64>,
    /// The index of the first wrong step from zero, or `None` if the solution is right.
    pub first_error: Option<usize>,
}

impl Judged {
    /// The first step that scores below `threshold`, or `None` if all reach it.
    pub fn predicted(&self, threshold: f64) -> Option<usize> {
        self.scores.iter().position(|&score| score < threshold)
    }
}

/// The share of solutions on which the prediction is right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The share.
    pub share: f64,
    /// Wilson's 95 % interval, the lower end first.
    pub interval: [f64; 2],
    /// The number of solutions predicted rightly.
    pub hits: usize,
    /// The number of solutions.
    pub count: usize,
}

/// How well first errors are found at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FirstErrors {
    /// The threshold.
    pub threshold: f64,
    /// Among wrong solutions, those whose first wrong step is predicted exactly.
    pub wrong: Share,
    /// Among right solutions, those in which no error is predicted.
    pub right: Share,
    /// The harmonic mean of the two shares; 0 if either is 0.
    pub f1: f64,
}

impl FirstErrors {
    /// The threshold for scores that are probabilities.
    pub const THRESHOLD: f64 = 0.5;
}

/// Compares predicted first errors with the true ones.
///
/// A threshold is chosen on other solutions than those it is reported on.
///
/// # Errors
/// [`MetricError::Empty`] without solutions, [`MetricError::BadNumber`] for a threshold that is not
/// finite, [`MetricError::MissingClass`] if all solutions are right or all are wrong, and
/// [`MetricError::Entry`] with the solution at fault for one without scores, with a score that is
/// not finite, or with a first error beyond its last step.
///
/// ```
/// use tts_core::metrics::{FirstErrors, Judged, first_errors};
/// let solutions = [
///     Judged { scores: vec![0.9, 0.2, 0.1], first_error: Some(1) },
///     Judged { scores: vec![0.9, 0.8, 0.3], first_error: Some(1) },
///     Judged { scores: vec![0.9, 0.8], first_error: None },
/// ];
/// let found = first_errors(&solutions, FirstErrors::THRESHOLD)?;
/// assert_eq!((found.wrong.hits, found.wrong.count), (1, 2));
/// assert_eq!((found.right.hits, found.right.count), (1, 1));
/// assert!((found.f1 - 2.0 / 3.0).abs() < 1e-12);
/// # Ok::<(), tts_core::metrics::MetricError>(())
/// ```
pub fn first_errors(solutions: &[Judged], threshold: f64) -> Result<FirstErrors, MetricError> {
    if solutions.is_empty() {
        return Err(MetricError::Empty { field: "solutions" });
    }
    MetricError::check_finite("threshold", &[threshold])?;
    for (index, solution) in solutions.iter().enumerate() {
        check(solution).map_err(|error| MetricError::Entry {
            field: "solutions",
            index,
            error: Box::new(error),
        })?;
    }
    let count = |class: bool, hit: bool| {
        let of_class = solutions.iter().filter(|solution| solution.first_error.is_none() == class);
        of_class
            .filter(|solution| !hit || solution.predicted(threshold) == solution.first_error)
            .count()
    };
    MetricError::check_classes("solutions", count(true, false), count(false, false))?;
    let wrong = share(count(false, true), count(false, false))?;
    let right = share(count(true, true), count(true, false))?;
    let sum = wrong.share + right.share;
    let f1 = if sum > 0.0 { 2.0 * wrong.share * right.share / sum } else { 0.0 };
    Ok(FirstErrors { threshold, wrong, right, f1 })
}

/// Checks one solution.
fn check(solution: &Judged) -> Result<(), MetricError> {
    MetricError::check_finite("scores", &solution.scores)?;
    match solution.first_error {
        Some(step) => MetricError::check_range("first_error", step, 0, solution.scores.len() - 1),
        None => Ok(()),
    }
}

/// The share of hits with its interval.
fn share(hits: usize, count: usize) -> Result<Share, MetricError> {
    Ok(Share { share: hits as f64 / count as f64, interval: wilson(hits, count)?, hits, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(scores: &[f64], first_error: Option<usize>) -> Judged {
        Judged { scores: scores.to_vec(), first_error }
    }

    #[test]
    fn by_hand() {
        let solutions = [
            judged(&[0.5, 0.49], Some(1)), // exact: the threshold itself is no error
            judged(&[0.4, 0.1, 0.9], Some(1)), // too early
            judged(&[0.9, 0.9, 0.1], Some(1)), // too late
            judged(&[0.9, 0.9], Some(0)),  // missed
            judged(&[0.5], None),          // silent
            judged(&[0.9, 0.2], None),     // a false alarm
        ];
        let found = first_errors(&solutions, FirstErrors::THRESHOLD).unwrap();
        assert_eq!((found.wrong.hits, found.wrong.count), (1, 4));
        assert_eq!((found.right.hits, found.right.count), (1, 2));
        assert!((found.f1 - 1.0 / 3.0).abs() < 1e-15);
        assert_eq!(found.right.interval.map(f64::to_bits), wilson(1, 2).unwrap().map(f64::to_bits));
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<FirstErrors>(&text).unwrap(), found);
    }

    #[test]
    fn always_and_never_complaining_earn_nothing() {
        let solutions = [judged(&[0.4, 0.6], Some(0)), judged(&[0.4, 0.6], None)];
        for (threshold, hits) in [(0.0, (0, 1)), (1.0, (1, 0))] {
            let found = first_errors(&solutions, threshold).unwrap();
            assert_eq!((found.wrong.hits, found.right.hits), hits);
            assert!(found.f1.abs() < 1e-15);
        }
        let neither = [judged(&[0.4, 0.2], Some(1)), judged(&[0.4], None)];
        assert!(first_errors(&neither, 0.5).unwrap().f1.abs() < 1e-15);
    }

    #[test]
    fn bad_input_is_named() {
        let good = [judged(&[0.5], Some(0)), judged(&[0.5], None)];
        for (third, message) in [
            (judged(&[], None), "in `solutions[2]`: `scores` is empty"),
            (judged(&[0.1, f64::NAN], None), "in `solutions[2]`: `scores[1]` is NaN"),
            (judged(&[0.1], Some(1)), "in `solutions[2]`: `first_error` is 1, outside 0..=0"),
        ] {
            let solutions = [good.as_slice(), &[third]].concat();
            assert_eq!(first_errors(&solutions, 0.5).unwrap_err().to_string(), message);
        }
        for (solutions, threshold, message) in [
            (&good[..0], 0.5, "`solutions` is empty"),
            (&good[..1], 0.5, "`solutions` has no entry that is right"),
            (&good[1..], 0.5, "`solutions` has no entry that is wrong"),
            (&good[..], f64::NAN, "`threshold[0]` is NaN"),
        ] {
            assert_eq!(first_errors(solutions, threshold).unwrap_err().to_string(), message);
        }
    }
}
