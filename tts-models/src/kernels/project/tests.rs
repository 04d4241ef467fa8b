//! Products on every instruction set against the portable tiles and against exact arithmetic.

use half::f16;
use proptest::prelude::*;

use super::each::{project_each_on, project_swiglu_each_on};
use super::*;
use crate::WeightFormat;
use crate::kernels::Kinds;
use crate::weights::{Dtype, RawTensor};

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = tts_core::seed::rng(seed);
    #[expect(clippy::cast_possible_truncation, reason = "test data")]
    (0..count).map(|_| (rng.uniform() * 4.0 - 2.0) as f32).collect()
}

/// Blocks of a type with random contents and scales between 2^-7 and 2^-3.
fn blocks(dtype: Dtype, outputs: usize, inputs: usize, seed: u64) -> RawTensor {
    let mut rng = tts_core::seed::rng(seed);
    let mut byte = || {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
        let byte = (rng.uniform() * 256.0) as u8;
        byte
    };
    let mut bytes = Vec::new();
    for _ in 0..outputs * inputs / dtype.block_len() {
        let mut block: Vec<u8> = (0..dtype.block_bytes()).map(|_| byte()).collect();
        // Where f16 numbers stand: a positive exponent pattern and any mantissa.
        let halves: &[usize] = match dtype {
            Dtype::MXFP4 => {
                block[0] = 121 + block[0] % 5;
                &[]
            }
            Dtype::Q4_1 | Dtype::Q5_1 | Dtype::Q4K | Dtype::Q5K => &[0, 2],
            Dtype::Q6K => &[208],
            Dtype::Q2K => &[80, 82],
            Dtype::Q3K => &[108],
            _ => &[0],
        };
        for &at in halves {
            let half = f16::from_f32(0.01 + f32::from(block[at]) / 2048.0);
            block[at..at + 2].copy_from_slice(&half.to_le_bytes());
        }
        bytes.extend(block);
    }
    RawTensor { name: "w".into(), shape: vec![outputs, inputs], dtype, bytes }
}

/// The matrix as it multiplies, `[outputs, inputs]`.
fn decoded(matrix: &Matrix) -> Vec<f32> {
    let mut row = Vec::new();
    let rows = (0..matrix.outputs()).flat_map(|output| {
        matrix.output(output, &mut row);
        row.clone()
    });
    rows.collect()
}

/// The input as it is multiplied, `[rows, inputs]`.
fn rounded(x: &[f32], inputs: usize, matrix: &Matrix) -> Vec<f64> {
    let values = x.chunks(inputs).flat_map(|row| match matrix {
        Matrix::F32 { .. } => row.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(),
        Matrix::Bf16 { .. } => {
            row.iter().map(|&x| f64::from(half::bf16::from_f32(x).to_f32())).collect()
        }
        Matrix::Int8(_) => row
            .chunks(32)
            .flat_map(|block| {
                let most = block.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
                let (scale, inverse) = (most / 127.0, 127.0 / most);
                let level = move |x: &f32| f64::from((x * inverse).round_ties_even());
                block.iter().map(move |x| f64::from(scale) * level(x))
            })
            .collect(),
    });
    values.collect()
}

fn bits(x: &[f32]) -> Vec<u32> {
    // The payload of a NaN is not fixed by IEEE 754.
    x.iter().map(|v| if v.is_nan() { u32::MAX } else { v.to_bits() }).collect()
}

/// Checks a product on all instruction sets, and in two ways of cutting it up.
fn check(x: &[f32], inputs: usize, matrices: &[&Matrix]) -> Vec<f32> {
    let rows = x.len() / inputs;
    let input = Input::of(x, inputs, Kinds::of(matrices.iter().copied()));
    let columns: usize = matrices.iter().map(|matrix| matrix.outputs()).sum();
    let mut reference = vec![f32::NAN; rows * columns];
    project_on(Isa::Portable, &Team::new(1).unwrap(), &input, matrices, false, &mut reference);
    for isa in Isa::all() {
        for threads in [1, 2, 5] {
            let team = Team::new(threads).unwrap();
            let mut y = vec![f32::NAN; rows * columns];
            project_on(isa, &team, &input, matrices, false, &mut y);
            assert_eq!(bits(&y), bits(&reference), "{isa:?} {threads}");
            let mut sum = vec![1.0; rows * columns];
            project_on(isa, &team, &input, matrices, true, &mut sum);
            assert!(sum.iter().zip(&y).all(|(sum, y)| sum.to_bits() == (1.0 + y).to_bits()));
        }
        // Row by row.
        for (row, expected) in x.chunks(inputs).zip(reference.chunks(columns)) {
            let input = Input::of(row, inputs, Kinds::of(matrices.iter().copied()));
            let mut y = vec![f32::NAN; columns];
            project_on(isa, &Team::new(1).unwrap(), &input, matrices, false, &mut y);
            assert_eq!(bits(&y), bits(expected), "{isa:?} alone");
        }
    }
    reference
}

/// Sums in f64 of what the kernels multiply.
fn close_to_exact(x: &[f32], inputs: usize, matrix: &Matrix, y: &[f32]) {
    let (weights, x) = (decoded(matrix), rounded(x, inputs, matrix));
    for (row, y) in x.chunks(inputs).zip(y.chunks(matrix.outputs())) {
        for (weights, &y) in weights.chunks(inputs).zip(y) {
            let terms = || row.iter().zip(weights).map(|(x, w)| x * f64::from(*w));
            let (exact, size): (f64, f64) = (terms().sum(), terms().map(f64::abs).sum());
            assert!((f64::from(y) - exact).abs() < 2e-6 * (1.0 + size), "{y} for {exact}");
        }
    }
}

const QUANTISED: [Dtype; 13] = [
    Dtype::Q8_0,
    Dtype::Q4_0,
    Dtype::Q4_1,
    Dtype::Q5_0,
    Dtype::Q5_1,
    Dtype::Q2K,
    Dtype::Q3K,
    Dtype::IQ4NL,
    Dtype::IQ4XS,
    Dtype::Q4K,
    Dtype::Q5K,
    Dtype::Q6K,
    Dtype::MXFP4,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn products_of_floats_are_right_everywhere(
        rows in 1_usize..16, inputs in 1_usize..90, outputs in 1_usize..70, seed: u64,
    ) {
        let (x, w) = (numbers(rows * inputs, seed), numbers(outputs * inputs, seed ^ 1));
        for format in [WeightFormat::F32, WeightFormat::Bf16, WeightFormat::Int8] {
            let matrix = Matrix::of(&w, inputs, format);
            let y = check(&x, inputs, &[&matrix]);
            close_to_exact(&x, inputs, &matrix, &y);
            // And the weights are the ones that were packed.
            let step = match format { WeightFormat::Int8 => 2.0 / 127.0, WeightFormat::Bf16 => 0.01, _ => 0.0 };
            prop_assert!(decoded(&matrix).iter().zip(&w).all(|(a, b)| (a - b).abs() <= step));
        }
    }

    #[test]
    fn products_of_stored_blocks_are_right_everywhere(
        rows in 1_usize..10, blocks_in in 1_usize..3, outputs in 1_usize..40, seed: u64,
    ) {
        for dtype in QUANTISED {
            let inputs = blocks_in * dtype.block_len();
            let tensor = blocks(dtype, outputs, inputs, seed);
            let matrix = Matrix::of_blocks(&tensor).unwrap();
            let x = numbers(rows * inputs, seed ^ 2);
            let y = check(&x, inputs, &[&matrix]);
            close_to_exact(&x, inputs, &matrix, &y);
            // Exact types decode to what is stored; others to f16's precision or their own step.
            let stored = tensor.to_f32().unwrap();
            let most = stored.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
            let step = match dtype { Dtype::Q4K | Dtype::Q5K | Dtype::IQ4XS => most / 500.0, Dtype::Q2K | Dtype::Q3K | Dtype::Q6K => most / 200.0, _ => 0.0 };
            for (a, b) in decoded(&matrix).iter().zip(&stored) {
                prop_assert!((a - b).abs() <= step, "{dtype}: {a} for {b}");
            }
        }
    }

    /// Rows with weights of their own: the bits of each part alone, whatever runs beside it.
    #[test]
    fn parts_have_the_bits_that_they_have_alone(
        rows in 1_usize..12, inputs in 1_usize..70, outputs in 1_usize..70,
        chosen in prop::collection::vec(prop::collection::vec(0_usize..12, 1..9), 1..6), seed: u64,
    ) {
        let x = numbers(rows * inputs, seed);
        let chosen: Vec<Vec<usize>> =
            chosen.into_iter().map(|part| part.into_iter().map(|row| row % rows).collect()).collect();
        let all = [WeightFormat::F32, WeightFormat::Bf16, WeightFormat::Int8];
        // Gate and up alike, and unlike.
        for (gate, up) in all.into_iter().zip(all).chain([(all[0], all[2])]) {
            let pairs: Vec<[Matrix; 2]> = (0..chosen.len() as u64)
                .map(|part| {
                    let of = |which: u64, format| {
                        Matrix::of(&numbers(outputs * inputs, seed ^ (3 * part + which)), inputs, format)
                    };
                    [of(1, gate), of(2, up)]
                })
                .collect();
            let kinds = Kinds::of(pairs.iter().flatten());
            let input = Input::of(&x, inputs, kinds);
            let one = Team::new(1).unwrap();
            let (mut plain, mut gated) = (Vec::new(), Vec::new());
            for (rows, [gate, up]) in chosen.iter().zip(&pairs) {
                for row in rows {
                    let alone = Input::of(&x[row * inputs..(row + 1) * inputs], inputs, kinds);
                    let mut y = vec![f32::NAN; outputs];
                    project_on(Isa::Portable, &one, &alone, &[up], false, &mut y);
                    plain.extend(bits(&y));
                    project_swiglu_on(Isa::Portable, &one, &alone, gate, up, &mut y);
                    gated.extend(bits(&y));
                }
            }
            let ups: Vec<Part<'_, &Matrix>> = chosen.iter().zip(&pairs)
                .map(|(rows, [_, up])| Part { rows, weights: up }).collect();
            let both: Vec<Part<'_, [&Matrix; 2]>> = chosen.iter().zip(&pairs)
                .map(|(rows, [gate, up])| Part { rows, weights: [gate, up] }).collect();
            for isa in Isa::all() {
                for threads in [1, 2, 5] {
                    let team = Team::new(threads).unwrap();
                    let mut y = vec![f32::NAN; plain.len()];
                    project_each_on(isa, &team, &input, &ups, &mut y);
                    prop_assert_eq!(&bits(&y), &plain, "{:?} {}", isa, threads);
                    project_swiglu_each_on(isa, &team, &input, &both, &mut y);
                    prop_assert_eq!(&bits(&y), &gated, "{:?} {} gated", isa, threads);
                }
            }
        }
    }

    #[test]
    fn gate_and_up_become_swiglu(
        rows in 1_usize..9, inputs in 1_usize..70, outputs in 1_usize..70, seed: u64,
    ) {
        let x = numbers(rows * inputs, seed);
        let formats = [WeightFormat::F32, WeightFormat::Bf16, WeightFormat::Int8];
        // Alike, and one of each kind.
        let pairs = formats.iter().zip(formats).chain(formats.iter().zip([formats[1]]));
        for (gate, up) in pairs {
            let of = |seed, format| Matrix::of(&numbers(outputs * inputs, seed), inputs, format);
            let (gate, up) = (of(seed ^ 1, *gate), of(seed ^ 2, up));
            let (gates, ups) = (check(&x, inputs, &[&gate]), check(&x, inputs, &[&up]));
            let input = Input::of(&x, inputs, Kinds::of([&gate, &up]));
            for isa in Isa::all() {
                for threads in [1, 3] {
                    let mut y = vec![f32::NAN; rows * outputs];
                    project_swiglu_on(isa, &Team::new(threads).unwrap(), &input, &gate, &up, &mut y);
                    for ((y, gate), up) in y.iter().zip(&gates).zip(&ups) {
                        let exact = gate / (1.0 + (-gate).exp()) * up;
                        prop_assert!((y - exact).abs() <= 1e-5 * exact.abs().max(1.0));
                    }
                }
            }
        }
    }
}

/// Types whose panels go side by side, and types whose do not.
#[test]
fn gate_and_up_may_be_of_any_two_stored_types() {
    let (rows, inputs, outputs) = (5, 64, 40);
    let x = numbers(rows * inputs, 3);
    let types = [Dtype::Q4_0, Dtype::Q4_1, Dtype::Q5_0, Dtype::Q5_1, Dtype::Q8_0];
    for (gate, up) in types.iter().flat_map(|&gate| types.map(|up| (gate, up))) {
        let of = |dtype, seed| Matrix::of_blocks(&blocks(dtype, outputs, inputs, seed)).unwrap();
        let (a, b) = (of(gate, 1), of(up, 2));
        let (gates, ups) = (check(&x, inputs, &[&a]), check(&x, inputs, &[&b]));
        let input = Input::of(&x, inputs, Kinds::of([&a, &b]));
        for isa in Isa::all() {
            let mut y = vec![f32::NAN; rows * outputs];
            project_swiglu_on(isa, &Team::new(1).unwrap(), &input, &a, &b, &mut y);
            for ((y, gate), up) in y.iter().zip(&gates).zip(&ups) {
                let exact = gate / (1.0 + (-gate).exp()) * up;
                assert!((y - exact).abs() <= 1e-5 * exact.abs().max(1.0), "{y} for {exact}");
            }
        }
    }
}

/// Scales are stored in f16, whose rounding moves the largest of 127 levels by up to a sixteenth of one.
#[test]
fn eight_bits_are_the_nearest_under_the_scale_as_it_is_stored() {
    let weights = numbers(200 * 64, 9);
    let matrix = Matrix::of(&weights, 64, WeightFormat::Int8);
    for (block, found) in weights.chunks(32).zip(decoded(&matrix).chunks(32)) {
        let most = block.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let scale = f16::from_f32(most / 127.0).to_f32();
        for (weight, found) in block.iter().zip(found) {
            assert!((weight - found).abs() <= 0.5001 * scale, "{weight} as {found} by {scale}");
        }
    }
}

/// One number in a hundred is fifty times as large as the others: beside it, eight bits leave
/// little of them, and the second blocks bring it back.
#[test]
fn fine_inputs_keep_what_stands_beside_a_tower() {
    let (rows, inputs, outputs) = (9, 96, 40);
    let mut x = numbers(rows * inputs, 5);
    x.iter_mut().step_by(101).for_each(|x| *x *= 50.0);
    let large: Vec<f32> = numbers(outputs * inputs, 6).iter().map(|w| 45.0 * w).collect();
    let matrices = [
        Matrix::of(&numbers(outputs * inputs, 6), inputs, WeightFormat::Int8),
        Matrix::of(&large, inputs, WeightFormat::Int8),
        Matrix::of_blocks(&blocks(Dtype::Q4_1, outputs, inputs, 7)).unwrap(),
        Matrix::of_blocks(&blocks(Dtype::Q4_0, outputs, inputs, 8)).unwrap(),
    ];
    for matrix in &matrices {
        let weights = decoded(matrix);
        let exact: Vec<f64> = x
            .chunks(inputs)
            .flat_map(|row| {
                weights.chunks(inputs).map(move |weights| {
                    row.iter().zip(weights).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum()
                })
            })
            .collect();
        let run = |kinds: Kinds, isa: Isa| {
            let input = Input::of(&x, inputs, kinds);
            let mut y = vec![f32::NAN; rows * outputs];
            project_on(isa, &Team::new(2).unwrap(), &input, &[matrix], false, &mut y);
            for (row, y) in x.chunks(inputs).zip(y.chunks(outputs)) {
                let mut alone = vec![f32::NAN; outputs];
                let input = Input::of(row, inputs, kinds);
                project_on(isa, &Team::new(1).unwrap(), &input, &[matrix], false, &mut alone);
                assert_eq!(bits(&alone), bits(y), "{isa:?}");
            }
            y
        };
        let kinds = Kinds::of([matrix]);
        let far = |y: &[f32]| {
            let squares = y.iter().zip(&exact).map(|(y, exact)| (f64::from(*y) - exact).powi(2));
            squares.sum::<f64>()
        };
        let reference = run(kinds.fine(), Isa::Portable);
        assert!(far(&reference) < 0.1 * far(&run(kinds, Isa::Portable)));
        for isa in Isa::all() {
            assert_eq!(bits(&run(kinds.fine(), isa)), bits(&reference), "{isa:?}");
        }
    }
}

/// The largest products that there are, all of one sign: sums of 16 bits would not hold them.
#[test]
fn the_largest_levels_and_inputs_do_not_overflow() {
    let (inputs, outputs) = (64, 20);
    // Scales first, and then levels alone.
    let scales =
        [(Dtype::Q8_0, 2), (Dtype::Q4_0, 2), (Dtype::Q4_1, 4), (Dtype::Q5_0, 2), (Dtype::Q5_1, 4)];
    for (dtype, from) in scales {
        for byte in [0x00, 0x7f, 0x80, 0xff] {
            let mut tensor = blocks(dtype, outputs, inputs, 9);
            for block in tensor.bytes.chunks_exact_mut(dtype.block_bytes()) {
                block[from..].fill(byte);
            }
            let matrix = Matrix::of_blocks(&tensor).unwrap();
            for sign in [1.0, -1.0] {
                let x = vec![sign; 5 * inputs];
                close_to_exact(&x, inputs, &matrix, &check(&x, inputs, &[&matrix]));
            }
        }
    }
}

#[test]
fn matrices_of_all_kinds_stand_side_by_side() {
    let inputs = 64;
    let x = numbers(7 * inputs, 1);
    let kinds = [WeightFormat::F32, WeightFormat::Bf16, WeightFormat::Int8];
    let mut matrices: Vec<Matrix> =
        kinds.iter().map(|&format| Matrix::of(&numbers(21 * inputs, 2), inputs, format)).collect();
    matrices.push(Matrix::of_blocks(&blocks(Dtype::Q4_1, 40, inputs, 3)).unwrap());
    matrices.push(Matrix::of_blocks(&blocks(Dtype::Q4_0, 17, inputs, 4)).unwrap());
    let together = check(&x, inputs, &matrices.iter().collect::<Vec<_>>());
    let columns = 3 * 21 + 40 + 17;
    let mut first = 0;
    for matrix in &matrices {
        let alone = check(&x, inputs, &[matrix]);
        for (row, alone) in together.chunks(columns).zip(alone.chunks(matrix.outputs())) {
            assert_eq!(bits(&row[first..first + matrix.outputs()]), bits(alone));
        }
        first += matrix.outputs();
    }
}

#[test]
fn extreme_inputs_give_the_same_everywhere_and_are_not_lost() {
    let inputs = 70;
    for special in [0.0, -0.0, f32::MAX, 1e-30, f32::MIN_POSITIVE / 4.0, f32::INFINITY, f32::NAN] {
        for format in [WeightFormat::F32, WeightFormat::Bf16, WeightFormat::Int8] {
            let mut x = numbers(5 * inputs, 3);
            x[2 * inputs + 40] = special;
            let matrix = Matrix::of(&numbers(20 * inputs, 4), inputs, format);
            let y = check(&x, inputs, &[&matrix]);
            let lost = y[40..60].iter().all(|y| y.is_finite());
            assert_eq!(lost, special.abs() < f32::MAX, "{special} {format:?}");
        }
    }
    // A row of zeros is zero, and one of tiny numbers does not overflow its scale.
    for tiny in [0.0, 1e-42] {
        let matrix = Matrix::of(&numbers(20 * 32, 4), 32, WeightFormat::Int8);
        let y = check(&[tiny; 32], 32, &[&matrix]);
        assert!(y.iter().all(|y| y.abs() < 1e-30), "{y:?}");
    }
}

#[test]
fn scales_that_are_not_finite_are_refused() {
    let mut tensor = blocks(Dtype::Q8_0, 3, 64, 1);
    tensor.bytes[34 * 3..34 * 3 + 2].copy_from_slice(&f16::INFINITY.to_le_bytes());
    let error = Matrix::of_blocks(&tensor).unwrap_err().to_string();
    assert!(
        error.contains("row 1, block 1: its scale is not finite in 16 bits (at most 65504)"),
        "{error}"
    );
    tensor.bytes.pop();
    assert!(Matrix::of_blocks(&tensor).is_err());
    // Minima are numbers as well.
    for (dtype, values) in [(Dtype::Q4_1, 32), (Dtype::Q5_1, 32), (Dtype::Q4K, 256)] {
        let mut tensor = blocks(dtype, 2, values, 1);
        let at = dtype.block_bytes() + 2;
        tensor.bytes[at..at + 2].copy_from_slice(&f16::INFINITY.to_le_bytes());
        let error = Matrix::of_blocks(&tensor).unwrap_err().to_string();
        assert!(error.contains("row 1, block 0"), "{dtype}: {error}");
    }
    // Powers of two beyond f16, and what is none.
    for scale in [144, 255] {
        let mut tensor = blocks(Dtype::MXFP4, 2, 64, 1);
        tensor.bytes[17 * 2] = scale;
        let error = Matrix::of_blocks(&tensor).unwrap_err().to_string();
        assert!(
            error.contains("row 1, block 0: its scale is not finite in 16 bits (at most 65504)"),
            "{scale}: {error}"
        );
    }
    // Blocks of six bits are rounded anew; their scale comes last.
    let mut tensor = blocks(Dtype::Q6K, 2, 256, 1);
    tensor.bytes[2 * 210 - 2..].copy_from_slice(&f16::NAN.to_le_bytes());
    let error = Matrix::of_blocks(&tensor).unwrap_err().to_string();
    assert!(
        error.contains("row 1, block 0: its scale is not finite in 16 bits (at most 65504)"),
        "{error}"
    );
}

/// f16 holds powers of two from `2^-24` to `2^15`: there four-bit floats are exact, below they are rounded to multiples
/// of the smallest.
#[test]
fn four_bit_floats_keep_every_scale_that_f16_has() {
    for scale in 0..=143_u8 {
        let mut tensor = blocks(Dtype::MXFP4, 1, 32, 9);
        tensor.bytes[0] = scale;
        let stored = tensor.to_f32().unwrap();
        let found = decoded(&Matrix::of_blocks(&tensor).unwrap());
        for (found, stored) in found.iter().zip(stored) {
            let step = if scale < 104 { 2.0_f32.powi(-25) } else { 0.0 };
            assert!((found - stored).abs() <= step, "{scale}: {found} for {stored}");
        }
    }
}
