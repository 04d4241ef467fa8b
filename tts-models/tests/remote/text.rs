//! Servers that take text: what is sent, where answers are cut, what is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tts_core::{
    Finish, Generator, Message, Prompt, Request, Role, Step, StepRule, Trajectory, Until,
};
use tts_models::Tokenizer;
use tts_models::remote::{
    Calls, Logprobs, Prefill, Price, Remote, RemoteConfig, RemoteError, ServerKind, TextOnly,
};
use tts_models::testing::fake::{Act, Fake, Seen};

use crate::world::{Why, Words, lines, request, write};

const KINDS: [ServerKind; 3] = [ServerKind::Completions, ServerKind::Chat, ServerKind::Ollama];

/// Text, and why it ended, behind a text.
pub(crate) type Said = (String, Why);

/// What is done to settings.
type Change<'a> = &'a dyn Fn(&mut RemoteConfig);

/// What the model of this world writes behind a text.
pub(crate) fn say(tokenizer: &Tokenizer, behind: &str, seed: u64, most: usize) -> Said {
    let tokens = tokenizer.encode(behind, false).expect("bytes");
    let (written, why) = write(&tokens, seed, false, most, &[]);
    (tokenizer.text(&written), why)
}

/// What stands before the answer, the seed and the limit, whatever the server.
pub(crate) fn asked(kind: ServerKind, body: &Value) -> (String, u64, usize) {
    let number = |value: &Value| value.as_u64().expect("a number");
    let size = |value: &Value| usize::try_from(number(value)).expect("small");
    if kind == ServerKind::Ollama {
        let options = &body["options"];
        let text = body["prompt"].as_str().expect("a text");
        return (text.to_owned(), number(&options["seed"]), size(&options["num_predict"]));
    }
    let text = match body["messages"].as_array() {
        None => body["prompt"].as_str().expect("a text").to_owned(),
        Some(all) => all.iter().filter_map(|message| message["content"].as_str()).collect(),
    };
    (text, number(&body["seed"]), size(&body["max_tokens"]))
}

/// Events of an answer, a few letters each.
pub(crate) fn events(kind: ServerKind, (text, why): &Said) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let reason = if *why == Why::End { "stop" } else { "length" };
    let mut out = Vec::new();
    for piece in letters.chunks(3) {
        let piece: String = piece.iter().collect();
        out.push(match kind {
            ServerKind::Ollama => json!({"response": piece, "done": false}).to_string(),
            ServerKind::Chat => {
                format!("data: {}\n", json!({"choices": [{"delta": {"content": piece}}]}))
            }
            _ => {
                format!("data: {}\n", json!({"choices": [{"text": piece, "finish_reason": null}]}))
            }
        });
    }
    let usage = json!({"prompt_tokens": 40, "completion_tokens": 7});
    out.extend(match kind {
        ServerKind::Ollama => vec![
            json!({"response": "", "done": true, "done_reason": reason, "prompt_eval_count": 40,
                   "eval_count": 7})
            .to_string(),
        ],
        _ => vec![
            format!(
                "data: {}\n",
                json!({"choices": [{"text": "", "delta": {}, "finish_reason": reason}]})
            ),
            format!("data: {}\n", json!({"choices": [], "usage": usage})),
            "data: [DONE]\n".to_owned(),
        ],
    });
    out
}

/// A server of a kind; `change` may put another answer in the place of a call's, by its number.
pub(crate) fn fake(
    kind: ServerKind,
    words: &Words,
    change: impl Fn(usize, Vec<String>) -> Act + Send + Sync + 'static,
) -> Fake {
    let tokenizer = Arc::clone(&words.tokenizer);
    let calls = AtomicUsize::new(0);
    Fake::start(move |seen: &Seen| match seen.path.as_str() {
        "/api/version" if kind == ServerKind::Ollama => Act::Json(json!({"version": "0.30.0"})),
        "/api/show" => Act::Json(json!({"model_info": {"general.parameter_count": 1000}})),
        "/api/tags" => Act::Json(json!({"models": [{"name": "world"}]})),
        "/v1/models" => Act::Json(json!({"data": [{"id": "world"}]})),
        "/v1/completions" | "/v1/chat/completions" | "/api/generate" => {
            let (behind, seed, most) = asked(kind, &seen.body);
            let said = say(&tokenizer, &behind, seed, most);
            change(calls.fetch_add(1, Ordering::SeqCst), events(kind, &said))
        }
        _ => Act::Status(404, "", "{}".into()),
    })
}

pub(crate) fn sound(_: usize, events: Vec<String>) -> Act {
    Act::Lines(events, Duration::ZERO)
}

pub(crate) fn config(kind: ServerKind, words: &Words, fake: &Fake) -> RemoteConfig {
    let prefill = if kind == ServerKind::Chat { Prefill::Message } else { Prefill::None };
    RemoteConfig {
        kind,
        unseeded: true,
        text_only: TextOnly { prefill, ..TextOnly::default() },
        ..words.config(fake.address())
    }
}

pub(crate) fn open(kind: ServerKind, words: &Words, fake: &Fake) -> Remote {
    Remote::open(config(kind, words, fake)).expect("a server")
}

/// The question in the form that the kind takes.
pub(crate) fn ask(kind: ServerKind, question: &str, seeds: Vec<u64>) -> Request {
    let mut request = request(question, seeds);
    if kind == ServerKind::Chat {
        let prompt = Arc::new(Prompt::from(question));
        request.prefix = Trajectory::new(prompt, Vec::new(), 0, false);
    }
    request
}

fn texts(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.text.as_str()).collect()
}

#[test]
fn lines_are_what_the_server_wrote_cut_at_ends_of_steps() {
    let words = Words::new();
    for kind in KINDS {
        let fake = fake(kind, &words, sound);
        let remote = open(kind, &words, &fake);
        let request = ask(kind, "Why?", (1..9).collect());
        let mut ended = 0;
        for (line, seed) in lines(&remote, &request).into_iter().zip(1..) {
            let line = line.expect("an answer");
            let body = &fake.seen(match kind {
                ServerKind::Ollama => "/api/generate",
                ServerKind::Chat => "/v1/chat/completions",
                _ => "/v1/completions",
            });
            // The connection behind a stream is not used again: servers close it without a word.
            let closed = |seen: &Seen| seen.headers.iter().any(|head| head == "connection: close");
            assert!(body.iter().all(closed), "{kind}");
            let sent = body.iter().map(|seen| asked(kind, &seen.body));
            let answers =
                sent.map(|(behind, seed, most)| say(&words.tokenizer, &behind, seed, most));
            let text: String = texts(&line.steps).concat();
            let whole: Vec<Said> = answers.filter(|(said, _)| *said == text).collect();
            assert!(!whole.is_empty(), "{kind} {seed}: {text:?} was never written");
            let finish = if whole[0].1 == Why::End { Finish::Stop } else { Finish::Length };
            ended += usize::from(finish == Finish::Stop);
            assert_eq!(line.finish, finish, "{kind} {seed}");
            for (place, step) in line.steps.iter().enumerate() {
                assert!(step.logprobs.is_empty());
                assert!(!step.text.trim_matches('\n').contains("\n\n"), "{:?}", step.text);
                let last = place + 1 == line.steps.len();
                let closing = u32::from(last && finish == Finish::Stop);
                assert_eq!(step.closing, closing, "the end token of the text side");
                assert_eq!(words.tokenizer.text(&step.tokens), step.text);
            }
        }
        assert!(ended > 0, "{kind}: some line should end by itself");
    }
}

/// Where a line is asked for step by step, the server goes on with the very text that it was sent.
#[test]
fn paths_go_on_where_they_end() {
    let words = Words::new();
    for kind in KINDS {
        let fake = fake(kind, &words, sound);
        let remote = open(kind, &words, &fake);
        let mut request = Request { until: Until::Step, ..ask(kind, "Why?", vec![7]) };
        let mut path = String::from("Why?");
        let mut steps = Vec::new();
        for _ in 0..4 {
            let line = lines(&remote, &request).remove(0).expect("an answer");
            assert_eq!(line.steps.len(), 1, "{kind}");
            steps.extend(line.steps);
            let prompt = Arc::clone(request.prefix.shared_prompt());
            let seen = fake.seen(if kind == ServerKind::Ollama {
                "/api/generate"
            } else if kind == ServerKind::Chat {
                "/v1/chat/completions"
            } else {
                "/v1/completions"
            });
            let behind = asked(kind, &seen.last().expect("a call").body).0;
            assert_eq!(behind, path, "{kind}");
            path = format!("Why?{}", texts(&steps).concat());
            if line.finish != Finish::Step {
                break;
            }
            let shared = steps.clone().into_iter().map(Arc::new).collect();
            request.prefix = Trajectory::new(prompt, shared, 0, false);
        }
        assert!(steps.len() > 1, "{kind}: one step shows nothing");
    }
}

/// The answer of a slow server is left as soon as the step is over.
#[test]
fn what_is_not_wanted_is_not_waited_for() {
    let words = Words::new();
    let kind = ServerKind::Completions;
    let long = fake(kind, &words, |_, _| {
        let piece = |text: &str| format!("data: {}\n", json!({"choices": [{"text": text}]}));
        let mut events = vec![piece("one"), piece(" step\n"), piece("\nmo")];
        events.extend((0..2000).map(|_| piece("re ")));
        Act::Lines(events, Duration::from_millis(5))
    });
    let remote = open(kind, &words, &long);
    let step = Request { until: Until::Step, ..ask(kind, "Why?", vec![7]) };
    let line = lines(&remote, &step).remove(0).expect("an answer");
    assert_eq!((texts(&line.steps), line.finish), (vec!["one step\n\n"], Finish::Step));
    assert!(long.saw_leave(1), "the connection was not closed");
    // No usage came: what is counted are the tokens here.
    let usage = remote.usage();
    assert_eq!((usage.prompt_tokens, usage.generated_tokens), (4, 9));

    let rule = StepRule { stop: vec!["step".into()], ..StepRule::default() };
    let stopped = Request { rule: Arc::new(rule), ..ask(kind, "Why?", vec![7]) };
    let line = lines(&remote, &stopped).remove(0).expect("an answer");
    assert_eq!((texts(&line.steps), line.finish), (vec!["one step"], Finish::Stop));
    assert!(long.saw_leave(2), "the connection was not closed");
}

/// An answer is over with its last event, however long the server keeps the connection.
#[test]
fn what_comes_behind_the_end_is_not_waited_for() {
    let words = Words::new();
    for kind in KINDS {
        let hanging = fake(kind, &words, |_, mut events| {
            events.extend((0..100_000).map(|_| ": ping".to_owned()));
            Act::Lines(events, Duration::from_millis(2))
        });
        let config = RemoteConfig { call_seconds: 30.0, ..config(kind, &words, &hanging) };
        let remote = Remote::open(config).expect("a server");
        let line = lines(&remote, &ask(kind, "Why?", vec![5])).remove(0).expect("an answer");
        assert!(matches!(line.finish, Finish::Stop | Finish::Length), "{kind}");
        let usage = remote.usage();
        assert_eq!((usage.repeated, usage.failed), (0, 0), "{kind}");
        assert!(hanging.saw_leave(1), "{kind}: the connection was not closed");
    }
    // An end before the model's own is none.
    let kind = ServerKind::Completions;
    let cut = fake(kind, &words, |_, mut events| {
        events.truncate(2);
        events.push("data: [DONE]".into());
        sound(0, events)
    });
    let remote = open(kind, &words, &cut);
    let error = lines(&remote, &ask(kind, "Why?", vec![5])).remove(0).expect_err("cut");
    assert!(error.to_string().contains("was cut"), "{error}");
    assert_eq!(remote.usage().repeated, 2);
}

#[test]
fn streams_that_break_are_asked_for_again() {
    let words = Words::new();
    let kind = ServerKind::Completions;
    let whole = fake(kind, &words, sound);
    let request = ask(kind, "Why?", vec![5]);
    let expected = lines(&open(kind, &words, &whole), &request).remove(0).expect("no fault");
    let cut = |mut events: Vec<String>| {
        events.truncate(3);
        events
    };
    let first =
        |call: usize, fault: Act, events| if call == 0 { fault } else { sound(call, events) };
    let passing: [(&str, Fake); 4] = [
        ("cut", fake(kind, &words, move |call, all| first(call, sound(0, cut(all.clone())), all))),
        ("closed", fake(kind, &words, move |call, all| first(call, Act::Close, all))),
        (
            "busy in the middle",
            fake(kind, &words, move |call, all| {
                let mut some = cut(all.clone());
                some.push(r#"data: {"error": {"message": "overloaded", "code": 503}}"#.into());
                first(call, sound(0, some), all)
            }),
        ),
        (
            "429",
            fake(kind, &words, move |call, all| {
                first(call, Act::Status(429, "", "{}".into()), all)
            }),
        ),
    ];
    for (name, faulty) in passing {
        let remote = open(kind, &words, &faulty);
        assert_eq!(lines(&remote, &request).remove(0).as_ref(), Ok(&expected), "{name}");
        assert_eq!(remote.usage().repeated, 1, "{name}");
    }
    let lasting: [(&str, &str, Fake); 4] = [
        ("cut", "was cut", fake(kind, &words, move |_, all| sound(0, cut(all)))),
        (
            "filtered",
            "content_filter",
            fake(kind, &words, |_, _| {
                let event = json!({"choices": [{"text": "x", "finish_reason": "content_filter"}]});
                sound(0, vec![format!("data: {event}")])
            }),
        ),
        ("not JSON", "not JSON", fake(kind, &words, |_, _| sound(0, vec!["data: {".into()]))),
        (
            "nothing",
            "no text",
            fake(kind, &words, |_, _| {
                sound(
                    0,
                    vec![r#"data: {"choices": [{"text": "", "finish_reason": "length"}]}"#.into()],
                )
            }),
        ),
    ];
    for (name, expected, faulty) in lasting {
        let remote = open(kind, &words, &faulty);
        let error = lines(&remote, &request).remove(0).expect_err(name).to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

/// The server's tokens are not those that are counted here: a limit there need not be one here.
#[test]
fn a_limit_of_the_server_is_not_the_end_where_there_is_room() {
    let words = Words::new();
    let answer = |call: usize, _: Vec<String>| {
        let (text, reason) = if call == 0 { ("half ", "length") } else { ("whole", "stop") };
        sound(0, vec![json!({"choices": [{"text": text, "finish_reason": reason}]}).to_string()])
    };
    let kind = ServerKind::Completions;
    let server = fake(kind, &words, answer);
    let remote = open(kind, &words, &server);
    let line = lines(&remote, &ask(kind, "Why?", vec![5])).remove(0).expect("an answer");
    assert_eq!((texts(&line.steps), line.finish), (vec!["half whole"], Finish::Stop));
    let sent = server.seen("/v1/completions");
    assert_eq!(sent[1].body["prompt"], "Why?half ");
    assert_ne!(sent[0].body["seed"], sent[1].body["seed"]);
    // Where it cannot go on, the limit is one.
    let chat = fake(ServerKind::Chat, &words, answer);
    let settings = config(ServerKind::Chat, &words, &chat);
    let remote = Remote::open(RemoteConfig { text_only: TextOnly::default(), ..settings })
        .expect("a server");
    let line =
        lines(&remote, &ask(ServerKind::Chat, "Why?", vec![5])).remove(0).expect("an answer");
    assert_eq!((texts(&line.steps), line.finish), (vec!["half "], Finish::Length));
}

#[test]
fn bodies_hold_what_was_asked_and_what_was_set() {
    let words = Words::new();
    let server = fake(ServerKind::Chat, &words, sound);
    let body = json!({"reasoning_effort": "low", "stream_options": null});
    let Value::Object(body) = body else { unreachable!("an object") };
    let limit = Some("max_tokens".into());
    let options = |prefill| TextOnly { prefill, limit: limit.clone(), body: body.clone() };
    let path = |request: &mut Request| {
        let step = Step { text: "So".into(), tokens: vec![83, 111], ..Step::default() };
        let prompt = Arc::clone(request.prefix.shared_prompt());
        request.prefix = Trajectory::new(prompt, vec![Arc::new(step)], 0, false);
    };
    for (prefill, mark) in [
        (Prefill::Message, json!({"role": "assistant", "content": "So"})),
        (Prefill::Prefix, json!({"role": "assistant", "content": "So", "prefix": true})),
        (Prefill::Continue, json!({"role": "assistant", "content": "So"})),
    ] {
        let config = RemoteConfig {
            text_only: options(prefill),
            ..config(ServerKind::Chat, &words, &server)
        };
        let remote = Remote::open(config).expect("a server");
        let mut request = ask(ServerKind::Chat, "Why?", vec![5]);
        path(&mut request);
        lines(&remote, &request).remove(0).expect("an answer");
        let sent = server.seen("/v1/chat/completions").pop().expect("a call").body;
        assert_eq!(sent["messages"], json!([{"role": "user", "content": "Why?"}, mark]));
        assert_eq!(sent["reasoning_effort"], "low");
        assert!(sent.get("stream_options").is_none() && sent.get("stop").is_none());
        let marked =
            sent["continue_final_message"] == true && sent["add_generation_prompt"] == false;
        assert_eq!(marked, prefill == Prefill::Continue);
    }
}

#[test]
fn usage_is_the_servers_where_it_comes() {
    let words = Words::new();
    for kind in KINDS {
        let server = fake(kind, &words, sound);
        let price = Price { prompt: 1e6, generated: 1e6, ..Price::default() };
        let remote = Remote::open(RemoteConfig { price, ..config(kind, &words, &server) })
            .expect("a server");
        lines(&remote, &ask(kind, "Why?", vec![5])).remove(0).expect("an answer");
        let usage = remote.usage();
        let counts = (usage.calls, usage.prompt_tokens, usage.generated_tokens);
        assert_eq!(counts, (1, 40, 7), "{kind}");
        assert!((usage.money - 47.0).abs() < 1e-9);
    }
}

/// Usage may come before the end; what is given of the first step counts as its text.
#[test]
fn usage_may_come_early_and_given_words_begin_a_step() {
    let words = Words::new();
    let kind = ServerKind::Completions;
    let server = fake(kind, &words, |_, _| {
        let usage = json!({"prompt_tokens": 40, "completion_tokens": 7});
        let first = json!({"choices": [{"text": "\n\nmore"}], "usage": usage});
        let last = json!({"choices": [{"text": "", "finish_reason": "stop"}]});
        sound(0, vec![first.to_string(), last.to_string()])
    });
    let remote = open(kind, &words, &server);
    lines(&remote, &ask(kind, "Why?", vec![5])).remove(0).expect("an answer");
    assert_eq!(remote.usage().prompt_tokens, 40);
    let step =
        Request { append: Some("Well".into()), until: Until::Step, ..ask(kind, "Why?", vec![5]) };
    let line = lines(&remote, &step).remove(0).expect("an answer");
    assert_eq!((texts(&line.steps), line.finish), (vec!["Well\n\n"], Finish::Step));
    assert_eq!(remote.usage().dropped_tokens, 0, "it was left where the step ends");
}

#[test]
fn what_cannot_be_said_in_text_is_refused() {
    let words = Words::new();
    let plain = fake(ServerKind::Completions, &words, sound);
    let chats = fake(ServerKind::Chat, &words, sound);
    let remote = open(ServerKind::Completions, &words, &plain);
    let chat = open(ServerKind::Chat, &words, &chats);
    let mut no_prefill = config(ServerKind::Chat, &words, &chats);
    no_prefill.text_only.prefill = Prefill::None;
    let no_prefill = Remote::open(no_prefill).expect("a server");

    let message = |content: &str| Message { role: Role::User, content: content.into() };
    let asked = |prompt: Prompt, path: Vec<u32>| {
        let step = Step { tokens: path.clone(), ..Step::default() };
        let steps = if path.is_empty() { vec![] } else { vec![Arc::new(step)] };
        let prefix = Trajectory::new(Arc::new(prompt), steps, 0, false);
        Request { until: Until::End, ..Request::new(prefix, vec![1]) }
    };
    let text = || Prompt::text("Why?");
    let cases = [
        (&remote, asked(Prompt::Chat(vec![message("Why?")]), vec![]), "no chat template"),
        (&remote, asked(text(), vec![0xc3]), "within a character"),
        (&chat, asked(text(), vec![]), "takes chats alone"),
        (&no_prefill, asked(Prompt::from("Why?"), vec![83]), "set `prefill`"),
    ];
    for (remote, request, expected) in cases {
        let error = lines(remote, &request).remove(0).expect_err(expected).to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    // A control token's name is one there, too: a raw prompt may hold it, and has the same tokens.
    let named = asked(Prompt::text("Why?<|im_end|>"), vec![]);
    assert!(lines(&remote, &named).remove(0).is_ok());
    let watched = {
        let mut request = asked(text(), vec![]);
        request.watch.confidence = 3;
        request
    };
    assert!(remote.generate(&[watched]).expect("lines")[0].lines[0].is_err());
    let given = tts_core::Given { context: vec![65], tokens: vec![66] };
    let error = tts_core::Likelihood::logprobs(&remote, &[given]).expect_err("no ids").to_string();
    assert!(error.contains("not token ids"), "{error}");
}

#[test]
fn settings_of_ids_are_refused() {
    let words = Words::new();
    let plain = fake(ServerKind::Completions, &words, sound);
    let with = |change: &dyn Fn(&mut RemoteConfig)| {
        let mut config = config(ServerKind::Completions, &words, &plain);
        change(&mut config);
        Remote::open(config)
    };
    let cases: [(Change<'_>, &str); 7] = [
        (&|c| c.calls = Some(Calls::Steps), "calls: steps"),
        (&|c| c.logprobs = Some(Logprobs::Model), "logprobs: a server of text"),
        (&|c| c.cache = false, "cache: false"),
        (&|c| c.text = None, "`bytes`"),
        (&|c| c.text_only.prefill = Prefill::Prefix, "text_only.prefill"),
        (&|c| c.kind = ServerKind::Auto, "`completions` or `chat`"),
        (
            &|c| {
                c.kind = ServerKind::Ollama;
                c.text_only.limit = Some("max".into());
            },
            "num_predict",
        ),
    ];
    for (change, expected) in &cases {
        let error = with(change).expect_err(expected).to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert!(with(&|_| ()).is_ok());
    let many = Fake::start(|seen| match seen.path.as_str() {
        "/v1/models" => Act::Json(json!({"data": [{"id": "a"}, {"id": "b"}]})),
        _ => Act::Status(404, "", "{}".into()),
    });
    let error = Remote::open(config(ServerKind::Chat, &words, &many)).expect_err("two").to_string();
    assert!(error.contains("several models") && error.contains("a, b"), "{error}");
    let ids = Fake::start(crate::world::server(ServerKind::Vllm, &words.tokenizer));
    let mut config = words.config(ids.address());
    config.text_only.body.insert("x".into(), 1.into());
    let error = Remote::open(config).expect_err("ids");
    assert!(matches!(&error, RemoteError::Config { field, .. } if field == "text_only"), "{error}");
}

/// Without any tokenizer each byte is a token.
#[test]
fn bytes_may_stand_for_tokens() {
    let words = Words::new();
    let kind = ServerKind::Chat;
    let answer = json!({"choices": [{"message": {"content": "größe"}, "finish_reason": "stop"}]});
    let server = fake(kind, &words, move |_, _| Act::Json(answer.clone()));
    let address = format!("{}/v1/", server.address());
    let config = RemoteConfig {
        servers: vec![address],
        text: Some("bytes".into()),
        positions: 30,
        ..config(kind, &words, &server)
    };
    let remote = Remote::open(config).expect("a server");
    assert_eq!(remote.positions(), 30);
    let line = lines(&remote, &ask(kind, "Why?", vec![1])).remove(0).expect("an answer");
    assert_eq!((texts(&line.steps), line.steps[0].tokens.len()), (vec!["größe"], 8));
    assert_eq!(line.finish, Finish::Stop);
    let full = lines(&remote, &ask(kind, "Why, why, why, why, why, why?", vec![1])).remove(0);
    assert!(full.expect_err("no room").to_string().contains("positions"));
}
