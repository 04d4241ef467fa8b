//! How positions turn heads: scalings as files say them, and their numbers.

use serde_json::{Value, json};
use tts_models::{ModelConfig, RopeScaling};

use crate::{read, with};

/// Pairs of a head of 64, and how fast they turn: `_compute_yarn_parameters` of transformers 5.24.
const YARN: [(usize, f64); 5] = [
    (9, 0.074_989_415),
    (11, 0.039_736_785),
    (16, 0.006_538_462),
    (22, 0.000_547_162_9),
    (25, 0.000_187_473_55),
];

/// The numbers of `_compute_yarn_parameters` of transformers 5.17 for heads of 8 at base 10,000, factor 4 of 32
/// positions.
#[test]
fn yarn_slows_some_pairs_down() {
    let scaling = json!({
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32
    });
    let config = read(&with("llama", &json!({ "head_dim": 8, "rope_scaling": scaling }))).unwrap();
    let RopeScaling::Yarn { attention_factor, .. } = config.rope_scaling else {
        panic!("{:?}", config.rope_scaling);
    };
    assert!((attention_factor - (0.1 * 4.0_f64.ln() + 1.0)).abs() < 1e-12);
    // As files for llama.cpp and vLLM say it: by what stretching alone would give.
    let own = json!({ "rope_type": "yarn", "factor": 4.0, "attn_factor": 0.878_248_856_286_941_9,
        "original_max_position_embeddings": 32 });
    let config_of =
        read(&with("qwen3", &json!({ "num_key_value_heads": 4, "rope_scaling": own }))).unwrap();
    let RopeScaling::Yarn { attention_factor, .. } = config_of.rope_scaling else { panic!() };
    assert!((attention_factor - 1.0).abs() < 1e-12);
    // Without a factor it is that of the positions.
    let own = json!({ "rope_type": "yarn", "original_max_position_embeddings": 64 });
    let changes = json!({ "rope_scaling": own, "max_position_embeddings": 256,
        "num_key_value_heads": 4 });
    let config_of = read(&with("qwen3", &changes)).unwrap();
    let RopeScaling::Yarn { factor, .. } = config_of.rope_scaling else { panic!() };
    assert!((factor - 4.0).abs() < 1e-12);
    // Wider heads, of which the line between is 13 pairs long: transformers' numbers of some pairs.
    let own =
        json!({ "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096 });
    let wide = json!({ "head_dim": 64, "rope_scaling": own });
    let frequencies = read(&with("llama", &wide)).unwrap().rope_frequencies();
    for (pair, expected) in YARN {
        let far = (frequencies[pair] / expected - 1.0).abs();
        assert!(far < 1e-5, "{pair}: {} {expected}", frequencies[pair]);
    }
    // The first pair turns 5 times over 32 positions, the second half a time: a line of one pair between them.
    let expected = [1.0, 0.025, 0.0025, 0.000_25];
    for (found, expected) in config.rope_frequencies().iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
}

#[test]
fn rope_scaling_is_read_old_and_new() {
    let llama3 = RopeScaling::Llama3 {
        factor: 32.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 8_192.0,
    };
    let text = json!({
        "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192
    });
    let mut new = text.clone();
    new["rope_theta"] = json!(500_000.0);
    let linear = RopeScaling::Linear { factor: 2.0 };
    let cases = [
        (json!({ "rope_scaling": text }), llama3.clone(), 10_000.0),
        (json!({ "rope_parameters": new, "rope_scaling": null }), llama3, 500_000.0),
        (json!({ "rope_scaling": { "type": "linear", "factor": 2 } }), linear.clone(), 10_000.0),
        (
            json!({ "rope_scaling": { "rope_type": "default" }, "rope_theta": 5.0 }),
            RopeScaling::None,
            5.0,
        ),
        (json!({ "rope_parameters": { "rope_theta": 7.0 } }), RopeScaling::None, 7.0),
        (
            json!({ "rope_parameters": { "rope_type": "linear", "factor": 2.0 }, "rope_theta": 3.0 }),
            linear,
            3.0,
        ),
    ];
    for (changes, scaling, theta) in cases {
        let config = read(&with("llama", &changes)).unwrap();
        assert_eq!((config.rope_scaling, config.rope_theta), (scaling, theta), "{changes}");
    }
}

#[test]
fn llama3_frequencies_match_hugging_face() {
    // `_compute_llama3_parameters` of transformers for head width 8 and base 500000.
    let config = read(&with(
        "llama",
        &json!({ "head_dim": 8, "rope_theta": 500_000.0, "rope_scaling": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192 } }),
    ))
    .unwrap();
    let plain: Vec<f64> = (0..4).map(|i| 500_000f64.powf(-f64::from(i) / 4.0)).collect();
    // Wavelengths 6.28, 167, 4443 (between 8192 / 4 and 8192) and 118143.
    let blend = (8192.0 * plain[2] / (2.0 * std::f64::consts::PI) - 1.0) / 3.0;
    let expected =
        [plain[0], plain[1], (1.0 - blend) * plain[2] / 8.0 + blend * plain[2], plain[3] / 8.0];
    for (found, expected) in config.rope_frequencies().iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
}

/// Numbers of `_compute_longrope_parameters` of transformers 5.24 for heads of 8 at base 10,000.
#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn longrope_has_factors_by_the_context_that_is_opened() {
    let lists =
        || json!({ "short_factor": [1.0, 1.5, 2.0, 4.0], "long_factor": [1.0, 3.0, 9.0, 27.0] });
    let scaled = |kind: &str, name: &str, own: Value, beside: Value| {
        let mut scaling = lists();
        scaling[kind] = json!(name);
        for (key, value) in own.as_object().unwrap() {
            scaling[key] = value.clone();
        }
        let mut all = json!({ "num_attention_heads": 8, "rope_scaling": scaling });
        for (key, value) in beside.as_object().unwrap() {
            all[key] = value.clone();
        }
        read(&with("phi3", &all))
    };
    let original = || json!({ "original_max_position_embeddings": 4_096 });
    let long =
        json!({ "max_position_embeddings": 131_072, "original_max_position_embeddings": 4_096 });
    let config = scaled("rope_type", "longrope", json!({}), long.clone()).unwrap();
    let RopeScaling::LongRope {
        attention_factor, original_max_position_embeddings: length, ..
    } = config.rope_scaling
    else {
        panic!("{:?}", config.rope_scaling);
    };
    assert!((attention_factor - 1.190_238_071).abs() < 1e-9, "{attention_factor}");
    assert!((length - 4_096.0).abs() < 1e-9);
    // The name that Phi-3's first files have.
    assert_eq!(scaled("type", "su", json!({}), long.clone()).unwrap(), config);
    let near = |config: &ModelConfig, expected: [f64; 4]| {
        let found = config.rope_frequencies();
        let same = found.iter().zip(expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-6);
        assert!(found.len() == 4 && same, "{found:?}, {expected:?}");
    };
    near(&config, [1.0, 0.033_333_335, 0.001_111_111_2, 3.703_703_6e-5]);
    // As files of the same model say it that are opened for less.
    let short = ModelConfig { max_position_embeddings: 4_096, ..config.clone() };
    near(&short, [1.0, 0.066_666_67, 0.005, 0.000_25]);
    near(
        &ModelConfig { max_position_embeddings: 4_097, ..config },
        [1.0, 0.033_333_335, 0.001_111_111_2, 3.703_703_6e-5],
    );
    // Where it stands, and what it is without a word: that of the positions.
    let factor_of =
        |own: Value, beside: Value| match scaled("type", "longrope", own, beside).unwrap() {
            ModelConfig {
                rope_scaling: RopeScaling::LongRope { attention_factor, .. }, ..
            } => attention_factor,
            other => panic!("{other:?}"),
        };
    let within = factor_of(original(), json!({ "max_position_embeddings": 4_096 }));
    assert!((within - 1.0).abs() < 1e-12);
    let mut own = original();
    own["factor"] = json!(32.0);
    assert!((factor_of(own.clone(), json!({})) - 1.190_238_071).abs() < 1e-9);
    own["attention_factor"] = json!(1.25);
    assert!((factor_of(own, json!({})) - 1.25).abs() < 1e-12);
    let cases = [
        (json!({ "short_factor": null }), original(), "rope_scaling.short_factor: is missing"),
        (json!({ "long_factor": [1, "2"] }), original(), "rope_scaling.long_factor: [1,\"2\"]"),
        (
            json!({ "long_factor": [1] }),
            original(),
            "rope_scaling.long_factor: 1 numbers, expected 4",
        ),
        (
            json!({ "short_factor": [1, 1, 1, 1, 1] }),
            original(),
            "rope_scaling.short_factor: 5 numbers, expected 4",
        ),
        (
            json!({ "short_factor": [1, 1, -1, 1] }),
            original(),
            "rope_scaling.short_factor: number 2 is -1, expected more than 0",
        ),
        (
            json!({}),
            json!({ "original_max_position_embeddings": 1 }),
            "config.json: original_max_position_embeddings: 1, expected more than 1",
        ),
        (json!({ "attention_factor": 0 }), original(), "rope_scaling.attention_factor: 0"),
        (json!({ "long_mscale": 1.1 }), original(), "rope_scaling.long_mscale: unsupported"),
    ];
    for (own, beside, expected) in cases {
        let error = scaled("type", "longrope", own, beside).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    // Phi's class has a number for files that do not say how long it was, and takes it before that of the scaling, as
    // transformers 5.24 does; others have none.
    let own = json!({ "original_max_position_embeddings": 64 });
    for own in [json!({}), own] {
        let beside = json!({ "max_position_embeddings": 131_072 });
        let found = scaled("rope_type", "longrope", own, beside).unwrap().rope_scaling;
        let RopeScaling::LongRope {
            original_max_position_embeddings: length,
            attention_factor,
            ..
        } = found
        else {
            panic!("{found:?}");
        };
        assert!((length - 4_096.0).abs() < 1e-9 && (attention_factor - 1.190_238_071).abs() < 1e-9);
    }
    let mut of_llama = json!({ "num_attention_heads": 8, "rope_scaling": lists() });
    of_llama["rope_scaling"]["type"] = json!("longrope");
    let error = read(&with("llama", &of_llama)).unwrap_err().to_string();
    let expected = "rope_scaling.original_max_position_embeddings: is missing";
    assert!(error.contains(expected), "{error}");
    let yarn = scaled("type", "yarn", json!({ "factor": 32.0 }), original()).unwrap_err();
    assert!(yarn.to_string().contains("rope_scaling.short_factor: unsupported list"), "{yarn}");
}

/// Older and newer fields say the same, or the file is refused: programs take the one or the other.
#[test]
fn a_scaling_that_is_said_twice_is_said_alike() {
    let old = json!({ "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 512 });
    let new = |kind: &str| {
        json!({ "rope_type": kind, "factor": 4.0, "rope_theta": 7.0,
            "original_max_position_embeddings": 512 })
    };
    let alone = read(&with("llama", &json!({ "rope_parameters": new("yarn") }))).unwrap();
    let both = json!({ "rope_parameters": new("yarn"), "rope_scaling": old });
    assert_eq!(read(&with("llama", &both)).unwrap(), alone);
    let kinds = json!({ "full_attention": new("yarn"),
        "sliding_attention": { "rope_type": "default", "rope_theta": 9.0 } });
    let both = json!({ "rope_parameters": kinds, "rope_scaling": old });
    let config = read(&with("olmo3", &both)).unwrap();
    assert_eq!((config.rope_scaling, config.rope_theta), (alone.rope_scaling, 7.0));
    assert!((config.switches.local_rope_theta - 9.0).abs() < 1e-12);
    for (model, newer) in [
        // As transformers 5 saves a model, and as its page says to stretch it.
        ("qwen3", json!({ "rope_type": "default", "rope_theta": 1_000_000 })),
        ("qwen3", new("linear")),
        ("olmo3", json!({ "full_attention": { "rope_type": "default", "rope_theta": 7.0 } })),
    ] {
        let both =
            json!({ "num_key_value_heads": 4, "rope_parameters": newer, "rope_scaling": old });
        let error = read(&with(model, &both)).unwrap_err().to_string();
        let expected = "dir/config.json: rope_scaling: unsupported scaling beside another one in \
                        rope_parameters";
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn what_is_wrong_with_positions_is_told_where_the_file_says_it() {
    let kinds = |full: Value, sliding: Value| json!({ "rope_parameters": { "full_attention": full, "sliding_attention": sliding } });
    let plain = || json!({ "rope_type": "default", "rope_theta": 10_000 });
    let linear = |factor: f64| json!({ "rope_type": "linear", "factor": factor });
    let yarn = |attention: f64| {
        json!({ "rope_scaling": { "type": "yarn", "factor": 2, "attention_factor": attention,
            "original_max_position_embeddings": 64 } })
    };
    let alpha =
        |alpha: f64| json!({ "rope_scaling": { "type": "dynamic", "factor": 1, "alpha": alpha } });
    for (model, changes, expected) in [
        (
            "llama",
            json!({ "rope_parameters": { "rope_theta": -1 } }),
            "rope_parameters.rope_theta: -1",
        ),
        (
            "olmo3",
            kinds(linear(-2.0), plain()),
            "rope_parameters.full_attention.factor: -2, expected more than 0",
        ),
        (
            "gemma3_text",
            kinds(plain(), json!({ "rope_type": "default", "rope_theta": -1 })),
            "rope_parameters.sliding_attention.rope_theta: -1, expected more than 0",
        ),
        (
            "phi3",
            json!({ "rope_parameters": { "rope_theta": 1e4, "partial_rotary_factor": 0.01 } }),
            "rope_parameters.partial_rotary_factor: 0 of 16",
        ),
        (
            "phi3",
            json!({ "rope_parameters": { "rope_theta": 1e4, "partial_rotary_factor": 2 } }),
            "rope_parameters.partial_rotary_factor: 2, expected",
        ),
        (
            "phi3",
            json!({ "original_max_position_embeddings": 1, "rope_scaling": {
                "type": "su", "original_max_position_embeddings": 64,
                "short_factor": [1, 1, 1, 1, 1, 1, 1, 1], "long_factor": [1, 1, 1, 1, 1, 1, 1, 1] } }),
            "config.json: original_max_position_embeddings: 1, expected more than 1",
        ),
        // Numbers that would make another of the sort that is none, positions turned by them included.
        (
            "llama",
            json!({ "rope_scaling": linear(1e-320) }),
            "rope_scaling.factor: 1e-320, expected 1e-30 to 1e30",
        ),
        ("llama", yarn(1e300), "rope_scaling.attention_factor: 1e300, expected 0.001 to 1000"),
        ("llama", yarn(1e-9), "rope_scaling.attention_factor: 1e-9, expected 0.001 to 1000"),
        (
            "llama",
            json!({ "rope_scaling": { "type": "factors",
                "factors": [1, 1, 1, 1, 1, 1, 1, 1e-320] } }),
            "rope_scaling.factors: number 7 is 1e-320, expected 1e-30 to 1e30",
        ),
        ("hunyuan_v1_dense", alpha(0.0), "rope_scaling.alpha: 0, expected more than 0"),
        ("hunyuan_v1_dense", alpha(1e40), "rope_scaling.alpha: 1e40, expected 1e-30 to 1e30"),
        ("hunyuan_v1_dense", alpha(1e29), "rope_scaling.alpha: 1e29, which makes a base of 1.389"),
    ] {
        let error = read(&with(model, &changes)).expect_err(expected).to_string();
        assert!(error.starts_with("dir/config.json: ") && error.contains(expected), "{error}");
    }
}
