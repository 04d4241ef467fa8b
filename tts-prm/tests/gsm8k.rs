//! The arithmetic rule on solutions that are right, where the data sets are there.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use tts_prm::equations;

/// Texts of a field of a file of JSON lines in the folder `shared` beside the workspace.
fn texts(path: &str, field: &str) -> Option<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.parent()?;
    let lines = std::fs::read_to_string(root.join("shared/data").join(path)).ok()?;
    let text = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        row[field].as_str().unwrap().to_owned()
    };
    Some(lines.lines().map(text).collect())
}

/// Texts with equations, and texts with one that does not hold.
fn tally(texts: &[String]) -> (usize, usize) {
    let found: Vec<_> = texts.iter().map(|text| equations(text)).collect();
    let wrong = found.iter().filter(|all| all.iter().any(|equation| !equation.holds));
    (found.iter().filter(|all| !all.is_empty()).count(), wrong.count())
}

#[test]
fn gold_solutions_are_judged_and_not_called_wrong() {
    // What is left are slips in the data, quotients cut to integers, and informal notation.
    for (path, field, least, most) in [
        ("gsm8k/train.jsonl", "answer", 0.97, 0.005),
        ("gsm8k/test.jsonl", "answer", 0.97, 0.005),
        ("math/math500.jsonl", "solution", 0.35, 0.01),
    ] {
        let Some(texts) = texts(path, field) else { continue };
        let (judged, wrong) = tally(&texts);
        assert!(judged as f64 >= least * texts.len() as f64, "{path}: {judged} judged");
        assert!(wrong as f64 <= most * judged as f64, "{path}: {wrong} of {judged} wrong");
    }
}
