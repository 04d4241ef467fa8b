//! One layer, forwards and backwards, over the rows of a chunk.
//!
//! Forwards a layer keeps what its gradients need: the residual rows before each half, the projected
//! rows, heads, attended values, gates and ups. Normed rows and gated values are made again.

use std::ops::Range;

use super::chunk::Chunk;
use super::heads::{Heads, Split};
use super::layout::LayerLayout;
use super::low_rank::{LowRank, Place};
use super::products::{Products, Weight};
use crate::kernels::{
    Team, add_rows, norm_back, norm_weight_back, rms_norm, swish_back, swish_gate_all,
};

/// Rows that a thread takes at a time.
const ROWS: usize = 16;
/// Columns likewise.
const COLUMNS: usize = 64;

/// The packed matrices of a layer.
#[derive(Debug)]
pub(super) struct Weights {
    pub(super) qkv: Weight,
    pub(super) output: Weight,
    pub(super) gate_up: Weight,
    pub(super) down: Weight,
}

/// What a layer keeps of a chunk.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The rows before the layer, `[rows, hidden]`.
    x: Vec<f32>,
    /// `[rows, q + 2 kv]`.
    qkv: Vec<f32>,
    split: Split,
    /// `[rows, q]`.
    attended: Vec<f32>,
    /// One for each row of each head.
    shifts: Vec<f32>,
    /// The rows between attention and feed-forward, `[rows, hidden]`.
    middle: Vec<f32>,
    /// `[rows, 2 intermediate]`.
    gate_up: Vec<f32>,
}

/// Buffers that all layers use in turn.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    normed: Vec<f32>,
    /// `[rows, intermediate]`.
    gated: Vec<f32>,
    wide: Vec<f32>,
    wider: Vec<f32>,
    narrow: Vec<f32>,
    pub(super) scales: Vec<f32>,
    d: Split,
}

/// Everything that a layer's pass needs.
pub(super) struct Pass<'a> {
    pub(super) products: &'a mut Products,
    pub(super) heads: &'a Heads,
    pub(super) chunk: &'a Chunk,
    /// All weights of the model.
    pub(super) weights: &'a [f32],
    pub(super) epsilon: f32,
    /// What learns in the place of the decoder, if anything does.
    pub(super) low_rank: Option<&'a LowRank>,
    pub(super) scratch: &'a mut Scratch,
}

/// Rows normed, `[rows, width]`.
pub(super) fn norm(team: &Team, x: &[f32], weight: &[f32], epsilon: f32, out: &mut Vec<f32>) {
    out.resize(x.len(), 0.0);
    let width = weight.len();
    let blocks = x.chunks(ROWS * width).zip(out.chunks_mut(ROWS * width));
    team.each_of(blocks.collect(), |_, (x, out)| {
        for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            rms_norm(x, weight, epsilon, out);
        }
    });
}

/// `dx +=` the gradient of normed rows, and `dw +=` that of the norm's weight, if it learns.
pub(super) fn norm_rows_back(
    team: &Team,
    x: &[f32],
    (weight, epsilon): (&[f32], f32),
    dy: &[f32],
    (dx, dw): (&mut [f32], Option<&mut [f32]>),
    scales: &mut Vec<f32>,
) {
    let width = weight.len();
    scales.resize(x.len() / width, 0.0);
    let blocks = x.chunks(ROWS * width).zip(dy.chunks(ROWS * width));
    let blocks = blocks.zip(dx.chunks_mut(ROWS * width)).zip(scales.chunks_mut(ROWS));
    team.each_of(blocks.collect(), |_, (((x, dy), dx), scales)| {
        let rows = x.chunks_exact(width).zip(dy.chunks_exact(width));
        for (((x, dy), dx), scale) in rows.zip(dx.chunks_exact_mut(width)).zip(scales) {
            *scale = norm_back(x, weight, epsilon, dy, dx);
        }
    });
    if let Some(dw) = dw {
        norm_weight_back(x, scales, dy, dw);
    }
}

impl Pass<'_> {
    fn team(&self) -> &Team {
        &self.products.team
    }

    /// Adds what an adapter makes of `x`.
    fn adapt(&mut self, at: (usize, Place), x: &[f32], y: &mut [f32]) {
        if let Some(low_rank) = self.low_rank {
            low_rank.forward(self.products, at, x, y);
        }
    }

    /// The rows `x` after the layer, in place.
    pub(super) fn forward(
        &mut self,
        index: usize,
        (layout, weights): (&LayerLayout, &Weights),
        x: &mut [f32],
        kept: &mut Kept,
    ) {
        let rows = self.chunk.rows();
        let all = self.weights;
        kept.x.clear();
        kept.x.extend_from_slice(x);
        let norm_weight = &all[layout.attention_norm.clone()];
        norm(&self.products.team, x, norm_weight, self.epsilon, &mut self.scratch.normed);
        let width = layout.qkv.len() / norm_weight.len();
        kept.qkv.resize(rows * width, 0.0);
        let normed = std::mem::take(&mut self.scratch.normed);
        self.products.forward(&normed, &weights.qkv, false, &mut kept.qkv);
        self.adapt((index, Place::Qkv), &normed, &mut kept.qkv);
        self.scratch.normed = normed;
        if let Some(bias) = &layout.bias {
            let bias = &all[bias.clone()];
            for row in kept.qkv.chunks_exact_mut(width) {
                row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
            }
        }
        let norms =
            layout.qk_norm.as_ref().map(|norms| norms.each_ref().map(|at| &all[at.clone()]));
        self.heads.split(self.team(), self.chunk, &kept.qkv, norms, &mut kept.split);
        let (attended, shifts) = (&mut kept.attended, &mut kept.shifts);
        self.heads.attend(self.team(), self.chunk, &kept.split, attended, shifts);
        self.products.forward(&kept.attended, &weights.output, true, x);
        self.adapt((index, Place::Output), &kept.attended, x);
        kept.middle.clear();
        kept.middle.extend_from_slice(x);
        let norm_weight = &all[layout.feed_forward_norm.clone()];
        norm(&self.products.team, x, norm_weight, self.epsilon, &mut self.scratch.normed);
        let f = layout.gate_up.len() / norm_weight.len() / 2;
        kept.gate_up.resize(rows * 2 * f, 0.0);
        let normed = std::mem::take(&mut self.scratch.normed);
        self.products.forward(&normed, &weights.gate_up, false, &mut kept.gate_up);
        self.adapt((index, Place::GateUp), &normed, &mut kept.gate_up);
        self.scratch.normed = normed;
        let mut gated = std::mem::take(&mut self.scratch.gated);
        self.gated(kept, f, &mut gated);
        self.products.forward(&gated, &weights.down, true, x);
        self.adapt((index, Place::Down), &gated, x);
        self.scratch.gated = gated;
    }

    /// From the gradient `dx` of the rows after the layer that of the rows before it, in place, and
    /// the gradients of the layer's weights, added to `d`, which is that of all that is learnt.
    pub(super) fn backward(
        &mut self,
        index: usize,
        layer: (&LayerLayout, &Weights),
        kept: &Kept,
        dx: &mut [f32],
        d: &mut [f32],
    ) {
        self.feed_forward_back(index, layer, kept, dx, d);
        self.attention_back(index, layer, kept, dx, d);
    }

    fn feed_forward_back(
        &mut self,
        index: usize,
        (layout, weights): (&LayerLayout, &Weights),
        kept: &Kept,
        dx: &mut [f32],
        d: &mut [f32],
    ) {
        let rows = self.chunk.rows();
        let norm_weight = &self.weights[layout.feed_forward_norm.clone()];
        let f = layout.gate_up.len() / norm_weight.len() / 2;
        let mut scratch = std::mem::take(self.scratch);
        let Scratch { normed, wide, wider, narrow, scales, gated, .. } = &mut scratch;
        self.gated(kept, f, gated);
        wide.resize(rows * f, 0.0);
        let at = (index, Place::Down);
        self.project_back(at, (gated, dx), (&weights.down, &layout.down), wide, d);
        wider.resize(rows * 2 * f, 0.0);
        let blocks = kept.gate_up.chunks(ROWS * 2 * f).zip(wide.chunks(ROWS * f));
        let blocks = blocks.zip(wider.chunks_mut(ROWS * 2 * f));
        self.team().each_of(blocks.collect(), |_, ((both, dh), out)| {
            let rows = both.chunks_exact(2 * f).zip(dh.chunks_exact(f));
            for ((both, dh), out) in rows.zip(out.chunks_exact_mut(2 * f)) {
                swish_back(both, dh, out);
            }
        });
        norm(self.team(), &kept.middle, norm_weight, self.epsilon, normed);
        narrow.resize(dx.len(), 0.0);
        let at = (index, Place::GateUp);
        self.project_back(at, (normed, wider), (&weights.gate_up, &layout.gate_up), narrow, d);
        let weight = (norm_weight, self.epsilon);
        let d_norm = self.full(d, &layout.feed_forward_norm);
        norm_rows_back(self.team(), &kept.middle, weight, narrow, (dx, d_norm), scales);
        *self.scratch = scratch;
    }

    fn attention_back(
        &mut self,
        index: usize,
        (layout, weights): (&LayerLayout, &Weights),
        kept: &Kept,
        dx: &mut [f32],
        d: &mut [f32],
    ) {
        let all = self.weights;
        let norm_weight = &all[layout.attention_norm.clone()];
        let mut scratch = std::mem::take(self.scratch);
        let Scratch { normed, wide, wider, narrow, scales, d: d_split, .. } = &mut scratch;
        wide.resize(kept.attended.len(), 0.0);
        let at = (index, Place::Output);
        let output = (&weights.output, &layout.output);
        self.project_back(at, (&kept.attended, dx), output, wide, d);
        let (team, chunk) = (&self.products.team, self.chunk);
        let out = (&kept.attended[..], &kept.shifts[..]);
        self.heads.attend_back(team, chunk, &kept.split, out, wide, d_split);
        wider.resize(kept.qkv.len(), 0.0);
        let norms =
            layout.qk_norm.as_ref().map(|norms| norms.each_ref().map(|at| &all[at.clone()]));
        let full = self.low_rank.is_none();
        let d_norms = layout.qk_norm.as_ref().filter(|_| full).map(|[query, key]| {
            let (query, key) = d[query.start..key.end].split_at_mut(query.len());
            [query, key]
        });
        self.heads.split_back(team, chunk, (&kept.qkv, norms), d_split, wider, d_norms);
        if let Some(bias) = layout.bias.as_ref().filter(|_| full) {
            let width = bias.len();
            let sums = d[bias.clone()].chunks_mut(COLUMNS).enumerate();
            team.each_of(sums.collect(), |_, (place, sum)| {
                add_rows(wider, width, place * COLUMNS, sum);
            });
        }
        norm(team, &kept.x, norm_weight, self.epsilon, normed);
        narrow.resize(dx.len(), 0.0);
        let at = (index, Place::Qkv);
        self.project_back(at, (normed, wider), (&weights.qkv, &layout.qkv), narrow, d);
        let weight = (norm_weight, self.epsilon);
        let d_norm = self.full(d, &layout.attention_norm);
        norm_rows_back(self.team(), &kept.x, weight, narrow, (dx, d_norm), scales);
        *self.scratch = scratch;
    }

    /// The gradient of a weight, if the decoder's weights are what learns.
    fn full<'d>(&self, d: &'d mut [f32], range: &Range<usize>) -> Option<&'d mut [f32]> {
        self.low_rank.is_none().then(|| &mut d[range.clone()])
    }

    /// `silu(gate) * up` of all rows.
    fn gated(&self, kept: &Kept, f: usize, gated: &mut Vec<f32>) {
        gated.resize(kept.gate_up.len() / 2, 0.0);
        let blocks = kept.gate_up.chunks(ROWS * 2 * f).zip(gated.chunks_mut(ROWS * f));
        self.team().each_of(blocks.collect(), |_, (both, gated)| {
            for (both, gated) in both.chunks_exact(2 * f).zip(gated.chunks_exact_mut(f)) {
                let (gate, up) = both.split_at(f);
                gated.copy_from_slice(up);
                swish_gate_all(gate, gated);
            }
        });
    }

    /// From the inputs of a matrix and the gradient of its outputs that of its inputs, and that of what
    /// it learns, added to `d`.
    fn project_back(
        &mut self,
        at: (usize, Place),
        (x, dy): (&[f32], &[f32]),
        (weight, range): (&Weight, &Range<usize>),
        dx: &mut [f32],
        d: &mut [f32],
    ) {
        self.products.input_back(dy, weight, false, dx);
        match self.low_rank {
            Some(low_rank) => low_rank.backward(self.products, at, (x, dy), dx, d),
            None => self.products.weight_back(dy, x, self.chunk.rows(), &mut d[range.clone()]),
        }
    }
}
