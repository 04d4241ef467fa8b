//! Heads score whole batches in one call of the backbone: what is run, and whose fault is named.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use tts_core::{Prompt, Step, StepScorer, Trajectory};
use tts_models::testing::{Counting, tiny_config};
use tts_models::{Backbone, DecoderWeights, Engine, EngineConfig, ModelConfig, Native, Tokenizer};
use tts_prm::{HeadConfig, Linear, OutcomeHead, ProcessHead, Reading, RewardHead, Separator};

const PROMPT: &str = "Q: How many clips in April and May?\nA:";

fn engine() -> Engine<Counting<Native>> {
    engine_of("qwen3")
}

fn engine_of(architecture: &str) -> Engine<Counting<Native>> {
    let config = ModelConfig {
        vocab_size: 260,
        max_position_embeddings: 256,
        bos_token_id: None,
        eos_token_ids: vec![258],
        ..tiny_config(architecture)
    };
    let weights = DecoderWeights::random(config, 7).unwrap();
    let native = Counting::new(Native::new(weights, 1).unwrap());
    let config = EngineConfig { threads: 1, ..EngineConfig::default() };
    Engine::new(native, Arc::new(Tokenizer::bytes().unwrap()), None, config).unwrap()
}

fn head(separator: Option<Separator>) -> RewardHead {
    let weight = (0..8).map(|i| (i as f32 * 1.7).sin()).collect();
    let layer = Linear { weight, bias: None, outputs: 1, inputs: 8 };
    RewardHead::new(vec![layer], HeadConfig { separator, ..HeadConfig::default() }).unwrap()
}

/// The `index`th of many candidates, with steps of 12 tokens that differ from the first one on.
fn candidate(index: u8, steps: usize, fresh: usize, finished: bool) -> Trajectory {
    let step = |place: usize| {
        let text = format!("{}{place} is 10 or\n", char::from(b'a' + index));
        let tokens: Vec<u32> = text.bytes().map(u32::from).collect();
        assert_eq!(tokens.len(), 12);
        Arc::new(Step { text, logprobs: vec![-1.0; 12], tokens, ..Step::default() })
    };
    let prompt = Arc::new(Prompt::text(PROMPT));
    Trajectory::new(prompt, (0..steps).map(step).collect(), fresh, finished)
}

#[test]
fn candidates_of_one_prompt_compute_it_once_and_then_their_fresh_steps() {
    let engine = engine();
    let prompt = engine.encode(&Prompt::text(PROMPT)).unwrap().len();
    for separator in [None, Some(Separator::Ids(vec![10, 259]))] {
        engine.forget();
        let step = 12 + if separator.is_some() { 2 } else { 0 };
        let scorer = ProcessHead::new(&engine, head(separator)).unwrap();
        for steps in 1..=4 {
            let paths: Vec<_> = (0..16).map(|i| candidate(i, steps, 1, steps == 4)).collect();
            let scores = scorer.score(&paths).unwrap();
            let fresh = engine.executor().rows() - 16 * step;
            assert_eq!(fresh, if steps == 1 { prompt } else { 0 });
            assert_eq!(engine.executor().passes(), if steps == 1 { 2 } else { 1 });
            assert!(scores.iter().all(|scored| scored.scores.len() == 1));
        }
    }
}

/// On a mixture of experts, too, a path's scores are those that it has alone.
#[test]
fn reward_models_of_experts_judge_each_path_for_itself() {
    for architecture in ["qwen3_moe", "qwen2_moe", "gpt_oss", "mixtral"] {
        let engine = engine_of(architecture);
        let scorer = ProcessHead::new(&engine, head(None)).unwrap();
        let paths: Vec<_> = (0..8).map(|i| candidate(i, 3, 3, false)).collect();
        let together = scorer.score(&paths).unwrap();
        for (path, expected) in paths.iter().zip(&together) {
            assert_eq!(expected.scores.len(), 3);
            engine.forget();
            assert_eq!(scorer.score(std::slice::from_ref(path)).unwrap()[0], *expected);
        }
        let outcome = OutcomeHead::new(&engine, head(None)).unwrap();
        let ended = [candidate(0, 3, 1, true)];
        assert_eq!(outcome.score(&ended).unwrap()[0].scores.len(), 1);
    }
}

#[test]
fn labels_of_tokens_cost_no_more_than_one_at_the_end() {
    let engine = engine();
    let prompt = engine.encode(&Prompt::text(PROMPT)).unwrap().len();
    let layer = Linear { weight: vec![0.1; 260 * 8], bias: None, outputs: 260, inputs: 8 };
    let config = HeadConfig { reading: Reading::Tokens, ..HeadConfig::default() };
    let scorer = ProcessHead::new(&engine, RewardHead::new(vec![layer], config).unwrap()).unwrap();
    for steps in 1..=4 {
        let paths: Vec<_> = (0..16).map(|i| candidate(i, steps, 1, steps == 4)).collect();
        scorer.score(&paths).unwrap();
        // The last token of a step is run when the next one is judged, and never without need.
        let expected = if steps == 1 { prompt + 16 * 11 } else { 16 * 12 };
        assert_eq!(engine.executor().rows(), expected);
    }
}

#[test]
fn an_outcome_head_runs_finished_paths_only() {
    let engine = engine();
    let scorer = OutcomeHead::new(&engine, head(None)).unwrap();
    let open: Vec<_> = (0..4).map(|i| candidate(i, 3, 2, false)).collect();
    let neutral = scorer.score(&open).unwrap();
    assert_eq!(engine.executor().rows(), 0);
    let paths = [&open[..], &[candidate(4, 2, 2, true), candidate(5, 2, 0, true)]].concat();
    let scores = scorer.score(&paths).unwrap();
    assert_eq!(scores[..4], neutral);
    let alone = scorer.score(&paths[4..5]).unwrap();
    assert_eq!(scores[4], alone[0]);
    assert!((scores[4].scores[0] - 0.5).abs() < 1e-12);
    assert!((scores[4].scores[1] - 0.5).abs() > 1e-9);
    assert!(scores[5].scores.is_empty());
}

#[test]
fn the_path_at_fault_is_named_and_one_too_long_is_refused() {
    let engine = engine();
    let mut batch = vec![candidate(0, 2, 1, false), candidate(1, 2, 1, true)];
    let huge = Step { text: "x".repeat(300), tokens: vec![120; 300], ..Step::default() };
    let prompt = Arc::new(Prompt::text(PROMPT));
    batch.push(Trajectory::new(Arc::clone(&prompt), vec![Arc::new(huge)], 1, true));
    let unknown = Step { text: "?".into(), tokens: vec![63, 260], ..Step::default() };
    let unknown = Trajectory::new(Arc::clone(&prompt), vec![Arc::new(unknown)], 1, true);
    let process = ProcessHead::new(&engine, head(None)).unwrap();
    let outcome = OutcomeHead::new(&engine, head(None)).unwrap();
    let scorers: [&dyn StepScorer; 2] = [&process, &outcome];
    for scorer in scorers {
        // One that is too long is refused, and leaves the others alone.
        let all = scorer.score(&batch).unwrap();
        let why = all[2].refused.as_deref().unwrap_or_default();
        assert_eq!(why, "338 tokens, but the reward model knows 256 positions");
        assert_eq!(all[..2], scorer.score(&batch[..2]).unwrap());
        // One that takes up all positions is judged.
        let just = Step { text: "x".repeat(218), tokens: vec![120; 218], ..Step::default() };
        let just = Trajectory::new(Arc::clone(&prompt), vec![Arc::new(just)], 1, true);
        assert!(scorer.score(&[just]).unwrap()[0].scores[0].is_finite());
        let _ = engine.executor().rows();
        // The outcome head asks nothing of path 0, which keeps its place.
        let error = scorer.score(&[&batch[..2], std::slice::from_ref(&unknown)].concat());
        let error = error.unwrap_err().to_string();
        assert!(error.contains("texts[2]: token: 260 is outside the vocabulary"), "{error}");
        assert_eq!(engine.executor().rows(), 0);
    }
    let nothing =
        Trajectory::new(Arc::new(Prompt::text("")), vec![Arc::new(Step::default())], 1, true);
    let error = outcome.score(&[batch[0].clone(), nothing]).unwrap_err().to_string();
    assert!(error.contains("path 1: step 0"), "{error}");
}
