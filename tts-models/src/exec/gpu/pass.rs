//! The tables of a pass, made on the host: which rows there are, and what they see.

use super::state::{GpuState, blocks, slot};
use crate::exec::rope::Rope;
use crate::kernels::gpu::{Attention, PART};
use crate::{BLOCK_TOKENS, ModelConfig, Span, Want};

/// The tables of a pass.
#[derive(Debug, Default)]
pub(super) struct Pass {
    /// Token of each row.
    pub(super) tokens: Vec<u32>,
    /// Where each row's key and value go.
    pub(super) slots: Vec<u32>,
    /// How many positions each row sees.
    pub(super) seen: Vec<u32>,
    /// Cosines and sines of each row, and what its queries grow by where they do: `[rows, turn]`.
    pub(super) angles: Vec<f32>,
    /// The same by the base of layers with one of their own; empty where there are none.
    pub(super) local: Vec<f32>,
    /// First slot, tokens and place in the table of slots of each block of each sequence.
    pub(super) entries: Vec<u32>,
    /// Positions of all sequences: the length of the table of slots.
    pub(super) positions: usize,
    /// First row, rows, positions that the first row sees, and place in the table of slots.
    pub(super) tiles: Vec<u32>,
    /// Rows of a tile, at most.
    pub(super) tile: usize,
    /// Parts of the longest sequence.
    pub(super) parts: usize,
    /// Rows that come back.
    pub(super) wanted: Vec<u32>,
}

/// A count as kernels take it. Rows, slots and positions are far below the limit: their keys and
/// values would not fit on a device.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Adds the angles of a position, and what queries grow by there.
fn turn(rope: &Rope, position: usize, angles: &mut Vec<f32>) {
    let at = rope.at(position);
    let (cosines, sines) = at.get();
    angles.extend_from_slice(cosines);
    angles.extend_from_slice(sines);
    angles.extend(at.growth);
}

impl Pass {
    /// Plans a pass; all spans have room for their tokens, of which there is at least one.
    pub(super) fn new(
        config: &ModelConfig,
        (rope, local): (&Rope, Option<&Rope>),
        spans: &[Span<'_, GpuState>],
    ) -> Self {
        let single = spans.iter().all(|span| span.tokens.len() == 1);
        let (queries, heads) = (config.num_attention_heads, config.num_key_value_heads);
        let tile = if single { 1 } else { Attention::rows_of_tile(queries, heads) };
        let mut pass = Self { tile, ..Self::default() };
        for span in spans {
            pass.add(rope, local, span);
        }
        pass
    }

    fn add(&mut self, rope: &Rope, local: Option<&Rope>, span: &Span<'_, GpuState>) {
        let (state, count) = (&*span.state, span.tokens.len());
        let (past, first, table) = (state.len(), self.tokens.len(), self.positions);
        for (block, tokens) in blocks(state, count) {
            let slot = block as usize * BLOCK_TOKENS;
            self.entries.extend([slot, tokens, self.positions].map(number));
            self.positions += tokens;
        }
        for (offset, &token) in span.tokens.iter().enumerate() {
            self.tokens.push(token);
            self.slots.push(number(slot(state, offset)));
            self.seen.push(number(past + offset + 1));
            turn(rope, past + offset, &mut self.angles);
            if let Some(rope) = local {
                turn(rope, past + offset, &mut self.local);
            }
            let last = offset + 1 == count;
            if span.want == Want::All || (span.want == Want::Last && last) {
                self.wanted.push(number(first + offset));
            }
        }
        for offset in (0..count).step_by(self.tile) {
            let rows = self.tile.min(count - offset);
            self.tiles.extend([first + offset, rows, past + offset + 1, table].map(number));
        }
        self.parts = self.parts.max((past + count).div_ceil(PART));
    }
}
