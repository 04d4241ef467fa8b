//! The embedded pair: a small generator of arithmetic chains, and its reward models.
//!
//! All three are decoders of about a million parameters over one character a token, trained by
//! `train_embedded` and kept, in 16 bits, in `examples/pair`.

use std::path::{Path, PathBuf};

use tts_models::{ModelConfig, RopeScaling};

/// Ends a solution.
pub const END: &str = "<|end|>";
/// Every character of problems and solutions.
pub const ALPHABET: &str = "\n0123456789+-*=";

/// Temperature of all samples.
pub const TEMPERATURE: f32 = 1.0;

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
