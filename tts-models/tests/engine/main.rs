//! The engine on small random models: bits that do not depend on company, steps, the cache.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod invariance;
mod lines;
mod native;
mod trunk;

use std::sync::Arc;

use tts_models::testing::tiny_config;
use tts_models::{
    ChatTemplate, DecoderWeights, Engine, EngineConfig, ModelConfig, Native, Tokenizer,
};

/// A model over the byte tokenizer, large enough for all kernels' loops and remainders.
pub(crate) fn config(architecture: &str) -> ModelConfig {
    ModelConfig {
        vocab_size: 262,
        hidden_size: 40,
        intermediate_size: 70,
        num_attention_heads: 6,
        num_key_value_heads: 2,
        head_dim: 10,
        max_position_embeddings: 600,
        eos_token_ids: vec![258],
        ..tiny_config(architecture)
    }
}

fn scale(tensor: &mut [f32], factor: f32) {
    for weight in tensor {
        *weight *= factor;
    }
}

/// Random weights, larger than usual, so that the next token depends on the text.
pub(crate) fn weights(architecture: &str) -> DecoderWeights {
    let mut weights = DecoderWeights::random(config(architecture), 7).unwrap();
    for layer in &mut weights.layers {
        for tensor in [&mut layer.query, &mut layer.key, &mut layer.value, &mut layer.output] {
            scale(tensor, 8.0);
        }
        for tensor in [&mut layer.gate, &mut layer.up, &mut layer.down] {
            scale(tensor, 8.0);
        }
    }
    scale(&mut weights.embedding, 20.0);
    if let Some(head) = &mut weights.head {
        scale(head, 20.0);
    }
    weights
}

/// An engine on a small random model with a chat template.
pub(crate) fn engine(config: EngineConfig) -> Engine<Native> {
    let native = Native::new(weights("qwen3"), config.threads).unwrap();
    let tokenizer = Arc::new(Tokenizer::bytes().unwrap());
    let template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n\
                    {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    let template = ChatTemplate::new(template, "", "<|im_end|>").unwrap();
    Engine::new(native, tokenizer, Some(template), config).unwrap()
}
