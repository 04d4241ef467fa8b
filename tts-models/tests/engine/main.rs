//! The engine on small random models: bits that do not depend on company, steps, the cache.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod invariance;
mod lines;
mod native;
mod trunk;

use std::sync::Arc;

pub(crate) use tts_models::testing::byte_config as config;
use tts_models::testing::{byte_config, lively_weights};
use tts_models::{ChatTemplate, DecoderWeights, Engine, EngineConfig, Native, Tokenizer};

/// Random weights over [`byte_config`].
pub(crate) fn weights(architecture: &str) -> DecoderWeights {
    lively_weights(byte_config(architecture)).unwrap()
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
