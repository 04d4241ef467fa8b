//! The frequencies of the rotary embedding.
//!
//! Pair `i` of a head of width `d` turns by `theta^(-2 i / d)` radians a token. Models stretched
//! to longer contexts slow some frequencies down ([`RopeScaling`]).
//!
//! Source: Su et al. 2021, <https://arxiv.org/abs/2104.09864>; the scaling rules of Hugging Face
//! transformers (`modeling_rope_utils.py`).

use super::bounds::{held, mild, shown};
use super::{ModelConfig, Problem};

/// How rotary frequencies are scaled for long contexts.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum RopeScaling {
    /// Not at all.
    #[default]
    None,
    /// All frequencies divided by `factor`.
    Linear {
        /// The divisor.
        factor: f64,
    },
    /// Llama 3.1's rule: low frequencies divided by `factor`, high ones kept, a smooth blend between.
    Llama3 {
        /// The divisor of low frequencies.
        factor: f64,
        /// Wavelengths above `original / low_freq_factor` count as long.
        low_freq_factor: f64,
        /// Wavelengths below `original / high_freq_factor` count as short.
        high_freq_factor: f64,
        /// Context length of the original training, in tokens.
        original_max_position_embeddings: f64,
    },
    /// Low frequencies divided by `factor`, high ones kept, a line between them over the pairs; and all angles'
    /// cosines and sines multiplied with `attention_factor` (Peng et al. 2023, arXiv 2309.00071, section 3.2).
    Yarn {
        /// The divisor of low frequencies.
        factor: f64,
        /// Context length of the original training, in tokens.
        original_max_position_embeddings: f64,
        /// Pairs that turn more often than this over the original context are kept.
        beta_fast: f64,
        /// Pairs that turn less often than this are divided.
        beta_slow: f64,
        /// What cosines and sines are multiplied with.
        attention_factor: f64,
        /// Whether the ends of the line are whole pairs.
        truncate: bool,
    },
    /// Each frequency divided by its own factor, `[head_dim / 2]`: what GGUF files store as
    /// `rope_freqs.weight` in place of a rule.
    Factors(Vec<f64>),
    /// Each frequency divided by its own factor, of one of two lists; and all angles' cosines and sines multiplied with
    /// `attention_factor` (Ding et al. 2024, arXiv 2402.13753).
    ///
    /// Which list it is follows from the longest sequence that the model was opened for
    /// ([`ModelConfig::max_position_embeddings`], which [`positions`](crate::EngineConfig::positions) bounds), as in
    /// llama.cpp and vLLM. transformers asks how long the sequence at hand is; what has been read would have to be read
    /// again where it grows beyond `original_max_position_embeddings`, and a token's state would depend on what
    /// follows it.
    LongRope {
        /// The divisors of a model that is opened for no more than `original_max_position_embeddings`.
        short_factor: Vec<f64>,
        /// The divisors of a model that is opened for more.
        long_factor: Vec<f64>,
        /// Context length of the original training, in tokens.
        original_max_position_embeddings: f64,
        /// What cosines and sines are multiplied with.
        attention_factor: f64,
    },
}

/// What cosines and sines are multiplied with where a context of `original` tokens becomes `factor` times as long, if a
/// file does not say.
pub(super) fn longrope_attention(factor: f64, original: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { (1.0 + factor.ln() / original.ln()).sqrt() }
}

impl RopeScaling {
    /// What cosines and sines are multiplied with.
    pub(crate) fn amplitude(&self) -> f64 {
        match self {
            Self::Yarn { attention_factor, .. } | Self::LongRope { attention_factor, .. } => {
                *attention_factor
            }
            _ => 1.0,
        }
    }

    /// Whether positions are turned otherwise within `most` of them than within `all`.
    pub(super) fn turns_at(&self, most: usize, all: usize) -> bool {
        let Self::LongRope { original_max_position_embeddings: original, .. } = self else {
            return false;
        };
        (most as f64 > *original) != (all as f64 > *original)
    }

    /// What is wrong with the numbers, for heads of which so many numbers are turned.
    pub(super) fn check(&self, head_dim: usize) -> Result<(), Problem> {
        let above = |field: &'static str, x: f64, (what, least): (&str, f64)| {
            if x - least > 0.0 {
                Ok(())
            } else {
                Err((field, format!("{}, expected more than {what}, {}", shown(x), shown(least))))
            }
        };
        let positive_list = |field: &'static str, factors: &[f64]| {
            if factors.len() != head_dim / 2 {
                let problem = format!("{} numbers, expected {}", factors.len(), head_dim / 2);
                return Err((field, problem));
            }
            for (index, factor) in factors.iter().enumerate() {
                held(field, *factor)
                    .map_err(|(field, problem)| (field, format!("number {index} is {problem}")))?;
            }
            Ok(())
        };
        match self {
            Self::None => Ok(()),
            Self::Linear { factor } => held(FACTOR, *factor),
            Self::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings,
            } => {
                held(FACTOR, *factor)?;
                held("rope_scaling.low_freq_factor", *low_freq_factor)?;
                let high = "rope_scaling.high_freq_factor";
                held(high, *high_freq_factor)?;
                held(ORIGINAL, *original_max_position_embeddings)?;
                // The blend divides by the difference.
                above(high, *high_freq_factor, ("low_freq_factor", *low_freq_factor))
            }
            Self::Yarn {
                factor,
                original_max_position_embeddings,
                beta_fast,
                beta_slow,
                attention_factor,
                truncate: _,
            } => {
                held(FACTOR, *factor)?;
                held(ORIGINAL, *original_max_position_embeddings)?;
                held("rope_scaling.beta_slow", *beta_slow)?;
                let fast = "rope_scaling.beta_fast";
                held(fast, *beta_fast)?;
                above(fast, *beta_fast, ("beta_slow", *beta_slow))?;
                mild(ATTENTION, *attention_factor)
            }
            Self::Factors(factors) => positive_list("rope_scaling.factors", factors),
            Self::LongRope {
                short_factor,
                long_factor,
                original_max_position_embeddings: original,
                attention_factor,
            } => {
                // Its logarithm is divided by.
                if *original <= 1.0 {
                    return Err((ORIGINAL, format!("{}, expected more than 1", shown(*original))));
                }
                held(ORIGINAL, *original)?;
                positive_list("rope_scaling.short_factor", short_factor)?;
                positive_list("rope_scaling.long_factor", long_factor)?;
                mild(ATTENTION, *attention_factor)
            }
        }
    }
}

/// Fields that several scalings have.
const FACTOR: &str = "rope_scaling.factor";
const ORIGINAL: &str = "rope_scaling.original_max_position_embeddings";
const ATTENTION: &str = "rope_scaling.attention_factor";

impl ModelConfig {
    /// The rotary frequencies in radians a token, one for each pair `(i, i + d / 2)` of the `d` numbers that are
    /// turned ([`Self::rotary_dim`]): shape `[d / 2]`.
    pub fn rope_frequencies(&self) -> Vec<f64> {
        let half = self.rotary_dim() / 2;
        (0..half)
            .map(|i| {
                let base = self.rope_theta.powf(-(i as f64) / half as f64);
                match &self.rope_scaling {
                    RopeScaling::Yarn {
                        factor,
                        original_max_position_embeddings: original,
                        beta_fast,
                        beta_slow,
                        truncate,
                        ..
                    } => {
                        // The pair that turns so many times over the original context.
                        let pair = |turns: f64| {
                            let width = 2.0 * half as f64;
                            width * (original / (turns * 2.0 * std::f64::consts::PI)).ln()
                                / (2.0 * self.rope_theta.ln())
                        };
                        let (mut low, mut high) = (pair(*beta_fast), pair(*beta_slow));
                        if *truncate {
                            (low, high) = (low.floor(), high.ceil());
                        }
                        let low = low.max(0.0);
                        let mut high = high.min(2.0 * half as f64 - 1.0);
                        if (high - low).abs() <= 0.0 {
                            high += 0.001;
                        }
                        let divided = ((i as f64 - low) / (high - low)).clamp(0.0, 1.0);
                        base / factor * divided + base * (1.0 - divided)
                    }
                    RopeScaling::None => base,
                    RopeScaling::Linear { factor } => base / factor,
                    RopeScaling::Factors(factors) => base / factors.get(i).unwrap_or(&1.0),
                    RopeScaling::LongRope {
                        short_factor,
                        long_factor,
                        original_max_position_embeddings: original,
                        ..
                    } => {
                        // The one place where it is chosen.
                        let long = self.max_position_embeddings as f64 > *original;
                        let factors = if long { long_factor } else { short_factor };
                        base / factors.get(i).unwrap_or(&1.0)
                    }
                    RopeScaling::Llama3 {
                        factor,
                        low_freq_factor,
                        high_freq_factor,
                        original_max_position_embeddings: original,
                    } => {
                        let wavelength = 2.0 * std::f64::consts::PI / base;
                        if wavelength < original / high_freq_factor {
                            base
                        } else if wavelength > original / low_freq_factor {
                            base / factor
                        } else {
                            let blend = (original / wavelength - low_freq_factor)
                                / (high_freq_factor - low_freq_factor);
                            (1.0 - blend) * base / factor + blend * base
                        }
                    }
                }
            })
            .collect()
    }

    /// The frequencies of layers that are turned by a base of their own, without scaling.
    pub fn local_rope_frequencies(&self) -> Vec<f64> {
        let local = Self {
            rope_theta: self.switches.local_rope_theta,
            rope_scaling: RopeScaling::None,
            ..self.clone()
        };
        local.rope_frequencies()
    }
}
