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
mod layer;
mod layout;
mod loss;
mod products;
#[cfg(test)]
mod tests;

use super::learner::{Learner, Sums};
use super::{Example, Model, TrainConfig};
use crate::kernels::{Format, Team};
use crate::train::Precision;
use crate::{ModelConfig, ModelError};
use adam::Adam;
use chunk::Chunk;
use heads::Heads;
use layer::{Kept, Pass, Scratch, Weights, norm, norm_rows_back};
use layout::{Layout, flatten, unflatten};
use loss::Back;
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
    /// Whether the packed matrices are those of the weights.
    packed: bool,
    adam: Adam,
    gradient: Vec<f32>,
    kept: Vec<Kept>,
    scratch: Scratch,
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
        // As large as what was just made of it.
        drop(model);
        let zeros = vec![0.0; layout.total];
        let adam = Adam {
            weights,
            first: zeros.clone(),
            second: zeros.clone(),
            decays: layout.decays(layout.frozen(config.frozen_layers)),
            step: 0,
        };
        Ok(Self {
            layers: layers.collect(),
            head: products.weight(),
            heads: Heads::new(&shape),
            products,
            frozen_layers: config.frozen_layers,
            packed: false,
            adam,
            gradient: zeros,
            kept: Vec::new(),
            scratch: Scratch::default(),
            layout,
            config: shape,
        })
    }

    fn pack(&mut self) {
        if std::mem::replace(&mut self.packed, true) {
            return;
        }
        let (all, products) = (&self.adam.weights, &self.products);
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

    /// The loss of a chunk; its gradients are added, if it is to be learnt.
    fn chunk(&mut self, chunk: &Chunk, learn: bool) -> f64 {
        let Self { config, layout, products, heads, layers, adam, kept, scratch, .. } = self;
        let h = config.hidden_size;
        #[expect(clippy::cast_possible_truncation, reason = "norms run in f32")]
        let epsilon = config.rms_norm_eps as f32;
        let longest = chunk.sequences.iter().map(|&(_, length)| length).max();
        heads.reach(longest.unwrap_or(0));
        let embedding = &adam.weights[layout.embedding.clone()];
        let rows = chunk.tokens.iter().flat_map(|&token| &embedding[token * h..(token + 1) * h]);
        let mut x: Vec<f32> = rows.copied().collect();
        kept.resize_with(if learn { layers.len() } else { 1 }, Kept::default);
        let weights = &adam.weights;
        let mut pass = Pass { products, heads, chunk, weights, epsilon, scratch };
        for (index, (weights, layout)) in layers.iter().zip(&layout.layers).enumerate() {
            let place = if learn { index } else { 0 };
            pass.forward(layout, weights, &mut x, &mut kept[place]);
        }
        let norm_weight = &pass.weights[layout.norm.clone()];
        let mut hidden = Vec::new();
        norm(&pass.products.team, &x, norm_weight, epsilon, &mut hidden);
        let mut d_hidden = vec![0.0; if learn { hidden.len() } else { 0 }];
        let mut back = Back { hidden: &mut d_hidden, weights: &mut self.gradient };
        let mut back = learn.then_some(&mut back);
        let mut loss = 0.0;
        if !chunk.next.is_empty() {
            let (vocab, range) = (config.vocab_size, layout.logits());
            let back = back.as_deref_mut();
            loss +=
                loss::next_tokens(pass.products, chunk, &hidden, &self.head, vocab, &range, back);
        }
        if let Some(label) = &layout.label {
            loss += loss::labels(chunk, &hidden, pass.weights, label, back);
        }
        if !learn {
            return loss;
        }
        let d = &mut self.gradient;
        let mut dx = vec![0.0; x.len()];
        let weight = (norm_weight, epsilon);
        let to = (&mut dx[..], &mut d[layout.norm.clone()]);
        norm_rows_back(&pass.products.team, &x, weight, &d_hidden, to, &mut pass.scratch.scales);
        let learnt = layers.iter().zip(&layout.layers).zip(&*kept).skip(self.frozen_layers);
        for ((weights, layout), kept) in learnt.rev() {
            pass.backward(layout, weights, kept, &mut dx, d);
        }
        if self.frozen_layers == 0 {
            let d = &mut d[layout.embedding.clone()];
            for (&token, dx) in chunk.tokens.iter().zip(dx.chunks_exact(h)) {
                let row = &mut d[token * h..(token + 1) * h];
                row.iter_mut().zip(dx).for_each(|(row, dx)| *row += dx);
            }
        }
        loss
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
            sums.loss += self.chunk(&chunk, learn);
        }
        if learn {
            // The head may be the embedding, which may be frozen.
            self.gradient[..self.layout.frozen(self.frozen_layers)].fill(0.0);
        }
        Ok(sums)
    }

    fn step(&mut self, config: &TrainConfig, weight: f64) -> f64 {
        self.packed = false;
        self.adam.step(&self.products.team, config, &self.gradient, 1.0 / weight)
    }

    fn count(&self) -> usize {
        self.layout.total
    }

    fn vectors(&self) -> Result<[Vec<f32>; 3], ModelError> {
        Ok([&self.adam.weights, &self.adam.first, &self.adam.second].map(Clone::clone))
    }

    fn restore(&mut self, vectors: [Vec<f32>; 3], step: usize) {
        [self.adam.weights, self.adam.first, self.adam.second] = vectors;
        self.adam.step = step;
        self.packed = false;
    }

    fn model(self) -> Result<Model, ModelError> {
        unflatten(&self.adam.weights, &self.config, &self.layout)
    }
}
