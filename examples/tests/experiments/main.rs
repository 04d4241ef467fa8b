//! Experiments: recipes are sound, a small one runs through all of it, and goes on where it was killed.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod judges;
mod lengths;
mod served;
mod training;

use std::path::Path;

use serde_json::{Value, json};
use tts_core::Prompt;
use tts_core::metrics::Accuracy;
use tts_examples::experiment::{
    At, Comparison, Point, RECIPES, Recipe, Report, Workshop, differences, find, recompute, run,
    words,
};
use tts_models::EngineConfig;

/// Every kind of model, strategy and comparison, each as small as it can be.
fn small() -> Value {
    let train = json!({ "steps": 12, "batch": 4, "learning_rate": 0.003 });
    let shape = json!({ "width": 32, "layers": 1, "heads": 1 });
    let reward = |labels: Value, learn: Value, choose: Value| {
        json!({ "reward": {
            "from": "policy", "policy": "player", "problems": 12, "solutions": 4,
            "labels": labels, "learn": learn, "choose": choose, "train": train,
        }})
    };
    let round = json!({
        "from": "policy", "policy": "player", "problems": 6, "samples": 4, "train": train,
        "keep": { "solved": false, "least_score": 0.0, "same": "text", "per_problem": 2 },
        "judge": ["prm", "product"],
    });
    let revision = json!({
        "from": "player", "policy": "player", "problems": 12, "samples": 8, "attempts": 2,
        "train": train,
    });
    let active = json!({ "active": {
        "per_problem": 2, "wrong_share": 0.5, "judge": "prm", "aggregate": "product",
    }});
    json!({
        "title": "Small", "claim": "None.",
        "task": { "chain": { "operations": [2, 3], "digits": [1, 1], "most": 999 } },
        "temperature": 0.8, "problems": 6, "seeds": 2, "pool": 8, "retrain": false,
        "models": {
            "player": { "embedded": "generator" },
            "policy": { "written": { "shape": shape, "problems": 30, "train": train } },
            "prm": reward(json!("exact"), json!({ "steps": "firsterror" }), Value::Null),
            "soft": reward(json!({ "monte-carlo": { "rollouts": 2 } }), json!({ "steps": "soft" }), active),
            "orm": reward(json!("exact"), json!("outcome"), json!({ "uniform": { "per_problem": 3 } })),
            "by tokens": reward(json!("exact"), json!({ "tokens": "firsterror" }), Value::Null),
            "by prefixes": reward(json!({ "monte-carlo": { "rollouts": 2 } }), json!("prefixes"), Value::Null),
            "outcome tokens": reward(json!("exact"), json!("outcome-tokens"), Value::Null),
            "implied": { "implicit": {
                "from": "player", "policy": "player", "problems": 12, "solutions": 8, "beta": 0.1,
                "train": train,
            }},
            "next": { "self-trained": round },
            "revised": { "revision": revision },
        },
        "arms": [
            { "name": "majority", "policy": "player", "strategy": "majority", "n": [1, 4] },
            { "name": "best", "policy": "player", "strategy": "best-of-n", "n": [1, 4], "scorer": "orm",
              "aggregate": "last" },
            { "name": "beam", "policy": "player", "strategy": "beam", "n": [4], "scorer": "soft",
              "aggregate": "last", "choose": "best" },
            { "name": "exact", "policy": "player", "strategy": "beam", "n": [4], "scorer": "exact",
              "aggregate": "last" },
            { "name": "exact", "policy": "player", "strategy": "beam", "n": [9], "scorer": "exact",
              "aggregate": "last", "noise": 90.0 },
            { "name": "some", "policy": "player", "strategy": "pass-at-n", "n": [4] },
            { "name": "best, exact", "policy": "player", "strategy": "best-of-n", "n": [4],
              "scorer": "exact", "aggregate": "last" },
            { "name": "implied", "policy": "player", "strategy": "beam", "n": [4], "scorer": "implied",
              "aggregate": "sum", "choose": "best" },
            { "name": "advantage", "policy": "player", "strategy": "beam", "n": [4], "scorer": "soft",
              "aggregate": "last", "choose": "best",
              "advantage": { "tries": 2, "start": 0.5, "alpha": 0.5, "scorer": "prm" } },
            { "name": "next", "policy": "next", "strategy": "greedy", "n": [1] },
            { "name": "revised", "policy": "revised", "strategy": "majority", "n": [1, 3],
              "in_turn": true },
        ],
        "compare": [
            { "first": "best", "second": "majority" },
            { "first": "best", "second": "majority", "at": "tokens", "n": [4] },
        ],
        "judged": { "policy": "player", "samples": 4, "models": { "prm": "product", "orm": "last", "implied": "sum", "by tokens": "product",
                "by prefixes": "product", "outcome tokens": "product" } },
        "difficulty": { "policy": "player", "samples": 4 },
        "choice": { "arms": ["majority", "beam"], "baseline": "majority", "n": 4, "bins": 2,
            "policy": "player", "probe": 3, "scorer": "orm", "aggregate": "last", "reuse": true },
    })
}

/// Spoils a recipe.
type Break = fn(&mut Value);

fn ran(root: &Path, recipe: &Value) -> Report {
    let recipe = Recipe::parse(&recipe.to_string()).unwrap();
    run(&recipe, false, root.to_owned(), EngineConfig::default()).unwrap()
}

/// A file that was torn at the end loses its last line, as a kill leaves it.
fn tear(folder: &Path) -> usize {
    let mut torn = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > 2 {
            let kept = lines[..lines.len() / 2].join("\n") + "\n{\"unit\":\"\",\"pla";
            std::fs::write(&path, kept).unwrap();
            torn += 1;
        }
    }
    torn
}

#[test]
fn a_recipe_runs_and_goes_on_where_it_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let report = ran(&root, &small());
    assert_eq!(report.points.len(), 14);
    assert_eq!(report.turns.len(), 8);
    let point =
        |arm: &str, n| report.points.iter().find(|point| point.arm == arm && point.n == n).unwrap();
    // With one sample there is nothing to choose from, and an exact beam is bounded by nothing less.
    assert_eq!(point("majority", 1).values, point("best", 1).values);
    assert!(point("exact", 4).accuracy.mean >= point("beam", 4).accuracy.mean);
    // Misled, a wider beam does worse.
    assert!(point("exact", 9).accuracy.mean < point("exact", 4).accuracy.mean);
    // The exact checker finds a right sample where there is one; another scorer does not.
    assert_eq!(point("best, exact", 4).values, point("some", 4).values);
    assert_ne!(point("best", 4).values, point("some", 4).values);
    // Turns have an order: at N = 1 there is the first of each chain, and nothing else.
    let first = report.turns.iter().find(|turn| turn.turn == 1).unwrap().right;
    assert!((point("revised", 1).accuracy.mean - first).abs() < 1e-12);
    let all = report.turns.iter().map(|turn| turn.right).sum::<f64>() / report.turns.len() as f64;
    assert!((all - first).abs() > 1e-6, "no turn differs from the first: nothing is tested");
    assert!(point("beam", 4).scored_tokens > 0.0 && point("majority", 4).scored_tokens <= 0.0);
    assert!(report.differences.iter().any(|d| d.first == "best" && d.n == 4));
    assert_eq!(report.verdicts.len(), 6);
    let names: Vec<&str> =
        report.choice.iter().flat_map(|choice| &choice.policies).map(|p| p.name.as_str()).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    // The probe is shared in part by what begins with as many samples.
    let cost = |name: &str| {
        let policies = &report.choice.as_ref().unwrap().policies;
        let policy = policies.iter().find(|policy| policy.name == name).unwrap();
        policy.levels.iter().map(|level| level.tokens).fold(f64::MAX, f64::min)
    };
    let [gift, shared, paid] =
        ["by the probe, not paid", "by the probe, gone on from", "by the probe, paid"].map(cost);
    assert!(gift < shared && shared < paid, "{gift} {shared} {paid}");
    assert_eq!(report.verdicts[2].calibration_error, [None, None]);
    assert!(report.models["soft"]["labels"]["rollouts"].as_u64().unwrap() > 0);
    assert!(report.models["next"]["kept"].as_u64().unwrap() > 0);
    assert!(report.models["revised"]["revisions"].as_u64().unwrap() > 0);

    // Results that are torn, and a model that is not done, are made again, and to the same numbers.
    assert!(tear(&root.join("results")) > 3);
    for entry in std::fs::read_dir(root.join("models")).unwrap() {
        std::fs::remove_file(entry.unwrap().path().join("made.json")).unwrap();
    }
    assert_eq!(ran(&root, &small()), report);
    // And so from nothing.
    assert_eq!(ran(&folder.path().join("other"), &small()), report);

    report.write("small", folder.path()).unwrap();
    let text = std::fs::read_to_string(folder.path().join("small.md")).unwrap();
    for part in [
        "| majority | 4 |",
        "Chosen by the probe, paid;",
        "Gone on from, the samples of the probe",
        "By difficulty",
        "| majority 4 |",
        "| broken | mended |",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // What is written is all that was found, and its figures follow from its values.
    let mut read = Report::read("small", folder.path()).unwrap();
    assert_eq!(read, report);
    let found = recompute(&read).unwrap();
    assert!(found.has_values && found.figures > 150, "{found:?}");
    assert_eq!(found.differ, Vec::<String>::new());
    read.by_problem.shares[0] = 1.0 - read.by_problem.shares[0] / 2.0;
    let turn = &mut read.by_problem.chains.get_mut("revised").unwrap()[1][2][1];
    *turn = !*turn;
    read.by_problem.probed[0].tokens += 1.0;
    let found = recompute(&read).unwrap().differ.join("\n");
    for part in ["pass@1: ", "turn 2 of revised: ", "tokens of the probe: "] {
        assert!(found.contains(part), "{part}: {found}");
    }
}

#[test]
fn what_a_model_depends_on_is_its_identity() {
    let identity = |recipe: &Value, name: &str, seed| {
        let recipe = Recipe::parse(&recipe.to_string()).unwrap();
        let engine = EngineConfig::default();
        Workshop::new(&recipe, "nowhere".into(), engine).identity(name, seed).unwrap()
    };
    let before = small();
    let mut after = small();
    after["models"]["policy"]["written"]["train"]["steps"] = json!(13);
    after["problems"] = json!(7);
    for (name, changes) in
        [("policy", true), ("prm", true), ("soft", true), ("next", true), ("player", false)]
    {
        assert_eq!(identity(&before, name, 1) != identity(&after, name, 1), changes, "{name}");
    }
    assert_ne!(identity(&before, "policy", 1), identity(&before, "policy", 2));
}

#[test]
fn the_recipes_of_the_project_are_sound_and_have_a_quick_form() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<String> =
        files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    let mut known: Vec<&str> = RECIPES.iter().map(|(name, _)| *name).collect();
    files.sort();
    known.sort_unstable();
    assert_eq!(known, files);
    for (name, _) in RECIPES {
        let (found, recipe) = find(name).unwrap();
        assert_eq!(found, *name);
        assert!(recipe.problems >= 1000 && recipe.seeds >= 3, "{name}");
        let quick = serde_json::to_string(&recipe.clone().quick()).unwrap();
        let quick = Recipe::parse(&quick).unwrap();
        assert!(quick.problems < recipe.problems && quick.seeds == 1, "{name}");
        assert_eq!(quick.arms.len(), recipe.arms.len(), "{name}");
    }
}

/// What a quick form compares are points that it has.
#[test]
fn a_quick_form_compares_what_is_left_of_both() {
    let mut recipe = small();
    recipe["choice"] = Value::Null;
    recipe["pool"] = json!(64);
    recipe["arms"][0]["n"] = json!([1, 32, 64]);
    recipe["arms"][1]["n"] = json!([4, 8, 32, 64]);
    let pair = |more: Value| {
        let mut pair = json!({ "first": "best", "second": "majority" });
        for (field, value) in more.as_object().unwrap() {
            pair[field] = value.clone();
        }
        pair
    };
    recipe["compare"] = json!([
        pair(json!({})),
        pair(json!({ "n": [32, 64] })),
        pair(json!({ "at": "tokens" })),
        pair(json!({ "at": "one" })),
        pair(json!({ "at": "one", "n": [8, 64] })),
        pair(json!({ "at": "one", "n": [64] })),
        pair(json!({ "at": "accuracy", "n": [1, 64] })),
        pair(json!({ "at": "accuracy", "n": [64] })),
    ]);
    let quick = Recipe::parse(&recipe.to_string()).unwrap().quick();
    let left: Vec<(At, Vec<usize>)> =
        quick.compare.iter().map(|pair| (pair.at, pair.n.clone())).collect();
    // At equal accuracy budgets are those of the second.
    assert_eq!(left, [(At::One, vec![]), (At::One, vec![8]), (At::Accuracy, vec![1])]);
    Recipe::parse(&serde_json::to_string(&quick).unwrap()).unwrap();
}

#[test]
fn what_two_recipes_ask_is_all_but_their_texts() {
    let of = |recipe: &Value| Recipe::parse(&recipe.to_string()).unwrap();
    let mut other = small();
    other["claim"] = json!("Another.");
    // Nobody scores samples that are counted.
    other["arms"][0]["aggregate"] = json!("min");
    assert!(of(&small()).asks_as(&of(&other)));
    other["arms"][2]["aggregate"] = json!("min");
    assert!(!of(&small()).asks_as(&of(&other)));
}

#[test]
fn an_arm_takes_any_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let mut recipe = small();
    let beam = json!({ "strategy": "beam-search", "first": "N", "keep": "√N", "branch": "√N",
        "aggregate": "last", "select": { "aggregate": "last" } });
    let forest = json!({ "strategy": "forest", "copies": "√N", "inner": beam });
    let arm = |name: &str, strategy: &Value| json!({ "name": name, "policy": "player", "strategy": strategy, "n": [4, 9], "scorer": "exact" });
    let mut named = arm("named", &json!("beam"));
    named["aggregate"] = json!("last");
    recipe["arms"] = json!([named, arm("written", &beam), arm("forest", &forest)]);
    recipe["models"] = json!({ "player": { "embedded": "generator" } });
    recipe["compare"] = json!([{ "first": "written", "second": "forest" }]);
    for part in ["judged", "difficulty", "choice"] {
        recipe[part] = Value::Null;
    }
    let report = ran(folder.path(), &recipe);
    let tokens = |place: usize| report.points[place].generated_tokens;
    assert_eq!(report.points.len(), 6);
    for n in 0..2 {
        assert_eq!(report.points[n].values, report.points[2 + n].values);
        assert!((tokens(n) - tokens(2 + n)).abs() < 1e-12);
        // As many beams as the square root says: 2 and 3.
        let times = tokens(4 + n) / tokens(n);
        assert!((times - (2.0 + n as f64)).abs() < 0.5, "{times}");
    }
    assert_eq!(report.differences.len(), 2);
    report.write("arms", folder.path()).unwrap();
    let read = std::fs::read(folder.path().join("arms.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Report>(&read).unwrap().recipe, report.recipe);
}

/// Takes away what an arm says of its choice.
fn bare(arm: &mut Value) {
    let arm = arm.as_object_mut().unwrap();
    arm.remove("aggregate");
    arm.remove("choose");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn bad_recipes_are_named() {
    let table: [(Break, &str); 35] = [
        (
            |r| {
                bare(&mut r["arms"][2]);
                r["arms"][2]["strategy"] = json!({ "strategy": "beam-search", "width": 3 });
            },
            "arm \"beam\": recipe: unknown field `width`",
        ),
        (
            |r| {
                bare(&mut r["arms"][2]);
                r["arms"][2]["strategy"] = json!({ "strategy": "dvts", "n": "N", "branch": "√N" });
                r["arms"][2]["n"] = json!([8]);
            },
            "arm \"beam\": N is 8, expected a square",
        ),
        (
            |r| {
                r["arms"][2]["strategy"] = json!({ "strategy": "best-of-n", "n": "N" });
                r["arms"][2]["choose"] = json!("weighted");
            },
            "a recipe says itself how it aggregates and chooses",
        ),
        (
            |r| {
                bare(&mut r["arms"][1]);
                r["arms"][1]["strategy"] = json!({ "strategy": "best-of-n", "n": "N" });
                r["arms"][1]["scorer"] = Value::Null;
            },
            "best-of-n needs a scorer",
        ),
        (|r| r["arms"][2]["n"] = json!([5]), "arm \"beam\": N is 5, expected a square"),
        (|r| r["judged"]["samples"] = json!(0), "judged: samples is 0"),
        (|r| r["models"]["exact"] = r["models"]["prm"].clone(), "\"exact\" is the name"),
        (|r| r["problems"] = json!(0), "problems is 0"),
        (|r| r["arms"][0]["policy"] = json!("nobody"), "\"nobody\" is none of the models"),
        (|r| r["arms"][1]["scorer"] = Value::Null, "best-of-n needs a scorer"),
        (|r| r["arms"][0]["n"] = json!([9]), "N is 9, expected 1 to 8"),
        (|r| r["compare"][0]["first"] = json!("none"), "\"none\" is none of the arms"),
        (|r| r["judged"]["models"] = json!({ "none": "last" }), "judged: \"none\""),
        (|r| r["models"]["prm"]["reward"]["from"] = json!("x"), "model \"prm\": \"x\""),
        (
            |r| r["arms"][2]["noise"] = json!(-1.0),
            "arm \"beam\": noise is -1, expected a number of at least 0",
        ),
        (|r| r["arms"][0]["noise"] = json!(1.0), "and a scorer that it is put on"),
        (|r| r["choice"]["arms"] = json!(["beam", "none"]), "choice: \"none\" is none of the arms"),
        (|r| r["choice"]["arms"] = json!([]), "choice: arms is empty"),
        (|r| r["choice"]["arms"] = json!(["some"]), "choice: arm \"some\" knows the right answer"),
        (|r| r["choice"]["n"] = json!(2), "choice: there is no arm \"majority\" at N = 2"),
        (
            |r| r["choice"]["scorer"] = Value::Null,
            "choice: the signal is a score, and nobody scores",
        ),
        (
            |r| r["choice"]["signal"] = json!("agreement"),
            "choice: the signal is agreement, and a scorer",
        ),
        (|r| r["choice"]["policy"] = json!("nobody"), "choice: \"nobody\" is none of the models"),
        (|r| r["compare"][1]["n"] = json!([3]), "compare: \"best\" has no N of 3"),
        (
            |r| {
                r["arms"][0]["n"] = json!([1, 3]);
                r["arms"][1]["n"] = json!([1, 4]);
                r["choice"] = Value::Null;
                r["compare"] = json!([{ "first": "best", "second": "majority", "n": [1, 4] }]);
            },
            "compare: \"best\" and \"majority\" have no N of 4, at one place of the axis, in common",
        ),
        (
            |r| r["compare"][0] = json!({ "first": "beam", "second": "next" }),
            "compare: \"beam\" and \"next\" have no N, at one place of the axis, in common",
        ),
        (|r| r["compare"][0]["margin"] = json!(0.1), "margin is 0.1, and is for accuracy"),
        (
            |r| {
                r["compare"][1]["at"] = json!("accuracy");
                r["compare"][1]["n"] = json!([3]);
            },
            "compare: \"majority\" has no N of 3",
        ),
        (|r| r["compare"][1]["margin"] = json!(-0.5), "compare: margin is -0.5, expected a share"),
        (
            |r| r["compare"][0] = json!({ "first": "best", "second": "best", "at": "accuracy" }),
            "at equal accuracy one arm is compared with another",
        ),
        (|r| r["longest"] = json!(0), "longest is 0, expected at least 1 token"),
        (
            |r| {
                bare(&mut r["arms"][1]);
                r["arms"][1]["strategy"] = json!({ "reject": "longer" });
            },
            "arm \"best\": samples are drawn again by their length, expected no scorer",
        ),
        (
            |r| r["arms"][0]["strategy"] = json!({ "reject": "shorter" }),
            "arm \"majority\": recipe: missing field `strategy`",
        ),
        (|r| r["unknown"] = json!(1), "unknown field"),
        (|r| r["models"]["policy"]["written"]["learn"] = json!("all"), "unknown variant"),
    ];
    for (breaks, expected) in table {
        let mut recipe = small();
        breaks(&mut recipe);
        let error = Recipe::parse(&recipe.to_string()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn no_model_is_made_from_itself() {
    let mut circle = small();
    circle["models"]["prm"]["reward"]["from"] = json!("orm");
    circle["models"]["orm"]["reward"]["from"] = json!("prm");
    let recipe = Recipe::parse(&circle.to_string()).unwrap();
    let engine = EngineConfig::default();
    let workshop = Workshop::new(&recipe, "nowhere".into(), engine);
    let error = workshop.identity("prm", 1).unwrap_err().to_string();
    assert!(error.contains("is made from itself"), "{error}");
    assert!(find("no-such-recipe").unwrap_err().to_string().contains("crossover"));
}

fn point(arm: &str, n: usize, tokens: f64, values: [f64; 2]) -> Point {
    let accuracy = Accuracy { mean: 0.0, interval: [0.0; 2], problems: 2 };
    Point {
        arm: arm.into(),
        n,
        x: n as f64,
        accuracy,
        generated_tokens: tokens,
        scored_tokens: 0.0,
        operations: tokens,
        training: None,
        control: None,
        by_difficulty: Vec::new(),
        values: values.to_vec(),
        tokens: Vec::new(),
    }
}

/// Four attempts at these problems take more positions than the embedded model has.
#[test]
fn a_revision_model_has_room_for_the_attempts_that_it_sees() {
    let folder = tempfile::tempdir().unwrap();
    let mut recipe = small();
    recipe["task"]["chain"] = json!({ "operations": [8, 8], "digits": [2, 2], "most": 999 });
    let revision = json!({
        "from": "player", "policy": "player", "problems": 6, "samples": 8, "attempts": 4,
        "train": { "steps": 1, "batch": 1, "learning_rate": 0.0001 },
    });
    recipe["models"] = json!({
        "player": { "embedded": "generator" }, "revised": { "revision": revision },
    });
    recipe["arms"] = json!([{
        "name": "revised", "policy": "revised", "strategy": "majority", "n": [6], "in_turn": true,
    }]);
    for (field, count) in [("problems", 2), ("seeds", 1), ("pool", 6)] {
        recipe[field] = json!(count);
    }
    recipe["compare"] = json!([]);
    for part in ["judged", "difficulty", "choice"] {
        recipe[part] = Value::Null;
    }
    let report = ran(folder.path(), &recipe);
    assert_eq!(report.turns.len(), 6);
    assert!(report.models["revised"]["revisions"].as_u64().unwrap() > 0);
}

#[test]
fn at_equal_cost_the_second_is_taken_where_it_costs_as_much() {
    let points = [
        point("beam", 2, 20.0, [1.0, 0.5]),
        point("beam", 4, 80.0, [1.0, 1.0]),
        point("best", 1, 10.0, [0.0, 0.0]),
        point("best", 2, 20.9, [0.5, 0.0]),
        point("best", 4, 40.0, [1.0, 0.0]),
    ];
    let ask = |at, n: &[usize]| {
        let pair = Comparison {
            first: "beam".into(),
            second: "best".into(),
            at,
            n: n.to_vec(),
            margin: 0.0,
            over: None,
        };
        differences(&points, &[pair])
    };
    for at in [At::Tokens, At::Operations] {
        let found = ask(at, &[2]).unwrap();
        assert_eq!(found.len(), 1);
        let budget = found[0].budget.unwrap();
        assert_eq!(budget.n, 2);
        assert!((budget.first - 20.0).abs() + (budget.second - 20.9).abs() < 1e-12);
        // (1 - 0.5 + 0.5 - 0) / 2, of the point itself.
        assert!((found[0].paired.difference - 0.5).abs() < 1e-12);
        assert!(!found[0].is_interpolated());
        // 40 is not 80, and no line is drawn to it.
        let error = ask(at, &[]).unwrap_err().to_string();
        assert!(error.contains("run it at N = 8 or so"), "{error}");
    }
    // Against one sample, whatever that costs; of one sample of its own there is nothing to say.
    let found = ask(At::One, &[4]).unwrap();
    let budget = found[0].budget.unwrap();
    assert!((budget.n, found.len()) == (1, 1) && (budget.second - 10.0).abs() < 1e-12);
    assert!((found[0].paired.difference - 1.0).abs() < 1e-12);
    let own = Comparison {
        first: "best".into(),
        second: "best".into(),
        at: At::One,
        n: vec![],
        margin: 0.0,
        over: None,
    };
    let found: Vec<usize> = differences(&points, &[own]).unwrap().iter().map(|d| d.n).collect();
    assert_eq!(found, [2, 4]);
    let tokens = ask(At::Tokens, &[2]).unwrap()[0].at.clone();
    assert_eq!(tokens, "20 and 21 tokens, N = 2");
    let same = ask(At::N, &[4]).unwrap();
    assert_eq!((same.len(), same[0].n, same[0].budget), (1, 4, None));
    assert!((same[0].paired.difference - 0.5).abs() < 1e-12);
}

/// On both sides.
#[test]
fn costs_are_equal_to_five_percent() {
    for (tokens, equal) in [(94.5, false), (95.5, true), (104.5, true), (105.5, false)] {
        let points = [point("a", 1, 100.0, [1.0, 0.0]), point("b", 3, tokens, [0.0, 0.0])];
        let asked = [Comparison {
            first: "a".into(),
            second: "b".into(),
            at: At::Tokens,
            n: Vec::new(),
            margin: 0.0,
            over: None,
        }];
        assert_eq!(differences(&points, &asked).is_ok(), equal, "{tokens}");
    }
}

/// Two problems have four patterns of signs: p is 1/2 where both differ alike.
#[test]
fn differences_are_adjusted_for_their_number() {
    let points = [point("a", 1, 1.0, [1.0, 1.0]), point("b", 1, 1.0, [0.0, 0.0])];
    let pair = Comparison {
        first: "a".into(),
        second: "b".into(),
        at: At::N,
        n: Vec::new(),
        margin: 0.0,
        over: None,
    };
    let alone = differences(&points, std::slice::from_ref(&pair)).unwrap();
    let twice = differences(&points, &[pair.clone(), pair]).unwrap();
    let of = |found: &[tts_examples::experiment::Difference]| {
        found.iter().map(|d| (d.paired.p_value, d.adjusted)).collect::<Vec<_>>()
    };
    assert_eq!(of(&alone), [(0.5, 0.5)]);
    assert_eq!(of(&twice), [(0.5, 1.0), (0.5, 1.0)]);
}

#[test]
fn attempts_stand_before_the_question() {
    let asked = |attempts: &[&str]| {
        words().prompt(&Prompt::text("1+2+3\n"), attempts).question().to_owned()
    };
    assert_eq!(asked(&[]), "1+2+3\n");
    let both = asked(&["=3+3\n=7", "=9"]);
    assert_eq!(both, "1+2+3\n=3+3\n=7\n1+2+3\n=9\n1+2+3\n");
}
