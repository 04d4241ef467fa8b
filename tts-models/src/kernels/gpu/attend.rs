//! Attention of rows over the blocks of their sequences.
//!
//! The positions of a sequence are cut into parts of 256. A cube takes one part for a tile of up to
//! eight queries, those of one key head: the query heads that share it, of one row, or of a few
//! rows in succession of one sequence. So a key is read once for all of them. It writes, for each,
//! the largest score, the sum of exponentials and the values weighted by them; a second kernel joins
//! the parts of a row in order. Long sequences thus keep a GPU busy with few rows.
//!
//! A row's arithmetic is its own: a score is a sum along a head, the exponentials of a part are added
//! in 16 lanes, values position by position in as many lanes as a head's width leaves, parts in
//! order. Which rows share a tile, and in which blocks positions lie, changes nothing: a thread finds
//! the slot of a position in a table. A row sees the positions up to its own; later ones of its tile
//! are left out, not weighted with zero, and so are those before its window, where the layer has one; parts that lie
//! before it are passed over. The sink of a head is one more score, in the join alone.
//!
//! Source: Dao et al. 2023, "Flash-Decoding for long-context inference", for the parts.

use cubecl::prelude::*;

use super::device::{grid, number};
use super::finish::tanh;
use super::{Buffer, Device};
use crate::BLOCK_TOKENS;

/// Positions of a part.
pub(crate) const PART: usize = 256;

/// Threads of a cube.
const UNITS: usize = 128;
/// Queries of a cube, at most.
const QUERIES: usize = 8;
/// Lanes in which the exponentials of a part are added.
const LANES: usize = UNITS / QUERIES;
/// The score of a position that a row does not see.
const UNSEEN: f32 = -3.0e38;

/// Which rows attend to what.
#[derive(Debug)]
pub(crate) struct Attention<'a> {
    /// Query heads.
    pub(crate) queries: usize,
    /// Key heads.
    pub(crate) heads: usize,
    /// Width of a head.
    pub(crate) width: usize,
    /// Rows of the pass.
    pub(crate) rows: usize,
    /// How many positions each row sees, `[rows]`.
    pub(crate) seen: &'a Buffer,
    /// Slots of the positions of all sequences.
    pub(crate) slots: &'a Buffer,
    /// `[tiles, 4]`: first row, number of rows, positions that the first row sees, and where the
    /// sequence's slots begin.
    pub(crate) tiles: &'a Buffer,
    /// Number of tiles.
    pub(crate) count: usize,
    /// Rows of a tile, at most.
    pub(crate) tile: usize,
    /// Parts of the longest sequence.
    pub(crate) parts: usize,
}

/// What becomes of scores in a layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scores<'a> {
    /// What products of queries and keys are multiplied with.
    pub(crate) scale: f32,
    /// Their bound `c`, after that: `c tanh(score / c)`.
    pub(crate) cap: Option<f32>,
    /// How many of the last positions a row sees, itself included.
    pub(crate) window: Option<usize>,
    /// The score of each query head's sink, `[queries]`.
    pub(crate) sinks: Option<&'a Buffer>,
}

impl Scores<'_> {
    /// The window as kernels take it; without one it holds every position.
    fn sees(&self) -> u32 {
        self.window.map_or(u32::MAX, |window| u32::try_from(window).unwrap_or(u32::MAX))
    }
}

impl Attention<'_> {
    /// Rows of a tile that fill a cube, where spans have that many.
    pub(crate) fn rows_of_tile(queries: usize, heads: usize) -> usize {
        (QUERIES / shared(queries / heads)).max(1)
    }

    /// Numbers that [`attend`] leaves for [`join`]: for each row, query head and part the values,
    /// the largest score and the sum.
    pub(crate) fn partial(&self) -> usize {
        self.rows * self.queries * self.parts * (self.width + 2)
    }
}

/// Query heads of a cube: the most that divide those of a key head and fit.
fn shared(group: usize) -> usize {
    (1..=QUERIES.min(group)).rev().find(|&heads| group.is_multiple_of(heads)).unwrap_or(1)
}

/// The parts of every row, into `partial`; queries lie at the front of `qkv [rows, stride]`.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(crate) fn attend<R: Runtime>(
    device: &Device<R>,
    qkv: &Buffer,
    stride: usize,
    [keys, values]: [&Buffer; 2],
    (attention, scores): (&Attention<'_>, Scores<'_>),
    partial: &Buffer,
) {
    let Attention { queries, heads, width, rows, slots, tiles, count, tile, parts, .. } =
        *attention;
    let share = shared(queries / heads);
    assert!(qkv.length() >= rows * stride && stride >= queries * width, "queries");
    assert!(partial.length() >= attention.partial(), "room for parts");
    assert!(tiles.length() >= 4 * count && tile * share <= QUERIES, "tiles");
    // SAFETY: a cube reads the rows of its tile, which are rows of the pass by construction, and
    // slots of its sequence, which lie in blocks of the pool; it writes the parts of its rows and
    // heads. The lengths were compared above.
    unsafe {
        attend_part::launch_unchecked::<R>(
            device.client(),
            grid(count * (queries / share) * parts),
            CubeDim::new_1d(number(UNITS)),
            qkv.arg(1),
            keys.arg(1),
            values.arg(1),
            slots.arg(1),
            tiles.arg(1),
            partial.arg(1),
            number(count),
            number(stride),
            number(queries),
            number(heads),
            number(parts),
            scores.scale,
            scores.cap.unwrap_or(1.0),
            scores.sees(),
            width,
            share,
            tile,
            scores.cap.is_some(),
            scores.window.is_some(),
        );
    }
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "arguments of a kernel")]
#[expect(clippy::too_many_lines, reason = "one pass over shared memory")]
fn attend_part(
    qkv: &Array<f32>,
    keys: &Array<f32>,
    values: &Array<f32>,
    slots: &Array<u32>,
    tiles: &Array<u32>,
    partial: &mut Array<f32>,
    count: u32,
    stride: u32,
    queries: u32,
    heads: u32,
    parts: u32,
    scale: f32,
    cap: f32,
    window: u32,
    #[comptime] width: usize,
    #[comptime] share: usize,
    #[comptime] tile: usize,
    #[comptime] capped: bool,
    #[comptime] windowed: bool,
) {
    let taken = comptime!(share * tile);
    // Threads side by side along a head, and lanes over positions.
    let columns = comptime!(if width < UNITS { width } else { UNITS });
    let ways = comptime!(UNITS / columns);
    let mut query = SharedMemory::<f32>::new(taken * width);
    let mut scores = SharedMemory::<f32>::new(taken * PART);
    let mut places = SharedMemory::<u32>::new(PART);
    let mut most_of = SharedMemory::<f32>::new(UNITS);
    let mut sum_of = SharedMemory::<f32>::new(UNITS);
    let mut lanes = SharedMemory::<f32>::new(taken * UNITS);

    let wide = width as u32;
    let cube = CUBE_POS as u32;
    let groups = queries / share as u32;
    let part = cube % parts;
    let group = cube / parts % groups;
    let number = cube / parts / groups;
    // A cube past the last tile has nothing to see.
    let at = (u32::min(number, count - 1) * 4) as usize;
    let (first, rows, sees, table) = (tiles[at], tiles[at + 1], tiles[at + 2], tiles[at + 3]);
    let own = group * share as u32 / (queries / heads);
    let begin = part * PART as u32;
    let longest = sees + rows - 1;
    // The first position that any of the rows sees.
    let earliest = sees - u32::min(window, sees);
    if number < count && begin < longest && begin + PART as u32 > earliest {
        let here = u32::min(longest - begin, PART as u32);
        for index in range_stepped(UNIT_POS, (taken * width) as u32, UNITS as u32) {
            let (which, column) = (index / wide, index % wide);
            let row = first + u32::min(which / share as u32, rows - 1);
            let head = group * share as u32 + which % share as u32;
            let value = qkv[(row * stride + head * wide + column) as usize];
            query[index as usize] = value * scale;
        }
        for position in range_stepped(UNIT_POS, here, UNITS as u32) {
            places[position as usize] = slots[(table + begin + position) as usize];
        }
        sync_cube();

        for position in range_stepped(UNIT_POS, PART as u32, UNITS as u32) {
            let mut sums = Array::<f32>::new(taken);
            #[unroll]
            for which in 0..taken {
                sums[which] = 0.0;
            }
            if position < here {
                let slot = places[position as usize];
                let tokens = BLOCK_TOKENS as u32;
                let key = (slot / tokens * heads + own) * wide * tokens + slot % tokens;
                for column in 0..wide {
                    let value = keys[(key + column * tokens) as usize];
                    #[unroll]
                    for which in 0..taken {
                        let factor = query[which * width + column as usize];
                        sums[which] = fma(factor, value, sums[which]);
                    }
                }
            }
            #[unroll]
            for which in 0..taken {
                let sees = sees + (which / share) as u32;
                let mut seen = begin + position < sees && position < here;
                if comptime!(windowed) {
                    seen = seen && begin + position >= sees - u32::min(window, sees);
                }
                let mut score = sums[which];
                if comptime!(capped) {
                    score = cap * tanh(score / cap);
                }
                scores[which * PART + position as usize] = select(seen, score, UNSEEN);
            }
        }
        sync_cube();

        // Sixteen threads for each query: every one has 16 of its positions.
        let which = UNIT_POS as usize / LANES;
        let lane = UNIT_POS as usize % LANES;
        let mut most = UNSEEN.runtime();
        if which < taken {
            for turn in 0..PART / LANES {
                most = f32::max(most, scores[which * PART + turn * LANES + lane]);
            }
        }
        most_of[UNIT_POS as usize] = most;
        sync_cube();
        for other in 0..LANES {
            most = f32::max(most, most_of[which * LANES + other]);
        }
        let mut sum = 0.0f32;
        if which < taken {
            for turn in 0..PART / LANES {
                let position = turn * LANES + lane;
                let score = scores[which * PART + position];
                let weight = select(score > UNSEEN, f32::exp(score - most), 0.0f32);
                scores[which * PART + position] = weight;
                sum += weight;
            }
        }
        sum_of[UNIT_POS as usize] = sum;
        sync_cube();

        let size = wide + 2;
        if which < taken && lane == 0 && (which / share) < rows as usize {
            let mut total = 0.0f32;
            for other in 0..LANES {
                total += sum_of[which * LANES + other];
            }
            let row = first + (which / share) as u32;
            let head = group * share as u32 + (which % share) as u32;
            let at = (((row * queries + head) * parts + part) * size + wide) as usize;
            partial[at] = most;
            partial[at + 1] = total;
        }

        let column = UNIT_POS % columns as u32;
        let way = UNIT_POS / columns as u32;
        for from in range_stepped(0u32, wide, columns as u32) {
            let mut sums = Array::<f32>::new(taken);
            #[unroll]
            for which in 0..taken {
                sums[which] = 0.0;
            }
            let column = from + column;
            if way < ways as u32 && column < wide {
                for position in range_stepped(way, here, ways as u32) {
                    let slot = places[position as usize];
                    let value = values[((slot * heads + own) * wide + column) as usize];
                    #[unroll]
                    for which in 0..taken {
                        let weight = scores[which * PART + position as usize];
                        let next = fma(weight, value, sums[which]);
                        if comptime!(tile > 1 || windowed) {
                            let sees = sees + (which / share) as u32;
                            let mut seen = begin + position < sees;
                            if comptime!(windowed) {
                                let first = sees - u32::min(window, sees);
                                seen = seen && begin + position >= first;
                            }
                            sums[which] = select(seen, next, sums[which]);
                        } else {
                            sums[which] = next;
                        }
                    }
                }
            }
            #[unroll]
            for which in 0..taken {
                lanes[which * UNITS + UNIT_POS as usize] = sums[which];
            }
            sync_cube();
            if way == 0 && column < wide {
                #[unroll]
                for which in 0..taken {
                    let mut total = 0.0f32;
                    #[unroll]
                    for other in 0..ways {
                        total += lanes[which * UNITS + other * columns + UNIT_POS as usize];
                    }
                    if ((which / share) as u32) < rows {
                        let row = first + (which / share) as u32;
                        let head = group * share as u32 + (which % share) as u32;
                        let at = ((row * queries + head) * parts + part) * size + column;
                        partial[at as usize] = total;
                    }
                }
            }
            sync_cube();
        }
    }
}

/// Joins the parts of every row and head into `out [rows, stride]`.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(crate) fn join<R: Runtime>(
    device: &Device<R>,
    partial: &Buffer,
    (attention, scores): (&Attention<'_>, Scores<'_>),
    out: &Buffer,
    stride: usize,
) {
    let Attention { queries, width, rows, seen, parts, .. } = *attention;
    assert!(partial.length() >= attention.partial() && seen.length() >= rows, "parts of rows");
    assert!(out.length() >= rows * stride && stride >= queries * width, "rows of attention");
    assert!(scores.sinks.is_none_or(|sinks| sinks.length() >= queries), "sinks of heads");
    // SAFETY: a cube reads the parts of one row and head, and writes as many numbers of the row,
    // and the row's padding after its last head; the lengths were compared above.
    unsafe {
        join_parts::launch_unchecked::<R>(
            device.client(),
            grid(rows * queries),
            CubeDim::new_1d(64),
            partial.arg(1),
            seen.arg(1),
            scores.sinks.unwrap_or(partial).arg(1),
            out.arg(1),
            number(rows),
            number(queries),
            number(parts),
            number(width),
            number(stride),
            scores.sees(),
            scores.sinks.is_some(),
        );
    }
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "arguments of a kernel")]
fn join_parts(
    partial: &Array<f32>,
    seen: &Array<u32>,
    sinks: &Array<f32>,
    out: &mut Array<f32>,
    rows: u32,
    queries: u32,
    parts: u32,
    wide: u32,
    stride: u32,
    window: u32,
    #[comptime] sunk: bool,
) {
    let cube = CUBE_POS as u32;
    let (row, head) = (cube / queries, cube % queries);
    if row < rows {
        let size = wide + 2;
        let start = cube * parts * size;
        let sees = seen[row as usize];
        let count = sees.div_ceil(PART as u32);
        // Parts before the window hold nothing.
        let first = (sees - u32::min(window, sees)) / PART as u32;
        let mut most = partial[(start + first * size + wide) as usize];
        if comptime!(sunk) {
            most = f32::max(most, sinks[head as usize]);
        }
        for part in first + 1..count {
            most = f32::max(most, partial[(start + part * size + wide) as usize]);
        }
        for column in range_stepped(UNIT_POS, wide, 64u32) {
            let mut sum = 0.0f32;
            if comptime!(sunk) {
                sum = f32::exp(sinks[head as usize] - most);
            }
            let mut total = 0.0f32;
            for part in first..count {
                let at = start + part * size;
                let weight = f32::exp(partial[(at + wide) as usize] - most);
                sum = fma(weight, partial[(at + wide + 1) as usize], sum);
                total = fma(weight, partial[(at + column) as usize], total);
            }
            out[(row * stride + head * wide + column) as usize] = total / sum;
        }
        if head == queries - 1 {
            for column in range_stepped(queries * wide + UNIT_POS, stride, 64u32) {
                out[(row * stride + column) as usize] = 0.0;
            }
        }
    }
}
