//! A saved adapter with damage: an error, or an adapter that merges.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tts_fuzz::edited;
use tts_models::DecoderWeights;
use tts_models::testing::tiny_config;
use tts_models::train::{Adapter, AdapterConfig};

const NAMES: [&str; 2] = ["adapter_config.json", "adapter_model.safetensors"];

/// Both files of a small adapter.
static WHOLE: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let config = AdapterConfig { rank: 1, ..AdapterConfig::default() };
    let adapter = Adapter::initial(config, &tiny_config("llama"), 1).expect("an adapter");
    adapter.save(folder.path()).expect("saved");
    NAMES.map(|name| std::fs::read(folder.path().join(name)).expect("a file"))
});

static DECODER: LazyLock<DecoderWeights> =
    LazyLock::new(|| DecoderWeights::random(tiny_config("llama"), 1).expect("a decoder"));

fuzz_target!(|damage: (&[u8], &[u8])| {
    let folder = tempfile::tempdir().expect("a folder");
    for ((name, whole), damage) in NAMES.iter().zip(&*WHOLE).zip([damage.0, damage.1]) {
        std::fs::write(folder.path().join(name), edited(whole, damage)).expect("written");
    }
    if let Ok(adapter) = Adapter::load(folder.path(), &tiny_config("llama")) {
        let _ = adapter.merge(&mut DECODER.clone());
    }
});
