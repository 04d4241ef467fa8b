//! Given texts: rows that do not depend on company, and no token computed twice.

use std::collections::HashSet;
use std::sync::Arc;

use tts_core::{Generator, Given, Likelihood, Prompt, Trajectory};
use tts_models::testing::Counting;
use tts_models::{Backbone, Cpu, Engine, EngineConfig, Executor, Native, Plain, Tokenizer, Wanted};

use super::{engine, generated, lines, request, weights};

fn counted(config: EngineConfig) -> Engine<Counting<Native>> {
    let native = Counting::new(Native::new(weights("qwen3"), config.threads).unwrap());
    Engine::new(native, Arc::new(Tokenizer::bytes().unwrap()), None, config).unwrap()
}

/// Once someone has asked for hidden rows, those of what is written are kept.
#[test]
fn what_was_written_is_scored_without_running_it_again() {
    let engine = counted(EngineConfig::default());
    engine.hidden_of(&[1, 2], &[1]).unwrap();
    let ask = tts_core::Request {
        until: tts_core::Until::Tokens(12),
        ..request(Prompt::text("How many?"), vec![4])
    };
    let line = lines(&engine, &ask).remove(0);
    let mut tokens = engine.encode(ask.prefix.prompt()).unwrap();
    let prompt = tokens.len();
    tokens.extend(generated(&line));
    // The last token is written and never run.
    tokens.pop();
    let _ = engine.executor().rows();
    let positions: Vec<usize> = (prompt - 1..tokens.len()).collect();
    assert!(positions.len() > 3);
    let kept = engine.hidden_of(&tokens, &positions).unwrap();
    assert_eq!(engine.executor().rows(), 0);
    engine.forget();
    assert_eq!(engine.hidden_of(&tokens, &positions).unwrap(), kept);
}

/// Log-probabilities want the row at every position, which would be much to keep.
#[test]
fn log_probabilities_keep_keys_and_values_and_no_rows() {
    let engine = counted(EngineConfig::default());
    let given = Given { context: vec![1, 2, 3], tokens: vec![4, 5, 6] };
    let judged = engine.logprobs(std::slice::from_ref(&given)).unwrap();
    let _ = engine.executor().rows();
    // All that the cache holds of the text is there, but the row has to be run for.
    engine.hidden_of(&[1, 2, 3, 4, 5], &[3]).unwrap();
    assert!((1..5).contains(&engine.executor().rows()));
    assert_eq!(engine.logprobs(&[given]).unwrap(), judged);
}

/// As many texts run together as lines may, and as their keys and values have room.
#[test]
fn given_texts_run_in_waves() {
    let texts: Vec<Wanted> =
        (0..6).map(|first| Wanted { tokens: vec![first, 7, 8, 9], positions: vec![3] }).collect();
    let each = counted(EngineConfig::default()).executor().token_bytes();
    for (max_lines, tokens, passes) in
        [(64, 1000, 1), (2, 1000, 3), (4, 1000, 2), (64, 8, 3), (64, 1, 6)]
    {
        let config =
            EngineConfig { max_lines, line_bytes: tokens * each, ..EngineConfig::default() };
        let engine = counted(config);
        engine.hidden(&texts).unwrap();
        assert_eq!(engine.executor().passes(), passes, "{max_lines} lines, {tokens} tokens");
    }
}

/// Two prompts of 100 tokens, and lines of 10 behind them: both together are 220 tokens.
#[test]
fn prompts_that_the_cache_lacks_count_among_the_bytes_of_lines() {
    for (tokens, most) in [(219, 100), (220, 200)] {
        let each = counted(EngineConfig::default()).executor().token_bytes();
        let engine = counted(EngineConfig { line_bytes: tokens * each, ..EngineConfig::default() });
        let ask = |letter: &str| tts_core::Request {
            max_tokens: 10,
            ..request(Prompt::text(letter.repeat(100)), vec![1])
        };
        engine.generate(&[ask("x"), ask("y")]).unwrap();
        assert_eq!(engine.executor().most(), most, "{tokens}");
    }
}

/// Numbers below `limit`.
struct Draw(tts_core::seed::Rng);

impl Draw {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
    fn below(&mut self, limit: usize) -> usize {
        (self.0.uniform() * limit as f64) as usize
    }

    fn token(&mut self) -> u32 {
        u32::try_from(self.below(3)).unwrap() + 97
    }
}

/// Paths of a random tree over three tokens: many share beginnings, some are the beginning of
/// another or its equal; positions lie in the last third, or anywhere.
fn tree(draw: &mut Draw, count: usize) -> Vec<Wanted> {
    let mut texts: Vec<Wanted> = Vec::new();
    for _ in 0..count {
        let mut tokens = match texts.len() {
            0 => (0..20).map(|_| draw.token()).collect(),
            known => texts[draw.below(known)].tokens.clone(),
        };
        tokens.truncate(draw.below(tokens.len() + 8).max(1));
        tokens.extend((0..draw.below(12)).map(|_| draw.token()).collect::<Vec<_>>());
        let length = tokens.len();
        let first = if draw.below(3) == 0 { 0 } else { length * 2 / 3 };
        let positions = (0..draw.below(5)).map(|_| first + draw.below(length - first)).collect();
        texts.push(Wanted { tokens, positions });
    }
    texts
}

type Rows = Vec<Vec<u32>>;

fn bits(rows: &[Vec<f32>]) -> Rows {
    rows.iter().map(|row| row.iter().map(|x| x.to_bits()).collect()).collect()
}

/// All texts, in random batches in a random order.
fn in_batches(backbone: &dyn Backbone, texts: &[Wanted], draw: &mut Draw) -> Vec<Rows> {
    let mut order: Vec<usize> = (0..texts.len()).collect();
    for place in (1..order.len()).rev() {
        order.swap(place, draw.below(place + 1));
    }
    let mut found = vec![Vec::new(); texts.len()];
    let mut rest = order.as_slice();
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(1 + draw.below(rest.len().min(9)));
        let asked: Vec<Wanted> = batch.iter().map(|&text| texts[text].clone()).collect();
        for (&text, rows) in batch.iter().zip(backbone.hidden(&asked).unwrap()) {
            found[text] = bits(&rows);
        }
        rest = later;
    }
    found
}

fn check_company<E: Executor>(engine: &Engine<E>, count: usize, rounds: u64) {
    for round in 0..rounds {
        let mut draw = Draw(tts_core::seed::rng(round));
        let texts = tree(&mut draw, count);
        let alone = |text: &Wanted| {
            engine.forget();
            bits(&engine.hidden_of(&text.tokens, &text.positions).unwrap())
        };
        let alone: Vec<Rows> = texts.iter().map(alone).collect();
        for (rows, text) in alone.iter().zip(&texts) {
            assert_eq!(rows.len(), text.positions.len());
            assert!(rows.iter().all(|row| row.len() == engine.width()));
        }
        engine.forget();
        for _ in 0..2 {
            let together: Vec<Rows> =
                engine.hidden(&texts).unwrap().iter().map(|rows| bits(rows)).collect();
            assert!(together == alone, "all at once");
        }
        assert!(in_batches(engine, &texts, &mut draw) == alone, "from the cache");
        engine.forget();
        assert!(in_batches(engine, &texts, &mut draw) == alone, "in batches");
    }
}

#[test]
fn rows_are_the_same_in_any_company() {
    let base = EngineConfig::default();
    for config in [
        base,
        EngineConfig { threads: 2, prefill_rows: 7, ..base },
        EngineConfig { max_lines: 3, ..base },
        EngineConfig { cache_bytes: 0, ..base },
        EngineConfig { cache_bytes: 40_000, line_bytes: 100_000, ..base },
    ] {
        check_company(&engine(config), 30, 4);
    }
    let plain = Plain::<Cpu>::new(weights("qwen3")).unwrap();
    let tokenizer = Arc::new(Tokenizer::bytes().unwrap());
    check_company(&Engine::new(plain, tokenizer, None, base).unwrap(), 12, 1);
}

#[test]
fn no_token_of_a_batch_is_computed_twice() {
    for cache_bytes in [0, 1 << 30] {
        let engine = counted(EngineConfig { cache_bytes, prefill_rows: 16, ..Default::default() });
        for round in 0..20 {
            let mut draw = Draw(tts_core::seed::rng(round));
            let texts = tree(&mut draw, 40);
            engine.forget();
            engine.executor().rows();
            engine.hidden(&texts).unwrap();
            let wanting = texts.iter().filter(|text| !text.positions.is_empty());
            let beginnings: HashSet<&[u32]> = wanting
                .flat_map(|text| (1..=text.tokens.len()).map(|end| &text.tokens[..end]))
                .collect();
            assert_eq!(engine.executor().rows(), beginnings.len());
            assert!(engine.executor().most() <= 16);
        }
    }
}

#[test]
fn a_growing_path_is_computed_once() {
    let engine = counted(EngineConfig::default());
    let mut draw = Draw(tts_core::seed::rng(3));
    let mut paths: Vec<Vec<u32>> = vec![(0..24).map(|_| draw.token()).collect(); 16];
    for step in 0..6 {
        let mut texts = Vec::new();
        for (index, path) in paths.iter_mut().enumerate() {
            path.push(u32::try_from(index).unwrap());
            path.extend((0..11).map(|_| draw.token()));
            texts.push(Wanted { tokens: path.clone(), positions: vec![path.len() - 1] });
        }
        engine.hidden(&texts).unwrap();
        // 16 steps of 12 tokens, and once the prompt.
        let prompt = if step == 0 { 24 } else { 0 };
        assert_eq!(engine.executor().rows(), prompt + 16 * 12);
        assert_eq!(engine.executor().passes(), if step == 0 { 2 } else { 1 });
        // Seen again, nothing is run: the rows are known.
        engine.hidden(&texts).unwrap();
        assert_eq!(engine.executor().passes(), 0);
    }
}

#[test]
fn likelihoods_share_their_context() {
    let engine = counted(EngineConfig::default());
    let context: Vec<u32> = (0..30).collect();
    let given = |answer: &[u32]| Given { context: context.clone(), tokens: answer.to_vec() };
    let batch = [given(&[1, 2, 3]), given(&[]), given(&[1, 2, 4]), given(&[5, 6])];
    let together = engine.logprobs(&batch).expect("runs");
    // The last token of an answer is not run: `[1, 2]` serves two answers.
    assert_eq!(engine.executor().rows(), 30 + 2 + 1);
    for (given, together) in batch.iter().zip(together) {
        engine.forget();
        let alone = engine.logprobs(std::slice::from_ref(given)).expect("runs").remove(0);
        assert_eq!(bits(&[alone]), bits(&[together]));
    }
}

#[test]
fn a_bad_text_is_named_and_nothing_runs() {
    let engine = counted(EngineConfig::default());
    let text =
        |tokens: Vec<u32>, positions: &[usize]| Wanted { tokens, positions: positions.to_vec() };
    let fine = text(vec![1, 2, 3], &[0, 2]);
    for (bad, problem) in [
        (text(vec![1, 2], &[0, 2]), "texts[2]: position 2 is outside a text of 2 tokens"),
        (text(vec![], &[0]), "texts[2]: position 0 is outside a text of 0 tokens"),
        (text(vec![1, 999], &[0]), "texts[2]: token: 999 is outside the vocabulary of 262"),
        (text(vec![1; 601], &[0]), "texts[2]: 601 tokens, but the model knows 600 positions"),
    ] {
        let error = engine.hidden(&[fine.clone(), Wanted::default(), bad]).unwrap_err();
        assert!(error.to_string().starts_with(problem), "{error}");
        assert_eq!(engine.executor().rows(), 0);
    }
    let unasked = text(vec![999], &[]);
    assert_eq!(engine.hidden(&[unasked, fine]).unwrap().iter().map(Vec::len).sum::<usize>(), 2);
    assert!(engine.hidden(&[]).unwrap().is_empty());
}

#[test]
fn what_was_generated_is_not_computed_again() {
    let engine = counted(EngineConfig::default());
    let prefix = Trajectory::new(Arc::new(Prompt::text("How many?")), Vec::new(), 0, false);
    let request = tts_core::Request {
        until: tts_core::Until::Tokens(20),
        sampling: tts_core::Sampling::temperature(1.0),
        max_tokens: 20,
        ..tts_core::Request::new(prefix, (0..8).collect())
    };
    let prompt = engine.encode(&Prompt::text("How many?")).unwrap();
    let made = tts_core::Generator::generate(&engine, &[request]).expect("runs").remove(0);
    engine.executor().rows();
    let text = |line: tts_core::Completion| {
        let steps = line.steps.iter().flat_map(|step| &step.tokens);
        let tokens: Vec<u32> = prompt.iter().chain(steps).copied().collect();
        Wanted { positions: vec![tokens.len() - 1], tokens }
    };
    let texts: Vec<Wanted> = made.lines.into_iter().map(|line| text(line.expect("runs"))).collect();
    engine.hidden(&texts).unwrap();
    // The last token of a line was sampled and never run.
    assert_eq!(engine.executor().rows(), 8);
}
