//! `serve`, started as a user starts it: what it says, and which options it refuses.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

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

#[test]
fn the_embedded_model_is_served_with_what_it_has() {
    let Some(serve) = example("serve") else { return };
    let mut running = Command::new(serve)
        .args(["--model", "embedded", "--bind", "127.0.0.1:0", "--name", "pair"])
        .args(["--weights", "int8", "--positions", "256", "--threads", "1", "--max-lines", "4"])
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
    assert!(said.contains("/v1 serves pair and asks for no key"), "{said}");
}
