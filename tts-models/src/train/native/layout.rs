//! Where each tensor of a model lies in the one vector that is trained.
//!
//! The order is that of [`DecoderWeights::tensors`], then the label head. Query, key and value lie
//! side by side, and so do gate and up: each pair or triple is one matrix of the products.

use std::ops::Range;

use crate::train::{LabelHead, Model};
use crate::{DecoderWeights, ModelConfig, ModelError};

/// The places of all tensors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) embedding: Range<usize>,
    pub(super) layers: Vec<LayerLayout>,
    pub(super) norm: Range<usize>,
    /// `None` when tied to the embedding.
    pub(super) head: Option<Range<usize>>,
    pub(super) label: Option<LabelLayout>,
    /// Number of all weights.
    pub(super) total: usize,
}

/// The places of one layer's tensors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LayerLayout {
    pub(super) attention_norm: Range<usize>,
    /// Query, key and value, `[q + 2 kv, hidden]`.
    pub(super) qkv: Range<usize>,
    /// Of all three, `[q + 2 kv]`.
    pub(super) bias: Option<Range<usize>>,
    /// Of query and key heads, `[head_dim]` each.
    pub(super) qk_norm: Option<[Range<usize>; 2]>,
    pub(super) output: Range<usize>,
    pub(super) feed_forward_norm: Range<usize>,
    /// Gate and up, `[2 intermediate, hidden]`.
    pub(super) gate_up: Range<usize>,
    pub(super) down: Range<usize>,
}

/// The places of the label head.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LabelLayout {
    pub(super) weight: Range<usize>,
    pub(super) bias: Range<usize>,
}

impl Layout {
    /// The layout of a decoder with a head of so many labels.
    pub(super) fn new(config: &ModelConfig, labels: Option<usize>) -> Self {
        let (h, f, d) = (config.hidden_size, config.intermediate_size, config.head_dim);
        let (q, kv) = (config.query_width(), config.key_value_width());
        let mut at = 0;
        let mut next = |length: usize| {
            at += length;
            at - length..at
        };
        let embedding = next(config.vocab_size * h);
        let layer = |_| LayerLayout {
            attention_norm: next(h),
            qkv: next((q + 2 * kv) * h),
            bias: config.attention_bias.then(|| next(q + 2 * kv)),
            qk_norm: config.qk_norm.then(|| [next(d), next(d)]),
            output: next(h * q),
            feed_forward_norm: next(h),
            gate_up: next(2 * f * h),
            down: next(h * f),
        };
        let layers = (0..config.num_hidden_layers).map(layer).collect();
        let norm = next(h);
        let head = (!config.tie_word_embeddings).then(|| next(config.vocab_size * h));
        let label =
            labels.map(|labels| LabelLayout { weight: next(labels * h), bias: next(labels) });
        Self { embedding, layers, norm, head, label, total: at }
    }

    /// Number of the decoder's weights, behind which the label head lies.
    pub(super) fn decoder(&self) -> usize {
        self.label.as_ref().map_or(self.total, |label| label.weight.start)
    }

    /// The output head, which may be the embedding.
    pub(super) fn logits(&self) -> Range<usize> {
        self.head.clone().unwrap_or_else(|| self.embedding.clone())
    }

    /// Where weight decay applies: matrices other than the embedding, behind the first `frozen`
    /// weights.
    pub(super) fn decays(&self, frozen: usize) -> Vec<Range<usize>> {
        let layers = self.layers.iter().flat_map(|layer| {
            [&layer.qkv, &layer.output, &layer.gate_up, &layer.down].map(Clone::clone)
        });
        let label = self.label.as_ref().map(|label| label.weight.clone());
        let all = layers.chain(self.head.clone()).chain(label);
        all.filter(|range| range.start >= frozen).collect()
    }

    /// The number of weights in the embedding and the first `layers` layers; none for no layers.
    pub(super) fn frozen(&self, layers: usize) -> usize {
        layers.checked_sub(1).map_or(0, |last| self.layers[last].down.end)
    }
}

/// All weights of a model in one vector.
pub(super) fn flatten(model: &Model) -> Vec<f32> {
    let mut flat: Vec<f32> = Vec::new();
    for tensor in model.decoder.tensors() {
        flat.extend(tensor.values);
    }
    if let Some(LabelHead { weight, bias }) = &model.label {
        flat.extend(weight.iter().chain(bias));
    }
    flat
}

/// The model of such a vector.
pub(super) fn unflatten(
    flat: &[f32],
    config: &ModelConfig,
    layout: &Layout,
) -> Result<Model, ModelError> {
    let mut rest = flat;
    let take = |_: &str, shape: &[usize]| -> Result<Vec<f32>, ModelError> {
        let (values, after) = rest.split_at(shape.iter().product());
        rest = after;
        Ok(values.to_vec())
    };
    let decoder = DecoderWeights::build(config.clone(), take)?;
    let label = layout.label.as_ref().map(|label| LabelHead {
        weight: flat[label.weight.clone()].to_vec(),
        bias: flat[label.bias.clone()].to_vec(),
    });
    Ok(Model { decoder, label, adapter: None })
}
