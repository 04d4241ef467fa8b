//! Judges as experiments: teachers without a model, filters, hints, reinforcement, votes of their scores, scalar models.

use serde_json::{Value, json};
use tts_examples::experiment::Recipe;

use crate::{Break, ran};

/// Judges of panels: taught by one without a model, filtered, hinted, reinforced; votes of their scores.
#[test]
fn judges_are_taught_and_vote() {
    let folder = tempfile::tempdir().unwrap();
    let train = json!({ "steps": 3, "batch": 4, "learning_rate": 0.003 });
    let keep = json!({ "solved": true, "same": "never", "per_problem": 0, "drop_easy": true });
    let taught = |keep: &Value| {
        json!({ "distilled": { "shape": { "width": 32, "layers": 1, "heads": 1 }, "teacher": "teacher",
            "problems": 30, "samples": 3, "keep": keep, "train": train } })
    };
    let mut hinted = taught(&keep);
    hinted["distilled"]["hinted"] = json!("told");
    hinted["distilled"]["draw"] = json!(2);
    let learn = json!({ "steps": 1, "problems": 2, "samples": 2, "adjust": { "beta": 0.1 },
        "rule": { "delimiters": ["\n"], "max_step_tokens": 20, "max_tokens": 20 } });
    let arm = |name: &str, n: Value| json!({ "name": name, "policy": name, "strategy": { "vote": "sum" }, "n": n });
    let mut guided = arm("teacher", json!([2, 8]));
    guided["name"] = json!("guided");
    guided["strategy"]["keep"] = json!(0.5);
    guided["scorer"] = json!("exact");
    guided["aggregate"] = json!("last");
    let recipe = json!({
        "title": "Judges", "claim": "None.", "task": { "panel": {} },
        "temperature": 1.0, "problems": 40, "seeds": 1, "pool": 8,
        "models": {
            "teacher": { "grader": {} },
            "told": { "grader": { "principles": "told", "slip": 0.0 } },
            "filtered": taught(&keep),
            "hinted": hinted,
            "learnt": { "reinforced": { "from": "filtered", "problems": 6, "learn": learn } },
            "scalar": { "preferred": { "from": "filtered", "problems": 400, "draw": 4,
                "train": { "steps": 60, "batch": 16, "learning_rate": 0.01 } } },
            "meta": { "reward": { "from": "filtered", "policy": "teacher", "problems": 8, "solutions": 4,
                "labels": "exact", "learn": "outcome-tokens", "train": train } },
        },
        "arms": [arm("teacher", json!([1, 2, 8])), arm("told", json!([1, 8])), arm("filtered", json!([1])),
            arm("hinted", json!([1])), arm("learnt", json!([1])), guided,
            { "name": "scalar", "policy": "filtered", "strategy": { "score": "responses" }, "scorer": "scalar", "n": [1],
              "aggregate": "last" },
            { "name": "meta", "policy": "teacher", "strategy": { "vote": "mean", "keep": 0.25 }, "scorer": "meta",
              "aggregate": "product", "n": [8] }],
        "compare": [{ "first": "teacher", "second": "teacher", "at": "one", "n": [8] },
            { "first": "told", "second": "teacher", "n": [1] }],
    });
    let report = ran(folder.path(), &recipe);
    let at = |arm: &str, n: usize| {
        let point = report.points.iter().find(|point| point.arm == arm && point.n == n).unwrap();
        point.accuracy.mean
    };
    // A scalar one, of few examples: better than a guess or no worse, and nothing is written.
    let scalar = report.points.iter().find(|point| point.arm == "scalar").unwrap();
    assert!(scalar.accuracy.mean > 0.45 && scalar.scored_tokens > 10.0, "{scalar:?}");
    assert!(scalar.generated_tokens.abs() < 1e-12);
    assert!((0.3..=1.0).contains(&at("meta", 8)));
    // Who was told is right whatever the seed; votes of the others help, and the more so where wrong ones are left out.
    assert!((at("told", 1) - 1.0).abs() < 1e-12 && (at("told", 8) - 1.0).abs() < 1e-12);
    assert!((0.45..0.85).contains(&at("teacher", 1)), "{}", at("teacher", 1));
    assert!(at("guided", 8) > at("teacher", 8) && at("guided", 8) > 0.84, "{}", at("guided", 8));
    // Hardly trained judges write nothing that can be read: a guess.
    assert!((at("filtered", 1) - 0.5).abs() < 0.2);
    let one = &report.differences[0];
    assert_eq!((one.n, one.budget.unwrap().n, &*one.at), (8, 1, "one sample of the second"));
    assert!((one.paired.difference - (at("teacher", 8) - at("teacher", 1))).abs() < 1e-12);
    let (plain, more) = (&report.models["filtered"], &report.models["hinted"]);
    assert!(plain["easy_problems"].as_u64().unwrap() > 0, "{plain}");
    assert_eq!(plain["kept_wrong"], 0);
    // One hinted judgement more of each problem without a right one, all of them right.
    let candidates = more["candidates"].as_u64().unwrap();
    assert!(candidates > 90 && more["kept_wrong"] == 0, "{more}");
    assert!((more["pass_at_n"].as_f64().unwrap() - 1.0).abs() < 1e-12, "{more}");
    assert_eq!(ran(folder.path(), &recipe), report);

    let table: [(Break, &str); 11] = [
        (|r| r["arms"][6]["scorer"] = json!("exact"), "scored as wholes"),
        (|r| r["models"]["meta"]["reward"]["from"] = json!("told"), "from is a grader"),
        (|r| r["arms"][6]["n"] = json!([1, 2]), "responses are scored once"),
        (|r| r["arms"][6]["scorer"] = Value::Null, "scores of responses needs a scorer"),
        (|r| r["arms"][5]["strategy"]["keep"] = json!(0.0), "arm \"guided\": keep is 0"),
        (|r| r["arms"][5]["scorer"] = Value::Null, "keep goes by the score of a scorer"),
        (|r| r["arms"][0]["scorer"] = json!("exact"), "say the share"),
        (|r| r["arms"][0]["n"] = json!([9]), "N is 9, expected 1 to 8"),
        (|r| r["models"]["told"]["grader"]["slip"] = json!(2.0), "model \"told\": slip"),
        (
            |r| r["models"]["hinted"]["distilled"]["keep"]["solved"] = json!(false),
            "hinted is for right solutions",
        ),
        (|r| r["arms"][0]["n"] = json!([2, 8]), "compare: \"teacher\" has no N of 1"),
    ];
    for (breaks, expected) in table {
        let mut broken = recipe.clone();
        breaks(&mut broken);
        let error = Recipe::parse(&broken.to_string()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let mut chains = recipe.clone();
    chains["task"] = json!({ "chain": {} });
    assert!(
        Recipe::parse(&chains.to_string())
            .unwrap_err()
            .to_string()
            .contains("expected the task panel")
    );
}
