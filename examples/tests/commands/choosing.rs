//! The choice between strategies as a user makes it: evaluated, fitted, and run.

use tts_examples::pair;

use super::{chain_problems, evaluating, example, place, ran, succeeded, text};

#[test]
fn evaluations_become_a_strategy() {
    let (Some(evaluate), Some(choose), Some(solve)) =
        (example("evaluate"), example("choose"), example("solve"))
    else {
        return;
    };
    let (_folder, path) = place();
    let data = path("problems.jsonl");
    chain_problems(&data, 8);
    let by_recipe = |recipe: &str, name: &str| {
        let mut arguments = evaluating(&data, &path(&format!("{name}.json")), &[]);
        // In place of a strategy by name, and its budget.
        let at = arguments.iter().position(|argument| argument == "--strategy").unwrap();
        arguments.drain(at..at + 4);
        arguments.extend(["--recipe".to_owned(), recipe.to_owned()]);
        succeeded(&evaluate, &arguments);
        path(&format!("{name}.records"))
    };
    succeeded(&evaluate, &evaluating(&data, &path("four.json"), &[]));
    let four = path("four.records");
    let wide = path("wide.recipe.json");
    let beam = r#"{"strategy": "beam-search", "keep": 4, "branch": 2}"#;
    std::fs::write(&wide, beam).unwrap();
    let wide = by_recipe(&wide, "wide");
    let out = path("compute-optimal.json");
    let asked =
        [four.as_str(), &wide, "--probe", &four, "--bins", "2", "--out", &out, "--baseline", &wide];
    let said = succeeded(&choose, &asked);
    for part in [
        "problems  8",
        "probe     4 samples of four",
        "part of wide's cost",
        "by the probe, not paid",
        "Accuracy by bin",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let recipe: serde_json::Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!((&recipe["strategy"], &recipe["probe"]), (&"compute-optimal".into(), &4.into()));
    assert_eq!((&recipe["reuse"], &recipe["own"]), (&true.into(), &true.into()));
    // It runs where recipes run.
    by_recipe(&out, "chosen");
    let generator = pair::folder().join("generator");
    let own = ["--model", generator.to_str().unwrap(), "--step", "\\n", "--max-tokens", "200"];
    let solved = [&["--recipe", &out, "--raw"][..], &own, &["31*4-75+12*5\n"]].concat();
    assert!(succeeded(&solve, &solved).contains("\nanswer    "));
    // Among whose scores its bins lie is known, and another's mean something else.
    assert_eq!(recipe["scorer"]["unit"], "log-probability");
    let by_rule: Vec<&str> = solved.iter().copied().chain(["--scorer", "rule"]).collect();
    let said = text(&ran(&solve, &by_rule));
    assert!(said.contains("is fitted to log-probabilities, and the scorer gives"), "{said}");
    let refused = |arguments: &[&str], expected: &str| {
        let output = ran(&choose, arguments);
        let said = text(&output);
        assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
    };
    refused(&[&four, &wide, "--probe", &wide], "--probe wide: its strategy does not sample");
    refused(&[&four, "--probe", &four, "--signal", "luck"], "expected score or agreement");
    refused(&[&four], "--probe");
    refused(&[&four, "--probe", &four, "--bins", "9"], "--bins: 9 of 8 problems, expected 1 to 8");
    refused(&["nosuch", "--probe", &four], "nosuch: no such folder, expected a folder of records");
}
