//! Embeddings of tokens, and RMS norms of rows.

use cubecl::prelude::*;

use super::device::{grid, number};
use super::product::{Product, widen};
use super::{Buffer, Device, PANEL, QUAD};

/// Threads of a row.
const UNITS: usize = 128;

/// The weights of output `tokens[row]` as row `row` of `out [rows, inputs]`.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(crate) fn embed<R: Runtime>(
    device: &Device<R>,
    embedding: &Product,
    tokens: &Buffer,
    rows: usize,
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
            tokens.arg(1),
            out.arg(QUAD),
            number(rows),
            number(embedding.quads()),
            embedding.narrow(),
        );
    }
}

#[cube(launch_unchecked)]
fn embed_rows<N: Size>(
    weights: &Array<Vector<u32, N>>,
    tokens: &Array<u32>,
    out: &mut Array<Vector<f32, Const<4>>>,
    rows: u32,
    quads: u32,
    #[comptime] narrow: bool,
) {
    let row = CUBE_POS as u32;
    if row < rows {
        let token = tokens[row as usize];
        let (panel, lane) = (token / PANEL as u32, token % PANEL as u32);
        for quad in range_stepped(UNIT_POS, quads, UNITS as u32) {
            let words = weights[((panel * quads + quad) * PANEL as u32 + lane) as usize];
            out[(row * quads + quad) as usize] = widen::<N>(words, narrow);
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
