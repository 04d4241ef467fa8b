//! Finishes queries, keys and values, and writes the latter two to their blocks.
//!
//! Bias, norm of each head and rotation, in this order or the last two in the other, and the growth of queries are one
//! kernel, with a cube for each row and head. A block
//! of 16 tokens holds, for each key head, its keys `[head_dim, 16]`, so that threads of neighbouring
//! positions read neighbouring numbers, and values `[16, heads, head_dim]`, so that threads of
//! neighbouring columns do. A slot is a block's number times 16, plus a place in it.

use cubecl::prelude::*;

use super::device::{grid, number};
use super::{Buffer, Device};
use crate::BLOCK_TOKENS;

/// Threads of a head, or of a copy.
const UNITS: usize = 64;

/// What one layer does to queries, keys and values. `None` stands for a step that is left out.
#[derive(Debug)]
pub(crate) struct Placement<'a> {
    /// Query heads.
    pub(crate) queries: usize,
    /// Key heads.
    pub(crate) heads: usize,
    /// Width of a head.
    pub(crate) width: usize,
    /// `[q + 2 kv]`.
    pub(crate) bias: Option<&'a Buffer>,
    /// Norms of a query head and of a key head, `[2, width]`.
    pub(crate) norms: Option<&'a Buffer>,
    /// Whether norms stand behind the rotation.
    pub(crate) late: bool,
    pub(crate) epsilon: f32,
    /// Pairs of a head that are turned, the first of each in its front.
    pub(crate) pairs: usize,
    /// Cosines and sines of each row, one behind the other, and what its queries grow by where they do: `[rows, turn]`.
    pub(crate) angles: &'a Buffer,
    /// Numbers of a row of angles.
    pub(crate) turn: usize,
    /// Whether queries grow.
    pub(crate) grows: bool,
    /// Where each row's key and value go.
    pub(crate) slots: &'a Buffer,
    /// `[blocks, heads, width, 16]`.
    pub(crate) keys: &'a Buffer,
    /// `[blocks, 16, heads, width]`.
    pub(crate) values: &'a Buffer,
}

/// Finishes queries in place, in `qkv [rows, stride]`, and writes keys and values to their slots.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(crate) fn place<R: Runtime>(
    device: &Device<R>,
    qkv: &Buffer,
    stride: usize,
    rows: usize,
    placement: &Placement<'_>,
) {
    let Placement { queries, heads, width, bias, norms, late, epsilon, .. } = *placement;
    let Placement { pairs, angles, turn, grows, slots, keys, values, .. } = *placement;
    let all = queries + 2 * heads;
    assert!(qkv.length() >= rows * stride && stride >= all * width, "queries, keys and values");
    assert!(turn >= 2 * pairs + usize::from(grows) && width >= 2 * pairs, "turned pairs");
    assert!(angles.length() >= rows * turn && slots.length() >= rows, "angles and slots");
    assert!(bias.is_none_or(|bias| bias.length() >= all * width), "biases");
    assert!(norms.is_none_or(|norms| norms.length() >= 2 * width), "norms of heads");
    assert_eq!(keys.length(), values.length(), "keys and values");
    // SAFETY: one cube for each row and head; it stays within the row, bias, norms and angles whose
    // lengths were compared above. Slots lie in blocks that the pool has room for: it is grown
    // before a pass. A buffer for a step that is left out is not read.
    unsafe {
        place_heads::launch_unchecked::<R>(
            device.client(),
            grid(rows * all),
            CubeDim::new_1d(number(UNITS)),
            qkv.arg(1),
            bias.unwrap_or(angles).arg(1),
            norms.unwrap_or(angles).arg(1),
            angles.arg(1),
            slots.arg(1),
            keys.arg(1),
            values.arg(1),
            number(rows),
            number(stride),
            number(queries),
            number(heads),
            number(turn),
            1.0 / width as f32,
            epsilon,
            width,
            pairs,
            bias.is_some(),
            norms.is_some() && !late,
            norms.is_some() && late,
            grows,
        );
    }
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "arguments of a kernel")]
#[expect(clippy::fn_params_excessive_bools, reason = "steps that a kernel takes or leaves out")]
fn place_heads(
    qkv: &mut Array<f32>,
    bias: &Array<f32>,
    norms: &Array<f32>,
    angles: &Array<f32>,
    slots: &Array<u32>,
    keys: &mut Array<f32>,
    values: &mut Array<f32>,
    rows: u32,
    stride: u32,
    queries: u32,
    heads: u32,
    turn: u32,
    share: f32,
    epsilon: f32,
    #[comptime] width: usize,
    #[comptime] pairs: usize,
    #[comptime] biased: bool,
    #[comptime] normed: bool,
    #[comptime] late: bool,
    #[comptime] grows: bool,
) {
    let wide = width as u32;
    let all = queries + 2 * heads;
    let cube = CUBE_POS as u32;
    let (row, head) = (cube / all, cube % all);
    let mut numbers = SharedMemory::<f32>::new(width);
    let mut lanes = SharedMemory::<f32>::new(UNITS);
    if row < rows {
        let start = row * stride + head * wide;
        let mut sum = 0.0f32;
        for column in range_stepped(UNIT_POS, wide, UNITS as u32) {
            let mut value = qkv[(start + column) as usize];
            if comptime!(biased) {
                value += bias[(head * wide + column) as usize];
            }
            numbers[column as usize] = value;
            sum = fma(value, value, sum);
        }
        if comptime!(normed) {
            lanes[UNIT_POS as usize] = sum;
        }
        sync_cube();
        let slot = slots[row as usize];
        if head >= queries + heads {
            let own = head - queries - heads;
            for column in range_stepped(UNIT_POS, wide, UNITS as u32) {
                values[((slot * heads + own) * wide + column) as usize] = numbers[column as usize];
            }
        } else {
            let mut scale = 1.0f32;
            let mut norm = 0u32;
            if head >= queries {
                norm = wide;
            }
            if comptime!(normed) {
                scale = factor(&lanes, share, epsilon);
            }
            // A thread keeps to its own pairs, and to its own columns behind them.
            let half = pairs as u32;
            for pair in range_stepped(UNIT_POS, half, UNITS as u32) {
                let (low, high) = (pair as usize, (pair + half) as usize);
                if comptime!(normed) {
                    numbers[low] = numbers[low] * scale * norms[(norm + pair) as usize];
                    numbers[high] = numbers[high] * scale * norms[(norm + pair + half) as usize];
                }
                let cosine = angles[(row * turn + pair) as usize];
                let sine = angles[(row * turn + half + pair) as usize];
                let first = fma(numbers[low], cosine, -(numbers[high] * sine));
                let second = fma(numbers[high], cosine, numbers[low] * sine);
                numbers[low] = first;
                numbers[high] = second;
            }
            if comptime!(normed) {
                for column in range_stepped(2 * half + UNIT_POS, wide, UNITS as u32) {
                    let weight = norms[(norm + column) as usize];
                    numbers[column as usize] = numbers[column as usize] * scale * weight;
                }
            }
            sync_cube();
            if comptime!(late) {
                let mut sum = 0.0f32;
                for column in range_stepped(UNIT_POS, wide, UNITS as u32) {
                    let value = numbers[column as usize];
                    sum = fma(value, value, sum);
                }
                lanes[UNIT_POS as usize] = sum;
                sync_cube();
                scale = factor(&lanes, share, epsilon);
            }
            for column in range_stepped(UNIT_POS, wide, UNITS as u32) {
                let mut value = numbers[column as usize];
                if comptime!(late) {
                    value = value * scale * norms[(norm + column) as usize];
                }
                if head < queries {
                    if comptime!(grows) {
                        value *= angles[(row * turn + turn - 1) as usize];
                    }
                    qkv[(start + column) as usize] = value;
                } else {
                    let tokens = BLOCK_TOKENS as u32;
                    let block = (slot / tokens * heads + (head - queries)) * wide;
                    keys[((block + column) * tokens + slot % tokens) as usize] = value;
                }
            }
        }
    }
}

/// What a head is multiplied with, by the sums of its squares in lanes.
#[cube]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "stands for memory of a kernel")]
fn factor(lanes: &SharedMemory<f32>, share: f32, epsilon: f32) -> f32 {
    let mut total = 0.0f32;
    for lane in 0..UNITS {
        total += lanes[lane];
    }
    1.0 / f32::sqrt(fma(total, share, epsilon))
}

/// Writes the slots of every position of every sequence, from its blocks: an entry of `entries
/// [count, 3]` is a first slot, a number of tokens up to 16, and where in `slots` they go.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(crate) fn fill_slots<R: Runtime>(
    device: &Device<R>,
    entries: &Buffer,
    count: usize,
    slots: &Buffer,
) {
    assert!(entries.length() >= 3 * count, "entries of blocks");
    let threads = count * BLOCK_TOKENS;
    // SAFETY: the kernel reads `count` entries, whose length was compared above; what they say was
    // laid out one after the other, and `slots` made as long as all of them.
    unsafe {
        fill::launch_unchecked::<R>(
            device.client(),
            grid(threads.div_ceil(UNITS)),
            CubeDim::new_1d(number(UNITS)),
            entries.arg(1),
            slots.arg(1),
            number(count),
        );
    }
}

#[cube(launch_unchecked)]
fn fill(entries: &Array<u32>, slots: &mut Array<u32>, count: u32) {
    let thread = CUBE_POS as u32 * UNITS as u32 + UNIT_POS;
    let (entry, token) = (thread / BLOCK_TOKENS as u32, thread % BLOCK_TOKENS as u32);
    if entry < count {
        let at = (entry * 3) as usize;
        if token < entries[at + 1] {
            let (slot, place) = (entries[at] + token, entries[at + 2] + token);
            slots[place as usize] = slot;
        }
    }
}

/// The first numbers of `to` become those of `from`.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(crate) fn copy<R: Runtime>(device: &Device<R>, from: &Buffer, to: &Buffer) {
    assert!(to.length() >= from.length(), "a copy needs room");
    // SAFETY: the kernel reads and writes the first `from.length()` numbers, compared above.
    unsafe {
        copy_numbers::launch_unchecked::<R>(
            device.client(),
            grid(from.length().div_ceil(UNITS)),
            CubeDim::new_1d(number(UNITS)),
            from.arg(1),
            to.arg(1),
            number(from.length()),
        );
    }
}

#[cube(launch_unchecked)]
fn copy_numbers(from: &Array<f32>, to: &mut Array<f32>, count: u32) {
    let index = CUBE_POS as u32 * UNITS as u32 + UNIT_POS;
    if index < count {
        to[index as usize] = from[index as usize];
    }
}
