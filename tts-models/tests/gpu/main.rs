//! The executor on own GPU kernels: against the CPU, and its bits under every split of the work.
//!
//! Each test runs on every GPU runtime that the features name. Where a runtime finds no device the
//! test says so on stderr, which the harness does not capture here, and ends.

#![cfg(any(feature = "cuda", feature = "wgpu"))]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod engine;
mod executor;

use std::io::Write;
use std::sync::Mutex;

use tts_models::backend::Runtime;
use tts_models::config::RopeScaling;
use tts_models::{DecoderWeights, Gpu, ModelConfig};

/// The default device of a runtime, or `None` with a message.
#[expect(clippy::explicit_write, reason = "the harness captures what `eprintln` writes")]
pub(crate) fn device<R: Runtime>(name: &str) -> Option<R::Device> {
    // One at a time: a runtime whose start fails may be asked again.
    static OPENING: Mutex<()> = Mutex::new(());
    let _opening = OPENING.lock();
    let device = R::Device::default();
    match Gpu::<R>::available(&device) {
        Ok(()) => Some(device),
        Err(error) => {
            writeln!(std::io::stderr(), "skipped, no {name} device: {error}").unwrap();
            None
        }
    }
}

/// Makes tests of generic functions that take a device.
macro_rules! on_each_runtime {
    ($($test:ident),* $(,)?) => {
        #[cfg(feature = "wgpu")]
        mod wgpu {
            use tts_models::backend::WgpuRuntime;
            $(#[test]
            fn $test() {
                if let Some(device) = crate::device::<WgpuRuntime>("wgpu") {
                    super::$test::<WgpuRuntime>(&device);
                }
            })*
        }
        #[cfg(feature = "cuda")]
        mod cuda {
            use tts_models::backend::CudaRuntime;
            $(#[test]
            fn $test() {
                if let Some(device) = crate::device::<CudaRuntime>("cuda") {
                    super::$test::<CudaRuntime>(&device);
                }
            })*
        }
    };
}
pub(crate) use on_each_runtime;

/// A small decoder: widths that no tile divides, three layers, grouped heads.
pub(crate) fn config(architecture: &str) -> ModelConfig {
    ModelConfig {
        architecture: architecture.to_owned(),
        vocab_size: 262,
        hidden_size: 40,
        intermediate_size: 70,
        num_hidden_layers: 2,
        num_attention_heads: 6,
        num_key_value_heads: 2,
        head_dim: 10,
        rms_norm_eps: 1e-5,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        max_position_embeddings: 600,
        tie_word_embeddings: architecture == "qwen2",
        attention_bias: architecture == "qwen2",
        qk_norm: architecture == "qwen3",
        bos_token_id: None,
        eos_token_ids: vec![258],
    }
}

/// Random weights, larger than usual, so that the next token depends on the text.
pub(crate) fn weights(config: ModelConfig) -> DecoderWeights {
    let mut weights = DecoderWeights::random(config, 7).unwrap();
    let grow = |tensor: &mut Vec<f32>, factor: f32| {
        for weight in tensor {
            *weight *= factor;
        }
    };
    for layer in &mut weights.layers {
        for tensor in [&mut layer.query, &mut layer.key, &mut layer.value, &mut layer.output] {
            grow(tensor, 8.0);
        }
        for tensor in [&mut layer.gate, &mut layer.up, &mut layer.down] {
            grow(tensor, 8.0);
        }
    }
    grow(&mut weights.embedding, 20.0);
    if let Some(head) = &mut weights.head {
        grow(head, 20.0);
    }
    weights
}
