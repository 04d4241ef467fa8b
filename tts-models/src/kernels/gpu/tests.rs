//! Kernels one by one against safe loops in f64, with shapes that no tile divides; and the two
//! kernels of the product against each other, bit for bit.

use std::io::Write;

use cubecl::Runtime;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::product::{Rows, product_by};
use super::routed::{Routed, Tiles, add_gated, combine, shift_each};
use super::{Device, Finish, Gating, PANEL, Product, copy, gate, norm, product_routed};

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
    rows_go_through_the_weights_that_they_want,
    results_are_added_up_by_row,
    bounded_gates_are_the_formula,
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
            product_by(device, &part, &product, &Rows::All(rows.len()), finish, &out, tiled);
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
            product_by(device, &input, product, &Rows::All(rows), Finish::Store, &out, tiled);
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

/// Each result by the weights of its part alone, and by tiles of every size, bit for bit.
fn rows_go_through_the_weights_that_they_want<R: Runtime>(device: &Device<R>) {
    let finishes = prop::sample::select(vec![Finish::Store, Finish::Gate]);
    let counts = prop::collection::vec(0..90_usize, 1..6);
    let cases = (counts, 1..9_usize, 1..200_usize, 1..90_usize, finishes, any::<u64>());
    let outcome = runner(15).run(&cases, |(counts, sources, inputs, outputs, finish, seed)| {
        let (parts, all) = (counts.len(), outputs.next_multiple_of(PANEL));
        let x = numbers(sources * inputs, seed);
        let weights = numbers(parts * outputs * inputs, seed ^ 1);
        let row = |part: usize, output: usize| {
            let at = (part * outputs + output) * inputs;
            weights.get(at..at + inputs).filter(|_| output < outputs)
        };
        let floats = |from: usize, parts: usize| {
            let row = |output: usize| row(from + output / all, output % all);
            Product::floats(device, parts * all, inputs, row).unwrap().split(parts)
        };
        let stacked = floats(0, parts);
        let mut groups = Vec::new();
        let mut results = 0;
        for (part, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            groups.push((part, results..results + count));
            results += count;
        }
        let rows: Vec<u32> = (0..results).map(|at| ((at * 7 + 3) % sources) as u32).collect();
        let width = all / if finish == Finish::Gate { 2 } else { 1 };
        let input = device.floats(&padded(&x, inputs)).unwrap();
        let order = device.integers(&rows).unwrap();
        let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let mut expected = Vec::new();
        for (part, own) in &groups {
            let of_part = floats(*part, 1);
            let of = |&row: &u32| x[row as usize * inputs..][..inputs].to_vec();
            let own: Vec<f32> = rows[own.clone()].iter().flat_map(of).collect();
            let count = own.len() / inputs;
            let own = device.floats(&padded(&own, inputs)).unwrap();
            let out = device.empty(count * width).unwrap();
            product_by(device, &own, &of_part, &Rows::All(count), finish, &out, false);
            expected.extend(bits(&device.read(out).unwrap()[..count * width]));
        }
        for tile in [1, 2, 8, 64] {
            let Tiles { table, tile } = Tiles::of(&groups, tile);
            if results == 0 {
                prop_assert!(table.is_empty());
                continue;
            }
            let tiles = device.integers(&table).unwrap();
            let (count, rows) = (table.len() / 3, &order);
            let routed = Routed { tiles: &tiles, count, tile, rows, sources, results, parts };
            let out = device.empty(results * width).unwrap();
            product_routed(device, &input, &stacked, &routed, finish, &out);
            prop_assert_eq!(&bits(&device.read(out).unwrap()), &expected, "{}", tile);
        }
        Ok(())
    });
    outcome.unwrap();
}

/// Biases by part, sums by place and part, and rows that count as much as a sigmoid says.
fn results_are_added_up_by_row<R: Runtime>(device: &Device<R>) {
    let cases = (1..20_usize, 1..5_usize, 1..18_usize, any::<u64>());
    let outcome = runner(20).run(&cases, |(rows, used, quads, seed)| {
        // The lengths of buffers are whole vectors.
        let (parts, results, width) = (3_usize, rows * used, 4 * quads);
        let (given, biases) = (numbers(results * width, seed), numbers(parts * width, seed ^ 1));
        let owners: Vec<u32> = (0..results).map(|at| (at * 5 % parts) as u32).collect();
        // Every result once, in another order.
        let places: Vec<u32> = (0..results).rev().map(|at| at as u32).collect();
        let (weights, block) = (numbers(results, seed ^ 2), numbers(rows * width, seed ^ 3));
        let (stride, gates) = (4, numbers(rows * 4, seed ^ 4));
        let of = |values: &[f32]| device.floats(values).unwrap();
        let (x, out) = (of(&given), device.empty(rows * width).unwrap());
        let bias_of = |at: usize| &biases[owners[at] as usize * width..][..width];
        let biases_of: Vec<f32> = (0..results).flat_map(bias_of).copied().collect();
        let padded = (&of(&biases), parts);
        shift_each(device, &x, padded, &device.integers(&owners).unwrap(), results);
        for (at, found) in device.read(x).unwrap()[..results * width].iter().enumerate() {
            prop_assert_eq!(found.to_bits(), (given[at] + biases_of[at]).to_bits());
        }
        let x = of(&given);
        let tables = [&device.integers(&places).unwrap(), &of(&weights)];
        combine(device, &x, tables, (rows, used, width), &out);
        let found = device.read(out.clone()).unwrap();
        let own = of(&block);
        add_gated(device, &out, &own, (&of(&gates), stride), (rows, width));
        let added = device.read(out).unwrap();
        for at in 0..rows * width {
            let (row, column) = (at / width, at % width);
            let sum: f64 = (0..used)
                .map(|rank| row * used + rank)
                .map(|k| {
                    f64::from(weights[k]) * f64::from(given[places[k] as usize * width + column])
                })
                .sum();
            prop_assert!((f64::from(found[at]) - sum).abs() < 1e-5, "{} {sum}", found[at]);
            let part = 1.0 / (1.0 + (-f64::from(gates[row * stride])).exp());
            let sum = sum + part * f64::from(block[at]);
            prop_assert!((f64::from(added[at]) - sum).abs() < 1e-5, "{} {sum}", added[at]);
        }
        Ok(())
    });
    outcome.unwrap();
}

/// Cut off above and below, and no number where a gate or a value is none.
fn bounded_gates_are_the_formula<R: Runtime>(device: &Device<R>) {
    let (slope, limit, half) = (1.7_f32, 2.0_f32, PANEL / 2);
    let mut pairs: Vec<f32> = numbers(PANEL, 5).iter().map(|x| x * 5.0).collect();
    (pairs[0], pairs[half + 1]) = (f32::NAN, f32::NAN);
    let out = device.empty(half).unwrap();
    let gating = Gating::Clamped { slope, limit };
    gate(device, &device.floats(&pairs).unwrap(), gating, (1, PANEL), &out);
    for (at, found) in device.read(out).unwrap().into_iter().enumerate() {
        let (gate, value) = (f64::from(pairs[at]), f64::from(pairs[half + at]));
        if at < 2 {
            assert!(found.is_nan(), "{at}: {found}");
            continue;
        }
        let (slope, limit) = (f64::from(slope), f64::from(limit));
        let gate = gate.min(limit);
        let expected = gate / (1.0 + (-slope * gate).exp()) * (value.clamp(-limit, limit) + 1.0);
        assert!((f64::from(found) - expected).abs() < 1e-4, "{at}: {found} {expected}");
    }
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
