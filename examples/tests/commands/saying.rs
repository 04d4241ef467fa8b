//! What `reinforce` rewards by what others say: a judge on a server, a scorer, the task's own check; and what it warns of.

use std::path::Path;

use serde_json::{Value, json};
use tts_models::testing::fake::{Act, Fake};
use tts_prm::reinforce::Format;
use tts_search::evaluate::Mapping;

use crate::{example, place, ran, succeeded, text};

/// A server of chats that likes long prompts: its scores differ from one response to another.
fn judge() -> Fake {
    Fake::start(|seen| {
        if seen.body.get("messages").is_none() {
            return Act::Status(404, "", "{}".into());
        }
        let score = 1 + seen.body.to_string().len() % 10;
        Act::Json(json!({
            "choices": [{ "message": { "content": format!("{{\"score\": {score}}}") }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 10, "completion_tokens": 4 },
        }))
    })
}

/// The first line of a run's journal, and its steps.
fn journal(out: &str) -> (Value, Vec<Value>) {
    let lines = std::fs::read_to_string(Path::new(out).join("work/journal.jsonl")).unwrap();
    let mut lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let header = lines.next().unwrap();
    (header, lines.filter_map(|line| line.get("step").cloned()).collect())
}

const SMALL: [&str; 12] = [
    "--model",
    "embedded",
    "--batch",
    "2",
    "--samples",
    "4",
    "--max-tokens",
    "60",
    "--steps",
    "2",
    "--threads",
    "1",
];

#[test]
fn a_judge_on_a_server_rewards_open_questions() {
    let Some(reinforce) = example("reinforce") else { return };
    let (_folder, path) = place();
    let (data, out, served) = (path("open.jsonl"), path("out"), path("judge.json"));
    let server = judge();
    let settings = json!({ "servers": [server.address()], "kind": "chat", "model": "large", "text": "bytes",
        "self_test": false, "unseeded": true });
    std::fs::write(&served, settings.to_string()).unwrap();
    let lines = ["1+2", "3+4", "5+6"].map(|sum| format!("{}\n", json!({ "prompt": sum })));
    std::fs::write(&data, lines.concat()).unwrap();
    let role = format!("judge={served}");
    let asked = [
        "--questions",
        &data,
        "--raw",
        "--reward-judge",
        "score",
        "--samples-judge",
        "2",
        "--role",
        &role,
        "--out",
        &out,
    ];
    let said = succeeded(&reinforce, &[&SMALL[..], &asked].concat());
    assert!(said.contains("judge     large by chat"), "{said}");
    assert!(said.contains("problems  3, 0 held out"), "{said}");
    assert!(said.contains("judged    32 judgements read, 0 refused; 32 lines"), "{said}");
    let (header, steps) = journal(&out);
    assert_eq!(header["config"]["rewards"].as_array().map(Vec::len), Some(1), "{header}");
    assert_eq!(header["roles"][0][0], "judge");
    for step in &steps {
        // Two problems of four samples, each judged twice.
        assert_eq!(step["judged"]["judged"]["read"], 16, "{step}");
        assert!(step["right"].is_null() && step["rewards"]["judged"].is_number(), "{step}");
    }
    // A generator of sums that judges itself writes nothing that can be read.
    let own = path("own");
    let alone = ["--questions", &data, "--raw", "--reward-judge", "score", "--out", &own];
    let none = ran(&reinforce, &[&SMALL[..], &alone].concat());
    let said = text(&none);
    assert!(!none.status.success() && said.contains("judge     the policy itself"), "{said}");
    assert!(said.contains("reward \"judged\""), "{said}");
}

#[test]
fn scores_are_rewards_by_name_and_not_learnt_a_second_time() {
    let Some(reinforce) = example("reinforce") else { return };
    let (_folder, path) = place();
    let family = ["--family", "chain", "--problems", "4", "--held-out", "0"];
    let out = path("scored");
    let asked =
        ["--reward", "scored", "--reward", "checked=0.5", "--scorer", "rule", "--out", &out];
    succeeded(&reinforce, &[&SMALL[..], &family, &asked].concat());
    let (header, steps) = journal(&out);
    assert!(header["config"]["process"].is_null(), "{header}");
    for step in &steps {
        assert!(step["rewards"]["scored"].is_number() && step["rewards"]["checked"].is_number());
    }
    let out = path("picked");
    let asked = ["--reward", "picked", "--scorer", "rule", "--scorer-for-sampler", "--out", &out];
    succeeded(&reinforce, &[&SMALL[..], &family, &asked].concat());
    let (header, steps) = journal(&out);
    assert!(header["config"]["process"].is_null());
    // One of four.
    assert_eq!(steps[0]["rewards"]["picked"], 0.25, "{}", steps[0]);
    for (asked, expected) in [
        (&["--reward", "scored"][..], "reward \"scored\": nobody scores"),
        (&["--reward-judge", "oracle"], "judge \"oracle\", expected one of"),
        (&["--role", "judge"], "expected ROLE=MODEL"),
        (&["--named", "meta"], "expected NAME=SCORER"),
        (&["--reward", "overlong:40"], "expected overlong:MOST/MARGIN"),
        (&["--questions", "none.jsonl"], "--family"),
    ] {
        let none =
            ran(&reinforce, &[&SMALL[..], &family, asked, &["--out", &path("none")]].concat());
        let said = text(&none);
        assert!(!none.status.success() && said.contains(expected), "{said}, expected {expected}");
    }
}

/// A model without the marks of a family would learn nothing, and say so at the end of all steps.
#[test]
fn a_family_that_a_model_cannot_write_is_refused() {
    let Some(reinforce) = example("reinforce") else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").to_str().unwrap().to_owned();
    for (family, lacks) in
        [("recheck", "recheck: solutions are written with"), ("backtrack", "backtrack: ")]
    {
        let asked = ["--family", family, "--problems", "4", "--held-out", "0", "--out", &out];
        let none = ran(&reinforce, &[&SMALL[..], &asked].concat());
        let said = text(&none);
        assert!(!none.status.success() && said.contains(lacks), "{said}");
        assert!(said.contains("which the model has no token for"), "{said}");
    }
}

/// Rules where answers are known, a scorer where they are not, in one run.
#[test]
fn questions_stand_beside_problems_with_answers() {
    let Some(reinforce) = example("reinforce") else { return };
    let (_folder, path) = place();
    let (data, questions, out) = (path("sums.jsonl"), path("open.jsonl"), path("out"));
    let known = ["1+2", "3+4"].map(|sum| {
        let answer = if sum == "1+2" { "3" } else { "7" };
        format!("{}\n", json!({ "question": sum, "answer": answer }))
    });
    std::fs::write(&data, known.concat()).unwrap();
    std::fs::write(&questions, format!("{}\n", json!({ "question": "5+6" }))).unwrap();
    let asked = [
        "--data",
        &data,
        "--questions",
        &questions,
        "--raw",
        "--held-out",
        "0",
        "--batch",
        "3",
        "--samples",
        "4",
        "--max-tokens",
        "60",
        "--steps",
        "2",
        "--threads",
        "1",
        "--reward",
        "right",
        "--reward",
        "scored@open=0.5",
        "--scorer",
        "rule",
        "--out",
        &out,
    ];
    let said = succeeded(&reinforce, &[&["--model", "embedded"][..], &asked].concat());
    assert!(said.contains("problems  3, 0 held out"), "{said}");
    let (header, _) = journal(&out);
    let on: Vec<&Value> =
        header["config"]["rewards"].as_array().unwrap().iter().map(|term| &term["on"]).collect();
    assert_eq!(on, ["known", "open"], "{header}");
    let samples = std::fs::read_to_string(Path::new(&out).join("work/samples.jsonl")).unwrap();
    for line in samples.lines() {
        let group: Value = serde_json::from_str(line).unwrap();
        let open = group["gold"] == "";
        assert_eq!(open, group["question"] == "5+6");
        for sample in group["samples"].as_array().unwrap() {
            assert_eq!(sample["rewards"]["right"].is_null(), open, "{sample}");
            assert!(open || sample["rewards"]["scored"].is_null(), "{sample}");
        }
    }
}

/// No sum of the embedded generator has a thought in marks: the reward is named as one of which nothing is learnt.
#[test]
fn a_reward_that_is_the_same_for_all_is_told_of() {
    let Some(reinforce) = example("reinforce") else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").to_str().unwrap().to_owned();
    let asked = [
        "--family",
        "chain",
        "--problems",
        "4",
        "--held-out",
        "0",
        "--reward",
        "right",
        "--reward",
        "format=0.2",
        "--reward",
        "overlong:60/50",
        "--reward",
        "target:20=0.1",
        "--out",
        &out,
    ];
    let said = succeeded(&reinforce, &[&SMALL[..], &asked].concat());
    let warning = "warning   reward format: 0 for each of the 8 samples of the first step";
    assert_eq!(said.matches(warning).count(), 1, "{said}");
    let (_, steps) = journal(&out);
    assert!(
        steps[0]["rewards"]["overlong"].is_number() && steps[0]["rewards"]["target"].is_number()
    );
}

/// The template that comes with the commands opens the first part, as the form of the reward has it.
#[test]
fn the_template_of_r1_zero_asks_for_the_form_that_is_rewarded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/r1-zero.jinja");
    let ask = std::fs::read_to_string(path).unwrap().trim_end().to_owned();
    let asked = Mapping { ask: Some(ask), ..Mapping::default() }.asked("What is 2 + 2?").unwrap();
    assert!(asked.contains("User: What is 2 + 2?\n"), "{asked}");
    let form = Format::default();
    assert!(form.marks.iter().all(|mark| asked.contains(mark.as_str())));
    assert!(form.holds_behind(&asked, "2 + 2 is 4.</think>\n<answer>4</answer>"));
    assert!(!form.holds_behind(&asked, "4") && !form.holds_behind(&asked, "<answer>4</answer>"));
    let right = tts_core::task::by_name("math").unwrap();
    let answer = right.answer("2 + 2 is 4.</think>\n<answer>4</answer>");
    assert_eq!(answer.as_deref(), Some("4"));
}
