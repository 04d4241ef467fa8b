//! Implicit rewards on two tiny random models, against their own next-token logits.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use tts_core::{Aggregate, Prompt, Step, StepScorer, Trajectory};
use tts_models::testing::tiny_config;
use tts_models::{
    DecoderWeights, Engine, EngineConfig, LanguageModel, ModelConfig, Native, Tokenizer,
};
use tts_prm::ImplicitReward;

fn engine(seed: u64) -> Engine<Native> {
    let config = ModelConfig { vocab_size: 262, eos_token_ids: vec![258], ..tiny_config("llama") };
    let native = Native::new(DecoderWeights::random(config, seed).unwrap(), 1).unwrap();
    let tokenizer = Arc::new(Tokenizer::bytes().unwrap());
    Engine::new(native, tokenizer, None, EngineConfig::default()).unwrap()
}

const PROMPT: &str = "2+2?";
const STEPS: [&str; 3] = ["2+2\n", "=4\n", "So 4"];

fn path(fresh: usize) -> Trajectory {
    let step = |text: &str| {
        let tokens = text.bytes().map(u32::from).collect();
        Arc::new(Step { text: text.into(), tokens, ..Step::default() })
    };
    let steps: Vec<_> = STEPS.iter().map(|text| step(text)).collect();
    Trajectory::new(Arc::new(Prompt::text(PROMPT)), steps, fresh, true)
}

fn scores(scorer: &ImplicitReward<'_>, path: Trajectory) -> Vec<f64> {
    scorer.score(&[path]).unwrap().remove(0).scores
}

/// `ln p` of each token of the steps, from logits.
fn logprobs(model: &dyn LanguageModel) -> Vec<f64> {
    let mut text = model.encode(&Prompt::text(PROMPT)).unwrap();
    let mut out = Vec::new();
    for token in STEPS.concat().bytes().map(u32::from) {
        let mut logits = model.next_logits(&text).unwrap();
        // Rows beyond the tokenizer are padding of the matrix.
        logits.truncate(model.tokenizer().vocab_size());
        let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
        out.push(f64::from(logits[token as usize]) - sum.ln());
        text.push(token);
    }
    out
}

#[test]
fn rewards_are_log_ratios_and_add_up_to_that_of_the_solution() {
    let (model, reference) = (engine(1), engine(2));
    let scorer = ImplicitReward::new(&model, &reference, 0.05).unwrap();
    let found = scores(&scorer, path(3));
    let (own, other) = (logprobs(&model), logprobs(&reference));
    let mut at = 0;
    for (found, step) in found.iter().zip(STEPS) {
        let range = at..at + step.len();
        at += step.len();
        let expected: f64 = range.map(|token| 0.05 * (own[token] - other[token])).sum();
        assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
    }
    let whole: f64 = 0.05 * own.iter().zip(&other).map(|(a, b)| a - b).sum::<f64>();
    assert!((Aggregate::Sum.apply(found.clone()).unwrap() - whole).abs() < 1e-6);
    assert!(whole.abs() > 1e-4, "the models agree: nothing is tested");
    // One step at a time, and in a batch: the same bits.
    assert_eq!(scores(&scorer, path(1)), found[2..]);
    let both = scorer.score(&[path(2), path(3)]).unwrap();
    assert_eq!((&both[0].scores[..], &both[1].scores[..]), (&found[1..], &found[..]));
    // The other way round, the opposite; a model over itself, nothing.
    let turned = ImplicitReward::new(&reference, &model, 0.05).unwrap();
    assert!(scores(&turned, path(3)).iter().zip(&found).all(|(a, b)| (a + b).abs() < 1e-12));
    let same = ImplicitReward::new(&model, &model, 1.0).unwrap();
    assert!(scores(&same, path(3)).iter().all(|score| score.abs() < 1e-12));
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let model = engine(1);
    for beta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(ImplicitReward::new(&model, &model, beta).is_err(), "{beta}");
    }
    let scorer = ImplicitReward::new(&model, &model, 0.05).unwrap();
    let silent = Arc::new(Step { text: "words".into(), ..Step::default() });
    let path = Trajectory::new(Arc::new(Prompt::text(PROMPT)), vec![silent], 1, true);
    let error = scorer.score(&[path]).unwrap_err().to_string();
    assert!(error.contains("path 0: step 0: no tokens"), "{error}");
}
