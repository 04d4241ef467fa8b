//! What servers of text promise, and what they are told so that they keep it: seeds, and positions.

use std::sync::Arc;

use serde_json::json;
use tts_core::Generator;
use tts_models::remote::{Remote, RemoteConfig, ServerKind};
use tts_models::testing::fake::{Act, Fake, Seen};

use crate::text::{ask, asked, config, events, fake, open, say, sound};
use crate::world::{Why, Words, lines};

#[test]
fn seeds_count_where_they_were_seen_to() {
    let words = Words::new();
    let kind = ServerKind::Completions;
    let tried = |server: &Fake, unseeded| {
        let config = config(kind, &words, server);
        Remote::open(RemoteConfig { unseeded, self_test: true, ..config })
    };
    let good = tried(&fake(kind, &words, sound), false).expect("seeds count");
    let test = good.self_test().expect("tried");
    assert!(test.repeats && test.seeds_count && test.cached_as_cold.is_none());
    let identity = good.identity().expect("it can be repeated");
    assert!(identity.contains("completions") && identity.contains("text"), "{identity}");

    let same = json!({"choices": [{"text": "always this", "finish_reason": "stop"}]});
    let deaf = fake(kind, &words, move |_, _| sound(0, vec![same.to_string()]));
    let error = tried(&deaf, false).expect_err("deaf").to_string();
    assert!(error.contains("other line: NO") && error.contains("unseeded"), "{error}");
    assert_eq!(tried(&deaf, true).expect("told so").identity(), None);

    let wild = fake(kind, &words, |call, _| {
        let event = json!({"choices": [{"text": format!("{call}"), "finish_reason": "stop"}]});
        sound(0, vec![event.to_string()])
    });
    let error = tried(&wild, false).expect_err("wild").to_string();
    assert!(error.contains("same line: NO"), "{error}");
    let untried = config(kind, &words, &wild);
    let error = Remote::open(RemoteConfig { unseeded: false, ..untried }).expect_err("untried");
    assert!(error.to_string().contains("was not tried"), "{error}");
}

/// What a model thinks first is put aside: a short line says nothing, and nothing of seeds.
#[test]
fn a_model_that_thinks_first_is_tried_out_for_longer() {
    let words = Words::new();
    let kind = ServerKind::Chat;
    let thinking = |thoughts: usize| {
        let tokenizer = Arc::clone(&words.tokenizer);
        Fake::start(move |seen: &Seen| match seen.path.as_str() {
            "/v1/models" => Act::Json(json!({"data": [{"id": "world"}]})),
            "/v1/chat/completions" => {
                let (behind, seed, most) = asked(kind, &seen.body);
                let thought = json!({"choices": [{"delta": {"reasoning_content": "hm "}}]});
                let mut all = vec![format!("data: {thought}\n"); most.min(thoughts)];
                let said = match most.checked_sub(thoughts).filter(|&left| left > 0) {
                    Some(left) => say(&tokenizer, &behind, seed, left),
                    None => (String::new(), Why::Length),
                };
                all.extend(events(kind, &said));
                sound(0, all)
            }
            _ => Act::Status(404, "", "{}".into()),
        })
    };
    let tried = |server: &Fake, unseeded| {
        let config = config(kind, &words, server);
        Remote::open(RemoteConfig { unseeded, self_test: true, ..config })
    };
    let some = thinking(100);
    let remote = tried(&some, false).expect("its seeds count");
    assert!(remote.self_test().is_some_and(|test| test.repeats && test.seeds_count));
    assert!(remote.identity().is_some());
    let endless = thinking(100_000);
    let error = tried(&endless, false).expect_err("nothing is said").to_string();
    assert!(error.contains("nothing within 384 tokens") && error.contains("unseeded"), "{error}");
    let remote = tried(&endless, true).expect("told so");
    assert_eq!((remote.self_test(), remote.identity()), (None, None));
    // The same few words may come of two seeds: the first line, again, another, and one that differs.
    let few = fake(kind, &words, |call, _| {
        let text = if call < 3 { "yes" } else { "no" };
        let answer = json!({"choices": [{"delta": {"content": text}, "finish_reason": "stop"}]});
        sound(0, vec![format!("data: {answer}\n")])
    });
    let test = tried(&few, false).expect("its seeds count").self_test().cloned();
    assert!(test.is_some_and(|test| test.repeats && test.seeds_count));
}

/// ollama leaves out the beginning of what is too long, unless it is told its positions and not to.
#[test]
fn ollama_is_told_to_cut_nothing() {
    let words = Words::new();
    let kind = ServerKind::Ollama;
    let shown = |parameters: &'static str| {
        let tokenizer = Arc::clone(&words.tokenizer);
        Fake::start(move |seen: &Seen| match seen.path.as_str() {
            "/api/version" => Act::Json(json!({"version": "0.40.0"})),
            "/api/tags" => Act::Json(json!({"models": [{"name": "world"}]})),
            "/api/show" => Act::Json(json!({"model_info": {}, "parameters": parameters})),
            _ => {
                let (behind, seed, most) = asked(kind, &seen.body);
                sound(0, events(kind, &say(&tokenizer, &behind, seed, most)))
            }
        })
    };
    for (parameters, positions, expected) in
        [("", 0, 4096), ("stop \"x\"\nnum_ctx    8192", 0, 8192), ("num_ctx 8192", 300, 300)]
    {
        let server = shown(parameters);
        let config = RemoteConfig { positions, ..config(kind, &words, &server) };
        let remote = Remote::open(config).expect("a server");
        assert_eq!(remote.positions(), expected);
        lines(&remote, &ask(kind, "Why?", vec![5])).remove(0).expect("an answer");
        let sent = server.seen("/api/generate").pop().expect("a call").body;
        assert_eq!((&sent["truncate"], &sent["shift"]), (&json!(false), &json!(false)));
        assert_eq!(sent["options"]["num_ctx"], expected);
        let long = lines(&remote, &ask(kind, &"x".repeat(expected), vec![5])).remove(0);
        assert!(long.expect_err("too long").to_string().contains("positions"));
        assert_eq!(server.seen("/api/generate").len(), 1, "it is not asked");
    }
    // One that does not know these fields says what it has read.
    let server = fake(kind, &words, |_, _| {
        let last = json!({"response": "x", "done": true, "done_reason": "stop",
            "prompt_eval_count": 4096, "eval_count": 1});
        sound(0, vec![last.to_string()])
    });
    let remote = open(kind, &words, &server);
    let error = lines(&remote, &ask(kind, "Why?", vec![5])).remove(0).expect_err("cut");
    assert!(error.to_string().contains("the prompt was cut"), "{error}");
}
