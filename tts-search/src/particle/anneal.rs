//! Annealing: scores divided by a temperature where a population would collapse early in a solution.
//!
//! Before the share [`Anneal::until`] of the steps `T`, and where less than the share [`Anneal::below`] of the particles is
//! effective, scores are divided by a temperature of at least 1, besides the filter's own. Which one, at step `t`, says
//! [`AnnealBy`]:
//!
//! | by | temperature | |
//! |---|---|---|
//! | `effective` | `(1 - t/T) N / effective` | the fewer are effective, the flatter |
//! | `entropy` | `1 / (H + (1 - H) t/T)` | `H`: the entropy of the weights over `ln N` |
//! | `linear` | `from - t/T` | whatever the weights are |
//!
//! It guides who is drawn; once all have come to their ends, weights are plain.
//!
//! Source: Giannone et al. 2025, "Mitigating Premature Exploitation in Particle-based Monte Carlo for Inference-Time Scaling"
//! (arXiv 2510.05825), for the first; all three are those of `its_hub` 1.2.0 (`temperature_method`).

use serde::{Deserialize, Serialize};

/// What the temperature follows, at step `t` of `T`; it is 1 at least.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum AnnealBy {
    /// The share of effective particles: `(1 - t/T) / share`.
    #[default]
    Effective,
    /// The entropy `H` of the weights over that of equal ones: `1 / (H + (1 - H) t/T)`.
    Entropy,
    /// The step alone: `from - t/T`.
    Linear {
        /// The temperature before the first step, above 1.
        from: f64,
    },
}

impl AnnealBy {
    /// The temperature where this share of the particles is effective, weights have this entropy over that of equal ones,
    /// and this share of the steps is over.
    ///
    /// ```
    /// use tts_search::particle::AnnealBy;
    /// assert!((AnnealBy::Effective.temperature(0.2, 0.0, 0.2) - 4.0).abs() < 1e-12);
    /// assert!((AnnealBy::Entropy.temperature(0.2, 0.5, 0.3) - 1.0 / 0.65).abs() < 1e-12);
    /// assert!((AnnealBy::Linear { from: 2.0 }.temperature(0.2, 0.5, 0.5) - 1.5).abs() < 1e-12);
    /// ```
    pub fn temperature(self, effective: f64, entropy: f64, progress: f64) -> f64 {
        let temperature = match self {
            Self::Effective => (1.0 - progress) / effective,
            Self::Entropy => 1.0 / (entropy + (1.0 - entropy) * progress),
            Self::Linear { from } => from - progress,
        };
        temperature.max(1.0)
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A temperature that rises where the population would collapse early in a solution: before the share
/// [`Anneal::until`] of the steps, where less than the share [`Anneal::below`] of the particles is effective, scores are
/// divided by that of [`AnnealBy`], besides the filter's own. It guides who is drawn; once all have come to their ends,
/// weights are plain.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Anneal {
    /// What the temperature follows.
    #[serde(skip_serializing_if = "AnnealBy::is_default")]
    pub by: AnnealBy,
    /// The share of effective particles below which it sets in. One of `n` is effective at least: a share of
    /// `1 / n` or less never sets in.
    pub below: f64,
    /// The share of the steps after which it is over.
    pub until: f64,
    /// Steps of a long solution: the step rule's limit, say.
    pub steps: u32,
}

impl Default for Anneal {
    /// By the share of effective particles, below one half, in the first half of 40 steps.
    fn default() -> Self {
        Self { by: AnnealBy::default(), below: 0.5, until: 0.5, steps: 40 }
    }
}

impl Anneal {
    /// By what scores are divided at this step, the first of which is 1, where this share of the particles
    /// is effective and weights have this entropy over that of equal ones.
    ///
    /// ```
    /// use tts_search::particle::Anneal;
    /// let anneal = Anneal { steps: 10, ..Anneal::default() };
    /// assert!((anneal.temperature(0.25, 0.5, 2) - 3.2).abs() < 1e-12); // (1 - 2/10) / 0.25
    /// assert!((anneal.temperature(0.25, 0.5, 5) - 1.0).abs() < 1e-12); // half of the steps are over
    /// assert!((anneal.temperature(0.6, 0.5, 2) - 1.0).abs() < 1e-12); // enough are effective
    /// ```
    pub fn temperature(&self, effective: f64, entropy: f64, step: usize) -> f64 {
        let progress = step as f64 / f64::from(self.steps);
        if effective < self.below && progress < self.until {
            self.by.temperature(effective, entropy, progress)
        } else {
            1.0
        }
    }

    /// # Errors
    /// A sentence that names the field.
    pub(super) fn check(&self) -> Result<(), String> {
        let Self { by, below, until, steps } = *self;
        for (field, value) in [("below", below), ("until", until)] {
            if !(value > 0.0 && value <= 1.0) {
                return Err(format!("anneal: {field} is {value}, expected 0 < {field} <= 1"));
            }
        }
        if steps == 0 {
            return Err("anneal: steps is 0, expected at least 1".into());
        }
        let first = 1.0 / f64::from(steps);
        if let AnnealBy::Linear { from } = by
            && !(from > 1.0 + first && from.is_finite())
        {
            return Err(format!(
                "anneal: from is {from}, expected more than {}: at the first of {steps} steps it is less by {first}, and \
                 1 changes nothing",
                1.0 + first
            ));
        }
        if first >= until {
            return Err(format!(
                "anneal: steps is {steps}, expected more than 1 / until: until is {until}, and even the \
                 first step comes too late"
            ));
        }
        Ok(())
    }
}
