//! Answer equivalence against recorded verdicts: `math-verify`'s tests and graded model outputs.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tts_core::answer::equivalent;

struct Figures {
    positives: usize,
    found: usize,
    negatives: usize,
    false_positives: usize,
}

/// Grades every row of a golden file, or `None` (and says so) if this machine does not have it.
fn grade(name: &str) -> Option<Figures> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/golden").join(name);
    let Ok(text) = fs::read_to_string(&path) else {
        eprintln!("skipped: {name} is not beside the workspace");
        return None;
    };
    let mut figures = Figures { positives: 0, found: 0, negatives: 0, false_positives: 0 };
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).expect("a row is JSON");
        let (gold, pred) =
            (row["gold"].as_str().expect("gold"), row["pred"].as_str().expect("pred"));
        let expected = row["expected"].as_bool().expect("expected");
        let verdict = equivalent(gold, pred);
        assert_eq!(verdict, equivalent(pred, gold), "symmetric: {gold} / {pred}");
        if expected {
            figures.positives += 1;
            figures.found += usize::from(verdict);
        } else {
            figures.negatives += 1;
            figures.false_positives += usize::from(verdict);
        }
        if verdict != expected {
            let short = |s: &str| s.chars().take(120).collect::<String>();
            eprintln!("  expected {expected}: {:?} / {:?}", short(gold), short(pred));
        }
    }
    eprintln!(
        "{name}: {} of {} true rows found, {} of {} false rows taken for true",
        figures.found, figures.positives, figures.false_positives, figures.negatives
    );
    Some(figures)
}

#[test]
fn math_verify_rows() {
    if let Some(figures) = grade("math_equivalence_dev.jsonl") {
        assert!(figures.found * 100 >= figures.positives * 98);
        assert!(figures.false_positives <= 1);
    }
}

#[test]
fn model_outputs() {
    if let Some(figures) = grade("math_equivalence_model_outputs.jsonl") {
        assert!(figures.found == figures.positives);
        assert!(figures.false_positives <= 1);
    }
}
