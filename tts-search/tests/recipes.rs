//! Recipes: what parses, what does not, and what the errors say.

use std::path::Path;

use serde_json::{Value, json};
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::*;

const STRATEGIES: [&str; 39] = [
    "compute-optimal",
    "retry",
    "dedupe",
    "phases",
    "particle-filter",
    "particle-gibbs",
    "power-sampling",
    "adaptive-consistency",
    "self-certainty",
    "deep-conf",
    "deep-conf-online",
    "budget-forcing",
    "converged",
    "revision",
    "rsa",
    "self-refine",
    "gen-select",
    "gen-synthesis",
    "tournament",
    "mutual-verification",
    "research",
    "retrieve-once",
    "plan-search-write",
    "parallel-search",
    "react",
    "self-ask",
    "chain-of-thought",
    "zero-shot",
    "self-consistency",
    "best-of-n",
    "beam-search",
    "lookahead",
    "forest",
    "dvts",
    "rebase",
    "step-best-of-n",
    "token-beam",
    "mcts",
    "ab-mcts",
];

fn file(name: &str) -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/recipes");
    root.join(format!("{name}.json"))
}

#[test]
fn every_strategy_has_an_example_that_parses_and_comes_back() {
    for name in STRATEGIES {
        let recipe = Recipe::from_file(file(name)).expect(name);
        let written = serde_json::to_value(&recipe).expect("JSON");
        assert_eq!(written["strategy"], name);
        assert_eq!(Recipe::from_json(&written.to_string()).expect("parses"), recipe);
        // Nothing in the file is ignored: all of it comes back, next to the defaults.
        let text = std::fs::read_to_string(file(name)).expect("a file");
        let read: Value = serde_json::from_str(&text).expect("JSON");
        assert!(within(&read, &written), "{read} is not within {written}");
    }
    let files = std::fs::read_dir(file("x").parent().expect("a folder")).expect("a folder");
    assert_eq!(files.count(), STRATEGIES.len());
}

/// Whether every field of `part` is in `whole`.
fn within(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|other| within(value, other)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(a, b)| within(a, b))
        }
        // Sampling is in f32.
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().expect("a number"), b.as_f64().expect("a number"));
            (a - b).abs() < 1e-6
        }
        _ => part == whole,
    }
}

#[test]
fn every_strategy_refuses_an_unknown_field_wherever_it_stands() {
    for name in STRATEGIES {
        let recipe = Recipe::from_file(file(name)).expect(name);
        let mut value = serde_json::to_value(&recipe).expect("JSON");
        value["beem"] = json!(4);
        let error = Recipe::from_json(&value.to_string()).expect_err(name).to_string();
        assert!(error.contains("unknown field `beem`"), "{name}: {error}");
        // Run state is no setting.
        let mut value = serde_json::to_value(&recipe).expect("JSON");
        assert!(value.get("state").is_none());
        value["state"] = json!({});
        let error = Recipe::from_json(&value.to_string()).expect_err(name).to_string();
        assert!(error.contains("unknown field `state`"), "{name}: {error}");
    }
    for (json, expected) in [
        (
            json!({"strategy": "best-of-n", "select": {"rule": "best", "by": 1}}),
            "unknown field `by`",
        ),
        (
            json!({"strategy": "lookahead", "inner": {"strategy": "dvts", "m": 4}}),
            "unknown field `m`",
        ),
        (
            json!({"strategy": "lookahead", "sampling": {"temp": 1}, "inner": {"strategy": "dvts"}}),
            "unknown field `temp`",
        ),
        (
            json!({"strategy": "forest", "copies": 2, "inner": {
                "strategy": "lookahead", "inner": {"strategy": "beam-search", "width": 4}}}),
            "unknown field `width`",
        ),
    ] {
        let error = Recipe::from_json(&json.to_string()).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn errors_name_what_is_wrong() {
    for (json, expected) in [
        (r#"{"strategy": "beam"}"#, "unknown variant `beam`, expected one of `chain-of-thought`"),
        (r#"{"keep": 4}"#, "missing field `strategy`"),
        (r#"{"strategy": "lookahead", "depth": 2}"#, "missing field `inner`"),
        (r#"{"strategy": "forest", "inner": {"strategy": "dvts"}}"#, "missing field `copies`"),
        (r#"{"strategy": "best-of-n", "n": -3}"#, "invalid value: integer `-3`"),
        (r#"{"strategy": "best-of-n", "n": 0}"#, "best-of-n: n is 0, expected at least 1"),
        (r#"{"strategy": "dvts", "n": 6, "branch": 4}"#, "expected a divisor of n, which is 6"),
        (r#"{"strategy": "beam-search", "completed": "drop"}"#, "unknown variant `drop`"),
        (r#"{"strategy": "beam-search", "keep": "4"}"#, "invalid type: string \"4\""),
        // Serde alone would read lists as fields without their names.
        (
            r#"["beam-search"]"#,
            "expected an object with the field `strategy`, found [\"beam-search\"]",
        ),
        (
            r#"{"strategy": "phases", "phases": [[1, {"strategy": "dvts"}]]}"#,
            "found [1,{\"strategy\":\"dvts\"}]",
        ),
        (
            r#"{"strategy": "phases", "phases": [{"share": 1, "inner": ["dvts", 8, 2]}]}"#,
            "found [\"dvts\",8,2]",
        ),
        (r#"{"strategy": "lookahead", "inner": ["dvts", 8, 2]}"#, "found [\"dvts\",8,2]"),
        (r#"{"strategy": "dvts", "strategy": "best-of-n"}"#, "duplicate field `strategy`"),
        (r#"{"strategy": "dvts", "n": 4, "n": 8}"#, "duplicate field `n`"),
        ("", "EOF"),
    ] {
        let error = Recipe::from_json(json).expect_err(expected).to_string();
        assert!(error.contains(expected), "{json}: {error}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("beam.json");
    let error = Recipe::from_file(&path).expect_err("no file").to_string();
    assert!(error.contains("beam.json: "), "{error}");
    std::fs::write(&path, r#"{"strategy": "beam-search", "keep": 0}"#).expect("written");
    let error = Recipe::from_file(&path).expect_err("keeps nothing").to_string();
    assert!(error.contains("beam.json: recipe: beam search: keep is 0"), "{error}");
    std::fs::write(&path, b"{\"strategy\": \"\xe9\"}").expect("written");
    let error = Recipe::from_file(&path).expect_err("another encoding").to_string();
    assert!(error.contains("beam.json: recipe: line 1: not UTF-8"), "{error}");
    // As editors of other systems save it.
    std::fs::write(&path, "\u{feff}{\"strategy\":\r\n\"greedy\"}\r\n").expect("written");
    let error = Recipe::from_file(&path).expect_err("unknown").to_string();
    assert!(error.contains("unknown variant `greedy`"), "{error}");
    std::fs::write(&path, "\u{feff}{\"strategy\":\r\n\"chain-of-thought\"}\r\n").expect("written");
    assert!(Recipe::from_file(&path).is_ok());
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    let mut json = r#"{"strategy": "chain-of-thought"}"#.to_owned();
    for _ in 0..500 {
        json = format!(r#"{{"strategy": "forest", "copies": 1, "inner": {json}}}"#);
    }
    let error = Recipe::from_json(&json).expect_err("too deep").to_string();
    assert!(error.contains("recursion limit"), "{error}");
}

#[test]
fn the_tag_may_stand_anywhere() {
    let beam = BeamSearch { keep: 2, ..Default::default() };
    let recipe = Recipe::from_json(r#"{"keep": 2, "strategy": "beam-search"}"#).expect("parses");
    assert_eq!(recipe, beam.into());
}

#[test]
fn every_name_makes_a_strategy_within_its_budget() {
    for name in Recipe::NAMES {
        for n in 1..70 {
            let recipe = Recipe::default_of(name, n).expect(name);
            recipe.check().unwrap_or_else(|problem| panic!("{name} {n}: {problem}"));
            let json = serde_json::to_string(&recipe).expect("JSON");
            assert_eq!(Recipe::from_json(&json).expect("parses"), recipe);
            let mut search = recipe.clone();
            let mut tree = Tree::new(Prompt::from("a question"), 0);
            let (cost, budget, mut rng) = (Cost::default(), Budget::default(), seed::rng(0));
            let fresh = [NodeId::ROOT];
            let mut view = View::new(&mut tree, &fresh, &[0], &cost, &budget, &mut rng);
            let lines: usize = search.step(&mut view).iter().map(|expand| expand.n).sum();
            assert!((1..=n).contains(&lines), "{name} {n}: {lines}");
            // Not much of the budget lies idle.
            // These have a budget of all their rounds, or, as `mcts`, begin with one leaf of those that they
            // expand in later rounds (see tests/tree/mcts.rs).
            let rounds = [
                "revision",
                "rsa",
                "self-refine",
                "adaptive-consistency",
                "deep-conf-online",
                "particle-gibbs",
                "power-sampling",
                "mcts",
                "ab-mcts",
            ];
            let single = ["greedy", "chain-of-thought"].contains(name) || rounds.contains(name);
            assert!(single || lines + n.isqrt() > n, "{name} {n}: {lines}");
        }
        assert!(Recipe::default_of(name, 0).is_err());
    }
    let error = Recipe::default_of("viterbi", 4).expect_err("unknown").to_string();
    assert!(
        error.contains("no strategy is called \"viterbi\", expected one of greedy, "),
        "{error}"
    );
    assert!(error.contains("lookahead"), "{error}");
}

#[test]
fn a_strategy_of_two_names_is_one() {
    for (short, name) in
        [("beam", "beam-search"), ("greedy", "chain-of-thought"), ("majority", "self-consistency")]
    {
        let of = |name| Recipe::default_of(name, 16).expect("known");
        assert_eq!(of(short), of(name), "{short}");
        // In recipes it has the longer one.
        let json = serde_json::to_value(of(short)).expect("JSON");
        assert_eq!(json["strategy"], name);
    }
}

/// A strategy of another crate.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Several {
    lines: usize,
    #[serde(skip)]
    rounds: usize,
}

impl SearchStrategy for Several {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        self.rounds = if view.is_start() { 1 } else { self.rounds + 1 };
        if self.rounds > 2 {
            return Vec::new();
        }
        view.open().into_iter().map(|id| Expand::step(id, self.lines)).collect()
    }

    fn check(&self) -> Result<(), String> {
        if self.lines == 0 { Err("several: lines is 0".into()) } else { Ok(()) }
    }

    fn requires(&self) -> Requirements {
        Requirements::scorer("several", [Selection::best(Aggregate::Last)])
    }
}

fn registry() -> recipe::Registry {
    recipe::Registry::default().with("several", |n| Several { lines: n, rounds: 0 })
}

#[test]
fn a_recipe_holds_a_strategy_of_another_crate() {
    let custom = json!({"strategy": "custom", "name": "several", "settings": {"lines": 3}});
    let world = toy::ToyWorld::default();
    let oracle = toy::Oracle::of(&world);
    let search = Search::new(world).scorer(oracle).rule(StepRule::lines()).seed(3);
    let own = search.run(Several { lines: 3, rounds: 0 }, world.prompt(0)).expect("runs");
    let held = registry().from_json(&custom.to_string()).expect("reads");
    // Written and read again, and twice from one value: the state of a run is no setting.
    assert_eq!(serde_json::to_value(&held).expect("JSON"), custom);
    for _ in 0..2 {
        let found = search.run(held.clone(), world.prompt(0)).expect("runs");
        assert!(found.tree == own.tree && found.best == own.best);
    }
    // Within decorators, and what it needs is asked for there too.
    for (outer, lines) in [
        (json!({"strategy": "forest", "copies": 2, "inner": custom}), 2 * (3 + 9)),
        (json!({"strategy": "retry", "inner": custom}), 3 + 9),
        (
            json!({"strategy": "dedupe", "times": 0, "inner": {"strategy": "retry", "inner":
            {"strategy": "phases", "phases": [{"share": 1, "inner": {"strategy": "forest",
                "copies": 1, "inner": custom}}]}}}),
            0,
        ),
        (
            json!({"strategy": "phases", "phases": [{"share": 0.5, "inner": custom}, {"share": 0.5, "inner": custom}]}),
            2 * (3 + 9),
        ),
        (json!({"strategy": "converged", "rounds": 9, "inner": custom}), 3 + 9),
        (
            json!({"strategy": "lookahead", "depth": 0,
                "inner": {"strategy": "forest", "copies": 1, "inner": custom}}),
            3 + 9,
        ),
    ] {
        let recipe = registry().from_json(&outer.to_string()).expect("reads");
        let outcome = search.run(recipe.clone(), world.prompt(0)).expect("runs");
        // Merged steps are continued once, however many there were.
        assert!(lines == 0 || outcome.usage.logical.samples == lines);
        let bare = Search::new(world).run(recipe, world.prompt(0)).expect_err("no scorer");
        assert!(bare.to_string().contains("several needs a scorer"), "{bare}");
    }
    let sized = registry().default_of("several", 5).expect("known");
    assert_eq!(serde_json::to_value(sized).expect("JSON")["settings"], json!({"lines": 5}));
}

#[test]
fn a_strategy_that_nobody_registered_is_refused() {
    let of = |name: &str, settings: Value| {
        json!({"strategy": "forest", "copies": 2,
            "inner": {"strategy": "custom", "name": name, "settings": settings}})
        .to_string()
    };
    for (json, expected) in [
        (of("severed", json!({})), "registered as \"severed\", only [\"several\"]"),
        (of("several", json!({"lines": 1, "row": 2})), "several: unknown field `row`"),
        (of("several", json!({"lines": 0})), "several: lines is 0"),
        (of("several", json!({})), "several: missing field `lines`"),
    ] {
        let error = registry().from_json(&json).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    // Without a registry the recipe parses, and no driver runs it.
    let json = of("several", json!({"lines": 1}));
    let error = Recipe::from_json(&json).expect_err("not filled").to_string();
    assert!(error.contains("read the recipe with a Registry"), "{error}");
    let bare: Recipe = serde_json::from_str(&json).expect("a recipe");
    let world = toy::ToyWorld::default();
    let error = Search::new(world).run(bare, world.prompt(0)).expect_err("not filled");
    assert!(error.to_string().contains("Registry"), "{error}");
    assert!(registry().default_of("severed", 3).is_err());
    let error = registry().default_of("several", 0).expect_err("nothing").to_string();
    assert!(error.contains('0'), "{error}");
}

#[test]
fn a_default_asks_for_n_lines_a_round_at_most() {
    let world = ToyWorld { error: 0.5, ..ToyWorld::default() };
    for name in Recipe::NAMES {
        for n in [4, 7, 8, 16] {
            let mut most = 0;
            let mut observer = |event: &Event<'_>| {
                if let What::Asked { lines } = event.what {
                    most = most.max(lines);
                }
            };
            let recipe = Recipe::default_of(name, n).expect("known");
            let oracle = Oracle::of(&world);
            let search = Search::new(world).scorer(oracle).rule(StepRule::lines()).seed(3);
            search.observer(&mut observer).run(recipe, world.prompt(0)).ok();
            assert!((1..=n).contains(&most), "{name} of {n}: {most}");
        }
    }
}
