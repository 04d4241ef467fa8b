//! Accuracy against the number of candidates, over many problems.
//!
//! Each problem gives one estimate per `k` ([`Pool::at_k`]), drawn from a stream of its own, and
//! the estimates are averaged. The interval is over problems: with few problems it is wide however
//! many candidates each has.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314, section 5.3), whose curves over the generation
//! budget these are, from one pool instead of one run per budget.

use serde::{Deserialize, Serialize};

use super::{Accuracy, Metric, MetricError, Pool, bootstrap_interval};

/// The accuracy over problems with `k` candidates each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The number of candidates.
    pub k: usize,
    /// The mean over problems with its interval.
    pub accuracy: Accuracy,
}

/// The accuracy over problems at each of `ks` candidates, with 95 % bootstrap intervals over the
/// problems.
///
/// `draws` serves both the subsets of a vote and the bootstrap. Problems must be independent of
/// each other and the candidates of a pool of one another. A pool of fewer than `k` candidates is left
/// out at that `k`, and only there; [`Accuracy::problems`] says how many are left.
///
/// # Errors
/// [`MetricError::Empty`] without pools, [`MetricError::OutOfRange`] for a `k` that is zero or
/// greater than the largest pool, or for `draws` of zero.
pub fn curve(
    pools: &[Pool],
    metric: Metric,
    ks: &[usize],
    draws: usize,
    seed: u64,
) -> Result<Vec<Point>, MetricError> {
    if pools.is_empty() {
        return Err(MetricError::Empty { field: "pools" });
    }
    let most = pools.iter().map(Pool::len).max().unwrap_or(0);
    ks.iter()
        .map(|&k| {
            MetricError::check_range("k", k, 1, most)?;
            let values = pools
                .iter()
                .zip(0..)
                .filter(|(pool, _)| pool.len() >= k)
                .map(|(pool, stream)| {
                    pool.at_k_in_stream(metric, k, draws, seed, stream).map(|found| found.value)
                })
                .collect::<Result<Vec<f64>, _>>()?;
            Ok(Point { k, accuracy: bootstrap_interval(&values, draws, seed)? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::{Vote, Weight};

    /// A pool in which "a" is right.
    fn pool(candidates: [(&str, f64); 2]) -> Pool {
        let votes = candidates.map(|(answer, score)| Vote::new(answer, score));
        Pool::new(&votes, &candidates.map(|(answer, _)| answer == "a"), |a, b| a == b).unwrap()
    }

    #[test]
    fn averages_the_pools() {
        let pools = [pool([("a", 0.1), ("b", 0.2)]), pool([("b", 0.1), ("c", 0.2)])];
        let points = curve(&pools, Metric::Best, &[1, 2], 200, 1).unwrap();
        assert_eq!(points[0].k, 1);
        assert!((points[0].accuracy.mean - 0.25).abs() < 1e-15);
        assert!(points[1].accuracy.mean.abs() < 1e-15);
        assert_eq!(points[0].accuracy.problems, 2);
    }

    #[test]
    fn a_small_pool_leaves_the_curve_of_the_others_alone() {
        let one = Pool::new(&[Vote::new("a", 0.1)], &[true], |a, b| a == b).unwrap();
        let pools = [pool([("a", 0.1), ("b", 0.2)]), one];
        let points = curve(&pools, Metric::Pass, &[1, 2], 200, 1).unwrap();
        assert_eq!(points.iter().map(|point| point.accuracy.problems).collect::<Vec<_>>(), [2, 1]);
        assert!((points[0].accuracy.mean - 0.75).abs() < 1e-15);
        assert!((points[1].accuracy.mean - 1.0).abs() < 1e-15);
    }

    /// Subsets of a vote are drawn for each problem on its own: two equal pools are two estimates.
    #[test]
    fn every_problem_has_a_stream_of_its_own() {
        let answers = ["a", "b", "a", "c", "b", "a", "c", "b", "a", "d", "a", "b"];
        let votes = answers.map(|answer| Vote::new(answer, 0.5));
        let pool = Pool::new(&votes, &answers.map(|answer| answer == "a"), |a, b| a == b).unwrap();
        let metric = Metric::Vote(Weight::Count);
        let alone = |stream| pool.at_k_in_stream(metric, 5, 40, 3, stream).unwrap();
        let [first, second] = [alone(0), alone(1)].map(|found| (found.value, found.exact));
        assert!(!first.1 && (first.0 - second.0).abs() > 1e-9, "{first:?} {second:?}");
        let points = curve(&[pool.clone(), pool.clone()], metric, &[5], 40, 3).unwrap();
        assert!((points[0].accuracy.mean - f64::midpoint(first.0, second.0)).abs() < 1e-12);
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(
            curve(&[], Metric::Best, &[1], 10, 0),
            Err(MetricError::Empty { field: "pools" })
        );
        let one = [pool([("a", 0.1), ("b", 0.2)])];
        assert!(curve(&one, Metric::Best, &[3], 10, 0).is_err());
        assert!(curve(&one, Metric::Best, &[1], 0, 0).is_err());
    }
}
