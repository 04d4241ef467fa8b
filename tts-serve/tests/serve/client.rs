//! The stock Python client against the server, where Python and the client are there.

use std::process::Command;

use tts_serve::{ApiKey, ServeConfig};

use crate::common::{Server, WORLD, toy};

#[test]
fn the_stock_client_is_served() {
    let python = std::env::var("TTS_PYTHON").unwrap_or_else(|_| "python3".into());
    let there = Command::new(&python).args(["-c", "import openai"]).output();
    match there {
        Ok(output) if output.status.success() => {}
        _ => {
            println!("skipped: {python} with the package openai is not here (set TTS_PYTHON)");
            return;
        }
    }
    let config = ServeConfig { api_key: ApiKey::new("secret"), ..ServeConfig::default() };
    let server = Server::start(&config, vec![toy()]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/openai_client.py");
    let output = Command::new(python)
        .arg(script)
        .args(["--base-url", &format!("http://{}/v1", server.address)])
        .args(["--model", "toy", "--question", WORLD.prompt(0).question()])
        .args(["--expect", &WORLD.answer(0), "--strategy", "beam-16"])
        .env("OPENAI_API_KEY", "secret")
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{error}");
    assert!(said.ends_with("all is well\n"), "{said}");
}
