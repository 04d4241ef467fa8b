//! Resampling: how often each particle goes on, by its weight.
//!
//! ```text
//! weights 0.5  0.3  0.2, 4 draws    expected 2  1.2  0.8
//!
//! multinomial   4 independent draws
//! systematic    one number u in [0, 1); the places u, u + 1, u + 2, u + 3 on a line of length 4
//! residual      2  1  0 for certain, the rest by draws from the fractions 0  0.2  0.8
//! ```
//!
//! Each gives particle `i` a mean of `n w_i` copies. Systematic resampling gives it the whole number
//! below or above, residual at least the one below; multinomial varies most, and is what was published
//! for language models.
//!
//! Cost: linear in particles, and in draws times the logarithm of particles.
//!
//! Source: Douc, Cappé, Moulines 2005, "Comparison of Resampling Schemes for Particle Filtering"; for the
//! conditional form Chopin and Singh 2015, "On Particle Gibbs Sampling" (arXiv 1304.1887), algorithm 4.

use serde::{Deserialize, Serialize};

/// How particles are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Resampling {
    /// Independent draws.
    #[default]
    Multinomial,
    /// Evenly spaced places behind one random number.
    Systematic,
    /// Whole parts for certain, the rest by independent draws.
    Residual,
}

/// The greatest is 1, so that the sums of equals are whole numbers; all are where all are 0.
fn scaled(weights: &[f64]) -> Vec<f64> {
    let most = weights.iter().copied().fold(0.0, f64::max);
    weights.iter().map(|weight| if most > 0.0 { weight / most } else { 1.0 }).collect()
}

/// What weights add up to from the front.
fn sums(weights: &[f64]) -> Vec<f64> {
    let add = |sum: &mut f64, weight: &f64| {
        *sum += weight;
        Some(*sum)
    };
    weights.iter().scan(0.0, add).collect()
}

/// Adds `n` independent draws.
fn draw_each(weights: &[f64], n: usize, draw: &mut impl FnMut() -> f64, counts: &mut [usize]) {
    let sums = sums(weights);
    let Some(&total) = sums.last() else { return };
    // Rounding must never reach what weighs nothing.
    let last = weights.iter().rposition(|&weight| weight > 0.0).unwrap_or(0);
    for _ in 0..n {
        let place = draw() * total;
        counts[sums.partition_point(|&sum| sum <= place).min(last)] += 1;
    }
}

/// Counts the places `u, u + 1, ..` in the stretches of a line of length `n`.
fn lay_out(weights: &[f64], n: usize, u: f64) -> Vec<usize> {
    let sums = sums(weights);
    let total = sums.last().copied().unwrap_or(1.0);
    let last = weights.iter().rposition(|&weight| weight > 0.0).unwrap_or(0);
    let mut before = 0;
    let count = |(index, sum): (usize, &f64)| {
        // In this order whole numbers stay whole.
        let end = (n as f64 * sum / total - u).ceil().max(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to n")]
        let end = if index >= last { n } else { (end as usize).min(n) };
        let count = end - before;
        before = end;
        count
    };
    sums.iter().enumerate().map(count).collect()
}

impl Resampling {
    /// How often each of the particles with these weights is among `n` that are drawn. Weights need not
    /// add up to 1; where all are 0 they count as equal. `draw` gives numbers in `[0, 1)`.
    ///
    /// ```
    /// use tts_search::particle::Resampling;
    /// let weights = [0.5, 0.3, 0.2];
    /// // The places 0.1, 1.1, 2.1, 3.1 on stretches that end at 2, 3.2 and 4.
    /// assert_eq!(Resampling::Systematic.counts(&weights, 4, || 0.1), [2, 2, 0]);
    /// // Two, one and none for certain; the fourth at half of the fractions 0, 0.2, 0.8.
    /// assert_eq!(Resampling::Residual.counts(&weights, 4, || 0.5), [2, 1, 1]);
    /// assert_eq!(Resampling::Multinomial.counts(&weights, 4, || 0.6), [0, 4, 0]);
    /// ```
    pub fn counts(self, weights: &[f64], n: usize, mut draw: impl FnMut() -> f64) -> Vec<usize> {
        let weights = scaled(weights);
        let mut counts = vec![0; weights.len()];
        match self {
            Self::Multinomial => draw_each(&weights, n, &mut draw, &mut counts),
            Self::Systematic => counts = lay_out(&weights, n, draw()),
            Self::Residual => {
                let total: f64 = weights.iter().sum();
                let shares = weights.iter().map(|weight| n as f64 * weight / total);
                let fractions: Vec<f64> = shares.clone().map(f64::fract).collect();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "0 to n"
                )]
                shares.zip(&mut counts).for_each(|(share, count)| *count = share as usize);
                let rest = n.saturating_sub(counts.iter().sum());
                draw_each(&fractions, rest, &mut draw, &mut counts);
            }
        }
        counts
    }

    /// As [`Resampling::counts`], given that the first particle is drawn at least once. Of the residual form
    /// no such law is known; particle Gibbs refuses it.
    pub(super) fn conditional(
        self,
        weights: &[f64],
        n: usize,
        mut draw: impl FnMut() -> f64,
    ) -> Vec<usize> {
        let mut weights = scaled(weights);
        let Some(first) = weights.first_mut() else { return Vec::new() };
        // What has come to nothing by rounding is kept all the same.
        *first = first.max(1e-300);
        if self == Self::Systematic {
            // The number of copies is biased by their number: each of them may be the one that is kept.
            let share = n as f64 * weights[0] / weights.iter().sum::<f64>();
            let (whole, rest) = (share.floor(), share.fract());
            let u = if draw() * share < rest * (whole + 1.0) {
                draw() * rest
            } else {
                rest + draw() * (1.0 - rest)
            };
            return lay_out(&weights, n, u);
        }
        let mut counts = Self::Multinomial.counts(&weights, n.saturating_sub(1), draw);
        counts[0] += 1;
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given that one place of `n`, any with the same probability, holds the first particle, its number of
    /// copies has the law of before, times itself: by all random numbers of a grid.
    #[test]
    fn the_conditional_systematic_law_is_the_size_biased_one() {
        const GRID: usize = 400;
        let grid = || (0..GRID).map(|place| (place as f64 + 0.5) / GRID as f64);
        for (weights, n) in [
            (vec![0.5, 0.3, 0.2], 4),
            (vec![0.55, 0.45], 3),
            (vec![0.1, 0.6, 0.3], 3),
            (vec![0.05, 0.95], 4),
            (vec![0.4, 0.35, 0.25], 6),
            (vec![1.0, 0.0], 2),
        ] {
            let mut expected = std::collections::BTreeMap::<Vec<usize>, f64>::new();
            for u in grid() {
                let counts = Resampling::Systematic.counts(&weights, n, || u);
                let copies = counts[0] as f64;
                *expected.entry(counts).or_default() += copies;
            }
            let all: f64 = expected.values().sum();
            let mut found = std::collections::BTreeMap::<Vec<usize>, f64>::new();
            for first in grid() {
                for second in grid() {
                    let mut draws = [first, second].into_iter();
                    let counts = Resampling::Systematic
                        .conditional(&weights, n, || draws.next().unwrap_or_default());
                    *found.entry(counts).or_default() += 1.0;
                }
            }
            let runs = (GRID * GRID) as f64;
            for (counts, share) in &expected {
                let other = found.get(counts).copied().unwrap_or_default() / runs;
                assert!((share / all - other).abs() < 0.01, "{weights:?} {counts:?}: {other}");
            }
            assert!(found.keys().all(|counts| counts[0] > 0 && counts.iter().sum::<usize>() == n));
        }
    }

    #[test]
    fn conditional_draws_by_hand() {
        // Two more from the stretches 0.1 and 0.9.
        let draw = |u| Resampling::Multinomial.conditional(&[0.1, 0.9], 3, || u);
        assert_eq!((draw(0.05), draw(0.2)), (vec![3, 0], vec![1, 2]));
        // Little is not nothing, and is not more than it is.
        let draw = |u| Resampling::Multinomial.conditional(&[1e-6, 1.0], 3, || u);
        assert_eq!((draw(5e-7), draw(5e-4)), (vec![3, 0], vec![1, 2]));
        for resampling in [Resampling::Multinomial, Resampling::Systematic] {
            assert_eq!(resampling.conditional(&[0.0, 0.0], 2, || 0.9), [1, 1]);
            assert_eq!(resampling.conditional(&[], 2, || 0.9), [0; 0]);
            // The first is kept though it weighs nothing.
            for u in [0.1, 0.5, 0.999] {
                assert_eq!(resampling.conditional(&[0.0, 1.0], 3, || u), [1, 2]);
            }
        }
    }
}
