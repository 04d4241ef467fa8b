//! One layer of a decoder.
//!
//! `x + attention(norm(x))`, then `x + feed_forward(norm(x))`, unless
//! [`Switches`](crate::weights::config::Switches) put norms elsewhere. The layer knows no sequences: its
//! caller says how the heads of the rows attend.
//!
//! Touvron et al. 2023, arXiv:2302.13971, section 2.2 (norms before, not after).

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Angles, Attention, FeedForwardBlock, Heads, RmsNorm, values};
use crate::weights::config::{NormPlace, is_one};
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
    /// The feed-forward network, or the experts in its place.
    pub feed_forward: FeedForwardBlock<B>,
    /// The norms after attention and after the feed-forward layer, where there are norms before them too.
    pub post_norms: Option<[RmsNorm<B>; 2]>,
    /// Where norms stand.
    #[module(skip)]
    pub norm_place: NormPlace,
    /// What a block's result is multiplied with before it is added.
    #[module(skip)]
    pub residual_scale: f64,
}

impl<B: Backend> DecoderLayer<B> {
    /// Moves the weights of the layer of this index to a device.
    ///
    /// # Errors
    /// When a tensor does not have the size that the config demands; the error names it.
    pub fn new(
        weights: LayerWeights,
        (config, index): (&ModelConfig, usize),
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
            output_bias,
            sinks,
            feed_forward_norm,
            feed_forward,
            post_norms,
        } = weights;
        let norm = |field, weight| RmsNorm::new(field, weight, hidden, eps, device);
        let biases = (attention_bias, output_bias);
        let projections = [query, key, value, output];
        Ok(Self {
            attention_norm: norm("attention_norm", attention_norm)?,
            attention: Attention::new(
                projections,
                biases,
                (qk_norm, sinks),
                (config, index),
                device,
            )?,
            feed_forward_norm: norm("feed_forward_norm", feed_forward_norm)?,
            feed_forward: FeedForwardBlock::new(feed_forward, config, device)?,
            post_norms: match post_norms {
                Some([attention, feed_forward]) => Some([
                    norm("post_attention_norm", attention)?,
                    norm("post_feedforward_norm", feed_forward)?,
                ]),
                None => None,
            },
            norm_place: config.switches.norm_place,
            residual_scale: config.switches.residual_scale,
        })
    }

    /// The weights, as [`DecoderLayer::new`] takes them.
    ///
    /// # Errors
    /// When the device does not give them back.
    pub fn weights(&self) -> Result<LayerWeights, ModelError> {
        let Attention { query, key, value, output, query_norm, key_norm, sinks, .. } =
            &self.attention;
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
        let sinks = sinks.as_ref().map(|sinks| values(sinks.val())).transpose()?;
        let post_norms = match &self.post_norms {
            Some([attention, feed_forward]) => {
                Some([values(attention.weight.val())?, values(feed_forward.weight.val())?])
            }
            None => None,
        };
        let (output, output_bias) = output.weights()?;
        Ok(LayerWeights {
            attention_norm: values(self.attention_norm.weight.val())?,
            query,
            key,
            value,
            attention_bias,
            qk_norm,
            output,
            output_bias,
            sinks,
            feed_forward_norm: values(self.feed_forward_norm.weight.val())?,
            feed_forward: self.feed_forward.weights()?,
            post_norms,
        })
    }

    /// The residual stream `[rows, hidden]` after this layer. `attend` turns the heads of all
    /// rows into the attended values `[rows, heads * head_dim]`.
    pub fn forward(
        &self,
        rows: Tensor<B, 2>,
        angles: Option<&Angles<B>>,
        attend: impl FnOnce(Heads<B>) -> Tensor<B, 2>,
    ) -> Tensor<B, 2> {
        let heads = self.attention.heads(self.before(&self.attention_norm, rows.clone()), angles);
        let attended = self.attention.output.forward(attend(heads)); // [rows, hidden]
        let rows = rows + self.after(0, &self.attention_norm, attended); // [rows, hidden]
        let normed = self.before(&self.feed_forward_norm, rows.clone()); // [rows, hidden]
        let fed = self.feed_forward.forward(normed); // [rows, hidden]
        rows + self.after(1, &self.feed_forward_norm, fed) // [rows, hidden]
    }

    /// What a block reads.
    fn before(&self, norm: &RmsNorm<B>, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        match self.norm_place {
            NormPlace::Before | NormPlace::Around => norm.forward(rows),
            NormPlace::After => rows,
        }
    }

    /// What a block adds.
    fn after(&self, block: usize, own: &RmsNorm<B>, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        let rows = match (self.norm_place, &self.post_norms) {
            (NormPlace::Before, _) => rows,
            (NormPlace::Around, Some(norms)) => norms[block].forward(rows),
            _ => own.forward(rows),
        };
        if is_one(self.residual_scale) { rows } else { rows.mul_scalar(self.residual_scale) }
    }
}
