//! What goes wrong with one call, and what becomes of its line.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tts_core::Generator;
use tts_models::remote::{Remote, RemoteConfig, ServerKind};

use crate::world::{Words, lines, request, server};
use tts_models::testing::fake::{Act, Fake, Seen};

/// What becomes of the answer to a call, by its number.
type Change = Box<dyn Fn(usize, &Seen, Act) -> Act + Send + Sync>;

const PATH: &str = "/v1/completions";

/// A server whose answers to calls for tokens go through `change`, with the number of the call.
fn faulty(
    words: &Words,
    change: impl Fn(usize, &Seen, Act) -> Act + Send + Sync + 'static,
) -> Fake {
    let sound = server(ServerKind::Vllm, &words.tokenizer);
    let calls = AtomicUsize::new(0);
    Fake::start(move |seen| match seen.path.as_str() {
        PATH => change(calls.fetch_add(1, Ordering::SeqCst), seen, sound(seen)),
        _ => sound(seen),
    })
}

fn open(words: &Words, fake: &Fake) -> Remote {
    Remote::open(words.config(fake.address())).expect("a server")
}

/// The answer with one place changed.
fn with(act: Act, pointer: &str, value: Value) -> Act {
    let Act::Json(mut answer) = act else { return act };
    *answer.pointer_mut(pointer).expect("a place") = value;
    Act::Json(answer)
}

/// What passes: the line is what it would have been.
#[test]
fn passing_faults_are_outlived() {
    let words = Words::new();
    let sound = faulty(&words, |_, _, act| act);
    let expected =
        lines(&open(&words, &sound), &request("Why?", vec![5])).remove(0).expect("no fault");
    let first = |fault: Act| -> Change {
        Box::new(move |call, _, act| if call == 0 { fault.clone() } else { act })
    };
    let status = |code| Act::Status(code, "", r#"{"error":{"message":"later"}}"#.into());
    let faults: [(&str, Change, u64); 8] = [
        ("slow", Box::new(|_, _, act| Act::Late(Duration::from_millis(80), Box::new(act))), 0),
        ("429", first(status(429)), 1),
        ("500", first(status(500)), 1),
        ("503", first(status(503)), 1),
        (
            "504 twice",
            Box::new(
                move |call, _, act| {
                    if call < 2 { Act::Status(504, "", String::new()) } else { act }
                },
            ),
            2,
        ),
        ("cut", first(Act::Cut(json!({"choices": []}).to_string(), 3)), 1),
        ("cut at once", first(Act::Cut("x".repeat(100), 100)), 1),
        ("closed", first(Act::Close), 1),
    ];
    for (name, change, repeated) in faults {
        let fake = faulty(&words, change);
        let remote = open(&words, &fake);
        let line = lines(&remote, &request("Why?", vec![5])).remove(0);
        assert_eq!(line.as_ref(), Ok(&expected), "{name}");
        let usage = remote.usage();
        assert_eq!((usage.repeated, usage.failed), (repeated, 0), "{name}");
    }
}

#[test]
fn what_the_server_asks_for_is_waited_for() {
    let words = Words::new();
    let busy = || Act::Status(429, "retry-after: 1\r\n", r#"{"error":"busy"}"#.into());
    let fake = faulty(&words, move |call, _, act| if call == 0 { busy() } else { act });
    let remote = open(&words, &fake);
    let start = Instant::now();
    assert!(lines(&remote, &request("Why?", vec![5])).remove(0).is_ok());
    assert!(start.elapsed() >= Duration::from_secs(1));
    // But not for a day: its quota is out.
    let out = || Act::Status(429, "retry-after: 100000\r\n", r#"{"error":"quota"}"#.into());
    let fake = faulty(&words, move |_, _, _| out());
    let start = Instant::now();
    let error = lines(&open(&words, &fake), &request("Why?", vec![5])).remove(0);
    let error = error.expect_err("a day is too long").0;
    assert!(error.contains("429: quota") && error.contains("100000 seconds"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(fake.seen(PATH).len(), 1);
}

/// What does not: an error that says what came, and how it should have been.
#[test]
fn lasting_faults_fail_their_line_and_say_why() {
    let words = Words::new();
    let always = |act: Act| -> Change { Box::new(move |_, _, _| act.clone()) };
    let set = |pointer: &'static str, value: Value| -> Change {
        Box::new(move |_, _, act| with(act, pointer, value.clone()))
    };
    let said = r#"{"error":{"message":"no such thing","code":400}}"#;
    // Fault, what the error says, and how often the server is asked.
    let faults: [(&str, Change, &str, usize); 18] = [
        ("400", always(Act::Status(400, "", said.into())), "400: no such thing", 1),
        ("401", always(Act::Status(401, "", "{}".into())), "401: {}", 1),
        ("500 always", always(Act::Status(500, "", said.into())), "500: no such thing", 3),
        ("closes always", always(Act::Close), "connection", 3),
        ("cut always", always(Act::Cut("[1, 2, 3]".into(), 2)), "error", 3),
        ("malformed", always(Act::Status(200, "", "{\"choices\": [".into())), "not JSON: ", 1),
        (
            "a page",
            always(Act::Status(200, "", "<html>".into())),
            "not JSON: expected value at line 1 column 1: <html>",
            1,
        ),
        (
            "error with 200",
            always(Act::Json(json!({"error": {"message": "lost"}}))),
            "an error in place of an answer: lost",
            1,
        ),
        ("no choices", set("/choices", json!([])), "0 choices, expected 1", 1),
        (
            "two choices",
            Box::new(|_, _, act| {
                let Act::Json(mut answer) = act else { return act };
                let first = answer["choices"][0].clone();
                answer["choices"] = json!([first, first]);
                Act::Json(answer)
            }),
            "2 choices, expected 1",
            1,
        ),
        ("no ids", set("/choices/0/token_ids", Value::Null), "no token_ids", 1),
        (
            "ids as text",
            set("/choices/0/token_ids", json!("abc")),
            "expected a list of token ids",
            1,
        ),
        ("none", set("/choices/0/token_ids", json!([])), "0 tokens", 1),
        (
            "an unknown id",
            Box::new(|_, _, act| {
                with(
                    with(act, "/choices/0/token_ids", json!([300])),
                    "/choices/0/logprobs/token_logprobs",
                    json!([-1.0]),
                )
            }),
            "token 300 is outside the vocabulary of 258",
            1,
        ),
        (
            "too few log-probabilities",
            set("/choices/0/logprobs/token_logprobs", json!([-1.0])),
            "1 log-probabilities of",
            1,
        ),
        (
            "a log-probability of 2",
            Box::new(|_, _, act| {
                with(
                    with(act, "/choices/0/token_ids", json!([97])),
                    "/choices/0/logprobs/token_logprobs",
                    json!([2.0]),
                )
            }),
            "2.0, expected a log-probability",
            1,
        ),
        ("no reason", set("/choices/0/finish_reason", Value::Null), "finish_reason null", 1),
        ("aborted", set("/choices/0/finish_reason", json!("abort")), "finish_reason abort", 1),
    ];
    for (name, change, expected, asked) in faults {
        let fake = faulty(&words, change);
        let remote = open(&words, &fake);
        let line = lines(&remote, &request("Why?", vec![5])).remove(0);
        let error = line.expect_err(name).0;
        let expected = if name == "none" { "log-probabilities of 0 tokens" } else { expected };
        assert!(error.contains(expected), "{name}: {error}");
        assert!(error.starts_with("http://127.0.0.1:"), "{name}: {error}");
        assert_eq!(fake.seen(PATH).len(), asked, "{name}");
    }
}

#[test]
fn more_tokens_than_asked_for_are_refused_and_those_past_a_step_dropped() {
    let words = Words::new();
    // The server does not know stop texts, and writes on.
    let sound = server(ServerKind::Vllm, &words.tokenizer);
    let fake = Fake::start(move |seen| {
        let mut seen = seen.clone();
        if seen.path == PATH {
            seen.body["stop"] = json!([]);
        }
        sound(&seen)
    });
    let remote = open(&words, &fake);
    let plain = faulty(&words, |_, _, act| act);
    let asked = request("Why?", (0..10).collect());
    // A server that ends at a blank line before any text is asked again, with a seed of its own; but for
    // lines with such a step both write the same.
    let (found, expected) = (lines(&remote, &asked), lines(&open(&words, &plain), &asked));
    let mut same = 0;
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        let clear = |step: &tts_core::Step| !step.text.starts_with('\n');
        let steps = found.steps.iter().take_while(|step| clear(step)).count();
        assert_eq!(found.steps[..steps], expected.steps[..steps]);
        same += steps;
    }
    assert!(same > 20, "{same}");
    assert!(remote.usage().dropped_tokens > 100, "{:?}", remote.usage());
    let fake = faulty(&words, |_, _, act| {
        let many = vec![97; 201];
        let logprobs = vec![-1.0; 201];
        with(
            with(act, "/choices/0/token_ids", json!(many)),
            "/choices/0/logprobs/token_logprobs",
            json!(logprobs),
        )
    });
    let error =
        lines(&open(&words, &fake), &request("Why?", vec![1])).remove(0).expect_err("too many");
    assert!(error.0.contains("201 tokens, expected at most 200"), "{error}");
}

#[test]
fn one_failed_call_is_one_failed_line() {
    let words = Words::new();
    let fake = faulty(&words, |_, seen, act| {
        // By what is asked, not by when: one seed's calls fail.
        let unlucky = seen.body["seed"].as_u64().unwrap_or(0) % 4 == 1;
        if unlucky { Act::Status(400, "", "{}".into()) } else { act }
    });
    let remote = open(&words, &fake);
    let found = lines(&remote, &request("Why?", (0..32).collect()));
    let failed = found.iter().filter(|line| line.is_err()).count();
    assert!(failed > 0 && failed < 32, "{failed}");
    let sound = faulty(&words, |_, _, act| act);
    let expected = lines(&open(&words, &sound), &request("Why?", (0..32).collect()));
    for (found, expected) in found.iter().zip(&expected) {
        assert!(found.is_err() || found == expected);
    }
    assert_eq!(remote.usage().failed, failed as u64);
}

#[test]
fn what_never_ends_is_left_after_its_time() {
    let words = Words::new();
    for fault in [Act::Hang, Act::Endless] {
        let fake = faulty(&words, move |call, _, act| if call == 0 { fault.clone() } else { act });
        let config =
            RemoteConfig { call_seconds: 0.4, attempts: 1, ..words.config(fake.address()) };
        let remote = Remote::open(config).expect("a server");
        let start = Instant::now();
        let found = lines(&remote, &request("Why?", vec![1]));
        assert!(found[0].is_err(), "{found:?}");
        assert!(start.elapsed() < Duration::from_secs(8));
        assert!(fake.saw_leave(1), "the connection is closed");
        assert!(lines(&remote, &request("Why?", vec![2]))[0].is_ok(), "others go on");
    }
}

#[test]
fn calling_off_reaches_the_server() {
    let words = Words::new();
    let fake = faulty(&words, |_, _, _| Act::Hang);
    let remote = open(&words, &fake);
    let wait = || {
        while fake.seen(PATH).len() < 3 {
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let mut session = remote.session();
    let ids = session.submit(request("Why?", vec![1, 2, 3]));
    wait();
    session.cancel(ids[1]);
    assert!(fake.saw_leave(1), "one");
    assert!(session.step().expect("no fault").is_empty());
    // A session that is dropped leaves nothing behind.
    drop(session);
    assert!(fake.saw_leave(3), "all");
}

#[test]
fn a_remote_engine_may_be_opened_and_dropped_within_a_runtime() {
    let words = Words::new();
    let fake = faulty(&words, |_, _, act| act);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let remote = open(&words, &fake);
        assert!(lines(&remote, &request("Why?", vec![1]))[0].is_ok());
    });
}
