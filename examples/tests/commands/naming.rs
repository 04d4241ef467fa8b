//! Scorers with names, from the commands: meta-judges of votes, and what is kept of judgements.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tts_models::testing::fake::{Act, Fake};

use super::roles::{generator, served, with};
use super::{chain_problems, evaluating, example, place, ran, succeeded, text};

/// A server whose every second judgement is for the first, with a right sum, and whose others are for the second, with a
/// wrong one.
fn by_turns() -> Fake {
    let count = Arc::new(AtomicUsize::new(0));
    Fake::start(move |seen| {
        if seen.body.get("messages").is_none() {
            return Act::Status(404, "", "{}".into());
        }
        let first = count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        let said = if first { "2 + 3 = 5. [[A]]" } else { "2 + 3 = 6. [[B]]" };
        Act::Json(json!({
            "choices": [{ "message": { "content": said }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 10, "completion_tokens": 4 },
        }))
    })
}

/// Two pairs of which the first is better, and one of which the second is.
fn pairs(path: &str) {
    let pair = |label: usize| {
        let prompt = format!("question {label}");
        json!({ "input": prompt, "output_1": "one", "output_2": "other", "label": label })
    };
    let rows = [1, 2, 1].map(|label| pair(label).to_string() + "\n");
    std::fs::write(path, rows.concat()).unwrap();
}

#[test]
fn a_meta_judge_decides_which_judgements_count() {
    let Some(judge) = example("judge") else { return };
    let (_place, path) = place();
    let server = by_turns();
    let (engine, data) = (path("judge.json"), path("pairs.jsonl"));
    std::fs::write(&engine, served(&server, "large").to_string()).unwrap();
    pairs(&data);
    let asked = ["--model", &engine, "--data", &data, "--judge", "pairwise", "--samples", "2"];
    let more = ["--order", "fixed", "--concurrency", "1", "--max-tokens", "50"];
    let asked = [&asked[..], &more].concat();
    let meta = [&asked[..], &["--named", "trust=rule", "--meta", "trust"]].concat();
    // One for each: ties.
    let plain = succeeded(&judge, &asked);
    assert!(plain.contains("accuracy  50.0 %"), "{plain}");
    let all = succeeded(&judge, &[&meta[..], &["--keep", "2"]].concat());
    assert!(all.contains("accuracy  50.0 %"), "{all}");
    // Of those with a right sum, all for the first.
    let one = succeeded(&judge, &[&meta[..], &["--keep", "1"]].concat());
    assert!(one.contains("accuracy  66.7 %"), "{one}");
    assert!(one.contains("votes     ") && one.contains("by 2, the 1 most trusted"), "{one}");
    // The same of a jury in a file, and half of the judgements where nothing is said.
    let jury = path("jury.json");
    let told = json!({ "samples": 2, "order": "fixed", "meta": { "scorer": "trust", "keep": 2 }, "judge": {
        "template": "pairwise", "reading": { "verdict": { "first": "[[A]]", "second": "[[B]]" } } } });
    std::fs::write(&jury, told.to_string()).unwrap();
    let by_file = ["--model", &engine, "--data", &data, "--jury", &jury, "--concurrency", "1"];
    let by_file = [&by_file[..], &["--named", "trust=rule"]].concat();
    assert!(succeeded(&judge, &by_file).contains("accuracy  50.0 %"));
    let kept = succeeded(&judge, &[&by_file[..], &["--keep", "1"]].concat());
    assert!(kept.contains("accuracy  66.7 %"), "{kept}");
    assert!(succeeded(&judge, &meta).contains("accuracy  66.7 %"));
    // What has no name is told as the option that gives it one, before a model is opened.
    let nameless = ["--model", "x", "--data", &data, "--samples", "2", "--meta", "trust"];
    let refused = ran(&judge, &nameless);
    let said = text(&refused);
    assert!(!refused.status.success() && said.contains("--named trust=SCORER"), "{said}");
}

#[test]
fn judgements_are_kept_compared_and_shown() {
    let (Some(judge), Some(view)) = (example("judge"), example("view")) else { return };
    let (_place, path) = place();
    let server = by_turns();
    let (engine, data) = (path("judge.json"), path("pairs.jsonl"));
    std::fs::write(&engine, served(&server, "large").to_string()).unwrap();
    pairs(&data);
    let asked = ["--model", &engine, "--data", &data, "--judge", "pairwise", "--samples", "2"];
    let more = ["--order", "fixed", "--concurrency", "1", "--max-tokens", "50"];
    let asked = [&asked[..], &more].concat();
    let (ties, firsts) = (path("ties"), path("firsts"));
    succeeded(&judge, &[&asked[..], &["--out", &ties]].concat());
    let meta = ["--named", "trust=rule", "--meta", "trust", "--keep", "1", "--out", &firsts];
    succeeded(&judge, &[&asked[..], &meta].concat());
    let kept = std::fs::read_to_string(Path::new(&firsts).join("judged.jsonl")).unwrap();
    let lines: Vec<Value> = kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4, "{kept}");
    assert_eq!(lines[0]["scorers"]["trust"].as_str().map(str::is_empty), Some(false));
    assert_eq!(lines[1]["written"].as_array().map(Vec::len), Some(2), "{kept}");
    assert!(kept.contains("2 + 3 = 6. [[B]]"), "{kept}");
    let json = path("compared.json");
    let said = succeeded(&judge, &["--compare", &ties, &firsts, "--json", &json]);
    assert!(said.contains("50.0 %") && said.contains("+16.7 points"), "{said}");
    // Judge and model as one knows them, of the first as of the others.
    assert_eq!(said.matches(": pairwise by large by ").count(), 2, "{said}");
    let compared: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let accuracy = |judge: usize| compared[judge]["accuracy"]["mean"].as_f64().unwrap();
    assert!(
        (accuracy(0) - 0.5).abs() < 1e-9 && (accuracy(1) - 2.0 / 3.0).abs() < 1e-9,
        "{compared}"
    );
    assert!(compared[0].get("against_first").is_none(), "{compared}");
    let difference = compared[1]["against_first"]["difference"].as_f64().unwrap();
    assert!((difference - 1.0 / 6.0).abs() < 1e-9, "{compared}");
    assert!(compared[0]["judge"].as_str().is_some_and(|judge| judge.starts_with("pairwise by ")));
    let same = succeeded(&judge, &["--compare", &ties, &ties]);
    assert!(same.contains("+0.0 points (-63.2 to +63.2, p 1.000) on 3 items"), "{same}");
    let page = path("judged.html");
    succeeded(&view, &[&firsts, "--out", &page]);
    let shown = std::fs::read_to_string(&page).unwrap();
    // The one that is wrong comes first.
    assert!(shown.find("question 2").unwrap() < shown.find("question 1").unwrap(), "{shown}");
    let refused = ran(&view, &[&firsts, "--out", &path("judged.dot")]);
    assert!(text(&refused).contains("--out FILE.html"), "{}", text(&refused));
}

/// A recipe whose votes a meta-judge guides runs from the commands, and a folder is one meta-judge's.
#[test]
fn a_folder_of_one_meta_judge_is_not_gone_on_with_by_another() {
    let Some(evaluate) = example("evaluate") else { return };
    let (_place, path) = place();
    let server = by_turns();
    let (data, engines, recipe) =
        (path("problems.jsonl"), path("engines.json"), path("recipe.json"));
    chain_problems(&data, 1);
    let both = json!({ "policy": generator(), "judge": served(&server, "large") });
    std::fs::write(&engines, both.to_string()).unwrap();
    let by_judge = json!({ "strategy": "custom", "name": "best-by-judge", "settings": { "n": 2, "jury": {
        "samples": 2, "meta": { "scorer": "trust", "keep": 1 }, "judge": {
            "template": "pairwise", "reading": { "verdict": { "first": "[[A]]", "second": "[[B]]" } } } } } });
    std::fs::write(&recipe, by_judge.to_string()).unwrap();
    let run = |named: &[&str]| {
        let asked = with(evaluating(&data, &path("figures.json"), &[]), "--model", &engines);
        // The recipe stands in place of strategy and n.
        let (mut arguments, mut skipped): (Vec<&str>, bool) = (Vec::new(), false);
        for argument in &asked {
            if skipped || ["--strategy", "--n"].contains(&argument.as_str()) {
                skipped = !skipped;
                continue;
            }
            arguments.push(argument);
        }
        arguments.extend(["--recipe", recipe.as_str()]);
        arguments.extend(named);
        ran(&evaluate, &arguments)
    };
    let refused = run(&[]);
    let said = text(&refused);
    assert!(!refused.status.success() && said.contains("--named trust=SCORER"), "{said}");
    let first = run(&["--named", "trust=rule"]);
    let said = text(&first);
    assert!(first.status.success() && said.contains("named     trust: rule"), "{said}");
    let again = run(&["--named", "trust=rule"]);
    assert!(again.status.success(), "{}", text(&again));
    let other = run(&["--named", "trust=logprob"]);
    let said = text(&other);
    assert!(!other.status.success() && said.contains("settings."), "{said}");
}

/// What was judged before comes from the store, and the folder is that of one run.
#[test]
fn kept_judgements_are_those_of_a_run_that_was_never_stopped() {
    let Some(judge) = example("judge") else { return };
    let (_place, path) = place();
    let (data, template, store) = (path("pairs.jsonl"), path("own.jinja"), path("store.jsonl"));
    let pair = |number: usize| {
        let (right, wrong) = (format!("={}", number + 2), "=9");
        json!({ "prompt": format!("{number}+2"), "chosen": right, "rejected": wrong }).to_string()
            + "\n"
    };
    std::fs::write(&data, (0..4).map(pair).collect::<String>()).unwrap();
    // In digits, which the model knows; of verdicts it knows nothing.
    let shown = "{% for response in responses %}{{ response.text }}\n{% endfor %}";
    std::fs::write(&template, format!("=== text\n{{{{ problem }}}}\n{shown}")).unwrap();
    let model = generator();
    let asked =
        ["--model", &model, "--data", &data, "--judge", "pairwise", "--template", &template];
    let more = ["--samples", "2", "--max-tokens", "12", "--threads", "1"];
    let asked = [&asked[..], &more].concat();
    // It says nothing that can be read, which is an error, and kept all the same.
    let first = ran(&judge, &[&asked[..], &["--store", &store, "--items", "2"]].concat());
    assert!(text(&first).contains("none of 4 judgements could be read"), "{}", text(&first));
    let kept = |name: &str, more: &[&str]| {
        let out = path(name);
        let output = ran(&judge, &[&asked[..], &["--out", &out], more].concat());
        assert!(!output.status.success() && text(&output).contains("none of 8 judgements"));
        std::fs::read(Path::new(&out).join("judged.jsonl")).unwrap()
    };
    let again = kept("again", &["--store", &store, "--concurrency", "1"]);
    assert_eq!(kept("once", &["--concurrency", "4"]), again);
    let lines = String::from_utf8(again).unwrap();
    assert_eq!(lines.lines().count(), 5, "{lines}");
    assert!(lines.contains("\"unread\":[{\"why\":"), "{lines}");
    // Guesses are compared with nothing.
    let refused = ran(&judge, &["--compare", &path("again"), &path("once")]);
    let said = text(&refused);
    assert!(
        !refused.status.success() && said.contains("none of its judgements could be read"),
        "{said}"
    );
}
