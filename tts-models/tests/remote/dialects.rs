//! Every kind of server gives the same lines for the same contract.

use std::sync::Arc;

use serde_json::{Value, json};
use tts_core::{
    Completion, Finish, Generator, Given, Likelihood, Prompt, Sampling, StepRule, Trajectory, Until,
};
use tts_models::remote::{Calls, Logprobs, Remote, RemoteConfig, RemoteError, ServerKind};

use tts_models::testing::fake::{Act, Fake, Seen};
use tts_models::testing::words::{BLANK, END};

use crate::world::{POSITIONS, Words, lines, logprob, request, server};

/// An answer in place of the sound one.
type Change = Box<dyn Fn(&Seen) -> Option<Act> + Send + Sync>;

const KINDS: [ServerKind; 3] = [ServerKind::Vllm, ServerKind::Sglang, ServerKind::LlamaServer];

/// At temperature 1, so that every kind gives the model's log-probabilities.
fn asked(seeds: Vec<u64>) -> tts_core::Request {
    tts_core::Request { sampling: Sampling::temperature(1.0), ..request("Why?", seeds) }
}

fn tokens(line: &Completion) -> Vec<u32> {
    line.steps.iter().flat_map(|step| step.tokens.clone()).collect()
}

#[test]
fn lines_follow_the_rule_whoever_draws_them() {
    let words = Words::new();
    for kind in KINDS {
        let fake = Fake::start(server(kind, &words.tokenizer));
        let remote = Remote::open(words.config(fake.address())).expect("it is found out");
        assert_eq!((remote.facts().kind, remote.facts().name()), (kind, "world"));
        let prompt = words.tokenizer.encode("Why?", true).expect("bytes");
        let mut finished = 0;
        for line in lines(&remote, &asked((0..40).collect())) {
            let line = line.expect("no fault");
            assert_eq!(line.prompt_tokens, prompt.len() as u64);
            let (mut before, mut generated) = (prompt.clone(), 0);
            for (number, step) in line.steps.iter().enumerate() {
                let last = number + 1 == line.steps.len();
                let text = step.text.trim_start();
                assert_eq!(step.text, words.tokenizer.text(&step.tokens), "{kind}");
                // A step ends at its first blank line behind some text, and nowhere else.
                let inner = text.trim_end_matches('\n');
                assert!(!inner.contains("\n\n"), "{kind}: {:?}", step.text);
                assert!(last || step.tokens.last() == Some(&BLANK), "{kind}: {:?}", step.text);
                // Each token has the model's log-probability, those of stop texts too.
                assert_eq!(step.logprobs.len(), step.tokens.len());
                for (&token, &found) in step.tokens.iter().zip(&step.logprobs) {
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "log-probabilities are f32"
                    )]
                    let expected = logprob(&before, token) as f32;
                    assert!((found - expected).abs() < 1e-6, "{kind}: {found} {expected}");
                    before.push(token);
                }
                generated += step.tokens.len();
            }
            finished += usize::from(line.finish == Finish::Stop);
            match line.finish {
                Finish::Stop => assert_eq!(before.last(), Some(&END)),
                Finish::Length => assert_eq!(generated, 200),
                other => panic!("{other:?}"),
            }
        }
        assert!(finished > 20, "{kind}: {finished}");
        let usage = remote.usage();
        assert!(usage.calls > 40 && usage.prompt_tokens > usage.calls, "{usage:?}");
        assert!(usage.cached_tokens > 0 && usage.failed == 0 && usage.repeated == 0, "{usage:?}");
    }
}

#[test]
fn a_line_is_the_same_step_by_step_alone_and_among_others() {
    let words = Words::new();
    for kind in KINDS {
        let fake = Fake::start(server(kind, &words.tokenizer));
        let remote = Remote::open(words.config(fake.address())).expect("sound");
        let whole = lines(&remote, &asked((0..30).collect()));
        for (seed, line) in (0..30_u64).zip(&whole) {
            let line = line.as_ref().expect("no fault");
            let alone = lines(&remote, &asked(vec![seed])).remove(0).expect("no fault");
            assert_eq!(&alone, line, "{kind}");
            let prompt = Arc::new(Prompt::text("Why?"));
            let (mut steps, mut seed, mut left) = (Vec::new(), seed, 200);
            for step in &line.steps {
                let path = Trajectory::new(Arc::clone(&prompt), steps.clone(), 0, false);
                let one = tts_core::Request {
                    prefix: path,
                    until: Until::Step,
                    max_tokens: left,
                    ..asked(vec![seed])
                };
                let found = lines(&remote, &one).remove(0).expect("no fault");
                assert_eq!(&found.steps[0], step, "{kind}");
                left -= u32::try_from(step.tokens.len()).expect("small");
                steps.push(Arc::new(step.clone()));
                seed = tts_core::seed::child(seed, 0);
            }
        }
        let different: std::collections::BTreeSet<Vec<u32>> =
            whole.iter().flatten().map(tokens).collect();
        assert_eq!(different.len(), 30, "{kind}: seeds are told apart");
    }
}

#[test]
fn a_call_a_line_makes_fewer_calls_and_is_named_as_another_model() {
    let words = Words::new();
    let fake = Fake::start(server(ServerKind::Vllm, &words.tokenizer));
    let steps = Remote::open(words.config(fake.address())).expect("sound");
    let config = RemoteConfig { calls: Some(Calls::Lines), ..words.config(fake.address()) };
    let whole = Remote::open(config).expect("sound");
    assert_ne!(steps.identity(), whole.identity());
    let (by_step, by_line) =
        (lines(&steps, &asked((0..20).collect())), lines(&whole, &asked((0..20).collect())));
    assert!(
        steps.usage().calls > 2 * whole.usage().calls,
        "{:?} {:?}",
        steps.usage(),
        whole.usage()
    );
    assert_eq!(whole.usage().calls, 20);
    for (a, b) in by_step.iter().flatten().zip(by_line.iter().flatten()) {
        // The first step is the same, and steps end by the same rule.
        assert_eq!(a.steps[0].tokens, b.steps[0].tokens);
        for step in &b.steps[..b.steps.len() - 1] {
            assert_eq!(step.tokens.last(), Some(&BLANK));
        }
    }
}

#[test]
fn limits_of_steps_lines_and_contexts_hold() {
    let words = Words::new();
    for kind in KINDS {
        let fake = Fake::start(server(kind, &words.tokenizer));
        let remote = Remote::open(words.config(fake.address())).expect("sound");
        let rule = Arc::new(StepRule { max_step_tokens: 7, max_steps: 3, ..StepRule::default() });
        for line in lines(&remote, &tts_core::Request { rule, ..asked((0..20).collect()) }) {
            let line = line.expect("no fault");
            assert!(line.steps.iter().all(|step| step.tokens.len() <= 7), "{kind}");
            assert!(line.steps.len() <= 3, "{kind}");
        }
        for line in
            lines(&remote, &tts_core::Request { until: Until::Tokens(5), ..asked(vec![1, 2, 3]) })
        {
            let line = line.expect("no fault");
            assert!(line.generated() == 5 || line.finish == Finish::Stop, "{kind}: {line:?}");
        }
        // A stop text of the rule, which the server sees too, ends the line.
        let rule = Arc::new(StepRule { stop: vec![" ".into()], ..StepRule::default() });
        for line in lines(&remote, &tts_core::Request { rule, ..asked((0..10).collect()) }) {
            let line = line.expect("no fault");
            if line.finish == Finish::Stop {
                let last = line.steps.last().expect("one");
                assert!(last.text.ends_with(' ') || last.tokens.last() == Some(&END), "{kind}");
            }
        }
        let long = request(&"x".repeat(5000), vec![1]);
        let error =
            lines(&remote, &tts_core::Request { sampling: Sampling::temperature(1.0), ..long });
        let error = error.into_iter().next().expect("one").expect_err("too long");
        assert!(error.0.contains("leave no room"), "{kind}: {error}");
    }
}

/// What fits to the last position ends there, wherever the steps before it end.
#[test]
fn a_line_that_reaches_the_last_position_is_whole() {
    let words = Words::new();
    for (kind, calls) in
        KINDS.into_iter().flat_map(|kind| [(kind, Calls::Steps), (kind, Calls::Lines)])
    {
        let fake = Fake::start(server(kind, &words.tokenizer));
        let config = RemoteConfig { calls: Some(calls), ..words.config(fake.address()) };
        let remote = Remote::open(config).expect("sound");
        let named = format!(" positions {POSITIONS} ");
        assert!(remote.identity().expect("seeded").contains(&named), "{kind}");
        let (mut full, mut several) = (0, 0);
        for room in [1, 2, 8, 20] {
            let long = request(&"x".repeat(remote.positions() - room), (0..20).collect());
            let sampling = Sampling::temperature(1.0);
            for line in lines(&remote, &tts_core::Request { sampling, ..long }) {
                let line = line.unwrap_or_else(|error| panic!("{kind}, room of {room}: {error}"));
                full += usize::from(line.finish == Finish::Context);
                several += usize::from(line.finish == Finish::Context && line.steps.len() > 1);
                assert!(matches!(line.finish, Finish::Context | Finish::Stop), "{kind}: {line:?}");
                assert!(line.generated() <= room as u64, "{kind}: {line:?}");
            }
        }
        assert!(full > 30 && several > 0, "{kind}: {full} {several}");
    }
}

/// Where a kind is asked for tokens, and the field of how many, as a JSON pointer.
fn asks(kind: ServerKind) -> (&'static str, &'static str) {
    match kind {
        ServerKind::LlamaServer => ("/completion", "/n_predict"),
        ServerKind::Sglang => ("/generate", "/sampling_params/max_new_tokens"),
        _ => ("/v1/completions", "/max_tokens"),
    }
}

/// A server that writes no more than five tokens in an answer, whatever is asked for.
fn sparing(
    kind: ServerKind,
    words: &Words,
    change: impl Fn(Value) -> Value + Send + Sync + 'static,
) -> Fake {
    let sound = server(kind, &words.tokenizer);
    Fake::start(move |seen| {
        let (path, pointer) = asks(kind);
        let mut seen = seen.clone();
        let asked = seen.body.pointer_mut(pointer).filter(|_| seen.path == path);
        let Some(asked) = asked else { return sound(&seen) };
        let most = asked.as_u64().expect("a number");
        *asked = most.min(5).into();
        match sound(&seen) {
            Act::Json(answer) if most > 5 => Act::Json(change(answer)),
            act => act,
        }
    })
}

#[test]
fn a_limit_of_the_server_ends_no_step() {
    let words = Words::new();
    for kind in KINDS {
        let fake = sparing(kind, &words, |answer| answer);
        for calls in [Calls::Steps, Calls::Lines] {
            let config = RemoteConfig { calls: Some(calls), ..words.config(fake.address()) };
            let remote = Remote::open(config).expect("sound");
            let (mut long, mut finished) = (0, 0);
            for line in lines(&remote, &asked((0..20).collect())) {
                let line = line.expect("no fault");
                for (number, step) in line.steps.iter().enumerate() {
                    let last = number + 1 == line.steps.len();
                    assert!(last || step.tokens.last() == Some(&BLANK), "{kind}: {:?}", step.text);
                    assert!(!step.tokens.is_empty(), "{kind}");
                    long += usize::from(step.tokens.len() > 5);
                }
                finished += usize::from(line.finish == Finish::Stop);
                let whole = line.finish == Finish::Stop || line.generated() == 200;
                assert!(whole && line.finish != Finish::Context, "{kind}: {line:?}");
            }
            assert!(long > 20 && finished > 5, "{kind}: {long} {finished}");
        }
    }
}

/// What a server says of its end: no position is left, or the text only repeats.
#[test]
fn a_server_may_end_a_line() {
    let words = Words::new();
    let full = sparing(ServerKind::LlamaServer, &words, |mut answer| {
        answer["truncated"] = (answer["stop_type"] == "limit").into();
        answer
    });
    let repeats = sparing(ServerKind::Vllm, &words, |mut answer| {
        let reason = &mut answer["choices"][0]["finish_reason"];
        if *reason == "length" {
            *reason = "repetition".into();
        }
        answer
    });
    for (fake, finish) in [(full, Finish::Context), (repeats, Finish::Length)] {
        let remote = Remote::open(words.config(fake.address())).expect("sound");
        let mut ended = 0;
        for line in lines(&remote, &asked((0..20).collect())) {
            let line = line.expect("no fault");
            assert!(line.finish == finish || line.finish == Finish::Stop, "{line:?}");
            if line.finish == finish {
                let last = line.steps.last().expect("a step");
                // A blank line may stand before the answer that it ends with.
                assert!((5..=10).contains(&last.tokens.len()), "{line:?}");
                ended += 1;
            }
        }
        assert!(ended > 10, "{finish:?}: {ended}");
    }
}

#[test]
fn given_tokens_are_judged_by_every_kind() {
    let words = Words::new();
    let given = [
        Given { context: vec![65, 66], tokens: vec![67, 195, 164, BLANK, 68] },
        Given { context: vec![65], tokens: vec![66] },
        Given { context: vec![70], tokens: Vec::new() },
    ];
    for kind in KINDS {
        let fake = Fake::start(server(kind, &words.tokenizer));
        let remote = Remote::open(words.config(fake.address())).expect("sound");
        let judged = remote.logprobs(&given).expect("no fault");
        for (given, judged) in given.iter().zip(&judged) {
            let mut before = given.context.clone();
            assert_eq!(judged.len(), given.tokens.len());
            for (&token, &found) in given.tokens.iter().zip(judged) {
                assert!(
                    (f64::from(found) - logprob(&before, token)).abs() < 1e-6,
                    "{kind} {token}"
                );
                before.push(token);
            }
        }
        for (bad, expected) in [
            (Given { context: Vec::new(), tokens: vec![1] }, "text 1: an empty context"),
            (Given { context: vec![1; 4096], tokens: vec![1] }, "text 1: 4097 tokens"),
        ] {
            let error = remote.logprobs(&[given[1].clone(), bad]).expect_err("bad").to_string();
            assert!(error.contains(expected), "{kind}: {error}");
        }
    }
}

#[test]
fn log_probabilities_are_the_models_or_none_or_an_error_that_says_why() {
    let words = Words::new();
    let fake = Fake::start(server(ServerKind::Sglang, &words.tokenizer));
    let open = |logprobs| {
        Remote::open(RemoteConfig { logprobs, ..words.config(fake.address()) }).expect("sound")
    };
    // At temperature 0.8 this server's are those of another distribution.
    let error = lines(&open(Some(Logprobs::Model)), &request("Why?", vec![1]))
        .remove(0)
        .expect_err("not ours");
    assert!(error.0.contains("SGLANG_RETURN_ORIGINAL_LOGPROB=1"), "{error}");
    let trusted = lines(&open(Some(Logprobs::Trusted)), &request("Why?", vec![1]))
        .remove(0)
        .expect("told so");
    assert_eq!(trusted.steps[0].logprobs.len(), trusted.steps[0].tokens.len());
    let off = open(Some(Logprobs::Off));
    let without = lines(&off, &request("Why?", vec![1])).remove(0).expect("none asked for");
    assert!(without.steps.iter().all(|step| step.logprobs.is_empty()));
    assert_eq!(tokens(&without), tokens(&trusted));
    assert!(off.identity().expect("seeded").ends_with("without-logprobs"));
    assert!(fake.seen("/generate").iter().any(|seen| seen.body["return_logprob"] == false));
}

#[test]
fn sampling_is_sent_whole_or_refused() {
    let words = Words::new();
    let sampling = Sampling { temperature: 0.5, top_k: 7, top_p: 0.75, min_p: 0.0, first: None };
    let asked = |sampling| tts_core::Request { sampling, ..request("Why?", vec![1]) };
    for (kind, path, place) in [
        (ServerKind::Vllm, "/v1/completions", None),
        (ServerKind::LlamaServer, "/completion", None),
        (ServerKind::Sglang, "/generate", Some("sampling_params")),
    ] {
        let fake = Fake::start(server(kind, &words.tokenizer));
        let config = RemoteConfig { logprobs: Some(Logprobs::Off), ..words.config(fake.address()) };
        let remote = Remote::open(config).expect("sound");
        lines(&remote, &asked(sampling)).remove(0).expect("no fault");
        let seen = fake.seen(path).pop().expect("a call");
        let body = place.map_or(&seen.body, |place| &seen.body[place]);
        assert_eq!(
            (body["temperature"].as_f64(), body["top_k"].as_u64()),
            (Some(0.5), Some(7)),
            "{kind}"
        );
        assert_eq!(
            (body["top_p"].as_f64(), body["min_p"].as_f64()),
            (Some(0.75), Some(0.0)),
            "{kind}"
        );
        let mixed = lines(&remote, &asked(Sampling { min_p: 0.1, ..sampling })).remove(0);
        match kind {
            ServerKind::LlamaServer => assert!(mixed.is_ok(), "its order is told to it"),
            _ => assert!(mixed.is_err_and(|error| error.0.contains("min_p")), "{kind}"),
        }
    }
}

#[test]
fn servers_that_do_not_fit_are_refused_with_what_to_do() {
    let words = Words::new();
    let sound = |kind| server(kind, &words.tokenizer);
    let error = |act: Change, kind| {
        let sound = sound(kind);
        let fake = Fake::start(move |seen| act(seen).unwrap_or_else(|| sound(seen)));
        let error = Remote::open(words.config(fake.address())).expect_err("it does not fit");
        (error.to_string(), error)
    };
    let on = |path: &'static str, json: serde_json::Value| -> Change {
        Box::new(move |seen: &Seen| (seen.path == path).then(|| Act::Json(json.clone())))
    };
    // Another tokenizer.
    let (text, kind) = error(on("/tokenize", json!({"tokens": [1, 2, 3]})), ServerKind::Vllm);
    assert!(matches!(kind, RemoteError::Mismatch { .. }), "{text}");
    assert!(text.contains("token 0 is 1") && text.contains("here 83 (S)"), "{text}");
    // Seeds that do not count.
    let info = json!({"version": "1", "model_path": "m", "context_length": 100, "enable_deterministic_inference": false});
    let (text, _) = error(on("/server_info", info), ServerKind::Sglang);
    assert!(text.contains("--enable-deterministic-inference"), "{text}");
    // Several models.
    let models =
        json!({"data": [{"id": "a", "max_model_len": 9}, {"id": "b", "max_model_len": 9}]});
    let (text, _) = error(on("/v1/models", models), ServerKind::Vllm);
    assert!(text.contains("several models, name one of: a, b"), "{text}");
    // Something else.
    let (text, _) =
        error(Box::new(|_| Some(Act::Status(404, "", String::new()))), ServerKind::Vllm);
    assert!(text.contains("none of llama-server, SGLang and vLLM"), "{text}");
    let (text, _) = error(Box::new(|_| Some(Act::Json(json!({"hello": 1})))), ServerKind::Vllm);
    assert!(text.contains("none of llama-server, SGLang and vLLM"), "{text}");
    // No text side.
    let fake = Fake::start(sound(ServerKind::Vllm));
    let text = Remote::open(RemoteConfig { text: None, ..words.config(fake.address()) });
    let text = text.expect_err("no text side").to_string();
    assert!(text.contains("/nowhere/world") && text.contains("tokenizer.json"), "{text}");
    let text =
        Remote::open(RemoteConfig { model: Some("c".into()), ..words.config(fake.address()) });
    let text = text.expect_err("another model").to_string();
    assert!(text.contains(r#""c" is not served here; there are: world"#), "{text}");
    // A server of one model may answer whatever it is called.
    for kind in [ServerKind::LlamaServer, ServerKind::Sglang] {
        let fake = Fake::start(sound(kind));
        let asked = |model: &str| {
            let model = Some(model.to_owned());
            Remote::open(RemoteConfig { model, ..words.config(fake.address()) })
        };
        let text = asked("c").expect_err("another model").to_string();
        assert!(text.contains(r#"model: "c", but http://"#), "{text}");
        let served = Remote::open(words.config(fake.address())).expect("sound").facts().clone();
        for name in [&*served.model, served.name()] {
            assert!(asked(name).is_ok(), "{name}");
        }
    }
    // Nobody there.
    let text =
        Remote::open(words.config("http://127.0.0.1:1".into())).expect_err("nobody").to_string();
    assert!(text.starts_with("http://127.0.0.1:1/props: "), "{text}");
    let key = RemoteConfig {
        key_variable: Some("TTS_NO_SUCH_KEY".into()),
        ..words.config(fake.address())
    };
    let text = Remote::open(key).expect_err("no key").to_string();
    assert!(text.contains("key_variable: TTS_NO_SUCH_KEY"), "{text}");
}

#[test]
fn the_trial_shows_what_a_server_keeps() {
    let words = Words::new();
    let tested = |fake: &Fake| {
        let config = RemoteConfig { self_test: true, ..words.config(fake.address()) };
        Remote::open(config).expect("sound").self_test().cloned().expect("asked for")
    };
    let sound = tested(&Fake::start(server(ServerKind::Vllm, &words.tokenizer)));
    assert_eq!((sound.repeats, sound.seeds_count, sound.cached_as_cold), (true, true, Some(true)));
    assert_eq!(sound.logprob_difference, Some(0.0));
    // One that ignores seeds.
    let inner = server(ServerKind::Vllm, &words.tokenizer);
    let blind = tested(&Fake::start(move |seen| {
        let mut seen = seen.clone();
        if seen.path == "/v1/completions" {
            seen.body["seed"] = 42.into();
        }
        inner(&seen)
    }));
    assert_eq!((blind.repeats, blind.seeds_count), (true, false));
    // One whose lines depend on its cache.
    let inner = server(ServerKind::LlamaServer, &words.tokenizer);
    let warm = tested(&Fake::start(move |seen| {
        let mut seen = seen.clone();
        if seen.body["cache_prompt"] == false {
            seen.body["seed"] = 7.into();
        }
        inner(&seen)
    }));
    assert_eq!((warm.repeats, warm.seeds_count, warm.cached_as_cold), (true, true, Some(false)));
    assert!(warm.to_string().contains("cached as computed: NO"), "{warm}");
}

/// A server keeps prefixes with a mark as it keeps others: one that came twice would be found.
#[test]
fn no_call_that_computes_anew_has_the_mark_of_another() {
    let words = Words::new();
    let fake = Fake::start(server(ServerKind::Vllm, &words.tokenizer));
    for _ in 0..2 {
        let config = RemoteConfig { self_test: true, cache: false, ..words.config(fake.address()) };
        let remote = Remote::open(config).expect("sound");
        for _ in 0..2 {
            lines(&remote, &asked(vec![1])).remove(0).expect("no fault");
        }
    }
    let salt = |seen: &Seen| seen.body["cache_salt"].as_str().map(str::to_owned);
    let calls = fake.seen("/v1/completions");
    let salts: Vec<String> = calls.iter().filter_map(salt).collect();
    // The trial's lines from the cache have none.
    assert_eq!(salts.len(), calls.len() - 6);
    let different: std::collections::BTreeSet<&String> = salts.iter().collect();
    assert_eq!(different.len(), salts.len());
    let warm = Remote::open(words.config(fake.address())).expect("sound");
    lines(&warm, &asked(vec![1])).remove(0).expect("no fault");
    assert_eq!(salt(&fake.seen("/v1/completions").pop().expect("a call")), None);
}

/// What is promised of prefixes is what a server can be told.
#[test]
fn a_server_that_cannot_be_told_to_compute_is_refused_that() {
    let words = Words::new();
    for kind in KINDS {
        let fake = Fake::start(server(kind, &words.tokenizer));
        let config = RemoteConfig { cache: false, ..words.config(fake.address()) };
        match (kind, Remote::open(config)) {
            (ServerKind::Sglang, Err(error)) => {
                let error = error.to_string();
                assert!(error.contains("cache: false") && error.contains("radix"), "{error}");
            }
            (ServerKind::Sglang, Ok(_)) => panic!("it takes prefixes from its cache"),
            (_, opened) => {
                let remote = opened.expect("it can be told");
                assert!(remote.identity().expect("seeded").contains(" cold"), "{kind}");
            }
        }
    }
}

#[test]
fn what_a_step_begins_with_is_given_and_end_tokens_are_taken_off() {
    let words = Words::new();
    let fake = Fake::start(server(ServerKind::LlamaServer, &words.tokenizer));
    let remote = Remote::open(words.config(fake.address())).expect("sound");
    let ended = Arc::new(tts_core::Step {
        text: "ab".into(),
        tokens: vec![97, 98, END],
        ..Default::default()
    });
    let path = Trajectory::new(Arc::new(Prompt::text("Why?")), vec![ended], 0, true);
    let again = tts_core::Request {
        prefix: path,
        append: Some("So ".into()),
        given: vec![99],
        until: Until::Step,
        ..request("Why?", vec![3])
    };
    let line = lines(&remote, &again).remove(0).expect("no fault");
    assert_eq!((line.steps[0].given, &line.steps[0].tokens[..4]), (4, &[99, 83, 111, 32][..]));
    let sent: Vec<u32> =
        serde_json::from_value(fake.seen("/completion")[0].body["prompt"].clone()).expect("ids");
    assert_eq!(sent, [87, 104, 121, 63, 97, 98, 99, 83, 111, 32]);
    assert!(
        remote.vocabulary() == Some(words.tokenizer.digest()) && remote.cost().parameters == 1000
    );
}

/// A server that ends before the step does is asked again, and must not draw the same numbers once more.
#[test]
fn every_call_of_a_line_has_a_seed_of_its_own() {
    let words = Words::new();
    let mut again = 0;
    for seed in 0..30 {
        let fake = Fake::start(server(ServerKind::Vllm, &words.tokenizer));
        let remote = Remote::open(words.config(fake.address())).expect("sound");
        let line = lines(&remote, &asked(vec![seed])).remove(0).expect("no fault");
        let calls = fake.seen("/v1/completions");
        let mut seeds: Vec<u64> =
            calls.iter().map(|seen| seen.body["seed"].as_u64().expect("a seed")).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), calls.len());
        again += calls.len() - line.steps.len();
    }
    assert!(again > 0, "no step began with a blank line");
}
