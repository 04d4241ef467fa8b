//! `serve`, started as a user starts it: what it says, and which options it refuses.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tts_examples::pair;

use super::roles::generator;
use super::{example, ran, text};

#[test]
fn options_that_the_embedded_model_does_not_have_are_refused_by_name() {
    let Some(serve) = example("serve") else { return };
    let given = [
        ("--tokenizer", "FOLDER"),
        ("--adapter", "FOLDER"),
        ("--backend", "ndarray"),
        ("--template-arg", "a=1"),
        ("--scorer", "rule"),
        ("--named", "yes=rule"),
        ("--store", "FILE"),
        ("--temperature", "0.5"),
        ("--step", "\\n"),
        ("--max-tokens", "9"),
    ];
    let embedded = ["--model", "embedded", "--bind", "127.0.0.1:0"];
    let refused = |options: &[(&str, &str)]| {
        let options = options.iter().flat_map(|(name, value)| [*name, *value]);
        let arguments: Vec<&str> = embedded.into_iter().chain(options).collect();
        let output = ran(&serve, &arguments);
        assert!(!output.status.success(), "{}", text(&output));
        text(&output).trim_end().to_owned()
    };
    for option in given {
        let expected = format!("serve: not for the embedded model: {}", option.0);
        assert_eq!(refused(&[option]), expected);
    }
    let names = given.map(|(name, _)| name).join(", ");
    assert_eq!(refused(&given), format!("serve: not for the embedded model: {names}"));
}

/// The first line that it says once it serves.
fn served(serve: &Path, arguments: &[&str]) -> String {
    asked_of(serve, arguments, |_| ()).0
}

/// The same, and what it is asked for meanwhile, at its address.
fn asked_of<T>(serve: &Path, arguments: &[&str], ask: impl FnOnce(&str) -> T) -> (String, T) {
    let mut running = Command::new(serve)
        .args(["--bind", "127.0.0.1:0", "--threads", "1", "--max-lines", "4"])
        .args(arguments)
        .env_remove("TTS_API_KEY")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let address = said.strip_prefix("http://").and_then(|said| said.split_once('/'));
    let answer = address.map(|(address, _)| ask(address));
    running.kill().unwrap();
    let ended = running.wait_with_output().unwrap();
    assert!(said.starts_with("http://127.0.0.1:"), "{said}{}", text(&ended));
    (said, answer.unwrap())
}

/// What stands at a path.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

/// Engines by role let clients ask for judges; without one they are neither listed nor run.
#[test]
fn a_judge_among_the_roles_is_offered() {
    let Some(serve) = example("serve") else { return };
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (both, alone) = (path("both.json"), path("alone.json"));
    let engines = json!({ "policy": generator(), "judge": generator() });
    std::fs::write(&both, engines.to_string()).unwrap();
    std::fs::write(&alone, json!({ "policy": generator() }).to_string()).unwrap();
    let models = |engines: &str, more: &[&str]| {
        let asked = [&["--model", engines, "--name", "small"][..], more].concat();
        asked_of(&serve, &asked, |address| {
            let one = "/v1/models/small+best-by-judge-4";
            (get(address, "/v1/models"), get(address, one))
        })
    };
    let (_, (listed, one)) = models(&both, &["--named", "trust=rule"]);
    assert!(listed.contains("\"small+best-by-judge-8\""), "{listed}");
    assert!(listed.contains("\"small+judged-8\"") && listed.contains("\"small+beam-8\""));
    assert!(one.starts_with("HTTP/1.1 200"), "{one}");
    let (_, (listed, one)) = models(&alone, &[]);
    assert!(!listed.contains("judge") && listed.contains("\"small+beam-8\""), "{listed}");
    assert!(one.starts_with("HTTP/1.1 400") && one.contains("plays the role"), "{one}");
}

#[test]
fn the_embedded_model_is_served_with_what_it_has() {
    let Some(serve) = example("serve") else { return };
    let asked =
        ["--model", "embedded", "--name", "pair", "--weights", "int8", "--positions", "256"];
    let said = served(&serve, &asked);
    assert!(said.contains("/v1 serves pair and asks for no key"), "{said}");
}

/// Clients ask for a folder's model by its whole name.
#[test]
fn a_model_is_served_under_the_name_of_its_folder() {
    let Some(serve) = example("serve") else { return };
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("Qwen2.5-1.5B-Instruct");
    std::fs::create_dir(&folder).unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        std::fs::copy(pair::folder().join("generator").join(name), folder.join(name)).unwrap();
    }
    let said = served(&serve, &["--model", folder.to_str().unwrap()]);
    assert!(said.contains("/v1 serves Qwen2.5-1.5B-Instruct and "), "{said}");
}

/// What a request may have that says nothing is within what it may ask for.
#[test]
fn the_length_of_answers_is_within_its_limit() {
    let Some(serve) = example("serve") else { return };
    let place = tempfile::tempdir().unwrap();
    let limits = place.path().join("limits.json");
    std::fs::write(&limits, r#"{"answer_tokens": 300}"#).unwrap();
    let limits = limits.to_str().unwrap();
    let asked = ["--bind", "127.0.0.1:0", "--model", "nowhere.gguf"];
    for (more, expected) in [
        (
            &["--max-tokens", "8000"][..],
            "--max-tokens is 8000, above the limit answer_tokens, 4096",
        ),
        (&["--max-tokens", "301", "--limits", limits], "above the limit answer_tokens, 300"),
        // These are good, and the model is looked for.
        (&["--max-tokens", "300", "--limits", limits], "nowhere.gguf"),
        (&["--limits", limits], "nowhere.gguf"),
    ] {
        let output = ran(&serve, &[&asked[..], more].concat());
        assert!(!output.status.success() && text(&output).contains(expected), "{}", text(&output));
    }
}
