//! Policies made by reinforcement: how their training is told, what they were on the way, and what search adds to them.

use serde_json::{Value, json};
use tts_examples::experiment::{
    At, Comparison, Curve, Figure, Recipe, Report, Workshop, differences, recompute,
};
use tts_models::EngineConfig;

use crate::{point, ran, small};

/// A policy learns from rewards, another one of another size from what it writes then.
#[test]
fn policies_are_reinforced_and_distilled() {
    let folder = tempfile::tempdir().unwrap();
    let mut recipe = small();
    let strides = json!({ "chain": { "operations": [2, 3], "digits": [1, 1], "most": 999 } });
    recipe["task"] = json!({ "strides": strides });
    let learn = json!({ "steps": 2, "problems": 3, "samples": 4, "adjust": { "beta": 0.01 },
        "process": {}, "measure": { "every": 1, "samples": 2 } });
    recipe["models"] = json!({
        "player": { "embedded": "generator" },
        "learnt": { "reinforced": {
            "from": "player", "problems": 12, "held_out": 4, "judge": "exact", "learn": learn,
        }},
        "searched": { "reinforced": {
            "from": "learnt", "problems": 12, "judge": "exact",
            "sampler": { "strategy": "beam-search", "keep": 2, "branch": 2 },
            "learn": { "steps": 1, "problems": 3 },
        }},
        "student": { "distilled": {
            "shape": { "width": 32, "layers": 1, "heads": 1 }, "teacher": "learnt", "problems": 6,
            "samples": 4, "keep": {}, "train": { "steps": 3, "batch": 4, "learning_rate": 0.003 },
        }},
        "taught": { "reinforced": {
            "from": "student", "problems": 12, "learn": { "steps": 1, "problems": 3, "samples": 2 },
        }},
    });
    let arm =
        |name: &str| json!({ "name": name, "policy": name, "strategy": "majority", "n": [2] });
    let all = ["player", "learnt", "searched", "student", "taught"];
    recipe["arms"] = all.iter().map(|name| arm(name)).collect();
    recipe["compare"] = json!([{ "first": "learnt", "second": "player" }]);
    for part in ["judged", "difficulty", "choice"] {
        recipe[part] = Value::Null;
    }
    let report = ran(folder.path(), &recipe);
    assert_eq!(report.points.len(), 5);
    // A student has cost what its teacher has, and what it was taught; who goes on from it has all of that.
    let cost = |name: &str| report.points.iter().find(|point| point.arm == name).unwrap().training;
    let [learnt, student, taught] = ["learnt", "student", "taught"].map(|name| cost(name).unwrap());
    assert!(cost("player").is_none() && 0.0 < learnt && learnt < student && student <= taught);
    let told = &report.models["student"];
    assert!(
        told["drawn"]["learnt"].as_u64().unwrap() > 0 && told["learnt"].as_f64().unwrap() > 0.0
    );
    let learnt = &report.models["learnt"];
    assert!(learnt["tokens"].as_u64().unwrap() > 0 && learnt["last"]["step"] == 2, "{learnt}");
    assert!(report.models["student"]["kept"].as_u64().unwrap() > 0);
    // Not done, it is made again from what was saved: to the same report.
    for entry in std::fs::read_dir(folder.path().join("models")).unwrap() {
        std::fs::remove_file(entry.unwrap().path().join("made.json")).unwrap();
    }
    assert_eq!(ran(folder.path(), &recipe), report);
    recipe["models"]["learnt"]["reinforced"]["learn"]["samples"] = json!(1);
    let error = Recipe::parse(&recipe.to_string()).unwrap_err().to_string();
    assert!(error.contains("model \"learnt\": samples: 1, expected at least 2"), "{error}");
}

/// A policy that learns for two steps, what it was after one, and what it began as.
fn trained() -> Value {
    let mut recipe = small();
    let learn = json!({ "steps": 2, "problems": 3, "samples": 4, "keep": { "steps": [1] },
        "measure": { "every": 1, "samples": 2 } });
    recipe["models"] = json!({
        "player": { "embedded": "generator" },
        "learnt": { "reinforced": {
            "from": "player", "problems": 12, "held_out": 4, "learn": learn,
        }},
        "half-way": { "step-of": { "model": "learnt", "step": 1 } },
    });
    let arm =
        |name: &str| json!({ "name": name, "policy": name, "strategy": "majority", "n": [1, 2] });
    recipe["arms"] = json!([arm("player"), arm("half-way"), arm("learnt")]);
    recipe["compare"] =
        json!([{ "first": "learnt", "second": "player", "over": ["learnt", "player"], "n": [2] }]);
    recipe["retrain"] = json!(true);
    recipe["until"] = json!([0.05, 1.0]);
    recipe["along"] = json!("training");
    for part in ["judged", "difficulty", "choice"] {
        recipe[part] = Value::Null;
    }
    recipe
}

/// Curves are over both seeds of training, and follow from what lies beside the report.
#[test]
fn training_is_told_along_its_steps() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = trained();
    let report = ran(&folder.path().join("store"), &recipe);
    let [Curve { model, seeds, figures, until }] = &report.training[..] else {
        panic!("{:?}", report.training)
    };
    assert_eq!((model.as_str(), *seeds, until.len()), ("learnt", 2, 2));
    assert_eq!(until.iter().map(|own| own.seeds.len()).collect::<Vec<usize>>(), [2, 2]);
    let steps = |figure| figures[&figure].iter().map(|at| at.step).collect::<Vec<usize>>();
    assert_eq!(steps(Figure::Pass), [0, 1, 2]);
    assert_eq!(steps(Figure::Reward), [1, 2]);
    let first = report.models["learnt"]["first"]["pass"].as_f64().unwrap();
    let pass = figures[&Figure::Pass][0];
    assert!((pass.least..=pass.most).contains(&first), "{pass:?}, {first}");
    // What the model was after one step cost half of the way, and what it began as nothing.
    let cost = |place: usize| report.points[place].training;
    let (Some(half), Some(whole)) = (cost(2), cost(4)) else { panic!("no costs of training") };
    assert!(cost(0).is_none() && 0.0 < half && half < whole);
    let of = |chart: &tts_core::plot::Chart| -> Vec<(String, usize)> {
        chart.series.iter().map(|own| (own.name.clone(), own.points.len())).collect()
    };
    assert_eq!(of(&report.chart()), [("N = 1".to_owned(), 2), ("N = 2".to_owned(), 2)]);
    let along = report.training_charts();
    let (_, chart) = along.iter().find(|(figure, _)| *figure == Figure::Pass).unwrap();
    assert_eq!(of(chart), [("learnt".to_owned(), 3)]);

    report.write("small", folder.path()).unwrap();
    let text = std::fs::read_to_string(folder.path().join("small.md")).unwrap();
    for part in [
        "## Along training",
        "| held out: one sample right | learnt | 2 | step 0: ",
        "| 5.0 % | learnt | 2 of 2 | 0 (0 to 0) | ",
        "| 100.0 % | learnt | ",
        "(small-pass.svg)",
        "(small-tokens.svg)",
        "| learnt over learnt | player over player | 2 |",
        "operations of reinforcement, before |",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for file in ["small-pass.svg", "small-reward.svg", "small-tokens.svg"] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
    assert!(report.page().unwrap().html().contains("Along training: reward"));

    let mut read = Report::read("small", folder.path()).unwrap();
    assert_eq!(read, report);
    assert_eq!(recompute(&read).unwrap().differ, Vec::<String>::new());
    let reward = read.courses[1].points.get_mut(&2).unwrap().get_mut(&Figure::Reward).unwrap();
    *reward += 0.25;
    let found = recompute(&read).unwrap().differ.join("\n");
    assert!(found.contains("learnt, reward at step 2: "), "{found}");
    // Values without what curves follow from are no whole report.
    std::fs::remove_file(folder.path().join("values/small.training.csv.gz")).unwrap();
    let error = Report::read("small", folder.path()).unwrap_err().to_string();
    assert!(error.contains("small.training.csv.gz"), "{error}");
}

/// The policy of a step is to the bit what a run of so many steps makes.
#[test]
fn a_kept_step_is_a_run_that_ended_there() {
    let folder = tempfile::tempdir().unwrap();
    let weights = |recipe: &Value, name: &str, root: &str| {
        let recipe = Recipe::parse(&recipe.to_string()).unwrap();
        let workshop = Workshop::new(&recipe, folder.path().join(root), EngineConfig::default());
        let model = workshop.model(name, 1).unwrap();
        assert!(model.join("tokenizer.json").is_file());
        std::fs::read(model.join("model.safetensors")).unwrap()
    };
    let (long, mut short) = (trained(), trained());
    short["models"]["learnt"]["reinforced"]["learn"]["steps"] = json!(1);
    let kept = weights(&long, "half-way", "long");
    assert!(kept == weights(&short, "learnt", "short"), "other bits");
    assert!(kept != weights(&long, "learnt", "long"), "nothing was learnt in the second step");
}

/// How the policy learns.
fn learn(recipe: &mut Value) -> &mut Value {
    &mut recipe["models"]["learnt"]["reinforced"]["learn"]
}

#[test]
fn what_cannot_be_told_along_training_is_refused() {
    type Break = fn(&mut Value);
    let table: [(Break, &str); 13] = [
        (|r| learn(r)["rewards"] = json!([]), "model \"learnt\": rewards: none"),
        (|r| learn(r)["process"] = json!({}), "model \"learnt\": judge: nobody, and process asks"),
        (
            |r| learn(r)["rewards"] = json!([{ "of": { "scored": {} } }]),
            "judge: nobody, and the reward scored asks for scores",
        ),
        (
            |r| learn(r)["process"] = json!({ "of": "tree", "form": "own" }),
            "process.of: tree, of independent samples",
        ),
        (
            |r| r["models"]["learnt"]["reinforced"]["judge"] = json!("player"),
            "judge: \"player\" is asked for nothing",
        ),
        (
            |r| r["models"]["half-way"]["step-of"]["step"] = json!(2),
            "model \"half-way\": step is 2, which \"learnt\" does not keep",
        ),
        (
            |r| r["models"]["half-way"]["step-of"]["model"] = json!("player"),
            "model \"half-way\": \"player\" is no reinforced model",
        ),
        (
            |r| r["models"]["half-way"]["step-of"]["model"] = json!("nobody"),
            "model \"half-way\": \"nobody\" is no",
        ),
        (|r| r["until"] = json!([0.5, 1.5]), "until: 1.5, expected a share"),
        (
            |r| r["models"]["learnt"]["reinforced"]["held_out"] = json!(0),
            "until: no reinforced model has held_out problems",
        ),
        (|r| r["arms"][0]["strategy"] = json!("pass-at-n"), "expected one strategy and scorer"),
        (
            |r| r["arms"] = json!([r["arms"][0]]),
            "along training: no policy of an arm is reinforced",
        ),
        (|r| r["arms"][0]["n"] = json!([2]), "compare: over: \"player\" has no N of 1"),
    ];
    for (breaks, expected) in table {
        let mut recipe = trained();
        breaks(&mut recipe);
        let error = Recipe::parse(&recipe.to_string()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, expected {expected}");
    }
}

/// A quick form asks for the same policies, sooner.
#[test]
fn a_quick_form_keeps_what_it_asks_for() {
    let mut recipe = trained();
    let learn = &mut recipe["models"]["learnt"]["reinforced"]["learn"];
    learn["steps"] = json!(200);
    learn["keep"] = json!({ "steps": [10, 25], "every": 100 });
    recipe["models"]["half-way"]["step-of"]["step"] = json!(25);
    recipe["models"]["late"] = json!({ "step-of": { "model": "learnt", "step": 100 } });
    let quick = Recipe::parse(&recipe.to_string()).unwrap().quick();
    let quick = Recipe::parse(&serde_json::to_string(&quick).unwrap()).unwrap();
    let models = serde_json::to_value(&quick.models).unwrap();
    assert_eq!(models["learnt"]["reinforced"]["learn"]["keep"]["steps"], json!([1, 2, 10, 20]));
    assert_eq!(models["half-way"]["step-of"]["step"], 2);
    assert_eq!(models["late"]["step-of"]["step"], 10);
}

#[test]
fn a_gain_is_compared_with_another_gain() {
    let points = [
        point("trained", 1, 1.0, [0.5, 0.75]),
        point("trained, beam", 4, 4.0, [1.0, 0.75]),
        point("base", 1, 1.0, [0.25, 0.0]),
        point("base, beam", 4, 4.0, [0.5, 1.0]),
    ];
    let pair = |over| Comparison {
        first: "trained, beam".into(),
        second: "base, beam".into(),
        at: At::N,
        n: vec![4],
        margin: 0.0,
        over,
    };
    let over = Some(["trained".to_owned(), "base".to_owned()]);
    let found = differences(&points, &[pair(over), pair(None)]).unwrap();
    // (0.5 - 0.25 + 0 - 1) / 2, and (1 - 0.5 + 0.75 - 1) / 2 without what they are gains over.
    for (difference, expected) in found.iter().zip([-0.375, 0.125]) {
        assert!((difference.paired.difference - expected).abs() < 1e-12, "{difference}");
    }
    let told = found[0].to_string();
    assert!(told.starts_with("trained, beam over trained minus base, beam over base at"), "{told}");
    assert_eq!(found[1].to_string(), "trained, beam minus base, beam at N = 4, equal N");
    let over = Some(["trained".to_owned(), "base, beam".to_owned()]);
    let error = differences(&points, &[pair(over)]).unwrap_err().to_string();
    assert!(error.contains("no point at N = 1 that \"base, beam\" gains over"), "{error}");
}
