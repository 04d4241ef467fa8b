//! Decoders (Llama and the families that differ from it in [`Switches`]) on Burn tensors.
//!
//! A [`Decoder`] is a Burn module: the same weights serve inference
//! ([`Plain`](crate::Plain)), and training when `B` is an autodiff backend. Everything but attention works on rows
//! `[rows, dim]`, whichever sequence a row belongs to; a layer hands the heads of its rows to a
//! closure that knows which rows see which keys. So whole batches and cached spans run the same
//! arithmetic, and on the ndarray backend they give the same bits.
//!
//! The reduction over any axis depends only on the row it belongs to, never on its neighbours:
//! see [`attention`] for the one place where that takes care.
//!
//! Llama: Touvron et al. 2023, arXiv:2302.13971, section 2.2 (pre-norm, `SwiGLU`, rotary embedding).
//! Qwen2: arXiv:2407.10671, section 2.2 (bias on query, key and value). Qwen3: arXiv:2505.09388,
//! section 2 (norm of queries and keys instead of the bias).

pub mod attention;
pub mod cache;
pub mod feed_forward;
pub mod layer;
pub mod mixture;
pub mod norm;
pub mod projection;
pub mod rope;

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

pub use attention::{Attention, Heads};
pub use cache::LayerCache;
pub use feed_forward::FeedForward;
pub use layer::DecoderLayer;
pub use mixture::FeedForwardBlock;
pub use norm::RmsNorm;
pub use projection::{LowRank, Projection};
pub use rope::{Angles, Rope};

use crate::weights::config::{Rotation, Switches, is_one};
use crate::{DecoderWeights, ModelConfig, ModelError};

/// A decoder-only transformer without a loss.
#[derive(Module, Debug)]
pub struct Decoder<B: Backend> {
    /// Token embedding, `[vocab_size, hidden_size]`.
    pub embedding: Param<Tensor<B, 2>>,
    /// The layers, first to last.
    pub layers: Vec<DecoderLayer<B>>,
    /// The norm after the last layer.
    pub norm: RmsNorm<B>,
    /// Output head `[vocab_size, hidden_size]`; `None` when tied to the embedding.
    pub head: Option<Param<Tensor<B, 2>>>,
    /// The rotary embedding of all layers but those with a base of their own.
    #[module(skip)]
    pub rope: Rope,
    /// The rotary embedding of these.
    #[module(skip)]
    pub local: Rope,
    /// What differs from a Llama decoder.
    #[module(skip)]
    pub switches: Switches,
}

impl<B: Backend> Decoder<B> {
    /// Moves weights to a device.
    ///
    /// # Errors
    /// When a tensor does not have the size that the config demands; the error names it.
    pub fn new(weights: DecoderWeights, device: &B::Device) -> Result<Self, ModelError> {
        let DecoderWeights { config, embedding, layers, norm, head } = weights;
        let (vocab, hidden) = (config.vocab_size, config.hidden_size);
        if layers.len() != config.num_hidden_layers {
            return Err(ModelError::Input {
                field: "layers".to_owned(),
                problem: format!("{}, expected {}", layers.len(), config.num_hidden_layers),
            });
        }
        Ok(Self {
            embedding: param("embedding", embedding, [vocab, hidden], device)?,
            layers: layers
                .into_iter()
                .enumerate()
                .map(|(index, layer)| DecoderLayer::new(layer, (&config, index), device))
                .collect::<Result<_, _>>()?,
            norm: RmsNorm::new("norm", norm, hidden, config.rms_norm_eps, device)?,
            head: head.map(|head| param("head", head, [vocab, hidden], device)).transpose()?,
            rope: Rope::new(&config),
            local: Rope::local(&config),
            switches: config.switches,
        })
    }

    /// Rows of the last hidden layer after the final norm, `[batch, seq, hidden]`, of token ids
    /// `[batch, seq]`. Each token sees itself and those before it, so padding belongs at the end.
    ///
    /// Ids must lie in the vocabulary: what an id outside does is up to the backend.
    pub fn forward(&self, tokens: Tensor<B, 2, Int>) -> Tensor<B, 3> {
        let [batch, seq] = tokens.dims();
        let device = tokens.device();
        let positions = (0..batch).flat_map(|_| 0..seq);
        let turns = self.turns(positions, &device);
        let mut rows = self.embed(tokens.reshape([batch * seq])); // [batch * seq, hidden]
        for layer in &self.layers {
            rows = layer.forward(rows, turns.of(layer), |heads| heads.attend_batch(batch));
        }
        let hidden = self.norm.forward(rows); // [batch * seq, hidden]
        let width = hidden.dims()[1];
        hidden.reshape([batch, seq, width])
    }

    /// Rows of the residual stream after the last layer, before the final norm, `[rows, hidden]`,
    /// of new token ids `[rows]` of several sequences.
    ///
    /// `spans[i].0` consecutive rows belong to the sequence whose keys and values `spans[i].1`
    /// holds, one [`LayerCache`] a layer; they grow by those rows.
    pub fn forward_cached(
        &self,
        tokens: Tensor<B, 1, Int>,
        spans: &mut [(usize, &mut [LayerCache<B>])],
    ) -> Tensor<B, 2> {
        let device = tokens.device();
        let positions = spans.iter().flat_map(|(rows, caches)| {
            let past = caches.first().map_or(0, LayerCache::length);
            past..past + rows
        });
        let turns = self.turns(positions, &device);
        let mut rows = self.embed(tokens); // [rows, hidden]
        for (index, layer) in self.layers.iter().enumerate() {
            rows = layer.forward(rows, turns.of(layer), |heads| {
                heads.attend_cached(
                    spans.iter_mut().map(|(rows, caches)| (*rows, &mut caches[index])),
                )
            });
        }
        rows
    }

    /// Logits `[rows, vocab]` of hidden rows `[rows, hidden]` after the final norm.
    pub fn logits(&self, hidden: Tensor<B, 2>) -> Tensor<B, 2> {
        let head = self.head.as_ref().unwrap_or(&self.embedding).val(); // [vocab, hidden]
        // The large matrix stays as it lies in memory; only the small ones are transposed.
        let columns = head.matmul(hidden.transpose()); // [vocab, rows]
        let mut logits = columns.transpose(); // [rows, vocab]
        let Switches { logit_scale, logit_cap, .. } = self.switches;
        if !is_one(logit_scale) {
            logits = logits.mul_scalar(logit_scale);
        }
        match logit_cap {
            Some(bound) => logits.div_scalar(bound).tanh().mul_scalar(bound), // [rows, vocab]
            None => logits,
        }
    }

    /// The weights, as [`Decoder::new`] takes them; `config` must be the one that it was made with.
    ///
    /// # Errors
    /// When the device does not give them back.
    pub fn weights(&self, config: ModelConfig) -> Result<DecoderWeights, ModelError> {
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            layers.push(layer.weights()?);
        }
        Ok(DecoderWeights {
            config,
            embedding: values(self.embedding.val())?,
            layers,
            norm: values(self.norm.weight.val())?,
            head: self.head.as_ref().map(|head| values(head.val())).transpose()?,
        })
    }

    fn embed(&self, tokens: Tensor<B, 1, Int>) -> Tensor<B, 2> {
        let rows = self.embedding.val().select(0, tokens); // [rows, hidden]
        let scale = self.switches.embedding_scale;
        if is_one(scale) { rows } else { rows.mul_scalar(scale) }
    }

    /// How far the heads of rows at these positions are turned.
    fn turns(
        &self,
        positions: impl Iterator<Item = usize> + Clone,
        device: &B::Device,
    ) -> Turns<B> {
        let local = self.layers.iter().any(|layer| layer.attention.rotation == Rotation::Local);
        Turns {
            global: self.rope.angles(positions.clone(), device), // [rows, 1, head_dim / 2]
            local: local.then(|| self.local.angles(positions, device)), // [rows, 1, head_dim / 2]
        }
    }
}

/// How far the heads of rows are turned.
struct Turns<B: Backend> {
    global: Angles<B>,
    local: Option<Angles<B>>,
}

impl<B: Backend> Turns<B> {
    /// In a layer; `None` where nothing is turned.
    fn of(&self, layer: &DecoderLayer<B>) -> Option<&Angles<B>> {
        match layer.attention.rotation {
            Rotation::Global => Some(&self.global),
            Rotation::Local => self.local.as_ref(),
            Rotation::None => None,
        }
    }
}

/// A trainable tensor of `values`, refused when their number does not fit `shape`.
pub(crate) fn param<B: Backend, const D: usize>(
    field: &str,
    values: Vec<f32>,
    shape: [usize; D],
    device: &B::Device,
) -> Result<Param<Tensor<B, D>>, ModelError> {
    if values.len() != shape.iter().product::<usize>() {
        return Err(ModelError::Input {
            field: field.to_owned(),
            problem: format!("{} values, expected {shape:?}", values.len()),
        });
    }
    let data = TensorData::new(values, shape);
    Ok(Param::from_tensor(Tensor::from_data(data, device)))
}

/// The values of a tensor, in f32.
pub(crate) fn values<B: Backend, const D: usize>(
    tensor: Tensor<B, D>,
) -> Result<Vec<f32>, ModelError> {
    let data = tensor.into_data().convert::<f32>();
    data.into_vec().map_err(|error| ModelError::Device { problem: format!("{error:?}") })
}
