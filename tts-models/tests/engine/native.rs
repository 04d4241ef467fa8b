//! The own kernels against Burn's operations, and their bits under every split of the work.

use proptest::prelude::*;
use tts_models::testing::byte_config;
use tts_models::{
    Cpu, DecoderWeights, Executor, KeyValues, ModelConfig, Native, Plain, Span, Want, WeightFormat,
};

use super::weights;

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

pub(crate) const FORMATS: [WeightFormat; 3] =
    [WeightFormat::F32, WeightFormat::Bf16, WeightFormat::Int8];

/// Types of weights, and of keys and values beside them.
pub(crate) const HELD: [(WeightFormat, KeyValues); 6] = [
    (WeightFormat::F32, KeyValues::Auto),
    (WeightFormat::Bf16, KeyValues::Auto),
    (WeightFormat::Int8, KeyValues::Auto),
    (WeightFormat::F32, KeyValues::F16),
    (WeightFormat::F32, KeyValues::Int8),
    (WeightFormat::Int8, KeyValues::Int8),
];

/// An embedding beside another output head is held too.
#[test]
fn memory_counts_the_embedding_where_the_head_is_another_matrix() {
    for format in FORMATS {
        let shape = |tie_word_embeddings: bool| {
            let config = ModelConfig { tie_word_embeddings, ..byte_config("llama") };
            let weights = DecoderWeights::random(config, 3).unwrap();
            Native::with_format(weights, format, 1).unwrap().shape()
        };
        let (tied, apart) = (shape(true), shape(false));
        assert!(apart.head_bytes >= 262 * 40, "{format}");
        assert_eq!((tied.embedding_bytes, apart.embedding_bytes), (0, apart.head_bytes));
        assert_eq!(apart.memory(0, 0) - tied.memory(0, 0), apart.head_bytes, "{format}");
    }
}

fn held(architecture: &str, (format, kind): (WeightFormat, KeyValues), threads: usize) -> Native {
    let native = Native::with_format(weights(architecture), format, threads).unwrap();
    native.with_key_values(kind)
}

pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn native_agrees_with_burn() {
    for architecture in
        ["llama", "qwen2", "qwen3", "qwen2_moe", "qwen3_moe", "mixtral", "gpt_oss", "glm4_moe"]
    {
        let native = Native::new(weights(architecture), 2).unwrap();
        let plain = Plain::<Cpu>::new(weights(architecture)).unwrap();
        let text = tokens(90, 3);
        let (a, b) = (whole(&native, &text), whole(&plain, &text));
        let far =
            a.iter().zip(&b).map(|(a, b)| (a - b).abs()).max_by(f32::total_cmp).unwrap_or(0.0);
        assert!(far < 1e-4, "{architecture}: hidden rows differ by {far}");
        let (a, b) = (native.logits(&a).unwrap(), plain.logits(&b).unwrap());
        let far =
            a.iter().zip(&b).map(|(a, b)| (a - b).abs()).max_by(f32::total_cmp).unwrap_or(0.0);
        let size = a.iter().fold(0.0_f32, |most, a| most.max(a.abs()));
        assert!(far < 1e-5 * size.max(1.0), "{architecture}: logits up to {size} differ by {far}");
    }
}

/// Longer than two runs of blocks, in spans that end within and between blocks.
#[test]
fn a_long_sequence_has_the_same_bits_in_one_span_and_in_pieces() {
    let text = tokens(590, 9);
    let plain = whole(&Plain::<Cpu>::new(weights("qwen3")).unwrap(), &text);
    for (format, kind) in HELD {
        let native = held("qwen3", (format, kind), 2);
        let expected = whole(&native, &text);
        if (format, kind) == HELD[0] {
            let far = expected
                .iter()
                .zip(&plain)
                .map(|(a, b)| (a - b).abs())
                .max_by(f32::total_cmp)
                .unwrap_or(0.0);
            assert!(far < 1e-4, "hidden rows differ by {far}");
        }
        for cuts in [vec![1], vec![255, 1, 7, 300], vec![256], vec![17]] {
            let mut state = native.empty();
            let mut rows = Vec::new();
            let mut left = text.as_slice();
            for count in cuts.into_iter().cycle() {
                let (tokens, rest) = left.split_at(count.min(left.len()));
                let span = Span { state: &mut state, tokens, want: Want::All };
                rows.extend(native.forward(&mut [span]).unwrap());
                left = rest;
                if left.is_empty() {
                    break;
                }
            }
            assert_eq!(bits(&rows), bits(&expected), "{format:?}, {kind:?}");
        }
    }
}

/// Windows, and sinks beside them: what lies before a window has neither scores nor factors.
#[test]
fn keys_of_8_bits_stay_within_windows() {
    let text = tokens(200, 5);
    let exact = whole(&Native::new(weights("gpt_oss"), 1).unwrap(), &text);
    let native = held("gpt_oss", (WeightFormat::F32, KeyValues::Int8), 2);
    let rounded = whole(&native, &text);
    let far = far(&exact, &rounded);
    assert!(far > 1e-6 && far < 0.02, "{far}");
    let mut state = native.empty();
    let mut rows = Vec::new();
    for tokens in text.chunks(23) {
        let span = Span { state: &mut state, tokens, want: Want::All };
        rows.extend(native.forward(&mut [span]).unwrap());
    }
    assert_eq!(bits(&rows), bits(&rounded));
}

/// How far rows are from others, as a share of their size.
fn far(exact: &[f32], other: &[f32]) -> f32 {
    let size: f32 = exact.iter().map(|x| x * x).sum();
    let off: f32 = exact.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum();
    (off / size).sqrt()
}

/// Rounding weights and inputs moves hidden rows by about a hundredth of their size, not more.
#[test]
fn rounded_formats_stay_close_to_f32() {
    let text = tokens(90, 3);
    let exact = whole(&Native::new(weights("qwen2"), 1).unwrap(), &text);
    for (format, kind, most) in [
        (WeightFormat::Bf16, KeyValues::Auto, 0.02),
        (WeightFormat::Int8, KeyValues::Auto, 0.05),
        (WeightFormat::F32, KeyValues::F16, 0.001),
        (WeightFormat::F32, KeyValues::Int8, 0.02),
    ] {
        let far = far(&exact, &whole(&held("qwen2", (format, kind), 1), &text));
        assert!(far > 1e-6 && far < most, "{format:?}, {kind:?}: {far}");
    }
    // Beside exact weights nothing else is exact.
    let same = held("qwen2", (WeightFormat::F32, KeyValues::F32), 1);
    assert_eq!(bits(&whole(&same, &text)), bits(&exact));
}

/// Keys and values of 8 bits take a quarter of f32, and a factor for each of both, head and layer.
#[test]
fn keys_and_values_take_the_room_that_is_told() {
    let room = |kind| held("llama", (WeightFormat::F32, kind), 1).token_bytes();
    let config = weights("llama").config;
    let heads = config.num_hidden_layers * config.num_key_value_heads;
    let full = room(KeyValues::F32);
    assert_eq!(room(KeyValues::Auto), full);
    assert_eq!(2 * room(KeyValues::F16), full);
    assert_eq!(room(KeyValues::Int8), full / 4 + heads * 2 * size_of::<f32>());
}

#[test]
fn a_sequence_has_the_same_bits_among_any_number_of_others() {
    for (threads, format) in [1, 2, 5].into_iter().flat_map(|t| HELD.map(|held| (t, held))) {
        let native = held("qwen2", format, threads);
        let text = tokens(33, 1);
        let alone = bits(&whole(&native, &text));
        for others in [1, 2, 8, 64] {
            let texts: Vec<Vec<u32>> = (0..others)
                .map(|i| if i == others / 2 { text.clone() } else { tokens(5 + i % 40, i as u64) })
                .collect();
            let mut states: Vec<_> = texts.iter().map(|_| native.empty()).collect();
            let mut spans: Vec<_> = states
                .iter_mut()
                .zip(&texts)
                .enumerate()
                .map(|(i, (state, tokens))| Span {
                    state,
                    tokens,
                    want: if i == others / 2 { Want::All } else { Want::Nothing },
                })
                .collect();
            assert_eq!(
                bits(&native.forward(&mut spans).unwrap()),
                alone,
                "{format:?}, {threads} threads, {others}"
            );
        }
        let logits = bits(&native.logits(&whole(&native, &text)).unwrap());
        let by_row: Vec<u32> = whole(&native, &text)
            .chunks(40)
            .flat_map(|row| bits(&native.logits(row).unwrap()))
            .collect();
        assert_eq!(logits, by_row);
    }
}

#[test]
fn bad_spans_are_errors_and_change_nothing() {
    let native = Native::new(weights("llama"), 1).unwrap();
    let text = tokens(20, 1);
    let mut state = native.empty();
    let mut other = native.empty();
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
        assert_eq!(native.forward(&mut spans).unwrap_err().to_string(), expected);
        assert_eq!((native.length(&state), native.length(&other)), (0, 0));
    }
    assert!(
        native.logits(&[0.0; 41]).unwrap_err().to_string().contains("expected a multiple of 40")
    );
    let mut span = [Span { state: &mut state, tokens: &text, want: Want::All }];
    assert_eq!(bits(&native.forward(&mut span).unwrap()), bits(&whole(&native, &text)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// A tree of forks, each grown in pieces of random lengths: every row has the bits of the
    /// whole path run at once.
    #[test]
    fn forked_and_cut_up_sequences_have_the_bits_of_whole_ones(
        pieces in prop::collection::vec((1_usize..40, 0_usize..90, 0_usize..6), 1..12), seed: u64,
        format in prop::sample::select(HELD.to_vec()),
    ) {
        let native = held("llama", format, 2);
        let mut paths: Vec<(Vec<u32>, tts_models::exec::native::NativeState)> = vec![(Vec::new(), native.empty())];
        for (index, (length, keep, from)) in pieces.into_iter().enumerate() {
            let from = from % paths.len();
            let keep = keep.min(paths[from].0.len());
            let mut path = paths[from].0[..keep].to_vec();
            let mut state = native.fork(&mut paths[from].1, keep);
            prop_assert_eq!(native.length(&state), keep);
            let new = tokens(length, seed ^ index as u64);
            let rows = native.forward(&mut [Span { state: &mut state, tokens: &new, want: Want::All }]).unwrap();
            path.extend(new);
            let expected = whole(&native, &path);
            prop_assert_eq!(bits(&rows), bits(&expected[keep * 40..]));
            paths.push((path, state));
        }
    }
}
