//! Norm, `SwiGLU` and rotation backwards: gradients of what stands between the matrix products.
//!
//! With `r = 1 / sqrt(mean(x^2) + epsilon)`, `y = x r w` has `dx = r w dy - x r^3 mean(w dy x)` and
//! `dw = dy x r`; with `s` the sigmoid of the gate `g`, `h = g s u` has `du = dh g s` and
//! `dg = dh u s (1 + g (1 - s))`; a rotation is undone by turning the other way. As forwards, sums run
//! in 16 lanes that are added in halves, or along the rows from front to back.

use super::elementwise::{LANES, exp, sum_lanes};
use super::for_each_isa;

/// `a . b` in 16 lanes.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn dot3(a: &[f32], b: &[f32], c: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    for ((a, b), c) in a.chunks(LANES).zip(b.chunks(LANES)).zip(c.chunks(LANES)) {
        for (((lane, a), b), c) in lanes.iter_mut().zip(a).zip(b).zip(c) {
            *lane = (a * b).mul_add(*c, *lane);
        }
    }
    sum_lanes(lanes)
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn norm_back_body(x: &[f32], weight: &[f32], epsilon: f32, dy: &[f32], dx: &mut [f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    for values in x.chunks(LANES) {
        for (value, lane) in values.iter().zip(&mut lanes) {
            *lane = value.mul_add(*value, *lane);
        }
    }
    let width = x.len() as f32;
    let scale = 1.0 / (sum_lanes(lanes) / width + epsilon).sqrt();
    let along = dot3(weight, dy, x) * scale * scale / width;
    for (((dx, x), weight), dy) in dx.iter_mut().zip(x).zip(weight).zip(dy) {
        *dx += scale * (weight * dy - x * along);
    }
    scale
}

for_each_isa! {
    /// `dx +=` the gradient of one normed row; returns `r`.
    norm_back / norm_back_on,
    norm_back_body(x: &[f32], weight: &[f32], epsilon: f32, dy: &[f32], dx: &mut [f32]) -> f32
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn norm_weight_back_body(x: &[f32], scales: &[f32], dy: &[f32], dw: &mut [f32]) {
    let width = dw.len();
    for ((x, dy), scale) in x.chunks_exact(width).zip(dy.chunks_exact(width)).zip(scales) {
        for ((dw, x), dy) in dw.iter_mut().zip(x).zip(dy) {
            *dw = (x * scale).mul_add(*dy, *dw);
        }
    }
}

for_each_isa! {
    /// `dw +=` the gradient of a norm's weight over rows `[rows, width]`, with their `r`.
    norm_weight_back / norm_weight_back_on,
    norm_weight_back_body(x: &[f32], scales: &[f32], dy: &[f32], dw: &mut [f32])
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn swish_back_body(gate_up: &[f32], dh: &[f32], out: &mut [f32]) {
    let (gate, up) = gate_up.split_at(dh.len());
    let (d_gate, d_up) = out.split_at_mut(dh.len());
    let both = d_gate.iter_mut().zip(d_up);
    for (((dh, gate), up), (d_gate, d_up)) in dh.iter().zip(gate).zip(up).zip(both) {
        let sigmoid = 1.0 / (1.0 + exp(-gate));
        let active = gate * sigmoid;
        *d_up = dh * active;
        *d_gate = dh * up * (active * (1.0 - sigmoid) + sigmoid);
    }
}

for_each_isa! {
    /// For a row of gates and ups side by side: their gradients, from that of `h`.
    swish_back / swish_back_on, swish_back_body(gate_up: &[f32], dh: &[f32], out: &mut [f32])
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn rotate_back_body(head: &mut [f32], cosines: &[f32], sines: &[f32]) {
    let (first, second) = head.split_at_mut(cosines.len());
    for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cosines).zip(sines) {
        (*a, *b) = (*a * cos + *b * sin, *b * cos - *a * sin);
    }
}

for_each_isa! {
    /// Undoes [`super::rotate`]; also the gradient's way through it.
    rotate_back / rotate_back_on, rotate_back_body(head: &mut [f32], cosines: &[f32], sines: &[f32])
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn add_rows_body(rows: &[f32], width: usize, from: usize, sum: &mut [f32]) {
    for row in rows.chunks_exact(width) {
        for (sum, value) in sum.iter_mut().zip(&row[from..]) {
            *sum += value;
        }
    }
}

for_each_isa! {
    /// `sum +=` each of the rows `[rows, width]`, from a column on: the gradient of a bias.
    add_rows / add_rows_on, add_rows_body(rows: &[f32], width: usize, from: usize, sum: &mut [f32])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::elementwise::swish_gate_all;
    use super::super::{Isa, rms_norm, rotate};
    use super::*;

    /// `d loss / d x[i]` of `loss = sum(weights * f(x))`, by central differences.
    fn differences(x: &[f32], weights: &[f32], f: impl Fn(&[f32]) -> Vec<f32>) -> Vec<f64> {
        let loss = |x: &[f32]| -> f64 {
            f(x).iter().zip(weights).map(|(y, w)| f64::from(*y) * f64::from(*w)).sum()
        };
        let by = 1e-2_f32;
        let moved = |at: usize, by: f32| {
            let mut x = x.to_vec();
            x[at] += by;
            loss(&x)
        };
        (0..x.len()).map(|at| (moved(at, by) - moved(at, -by)) / f64::from(2.0 * by)).collect()
    }

    fn close(found: &[f32], expected: &[f64]) {
        let size = expected.iter().map(|e| e.abs()).fold(0.1, f64::max);
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 3e-3 * size, "{found} for {expected}");
        }
    }

    fn bits(x: &[f32]) -> Vec<u32> {
        x.iter().map(|x| x.to_bits()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn gradients_are_those_of_differences(
            x in prop::collection::vec(-2.0_f32..2.0, 1..40), seed in 0_u64..1000,
        ) {
            let mut rng = tts_core::seed::rng(seed);
            #[expect(clippy::cast_possible_truncation, reason = "test data")]
            let mut other = |n: usize| -> Vec<f32> {
                (0..n).map(|_| (rng.uniform() * 2.0 - 1.0) as f32).collect()
            };
            let n = x.len();
            let (weight, dy) = (other(n), other(n));
            let mut dx = vec![0.0; n];
            let scale = norm_back(&x, &weight, 0.1, &dy, &mut dx);
            let norm = |x: &[f32], weight: &[f32]| {
                let mut y = vec![0.0; n];
                rms_norm(x, weight, 0.1, &mut y);
                y
            };
            close(&dx, &differences(&x, &dy, |x| norm(x, &weight)));
            let mut dw = vec![0.0; n];
            norm_weight_back(&x, &[scale], &dy, &mut dw);
            close(&dw, &differences(&weight, &dy, |w| norm(&x, w)));

            let both: Vec<f32> = x.iter().copied().chain(other(n)).collect();
            let swish = |both: &[f32]| {
                let mut h = both[n..].to_vec();
                swish_gate_all(&both[..n], &mut h);
                h
            };
            let mut out = vec![0.0; 2 * n];
            swish_back(&both, &dy, &mut out);
            close(&out, &differences(&both, &dy, swish));

            let angles: Vec<f32> = other(n);
            let (cos, sin): (Vec<f32>, Vec<f32>) = angles.iter().map(|a| (a.cos(), a.sin())).unzip();
            let turned = |x: &[f32]| {
                let mut x = x.to_vec();
                rotate(&mut x, &cos, &sin);
                x
            };
            let d: Vec<f32> = other(2 * n);
            let mut back = d.clone();
            rotate_back(&mut back, &cos, &sin);
            close(&back, &differences(&both, &d, turned));
        }

        #[test]
        fn instruction_sets_agree_bit_for_bit(x in prop::collection::vec(-9.0_f32..9.0, 32..100)) {
            let half = x.len() / 2;
            let run = |isa: Isa| {
                let mut dx = x.clone();
                let scale = norm_back_on(isa, &x, &x, 0.1, &x, &mut dx);
                let mut dw = x[..half].to_vec();
                norm_weight_back_on(isa, &x, &[scale, 2.0], &x, &mut dw);
                let mut out = vec![0.0; 2 * half];
                swish_back_on(isa, &x[..2 * half], &x[..half], &mut out);
                let mut turned = x.clone();
                rotate_back_on(isa, &mut turned[..30], &x[..15], &x[15..30]);
                let mut sum = vec![0.5; half - 3];
                add_rows_on(isa, &x, half, 3, &mut sum);
                [bits(&dx), bits(&dw), bits(&out), bits(&turned), bits(&sum)]
            };
            let reference = run(Isa::Portable);
            for isa in Isa::all() {
                prop_assert_eq!(&run(isa), &reference);
            }
        }
    }
}
