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
//! conditional form Chopin and Singh 2015, "On Particle Gibbs Sampling" (arXiv 1304.1887), algorithm 4;
//! of residual draws the law that follows from the number of copies.

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

/// The greatest is 1, so that the sums of equals are whole numbers; all are where all are 0. What is
/// negative or not finite counts as 0.
fn scaled(weights: &[f64]) -> Vec<f64> {
    let sound =
        weights.iter().map(|&weight| if weight.is_finite() { weight.max(0.0) } else { 0.0 });
    let most = sound.clone().fold(0.0, f64::max);
    sound.map(|weight| if most > 0.0 { weight / most } else { 1.0 }).collect()
}

/// Brings these into an order in which none is likelier than another.
pub(super) fn shuffle<T>(all: &mut [T], draw: &mut impl FnMut() -> f64) {
    for last in (1..all.len()).rev() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to last")]
        let place = (draw() * (last + 1) as f64) as usize;
        all.swap(place.min(last), last);
    }
}

/// Adds the whole parts of what each is expected to have of `n` draws, and gives the fractions that are left.
fn whole_parts(weights: &[f64], n: usize, counts: &mut [usize]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let shares = weights.iter().map(|weight| n as f64 * weight / total);
    let part = |(share, count): (f64, &mut usize)| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to n")]
        let whole = share as usize;
        *count += whole;
        share.fract()
    };
    shares.zip(counts).map(part).collect()
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
    /// add up to 1; what is negative or not finite counts as 0; where all are 0 they count as equal. `draw`
    /// gives numbers in `[0, 1)`.
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
                let fractions = whole_parts(&weights, n, &mut counts);
                let rest = n.saturating_sub(counts.iter().sum());
                draw_each(&fractions, rest, &mut draw, &mut counts);
            }
        }
        counts
    }

    /// As [`Resampling::counts`], given that the first particle is kept in one of the `n` places, whichever it
    /// is: each number of its copies is as much likelier as it is greater.
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
        let share = n as f64 * weights[0] / weights.iter().sum::<f64>();
        let (whole, fraction) = (share.floor(), share.fract());
        let mut counts = vec![0; weights.len()];
        match self {
            Self::Multinomial => {
                draw_each(&weights, n.saturating_sub(1), &mut draw, &mut counts);
                counts[0] += 1;
            }
            Self::Systematic => {
                let u = if draw() * share < fraction * (whole + 1.0) {
                    draw() * fraction
                } else {
                    fraction + draw() * (1.0 - fraction)
                };
                counts = lay_out(&weights, n, u);
            }
            // It is kept in a place that it has for certain, or in one of those that are drawn for.
            Self::Residual => {
                let fractions = whole_parts(&weights, n, &mut counts);
                let mut rest = n.saturating_sub(counts.iter().sum());
                if draw() * share >= whole {
                    counts[0] += 1;
                    rest = rest.saturating_sub(1);
                }
                draw_each(&fractions, rest, &mut draw, &mut counts);
            }
        }
        // By rounding the others may have all places.
        while counts.iter().sum::<usize>() > n {
            let most = counts[1..].iter_mut().max().filter(|most| **most > 0);
            let Some(most) = most else { break };
            *most -= 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The law of counts, by all random numbers of a grid, as many as are drawn.
    fn law(
        size: usize,
        draws: usize,
        count: impl Fn(&mut dyn FnMut() -> f64) -> Vec<usize>,
    ) -> BTreeMap<Vec<usize>, f64> {
        let all = (0..draws).fold(1, |all, _| all * size);
        let mut law = BTreeMap::new();
        for mut place in 0..all {
            let counts = count(&mut || {
                let draw = (place % size) as f64;
                place /= size;
                (draw + 0.5) / size as f64
            });
            *law.entry(counts).or_default() += 1.0 / all as f64;
        }
        law
    }

    /// Given that one place of `n`, any with the same probability, holds the first particle, its number of
    /// copies has the law of before, times itself.
    #[test]
    fn conditional_laws_are_the_size_biased_ones() {
        use Resampling::{Multinomial, Residual, Systematic};
        for (weights, n) in [
            (vec![0.5, 0.3, 0.2], 4),
            (vec![0.55, 0.45], 3),
            (vec![0.1, 0.6, 0.3], 3),
            (vec![0.05, 0.95], 4),
            (vec![0.4, 0.35, 0.25], 6),
            (vec![1.0, 0.0], 2),
        ] {
            // As fine as draws are few: one number lays out all places; independent ones fall on the twentieths
            // in which weights are given; of fractions two are drawn at most.
            for (resampling, fine, draws, given, more) in [
                (Systematic, 400, 1, 400, 2),
                (Multinomial, 20, n, 20, n - 1),
                (Residual, 80, 2, 80, 3),
            ] {
                if draws > 4 {
                    continue;
                }
                let mut expected = law(fine, draws, |draw| resampling.counts(&weights, n, draw));
                for (counts, p) in &mut expected {
                    *p *= counts[0] as f64;
                }
                let all: f64 = expected.values().sum();
                let found = law(given, more, |draw| resampling.conditional(&weights, n, draw));
                for (counts, share) in &expected {
                    let other = found.get(counts).copied().unwrap_or_default();
                    let near = (share / all - other).abs() < 0.01;
                    assert!(near, "{resampling:?} {weights:?} {counts:?}: {other}");
                }
                let whole =
                    |counts: &Vec<usize>| counts[0] > 0 && counts.iter().sum::<usize>() == n;
                assert!(found.keys().all(whole), "{resampling:?} {weights:?}");
            }
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
        // Two for certain, the third from 0.2 and 0.8, or kept itself with 0.2 of 1.2 copies.
        let draw = |first, second| {
            let mut draws = [first, second].into_iter();
            let draw = || draws.next().unwrap_or_default();
            Resampling::Residual.conditional(&[0.4, 0.6], 3, draw)
        };
        assert_eq!((draw(0.83, 0.19), draw(0.83, 0.21)), (vec![2, 1], vec![1, 2]));
        assert_eq!((draw(0.84, 0.19), draw(0.84, 0.21)), (vec![2, 1], vec![2, 1]));
        for resampling in [Resampling::Multinomial, Resampling::Systematic, Resampling::Residual] {
            assert_eq!(resampling.conditional(&[0.0, 0.0], 2, || 0.9), [1, 1]);
            assert_eq!(resampling.conditional(&[], 2, || 0.9), [0; 0]);
            // What is no number weighs nothing.
            let unsound = [1.0, f64::NAN, f64::INFINITY, -1.0];
            assert_eq!(resampling.counts(&unsound, 2, || 0.5), [2, 0, 0, 0]);
            assert_eq!(resampling.conditional(&unsound, 2, || 0.5), [2, 0, 0, 0]);
            // The first is kept though it weighs nothing.
            for u in [0.1, 0.5, 0.999] {
                assert_eq!(resampling.conditional(&[0.0, 1.0], 3, || u), [1, 2]);
            }
        }
    }
}
