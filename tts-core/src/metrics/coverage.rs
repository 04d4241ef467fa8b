//! The law of coverage: how the share of problems that some sample solves grows with their number.
//!
//! `c(k) = exp(a k^b)` with `a` and `b` below zero, fitted to the unbiased pass@k of every pool at several
//! `k` by least squares on `c` itself: Gauss-Newton with halved steps, from the line through `ln(-ln c)`
//! over `ln k`. How far to trust the parameters is resampled over problems, each with all its samples. A fit
//! describes the `k` that it was made on; beyond them it is a guess, which goes wrong where the share of
//! problems that are nearly impossible is not like that of those seen.
//!
//! Source: Brown et al. 2024, Large Language Monkeys (arXiv 2407.21787, section 3.1, equation 2).

use serde::{Deserialize, Serialize};

use super::interval::{central, mean};
use super::random::OVER_PROBLEMS;
use super::{MetricError, Pool, pass_at_k};
use crate::seed;

/// Steps after which a fit is taken as it is; a handful suffices.
const STEPS: usize = 100;

/// `c(k) = exp(a k^b)`, fitted to the coverage of a set of problems.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The logarithm of the coverage of one sample, in nats; below 0.
    pub a: f64,
    /// The exponent; below 0 where more samples solve more problems.
    pub b: f64,
    /// 95 % intervals of `a` and of `b` over problems, by bootstrap.
    pub intervals: [[f64; 2]; 2],
    /// The root of the mean squared difference between the law and pass@k over the fitted `k`.
    pub error: f64,
    /// The `k` that it was fitted to, with the share of problems that some of `k` samples solves.
    pub points: Vec<(usize, f64)>,
}

impl Coverage {
    /// Fits the law to pools of graded samples at each of `ks`.
    ///
    /// Pools with fewer samples than the largest `k` are left out. `draws` resampled sets of problems make the
    /// intervals, a function of `seed`.
    ///
    /// # Errors
    /// [`MetricError::Empty`] without pools of that size, [`MetricError::Length`] for fewer than three
    /// different `ks`, [`MetricError::OutOfRange`] for a `k` of 0, or for no draws, and
    /// [`MetricError::MissingClass`] when at fewer than two of the `ks` some, but not all problems are solved:
    /// nothing grows there.
    ///
    /// ```
    /// use tts_core::metrics::{Coverage, Pool};
    /// use tts_core::select::Vote;
    /// // Problems of which 1, 2, 4, 8 and 16 of 32 samples are right.
    /// let pool = |right: usize| {
    ///     let votes = vec![Vote::new("1", 0.5); 32];
    ///     let correct: Vec<bool> = (0..32).map(|sample| sample < right).collect();
    ///     Pool::new(&votes, &correct, |a, b| a == b)
    /// };
    /// let pools = [1, 2, 4, 8, 16].map(pool).into_iter().collect::<Result<Vec<_>, _>>()?;
    /// let law = Coverage::fit(&pools, &[1, 2, 4, 8, 16], 200, 0)?;
    /// // Of 4 samples some is right for 49 % of the problems; these five follow no such law closely.
    /// assert!((law.points[2].1 - 0.489).abs() < 1e-3 && (law.at(4.0) - 0.522).abs() < 1e-3);
    /// assert!((law.error - 0.031).abs() < 1e-3);
    /// # Ok::<(), tts_core::metrics::MetricError>(())
    /// ```
    pub fn fit(pools: &[Pool], ks: &[usize], draws: usize, seed: u64) -> Result<Self, MetricError> {
        let mut ks = ks.to_vec();
        ks.sort_unstable();
        ks.dedup();
        let most = ks.last().copied().unwrap_or_default();
        let curves: Vec<Vec<f64>> = pools
            .iter()
            .filter(|pool| pool.len() >= most)
            .map(|pool| ks.iter().map(|&k| pass_at_k(pool.len(), pool.right(), k)).collect())
            .collect::<Result<_, _>>()?;
        if curves.is_empty() {
            return Err(MetricError::Empty { field: "pools" });
        }
        Self::of_curves(&curves, &ks, draws, seed)
    }

    /// Fits the law to what is known of each problem: the chance that some of `ks[i]` samples solves it, which is
    /// item `i` of its curve. `ks` rise.
    ///
    /// # Errors
    /// Those of [`Self::fit`]; [`MetricError::Length`] also for a curve of another length, and
    /// [`MetricError::OutOfRange`] for `ks` that do not rise.
    pub fn of_curves(
        curves: &[Vec<f64>],
        ks: &[usize],
        draws: usize,
        seed: u64,
    ) -> Result<Self, MetricError> {
        if ks.len() < 3 {
            return Err(MetricError::Length { field: "ks", expected: 3, found: ks.len() });
        }
        MetricError::check_range("k", ks[0], 1, usize::MAX)?;
        for pair in ks.windows(2) {
            MetricError::check_range("k", pair[1], pair[0] + 1, usize::MAX)?;
        }
        MetricError::check_range("draws", draws, 1, usize::MAX)?;
        if curves.is_empty() {
            return Err(MetricError::Empty { field: "curves" });
        }
        if let Some(other) = curves.iter().find(|curve| curve.len() != ks.len()) {
            let (expected, found) = (ks.len(), other.len());
            return Err(MetricError::Length { field: "curves", expected, found });
        }
        let over = |chosen: &[usize]| -> Vec<(f64, f64)> {
            let share =
                |place| mean(&chosen.iter().map(|&one| curves[one][place]).collect::<Vec<_>>());
            ks.iter().enumerate().map(|(place, &k)| (k as f64, share(place))).collect()
        };
        let all: Vec<usize> = (0..curves.len()).collect();
        let points = over(&all);
        let Some((a, b)) = least_squares(&points) else {
            return Err(MetricError::MissingClass {
                field: "pools",
                missing: "solved by some samples and not by others",
            });
        };
        let mut random = seed::stream(seed, OVER_PROBLEMS);
        let resampled: Vec<(f64, f64)> = (0..draws)
            .filter_map(|_| {
                let chosen: Vec<usize> = all.iter().map(|_| random.below(all.len())).collect();
                least_squares(&over(&chosen))
            })
            .collect();
        // A resampled set in which nothing grows says nothing of a and b; if there is no other, the fit stands
        // alone.
        let interval = |of: fn(&(f64, f64)) -> f64| {
            if resampled.is_empty() {
                [of(&(a, b)); 2]
            } else {
                central(resampled.iter().map(of).collect())
            }
        };
        Ok(Self {
            a,
            b,
            intervals: [interval(|law| law.0), interval(|law| law.1)],
            error: (squares(&points, a, b) / points.len() as f64).sqrt(),
            points: ks.iter().copied().zip(points.into_iter().map(|(_, share)| share)).collect(),
        })
    }

    /// The coverage by `k` samples as the law has it; a guess outside of the `k` that it was fitted to.
    pub fn at(&self, k: f64) -> f64 {
        law(self.a, self.b, k)
    }
}

impl std::fmt::Display for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self { a, b, intervals: [_, [low, high]], .. }, points) = (self, 100.0 * self.error);
        write!(
            f,
            "exp({a:.3} k^{b:.3})  (95 % of the exponent: {low:.3} to {high:.3}), off by {points:.1} points"
        )
    }
}

fn law(a: f64, b: f64, k: f64) -> f64 {
    (a * k.powf(b)).exp()
}

fn squares(points: &[(f64, f64)], a: f64, b: f64) -> f64 {
    points.iter().map(|&(k, share)| (share - law(a, b, k)).powi(2)).sum()
}

/// `a` and `b` of the least squares on the shares; `None` where fewer than two of them are inside (0, 1).
fn least_squares(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let inside: Vec<(f64, f64)> = points
        .iter()
        .filter(|(_, share)| *share > 0.0 && *share < 1.0)
        .map(|&(k, share)| (k.ln(), (-share.ln()).ln()))
        .collect();
    if inside.len() < 2 {
        return None;
    }
    let (x, y) = inside.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    let (x, y) = (x / inside.len() as f64, y / inside.len() as f64);
    let (across, along) = inside.iter().fold((0.0, 0.0), |sum, point| {
        (sum.0 + (point.0 - x) * (point.1 - y), sum.1 + (point.0 - x).powi(2))
    });
    let mut b = across / along;
    let mut a = -(y - b * x).exp();
    let mut error = squares(points, a, b);
    for _ in 0..STEPS {
        // Slopes of exp(a k^b) by a and by b.
        let (mut aa, mut ab, mut bb, mut ra, mut rb) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &(k, share) in points {
            let value = law(a, b, k);
            let by_a = value * k.powf(b);
            let by_b = by_a * a * k.ln();
            let rest = share - value;
            (aa, ab, bb) = (aa + by_a * by_a, ab + by_a * by_b, bb + by_b * by_b);
            (ra, rb) = (ra + by_a * rest, rb + by_b * rest);
        }
        let determinant = aa * bb - ab * ab;
        if determinant <= 0.0 || !determinant.is_finite() {
            break;
        }
        let step = ((ra * bb - rb * ab) / determinant, (rb * aa - ra * ab) / determinant);
        let halved = (0..30).map(|times| 0.5_f64.powi(times));
        let next = halved
            .map(|part| (a + part * step.0, b + part * step.1))
            .find(|next| next.0 < 0.0 && squares(points, next.0, next.1) < error);
        let Some(next) = next else { break };
        (a, b) = next;
        error = squares(points, a, b);
    }
    Some((a, b))
}

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;
