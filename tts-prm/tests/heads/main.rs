//! Heads on a tiny random backbone: golden values, order of calls, batches, bad files.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod files;
mod formats;
mod linear;
mod models;
mod refused;
#[cfg(feature = "remote")]
mod remote;
mod scores;
mod tokens;

use std::path::Path;
use std::sync::Arc;

use safetensors::tensor::{Dtype, TensorView};
use tts_core::{Prompt, Step, Trajectory};
use tts_models::testing::tiny_config;
use tts_models::{DecoderWeights, Engine, EngineConfig, ModelConfig, Native, Tokenizer};
use tts_prm::{HeadConfig, Linear, RewardHead};

fn config() -> ModelConfig {
    ModelConfig {
        vocab_size: 260,
        max_position_embeddings: 256,
        bos_token_id: None,
        eos_token_ids: vec![258],
        ..tiny_config("qwen2")
    }
}

fn weights() -> DecoderWeights {
    DecoderWeights::random(config(), 7).unwrap()
}

fn engine() -> Engine<Native> {
    let native = Native::new(weights(), 1).unwrap();
    let config = EngineConfig { threads: 1, prefill_rows: 7, ..EngineConfig::default() };
    Engine::new(native, Arc::new(Tokenizer::bytes().unwrap()), None, config).unwrap()
}

fn step(text: &str) -> Arc<Step> {
    let tokens: Vec<u32> = text.bytes().map(u32::from).collect();
    let logprobs = vec![-1.0; tokens.len()];
    Arc::new(Step { text: text.into(), tokens, logprobs, ..Step::default() })
}

fn path(texts: &[&str], fresh: usize, finished: bool) -> Trajectory {
    let steps = texts.iter().map(|text| step(text)).collect();
    Trajectory::new(Arc::new(Prompt::text("Q: 2 + 2?\nA:")), steps, fresh, finished)
}

/// Weights that differ everywhere.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let value = |i: usize| (i as f32 * 1.7 + seed as f32).sin();
    (0..count).map(value).collect()
}

fn layer(outputs: usize, inputs: usize, seed: u32) -> Linear {
    Linear {
        weight: numbers(outputs * inputs, seed),
        bias: Some(numbers(outputs, seed + 50)),
        outputs,
        inputs,
    }
}

fn head(labels: usize, config: HeadConfig) -> RewardHead {
    RewardHead::new(vec![layer(labels, 8, 1)], config).unwrap()
}

fn bits(scores: &[f64]) -> Vec<u64> {
    scores.iter().map(|score| score.to_bits()).collect()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-12, "{a} and {b}");
}

/// `weight * x + bias` by hand.
fn by_hand(layer: &Linear, x: &[f64]) -> Vec<f64> {
    let mut out: Vec<f64> = layer.bias.iter().flatten().copied().map(f64::from).collect();
    for (index, weight) in layer.weight.iter().enumerate() {
        out[index / layer.inputs] += f64::from(*weight) * x[index % layer.inputs];
    }
    out
}

const STEPS: [&str; 3] = ["2 + 2\n", "is the same as 4\n", "so 4."];

/// Tensors for a file: name, type, shape, bytes.
type Raw = (&'static str, Dtype, Vec<usize>, Vec<u8>);

fn f32s(name: &'static str, shape: &[usize], values: &[f32]) -> Raw {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    (name, Dtype::F32, shape.to_vec(), bytes)
}

fn write(file: &Path, tensors: &[Raw]) {
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (*name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    std::fs::write(file, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn config_cost() -> tts_core::cost::ModelCost {
    config().cost()
}
