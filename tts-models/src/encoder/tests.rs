//! Vectors beside those of others, alone and in company, and folders that are no encoder.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde::Deserialize;
use tts_core::{Embedder, TextKind};

use super::*;

#[derive(Deserialize)]
struct Golden {
    text: String,
    tokens: u64,
    cut: bool,
    mean: Vec<f32>,
    cls: Option<Vec<f32>>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn golden(name: &str) -> Vec<Golden> {
    let text = std::fs::read_to_string(fixtures().join(name)).expect("there");
    serde_json::from_str(&text).expect("golden values")
}

fn tiny(settings: EncoderSettings) -> Encoder {
    Encoder::open(&fixtures().join("encoder"), settings).expect("opens")
}

fn passages(encoder: &Encoder, texts: &[&str]) -> Embedded {
    encoder.vectors(texts, TextKind::Passage).expect("embeds")
}

/// Checks an encoder against what others computed.
fn check(encoder: &Encoder, rows: &[Golden], of: impl Fn(&Golden) -> &[f32]) {
    for row in rows {
        let made = passages(encoder, &[&row.text]);
        assert_eq!((made.tokens, !made.cut.is_empty()), (row.tokens, row.cut), "{}", row.text);
        assert_eq!(made.vectors.len(), of(row).len());
        for (found, expected) in made.vectors.iter().zip(of(row)) {
            assert!((found - expected).abs() < 1e-5, "{}: {found} {expected}", row.text);
        }
    }
}

#[test]
fn vectors_are_those_of_transformers() {
    let rows = golden("encoder/golden.json");
    check(&tiny(EncoderSettings::default()), &rows, |row| &row.mean);
    let cls = EncoderSettings { pooling: Some(Pooling::Cls), ..EncoderSettings::default() };
    check(&tiny(cls), &rows, |row| row.cls.as_deref().unwrap_or_default());
}

#[test]
fn minilm_is_that_of_sentence_transformers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/all-MiniLM-L6-v2");
    if !folder.exists() {
        println!("skipped: {} is not there (scripts/fetch-minilm.sh)", folder.display());
        return;
    }
    let encoder = Encoder::open(&folder, EncoderSettings::default()).expect("opens");
    assert_eq!((encoder.dim(), encoder.max_tokens()), (384, 256));
    check(&encoder, &golden("minilm_golden.json"), |row| &row.mean);
}

#[test]
fn texts_that_say_the_same_are_near() {
    let encoder = tiny(EncoderSettings::default());
    assert_eq!(passages(&encoder, &[]), Embedded::default());
    let made = passages(&encoder, &["the river", "The  RIVER"]);
    assert_eq!(made.vectors[..24], made.vectors[24..]);
    let length: f32 = made.vectors[..24].iter().map(|x| x * x).sum();
    assert!((length - 1.0).abs() < 1e-5);
}

#[test]
fn prefixes_stand_before_texts_of_their_kind() {
    let plain = tiny(EncoderSettings::default());
    let settings = EncoderSettings {
        query_prefix: Some("the ".into()),
        passage_prefix: Some("is ".into()),
        ..EncoderSettings::default()
    };
    let encoder = tiny(settings.clone());
    let query = encoder.vectors(&["river"], TextKind::Query).expect("embeds");
    assert_eq!(query.vectors, passages(&plain, &["the river"]).vectors);
    assert_eq!(passages(&encoder, &["river"]).vectors, passages(&plain, &["is river"]).vectors);
    let other = |change: fn(&mut EncoderSettings)| {
        let mut settings = settings.clone();
        change(&mut settings);
        tiny(settings).identity()
    };
    let of = encoder.identity();
    assert_ne!(other(|s| s.query_prefix = None), of);
    assert_ne!(other(|s| s.pooling = Some(Pooling::Cls)), of);
    assert_ne!(other(|s| s.max_tokens = 9), of);
    assert_eq!(other(|s| s.threads = 3), of);
    let short = tiny(EncoderSettings { max_tokens: 4, ..EncoderSettings::default() });
    let made = passages(&short, &["the river is long", "the river"]);
    assert_eq!((made.cut, made.tokens), (vec![0], 8));
    assert_eq!(made.vectors[..24], made.vectors[24..]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Neither company nor threads change a bit, however many passes the texts take.
    #[test]
    fn a_text_has_the_same_vector_in_any_company(
        texts in prop::collection::vec("[a-e .]{0,60}", 1..90), threads in 1_usize..4,
    ) {
        let alone = tiny(EncoderSettings { threads: 1, ..EncoderSettings::default() });
        let encoder = tiny(EncoderSettings { threads, ..EncoderSettings::default() });
        let all: Vec<&str> = texts.iter().map(String::as_str).collect();
        let bits = |made: Embedded| made.vectors.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let together = bits(passages(&encoder, &all));
        for (text, own) in all.iter().zip(together.chunks(24)).step_by(7) {
            prop_assert_eq!(&bits(passages(&alone, &[text])), own);
        }
    }
}

/// A copy of the small encoder, with some of it changed.
fn changed(change: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        let from = fixtures().join("encoder").join(name);
        std::fs::copy(from, folder.path().join(name)).expect("copied");
    }
    change(folder.path());
    let error = Encoder::open(folder.path(), EncoderSettings::default()).expect_err("refused");
    error.to_string()
}

fn config(folder: &Path, field: &str, value: u64) {
    let path = folder.join("config.json");
    let text = std::fs::read_to_string(&path).expect("there");
    let mut config: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    config[field] = value.into();
    std::fs::write(&path, config.to_string()).expect("written");
}

#[test]
fn folders_that_are_no_encoder_are_refused_by_file_and_field() {
    let gone = |name: &'static str| {
        move |folder: &Path| std::fs::remove_file(folder.join(name)).expect("removed")
    };
    for (error, expected) in [
        (changed(gone("config.json")), "config.json: "),
        (changed(gone("tokenizer.json")), "tokenizer.json: "),
        (changed(gone("model.safetensors")), "model.safetensors: "),
        (
            changed(|folder| {
                gone("tokenizer.json")(folder);
                std::fs::write(folder.join("vocab.txt"), "a").expect("written");
            }),
            "tokenizer.json: path: is missing beside vocab.txt",
        ),
        (changed(|f| config(f, "vocab_size", 68)), "vocab_size: 68, but the tokenizer has 69 ids"),
        (changed(|f| config(f, "vocab_size", 70)), "word_embeddings.weight: shape [69, 24]"),
        (changed(|f| config(f, "num_hidden_layers", 3)), "encoder.layer.2.attention"),
        (
            changed(|f| config(f, "intermediate_size", 41)),
            "intermediate.dense.weight: shape [40, 24]",
        ),
        (changed(|f| config(f, "max_position_embeddings", 2)), "max_tokens: 2, expected room"),
        (
            changed(|folder| {
                let path = folder.join("model.safetensors");
                let mut bytes = std::fs::read(&path).expect("there");
                let end = bytes.len();
                bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
                std::fs::write(path, bytes).expect("written");
            }),
            "is NaN",
        ),
        (
            changed(|folder| {
                let path = folder.join("model.safetensors");
                let bytes = std::fs::read(&path).expect("there");
                std::fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
            }),
            "but the file has",
        ),
    ] {
        assert!(error.contains(expected), "{error}, expected {expected}");
    }
    for path in ["nowhere/at-all", file!()] {
        let error = Encoder::open(path, EncoderSettings::default()).expect_err("refused");
        assert!(error.to_string().contains("there is no such folder"), "{error}");
    }
    let few = EncoderSettings { max_tokens: 2, ..EncoderSettings::default() };
    assert!(Encoder::open(&fixtures().join("encoder"), few).is_err());
}
