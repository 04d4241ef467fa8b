//! Answers as streams: the text of the whole answer, in parts as soon as they are sure.

use std::io::{BufRead as _, BufReader};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tts_serve::ServeConfig;

use crate::common::{Held, Server, WORLD, ask, held, with};

/// The data of a stream, and its comments.
fn events(server: &Server, path: &str, body: &Value) -> (Vec<Value>, Vec<String>) {
    let body = with(body.clone(), &json!({"stream": true}));
    let (status, text) = server.post_text(path, &body.to_string());
    assert_eq!(status, 200, "{text}");
    let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(data.last(), Some(&"[DONE]"), "{text}");
    let data = data[..data.len() - 1].iter().map(|data| serde_json::from_str(data).expect(data));
    let comments = text.lines().filter_map(|line| line.strip_prefix(": ").map(str::to_owned));
    (data.collect(), comments.collect())
}

/// Puts the parts of one choice together.
fn text(chunks: &[Value], index: usize) -> String {
    let choices = chunks.iter().flat_map(|chunk| chunk["choices"].as_array().expect("choices"));
    let own = choices.filter(|choice| choice["index"] == index);
    own.filter_map(|choice| choice["delta"]["content"].as_str().or(choice["text"].as_str()))
        .collect()
}

#[test]
fn a_stream_says_what_a_whole_answer_says() {
    let server = Server::toy();
    for (model, fields) in [
        ("toy", json!({"seed": 5})),
        ("toy", json!({"seed": 5, "stop": ["answer", "\n9"]})),
        ("toy+beam-9", json!({"n": 2})),
        ("toy+majority-4", json!({"max_tokens": 20})),
    ] {
        let body = with(ask(model, 4), &fields);
        let whole = server.chat(&body);
        let counted = with(body, &json!({"stream_options": {"include_usage": true}}));
        let (chunks, _) = events(&server, "/v1/chat/completions", &counted);
        assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk"));
        assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
        for (index, choice) in whole["choices"].as_array().expect("choices").iter().enumerate() {
            assert_eq!(text(&chunks, index), choice["message"]["content"].as_str().expect("text"));
            let ends =
                chunks.iter().flat_map(|chunk| chunk["choices"].as_array().expect("choices"));
            let ends: Vec<&Value> = ends
                .filter(|end| end["index"] == index && !end["finish_reason"].is_null())
                .collect();
            assert_eq!(ends.len(), 1);
            assert_eq!(ends[0]["finish_reason"], choice["finish_reason"]);
            assert_eq!(ends[0]["tts"], choice["tts"]);
        }
        let last = chunks.last().expect("chunks");
        assert_eq!((&last["usage"], &last["choices"]), (&whole["usage"], &json!([])));
        // One id for all of it.
        assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"]));
    }
}

#[test]
fn completions_stream_text() {
    let server = Server::toy();
    let body = json!({"model": "toy+beam-4", "prompt": WORLD.prompt(1).question()});
    let (_, whole) = server.post("/v1/completions", &body);
    let (chunks, _) = events(&server, "/v1/completions", &body);
    assert_eq!(text(&chunks, 0), whole["choices"][0]["text"].as_str().expect("text"));
    assert!(
        chunks.iter().all(|chunk| chunk["object"] == "text_completion" && chunk["usage"].is_null())
    );
}

/// Progress goes as comments, and as chunks without text only to whom asks for them.
#[test]
fn progress_is_told_as_asked() {
    let config = ServeConfig { progress_seconds: 0.0, ..ServeConfig::default() };
    let server = Server::start(&config, vec![crate::common::toy()]);
    let body = ask("toy+beam-9", 4);
    let progress = |chunk: &Value| chunk["choices"][0]["tts"]["progress"].clone();
    let (chunks, comments) = events(&server, "/v1/chat/completions", &body);
    assert!(chunks.iter().all(|chunk| progress(chunk).is_null()));
    let last =
        comments.iter().filter_map(|comment| comment.strip_prefix("tts.progress ")).next_back();
    let last: Value = serde_json::from_str(last.expect("progress")).expect("JSON");
    let whole = server.chat(&body);
    assert_eq!(last["progress"]["tokens"], whole["usage"]["tts"]["generated_tokens"]);
    assert_eq!(last["progress"]["lines"], whole["usage"]["tts"]["lines"]);
    assert_eq!(last["progress"]["rounds"], whole["choices"][0]["tts"]["rounds"]);
    assert_eq!(last["progress"]["candidates"], whole["choices"][0]["tts"]["candidates"]);
    let asked = with(body, &json!({"tts": {"progress": true}}));
    let (chunks, _) = events(&server, "/v1/chat/completions", &asked);
    let told: Vec<Value> = chunks.iter().map(progress).filter(|told| !told.is_null()).collect();
    assert!(!told.is_empty());
    let tokens: Vec<u64> = told.iter().filter_map(|told| told["tokens"].as_u64()).collect();
    assert!(tokens.is_sorted(), "{tokens:?}");
}

/// A line of the model alone is shown step by step, before the next step is written.
#[test]
fn steps_are_shown_as_they_are_written() {
    let gate = Arc::new(Held::default());
    let server = Server::start(&ServeConfig::default(), vec![held(&gate)]);
    let whole = server.chat(&ask("held", 4));
    let whole = whole["choices"][0]["message"]["content"].as_str().expect("text").to_owned();
    let steps = gate.given.load(Ordering::SeqCst);
    // Two steps are written, and then no more.
    gate.last.store(steps + 2, Ordering::SeqCst);
    let body = with(ask("held", 4), &json!({"stream": true}));
    let response = server.request("/v1/chat/completions").send(&body.to_string());
    let mut text = String::new();
    for line in BufReader::new(response.expect("a stream").into_body().into_reader()).lines() {
        let line = line.expect("a line");
        let Some(data) = line.strip_prefix("data: ").filter(|data| *data != "[DONE]") else {
            continue;
        };
        let chunk: Value = serde_json::from_str(data).expect("JSON");
        text.push_str(chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default());
        if text.lines().count() == 2 {
            gate.last.store(0, Ordering::SeqCst);
        }
    }
    assert_eq!(text, whole);
}
