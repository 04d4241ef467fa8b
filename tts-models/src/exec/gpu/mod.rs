//! The executor on own GPU kernels: a whole decoder pass, with one answer read back at its end.
//!
//! All rows of all spans run together through norms and products; attention reads the blocks of each
//! sequence where they lie. A layer is nine launches, none of which waits for the host. Activations,
//! keys and values are f32; weights are f32, or BF16 where they are stored so or
//! [`WeightFormat::Bf16`] asks for it, and quantised ones are widened to f32.
//!
//! Every output has one order of additions, which depends on the shape of the model alone (see
//! `kernels::gpu`), so a sequence has the same bits alone and among others, in one span and token
//! by token, and however its past is cut into blocks. Between devices bits differ.
//!
//! **Keys and values** lie in one pair of buffers a layer, which is grown by half when the pool of
//! blocks outgrows it: new buffers are made, the old ones copied over on the device, a layer at a
//! time. A kernel can so address every block by its number. Blocks that are given back are used
//! again first; buffers never shrink.

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
use crate::kernels::gpu::{
    Attention, Buffer, Device, Finish, PANEL, Placement, Product, attend, copy, embed, fill_slots,
    join, norm, place, product,
};
use crate::{
    BLOCK_TOKENS, BlockPart, Checkpoint, DecoderWeights, Executor, ModelConfig, ModelError, Piece,
    Span, Switches, WeightFormat,
};
use pass::Pass;
use state::Pool;
use weights::{Layer, Weights, rounds};

/// What refuses switches.
const WHO: &str = "the GPU executor";

/// A decoder on a GPU, on own kernels.
#[derive(Debug)]
pub struct Gpu<R: Runtime> {
    config: ModelConfig,
    device: Device<R>,
    weights: Weights,
    rope: Rope,
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
    angles: Buffer,
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
        Self::of_stored(weights.pack(|values, _, _| Stored::of(values.to_vec(), narrow)), device)
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
        // Before its tensors are read; a bias that the config alone knows of may not be there.
        let told = Switches { output_bias: false, ..checkpoint.config().switches.clone() };
        told.refuse(WHO)?;
        Self::of_stored(DecoderWeights::load_stored(checkpoint, format)?, device)
    }

    fn of_stored(weights: DecoderWeights<Stored>, device: &R::Device) -> Result<Self, ModelError> {
        let config = weights.config.clone();
        config.switches.refuse(WHO)?;
        let device = Device::open(device)?;
        let weights = device.run(|| {
            let weights = Weights::upload(&device, weights)?;
            device.flush()?;
            Ok(weights)
        })?;
        let memory = Mutex::new(Memory { layers: Vec::new(), blocks: 0 });
        let rope = Rope::new(&config);
        Ok(Self { config, device, weights, rope, pool: Arc::default(), memory })
    }

    /// Names the kind of device: its compiler, and a digest of what the hardware can do.
    pub fn device_kind(&self) -> String {
        self.device.kind()
    }

    fn epsilon(&self) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "arithmetic is f32")]
        let epsilon = self.config.rms_norm_eps as f32;
        epsilon
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
            angles: device.floats(&pass.angles)?,
            slots: device.integers(&pass.slots)?,
        };
        embed(device, &self.weights.embedding, &tokens, rows, &scratch.x);
        for (layer, memory) in self.weights.layers.iter().zip(&memory.layers) {
            self.layer(layer, memory, &attention, &scratch);
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
        layer: &Layer,
        [keys, values]: &[Buffer; 2],
        attention: &Attention<'_>,
        scratch: &Scratch,
    ) {
        let Scratch { x, normed, qkv, partial, attended, active, angles, slots } = scratch;
        let (device, rows, hidden) = (&self.device, attention.rows, self.config.hidden_size);
        let norm = |weight: &Buffer| {
            norm(device, x, weight, None, rows, hidden, self.epsilon(), normed);
        };
        let run = |input: &Buffer, weights: &Product, finish: Finish, out: &Buffer| {
            product(device, input, weights, rows, finish, out);
        };
        norm(&layer.attention_norm);
        run(normed, &layer.qkv, Finish::Store, qkv);
        let placement = Placement {
            queries: attention.queries,
            heads: attention.heads,
            width: attention.width,
            bias: layer.bias.as_ref(),
            norms: layer.head_norms.as_ref(),
            epsilon: self.epsilon(),
            angles,
            slots,
            keys,
            values,
        };
        place(device, qkv, layer.qkv.width(), rows, &placement);
        attend(device, qkv, layer.qkv.width(), [keys, values], attention, partial);
        join(device, partial, attention, attended, layer.output.inputs());
        run(attended, &layer.output, Finish::Add, x);
        norm(&layer.feed_forward_norm);
        run(normed, &layer.gate_up, Finish::Gate, active);
        run(active, &layer.down, Finish::Add, x);
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
        logits.extend(stripped(&self.device.read(out)?, rows, vocab));
        Ok(())
    }
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
        let pass = Pass::new(&self.config, &self.rope, spans);
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
