//! What a particle weighs: potentials of scores, softmax, effective sample size, annealing.
//!
//! ```text
//! scores 0.9, 0.5, 0.2    odds 9, 1, 0.25    weights 0.878, 0.098, 0.024    1 / sum w^2 = 1.28 of 3
//! ```
//!
//! A score becomes the logarithm of a potential by what the scorer says its numbers are
//! ([`tts_core::Scale`]); the weights are the softmax of these at a temperature. The effective sample
//! size `(sum w)^2 / sum w^2` is `N` for equal weights and 1 where one particle has all.
//!
//! Cost: none.
//!
//! Source: Puri et al. 2025 (arXiv 2502.01618), section 3, and its code for log-odds and their clipping;
//! Kong, Liu, Wong 1994 for the effective sample size; Giannone et al. 2025 (arXiv 2510.05825) for the
//! annealing.

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

/// A temperature that rises where the population would collapse early in a solution.
///
/// Before the share [`Anneal::until`] of the steps, and where less than the share [`Anneal::below`] of the
/// particles is effective, scores are divided by `max(1, (1 - step / steps) x N / effective)`, besides
/// the filter's own temperature. It guides who is drawn; once all have come to their ends, weights are plain.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Anneal {
    /// The share of effective particles below which it sets in. One of `n` is effective at least: a share of
    /// `1 / n` or less never sets in.
    pub below: f64,
    /// The share of the steps after which it is over.
    pub until: f64,
    /// Steps of a long solution: the step rule's limit, say.
    pub steps: u32,
}

impl Default for Anneal {
    /// Below one half, in the first half of 40 steps.
    fn default() -> Self {
        Self { below: 0.5, until: 0.5, steps: 40 }
    }
}

impl Anneal {
    /// By what scores are divided at this step, the first of which is 1, where this share of the particles
    /// is effective.
    ///
    /// ```
    /// use tts_search::particle::Anneal;
    /// let anneal = Anneal { steps: 10, ..Anneal::default() };
    /// assert!((anneal.temperature(0.25, 2) - 3.2).abs() < 1e-12); // (1 - 2/10) / 0.25
    /// assert!((anneal.temperature(0.25, 5) - 1.0).abs() < 1e-12); // half of the steps are over
    /// assert!((anneal.temperature(0.6, 2) - 1.0).abs() < 1e-12); // enough are effective
    /// ```
    pub fn temperature(&self, effective: f64, step: usize) -> f64 {
        let progress = step as f64 / f64::from(self.steps);
        if effective < self.below && progress < self.until {
            ((1.0 - progress) / effective).max(1.0)
        } else {
            1.0
        }
    }

    /// # Errors
    /// A sentence that names the field.
    pub(super) fn check(&self) -> Result<(), String> {
        for (field, value) in [("below", self.below), ("until", self.until)] {
            if !(value > 0.0 && value <= 1.0) {
                return Err(format!("anneal: {field} is {value}, expected 0 < {field} <= 1"));
            }
        }
        if self.steps == 0 {
            return Err("anneal: steps is 0, expected at least 1".into());
        }
        if self.temperature(f64::MIN_POSITIVE, 1) <= 1.0 {
            let Self { steps, until, .. } = self;
            return Err(format!(
                "anneal: steps is {steps}, expected more than 1 / until: until is {until}, and even the \
                 first step comes too late"
            ));
        }
        Ok(())
    }
}
