//! One layer of a decoder.
//!
//! `x + attention(norm(x))`, then `x + feed_forward(norm(x))`. The layer knows no sequences: its
//! caller says how the heads of the rows attend.
//!
//! Touvron et al. 2023, arXiv:2302.13971, section 2.2 (norms before, not after).

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Angles, Attention, FeedForward, Heads, RmsNorm, values};
use crate::{LayerWeights, ModelConfig, ModelError};

/// One layer: attention, then feed-forward, each normed before and added to the residual stream.
#[derive(Module, Debug)]
pub struct DecoderLayer<B: Backend> {
    /// The norm before attention.
    pub attention_norm: RmsNorm<B>,
    /// Self-attention.
    pub attention: Attention<B>,
    /// The norm before the feed-forward layer.
    pub feed_forward_norm: RmsNorm<B>,
    /// The feed-forward layer.
    pub feed_forward: FeedForward<B>,
}

impl<B: Backend> DecoderLayer<B> {
    /// Moves the weights of one layer to a device.
    ///
    /// # Errors
    /// When a tensor does not have the size that the config demands; the error names it.
    pub fn new(
        weights: LayerWeights,
        config: &ModelConfig,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let (hidden, eps) = (config.hidden_size, config.rms_norm_eps);
        let LayerWeights {
            attention_norm,
            query,
            key,
            value,
            attention_bias,
            qk_norm,
            output,
            feed_forward_norm,
            gate,
            up,
            down,
        } = weights;
        let projections = [query, key, value, output];
        Ok(Self {
            attention_norm: RmsNorm::new("attention_norm", attention_norm, hidden, eps, device)?,
            attention: Attention::new(projections, attention_bias, qk_norm, config, device)?,
            feed_forward_norm: RmsNorm::new(
                "feed_forward_norm",
                feed_forward_norm,
                hidden,
                eps,
                device,
            )?,
            feed_forward: FeedForward::new([gate, up, down], config, device)?,
        })
    }

    /// The weights, as [`DecoderLayer::new`] takes them.
    ///
    /// # Errors
    /// When the device does not give them back.
    pub fn weights(&self) -> Result<LayerWeights, ModelError> {
        let Attention { query, key, value, output, query_norm, key_norm, .. } = &self.attention;
        let ((query, query_bias), (key, key_bias)) = (query.weights()?, key.weights()?);
        let (value, value_bias) = value.weights()?;
        let attention_bias = match (query_bias, key_bias, value_bias) {
            (Some(query), Some(key), Some(value)) => Some([query, key, value]),
            _ => None,
        };
        let qk_norm = match (query_norm, key_norm) {
            (Some(query), Some(key)) => {
                Some([values(query.weight.val())?, values(key.weight.val())?])
            }
            _ => None,
        };
        Ok(LayerWeights {
            attention_norm: values(self.attention_norm.weight.val())?,
            query,
            key,
            value,
            attention_bias,
            qk_norm,
            output: output.weights()?.0,
            feed_forward_norm: values(self.feed_forward_norm.weight.val())?,
            gate: self.feed_forward.gate.weights()?.0,
            up: self.feed_forward.up.weights()?.0,
            down: self.feed_forward.down.weights()?.0,
        })
    }

    /// The residual stream `[rows, hidden]` after this layer. `attend` turns the heads of all
    /// rows into the attended values `[rows, heads * head_dim]`.
    pub fn forward(
        &self,
        rows: Tensor<B, 2>,
        angles: &Angles<B>,
        attend: impl FnOnce(Heads<B>) -> Tensor<B, 2>,
    ) -> Tensor<B, 2> {
        let normed = self.attention_norm.forward(rows.clone()); // [rows, hidden]
        let heads = self.attention.heads(normed, angles);
        let rows = rows + self.attention.output.forward(attend(heads)); // [rows, hidden]
        let normed = self.feed_forward_norm.forward(rows.clone()); // [rows, hidden]
        rows + self.feed_forward.forward(normed) // [rows, hidden]
    }
}
