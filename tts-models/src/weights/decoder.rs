//! The weights of a decoder in f32, checked against its config.
//!
//! [`DecoderWeights::load`] reads a checkpoint, [`DecoderWeights::random`] makes up one of any
//! shape, [`DecoderWeights::save_safetensors`] writes one that Hugging Face can read. All three go
//! by the same list of names and shapes, Hugging Face's.

mod feed_forward;
mod load;
mod random;
mod save;
mod unread;

pub use feed_forward::{FeedForwardWeights, MixtureWeights, NetworkWeights, SharedWeights};
pub use load::Progress;
pub(crate) use save::replace;

use crate::weights::config::NormPlace;
use crate::{ModelConfig, ModelError};

/// All weights of a decoder. Matrices are `[out, in]`, row-major in f32 unless `M` says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderWeights<M = Vec<f32>> {
    /// The shape that every tensor below was checked against.
    pub config: ModelConfig,
    /// Token embedding, `[vocab_size, hidden_size]`.
    pub embedding: M,
    /// The layers, first to last.
    pub layers: Vec<LayerWeights<M>>,
    /// Weight of the final RMS norm, `[hidden_size]`.
    pub norm: Vec<f32>,
    /// Output head `[vocab_size, hidden_size]`; `None` when tied to the embedding.
    pub head: Option<M>,
}

/// The weights of one layer. With `q = num_attention_heads * head_dim`,
/// `kv = num_key_value_heads * head_dim`, `h = hidden_size`, `f` the width of a feed-forward network
/// ([`ModelConfig::feed_forward_width`]).
#[derive(Debug, Clone, PartialEq)]
pub struct LayerWeights<M = Vec<f32>> {
    /// RMS norm before attention, or after it, as
    /// [`Switches::norm_place`](crate::weights::config::Switches) says, `[h]`.
    pub attention_norm: Vec<f32>,
    /// Query projection, `[q, h]`.
    pub query: M,
    /// Key projection, `[kv, h]`.
    pub key: M,
    /// Value projection, `[kv, h]`.
    pub value: M,
    /// Biases of query `[q]`, key `[kv]` and value `[kv]` (Qwen2).
    pub attention_bias: Option<[Vec<f32>; 3]>,
    /// RMS norms of each query head and each key head, `[head_dim]` each (Qwen3), or of all query heads `[q]` and all
    /// key heads `[kv]` at once (`OLMo` 2).
    pub qk_norm: Option<[Vec<f32>; 2]>,
    /// Attention output projection, `[h, q]`.
    pub output: M,
    /// Its bias, `[h]`.
    pub output_bias: Option<Vec<f32>>,
    /// Scores of the sinks of attention, one a query head (gpt-oss).
    pub sinks: Option<Vec<f32>>,
    /// RMS norm before the feed-forward layer, or after it, `[h]`.
    pub feed_forward_norm: Vec<f32>,
    /// The feed-forward network, or the experts in its place.
    pub feed_forward: FeedForwardWeights<M>,
    /// RMS norms after attention and after the feed-forward layer, `[h]` each, where there are norms before them too
    /// ([`NormPlace::Around`](crate::weights::config::NormPlace)).
    pub post_norms: Option<[Vec<f32>; 2]>,
}

/// A tensor of [`DecoderWeights`], by Hugging Face's name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor<'a> {
    /// For instance `model.layers.0.mlp.up_proj.weight`.
    pub name: String,
    /// Row-major shape.
    pub shape: Vec<usize>,
    /// The values.
    pub values: &'a [f32],
}

impl DecoderWeights {
    /// Every tensor with its Hugging Face name and shape; the order is fixed.
    pub fn tensors(&self) -> Vec<NamedTensor<'_>> {
        let config = &self.config;
        let h = config.hidden_size;
        let (q, kv) = (config.query_width(), config.key_value_width());
        let mut all = Vec::new();
        let mut add = |name: String, shape: &[usize], values| {
            all.push(NamedTensor { name, shape: shape.to_vec(), values });
        };
        add(EMBEDDING.into(), &[config.vocab_size, h], &self.embedding[..]);
        for (index, layer) in self.layers.iter().enumerate() {
            let mut part = |name: &str, shape: &[usize], values| {
                add(format!("model.layers.{index}.{name}"), shape, values);
            };
            part("input_layernorm.weight", &[h], &layer.attention_norm);
            part("self_attn.q_proj.weight", &[q, h], &layer.query);
            part("self_attn.k_proj.weight", &[kv, h], &layer.key);
            part("self_attn.v_proj.weight", &[kv, h], &layer.value);
            if let Some([query, key, value]) = &layer.attention_bias {
                part("self_attn.q_proj.bias", &[q], query);
                part("self_attn.k_proj.bias", &[kv], key);
                part("self_attn.v_proj.bias", &[kv], value);
            }
            if let Some([query, key]) = &layer.qk_norm {
                let [of_query, of_key] = config.norm_widths();
                part("self_attn.q_norm.weight", &[of_query], query);
                part("self_attn.k_norm.weight", &[of_key], key);
            }
            part("self_attn.o_proj.weight", &[h, q], &layer.output);
            if let Some(bias) = &layer.output_bias {
                part("self_attn.o_proj.bias", &[h], bias);
            }
            if let Some(sinks) = &layer.sinks {
                part("self_attn.sinks", &[config.num_attention_heads], sinks);
            }
            part("post_attention_layernorm.weight", &[h], &layer.feed_forward_norm);
            layer.feed_forward.each(config, &mut part);
            if let Some([attention, feed_forward]) = &layer.post_norms {
                part("post_attention_norm.weight", &[h], attention);
                part("post_feedforward_norm.weight", &[h], feed_forward);
            }
        }
        add(NORM.into(), &[h], &self.norm);
        if let Some(head) = &self.head {
            add(HEAD.into(), &[config.vocab_size, h], head);
        }
        all
    }

    /// Whether a model of this shape can take these weights in the place of its own.
    ///
    /// # Errors
    /// When they are of another shape, or lack what it has; the error names a tensor of another size.
    pub(crate) fn check_for(&self, config: &ModelConfig) -> Result<(), ModelError> {
        let switches = &config.switches;
        let around = switches.norm_place == NormPlace::Around;
        let parts = |(index, layer): (usize, &LayerWeights)| {
            layer.attention_bias.is_some() == config.attention_bias
                && layer.qk_norm.is_some() == config.qk_norm
                && layer.output_bias.is_some() == switches.output_bias
                && layer.sinks.is_some() == switches.sinks
                && layer.feed_forward.is_of((config, index))
                && layer.post_norms.is_some() == around
        };
        // Of how many positions a file is told says nothing of its weights.
        let mut own = self.config.clone();
        own.stored.positions = config.stored.positions;
        let like = own == *config
            && self.layers.len() == config.num_hidden_layers
            && self.layers.iter().enumerate().all(parts)
            && self.head.is_none() == config.tie_word_embeddings;
        if !like {
            let problem = "of another shape or model than those in place";
            return Err(ModelError::input("weights", problem));
        }
        for tensor in self.tensors() {
            let expected: usize = tensor.shape.iter().product();
            if tensor.values.len() != expected {
                let problem = format!("{} values, expected {expected}", tensor.values.len());
                return Err(ModelError::input(tensor.name, problem));
            }
        }
        Ok(())
    }
}

/// Where the tensors of a decoder come from.
pub(crate) trait Source<M> {
    /// A matrix, by Hugging Face's name.
    fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<M, ModelError>;

    /// A matrix that is never rounded: that of a router.
    fn exact(&mut self, name: &str, shape: [usize; 2]) -> Result<M, ModelError> {
        self.matrix(name, shape)
    }

    /// The weight of a norm, or a bias.
    fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, ModelError>;
}

impl<F: FnMut(&str, &[usize]) -> Result<Vec<f32>, ModelError>> Source<Vec<f32>> for F {
    fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Vec<f32>, ModelError> {
        self(name, &shape)
    }

    fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, ModelError> {
        self(name, &[length])
    }
}

impl<M> DecoderWeights<M> {
    /// Weights whose every tensor comes from `source`, asked in the order of
    /// [`DecoderWeights::tensors`].
    pub(crate) fn build(
        config: ModelConfig,
        mut source: impl Source<M>,
    ) -> Result<Self, ModelError> {
        let h = config.hidden_size;
        let (q, kv) = (config.query_width(), config.key_value_width());
        let [of_query, of_key] = config.norm_widths();
        let around = config.switches.norm_place == NormPlace::Around;
        let embedding = source.matrix(EMBEDDING, [config.vocab_size, h])?;
        // No capacity up front: the number of layers is only a claim until they are read.
        let mut layers = Vec::new();
        for index in 0..config.num_hidden_layers {
            let full = |part: &str| format!("model.layers.{index}.{part}");
            layers.push(LayerWeights {
                attention_norm: source.vector(&full("input_layernorm.weight"), h)?,
                query: source.matrix(&full("self_attn.q_proj.weight"), [q, h])?,
                key: source.matrix(&full("self_attn.k_proj.weight"), [kv, h])?,
                value: source.matrix(&full("self_attn.v_proj.weight"), [kv, h])?,
                attention_bias: if config.attention_bias {
                    Some([
                        source.vector(&full("self_attn.q_proj.bias"), q)?,
                        source.vector(&full("self_attn.k_proj.bias"), kv)?,
                        source.vector(&full("self_attn.v_proj.bias"), kv)?,
                    ])
                } else {
                    None
                },
                qk_norm: if config.qk_norm {
                    Some([
                        source.vector(&full("self_attn.q_norm.weight"), of_query)?,
                        source.vector(&full("self_attn.k_norm.weight"), of_key)?,
                    ])
                } else {
                    None
                },
                output: source.matrix(&full("self_attn.o_proj.weight"), [h, q])?,
                output_bias: if config.switches.output_bias {
                    Some(source.vector(&full("self_attn.o_proj.bias"), h)?)
                } else {
                    None
                },
                sinks: if config.switches.sinks {
                    Some(source.vector(&full("self_attn.sinks"), config.num_attention_heads)?)
                } else {
                    None
                },
                feed_forward_norm: source.vector(&full("post_attention_layernorm.weight"), h)?,
                feed_forward: FeedForwardWeights::build(&config, index, &mut source)?,
                post_norms: if around {
                    Some([
                        source.vector(&full("post_attention_norm.weight"), h)?,
                        source.vector(&full("post_feedforward_norm.weight"), h)?,
                    ])
                } else {
                    None
                },
            });
        }
        let norm = source.vector(NORM, h)?;
        let head = if config.tie_word_embeddings {
            None
        } else {
            Some(source.matrix(HEAD, [config.vocab_size, h])?)
        };
        Ok(Self { config, embedding, layers, norm, head })
    }
}

impl DecoderWeights {
    /// The same weights with every matrix made over; `pack` is given its values, its number of columns, and whether
    /// it must not be rounded.
    pub(crate) fn pack<M>(self, pack: impl Fn(&[f32], usize, bool) -> M) -> DecoderWeights<M> {
        let (h, q) = (self.config.hidden_size, self.config.query_width());
        let config = &self.config;
        let matrix = |values: &[f32], inputs: usize| pack(values, inputs, false);
        let layer = |layer: LayerWeights| LayerWeights {
            attention_norm: layer.attention_norm,
            query: matrix(&layer.query, h),
            key: matrix(&layer.key, h),
            value: matrix(&layer.value, h),
            attention_bias: layer.attention_bias,
            qk_norm: layer.qk_norm,
            output: matrix(&layer.output, q),
            output_bias: layer.output_bias,
            sinks: layer.sinks,
            feed_forward_norm: layer.feed_forward_norm,
            feed_forward: layer.feed_forward.pack(config, &pack),
            post_norms: layer.post_norms,
        };
        DecoderWeights {
            embedding: matrix(&self.embedding, h),
            layers: self.layers.into_iter().map(layer).collect(),
            norm: self.norm,
            head: self.head.map(|head| matrix(&head, h)),
            config: self.config,
        }
    }
}

impl<M> LayerWeights<M> {
    /// All matrices, in the order in which they are packed.
    pub(crate) fn matrices(&self) -> impl Iterator<Item = &M> {
        let attention = [&self.query, &self.key, &self.value, &self.output];
        attention.into_iter().chain(self.feed_forward.matrices())
    }
}

const EMBEDDING: &str = "model.embed_tokens.weight";
const NORM: &str = "model.norm.weight";
const HEAD: &str = "lm_head.weight";
