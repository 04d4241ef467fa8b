//! Published formats that do not fit: each error names the file, the field or the tensor.

use serde_json::{Value, json};
use tts_models::Checkpoint;
use tts_prm::{Format, RewardHead};

use crate::formats::{change, copy, fixture, outcome, process};

/// A fixture, a file of it, a field, its new value, and parts of what is said then.
type Case = (&'static str, &'static str, &'static str, Value, &'static [&'static str]);

fn refused<const N: usize>(cases: [Case; N]) {
    for (name, file, field, value, parts) in cases {
        let folder = tempfile::tempdir().unwrap();
        copy(name, folder.path());
        change(&folder.path().join(file), field, value);
        let classifier = ["reward-llama", "classifier-qwen2", "classifier-qwen3"].contains(&name);
        let open = if classifier { outcome } else { process };
        let error = open(folder.path()).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{field}: {error}: {part}");
        }
    }
}

#[test]
fn contrasts_and_turns_that_do_not_fit_are_refused_by_name() {
    refused([
        ("rlhflow", "head.json", "format", json!("rlhf"), &["head.json", "format", "rlhf"]),
        ("rlhflow", "head.json", "labels", json!(3), &["[2, 16], expected [3, 16]"]),
        ("rlhflow", "head.json", "between", json!("x"), &["between", "chat template"]),
        ("rlhflow", "head.json", "separator", json!("x"), &["separator", "chat template"]),
        ("rlhflow", "head.json", "tensor", json!("score"), &["tensor", "score", "contrast"]),
        ("rlhflow", "head.json", "positive", json!(1), &["positive", "contrast"]),
        ("rlhflow", "head.json", "reading", json!("tokens"), &["reading", "contrast"]),
        ("rlhflow", "head.json", "prompt_end", json!("x"), &["prompt_end", "plain"]),
        (
            "rlhflow",
            "head.json",
            "contrast",
            json!({"right": "+", "wrong": "no such"}),
            &["contrast.wrong", "\"no such\"", "expected one"],
        ),
        (
            "rlhflow",
            "head.json",
            "contrast",
            json!({"right": 99_999, "wrong": "-"}),
            &["contrast.right", "99999"],
        ),
        (
            "rlhflow",
            "head.json",
            "contrast",
            json!({"right": "+", "wrong": "+"}),
            &["contrast", "expected two tokens"],
        ),
        ("rlhflow", "head.json", "contrast", json!({"right": "+"}), &["head.json", "wrong"]),
        (
            "rlhflow",
            "tokenizer_config.json",
            "chat_template",
            json!(null),
            &["chat_template", "none"],
        ),
        (
            "rlhflow",
            "tokenizer_config.json",
            "chat_template",
            json!("{{ messages[-1].content }}"),
            &["chat_template", "second turn"],
        ),
        (
            "rlhflow",
            "tokenizer_config.json",
            "chat_template",
            json!("no one speaks"),
            &["chat_template", "last message"],
        ),
    ]);
    // Without a contrast there is nothing to answer a turn with.
    let folder = tempfile::tempdir().unwrap();
    copy("rlhflow", folder.path());
    let turns = json!({ "prompt": "turns", "tensor": "model.norm" }).to_string();
    std::fs::write(folder.path().join("head.json"), turns).unwrap();
    let error = process(folder.path()).unwrap_err().to_string();
    assert!(error.contains("prompt") && error.contains("`contrast`"), "{error}");
    // No output head, and none to tie it to.
    let file = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let all = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let rest = all.iter().filter(|(name, _)| !name.contains("embed_tokens"));
    std::fs::write(&file, safetensors::serialize(rest, None).unwrap()).unwrap();
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let error = RewardHead::from_checkpoint(&checkpoint, Format::Rlhflow.config()).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("model.embed_tokens.weight: missing"), "{error}");
    // The embedding is not taken for a head that the config says is another matrix.
    copy("math-shepherd", folder.path());
    let bytes = std::fs::read(&file).unwrap();
    let all = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let rest = all.iter().filter(|(name, _)| !name.contains("lm_head"));
    std::fs::write(&file, safetensors::serialize(rest, None).unwrap()).unwrap();
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let error = RewardHead::from_checkpoint(&checkpoint, Format::MathShepherd.config());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("lm_head.weight: missing"), "{error}");
}

#[test]
fn value_heads_and_classifiers_that_do_not_fit_are_refused_by_name() {
    refused([
        ("skywork-prm", "head.json", "format", json!("skywork"), &["format", "skywork"]),
        (
            "skywork-prm",
            "config.json",
            "head",
            json!({"format": "skywork-prm", "labels": 2}),
            &["v_head.summary.weight", "[1, 16], expected [2, 16]"],
        ),
        ("reward-llama", "config.json", "num_labels", json!(3), &["num_labels", "id2label has 1"]),
        (
            "reward-llama",
            "config.json",
            "problem_type",
            json!("single_label_classification"),
            &["problem_type", "1 labels", "regression"],
        ),
        (
            "reward-llama",
            "config.json",
            "id2label",
            json!({"0": "wrong", "1": "right"}),
            &["score.weight", "[1, 16], expected [2, 16]"],
        ),
        (
            "reward-llama",
            "config.json",
            "id2label",
            json!({"0": "a", "1": "b", "2": "c"}),
            &["id2label", "3 labels, expected 1 or 2"],
        ),
        ("reward-llama", "config.json", "id2label", json!({}), &["id2label", "0 labels"]),
        (
            "reward-llama",
            "config.json",
            "num_labels",
            json!("one"),
            &["num_labels", "0, but id2label has 1"],
        ),
        (
            "classifier-qwen2",
            "config.json",
            "id2label",
            json!({"0": 1, "b": "right"}),
            &["id2label", "\"0\" and \"1\""],
        ),
        (
            "classifier-qwen2",
            "config.json",
            "problem_type",
            json!("multi_label_classification"),
            &["problem_type", "single_label_classification"],
        ),
        (
            "classifier-qwen3",
            "config.json",
            "architectures",
            json!(["FooForBar"]),
            &["architectures", "\"FooForBar\"", "head.json"],
        ),
        (
            "trl-prm",
            "config.json",
            "id2label",
            json!({"0": "a", "1": "b", "2": "c"}),
            &["id2label", "3 labels, expected 2"],
        ),
    ]);
    // A classifier judges whole chats, and a head of its own has no output head.
    let error = process(&fixture("reward-llama")).unwrap_err().to_string();
    assert!(error.contains("prompt") && error.contains("outcome"), "{error}");
    let head = fixture("skywork-prm").join("model.safetensors");
    let error = RewardHead::read(&head, Format::Rlhflow.config()).unwrap_err().to_string();
    assert!(error.contains("contrast") && error.contains("model.safetensors"), "{error}");
}
