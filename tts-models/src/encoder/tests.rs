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
    Encoder::open(fixtures().join("encoder"), settings).expect("opens")
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
    // The fields by which encoders differ, as readers of queries and of passages.
    let differs = |change: fn(&mut EncoderSettings)| {
        let mut settings = settings.clone();
        change(&mut settings);
        let other = tiny(settings);
        [TextKind::Query, TextKind::Passage].map(|kind| {
            let fields = tts_core::files::differing(&other.identity(kind), &encoder.identity(kind));
            fields.into_iter().map(|field| field.field).collect::<Vec<_>>().join(" ")
        })
    };
    assert_eq!(differs(|s| s.query_prefix = None), ["prefix", ""]);
    assert_eq!(differs(|s| s.passage_prefix = None), ["", "prefix"]);
    assert_eq!(differs(|s| s.pooling = Some(Pooling::Cls)), ["pooling", "pooling"]);
    assert_eq!(differs(|s| s.max_tokens = 9), ["tokens", "tokens"]);
    assert_eq!(differs(|s| s.threads = 3), ["", ""]);
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
fn copied(change: impl FnOnce(&Path), settings: EncoderSettings) -> Result<Encoder, ModelError> {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        let from = fixtures().join("encoder").join(name);
        std::fs::copy(from, folder.path().join(name)).expect("copied");
    }
    change(folder.path());
    Encoder::open(folder.path(), settings)
}

/// Why a changed copy is refused.
fn changed(change: impl FnOnce(&Path)) -> String {
    copied(change, EncoderSettings::default()).expect_err("refused").to_string()
}

/// Changes the header of the tensors, and adds bytes at their end.
fn rewrite(folder: &Path, change: impl FnOnce(String, usize) -> String, more: &[u8]) {
    let path = folder.join("model.safetensors");
    let bytes = std::fs::read(&path).expect("there");
    let (length, rest) = bytes.split_first_chunk::<8>().expect("a length");
    let (header, data) =
        rest.split_at(usize::try_from(u64::from_le_bytes(*length)).expect("a length"));
    let text = change(String::from_utf8(header.to_vec()).expect("JSON"), data.len());
    let length = (text.len() as u64).to_le_bytes();
    std::fs::write(path, [&length[..], text.as_bytes(), data, more].concat()).expect("written");
}

/// Gives tensors other names.
fn rename(folder: &Path, names: &[(&str, &str)]) {
    let renamed = |text: String, _: usize| {
        names.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        })
    };
    rewrite(folder, renamed, &[]);
}

/// Adds a tensor of one number.
fn with_tensor(name: &str) -> impl FnOnce(&Path) {
    move |folder| {
        let named = |text: String, end: usize| {
            let own = format!(
                "{{\"{name}\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[{end},{}]}},",
                end + 4
            );
            text.replacen('{', &own, 1)
        };
        rewrite(folder, named, &[0; 4]);
    }
}

fn config(folder: &Path, field: &str, value: u64) {
    let path = folder.join("config.json");
    let text = std::fs::read_to_string(&path).expect("there");
    let mut config: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    config[field] = value.into();
    std::fs::write(&path, config.to_string()).expect("written");
}

#[test]
fn norms_of_old_files_are_read_by_their_names() {
    let names = [("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")];
    let old = copied(|folder| rename(folder, &names), EncoderSettings::default()).expect("opens");
    let texts = ["the river", "is long."];
    let new = tiny(EncoderSettings::default());
    assert_eq!(passages(&old, &texts).vectors, passages(&new, &texts).vectors);
    let half = copied(|folder| rename(folder, &names[..1]), EncoderSettings::default());
    let half = half.expect("each name stands for itself");
    assert_eq!(passages(&half, &texts).vectors, passages(&new, &texts).vectors);
}

#[test]
fn words_that_a_mean_leaves_out_are_refused() {
    let bare = |folder: &Path| {
        std::fs::create_dir(folder.join("1_Pooling")).expect("made");
        let said = r#"{"pooling_mode_mean_tokens": true, "include_prompt": false}"#;
        std::fs::write(folder.join("1_Pooling/config.json"), said).expect("written");
    };
    let with = |pooling, prefix: &str| EncoderSettings {
        pooling,
        query_prefix: Some(prefix.into()),
        ..EncoderSettings::default()
    };
    let error = copied(bare, with(None, "q: ")).expect_err("refused").to_string();
    assert!(error.contains("1_Pooling/config.json: include_prompt: unsupported false"), "{error}");
    assert_eq!(copied(bare, with(None, "")).expect("opens").pooling(), Pooling::Mean);
    let cls = copied(bare, with(Some(Pooling::Cls), "q: ")).expect("opens");
    assert_eq!(cls.pooling().name(), "cls");
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
            changed(with_tensor("classifier.weight")),
            "model.safetensors: classifier.weight: unsupported tensor",
        ),
        (
            changed(with_tensor("linear.weight")),
            "model.safetensors: linear.weight: unsupported tensor",
        ),
        (
            changed(with_tensor("encoder.layer.0.crossattention.self.key.bias")),
            "crossattention.self.key.bias: unsupported tensor",
        ),
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
    assert!(Encoder::open(fixtures().join("encoder"), few).is_err());
    for name in ["pooler.dense.bias", "cls.predictions.bias"] {
        copied(with_tensor(name), EncoderSettings::default()).expect("a head of pre-training");
    }
    let many = EncoderSettings { max_tokens: 41, ..EncoderSettings::default() };
    let error = Encoder::open(fixtures().join("encoder"), many).expect_err("refused").to_string();
    assert!(error.contains("max_tokens: 41, but the model has 40 positions"), "{error}");
}
