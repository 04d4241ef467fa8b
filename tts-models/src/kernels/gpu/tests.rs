//! Kernels one by one against safe loops in f64, with shapes that no tile divides; and the two
//! kernels of the product against each other, bit for bit.

use std::io::Write;

use cubecl::Runtime;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::product::product_by;
use super::{Device, Finish, PANEL, Product, copy, norm};

/// The default device, or `None` with a message on stderr, which the harness does not capture here.
fn device<R: Runtime>(name: &str) -> Option<Device<R>> {
    match Device::open(&R::Device::default()) {
        Ok(device) => Some(device),
        Err(error) => {
            writeln!(std::io::stderr(), "skipped, no {name} device: {error}").expect("stderr");
            None
        }
    }
}

macro_rules! on_each_runtime {
    ($($test:ident),* $(,)?) => {
        #[cfg(feature = "wgpu")]
        mod wgpu {
            $(#[test]
            fn $test() {
                if let Some(device) = super::device::<cubecl::wgpu::WgpuRuntime>("wgpu") {
                    super::$test(&device);
                }
            })*
        }
        #[cfg(feature = "cuda")]
        mod cuda {
            $(#[test]
            fn $test() {
                if let Some(device) = super::device::<cubecl::cuda::CudaRuntime>("cuda") {
                    super::$test(&device);
                }
            })*
        }
    };
}

on_each_runtime!(
    products_are_sums_in_one_order,
    levels_have_the_bits_of_their_values,
    norms_of_rows_in_any_order,
    copies_keep_the_rest,
);

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    })
}

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = tts_core::seed::rng(seed);
    #[expect(clippy::cast_possible_truncation, reason = "any numbers will do")]
    (0..count).map(|_| (rng.uniform() * 2.0 - 1.0) as f32).collect()
}

/// Rows `[rows, width]` with their padding.
fn padded(values: &[f32], width: usize) -> Vec<f32> {
    let mut all = Vec::new();
    for row in values.chunks(width) {
        all.extend_from_slice(row);
        all.resize(all.len().next_multiple_of(PANEL), 0.0);
    }
    all
}

fn products_are_sums_in_one_order<R: Runtime>(device: &Device<R>) {
    let finishes = prop::sample::select(vec![Finish::Store, Finish::Add, Finish::Gate]);
    let cases = (1..150_usize, 1..700_usize, 1..200_usize, finishes, any::<bool>(), any::<u64>());
    let outcome = runner(40).run(&cases, |(rows, inputs, outputs, finish, narrow, seed)| {
        let x = numbers(rows * inputs, seed);
        let weights: Vec<f32> = numbers(outputs * inputs, seed ^ 1)
            .iter()
            .map(|weight| half::bf16::from_f32(*weight).to_f32())
            .collect();
        let halves: Vec<u16> =
            weights.iter().map(|weight| (weight.to_bits() >> 16) as u16).collect();
        let range = |output: usize| output * inputs..(output + 1) * inputs;
        // Gates come in whole pairs of half panels.
        let all = if finish == Finish::Gate { outputs.next_multiple_of(PANEL) } else { outputs };
        let product = if narrow {
            Product::halves(device, all, inputs, |output| halves.get(range(output)))
        } else {
            Product::floats(device, all, inputs, |output| weights.get(range(output)))
        };
        let product = product.unwrap();
        let width = product.width() / if finish == Finish::Gate { 2 } else { 1 };
        let before = numbers(rows * width, seed ^ 2);
        let input = device.floats(&padded(&x, inputs)).unwrap();
        let run = |rows: std::ops::Range<usize>, tiled: bool| {
            let out = device.floats(&before[rows.start * width..rows.end * width]).unwrap();
            let stride = product.inputs();
            let part = if rows.len() * stride == input.length() {
                input.clone()
            } else {
                let own = padded(&x[rows.start * inputs..rows.end * inputs], inputs);
                device.floats(&own).unwrap()
            };
            product_by(device, &part, &product, rows.len(), finish, &out, tiled);
            device.read(out).unwrap()
        };
        let found = run(0..rows, false);
        for (row, values) in x.chunks(inputs).enumerate() {
            let sum = |output: usize| -> f64 {
                let weights = weights.get(range(output)).unwrap_or_default();
                weights.iter().zip(values).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            for output in 0..width {
                let at = row * width + output;
                let expected = match finish {
                    Finish::Store => sum(output),
                    Finish::Add => f64::from(before[at]) + sum(output),
                    Finish::Gate => {
                        let (panel, lane) = (output / (PANEL / 2), output % (PANEL / 2));
                        let gate = sum(panel * PANEL + lane);
                        gate / (1.0 + (-gate).exp()) * sum(panel * PANEL + lane + PANEL / 2)
                    }
                };
                let far = (f64::from(found[at]) - expected).abs();
                prop_assert!(far < 1e-4 * expected.abs().max(1.0), "{} {}", found[at], expected);
            }
        }
        let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&found), bits(&run(0..rows, true)), "tiles");
        let one = seed as usize % rows;
        let alone = run(one..one + 1, false);
        prop_assert_eq!(bits(&found[one * width..(one + 1) * width]), bits(&alone[..width]));
        Ok(())
    });
    outcome.unwrap();
}

/// A level below `most` of a number between -1 and 1.
#[expect(clippy::cast_sign_loss, reason = "clamped")]
fn level(number: f32, most: f32) -> u8 {
    ((number * 0.5 + 0.5) * most).clamp(0.0, most - 1.0) as u8
}

/// Products with levels and with the numbers that they stand for, by either kernel.
fn levels_have_the_bits_of_their_values<R: Runtime>(device: &Device<R>) {
    let cases = (1..90_usize, 1..9_usize, 1..150_usize, any::<bool>(), any::<u64>());
    let outcome = runner(20).run(&cases, |(rows, blocks, outputs, four_bits, seed)| {
        let inputs = 32 * blocks;
        let most = if four_bits { 16.0 } else { 256.0 };
        let levels: Vec<u8> =
            numbers(outputs * inputs, seed).iter().map(|number| level(*number, most)).collect();
        let scales: Vec<[f32; 2]> = numbers(outputs * blocks, seed ^ 1)
            .iter()
            // As files hold them, in 16 bits: then a product with a level is exact, and fused or not makes no difference.
            .map(|number| [half::f16::from_f32(number / most).to_f32(), -number / 2.0])
            .collect();
        let values: Vec<f32> = levels
            .chunks(32)
            .zip(&scales)
            .flat_map(|(levels, [factor, base])| {
                levels.iter().map(|&level| f32::from(level).mul_add(*factor, *base))
            })
            .collect();
        let row = |output: usize| {
            let levels = levels.get(output * inputs..(output + 1) * inputs)?;
            Some((levels, &scales[output * blocks..(output + 1) * blocks]))
        };
        let quantised = Product::levels(device, (outputs, inputs), four_bits, row).unwrap();
        let wide = Product::floats(device, outputs, inputs, |output| {
            values.get(output * inputs..(output + 1) * inputs)
        })
        .unwrap();
        let input = device.floats(&padded(&numbers(rows * inputs, seed ^ 2), inputs)).unwrap();
        let run = |product: &Product, tiled: bool| {
            let out = device.empty(rows * product.width()).unwrap();
            product_by(device, &input, product, rows, Finish::Store, &out, tiled);
            let found = device.read(out).unwrap();
            found.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        };
        let expected = run(&wide, false);
        prop_assert_eq!(&run(&quantised, false), &expected, "a row at a time");
        prop_assert_eq!(&run(&quantised, true), &expected, "tiles");
        Ok(())
    });
    outcome.unwrap();
}

fn norms_of_rows_in_any_order<R: Runtime>(device: &Device<R>) {
    let outcome =
        runner(20).run(&(1..9_usize, 1..900_usize, any::<u64>()), |(rows, width, seed)| {
            let (x, weight) = (numbers(rows * width, seed), numbers(width, seed ^ 1));
            let stride = width.next_multiple_of(PANEL);
            let order: Vec<u32> = (0..rows as u32).rev().collect();
            let (input, scale) = (
                device.floats(&padded(&x, width)).unwrap(),
                device.floats(&padded(&weight, width)).unwrap(),
            );
            let order = device.integers(&order).unwrap();
            let run = |order| {
                let out = device.empty(rows * stride).unwrap();
                norm(device, &input, &scale, order, rows, width, 1e-5, &out);
                device.read(out).unwrap()
            };
            let (found, turned) = (run(None), run(Some(&order)));
            for (row, values) in x.chunks(width).enumerate() {
                let square: f64 = values.iter().map(|x| f64::from(*x).powi(2)).sum();
                let factor = 1.0 / (square / width as f64 + 1e-5).sqrt();
                for column in 0..stride {
                    let expected = match values.get(column) {
                        Some(x) => f64::from(*x) * factor * f64::from(weight[column]),
                        None => 0.0,
                    };
                    let value = found[row * stride + column];
                    prop_assert!(
                        (f64::from(value) - expected).abs() < 1e-5 * expected.abs().max(1.0)
                    );
                    let other = turned[(rows - 1 - row) * stride + column];
                    prop_assert_eq!(value.to_bits(), other.to_bits());
                }
            }
            Ok(())
        });
    outcome.unwrap();
}

fn copies_keep_the_rest<R: Runtime>(device: &Device<R>) {
    let (from, to) = (numbers(1000, 1), numbers(1300, 2));
    let target = device.floats(&to).unwrap();
    copy(device, &device.floats(&from).unwrap(), &target);
    assert_eq!(device.read(target).unwrap(), [&from[..], &to[1000..]].concat());
    let error = device.empty(1 << 61).unwrap_err().to_string();
    assert!(error.contains("but the device allows"), "{error}");
}
