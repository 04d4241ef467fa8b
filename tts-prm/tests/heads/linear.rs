//! Heads fitted to hidden rows: against another optimiser, on a backbone, and what is refused.

use tts_core::{StepScorer, Trajectory};
use tts_models::Backbone;
use tts_prm::train::{Rows, Solution, fit_head};
use tts_prm::{
    Contrast, HeadConfig, HeadOutput, Linear, NeutralLabel, ProcessHead, Reading, RewardHead,
};

use super::{STEPS, close, engine, path};

#[expect(clippy::cast_possible_truncation, reason = "test data")]
fn wave() -> Rows {
    let value = |i: i32, j: i32| ((1.7 * f64::from(3 * i + j)).sin() * f64::from(1 + j)) as f32;
    Rows {
        rows: (0..30).map(|i| (0..3).map(|j| value(i, j)).collect()).collect(),
        labels: (0..30).map(|i| (0.5 + 0.5 * f64::from(i).sin()) as f32).collect(),
    }
}

/// Expected: `PyTorch`'s L-BFGS in f64 on the same loss, columns brought to variance 1 first.
#[test]
fn the_minimum_is_that_of_another_optimiser() {
    let table = [
        (0.5, [0.178_633_2, -0.071_500_8, -0.046_137_7], 0.104_157_6),
        (20.0, [0.074_552_9, -0.020_764_9, -0.020_896_4], 0.092_405_8),
    ];
    for (ridge, weights, bias) in table {
        let head = wave().fit(ridge, HeadConfig::default()).unwrap();
        let logit = |row: &[f32]| {
            let score = head.score(row);
            (score / (1.0 - score)).ln()
        };
        let found = logit(&[0.0; 3]);
        assert!((found - bias).abs() < 1e-6, "{found}");
        for (place, expected) in weights.into_iter().enumerate() {
            let mut row = [0.0; 3];
            row[place] = 1.0;
            let found = logit(&row) - bias;
            assert!((found - expected).abs() < 1e-6, "{ridge}, {place}: {found}");
        }
    }
    // A ridge above all bounds leaves the mean of the labels.
    let flat = wave().fit(1e12, HeadConfig::default()).unwrap();
    let mean = wave().labels.iter().map(|&label| f64::from(label)).sum::<f64>() / 30.0;
    assert!((flat.score(&[1.0, 1.0, 1.0]) - mean).abs() < 1e-6);
    // Labels that can be told apart without error still have a minimum.
    let rows = (0..10).map(|i| vec![i as f32, 7.0]).collect();
    let labels = (0..10).map(|i| if i < 5 { 0.0 } else { 1.0 }).collect();
    let apart = Rows { rows, labels };
    let head = apart.fit(1e-3, HeadConfig::default()).unwrap();
    assert!(head.score(&[4.0, 7.0]) < 0.1 && head.score(&[5.0, 7.0]) > 0.9);
    assert!(apart.loss(&head).unwrap() < 0.05);
}

/// The loss is that of log-odds, whatever the scale of scores, and a temperature is fitted with.
#[test]
fn the_scale_of_scores_changes_neither_loss_nor_fit() {
    let head = |config: HeadConfig| wave().fit(0.5, config).unwrap();
    let plain = head(HeadConfig::default());
    let raw = head(HeadConfig { output: HeadOutput::Raw, ..HeadConfig::default() });
    let loss = wave().loss(&plain).unwrap();
    assert!((wave().loss(&raw).unwrap() - loss).abs() < 1e-12, "{loss}");
    let warm = head(HeadConfig { temperature: Some(2.0), ..HeadConfig::default() });
    assert!((wave().loss(&warm).unwrap() - loss).abs() < 1e-6, "{loss}");
    for row in &wave().rows {
        close(warm.score(row), plain.score(row));
    }
    // By hand: log-odds of 3 and of -1/2, both of what is right.
    let layer = |inputs| Linear { weight: vec![1.0; inputs], bias: None, outputs: 1, inputs };
    let config = HeadConfig { output: HeadOutput::Raw, ..HeadConfig::default() };
    let raw = RewardHead::new(vec![layer(1)], config).unwrap();
    let two = Rows { rows: vec![vec![3.0], vec![-0.5]], labels: vec![1.0, 1.0] };
    let expected = f64::midpoint(0.048_587_351_6, 0.974_076_984_2);
    assert!((two.loss(&raw).unwrap() - expected).abs() < 1e-9, "{:?}", two.loss(&raw));
    let config = HeadConfig { reading: Reading::Tokens, ..HeadConfig::default() };
    let tokens = RewardHead::new(vec![layer(1)], config).unwrap();
    assert_eq!(two.loss(&tokens), None);
}

#[test]
fn heads_of_another_kind_are_not_fitted() {
    let own = HeadConfig::default;
    for (config, expected) in [
        (HeadConfig { reading: Reading::Tokens, ..own() }, "reading: tokens"),
        (HeadConfig { contrast: Some(Contrast::new("+", "-")), ..own() }, "contrast: two tokens"),
        (HeadConfig { neutral: NeutralLabel::Negative, ..own() }, "neutral: of three labels"),
        (HeadConfig { temperature: Some(0.0), ..own() }, "temperature: 0, expected"),
    ] {
        let error = wave().fit(0.5, config).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, expected {expected}");
    }
}

/// The rows of a backbone: what was learnt is what a search reads, at the last tokens of steps.
#[test]
fn a_head_on_a_backbone_learns_what_it_will_see() {
    let engine = engine();
    let tokens = |text: &str| text.bytes().map(u32::from).collect::<Vec<u32>>();
    let prompt = tokens("Q: 2 + 2?\nA:");
    let solution = |steps: &[&str], labels: &[Option<f32>]| {
        let steps = steps.iter().map(|step| tokens(step)).collect();
        Solution::with_labels(prompt.clone(), steps, labels.to_vec(), true).unwrap()
    };
    let solutions =
        [solution(&STEPS, &[Some(0.9), None, Some(0.2)]), solution(&STEPS[1..], &[Some(0.4)])];
    let head = fit_head(&engine, &solutions, 1e-3, HeadConfig::default()).unwrap();
    let rows = Rows::of(&engine, &solutions, |_| {}).unwrap();
    assert_eq!(rows.labels, [0.9, 0.2, 0.4]);
    let scorer = ProcessHead::new(&engine, head.clone()).unwrap();
    let judged = |path: Trajectory| scorer.score(&[path]).unwrap().remove(0).scores;
    let scores = judged(path(&STEPS, 3, true));
    close(scores[0], head.score(&rows.rows[0]));
    close(scores[2], head.score(&rows.rows[1]));
    close(judged(path(&STEPS[1..], 2, false))[0], head.score(&rows.rows[2]));
    // Eight columns for three labels: they are met.
    for (score, label) in [(scores[0], 0.9), (scores[2], 0.2)] {
        assert!((score - label).abs() < 0.02, "{score} {label}");
    }
    assert_eq!(rows.rows[0].len(), engine.width());
}

#[test]
fn bad_rows_are_named() {
    type Break = fn(&mut Rows);
    let table: [(Break, f64, &str); 8] = [
        (|r| r.rows.clear(), 1.0, "rows: 0 for 30 labels"),
        (|r| r.labels.truncate(3), 1.0, "rows: 30 for 3 labels"),
        (|r| r.rows[4] = vec![1.0], 1.0, "row 4: 1 numbers, expected 3"),
        (|r| r.rows[5][1] = f32::NAN, 1.0, "row 5: NaN"),
        (|r| r.labels[6] = 1.5, 1.0, "label 6: 1.5, expected 0 to 1"),
        (|r| r.labels.fill(0.25), 1.0, "labels: all 30 are 0.25"),
        (|_| {}, 0.0, "ridge: 0, expected a number above 0"),
        (|_| {}, f64::NAN, "ridge: NaN"),
    ];
    for (breaks, ridge, expected) in table {
        let mut rows = wave();
        breaks(&mut rows);
        let error = rows.fit(ridge, HeadConfig::default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
