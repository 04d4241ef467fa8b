//! The executor on own GPU kernels: a whole decoder pass, with one answer read back at its end.
//!
//! All rows of all spans run together through norms and products; attention reads the blocks of each
//! sequence where they lie. A layer is nine launches, none of which waits for the host unless it has experts. Activations,
//! keys and values are f32; weights are f32, or BF16 where they are stored so or
//! [`WeightFormat::Bf16`] asks for it, or quantised as they are stored ([`WeightFormat::Stored`]), with factors of blocks in
//! f32; inputs are not rounded.
//!
//! Every output has one order of additions, which depends on the shape of the model alone (see
//! `kernels::gpu`), so a sequence has the same bits alone and among others, in one span and token
//! by token, and however its past is cut into blocks. Between devices bits differ.
//!
//! **Keys and values** lie in one pair of buffers a layer, which is grown by half when the pool of
//! blocks outgrows it: new buffers are made, the old ones copied over on the device, a layer at a
//! time. A kernel can so address every block by its number. Blocks that are given back are used
//! again first; buffers never shrink.
//!
//! **Switches**: all of them. Windows, bounds, sinks, parts of heads and norms of heads are in the kernels of attention;
//! where a block's result is not added as it is, its bias, norm and factor are launches of their own ([`feed`]), and so
//! are a router and experts, behind an answer from the device. Keys and values before a window stay where they are.

mod feed;
mod pass;
mod state;
mod weights;

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};

use cubecl::Runtime;

pub use state::{GpuBlock, GpuState};
pub(crate) use weights::Stored;

use crate::exec::rope::Rope;
use crate::exec::{check_hidden, check_spans};
use crate::kernels::cap;
use crate::kernels::gpu::{
    Attention, Buffer, Device, Finish, PANEL, Placement, Scores, attend, copy, embed, fill_slots,
    join, norm, norm_sides, place, product, shift,
};
use crate::weights::config::{Attends, NormPlace, Rotation, is_one};
use crate::{
    BLOCK_TOKENS, BlockPart, Checkpoint, DecoderWeights, Executor, ModelConfig, ModelError, Piece,
    Span, Switches, WeightFormat,
};
use pass::Pass;
use state::Pool;
use weights::{Layer, Weights, rounds};

/// A decoder on a GPU, on own kernels.
#[derive(Debug)]
pub struct Gpu<R: Runtime> {
    config: ModelConfig,
    device: Device<R>,
    weights: Weights,
    rope: Rope,
    /// That of layers with a base of their own, where there are such layers.
    local: Option<Rope>,
    pool: Arc<Pool>,
    memory: Mutex<Memory>,
}

/// Keys and values on the device.
#[derive(Debug)]
struct Memory {
    /// Keys `[blocks, heads, head_dim, 16]` and values `[blocks, 16, heads, head_dim]` of each layer.
    layers: Vec<[Buffer; 2]>,
    /// Blocks that there is room for.
    blocks: usize,
}

/// The buffers of a pass, used by one layer after the other.
struct Scratch {
    /// `[rows, hidden]`, padded like all rows.
    x: Buffer,
    normed: Buffer,
    /// `[rows, q + 2 kv]`.
    qkv: Buffer,
    /// Parts of attention.
    partial: Buffer,
    /// `[rows, q]`.
    attended: Buffer,
    /// `[rows, f]`.
    active: Buffer,
    /// What a block gives where it is not added as it is, `[rows, hidden]`.
    block: Buffer,
    /// Gates and values where they are no part of their product, `[rows, 2 f]`.
    pairs: Buffer,
    /// Of the model's rotary embedding, and of layers with a base of their own.
    angles: Buffer,
    local: Buffer,
    /// Where rows go.
    slots: Buffer,
}

impl<R: Runtime> Gpu<R> {
    /// Whether a device can be opened.
    ///
    /// # Errors
    /// When there is none, or no driver for it. CubeCL panics then, so that a message goes to the
    /// panic hook too.
    pub fn available(device: &R::Device) -> Result<(), ModelError> {
        Device::<R>::open(device).map(|_| ())
    }

    /// What of a model cannot run on a device, before its tensors are read: nothing, or an error.
    ///
    /// # Errors
    /// When there is no such device or driver, or it has no kernels for the format.
    pub(crate) fn check(format: WeightFormat, device: &R::Device) -> Result<(), ModelError> {
        rounds(format)?;
        Self::available(device)
    }

    /// Moves weights to a device in f32.
    ///
    /// # Errors
    /// When there is no such device or driver, a tensor does not have the size that the config
    /// demands, or the device has no room.
    pub fn new(weights: DecoderWeights, device: &R::Device) -> Result<Self, ModelError> {
        Self::with_format(weights, WeightFormat::F32, device)
    }

    /// Moves weights to a device in a format: f32, or BF16.
    ///
    /// # Errors
    /// Those of [`Self::new`], and when a GPU has no kernels for the format.
    pub fn with_format(
        weights: DecoderWeights,
        format: WeightFormat,
        device: &R::Device,
    ) -> Result<Self, ModelError> {
        let narrow = rounds(format)?;
        let stored = |values: &[f32], _, exact: bool| Stored::of(values.to_vec(), narrow && !exact);
        Self::of_stored(weights.pack(stored), device)
    }

    /// Reads the weights of a checkpoint and moves them to a device.
    ///
    /// # Errors
    /// Those of [`DecoderWeights::load`] and of [`Self::with_format`].
    pub fn load(
        checkpoint: &Checkpoint,
        format: WeightFormat,
        device: &R::Device,
    ) -> Result<Self, ModelError> {
        rounds(format)?;
        Self::of_stored(DecoderWeights::load_stored(checkpoint, format)?, device)
    }

    fn of_stored(weights: DecoderWeights<Stored>, device: &R::Device) -> Result<Self, ModelError> {
        let config = weights.config.clone();
        let device = Device::open(device)?;
        let weights = device.run(|| {
            let weights = Weights::upload(&device, weights)?;
            device.flush()?;
            Ok(weights)
        })?;
        let memory = Mutex::new(Memory { layers: Vec::new(), blocks: 0 });
        let rope = Rope::new(&config);
        let by_itself = |layer: &Attends| layer.rotation == Rotation::Local;
        let local = config.switches.layers.iter().any(by_itself).then(|| Rope::local(&config));
        Ok(Self { config, device, weights, rope, local, pool: Arc::default(), memory })
    }

    /// Names the kind of device: its compiler, and a digest of what the hardware can do.
    pub fn device_kind(&self) -> String {
        self.device.kind()
    }

    fn epsilon(&self) -> f32 {
        narrow(self.config.rms_norm_eps)
    }

    /// Makes room for all blocks of the pool.
    fn grow(&self, memory: &mut Memory) -> Result<(), ModelError> {
        /// Blocks to begin with.
        const FEWEST: usize = 64;
        let needed = self.pool.made();
        if needed <= memory.blocks {
            return Ok(());
        }
        let blocks = needed.max(memory.blocks + memory.blocks / 2).max(FEWEST);
        let length = blocks * BLOCK_TOKENS * self.config.key_value_width();
        let mut layers = Vec::with_capacity(self.config.num_hidden_layers);
        for index in 0..self.config.num_hidden_layers {
            let grown = [self.device.empty(length)?, self.device.empty(length)?];
            if let Some(old) = memory.layers.get(index) {
                for (old, new) in old.iter().zip(&grown) {
                    copy(&self.device, old, new);
                }
            }
            layers.push(grown);
        }
        self.device.flush()?;
        *memory = Memory { layers, blocks };
        Ok(())
    }

    /// Runs a pass; the wanted rows after the final norm.
    fn run(&self, pass: &Pass) -> Result<Vec<f32>, ModelError> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        self.grow(&mut memory)?;
        let (device, config, rows) = (&self.device, &self.config, pass.tokens.len());
        let tokens = device.integers(&pass.tokens)?;
        let (seen, tiles) = (device.integers(&pass.seen)?, device.integers(&pass.tiles)?);
        let slots = device.empty(pass.positions)?;
        let entries = device.integers(&pass.entries)?;
        fill_slots(device, &entries, pass.entries.len() / 3, &slots);
        let attention = Attention {
            queries: config.num_attention_heads,
            heads: config.num_key_value_heads,
            width: config.head_dim,
            rows,
            seen: &seen,
            slots: &slots,
            tiles: &tiles,
            count: pass.tiles.len() / 4,
            tile: pass.tile,
            parts: pass.parts,
        };
        let numbers = |width: usize| device.empty(rows * width.next_multiple_of(PANEL));
        let scratch = Scratch {
            x: numbers(config.hidden_size)?,
            normed: numbers(config.hidden_size)?,
            qkv: numbers(config.query_width() + 2 * config.key_value_width())?,
            partial: device.empty(attention.partial())?,
            attended: numbers(config.query_width())?,
            active: numbers(config.intermediate_size)?,
            block: if self.joins() { numbers(config.hidden_size)? } else { device.empty(0)? },
            pairs: match self.gating() {
                Some(_) => numbers(2 * config.intermediate_size.next_multiple_of(PANEL))?,
                None => device.empty(0)?,
            },
            angles: device.floats(&pass.angles)?,
            local: device.floats(&pass.local)?,
            slots: device.integers(&pass.slots)?,
        };
        let factor = narrow(config.switches.embedding_scale);
        embed(device, &self.weights.embedding, &tokens, (rows, factor), &scratch.x);
        for (index, memory) in memory.layers.iter().enumerate() {
            self.layer(index, memory, &attention, &scratch)?;
        }
        if pass.wanted.is_empty() {
            device.flush()?;
            return Ok(Vec::new());
        }
        let (wanted, order) = (pass.wanted.len(), device.integers(&pass.wanted)?);
        let hidden = config.hidden_size;
        let out = device.empty(wanted * hidden.next_multiple_of(PANEL))?;
        let Weights { norm: weight, .. } = &self.weights;
        norm(device, &scratch.x, weight, Some(&order), wanted, hidden, self.epsilon(), &out);
        let padded = device.read(out)?;
        Ok(stripped(&padded, wanted, hidden).collect())
    }

    /// One layer over `x` of the scratch, in place.
    fn layer(
        &self,
        index: usize,
        [keys, values]: &[Buffer; 2],
        attention: &Attention<'_>,
        scratch: &Scratch,
    ) -> Result<(), ModelError> {
        let Scratch { x, normed, qkv, partial, attended, .. } = scratch;
        let layer = &self.weights.layers[index];
        let (device, rows, hidden) = (&self.device, attention.rows, self.config.hidden_size);
        // What a block reads.
        let read = |weight: &Buffer| {
            if self.config.switches.norm_place == NormPlace::After {
                return x;
            }
            norm(device, x, weight, None, rows, hidden, self.epsilon(), normed);
            normed
        };
        product(device, read(&layer.attention_norm), &layer.qkv, rows, Finish::Store, qkv);
        self.place(index, [keys, values], attention, scratch);
        let how = (attention, self.scores(index));
        attend(device, qkv, layer.qkv.width(), [keys, values], how, partial);
        join(device, partial, how, attended, layer.output.inputs());
        let bias = layer.output_bias.as_ref();
        self.add((attended, &layer.output, bias), self.after(layer, 0), rows, scratch);

        self.feed(layer, read(&layer.feed_forward_norm), rows, scratch)
    }

    /// Finishes queries, keys and values, and writes the latter two to their blocks.
    fn place(
        &self,
        index: usize,
        [keys, values]: [&Buffer; 2],
        attention: &Attention<'_>,
        scratch: &Scratch,
    ) {
        let (layer, switches) = (&self.weights.layers[index], &self.config.switches);
        let (device, rows, stride) = (&self.device, attention.rows, layer.qkv.width());
        let (mut bias, mut norms) = (layer.bias.as_ref(), layer.head_norms.as_ref());
        if switches.whole_qk_norm
            && let Some(norms) = norms.take()
        {
            if let Some(bias) = bias.take() {
                shift(device, &scratch.qkv, bias, rows);
            }
            let sides = self.config.norm_widths();
            norm_sides(device, (&scratch.qkv, rows, stride), norms, sides, self.epsilon());
        }
        let rotation = switches.attends(index).rotation;
        let pairs = self.config.rotary_dim() / 2;
        let grows = switches.query_growth.is_some() && rotation != Rotation::None;
        let placement = Placement {
            queries: attention.queries,
            heads: attention.heads,
            width: attention.width,
            bias,
            norms,
            late: switches.qk_norm_turned,
            epsilon: self.epsilon(),
            pairs: if rotation == Rotation::None { 0 } else { pairs },
            angles: if rotation == Rotation::Local { &scratch.local } else { &scratch.angles },
            turn: 2 * pairs + usize::from(switches.query_growth.is_some()),
            grows,
            slots: &scratch.slots,
            keys,
            values,
        };
        place(device, &scratch.qkv, stride, rows, &placement);
    }

    /// What becomes of scores in a layer.
    fn scores(&self, index: usize) -> Scores<'_> {
        let switches = &self.config.switches;
        Scores {
            scale: narrow(switches.score_scale(self.config.head_dim)),
            cap: switches.attention_cap.map(narrow),
            window: switches.attends(index).window,
            sinks: self.weights.layers[index].sinks.as_ref(),
        }
    }

    /// The norm of what a block gives, if any.
    fn after<'a>(&self, layer: &'a Layer, block: usize) -> Option<&'a Buffer> {
        match (self.config.switches.norm_place, &layer.post_norms) {
            (NormPlace::Before, _) => None,
            (NormPlace::Around, Some(norms)) => Some(&norms[block]),
            _ => Some([&layer.attention_norm, &layer.feed_forward_norm][block]),
        }
    }

    /// Logits of some rows.
    fn head(&self, hidden: &[f32], logits: &mut Vec<f32>) -> Result<(), ModelError> {
        let (width, vocab) = (self.config.hidden_size, self.config.vocab_size);
        let head = self.weights.head.as_ref().unwrap_or(&self.weights.embedding);
        let rows = hidden.len() / width;
        let mut padded = vec![0.0; rows * head.inputs()];
        for (row, values) in padded.chunks_exact_mut(head.inputs()).zip(hidden.chunks(width)) {
            row[..width].copy_from_slice(values);
        }
        let (x, out) = (self.device.floats(&padded)?, self.device.empty(rows * head.width())?);
        product(&self.device, &x, head, rows, Finish::Store, &out);
        let at = logits.len();
        logits.extend(stripped(&self.device.read(out)?, rows, vocab));
        let Switches { logit_scale, logit_cap, .. } = self.config.switches;
        match logit_cap.map(narrow) {
            Some(bound) => cap(&mut logits[at..], narrow(logit_scale), bound),
            None if is_one(logit_scale) => {}
            None => logits[at..].iter_mut().for_each(|logit| *logit *= narrow(logit_scale)),
        }
        Ok(())
    }
}

/// A number of a config in f32, as arithmetic is.
#[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
fn narrow(number: f64) -> f32 {
    number as f32
}

/// Rows without their padding.
fn stripped(padded: &[f32], rows: usize, width: usize) -> impl Iterator<Item = f32> {
    let rows = padded.chunks_exact(width.next_multiple_of(PANEL)).take(rows);
    rows.flat_map(move |row| row[..width].iter().copied())
}

impl<R: Runtime> Executor for Gpu<R> {
    type Block = GpuBlock;
    type State = GpuState;

    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn begin(&self, pieces: &[Piece<GpuBlock>]) -> GpuState {
        GpuState::new(pieces.to_vec())
    }

    fn pieces(&self, state: &mut GpuState) -> Vec<Piece<GpuBlock>> {
        state.pieces()
    }

    fn parts(&self, block: &GpuBlock) -> [Option<BlockPart>; 2] {
        [Some(BlockPart { id: block.id(), bytes: self.token_bytes() * BLOCK_TOKENS }), None]
    }

    fn token_bytes(&self) -> usize {
        2 * self.config.num_hidden_layers * self.config.key_value_width() * size_of::<f32>()
    }

    fn length(&self, state: &GpuState) -> usize {
        state.len()
    }

    fn forward(&self, spans: &mut [Span<'_, GpuState>]) -> Result<Vec<f32>, ModelError> {
        check_spans(&self.config, spans, GpuState::len)?;
        if spans.is_empty() {
            return Ok(Vec::new());
        }
        for span in &mut *spans {
            span.state.reserve(span.tokens.len(), || self.pool.take());
        }
        let pass = Pass::new(&self.config, (&self.rope, self.local.as_ref()), spans);
        let rows = self.device.run(|| self.run(&pass))?;
        for span in spans {
            span.state.advance(span.tokens.len());
        }
        Ok(rows)
    }

    fn logits_into(&self, hidden: &[f32], logits: &mut Vec<f32>) -> Result<(), ModelError> {
        /// Logits that are computed at a time, in bytes.
        const ROOM: usize = 64 << 20;
        let width = self.config.hidden_size;
        check_hidden(hidden, width)?;
        logits.clear();
        let rows = (ROOM / (self.config.vocab_size * size_of::<f32>())).max(1);
        for hidden in hidden.chunks(rows * width) {
            self.device.run(|| self.head(hidden, logits))?;
        }
        Ok(())
    }

    fn renew(&mut self, weights: DecoderWeights) -> Result<(), ModelError> {
        weights.check_for(&self.config)?;
        let narrow = self.weights.narrow();
        let next = Cell::new(0);
        let packed = weights.pack(|values, _, _| {
            let place = next.replace(next.get() + 1);
            Stored::of(values.to_vec(), narrow[place])
        });
        self.weights = self.device.run(|| {
            let weights = Weights::upload(&self.device, packed)?;
            self.device.flush()?;
            Ok(weights)
        })?;
        Ok(())
    }
}
