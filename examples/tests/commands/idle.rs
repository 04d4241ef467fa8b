//! Options that would mean nothing, and slips of the pen: what a command says of them, before it opens a model.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tts_models::testing::fake::{Act, Fake};

use super::{example, place, ran, succeeded, text};

/// Command, arguments, and what has to be in the refusal: the option, above all.
type Case<'a> = (&'a str, Vec<&'a str>, &'a [&'a str]);

/// An option that is passed over in silence has somebody believe in figures that it never had a part in.
#[test]
fn options_that_mean_nothing_are_refused_by_name() {
    let place = tempfile::tempdir().unwrap();
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/best-of-n.json");
    let (recipe, out) = (recipe.to_str().unwrap(), place.path().join("out"));
    let (out, x) = (out.to_str().unwrap(), "nowhere.gguf");
    let solve = |more: &[&'static str]| [&["--model", "nowhere.gguf", "1+2"], more].concat();
    let family = |more: &[&'static str]| {
        [&["--model", "embedded", "--family", "chain", "--out", "nowhere/out"], more].concat()
    };
    let with_recipe = |more: &[&'static str]| [&["--recipe", recipe], &solve(more)[..]].concat();
    let train =
        |more: &[&'static str]| [&["--model", x, "--data", "x.jsonl", "--out", out], more].concat();
    let prm = |more: &[&'static str]| {
        [&["--model", x, "--labels", "x.jsonl", "--out", out], more].concat()
    };
    let cases: Vec<Case<'_>> = vec![
        ("solve", with_recipe(&["--n", "64"]), &["--recipe", "--n"]),
        ("solve", with_recipe(&["--strategy", "dvts"]), &["--recipe", "--strategy"]),
        ("solve", solve(&["--hard"]), &["--hard", "--budget-tokens"]),
        (
            "solve",
            solve(&["--budget", "samples=3", "--budget-tokens", "9"]),
            &["--budget", "--budget-tokens"],
        ),
        ("solve", solve(&["--budget", "token=3"]), &["--budget: \"token=3\"", "samples, tokens"]),
        ("solve", solve(&["--price", "written=3"]), &["--price", "written=3"]),
        ("solve", solve(&["--price", "read=1", "--price", "read=2"]), &["two prices"]),
        ("solve", solve(&["--expect-step", "9"]), &["--expect-step"]),
        ("solve", solve(&["--expect-steps", "9"]), &["--expect-steps"]),
        ("quickstart", vec!["--ask", "1+2", "--json", "x.json"], &["--ask", "--json"]),
        ("quickstart", vec!["--ask", "1+2", "--plot", "x.svg"], &["--ask", "--plot"]),
        ("quickstart", vec!["--ask", "1+2", "--problems", "9"], &["--ask", "--problems"]),
        ("finetune", train(&["--alpha", "3"]), &["--rank"]),
        ("train_prm", prm(&["--alpha", "3"]), &["--rank"]),
        ("train_prm", prm(&["--tries", "3"]), &["--tries", "--kind advantage"]),
        ("label", family(&["--method", "omega-prm", "--solutions", "3"]), &["--solutions"]),
        ("label", family(&["--searches", "3"]), &["--searches"]),
        ("label", family(&["--judge", "steps"]), &["--judge"]),
        ("label", family(&["--judgements", "3"]), &["--judgements"]),
        ("label", family(&["--learn", "x.jsonl"]), &["--learn is of another --method"]),
        ("label", family(&["--out-judgements", "x"]), &["--out-judgements is of another --method"]),
        ("label", family(&["--few-shot", "builtin"]), &["--family", "--few-shot"]),
        ("label", family(&["--system", "Be brief."]), &["--family", "--system"]),
        ("label", family(&["--raw"]), &["--family", "--raw"]),
        ("label", family(&["--dataset", "gsm8k"]), &["--family", "--dataset"]),
        ("label", family(&["--mapping", "x.json"]), &["--family", "--mapping"]),
        ("label", family(&["--question-field", "q"]), &["--family", "--question-field"]),
        ("label", family(&["--ask", "{{ question }}"]), &["--family", "--ask"]),
        ("label", family(&["--task", "math"]), &["--family", "--task"]),
        ("reinforce", family(&["--few-shot", "builtin"]), &["--family", "--few-shot"]),
        ("reinforce", family(&["--id-field", "id"]), &["--family", "--id-field"]),
        ("reinforce", family(&["--tokenizer", "x"]), &["--tokenizer"]),
        (
            "research",
            vec!["--recall", "x.jsonl", "--key-values", "int8"],
            &["--recall", "--key-values"],
        ),
    ];
    for (command, arguments, expected) in cases {
        let Some(program) = example(command) else { continue };
        // Nothing of it lands in the folder of the tests.
        let output = Command::new(program).current_dir(&place).args(&arguments).output().unwrap();
        let said = text(&output);
        assert!(!output.status.success(), "{command} {arguments:?}: {said}");
        assert!(expected.iter().all(|word| said.contains(word)), "{command} {arguments:?}: {said}");
        assert!(!said.contains("nowhere.gguf:"), "{command} {arguments:?}: {said}");
    }
}

/// Where all engines are on servers, nothing multiplies here.
#[test]
fn options_of_models_here_are_refused_where_there_is_none() {
    let (Some(solve), Some(judge)) = (example("solve"), example("judge")) else { return };
    let (_place, path) = place();
    let server = Fake::start(|seen| {
        if seen.body.get("messages").is_none() {
            return Act::Status(404, "", "{}".into());
        }
        Act::Json(
            json!({ "choices": [{ "message": { "content": "3 [[A]]" }, "finish_reason": "stop" }] }),
        )
    });
    let engine = json!({ "servers": [server.address()], "kind": "chat", "model": "large", "text": "bytes",
        "self_test": false, "unseeded": true });
    std::fs::write(path("engine.json"), engine.to_string()).unwrap();
    std::fs::write(path("pairs.jsonl"), r#"{"prompt": "1", "chosen": "2", "rejected": "3"}"#)
        .unwrap();
    let (engine, data) = (path("engine.json"), path("pairs.jsonl"));
    let given =
        ["--weights", "int8", "--key-values", "int8", "--threads", "2", "--backend", "ndarray"];
    let names = "--backend, --weights, --key-values, --threads";
    for (command, asked) in [
        (&solve, vec!["--model", &engine, "--scorer", "none", "--strategy", "majority", "1+2"]),
        (&judge, vec!["--model", &engine, "--data", &data, "--judge", "pairwise"]),
    ] {
        let said = text(&ran(command, &[&asked[..], &given].concat()));
        assert!(said.contains(&format!("and there is none: {names}")), "{said}");
        let output = ran(command, &asked);
        assert!(output.status.success(), "{}", text(&output));
    }
}

#[test]
fn slips_of_the_pen_are_told_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    let plan = place.path().join("plan.json");
    let atlas = Path::new(env!("CARGO_MANIFEST_DIR")).join("arms/atlas.json");
    let mut arms: Value = serde_json::from_slice(&std::fs::read(atlas).unwrap()).unwrap();
    arms.as_object_mut().unwrap().remove("writer").unwrap();
    std::fs::write(&plan, arms.to_string()).unwrap();
    let cases: Vec<Case<'_>> = vec![
        (
            "solve",
            vec!["--model", "/nowhere/foo", "1+2"],
            &["foo: path: there is no such file or folder"],
        ),
        (
            "solve",
            vec!["--model", "x", "--strategy", "best-by-judg", "1+2"],
            &["best-by-judge", "judged"],
        ),
        (
            "inference_law",
            vec!["--quick", "--contexts", "8192"],
            &["--quick takes contexts up to 2048"],
        ),
        ("inference_law", vec!["--contexts", "0"], &["numbers of at least 1"]),
        // Before the scripted arms have run: nothing is said but that.
        (
            "research_arms",
            vec![plan.to_str().unwrap(), "--writer", "w"],
            &["says nothing of a writer"],
        ),
    ];
    for (command, arguments, expected) in cases {
        let Some(program) = example(command) else { continue };
        let output = Command::new(program).current_dir(&place).args(&arguments).output().unwrap();
        let said = text(&output);
        assert!(!output.status.success() && output.stdout.is_empty(), "{command}: {said}");
        assert!(expected.iter().all(|word| said.contains(word)), "{command} {arguments:?}: {said}");
    }
}

/// Where nobody was scored there is no best, as where there are no scores.
#[test]
fn scores_that_are_all_null_select_nothing() {
    let Some(votes) = example("votes") else { return };
    let pools = [
        r#"{"answers":["1","2","2"],"scores":[null,null,null]}"#,
        r#"{"answers":["1","2","2"]}"#,
        r#"{"answers":["1","2","2"],"scores":[0.5,null,null]}"#,
    ];
    let mut running =
        Command::new(votes).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    running.stdin.take().unwrap().write_all(pools.join("\n").as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for line in &lines[..2] {
        assert_eq!(
            (&line["majority"], &line["best"], &line["weighted"]),
            (&json!(1), &Value::Null, &Value::Null)
        );
    }
    assert_eq!((&lines[2]["best"], &lines[2]["weighted"]), (&json!(0), &json!(0)));
}

/// A strategy of one round passes a soft budget unseen, and is told to have.
#[test]
fn a_budget_that_was_passed_is_told() {
    let Some(solve) = example("solve") else { return };
    let asked = ["--model", "embedded", "--strategy", "best-of-n", "--n", "4", "--threads", "1"];
    for (budget, told) in [("samples=2", true), ("samples=2,hard", false), ("samples=4", false)] {
        let said = succeeded(&solve, &[&asked[..], &["--budget", budget, "12+3*4-5="]].concat());
        assert_eq!(said.contains("exceeded by 4 of 2 lines"), told, "{budget}: {said}");
    }
}
