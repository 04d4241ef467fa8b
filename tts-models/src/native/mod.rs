//! The executor on own CPU kernels: a whole decoder pass over f32 weights as one call.
//!
//! All rows of all spans run together through the projections; attention reads each sequence's
//! keys and values where they lie, in the segments that sequences share. Every reduction has one
//! fixed order (see `kernels`), so a sequence has the same bits alone and among others, with any
//! number of threads, in one span and token by token, and however its past is cut into segments.
//! Checked against [`crate::Plain`], the same decoder on Burn's own operations.

mod attention;
mod state;

use rayon::prelude::*;

pub use state::NativeState;

use crate::kernels::{axpy, matmul, rms_norm, swiglu};
use crate::{DecoderWeights, Executor, LayerWeights, ModelConfig, ModelError, Span, Want};

/// A decoder on the CPU, in f32, on own kernels.
#[derive(Debug)]
pub struct Native {
    config: ModelConfig,
    embedding: Vec<f32>,
    layers: Vec<Layer>,
    norm: Vec<f32>,
    head: Option<Vec<f32>>,
    /// Rotary frequencies, `[head_dim / 2]`.
    frequencies: Vec<f64>,
    threads: rayon::ThreadPool,
}

/// One layer; projections with a common input are stacked.
#[derive(Debug)]
struct Layer {
    attention_norm: Vec<f32>,
    /// Query, key and value projections, `[q + 2 kv, hidden]`.
    qkv: Vec<f32>,
    qkv_bias: Option<Vec<f32>>,
    qk_norm: Option<[Vec<f32>; 2]>,
    output: Vec<f32>,
    feed_forward_norm: Vec<f32>,
    /// Gate and up projections, `[2 f, hidden]`.
    gate_up: Vec<f32>,
    down: Vec<f32>,
}

/// What a layer makes on the way, kept from layer to layer: fresh memory costs more than small
/// models do. Every part is written whole before it is read.
#[derive(Default)]
struct Scratch {
    /// `[rows, hidden]`.
    normed: Vec<f32>,
    /// `[rows, q + 2 kv]`.
    qkv: Vec<f32>,
    /// `[rows, q]`.
    attended: Vec<f32>,
    /// `[rows, 2 f]`.
    gate_up: Vec<f32>,
    /// `[rows, f]`.
    active: Vec<f32>,
    /// `[rows, hidden]`.
    out: Vec<f32>,
}

impl Layer {
    fn new(weights: LayerWeights) -> Self {
        let stack = |mut first: Vec<f32>, rest: [Vec<f32>; 2]| {
            for tensor in rest {
                first.extend(tensor);
            }
            first
        };
        let bias = weights.attention_bias.map(|[q, k, v]| stack(q, [k, v]));
        Self {
            attention_norm: weights.attention_norm,
            qkv: stack(weights.query, [weights.key, weights.value]),
            qkv_bias: bias,
            qk_norm: weights.qk_norm,
            output: weights.output,
            feed_forward_norm: weights.feed_forward_norm,
            gate_up: stack(weights.gate, [weights.up, Vec::new()]),
            down: weights.down,
        }
    }
}

impl Native {
    /// Takes weights over, with `threads` threads; 0 for one a core.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new(weights: DecoderWeights, threads: usize) -> Result<Self, ModelError> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("decoder-{index}"))
            .build()
            .map_err(|error| ModelError::input("threads", error.to_string()))?;
        let frequencies = weights.config.rope_frequencies();
        Ok(Self {
            config: weights.config,
            embedding: weights.embedding,
            layers: weights.layers.into_iter().map(Layer::new).collect(),
            norm: weights.norm,
            head: weights.head,
            frequencies,
            threads,
        })
    }

    fn epsilon(&self) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
        let epsilon = self.config.rms_norm_eps as f32;
        epsilon
    }

    /// RMS norm of rows `[rows, hidden]`.
    fn norm_rows(&self, x: &[f32], weight: &[f32], out: &mut Vec<f32>) {
        let width = weight.len();
        out.resize(x.len(), 0.0);
        out.par_chunks_mut(width)
            .zip(x.par_chunks(width))
            .with_min_len(16)
            .for_each(|(out, x)| rms_norm(x, weight, self.epsilon(), out));
    }

    /// `x W^T` for rows `[rows, k]` and weights `[n, k]`.
    fn project(x: &[f32], weight: &[f32], k: usize, n: usize, y: &mut Vec<f32>) {
        y.resize(x.len() / k * n, 0.0);
        matmul(x, weight, k, y);
    }

    /// Bias, per-head norm and rotation of the stacked queries, keys and values of one row.
    fn prepare(&self, layer: &Layer, row: &mut [f32], angles: &[(f32, f32)]) {
        if let Some(bias) = &layer.qkv_bias {
            axpy(1.0, bias, row);
        }
        let width = self.config.head_dim;
        let queries = self.config.num_attention_heads;
        let keys = self.config.num_key_value_heads;
        for (head, values) in row.chunks_exact_mut(width).take(queries + keys).enumerate() {
            if let Some([query, key]) = &layer.qk_norm {
                let weight = if head < queries { query } else { key };
                let copy = values.to_vec();
                rms_norm(&copy, weight, self.epsilon(), values);
            }
            // Half-split pairs (Su et al. 2021, in the layout of the checkpoints).
            let (first, second) = values.split_at_mut(width / 2);
            for ((a, b), &(cos, sin)) in first.iter_mut().zip(second).zip(angles) {
                (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
            }
        }
    }

    /// Cosine and sine of one position, `[head_dim / 2]`; the angle in f64.
    fn angles(&self, position: usize) -> Vec<(f32, f32)> {
        #[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
        let angle = |frequency: &f64| {
            let angle = position as f64 * frequency;
            (angle.cos() as f32, angle.sin() as f32)
        };
        self.frequencies.iter().map(angle).collect()
    }

    fn check(&self, spans: &[Span<'_, NativeState>]) -> Result<(), ModelError> {
        let (vocab, longest) = (self.config.vocab_size, self.config.max_position_embeddings);
        for (index, span) in spans.iter().enumerate() {
            let field = format!("spans[{index}]");
            if span.tokens.is_empty() {
                return Err(ModelError::input(field, "no tokens"));
            }
            if let Some(bad) = span.tokens.iter().find(|&&token| token as usize >= vocab) {
                let problem = format!("token {bad} is outside the vocabulary of {vocab}");
                return Err(ModelError::input(field, problem));
            }
            let length = span.state.len() + span.tokens.len();
            if length > longest {
                let problem = format!("{length} tokens, but the model knows {longest} positions");
                return Err(ModelError::input(field, problem));
            }
        }
        Ok(())
    }

    /// One layer over `x [rows, hidden]`, in place.
    fn layer(
        &self,
        index: usize,
        x: &mut [f32],
        scratch: &mut Scratch,
        angles: &[Vec<(f32, f32)>],
        spans: &mut [Span<'_, NativeState>],
    ) {
        let layer = &self.layers[index];
        let hidden = self.config.hidden_size;
        let q = self.config.num_attention_heads * self.config.head_dim;
        let kv = self.config.num_key_value_heads * self.config.head_dim;
        let f = self.config.intermediate_size;
        let width = q + 2 * kv;

        let Scratch { normed, qkv, attended, gate_up, active, out } = scratch;
        self.norm_rows(x, &layer.attention_norm, normed);
        Self::project(normed, &layer.qkv, hidden, width, qkv);
        qkv.par_chunks_mut(width)
            .zip(angles)
            .with_min_len(8)
            .for_each(|(row, angles)| self.prepare(layer, row, angles));
        let mut rows = qkv.chunks_exact(width);
        for span in &mut *spans {
            for row in rows.by_ref().take(span.tokens.len()) {
                span.state.append(index, &row[q..q + kv], &row[q + kv..]);
            }
        }
        attention::attend(&self.config, index, qkv, spans, attended);
        Self::project(attended, &layer.output, q, hidden, out);
        axpy(1.0, out, x);

        self.norm_rows(x, &layer.feed_forward_norm, normed);
        Self::project(normed, &layer.gate_up, hidden, 2 * f, gate_up);
        active.resize(gate_up.len() / 2, 0.0);
        active
            .par_chunks_mut(f)
            .zip(gate_up.par_chunks(2 * f))
            .with_min_len(2)
            .for_each(|(out, gate_up)| swiglu(gate_up, out));
        Self::project(active, &layer.down, f, hidden, out);
        axpy(1.0, out, x);
    }
}

impl Executor for Native {
    type State = NativeState;

    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn empty(&self) -> NativeState {
        NativeState::new(self.layers.len())
    }

    fn length(&self, state: &NativeState) -> usize {
        state.len()
    }

    fn fork(&self, state: &mut NativeState, length: usize) -> NativeState {
        state.fork(length)
    }

    fn footprint(&self, state: &NativeState) -> Vec<(Option<usize>, usize)> {
        state.footprint()
    }

    fn forward(&self, spans: &mut [Span<'_, NativeState>]) -> Result<Vec<f32>, ModelError> {
        self.check(spans)?;
        let hidden = self.config.hidden_size;
        self.threads.install(|| {
            let mut x = Vec::new();
            let mut angles = Vec::new();
            for span in &*spans {
                for (offset, &token) in span.tokens.iter().enumerate() {
                    let row = token as usize * hidden;
                    x.extend_from_slice(&self.embedding[row..row + hidden]);
                    angles.push(self.angles(span.state.len() + offset));
                }
            }
            let mut scratch = Scratch::default();
            for index in 0..self.layers.len() {
                self.layer(index, &mut x, &mut scratch, &angles, spans);
            }
            let mut wanted = Vec::new();
            let mut rows = x.chunks_exact(hidden);
            for span in spans {
                span.state.advance(span.tokens.len());
                let count = span.tokens.len();
                for (offset, row) in rows.by_ref().take(count).enumerate() {
                    let keep = match span.want {
                        Want::Nothing => false,
                        Want::Last => offset + 1 == count,
                        Want::All => true,
                    };
                    if keep {
                        wanted.extend_from_slice(row);
                    }
                }
            }
            let mut rows = scratch.normed;
            self.norm_rows(&wanted, &self.norm, &mut rows);
            Ok(rows)
        })
    }

    fn logits(&self, hidden: &[f32]) -> Result<Vec<f32>, ModelError> {
        let width = self.config.hidden_size;
        if !hidden.len().is_multiple_of(width) {
            let problem = format!("{} numbers, expected a multiple of {width}", hidden.len());
            return Err(ModelError::input("hidden", problem));
        }
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        let mut logits = Vec::new();
        let vocab = self.config.vocab_size;
        self.threads.install(|| Self::project(hidden, head, width, vocab, &mut logits));
        Ok(logits)
    }
}
