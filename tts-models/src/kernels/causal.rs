//! Causal attention of a whole sequence, and its gradient: for training.
//!
//! For one key and value head and the query heads that share it. Scores of a few rows at a time are
//! held, never all of them: backwards they are computed again from queries and keys, with the shift
//! that made their weights sum to 1. With weights `P`, `dV = P^T dO`, `dP = dO V^T`,
//! `dS = P (dP - dO . O)`, `dQ = scale dS K` and `dK = scale dS^T Q`. Each output is one sum from front
//! to back, of which what is masked adds nothing.
//!
//! Dao et al. 2022 (arXiv:2205.14135), appendix B, for the gradient without the weights in memory.

use super::elementwise::{exp_in_place, softmax};
use super::{Isa, for_each_isa};

/// Lanes of a register.
const LANES: usize = 16;
/// Columns of a tile: two registers of AVX-512, four of AVX2.
const TILE: usize = 2 * LANES;
/// Rows whose scores are held.
const BLOCK: usize = 32;

/// A sequence's queries, keys and values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequence<'a> {
    /// `[group, length, width]`.
    pub(crate) queries: &'a [f32],
    /// `[length, width]`.
    pub(crate) keys: &'a [f32],
    /// `[length, width]`.
    pub(crate) values: &'a [f32],
    pub(crate) length: usize,
    pub(crate) width: usize,
}

/// A matrix whose elements are a number of places apart along rows and along columns.
#[derive(Debug, Clone, Copy)]
struct Strided<'a> {
    values: &'a [f32],
    row: usize,
    column: usize,
}

impl<'a> Strided<'a> {
    fn rows(values: &'a [f32], width: usize) -> Self {
        Self { values, row: width, column: 1 }
    }

    fn turned(values: &'a [f32], width: usize) -> Self {
        Self { values, row: 1, column: width }
    }
}

/// Adds the products of row `k` of the inner dimension to a tile.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn add_row<const R: usize>(
    a: &Strided<'_>,
    first: usize,
    k: usize,
    right: &[f32; TILE],
    sums: &mut [[f32; TILE]; R],
) {
    for (offset, sums) in sums.iter_mut().enumerate() {
        let left = a.values[(first + offset) * a.row + k * a.column];
        for (sum, right) in sums.iter_mut().zip(right) {
            *sum = right.mul_add(left, *sum);
        }
    }
}

/// Sums of `R` rows of `a` and `TILE` columns of `b` from `column` on; what is beyond `width` is 0.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn tile<const R: usize>(
    a: &Strided<'_>,
    first: usize,
    b: &[f32],
    (stride, column, width): (usize, usize, usize),
    inner: std::ops::Range<usize>,
) -> [[f32; TILE]; R] {
    let mut sums = [[0.0; TILE]; R];
    // Two loops: what is copied in the second one would keep the sums of the first out of registers.
    if column + TILE <= width {
        for k in inner {
            if let Some(right) = b[k * stride + column..].first_chunk() {
                add_row(a, first, k, right, &mut sums);
            }
        }
    } else {
        for k in inner {
            let mut right = [0.0; TILE];
            right[..width - column].copy_from_slice(&b[k * stride + column..k * stride + width]);
            add_row(a, first, k, &right, &mut sums);
        }
    }
    sums
}

/// Writes (or adds) `scale *` a tile's rows, to rows of `stride` numbers.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn put<const R: usize>(
    tile: &[[f32; TILE]; R],
    scale: f32,
    add: bool,
    (out, stride): (&mut [f32], usize),
    columns: std::ops::Range<usize>,
) {
    for (row, sums) in tile.iter().enumerate() {
        let out = &mut out[row * stride..][columns.clone()];
        if let Some(out) = out.first_chunk_mut::<TILE>() {
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = if add { sum.mul_add(scale, *out) } else { sum * scale };
            }
        } else {
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = if add { sum.mul_add(scale, *out) } else { sum * scale };
            }
        }
    }
}

/// `out[r] (+)= scale * sum over k in inner of a[r][k] b[k]`, for `rows` rows; `out` has rows of
/// `stride_out`, of which the first `width` numbers are written.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
#[expect(clippy::too_many_arguments, reason = "a matrix product has three shapes")]
fn product(
    a: &Strided<'_>,
    rows: usize,
    inner: std::ops::Range<usize>,
    (b, stride): (&[f32], usize),
    scale: f32,
    add: bool,
    (out, stride_out): (&mut [f32], usize),
    width: usize,
) {
    // Four rows need more sums than AVX2 has registers.
    let tall = Isa::detect() == Isa::Avx512;
    for column in (0..width).step_by(TILE) {
        let end = (column + TILE).min(width);
        let mut row = 0;
        while tall && row + 4 <= rows {
            let sums = tile::<4>(a, row, b, (stride, column, width), inner.clone());
            put(&sums, scale, add, (&mut out[row * stride_out..], stride_out), column..end);
            row += 4;
        }
        while row + 2 <= rows {
            let sums = tile::<2>(a, row, b, (stride, column, width), inner.clone());
            put(&sums, scale, add, (&mut out[row * stride_out..], stride_out), column..end);
            row += 2;
        }
        if row < rows {
            let sums = tile::<1>(a, row, b, (stride, column, width), inner.clone());
            put(&sums, scale, add, (&mut out[row * stride_out..], stride_out), column..end);
        }
    }
}

/// `[rows, width]` turned.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn transposed(values: &[f32], width: usize) -> Vec<f32> {
    let rows = values.len() / width;
    let mut out = vec![0.0; values.len()];
    for (row, values) in values.chunks_exact(width).enumerate() {
        for (column, value) in values.iter().enumerate() {
            out[column * rows + row] = *value;
        }
    }
    out
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn attend_all_body(x: &Sequence<'_>, scale: f32, out: &mut [f32], shifts: &mut [f32]) {
    let Sequence { queries, keys, values, length, width } = *x;
    let turned = transposed(keys, width);
    let mut scores = vec![0.0; BLOCK * length];
    let heads = queries.chunks_exact(length * width).zip(out.chunks_exact_mut(length * width));
    for ((queries, out), shifts) in heads.zip(shifts.chunks_exact_mut(length)) {
        for first in (0..length).step_by(BLOCK) {
            let last = (first + BLOCK).min(length);
            let rows = last - first;
            let left = Strided::rows(&queries[first * width..], width);
            product(
                &left,
                rows,
                0..width,
                (&turned, length),
                1.0,
                false,
                (&mut scores, length),
                last,
            );
            for (row, scores) in scores.chunks_exact_mut(length).take(rows).enumerate() {
                let seen = first + row + 1;
                let most = super::elementwise::largest(&scores[..seen]);
                let sum = softmax(&mut scores[..seen], scale);
                shifts[first + row] = most + sum.ln() / scale;
                scores[..seen].iter_mut().for_each(|weight| *weight /= sum);
                scores[seen..last].fill(0.0);
            }
            let left = Strided::rows(&scores, length);
            let out = &mut out[first * width..];
            product(&left, rows, 0..last, (values, width), 1.0, false, (out, width), width);
        }
    }
}

for_each_isa! {
    /// `out[g][i] = sum over j <= i of softmax(scale q[g][i] . k)[j] v[j]`, `[group, length, width]`,
    /// and for each row the score that its weights are measured from, `[group, length]`.
    attend_all / attend_all_on,
    attend_all_body(x: &Sequence<'_>, scale: f32, out: &mut [f32], shifts: &mut [f32])
}

/// Where gradients of a sequence go: shapes as in [`Sequence`].
#[derive(Debug)]
pub(crate) struct Gradients<'a> {
    pub(crate) queries: &'a mut [f32],
    pub(crate) keys: &'a mut [f32],
    pub(crate) values: &'a mut [f32],
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body takes on its caller's instruction set")]
fn attend_all_back_body(
    x: &Sequence<'_>,
    scale: f32,
    out: &[f32],
    shifts: &[f32],
    d_out: &[f32],
    d: &mut Gradients<'_>,
) {
    let Sequence { queries, keys, values, length, width } = *x;
    let (keys_turned, values_turned) = (transposed(keys, width), transposed(values, width));
    let (mut weights, mut slopes) = (vec![0.0; BLOCK * length], vec![0.0; BLOCK * length]);
    d.keys.fill(0.0);
    d.values.fill(0.0);
    let size = length * width;
    for head in 0..queries.len() / size {
        let part = head * size..(head + 1) * size;
        let (queries, out, d_out) =
            (&queries[part.clone()], &out[part.clone()], &d_out[part.clone()]);
        let (shifts, d_queries) = (&shifts[head * length..][..length], &mut d.queries[part]);
        for first in (0..length).step_by(BLOCK) {
            let last = (first + BLOCK).min(length);
            let rows = last - first;
            let left = Strided::rows(&queries[first * width..], width);
            let right = (&keys_turned[..], length);
            product(&left, rows, 0..width, right, 1.0, false, (&mut weights, length), last);
            let left = Strided::rows(&d_out[first * width..], width);
            let right = (&values_turned[..], length);
            product(&left, rows, 0..width, right, 1.0, false, (&mut slopes, length), last);
            let both = weights.chunks_exact_mut(length).zip(slopes.chunks_exact_mut(length));
            for (row, (weights, slopes)) in both.take(rows).enumerate() {
                let at = first + row;
                let seen = at + 1;
                exp_in_place(&mut weights[..seen], scale, shifts[at]);
                weights[seen..last].fill(0.0);
                let place = at * width..(at + 1) * width;
                let along: f32 = {
                    let mut sums = [0.0; LANES];
                    let pairs = out[place.clone()].chunks(LANES).zip(d_out[place].chunks(LANES));
                    for (out, d_out) in pairs {
                        for ((sum, out), d_out) in sums.iter_mut().zip(out).zip(d_out) {
                            *sum = out.mul_add(*d_out, *sum);
                        }
                    }
                    super::elementwise::sum_lanes(sums)
                };
                for (slope, weight) in slopes[..last].iter_mut().zip(weights.iter()) {
                    // Not `weight * (slope - along)` alone: what is masked may hold anything.
                    *slope = if *weight > 0.0 { weight * (*slope - along) } else { 0.0 };
                }
            }
            let (own, seen) = (first * width.., 0..rows);
            let left = Strided::turned(&weights, length);
            let right = (&d_out[own.clone()], width);
            product(&left, last, seen.clone(), right, 1.0, true, (d.values, width), width);
            let left = Strided::turned(&slopes, length);
            let right = (&queries[own.clone()], width);
            product(&left, last, seen, right, scale, true, (d.keys, width), width);
            let left = Strided::rows(&slopes, length);
            let out = &mut d_queries[own];
            product(&left, rows, 0..last, (keys, width), scale, false, (out, width), width);
        }
    }
}

for_each_isa! {
    /// The gradients of queries, keys and values from that of what [`attend_all`] gave.
    attend_all_back / attend_all_back_on,
    attend_all_back_body(
        x: &Sequence<'_>, scale: f32, out: &[f32], shifts: &[f32], d_out: &[f32],
        d: &mut Gradients<'_>
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Isa;
    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut rng = tts_core::seed::rng(seed);
        #[expect(clippy::cast_possible_truncation, reason = "test data")]
        (0..count).map(|_| (rng.uniform() * 3.0 - 1.5) as f32).collect()
    }

    /// In f64, by the definition.
    fn exact(q: &[f64], k: &[f64], v: &[f64], length: usize, width: usize, scale: f64) -> Vec<f64> {
        let mut out = Vec::new();
        for (row, q) in q.chunks(width).enumerate() {
            let seen = row % length + 1;
            let score = |key: &[f64]| scale * key.iter().zip(q).map(|(k, q)| k * q).sum::<f64>();
            let weights: Vec<f64> =
                k.chunks(width).take(seen).map(|key| score(key).exp()).collect();
            let sum: f64 = weights.iter().sum();
            for column in 0..width {
                let values = v.chunks(width).map(|v| v[column]);
                out.push(values.zip(&weights).map(|(v, w)| v * w / sum).sum());
            }
        }
        out
    }

    fn wide(x: &[f32]) -> Vec<f64> {
        x.iter().map(|&x| f64::from(x)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn attention_and_its_gradient_are_exact(
            group in 1_usize..4, length in 1_usize..70, width in 1_usize..40, seed in 0_u64..1000,
        ) {
            let size = length * width;
            let (q, k, v) =
                (numbers(group * size, seed), numbers(size, seed + 1), numbers(size, seed + 2));
            let d_out = numbers(group * size, seed + 3);
            let scale = 0.3;
            let x = Sequence { queries: &q, keys: &k, values: &v, length, width };
            let run = |isa: Isa| {
                let (mut out, mut shifts) = (vec![f32::NAN; q.len()], vec![0.0; group * length]);
                attend_all_on(isa, &x, scale, &mut out, &mut shifts);
                let mut d = [vec![f32::NAN; q.len()], vec![f32::NAN; size], vec![f32::NAN; size]];
                let [queries, keys, values] = &mut d;
                let mut gradients = Gradients { queries, keys, values };
                attend_all_back_on(isa, &x, scale, &out, &shifts, &d_out, &mut gradients);
                (out, d)
            };
            let (out, d) = run(Isa::Portable);
            for isa in Isa::all() {
                prop_assert!(run(isa) == (out.clone(), d.clone()), "{isa:?}");
            }
            let (q, k, v, d_out) = (wide(&q), wide(&k), wide(&v), wide(&d_out));
            let f = |[q, k, v]: [&[f64]; 3]| exact(q, k, v, length, width, f64::from(scale));
            for (found, expected) in out.iter().zip(f([&q, &k, &v])) {
                prop_assert!((f64::from(*found) - expected).abs() < 1e-4);
            }
            let loss = |inputs: [&[f64]; 3]| -> f64 {
                f(inputs).iter().zip(&d_out).map(|(out, d)| out * d).sum()
            };
            // A few places of each, by central differences.
            for (which, d) in d.iter().enumerate() {
                for at in (0..d.len()).step_by(d.len() / 5 + 1) {
                    let by = |by: f64| {
                        let mut inputs = [q.clone(), k.clone(), v.clone()];
                        inputs[which][at] += by;
                        loss(inputs.each_ref().map(|input| &input[..]))
                    };
                    let expected = (by(1e-4) - by(-1e-4)) / 2e-4;
                    let found = f64::from(d[at]);
                    prop_assert!((found - expected).abs() < 2e-3 * expected.abs().max(1.0),
                        "{which} {at}: {found} for {expected}");
                }
            }
        }
    }
}
