//! What a particle weighs: potentials of scores, softmax, and how evenly weight is spread.
//!
//! ```text
//! scores 0.9, 0.5, 0.2    odds 9, 1, 0.25    weights 0.878, 0.098, 0.024    1 / sum w^2 = 1.28 of 3
//! ```
//!
//! A score becomes the logarithm of a potential by what the scorer says its numbers are
//! ([`tts_core::Scale`]); the weights are the softmax of these at a temperature. The effective sample
//! size `(sum w)^2 / sum w^2` is `N` for equal weights and 1 where one particle has all; the entropy of the weights over
//! `ln N` is 1 and 0 there.
//!
//! Cost: none.
//!
//! Source: Puri et al. 2025 (arXiv 2502.01618), section 3, and its code for log-odds and their clipping;
//! Kong, Liu, Wong 1994 for the effective sample size; Giannone et al. 2025 (arXiv 2510.05825) for the entropy.

use serde::{Deserialize, Serialize};
use tts_core::{Aggregate, Scale, Unit};

/// As far from 0 and 1 as probabilities are taken to be: no score alone ends a path for good.
const CLIP: f64 = 1e-7;

/// What the score of a path makes of its weight, before the temperature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Potential {
    /// The odds `p / (1 - p)` of a probability, the exponential of log-odds and of what else there is.
    #[default]
    Odds,
    /// The probability itself, that of log-odds, and the exponential of what else there is. With
    /// [`crate::particle::Weights::Ratio`] solutions are drawn in proportion to `p(solution) x score`.
    Probability,
    /// The exponential of the score as it is, whatever it is measured in.
    Exponential,
}

impl Potential {
    /// The logarithm of the potential of a path's score.
    ///
    /// A sum of probabilities is none, and taken as it is; searches refuse it but for
    /// [`Potential::Exponential`]. Probabilities are clipped to
    /// `[1e-7, 1 - 1e-7]`; products of them, which may be small and still tell paths apart, from above
    /// only.
    ///
    /// ```
    /// use tts_core::{Aggregate, Scale};
    /// use tts_search::particle::Potential;
    /// let log = |potential: Potential| potential.log(0.8, Scale::PREFIX, Aggregate::ByScale);
    /// assert!((log(Potential::Odds) - 4_f64.ln()).abs() < 1e-12);
    /// assert!((log(Potential::Probability) - 0.8_f64.ln()).abs() < 1e-12);
    /// assert!((log(Potential::Exponential) - 0.8).abs() < 1e-12);
    /// ```
    pub fn log(self, score: f64, scale: Scale, aggregate: Aggregate) -> f64 {
        let aggregate = scale.resolve(aggregate);
        let least = match aggregate {
            Aggregate::Product | Aggregate::SumLog => f64::MIN_POSITIVE,
            _ => CLIP,
        };
        let log = match (self, scale.unit, aggregate) {
            (Self::Exponential, ..) | (_, Unit::Probability, Aggregate::Sum) => return score,
            (_, Unit::Probability, Aggregate::SumLog) => score,
            (_, Unit::Probability, _) => score.max(0.0).ln(),
            // The logistic function, where its exponential cannot overflow.
            (Self::Probability, Unit::LogOdds, _) => {
                return score.min(0.0) - (-score.abs()).exp().ln_1p();
            }
            _ => return score,
        };
        let log = log.min((-CLIP).ln_1p()).max(least.ln());
        if self == Self::Odds { log - (-log.exp()).ln_1p() } else { log }
    }
}

/// The logarithm of a potential, as far as differences of two still are numbers.
pub(super) fn bounded(log: f64) -> f64 {
    const MOST: f64 = 1e300;
    if log.is_nan() { -MOST } else { log.clamp(-MOST, MOST) }
}

/// Weights in proportion to the exponentials of these, the greatest 1; all 1 where all are nothing.
pub(super) fn relative(logs: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let most = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    let weigh = |log: f64| if most == f64::NEG_INFINITY { 1.0 } else { (log - most).exp() };
    logs.map(weigh).collect()
}

/// The number of equally weighted particles that are worth as much as these: `(sum w)^2 / sum w^2`,
/// whatever the weights add up to; 0 of nothing.
///
/// ```
/// use tts_search::particle::effective_sample_size;
/// assert!((effective_sample_size(&[9.0, 1.0, 0.25]) - 1.28027).abs() < 1e-5);
/// assert!((effective_sample_size(&[2.0; 5]) - 5.0).abs() < 1e-12);
/// ```
pub fn effective_sample_size(weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

/// The entropy of weights, whatever they add up to, over that of `n` equal ones: 1 where all weigh alike, 0 where one has
/// all, or nobody anything; 1 of a single particle.
///
/// ```
/// use tts_search::particle::normalised_entropy;
/// assert!((normalised_entropy(&[2.0; 5], 5) - 1.0).abs() < 1e-12);
/// assert!((normalised_entropy(&[1.0, 1.0, 0.0, 0.0], 4) - 0.5).abs() < 1e-12); // ln 2 over ln 4
/// ```
pub fn normalised_entropy(weights: &[f64], n: usize) -> f64 {
    if n <= 1 {
        return 1.0;
    }
    let sum: f64 = weights.iter().sum();
    let term = |&weight: &f64| {
        let share = weight / sum;
        if share > 0.0 { -share * share.ln() } else { 0.0 }
    };
    weights.iter().map(term).sum::<f64>() / (n as f64).ln()
}
