//! Logits of each variant of the decoder against an independent computation in float64.
//!
//! `tests/fixtures/decoder_golden.py` made the numbers; see there.

use burn::backend::ndarray::NdArrayDevice;
use burn::tensor::{Int, Tensor};
use serde_json::Value;
use tts_models::exec::transformer::Decoder;
use tts_models::weights::config::RopeScaling;
use tts_models::{Cpu, Executor, ModelConfig, Plain, Span, Want};

use crate::common;

const TOLERANCE: f64 = 1e-4;

fn golden() -> Value {
    serde_json::from_str(include_str!("../fixtures/decoder_golden.json")).unwrap()
}

fn numbers<T: serde::de::DeserializeOwned>(value: &Value) -> Vec<T> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Runs all tokens in one span and compares the logits.
fn check(name: &str, config: &ModelConfig) {
    let golden = golden();
    let (tokens, rows) = (numbers::<u32>(&golden["tokens"]), numbers::<usize>(&golden["rows"]));
    let columns = numbers::<usize>(&golden["columns"]);
    let variant = &golden["variants"][name];

    let model = Plain::<Cpu>::new(common::weights(config)).unwrap();
    let mut state = model.empty();
    let span = Span { state: &mut state, tokens: &tokens, want: Want::All };
    let hidden = model.forward(&mut [span]).unwrap();
    let logits = model.logits(&hidden).unwrap();

    for (index, &row) in rows.iter().enumerate() {
        let row = &logits[row * config.vocab_size..][..config.vocab_size];
        let expected: Vec<f64> = numbers(&variant["logits"][index]);
        for (&column, expected) in columns.iter().zip(expected) {
            let found = f64::from(row[column]);
            assert!((found - expected).abs() < TOLERANCE, "{name} {column}: {found} {expected}");
        }
        let found: f64 = row.iter().map(|&x| f64::from(x).powi(2)).sum();
        let expected = variant["sum_of_squares"][index].as_f64().unwrap();
        assert!((found - expected).abs() < 10.0 * TOLERANCE, "{name}: {found} {expected}");
    }
}

#[test]
fn llama_with_its_own_head() {
    check("llama_untied", &common::small());
}

#[test]
fn llama_with_the_embedding_as_head() {
    check("llama_tied", &ModelConfig { tie_word_embeddings: true, ..common::small() });
}

#[test]
fn qwen2_with_bias() {
    let config = ModelConfig {
        architecture: "qwen2".to_owned(),
        num_key_value_heads: 1,
        rms_norm_eps: 1e-6,
        rope_theta: 1e6,
        attention_bias: true,
        ..common::small()
    };
    check("qwen2_bias", &config);
}

#[test]
fn qwen3_with_normed_heads_wider_than_the_model() {
    let config = ModelConfig {
        architecture: "qwen3".to_owned(),
        head_dim: 24,
        tie_word_embeddings: true,
        qk_norm: true,
        ..common::small()
    };
    check("qwen3_qk_norm", &config);
}

#[test]
fn linear_rope_scaling() {
    let rope_scaling = RopeScaling::Linear { factor: 4.0 };
    check("rope_linear", &ModelConfig { rope_scaling, ..common::small() });
}

#[test]
fn llama3_rope_scaling() {
    let rope_scaling = RopeScaling::Llama3 {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 64.0,
    };
    check("rope_llama3", &ModelConfig { rope_scaling, ..common::small() });
}

#[test]
fn the_batched_pass_gives_the_bits_of_the_cached_one() {
    let config = common::small();
    let device = NdArrayDevice::default();
    let (batch, seq) = (3, 9);
    let ids: Vec<u32> = (0..27).map(|i| (i * i + 5) % 97).collect();
    let decoder = Decoder::<Cpu>::new(common::weights(&config), &device).unwrap();
    let tokens = Tensor::<Cpu, 1, Int>::from_ints(ids.as_slice(), &device); // [batch * seq]
    let hidden = decoder.forward(tokens.reshape([batch, seq])); // [batch, seq, hidden]
    assert_eq!(hidden.dims(), [batch, seq, config.hidden_size]);

    let model = Plain::from_decoder(config, decoder);
    let mut states = vec![model.empty(); batch];
    let mut spans: Vec<_> = states
        .iter_mut()
        .zip(ids.chunks(seq))
        .map(|(state, tokens)| Span { state, tokens, want: Want::All })
        .collect();
    let cached = model.forward(&mut spans).unwrap();
    assert_eq!(hidden.into_data().into_vec::<f32>().unwrap(), cached);
}
