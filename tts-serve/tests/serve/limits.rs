//! Limits, keys, health, and stopping.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tts_core::{
    BoxError, Completion, Finish, Generated, Generator, Request, Step, StepRule, Until,
};
use tts_serve::{ApiKey, Model, ServeConfig, serve};

use crate::common::{Held, Server, WORLD, aside, ask, get, held, post, said, toy, until, with};

#[test]
fn who_comes_when_all_places_are_taken_is_told_to_come_again() {
    let gate = Arc::new(Held::default());
    gate.shut.store(true, Ordering::SeqCst);
    let config = ServeConfig {
        in_flight: 1,
        queue: 2,
        answers: 3,
        retry_seconds: 7,
        ..ServeConfig::default()
    };
    let server = Server::start(&config, vec![held(&gate)]);
    let url = format!("http://{}/v1/chat/completions", server.address);
    let three = with(ask("held", 0), &json!({"n": 3})).to_string();
    let waiting = aside(move || said(post(&url).send(&three)).0);
    until("one runs, two wait", || server.metric("tts_searches_waiting") > 1.5);
    assert_eq!(gate.flying.load(Ordering::SeqCst), 1, "one search runs at a time");
    let (status, body, retry) =
        said(server.request("/v1/chat/completions").send(&ask("held", 1).to_string()));
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, retry.as_deref()), (429, Some("7")));
    assert_eq!(body["error"]["type"], "rate_limit_error");
    gate.shut.store(false, Ordering::SeqCst);
    assert_eq!(waiting.recv().expect("no panic"), 200);
    server.chat(&ask("held", 1));
    assert!((server.metric("tts_requests_total{outcome=\"full\"}") - 1.0).abs() < 0.1);
}

/// What is finished when time is out is an answer; nothing finished is an error.
#[test]
fn time_is_limited() {
    let gate = Arc::new(Held::default());
    gate.shut.store(true, Ordering::SeqCst);
    let config = ServeConfig { request_seconds: 0.05, in_flight: 1, ..ServeConfig::default() };
    let server = Server::start(&config, vec![held(&gate)]);
    // Of two searches one runs and one waits until both are late.
    let (status, body) =
        server.post("/v1/chat/completions", &with(ask("held", 0), &json!({"n": 2})));
    assert_eq!((status, &body["error"]["code"]), (504, &json!("timeout")), "{body}");
    until("the lines are free", || gate.flying.load(Ordering::SeqCst) == 0);
    assert!((server.metric("tts_requests_total{outcome=\"late\"}") - 1.0).abs() < 0.1);
}

#[test]
fn what_is_finished_when_time_is_out_is_an_answer() {
    let gate = Arc::new(Held::default());
    gate.last.store(2, Ordering::SeqCst);
    let config = ServeConfig { request_seconds: 2.0, ..ServeConfig::default() };
    let server = Server::start(&config, vec![held(&gate)]);
    let recipe = json!({"strategy": "revision", "chains": 2, "length": 20});
    let answer = server.chat(&with(ask("held", 0), &json!({"tts": {"recipe": recipe}})));
    let choice = &answer["choices"][0];
    assert_eq!((&choice["tts"]["stop"], &choice["tts"]["rounds"]), (&json!("time"), &json!(1)));
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(gate.flying.load(Ordering::SeqCst), 0);
}

#[test]
fn tokens_are_limited() {
    let config = ServeConfig { request_tokens: 100, ..ServeConfig::default() };
    let server = Server::start(&config, vec![toy()]);
    // Twenty rounds of revisions would take thousands of tokens.
    let recipe = json!({"strategy": "revision", "chains": 2, "length": 20});
    let body = with(ask("toy", 0), &json!({"tts": {"recipe": recipe}}));
    let answer = server.chat(&body);
    assert_eq!(answer["choices"][0]["tts"]["stop"], "generated tokens", "{answer}");
    let used = answer["usage"]["tts"]["generated_tokens"].as_u64().expect("tokens");
    assert!((100..300).contains(&used), "{used}: one round over at most");
    // Four prompts share what a request may generate, and so do two answers to each of two.
    let config = ServeConfig { request_tokens: 400, ..ServeConfig::default() };
    let server = Server::start(&config, vec![toy()]);
    let question = |number| WORLD.prompt(number).question().to_owned();
    for (prompts, n) in
        [((0..4).map(question).collect::<Vec<_>>(), 1), ((0..2).map(question).collect(), 2)]
    {
        let body = json!({"model": "toy", "prompt": prompts, "n": n, "tts": {"recipe": recipe}});
        let (status, answer) = server.post("/v1/completions", &body);
        assert_eq!(status, 200, "{answer}");
        for choice in answer["choices"].as_array().expect("choices") {
            assert_eq!(choice["tts"]["stop"], "generated tokens", "{answer}");
        }
        let used = answer["usage"]["tts"]["generated_tokens"].as_u64().expect("tokens");
        assert!((400..1200).contains(&used), "{used}: one round over in each search at most");
    }
}

#[test]
fn a_key_is_asked_for_where_there_is_one() {
    let config = ServeConfig { api_key: ApiKey::new("secret"), ..ServeConfig::default() };
    let server = Server::start(&config, vec![toy()]);
    let keyed = |key: Option<&str>| {
        let request = server.request("/v1/chat/completions");
        let request = match key {
            Some(key) => request.header("authorization", key),
            None => request,
        };
        let (status, body, _) = said(request.send(&ask("toy", 0).to_string()));
        (status, body)
    };
    for key in ["Bearer secret", "bearer secret", "Bearer  secret "] {
        assert_eq!(keyed(Some(key)).0, 200, "{key}");
    }
    for key in
        [None, Some("Bearer"), Some("Bearer secre"), Some("Bearer secret2"), Some("Basic secret")]
    {
        let (status, body) = keyed(key);
        assert!(status == 401 && body.contains("authentication_error"), "{key:?}: {body}");
    }
    assert_eq!(server.get("/v1/models").0, 401);
    // Whoever looks after the machine needs none.
    assert_eq!(
        (server.get("/health").0, server.get("/ready").0, server.get("/metrics").0),
        (200, 200, 200)
    );
    assert!(ApiKey::new("").is_none());
    assert!(!format!("{config:?}").contains("secret"));
}

#[test]
fn metrics_count_what_was_done() {
    let server = Server::toy();
    let answer = server.chat(&ask("toy+beam-4", 0));
    let used = |name: &str| answer["usage"]["tts"][name].as_f64().expect("a number");
    let near =
        |name: &str, value: f64| assert!((server.metric(name) - value).abs() < 0.1, "{name}");
    near("tts_generated_tokens_total", used("generated_tokens"));
    near("tts_scored_tokens_total", used("scored_tokens"));
    near(
        "tts_answer_tokens_total",
        answer["usage"]["completion_tokens"].as_f64().expect("a number"),
    );
    near("tts_requests_total{outcome=\"answered\"}", 1.0);
    near("tts_request_seconds_count", 1.0);
    near("tts_first_progress_seconds_count", 1.0);
}

/// Told to stop, the server answers what runs and takes nothing new.
#[test]
fn stopping_waits_for_what_runs() {
    let gate = Arc::new(Held::default());
    gate.shut.store(true, Ordering::SeqCst);
    let mut server = Server::start(&ServeConfig::default(), vec![held(&gate)]);
    let url = format!("http://{}/v1/chat/completions", server.address);
    let body = ask("held", 0).to_string();
    let running = aside(move || said(post(&url).send(&body)).0);
    until("it runs", || gate.flying.load(Ordering::SeqCst) == 1);
    server.stop();
    until("nobody is let in", || get(&format!("http://{}/health", server.address)).is_err());
    gate.shut.store(false, Ordering::SeqCst);
    assert_eq!(running.recv().expect("no panic"), 200);
    server.join();
}

/// What takes too long is called off with an error.
#[test]
fn stopping_does_not_wait_for_ever() {
    let gate = Arc::new(Held::default());
    gate.shut.store(true, Ordering::SeqCst);
    let config = ServeConfig { shutdown_seconds: 0.05, in_flight: 1, ..ServeConfig::default() };
    let mut server = Server::start(&config, vec![held(&gate)]);
    let url = format!("http://{}/v1/chat/completions", server.address);
    let body = with(ask("held", 0), &json!({"n": 2})).to_string();
    let running = aside(move || said(post(&url).send(&body)));
    until("it runs", || gate.flying.load(Ordering::SeqCst) == 1);
    server.stop();
    let (status, body, _) = running.recv().expect("no panic");
    assert!(status == 503 && body.contains("shutting_down"), "{body}");
    server.join();
    assert_eq!(gate.flying.load(Ordering::SeqCst), 0);
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let config = ServeConfig::default;
    let model = || Model::new("toy", Arc::new(WORLD));
    let lost = Model { default_scorer: Some("judge".into()), ..model() };
    for (config, models, says) in [
        (config(), vec![], "no model"),
        (config(), vec![model(), model()], "two models are called \"toy\""),
        (config(), vec![Model::new(" ", Arc::new(WORLD))], "no name"),
        (config(), vec![lost], "no scorer \"judge\""),
        (ServeConfig { in_flight: 0, ..config() }, vec![model()], "in_flight is 0"),
        (ServeConfig { window: 0, ..config() }, vec![model()], "window is 0"),
        (ServeConfig { lines: 0, ..config() }, vec![model()], "lines is 0"),
        (
            ServeConfig { request_seconds: f64::NAN, ..config() },
            vec![model()],
            "request_seconds is NaN",
        ),
        (
            ServeConfig { shutdown_seconds: -1.0, ..config() },
            vec![model()],
            "shutdown_seconds is -1",
        ),
        (ServeConfig { in_flight: 1, queue: 1, ..config() }, vec![model()], "answers is 64"),
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let error = serve(&config, models, listener, async {}).expect_err(says);
        assert!(error.to_string().contains(says), "{error}");
    }
}

/// Writes so many short lines, and is done.
struct Lines(usize);

impl Generator for Lines {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        Ok(Generated::by_seed(batch, |request, _| {
            let from = request.prefix.len();
            let to = match request.until {
                Until::End => {
                    let room = request.rule.max_steps.min(request.max_tokens);
                    self.0.min(room as usize)
                }
                _ => from + 1,
            };
            let step = |number| Step {
                text: format!("{number} is next.\n"),
                tokens: vec![0],
                ..Step::default()
            };
            let finish = match (to == self.0, request.until) {
                (true, _) => Finish::Stop,
                (false, Until::End) => Finish::Length,
                (false, _) => Finish::Step,
            };
            Ok(Completion { steps: (from..to).map(step).collect(), finish, prompt_tokens: 1 })
        }))
    }
}

/// What a client is told to be cut by its tokens is cut by nothing else.
#[test]
fn an_answer_of_many_lines_is_cut_by_its_tokens_alone() {
    let rule = StepRule::lines();
    assert!(rule.max_steps < 60);
    let model = Model::new("lines", Arc::new(Lines(60))).rule(rule);
    let server = Server::start(&ServeConfig::default(), vec![model]);
    let long = json!({"max_tokens": 4096});
    for (name, fields, count, reason) in [
        ("lines", long.clone(), 60, "stop"),
        ("lines+majority-2", long, 60, "stop"),
        ("lines", json!({"max_completion_tokens": 50}), 50, "length"),
        ("lines", json!({"max_tokens": 4096, "tts": {"max_steps": 7}}), 7, "length"),
        // Whoever serves the model said so.
        ("lines", json!({}), 40, "length"),
    ] {
        let answer = server.chat(&with(ask(name, 0), &fields));
        let choice = &answer["choices"][0];
        let lines = choice["message"]["content"].as_str().expect("a text").lines().count();
        assert_eq!((lines, &choice["finish_reason"]), (count, &json!(reason)), "{name} {fields}");
    }
}
