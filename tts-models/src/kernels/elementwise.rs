//! What stands between the matrix products: norms, rotation, the exponential, softmax, SwiGLU.
//!
//! The bodies are plain Rust that the compiler vectorises for each instruction set; every
//! operation is element by element, or a sum in 16 lanes that are added in halves, so the width of
//! the registers changes no bit.

use super::for_each_isa;

/// Lanes of a sum.
pub(super) const LANES: usize = 16;

/// Adds lanes in halves.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
pub(super) fn sum_lanes(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// `e^x` to about 2 units in the last place: `2^n` by exponent bits times a polynomial on
/// `[-ln 2 / 2, ln 2 / 2]` (Cephes, `expf`). Below -87 it is 0 to within `1e-38`.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
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
fn softmax_body(x: &mut [f32], scale: f32) -> f32 {
    let most = largest_body(x);
    let mut lanes = [0.0; LANES];
    for values in x.chunks_mut(LANES) {
        for (value, lane) in values.iter_mut().zip(&mut lanes) {
            *value = exp((*value - most) * scale);
            *lane += *value;
        }
    }
    sum_lanes(lanes)
}

for_each_isa! {
    /// In place: `x = e^(scale * (x - max))`; returns their sum. What is not a number stays so.
    softmax / softmax_on, softmax_body(x: &mut [f32], scale: f32) -> f32
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn exp_sum_body(x: &[f32], scale: f32, shift: f32) -> f32 {
    let mut lanes = [0.0; LANES];
    for values in x.chunks(LANES) {
        for (value, lane) in values.iter().zip(&mut lanes) {
            *lane += exp((*value - shift) * scale);
        }
    }
    sum_lanes(lanes)
}

for_each_isa! {
    /// The sum of `e^(scale * (x[i] - shift))`.
    exp_sum / exp_sum_on, exp_sum_body(x: &[f32], scale: f32, shift: f32) -> f32
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn exp_in_place_body(x: &mut [f32], scale: f32, shift: f32) {
    for value in x {
        *value = exp((*value - shift) * scale);
    }
}

for_each_isa! {
    /// `x[i] = e^(scale * (x[i] - shift))`.
    exp_in_place / exp_in_place_on, exp_in_place_body(x: &mut [f32], scale: f32, shift: f32)
}

/// In place: the sigmoid, `1 / (1 + e^-x)`.
pub(crate) fn sigmoid_in_place(x: &mut [f32]) {
    exp_in_place(x, -1.0, 0.0);
    for value in x {
        *value = 1.0 / (1.0 + *value);
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn largest_body(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (whole, rest) = x.as_chunks::<LANES>();
    for values in whole {
        for (value, lane) in values.iter().zip(&mut lanes) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    for (value, lane) in rest.iter().zip(&mut lanes) {
        *lane = if *value > *lane { *value } else { *lane };
    }
    let mut most = f32::NEG_INFINITY;
    for lane in lanes {
        most = if lane > most { lane } else { most };
    }
    most
}

for_each_isa! {
    /// The largest number; what is not a number is passed over.
    largest / largest_on, largest_body(x: &[f32]) -> f32
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn largest_of_each_body(x: &[f32], group: usize, out: &mut Vec<f32>) {
    out.clear();
    out.resize(x.len().div_ceil(group), 0.0);
    for (out, x) in out.iter_mut().zip(x.chunks(group)) {
        *out = largest_body(x);
    }
}

for_each_isa! {
    /// The largest number of every `group` numbers.
    largest_of_each / largest_of_each_on,
    largest_of_each_body(x: &[f32], group: usize, out: &mut Vec<f32>)
}

/// `silu(gate) * up` (Shazeer 2020).
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
pub(super) fn swish_gate(gate: &[f32; LANES], up: &[f32; LANES]) -> [f32; LANES] {
    // Not `from_fn`: a closure would not take on the caller's instruction set.
    let mut out = [0.0; LANES];
    for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
        *out = gate / (1.0 + exp(-gate)) * up;
    }
    out
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn swish_gate_all_body(gate: &[f32], up: &mut [f32]) {
    for (gate, up) in gate.chunks(LANES).zip(up.chunks_mut(LANES)) {
        let (mut gates, mut ups) = ([0.0; LANES], [0.0; LANES]);
        gates[..gate.len()].copy_from_slice(gate);
        ups[..up.len()].copy_from_slice(up);
        up.copy_from_slice(&swish_gate(&gates, &ups)[..up.len()]);
    }
}

for_each_isa! {
    /// `up = silu(gate) * up`.
    swish_gate_all / swish_gate_all_on, swish_gate_all_body(gate: &[f32], up: &mut [f32])
}

/// Twice the root of `2 / pi`: `(1 + tanh(z)) / 2` is `1 / (1 + e^-2z)`.
const TWICE: f32 = 1.595_769;

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn gelu_gate_all_body(gate: &[f32], up: &mut [f32]) {
    for (gate, up) in gate.iter().zip(up) {
        let twice = TWICE * (0.044_715 * gate * gate).mul_add(*gate, *gate);
        *up *= gate / (1.0 + exp(-twice));
    }
}

for_each_isa! {
    /// `up = gelu(gate) * up`, by the hyperbolic tangent (Hendrycks and Gimpel 2016).
    gelu_gate_all / gelu_gate_all_on, gelu_gate_all_body(gate: &[f32], up: &mut [f32])
}

/// Cut off above; what is not a number stays so.
#[inline(always)]
#[expect(clippy::inline_always, reason = "takes on its caller's instruction set")]
fn at_most(x: f32, limit: f32) -> f32 {
    if x > limit { limit } else { x }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn clamped_gate_all_body(gate: &[f32], up: &mut [f32], slope: f32, limit: f32) {
    for (gate, up) in gate.iter().zip(up) {
        let gate = at_most(*gate, limit);
        let gated = -at_most(-at_most(*up, limit), limit);
        *up = gate / (1.0 + exp(-slope * gate)) * (gated + 1.0);
    }
}

for_each_isa! {
    /// `up = gate / (1 + e^(-slope gate)) * (up + 1)`, of a gate cut off above `limit`, and `up` above it and below
    /// `-limit`.
    clamped_gate_all / clamped_gate_all_on,
    clamped_gate_all_body(gate: &[f32], up: &mut [f32], slope: f32, limit: f32)
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn cap_body(x: &mut [f32], scale: f32, bound: f32) {
    let (twice, whole) = (2.0 * scale / bound, bound);
    for value in x {
        let half = *value * scale / bound;
        let power = exp(*value * twice);
        // Of what is not a number, `exp` gives none. Where the power is nearly 1, the difference would say little.
        let far = (power - 1.0) / (power + 1.0);
        let square = half * half;
        let near = half * (square * (2.0 / 15.0 * square - 1.0 / 3.0)).mul_add(1.0, 1.0);
        *value = whole * if half.abs() < 0.05 { near } else { far };
    }
}

for_each_isa! {
    /// `x[i] = bound * tanh(scale * x[i] / bound)`.
    cap / cap_on, cap_body(x: &mut [f32], scale: f32, bound: f32)
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn rms_norm_body(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    let mut lanes = [0.0; LANES];
    let (whole, rest) = x.as_chunks::<LANES>();
    for values in whole {
        for (value, lane) in values.iter().zip(&mut lanes) {
            *lane = value.mul_add(*value, *lane);
        }
    }
    for (value, lane) in rest.iter().zip(&mut lanes) {
        *lane = value.mul_add(*value, *lane);
    }
    let mean = sum_lanes(lanes) / x.len() as f32;
    let scale = 1.0 / (mean + epsilon).sqrt();
    for ((out, &x), &weight) in out.iter_mut().zip(x).zip(weight) {
        *out = x * scale * weight;
    }
}

for_each_isa! {
    /// `out = x / rms(x) * weight` (Zhang and Sennrich 2019).
    rms_norm / rms_norm_on,
    rms_norm_body(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32])
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn rotate_body(head: &mut [f32], cosines: &[f32], sines: &[f32]) {
    let (first, second) = head.split_at_mut(cosines.len());
    for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cosines).zip(sines) {
        (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
    }
}

for_each_isa! {
    /// Turns the pairs `(i, i + width / 2)` of one head by as many angles (Su et al. 2021, in the
    /// layout of Hugging Face's checkpoints).
    rotate / rotate_on, rotate_body(head: &mut [f32], cosines: &[f32], sines: &[f32])
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

    fn bits(x: &[f32]) -> Vec<u32> {
        x.iter().map(|x| x.to_bits()).collect()
    }

    proptest! {
        #[test]
        fn instruction_sets_agree_bit_for_bit(
            x in prop::collection::vec(-90.0_f32..90.0, 32..80), scale in -1.0_f32..3.0,
        ) {
            let run = |isa: Isa| {
                let mut exps = x.clone();
                exp_in_place_on(isa, &mut exps, scale, 1.5);
                let mut weights = x.clone();
                let sums = [softmax_on(isa, &mut weights, 0.7), exp_sum_on(isa, &x, scale, 1.5)];
                let mut normed = vec![0.0; x.len()];
                rms_norm_on(isa, &x, &exps, 1e-5, &mut normed);
                let mut active = exps.clone();
                swish_gate_all_on(isa, &x, &mut active);
                let mut gelu = exps.clone();
                gelu_gate_all_on(isa, &x, &mut gelu);
                let mut clamped = exps.clone();
                clamped_gate_all_on(isa, &x, &mut clamped, 1.702, 7.0);
                let mut capped = x.clone();
                cap_on(isa, &mut capped, 0.7, 30.0);
                let mut turned = x.clone();
                rotate_on(isa, &mut turned[..30], &x[..15], &x[15..30]);
                let gates = (bits(&active), bits(&gelu), bits(&clamped), bits(&capped));
                (bits(&exps), bits(&weights), bits(&sums), largest_on(isa, &x).to_bits(), bits(&normed), gates, bits(&turned))
            };
            let reference = run(Isa::Portable);
            for isa in Isa::all() {
                prop_assert_eq!(&run(isa), &reference);
            }
        }

        #[test]
        fn softmax_is_a_distribution(mut x in prop::collection::vec(-50.0_f32..50.0, 1..200)) {
            let most = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            prop_assert_eq!(largest(&x).to_bits(), most.to_bits());
            let sum = softmax(&mut x, 1.0);
            prop_assert!((x.iter().map(|x| x / sum).sum::<f32>() - 1.0).abs() < 1e-5);
            prop_assert!(x.iter().all(|p| (0.0..=1.0).contains(p)));
        }
    }

    #[test]
    fn gelu_and_caps_are_close_to_the_true_ones() {
        for step in -400_i16..400 {
            let single = f32::from(step) / 20.0;
            let x = f64::from(single);
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            let exact = 0.5 * x * (1.0 + inner.tanh()) * 3.0;
            let (gate, mut up) = ([single], [3.0]);
            gelu_gate_all(&gate, &mut up);
            assert!((f64::from(up[0]) - exact).abs() < 2e-6 * exact.abs().max(1.0), "{x}: {up:?}");
            let mut capped = [single];
            cap(&mut capped, 1.5, 4.0);
            let exact = 4.0 * (1.5 * x / 4.0).tanh();
            assert!((f64::from(capped[0]) - exact).abs() < 2e-6, "{x}: {capped:?}, {exact}");
        }
        // A bound that is none.
        let mut small = [1.0, -20.0];
        cap(&mut small, 1.0, 1e6);
        assert!((small[0] - 1.0).abs() < 1e-6 && (small[1] + 20.0).abs() < 1e-5, "{small:?}");
        let mut far = [1e30, -1e30, f32::NAN];
        cap(&mut far, 1.0, 50.0);
        assert!((far[0] - 50.0).abs() < 1e-4 && (far[1] + 50.0).abs() < 1e-4 && far[2].is_nan());
    }

    #[test]
    fn clamped_gates_are_close_to_the_true_ones() {
        for (gate, up) in (-60..60_i16).flat_map(|gate| (-50..50_i16).map(move |up| (gate, up))) {
            let (gate, up) = (f32::from(gate) / 4.0, f32::from(up) / 5.0);
            let (g, u) = (f64::from(gate).min(7.0), f64::from(up).clamp(-7.0, 7.0));
            let exact = (u + 1.0) * g / (1.0 + (-1.702_f64 * g).exp());
            let mut found = [up];
            clamped_gate_all(&[gate], &mut found, 1.702, 7.0);
            let far = (f64::from(found[0]) - exact).abs();
            assert!(far < 1e-5 * exact.abs().max(0.1), "{gate} {up}: {found:?}, {exact}");
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        let mut x = [1.0, f32::NAN, 2.0];
        assert!(softmax(&mut x, 1.0).is_nan() && x[1].is_nan());
        let mut normed = [0.0; 3];
        rms_norm(&[1.0, f32::NAN, 2.0], &[1.0; 3], 1e-5, &mut normed);
        assert!(normed.iter().all(|x| x.is_nan()));
        let mut up = [1.0; 20];
        swish_gate_all(&[f32::NAN; 20], &mut up);
        assert!(up.iter().all(|x| x.is_nan()));
        let mut up = [1.0, f32::NAN];
        clamped_gate_all(&[f32::NAN, 1.0], &mut up, 1.702, 7.0);
        assert!(up.iter().all(|x| x.is_nan()));
    }
}
