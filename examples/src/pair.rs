//! The embedded pair: a small generator of arithmetic chains, and its reward models.
//!
//! All three are decoders of about a million parameters over one character a token, trained by
//! `train_embedded` and kept, in 16 bits, in `examples/pair`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tts_core::family::Chain;
use tts_models::train::{Precision, TrainConfig};
use tts_models::{ModelConfig, RopeScaling};

/// Ends a solution.
pub const END: &str = "<|end|>";
/// Every character of problems and solutions.
pub const ALPHABET: &str = "\n0123456789+-*=";

/// Temperature of all samples.
pub const TEMPERATURE: f32 = 0.7;

/// The folder of the committed pair.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pair")
}

/// The shape of all three models: 1.07 million parameters.
pub fn shape() -> ModelConfig {
    ModelConfig {
        architecture: "llama".to_owned(),
        vocab_size: 1 + ALPHABET.len(),
        hidden_size: 128,
        intermediate_size: 384,
        num_hidden_layers: 5,
        num_attention_heads: 4,
        num_key_value_heads: 4,
        head_dim: 32,
        rms_norm_eps: 1e-5,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        max_position_embeddings: 256,
        tie_word_embeddings: true,
        attention_bias: false,
        qk_norm: false,
        bos_token_id: None,
        eos_token_ids: vec![0],
    }
}

/// How the pair is made. Everything that decides the result stands here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PairConfig {
    /// The problems.
    pub family: Chain,
    /// Where all randomness comes from.
    pub seed: u64,
    /// Problems that the generator learns from.
    pub problems: usize,
    /// Problems of the validation split that held-out losses are measured on.
    pub held_out: usize,
    /// Training of the generator.
    pub generator: TrainConfig,
    /// Problems, other than the generator's, that solutions are sampled for.
    pub sampled_problems: usize,
    /// Solutions sampled for each.
    pub samples: usize,
    /// Temperature of the samples.
    pub temperature: f32,
    /// Problems whose written solutions the reward models learn from before they judge.
    pub studied_problems: usize,
    /// Training on them.
    pub study: TrainConfig,
    /// Training of the process and of the outcome reward model.
    pub verifier: TrainConfig,
    /// Problems of the test split that the verifiers are reported on.
    pub reported_problems: usize,
}

impl Default for PairConfig {
    fn default() -> Self {
        let precision = Precision::Bf16;
        let train = TrainConfig { batch: 32, warmup: 100, precision, ..TrainConfig::default() };
        Self {
            family: Chain::default(),
            seed: 1,
            problems: 100_000,
            held_out: 256,
            generator: TrainConfig { steps: 3_500, learning_rate: 3e-3, ..train.clone() },
            sampled_problems: 20_000,
            samples: 4,
            temperature: TEMPERATURE,
            studied_problems: 300_000,
            study: TrainConfig { steps: 4_000, learning_rate: 3e-3, ..train.clone() },
            verifier: TrainConfig { steps: 2_500, learning_rate: 1e-3, ..train },
            reported_problems: 500,
        }
    }
}
