//! Training on the CPU with own kernels: every pass and its gradient written out.
//!
//! A batch is cut into chunks of whole sequences. Each passes through the decoder and back, and adds its
//! gradients to one vector; then one step of `AdamW` is done. Nothing depends on the number of threads:
//! every element of a product is one sum from front to back, and every other sum runs in a fixed
//! order. Products are of f32 or of BF16 numbers with f32 sums ([`crate::train::Precision`]); all
//! else, the weights and their moments too, is f32.
//!
//! The backward pass is that of Touvron et al. 2023 (arXiv:2302.13971), section 2.2; tests compare its
//! gradients with Burn's and with finite differences.

mod adam;
mod chunk;
mod heads;
mod labels;
mod layer;
mod layout;
mod loss;
mod low_rank;
mod products;
#[cfg(test)]
mod tests;

use super::learner::{Learner, Sums};
use super::{Example, Model, PolicyFigures, TrainConfig};
use crate::kernels::{Format, Team};
use crate::train::Precision;
use crate::{ModelConfig, ModelError};
use adam::Adam;
use chunk::Chunk;
use heads::Heads;
use layer::{Kept, Pass, Scratch, Weights, norm, norm_rows_back};
use layout::{Layout, flatten, unflatten};
use loss::Back;
use low_rank::LowRank;
use products::{Products, Weight};

/// A model that learns.
#[derive(Debug)]
pub(super) struct Native {
    config: ModelConfig,
    layout: Layout,
    products: Products,
    heads: Heads,
    layers: Vec<Weights>,
    head: Weight,
    /// The embedding and so many layers stay as they are.
    frozen_layers: usize,
    packed: Packed,
    /// What learns: all weights, or an adapter's with those of the label head behind.
    adam: Adam,
    /// The weights of the decoder, and their adapters, when these learn in their place.
    adapted: Option<(Vec<f32>, LowRank)>,
    gradient: Vec<f32>,
    kept: Vec<Kept>,
    scratch: Scratch,
}

/// Which packed matrices are those of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packed {
    Nothing,
    /// All but the adapters.
    Decoder,
    All,
}

impl Native {
    /// # Errors
    /// When no thread can be started.
    pub(super) fn new(config: &TrainConfig, model: Model) -> Result<Self, ModelError> {
        let team = Team::new(config.threads)
            .map_err(|error| ModelError::Device { problem: error.to_string() })?;
        let format = match config.precision {
            Precision::F32 => Format::F32,
            Precision::Bf16 => Format::Bf16,
        };
        let products = Products::new(team, format);
        let shape = model.decoder.config.clone();
        let layout = Layout::new(&shape, model.label.as_ref().map(|head| head.bias.len()));
        let layers = layout.layers.iter().map(|_| Weights {
            qkv: products.weight(),
            output: products.weight(),
            gate_up: products.weight(),
            down: products.weight(),
        });
        let weights = flatten(&model);
        let adapter = model.adapter.as_ref().map(|adapter| {
            let low_rank = LowRank::new(&products, adapter, &shape);
            let mut flat = low_rank.flatten(adapter);
            // The label head learns with them.
            flat.extend(&weights[layout.decoder()..]);
            (flat, low_rank)
        });
        // As large as what was just made of it.
        drop(model);
        let (learnt, decays, adapted) = match adapter {
            Some((flat, low_rank)) => {
                let mut decays = vec![low_rank.decays(config.frozen_layers)];
                let label = layout.label.as_ref().map(|label| label.weight.clone());
                let moved = |at: usize| at - layout.decoder() + low_rank.total;
                decays.extend(label.map(|label| moved(label.start)..moved(label.end)));
                (flat, decays, Some((weights, low_rank)))
            }
            None => (weights, layout.decays(layout.frozen(config.frozen_layers)), None),
        };
        let zeros = vec![0.0; learnt.len()];
        let adam =
            Adam { weights: learnt, first: zeros.clone(), second: zeros.clone(), decays, step: 0 };
        Ok(Self {
            layers: layers.collect(),
            head: products.weight(),
            heads: Heads::new(&shape),
            products,
            frozen_layers: config.frozen_layers,
            packed: Packed::Nothing,
            adam,
            adapted,
            gradient: zeros,
            kept: Vec::new(),
            scratch: Scratch::default(),
            layout,
            config: shape,
        })
    }

    fn pack(&mut self) {
        let packed = std::mem::replace(&mut self.packed, Packed::All);
        if packed == Packed::All {
            return;
        }
        let products = &self.products;
        if let Some((_, low_rank)) = &mut self.adapted {
            low_rank.pack(products, &self.adam.weights[..low_rank.total]);
        }
        if packed == Packed::Decoder {
            return;
        }
        let all = self.adapted.as_ref().map_or(&self.adam.weights, |(weights, _)| weights);
        let (h, f) = (self.config.hidden_size, self.config.intermediate_size);
        let q = self.config.query_width();
        for (index, (weights, layout)) in
            self.layers.iter_mut().zip(&self.layout.layers).enumerate()
        {
            // What lies below the first layer that learns needs no gradient.
            let back = index >= self.frozen_layers;
            products.pack(&mut weights.qkv, &all[layout.qkv.clone()], h, back);
            products.pack(&mut weights.output, &all[layout.output.clone()], q, back);
            products.pack(&mut weights.gate_up, &all[layout.gate_up.clone()], h, back);
            products.pack(&mut weights.down, &all[layout.down.clone()], f, back);
        }
        products.pack(&mut self.head, &all[self.layout.logits()], h, true);
    }

    /// The first weight of the label head in what learns.
    fn label_start(&self) -> usize {
        self.adapted.as_ref().map_or(self.layout.decoder(), |(_, low_rank)| low_rank.total)
    }

    /// The loss of a chunk, and what its policy goals came to; its gradients are added, if it is to be learnt. Who
    /// asks for the nats of its next tokens gets nothing else.
    fn chunk(
        &mut self,
        chunk: &Chunk,
        learn: bool,
        nats: Option<&mut Vec<f64>>,
    ) -> (f64, PolicyFigures) {
        let label_start = self.label_start();
        let Self { config, layout, products, heads, layers, adam, adapted, kept, .. } = self;
        let (scratch, d, frozen) = (&mut self.scratch, &mut self.gradient, self.frozen_layers);
        let (weights, low_rank) = match adapted {
            Some((weights, low_rank)) => (&*weights, Some(&*low_rank)),
            None => (&adam.weights, None),
        };
        let h = config.hidden_size;
        #[expect(clippy::cast_possible_truncation, reason = "norms run in f32")]
        let epsilon = config.rms_norm_eps as f32;
        let longest = chunk.sequences.iter().map(|&(_, length)| length).max();
        heads.reach(longest.unwrap_or(0));
        let embedding = &weights[layout.embedding.clone()];
        let rows = chunk.tokens.iter().flat_map(|&token| &embedding[token * h..(token + 1) * h]);
        let mut x: Vec<f32> = rows.copied().collect();
        kept.resize_with(if learn { layers.len() } else { 1 }, Kept::default);
        let mut pass = Pass { products, heads, chunk, weights, epsilon, low_rank, scratch };
        for (index, layer) in layout.layers.iter().zip(&*layers).enumerate() {
            let place = if learn { index } else { 0 };
            pass.forward(index, layer, &mut x, &mut kept[place]);
        }
        let norm_weight = &weights[layout.norm.clone()];
        let mut hidden = Vec::new();
        norm(&pass.products.team, &x, norm_weight, epsilon, &mut hidden);
        if let Some(nats) = nats {
            let head = (&self.head, config.vocab_size);
            nats.extend(loss::nats(pass.products, chunk, &hidden, head));
            return (0.0, PolicyFigures::default());
        }
        let mut d_hidden = vec![0.0; if learn { hidden.len() } else { 0 }];
        let (mut loss, mut figures) = (0.0, PolicyFigures::default());
        if !(chunk.next.is_empty() && chunk.goals.is_empty() && chunk.policies.is_empty()) {
            // An adapter leaves the output head as it is.
            let d_head = low_rank.is_none().then(|| &mut d[layout.logits()]);
            let mut back = Back { hidden: &mut d_hidden, weights: d_head };
            let mut back = learn.then_some(&mut back);
            let head = (&self.head, config.vocab_size);
            loss += loss::tokens(pass.products, chunk, &hidden, head, back.as_deref_mut());
            let (drawn, own) = loss::drawn(pass.products, chunk, &hidden, head, back);
            loss += drawn;
            figures = own;
        }
        if layout.label.is_some() {
            let label = &adam.weights[label_start..];
            let mut back = Back { hidden: &mut d_hidden, weights: Some(&mut d[label_start..]) };
            loss += labels::labels(chunk, &hidden, label, learn.then_some(&mut back));
        }
        if !learn {
            return (loss, figures);
        }
        let mut dx = vec![0.0; x.len()];
        let weight = (norm_weight, epsilon);
        let d_norm = low_rank.is_none().then(|| &mut d[layout.norm.clone()]);
        let (team, scales) = (&pass.products.team, &mut pass.scratch.scales);
        norm_rows_back(team, &x, weight, &d_hidden, (&mut dx, d_norm), scales);
        let learnt = layout.layers.iter().zip(&*layers).zip(&*kept).enumerate().skip(frozen);
        for (index, (layer, kept)) in learnt.rev() {
            pass.backward(index, layer, kept, &mut dx, d);
        }
        if frozen == 0 && low_rank.is_none() {
            let d = &mut d[layout.embedding.clone()];
            for (&token, dx) in chunk.tokens.iter().zip(dx.chunks_exact(h)) {
                let row = &mut d[token * h..(token + 1) * h];
                row.iter_mut().zip(dx).for_each(|(row, dx)| *row += dx);
            }
        }
        (loss, figures)
    }
}

impl Learner for Native {
    fn sums(&mut self, batch: &[Example], learn: bool) -> Result<Sums, ModelError> {
        self.pack();
        if learn {
            self.gradient.fill(0.0);
        }
        let mut sums = Sums::default();
        for chunk in Chunk::split(batch) {
            sums.weight += chunk.weight();
            sums.tokens += chunk.rows();
            let (loss, figures) = self.chunk(&chunk, learn, None);
            sums.loss += loss;
            sums.policy += figures;
        }
        if learn && self.adapted.is_none() {
            // The head may be the embedding, which may be frozen.
            self.gradient[..self.layout.frozen(self.frozen_layers)].fill(0.0);
        }
        Ok(sums)
    }

    fn step(&mut self, config: &TrainConfig, weight: f64) -> f64 {
        self.packed = if self.adapted.is_some() { Packed::Decoder } else { Packed::Nothing };
        self.adam.step(&self.products.team, config, &self.gradient, 1.0 / weight)
    }

    fn count(&self) -> usize {
        self.adam.weights.len()
    }

    fn vectors(&self) -> Result<[Vec<f32>; 3], ModelError> {
        Ok([&self.adam.weights, &self.adam.first, &self.adam.second].map(Clone::clone))
    }

    fn restore(&mut self, vectors: [Vec<f32>; 3], step: usize) {
        [self.adam.weights, self.adam.first, self.adam.second] = vectors;
        self.adam.step = step;
        self.packed = Packed::Nothing;
    }

    fn nats(&mut self, batch: &[Example]) -> Result<Vec<f64>, ModelError> {
        self.pack();
        let mut nats = Vec::new();
        for chunk in Chunk::split(batch) {
            self.chunk(&chunk, false, Some(&mut nats));
        }
        Ok(nats)
    }

    fn model(&self) -> Result<Model, ModelError> {
        let Some((weights, low_rank)) = &self.adapted else {
            return unflatten(&self.adam.weights, &self.config, &self.layout);
        };
        let (adapter, label) = self.adam.weights.split_at(low_rank.total);
        let mut weights = weights.clone();
        weights[self.layout.decoder()..].copy_from_slice(label);
        let model = unflatten(&weights, &self.config, &self.layout)?;
        Ok(Model { adapter: Some(low_rank.unflatten(adapter)), ..model })
    }
}
