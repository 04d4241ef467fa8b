//! Several servers, bounded work, keys, and searches over them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tts_core::toy::Sample;
use tts_core::{Generator, Prompt, Sampling, Search, SearchErrorKind};
use tts_models::remote::{Price, Remote, RemoteConfig, ServerKind};

use crate::world::{Words, lines, request, server};
use tts_models::testing::fake::{Act, Fake};

#[test]
fn a_problem_keeps_to_one_server_and_goes_on_elsewhere_when_it_fails() {
    let words = Words::new();
    let broken = Arc::new(AtomicBool::new(false));
    let start = |broken: Arc<AtomicBool>| {
        let sound = server(ServerKind::Vllm, &words.tokenizer);
        Fake::start(move |seen| {
            let fails = broken.load(Ordering::SeqCst) && seen.path == "/v1/completions";
            if fails { Act::Close } else { sound(seen) }
        })
    };
    let (first, second) = (start(Arc::clone(&broken)), start(Arc::default()));
    let servers = vec![first.address(), second.address()];
    let config = RemoteConfig { servers, attempts: 8, ..words.config(String::new()) };
    let remote = Remote::open(config).expect("two servers");
    let calls = |fake: &Fake| fake.seen("/v1/completions").len();
    let mut homes = [0, 0];
    let mut expected = Vec::new();
    for problem in 0..24 {
        let before = [calls(&first), calls(&second)];
        expected.push(lines(&remote, &request(&format!("{problem}?"), vec![1, 2])));
        let moved = [calls(&first) > before[0], calls(&second) > before[1]];
        assert_ne!(moved[0], moved[1], "one server for all lines of a problem");
        homes[usize::from(moved[1])] += 1;
    }
    assert!(homes[0] > 3 && homes[1] > 3, "{homes:?}");
    broken.store(true, Ordering::SeqCst);
    for (problem, expected) in expected.iter().enumerate() {
        assert_eq!(&lines(&remote, &request(&format!("{problem}?"), vec![1, 2])), expected);
    }
    assert!(remote.usage().repeated > 0 && remote.usage().failed == 0);
    // A server that is down is not asked for every line.
    let before = calls(&first);
    for problem in 0..24 {
        assert!(lines(&remote, &request(&format!("{problem}?"), vec![3]))[0].is_ok());
    }
    assert!(calls(&first) - before <= 6, "{}", calls(&first) - before);
}

#[test]
fn servers_of_other_models_do_not_go_together() {
    let words = Words::new();
    let first = Fake::start(server(ServerKind::Vllm, &words.tokenizer));
    let second = Fake::start(server(ServerKind::LlamaServer, &words.tokenizer));
    let servers = vec![first.address(), second.address()];
    let error = Remote::open(RemoteConfig { servers, ..words.config(String::new()) });
    let error = error.expect_err("they differ").to_string();
    assert!(
        error.contains("it is llama-server b1, but") && error.contains("vllm 0.32.0"),
        "{error}"
    );
}

#[test]
fn as_many_lines_are_in_flight_as_allowed() {
    let words = Words::new();
    for (kind, asked, most) in [
        (ServerKind::Vllm, 5, 5),
        (ServerKind::LlamaServer, 0, 4),
        (ServerKind::LlamaServer, 3, 3),
        (ServerKind::LlamaServer, 9, 4),
    ] {
        let sound = server(kind, &words.tokenizer);
        let late = Duration::from_millis(3);
        let fake = Fake::start(move |seen| Act::Late(late, Box::new(sound(seen))));
        let config = RemoteConfig { lines: asked, ..words.config(fake.address()) };
        let remote = Remote::open(config).expect("a server");
        let done = lines(&remote, &request("Why?", (0..40).collect()));
        assert!(done.iter().all(Result::is_ok));
        assert_eq!(fake.most(), most, "{kind} {asked}");
        // Connections are kept.
        assert!(fake.connections() <= most + 2, "{}", fake.connections());
    }
}

#[test]
fn on_slots_siblings_follow_each_other() {
    let words = Words::new();
    let sound = server(ServerKind::LlamaServer, &words.tokenizer);
    let late = Duration::from_millis(4);
    let fake = Fake::start(move |seen| Act::Late(late, Box::new(sound(seen))));
    let remote = Remote::open(words.config(fake.address())).expect("a server");
    // Eight paths with four lines each on four slots, submitted in the worst order.
    let prompts: Vec<Arc<Prompt>> =
        (0..8).map(|p| Arc::new(Prompt::text(format!("{p} {}", "x".repeat(50))))).collect();
    let mut session = remote.session();
    for seed in 0..4_u64 {
        for prompt in &prompts {
            let path = tts_core::Trajectory::new(Arc::clone(prompt), Vec::new(), 0, false);
            session.submit(tts_core::Request {
                sampling: Sampling::temperature(1.0),
                ..tts_core::Request::new(path, vec![seed])
            });
        }
    }
    while !session.poll().expect("no fault").is_empty() {}
    let mut changes = 0;
    for slot in 0..4 {
        let calls = fake
            .seen("/completion")
            .into_iter()
            .filter(|seen| seen.body["id_slot"] == slot && seen.body["logit_bias"].is_null());
        let paths: Vec<u64> =
            calls.map(|seen| seen.body["prompt"][0].as_u64().expect("an id")).collect();
        changes += paths.windows(2).filter(|pair| pair[0] != pair[1]).count() + 1;
    }
    // Each path on one slot would be 8; without order it is nearly 32.
    assert!(changes <= 14, "{changes}");
}

#[test]
fn the_key_is_sent_and_money_counted() {
    let words = Words::new();
    let sound = server(ServerKind::Vllm, &words.tokenizer);
    let fake = Fake::start(move |seen| {
        let key = seen.headers.iter().any(|header| header == "authorization: Bearer sesame");
        if key { sound(seen) } else { Act::Status(401, "", "{}".into()) }
    });
    // PATH stands in for a variable that is set: a test must not set one.
    let config = RemoteConfig { key_variable: Some("PATH".into()), ..words.config(fake.address()) };
    let error = Remote::open(config).expect_err("another key").to_string();
    assert!(error.contains("/props: 401"), "{error}");
    // vLLM guards but a part of its paths; and a proxy may deny those that it does not know.
    for (status, expected) in [(401, Some("/v1/models: 401: no key")), (403, None)] {
        let sound = server(ServerKind::Vllm, &words.tokenizer);
        let guarded = Fake::start(move |seen| match (status, seen.path.as_str()) {
            (401, "/v1/models") | (403, "/props" | "/server_info") => {
                Act::Status(status, "", r#"{"error":"no key"}"#.into())
            }
            _ => sound(seen),
        });
        let opened = Remote::open(words.config(guarded.address()));
        match (opened, expected) {
            (Err(error), Some(expected)) => {
                assert!(error.to_string().contains(expected), "{error}");
            }
            (opened, _) => assert_eq!(opened.expect("found").facts().kind, ServerKind::Vllm),
        }
    }
    let plain = Fake::start(server(ServerKind::Vllm, &words.tokenizer));
    let price = Price { prompt: 1.0, cached: 0.5, generated: 4.0 };
    let remote =
        Remote::open(RemoteConfig { price, ..words.config(plain.address()) }).expect("a server");
    assert!(lines(&remote, &request("Why?", vec![1]))[0].is_ok());
    let usage = remote.usage();
    let expected = ((usage.prompt_tokens - usage.cached_tokens) as f64
        + usage.cached_tokens as f64 * 0.5
        + usage.generated_tokens as f64 * 4.0)
        / 1e6;
    assert!(usage.money > 0.0 && (usage.money - expected).abs() < 1e-12);
}

#[test]
fn a_search_runs_over_it_and_a_server_that_is_gone_ends_it_with_an_error() {
    let words = Words::new();
    let gone = Arc::new(AtomicBool::new(false));
    let (sound, flag) = (server(ServerKind::Vllm, &words.tokenizer), Arc::clone(&gone));
    let fake =
        Fake::start(move |seen| if flag.load(Ordering::SeqCst) { Act::Close } else { sound(seen) });
    let remote = Remote::open(words.config(fake.address())).expect("a server");
    let search = || Search::new(&remote).seed(3);
    let first = search().run(Sample { n: 8 }, "Why?").expect("no fault");
    let again = search().run(Sample { n: 8 }, "Why?").expect("no fault");
    assert_eq!(first.tree, again.tree);
    assert!(first.usage.measured.computed_tokens > 0 && first.usage.measured.cached_tokens > 0);
    assert!(remote.identity().expect("seeded").starts_with("remote vllm 0.32.0 world"));
    gone.store(true, Ordering::SeqCst);
    let error = search().run(Sample { n: 2 }, "What?").expect_err("nobody answers");
    assert!(matches!(error.kind, SearchErrorKind::Run(_)), "{error}");
    assert!(error.to_string().contains("http://127.0.0.1"), "{error}");
}
