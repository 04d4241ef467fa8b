//! Cases of our own, by kind: what is the same, and what only looks so.

use serde_json::Value;

use super::agreed;

#[test]
fn every_kind_through_both_doors() {
    let mut wrong = Vec::new();
    let mut counts = [0, 0];
    for line in include_str!("cases.jsonl").lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |field: &str| row[field].as_str().unwrap().to_owned();
        let expected = row["equivalent"].as_bool().unwrap();
        counts[usize::from(expected)] += 1;
        let (gold, pred) = (text("gold"), text("pred"));
        if agreed(&gold, &pred) != Ok(expected) {
            wrong.push(format!("{}: {gold:?} / {pred:?} should be {expected}", text("area")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(counts[0] > 100 && counts[1] > 400, "{counts:?}");
}
