//! Reward models in folders of their own, and scorers by name.

use std::path::Path;
use std::sync::Arc;

use safetensors::tensor::{Dtype, TensorView};
use tts_core::cost::Judge;
use tts_core::{Prompt, Step, StepScorer, Trajectory};
use tts_models::testing::decoder_gguf;
use tts_models::{EngineConfig, LanguageModel};
use tts_prm::{
    HeadConfig, HeadOutput, Linear, PrmError, ProcessHead, RewardHead, RewardModel, ScorerSpec,
    Separator,
};

use crate::{
    Raw, STEPS, bits, close, config, config_cost, engine, f32s, head, layer, path, step, weights,
};

/// A `tokenizer.json` of single bytes, as `Tokenizer::bytes`.
fn tokenizer_json() -> String {
    // GPT-2's alphabet: printable bytes stand for themselves, others from U+0100 on.
    let mut next = 256_u32;
    let letter = |byte: u32| -> String {
        let printable = matches!(byte, 33..=126 | 161..=172 | 174..=255);
        let code = if printable {
            byte
        } else {
            next += 1;
            next - 1
        };
        char::from_u32(code).unwrap().to_string()
    };
    let vocabulary: serde_json::Map<String, serde_json::Value> =
        (0..256).map(letter).zip((0..256).map(serde_json::Value::from)).collect();
    let added: Vec<serde_json::Value> = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>"]
        .iter()
        .zip(256..)
        .map(|(name, id)| {
            serde_json::json!({ "id": id, "content": name, "special": true, "single_word": false,
                "lstrip": false, "rstrip": false, "normalized": false })
        })
        .collect();
    let level = serde_json::json!({ "type": "ByteLevel", "add_prefix_space": false,
        "trim_offsets": true, "use_regex": false });
    serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": null, "pre_tokenizer": level, "post_processor": null, "decoder": level,
        "model": { "type": "BPE", "dropout": null, "unk_token": null,
            "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false,
            "byte_fallback": false, "vocab": vocabulary, "merges": [] }
    })
    .to_string()
}

/// A model folder with the head of [`head`] among its tensors.
fn model_folder(folder: &Path, head: &[Raw]) {
    let weights = weights();
    weights.save_safetensors(folder).unwrap();
    std::fs::write(folder.join("tokenizer.json"), tokenizer_json()).unwrap();
    let all = weights.tensors();
    let backbone = all.iter().map(|tensor| {
        let bytes: Vec<u8> = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        (tensor.name.clone(), Dtype::F32, tensor.shape.clone(), bytes)
    });
    let head = head
        .iter()
        .cloned()
        .map(|(name, dtype, shape, bytes)| (name.to_owned(), dtype, shape, bytes));
    let tensors: Vec<_> = backbone.chain(head).collect();
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    let file = folder.join("model.safetensors");
    std::fs::write(file, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn small() -> EngineConfig {
    EngineConfig { threads: 1, ..EngineConfig::default() }
}

#[test]
fn a_reward_model_reads_text_with_its_own_tokenizer() {
    let folder = tempfile::tempdir().unwrap();
    let layer = layer(2, 8, 1);
    let tensors = [
        f32s("score.weight", &[2, 8], &layer.weight),
        f32s("score.bias", &[2], layer.bias.as_ref().unwrap()),
    ];
    model_folder(folder.path(), &tensors);
    let same = RewardModel::process(folder.path(), tts_models::Backend::Native, small()).unwrap();
    let engine = engine();
    let own = ProcessHead::new(&engine, head(2, HeadConfig::default())).unwrap();
    let expected = own.score(&[path(&STEPS, 3, false)]).unwrap();
    assert_eq!(
        bits(&same.score(&[path(&STEPS, 3, false)]).unwrap()[0].scores),
        bits(&expected[0].scores)
    );
    assert_eq!(same.cost(), config_cost());
    // Ids of another vocabulary: only the text counts.
    let foreign: Vec<Arc<Step>> = STEPS
        .iter()
        .map(|text| Arc::new(Step { tokens: vec![100_000], ..Step::clone(&step(text)) }))
        .collect();
    let prompt = Arc::new(Prompt::text("Q: 2 + 2?\nA:"));
    let foreign = Trajectory::new(prompt, foreign, 3, false);
    assert_eq!(bits(&same.score(&[foreign]).unwrap()[0].scores), bits(&expected[0].scores));
    // With a separator and trimmed steps, and by name.
    let json = r#"{"separator": "<|pad|>", "trim_steps": true}"#;
    std::fs::write(folder.path().join("head.json"), json).unwrap();
    let spec: ScorerSpec = format!("prm:{}", folder.path().display()).parse().unwrap();
    let scorer = spec.build(&engine).unwrap();
    let found = scorer.score(&[path(&STEPS, 3, false)]).unwrap().remove(0).scores;
    let config = HeadConfig { separator: Some(Separator::Ids(vec![259])), ..HeadConfig::default() };
    let own = ProcessHead::new(&engine, head(2, config)).unwrap();
    let trimmed = STEPS.map(str::trim);
    let expected = own.score(&[path(&trimmed, 3, false)]).unwrap().remove(0).scores;
    assert_eq!(bits(&found), bits(&expected));
    // A control token's name in a step is text.
    let forged = ["a <|pad|> b"];
    let found = scorer.score(&[path(&forged, 1, false)]).unwrap().remove(0).scores;
    let expected = own.score(&[path(&forged, 1, false)]).unwrap().remove(0).scores;
    assert_eq!(bits(&found), bits(&expected));
}

#[test]
fn a_reward_model_without_a_head_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    model_folder(folder.path(), &[]);
    let error = RewardModel::outcome(folder.path(), tts_models::Backend::Native, small());
    assert!(error.unwrap_err().to_string().contains("score.weight"));
}

#[test]
fn scorers_are_opened_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("head.safetensors");
    head(2, HeadConfig::default()).save(&file).unwrap();
    let engine = engine();
    let model: &dyn LanguageModel = &engine;
    let both = [path(&STEPS, 3, true)];
    for at in [file.as_path(), folder.path()] {
        let scores = |kind: &str| {
            let text = format!("{kind}:{}", at.display());
            let spec: ScorerSpec = text.parse().unwrap();
            assert_eq!(spec.to_string(), text);
            spec.build(model).unwrap().score(&both).unwrap().remove(0).scores
        };
        let own = ProcessHead::new(&engine, head(2, HeadConfig::default())).unwrap();
        let own = own.score(&both).unwrap().remove(0).scores;
        assert_eq!(bits(&scores("prm")), bits(&own));
        assert_eq!(bits(&scores("orm"))[2], bits(&own)[2]);
    }
    for (name, expected) in [("logprob", -1.0), ("rule", 0.5)] {
        let scorer = name.parse::<ScorerSpec>().unwrap().build(model).unwrap();
        close(scorer.score(&both).unwrap()[0].scores[0], expected);
    }
    for bad in ["", "prm", "prm:", "orm:", "logprob:x", "rules", "PRM:a"] {
        assert!(matches!(bad.parse::<ScorerSpec>(), Err(PrmError::Spec { .. })), "{bad}");
    }
}

#[test]
fn a_planner_is_told_what_a_scorer_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (model, file) = (folder.path().join("model"), folder.path().join("m.gguf"));
    weights().save_safetensors(&model).unwrap();
    std::fs::write(&file, decoder_gguf(&weights()).finish()).unwrap();
    let heads = folder.path().join("head");
    std::fs::create_dir(&heads).unwrap();
    let judge = |name: String| name.parse::<ScorerSpec>().unwrap().judge();
    let shape = Judge::Model(config().shape(16.0, 2));
    for kind in ["prm", "orm"] {
        let of = |path: &Path| judge(format!("{kind}:{}", path.display())).unwrap();
        assert_eq!((of(&model), of(&file)), (shape, shape));
        // A head, in a file or a folder without a model.
        assert_eq!(of(&model.join("model.safetensors")), Judge::OnBackbone);
        assert_eq!(of(&heads), Judge::OnBackbone);
    }
    for name in ["logprob", "rule"] {
        assert_eq!(judge(name.to_owned()).unwrap(), Judge::Free);
    }
    assert!(judge("prm:none.gguf".to_owned()).is_err());
}

#[test]
fn what_cannot_be_judged_is_an_error() {
    let engine = engine();
    let scorer = ProcessHead::new(&engine, head(1, HeadConfig::default())).unwrap();
    let empty =
        Trajectory::new(Arc::new(Prompt::text("")), vec![Arc::new(Step::default())], 1, false);
    let error = scorer.score(&[path(&STEPS, 1, true), empty]).unwrap_err().to_string();
    assert!(error.contains("path 1: step 0"), "{error}");
    let huge = RewardHead::new(
        vec![
            Linear { weight: vec![f32::MAX; 8 * 8], bias: None, outputs: 8, inputs: 8 },
            Linear { weight: vec![f32::MAX; 8], bias: None, outputs: 1, inputs: 8 },
        ],
        HeadConfig { output: HeadOutput::Raw, ..HeadConfig::default() },
    );
    // Large, but finite in f64.
    assert!(huge.unwrap().score(&[f32::MAX; 8]).is_finite());
    let long = path(&[&"a".repeat(300)], 1, false);
    let scored = scorer.score(&[long]).unwrap().remove(0);
    assert!(scored.scores.is_empty() && scored.refused.unwrap().contains("positions"));
}
