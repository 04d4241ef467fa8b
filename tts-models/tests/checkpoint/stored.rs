//! What a model's files say that the opened one does not show: no output head, and more positions.

use std::sync::Arc;

use tts_core::{Given, Prompt, Request, Trajectory};
use tts_models::text::tokenizer::characters;
use tts_models::train::{Example, LabelHead, Model, TrainConfig, Trainer};
use tts_models::{Backend, EngineConfig, open};

use super::*;

/// Opened by each backend that every machine has, with a text side.
fn models(folder: &Path) -> Vec<Box<dyn tts_models::LanguageModel>> {
    fs::write(folder.join("tokenizer.json"), characters("abcdefghi", &["<|end|>"]).unwrap())
        .unwrap();
    let model = |backend| open(folder, backend, EngineConfig::default()).unwrap();
    [Backend::Native, Backend::Ndarray].map(model).into()
}

fn request() -> Request {
    let path = Trajectory::new(Arc::new(Prompt::text("abc")), Vec::new(), 0, false);
    Request { max_tokens: 3, ..Request::new(path, vec![1, 2]) }
}

const REFUSED: &str = "lm_head.weight: there is none, and tie_word_embeddings is false";

#[test]
fn a_model_without_a_head_is_encoded_with_and_writes_nothing() {
    let whole = tiny("llama", 8);
    let folder = tempfile::tempdir().unwrap();
    whole.save_safetensors(folder.path()).unwrap();
    let [with_head, _] = <[_; 2]>::try_from(models(folder.path())).ok().unwrap();
    let rows = with_head.hidden_of(&[1, 2, 3], &[1, 2]).unwrap();
    assert!(with_head.generate(&[request()]).unwrap()[0].lines.iter().all(Result::is_ok));

    let mut tensors = owned(&whole);
    tensors.retain(|(name, ..)| name != "lm_head.weight");
    tensors.push(("score.weight".to_owned(), vec![1, 8], vec![0.5; 8]));
    let file = folder.path().join("model.safetensors");
    write_safetensors(&file, &tensors);
    let given = Given { context: vec![1], tokens: vec![2] };
    for (place, model) in models(folder.path()).into_iter().enumerate() {
        let found = model.hidden_of(&[1, 2, 3], &[1, 2]).unwrap();
        if place == 0 {
            assert_eq!(found, rows, "native");
        }
        let made = model.generate(&[request()]).unwrap().remove(0);
        assert_eq!(made.lines.len(), 2);
        for line in made.lines {
            let error = line.unwrap_err().to_string();
            assert!(error.starts_with(REFUSED), "{error}");
        }
        let error = model.logprobs(std::slice::from_ref(&given)).unwrap_err().to_string();
        assert!(error.starts_with(REFUSED), "{error}");
        let error = model.next_logits(&[1]).unwrap_err().to_string();
        assert!(error.starts_with(REFUSED), "{error}");
    }

    let loaded = DecoderWeights::load(&Checkpoint::open(folder.path()).unwrap()).unwrap();
    assert!(loaded.config.stored.headless && loaded.head.is_none());
    // What is saved of it is no language model either.
    let saved = folder.path().join("saved");
    loaded.save_safetensors(&saved).unwrap();
    assert_eq!(DecoderWeights::load(&Checkpoint::open(&saved).unwrap()).unwrap(), loaded);
    // A head of labels learns on it, tokens cannot.
    let config = TrainConfig { steps: 1, batch: 1, ..TrainConfig::default() };
    let model = || Model { label: Some(LabelHead::zero(8)), ..Model::from(loaded.clone()) };
    let labelled = vec![Example::labelled(vec![1, 2, 3], [(2, 1.0)])];
    assert!(Trainer::new(config.clone()).train(model(), &labelled).is_ok());
    let next = vec![Example::continuation(vec![1, 2, 3], 1)];
    let error = Trainer::new(config).train(model(), &next).unwrap_err().to_string();
    assert!(error.starts_with(REFUSED), "{error}");

    // Where the config says that the embedding is the head, there need be no other one.
    let tied = ModelConfig { tie_word_embeddings: true, ..whole.config.clone() };
    fs::write(folder.path().join("config.json"), tied.to_json()).unwrap();
    for model in models(folder.path()) {
        assert!(model.generate(&[request()]).unwrap()[0].lines.iter().all(Result::is_ok));
    }
    // A GGUF file without one says the same.
    let tied = DecoderWeights { head: None, config: tied, ..whole };
    let loaded = load_gguf(&decoder_gguf(&tied)).unwrap();
    assert!(loaded.config.tie_word_embeddings && !loaded.config.stored.headless);
}

/// Of a model of several parts whose config has no word of it, the head that is there is the head.
#[test]
fn a_whole_that_does_not_say_has_the_head_of_its_files() {
    let weights = tiny("llama", 8);
    let folder = tempfile::tempdir().unwrap();
    weights.save_safetensors(folder.path()).unwrap();
    let mut text: serde_json::Value = serde_json::from_str(&weights.config.to_json()).unwrap();
    text["model_type"] = "mistral".into();
    text["sliding_window"] = serde_json::Value::Null;
    text.as_object_mut().unwrap().remove("tie_word_embeddings");
    let write = |tied: Option<bool>| {
        let mut whole = serde_json::json!({ "model_type": "mistral3", "text_config": text });
        if let Some(tied) = tied {
            whole["tie_word_embeddings"] = tied.into();
        }
        fs::write(folder.path().join("config.json"), whole.to_string()).unwrap();
    };
    let load = || DecoderWeights::load(&Checkpoint::open(folder.path()).unwrap());
    write(None);
    assert_eq!(load().unwrap(), weights);
    write(Some(true));
    let error = load().unwrap_err().to_string();
    assert!(error.contains("tie_word_embeddings is true"), "{error}");

    let mut tensors = owned(&weights);
    tensors.retain(|(name, ..)| name != "lm_head.weight");
    write_safetensors(&folder.path().join("model.safetensors"), &tensors);
    for (tied, headless) in [(None, false), (Some(true), false), (Some(false), true)] {
        write(tied);
        let loaded = load().unwrap();
        assert!(loaded.head.is_none() && loaded.config.tie_word_embeddings);
        assert_eq!(loaded.config.stored.headless, headless, "{tied:?}");
    }
}

#[test]
fn what_files_suggest_for_sampling_is_told_and_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    tiny("llama", 8).save_safetensors(folder.path()).unwrap();
    let lines = |model: &dyn tts_models::LanguageModel| {
        let made = model.generate(&[request()]).unwrap().remove(0);
        made.lines.into_iter().map(Result::unwrap).map(|line| line.steps).collect::<Vec<_>>()
    };
    let plain = models(folder.path());
    assert!(plain.iter().all(|model| model.suggested_sampling().is_empty()));
    let said = r#"{"do_sample": true, "temperature": 0.1, "top_k": 1, "repetition_penalty": 1.1}"#;
    fs::write(folder.path().join("generation_config.json"), said).unwrap();
    for (model, plain) in models(folder.path()).iter().zip(&plain) {
        let suggested = model.suggested_sampling();
        assert_eq!(suggested.to_string(), "temperature 0.1, top_k 1");
        assert_eq!(suggested.unmet, ["repetition_penalty 1.1"]);
        assert_eq!(lines(&**model), lines(&**plain));
        assert_eq!(model.identity(), plain.identity());
    }
    fs::write(folder.path().join("generation_config.json"), "{").unwrap();
    let error = open(folder.path(), Backend::Native, EngineConfig::default()).err().unwrap();
    assert!(error.to_string().contains("generation_config.json: JSON"), "{error}");

    let writer = decoder_gguf(&tiny("llama", 4))
        .with("general.sampling.temp", Value::F32(0.6))
        .with("general.sampling.top_k", Value::I32(-1))
        .with("general.sampling.min_p", Value::F32(0.05))
        .with("general.sampling.penalty_last_n", Value::I32(64))
        .with("general.sampling.penalty_repeat", Value::F32(1.1))
        .with("general.sampling.mirostat", Value::I32(0))
        .with("general.sampling.sequence", Value::String("top_k;temperature".to_owned()));
    let suggested = from_gguf(&writer).unwrap().suggested_sampling().unwrap();
    assert_eq!(suggested.to_string(), "temperature 0.6, top_k 0, min_p 0.05");
    assert_eq!(suggested.unmet, ["penalty_repeat 1.1", "sequence"]);
}

#[test]
fn a_model_opened_for_fewer_positions_is_saved_as_one_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let saved = |changes: &[(&str, serde_json::Value)], opened: &[usize]| {
        tiny("mistral", 8).save_safetensors(folder.path()).unwrap();
        let path = folder.path().join("config.json");
        let mut config: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for (key, value) in changes {
            config[*key] = value.clone();
        }
        fs::write(path, config.to_string()).unwrap();
        let mut checkpoint = Checkpoint::open(folder.path()).unwrap();
        for &positions in opened {
            checkpoint = checkpoint.within(positions);
        }
        let weights = DecoderWeights::load(&checkpoint).unwrap();
        let most = opened.iter().copied().min().unwrap();
        assert_eq!(weights.config.max_position_embeddings, most.min(64));
        weights.save_safetensors(folder.path().join("saved")).unwrap();
        let again = Checkpoint::open(folder.path().join("saved")).unwrap();
        assert_eq!(again.config().stored.positions, None);
        again.config().max_position_embeddings
    };
    assert_eq!(saved(&[], &[64]), 64);
    assert_eq!(saved(&[], &[16]), 64);
    assert_eq!(saved(&[], &[4_096]), 64);
    assert_eq!(saved(&[], &[32, 16]), 64);
    // A window that is left out is another model beyond so many positions; one over all of them is none.
    let window = |tokens: usize| [("sliding_window", serde_json::json!(tokens))];
    assert_eq!(saved(&window(32), &[16]), 16);
    assert_eq!(saved(&window(32), &[32]), 32);
    assert_eq!(saved(&window(64), &[16]), 64);
    assert_eq!(saved(&window(32), &[20, 8]), 20);
    assert_eq!(saved(&window(32), &[48, 16]), 16);
    // Within so few positions it turns them otherwise than within all.
    let factors = vec![2.0; tiny("mistral", 8).config.head_dim / 2];
    let scaling = serde_json::json!({
        "rope_type": "longrope", "short_factor": factors, "long_factor": factors,
        "original_max_position_embeddings": 32
    });
    let longrope = [("rope_scaling", scaling)];
    assert_eq!(saved(&longrope, &[48]), 64);
    assert_eq!(saved(&longrope, &[32]), 32);
    assert_eq!(saved(&longrope, &[48, 16]), 16);
}
