//! One pass after another: numbers against Burn's, bits against each other.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tts_models::exec::Runtime;
use tts_models::weights::decoder::{FeedForwardWeights, NetworkWeights};
use tts_models::{Cpu, Executor, Gpu, ModelConfig, Native, Plain, Span, Want, WeightFormat};

use super::{config, on_each_runtime, weights};

on_each_runtime!(
    agrees_with_burn_for_every_architecture,
    agrees_with_burn_for_shapes_of_all_kinds,
    bf16_weights_are_exact,
    a_sequence_has_the_same_bits_among_any_number_of_others,
    a_long_sequence_has_the_same_bits_in_one_span_and_in_pieces,
    forked_and_cut_up_sequences_have_the_bits_of_whole_ones,
    bad_spans_are_errors_and_change_nothing,
    memory_is_used_again,
    renewed_is_as_made_anew,
);

pub(crate) fn tokens(count: usize, seed: u64) -> Vec<u32> {
    let mut rng = tts_core::seed::rng(seed);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 262")]
    (0..count).map(|_| (rng.uniform() * 262.0) as u32).collect()
}

/// All hidden rows of one sequence in one span.
pub(crate) fn whole<E: Executor>(executor: &E, tokens: &[u32]) -> Vec<f32> {
    let mut state = executor.empty();
    executor.forward(&mut [Span { state: &mut state, tokens, want: Want::All }]).unwrap()
}

pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Hidden rows and logits of a text, against those of another executor.
pub(crate) fn close<A: Executor, B: Executor>(a: &A, b: &B, count: usize, what: &str) {
    let vocab = u32::try_from(a.config().vocab_size).unwrap();
    let text: Vec<u32> = tokens(count, 3).iter().map(|token| token % vocab).collect();
    let (rows, expected) = (whole(a, &text), whole(b, &text));
    for (name, found, expected) in [
        ("hidden rows", &rows, &expected),
        ("logits", &a.logits(&rows).unwrap(), &b.logits(&expected).unwrap()),
    ] {
        assert_eq!(found.len(), expected.len(), "{what}: {name}");
        // What is no number is the greatest here, where `f32::max` would pass over it.
        let far = found
            .iter()
            .zip(expected)
            .map(|(a, b)| (a - b).abs())
            .max_by(f32::total_cmp)
            .unwrap_or(0.0);
        let size = expected.iter().fold(1.0_f32, |most, a| most.max(a.abs()));
        assert!(far < 1e-4 * size, "{what}: {name} up to {size} differ by {far}");
    }
}

fn agrees_with_burn_for_every_architecture<R: Runtime>(device: &R::Device) {
    for architecture in ["llama", "qwen2", "qwen3"] {
        let gpu = Gpu::<R>::new(weights(config(architecture)), device).unwrap();
        let plain = Plain::<Cpu>::new(weights(config(architecture))).unwrap();
        close(&gpu, &plain, 90, architecture);
    }
}

fn agrees_with_burn_for_shapes_of_all_kinds<R: Runtime>(device: &R::Device) {
    let shapes = (1..5_usize, 1..5_usize, 1..40_usize, 1..90_usize, 1..120_usize, 1..150_usize);
    let architectures = prop::sample::select(vec!["llama", "qwen2", "qwen3"]);
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(12)
    });
    let cases = (shapes, architectures, any::<bool>(), 1..60_usize);
    let outcome = runner.run(&cases, |(shape, architecture, tied, count)| {
        let (keys, share, half, hidden, feed_forward, vocab) = shape;
        let config = ModelConfig {
            vocab_size: vocab,
            hidden_size: hidden,
            intermediate_size: feed_forward,
            num_attention_heads: keys * share,
            num_key_value_heads: keys,
            head_dim: 2 * half,
            tie_word_embeddings: tied,
            ..config(architecture)
        };
        let what = format!("{config:?}");
        let gpu = Gpu::<R>::new(weights(config.clone()), device).unwrap();
        close(&gpu, &Native::new(weights(config), 1).unwrap(), count, &what);
        Ok(())
    });
    outcome.unwrap();
}

/// Weights that are BF16 numbers give the same bits in either type.
fn bf16_weights_are_exact<R: Runtime>(device: &R::Device) {
    // The routers of the second are none, and are not rounded.
    for architecture in ["qwen3", "qwen2_moe"] {
        bf16_weights_of::<R>(architecture, device);
    }
}

fn bf16_weights_of<R: Runtime>(architecture: &str, device: &R::Device) {
    let mut all = weights(config(architecture));
    let round = |tensor: &mut Vec<f32>| {
        for weight in tensor {
            *weight = f32::from_bits(weight.to_bits() & 0xffff_0000);
        }
    };
    for layer in &mut all.layers {
        for tensor in [&mut layer.query, &mut layer.key, &mut layer.value, &mut layer.output] {
            round(tensor);
        }
        let shared = match &mut layer.feed_forward {
            FeedForwardWeights::Mixture(mixture) => mixture.shared.as_mut(),
            FeedForwardWeights::Dense(_) => None,
        };
        for tensor in shared.into_iter().flat_map(|own| {
            let NetworkWeights { gate, up, down, .. } = &mut own.network;
            [gate, up, down]
        }) {
            round(tensor);
        }
        for network in layer.feed_forward.networks_mut() {
            for tensor in [&mut network.gate, &mut network.up, &mut network.down] {
                round(tensor);
            }
        }
    }
    round(&mut all.embedding);
    all.head.iter_mut().for_each(round);
    let wide = Gpu::<R>::new(all.clone(), device).unwrap();
    let narrow = Gpu::<R>::with_format(all.clone(), WeightFormat::Bf16, device).unwrap();
    let rows = whole(&wide, &tokens(90, 5));
    assert_eq!(bits(&rows), bits(&whole(&narrow, &tokens(90, 5))));
    assert_eq!(bits(&wide.logits(&rows).unwrap()), bits(&narrow.logits(&rows).unwrap()));
    let error = Gpu::<R>::with_format(all, WeightFormat::Int8, device).unwrap_err();
    assert_eq!(error.to_string(), "weights: int8 has no kernels on a GPU: stored, f32 or bf16");
}

fn a_sequence_has_the_same_bits_among_any_number_of_others<R: Runtime>(device: &R::Device) {
    let gpu = Gpu::<R>::new(weights(config("qwen2")), device).unwrap();
    let text = tokens(33, 1);
    let alone = whole(&gpu, &text);
    let logits = gpu.logits(&alone).unwrap();
    for others in [1, 2, 8, 64] {
        let texts: Vec<Vec<u32>> = (0..others)
            .map(|i| if i == others / 2 { text.clone() } else { tokens(5 + i % 40, i as u64) })
            .collect();
        let mut states: Vec<_> = texts.iter().map(|_| gpu.empty()).collect();
        let spans = states.iter_mut().zip(&texts).enumerate();
        let mut spans: Vec<_> = spans
            .map(|(i, (state, tokens))| Span {
                state,
                tokens,
                want: if i == others / 2 { Want::All } else { Want::Nothing },
            })
            .collect();
        assert_eq!(bits(&gpu.forward(&mut spans).unwrap()), bits(&alone), "{others}");
    }
    let by_row = alone.chunks(40).flat_map(|row| gpu.logits(row).unwrap()).collect::<Vec<_>>();
    assert_eq!(bits(&logits), bits(&by_row));
}

/// Longer than two parts of attention.
fn a_long_sequence_has_the_same_bits_in_one_span_and_in_pieces<R: Runtime>(device: &R::Device) {
    let gpu = Gpu::<R>::new(weights(config("qwen3")), device).unwrap();
    let text = tokens(590, 9);
    let expected = whole(&gpu, &text);
    for cuts in [vec![1], vec![255, 1, 7, 300], vec![17]] {
        let mut state = gpu.empty();
        let mut rows = Vec::new();
        let mut cuts = cuts.into_iter().cycle();
        let mut at = 0;
        while at < text.len() {
            let end = text.len().min(at + cuts.next().unwrap());
            let span = Span { state: &mut state, tokens: &text[at..end], want: Want::All };
            rows.extend(gpu.forward(&mut [span]).unwrap());
            at = end;
        }
        assert_eq!(bits(&rows), bits(&expected));
    }
    close(&gpu, &Native::new(weights(config("qwen3")), 1).unwrap(), 590, "long");
}

/// A tree of forks, each grown in pieces of random lengths: every row has the bits of the whole
/// path run at once.
fn forked_and_cut_up_sequences_have_the_bits_of_whole_ones<R: Runtime>(device: &R::Device) {
    let gpu = Gpu::<R>::new(weights(config("llama")), device).unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(10)
    });
    let pieces = prop::collection::vec((1_usize..40, 0_usize..90, 0_usize..6), 1..10);
    let outcome = runner.run(&(pieces, any::<u64>()), |(pieces, seed)| {
        let mut paths = vec![(Vec::new(), gpu.empty())];
        for (index, (length, keep, from)) in pieces.into_iter().enumerate() {
            let from = from % paths.len();
            let keep = keep.min(paths[from].0.len());
            let mut path: Vec<u32> = paths[from].0[..keep].to_vec();
            let mut state = gpu.fork(&mut paths[from].1, keep);
            prop_assert_eq!(gpu.length(&state), keep);
            let new = tokens(length, seed ^ index as u64);
            let span = Span { state: &mut state, tokens: &new, want: Want::All };
            let rows = gpu.forward(&mut [span]).unwrap();
            path.extend(new);
            prop_assert_eq!(bits(&rows), bits(&whole(&gpu, &path)[keep * 40..]));
            paths.push((path, state));
        }
        Ok(())
    });
    outcome.unwrap();
}

fn bad_spans_are_errors_and_change_nothing<R: Runtime>(device: &R::Device) {
    let gpu = Gpu::<R>::new(weights(config("llama")), device).unwrap();
    let text = tokens(20, 1);
    let (mut state, mut other) = (gpu.empty(), gpu.empty());
    let table: [(&[u32], &str); 3] = [
        (&[], "spans[1]: no tokens"),
        (&[3, 262], "spans[1]: token 262 is outside the vocabulary of 262"),
        (&[1; 601], "spans[1]: 601 tokens, but the model knows 600 positions"),
    ];
    for (bad, expected) in table {
        let mut spans = [
            Span { state: &mut state, tokens: &text, want: Want::All },
            Span { state: &mut other, tokens: bad, want: Want::All },
        ];
        assert_eq!(gpu.forward(&mut spans).unwrap_err().to_string(), expected);
        assert_eq!((gpu.length(&state), gpu.length(&other)), (0, 0));
    }
    let error = gpu.logits(&[0.0; 41]).unwrap_err().to_string();
    assert_eq!(error, "hidden: 41 numbers, expected a multiple of 40");
    assert_eq!(gpu.logits(&[]).unwrap(), [0.0; 0]);
    assert_eq!(gpu.forward(&mut []).unwrap(), [0.0; 0]);
    let mut span = [Span { state: &mut state, tokens: &text, want: Want::Nothing }];
    assert_eq!(gpu.forward(&mut span).unwrap(), [0.0; 0]);
    let mut span = [Span { state: &mut state, tokens: &text, want: Want::Last }];
    let both = [text.clone(), text.clone()].concat();
    assert_eq!(bits(&gpu.forward(&mut span).unwrap()), bits(&whole(&gpu, &both)[39 * 40..]));
    let mut broken = weights(config("llama"));
    broken.layers[1].key.pop();
    let error = Gpu::<R>::new(broken, device).unwrap_err();
    assert_eq!(error.to_string(), "key: 799 values, expected 20 x 40");
}

/// Keys and values survive the growth of their buffers, and blocks that were dropped are written
/// over without harm.
fn memory_is_used_again<R: Runtime>(device: &R::Device) {
    let gpu = Gpu::<R>::new(weights(config("llama")), device).unwrap();
    let text = tokens(100, 2);
    let expected = bits(&whole(&gpu, &text));
    let mut first = gpu.empty();
    let run = |state: &mut _, tokens: &[u32]| {
        gpu.forward(&mut [Span { state, tokens, want: Want::All }]).unwrap()
    };
    let mut rows = run(&mut first, &text[..50]);
    for round in 0..3 {
        let mut many: Vec<_> = (0..12).map(|_| gpu.empty()).collect();
        for (index, state) in many.iter_mut().enumerate() {
            run(state, &tokens(150 + 40 * round, index as u64));
        }
    }
    rows.extend(run(&mut first, &text[50..]));
    assert_eq!(bits(&rows), expected);
}

fn renewed_is_as_made_anew<R: Runtime>(device: &R::Device) {
    for architecture in ["qwen2", "qwen2_moe"] {
        renewed_of::<R>(architecture, device);
    }
}

fn renewed_of<R: Runtime>(architecture: &str, device: &R::Device) {
    let others = || tts_models::DecoderWeights::random(config(architecture), 77).unwrap();
    let text = tokens(40, 9);
    for format in [WeightFormat::F32, WeightFormat::Bf16] {
        let made = |weights| Gpu::<R>::with_format(weights, format, device).unwrap();
        let mut gpu = made(weights(config(architecture)));
        let before = whole(&gpu, &text);
        let mut short = others();
        short.layers[0].feed_forward.networks_mut()[0].up.pop();
        let error = gpu.renew(short).unwrap_err().to_string();
        assert!(error.contains("up_proj.weight: "), "{error}");
        assert_eq!(bits(&whole(&gpu, &text)), bits(&before), "{format}");
        gpu.renew(others()).unwrap();
        let (found, expected) = (whole(&gpu, &text), whole(&made(others()), &text));
        assert_eq!(bits(&found), bits(&expected), "{format}");
        assert_ne!(bits(&found), bits(&before), "{format}");
    }
}
