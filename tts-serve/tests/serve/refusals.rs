//! What is refused, by table: the status, the field and the reason.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tts_serve::ServeConfig;

use crate::common::{Held, Server, ask, held, toy, with};

fn server() -> Server {
    let config = ServeConfig { lines: 64, answers: 8, ..ServeConfig::default() };
    Server::start(&config, vec![toy()])
}

/// Asks with each of these fields: what is found is the status, the field at fault, and these words.
fn refused(server: &Server, table: &[(Value, u16, &str, &str)]) {
    for (fields, status, param, says) in table {
        let body = with(ask("toy", 0), fields);
        let (found, answer) = server.post("/v1/chat/completions", &body);
        let error = &answer["error"];
        assert_eq!((found, &error["param"]), (*status, &json!(param)), "{fields}: {answer}");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(says), "{fields}: {message}");
        assert_eq!(error["type"], "invalid_request_error");
        assert!(error["code"].is_string());
    }
    let counted = server.metric("tts_requests_total{outcome=\"refused\"}");
    assert!((counted - table.len() as f64).abs() < 0.1);
}

#[test]
fn bad_requests_are_told_what_is_wrong() {
    let messages = |messages: Value| json!({"messages": messages});
    let content = |content: Value| json!({"messages": [{"role": "user", "content": content}]});
    let table = [
        (json!({"model": "other"}), 404, "model", "no model \"other\""),
        (json!({"model": 7}), 400, "model", "expected a text"),
        (json!({"model": null}), 400, "model", "missing"),
        (json!({"model": "toy+depth-first-3"}), 400, "model", "no strategy is called"),
        (json!({"model": "toy+beam-0"}), 400, "model", "n is 0"),
        (json!({"model": "toy+beam-65"}), 400, "model", "at most 64"),
        (messages(json!(null)), 400, "messages", "missing"),
        (messages(json!([])), 400, "messages", "at least one"),
        (messages(json!("hello")), 400, "messages", "a list"),
        (messages(json!([7])), 400, "messages[0]", "an object"),
        (messages(json!([{"role": "tool", "content": "x"}])), 400, "messages[0].role", "user"),
        (
            messages(json!([{"role": "system", "content": "x"}])),
            400,
            "messages",
            "nothing to answer",
        ),
        (
            messages(json!([{"role": "user", "content": "x", "name": "me"}])),
            400,
            "messages[0].name",
            "roles",
        ),
        (
            messages(json!([{"role": "user", "content": "x", "mood": 1}])),
            400,
            "messages[0].mood",
            "known",
        ),
        (content(json!(null)), 400, "messages[0].content", "a text"),
        (content(json!(" \n")), 400, "messages", "nothing to answer"),
        (content(json!("1 ~ 2")), 400, "messages", "no sign of sums"),
        (content(json!("1".repeat(400))), 400, "messages", "400 tokens leave no room"),
        (
            content(json!([{"type": "image_url", "image_url": {}}])),
            400,
            "messages[0].content[0].type",
            "text",
        ),
        (content(json!([{"type": "text"}])), 400, "messages[0].content[0].text", "a text"),
        (json!({"temperature": 2.5}), 400, "temperature", "from 0 to 2"),
        (json!({"temperature": "hot"}), 400, "temperature", "a number"),
        (json!({"top_p": -0.1}), 400, "top_p", "from 0 to 1"),
        (json!({"top_k": -1}), 400, "top_k", "from 0"),
        (json!({"min_p": 2}), 400, "min_p", "from 0 to 1"),
        (json!({"seed": 1.5}), 400, "seed", "a whole number"),
        (json!({"n": 0}), 400, "n", "from 1 to 8"),
        (json!({"n": 9}), 400, "n", "from 1 to 8"),
        (json!({"max_tokens": 0}), 400, "max_tokens", "from 1 to 4096"),
        (json!({"max_completion_tokens": 5000}), 400, "max_completion_tokens", "from 1 to 4096"),
        (json!({"max_completion_tokens": 5, "max_tokens": 6}), 400, "max_tokens", "different"),
        (json!({"stop": [""]}), 400, "stop", "none of them empty"),
        (json!({"stop": [7]}), 400, "stop", "a text"),
        (json!({"stop": vec!["x"; 17]}), 400, "stop", "at most 16"),
        (json!({"stream": "yes"}), 400, "stream", "true or false"),
        (json!({"stream_options": {"include_usage": true}}), 400, "stream_options", "stream: true"),
        (
            json!({"stream": true, "stream_options": {"more": 1}}),
            400,
            "stream_options.more",
            "known",
        ),
        (json!({"top_logprobs": 3}), 400, "top_logprobs", "chosen"),
        (json!({"frequency_penalty": 0.5}), 400, "frequency_penalty", "not supported"),
        (json!({"presence_penalty": 1}), 400, "presence_penalty", "not supported"),
        (json!({"logit_bias": {"7": 1}}), 400, "logit_bias", "not supported"),
        (json!({"tools": [{}]}), 400, "tools", "not supported"),
        (json!({"tool_choice": "required"}), 400, "tool_choice", "not supported"),
        (json!({"response_format": {"type": "json_object"}}), 400, "response_format", "only text"),
        (json!({"modalities": ["audio"]}), 400, "modalities", "only text"),
        (json!({"reasoning_effort": "high"}), 400, "reasoning_effort", "strategy"),
        (json!({"prompt": "x"}), 400, "prompt", "known"),
    ];
    refused(&server(), &table);
}

#[test]
fn bad_searches_are_told_what_is_wrong() {
    let recipe = |recipe: Value| json!({"tts": {"recipe": recipe}});
    let forest =
        json!({"strategy": "forest", "copies": 60, "inner": {"strategy": "best-of-n", "n": 60}});
    let lines = json!({"strategy": "beam-search", "keep": 60, "branch": 60});
    let table = [
        (json!({"tts": 7}), 400, "tts", "an object"),
        (json!({"tts": {"width": 7}}), 400, "tts.width", "known"),
        (json!({"tts": {"scorer": "judge"}}), 400, "tts.scorer", "noisy, oracle"),
        (json!({"tts": {"task": "poetry"}}), 400, "tts.task", "math"),
        (json!({"tts": {"budget_tokens": 1_000_000_000}}), 400, "tts.budget_tokens", "262144"),
        (json!({"tts": {"budget": {"token": 5}}}), 400, "tts.budget", "unknown field `token`"),
        (json!({"tts": {"budget": {}}}), 400, "tts.budget", "nothing is bounded"),
        (json!({"tts": {"budget": {"tokens": 1_000_000_000}}}), 400, "tts.budget", "262144"),
        (json!({"tts": {"budget": {"seconds": -1}}}), 400, "tts.budget", "wall"),
        (json!({"tts": {"budget": {"money": 1}}}), 400, "tts.budget", "no price is known"),
        (
            json!({"tts": {"budget": {"samples": 1}, "budget_tokens": 5}}),
            400,
            "tts.budget_tokens",
            "one of the two",
        ),
        (json!({"tts": {"step": [""]}}), 400, "tts.step", "none of them empty"),
        (json!({"tts": {"max_steps": 0}}), 400, "tts.max_steps", "from 1"),
        (recipe(json!(7)), 400, "tts.recipe", "invalid type"),
        (recipe(json!({"strategy": "depth-first"})), 400, "tts.recipe", "unknown variant"),
        (recipe(json!({"strategy": "best-of-n", "m": 3})), 400, "tts.recipe", "unknown field `m`"),
        (recipe(json!({"strategy": "best-of-n", "n": 0})), 400, "tts.recipe", "n is 0"),
        (recipe(json!({"strategy": "best-of-n", "n": 65})), 400, "tts.recipe", "at most 64"),
        (recipe(forest), 400, "tts.recipe", "comes to 3600"),
        (recipe(lines), 400, "tts.recipe", "3600 lines at once, expected at most 64"),
        (
            json!({"model": "toy+beam-4", "tts": {"recipe": {"strategy": "best-of-n"}}}),
            400,
            "tts.recipe",
            "names a strategy already",
        ),
        (
            json!({"model": "toy+beam-4", "tts": {"scorer": "none"}}),
            400,
            "tts.scorer",
            "needs a scorer",
        ),
    ];
    refused(&server(), &table);
}

/// What has no effect may be said, and so may `null` and what asks for nothing.
#[test]
fn what_changes_nothing_is_taken() {
    let server = Server::toy();
    let plain = server.chat(&ask("toy", 0));
    for fields in [
        json!({"user": "me", "metadata": {"a": "b"}, "store": false, "service_tier": "auto"}),
        json!({"tools": null, "stop": null, "logit_bias": {}, "n": 1, "seed": 0}),
        json!({"frequency_penalty": 0.0, "presence_penalty": 0, "tools": [], "tool_choice": "none"}),
        json!({"response_format": {"type": "text"}, "modalities": ["text"], "logprobs": false}),
    ] {
        let answer = server.chat(&with(ask("toy", 0), &fields));
        assert_eq!(answer["choices"], plain["choices"], "{fields}");
    }
}

#[test]
fn completions_refuse_what_they_cannot_do() {
    let server = Server::toy();
    for (fields, param, says) in [
        (json!({"prompt": [1, 2, 3]}), "prompt", "token ids are not taken"),
        (json!({"prompt": [[1, 2, 3]]}), "prompt", "token ids are not taken"),
        (json!({"prompt": ["1 + 1 = ?", true]}), "prompt[1]", "a text"),
        (json!({"prompt": []}), "prompt", "list of texts"),
        (json!({}), "prompt", "list of texts"),
        (json!({"prompt": ""}), "prompt", "nothing to answer"),
        (json!({"prompt": "1 + 1 = ?", "echo": true}), "echo", "not supported"),
        (json!({"prompt": "1 + 1 = ?", "suffix": "x"}), "suffix", "not supported"),
        (json!({"prompt": "1 + 1 = ?", "best_of": 3}), "best_of", "best-of-n"),
        (json!({"prompt": "1 + 1 = ?", "logprobs": 2}), "logprobs", "chosen"),
        (
            json!({"prompt": "1 + 1 = ?", "max_completion_tokens": 2}),
            "max_completion_tokens",
            "known",
        ),
        (json!({"prompt": vec!["1 + 1 = ?"; 40], "n": 2}), "n", "at most 64"),
    ] {
        let body = with(json!({"model": "toy"}), &fields);
        let (status, answer) = server.post("/v1/completions", &body);
        assert_eq!((status, &answer["error"]["param"]), (400, &json!(param)), "{fields}: {answer}");
        let message = answer["error"]["message"].as_str().expect("a message");
        assert!(message.contains(says), "{fields}: {message}");
    }
}

#[test]
fn bodies_and_paths_that_are_wrong() {
    let config = ServeConfig { body_bytes: 1000, ..ServeConfig::default() };
    let server = Server::start(&config, vec![toy()]);
    let long = ask("toy", 0).to_string() + &" ".repeat(1000);
    for (body, status, code) in [
        ("", 400, "invalid_json"),
        ("{", 400, "invalid_json"),
        ("[]", 400, "invalid_json"),
        ("\u{0}\u{1}", 400, "invalid_json"),
        (&long, 413, "body_too_large"),
    ] {
        let (found, answer) = server.post_text("/v1/chat/completions", body);
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!((found, &answer["error"]["code"]), (status, &json!(code)), "{body}");
    }
    assert_eq!(server.get("/v2").0, 404);
    let (status, body) = server.get("/v1/chat/completions");
    assert!(status == 405 && body.contains("method_not_allowed"), "{body}");
}

/// A generator that is down is the server's fault, whole or streamed; the next one is answered.
#[test]
fn failures_of_the_generator_are_told() {
    let gate = Arc::new(Held::default());
    let server = Server::start(&ServeConfig::default(), vec![held(&gate)]);
    gate.broken.store(true, Ordering::SeqCst);
    let (status, answer) = server.post("/v1/chat/completions", &ask("held+best-of-n-3", 0));
    assert_eq!((status, &answer["error"]["type"]), (502, &json!("server_error")), "{answer}");
    assert!(answer["error"]["message"].as_str().is_some_and(|m| m.contains("out of order")));
    let body = with(ask("held+best-of-n-3", 0), &json!({"stream": true}));
    let (status, events) = server.post_text("/v1/chat/completions", &body.to_string());
    assert_eq!(status, 200);
    assert!(
        events.contains("data: {\"error\":{") && events.ends_with("data: [DONE]\n\n"),
        "{events}"
    );
    gate.broken.store(false, Ordering::SeqCst);
    server.chat(&ask("held+best-of-n-3", 0));
    let failed = server.metric("tts_requests_total{outcome=\"failed\"}");
    assert!((failed - 2.0).abs() < 0.1);
    // What its tokens are, this model does not tell.
    let (status, answer) =
        server.post("/v1/chat/completions", &with(ask("held", 0), &json!({"logprobs": true})));
    assert_eq!((status, &answer["error"]["param"]), (400, &json!("logprobs")));
}
