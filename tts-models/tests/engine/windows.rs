//! Layers with windows: lines let go of keys and values that nobody sees any more, and no bit depends on it.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tts_core::{Generator, Prompt, Request, Sampling, Until};
use tts_models::exec::native::{NativeBlock, NativeState};
use tts_models::testing::{Counting, byte_config, lively_weights};
use tts_models::text::tokenizer::characters;
use tts_models::weights::config::Attends;
use tts_models::{
    BLOCK_TOKENS, Backbone, Engine, EngineConfig, Executor, KeyValues, ModelConfig, Native, Piece,
    Span, Switches, Tokenizer, Want, Wanted, WeightFormat,
};

use crate::native::{HELD, bits, tokens, whole};
use crate::{ALPHABET, END, ids, path};

/// Windows of layers: beside one that sees everything, of two widths, and in every layer.
const LAYERS: [&[Option<usize>]; 3] =
    [&[Some(20), None], &[Some(9), None, Some(33)], &[Some(16), Some(16)]];

fn windowed(layers: &[Option<usize>]) -> ModelConfig {
    let attends = |&window: &Option<usize>| Attends { window, ..Attends::default() };
    ModelConfig {
        num_hidden_layers: layers.len(),
        switches: Switches { layers: layers.iter().map(attends).collect(), ..Switches::default() },
        ..byte_config("llama")
    }
}

fn native(
    layers: &[Option<usize>],
    (format, kind): (WeightFormat, KeyValues),
    threads: usize,
) -> Native {
    let weights = lively_weights(windowed(layers)).unwrap();
    Native::with_format(weights, format, threads).unwrap().with_key_values(kind)
}

fn run(native: &Native, state: &mut NativeState, tokens: &[u32]) -> Vec<u32> {
    bits(&native.forward(&mut [Span { state, tokens, want: Want::All }]).unwrap())
}

/// Bytes that a sequence holds: of layers that see everything, and of those with windows.
fn held(native: &Native, state: &mut NativeState) -> [usize; 2] {
    let pieces = native.pieces(state);
    let bytes = |part: usize| {
        let parts = pieces.iter().filter_map(|piece| native.parts(&piece.block)[part]);
        parts.map(|part| part.bytes).sum()
    };
    [bytes(0), bytes(1)]
}

#[test]
fn a_long_line_keeps_its_windows_alone_and_no_bit_changes() {
    let text = tokens(590, 9);
    for (layers, kind) in
        LAYERS.into_iter().flat_map(|l| [HELD[0], HELD[2], HELD[5]].map(|h| (l, h)))
    {
        let native = native(layers, kind, 2);
        let windows = native.windows().unwrap();
        assert_eq!(Some(windows.tokens), layers.iter().flatten().max().copied());
        // In one pass nothing is let go of before its end.
        let expected = bits(&whole(&native, &text));
        for cut in [1, 23, 256] {
            let mut state = native.empty();
            let mut rows = Vec::new();
            for part in text.chunks(cut) {
                rows.extend(run(&native, &mut state, part));
            }
            assert!(rows == expected, "{layers:?}, {kind:?}, {cut} at a time");
            let [full, near] = held(&native, &mut state);
            let all = text.len().next_multiple_of(BLOCK_TOKENS);
            assert_eq!(full, all * (native.token_bytes() - windows.bytes));
            assert!(near >= windows.bytes * (windows.tokens - 1), "{near}");
            assert!(near <= windows.bytes * (windows.kept() + BLOCK_TOKENS - 1), "{near}");
            // With what is empty yet of the newest block.
            assert!(full + near <= native.sequence_bytes(all, cut + BLOCK_TOKENS));
        }
    }
}

/// A line of 4,000 tokens on layers of the kinds that Gemma 3 270M has, five of six with a window of 512 tokens.
#[test]
fn a_line_on_gemmas_layers_holds_less_than_a_third() {
    let layers: Vec<Option<usize>> =
        (1..=18).map(|layer| (layer % 6 != 0).then_some(512)).collect();
    let model = ModelConfig {
        hidden_size: 16,
        intermediate_size: 16,
        num_attention_heads: 1,
        num_key_value_heads: 1,
        head_dim: 16,
        max_position_embeddings: 32_768,
        ..windowed(&layers)
    };
    let native = Native::new(lively_weights(model).unwrap(), 1).unwrap();
    let mut state = native.empty();
    let mut most = 0;
    for part in tokens(4_000, 3).chunks(250) {
        run(&native, &mut state, part);
        most = most.max(held(&native, &mut state).iter().sum());
    }
    let all = 4_000 * native.token_bytes();
    let layer = native.token_bytes() / 18;
    // Before the next token 511, 16 that are spared, and what fills their blocks: 33 blocks and a part.
    let near = held(&native, &mut state)[1];
    assert!((527..=560).contains(&(near / layer / 15)), "{near}");
    assert!(most <= native.sequence_bytes(4_000, 250));
    assert!(100 * most < 29 * all, "{most} of {all} bytes");
}

/// What the first `count` blocks of a sequence hold.
fn first(native: &Native, state: &mut NativeState, count: usize) -> Vec<Piece<NativeBlock>> {
    native.pieces(state).into_iter().take(count).collect()
}

#[test]
fn nobody_goes_on_without_what_its_window_shows() {
    let native = native(LAYERS[0], HELD[0], 1);
    let text = tokens(200, 4);
    let mut state = native.empty();
    run(&native, &mut state, &text);
    let mut bad = native.begin(&first(&native, &mut state, 6));
    assert_eq!(native.length(&bad), 96);
    let mut fine = native.empty();
    let mut spans = [
        Span { state: &mut fine, tokens: &text, want: Want::Last },
        Span { state: &mut bad, tokens: &[1], want: Want::Last },
    ];
    let error = native.forward(&mut spans).unwrap_err().to_string();
    assert!(error.starts_with("spans[1]: keys and values within its window are gone"), "{error}");
    assert_eq!((native.length(&fine), native.length(&bad)), (0, 96));
    // A fork says how far it came: to its end and a little before, or nowhere.
    for (keep, length) in [(200, 200), (184, 184), (300, 200), (150, 0), (96, 0)] {
        let fork = native.fork(&mut state, keep);
        assert_eq!(native.length(&fork), length, "{keep}");
    }
    // Within its first window nothing is gone.
    let mut short = native.empty();
    run(&native, &mut short, &text[..30]);
    assert_eq!(native.length(&native.fork(&mut short, 7)), 7);
    let thin = native.thin(&first(&native, &mut short, 1)[0].block);
    assert!(native.parts(&thin)[0].is_some() && native.parts(&thin)[1].is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// A tree of forks, some from where keys and values are gone: they begin earlier. All of its paths then write side by
    /// side, long ones that let go of blocks beside short ones that still see them.
    #[test]
    fn forks_and_their_company_have_the_bits_of_whole_sequences(
        pieces in prop::collection::vec((1_usize..60, 0_usize..150, 0_usize..6, 0_usize..9), 1..8),
        seed: u64, layers in prop::sample::select(LAYERS.to_vec()),
        kind in prop::sample::select(HELD.to_vec()),
    ) {
        let native = native(layers, kind, 2);
        let mut paths: Vec<(Vec<u32>, NativeState)> = vec![(Vec::new(), native.empty())];
        for (index, (length, keep, from, steps)) in pieces.into_iter().enumerate() {
            let from = from % paths.len();
            let (before, source) = &mut paths[from];
            let keep = keep.min(before.len());
            let mut state = native.fork(source, keep);
            let found = native.length(&state);
            // At its end a path can always be gone on from.
            prop_assert!(found == keep || (found < keep && keep < before.len()));
            let mut path = before[..keep].to_vec();
            path.extend(tokens(length, seed ^ index as u64));
            let rows = run(&native, &mut state, &path[found..]);
            prop_assert_eq!(rows, &bits(&whole(&native, &path))[found * 40..]);
            paths.push((path, state));
            for step in 0..steps {
                let next = u32::try_from(step).unwrap();
                let spans = paths.iter_mut().map(|(path, state)| {
                    path.push(next);
                    Span { state, tokens: std::slice::from_ref(&next), want: Want::Last }
                });
                let mut spans: Vec<_> = spans.collect();
                let rows = native.forward(&mut spans).unwrap();
                for ((path, _), row) in paths.iter().zip(rows.chunks(40)) {
                    let expected = whole(&native, path);
                    prop_assert_eq!(bits(row), bits(&expected[expected.len() - 40..]));
                }
            }
        }
    }
}

fn counted(layers: &[Option<usize>], config: EngineConfig) -> Engine<Counting<Native>> {
    let model = ModelConfig { vocab_size: 24, eos_token_ids: vec![END], ..windowed(layers) };
    let native = Native::new(lively_weights(model).unwrap(), config.threads).unwrap();
    let json = characters(ALPHABET, &["<|end|>"]).unwrap();
    let tokenizer = Tokenizer::from_json_bytes(json.as_bytes(), Path::new("letters")).unwrap();
    Engine::new(Counting::new(native), Arc::new(tokenizer), None, config).unwrap()
}

/// One token behind a text.
fn one(text: &str) -> Request {
    Request {
        until: Until::Tokens(1),
        sampling: Sampling::temperature(1.0),
        max_tokens: 1,
        ..Request::new(path(text, &[]), vec![7])
    }
}

/// What a request said, and how many tokens it computed and found.
type Made = (Vec<u32>, u64, u64);

fn made(engine: &Engine<Counting<Native>>, requests: &[Request]) -> Vec<Made> {
    let made = engine.generate(requests).unwrap().into_iter().map(|made| {
        let bits = made.lines.iter().flat_map(|line| crate::bits(line.as_ref().unwrap()));
        (bits.collect(), made.computed_tokens, made.cached_tokens)
    });
    let made: Vec<Made> = made.collect();
    let computed: u64 = made.iter().map(|made| made.1).sum();
    assert_eq!(engine.executor().rows() as u64, computed);
    made
}

/// A text of so many letters.
fn letters(count: usize) -> String {
    let all: Vec<char> = ALPHABET.chars().collect();
    let mut rng = tts_core::seed::rng(6);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 22")]
    (0..count).map(|_| all[(rng.uniform() * all.len() as f64) as usize]).collect()
}

/// Prompts with a common beginning whose keys and values the first one has let go of: the second runs it again and keeps
/// it, from the third on it is found. At once the first one keeps it for the others.
#[test]
fn a_common_beginning_is_kept_where_prompts_part_from_it() {
    let header = letters(200);
    let prompts = ["a", "b", "c", "d"].map(|letter| one(&(header.clone() + &letter.repeat(30))));
    let engine = counted(LAYERS[0], EngineConfig::default());
    let alone: Vec<Vec<u32>> = prompts
        .iter()
        .map(|prompt| {
            engine.forget();
            made(&engine, std::slice::from_ref(prompt)).remove(0).0
        })
        .collect();
    engine.forget();
    let one_by_one =
        prompts.iter().map(|prompt| made(&engine, std::slice::from_ref(prompt)).remove(0));
    let one_by_one: Vec<Made> = one_by_one.collect();
    let tokens = |made: &[Made]| made.iter().map(|made| (made.1, made.2)).collect::<Vec<_>>();
    assert_eq!(tokens(&one_by_one), [(230, 0), (230, 0), (30, 200), (30, 200)]);
    engine.forget();
    let at_once = made(&engine, &prompts);
    assert_eq!(tokens(&at_once), [(230, 0), (30, 200), (30, 200), (30, 200)]);
    // Seen again, not even the last token is run.
    let again = made(&engine, &prompts);
    assert_eq!(tokens(&again), [(0, 230); 4]);
    for found in [one_by_one, at_once, again] {
        assert_eq!(found.into_iter().map(|made| made.0).collect::<Vec<_>>(), alone);
    }
}

/// Going on from the middle of a long line, before its window: from the place before it that somebody ended at.
#[test]
fn a_branch_before_the_window_is_run_from_the_last_end_before_it() {
    let line = letters(330);
    for layers in LAYERS {
        let engine = counted(layers, EngineConfig::default());
        let ask = |text: &str| made(&engine, &[one(text)]).remove(0);
        let branch = |end: &str| line[..200].to_owned() + end;
        engine.forget();
        let alone = ask(&branch("aab"));
        engine.forget();
        ask(&line[..60]);
        ask(&line);
        let (bits, computed, cached) = ask(&branch("aab"));
        assert_eq!((bits, computed, cached), (alone.0, 203 - 60, 60), "{layers:?}");
        let (_, computed, cached) = ask(&branch("ssss"));
        assert_eq!((computed, cached), (4, 200));
        // The line itself ends where it did.
        let (_, computed, cached) = ask(&(line.clone() + "a"));
        assert_eq!((computed, cached), (1, 330));
    }
}

/// Lines wait for each other by what they keep, not by all they write.
#[test]
fn room_for_lines_knows_what_they_let_go_of() {
    let ask = |letter: &str| Request {
        until: Until::Tokens(100),
        max_tokens: 100,
        ..one(&letter.repeat(200))
    };
    let base = EngineConfig { ignore_end: true, prefill_rows: 32, ..EngineConfig::default() };
    let passes = |config: EngineConfig| {
        let engine = counted(LAYERS[0], config);
        engine.generate(&[ask("a"), ask("b")]).unwrap();
        engine.executor().passes()
    };
    let executor = counted(LAYERS[0], base);
    let executor = executor.executor();
    let each = executor.sequence_bytes(200, 32) + executor.sequence_bytes(100, 1);
    assert!(each < 300 * executor.token_bytes());
    let apart = passes(EngineConfig { max_lines: 1, ..base });
    assert_eq!(passes(EngineConfig { line_bytes: 2 * each - 1, ..base }), apart);
    assert!(passes(EngineConfig { line_bytes: 2 * each, ..base }) < apart);
}

fn rows(found: &[Vec<Vec<f32>>]) -> Vec<Vec<Vec<u32>>> {
    found.iter().map(|text| text.iter().map(|row| bits(row)).collect()).collect()
}

/// Given texts that share more than a window, in one batch and one after the other, with rows from their middle.
#[test]
fn given_texts_have_the_same_rows_in_any_company() {
    let (header, rest) = (ids(&letters(120)), ids(&letters(90)));
    let texts: Vec<Wanted> = (0..12_usize)
        .map(|index| {
            let own = 5 * (index % 5);
            let mut tokens = header[..120 - own].to_vec();
            tokens.push(1 + u32::try_from(index).unwrap());
            tokens.extend(&rest[..=7 * index]);
            let last = tokens.len() - 1;
            let positions = if index % 3 == 0 { vec![last, last / 2] } else { vec![last] };
            Wanted { tokens, positions }
        })
        .collect();
    for layers in LAYERS {
        let base = EngineConfig { threads: 1, ..EngineConfig::default() };
        let engine = counted(layers, base);
        let alone = texts.iter().map(|text| {
            engine.forget();
            engine.hidden(std::slice::from_ref(text)).unwrap().remove(0)
        });
        let alone = rows(&alone.collect::<Vec<_>>());
        for config in [
            base,
            EngineConfig { threads: 2, prefill_rows: 7, ..base },
            EngineConfig { max_lines: 3, ..base },
            EngineConfig { cache_bytes: 0, ..base },
            EngineConfig { cache_bytes: 60_000, line_bytes: 100_000, ..base },
        ] {
            let engine = counted(layers, config);
            assert!(rows(&engine.hidden(&texts).unwrap()) == alone, "at once, {config:?}");
            engine.forget();
            for (text, alone) in texts.iter().zip(&alone) {
                let found = engine.hidden(std::slice::from_ref(text)).unwrap();
                assert!(&rows(&found)[0] == alone, "one by one, {config:?}");
            }
            assert!(rows(&engine.hidden(&texts).unwrap()) == alone, "again, {config:?}");
        }
    }
}

/// As where nothing is let go of: a path that grows computes its fresh step, and texts behind a common beginning their
/// own ends.
#[test]
fn what_given_texts_go_on_from_is_not_computed_again() {
    let engine = counted(LAYERS[1], EngineConfig::default());
    let mut paths: Vec<Vec<u32>> = vec![ids(&letters(100)); 6];
    for step in 0..6 {
        for (index, path) in (1..).zip(&mut paths) {
            path.push(index);
            path.extend(ids(&letters(11)));
        }
        let texts = paths
            .iter()
            .map(|path| Wanted { tokens: path.clone(), positions: vec![path.len() - 1] });
        let texts: Vec<Wanted> = texts.collect();
        engine.hidden(&texts).unwrap();
        let prompt = if step == 0 { 100 } else { 0 };
        assert_eq!(engine.executor().rows(), prompt + 6 * 12, "step {step}");
        engine.hidden(&texts).unwrap();
        assert_eq!(engine.executor().rows(), 0);
    }
    // One by one: the second text runs the beginning again and keeps it.
    let engine = counted(LAYERS[1], EngineConfig::default());
    let computed = ["a", "b", "c"].map(|letter| {
        let tokens = ids(&(letters(200) + &letter.repeat(60)));
        engine.hidden_of(&tokens, &[259]).unwrap();
        engine.executor().rows()
    });
    assert_eq!(computed, [260, 260, 60]);
}

/// A prompt whose lines are all over is gone on from at its end, whatever its lines have let go of.
#[test]
fn lines_of_one_prompt_share_it_however_long_they_get() {
    let prompt = letters(150);
    let ask = |seeds: Vec<u64>| Request {
        until: Until::Tokens(120),
        max_tokens: 120,
        ..Request { seeds, ..one(&prompt) }
    };
    let config = EngineConfig { ignore_end: true, ..EngineConfig::default() };
    let lines = |config: EngineConfig, requests: &[Vec<u64>]| {
        let engine = counted(LAYERS[1], config);
        let asked: Vec<Request> = requests.iter().map(|seeds| ask(seeds.clone())).collect();
        let found: Vec<Made> =
            asked.iter().flat_map(|ask| made(&engine, std::slice::from_ref(ask))).collect();
        (found.iter().flat_map(|made| made.0.clone()).collect::<Vec<_>>(), found)
    };
    let (expected, found) = lines(config, &[vec![1, 2, 3], vec![4, 5]]);
    assert_eq!((found[0].1, found[0].2), (150 + 3 * 119, 2 * 150));
    assert_eq!((found[1].1, found[1].2), (2 * 119, 2 * 150));
    for (config, requests) in [
        (EngineConfig { threads: 2, ..config }, vec![vec![1], vec![2, 3, 4], vec![5]]),
        (EngineConfig { max_lines: 1, ..config }, vec![vec![1, 2, 3, 4, 5]]),
        (
            EngineConfig { cache_bytes: 0, prefill_rows: 7, ..config },
            vec![vec![1, 2], vec![3, 4, 5]],
        ),
        (EngineConfig { cache_bytes: 50_000, ..config }, vec![vec![1, 2, 3], vec![4, 5]]),
    ] {
        assert!(lines(config, &requests).0 == expected, "{config:?}");
    }
}

/// The prompt of [`path`] is one text.
#[test]
fn a_prompt_of_letters_has_a_token_a_letter() {
    let engine = counted(LAYERS[0], EngineConfig::default());
    let prompt = Prompt::text(letters(40));
    assert_eq!(engine.prompt_tokens(&prompt).unwrap(), ids(&letters(40)));
}
