//! Matrix products with weights as they lie in checkpoints, `[out, in]` row by row.
//!
//! `y[r][c] = x[r] . w[c] (+ bias[c])`: both operands are read along their rows, so weights need no
//! packing. Columns are cut into blocks of 64, shared out among threads; a block's weights stay in
//! the second cache level while the rows pass over them four at a time.

use rayon::prelude::*;

use super::{Isa, tile};

/// Columns of one task.
const BLOCK: usize = 64;

/// `out[c] = x . w[c]` over the `out.len()` rows of `w`, which start `stride` elements apart.
pub(crate) fn dots(x: &[f32], w: &[f32], stride: usize, out: &mut [f32]) {
    let n = out.len();
    let mut writer = |_: usize, c: usize, value: f32| out[c] = value;
    block(Isa::detect(), &[x], &|c| &w[c * stride..c * stride + x.len()], 0..n, &mut writer);
}

/// `a . b`.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut out = [0.0];
    dots(a, b, b.len(), &mut out);
    out[0]
}

/// `y[r][c] = x[r] . w[c]` for `x [rows, k]`, `w [n, k]`, `y [rows, n]`, over the threads of the
/// current rayon pool.
///
/// # Panics
/// When a slice does not have the size that the shapes demand.
pub(crate) fn matmul(x: &[f32], w: &[f32], k: usize, y: &mut [f32]) {
    matmul_on(Isa::detect(), x, w, k, y);
}

/// A pointer into the output that tasks write disjoint columns of.
#[derive(Clone, Copy)]
struct Output(*mut f32);

#[expect(unsafe_code, reason = "tasks write disjoint elements of one buffer")]
// SAFETY: the pointer is only written through `Output::set`, whose callers keep elements disjoint.
unsafe impl Send for Output {}
#[expect(unsafe_code, reason = "tasks write disjoint elements of one buffer")]
// SAFETY: as above.
unsafe impl Sync for Output {}

fn matmul_on(isa: Isa, x: &[f32], w: &[f32], k: usize, y: &mut [f32]) {
    assert!(k > 0, "rows are not empty");
    let (rows, n) = (x.len() / k, w.len() / k);
    assert!(x.len() == rows * k && w.len() == n * k && y.len() == rows * n, "shapes fit");
    let x: Vec<&[f32]> = x.chunks_exact(k).collect();
    let output = Output(y.as_mut_ptr());
    (0..n.div_ceil(BLOCK)).into_par_iter().for_each(|index| {
        let columns = index * BLOCK..((index + 1) * BLOCK).min(n);
        // The closure takes the whole wrapper, not its raw field, so that it can cross threads.
        let output = &output;
        let mut writer = |r: usize, c: usize, value: f32| {
            debug_assert!(r < rows && c < n);
            #[expect(unsafe_code, reason = "tasks write disjoint elements of one buffer")]
            // SAFETY: `r < rows` and `c < n`, so the element lies within `y`, which is borrowed
            // mutably for the whole call; this task alone writes columns `columns`.
            unsafe {
                output.0.add(r * n + c).write(value);
            }
        };
        block(isa, &x, &|c| &w[c * k..(c + 1) * k], columns, &mut writer);
    });
}

/// All rows against a range of columns. Dispatches once, outside of the loops.
fn block<'w>(
    isa: Isa,
    x: &[&[f32]],
    w: &impl Fn(usize) -> &'w [f32],
    columns: std::ops::Range<usize>,
    write: &mut impl FnMut(usize, usize, f32),
) {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx2,fma")]
    fn avx512<'w>(
        x: &[&[f32]],
        w: &impl Fn(usize) -> &'w [f32],
        columns: std::ops::Range<usize>,
        write: &mut impl FnMut(usize, usize, f32),
    ) {
        walk!(tile::x86::avx512, x, w, columns, write);
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn avx2<'w>(
        x: &[&[f32]],
        w: &impl Fn(usize) -> &'w [f32],
        columns: std::ops::Range<usize>,
        write: &mut impl FnMut(usize, usize, f32),
    ) {
        walk!(tile::x86::avx2, x, w, columns, write);
    }
    match isa {
        #[cfg(target_arch = "x86_64")]
        #[expect(unsafe_code, reason = "calls code compiled for a detected instruction set")]
        // SAFETY: `Isa::Avx512` is only made where the machine has the instructions.
        Isa::Avx512 => unsafe { avx512(x, w, columns, write) },
        #[cfg(target_arch = "x86_64")]
        #[expect(unsafe_code, reason = "calls code compiled for a detected instruction set")]
        // SAFETY: `Isa::Avx2` is only made where the machine has the instructions.
        Isa::Avx2 => unsafe { avx2(x, w, columns, write) },
        Isa::Portable => walk!(tile::portable, x, w, columns, write),
    }
}

/// Tiles of 4 columns (then 1) by 4 rows (then 1) over a block.
macro_rules! walk {
    ($tile:path, $x:ident, $w:ident, $columns:ident, $write:ident) => {{
        let mut c = $columns.start;
        while c + 4 <= $columns.end {
            let w = [$w(c), $w(c + 1), $w(c + 2), $w(c + 3)];
            let mut r = 0;
            while r + 4 <= $x.len() {
                let out = $tile([$x[r], $x[r + 1], $x[r + 2], $x[r + 3]], w);
                for (i, row) in out.iter().enumerate() {
                    for (j, &value) in row.iter().enumerate() {
                        $write(r + i, c + j, value);
                    }
                }
                r += 4;
            }
            while r < $x.len() {
                let [row] = $tile([$x[r]], w);
                for (j, &value) in row.iter().enumerate() {
                    $write(r, c + j, value);
                }
                r += 1;
            }
            c += 4;
        }
        while c < $columns.end {
            for (r, x) in $x.iter().enumerate() {
                let [[value]] = $tile([*x], [$w(c)]);
                $write(r, c, value);
            }
            c += 1;
        }
    }};
}
use walk;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut rng = tts_core::seed::rng(seed);
        #[expect(clippy::cast_possible_truncation, reason = "test data")]
        (0..count).map(|_| (tts_core::seed::uniform(&mut rng) * 4.0 - 2.0) as f32).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn every_instruction_set_and_number_of_rows_gives_the_same_bits(
            rows in 1_usize..13, k in 1_usize..70, n in 1_usize..140, seed: u64,
        ) {
            let (x, w) = (numbers(rows * k, seed), numbers(n * k, seed ^ 1));
            let mut reference = vec![0.0; rows * n];
            for (r, row) in x.chunks(k).enumerate() {
                for (c, column) in w.chunks(k).enumerate() {
                    let [[value]] = tile::portable([row], [column]);
                    reference[r * n + c] = value;
                    let exact: f64 = row.iter().zip(column).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    prop_assert!((f64::from(value) - exact).abs() < 1e-4);
                }
            }
            for isa in Isa::all() {
                let mut y = vec![f32::NAN; rows * n];
                matmul_on(isa, &x, &w, k, &mut y);
                prop_assert!(y.iter().zip(&reference).all(|(a, b)| a.to_bits() == b.to_bits()), "{isa:?}");
            }
        }
    }

    #[test]
    fn extreme_values_pass_through_as_in_the_reference() {
        let k = 37;
        for special in [0.0, -0.0, f32::MAX, f32::MIN_POSITIVE / 4.0, f32::INFINITY, f32::NAN] {
            let (mut x, w) = (numbers(5 * k, 3), numbers(9 * k, 4));
            x[40] = special;
            let results: Vec<Vec<u32>> = Isa::all()
                .into_iter()
                .map(|isa| {
                    let mut y = vec![0.0; 45];
                    matmul_on(isa, &x, &w, k, &mut y);
                    // The payload of a NaN is not fixed by IEEE 754.
                    y.iter().map(|v| if v.is_nan() { u32::MAX } else { v.to_bits() }).collect()
                })
                .collect();
            assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{special}");
        }
    }

    #[test]
    fn strided_rows_are_read_where_they_lie() {
        let (x, w) = (numbers(8, 1), numbers(60, 2));
        let mut out = [0.0; 5];
        dots(&x, &w[4..], 12, &mut out);
        for (c, value) in out.iter().enumerate() {
            let row = &w[4 + 12 * c..4 + 12 * c + 8];
            assert_eq!(value.to_bits(), dot(&x, row).to_bits());
        }
    }
}
