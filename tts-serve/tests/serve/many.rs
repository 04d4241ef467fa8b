//! Many searches at once: the same answers as alone, and nobody is kept waiting by the others.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tts_serve::ServeConfig;

use crate::common::{Held, Server, WORLD, aside, ask, held, post, until, with};

fn asks() -> Vec<Value> {
    let models = [
        "toy",
        "toy+beam-16",
        "toy+best-of-n-8",
        "toy+majority-7",
        "toy+dvts-9",
        "toy+lookahead-4",
    ];
    (0..64_u64)
        .map(|number| {
            let model = models[usize::try_from(number).expect("small") % models.len()];
            with(ask(model, number / 4), &json!({"seed": number % 5}))
        })
        .collect()
}

/// What an answer says, without the id and the time that no two answers have in common.
fn bytes(mut answer: Value) -> String {
    let fields = answer.as_object_mut().expect("an object");
    assert!(fields.remove("id").is_some() && fields.remove("created").is_some());
    answer.to_string()
}

#[test]
fn answers_are_the_same_alone_and_among_64() {
    let server = Arc::new(Server::toy());
    let alone: Vec<String> = asks().iter().map(|body| bytes(server.chat(body))).collect();
    let together: Vec<_> = asks()
        .into_iter()
        .map(|body| {
            let server = Arc::clone(&server);
            aside(move || bytes(server.chat(&body)))
        })
        .collect();
    for (number, (alone, together)) in alone.into_iter().zip(together).enumerate() {
        assert_eq!(alone, together.recv().expect("no panic"), "request {number}");
    }
    assert!((server.metric("tts_requests_total{outcome=\"answered\"}") - 128.0).abs() < 0.1);
    until("all are over", || server.metric("tts_searches_running") < 0.5);
}

/// A large search that came first does not keep small ones waiting until it is done.
#[test]
fn a_large_search_keeps_nobody_waiting() {
    let gate = Arc::new(Held::default());
    gate.shut.store(true, Ordering::SeqCst);
    let config = ServeConfig { window: 8, ..ServeConfig::default() };
    let server = Server::start(&config, vec![held(&gate)]);
    let large_or_small = |body: Value| {
        let url = format!("http://{}/v1/chat/completions", server.address);
        let gate = Arc::clone(&gate);
        aside(move || {
            let status = post(&url).send(&body.to_string()).map(|done| done.status().as_u16());
            (status.expect("an answer"), gate.given.load(Ordering::SeqCst))
        })
    };
    let large = large_or_small(ask("held+majority-1000", 0));
    until("the window is full", || gate.flying.load(Ordering::SeqCst) == 8);
    let small: Vec<_> = (0..16).map(|n| large_or_small(ask("held+majority-2", n))).collect();
    until("all are in", || server.metric("tts_searches_running") > 16.5);
    gate.shut.store(false, Ordering::SeqCst);
    let small: Vec<(u16, usize)> =
        small.into_iter().map(|done| done.recv().expect("no panic")).collect();
    let (status, all) = large.recv().expect("no panic");
    assert_eq!((status, all), (200, 1032));
    // When a small one is answered, a part of the large one has been handed in, and not all of it.
    assert!(small.iter().all(|(status, given)| *status == 200 && *given < all), "{small:?}");
}

/// A fault of one search is told when it happens, not when the others are done, and these are called off.
#[test]
fn one_fault_ends_all_searches_of_a_request() {
    let gate = Arc::new(Held::default());
    gate.shut.store(true, Ordering::SeqCst);
    let (kept, lost) = (WORLD.prompt(0), WORLD.prompt(1));
    lost.question().clone_into(&mut gate.lost.lock().expect("not poisoned"));
    let server = Server::start(&ServeConfig::default(), vec![held(&gate)]);
    // The search that is held is the first that would be waited for.
    let prompts = json!({"model": "held", "prompt": [kept.question(), lost.question()]});
    let (status, body) = server.post("/v1/completions", &prompts);
    assert_eq!((status, &body["error"]["code"]), (502, &json!("generator_failed")), "{body}");
    until("its line is called off", || gate.flying.load(Ordering::SeqCst) == 0);
    until("its searches are gone", || server.metric("tts_searches_running") < 0.5);
}
