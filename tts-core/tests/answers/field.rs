//! Rows that stand for reports from the field, if they are beside the workspace.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::agreed;

#[test]
fn rows_from_the_field() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/field/answers_dev.jsonl");
    let Ok(text) = fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not beside the workspace", path.display());
        return;
    };
    let mut wrong = Vec::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let (gold, pred) = (row["gold"].as_str().unwrap(), row["pred"].as_str().unwrap());
        if agreed(gold, pred) != Ok(row["equivalent"].as_bool().unwrap()) {
            wrong.push(format!("{gold:?} / {pred:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
