//! Word pieces of an encoder with damage: an error, or an encoder whose vectors are of their texts alone.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tts_core::{Embedder, TextKind};
use tts_fuzz::edited;
use tts_models::encoder::{Encoder, EncoderSettings};

const TOKENIZER: &[u8] = include_bytes!("../../tts-models/tests/fixtures/encoder/tokenizer.json");

/// The other files of a small encoder, in a folder that every run writes its pieces into.
static FOLDER: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let files: [(&str, &[u8]); 2] = [
        ("config.json", include_bytes!("../../tts-models/tests/fixtures/encoder/config.json")),
        (
            "model.safetensors",
            include_bytes!("../../tts-models/tests/fixtures/encoder/model.safetensors"),
        ),
    ];
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    }
    let path = folder.path().to_owned();
    (folder, path)
});

fuzz_target!(|damage: (&[u8], &str)| {
    let (damage, text) = damage;
    let (_, folder) = &*FOLDER;
    std::fs::write(folder.join("tokenizer.json"), edited(TOKENIZER, damage)).expect("written");
    let settings = EncoderSettings { threads: 1, ..EncoderSettings::default() };
    let Ok(encoder) = Encoder::open(folder, settings) else { return };
    let texts = ["The Mira is a river.", text, "é 12 — [SEP] <|im_end|>", ""];
    let Ok(all) = encoder.embed(&texts, TextKind::Passage) else { return };
    assert_eq!(all.vectors.len(), texts.len() * encoder.dim());
    assert!(all.vectors.iter().all(|number| number.is_finite()));
    assert!(all.cut.iter().all(|&place| place < texts.len()));
    let alone = encoder.embed(&texts[1..2], TextKind::Passage).expect("it was read before");
    assert_eq!(alone.vectors, all.vectors[encoder.dim()..2 * encoder.dim()]);
});
