//! Search engines on the web, played by a socket: how they are asked, read, asked again, and told apart from no answer.

#![cfg(feature = "web")]

mod pages;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tts_search::retrieve::{Retriever, Web, WebSettings};

/// Answers one call after the other: a status and a body each; what was asked is kept.
struct Engine {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    thread: JoinHandle<()>,
}

impl Engine {
    fn of(answers: Vec<(u16, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/search", listener.local_addr().expect("an address"));
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&asked);
        let thread = std::thread::spawn(move || {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().expect("a call");
                let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
                let (mut head, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).expect("a line");
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().expect("a length");
                    }
                    if line.trim().is_empty() {
                        break;
                    }
                    head.push_str(&line);
                }
                let mut posted = vec![0; length];
                reader.read_exact(&mut posted).expect("a body");
                kept.lock().expect("kept").push(head + &String::from_utf8_lossy(&posted));
                let length = body.len();
                write!(stream, "HTTP/1.1 {status} said\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
                    .expect("an answer");
            }
        });
        Self { url, asked, thread }
    }

    fn asked(self) -> Vec<String> {
        self.thread.join().expect("all calls came");
        self.asked.lock().expect("kept").clone()
    }
}

fn settings(engine: &Engine) -> WebSettings {
    WebSettings { url: engine.url.clone(), pause_seconds: 0.0, ..WebSettings::default() }
}

fn results(list: &Value) -> String {
    json!({ "results": list }).to_string()
}

#[test]
fn an_engine_is_asked_and_read_as_the_mapping_says() {
    let list = json!([
        { "url": "https://a.example/x[1]", "title": "The <b>Mira</b>", "content": "31&nbsp;km &amp; deep", "rank": 2.5 },
        { "url": "", "title": "nameless", "content": "words" },
        { "url": "https://b.example", "title": "", "content": null },
        { "url": "https://c.example", "title": "#C", "content": "<script>x</script>#1 by sales<br># 2 by <b>size</b>" },
        { "url": "https://d.example", "title": "D", "content": "too many" },
    ]);
    let engine = Engine::of(vec![(200, results(&list))]);
    let web = Web::new(WebSettings { score: "/rank".into(), ..settings(&engine) }).expect("sound");
    let found = web.search("How long is the Mira & why?", 2).expect("found");
    assert_eq!(found.len(), 2, "{found:?}");
    let first = &found[0];
    assert_eq!(
        (&*first.id, &*first.place),
        ("https://a.example/x%5B1%5D", "https://a.example/x[1]")
    );
    assert_eq!(first.title, "The Mira");
    assert!(first.text.contains("km & deep") && (first.score - 2.5).abs() < 1e-12, "{first:?}");
    // No stroke tells a number from a heading: there are none in an engine's words.
    let second = (&*found[1].id, &*found[1].title, &*found[1].text);
    assert_eq!(second, ("https://c.example", "#C", "#1 by sales\n# 2 by size"));
    let asked = engine.asked();
    let line = asked[0].lines().next().expect("a request");
    assert!(line.starts_with("GET /search?") && line.contains("format=json"), "{line}");
    assert!(line.contains("q=How%20long%20is%20the%20Mira%20%26%20why%3F"), "{line}");
}

#[test]
fn a_body_is_posted_with_its_values_and_the_key_is_never_told() {
    // Any variable that is set.
    let (variable, key) = ("PATH", std::env::var("PATH").expect("a path"));
    // As it stands in an address, too.
    let encoded = key.replace(':', "%3A").replace('/', "%2F");
    let engine = Engine::of(vec![
        (401, format!("no such key: {key}! /search?key={encoded}\u{1b}[2J")),
        (200, "{\"data\": []}".into()),
    ]);
    let web = Web::new(WebSettings {
        headers: [("x-key".to_owned(), "{{ key | length }}".to_owned())].into(),
        body: Some(json!({ "query": "{{ query }}", "max_results": "{{ most }}", "deep": [true, "{{ query }}!"] })),
        key_variable: Some(variable.into()),
        results: "/data".into(),
        ..settings(&engine)
    })
    .expect("sound");
    let error = web.search("rivers", 7).expect_err("refused").to_string();
    assert!(error.contains("401 Unauthorized: no such key: ...! /search?key=...[2J"), "{error}");
    assert!(web.search("rivers", 7).expect("nothing").is_empty());
    let asked = engine.asked();
    assert_eq!(asked.len(), 2, "a refusal is not asked again");
    assert!(asked[0].starts_with("POST /search "), "{}", asked[0]);
    assert!(asked[0].contains(&format!("x-key: {}", key.chars().count())), "{}", asked[0]);
    let posted: Value =
        serde_json::from_str(asked[0].lines().last().expect("a body")).expect("JSON");
    assert_eq!(posted, json!({ "query": "rivers", "max_results": 7, "deep": [true, "rivers!"] }));
}

#[test]
fn what_fails_in_passing_is_asked_again_and_what_is_no_answer_is_said() {
    let engine = Engine::of(vec![
        (503, "busy".into()),
        (429, "slower".into()),
        (200, results(&json!([{ "url": "u", "content": "words" }]))),
        (500, "broken".into()),
        (500, "broken".into()),
        (500, "broken <b>for good</b>".into()),
        (200, "<html>".into()),
        (200, "{\"items\": [], \"more\": 1}".into()),
        (200, results(&json!([{ "link": "u", "content": "words" }]))),
    ]);
    let web = Web::new(settings(&engine)).expect("sound");
    assert_eq!(web.search("a", 5).expect("the third time").len(), 1);
    for expected in [
        "500 Internal Server Error: broken <b>for good</b>",
        "the answer is no JSON",
        "no list of results at \"/results\"; the answer has items, more",
        "none of 1 results has a name at \"/url\" and words at /content",
    ] {
        let error = web.search("a", 5).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(engine.asked().len(), 9);
    // It sends elsewhere, and is not followed: a key would go along.
    let elsewhere = Engine::of(vec![(302, "there".into())]);
    let web = Web::new(settings(&elsewhere)).expect("sound");
    let error = web.search("a", 1).expect_err("sent away").to_string();
    assert!(error.contains("302 Found: there"), "{error}");
    assert_eq!(elsewhere.asked().len(), 1);
    // Nobody listens.
    let nobody =
        WebSettings { url: "http://127.0.0.1:9/".into(), attempts: 1, ..WebSettings::default() };
    let error = Web::new(nobody).expect("sound").search("a", 1).expect_err("nobody").to_string();
    assert!(error.contains("http://127.0.0.1:9/"), "{error}");
}

#[test]
fn an_engine_may_leave_out_an_empty_list() {
    let engine = Engine::of(vec![(200, "{}".into())]);
    let web = Web::new(WebSettings { results_may_lack: true, ..settings(&engine) }).expect("sound");
    assert!(web.search("a", 5).expect("nothing").is_empty());
    engine.asked();
}

#[test]
fn settings_that_make_no_sense_are_named() {
    type Break = fn(&mut WebSettings);
    let table: [(Break, &str); 13] = [
        (|s| s.url = "ftp://x".into(), "web: url"),
        (|s| s.url = "http:///x".into(), "web: url"),
        (|s| s.results = "results".into(), "web: results"),
        (|s| s.texts = vec!["content".into()], "web: texts"),
        (|s| (s.texts, s.title) = (vec![], String::new()), "web: texts"),
        (|s| s.place = String::new(), "web: id"),
        (|s| s.attempts = 0, "web: attempts"),
        (|s| s.call_seconds = 0.0, "web: call_seconds"),
        (|s| s.pause_seconds = f64::NAN, "web: pause_seconds"),
        (
            |s| s.params = Some([("q".to_owned(), "{{ question }}".to_owned())].into()),
            "web: params.q",
        ),
        (|s| s.params = Some([("k".to_owned(), "{{ key }}".to_owned())].into()), "web: params.k"),
        (|s| s.body = Some(json!({ "q": ["{% if %}"] })), "web: body"),
        (|s| s.key_variable = Some("NO_SUCH_KEY_IS_SET".into()), "NO_SUCH_KEY_IS_SET is not set"),
    ];
    for (breaks, expected) in table {
        let mut settings = WebSettings { url: "http://x".into(), ..WebSettings::default() };
        assert!(settings.check().is_ok());
        breaks(&mut settings);
        let error = Web::new(settings).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let (one, other) =
        (WebSettings::default(), WebSettings { title: String::new(), ..WebSettings::default() });
    let identity = |settings: WebSettings| {
        Web::new(WebSettings { url: "http://x".into(), ..settings })
            .expect("sound")
            .identity()
            .expect("one")
    };
    let patient = WebSettings { attempts: 9, call_seconds: 60.0, ..one.clone() };
    // 9 calls, and pauses of 0.5 to 64 seconds.
    assert!((patient.patience() - (9.0 * 60.0 + 0.5 * 255.0)).abs() < 1e-9);
    assert_eq!(identity(one.clone()), identity(patient));
    assert_ne!(identity(one), identity(other));
}
