//! Training: losses against independent arithmetic, resumption bit for bit, bad input by table.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod adapters;
mod learning;
mod losses;
mod policy;
mod stopping;

use tts_models::testing::tiny_config;
use tts_models::train::{Example, LabelHead, Model, TrainConfig};
use tts_models::{DecoderWeights, ModelConfig};

/// A small shape that can still learn.
fn shape() -> ModelConfig {
    ModelConfig { hidden_size: 16, intermediate_size: 24, head_dim: 8, ..tiny_config("llama") }
}

fn model(seed: u64) -> Model {
    Model::from(DecoderWeights::initial(shape(), seed).unwrap())
}

fn labelled(seed: u64) -> Model {
    let label = Some(LabelHead::zero(shape().hidden_size));
    Model { label, ..model(seed) }
}

/// Counting upwards modulo 8 from every start, in several lengths.
fn counting() -> Vec<Example> {
    let texts = (0..24_u32).map(|index| {
        let length = 4 + index % 5;
        (0..length).map(|place| 3 + (index + place) % 8).collect()
    });
    texts.map(|tokens: Vec<u32>| Example::continuation(tokens, 1)).collect()
}

fn config(steps: usize) -> TrainConfig {
    TrainConfig {
        steps,
        batch: 4,
        warmup: 3,
        learning_rate: 5e-3,
        evaluate_every: 2,
        checkpoint_every: 2,
        ..TrainConfig::default()
    }
}
