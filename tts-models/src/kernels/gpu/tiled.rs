//! The product for many rows: tiles of 64 rows and 64 outputs.
//!
//! A cube of 256 threads brings eight inputs of 64 rows and of two panels to shared memory at a
//! time; a thread keeps the sums of 4 rows and 4 outputs in registers. At the end of each stretch
//! its sums are added to the totals, so every output is the sum that [`super::product`] defines.

use cubecl::prelude::*;

use super::product::{Finish, Kind, gated, weights_at};
use super::{PANEL, QUAD};

/// Rows of a tile, and outputs.
pub(super) const SIDE: usize = 64;
/// Vectors along the inputs that are at hand.
const DEPTH: usize = 2;
/// Threads along a side, each with as many rows or outputs.
const THREADS: usize = 16;
const EACH: usize = SIDE / THREADS;

/// One tile.
#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, clippy::too_many_lines, reason = "one kernel")]
pub(super) fn product_tiled<N: Size>(
    x: &Array<Vector<f32, Const<4>>>,
    weights: &Array<Vector<u32, N>>,
    blocks: &Array<f32>,
    tiles: &Array<u32>,
    order: &Array<u32>,
    out: &mut Array<f32>,
    rows: u32,
    panels: u32,
    quads: u32,
    chunk: u32,
    #[comptime] routed: bool,
    #[comptime] kind: Kind,
    #[comptime] finish: Finish,
) {
    let unit = UNIT_POS as usize;
    let (column, line) = (unit % THREADS, unit / THREADS);
    let panel = CUBE_POS_X * 2;
    // The results of this tile, and where the panels of its part begin.
    let mut first = CUBE_POS_Y * SIDE as u32;
    let mut end = rows;
    let mut before = 0u32;
    if comptime!(routed) {
        let at = (CUBE_POS_Y * 3) as usize;
        first = tiles[at];
        end = first + tiles[at + 1];
        before = tiles[at + 2] * panels;
    }
    let mut inputs = SharedMemory::<f32>::new(DEPTH * QUAD * SIDE);
    let mut outputs = SharedMemory::<f32>::new(DEPTH * QUAD * SIDE);
    let mut sums = Array::<f32>::new(EACH * EACH);
    let mut totals = Array::<f32>::new(EACH * EACH);
    #[unroll]
    for i in 0..EACH * EACH {
        sums[i] = 0.0;
        totals[i] = 0.0;
    }

    // Half of the threads bring rows, the others weights, a vector each.
    let part = unit % (DEPTH * SIDE);
    let mut row = u32::min(first + (part % SIDE) as u32, end - 1);
    if comptime!(routed) {
        row = order[row as usize];
    }
    let own = before + u32::min(panel + (part / (DEPTH * PANEL)) as u32, panels - 1);
    let (row_depth, own_depth) = (part / SIDE, part / PANEL % DEPTH);
    let (row_place, own_place) = (
        row_depth * QUAD * SIDE + part % SIDE,
        own_depth * QUAD * SIDE + part / (DEPTH * PANEL) * PANEL + part % PANEL,
    );

    for begin in range_stepped(0, quads, chunk) {
        let stop = u32::min(begin + chunk, quads);
        for quad in range_stepped(begin, stop, DEPTH as u32) {
            if unit < DEPTH * SIDE {
                let input = x[(row * quads + quad) as usize + row_depth];
                #[unroll]
                for k in 0..QUAD {
                    inputs[row_place + k * SIDE] = input[k];
                }
            } else {
                let (quad, lane) = (quad + own_depth as u32, (part % PANEL) as u32);
                let weight = weights_at::<N>(weights, blocks, own, quad, lane, quads, kind);
                #[unroll]
                for k in 0..QUAD {
                    outputs[own_place + k * SIDE] = weight[k];
                }
            }
            sync_cube();
            #[unroll]
            for k in 0..DEPTH * QUAD {
                let mut row_values = Array::<f32>::new(EACH);
                let mut weight_values = Array::<f32>::new(EACH);
                #[unroll]
                for i in 0..EACH {
                    row_values[i] = inputs[k * SIDE + line + i * THREADS];
                    weight_values[i] = outputs[k * SIDE + column + i * THREADS];
                }
                #[unroll]
                for i in 0..EACH {
                    #[unroll]
                    for j in 0..EACH {
                        let at = i * EACH + j;
                        sums[at] = fma(weight_values[j], row_values[i], sums[at]);
                    }
                }
            }
            sync_cube();
        }
        #[unroll]
        for i in 0..EACH * EACH {
            totals[i] += sums[i];
            sums[i] = 0.0;
        }
    }

    // Outputs `column` and `column + 16` of a panel are a thread's own: with gates a pair.
    let half = PANEL as u32 / 2;
    #[unroll]
    for i in 0..EACH {
        let row = first + (line + i * THREADS) as u32;
        if row < end {
            #[unroll]
            for side in 0..2usize {
                let panel = panel + side as u32;
                if panel < panels {
                    let (low, high) =
                        (totals[i * EACH + side * 2], totals[i * EACH + side * 2 + 1]);
                    if comptime!(finish == Finish::Gate) {
                        let at = (row * panels + panel) * half + column as u32;
                        out[at as usize] = gated(low, high);
                    } else {
                        let at = ((row * panels + panel) * PANEL as u32) as usize + column;
                        if comptime!(finish == Finish::Add) {
                            out[at] += low;
                            out[at + THREADS] += high;
                        } else {
                            out[at] = low;
                            out[at + THREADS] = high;
                        }
                    }
                }
            }
        }
    }
}
