//! Rows that choose the weights which they go through, as those of experts do.
//!
//! The host knows which rows each part of the weights has ([`crate::exec::route`]), and cuts them into tiles of one part
//! each ([`Tiles`]); the kernels of products take a tile's rows, part and place from that table. So the weights of a part
//! are read once for all of its rows, or once for every 64 of them, and of parts that nobody goes to never. A row adds up
//! its results one by one, in the order of the parts' numbers ([`combine`]): no bit depends on who else is in the pass.
//!
//! Source: Gale et al. 2022 (arXiv:2211.15841), section 5: products of groups of rows in blocks, without rows that are
//! made up.

use std::ops::Range;

use cubecl::prelude::*;

use super::device::{grid, number};
use super::product::SIDE;
use super::{Buffer, Device};

/// Threads of a cube.
const UNITS: usize = 256;

/// The results of each part, cut into tiles, on the host.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tiles {
    /// First result, results and part of each tile, `[tiles, 3]`.
    pub(crate) table: Vec<u32>,
    /// Results of a tile, at most.
    pub(crate) tile: usize,
}

impl Tiles {
    /// Cuts up the results of the parts that have any: those of a part lie side by side.
    pub(crate) fn new(groups: &[(usize, Range<usize>)]) -> Self {
        /// Results of a part, on average, from which the kernel for many rows pays.
        const MANY: usize = 16;
        let results: usize = groups.iter().map(|(_, own)| own.len()).sum();
        let most = groups.iter().map(|(_, own)| own.len()).max().unwrap_or(1);
        let many = results >= MANY * groups.len().max(1);
        Self::of(groups, if many { SIDE } else { most.next_power_of_two().min(8) })
    }

    /// The same with tiles of this size: 64, or a power of two up to 8.
    pub(super) fn of(groups: &[(usize, Range<usize>)], tile: usize) -> Self {
        let mut table = Vec::new();
        for (part, own) in groups {
            for first in own.clone().step_by(tile) {
                let count = tile.min(own.end - first);
                table.extend([first, count, *part].map(number));
            }
        }
        Self { table, tile }
    }
}

/// Which row each result is of, and which part it wants, on a device.
#[derive(Debug)]
pub(crate) struct Routed<'a> {
    /// First result, results and part of each tile, `[tiles, 3]`, as [`Tiles`] makes them.
    pub(crate) tiles: &'a Buffer,
    /// Their number.
    pub(crate) count: usize,
    /// Results of a tile, at most.
    pub(crate) tile: usize,
    /// The row of each result, below `sources`.
    pub(crate) rows: &'a Buffer,
    /// How many rows there are.
    pub(crate) sources: usize,
    /// How many results.
    pub(crate) results: usize,
    /// Parts that tiles name, at most.
    pub(crate) parts: usize,
}

impl Routed<'_> {
    /// Whether the tables have the lengths that they claim, and the weights the parts.
    pub(super) fn check(&self, parts: usize) {
        assert!(self.parts == parts, "parts of weights");
        assert!(self.tiles.length() >= 3 * self.count, "tiles of parts");
        assert!(self.rows.length() >= self.results, "rows of results");
        assert!(self.tile == SIDE || self.tile <= 8, "results of a tile");
    }
}

/// Adds to each row of `x`, `[rows, width]`, the bias of the part that `owners` names for it, of `[parts, width]`.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(crate) fn shift_each<R: Runtime>(
    device: &Device<R>,
    x: &Buffer,
    (biases, parts): (&Buffer, usize),
    owners: &Buffer,
    rows: usize,
) {
    let width = biases.length() / parts;
    let count = rows * width;
    assert!(x.length() >= count && owners.length() >= rows, "rows with a bias each");
    // SAFETY: a thread reads and writes a number below `count` of `x`, one of the owners of as many rows, and one of the
    // bias of that part; owners are experts' numbers, below `parts`.
    unsafe {
        shift_rows_each::launch_unchecked::<R>(
            device.client(),
            grid(count.div_ceil(UNITS)),
            CubeDim::new_1d(number(UNITS)),
            x.arg(1),
            biases.arg(1),
            owners.arg(1),
            number(count),
            number(width),
        );
    }
}

#[cube(launch_unchecked)]
fn shift_rows_each(
    x: &mut Array<f32>,
    biases: &Array<f32>,
    owners: &Array<u32>,
    count: u32,
    width: u32,
) {
    let index = CUBE_POS as u32 * UNITS as u32 + UNIT_POS;
    if index < count {
        let owner = owners[(index / width) as usize];
        x[index as usize] += biases[(owner * width + index % width) as usize];
    }
}

/// Adds up the results `[results, width]` of each row: those at its `places`, each as much as its part says,
/// `[rows, used]`; the sums are `[rows, width]`.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(crate) fn combine<R: Runtime>(
    device: &Device<R>,
    results: &Buffer,
    [places, parts]: [&Buffer; 2],
    (rows, used, width): (usize, usize, usize),
    out: &Buffer,
) {
    let count = rows * width;
    assert!(out.length() >= count && results.length() >= count * used, "sums of results");
    assert!(places.length() >= rows * used && parts.length() >= rows * used, "places of results");
    // SAFETY: a thread writes a number below `count` of `out`, and reads those of `used` results, whose places are below
    // `rows * used`; the lengths were compared above.
    unsafe {
        combine_rows::launch_unchecked::<R>(
            device.client(),
            grid(count.div_ceil(UNITS)),
            CubeDim::new_1d(number(UNITS)),
            results.arg(1),
            places.arg(1),
            parts.arg(1),
            out.arg(1),
            number(count),
            number(used),
            number(width),
        );
    }
}

#[cube(launch_unchecked)]
fn combine_rows(
    results: &Array<f32>,
    places: &Array<u32>,
    parts: &Array<f32>,
    out: &mut Array<f32>,
    count: u32,
    used: u32,
    width: u32,
) {
    let index = CUBE_POS as u32 * UNITS as u32 + UNIT_POS;
    if index < count {
        let (row, column) = (index / width, index % width);
        let mut sum = 0.0f32;
        for rank in 0..used {
            let at = (row * used + rank) as usize;
            sum += parts[at] * results[(places[at] * width + column) as usize];
        }
        out[index as usize] = sum;
    }
}

/// Adds rows `[rows, width]` to others, each as much as the sigmoid of the first number of its row of `gates`,
/// `[rows, stride]`.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(crate) fn add_gated<R: Runtime>(
    device: &Device<R>,
    x: &Buffer,
    block: &Buffer,
    (gates, stride): (&Buffer, usize),
    (rows, width): (usize, usize),
) {
    let count = rows * width;
    assert!(x.length() >= count && block.length() >= count, "rows of a sum");
    assert!(gates.length() >= rows * stride, "gates of rows");
    // SAFETY: a thread reads and writes numbers below `count`, and the gate of their row; the lengths were compared above.
    unsafe {
        add_gated_rows::launch_unchecked::<R>(
            device.client(),
            grid(count.div_ceil(UNITS)),
            CubeDim::new_1d(number(UNITS)),
            x.arg(1),
            block.arg(1),
            gates.arg(1),
            number(count),
            number(width),
            number(stride),
        );
    }
}

#[cube(launch_unchecked)]
fn add_gated_rows(
    x: &mut Array<f32>,
    block: &Array<f32>,
    gates: &Array<f32>,
    count: u32,
    width: u32,
    stride: u32,
) {
    let index = CUBE_POS as u32 * UNITS as u32 + UNIT_POS;
    if index < count {
        let gate = gates[(index / width * stride) as usize];
        let part = 1.0f32 / (1.0f32 + f32::exp(-gate));
        x[index as usize] += part * block[index as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_of_one_part_each() {
        let groups = [(1, 0..3), (4, 3..4), (7, 4..14)];
        let tiles = Tiles::of(&groups, 4);
        assert_eq!(tiles.table, [0, 3, 1, 3, 1, 4, 4, 4, 7, 8, 4, 7, 12, 2, 7]);
        // 14 results of three parts are few; of the greatest there are ten.
        assert_eq!(Tiles::new(&groups).tile, 8);
        assert_eq!(Tiles::new(&[(0, 0..1), (2, 1..4)]).tile, 4);
        assert_eq!(Tiles::new(&[(0, 0..1), (2, 1..2)]).tile, 1);
        let many = Tiles::new(&[(0, 0..1), (2, 1..100)]);
        assert_eq!((many.tile, many.table), (64, vec![0, 1, 0, 1, 64, 2, 65, 35, 2]));
        assert_eq!(Tiles::new(&[]), Tiles { table: Vec::new(), tile: 1 });
    }
}
