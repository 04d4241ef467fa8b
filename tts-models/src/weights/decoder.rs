//! The weights of a decoder in f32, checked against its config.

use crate::ModelConfig;

/// All weights of a decoder, row-major, in f32. Projections are `[out, in]`.
#[derive(Debug, Clone)]
pub struct DecoderWeights {
    /// The shape that every tensor below was checked against.
    pub config: ModelConfig,
    /// Token embedding, `[vocab_size, hidden_size]`.
    pub embedding: Vec<f32>,
    /// The layers, first to last.
    pub layers: Vec<LayerWeights>,
    /// Weight of the final RMS norm, `[hidden_size]`.
    pub norm: Vec<f32>,
    /// Output head `[vocab_size, hidden_size]`; `None` when tied to the embedding.
    pub head: Option<Vec<f32>>,
}

/// The weights of one layer. With `q = num_attention_heads * head_dim`,
/// `kv = num_key_value_heads * head_dim`, `h = hidden_size`, `f = intermediate_size`.
#[derive(Debug, Clone)]
pub struct LayerWeights {
    /// RMS norm before attention, `[h]`.
    pub attention_norm: Vec<f32>,
    /// Query projection, `[q, h]`.
    pub query: Vec<f32>,
    /// Key projection, `[kv, h]`.
    pub key: Vec<f32>,
    /// Value projection, `[kv, h]`.
    pub value: Vec<f32>,
    /// Biases of query `[q]`, key `[kv]` and value `[kv]` (Qwen2).
    pub attention_bias: Option<[Vec<f32>; 3]>,
    /// RMS norms of each query head and each key head, `[head_dim]` each (Qwen3).
    pub qk_norm: Option<[Vec<f32>; 2]>,
    /// Attention output projection, `[h, q]`.
    pub output: Vec<f32>,
    /// RMS norm before the feed-forward layer, `[h]`.
    pub feed_forward_norm: Vec<f32>,
    /// SwiGLU gate projection, `[f, h]`.
    pub gate: Vec<f32>,
    /// SwiGLU up projection, `[f, h]`.
    pub up: Vec<f32>,
    /// SwiGLU down projection, `[h, f]`.
    pub down: Vec<f32>,
}
