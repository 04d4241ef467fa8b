//! Heads on a tiny random trunk: golden values, order of calls, batches, bad files.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::sync::Arc;

use safetensors::tensor::{Dtype, TensorView};
use tts_core::scorer::NEUTRAL;
use tts_core::{Aggregate, Prompt, Step, StepScorer, Trajectory};
use tts_models::testing::tiny_config;
use tts_models::{
    DecoderWeights, Engine, EngineConfig, LanguageModel, ModelConfig, Native, Tokenizer, Trunk,
};
use tts_prm::{
    HeadConfig, HeadOutput, Linear, NeutralLabel, OutcomeHead, PrmError, ProcessHead, Reading,
    RewardHead, RewardModel, ScorerSpec, Separator,
};

fn config() -> ModelConfig {
    ModelConfig {
        vocab_size: 260,
        max_position_embeddings: 256,
        bos_token_id: None,
        eos_token_ids: vec![258],
        ..tiny_config("qwen2")
    }
}

fn weights() -> DecoderWeights {
    DecoderWeights::random(config(), 7).unwrap()
}

fn engine() -> Engine<Native> {
    let native = Native::new(weights(), 1).unwrap();
    let config = EngineConfig { threads: 1, prefill_rows: 7, ..EngineConfig::default() };
    Engine::new(native, Arc::new(Tokenizer::bytes().unwrap()), None, config).unwrap()
}

fn step(text: &str) -> Arc<Step> {
    let tokens: Vec<u32> = text.bytes().map(u32::from).collect();
    let logprobs = vec![-1.0; tokens.len()];
    Arc::new(Step { text: text.into(), tokens, given: 0, logprobs })
}

fn path(texts: &[&str], fresh: usize, finished: bool) -> Trajectory {
    let steps = texts.iter().map(|text| step(text)).collect();
    Trajectory::new(Arc::new(Prompt::text("Q: 2 + 2?\nA:")), steps, fresh, finished)
}

/// Weights that differ everywhere.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let value = |i: usize| (i as f32 * 1.7 + seed as f32).sin();
    (0..count).map(value).collect()
}

fn layer(outputs: usize, inputs: usize, seed: u32) -> Linear {
    Linear {
        weight: numbers(outputs * inputs, seed),
        bias: Some(numbers(outputs, seed + 50)),
        outputs,
        inputs,
    }
}

fn head(labels: usize, config: HeadConfig) -> RewardHead {
    RewardHead::new(vec![layer(labels, 8, 1)], config).unwrap()
}

fn bits(scores: &[f64]) -> Vec<u64> {
    scores.iter().map(|score| score.to_bits()).collect()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-12, "{a} and {b}");
}

/// `weight * x + bias` by hand.
fn by_hand(layer: &Linear, x: &[f64]) -> Vec<f64> {
    let mut out: Vec<f64> = layer.bias.iter().flatten().copied().map(f64::from).collect();
    for (index, weight) in layer.weight.iter().enumerate() {
        out[index / layer.inputs] += f64::from(*weight) * x[index % layer.inputs];
    }
    out
}

const STEPS: [&str; 3] = ["2 + 2\n", "is the same as 4\n", "so 4."];

#[test]
fn one_pass_equals_step_by_step_bit_for_bit() {
    for separator in
        [None, Some(Separator::Ids(vec![259])), Some(Separator::Text("<|pad|>".into()))]
    {
        let config = HeadConfig { separator, ..HeadConfig::default() };
        let whole = ProcessHead::new(Arc::new(engine()), head(2, config.clone())).unwrap();
        let whole = whole.score(&[path(&STEPS, 3, true)]).unwrap().remove(0).scores;
        assert_eq!(whole.len(), 3);
        assert!(whole.iter().all(|score| (0.0..=1.0).contains(score)));
        assert_ne!(bits(&whole)[0], bits(&whole)[1]);
        let engine = engine();
        let scorer = ProcessHead::new(&engine, head(2, config)).unwrap();
        for count in 1..=3 {
            let one = scorer.score(&[path(&STEPS[..count], 1, count == 3)]).unwrap();
            assert_eq!(bits(&one[0].scores), bits(&whole[count - 1..count]));
        }
        assert_eq!(scorer.cost(), config_cost());
    }
}

#[test]
fn reading_tokens_multiplies_what_the_rows_before_say_of_them() {
    let separator = Some(Separator::Ids(vec![259, 257]));
    for separator in [None, separator] {
        let config = HeadConfig {
            reading: Reading::Tokens,
            separator: separator.clone(),
            ..HeadConfig::default()
        };
        let engine = engine();
        let raw = HeadConfig { output: HeadOutput::Raw, ..config.clone() };
        let log_odds = ProcessHead::new(&engine, head(260, raw)).unwrap();
        let scorer = ProcessHead::new(&engine, head(260, config.clone())).unwrap();
        let whole = scorer.score(&[path(&STEPS, 3, true)]).unwrap().remove(0).scores;
        // Token by token, each by the row before it and its own label.
        let after = match &separator {
            Some(Separator::Ids(ids)) => ids.clone(),
            _ => Vec::new(),
        };
        let mut tokens = engine.encode(&Prompt::text("Q: 2 + 2?\nA:")).unwrap();
        let mut last = 1.0;
        for (text, &score) in STEPS.iter().zip(&whole) {
            let mut product = 1.0;
            for token in text.bytes().map(u32::from).chain(after.iter().copied()) {
                let rows = engine.hidden_of(&tokens, &[tokens.len() - 1]).unwrap();
                let odds = scorer.head().logits(&rows[0])[token as usize];
                last = 1.0 / (1.0 + (-odds).exp());
                product *= last;
                tokens.push(token);
            }
            assert!((product / score - 1.0).abs() < 1e-9, "{product} {score}");
        }
        // Fresh steps alone, in a batch with others, and as log-odds.
        for count in 1..=3 {
            let batch = [path(&STEPS[..count], 1, count == 3), path(&["5\n"], 1, false)];
            let scores = scorer.score(&batch).unwrap();
            assert_eq!(bits(&scores[0].scores), bits(&whole[count - 1..count]));
            let odds = log_odds.score(&batch).unwrap()[0].scores[0];
            let p = whole[count - 1];
            assert!((odds - (p / (1.0 - p)).ln()).abs() < 1e-9 * odds.abs(), "{odds} {p}");
        }
        // Of a step without tokens nothing is said, unless the separator is judged.
        let empty = scorer.score(&[path(&["2 + 2\n", ""], 2, true)]).unwrap();
        assert_eq!(empty[0].scores.len(), 2);
        assert_eq!(empty[0].scores[1] == NEUTRAL, separator.is_none());
        // An outcome is read at the last token.
        let outcome = OutcomeHead::new(&engine, head(260, config)).unwrap();
        let scores = outcome.score(&[path(&STEPS, 3, true)]).unwrap().remove(0).scores;
        assert_eq!(scores[..2], [NEUTRAL; 2]);
        // The separator stands after the last step only; without one the text is the same.
        assert!(separator.is_some() || (scores[2] - last).abs() < 1e-12, "{scores:?} {last}");
    }
}

#[test]
fn labels_of_tokens_that_do_not_fit_are_named() {
    let engine = engine();
    let config = HeadConfig { reading: Reading::Tokens, ..HeadConfig::default() };
    let scorer = ProcessHead::new(&engine, head(50, config.clone())).unwrap();
    let error = scorer.score(&[path(&["12", "3x"], 2, true)]).unwrap_err().to_string();
    assert!(error.contains("step 0") && error.contains("has labels of 50 tokens"), "{error}");
    let scorer = ProcessHead::new(&engine, head(260, config.clone())).unwrap();
    let bare = Trajectory::new(Arc::new(Prompt::text("")), vec![step("1")], 1, false);
    let error = scorer.score(&[bare]).unwrap_err().to_string();
    assert!(error.contains("nothing to judge by"), "{error}");
    let layer = Linear { weight: vec![0.0; 2], bias: None, outputs: 2, inputs: 1 };
    let positive = HeadConfig { positive: Some(1), ..config };
    let error = RewardHead::new(vec![layer], positive).unwrap_err().to_string();
    assert!(error.contains("positive") && error.contains("those of tokens"), "{error}");
}

fn config_cost() -> tts_core::cost::ModelCost {
    config().cost()
}

#[test]
fn alone_equals_in_a_batch_bit_for_bit() {
    let batch = [
        path(&STEPS, 3, true),
        path(&["5\n"], 1, false),
        path(&["2 + 2\n", "7 or so\n"], 2, false),
        path(&STEPS, 0, false),
    ];
    for kind in 0..2 {
        let engine = engine();
        let score = |paths: &[Trajectory]| {
            let head = head(1, HeadConfig::default());
            if kind == 0 {
                ProcessHead::new(&engine, head).unwrap().score(paths).unwrap()
            } else {
                OutcomeHead::new(&engine, head).unwrap().score(paths).unwrap()
            }
        };
        let together = score(&batch);
        engine.forget();
        for (path, expected) in batch.iter().zip(&together).rev() {
            let alone = score(std::slice::from_ref(path));
            assert_eq!(bits(&alone[0].scores), bits(&expected.scores));
            assert_eq!(expected.scores.len(), path.fresh_steps().len());
        }
    }
}

/// Hidden row of the last token of the given text.
fn row(engine: &Engine<Native>, tokens: &[u32]) -> Vec<f64> {
    let row = engine.hidden_of(tokens, &[tokens.len() - 1]).unwrap().remove(0);
    row.into_iter().map(f64::from).collect()
}

#[test]
fn scores_are_what_the_hidden_rows_say() {
    let engine = engine();
    let mut tokens = engine.encode(&Prompt::text("Q: 2 + 2?\nA:")).unwrap();
    let mut rows = Vec::new();
    for text in STEPS {
        tokens.extend(text.bytes().map(u32::from));
        rows.push(row(&engine, &tokens));
    }
    let score = |labels: usize, config: HeadConfig| {
        let scorer = ProcessHead::new(&engine, head(labels, config)).unwrap();
        scorer.score(&[path(&STEPS, 3, false)]).unwrap().remove(0).scores
    };
    let base = HeadConfig::default;
    let raw = HeadConfig { output: HeadOutput::Raw, ..base() };
    let first = HeadConfig { positive: Some(0), ..base() };
    let strict = HeadConfig { neutral: NeutralLabel::Negative, ..base() };
    for (place, row) in rows.iter().enumerate() {
        let one = by_hand(&layer(1, 8, 1), row)[0];
        close(score(1, base())[place], 1.0 / (1.0 + (-one).exp()));
        close(score(1, raw.clone())[place], one);
        let softmax = |logits: Vec<f64>| -> Vec<f64> {
            let total: f64 = logits.iter().map(|x| x.exp()).sum();
            logits.iter().map(|x| x.exp() / total).collect()
        };
        let two = softmax(by_hand(&layer(2, 8, 1), row));
        close(score(2, base())[place], two[1]);
        close(score(2, first.clone())[place], two[0]);
        close(score(2, raw.clone())[place], (two[1] / two[0]).ln());
        let three = softmax(by_hand(&layer(3, 8, 1), row));
        close(score(3, base())[place], three[1] + three[2]);
        close(score(3, strict.clone())[place], three[2]);
    }
    // Two layers around a ReLU.
    let (inner, outer) = (layer(5, 8, 3), layer(2, 5, 4));
    let deep = RewardHead::new(vec![inner.clone(), outer.clone()], base()).unwrap();
    let scorer = ProcessHead::new(&engine, deep).unwrap();
    let found = scorer.score(&[path(&STEPS, 3, false)]).unwrap().remove(0).scores;
    let mut cut = 0;
    for (row, score) in rows.iter().zip(found) {
        let mut x = by_hand(&inner, row);
        cut += x.iter().filter(|x| **x < 0.0).count();
        for x in &mut x {
            *x = x.max(0.0);
        }
        let y = by_hand(&outer, &x);
        close(score, y[1].exp() / (y[0].exp() + y[1].exp()));
    }
    assert!(cut > 0, "the ReLU never did anything");
}

#[test]
fn separators_are_put_after_every_step() {
    let engine = engine();
    let config =
        HeadConfig { separator: Some(Separator::Ids(vec![10, 259])), ..Default::default() };
    let process = ProcessHead::new(&engine, head(1, config.clone())).unwrap();
    let found = process.score(&[path(&STEPS, 1, true)]).unwrap().remove(0).scores;
    let mut tokens = engine.encode(&Prompt::text("Q: 2 + 2?\nA:")).unwrap();
    let start = tokens.clone();
    for text in STEPS {
        tokens.extend(text.bytes().map(u32::from).chain([10, 259]));
    }
    let logit = |tokens: &[u32]| by_hand(&layer(1, 8, 1), &row(&engine, tokens))[0];
    close(found[0], 1.0 / (1.0 + (-logit(&tokens)).exp()));
    // An outcome head sees one, at the end.
    let outcome = OutcomeHead::new(&engine, head(1, config)).unwrap();
    let found = outcome.score(&[path(&STEPS, 2, true)]).unwrap().remove(0).scores;
    let mut tokens = start;
    tokens.extend(STEPS.concat().bytes().map(u32::from).chain([10, 259]));
    close(found[0], 0.5);
    close(found[1], 1.0 / (1.0 + (-logit(&tokens)).exp()));
}

#[test]
fn outcome_heads_say_nothing_about_what_is_not_finished() {
    let engine = engine();
    for (output, neutral) in [(HeadOutput::Probability, 0.5), (HeadOutput::Raw, 0.0)] {
        let config = HeadConfig { output, ..HeadConfig::default() };
        let scorer = OutcomeHead::new(&engine, head(1, config)).unwrap();
        let open = scorer.score(&[path(&STEPS, 3, false)]).unwrap().remove(0).scores;
        for score in open {
            close(score, neutral);
        }
        let done = scorer.score(&[path(&STEPS, 3, true)]).unwrap().remove(0).scores;
        close(done[0], neutral);
        close(done[1], neutral);
        assert!((done[2] - neutral).abs() > 1e-9);
        assert_eq!(Aggregate::Last.apply(done.clone()), Some(done[2]));
    }
}

/// Tensors for a file: name, type, shape, bytes.
type Raw = (&'static str, Dtype, Vec<usize>, Vec<u8>);

fn f32s(name: &'static str, shape: &[usize], values: &[f32]) -> Raw {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    (name, Dtype::F32, shape.to_vec(), bytes)
}

fn write(file: &Path, tensors: &[Raw]) {
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (*name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    std::fs::write(file, safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn usual_names_and_element_types_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("head.safetensors");
    let hidden = numbers(8, 9);
    for name in [
        "score.weight",
        "v_head.weight",
        "v_head.summary.weight",
        "classifier.weight",
        "head.weight",
        "regression_head.weight",
    ] {
        write(&file, &[f32s(name, &[1, 8], &numbers(8, 1))]);
        let head = RewardHead::open(&file).unwrap();
        let no_bias = Linear { bias: None, ..layer(1, 8, 1) };
        let expected = RewardHead::new(vec![no_bias], HeadConfig::default()).unwrap();
        close(head.score(&hidden), expected.score(&hidden));
        assert_eq!(RewardHead::open(folder.path()).unwrap(), head);
    }
    // The upper half of f32, of numbers that it holds exactly.
    let exact = [0.5_f32, -1.0, 2.0, 0.25, 1.5, -0.75, 3.0, -2.5];
    let half: Vec<u8> =
        exact.iter().flat_map(|x| ((x.to_bits() >> 16) as u16).to_le_bytes()).collect();
    write(&file, &[("score.weight", Dtype::BF16, vec![8], half)]);
    let logit: f64 = exact.iter().zip(&hidden).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum();
    close(RewardHead::open(&file).unwrap().logits(&hidden)[0], logit);
    // 1, -2, 0.5 and 4 in half precision.
    let half = [0x3C00_u16, 0xC000, 0x3800, 0x4400].iter().flat_map(|x| x.to_le_bytes()).collect();
    write(&file, &[("score.weight", Dtype::F16, vec![1, 4], half)]);
    close(RewardHead::open(&file).unwrap().logits(&[1.0, 10.0, 100.0, 1000.0])[0], 4031.0);
}

#[test]
fn a_saved_head_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("head.safetensors");
    let config = HeadConfig {
        output: HeadOutput::Raw,
        positive: Some(0),
        separator: Some(Separator::Text("<|pad|>".into())),
        ..HeadConfig::default()
    };
    for layers in [vec![layer(2, 8, 1)], vec![layer(5, 8, 2), layer(2, 5, 3)]] {
        let head = RewardHead::new(layers, config.clone()).unwrap();
        head.save(&file).unwrap();
        let back = RewardHead::open(&file).unwrap();
        assert_eq!(back.config(), &config);
        let hidden = numbers(8, 5);
        assert_eq!(back.score(&hidden).to_bits(), head.score(&hidden).to_bits());
    }
}

#[test]
fn bad_heads_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("head.safetensors");
    let engine = engine();
    let good = numbers(8, 1);
    let mut bad = good.clone();
    bad[3] = f32::NAN;
    let cases: Vec<(Vec<Raw>, &[&str])> = vec![
        (vec![], &["score.weight", "missing", "v_head"]),
        (vec![f32s("other.weight", &[1, 8], &good)], &["score.weight", "missing"]),
        (vec![f32s("score.weight", &[1, 8], &bad)], &["score.weight", "value 3 is NaN"]),
        (
            vec![f32s("score.weight", &[1, 8], &good), f32s("score.bias", &[1], &[f32::INFINITY])],
            &["score.bias", "value 0 is inf"],
        ),
        (
            vec![f32s("score.weight", &[2, 4], &good)],
            &["score.weight", "[2, 4]", "expected [2, 8]"],
        ),
        (vec![f32s("score.weight", &[8, 1], &good)], &["score.weight", "8 labels"]),
        (vec![f32s("score.weight", &[1, 2, 4], &good)], &["score.weight", "[1, 2, 4]"]),
        (
            vec![f32s("score.weight", &[1, 8], &good), f32s("score.bias", &[2], &[0.0, 0.0])],
            &["score.bias", "shape [2], expected [1]"],
        ),
        (
            vec![f32s("score.weight", &[1, 8], &good), f32s("v_head.weight", &[1, 8], &good)],
            &["score", "v_head", "tensor"],
        ),
        (vec![f32s("score.0.weight", &[1, 8], &good)], &["score.2.weight", "no such tensor"]),
        (
            vec![
                f32s("score.0.weight", &[1, 8], &good),
                f32s("score.2.weight", &[1, 4], &good[..4]),
            ],
            &["score.2.weight", "[1, 4], expected [1, 1]"],
        ),
    ];
    for (tensors, expected) in cases {
        write(&file, &tensors);
        let head = RewardHead::open(&file).and_then(|head| ProcessHead::new(&engine, head));
        let error = head.unwrap_err().to_string();
        assert!(error.contains("head.safetensors"), "{error}");
        for part in expected {
            assert!(error.contains(part), "{error}: {part}");
        }
    }
    // Cut anywhere, a file is refused.
    write(&file, &[f32s("score.weight", &[1, 8], &good)]);
    let whole = std::fs::read(&file).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&file, &whole[..length]).unwrap();
        let error = RewardHead::open(&file).unwrap_err().to_string();
        assert!(error.contains("head.safetensors"), "{error}");
    }
    assert!(RewardHead::open(folder.path().join("absent.safetensors")).is_err());
}

#[test]
fn bad_configurations_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("head.safetensors");
    write(&file, &[f32s("score.weight", &[1, 8], &numbers(8, 1))]);
    let engine = engine();
    for (json, expected) in [
        ("{", "JSON"),
        (r#"{"outputs": "raw"}"#, "outputs"),
        (r#"{"output": "percent"}"#, "percent"),
        (r#"{"positive": 1}"#, "positive"),
        (r#"{"separator": []}"#, "separator"),
        (r#"{"separator": ""}"#, "separator"),
        (r#"{"trim_steps": true}"#, "trim_steps"),
        (r#"{"tensor": "v_head"}"#, "v_head.weight"),
    ] {
        std::fs::write(folder.path().join("head.json"), json).unwrap();
        let head = RewardHead::open(&file).and_then(|head| ProcessHead::new(&engine, head));
        let error = head.unwrap_err().to_string();
        assert!(error.contains(expected), "{json}: {error}");
    }
    // Without `head.json`, `config.json` is read.
    std::fs::remove_file(folder.path().join("head.json")).unwrap();
    for json in [r#"{"output": "raw"}"#, r#"{"model_type": "qwen2", "head": {"output": "raw"}}"#] {
        std::fs::write(folder.path().join("config.json"), json).unwrap();
        assert_eq!(RewardHead::open(&file).unwrap().config().output, HeadOutput::Raw);
    }
    let math = r#"{"model_type": "qwen2", "architectures": ["Qwen2ForProcessRewardModel"]}"#;
    std::fs::write(folder.path().join("config.json"), math).unwrap();
    let config = RewardHead::open(&file).unwrap().config().clone();
    assert_eq!(config.separator, Some(Separator::Text("<extra_0>".into())));
    assert!(config.trim_steps);
}

/// Shapes are checked even for heads that were never in a file.
#[test]
fn heads_from_memory_are_checked() {
    let wrong = Linear { outputs: 3, ..layer(2, 8, 1) };
    for layers in [vec![], vec![wrong], vec![layer(5, 8, 1), layer(2, 4, 1)]] {
        let error = RewardHead::new(layers, HeadConfig::default()).unwrap_err();
        assert!(matches!(error, PrmError::Head { .. }), "{error}");
    }
}

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
    let trunk = all.iter().map(|tensor| {
        let bytes: Vec<u8> = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        (tensor.name.clone(), Dtype::F32, tensor.shape.clone(), bytes)
    });
    let head = head
        .iter()
        .cloned()
        .map(|(name, dtype, shape, bytes)| (name.to_owned(), dtype, shape, bytes));
    let tensors: Vec<_> = trunk.chain(head).collect();
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
    assert!(scorer.score(&[long]).is_err());
}
