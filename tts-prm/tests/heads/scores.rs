//! What heads say of paths: against the hidden rows, alone and in batches, with separators.

use std::sync::Arc;

use tts_core::{Aggregate, Prompt, StepScorer, Trajectory};
use tts_models::{Backbone, Engine, Native};
use tts_prm::{
    HeadConfig, HeadOutput, Linear, NeutralLabel, OutcomeHead, ProcessHead, Reading, RewardHead,
    Separator,
};

use crate::{STEPS, bits, by_hand, close, config_cost, engine, head, layer, path};

#[test]
fn one_pass_equals_step_by_step_bit_for_bit() {
    for separator in
        [None, Some(Separator::Ids(vec![259])), Some(Separator::Text("<|pad|>".into()))]
    {
        let config = HeadConfig { separator, ..HeadConfig::default() };
        let whole = ProcessHead::new(Arc::new(engine()), head(2, config.clone())).unwrap();
        let whole = whole.score(&[path(&STEPS, 3, true)]).unwrap().remove(0).scores;
        assert_eq!(whole.len(), 3);
        assert!(whole.iter().all(|score| (0.0..=1.0).contains(score)));
        assert_ne!(bits(&whole)[0], bits(&whole)[1]);
        let engine = engine();
        let scorer = ProcessHead::new(&engine, head(2, config)).unwrap();
        for count in 1..=3 {
            let one = scorer.score(&[path(&STEPS[..count], 1, count == 3)]).unwrap();
            assert_eq!(bits(&one[0].scores), bits(&whole[count - 1..count]));
        }
        assert_eq!(scorer.cost(), config_cost());
    }
}

#[test]
fn alone_equals_in_a_batch_bit_for_bit() {
    let batch = [
        path(&STEPS, 3, true),
        path(&["5\n"], 1, false),
        path(&["2 + 2\n", "7 or so\n"], 2, false),
        path(&STEPS, 0, false),
    ];
    for kind in 0..2 {
        let engine = engine();
        let score = |paths: &[Trajectory]| {
            let head = head(1, HeadConfig::default());
            if kind == 0 {
                ProcessHead::new(&engine, head).unwrap().score(paths).unwrap()
            } else {
                OutcomeHead::new(&engine, head).unwrap().score(paths).unwrap()
            }
        };
        let together = score(&batch);
        engine.forget();
        for (path, expected) in batch.iter().zip(&together).rev() {
            let alone = score(std::slice::from_ref(path));
            assert_eq!(bits(&alone[0].scores), bits(&expected.scores));
            assert_eq!(expected.scores.len(), path.fresh_steps().len());
        }
    }
}

/// Hidden row of the last token of the given text.
fn row(engine: &Engine<Native>, tokens: &[u32]) -> Vec<f64> {
    let row = engine.hidden_of(tokens, &[tokens.len() - 1]).unwrap().remove(0);
    row.into_iter().map(f64::from).collect()
}

#[test]
fn scores_are_what_the_hidden_rows_say() {
    let engine = engine();
    let mut tokens = engine.encode(&Prompt::text("Q: 2 + 2?\nA:")).unwrap();
    let mut rows = Vec::new();
    for text in STEPS {
        tokens.extend(text.bytes().map(u32::from));
        rows.push(row(&engine, &tokens));
    }
    let score = |labels: usize, config: HeadConfig| {
        let scorer = ProcessHead::new(&engine, head(labels, config)).unwrap();
        scorer.score(&[path(&STEPS, 3, false)]).unwrap().remove(0).scores
    };
    let base = HeadConfig::default;
    let raw = HeadConfig { output: HeadOutput::Raw, ..base() };
    let first = HeadConfig { positive: Some(0), ..base() };
    let strict = HeadConfig { neutral: NeutralLabel::Negative, ..base() };
    for (place, row) in rows.iter().enumerate() {
        let one = by_hand(&layer(1, 8, 1), row)[0];
        close(score(1, base())[place], 1.0 / (1.0 + (-one).exp()));
        close(score(1, raw.clone())[place], one);
        let softmax = |logits: Vec<f64>| -> Vec<f64> {
            let total: f64 = logits.iter().map(|x| x.exp()).sum();
            logits.iter().map(|x| x.exp() / total).collect()
        };
        let two = softmax(by_hand(&layer(2, 8, 1), row));
        close(score(2, base())[place], two[1]);
        close(score(2, first.clone())[place], two[0]);
        close(score(2, raw.clone())[place], (two[1] / two[0]).ln());
        let three = softmax(by_hand(&layer(3, 8, 1), row));
        close(score(3, base())[place], three[1] + three[2]);
        close(score(3, strict.clone())[place], three[2]);
    }
    // Two layers around a ReLU.
    let (inner, outer) = (layer(5, 8, 3), layer(2, 5, 4));
    let deep = RewardHead::new(vec![inner.clone(), outer.clone()], base()).unwrap();
    let scorer = ProcessHead::new(&engine, deep).unwrap();
    let found = scorer.score(&[path(&STEPS, 3, false)]).unwrap().remove(0).scores;
    let mut cut = 0;
    for (row, score) in rows.iter().zip(found) {
        let mut x = by_hand(&inner, row);
        cut += x.iter().filter(|x| **x < 0.0).count();
        for x in &mut x {
            *x = x.max(0.0);
        }
        let y = by_hand(&outer, &x);
        close(score, y[1].exp() / (y[0].exp() + y[1].exp()));
    }
    assert!(cut > 0, "the ReLU never did anything");
}

#[test]
fn separators_are_put_after_every_step() {
    let engine = engine();
    let config =
        HeadConfig { separator: Some(Separator::Ids(vec![10, 259])), ..Default::default() };
    let process = ProcessHead::new(&engine, head(1, config.clone())).unwrap();
    let found = process.score(&[path(&STEPS, 1, true)]).unwrap().remove(0).scores;
    let mut tokens = engine.encode(&Prompt::text("Q: 2 + 2?\nA:")).unwrap();
    let start = tokens.clone();
    for text in STEPS {
        tokens.extend(text.bytes().map(u32::from).chain([10, 259]));
    }
    let logit = |tokens: &[u32]| by_hand(&layer(1, 8, 1), &row(&engine, tokens))[0];
    close(found[0], 1.0 / (1.0 + (-logit(&tokens)).exp()));
    // An outcome head sees one, at the end.
    let outcome = OutcomeHead::new(&engine, head(1, config)).unwrap();
    let found = outcome.score(&[path(&STEPS, 2, true)]).unwrap().remove(0).scores;
    let mut tokens = start;
    tokens.extend(STEPS.concat().bytes().map(u32::from).chain([10, 259]));
    close(found[0], 0.5);
    close(found[1], 1.0 / (1.0 + (-logit(&tokens)).exp()));
}

#[test]
fn outcome_heads_say_nothing_about_what_is_not_finished() {
    let engine = engine();
    for (output, neutral) in [(HeadOutput::Probability, 0.5), (HeadOutput::Raw, 0.0)] {
        let config = HeadConfig { output, ..HeadConfig::default() };
        let scorer = OutcomeHead::new(&engine, head(1, config)).unwrap();
        let open = scorer.score(&[path(&STEPS, 3, false)]).unwrap().remove(0).scores;
        for score in open {
            close(score, neutral);
        }
        let done = scorer.score(&[path(&STEPS, 3, true)]).unwrap().remove(0).scores;
        close(done[0], neutral);
        close(done[1], neutral);
        assert!((done[2] - neutral).abs() > 1e-9);
        assert_eq!(Aggregate::Last.apply(done.clone()), Some(done[2]));
    }
}

#[test]
fn a_temperature_divides_log_odds_and_keeps_their_order() {
    let layer =
        || Linear { weight: vec![1.0, -0.5], bias: Some(vec![0.25]), outputs: 1, inputs: 2 };
    let head = |temperature, output, reading| {
        let config = HeadConfig { temperature, output, reading, ..HeadConfig::default() };
        RewardHead::new(vec![layer()], config)
    };
    let raw =
        |temperature| head(temperature, HeadOutput::Raw, Reading::End).unwrap().score(&[3.0, 1.0]);
    assert_eq!((raw(None), raw(Some(1.0)), raw(Some(4.0))), (2.75, 2.75, 2.75 / 4.0));
    let warm = head(Some(4.0), HeadOutput::Probability, Reading::End).unwrap();
    let expected = 1.0 / (1.0 + (-2.75_f64 / 4.0).exp());
    assert!((warm.score(&[3.0, 1.0]) - expected).abs() < 1e-12);
    let tokens = head(Some(4.0), HeadOutput::Probability, Reading::Tokens).unwrap();
    let both = tokens.score_tokens(&[vec![3.0, 1.0], vec![3.0, 1.0]], &[0, 0]).unwrap();
    assert!((both - expected * expected).abs() < 1e-12);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = head(Some(bad), HeadOutput::Raw, Reading::End).unwrap_err().to_string();
        assert!(error.contains("temperature"), "{error}");
    }
}

#[test]
fn what_is_no_number_passes_no_layer_as_a_score() {
    let layer = |outputs| Linear { weight: vec![1.0; outputs], bias: None, outputs, inputs: 1 };
    let last = Linear { weight: vec![1.0, 1.0], bias: None, outputs: 1, inputs: 2 };
    let head = RewardHead::new(vec![layer(2), last], HeadConfig::default()).unwrap();
    assert!(head.score(&[f32::NAN]).is_nan());
    // What is below zero does.
    assert_eq!((head.score(&[-3.0]), head.logits(&[2.0])), (0.5, vec![4.0]));
}

/// Odds that separate the labels could be as sure as they like, and those that are always wrong, or
/// nothing, as doubtful: neither is a temperature.
#[test]
fn odds_that_no_temperature_fits_best_are_refused() {
    for (odds, labels, expected) in [
        ([0.1, -0.1], [1.0, 0.0], "separate the labels"),
        ([1.0, 2.0], [1.0, 1.0], "all labels are on one side"),
        ([-1.0, -2.0], [0.0, 0.0], "all labels are on one side"),
        ([40.0, -40.0], [1.0, 0.0], "separate the labels"),
        ([0.1, -0.1], [0.0, 1.0], "say nothing of the labels, or the opposite"),
        ([-1.0, -2.0], [1.0, 1.0], "say nothing of the labels, or the opposite"),
        ([0.0, 0.0], [1.0, 0.0], "say nothing of the labels"),
    ] {
        let error = tts_prm::fit_temperature(&odds, &labels).unwrap_err().to_string();
        assert!(error.contains(expected), "{odds:?} {labels:?}: {error}");
        assert!(error.contains("expected more problems"), "{error}");
    }
    // One that is wrong is enough.
    let found = tts_prm::fit_temperature(&[3.0, 2.0, -1.0], &[1.0, 1.0, 1.0]).unwrap();
    assert!((0.01..100.0).contains(&found), "{found}");
}

/// A head whose log-odds are three times too large, on 20,000 steps: the temperature is found to
/// within 4 standard errors of about 0.03, also from soft labels.
#[test]
fn the_temperature_of_an_overconfident_head_is_found() {
    let mut rng = tts_core::seed::rng(5);
    let mut uniform = || rng.uniform();
    let (mut odds, mut hard, mut soft) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..20_000 {
        let true_odds = 6.0 * uniform() - 3.0;
        let probability = 1.0 / (1.0 + (-true_odds).exp());
        odds.push(3.0 * true_odds);
        hard.push(if uniform() < probability { 1.0 } else { 0.0 });
        soft.push(probability);
    }
    let found = tts_prm::fit_temperature(&odds, &hard).unwrap();
    assert!((found - 3.0).abs() < 0.12, "{found}");
    assert!((tts_prm::fit_temperature(&odds, &soft).unwrap() - 3.0).abs() < 1e-9);
    for (odds, labels) in
        [(vec![], vec![]), (vec![1.0], vec![]), (vec![f64::NAN], vec![1.0]), (vec![1.0], vec![1.5])]
    {
        assert!(tts_prm::fit_temperature(&odds, &labels).is_err());
    }
}
