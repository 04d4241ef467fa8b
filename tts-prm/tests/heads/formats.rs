//! Published formats: tiny models of the same layout against what Hugging Face transformers says of
//! them (`tests/fixtures/formats.py`), and what all of them must keep.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use tts_core::{Prompt, Step, StepScorer, Trajectory};
use tts_models::{Backend, EngineConfig, WeightFormat};
use tts_prm::{
    Contrast, Format, HeadConfig, HeadOutput, PrmError, ProcessHead, PromptLayout, RewardHead,
    RewardModel, ScorerSpec, Separator,
};

use crate::{bits, engine, path as backbone_path};

/// What is expected of a solution: a score for each step, or one for the whole.
#[derive(Deserialize)]
pub(crate) struct Expected {
    pub(crate) question: String,
    pub(crate) steps: Vec<String>,
    pub(crate) scores: Vec<f64>,
    raw: Option<Vec<f64>>,
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats").join(name)
}

pub(crate) fn expected(name: &str) -> Vec<Expected> {
    let json = std::fs::read(fixture(name).join("expected.json")).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// Weights in f32 hold the fixtures' BF16 exactly.
fn exact() -> EngineConfig {
    EngineConfig { threads: 1, weights: WeightFormat::F32, ..EngineConfig::default() }
}

pub(crate) fn process(folder: &Path) -> Result<RewardModel, PrmError> {
    RewardModel::process(folder, Backend::Native, exact())
}

pub(crate) fn outcome(folder: &Path) -> Result<RewardModel, PrmError> {
    RewardModel::outcome(folder, Backend::Native, exact())
}

/// A path whose steps end as a generator ends them; it has ended when all steps are there.
pub(crate) fn path(question: &str, steps: &[String], end: &str, fresh: usize) -> Trajectory {
    let last = steps.len().saturating_sub(1);
    let step = |(place, text): (usize, &String)| {
        let text = if place == last { text.clone() } else { format!("{text}{end}") };
        Arc::new(Step { text, ..Step::default() })
    };
    let steps = steps.iter().enumerate().map(step).collect();
    Trajectory::new(Arc::new(Prompt::from(question)), steps, fresh, true)
}

fn score(model: &RewardModel, path: Trajectory) -> Vec<f64> {
    model.score(&[path]).unwrap().remove(0).scores
}

/// The backbone runs in f32, the expectation in f64.
pub(crate) fn near(found: f64, expected: f64) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error < 2e-5, "{found}, expected {expected}");
}

/// A copy of a fixture that a test may change.
pub(crate) fn copy(name: &str, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for file in std::fs::read_dir(fixture(name)).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
}

/// Changes a field of a JSON file; null takes it away.
pub(crate) fn change(file: &Path, field: &str, value: serde_json::Value) {
    let bytes = std::fs::read(file).unwrap_or_else(|_| b"{}".to_vec());
    let mut all: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&bytes).unwrap();
    if value.is_null() {
        all.remove(field);
    } else {
        all.insert(field.to_owned(), value);
    }
    std::fs::write(file, serde_json::to_vec(&all).unwrap()).unwrap();
}

pub(crate) const PROCESS: [&str; 4] = ["math-shepherd", "rlhflow", "skywork-prm", "trl-prm"];
pub(crate) const OUTCOME: [&str; 4] =
    ["reward-llama", "classifier-qwen2", "classifier-qwen3", "classifier-gemma2"];

#[test]
fn process_reward_models_score_as_transformers_does() {
    for name in PROCESS {
        let model = process(&fixture(name)).unwrap();
        for Expected { question, steps, scores, .. } in expected(name) {
            assert_eq!(scores.len(), steps.len(), "{name}");
            for end in ["\n", "\n\n"] {
                let found = score(&model, path(&question, &steps, end, steps.len()));
                assert_eq!(found.len(), scores.len());
                for (&found, &expected) in found.iter().zip(&scores) {
                    near(found, expected);
                }
            }
        }
    }
}

#[test]
fn classifiers_score_whole_chats_as_transformers_does() {
    for name in OUTCOME {
        let model = outcome(&fixture(name)).unwrap();
        let mut low = f64::INFINITY;
        for Expected { question, steps, scores, raw } in expected(name) {
            let [expected] = scores[..] else { panic!("{name}: {scores:?}") };
            let found = score(&model, path(&question, &steps, "\n\n", steps.len()));
            let last = found.last().copied().unwrap();
            near(last, expected);
            // One label is a reward as it is, two are a probability.
            match raw.as_deref() {
                Some([reward]) => near(last, *reward),
                Some([right, wrong]) => near(last, 1.0 / (1.0 + (wrong - right).exp())),
                _ => panic!("{name}: no logits"),
            }
            assert!(
                found[..found.len() - 1]
                    .iter()
                    .all(|&s| (s - model.head().neutral()).abs() < 1e-12)
            );
            low = low.min(last);
        }
        // A reward is not a probability: each fixture of one has one below 0.
        assert_eq!(name != "classifier-qwen2", low < 0.0, "{name}: {low}");
    }
}

/// What stands behind a step never matters, nor what else is scored.
#[test]
fn a_score_depends_on_its_prefix_alone_bit_for_bit() {
    for name in PROCESS {
        let model = process(&fixture(name)).unwrap();
        let cases = expected(name);
        let mut batch = Vec::new();
        let mut alone = Vec::new();
        for Expected { question, steps, .. } in &cases {
            let whole = score(&model, path(question, steps, "\n", steps.len()));
            for count in 1..=steps.len() {
                model.model().forget();
                let part = path(question, &steps[..count], "\n", count);
                let found = score(&model, part.clone());
                assert_eq!(bits(&found), bits(&whole[..count]), "{name}");
                // As the search grows a path: its fresh step alone, on what is known.
                let fresh = score(&model, path(question, &steps[..count], "\n", 1));
                assert_eq!(bits(&fresh), bits(&whole[count - 1..count]), "{name}");
                batch.push(part);
                alone.push(found);
            }
        }
        model.model().forget();
        for (together, alone) in model.score(&batch).unwrap().iter().zip(&alone) {
            assert_eq!(bits(&together.scores), bits(alone), "{name}");
        }
    }
    for name in OUTCOME {
        let model = outcome(&fixture(name)).unwrap();
        let one = |case: &Expected| path(&case.question, &case.steps, "\n", case.steps.len());
        let batch: Vec<Trajectory> = expected(name).iter().map(one).collect();
        let together = model.score(&batch).unwrap();
        for (path, together) in batch.into_iter().zip(together).rev() {
            model.model().forget();
            assert_eq!(bits(&score(&model, path)), bits(&together.scores), "{name}");
        }
    }
}

#[test]
fn raw_scores_are_the_log_odds_of_probabilities() {
    let folder = tempfile::tempdir().unwrap();
    for (name, format) in
        [("math-shepherd", "math-shepherd"), ("rlhflow", "rlhflow"), ("skywork-prm", "skywork-prm")]
    {
        copy(name, folder.path());
        let head = folder.path().join("head.json");
        for (output, temperature) in [("raw", 1.0), ("raw", 2.0), ("probability", 2.0)] {
            let json = serde_json::json!({ "format": format, "output": output,
                "temperature": temperature });
            std::fs::write(&head, json.to_string()).unwrap();
            let (changed, plain) =
                (process(folder.path()).unwrap(), process(&fixture(name)).unwrap());
            for Expected { question, steps, raw, .. } in expected(name) {
                let path = path(&question, &steps, "\n", steps.len());
                let scores = score(&changed, path.clone());
                for (place, (&score, p)) in scores.iter().zip(self::score(&plain, path)).enumerate()
                {
                    let odds = (p / (1.0 - p)).ln() / temperature;
                    near(score, if output == "raw" { odds } else { 1.0 / (1.0 + (-odds).exp()) });
                    if let Some(raw) = &raw
                        && output == "raw"
                    {
                        near(score * temperature, raw[place]);
                    }
                }
            }
        }
        std::fs::remove_file(&head).unwrap();
    }
}

/// These models were taught a question and its steps: instructions to the generator are left out.
#[test]
fn process_formats_are_given_the_question_alone() {
    for name in PROCESS {
        let model = process(&fixture(name)).unwrap();
        let Expected { question, steps, .. } = expected(name).remove(0);
        let plain = path(&question, &steps, "\n", 2);
        let steps = plain.steps().to_vec();
        let with_system = Arc::new(Prompt::chat("Write one step a line.", &*question));
        let told = Trajectory::new(with_system, steps, 2, true);
        assert_eq!(bits(&score(&model, told)), bits(&score(&model, plain)), "{name}");
    }
    let model = outcome(&fixture("reward-llama")).unwrap();
    let plain = path("What is 2 + 2?", &["4".to_owned()], "\n", 1);
    let prompt = Arc::new(Prompt::chat("Write one step a line.", "What is 2 + 2?"));
    let told = Trajectory::new(prompt, plain.steps().to_vec(), 1, true);
    assert_ne!(bits(&score(&model, told)), bits(&score(&model, plain)));
}

/// Names of control tokens, in questions and in steps, are text: against the text by hand, piece by
/// piece, where only what the format itself writes may name them.
#[test]
fn no_text_becomes_a_control_token() {
    let llama = |role: &str| format!("<|start_header_id|>{role}<|end_header_id|>\n\n");
    let start = format!(
        "<|begin_of_text|>{}Today Date: 26 Jul 2024\n\n<|eot_id|>{}",
        llama("system"),
        llama("user")
    );
    let reply = format!("<|eot_id|>{}", llama("assistant"));
    for (name, token) in [
        ("math-shepherd", "</s>"),
        ("rlhflow", "<|eot_id|>"),
        ("skywork-prm", "<|im_end|>"),
        ("reward-llama", "<|eot_id|>"),
    ] {
        let question = format!("Is {token} 2?");
        let step = format!("2 {token} 2");
        let pieces: Vec<(String, bool)> = match name {
            "math-shepherd" => vec![
                ("<s>".to_owned(), true),
                (question.clone(), false),
                // Its tokenizer puts the space there.
                (step.clone(), false),
                ("ки".to_owned(), false),
            ],
            "rlhflow" => vec![
                (start.clone(), true),
                (question.clone(), false),
                (format!(" {step}"), false),
                (reply.clone(), true),
            ],
            "skywork-prm" => vec![
                ("<|endoftext|>".to_owned(), true),
                (format!("{question}\n"), false),
                (step.clone(), false),
                ("\n".to_owned(), false),
            ],
            _ => vec![
                (start.clone(), true),
                (question.clone(), false),
                (reply.clone(), true),
                (step.clone(), false),
                ("<|eot_id|>".to_owned(), true),
            ],
        };
        let model = if name == "reward-llama" { outcome } else { process };
        let model = model(&fixture(name)).unwrap();
        let tokenizer = model.model().tokenizer();
        assert!(tokenizer.is_special(tokenizer.id(token).unwrap()));
        let encode = |(text, special): &(String, bool)| tokenizer.encode(text, *special).unwrap();
        let tokens: Vec<u32> = pieces.iter().flat_map(encode).collect();
        let rows = model.model().hidden_of(&tokens, &[tokens.len() - 1]).unwrap();
        let found = score(&model, path(&question, &[step], "\n", 1));
        assert_eq!(bits(&found), bits(&[model.head().score(&rows[0])]), "{name}");
    }
}

#[test]
fn formats_are_known_by_architecture_and_by_name() {
    let folder = tempfile::tempdir().unwrap();
    // By the name of the folder, as a published repository is called.
    for (fixture, name, format) in [
        ("rlhflow", "Llama3.1-8B-PRM-Deepseek-Data", Format::Rlhflow),
        ("rlhflow", "Llama3.1-8B-PRM-Mistral-Data", Format::Rlhflow),
        ("math-shepherd", "math-shepherd-mistral-7b-prm", Format::MathShepherd),
    ] {
        let folder = folder.path().join(name);
        copy(fixture, &folder);
        let _ = std::fs::remove_file(folder.join("head.json"));
        change(&folder.join("config.json"), "_name_or_path", serde_json::Value::Null);
        assert_eq!(HeadConfig::beside(&folder).unwrap(), format.config());
        let spec = ScorerSpec::Process(folder);
        assert!(spec.build(&engine()).is_ok());
    }
    // A language model of another name is none.
    let other = folder.path().join("other");
    copy("rlhflow", &other);
    std::fs::remove_file(other.join("head.json")).unwrap();
    let error = process(&other).unwrap_err().to_string();
    assert!(error.contains("score.weight") && error.contains("`format`"), "{error}");
    let beside = |name: &str| HeadConfig::beside(fixture(name)).unwrap();
    assert_eq!(beside("math-shepherd"), Format::MathShepherd.config());
    assert_eq!(beside("skywork-prm"), Format::SkyworkPrm.config());
    assert_eq!(beside("reward-llama"), Format::SequenceClassifier.config());
    let two = beside("classifier-qwen2");
    assert_eq!((two.output, two.labels), (HeadOutput::Probability, Some(2)));
    assert_eq!((two.positive, two.prompt), (Some(0), PromptLayout::Answer));
    // All written out is the same as the name.
    for format in [Format::QwenMathPrm, Format::MathShepherd, Format::Rlhflow, Format::SkyworkPrm] {
        let text = serde_json::to_string(&format.config()).unwrap();
        assert_eq!(serde_json::from_str::<HeadConfig>(&text).unwrap(), format.config());
    }
}

#[test]
fn two_rows_of_an_output_head_are_saved_as_a_head() {
    let checkpoint = tts_models::Checkpoint::open(fixture("math-shepherd")).unwrap();
    let config = HeadConfig { contrast: Some(Contrast::new("+", "-")), ..HeadConfig::default() };
    let head = RewardHead::from_checkpoint(&checkpoint, config).unwrap();
    assert_eq!((head.labels(), head.width()), (2, 16));
    let folder = tempfile::tempdir().unwrap();
    head.save(folder.path().join("head.safetensors")).unwrap();
    let back = RewardHead::open(folder.path()).unwrap();
    let row: Vec<f32> = (0..16_u8).map(f32::from).collect();
    assert_eq!(back.score(&row).to_bits(), head.score(&row).to_bits());
}

/// Wrappers with a value head may write their backbone's tensors under a prefix.
#[test]
fn a_wrapped_backbone_is_found() {
    let folder = tempfile::tempdir().unwrap();
    copy("skywork-prm", folder.path());
    let file = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let all = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let renamed = all.iter().map(|(name, view)| {
        let own = name.starts_with("v_head.");
        (if own { name.to_owned() } else { format!("pretrained_model.{name}") }, view)
    });
    let renamed = safetensors::serialize(renamed, None).unwrap();
    std::fs::write(&file, renamed).unwrap();
    let (wrapped, plain) = (process(folder.path()).unwrap(), process(&fixture("skywork-prm")));
    let one = path("What is 2 + 2?", &["4".to_owned()], "\n", 1);
    assert_eq!(bits(&score(&wrapped, one.clone())), bits(&score(&plain.unwrap(), one)));
}

#[test]
fn what_stands_between_steps_is_put_there_on_a_backbone_too() {
    let engine = engine();
    let with = |between| {
        let separator = Some(Separator::Ids(vec![259]));
        let config = HeadConfig { separator, between, ..HeadConfig::default() };
        ProcessHead::new(&engine, crate::head(1, config)).unwrap()
    };
    let found =
        with(Some(Separator::Text("!\n".into()))).score(&[backbone_path(&["a", "b"], 2, true)]);
    let found = found.unwrap().remove(0).scores;
    // The same text, with what stands between as a part of the second step.
    let expected = with(None).score(&[backbone_path(&["a", "!\nb"], 2, true)]).unwrap().remove(0);
    assert_eq!(bits(&found), bits(&expected.scores));
    let refused = [
        (HeadConfig { between: Some(Separator::Ids(vec![])), ..HeadConfig::default() }, "between"),
        (HeadConfig { prompt: PromptLayout::Turns, ..HeadConfig::default() }, "prompt"),
        (HeadConfig { first_start: " ".into(), ..HeadConfig::default() }, "first_start"),
        (HeadConfig { prompt_end: " ".into(), ..HeadConfig::default() }, "prompt_end"),
        (HeadConfig { trim_lines: true, ..HeadConfig::default() }, "trim_lines"),
    ];
    for (config, field) in refused {
        let error = ProcessHead::new(&engine, crate::head(1, config)).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}

/// Labels of a token classifier by their names, and what a head.json beside an unknown class says.
#[test]
fn classes_that_are_not_known_are_described() {
    let folder = tempfile::tempdir().unwrap();
    copy("trl-prm", folder.path());
    let config = folder.path().join("config.json");
    let Expected { question, steps, scores, .. } = expected("trl-prm").remove(0);
    let whole = || path(&question, &steps, "\n", steps.len());
    change(&config, "id2label", serde_json::json!({"0": "correct", "1": "wrong"}));
    let turned = score(&process(folder.path()).unwrap(), whole());
    for (turned, expected) in turned.iter().zip(&scores) {
        near(1.0 - turned, *expected);
    }
    change(&config, "architectures", serde_json::json!(["FooForBar"]));
    assert!(process(folder.path()).is_err());
    change(&folder.path().join("head.json"), "format", "token-classifier".into());
    let told = score(&process(folder.path()).unwrap(), whole());
    for (told, expected) in told.iter().zip(&scores) {
        near(*told, *expected);
    }
    // As the network of Qwen2.5-Math-RM, which reads whole chats.
    assert_eq!(Format::SequenceClassifier.config().prompt, PromptLayout::Answer);
    copy("reward-llama", folder.path());
    std::fs::remove_file(folder.path().join("head.json")).unwrap();
    change(&config, "architectures", serde_json::json!(["Qwen2ForRewardModel"]));
    let same = outcome(&fixture("reward-llama")).unwrap();
    let found = outcome(folder.path()).unwrap();
    assert_eq!(score(&found, whole()), score(&same, whole()));
}
