//! Random weights of any shape, for tests and for models trained from scratch.
//!
//! Values are uniform with a standard deviation of 0.02, as is usual at the start of training;
//! norm weights are 1 within 0.1, so that leaving one out shows. Only integer arithmetic and exact
//! scaling is involved: a seed gives the same bits on every machine.

use tts_core::seed;

use super::DecoderWeights;
use crate::{ModelConfig, ModelError};

/// Half the width of a uniform distribution of standard deviation 0.02: 0.02 * sqrt(3).
const SPREAD: f32 = 0.034_641_016;
/// Norm weights lie within this of 1.
const NORM_SPREAD: f32 = 0.1;

impl DecoderWeights {
    /// Random weights of the given shape. The same seed gives the same bits.
    ///
    /// # Errors
    /// When the config is not valid ([`ModelConfig::validate`]).
    pub fn random(config: ModelConfig, seed: u64) -> Result<Self, ModelError> {
        config.validate()?;
        let mut rng = seed::rng(seed);
        Self::build(config, |name: &str, shape: &[usize]| {
            let norm = name.ends_with("norm.weight");
            let (centre, spread) = if norm { (1.0, NORM_SPREAD) } else { (0.0, SPREAD) };
            let count = shape.iter().product();
            Ok((0..count).map(|_| centre + spread * symmetric(&mut rng)).collect())
        })
    }

    /// Weights to start training from. The same seed gives the same bits.
    ///
    /// The embedding has a standard deviation of 0.02, norms are 1, biases 0. Projections have a
    /// variance of `1 / (3 * inputs)`, and those that add to the residual stream are divided by
    /// `sqrt(2 * layers)` besides, so that the stream does not grow with depth.
    ///
    /// Source: Radford et al. 2019 (GPT-2), section 2.3, for the division; Glorot and Bengio 2010,
    /// equation 1, for the variance.
    ///
    /// # Errors
    /// When the config is not valid ([`ModelConfig::validate`]).
    pub fn initial(config: ModelConfig, seed: u64) -> Result<Self, ModelError> {
        config.validate()?;
        let mut rng = seed::rng(seed);
        let depth = (2.0 * config.num_hidden_layers as f32).sqrt();
        Self::build(config, |name: &str, shape: &[usize]| {
            let count = shape.iter().product();
            if name.ends_with("norm.weight") {
                return Ok(vec![1.0; count]);
            }
            let spread = match shape {
                [_, inputs] if name.starts_with("model.layers") => {
                    let residual = name.contains("o_proj") || name.contains("down_proj");
                    // A uniform distribution's variance is a third of its half width squared.
                    (1.0 / *inputs as f32).sqrt() / if residual { depth } else { 1.0 }
                }
                [_, _] => SPREAD,
                _ => 0.0,
            };
            Ok((0..count).map(|_| spread * symmetric(&mut rng)).collect())
        })
    }
}

/// Uniform over 2^24 equally spaced values of [-1, 1).
fn symmetric(rng: &mut seed::Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
}
