//! Scorers on preferences, and how far a search of one problem is.

use serde_json::{Value, json};
use tts_examples::pair;

use super::{example, place, ran, succeeded, text};

/// Pairs of a right sum and a wrong one.
fn pairs(path: &str, count: usize) {
    let pair = |number: usize| {
        let (right, wrong) = (format!("={}", number + 2), format!("={}", number + 3));
        json!({ "prompt": format!("{number}+2"), "chosen": right, "rejected": wrong }).to_string()
            + "\n"
    };
    std::fs::write(path, (0..count).map(pair).collect::<String>()).unwrap();
}

#[test]
fn a_scorer_has_the_figures_of_a_judge() {
    let Some(judge) = example("judge") else { return };
    let (_place, path) = place();
    let (data, json, out) = (path("pairs.jsonl"), path("figures.json"), path("ruled"));
    let rows = [("2 + 2 = 4", "2 + 2 = 5"), ("3 + 2 = 5", "3 + 2 = 4"), ("So it is.", "1 + 1 = 3")];
    let rows = rows.map(|(chosen, rejected)| {
        json!({ "prompt": "Add.", "chosen": chosen, "rejected": rejected }).to_string() + "\n"
    });
    std::fs::write(&data, rows.concat()).unwrap();
    let asked = ["--scorer", "rule", "--data", &data];
    let said = succeeded(&judge, &[&asked[..], &["--json", &json, "--out", &out]].concat());
    assert!(said.contains("accuracy  100.0 %") && said.contains("on 3 items"), "{said}");
    assert!(said.contains("ROC AUC   1.000") && !said.contains("votes"), "{said}");
    assert!(said.contains("calibration is told from 30 scores on, and these are 6"), "{said}");
    let figures: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!((&figures["judgements"], &figures["abstained"]), (&json!(6), &json!(0)));
    // Beside another on the same items, and to be looked at.
    let (sums, prm) = (path("sums.jsonl"), format!("prm:{}", pair::folder().join("prm").display()));
    pairs(&sums, 12);
    let (by_rule, by_model) = (path("rule"), path("model"));
    let on_sums = ["--scorer", "rule", "--data", &sums, "--out", &by_rule];
    assert!(succeeded(&judge, &on_sums).contains("12 ties"));
    let said = succeeded(&judge, &["--scorer", &prm, "--data", &sums, "--out", &by_model]);
    assert!(said.contains("on 12 items") && said.contains("24 judgements read"), "{said}");
    let compared = succeeded(&judge, &["--compare", &by_rule, &by_model]);
    assert!(compared.contains(": rule\n") && compared.contains(": prm:"), "{compared}");
    if let Some(view) = example("view") {
        let page = path("rule.html");
        succeeded(&view, &[&by_rule, "--out", &page]);
        assert!(std::fs::read_to_string(&page).unwrap().contains("<b>the best</b>"));
    }
    // Words that its model cannot write: which item, and why.
    let refused = ran(&judge, &["--scorer", &prm, "--data", &data]);
    let said = text(&refused);
    assert!(!refused.status.success() && said.contains("judge: item 0: scorer: "), "{said}");
    assert!(said.contains("vocabulary cannot write 'A'"), "{said}");
    for (wrong, expected) in [
        (&["--scorer", "logprob", "--data", &data][..], "no log-probabilities"),
        (&["--scorer", "rule", "--data", &data, "--model", "x"], "cannot be used with"),
        (&["--scorer", "rule", "--data", &data, "--store", "x"], "cannot be used with"),
        (&["--scorer", "rule"], "--data"),
        (&["--scorer", "rules", "--data", &data], "rules"),
    ] {
        let said = text(&ran(&judge, wrong));
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_search_says_in_a_log_how_far_it_is() {
    let Some(solve) = example("solve") else { return };
    let output = ran(&solve, &["--model", "embedded", "--n", "2", "--max-tokens", "20", "1+2"]);
    assert!(output.status.success(), "{}", text(&output));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("round 1: 0 of 2 lines done; 0 tokens so far"), "{told}");
}
