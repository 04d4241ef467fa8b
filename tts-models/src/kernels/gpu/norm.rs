//! Embeddings of tokens, and RMS norms of rows.

use cubecl::prelude::*;

use super::device::{grid, number};
use super::product::{Kind, Product, weights_at};
use super::{Buffer, Device, PANEL, QUAD};

/// Threads of a row.
const UNITS: usize = 128;

/// The weights of output `tokens[row]`, multiplied with `factor`, as row `row` of `out [rows, inputs]`.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(crate) fn embed<R: Runtime>(
    device: &Device<R>,
    embedding: &Product,
    tokens: &Buffer,
    (rows, factor): (usize, f32),
    out: &Buffer,
) {
    assert!(tokens.length() >= rows, "tokens of rows");
    assert!(out.length() >= rows * embedding.inputs(), "embedded rows");
    // SAFETY: the kernel reads `rows` tokens, which are below the number of outputs (checked where
    // they come in), and writes `rows` rows of `quads` vectors; the lengths were compared above.
    unsafe {
        embed_rows::launch_unchecked::<R>(
            device.client(),
            grid(rows),
            CubeDim::new_1d(number(UNITS)),
            embedding.words(),
            embedding.weights().arg(embedding.words()),
            embedding.blocks().arg(1),
            tokens.arg(1),
            out.arg(QUAD),
            number(rows),
            number(embedding.quads()),
            factor,
            embedding.kind(),
        );
    }
}

#[cube(launch_unchecked)]
fn embed_rows<N: Size>(
    weights: &Array<Vector<u32, N>>,
    blocks: &Array<f32>,
    tokens: &Array<u32>,
    out: &mut Array<Vector<f32, Const<4>>>,
    rows: u32,
    quads: u32,
    factor: f32,
    #[comptime] kind: Kind,
) {
    let row = CUBE_POS as u32;
    let factor = Vector::<f32, Const<4>>::cast_from(factor);
    if row < rows {
        let token = tokens[row as usize];
        let (panel, lane) = (token / PANEL as u32, token % PANEL as u32);
        for quad in range_stepped(UNIT_POS, quads, UNITS as u32) {
            let weight = weights_at::<N>(weights, blocks, panel, quad, lane, quads, kind);
            out[(row * quads + quad) as usize] = weight * factor;
        }
    }
}

/// Row `i` of `out [rows, quads * 4]` is row `order[i]` of `x`, or row `i` without an order, after an
/// RMS norm over its first `width` numbers. The padding of `x` is 0, and that of `weight`.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
#[expect(clippy::too_many_arguments, reason = "arguments of a kernel")]
pub(crate) fn norm<R: Runtime>(
    device: &Device<R>,
    x: &Buffer,
    weight: &Buffer,
    order: Option<&Buffer>,
    rows: usize,
    width: usize,
    epsilon: f32,
    out: &Buffer,
) {
    let quads = weight.length() / QUAD;
    assert!(out.length() >= rows * weight.length(), "normed rows");
    match order {
        Some(order) => assert!(order.length() >= rows, "order of rows"),
        None => assert!(x.length() >= rows * weight.length(), "rows of a norm"),
    }
    // SAFETY: the kernel reads and writes rows of `quads` vectors: `rows` rows of `out`, and of `x`
    // as many or those of the order, which are rows of the pass by construction; the lengths were
    // compared above. Without an order its buffer is not read.
    unsafe {
        norm_rows::launch_unchecked::<R>(
            device.client(),
            grid(rows),
            CubeDim::new_1d(number(UNITS)),
            x.arg(QUAD),
            weight.arg(QUAD),
            order.unwrap_or(weight).arg(1),
            out.arg(QUAD),
            number(rows),
            number(quads),
            1.0 / width as f32,
            epsilon,
            order.is_some(),
        );
    }
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "arguments of a kernel")]
fn norm_rows(
    x: &Array<Vector<f32, Const<4>>>,
    weight: &Array<Vector<f32, Const<4>>>,
    order: &Array<u32>,
    out: &mut Array<Vector<f32, Const<4>>>,
    rows: u32,
    quads: u32,
    share: f32,
    epsilon: f32,
    #[comptime] ordered: bool,
) {
    let row = CUBE_POS as u32;
    let mut lanes = SharedMemory::<f32>::new(UNITS);
    if row < rows {
        let mut from = row * quads;
        if comptime!(ordered) {
            from = order[row as usize] * quads;
        }
        let mut sum = 0.0f32;
        for quad in range_stepped(UNIT_POS, quads, UNITS as u32) {
            let value = x[(from + quad) as usize];
            #[unroll]
            for k in 0..QUAD {
                sum = fma(value[k], value[k], sum);
            }
        }
        lanes[UNIT_POS as usize] = sum;
        sync_cube();
        let mut total = 0.0f32;
        for lane in 0..UNITS {
            total += lanes[lane];
        }
        let scale = 1.0 / f32::sqrt(fma(total, share, epsilon));
        let scale = Vector::<f32, Const<4>>::cast_from(scale);
        for quad in range_stepped(UNIT_POS, quads, UNITS as u32) {
            let value = x[(from + quad) as usize] * scale;
            out[(row * quads + quad) as usize] = value * weight[quad as usize];
        }
    }
}

/// Norms of queries and of keys over all of their heads at once, in place, at the front of `qkv [rows, stride]`: the
/// first of two widths numbers of a row and the second behind them, by weights that lie so in `norms`.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(crate) fn norm_sides<R: Runtime>(
    device: &Device<R>,
    (qkv, rows, stride): (&Buffer, usize, usize),
    norms: &Buffer,
    [queries, keys]: [usize; 2],
    epsilon: f32,
) {
    assert!(qkv.length() >= rows * stride && stride >= queries + keys, "queries and keys");
    assert!(norms.length() >= queries + keys, "norms over all heads");
    // SAFETY: a cube stays within the queries or the keys of its row, and within the norms of as many numbers; the
    // lengths were compared above.
    unsafe {
        norm_side::launch_unchecked::<R>(
            device.client(),
            grid(rows * 2),
            CubeDim::new_1d(number(UNITS)),
            qkv.arg(1),
            norms.arg(1),
            number(rows),
            number(stride),
            number(queries),
            number(keys),
            epsilon,
        );
    }
}

#[cube(launch_unchecked)]
fn norm_side(
    qkv: &mut Array<f32>,
    norms: &Array<f32>,
    rows: u32,
    stride: u32,
    queries: u32,
    keys: u32,
    epsilon: f32,
) {
    let cube = CUBE_POS as u32;
    let (row, side) = (cube / 2, cube % 2);
    let mut lanes = SharedMemory::<f32>::new(UNITS);
    if row < rows {
        let first = side * queries;
        let width = select(side == 0, queries, keys);
        let start = row * stride + first;
        let mut sum = 0.0f32;
        for column in range_stepped(UNIT_POS, width, UNITS as u32) {
            let value = qkv[(start + column) as usize];
            sum = fma(value, value, sum);
        }
        lanes[UNIT_POS as usize] = sum;
        sync_cube();
        let mut total = 0.0f32;
        for lane in 0..UNITS {
            total += lanes[lane];
        }
        let scale = 1.0 / f32::sqrt(total / f32::cast_from(width) + epsilon);
        for column in range_stepped(UNIT_POS, width, UNITS as u32) {
            let at = (start + column) as usize;
            qkv[at] = qkv[at] * scale * norms[(first + column) as usize];
        }
    }
}
