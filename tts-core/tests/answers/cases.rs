//! Cases of our own, by kind: what is the same, and what only looks so.

use serde_json::Value;

use super::agreed;

/// The rows that come out otherwise than they say, and how many are unequal and equal.
fn wrong_rows(table: &str) -> (Vec<String>, [usize; 2]) {
    let mut wrong = Vec::new();
    let mut counts = [0, 0];
    for line in table.lines() {
        let row: Value = serde_json::from_str(line).expect("a row of JSON");
        let text = |field: &str| row[field].as_str().expect("a text").to_owned();
        let expected = row["equivalent"].as_bool().expect("a verdict");
        counts[usize::from(expected)] += 1;
        let (gold, pred) = (text("gold"), text("pred"));
        if agreed(&gold, &pred) != Ok(expected) {
            wrong.push(format!("{}: {gold:?} / {pred:?} should be {expected}", text("area")));
        }
    }
    (wrong, counts)
}

#[test]
fn every_kind_through_both_doors() {
    let (wrong, counts) = wrong_rows(include_str!("cases.jsonl"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(counts[0] > 100 && counts[1] > 400, "{counts:?}");
}

/// Rows that were written before they were tried: forms, outputs of models, contests.
#[test]
fn rows_written_before_they_were_tried() {
    let (wrong, counts) = wrong_rows(include_str!("more.jsonl"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(counts[0] > 400 && counts[1] > 900, "{counts:?}");
}
