//! What stands between the matrix products: norms, the exponential, softmax, SwiGLU.
//!
//! The bodies are plain Rust that the compiler vectorises for each instruction set; every
//! operation is element by element, or a dot product in 16 lanes, so width changes no bit.

use super::{dot, for_each_isa};

/// `e^x` to about 2 units in the last place: `2^n` by exponent bits times a polynomial on
/// `[-ln 2 / 2, ln 2 / 2]` (Cephes, `expf`). Below -87 it is 0 to within `1e-38`.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, MAGIC);
    let n = shifted - MAGIC;
    let r = n.mul_add(-0.693_359_4, x);
    let r = n.mul_add(2.121_944_4e-4, r);
    let p = 1.987_569_1e-4_f32;
    let p = p.mul_add(r, 1.398_2e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 1.666_666_5e-1);
    let p = p.mul_add(r, 0.5);
    let p = (p * r).mul_add(r, r) + 1.0;
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    p * power
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn exp_body(x: &mut [f32], shift: f32) {
    for value in x {
        *value = exp(*value - shift);
    }
}

for_each_isa! {
    /// `x[i] = e^(x[i] - shift)`.
    exp_in_place / exp_on, exp_body(x: &mut [f32], shift: f32)
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn swiglu_body(gate_up: &[f32], out: &mut [f32]) {
    let (gate, up) = gate_up.split_at(out.len());
    for ((out, &gate), &up) in out.iter_mut().zip(gate).zip(up) {
        *out = gate / (1.0 + exp(-gate)) * up;
    }
}

for_each_isa! {
    /// `out = silu(gate) * up` for one row of `[gate, up]` (Shazeer 2020).
    swiglu / swiglu_on, swiglu_body(gate_up: &[f32], out: &mut [f32])
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn axpy_body(weight: f32, x: &[f32], sum: &mut [f32]) {
    for (sum, &x) in sum.iter_mut().zip(x) {
        *sum = weight.mul_add(x, *sum);
    }
}

for_each_isa! {
    /// `sum += weight * x`.
    axpy / axpy_on, axpy_body(weight: f32, x: &[f32], sum: &mut [f32])
}

/// `N` lanes of [`weighted`], which stay in registers from the first row to the last.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn weighted_lanes<const N: usize>(weights: &[f32], rows: &[f32], stride: usize, sum: &mut [f32]) {
    let Some(sum) = sum.first_chunk_mut::<N>() else { return };
    let mut lanes = *sum;
    for (weight, row) in weights.iter().zip(rows.chunks(stride)) {
        let Some(row) = row.first_chunk::<N>() else { break };
        for (lane, x) in lanes.iter_mut().zip(row) {
            *lane = weight.mul_add(*x, *lane);
        }
    }
    *sum = lanes;
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn weighted_body(weights: &[f32], rows: &[f32], stride: usize, sum: &mut [f32]) {
    let mut at = 0;
    while at < sum.len() {
        let (rows, sum) = (rows.get(at..).unwrap_or_default(), &mut sum[at..]);
        at += match sum.len() {
            64.. => {
                weighted_lanes::<64>(weights, rows, stride, sum);
                64
            }
            16.. => {
                weighted_lanes::<16>(weights, rows, stride, sum);
                16
            }
            _ => {
                weighted_lanes::<1>(weights, rows, stride, sum);
                1
            }
        };
    }
}

for_each_isa! {
    /// `sum += weights[i] * row i` over rows that start `stride` elements apart, first to last.
    weighted / weighted_on,
    weighted_body(weights: &[f32], rows: &[f32], stride: usize, sum: &mut [f32])
}

/// `out = x / rms(x) * weight` (Zhang and Sennrich 2019).
pub(crate) fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    let mean = dot(x, x) / x.len() as f32;
    let scale = 1.0 / (mean + epsilon).sqrt();
    for ((out, &x), &weight) in out.iter_mut().zip(x).zip(weight) {
        *out = x * scale * weight;
    }
}

/// In place: `x = e^(x - max) / sum`. The sum runs front to back.
pub(crate) fn softmax(x: &mut [f32]) {
    let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    exp_in_place(x, max);
    let sum: f32 = x.iter().sum();
    let scale = 1.0 / sum;
    for x in x {
        *x *= scale;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Isa;
    use super::*;

    #[test]
    fn exp_is_close_to_the_true_one() {
        let mut x = -86.9_f32;
        while x < 87.9 {
            let (found, exact) = (f64::from(exp(x)), f64::from(x).exp());
            assert!(((found - exact) / exact).abs() < 3e-7, "e^{x} = {exact}, found {found}");
            x += 0.003_7;
        }
        assert!(exp(f32::NEG_INFINITY) < 2e-38 && exp(-1e30) < 2e-38);
        assert!(exp(f32::NAN).is_nan());
        assert_eq!(exp(0.0).to_bits(), 1.0_f32.to_bits());
    }

    proptest! {
        #[test]
        fn instruction_sets_agree_bit_for_bit(
            x in prop::collection::vec(-90.0_f32..90.0, 1..80), weight in -3.0_f32..3.0,
        ) {
            let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            let run = |isa: Isa| {
                let (mut a, mut b) = (x.clone(), vec![0.0; x.len() / 2]);
                exp_on(isa, &mut a, 1.5);
                swiglu_on(isa, &x[..x.len() / 2 * 2], &mut b);
                let mut c = x.clone();
                axpy_on(isa, weight, &a, &mut c);
                (bits(&a), bits(&b), bits(&c))
            };
            let reference = run(Isa::Portable);
            for isa in Isa::all() {
                prop_assert_eq!(&run(isa), &reference);
            }
        }

        #[test]
        fn weighted_rows_add_up_one_after_the_other(
            x in prop::collection::vec(-9.0_f32..9.0, 1..600), width in 1_usize..150,
            gap in 0_usize..40,
        ) {
            let stride = width + gap;
            // The last row may lack its gap.
            let rows = (x.len() + gap) / stride;
            let weights: Vec<f32> = x.iter().take(rows).map(|x| x * 0.3).collect();
            let mut reference = vec![0.5_f32; width];
            for (weight, row) in weights.iter().zip(x.chunks(stride)) {
                axpy(*weight, &row[..width], &mut reference);
            }
            for isa in Isa::all() {
                let mut sum = vec![0.5_f32; width];
                weighted_on(isa, &weights, &x, stride, &mut sum);
                prop_assert!(sum.iter().zip(&reference).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }

        #[test]
        fn softmax_is_a_distribution(mut x in prop::collection::vec(-50.0_f32..50.0, 1..200)) {
            softmax(&mut x);
            prop_assert!((x.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            prop_assert!(x.iter().all(|p| (0.0..=1.0).contains(p)));
        }
    }
}
