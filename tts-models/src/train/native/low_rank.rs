//! Low-rank adapters in a layer's passes, when the decoder itself stays as it is.
//!
//! For a matrix `W` with factors `A` and `B`, `y = x W^T + s (x A^T) B^T` has the gradients
//! `dB = s dy^T (x A^T)`, `dA = (s dy B)^T x`, and adds `(s dy B) A` to `dx`. Query, key and value are one
//! matrix here, and so are gate and up: their `A` stand below each other, their `B` on the diagonal of
//! a matrix that is zero elsewhere.

use std::ops::Range;

use super::products::{Products, Weight};
use crate::ModelConfig;
use crate::train::adapter::{Adapter, AdapterConfig, Factors, Site};

/// The matrices of a layer as they are multiplied.
const GROUPS: [&[Site]; 4] = [
    &[Site::Query, Site::Key, Site::Value],
    &[Site::Output],
    &[Site::Gate, Site::Up],
    &[Site::Down],
];

/// Which of a layer's matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Qkv,
    Output,
    GateUp,
    Down,
}

/// The adapters of all layers, in one vector.
#[derive(Debug)]
pub(super) struct LowRank {
    config: AdapterConfig,
    /// As [`Adapter`] has it.
    beside: Option<(usize, usize)>,
    scale: f32,
    layers: Vec<[Option<Group>; 4]>,
    /// Number of weights.
    pub(super) total: usize,
}

/// The adapters of one matrix.
#[derive(Debug)]
struct Group {
    outputs: usize,
    inputs: usize,
    /// The `A` of all parts, one below the other.
    a: Range<usize>,
    parts: Vec<Part>,
    packed_a: Weight,
    /// The `B` of all parts on a diagonal, times the scale.
    packed_b: Weight,
}

/// The adapter of one site.
#[derive(Debug)]
struct Part {
    /// The outputs of the matrix that are its own.
    rows: Range<usize>,
    b: Range<usize>,
}

impl LowRank {
    /// The places of an adapter's factors, in the order of layers, matrices, `A` before `B`.
    pub(super) fn new(products: &Products, adapter: &Adapter, shape: &ModelConfig) -> Self {
        let config = adapter.config.clone();
        let rank = config.rank;
        let mut at = 0;
        let mut next = |length: usize| {
            at += length;
            at - length..at
        };
        let mut layer = || {
            GROUPS.map(|sites| {
                let mut outputs = 0;
                let mut own = Vec::new();
                let mut inputs = 0;
                for site in sites {
                    let [rows, columns] = site.shape(shape);
                    if config.sites.contains(site) {
                        own.push(outputs..outputs + rows);
                    }
                    outputs += rows;
                    inputs = columns;
                }
                (!own.is_empty()).then(|| {
                    let a = next(own.len() * rank * inputs);
                    let part = |rows: Range<usize>| Part { b: next(rows.len() * rank), rows };
                    let parts = own.into_iter().map(part).collect();
                    let (packed_a, packed_b) = (products.weight(), products.weight());
                    Group { outputs, inputs, a, parts, packed_a, packed_b }
                })
            })
        };
        let layers = (0..shape.num_hidden_layers).map(|_| layer()).collect();
        Self { scale: adapter.scale(), config, beside: adapter.beside, layers, total: at }
    }

    /// All factors in one vector.
    pub(super) fn flatten(&self, adapter: &Adapter) -> Vec<f32> {
        let mut flat = vec![0.0; self.total];
        for (groups, factors) in self.layers.iter().zip(&adapter.layers) {
            let mut factors = factors.iter();
            for group in groups.iter().flatten() {
                let size = group.inputs * self.config.rank;
                let parts = group.parts.iter().zip(flat_parts(&group.a, size));
                for ((part, a), Factors { a: from_a, b }) in parts.zip(factors.by_ref()) {
                    flat[a].copy_from_slice(from_a);
                    flat[part.b.clone()].copy_from_slice(b);
                }
            }
        }
        flat
    }

    /// The adapter of such a vector.
    pub(super) fn unflatten(&self, flat: &[f32]) -> Adapter {
        let layer = |groups: &[Option<Group>; 4]| {
            let of_group = |group: &Group| -> Vec<Factors> {
                let size = group.inputs * self.config.rank;
                let parts = group.parts.iter().zip(flat_parts(&group.a, size));
                let factors = parts.map(|(part, a)| Factors {
                    a: flat[a].to_vec(),
                    b: flat[part.b.clone()].to_vec(),
                });
                factors.collect()
            };
            groups.iter().flatten().flat_map(of_group).collect()
        };
        let layers = self.layers.iter().map(layer).collect();
        Adapter { config: self.config.clone(), layers, beside: self.beside }
    }

    /// Where weight decay applies: everywhere behind the first `frozen` layers, which lie in order.
    pub(super) fn decays(&self, frozen: usize) -> Range<usize> {
        let groups = self.layers.iter().skip(frozen).flatten().flatten();
        let first = groups.map(|group| group.a.start).min();
        first.unwrap_or(self.total)..self.total
    }

    /// Packs what the factors have become.
    pub(super) fn pack(&mut self, products: &Products, flat: &[f32]) {
        let rank = self.config.rank;
        for group in self.layers.iter_mut().flatten().flatten() {
            products.pack(&mut group.packed_a, &flat[group.a.clone()], group.inputs, true);
            let width = group.parts.len() * rank;
            let mut diagonal = vec![0.0; group.outputs * width];
            for (place, part) in group.parts.iter().enumerate() {
                let from = flat[part.b.clone()].chunks_exact(rank);
                for (row, from) in part.rows.clone().zip(from) {
                    let to = &mut diagonal[row * width + place * rank..][..rank];
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = from * self.scale);
                }
            }
            products.pack(&mut group.packed_b, &diagonal, width, true);
        }
    }

    fn group(&self, layer: usize, place: Place) -> Option<&Group> {
        self.layers[layer][place as usize].as_ref()
    }

    /// `y += s (x A^T) B^T`.
    pub(super) fn forward(
        &self,
        products: &mut Products,
        (layer, place): (usize, Place),
        x: &[f32],
        y: &mut [f32],
    ) {
        let Some(group) = self.group(layer, place) else { return };
        let between = self.between(products, group, x);
        products.forward(&between, &group.packed_b, true, y);
    }

    /// `x A^T`, `[rows, parts * rank]`.
    fn between(&self, products: &mut Products, group: &Group, x: &[f32]) -> Vec<f32> {
        let width = group.parts.len() * self.config.rank;
        let mut between = vec![0.0; x.len() / group.inputs * width];
        products.forward(x, &group.packed_a, false, &mut between);
        between
    }

    /// Adds the gradients of the factors to `d`, and those of the inputs to `dx`.
    pub(super) fn backward(
        &self,
        products: &mut Products,
        (layer, place): (usize, Place),
        (x, dy): (&[f32], &[f32]),
        dx: &mut [f32],
        d: &mut [f32],
    ) {
        let Some(group) = self.group(layer, place) else { return };
        let rank = self.config.rank;
        let (rows, width) = (x.len() / group.inputs, group.parts.len() * rank);
        let between = self.between(products, group, x);
        let mut d_b = vec![0.0; group.outputs * width];
        products.weight_back(dy, &between, rows, &mut d_b);
        for (place, part) in group.parts.iter().enumerate() {
            let own = d[part.b.clone()].chunks_exact_mut(rank);
            for (row, own) in part.rows.clone().zip(own) {
                let from = &d_b[row * width + place * rank..][..rank];
                own.iter_mut().zip(from).for_each(|(own, from)| *own += from * self.scale);
            }
        }
        let mut d_between = vec![0.0; rows * width];
        products.input_back(dy, &group.packed_b, false, &mut d_between);
        products.weight_back(&d_between, x, rows, &mut d[group.a.clone()]);
        products.input_back(&d_between, &group.packed_a, true, dx);
    }
}

/// The parts of a range, each of one size.
fn flat_parts(range: &Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    range.clone().step_by(size.max(1)).map(move |start| start..start + size)
}
