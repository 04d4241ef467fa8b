//! Heads with a label for each token, read at the place before it.

use std::sync::Arc;

use tts_core::scorer::NEUTRAL;
use tts_core::{Prompt, StepScorer, Trajectory};
use tts_models::Backbone;
use tts_prm::{
    HeadConfig, HeadOutput, Linear, OutcomeHead, ProcessHead, Reading, RewardHead, Separator,
};

use crate::{STEPS, bits, engine, head, path, step};

#[test]
fn reading_tokens_multiplies_what_the_rows_before_say_of_them() {
    let separator = Some(Separator::Ids(vec![259, 257]));
    for separator in [None, separator] {
        let config = HeadConfig {
            reading: Reading::Tokens,
            separator: separator.clone(),
            ..HeadConfig::default()
        };
        let engine = engine();
        let raw = HeadConfig { output: HeadOutput::Raw, ..config.clone() };
        let log_odds = ProcessHead::new(&engine, head(260, raw)).unwrap();
        let scorer = ProcessHead::new(&engine, head(260, config.clone())).unwrap();
        let whole = scorer.score(&[path(&STEPS, 3, true)]).unwrap().remove(0).scores;
        // Token by token, each by the row before it and its own label.
        let after = match &separator {
            Some(Separator::Ids(ids)) => ids.clone(),
            _ => Vec::new(),
        };
        let mut tokens = engine.encode(&Prompt::text("Q: 2 + 2?\nA:")).unwrap();
        let mut last = 1.0;
        for (text, &score) in STEPS.iter().zip(&whole) {
            let mut product = 1.0;
            for token in text.bytes().map(u32::from).chain(after.iter().copied()) {
                let rows = engine.hidden_of(&tokens, &[tokens.len() - 1]).unwrap();
                let odds = scorer.head().logits(&rows[0])[token as usize];
                last = 1.0 / (1.0 + (-odds).exp());
                product *= last;
                tokens.push(token);
            }
            assert!((product / score - 1.0).abs() < 1e-9, "{product} {score}");
        }
        // Fresh steps alone, in a batch with others, and as log-odds.
        for count in 1..=3 {
            let batch = [path(&STEPS[..count], 1, count == 3), path(&["5\n"], 1, false)];
            let scores = scorer.score(&batch).unwrap();
            assert_eq!(bits(&scores[0].scores), bits(&whole[count - 1..count]));
            let odds = log_odds.score(&batch).unwrap()[0].scores[0];
            let p = whole[count - 1];
            assert!((odds - (p / (1.0 - p)).ln()).abs() < 1e-9 * odds.abs(), "{odds} {p}");
        }
        // Of a step without tokens nothing is said, unless the separator is judged.
        let empty = scorer.score(&[path(&["2 + 2\n", ""], 2, true)]).unwrap();
        assert_eq!(empty[0].scores.len(), 2);
        assert_eq!(empty[0].scores[1] == NEUTRAL, separator.is_none());
        // An outcome is read at the last token.
        let outcome = OutcomeHead::new(&engine, head(260, config)).unwrap();
        let scores = outcome.score(&[path(&STEPS, 3, true)]).unwrap().remove(0).scores;
        assert_eq!(scores[..2], [NEUTRAL; 2]);
        // The separator stands after the last step only; without one the text is the same.
        assert!(separator.is_some() || (scores[2] - last).abs() < 1e-12, "{scores:?} {last}");
    }
}

#[test]
fn labels_of_tokens_that_do_not_fit_are_named() {
    let engine = engine();
    let config = HeadConfig { reading: Reading::Tokens, ..HeadConfig::default() };
    let scorer = ProcessHead::new(&engine, head(50, config.clone())).unwrap();
    let error = scorer.score(&[path(&["12", "3x"], 2, true)]).unwrap_err().to_string();
    assert!(error.contains("step 0") && error.contains("has labels of 50 tokens"), "{error}");
    let scorer = ProcessHead::new(&engine, head(260, config.clone())).unwrap();
    let bare = Trajectory::new(Arc::new(Prompt::text("")), vec![step("1")], 1, false);
    let error = scorer.score(&[bare]).unwrap_err().to_string();
    assert!(error.contains("nothing to judge by"), "{error}");
    let layer = Linear { weight: vec![0.0; 2], bias: None, outputs: 2, inputs: 1 };
    let positive = HeadConfig { positive: Some(1), ..config };
    let error = RewardHead::new(vec![layer], positive).unwrap_err().to_string();
    assert!(error.contains("positive") && error.contains("those of tokens"), "{error}");
}

/// With log-odds of `x` for each of `n` tokens those of all being right are about `x - ln n`.
#[test]
fn sure_tokens_keep_their_log_odds() {
    let layer = Linear { weight: vec![1.0], bias: None, outputs: 1, inputs: 1 };
    let config =
        HeadConfig { reading: Reading::Tokens, output: HeadOutput::Raw, ..HeadConfig::default() };
    let head = RewardHead::new(vec![layer], config).unwrap();
    for odds in [30.0_f32, 40.0, 90.0, 700.0, 1e4, 3e38] {
        for count in [1_u8, 3] {
            let rows = vec![vec![odds]; usize::from(count)];
            let score = head.score_tokens(&rows, &[0, 0, 0][..usize::from(count)]).unwrap();
            let expected = f64::from(odds) - f64::from(count).ln();
            assert!((score / expected - 1.0).abs() < 1e-9, "{odds}: {score} for {expected}");
            let score = head.score_tokens(&vec![vec![-odds]; 1], &[0]).unwrap();
            assert!((score / f64::from(-odds) - 1.0).abs() < 1e-9, "{score}");
        }
    }
    let nan = head.score_tokens(&[vec![f32::NAN], vec![40.0]], &[0, 0]).unwrap();
    assert!(nan.is_nan());
    assert_eq!(head.score_tokens(&[vec![1.0]], &[0, 0]), None);
}
