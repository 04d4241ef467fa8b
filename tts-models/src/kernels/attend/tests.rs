//! Scores and weighted sums on every instruction set against the portable tiles.

use half::f16;
use proptest::prelude::*;

use super::*;

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = tts_core::seed::rng(seed);
    #[expect(clippy::cast_possible_truncation, reason = "test data")]
    (0..count).map(|_| (rng.uniform() * 4.0 - 2.0) as f32).collect()
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// Blocks of one layer and head, filled token by token.
fn filled<T: Element>(shape: KeyValueShape, tokens: usize, seed: u64) -> Vec<Vec<T>> {
    let row = shape.heads * shape.width;
    let (keys, values) = (numbers(tokens * row, seed), numbers(tokens * row, seed ^ 1));
    let mut blocks: Vec<Vec<T>> = Vec::new();
    for (token, (keys, values)) in keys.chunks(row).zip(values.chunks(row)).enumerate() {
        if token % BLOCK_TOKENS == 0 {
            blocks.push(vec![T::default(); shape.elements()]);
        }
        let block = blocks.last_mut().unwrap();
        for layer in 0..shape.layers {
            shape.write(block, layer, token % BLOCK_TOKENS, keys, values);
        }
    }
    blocks
}

fn all_scores<T: Element>(isa: Isa, queries: &[&[f32]], panels: &[&[T]]) -> Vec<f32> {
    let stride = panels.len() * BLOCK_TOKENS;
    let mut out = vec![f32::NAN; queries.len() * stride];
    let panels: Vec<Keys<'_, T>> =
        panels.iter().enumerate().map(|(index, keys)| (*keys, index * BLOCK_TOKENS)).collect();
    scores_on(isa, queries, &panels, stride, &mut out);
    out
}

fn agree<T: Element>(width: usize, tokens: usize, rows: usize, seed: u64) {
    let shape = KeyValueShape { layers: 2, heads: 3, width };
    let blocks: Vec<Vec<T>> = filled(shape, tokens, seed);
    let parts: Vec<(&[T], &[T])> = blocks.iter().map(|block| shape.part(block, 1, 2)).collect();
    let panels: Vec<&[T]> = parts.iter().map(|(keys, _)| *keys).collect();
    let x = numbers(rows * width, seed ^ 2);
    let queries: Vec<&[f32]> = x.chunks(width).collect();
    let reference = all_scores(Isa::Portable, &queries, &panels);
    // The arithmetic itself, from the numbers that were written.
    let row = shape.heads * width;
    let keys = numbers(tokens * row, seed);
    for (query, scores) in queries.iter().zip(reference.chunks(panels.len() * BLOCK_TOKENS)) {
        for (token, score) in scores.iter().enumerate().take(tokens) {
            let key = &keys[token * row + 2 * width..][..width];
            let exact: f64 =
                query.iter().zip(key).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum();
            assert!((f64::from(*score) - exact).abs() < 0.02, "{score} for {exact}");
        }
    }
    // Pieces that end within blocks.
    let pieces: Vec<Values<'_, T>> = parts
        .iter()
        .enumerate()
        .map(|(i, (_, values))| (*values, (tokens - i * BLOCK_TOKENS).min(BLOCK_TOKENS - i % 2)))
        .collect();
    let seen: usize = pieces.iter().map(|(_, tokens)| tokens).sum();
    let all = numbers(rows * seen, seed ^ 3);
    let weights: Vec<&[f32]> = all.chunks(seen).collect();
    let weighed = |isa: Isa| {
        let mut out = numbers(rows * shape.padded(), seed ^ 4);
        weigh_on(isa, &weights, &pieces, shape.padded(), &mut out);
        out
    };
    let sums = weighed(Isa::Portable);
    for isa in Isa::all() {
        assert_eq!(bits(&all_scores(isa, &queries, &panels)), bits(&reference), "{isa:?}");
        assert_eq!(bits(&weighed(isa)), bits(&sums), "{isa:?}");
        for (row, expected) in sums.chunks(shape.padded()).enumerate() {
            let alone = all_scores(isa, &queries[row..=row], &panels);
            let stride = panels.len() * BLOCK_TOKENS;
            assert_eq!(bits(&alone), bits(&reference[row * stride..(row + 1) * stride]));
            let padded = shape.padded();
            let mut out = numbers(rows * padded, seed ^ 4)[row * padded..][..padded].to_vec();
            weigh_on(isa, &weights[row..=row], &pieces, padded, &mut out);
            assert_eq!(bits(&out), bits(expected), "{isa:?} alone");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn instruction_sets_and_company_change_no_bit(
        width in 1_usize..140, tokens in 1_usize..90, rows in 1_usize..20, seed: u64,
    ) {
        agree::<f32>(width, tokens, rows, seed);
        agree::<f16>(width, tokens, rows, seed);
    }

    #[test]
    fn narrowing_agrees_with_its_reference(
        x in prop::collection::vec(prop::num::f32::ANY, 1..40),
    ) {
        let reference: Vec<u16> = x
            .iter()
            .map(|x| f16::from_f32(x.clamp(-65504.0, 65504.0)))
            .map(|x| if x.is_nan() { u16::MAX } else { x.to_bits() })
            .collect();
        let mut out = vec![f16::ZERO; x.len()];
        f16::narrow(&x, &mut out);
        let found: Vec<u16> =
            out.iter().map(|x| if x.is_nan() { u16::MAX } else { x.to_bits() }).collect();
        prop_assert_eq!(found, reference);
    }
}

#[test]
fn a_written_token_is_where_it_is_read() {
    let shape = KeyValueShape { layers: 3, heads: 2, width: 5 };
    let mut block = vec![0.0_f32; shape.elements()];
    let keys: Vec<f32> = (0..10).map(|i| 100.0 + i as f32).collect();
    let values: Vec<f32> = (0..10).map(|i| 200.0 + i as f32).collect();
    shape.write(&mut block, 1, 7, &keys, &values);
    let (k, v) = shape.part(&block, 1, 1);
    assert_eq!((k.len(), v.len()), (5 * 16, 16 * 16));
    let column: Vec<f32> = (0..5).map(|i| k[i * 16 + 7]).collect();
    assert_eq!(column, &keys[5..]);
    assert_eq!(&v[7 * 16..7 * 16 + 5], &values[5..]);
    assert_eq!(block.iter().filter(|x| **x > 0.0).count(), 20);
}
