//! What becomes of a product where it is not just stored, added or gated by `SiLU`.
//!
//! Biases are added to rows in place; pairs of gates and values become gated rows by another activation, or after
//! biases; rows are added to others with a factor. Each number is one thread's, so there is no sum and no order.
//!
//! Source: none.

use cubecl::prelude::*;

use super::device::{grid, number};
use super::product::gated;
use super::{Buffer, Device, PANEL};

/// Threads of a cube.
const UNITS: usize = 256;

/// What gates the feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Gating {
    /// `x / (1 + e^-x)`.
    Silu,
    /// `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.
    GeluTanh,
    /// `x / (1 + e^(-slope x))` of a gate that is cut off above `limit`; its value is cut off on both sides, and has 1
    /// added.
    Clamped {
        /// What the gate is multiplied with in the exponential.
        slope: f32,
        /// Where both are cut off.
        limit: f32,
    },
}

impl Gating {
    /// The formula, and its numbers.
    fn parts(self) -> (Formula, [f32; 2]) {
        match self {
            Self::Silu => (Formula::Silu, [0.0; 2]),
            Self::GeluTanh => (Formula::GeluTanh, [0.0; 2]),
            Self::Clamped { slope, limit } => (Formula::Clamped, [slope, limit]),
        }
    }
}

/// A formula of [`Gating`], for which a kernel is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Formula {
    Silu,
    GeluTanh,
    Clamped,
}

/// Adds `bias` to each row of `x`, which are as long, padding included.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(crate) fn shift<R: Runtime>(device: &Device<R>, x: &Buffer, bias: &Buffer, rows: usize) {
    let count = rows * bias.length();
    assert!(x.length() >= count, "rows with a bias");
    // SAFETY: a thread reads and writes a number below `count` of `x`, and one of the bias; the lengths were compared
    // above.
    unsafe {
        shift_rows::launch_unchecked::<R>(
            device.client(),
            grid(count.div_ceil(UNITS)),
            CubeDim::new_1d(number(UNITS)),
            x.arg(1),
            bias.arg(1),
            number(count),
            number(bias.length()),
        );
    }
}

#[cube(launch_unchecked)]
fn shift_rows(x: &mut Array<f32>, bias: &Array<f32>, count: u32, width: u32) {
    let index = CUBE_POS as u32 * UNITS as u32 + UNIT_POS;
    if index < count {
        x[index as usize] += bias[(index % width) as usize];
    }
}

/// Adds the first `count` numbers of `block`, multiplied with `factor`, to those of `x`.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(crate) fn add<R: Runtime>(
    device: &Device<R>,
    x: &Buffer,
    block: &Buffer,
    factor: f32,
    count: usize,
) {
    assert!(x.length() >= count && block.length() >= count, "rows of a sum");
    // SAFETY: a thread reads and writes numbers below `count`; the lengths were compared above.
    unsafe {
        add_rows::launch_unchecked::<R>(
            device.client(),
            grid(count.div_ceil(UNITS)),
            CubeDim::new_1d(number(UNITS)),
            x.arg(1),
            block.arg(1),
            number(count),
            factor,
        );
    }
}

#[cube(launch_unchecked)]
fn add_rows(x: &mut Array<f32>, block: &Array<f32>, count: u32, factor: f32) {
    let index = CUBE_POS as u32 * UNITS as u32 + UNIT_POS;
    if index < count {
        x[index as usize] += factor * block[index as usize];
    }
}

/// Gated rows `[rows, width / 2]` of panels of 16 gates and 16 values, `[rows, width]`.
#[expect(unsafe_code, reason = "launches a kernel that does not check its indices")]
pub(crate) fn gate<R: Runtime>(
    device: &Device<R>,
    pairs: &Buffer,
    gating: Gating,
    (rows, width): (usize, usize),
    out: &Buffer,
) {
    let count = rows * width / 2;
    let (formula, [slope, limit]) = gating.parts();
    assert!(width.is_multiple_of(PANEL) && pairs.length() >= rows * width, "gates and values");
    assert!(out.length() >= count, "gated rows");
    // SAFETY: a thread writes a number below `count` of `out`, and reads two of as many panels of `pairs`; the lengths
    // were compared above.
    unsafe {
        gate_pairs::launch_unchecked::<R>(
            device.client(),
            grid(count.div_ceil(UNITS)),
            CubeDim::new_1d(number(UNITS)),
            pairs.arg(1),
            out.arg(1),
            number(count),
            slope,
            limit,
            formula,
        );
    }
}

/// The hyperbolic tangent, by one exponential: that of a device may be infinity over infinity for large numbers.
#[cube]
pub(super) fn tanh(x: f32) -> f32 {
    // Where it is small, one less another number would say little.
    let square = x * x;
    let near = x * (1.0f32 + square * (square * 0.133_333_34f32 - 0.333_333_34f32));
    let far = 1.0f32 - 2.0f32 / (1.0f32 + f32::exp(2.0f32 * x));
    select(f32::abs(x) < 0.05f32, near, far)
}

#[cube(launch_unchecked)]
fn gate_pairs(
    pairs: &Array<f32>,
    out: &mut Array<f32>,
    count: u32,
    slope: f32,
    limit: f32,
    #[comptime] formula: Formula,
) {
    let index = CUBE_POS as u32 * UNITS as u32 + UNIT_POS;
    if index < count {
        let half = PANEL as u32 / 2;
        let at = index / half * PANEL as u32 + index % half;
        let (gate, value) = (pairs[at as usize], pairs[(at + half) as usize]);
        if comptime!(formula == Formula::Silu) {
            out[index as usize] = gated(gate, value);
        } else if comptime!(formula == Formula::Clamped) {
            // Not by the smaller of two, which on a device may be the one that is a number.
            let gate = select(gate > limit, limit, gate);
            let value = select(value > limit, limit, value);
            let value = select(value < -limit, -limit, value);
            out[index as usize] = gate / (1.0f32 + f32::exp(-slope * gate)) * (value + 1.0f32);
        } else {
            let cube = gate * gate * gate;
            let inner = 0.797_884_6f32 * fma(0.044_715f32, cube, gate);
            out[index as usize] = 0.5f32 * gate * (1.0f32 + tanh(inner)) * value;
        }
    }
}
