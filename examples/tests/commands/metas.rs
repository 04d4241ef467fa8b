//! What meta-judges and semi-scalar heads learn from: judgements of the command `judge`, read by `train_prm` and used by name.

use std::path::Path;

use serde_json::json;
use tts_core::{Step, StepScorer as _, Trajectory};
use tts_examples::{judges, preferring};
use tts_models::testing::fake::{Act, Fake};
use tts_models::{Backend, Checkpoint, EngineConfig, TextSide, Wanted};
use tts_prm::RewardModel;
use tts_prm::critic::{Preference, read_critiques};
use tts_prm::label::read_labels;

use super::roles::{generator, served};
use super::{example, place, ran, succeeded, text};

/// A server that says so much of a chat.
fn says(said: impl Fn(&str) -> String + Send + Sync + 'static) -> Fake {
    Fake::start(move |seen| {
        let Some(messages) = seen.body.get("messages") else {
            return Act::Status(404, "", "{}".into());
        };
        Act::Json(json!({
            "choices": [{ "message": { "content": said(&messages.to_string()) }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 10, "completion_tokens": 4 },
        }))
    })
}

/// Pairs whose first is right, in digits: what the embedded model can read.
fn pairs(path: &str, count: usize) {
    let pair = |number: usize| {
        let (right, wrong) = (format!("={}", number + 2), format!("={}", number + 3));
        json!({ "prompt": format!("{number}+2"), "chosen": right, "rejected": wrong }).to_string()
            + "\n"
    };
    std::fs::write(path, (0..count).map(pair).collect::<String>()).unwrap();
}

const TRAINING: [&str; 8] = ["--steps", "3", "--batch", "4", "--held-out", "3", "--threads", "1"];

#[test]
fn judgements_become_a_meta_judge_that_has_a_name() {
    let (Some(judge), Some(train)) = (example("judge"), example("train_prm")) else { return };
    let (_place, path) = place();
    // It prefers whatever stands first.
    let server = says(|_| "1+1=2\n0=0".into());
    let (engine, data, by) = (path("judge.json"), path("pairs.jsonl"), path("by.json"));
    std::fs::write(&engine, served(&server, "large").to_string()).unwrap();
    pairs(&data, 24);
    let shown =
        "=== user\n{{ problem }}\n{% for response in responses %}{{ response.text }}\n{% endfor %}";
    let verdict = json!({ "verdict": { "first": "0=0", "second": "0=1" } });
    std::fs::write(&by, json!({ "template": shown, "reading": verdict }).to_string()).unwrap();
    let asked = ["--model", &engine, "--data", &data, "--judge", &by, "--max-tokens", "40"];
    let labels = path("labels.jsonl");
    let learn = [&asked[..], &["--samples", "1", "--label-meta", &labels]].concat();
    let said = succeeded(&judge, &learn);
    assert!(said.contains("labels    24 judgements, "), "{said}");
    let found = read_labels(&labels).unwrap();
    // The best stands first or second by a coin: right or wrong.
    let right = found.iter().filter(|label| label.solved).count();
    assert!(
        (4..21).contains(&right) && said.contains(&format!(", {right} of them right")),
        "{said}"
    );
    assert!(found.iter().all(|label| label.steps[0].text == "1+1=2\n0=0"), "{found:?}");
    let out = path("meta");
    let model = generator();
    let trained = ["--model", &model, "--labels", &labels, "--out", &out];
    let said = succeeded(&train, &[&trained[..], &TRAINING].concat());
    assert!(said.contains(" solutions, ") && said.contains(" 0 too long"), "{said}");
    // It judges judgements, in votes.
    let trust = format!("trust=prm:{out}");
    let votes = ["--samples", "2", "--named", &trust, "--meta", "trust", "--keep", "1"];
    let said = succeeded(&judge, &[&asked[..], &votes, &["--threads", "1"]].concat());
    assert!(said.contains("48 judgements read, 0 refused"), "{said}");
    assert!(said.contains("meta      ROC AUC") && said.contains("the 1 most trusted"), "{said}");
    // Kept and labelled are not the same question.
    let (kept, right) = (path("kept"), path("right.jsonl"));
    let both = [&learn[..], &["--out", &kept]].concat();
    assert!(text(&ran(&judge, &both)).contains("cannot be used with"));
    let one = [&asked[..], &["--samples", "1", "--learn", &right]].concat();
    assert!(text(&ran(&judge, &one)).contains("expected 2 or more, or hints"));
}

/// What learns is shown other panels than those that it is measured on, as often as the jury of a file says.
#[test]
fn panels_to_learn_from_are_those_of_the_train_split() {
    let Some(judge) = example("judge") else { return };
    let (_place, path) = place();
    let server = says(|_| "0=0".into());
    let (engine, jury, labels) = (path("judge.json"), path("jury.json"), path("labels.jsonl"));
    std::fs::write(&engine, served(&server, "large").to_string()).unwrap();
    let shown =
        "=== user\n{{ problem }}\n{% for response in responses %}{{ response.text }}\n{% endfor %}";
    let verdict = json!({ "verdict": { "first": "0=0", "second": "0=1" } });
    let by = json!({ "template": shown, "reading": verdict, "max_tokens": 40 });
    std::fs::write(&jury, json!({ "judge": by, "samples": 2 }).to_string()).unwrap();
    let asked = ["--model", &engine, "--jury", &jury, "--family", "panel", "--items", "5"];
    let said = succeeded(&judge, &[&asked[..], &["--label-meta", &labels]].concat());
    assert!(said.contains("labels    10 judgements, ") && said.contains("10 lines, "), "{said}");
    let learnt = judges::panels(2, 5, true, 0).unwrap();
    let from = |text: &str| {
        let shows = |item: &Preference| item.responses.iter().all(|one| text.contains(one));
        learnt.iter().any(|item| text.contains(item.prompt.question()) && shows(item))
    };
    let found = read_labels(&labels).unwrap();
    assert!(found.iter().all(|label| from(label.prompt.question())), "{found:?}");
    std::fs::write(&jury, json!({ "judge": by, "samples": 2, "order": "fixed" }).to_string())
        .unwrap();
    let wrong = ran(&judge, &[&asked[..], &["--label-meta", &labels]].concat());
    assert!(
        !wrong.status.success() && text(&wrong).contains("leave out order"),
        "{}",
        text(&wrong)
    );
}

#[test]
fn critiques_become_a_head_that_is_shown_in_a_search_what_it_learnt_from() {
    let (Some(judge), Some(train)) = (example("judge"), example("train_prm")) else { return };
    let (_place, path) = place();
    let server = says(|_| "1+1=2\n".into());
    let (engine, data, by) = (path("judge.json"), path("pairs.jsonl"), path("by.json"));
    std::fs::write(&engine, served(&server, "large").to_string()).unwrap();
    pairs(&data, 12);
    let head = json!({ "head": { "scorer": "head", "low": 0.0, "high": 1.0 } });
    let shown = "=== user\n{{ problem }}{{ response.text }}\n";
    let of = json!({ "template": shown, "reading": head, "most": 1 });
    std::fs::write(&by, of.to_string()).unwrap();
    let asked = ["--model", &engine, "--data", &data, "--judge", &by, "--max-tokens", "40"];
    let critiques = path("critiques.jsonl");
    let said =
        succeeded(&judge, &[&asked[..], &["--samples", "2", "--critiques", &critiques]].concat());
    assert!(said.contains("critiques 24 contests of 12 items; 0 items without"), "{said}");
    let (model, out) = (generator(), path("head"));
    let trained = ["--model", &model, "--preferences", &critiques, "--out", &out];
    let said = succeeded(&train, &[&trained[..], &TRAINING].concat());
    assert!(
        said.contains(" contests of critiques, ") && said.contains("a tie is a draw"),
        "{said}"
    );

    // What it learnt from is, token by token, what it reads of a judge's line.
    let items = read_critiques(Path::new(&critiques)).unwrap().unwrap();
    let engine_of = EngineConfig { threads: 1, ..EngineConfig::default() };
    let reward = RewardModel::outcome(Path::new(&out), Backend::Native, engine_of).unwrap();
    let text_side = TextSide::open(&Checkpoint::open(Path::new(&out)).unwrap()).unwrap();
    let separator = text_side.tokenizer.encode("\n", true).unwrap();
    for item in &items[..3] {
        let examples = preferring::contests(&text_side, item, &separator).unwrap();
        let (best, _) = &item.contests()[0];
        let step = Step { text: best.1.to_owned(), ..Step::default() };
        let line = Trajectory::new(best.0.clone().into(), vec![step.into()], 1, true);
        let scored = reward.score(&[line]).unwrap();
        let tokens = examples[0].tokens.clone();
        let positions = vec![tokens.len() - 1];
        let rows = reward.model().hidden_each(&[Wanted { tokens, positions }]).unwrap();
        let row = rows.into_iter().next().unwrap().unwrap();
        let expected = reward.head().score(&row[0]);
        assert_eq!(scored[0].scores[0].to_bits(), expected.to_bits(), "{item:?}");
    }
    // The judge has its scores by it.
    let named = format!("head=orm:{out}");
    let judged = ["--samples", "2", "--named", &named, "--threads", "1"];
    let said = succeeded(&judge, &[&asked[..], &judged].concat());
    assert!(said.contains("48 judgements read, 0 refused"), "{said}");
    let nameless = text(&ran(&judge, &[&asked[..], &["--samples", "2"]].concat()));
    assert!(nameless.contains("--named head=SCORER"), "{nameless}");
    let other =
        ["--model", &engine, "--data", &data, "--judge", "pairwise", "--critiques", &critiques];
    let said = text(&ran(&judge, &other));
    assert!(said.contains("the judge has no head"), "{said}");
}
