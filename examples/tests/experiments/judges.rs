//! Judges as experiments: teachers without a model, filters, hints, reinforcement, votes of their scores, scalar models.

use serde_json::{Value, json};
use tts_examples::experiment::{Point, Recipe, Workshop};
use tts_models::EngineConfig;

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

/// Semi-scalar models, that read what a judge says of a response, and votes over both orders of the responses.
#[test]
fn critiques_are_read_and_orders_turned() {
    let folder = tempfile::tempdir().unwrap();
    let train = json!({ "steps": 60, "batch": 16, "learning_rate": 0.01 });
    let scalar = |critic: Value| json!({ "preferred": { "from": "filtered", "problems": 400, "draw": 4, "critic": critic, "train": train } });
    let recipe = json!({
        "title": "Critiques", "claim": "None.", "task": { "panel": {} },
        "temperature": 1.0, "problems": 40, "seeds": 1, "pool": 8,
        "models": {
            "teacher": { "grader": {} },
            "filtered": { "distilled": { "shape": { "width": 32, "layers": 1, "heads": 1 }, "teacher": "teacher",
                "problems": 30, "samples": 1, "keep": { "solved": false, "same": "never", "per_problem": 0 }, "train": train } },
            "scalar": scalar(Value::Null),
            "semi-scalar": scalar(json!("teacher")),
        },
        "arms": [
            { "name": "scalar", "policy": "teacher", "strategy": { "score": "responses" }, "scorer": "scalar", "n": [1],
              "aggregate": "last" },
            { "name": "semi-scalar", "policy": "teacher", "strategy": { "score": "critiques" }, "scorer": "semi-scalar",
              "n": [1, 4, 8], "aggregate": "last" },
            { "name": "one order", "policy": "teacher", "strategy": { "vote": "sum" }, "n": [1, 8] },
            { "name": "mirrored", "policy": "teacher", "strategy": { "vote": "sum", "mirrored": true }, "n": [1, 8] },
        ],
        "compare": [{ "first": "semi-scalar", "second": "scalar", "n": [1] },
            { "first": "mirrored", "second": "one order" }],
    });
    let report = ran(folder.path(), &recipe);
    let point =
        |arm: &str, n| report.points.iter().find(|point| point.arm == arm && point.n == n).unwrap();
    let (scalar, semi) = (point("scalar", 1), point("semi-scalar", 1));
    // It writes what a vote of as many judgements writes, and reads critiques beside the responses.
    assert!((semi.generated_tokens - point("one order", 1).generated_tokens).abs() < 1e-9);
    assert!(semi.scored_tokens > scalar.scored_tokens + 20.0, "{semi:?} {scalar:?}");
    assert!((point("semi-scalar", 8).scored_tokens - 8.0 * semi.scored_tokens).abs() < 1e-6);
    // Of few examples no better than a guess, or worse; and what it says depends on the critiques.
    let eight = point("semi-scalar", 8);
    assert!((0.3..=1.0).contains(&eight.accuracy.mean), "{eight:?}");
    assert!(eight.values.iter().all(|value| [0.0, 0.5, 1.0].contains(value)));
    assert!(semi.values.iter().any(|value| *value > 0.0 && *value < 1.0), "{semi:?}");
    // A teacher has no preference for a place: both orders are worth as much, of other samples.
    let [one, both] = ["one order", "mirrored"].map(|arm| point(arm, 8));
    assert!((one.accuracy.mean - both.accuracy.mean).abs() < 0.25, "{one:?} {both:?}");
    assert_ne!(one.values, both.values);
    assert_eq!(ran(folder.path(), &recipe), report);

    let table: [(Break, &str); 5] = [
        (|r| r["arms"][0]["scorer"] = json!("semi-scalar"), "learnt from critiques for critiques"),
        (|r| r["arms"][1]["scorer"] = json!("scalar"), "learnt from critiques for critiques"),
        (|r| r["arms"][1]["n"] = json!([9]), "N is 9, expected 1 to 8"),
        (
            |r| {
                r["pool"] = json!(1);
                r["arms"] = json!([r["arms"][3]]);
                r["arms"][0]["n"] = json!([1]);
                r["compare"] = json!([]);
            },
            "pool is 1, expected 2 for both orders",
        ),
        (
            |r| r["models"]["semi-scalar"]["preferred"]["critic"] = json!("nobody"),
            "\"nobody\" is none",
        ),
    ];
    for (breaks, expected) in table {
        let mut broken = recipe.clone();
        breaks(&mut broken);
        let error = Recipe::parse(&broken.to_string()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// Arms that are led by a judge that writes, and others beside them.
fn led_recipe() -> Value {
    let judge = |critique: bool| {
        json!({ "generative": { "from": "player", "policy": "player", "problems": 40, "solutions": 4,
            "judge": {
                "template": "=== text\n{{ problem }}\n{{ response.text }}\n*\n",
                "reading": { "decision": { "cue": "==\n", "words": [["1", 1.0], ["0", 0.0]], "by": "probability",
                    "critique": critique } },
                "stop": ["=="], "max_tokens": 120,
            },
            "train": { "steps": 40, "batch": 8, "learning_rate": 0.002 } } })
    };
    let best = json!({ "strategy": "best-of-n", "n": "N", "select": { "rule": "best" } });
    let beam = json!({ "strategy": "beam-search", "keep": "N", "branch": 2, "select": { "rule": "best" } });
    let arm = |name: &str, strategy: &Value, more: Value| {
        let mut arm = json!({ "name": name, "policy": "player", "strategy": strategy, "n": [2] });
        for (field, value) in more.as_object().unwrap() {
            arm[field] = value.clone();
        }
        arm
    };
    let led = |samples: u32| json!({ "judge": { "by": "recheck", "samples": samples } });
    json!({
        "title": "Verifiers", "claim": "None.",
        "task": { "chain": { "operations": [2, 3], "digits": [1, 1], "most": 999 } },
        "temperature": 0.8, "problems": 8, "seeds": 1, "pool": 4,
        "models": { "player": { "embedded": "generator" }, "recheck": judge(true), "at once": judge(false),
            "prm": { "embedded": "prm" } },
        "arms": [
            arm("majority", &json!("majority"), json!({})),
            arm("led", &best, led(1)), arm("led twice", &best, led(2)), arm("beam", &beam, led(1)),
            arm("at once", &best, json!({ "scorer": "at once" })),
            arm("prm", &best, json!({ "scorer": "prm" })),
            // By the name of a method, too.
            arm("method", &json!("best-of-n"), json!({ "judge": { "by": "recheck", "samples": 1 }, "choose": "best" })),
            arm("led again", &best, json!({ "judge": { "by": "recheck", "samples": 1, "again": ["\n"] } })),
        ],
        "compare": [{ "first": "led", "second": "prm" }],
    })
}

/// Judges that write lead searches over chains, and say their verdict at once as scorers.
#[test]
fn judges_lead_searches_over_chains() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = led_recipe();
    let report = ran(folder.path(), &recipe);
    let point = |arm: &str| report.points.iter().find(|point| point.arm == arm).unwrap();
    let (plain, led, twice) = (point("majority"), point("led"), point("led twice"));
    let prm = point("prm");
    // The same samples, and what the judge writes besides: twice as much where it is asked twice.
    assert!((prm.generated_tokens - plain.generated_tokens).abs() < 20.0);
    let judged = led.generated_tokens - prm.generated_tokens;
    assert!(judged > prm.generated_tokens / 2.0, "{led:?} {prm:?}");
    let again = twice.generated_tokens - prm.generated_tokens;
    assert!((again / judged - 2.0).abs() < 0.5, "{again} {judged}");
    // Its questions are read once, however often it answers, each answer behind a cue of three letters, and hold all that the
    // reward model reads.
    let cues = twice.scored_tokens - led.scored_tokens;
    assert!(cues > 0.0 && cues <= 2.0 * 3.0, "{cues}");
    assert!(led.scored_tokens > prm.scored_tokens, "{led:?} {prm:?}");
    // Another look goes on from what was written, which is not written again, behind words that are read.
    let looks = point("led again");
    assert!(looks.generated_tokens > led.generated_tokens, "{looks:?} {led:?}");
    assert!(looks.scored_tokens > led.scored_tokens, "{looks:?} {led:?}");
    // Policy and judge are of one size here.
    let parameters = plain.operations / (2.0 * plain.generated_tokens);
    let of = |arm: &str| {
        let Point { generated_tokens, scored_tokens, operations, .. } = point(arm);
        operations / (2.0 * parameters * (generated_tokens + scored_tokens))
    };
    for arm in ["led", "led twice", "led again", "beam"] {
        assert!((of(arm) - 1.0).abs() < 1e-9, "{arm}: {}", of(arm));
    }
    // At once it reads the question, the cue and both words, and writes nothing.
    let at_once = point("at once");
    assert!((at_once.generated_tokens - prm.generated_tokens).abs() < 1e-9);
    assert!(at_once.scored_tokens > prm.scored_tokens + 2.0 * 5.0, "{at_once:?} {prm:?}");
    assert_eq!(point("method").values, led.values);
    let made = &report.models["recheck"];
    assert!(made["judgements"].as_u64().unwrap() > 100, "{made}");
    let holding = made["holding"].as_u64().unwrap();
    assert!(holding > 20 && holding < made["judgements"].as_u64().unwrap(), "{made}");
    assert_eq!(ran(folder.path(), &recipe), report);
}

#[test]
fn what_judges_cannot_do_is_refused() {
    let recipe = led_recipe();
    let table: [(Break, &str); 15] = [
        (|r| r["arms"][1]["judge"]["by"] = json!("prm"), "\"prm\" is no generative judge"),
        (|r| r["arms"][1]["judge"]["samples"] = json!(0), "samples is 0"),
        (|r| r["arms"][1]["judge"]["again"] = json!([""]), "an empty text"),
        (|r| r["arms"][1]["scorer"] = json!("prm"), "in the place of a scorer"),
        (|r| r["arms"][4]["scorer"] = json!("recheck"), "writes before it judges"),
        (
            |r| {
                r["arms"][4]["advantage"] =
                    json!({ "scorer": "recheck", "tries": 2, "start": 0.5, "alpha": 0.5 });
            },
            "writes before it judges",
        ),
        (
            |r| {
                r["judged"] =
                    json!({ "policy": "player", "samples": 1, "models": { "recheck": "last" } });
            },
            "judged: \"recheck\" writes before it judges",
        ),
        (
            |r| {
                r["models"]["next"] = json!({ "self-trained": { "from": "player", "policy": "player", "problems": 6,
                    "samples": 4, "keep": { "solved": false, "same": "text", "per_problem": 2 },
                    "judge": ["recheck", "last"], "train": r["models"]["recheck"]["generative"]["train"] } });
            },
            "model \"next\": \"recheck\" writes before it judges",
        ),
        (|r| r["arms"][4]["strategy"] = json!("best-of-n"), "which a pool does not count"),
        (|r| r["arms"][6]["choose"] = json!("weighted"), "best-of-n has its own rule"),
        (|r| r["arms"][1]["strategy"] = json!("majority"), "is led by no judge"),
        (
            |r| r["arms"][0]["judge"] = json!({ "by": "recheck", "samples": 1 }),
            "is led by no judge",
        ),
        (|r| r["task"] = json!({ "strides": {} }), "expected the task chain"),
        (
            |r| r["models"]["recheck"]["generative"]["judge"]["stop"] = json!([""]),
            "model \"recheck\"",
        ),
        (
            |r| r["models"]["recheck"]["generative"]["judge"]["reading"] = json!("best"),
            "model \"recheck\"",
        ),
    ];
    for (breaks, expected) in table {
        let mut broken = recipe.clone();
        breaks(&mut broken);
        let error = Recipe::parse(&broken.to_string()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let sound = Recipe::parse(&recipe.to_string()).unwrap();
    let workshop = Workshop::new(&sound, "nowhere".into(), EngineConfig::default());
    let error = workshop.scorer("recheck", 1, false).err().unwrap().to_string();
    assert!(error.contains("writes before it judges"), "{error}");
    // How it chooses by what a judge says is asked, as by a scorer.
    let beam = |choose: &str| {
        let mut recipe = recipe.clone();
        recipe["arms"][6]["strategy"] = json!("beam");
        recipe["arms"][6]["n"] = json!([4]);
        recipe["arms"][6]["choose"] = json!(choose);
        Recipe::parse(&recipe.to_string()).unwrap()
    };
    assert!(beam("best").asks_as(&beam("best")) && !beam("best").asks_as(&beam("weighted")));
}
