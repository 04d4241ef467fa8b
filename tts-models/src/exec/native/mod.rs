//! The executor on own CPU kernels: a whole decoder pass over packed weights as one call.
//!
//! All rows of all spans run together through the projections; attention reads each block of keys
//! and values once for all the rows that share it (see the module `attention`). Every reduction has one fixed
//! order (see `kernels`), so a sequence has the same bits alone and among others, with any number of
//! threads, in one span and token by token, and however its past is cut into blocks.
//!
//! Weights are multiplied in the type that they are stored in: quantised blocks by integer dot
//! products with inputs rounded to 8 bits, BF16 by its own dot products, and F16 and F32 in f32,
//! which is exact but for rounding and checked against [`crate::Plain`], the same decoder on Burn's
//! own operations. [`WeightFormat`] asks for another type. Keys and values are kept in f32 beside
//! f32 weights, and in f16 otherwise; [`KeyValues`] asks for another type of these. Those of layers with windows are let
//! go of behind the widest window.
//!
//! A pass says which [`Stage`] it is in, for whoever asks where its time goes.

mod attention;
mod feed_forward;
mod key_values;
mod state;
mod store;

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tts_core::cost::{ExpertShape, ModelShape};

pub use key_values::KeyValues;
pub use store::{NativeBlock, NativeState};

use crate::exec::rope::{Angles, Rope};
use crate::exec::{check_hidden, check_spans};
use crate::kernels::{Clock, Input, Kinds, Matrix, Stage, Team, cap, project, rms_norm, rotate};
use crate::weights::config::{Attends, NormPlace, Rotation, Switches, is_one};
use crate::{BlockPart, Piece, Span, Want, Windows};
use crate::{Checkpoint, DecoderWeights, Executor, LayerWeights, ModelConfig, ModelError};
use attention::{Plan, Scores};
use state::Numbers;
use store::Store;

/// The type in which weights are held and multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WeightFormat {
    /// As in the checkpoint: quantised blocks as integers, BF16 as BF16, everything else in f32.
    #[default]
    Stored,
    /// f32, whatever is stored: exact but for rounding.
    F32,
    /// Rounded to BF16.
    Bf16,
    /// Rounded to 8 bits in blocks of 32 inputs.
    Int8,
}

impl std::fmt::Display for WeightFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stored => "stored",
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        })
    }
}

impl std::str::FromStr for WeightFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "stored" => Ok(Self::Stored),
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            "int8" => Ok(Self::Int8),
            _ => Err(format!("{name:?} is not a format of weights: stored, f32, bf16 or int8")),
        }
    }
}

/// A decoder on the CPU, on own kernels.
#[derive(Debug)]
pub struct Native {
    config: ModelConfig,
    embedding: Matrix,
    layers: Vec<LayerWeights<Matrix>>,
    norm: Vec<f32>,
    head: Option<Matrix>,
    rope: Rope,
    /// Of layers with a base of their own.
    local: Option<Rope>,
    store: Store,
    team: Team,
    /// Of passes that are over.
    scratch: Mutex<Vec<Scratch>>,
}

/// What a pass makes on the way, kept from layer to layer and from pass to pass: fresh memory costs
/// more than small models do. Every part is written whole before it is read.
#[derive(Debug, Default)]
struct Scratch {
    /// `[rows, hidden]`.
    x: Vec<f32>,
    input: Input,
    /// `[rows, q + 2 kv]`.
    qkv: Vec<f32>,
    /// `[rows, q]`, in the order of the tasks of attention.
    attended: Vec<f32>,
    /// `[rows, hidden]`, where something is done to what a block gives before it is added.
    block: Vec<f32>,
    feed: feed_forward::Scratch,
}

/// How far the heads of each row are turned.
struct Turns {
    global: Vec<Angles>,
    /// Of layers with a base of their own; empty without such.
    local: Vec<Angles>,
}

impl Turns {
    /// Those of a layer; `None` where nothing is turned.
    fn of(&self, rotation: Rotation) -> Option<&[Angles]> {
        match rotation {
            Rotation::Global => Some(&self.global),
            Rotation::Local => Some(&self.local),
            Rotation::None => None,
        }
    }
}

impl Native {
    /// Takes weights over in f32, with `threads` threads; 0 for one a core.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new(weights: DecoderWeights, threads: usize) -> Result<Self, ModelError> {
        Self::with_format(weights, WeightFormat::F32, threads)
    }

    /// Takes weights over in a format, with `threads` threads; 0 for one a core.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn with_format(
        weights: DecoderWeights,
        format: WeightFormat,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let packed = weights.pack(|values, inputs, exact| {
            let format = if exact { WeightFormat::F32 } else { format };
            Matrix::of(values, inputs, format)
        });
        Self::of_packed(packed, threads)
    }

    /// Reads the weights of a checkpoint, tensor by tensor.
    ///
    /// # Errors
    /// Those of [`DecoderWeights::load`], when a scale is not finite, or when the threads cannot be
    /// started.
    pub fn load(
        checkpoint: &Checkpoint,
        format: WeightFormat,
        threads: usize,
    ) -> Result<Self, ModelError> {
        Self::of_packed(DecoderWeights::load_packed(checkpoint, format)?, threads)
    }

    /// The same with keys and values in a type: at the beginning, before any sequence.
    #[must_use]
    pub fn with_key_values(mut self, kind: KeyValues) -> Self {
        let kind = kind.beside(are_exact(&self.layers));
        self.store = Store::new(&self.config, kind);
        self
    }

    fn of_packed(weights: DecoderWeights<Matrix>, threads: usize) -> Result<Self, ModelError> {
        let team =
            Team::new(threads).map_err(|error| ModelError::input("threads", error.to_string()))?;
        let DecoderWeights { config, embedding, layers, norm, head } = weights;
        let store = Store::new(&config, KeyValues::Auto.beside(are_exact(&layers)));
        let rope = Rope::new(&config);
        let by_itself = |attends: &Attends| attends.rotation == Rotation::Local;
        let local = config.switches.layers.iter().any(by_itself).then(|| Rope::local(&config));
        let scratch = Mutex::default();
        Ok(Self { config, embedding, layers, norm, head, rope, local, store, team, scratch })
    }

    /// The type of each matrix, of those that weights can be packed in, in the order of [`DecoderWeights::pack`].
    fn formats(&self) -> Vec<WeightFormat> {
        let layers = self.layers.iter().flat_map(LayerWeights::matrices);
        let all = std::iter::once(&self.embedding).chain(layers).chain(&self.head);
        let format = |matrix: &Matrix| match matrix {
            Matrix::F32 { .. } => WeightFormat::F32,
            Matrix::Bf16 { .. } => WeightFormat::Bf16,
            Matrix::Int8(_) => WeightFormat::Int8,
        };
        all.map(format).collect()
    }

    fn scratch(&self) -> Scratch {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn keep_scratch(&self, scratch: Scratch) {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }

    /// The pass goes on to a stage.
    fn at(&self, stage: Stage) {
        self.team.clock().at(stage);
    }

    fn epsilon(&self) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
        let epsilon = self.config.rms_norm_eps as f32;
        epsilon
    }

    /// Rows `[rows, hidden]` after an RMS norm, in the forms that `matrices` need.
    fn normed(&self, x: &[f32], norm: &[f32], kinds: Kinds, input: &mut Input) {
        let width = norm.len();
        input.fill(&self.team, kinds, x.len() / width, width, |row, out| {
            rms_norm(&x[row * width..(row + 1) * width], norm, self.epsilon(), out);
        });
    }

    /// Bias, norms, rotation and growth of the stacked queries, keys and values of one row.
    fn prepare(&self, layer: &LayerWeights<Matrix>, row: &mut [f32], angles: Option<&Angles>) {
        if let Some(biases) = &layer.attention_bias {
            for (value, bias) in row.iter_mut().zip(biases.iter().flatten()) {
                *value += bias;
            }
        }
        let (q, kv) = (self.config.query_width(), self.config.key_value_width());
        let turned = self.config.switches.qk_norm_turned;
        if !turned {
            self.norm_heads(layer, row);
        }
        if let Some((cosines, sines)) = angles.map(Angles::get) {
            for values in row[..q + kv].chunks_exact_mut(self.config.head_dim) {
                rotate(&mut values[..2 * cosines.len()], cosines, sines);
            }
        }
        if turned {
            self.norm_heads(layer, row);
        }
        if let Some(growth) = angles.and_then(|angles| angles.growth) {
            row[..q].iter_mut().for_each(|value| *value *= growth);
        }
    }

    /// The norms of queries and keys, of a layer that has them.
    fn norm_heads(&self, layer: &LayerWeights<Matrix>, row: &mut [f32]) {
        let Some([query, key]) = &layer.qk_norm else { return };
        let (queries, rest) = row.split_at_mut(self.config.query_width());
        let keys = &mut rest[..self.config.key_value_width()];
        for (all, weight) in [(queries, query), (keys, key)] {
            for values in all.chunks_exact_mut(weight.len()) {
                let copy = values.to_vec();
                rms_norm(&copy, weight, self.epsilon(), values);
            }
        }
    }

    /// Finishes queries, keys and values `[rows, q + 2 kv]`, and writes the latter two to the
    /// sequences' blocks.
    fn keep(
        &self,
        index: usize,
        qkv: &mut [f32],
        turns: &Turns,
        spans: &mut [Span<'_, NativeState>],
    ) {
        /// Rows of a task of its own.
        const ROWS: usize = 4;
        let layer = &self.layers[index];
        let (q, kv) = (self.config.query_width(), self.config.key_value_width());
        let width = q + 2 * kv;
        let angles = turns.of(self.config.switches.attends(index).rotation);
        self.team.each_of(qkv.chunks_mut(ROWS * width).collect(), |task, rows: &mut [f32]| {
            for (offset, row) in rows.chunks_exact_mut(width).enumerate() {
                let angles = angles.map(|all| &all[task * ROWS + offset]);
                self.prepare(layer, row, angles);
            }
        });
        let place = self.store.place(index);
        let mut rest = &*qkv;
        let mut slots = Vec::with_capacity(spans.len());
        for span in spans {
            let tokens = span.tokens.len();
            let (mine, later) = rest.split_at(tokens * width);
            rest = later;
            for (numbers, slot, rows) in span.state.slots(place.near, tokens) {
                slots.push((numbers, slot, &mine[rows.start * width..rows.end * width]));
            }
        }
        let shape = self.store.shape();
        // A few blocks make a task: a row's keys and values are written in less than a microsecond.
        let mut tasks: Vec<Vec<_>> = Vec::new();
        for slot in slots {
            match tasks.last_mut() {
                Some(task) if task.len() < ROWS => task.push(slot),
                _ => tasks.push(vec![slot]),
            }
        }
        self.team.each_of(tasks, |_, slots| {
            for (numbers, slot, rows) in slots {
                for (offset, row) in rows.chunks_exact(width).enumerate() {
                    let (keys, values) = row[q..].split_at(kv);
                    let token = slot + offset;
                    match numbers {
                        Numbers::F32(block) => shape.write(block, place.layer, token, keys, values),
                        Numbers::F16(block) => shape.write(block, place.layer, token, keys, values),
                        Numbers::Int8(codes, factors) => {
                            shape.write_coded((codes, factors), place.layer, token, keys, values);
                        }
                    }
                }
            }
        });
    }

    /// One layer over `x [rows, hidden]` of the scratch, in place.
    fn layer(
        &self,
        index: usize,
        scratch: &mut Scratch,
        turns: &Turns,
        plan: &Plan,
        spans: &mut [Span<'_, NativeState>],
    ) {
        let layer = &self.layers[index];
        let LayerWeights { query, key, value, output, feed_forward, .. } = layer;
        let switches = &self.config.switches;
        let rows = turns.global.len();
        let (q, kv) = (self.config.query_width(), self.config.key_value_width());
        let hidden = self.config.hidden_size;
        let Scratch { x, input, qkv, attended, block, feed } = scratch;
        let before = switches.norm_place != NormPlace::After;
        // The norm of what a block gives, if any.
        let after = |of_block: usize, own| match (switches.norm_place, &layer.post_norms) {
            (NormPlace::Before, _) => None,
            (NormPlace::Around, Some(norms)) => Some(&norms[of_block]),
            _ => Some(own),
        };

        self.at(Stage::Norms);
        let kinds = Kinds::of([query, key, value]).fine();
        if before {
            self.normed(x, &layer.attention_norm, kinds, input);
        } else {
            input.copy(&self.team, kinds, x, hidden);
        }
        self.at(Stage::QueryKeyValue);
        qkv.resize(rows * (q + 2 * kv), 0.0);
        project(&self.team, input, &[query, key, value], false, qkv);
        self.at(Stage::Heads);
        self.keep(index, qkv, turns, spans);
        self.at(Stage::Attention);
        let how = (self.store.place(index), self.scores(index));
        plan.attend(&self.team, how, qkv, spans, attended);
        self.at(Stage::Packing);
        input.fill(&self.team, Kinds::of([output]), rows, q, |row, out| {
            plan.gather(attended, row, out);
        });
        self.at(Stage::Output);
        let norm = after(0, &layer.attention_norm);
        self.add((output, layer.output_bias.as_ref(), norm), input, block, x);

        self.at(Stage::Norms);
        let kinds = feed_forward::kinds(feed_forward);
        if before {
            self.normed(x, &layer.feed_forward_norm, kinds, input);
        } else {
            input.copy(&self.team, kinds, x, hidden);
        }
        let norm = after(1, &layer.feed_forward_norm);
        self.feed(feed_forward, norm, input, feed, (block, x));
    }

    /// What becomes of scores in a layer.
    #[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
    fn scores(&self, layer: usize) -> Scores<'_> {
        let switches = &self.config.switches;
        Scores {
            scale: switches.score_scale(self.config.head_dim) as f32,
            cap: switches.attention_cap.map(|bound| bound as f32),
            window: switches.attends(layer).window,
            sinks: self.layers[layer].sinks.as_deref(),
        }
    }

    /// Factor and bound of logits, where there are.
    fn finish_logits(&self, logits: &mut [f32]) {
        let Switches { logit_scale, logit_cap, .. } = self.config.switches;
        if is_one(logit_scale) && logit_cap.is_none() {
            return;
        }
        let rows = logits.chunks_exact_mut(self.config.vocab_size).collect();
        #[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
        self.team.each_of(rows, |_, row: &mut [f32]| match logit_cap {
            Some(bound) => cap(row, logit_scale as f32, bound as f32),
            None => row.iter_mut().for_each(|logit| *logit *= logit_scale as f32),
        });
    }

    /// The rows that the spans want, after the final norm.
    fn wanted(&self, x: &[f32], spans: &[Span<'_, NativeState>]) -> Vec<f32> {
        let hidden = self.config.hidden_size;
        let mut wanted = Vec::new();
        let mut rows = x.chunks_exact(hidden);
        for span in spans {
            let count = span.tokens.len();
            for (offset, row) in rows.by_ref().take(count).enumerate() {
                let keep = match span.want {
                    Want::Nothing => false,
                    Want::Last => offset + 1 == count,
                    Want::All => true,
                };
                if keep {
                    let at = wanted.len();
                    wanted.resize(at + hidden, 0.0);
                    rms_norm(row, &self.norm, self.epsilon(), &mut wanted[at..]);
                }
            }
        }
        wanted
    }
}

/// Whether all that a row goes through is f32.
fn are_exact(layers: &[LayerWeights<Matrix>]) -> bool {
    let mut networks = layers.iter().flat_map(|layer| layer.feed_forward.networks());
    networks.all(|network| matches!(network.down, Matrix::F32 { .. }))
}

impl Executor for Native {
    type Block = NativeBlock;
    type State = NativeState;

    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn begin(&self, pieces: &[Piece<NativeBlock>]) -> NativeState {
        self.store.begin(pieces)
    }

    fn pieces(&self, state: &mut NativeState) -> Vec<Piece<NativeBlock>> {
        state.pieces()
    }

    fn parts(&self, block: &NativeBlock) -> [Option<BlockPart>; 2] {
        self.store.parts(block)
    }

    fn thin(&self, block: &NativeBlock) -> NativeBlock {
        block.thin()
    }

    fn windows(&self) -> Option<Windows> {
        self.store.windows()
    }

    fn token_bytes(&self) -> usize {
        self.store.token_bytes()
    }

    fn shape(&self) -> ModelShape {
        let bytes =
            |layer: &LayerWeights<Matrix>| layer.matrices().map(Matrix::bytes).sum::<usize>();
        // What each row reads, whichever experts it goes to.
        let read_by_all = |layer: &LayerWeights<Matrix>| {
            let LayerWeights { query, key, value, output, feed_forward, .. } = layer;
            let attention = [query, key, value, output].into_iter();
            let own = attention.chain(feed_forward.beside_experts());
            own.map(Matrix::bytes).sum::<usize>()
        };
        let layer_bytes = self.layers.iter().map(bytes).sum::<usize>() as u64;
        let of_experts = layer_bytes - self.layers.iter().map(read_by_all).sum::<usize>() as u64;
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        let shape = self.config.shape(32.0, 4);
        ModelShape {
            layer_bytes,
            head_bytes: head.bytes() as u64,
            embedding_bytes: self.head.as_ref().map_or(0, |_| self.embedding.bytes() as u64),
            token_bytes: self.token_bytes() as u64,
            windows: self.window_shape(),
            experts: shape.experts.map(|experts| ExpertShape { bytes: of_experts, ..experts }),
            ..shape
        }
    }

    fn length(&self, state: &NativeState) -> usize {
        state.len()
    }

    fn forward(&self, spans: &mut [Span<'_, NativeState>]) -> Result<Vec<f32>, ModelError> {
        check_spans(&self.config, spans, NativeState::len)?;
        let windows = self.store.windows();
        if let Some(index) = spans.iter().position(|span| span.state.lacks(windows)) {
            let problem =
                "keys and values within its window are gone: it was begun where none could be";
            return Err(ModelError::input(format!("spans[{index}]"), problem));
        }
        self.at(Stage::Begin);
        let mut scratch = self.scratch();
        let mut turns = Turns { global: Vec::new(), local: Vec::new() };
        let mut row = Vec::new();
        #[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
        let scale = self.config.switches.embedding_scale as f32;
        scratch.x.clear();
        for span in &mut *spans {
            span.state.reserve(span.tokens.len(), &self.store);
            for (offset, &token) in span.tokens.iter().enumerate() {
                self.embedding.output(token as usize, &mut row);
                scratch.x.extend(row.iter().map(|value| scale * value));
                let position = span.state.len() + offset;
                turns.global.push(self.rope.at(position));
                turns.local.extend(self.local.as_ref().map(|local| local.at(position)));
            }
        }
        let plan = Plan::new(&self.config, self.store.shape(), spans);
        for index in 0..self.layers.len() {
            self.layer(index, &mut scratch, &turns, &plan, spans);
        }
        self.at(Stage::End);
        let wanted = self.wanted(&scratch.x, spans);
        for span in spans {
            span.state.advance(span.tokens.len(), windows);
        }
        self.keep_scratch(scratch);
        self.at(Stage::Outside);
        Ok(wanted)
    }

    fn logits_into(&self, hidden: &[f32], logits: &mut Vec<f32>) -> Result<(), ModelError> {
        let width = self.config.hidden_size;
        check_hidden(hidden, width)?;
        self.at(Stage::Head);
        let rows = hidden.len() / width;
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        let mut scratch = self.scratch();
        scratch.input.copy(&self.team, Kinds::of([head]), hidden, width);
        logits.resize(rows * self.config.vocab_size, 0.0);
        project(&self.team, &scratch.input, &[head], false, logits);
        self.keep_scratch(scratch);
        self.finish_logits(logits);
        self.at(Stage::Outside);
        Ok(())
    }

    /// Quantised weights are rounded to 8 bits, whatever they were stored in.
    fn renew(&mut self, weights: DecoderWeights) -> Result<(), ModelError> {
        weights.check_for(&self.config)?;
        let formats = self.formats();
        let next = Cell::new(0);
        let packed = weights.pack(|values, inputs, _| {
            let place = next.replace(next.get() + 1);
            Matrix::of(values, inputs, formats[place])
        });
        let DecoderWeights { embedding, layers, norm, head, .. } = packed;
        (self.embedding, self.layers, self.norm, self.head) = (embedding, layers, norm, head);
        Ok(())
    }

    fn parallel(&self, count: usize, task: &(dyn Fn(usize) + Sync)) {
        self.at(Stage::Sampling);
        self.team.each(count, task);
        self.at(Stage::Outside);
    }

    fn clock(&self) -> Option<&Clock> {
        Some(self.team.clock())
    }
}
