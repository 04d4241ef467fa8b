//! Models of random weights in four sizes, and what stands in for their tokenizer.
//!
//! Speed depends on shapes and types alone, not on what the weights say. The two small sizes have
//! the proportions of the models of this project, the large ones those of `SmolLM2`.

use std::path::Path;
use std::sync::Arc;

use tts_models::{
    DecoderWeights, Engine, EngineConfig, LanguageModel, ModelConfig, Native, RopeScaling,
    Tokenizer,
};

use crate::Error;

/// A size of model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// In tables and on the command line.
    pub name: &'static str,
    hidden: usize,
    feed_forward: usize,
    layers: usize,
    heads: usize,
    key_value_heads: usize,
    head_width: usize,
    vocabulary: usize,
}

/// About 1, 10, 135 and 360 million parameters.
pub const SIZES: [Size; 4] = [
    Size {
        name: "1M",
        hidden: 128,
        feed_forward: 384,
        layers: 5,
        heads: 4,
        key_value_heads: 4,
        head_width: 32,
        vocabulary: 512,
    },
    Size {
        name: "10M",
        hidden: 320,
        feed_forward: 864,
        layers: 8,
        heads: 5,
        key_value_heads: 5,
        head_width: 64,
        vocabulary: 4096,
    },
    Size {
        name: "135M",
        hidden: 576,
        feed_forward: 1536,
        layers: 30,
        heads: 9,
        key_value_heads: 3,
        head_width: 64,
        vocabulary: 49_152,
    },
    Size {
        name: "360M",
        hidden: 960,
        feed_forward: 2560,
        layers: 32,
        heads: 15,
        key_value_heads: 5,
        head_width: 64,
        vocabulary: 49_152,
    },
];

/// Letters that prompts are written in.
pub(super) const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz ";

impl Size {
    fn config(&self) -> ModelConfig {
        ModelConfig {
            architecture: "llama".to_owned(),
            vocab_size: self.vocabulary,
            hidden_size: self.hidden,
            intermediate_size: self.feed_forward,
            num_hidden_layers: self.layers,
            num_attention_heads: self.heads,
            num_key_value_heads: self.key_value_heads,
            head_dim: self.head_width,
            rms_norm_eps: 1e-5,
            rope_theta: 10_000.0,
            rope_scaling: RopeScaling::None,
            max_position_embeddings: 16_384,
            tie_word_embeddings: true,
            attention_bias: false,
            qk_norm: false,
            switches: tts_models::Switches::default(),
            stored: tts_models::Stored::default(),
            bos_token_id: None,
            eos_token_ids: Vec::new(),
        }
    }
}

/// An engine on random weights.
///
/// # Errors
/// When the threads cannot be started or no temporary file can be written.
pub fn random(size: &Size, config: EngineConfig) -> Result<Box<dyn LanguageModel>, Error> {
    let weights = DecoderWeights::random(size.config(), 1)?;
    let native = Native::with_format(weights, config.weights, config.threads)?
        .with_key_values(config.key_values);
    let tokenizer = Arc::new(tokenizer(size.vocabulary)?);
    Ok(Box::new(Engine::new(native, tokenizer, None, config)?))
}

/// One token a letter, and names for all other ids, so that tokens are drawn from all of them.
fn tokenizer(vocabulary: usize) -> Result<Tokenizer, Error> {
    let names: Vec<String> = (LETTERS.len()..vocabulary).map(|id| format!("<|{id}|>")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let json = tts_models::text::tokenizer::characters(LETTERS, &names)?;
    Ok(Tokenizer::from_json_bytes(json.as_ref(), Path::new("tokenizer of letters"))?)
}
