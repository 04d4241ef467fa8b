//! What an engine is called: by its vocabulary, and by all that its lines depend on.

use std::collections::HashSet;
use std::path::Path;

use tts_core::Generator;
use tts_models::testing::{byte_config, decoder_gguf};
use tts_models::text::tokenizer::characters;
use tts_models::train::{Adapter, AdapterConfig};
use tts_models::weights::gguf::{Array, Value};
use tts_models::{
    Backend, DecoderWeights, EngineConfig, KeyValues, LanguageModel, ModelConfig, WeightFormat,
    open, open_adapted,
};

use super::{ALPHABET, engine, letters};

fn config() -> ModelConfig {
    ModelConfig { vocab_size: 24, eos_token_ids: vec![0], ..byte_config("qwen3") }
}

/// A folder with a small model of letters.
fn save(folder: &Path, weights: &DecoderWeights, alphabet: &str) {
    weights.save_safetensors(folder).unwrap();
    let json = characters(alphabet, &["<|end|>"]).unwrap();
    std::fs::write(folder.join("tokenizer.json"), json).unwrap();
}

/// The same model with its tokenizer as one GGUF file, with padding.
fn save_gguf(path: &Path, weights: &DecoderWeights, alphabet: &str) {
    let mut writer = decoder_gguf(weights);
    writer.metadata.retain(|(key, _)| !key.starts_with("tokenizer."));
    let written = |c: char| match c {
        ' ' => "\u{120}".to_owned(),
        '\n' => "\u{10a}".to_owned(),
        c => c.to_string(),
    };
    let mut tokens = vec!["<|end|>".to_owned()];
    tokens.extend(alphabet.chars().map(written));
    let mut types = vec![3];
    types.resize(tokens.len(), 1);
    let text = |text: &str| Value::String(text.into());
    let file = writer
        .with("tokenizer.ggml.model", text("gpt2"))
        .with("tokenizer.ggml.pre", text("gpt-2"))
        .with("tokenizer.ggml.tokens", Value::Array(Array::String(tokens)))
        .with("tokenizer.ggml.token_type", Value::Array(Array::I32(types)))
        .with("tokenizer.ggml.eos_token_id", Value::U32(0));
    std::fs::write(path, file.finish()).unwrap();
}

fn names(model: &dyn LanguageModel) -> (u64, String) {
    (model.vocabulary().unwrap(), model.identity().unwrap())
}

fn name(path: &Path, backend: Backend, config: EngineConfig) -> (u64, String) {
    names(open(path, backend, config).unwrap().as_ref())
}

#[test]
fn padding_is_no_part_of_what_may_be_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    let padded = ModelConfig { vocab_size: 32, ..config() };
    save(&model, &DecoderWeights::random(padded, 5).unwrap(), ALPHABET);
    let engine = open(model, Backend::Native, EngineConfig::default()).unwrap();
    assert_eq!(1 + ALPHABET.chars().count(), 24);
    assert_eq!(engine.vocabulary_size(), Some(24));
}

#[test]
fn copies_of_a_model_have_one_name_and_all_else_another() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let weights = DecoderWeights::random(config(), 5).unwrap();
    let base = EngineConfig::default();
    let native = |name: &str| self::name(&at(name), Backend::Native, base);
    for copy in ["model", "copy", "elsewhere/copy"] {
        save(&at(copy), &weights, ALPHABET);
    }
    let (vocabulary, identity) = native("model");
    assert!(identity.starts_with("qwen3 ") && identity.ends_with(" stored native"), "{identity}");
    for copy in ["model", "copy", "elsewhere/copy", "copy/config.json"] {
        assert_eq!(native(copy), (vocabulary, identity.clone()), "{copy}");
    }
    // What decides no bit does not show.
    for config in [
        EngineConfig { threads: 2, ..base },
        EngineConfig { max_lines: 3, prefill_rows: 7, cache_bytes: 0, line_bytes: 9, ..base },
    ] {
        assert_eq!(name(&at("model"), Backend::Native, config), (vocabulary, identity.clone()));
    }
    let mut seen = HashSet::from([identity]);
    let mut other = |what: &str, (of, identity): (u64, String)| {
        assert_eq!(of, vocabulary, "{what}");
        assert!(seen.insert(identity.clone()), "{what}: {identity}");
    };
    other("ndarray", name(&at("model"), Backend::Ndarray, base));
    for weights in [WeightFormat::F32, WeightFormat::Bf16, WeightFormat::Int8] {
        let config = EngineConfig { weights, ..base };
        other("weights", name(&at("model"), Backend::Native, config));
    }
    for key_values in [KeyValues::F16, KeyValues::Int8] {
        let config = EngineConfig { key_values, ..base };
        other("keys and values", name(&at("model"), Backend::Native, config));
        let error = open(at("model"), Backend::Ndarray, config).err().unwrap().to_string();
        let expected = format!("key_values: {key_values}, but native alone has a choice");
        assert_eq!(error, expected);
    }
    let int8 = EngineConfig { weights: WeightFormat::Int8, ..base };
    let bf16 = EngineConfig { weights: WeightFormat::Bf16, ..base };
    for config in [int8, bf16] {
        let error = open(at("model"), Backend::Ndarray, config).err().unwrap().to_string();
        let expected = format!("weights: {}, but ndarray holds all weights in f32", config.weights);
        assert_eq!(error, expected);
    }
    // That is what it would do anyway.
    let f32 = EngineConfig { weights: WeightFormat::F32, ..base };
    let reference = |config| name(&at("model"), Backend::Ndarray, config);
    assert_eq!(reference(f32), reference(base));
    let config_of = |ignore_end| EngineConfig { ignore_end, ..base };
    other("no end", name(&at("model"), Backend::Native, config_of(true)));
    let mut changed = weights.clone();
    changed.layers[1].feed_forward.dense_mut().unwrap().down[17] += 0.25;
    save(&at("changed"), &changed, ALPHABET);
    other("one weight", native("changed"));
    let ends = ModelConfig { eos_token_ids: vec![0, 3], ..config() };
    save(&at("ends"), &DecoderWeights { config: ends, ..weights.clone() }, ALPHABET);
    other("an end token", native("ends"));
    save(&at("chat"), &weights, ALPHABET);
    std::fs::write(at("chat/chat_template.jinja"), "{{ messages[0].content }}").unwrap();
    other("a template", native("chat"));
    save_gguf(&at("model.gguf"), &weights, ALPHABET);
    other("a GGUF file", native("model.gguf"));
    // Of adapters, also one that changes nothing.
    for seed in [1, 2] {
        let adapter = Adapter::initial(AdapterConfig::default(), &config(), seed).unwrap();
        adapter.save(at("adapter")).unwrap();
        for backend in [Backend::Native, Backend::Ndarray] {
            let model = open_adapted(at("model"), at("adapter"), backend, base).unwrap();
            other("an adapter", names(model.as_ref()));
        }
    }
    // Another vocabulary, of as many tokens.
    save(&at("letters"), &weights, "abcdefghijklmnopqrst.\n!");
    let (letters, identity) = native("letters");
    assert!(letters != vocabulary && seen.insert(identity));
}

#[test]
fn engines_made_by_hand_know_their_vocabulary_and_are_named_by_the_caller() {
    let (bytes, small) = (engine(EngineConfig::default()), letters(EngineConfig::default()));
    assert_eq!((bytes.identity(), small.identity()), (None, None));
    assert_eq!(bytes.vocabulary(), Some(bytes.tokenizer().digest()));
    assert_ne!(bytes.vocabulary(), small.vocabulary());
    assert_eq!(small.vocabulary(), letters(EngineConfig::default()).vocabulary());
    let named = small.with_identity("letters, seed 7");
    assert_eq!(named.identity().as_deref(), Some("letters, seed 7"));
    let boxed: Box<dyn LanguageModel> = Box::new(named);
    assert_eq!(boxed.identity().as_deref(), Some("letters, seed 7"));
    assert!(boxed.vocabulary().is_some());
}
