//! How to train: length, rates, sizes, seed.

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// Numbers that matrices are multiplied in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Precision {
    /// All of f32.
    #[default]
    F32,
    /// Operands rounded to BF16, sums in f32: half as fast again where the processor has such products.
    Bf16,
}

/// How to train. The defaults suit a decoder of about a million parameters from nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Updates of the weights.
    pub steps: usize,
    /// Examples an update.
    pub batch: usize,
    /// Numbers that matrices are multiplied in; sums, weights and moments are f32.
    pub precision: Precision,
    /// Threads; 0 for one a core. Their number changes no bit.
    pub threads: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Updates over which the learning rate rises from 0.
    pub warmup: usize,
    /// What the learning rate falls to along a half cosine, as a fraction of the highest.
    pub final_rate: f64,
    /// Decoupled weight decay of the matrices; norms, biases and the embedding have none.
    pub weight_decay: f64,
    /// Decay of the first moment.
    pub beta_1: f32,
    /// Decay of the second moment.
    pub beta_2: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Largest Euclidean norm of the gradient of all weights together.
    pub clip: f64,
    /// The embedding and so many of the first layers stay as they are; 0 to learn everything. What
    /// lies below the first layer that learns costs no backward pass.
    pub frozen_layers: usize,
    /// Decides the order of the examples.
    pub seed: u64,
    /// Updates between two measurements on held-out examples; 0 for one at the end.
    pub evaluate_every: usize,
    /// Updates between two checkpoints; 0 for one at the end.
    pub checkpoint_every: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            steps: 1_000,
            batch: 64,
            precision: Precision::F32,
            threads: 0,
            learning_rate: 1e-3,
            warmup: 50,
            final_rate: 0.1,
            weight_decay: 0.1,
            beta_1: 0.9,
            beta_2: 0.98,
            epsilon: 1e-8,
            clip: 1.0,
            frozen_layers: 0,
            seed: 0,
            evaluate_every: 100,
            checkpoint_every: 100,
        }
    }
}

impl TrainConfig {
    /// The learning rate of an update, the first being 0: a linear rise, then a half cosine.
    ///
    /// Loshchilov and Hutter 2017, arXiv:1608.03983, equation 5, without restarts.
    ///
    /// ```
    /// use tts_models::train::TrainConfig;
    /// let config = TrainConfig { steps: 100, warmup: 10, ..TrainConfig::default() };
    /// assert_eq!(config.rate(9), config.learning_rate);
    /// assert!(config.rate(99) < 0.11 * config.learning_rate);
    /// ```
    pub fn rate(&self, step: usize) -> f64 {
        if step < self.warmup {
            return self.learning_rate * (step + 1) as f64 / self.warmup as f64;
        }
        let span = self.steps.saturating_sub(self.warmup).max(1);
        let done = (step - self.warmup + 1) as f64 / span as f64;
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos());
        self.learning_rate * (self.final_rate + (1.0 - self.final_rate) * cosine)
    }

    /// # Errors
    /// Naming the first field that is wrong.
    pub(super) fn check(&self) -> Result<(), ModelError> {
        for (field, value) in [("steps", self.steps), ("batch", self.batch)] {
            if value == 0 {
                return Err(ModelError::input(field, "0, expected at least 1"));
            }
        }
        let rates = [
            ("learning_rate", self.learning_rate, f64::MIN_POSITIVE..=10.0),
            ("final_rate", self.final_rate, 0.0..=1.0),
            ("weight_decay", self.weight_decay, 0.0..=10.0),
            ("beta_1", f64::from(self.beta_1), 0.0..=0.999_999),
            ("beta_2", f64::from(self.beta_2), 0.0..=0.999_999),
            ("epsilon", f64::from(self.epsilon), f64::MIN_POSITIVE..=1.0),
            ("clip", self.clip, f64::MIN_POSITIVE..=f64::MAX),
        ];
        for (field, value, range) in rates {
            if !range.contains(&value) {
                let problem = format!("{value}, expected {} to {}", range.start(), range.end());
                return Err(ModelError::input(field, problem));
            }
        }
        Ok(())
    }
}
