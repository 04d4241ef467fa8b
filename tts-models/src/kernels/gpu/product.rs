//! Products of rows with weights, for any number of rows.
//!
//! Weights `[outputs, inputs]` lie in panels of 32 outputs; along the inputs a panel holds four
//! weights of each output side by side, so that the threads of a warp, one for an output, read 512
//! bytes in a row. The inputs are cut into [`CHUNKS`] stretches whose lengths depend on the inputs
//! alone. A cube has eight warps for one panel and up to eight rows: each warp adds two stretches of
//! every row, the sums meet in shared memory, and are added in the order of the stretches.
//!
//! Where rows and outputs make enough tiles to fill a GPU, [`super::tiled`] does the same sums in
//! the same order, and reads weights and rows less often.
//!
//! Weights may be many matrices of one shape, a part each, of which each row goes through its own: rows then come in tiles
//! of one part ([`Routed`]), and a sum is the one that it is alone.
//!
//! BF16 weights are two to a word, the first in the low half, and quantised ones four or eight levels to a word, with a
//! factor and a base for each output's block of 32; they are widened when they are read: products are f32.

use cubecl::prelude::*;

use super::device::number;
use super::routed::Routed;
use super::tiled::product_tiled;
use super::{Buffer, CHUNKS, Device, PANEL, QUAD};
use crate::ModelError;

/// Rows of a tile of the other kernel.
pub(super) const SIDE: usize = super::tiled::SIDE;

/// Warps of a cube.
const WARPS: usize = 8;

/// Weights `[outputs, inputs]` on a device.
#[derive(Debug)]
pub(crate) struct Product {
    /// `[parts, panels, inputs / 4, 32]` vectors of four.
    weights: Buffer,
    /// Matrices of one shape; one where rows do not choose.
    parts: usize,
    /// Panels of one.
    panels: usize,
    /// Inputs with their padding, over four.
    quads: usize,
    kind: Kind,
    /// Factors and bases of levels, `[panels, inputs / 32, 32, 2]`.
    blocks: Option<Buffer>,
}

/// How weights are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// f32.
    Floats,
    /// BF16.
    Halves,
    /// Levels of eight bits.
    Bytes,
    /// Levels of four bits.
    Nibbles,
}

/// Quads of a block of 32 inputs.
const BLOCK_QUADS: usize = 32 / QUAD;

/// What becomes of the sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Finish {
    /// They are the outputs.
    Store,
    /// They are added to the outputs.
    Add,
    /// A panel is 16 gates and 16 values: the outputs are `silu(gate) * value`.
    Gate,
}

impl Product {
    /// Packs weights in f32, `row(output)` giving those of each output; an output without is zeros.
    pub(crate) fn floats<'a, R: Runtime>(
        device: &Device<R>,
        outputs: usize,
        inputs: usize,
        row: impl Fn(usize) -> Option<&'a [f32]>,
    ) -> Result<Self, ModelError> {
        let (panels, quads) = shape(outputs, inputs);
        let packed = pack((outputs, panels, quads), row);
        let weights = device.floats(&packed)?;
        Ok(Self { weights, parts: 1, panels, quads, kind: Kind::Floats, blocks: None })
    }

    /// Packs weights in BF16, given as their bits.
    pub(crate) fn halves<'a, R: Runtime>(
        device: &Device<R>,
        outputs: usize,
        inputs: usize,
        row: impl Fn(usize) -> Option<&'a [u16]>,
    ) -> Result<Self, ModelError> {
        let (panels, quads) = shape(outputs, inputs);
        let packed: Vec<u32> = pack((outputs, panels, quads), row)
            .chunks_exact(2)
            .map(|pair| u32::from(pair[0]) | u32::from(pair[1]) << 16)
            .collect();
        let weights = device.integers(&packed)?;
        Ok(Self { weights, parts: 1, panels, quads, kind: Kind::Halves, blocks: None })
    }

    /// Packs levels of four or eight bits, `row(output)` giving those of each output, with a factor and a base for each
    /// 32 of them; an output without is zeros. Inputs are whole blocks.
    pub(crate) fn levels<'a, R: Runtime>(
        device: &Device<R>,
        (outputs, inputs): (usize, usize),
        four_bits: bool,
        row: impl Fn(usize) -> Option<(&'a [u8], &'a [[f32; 2]])>,
    ) -> Result<Self, ModelError> {
        let (panels, quads) = shape(outputs, inputs);
        // Levels of a word, and how far apart.
        let (many, apart) = if four_bits { (8, 4) } else { (4, 8) };
        let (words, of_row) = (quads * QUAD / many, quads / BLOCK_QUADS);
        let mut packed = vec![0_u32; panels * words * PANEL];
        let mut blocks = vec![0.0_f32; panels * of_row * PANEL * 2];
        for output in 0..outputs {
            let Some((levels, own)) = row(output) else { continue };
            for (index, levels) in levels.chunks(many).enumerate() {
                let word = &mut packed[place(output, index, words)];
                for (level, shift) in levels.iter().zip((0..).step_by(apart)) {
                    *word |= u32::from(*level) << shift;
                }
            }
            for (index, block) in own.iter().enumerate() {
                let at = 2 * place(output, index, of_row);
                blocks[at..at + 2].copy_from_slice(block);
            }
        }
        let kind = if four_bits { Kind::Nibbles } else { Kind::Bytes };
        let (weights, blocks) = (device.integers(&packed)?, Some(device.floats(&blocks)?));
        Ok(Self { weights, parts: 1, panels, quads, kind, blocks })
    }

    /// The same weights as those of so many parts, which lie one after the other in whole panels.
    pub(crate) fn split(mut self, parts: usize) -> Self {
        assert!(self.parts == 1 && self.panels.is_multiple_of(parts), "panels of parts");
        (self.parts, self.panels) = (parts, self.panels / parts);
        self
    }

    /// Outputs of one row, padding included.
    pub(crate) fn width(&self) -> usize {
        self.panels * PANEL
    }

    /// Inputs of one row, padding included.
    pub(crate) fn inputs(&self) -> usize {
        self.quads * QUAD
    }

    /// Words that are read at a time.
    pub(super) fn words(&self) -> usize {
        match self.kind {
            Kind::Floats => QUAD,
            Kind::Halves => QUAD / 2,
            Kind::Bytes | Kind::Nibbles => 1,
        }
    }

    /// Whether the weights are BF16.
    pub(crate) fn narrow(&self) -> bool {
        self.kind == Kind::Halves
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Factors and bases; another buffer, which is not read, where there are none.
    pub(super) fn blocks(&self) -> &Buffer {
        self.blocks.as_ref().unwrap_or(&self.weights)
    }

    pub(super) fn quads(&self) -> usize {
        self.quads
    }

    pub(super) fn weights(&self) -> &Buffer {
        &self.weights
    }

    /// Vectors of a stretch: even, for a tile takes two at a time.
    fn chunk(&self) -> usize {
        self.quads.div_ceil(CHUNKS).next_multiple_of(2)
    }
}

/// Panels, and vectors along the inputs.
fn shape(outputs: usize, inputs: usize) -> (usize, usize) {
    (outputs.div_ceil(PANEL), inputs.next_multiple_of(PANEL) / QUAD)
}

/// Where a vector of weights lies.
fn place(output: usize, quad: usize, quads: usize) -> usize {
    (output / PANEL * quads + quad) * PANEL + output % PANEL
}

/// Rows of weights as panels, padded with zeros.
fn pack<'a, T: Copy + Default + 'a>(
    (outputs, panels, quads): (usize, usize, usize),
    row: impl Fn(usize) -> Option<&'a [T]>,
) -> Vec<T> {
    let mut packed = vec![T::default(); panels * quads * PANEL * QUAD];
    for output in 0..outputs {
        for (index, quad) in row(output).unwrap_or_default().chunks(QUAD).enumerate() {
            let at = place(output, index, quads) * QUAD;
            packed[at..at + quad.len()].copy_from_slice(quad);
        }
    }
    packed
}

/// Multiplies `rows` rows `[rows, inputs]` with weights. The outputs are `[rows, width]`, or half of
/// the width with [`Finish::Gate`].
pub(crate) fn product<R: Runtime>(
    device: &Device<R>,
    x: &Buffer,
    weights: &Product,
    rows: usize,
    finish: Finish,
    out: &Buffer,
) {
    /// Tiles of the other kernel that fill a GPU.
    const ENOUGH: usize = 128;
    let tiles = rows.div_ceil(SIDE) * weights.panels.div_ceil(2);
    assert_eq!(weights.parts, 1, "rows that choose no part");
    product_by(device, x, weights, &Rows::All(rows), finish, out, tiles >= ENOUGH);
}

/// Multiplies rows `[rows, inputs]` with the part of the weights that each of their results wants. The outputs are
/// `[results, width]`, or half of the width with [`Finish::Gate`].
pub(crate) fn product_routed<R: Runtime>(
    device: &Device<R>,
    x: &Buffer,
    weights: &Product,
    routed: &Routed<'_>,
    finish: Finish,
    out: &Buffer,
) {
    product_by(device, x, weights, &Rows::Routed(routed), finish, out, routed.tile == SIDE);
}

/// The rows of a product.
pub(super) enum Rows<'a> {
    /// So many, all through the same weights.
    All(usize),
    /// Each result through the part that it wants.
    Routed(&'a Routed<'a>),
}

/// [`product`] and [`product_routed`] by one kernel or the other: they give the same bits.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(super) fn product_by<R: Runtime>(
    device: &Device<R>,
    x: &Buffer,
    weights: &Product,
    rows: &Rows<'_>,
    finish: Finish,
    out: &Buffer,
    tiled: bool,
) {
    let width = weights.width() / if finish == Finish::Gate { 2 } else { 1 };
    let (sources, results) = match rows {
        Rows::All(rows) => (*rows, *rows),
        Rows::Routed(routed) => (routed.sources, routed.results),
    };
    assert!(x.length() >= sources * weights.inputs(), "rows of a product");
    assert!(out.length() >= results * width, "outputs of a product");
    // As few multiplications with rows that are not there as a power of two allows.
    let most = if tiled { SIDE } else { results.next_power_of_two().min(8) };
    // Tables that are not read are any buffer.
    let (tile, tiles, table, order) = match rows {
        Rows::All(rows) => (most, rows.div_ceil(most), &weights.weights, &weights.weights),
        Rows::Routed(routed) => {
            routed.check(weights.parts);
            assert_eq!(routed.tile == SIDE, tiled, "results of a tile");
            (routed.tile, routed.count, routed.tiles, routed.rows)
        }
    };
    let routed = matches!(rows, Rows::Routed(_));
    let rows = results;
    let client = device.client();
    let (quads, chunk) = (number(weights.quads), number(weights.chunk()));
    let panels = number(weights.panels);
    if tiled {
        // SAFETY: the kernel reads rows below `rows` of `x`, panels below `panels` of the weights,
        // which were packed with `quads` vectors each, and writes rows below `rows` of `out`; the
        // lengths were compared above. Where there are tables, the rows of `x` are those that `order`
        // names, all below `sources`, a tile's results end at `rows`, and its part is below `parts`:
        // `Routes` makes them so, and `check` compared the lengths and the parts.
        unsafe {
            product_tiled::launch_unchecked::<R>(
                client,
                CubeCount::Static(number(weights.panels.div_ceil(2)), number(tiles), 1),
                CubeDim::new_1d(256),
                weights.words(),
                x.arg(QUAD),
                weights.weights.arg(weights.words()),
                weights.blocks().arg(1),
                table.arg(1),
                order.arg(1),
                out.arg(1),
                number(rows),
                panels,
                quads,
                chunk,
                routed,
                weights.kind,
                finish,
            );
        }
        return;
    }
    // SAFETY: as above.
    unsafe {
        product_thin::launch_unchecked::<R>(
            client,
            CubeCount::Static(panels, number(tiles), 1),
            CubeDim::new_2d(number(PANEL), number(WARPS)),
            weights.words(),
            x.arg(QUAD),
            weights.weights.arg(weights.words()),
            weights.blocks().arg(1),
            table.arg(1),
            order.arg(1),
            out.arg(1),
            number(rows),
            quads,
            chunk,
            tile,
            routed,
            weights.kind,
            finish,
        );
    }
}

/// Four weights from their words.
#[cube]
fn widen<N: Size>(words: Vector<u32, N>, #[comptime] narrow: bool) -> Vector<f32, Const<4>> {
    let mut quad = Vector::<f32, Const<4>>::empty();
    if comptime!(narrow) {
        quad[0] = f32::reinterpret(words[0] << 16u32);
        quad[1] = f32::reinterpret(words[0] & 0xffff_0000u32);
        quad[2] = f32::reinterpret(words[1] << 16u32);
        quad[3] = f32::reinterpret(words[1] & 0xffff_0000u32);
    } else {
        quad[0] = f32::reinterpret(words[0]);
        quad[1] = f32::reinterpret(words[1]);
        quad[2] = f32::reinterpret(words[2]);
        quad[3] = f32::reinterpret(words[3]);
    }
    quad
}

/// Four weights of an output, `lane` of a panel, which has so many quads.
#[cube]
pub(super) fn weights_at<N: Size>(
    weights: &Array<Vector<u32, N>>,
    blocks: &Array<f32>,
    panel: u32,
    quad: u32,
    lane: u32,
    quads: u32,
    #[comptime] kind: Kind,
) -> Vector<f32, Const<4>> {
    let mut four = Vector::<f32, Const<4>>::empty();
    if comptime!(kind == Kind::Floats || kind == Kind::Halves) {
        let words = weights[((panel * quads + quad) * PANEL as u32 + lane) as usize];
        four = widen::<N>(words, comptime!(kind == Kind::Halves));
    } else {
        let many = BLOCK_QUADS as u32;
        let at = ((panel * (quads / many) + quad / many) * PANEL as u32 + lane) * 2;
        let (factor, base) = (blocks[at as usize], blocks[(at + 1) as usize]);
        if comptime!(kind == Kind::Bytes) {
            let word = weights[((panel * quads + quad) * PANEL as u32 + lane) as usize][0];
            four[0] = fma(f32::cast_from(word & 255u32), factor, base);
            four[1] = fma(f32::cast_from((word >> 8u32) & 255u32), factor, base);
            four[2] = fma(f32::cast_from((word >> 16u32) & 255u32), factor, base);
            four[3] = fma(f32::cast_from(word >> 24u32), factor, base);
        } else {
            let pair = (panel * (quads / 2) + quad / 2) * PANEL as u32 + lane;
            let word = weights[pair as usize][0] >> (quad % 2 * 16);
            four[0] = fma(f32::cast_from(word & 15u32), factor, base);
            four[1] = fma(f32::cast_from((word >> 4u32) & 15u32), factor, base);
            four[2] = fma(f32::cast_from((word >> 8u32) & 15u32), factor, base);
            four[3] = fma(f32::cast_from((word >> 12u32) & 15u32), factor, base);
        }
    }
    four
}

/// `silu(gate) * value`.
#[cube]
pub(super) fn gated(gate: f32, value: f32) -> f32 {
    gate / (1.0 + f32::exp(-gate)) * value
}

/// One panel of outputs of `tile` rows.
#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "arguments of a kernel")]
fn product_thin<N: Size>(
    x: &Array<Vector<f32, Const<4>>>,
    weights: &Array<Vector<u32, N>>,
    blocks: &Array<f32>,
    tiles: &Array<u32>,
    order: &Array<u32>,
    out: &mut Array<f32>,
    rows: u32,
    quads: u32,
    chunk: u32,
    #[comptime] tile: usize,
    #[comptime] routed: bool,
    #[comptime] kind: Kind,
    #[comptime] finish: Finish,
) {
    let lane = UNIT_POS_X;
    let panel = CUBE_POS_X;
    let mut stretches = SharedMemory::<f32>::new(CHUNKS * tile * PANEL);
    // The results of this tile, and where the panels of its part begin.
    let mut first = CUBE_POS_Y * tile as u32;
    let mut end = rows;
    let mut part = 0u32;
    if comptime!(routed) {
        let at = (CUBE_POS_Y * 3) as usize;
        first = tiles[at];
        end = first + tiles[at + 1];
        part = tiles[at + 2] * CUBE_COUNT_X;
    }

    // Rows that are not there read the last one, and are not written.
    let mut starts = Array::<u32>::new(tile);
    #[unroll]
    for row in 0..tile {
        let result = u32::min(first + row as u32, end - 1);
        if comptime!(routed) {
            starts[row] = order[result as usize] * quads;
        } else {
            starts[row] = result * quads;
        }
    }
    #[unroll]
    for turn in 0..CHUNKS / WARPS {
        let stretch = UNIT_POS_Y + (turn * WARPS) as u32;
        let begin = u32::min(stretch * chunk, quads);
        let stop = u32::min(begin + chunk, quads);
        let mut sums = Array::<f32>::new(tile);
        #[unroll]
        for row in 0..tile {
            sums[row] = 0.0;
        }
        for quad in begin..stop {
            let own = part + panel;
            let weight = weights_at::<N>(weights, blocks, own, quad, lane, quads, kind);
            #[unroll]
            for row in 0..tile {
                let input = x[(starts[row] + quad) as usize];
                #[unroll]
                for k in 0..QUAD {
                    sums[row] = fma(weight[k], input[k], sums[row]);
                }
            }
        }
        #[unroll]
        for row in 0..tile {
            stretches[(stretch as usize * tile + row) * PANEL + lane as usize] = sums[row];
        }
    }
    sync_cube();

    let width = CUBE_COUNT_X * PANEL as u32;
    if comptime!(finish == Finish::Gate) {
        for index in range_stepped(UNIT_POS, (tile * PANEL / 2) as u32, (WARPS * PANEL) as u32) {
            let (row, output) = (index / (PANEL as u32 / 2), index % (PANEL as u32 / 2));
            let gate = total(&stretches, row * PANEL as u32 + output, tile);
            let value = total(&stretches, row * PANEL as u32 + output + PANEL as u32 / 2, tile);
            if first + row < end {
                let at = (first + row) * (width / 2) + panel * (PANEL as u32 / 2) + output;
                out[at as usize] = gated(gate, value);
            }
        }
    } else {
        for index in range_stepped(UNIT_POS, (tile * PANEL) as u32, (WARPS * PANEL) as u32) {
            let (row, output) = (index / PANEL as u32, index % PANEL as u32);
            let sum = total(&stretches, index, tile);
            if first + row < end {
                let at = ((first + row) * width + panel * PANEL as u32 + output) as usize;
                if comptime!(finish == Finish::Add) {
                    out[at] += sum;
                } else {
                    out[at] = sum;
                }
            }
        }
    }
}

/// The stretches of one output, added in order.
#[cube]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "stands for memory of a kernel")]
fn total(stretches: &SharedMemory<f32>, index: u32, #[comptime] tile: usize) -> f32 {
    let mut total = 0.0f32;
    #[unroll]
    for stretch in 0..CHUNKS {
        total += stretches[stretch * tile * PANEL + index as usize];
    }
    total
}
