//! Any bytes as a `config.json`; what is accepted must read back the same when written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tts_models::ModelConfig;

fuzz_target!(|data: &[u8]| {
    let Ok(config) = ModelConfig::from_json_slice(data, "config.json") else { return };
    assert_eq!(config.validate().ok(), Some(()));
    let _ = config.rope_frequencies();
    // What is written is what reads back: other families are not written yet.
    let written = ["llama", "qwen2", "qwen3"].contains(&config.architecture.as_str());
    if !written || config.switches != tts_models::Switches::default() {
        return;
    }
    let again = ModelConfig::from_json_slice(config.to_json().as_bytes(), "again.json");
    assert_eq!(again.ok(), Some(config));
});
