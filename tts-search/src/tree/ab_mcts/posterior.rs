//! What is known of the mean score of an arm, and draws from it.
//!
//! ```text
//! Gaussian, after n scores of mean x and variance v (normal-inverse-gamma):
//!   kappa' = kappa + n        m' = (kappa m + n x) / kappa'
//!   nu' = nu + n              tau2' = (nu tau2 + n v + n kappa (m - x)^2 / kappa') / nu'
//!   a draw: sigma2 ~ InvGamma(nu'/2, nu' tau2'/2), then a mean ~ N(m', sigma2 / kappa')
//! Beta: a' = a + sum of scores, b' = b + sum of what they lack to 1
//! ```
//!
//! Scores are kept as their number, sum and sum of squares, so a score and a draw cost the same
//! however many there were.
//!
//! Source: Inoue et al. 2025 (arXiv 2503.04412), the posteriors and their priors; Murphy 2007,
//! "Conjugate Bayesian analysis of the Gaussian distribution"; draws of gamma variables: Marsaglia and
//! Tsang 2000, "A simple method for generating gamma variables".

use serde::{Deserialize, Serialize};
use tts_core::seed::Rng;

use super::mixed::Mixed;

/// What is thought of an arm that was never tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Prior {
    /// Scores are normal with unknown mean and variance.
    Gaussian(Gaussian),
    /// Scores are shares of successes.
    Beta(Beta),
    /// All arms of a place are judged together: variant M.
    Mixed(Mixed),
}

impl Default for Prior {
    fn default() -> Self {
        Self::Gaussian(Gaussian::default())
    }
}

/// A normal-inverse-gamma distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gaussian {
    /// The mean.
    pub m: f64,
    /// What it is worth, in scores.
    pub kappa: f64,
    /// What the variance is worth, in scores.
    pub nu: f64,
    /// The variance.
    pub tau2: f64,
}

impl Default for Gaussian {
    /// A mean of 0 and a variance of 0.1, each worth one score: pessimistic, so that an arm has to
    /// earn its keep.
    fn default() -> Self {
        Self { m: 0.0, kappa: 1.0, nu: 1.0, tau2: 0.1 }
    }
}

/// A beta distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Beta {
    /// Successes.
    pub a: f64,
    /// Failures.
    pub b: f64,
}

impl Default for Beta {
    /// Half a success and half a failure.
    fn default() -> Self {
        Self { a: 0.5, b: 0.5 }
    }
}

/// The scores that an arm has seen.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Seen {
    /// How many.
    pub n: u32,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub squares: f64,
}

impl Seen {
    /// With one more.
    pub fn tell(&mut self, score: f64) {
        self.n += 1;
        self.sum += score;
        self.squares += score * score;
    }
}

impl Gaussian {
    /// What is known after these scores.
    ///
    /// ```
    /// use tts_search::tree::ab_mcts::{Gaussian, Seen};
    /// let mut seen = Seen::default();
    /// seen.tell(0.5);
    /// let after = Gaussian::default().after(&seen);
    /// assert_eq!((after.m, after.kappa, after.nu), (0.25, 2.0, 2.0));
    /// assert!((after.tau2 - 0.1125).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn after(self, seen: &Seen) -> Self {
        let Self { m, kappa, nu, tau2 } = self;
        let n = f64::from(seen.n);
        let mean = if seen.n == 0 { m } else { seen.sum / n };
        // Rounding may leave a little less than nothing of equal scores.
        let spread = (seen.squares - seen.sum * mean).max(0.0);
        let (kappa_after, nu_after) = (kappa + n, nu + n);
        let moved = n * kappa * (m - mean).powi(2) / kappa_after;
        Self {
            m: (kappa * m + seen.sum) / kappa_after,
            kappa: kappa_after,
            nu: nu_after,
            tau2: (nu * tau2 + spread + moved) / nu_after,
        }
    }

    /// A mean drawn from it.
    pub fn draw(self, rng: &mut Rng) -> f64 {
        // The inverse of a gamma variable of rate `nu tau2 / 2`.
        let sigma2 = self.nu * self.tau2 / 2.0 / gamma(self.nu / 2.0, rng);
        self.m + rng.normal() * (sigma2 / self.kappa).sqrt()
    }
}

impl Beta {
    /// What is known after these scores, from 0 to 1.
    ///
    /// ```
    /// use tts_search::tree::ab_mcts::{Beta, Seen};
    /// let mut seen = Seen::default();
    /// [0.25, 1.0].map(|score| seen.tell(score));
    /// assert_eq!(Beta::default().after(&seen), Beta { a: 1.75, b: 1.25 });
    /// ```
    #[must_use]
    pub fn after(self, seen: &Seen) -> Self {
        Self { a: self.a + seen.sum, b: self.b + (f64::from(seen.n) - seen.sum) }
    }

    /// A mean drawn from it.
    pub fn draw(self, rng: &mut Rng) -> f64 {
        let (a, b) = (gamma(self.a, rng), gamma(self.b, rng));
        // Both may be too small for numbers.
        if a + b > 0.0 { a / (a + b) } else { 0.5 }
    }
}

impl Prior {
    /// A mean drawn from what is known after these scores.
    pub fn draw(self, seen: &Seen, rng: &mut Rng) -> f64 {
        match self {
            Self::Gaussian(prior) => prior.after(seen).draw(rng),
            Self::Beta(prior) => prior.after(seen).draw(rng),
            Self::Mixed(prior) => prior.draw(&[*seen], rng).children[0],
        }
    }

    /// # Errors
    /// A sentence that names the field that is out of range.
    pub fn check(self) -> Result<(), String> {
        let (m, positive) = match self {
            Self::Gaussian(Gaussian { m, kappa, nu, tau2 }) => {
                (m, vec![("kappa", kappa), ("nu", nu), ("tau2", tau2)])
            }
            Self::Beta(Beta { a, b }) => (0.0, vec![("a", a), ("b", b)]),
            Self::Mixed(prior) => return prior.check(),
        };
        if !m.is_finite() {
            return Err(format!("prior.m is {m}, expected a number"));
        }
        match positive.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
            Some((name, value)) => {
                Err(format!("prior.{name} is {value}, expected a number above 0"))
            }
            None => Ok(()),
        }
    }
}

/// A gamma variable of this shape and scale 1.
pub(super) fn gamma(shape: f64, rng: &mut Rng) -> f64 {
    if shape < 1.0 {
        let up = gamma(shape + 1.0, rng);
        return up * (1.0 - rng.uniform()).powf(shape.recip());
    }
    let d = shape - 1.0 / 3.0;
    let c = (9.0 * d).sqrt().recip();
    loop {
        let x = rng.normal();
        let v = c.mul_add(x, 1.0).powi(3);
        if v <= 0.0 {
            continue;
        }
        let (u, square) = (1.0 - rng.uniform(), x * x);
        // Nearly always, and implied by the bound itself: no logarithm is needed.
        if u < 1.0 - 0.0331 * square * square || u.ln() < 0.5 * square + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use tts_core::seed;

    use super::*;

    const DRAWS: u32 = 20_000;

    fn seen(scores: &[f64]) -> Seen {
        let mut seen = Seen::default();
        for &score in scores {
            seen.tell(score);
        }
        seen
    }

    /// How often a draw holds; its standard deviation over 20,000 draws is at most 0.0036, so that 0.018 are
    /// 5 of it.
    fn often(mut holds: impl FnMut(&mut Rng) -> bool) -> f64 {
        let mut rng = seed::rng(3);
        f64::from((0..DRAWS).map(|_| u32::from(holds(&mut rng))).sum::<u32>()) / f64::from(DRAWS)
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 0.018, "{found}, expected {expected}");
    }

    #[test]
    fn gaussians_by_hand() {
        let close = |scores: &[f64], m: f64, kappa: f64, tau2: f64| {
            let found = Gaussian::default().after(&seen(scores));
            assert!((found.m - m).abs() < 1e-9, "{found:?}");
            assert!((found.kappa - kappa).abs() < 1e-9, "{found:?}");
            assert!((found.nu - kappa).abs() < 1e-9, "{found:?}");
            assert!((found.tau2 - tau2).abs() < 1e-6, "{found:?}");
        };
        close(&[], 0.0, 1.0, 0.1);
        close(&[0.5], 0.25, 2.0, 0.1125);
        close(&[0.2, 0.8], 1.0 / 3.0, 3.0, 0.148_889);
        close(&[0.8, 0.2], 1.0 / 3.0, 3.0, 0.148_889);
        // Another prior: kappa 2 and nu 4 from a mean of 0.5.
        let prior = Gaussian { m: 0.5, kappa: 2.0, nu: 4.0, tau2: 0.05 };
        let found = prior.after(&seen(&[0.2, 0.8, 0.8]));
        let (mean, spread) = (0.6, 0.24);
        let moved = 3.0 * 2.0 * 0.01 / 5.0;
        assert!((found.m - (2.0 * 0.5 + 3.0 * mean) / 5.0).abs() < 1e-12);
        assert!((found.tau2 - (4.0 * 0.05 + spread + moved) / 7.0).abs() < 1e-12);
        // Nothing is negative by rounding.
        for n in 1..300 {
            let prior = Gaussian { m: 0.1, tau2: 1e-300, ..prior };
            assert!(prior.after(&seen(&vec![0.1; n])).tau2 > 0.0, "{n}");
        }
    }

    #[test]
    fn a_mean_is_drawn_from_students_t() {
        // With one degree of freedom half of all draws lie within the scale; with three, 0.6090 do, and 0.8607
        // within its double.
        let prior = Gaussian::default();
        let scale = |g: Gaussian| (g.tau2 / g.kappa).sqrt();
        near(often(|rng| prior.draw(rng).abs() < scale(prior)), 0.5);
        near(often(|rng| prior.draw(rng) < 0.0), 0.5);
        let after = prior.after(&seen(&[0.2, 0.8]));
        near(often(|rng| (after.draw(rng) - after.m).abs() < scale(after)), 0.6090);
        near(often(|rng| (after.draw(rng) - after.m).abs() < 2.0 * scale(after)), 0.8607);
        near(often(|rng| after.draw(rng) < after.m), 0.5);
    }

    #[test]
    fn gamma_variables_have_their_moments() {
        for shape in [0.3, 0.5, 1.0, 2.5, 40.0] {
            let mut rng = seed::rng(8);
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..DRAWS {
                let draw = gamma(shape, &mut rng);
                sum += draw;
                squares += draw * draw;
            }
            let n = f64::from(DRAWS);
            let (mean, variance) = (sum / n, squares / n - (sum / n).powi(2));
            // Five standard deviations of the mean; those of the variance, whose fourth moment is
            // 3 shape^2 + 6 shape.
            let sigma = (shape / n).sqrt();
            assert!((mean - shape).abs() < 5.0 * sigma, "{shape}: mean {mean}");
            let sigma = ((2.0 * shape * shape + 6.0 * shape) / n).sqrt();
            assert!((variance - shape).abs() < 5.0 * sigma, "{shape}: variance {variance}");
        }
    }

    #[test]
    fn a_share_is_drawn_from_its_beta() {
        // Uniform on 0 to 1; the arcsine law, P(x < 1/4) = 1/3; and Beta(2, 1), P(x < 1/2) = 1/4.
        let uniform = Beta { a: 1.0, b: 1.0 };
        near(often(|rng| uniform.draw(rng) < 0.2), 0.2);
        near(often(|rng| Beta::default().draw(rng) < 0.25), 1.0 / 3.0);
        let skewed = uniform.after(&seen(&[1.0]));
        near(often(|rng| skewed.draw(rng) < 0.5), 0.25);
        let other = uniform.after(&seen(&[0.0]));
        near(often(|rng| other.draw(rng) < 0.5), 0.75);
    }
}
