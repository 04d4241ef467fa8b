//! Reward models on servers: rows where they belong, of every kind of server.

use serde_json::{Value, json};
use tts_models::remote::{Reads, RemoteRewards, ServerKind};
use tts_models::testing::fake::{Act, Fake, Seen};
use tts_models::{Backbone, Wanted};

use crate::world::{Words, logprob, server};

/// The logits of a position, as the servers here give them.
fn logits(tokens: &[u32], position: usize) -> Vec<f32> {
    let sum: u32 = tokens[..=position].iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let sum = sum as f32;
    vec![sum / 8.0, -sum / 16.0]
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

/// A server that judges, on top of one that is sound otherwise.
fn judging(kind: ServerKind, words: &Words, tags: Option<u32>) -> Fake {
    let sound = server(kind, &words.tokenizer);
    Fake::start(move |seen: &Seen| {
        let body = &seen.body;
        match seen.path.as_str() {
            "/pooling" => {
                let tokens = ids(&body["input"]);
                assert_eq!(body["use_activation"], false);
                let row = |position: usize| json!(logits(&tokens, position));
                let data: Value = match (body["task"].as_str(), tags) {
                    (Some("classify"), _) => row(tokens.len() - 1),
                    (_, None) => (0..tokens.len()).map(row).collect(),
                    (_, Some(tag)) => {
                        (0..tokens.len()).filter(|&p| tokens[p] == tag).map(row).collect()
                    }
                };
                Act::Json(json!({"data": [{"data": data}]}))
            }
            "/classify" => {
                let tokens = ids(&body["input_ids"]);
                Act::Json(json!([{"embedding": logits(&tokens, tokens.len() - 1)}]))
            }
            "/v1/completions" if body["logprob_token_ids"].is_array() => {
                let tokens = ids(&body["prompt"]);
                let pair = ids(&body["logprob_token_ids"]);
                let entry = |id: &u32| (format!("token_id:{id}"), json!(logprob(&tokens, *id)));
                let entries: serde_json::Map<String, Value> = pair.iter().map(entry).collect();
                Act::Json(json!({
                    "choices": [{"logprobs": {"top_logprobs": [entries]}}],
                    "usage": {"prompt_tokens": tokens.len()},
                }))
            }
            "/generate" if body["token_ids_logprob"].is_array() => {
                let tokens = ids(&body["input_ids"]);
                let pair = ids(&body["token_ids_logprob"]);
                let entry = |&id: &u32| json!([logprob(&tokens, id), id, null]);
                let entries: Vec<Value> = pair.iter().map(entry).collect();
                Act::Json(json!({"meta_info": {
                    "output_token_ids_logprobs": [entries], "prompt_tokens": tokens.len(), "cached_tokens": 0,
                }}))
            }
            _ => sound(seen),
        }
    })
}

fn text(tokens: &[u32], positions: &[usize]) -> Wanted {
    Wanted { tokens: tokens.to_vec(), positions: positions.to_vec() }
}

#[test]
fn rows_stand_where_they_were_asked_for() {
    let words = Words::new();
    let texts = [
        text(&[70, 43, 71, 43, 72, 43], &[1, 3, 5]),
        text(&[], &[]),
        text(&[70, 43, 71, 43], &[3]),
    ];
    for (kind, tags) in [(ServerKind::Vllm, None), (ServerKind::Vllm, Some(43))] {
        let fake = judging(kind, &words, tags);
        // A model with tags gives none for a text without one, which shows at connection.
        let rewards = RemoteRewards::open(words.config(fake.address()), Reads::Tokens);
        let rewards = match (rewards, tags) {
            (Ok(rewards), None) => rewards,
            (Err(error), Some(_)) => {
                assert!(error.to_string().contains("0 rows"), "{error}");
                continue;
            }
            (other, _) => panic!("{other:?}"),
        };
        assert_eq!(rewards.width(), 2);
        let rows = rewards.hidden(&texts).expect("no fault");
        for (text, rows) in texts.iter().zip(&rows) {
            let expected: Vec<Vec<f32>> =
                text.positions.iter().map(|&position| logits(&text.tokens, position)).collect();
            assert_eq!(rows, &expected);
        }
        let error = rewards.hidden(&[text(&[70], &[1])]).expect_err("outside").to_string();
        assert!(error.contains("texts[0]") && error.contains("position 1"), "{error}");
    }
}

/// One text fails by itself; it alone is without rows, and nobody is asked again for it.
#[test]
fn a_text_that_fails_leaves_the_others_theirs() {
    let words = Words::new();
    let sound = judging(ServerKind::Vllm, &words, None);
    let texts =
        [text(&[70, 71], &[1]), text(&[66, 66], &[0]), text(&[67, 67], &[1]), text(&[], &[])];
    let inner = server(ServerKind::Vllm, &words.tokenizer);
    let fake =
        Fake::start(move |seen: &Seen| match (seen.path.as_str(), &ids(&seen.body["input"])[..]) {
            ("/pooling", [66, ..]) => {
                Act::Status(400, "", r#"{"error":{"message":"too long"}}"#.into())
            }
            ("/pooling", [67, ..]) => {
                Act::Json(json!({"data": [{"data": [[1.0, 2.0], [null, 2.0]]}]}))
            }
            ("/pooling", tokens) => {
                let row = |position: usize| json!(logits(tokens, position));
                let data: Value = (0..tokens.len()).map(row).collect();
                Act::Json(json!({"data": [{"data": data}]}))
            }
            _ => inner(seen),
        });
    let open = |fake: &Fake| {
        RemoteRewards::open(words.config(fake.address()), Reads::Tokens).expect("sound")
    };
    let (rewards, expected) = (open(&fake), open(&sound));
    let before = fake.seen("/pooling").len();
    let rows = rewards.hidden_each(&texts).expect("a server");
    let expected = expected.hidden(&[texts[0].clone()]).expect("no fault");
    assert_eq!(rows[0].as_ref().ok(), expected.first());
    assert!(rows[1].as_ref().is_err_and(|error| error.to_string().contains("too long")));
    assert!(rows[2].as_ref().is_err_and(|error| error.to_string().contains("null")));
    assert!(rows[3].as_ref().is_ok_and(Vec::is_empty));
    assert_eq!(fake.seen("/pooling").len() - before, 3);
    // Whoever wants all of them has none.
    assert!(rewards.hidden(&texts).expect_err("one failed").to_string().contains("too long"));
}

#[test]
fn a_whole_text_has_one_row_at_its_end() {
    let words = Words::new();
    for kind in [ServerKind::Vllm, ServerKind::Sglang] {
        let fake = judging(kind, &words, None);
        let rewards =
            RemoteRewards::open(words.config(fake.address()), Reads::Last).expect("sound");
        let rows = rewards.hidden(&[text(&[70, 71, 72], &[2])]).expect("no fault");
        assert_eq!(rows, [[logits(&[70, 71, 72], 2)]], "{kind}");
        let error = rewards.hidden(&[text(&[70, 71, 72], &[1])]).expect_err("not the last");
        assert!(error.to_string().contains("position 1 of 3 is not the last"), "{error}");
    }
    for (kind, reads) in [
        (ServerKind::Sglang, Reads::Tokens),
        (ServerKind::LlamaServer, Reads::Tokens),
        (ServerKind::LlamaServer, Reads::Last),
    ] {
        let fake = judging(kind, &words, None);
        let error =
            RemoteRewards::open(words.config(fake.address()), reads).expect_err("it cannot");
        assert!(error.to_string().contains("it does not judge by"), "{error}");
    }
}

#[test]
fn two_tokens_are_compared_by_every_kind() {
    let words = Words::new();
    // One of them is no whole character.
    let pair = Reads::Pair { wrong: 45, right: 200 };
    for kind in [ServerKind::Vllm, ServerKind::Sglang, ServerKind::LlamaServer] {
        let fake = judging(kind, &words, None);
        let rewards = RemoteRewards::open(words.config(fake.address()), pair).expect("sound");
        let tokens = [70, 71, 72, 73];
        let rows = rewards.hidden(&[text(&tokens, &[1, 3])]).expect("no fault").remove(0);
        for (row, position) in rows.iter().zip([1_usize, 3]) {
            for (found, token) in row.iter().zip([45, 200]) {
                let expected = logprob(&tokens[..=position], token);
                assert!((f64::from(*found) - expected).abs() < 1e-6, "{kind}");
            }
        }
        assert!(rewards.identity().contains("right: 200") && rewards.usage().calls > 1);
    }
}
