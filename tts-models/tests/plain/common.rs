//! Small decoders with weights from an integer formula, repeated in
//! `tests/fixtures/decoder_golden.py`.

use tts_models::weights::config::RopeScaling;
use tts_models::weights::decoder::{FeedForwardWeights, NetworkWeights};
use tts_models::{DecoderWeights, LayerWeights, ModelConfig};

/// A Llama with untied head: vocabulary 97, width 64, 3 layers, 4 query and 2 key heads of 16.
pub(crate) fn small() -> ModelConfig {
    ModelConfig {
        architecture: "llama".to_owned(),
        vocab_size: 97,
        hidden_size: 64,
        intermediate_size: 160,
        num_hidden_layers: 3,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 16,
        rms_norm_eps: 1e-5,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        max_position_embeddings: 512,
        tie_word_embeddings: false,
        attention_bias: false,
        qk_norm: false,
        switches: tts_models::Switches::default(),
        stored: tts_models::Stored::default(),
        bos_token_id: None,
        eos_token_ids: vec![2],
    }
}

/// Weights of a config. Tensor `t` (in the order of the fields, layers one by one) has the values
/// `uniform(t, 0), uniform(t, 1), ..`; norms have 1 added.
pub(crate) fn weights(config: &ModelConfig) -> DecoderWeights {
    let mut tensor = 0;
    let mut next = |length: usize, offset: f32| {
        tensor += 1;
        (0..length as u64).map(|index| offset + uniform(tensor - 1, index)).collect::<Vec<f32>>()
    };
    let (h, f, d) = (config.hidden_size, config.intermediate_size, config.head_dim);
    let (q, kv) = (config.num_attention_heads * d, config.num_key_value_heads * d);
    let embedding = next(config.vocab_size * h, 0.0);
    let layers = (0..config.num_hidden_layers)
        .map(|_| LayerWeights {
            attention_norm: next(h, 1.0),
            query: next(q * h, 0.0),
            key: next(kv * h, 0.0),
            value: next(kv * h, 0.0),
            attention_bias: config
                .attention_bias
                .then(|| [next(q, 0.0), next(kv, 0.0), next(kv, 0.0)]),
            qk_norm: config.qk_norm.then(|| [next(d, 1.0), next(d, 1.0)]),
            output: next(h * q, 0.0),
            output_bias: None,
            sinks: None,
            feed_forward_norm: next(h, 1.0),
            feed_forward: FeedForwardWeights::Dense(NetworkWeights {
                gate: next(f * h, 0.0),
                up: next(f * h, 0.0),
                down: next(h * f, 0.0),
                biases: None,
            }),
            post_norms: None,
        })
        .collect();
    let norm = next(h, 1.0);
    let head = (!config.tie_word_embeddings).then(|| next(config.vocab_size * h, 0.0));
    DecoderWeights { config: config.clone(), embedding, layers, norm, head }
}

/// A multiple of 2^-25 in `[-0.25, 0.25)`: the top 24 bits of splitmix64 (Steele et al. 2014,
/// figure 16) at `(tensor << 32) + index`.
pub(crate) fn uniform(tensor: u64, index: u64) -> f32 {
    let mut z = ((tensor << 32) + index).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    (z >> 40) as f32 / 33_554_432.0 - 0.25
}
