//! Heads in files: names, element types, configurations, and everything that can be wrong.

use safetensors::tensor::Dtype;
use tts_prm::{HeadConfig, HeadOutput, Linear, PrmError, ProcessHead, RewardHead, Separator};

use crate::{Raw, close, engine, f32s, layer, numbers, write};

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
        (r#"{"temperature": NaN}"#, "string \"NaN\""),
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
    // As editors of other systems save it.
    std::fs::write(folder.path().join("head.json"), "\u{feff}{\"output\":\r\n\"raw\"}").unwrap();
    assert_eq!(RewardHead::open(&file).unwrap().config().output, HeadOutput::Raw);
    // Without `head.json`, `config.json` is read.
    std::fs::remove_file(folder.path().join("head.json")).unwrap();
    for json in [
        r#"{"output": "raw"}"#,
        r#"{"model_type": "qwen2", "head": {"output": "raw"}}"#,
        // What Python writes for numbers that JSON has none for, where nobody reads it.
        r#"{"model_type": "qwen2", "clip": [-Infinity, NaN], "head": {"output": "raw"}}"#,
    ] {
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
