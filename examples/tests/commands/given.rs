//! Pools that were sampled elsewhere, in place of a model; and stores, which remember what was written and judged.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tts_core::metrics::Sampled;
use tts_examples::pair;
use tts_models::testing::fake::{Act, Fake};

use super::roles::{generator, judges, served, with};
use super::{chain_problems, evaluating, example, place, ran, succeeded, text};

/// Questions with their answers.
fn questions(data: &str) -> Vec<(String, i64)> {
    let rows = std::fs::read_to_string(data).unwrap();
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let answer = row["answer"].as_str().unwrap().parse().unwrap();
        (row["question"].as_str().unwrap().to_owned(), answer)
    };
    rows.lines().map(row).collect()
}

/// The rows of an evaluation's figures: the answer, and the candidates.
fn rows(json: &str) -> Vec<(Option<String>, Vec<Sampled>)> {
    let figures: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let read = |row: &Value| {
        let candidates = serde_json::from_value(row["candidates"].clone()).unwrap();
        (row["answer"].as_str().map(str::to_owned), candidates)
    };
    figures["rows"].as_array().unwrap().iter().map(read).collect()
}

/// What `votes` chooses from pools.
fn voted(votes: &Path, pools: &str) -> Vec<Value> {
    let mut running =
        Command::new(votes).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    running.stdin.take().unwrap().write_all(pools.as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A pool of others is judged and voted on as `votes` does with answers and scores, whatever way its problems are asked.
#[test]
fn texts_of_others_are_evaluated() {
    let (Some(evaluate), Some(votes), Some(judge)) =
        (example("evaluate"), example("votes"), example("judge"))
    else {
        return;
    };
    let (_folder, path) = place();
    let (data, pool) = (path("problems.jsonl"), path("pool.json"));
    chain_problems(&data, 5);
    let mut all = Vec::new();
    for (number, (question, answer)) in (0..).zip(questions(&data)) {
        // Who is right, and who is in the majority, differs from row to row.
        let off: [i64; 5] =
            [[1, 0, 0, 2, 0], [1, 1, 0, 2, 0], [0, 3, 3, 3, 1], [7, 8, 9, 0, 9], [5, 5, 5, 5, 5]]
                [number];
        let told = |off: &i64| format!("={} + 0\nSo it is {}.", answer + off, answer + off);
        let texts: Vec<String> = off.iter().map(told).collect();
        all.push(json!({ "question": question, "mine": texts }));
    }
    // A list in a file whose name ends like that of engines by role.
    std::fs::write(&pool, serde_json::to_string(&all).unwrap()).unwrap();
    let given = format!("given:{pool}:mine");
    let over = |json: &str, strategy: &str, n: &str, more: &[&str]| {
        let asked = evaluating(&data, json, more);
        with(with(with(asked, "--model", &given), "--strategy", strategy), "--n", n)
    };
    for strategy in ["best-of-n", "self-consistency"] {
        let json = path(&format!("{strategy}.json"));
        let scorer = ["--scorer", if strategy == "best-of-n" { "rule" } else { "none" }];
        let said = succeeded(&evaluate, &over(&json, strategy, "5", &scorer));
        assert!(
            said.contains("pool.json: 25 texts in 5 rows, from mine; tokens are bytes"),
            "{said}"
        );
        let rows = rows(&json);
        let mut pools = String::new();
        for (_, candidates) in &rows {
            let answers: Vec<_> = candidates.iter().map(|one| &one.answer).collect();
            let scores: Vec<_> = candidates.iter().map(|one| one.score).collect();
            writeln!(pools, "{}", json!({ "answers": answers, "scores": scores })).unwrap();
        }
        let field = if strategy == "best-of-n" { "best" } else { "majority" };
        for ((answer, candidates), voted) in rows.iter().zip(voted(&votes, &pools)) {
            assert_eq!(candidates.len(), 5);
            let place = usize::try_from(voted[field].as_u64().unwrap()).unwrap();
            assert_eq!(*answer, candidates[place].answer, "{strategy}");
        }
    }
    let majority = rows(&path("self-consistency.json"));
    let right = majority.iter().zip(questions(&data));
    let right = right.filter(|((answer, _), (_, gold))| *answer == Some(gold.to_string())).count();
    assert_eq!(right, 1, "three of five in the first row alone: {majority:?}");

    let failed = |command: &Path, arguments: Vec<String>| {
        let output = ran(command, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(!output.status.success(), "{}", text(&output));
        text(&output)
    };
    // More than there are: the row is named, both counts, and the end is an error.
    let said = failed(&evaluate, over(&path("more.json"), "self-consistency", "7", &[]));
    assert!(said.contains("pool.json: item 1 has 5 texts, and text 6 is asked for"), "{said}");
    assert!(
        said.contains("10 lines failed") && said.contains("is of less than was asked for"),
        "{said}"
    );
    // A length that is asked for is kept, and what is cut off is no finished solution.
    let json = path("short.json");
    let short = with(over(&json, "self-consistency", "5", &[]), "--max-tokens", "3");
    ran(&evaluate, &short.iter().map(String::as_str).collect::<Vec<_>>());
    let cut = rows(&json).into_iter().flat_map(|(_, texts)| texts);
    assert_eq!(cut.filter(|text| !text.finished).count(), 25);
    // Nobody goes on from a text.
    let said =
        failed(&evaluate, over(&path("steps.json"), "beam-search", "4", &["--scorer", "rule"]));
    assert!(said.contains("given texts are whole"), "{said}");
    let said =
        failed(&evaluate, over(&path("conf.json"), "best-of-n", "4", &["--scorer", "logprob"]));
    assert!(said.contains("tells no log-probabilities of the model"), "{said}");
    // A problem without a row, a field that is not there, options of models, a command that asks a model of its own.
    let longer = path("longer.jsonl");
    chain_problems(&longer, 7);
    let asked = with(over(&path("longer.json"), "self-consistency", "5", &[]), "--data", &longer);
    let said = failed(&evaluate, asked);
    assert!(said.contains("no row is of the problem") && said.contains(", and 1 more"), "{said}");
    let asked = over(&path("field.json"), "self-consistency", "5", &[]);
    let said = failed(&evaluate, with(asked, "--model", &format!("given:{pool}:other")));
    assert!(said.contains("item 1: field \"other\""), "{said}");
    let said =
        failed(&evaluate, over(&path("adapter.json"), "best-of-n", "2", &["--adapter", "x"]));
    assert!(said.contains("are for models, not given texts"), "{said}");
    let asked = ["--model", &given, "--family", "panel", "--judge", "pairwise"];
    let said = failed(&judge, asked.map(str::to_owned).into());
    assert!(said.contains("answer the problems of `solve` and `evaluate`"), "{said}");
}

/// A judge on a server chooses among given texts.
#[test]
fn a_judge_chooses_among_given_texts() {
    let Some(solve) = example("solve") else { return };
    let (_folder, path) = place();
    let responses = ["The answer is 4.", "The answer is 3.", "The answer is 5."];
    let pool = json!({ "question": "1+2", "responses": responses });
    std::fs::write(path("pool.jsonl"), pool.to_string()).unwrap();
    // It likes one of them, wherever that is shown.
    let server = Fake::start(move |seen| {
        let asked = seen.body["messages"].to_string();
        let mut shown: Vec<(usize, &str)> =
            responses.iter().filter_map(|text| Some((asked.find(text)?, *text))).collect();
        shown.sort_unstable();
        let score = |(_, text): &(usize, &str)| if text.contains('3') { "9" } else { "1" };
        let scores: Vec<&str> = shown.iter().map(score).collect();
        let content = format!("\\boxed{{{}}}", scores.join(", "));
        Act::Json(json!({
            "choices": [{ "message": { "content": content }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 10, "completion_tokens": 4 },
        }))
    });
    let given = format!("given:{}", path("pool.jsonl"));
    let engines = json!({ "policy": given, "judge": served(&server, "large") });
    std::fs::write(path("both.json"), engines.to_string()).unwrap();
    let strategy = ["--strategy", "best-by-judge", "--n", "3", "--scorer", "none", "1+2"];
    let said = succeeded(&solve, &[&["--model", &path("both.json")], &strategy[..]].concat());
    assert!(
        said.contains("judge     large by chat") && said.contains("server    judge: "),
        "{said}"
    );
    assert!(said.contains("\nanswer    3\n"), "{said}");
}

/// What is in a store is neither written nor judged again, and changes no figure.
#[test]
fn a_store_changes_nothing_but_the_time() {
    let (Some(evaluate), Some(solve)) = (example("evaluate"), example("solve")) else { return };
    let (_folder, path) = place();
    let (data, store) = (path("problems.jsonl"), path("store.jsonl"));
    chain_problems(&data, 3);
    let scorer = format!("prm:{}", pair::folder().join("prm").display());
    let judged = ["--scorer", &scorer, "--threads", "1"];
    let kept = [&judged[..], &["--store", &store]].concat();
    let run = |json: &str, n: &str, more: &[&str]| {
        succeeded(&evaluate, &with(evaluating(&data, &path(json), more), "--n", n))
    };
    let first = run("first.json", "4", &kept);
    assert!(first.contains("\nstore     0 lines and 0 judgements were there"), "{first}");
    let second = run("second.json", "6", &kept);
    // A solution that was drawn before is judged already, whichever line it is.
    assert!(second.contains("\nstore     12 lines and "), "{second}");
    let plain = run("plain.json", "6", &judged);
    assert!(!plain.contains("\nstore "), "{plain}");
    let figures = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    assert_eq!(figures("second.json"), figures("plain.json"));
    let timings: Value = serde_json::from_str(&figures("second.timings.json")).unwrap();
    assert_eq!(timings["stored_lines"], 12);
    assert!((12..=18).contains(&timings["stored_judgements"].as_u64().unwrap()), "{timings}");
    // Another scorer judges the lines that are there.
    let other = run("other.json", "4", &["--scorer", "rule", "--threads", "1", "--store", &store]);
    assert!(other.contains("\nstore     12 lines and 0 judgements were there"), "{other}");
    assert!(other.contains("machine   0 tokens generated now"), "{other}");

    let generator = generator();
    let asked = ["--model", &generator, "--raw", "--n", "2", "--threads", "1", "--store", &store];
    let asked = [&asked[..], &["--max-tokens", "60", "1+2\n"]].concat();
    let first = succeeded(&solve, &asked);
    assert!(first.contains("\nstore     0 lines and 0 judgements were there"), "{first}");
    let second = succeeded(&solve, &asked);
    assert!(second.contains("\nstore     2 lines and 2 judgements were there"), "{second}");
    assert!(second.contains(" 0 tokens generated now, 0 a second"), "{second}");
    // What draws without seeds cannot be found again.
    let server = judges();
    std::fs::write(path("served.json"), json!({ "policy": served(&server, "large") }).to_string())
        .unwrap();
    let refused = ran(&solve, &["--model", &path("served.json"), "--store", &store, "1+2"]);
    let said = text(&refused);
    assert!(!refused.status.success() && said.contains("--store: lines of large"), "{said}");
}
