//! What a command refuses before anything is spent, and what it leaves as it was.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use tts_core::Prompt;
use tts_examples::pair;
use tts_examples::training::holds_out;
use tts_examples::worked::line;
use tts_prm::label::{LabelledSolution, LabelledStep, write_labels};

use super::{example, place, ran, succeeded, text};

/// The bytes of all files of a folder, by name.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        files.insert(name, std::fs::read(&path).unwrap());
    }
    files
}

/// The embedded generator in a folder of its own, with another configuration.
fn generator(folder: &Path, fields: &[(&str, Value)]) -> String {
    std::fs::create_dir_all(folder).unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        std::fs::copy(pair::folder().join("generator").join(name), folder.join(name)).unwrap();
    }
    let path = folder.join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for (field, value) in fields {
        config[*field] = value.clone();
    }
    std::fs::write(&path, config.to_string()).unwrap();
    folder.to_str().unwrap().to_owned()
}

#[test]
fn no_training_writes_over_the_model_that_it_starts_from() {
    let (Some(finetune), Some(train), Some(reinforce)) =
        (example("finetune"), example("train_prm"), example("reinforce"))
    else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("model");
    let model = generator(&folder, &[]);
    let before = bytes(&folder);
    let (data, pairs) = (place.path().join("texts.jsonl"), place.path().join("pairs.jsonl"));
    std::fs::write(&data, line(&Prompt::text("1+2\n"), "=3")).unwrap();
    std::fs::write(&pairs, r#"{"prompt": "1+2", "chosen": "=3", "rejected": "=4"}"#).unwrap();
    let (data, pairs) = (data.to_str().unwrap(), pairs.to_str().unwrap());
    let around = folder.join("../model");
    for out in [&model, around.to_str().unwrap()] {
        for (command, more) in [
            (&finetune, &["--data", data, "--steps", "1", "--held-out", "0"][..]),
            (&train, &["--preferences", pairs, "--steps", "1", "--held-out", "0"]),
            (&reinforce, &["--family", "chain", "--steps", "1", "--held-out", "0"]),
        ] {
            let output = ran(command, &[&["--model", &model, "--out", out], more].concat());
            let said = text(&output);
            assert!(!output.status.success(), "{said}");
            assert!(said.contains("the folder of --model: name another one"), "{said}");
            assert!(bytes(&folder) == before, "{said}");
        }
    }
    // Elsewhere, what was asked for is written, and the model is as it was.
    let out = place.path().join("out");
    let more =
        ["--data", data, "--steps", "1", "--held-out", "0", "--batch", "1", "--threads", "1"];
    let to = ["--model", &model, "--out", out.to_str().unwrap()];
    succeeded(&finetune, &[&to[..], &more].concat());
    assert_eq!(std::fs::read(out.join("tokenizer.json")).unwrap(), before["tokenizer.json"]);
    assert!(bytes(&folder) == before);
}

/// A model with windows is learnt, and put together, within the positions that it is run within.
#[test]
fn models_with_windows_learn_within_them() {
    let (Some(reinforce), Some(finetune), Some(fuse)) =
        (example("reinforce"), example("finetune"), example("fuse"))
    else {
        return;
    };
    let (place, path) = place();
    let fields = [
        ("architectures", json!(["MistralForCausalLM"])),
        ("model_type", json!("mistral")),
        ("sliding_window", json!(128)),
    ];
    let model = generator(&place.path().join("windows"), &fields);
    let small = "--family chain --problems 4 --held-out 0 --batch 2 --samples 2 --steps 1 --max-tokens 40 --threads 1";
    let small: Vec<&str> = small.split(' ').collect();
    let (adapter, tuned, fused) = (path("adapter"), path("tuned"), path("fused"));
    let asked = ["--model", &model, "--rank", "2", "--out", &adapter];
    let refused = ran(&reinforce, &[&asked[..], &small].concat());
    assert!(!refused.status.success() && text(&refused).contains("window"), "{}", text(&refused));
    let within = ["--positions", "128"];
    succeeded(&reinforce, &[&asked[..], &within, &small].concat());
    let data = path("texts.jsonl");
    std::fs::write(&data, line(&Prompt::text("1+2\n"), "=3")).unwrap();
    let asked = ["--model", &model, "--rank", "2", "--out", &tuned, "--data", &data];
    let few = ["--steps", "1", "--batch", "1", "--held-out", "0", "--threads", "1"];
    succeeded(&finetune, &[&asked[..], &within, &few].concat());
    let asked = ["--model", &model, "--adapter", &tuned, "--out", &fused];
    let refused = ran(&fuse, &asked);
    assert!(!refused.status.success() && text(&refused).contains("window"), "{}", text(&refused));
    succeeded(&fuse, &[&asked[..], &within].concat());
    let config = std::fs::read(Path::new(&fused).join("config.json")).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(config["max_position_embeddings"], 128);
}

/// A solution of one step whose value is known.
fn labelled(question: &str, answer: u32, value: f64) -> LabelledSolution {
    let text = format!("={answer}");
    let step = LabelledStep { text, tokens: vec![1], value: Some(value), rollouts: 2 };
    LabelledSolution {
        prompt: Prompt::text(question),
        start: None,
        steps: vec![step],
        solved: value > 0.0,
    }
}

#[test]
fn what_cannot_be_written_is_said_before_a_model_is_opened() {
    let (Some(judge), Some(train_head)) = (example("judge"), example("train_head")) else { return };
    let (_place, path) = place();
    std::fs::write(path("pairs.jsonl"), r#"{"prompt": "1", "chosen": "2", "rejected": "3"}"#)
        .unwrap();
    // A file where a folder would have to be.
    let below = format!("{}/right.jsonl", path("pairs.jsonl"));
    let data = path("pairs.jsonl");
    let asked = ["--model", "x", "--data", &data, "--judge", "pairwise"];
    for option in ["--learn", "--json"] {
        let said = text(&ran(&judge, &[&asked[..], &[option, &below]].concat()));
        assert!(said.contains("right.jsonl: "), "{said}");
    }
    let labels = path("labels.jsonl");
    write_labels(Path::new(&labels), &[labelled("1", 2, 1.0)]).unwrap();
    let said = text(&ran(&train_head, &["--model", "x", "--labels", &labels, "--out", &below]));
    assert!(said.contains("right.jsonl: "), "{said}");
}

/// A held-out half of one step says nothing of how sure scores may be.
#[test]
fn a_temperature_that_cannot_be_fitted_is_left_out() {
    let Some(train) = example("train_prm") else { return };
    let (_place, path) = place();
    let half = |question: &str| tts_core::seed::hash_text(2, question) % 2;
    let (mut all, mut apart) = (Vec::new(), [0, 0]);
    for number in 0..200 {
        let question = format!("{number}+2");
        if holds_out(4, &question) {
            // One of the half that is measured on, the others to report of.
            let half = usize::from(half(&question) == 1);
            apart[half] += 1;
            if half == 0 && apart[0] > 1 {
                continue;
            }
        }
        all.push(labelled(&question, number + 2, f64::from(number % 2)));
    }
    assert!(apart[0] > 0 && apart[1] > 0);
    write_labels(Path::new(&path("labels.jsonl")), &all).unwrap();
    let model = pair::folder().join("generator");
    let (labels, out) = (path("labels.jsonl"), path("prm"));
    let asked = ["--model", model.to_str().unwrap(), "--labels", &labels, "--out", &out];
    let few = ["--steps", "2", "--batch", "4", "--threads", "1", "--held-out", "4", "--calibrate"];
    let output = ran(&train, &[&asked[..], &few].concat());
    let said = text(&output);
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains("expected more problems; the reward model is left without a temperature"),
        "{said}"
    );
    // All else is there.
    assert!(said.contains("held out   "), "{said}");
    let head = std::fs::read(Path::new(&out).join("head.json")).unwrap();
    let head: Value = serde_json::from_slice(&head).unwrap();
    assert!(head.get("temperature").is_none_or(Value::is_null), "{head}");
}
