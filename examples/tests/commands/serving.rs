//! `serve`, started as a user starts it: what it says, and which options it refuses.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use tts_examples::pair;

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
    running.kill().unwrap();
    let ended = running.wait_with_output().unwrap();
    assert!(said.starts_with("http://127.0.0.1:"), "{said}{}", text(&ended));
    said
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
