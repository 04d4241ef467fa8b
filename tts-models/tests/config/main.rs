//! `config.json`: defaults, variants, and what is refused.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

mod experts;
mod page;
mod positions;

use std::fs;

use serde_json::{Value, json};
use tts_models::testing::tiny_config;
use tts_models::weights::config::{Attends, Rotation};
use tts_models::{ModelConfig, ModelError, RopeScaling, Stored, Switches};

fn read(config: &Value) -> Result<ModelConfig, ModelError> {
    ModelConfig::from_json_slice(config.to_string().as_bytes(), "dir/config.json")
}

/// A config of required fields only.
fn minimal(model_type: &str) -> Value {
    json!({
        "model_type": model_type, "vocab_size": 100, "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 2, "num_attention_heads": 4
    })
}

fn with(model_type: &str, changes: &Value) -> Value {
    let mut config = minimal(model_type);
    for (key, value) in changes.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

#[test]
fn absent_fields_take_hugging_faces_defaults() {
    let llama = read(&minimal("llama")).unwrap();
    let expected = ModelConfig {
        architecture: "llama".to_owned(),
        vocab_size: 100,
        hidden_size: 64,
        intermediate_size: 96,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 4,
        head_dim: 16,
        rms_norm_eps: 1e-6,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        max_position_embeddings: 2_048,
        tie_word_embeddings: false,
        attention_bias: false,
        qk_norm: false,
        switches: Switches::default(),
        stored: Stored::default(),
        bos_token_id: None,
        eos_token_ids: Vec::new(),
    };
    assert_eq!(llama, expected);
    // Of Qwen's classes it is 32 key heads, which has to fit the query heads.
    for model in ["qwen2", "qwen3", "mimo"] {
        let error = read(&minimal(model)).unwrap_err().to_string();
        assert!(error.contains("num_key_value_heads: 32, expected 1 to 4"), "{error}");
    }
    let minimal = |model: &str| with(model, &json!({ "num_key_value_heads": 4 }));
    let qwen2 = read(&minimal("qwen2")).unwrap();
    assert!(qwen2.attention_bias && !qwen2.qk_norm && qwen2.head_dim == 16);
    let qwen3 = read(&minimal("qwen3")).unwrap();
    assert!(!qwen3.attention_bias && qwen3.qk_norm && qwen3.head_dim == 128);
    let null = json!({ "head_dim": null, "num_key_value_heads": null });
    let null = read(&with("qwen3", &null)).unwrap();
    assert_eq!(null.head_dim, 16);
}

#[test]
fn fields_are_read() {
    let config = read(&with(
        "llama",
        &json!({
            "architectures": ["SomeForProcessRewardModel"], "num_key_value_heads": 2,
            "head_dim": 8, "rms_norm_eps": 1e-5, "rope_theta": 100_000, "rope_scaling": null,
            "max_position_embeddings": 8192, "tie_word_embeddings": true, "attention_bias": true,
            "bos_token_id": 1, "eos_token_id": [2, 3, 2], "hidden_act": "silu",
            "use_sliding_window": false, "sliding_window": 4096,
            "layer_types": ["full_attention", "full_attention"], "partial_rotary_factor": 1
        }),
    ))
    .unwrap();
    assert_eq!((config.num_key_value_heads, config.head_dim), (2, 8));
    assert_eq!((config.rms_norm_eps, config.rope_theta), (1e-5, 100_000.0));
    assert!(config.tie_word_embeddings && config.attention_bias);
    assert_eq!((config.bos_token_id, config.eos_token_ids), (Some(1), vec![2, 3]));
}

/// Of Qwen2.5-7B as published, 7.6 thousand million parameters, those of the embedding are held beside the head.
#[test]
fn memory_counts_the_embedding_where_the_head_is_another_matrix() {
    let read = |tied: bool| {
        let fields = json!({
            "vocab_size": 152_064, "hidden_size": 3_584, "intermediate_size": 18_944,
            "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
            "tie_word_embeddings": tied
        });
        read(&with("qwen2", &fields)).unwrap().shape(16.0, 2)
    };
    let matrix = 152_064 * 3_584 * 2;
    let (tied, apart) = (read(true), read(false));
    assert_eq!(apart.embedding_bytes, matrix);
    assert_eq!(apart.memory(0, 0) - tied.memory(0, 0), matrix);
    // As its index of tensors says: `total_size`.
    assert_eq!(apart.memory(0, 0), 15_231_233_024);
}

#[test]
fn mistral_is_llama_with_windows() {
    let all = 32_768;
    let cases = [
        (json!({ "sliding_window": 4096, "max_position_embeddings": all }), all, Some(4_096)),
        // The class's own number of positions.
        (json!({ "sliding_window": 4096 }), 131_072, Some(4_096)),
        (json!({ "sliding_window": null, "max_position_embeddings": all }), all, None),
        (json!({ "max_position_embeddings": all }), all, Some(4_096)),
        // A window over everything is none.
        (json!({ "sliding_window": 4096, "max_position_embeddings": 512 }), 512, None),
    ];
    for (mut changes, positions, window) in cases {
        changes["num_key_value_heads"] = json!(4);
        let config = read(&with("mistral", &changes)).unwrap();
        assert_eq!(config.architecture, "llama");
        assert_eq!(config.max_position_embeddings, positions, "{changes}");
        for layer in 0..2 {
            assert_eq!(config.switches.attends(layer).window, window, "{changes}");
        }
        assert_eq!(config.switches == Switches::default(), window.is_none());
    }
}

#[test]
fn layers_with_windows_are_those_of_the_family() {
    let sees = |model: &str, changes: Value| {
        let mut all =
            json!({ "num_hidden_layers": 4, "sliding_window": 8, "num_key_value_heads": 4 });
        for (key, value) in changes.as_object().unwrap() {
            all[key] = value.clone();
        }
        let switches = read(&with(model, &all)).unwrap().switches;
        (0..4).map(|layer| switches.attends(layer)).collect::<Vec<Attends>>()
    };
    let of = |windows: [bool; 4], rotation: Rotation| -> Vec<Attends> {
        let one = |slides: bool| Attends {
            window: slides.then_some(8),
            rotation: if slides { rotation } else { Rotation::Global },
        };
        windows.map(one).to_vec()
    };
    let (yes, no) = (true, false);
    let global = Rotation::Global;
    assert_eq!(sees("qwen2", json!({})), of([no; 4], global));
    let used = json!({ "use_sliding_window": true, "max_window_layers": 1 });
    assert_eq!(sees("qwen2", used), of([no, yes, yes, yes], global));
    let null = json!({ "use_sliding_window": true, "sliding_window": null });
    assert_eq!(sees("qwen2", null), of([no; 4], global));
    assert_eq!(sees("gemma2", json!({})), of([yes, no, yes, no], global));
    let three = json!({ "sliding_window_pattern": 3 });
    assert_eq!(sees("gemma3_text", three), of([yes, yes, no, yes], Rotation::Local));
    assert_eq!(sees("olmo3", json!({})), of([yes, yes, yes, no], Rotation::Local));
    assert_eq!(sees("olmo2", json!({})), of([no; 4], global));
    let types = ["full_attention", "sliding_attention", "full_attention", "full_attention"];
    let told = json!({ "layer_types": types });
    assert_eq!(sees("gemma2", told.clone()), of([no, yes, no, no], global));
    assert_eq!(sees("gemma3_text", told), of([no, yes, no, no], Rotation::Local));
    // Where a window reaches over everything, its layers are still turned by their own base.
    let wide = json!({ "sliding_window": 9_000, "max_position_embeddings": 9_000 });
    let found = sees("gemma3_text", wide);
    assert!(
        found.iter().all(|layer| *layer == Attends { window: None, rotation: Rotation::Local })
    );
    let turned = json!({ "no_rope_layers": [1, 0, 1, 1] });
    let rotations: Vec<Rotation> =
        sees("smollm3", turned).iter().map(|layer| layer.rotation).collect();
    assert_eq!(rotations, [global, Rotation::None, global, global]);
}

/// What a family has in every layer, or in none, is no model whose list of layers says otherwise.
#[test]
fn lists_of_layers_say_what_runs() {
    let (full, slides) = ("full_attention", "sliding_attention");
    let of = |model: &str, window: Value, types: [&str; 2]| {
        let changes = json!({ "num_key_value_heads": 4, "max_position_embeddings": 64,
            "sliding_window": window, "layer_types": types });
        read(&with(model, &changes))
    };
    let windows = |config: Result<ModelConfig, ModelError>| {
        let switches = config.unwrap().switches;
        [0, 1].map(|layer| switches.attends(layer).window)
    };
    let families = ["mistral", "ministral3", "mixtral", "phi3"];
    for model in families {
        assert_eq!(windows(of(model, json!(8), [slides; 2])), [Some(8); 2]);
        assert_eq!(windows(of(model, json!(null), [full; 2])), [None; 2]);
        // A window over everything is none, whatever it is called.
        for types in [[full; 2], [slides; 2], [full, slides]] {
            assert_eq!(windows(of(model, json!(64), types)), [None; 2]);
        }
    }
    for model in ["qwen2", "qwen3", "mimo"] {
        // Windows that are not used.
        assert_eq!(windows(of(model, json!(8), [full; 2])), [None; 2]);
    }
    let layer = "layer_types: unsupported layer 1 that sees everything, where every layer of the";
    let none = "sliding_window: no number, and layer 1 has a window";
    let mixed = || [full, slides];
    for (model, window, types, expected) in [
        ("mistral", json!(8), [slides, full], layer),
        ("mixtral", json!(8), [slides, full], layer),
        ("phi3", json!(8), [slides, full], layer),
        ("ministral3", json!(8), [slides, full], layer),
        ("mistral", json!(null), mixed(), none),
        ("qwen2", json!(8), mixed(), none),
        ("qwen3", json!(8), mixed(), none),
        ("mimo", json!(8), mixed(), none),
        ("smollm3", json!(null), mixed(), none),
        ("olmo3", json!(null), mixed(), none),
        ("gemma2", json!(null), mixed(), none),
        ("gemma3_text", json!(null), mixed(), none),
        ("cwm", json!(null), mixed(), none),
        ("gpt_oss", json!(null), mixed(), none),
        ("phi3", json!(8), [slides, "chunked_attention"], "layer_types: unsupported layer type"),
    ] {
        let error = of(model, window, types).expect_err(expected).to_string();
        assert!(error.contains(expected), "{model}: {error}");
    }
    for model in families.into_iter().chain(["qwen2", "qwen3", "mimo", "llama", "glm4"]) {
        let changes = json!({ "num_key_value_heads": 4, "sliding_window": null,
            "layer_types": [full, full, full] });
        let error = read(&with(model, &changes)).unwrap_err().to_string();
        assert!(error.contains("layer_types: 3 types of 2 layers"), "{model}: {error}");
    }
    // Without a list: none where layers slide by their number.
    for model in ["olmo3", "gemma2", "gemma3_text", "cwm", "gpt_oss"] {
        let changes = json!({ "num_key_value_heads": 4, "sliding_window": null });
        let error = read(&with(model, &changes)).unwrap_err().to_string();
        assert!(error.contains("sliding_window: no number, and layer"), "{model}: {error}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn unsound_switches_are_refused_by_field() {
    let cases = [
        // The class has eight key heads.
        ("mistral", json!({}), "num_key_value_heads: 8"),
        (
            "mistral",
            json!({ "sliding_window": 0, "num_key_value_heads": 4 }),
            "sliding_window: 0, expected at least 1",
        ),
        ("gemma2", json!({ "sliding_window": 0 }), "sliding_window: 0, expected at least 1"),
        (
            "gemma3_text",
            json!({ "sliding_window_pattern": 0 }),
            "sliding_window_pattern: 0, expected at least 1",
        ),
        (
            "exaone4",
            json!({ "sliding_window": 64, "sliding_window_pattern": 0, "num_key_value_heads": 4 }),
            "sliding_window_pattern: 0, expected at least 1",
        ),
        (
            "smollm3",
            json!({ "no_rope_layer_interval": 0 }),
            "no_rope_layer_interval: 0, expected at least 1",
        ),
        ("gemma2", json!({ "attn_logit_softcapping": 0.0 }), "attn_logit_softcapping: 0"),
        (
            "gemma3_text",
            json!({ "attn_logit_softcapping": 50.0 }),
            "attn_logit_softcapping: unsupported bound of scores in this family",
        ),
        ("gemma2", json!({ "final_logit_softcapping": -1.0 }), "final_logit_softcapping: -1"),
        ("gemma2", json!({ "query_pre_attn_scalar": 0 }), "query_pre_attn_scalar: 0"),
        ("gemma2", json!({ "hidden_activation": "silu" }), "hidden_activation: unsupported"),
        ("gemma3_text", json!({ "rope_local_base_freq": -5.0 }), "rope_local_base_freq: -5"),
        (
            "gemma3_text",
            json!({ "layer_types": ["full_attention"] }),
            "layer_types: 1 types of 2 layers",
        ),
        (
            "gemma3_text",
            json!({ "layer_types": ["full_attention", "linear_attention"] }),
            "layer_types: unsupported layer type \"linear_attention\"",
        ),
        ("granite", json!({ "embedding_multiplier": "NaN" }), "embedding_multiplier: \"NaN\""),
        ("granite", json!({ "embedding_multiplier": 0.0 }), "embedding_multiplier: 0"),
        ("granite", json!({ "residual_multiplier": -0.2 }), "residual_multiplier: -0.2"),
        (
            "granite",
            json!({ "attention_multiplier": 1e300 }),
            "attention_multiplier: 1e300, expected 1e-30 to 1e30",
        ),
        ("granite", json!({ "logits_scaling": 0 }), "logits_scaling: 0"),
        ("granite", json!({ "logits_scaling": -2 }), "logits_scaling: -2, expected more than 0"),
        (
            "granite",
            json!({ "logits_scaling": 1e300 }),
            "logits_scaling: 1e300, expected 1e-30 to 1e30",
        ),
        (
            "gemma2",
            json!({ "query_pre_attn_scalar": 1e300 }),
            "query_pre_attn_scalar: 1e300, expected 1e-30 to 1e30",
        ),
        ("phi3", json!({ "partial_rotary_factor": 0.01 }), "partial_rotary_factor: 0 of 16"),
        ("phi3", json!({ "partial_rotary_factor": 1.5 }), "partial_rotary_factor: 1.5"),
        ("phi3", json!({ "partial_rotary_factor": 0.2 }), "partial_rotary_factor: 3 of 16"),
        ("smollm3", json!({ "no_rope_layers": [1] }), "no_rope_layers: 1 of 2 layers"),
        ("smollm3", json!({ "no_rope_layers": "all" }), "no_rope_layers: \"all\""),
        ("gemma3_text", json!({ "num_hidden_layers": 1_u64 << 60 }), "num_hidden_layers"),
        ("smollm3", json!({ "num_hidden_layers": 1_u64 << 60 }), "num_hidden_layers"),
        (
            "mistral",
            json!({ "num_hidden_layers": 1_u64 << 60, "num_key_value_heads": 4 }),
            "num_hidden",
        ),
        (
            "gemma3_text",
            json!({ "use_bidirectional_attention": true }),
            "use_bidirectional_attention: unsupported",
        ),
        ("llama", json!({ "is_causal": false }), "is_causal: unsupported"),
        (
            "olmo3",
            json!({ "rope_parameters": { "rope_type": "default",
                "sliding_attention": { "rope_type": "yarn" } } }),
            "rope_parameters.sliding_attention.rope_type: unsupported",
        ),
        (
            "qwen3",
            json!({ "rope_parameters": { "rope_type": "default", "partial_rotary_factor": 0.5 } }),
            "rope_parameters.partial_rotary_factor: unsupported",
        ),
        ("gemma2", json!({ "hidden_activation": "gelu" }), "hidden_activation: unsupported"),
        (
            "qwen3_next",
            json!({}),
            "model_type: unsupported model type \"qwen3_next\" (layers with a running state)",
        ),
        (
            "seed_oss",
            json!({ "num_key_value_heads": 2, "layer_types": ["sliding_attention", "full_attention"] }),
            "layer_types: unsupported window of layer 0",
        ),
        ("ernie4_5", json!({ "use_bias": 1 }), "use_bias: 1, expected true or false"),
        (
            "cwm",
            json!({ "num_key_value_heads": 2, "sliding_window": 0 }),
            "sliding_window: 0, expected at least 1",
        ),
        (
            "cwm",
            json!({ "num_key_value_heads": 2, "layer_types": ["full_attention"] }),
            "layer_types: 1 types of 2 layers",
        ),
        (
            "exaone4",
            json!({ "num_key_value_heads": 2, "sliding_window": 0 }),
            "sliding_window: 0, expected at least 1",
        ),
        (
            "exaone4",
            json!({ "num_key_value_heads": 2, "sliding_window_pattern": "LLLG" }),
            "sliding_window_pattern: \"LLLG\"",
        ),
        ("granitemoehybrid", json!({}), "shared_intermediate_size: is missing"),
        (
            "granitemoehybrid",
            json!({ "shared_intermediate_size": 64 }),
            "layer_types: unsupported layers of type \"mamba\"",
        ),
        (
            "granitemoehybrid",
            json!({ "shared_intermediate_size": 64, "layer_types": ["attention"] }),
            "layer_types: 1 types of 2 layers",
        ),
        (
            "granitemoehybrid",
            json!({ "shared_intermediate_size": 64, "layer_types": ["attention", "attention"] }),
            "num_local_experts: unsupported experts in this family",
        ),
        (
            "granitemoehybrid",
            json!({ "shared_intermediate_size": 64, "layer_types": ["attention", "attention"],
                "num_local_experts": 0, "position_embedding_type": "alibi" }),
            "position_embedding_type: unsupported positions by \"alibi\"",
        ),
        (
            "ministral3",
            json!({ "max_position_embeddings": 64, "num_key_value_heads": 2,
                "rope_parameters": { "rope_type": "yarn", "factor": 2, "llama_4_scaling_beta": 0.1 } }),
            "rope_parameters.original_max_position_embeddings: is missing",
        ),
        (
            "ministral3",
            json!({ "num_key_value_heads": 2,
                "rope_parameters": { "rope_type": "yarn", "factor": 2, "llama_4_scaling_beta": -1,
                "original_max_position_embeddings": 8 } }),
            "rope_parameters.llama_4_scaling_beta: -1, expected more than 0",
        ),
        (
            "ministral3",
            json!({ "num_key_value_heads": 2,
                "rope_parameters": { "rope_type": "yarn", "factor": 2, "llama_4_scaling_beta": 0.1,
                "original_max_position_embeddings": 0 } }),
            "original_max_position_embeddings: 0, expected more than 0",
        ),
        ("gemma3", json!({}), "text_config: is missing"),
        ("gemma3", json!({ "text_config": [] }), "text_config: [], expected an object"),
        (
            "gemma3",
            json!({ "text_config": { "model_type": "llama" } }),
            "text_config.model_type: unsupported \"llama\" in a model of type \"gemma3\"",
        ),
        ("gemma3", json!({ "text_config": { "vocab_size": 0 } }), "text_config.vocab_size: 0"),
        (
            "mistral3",
            json!({ "text_config": { "rope_parameters": { "rope_type": "x" } } }),
            "text_config.rope_parameters.rope_type: unsupported",
        ),
        ("qwen3_vl", json!({ "text_config": { "vocab_size": 0 } }), "text_config.vocab_size: 0"),
        (
            "mistral3",
            json!({ "text_config": {}, "quantization_config": { "quant_method": "fp8" } }),
            "text_config.quantization_config: unsupported",
        ),
    ];
    for (model, changes, expected) in cases {
        let error = read(&with(model, &changes)).expect_err(expected).to_string();
        assert!(error.starts_with("dir/config.json: ") && error.contains(expected), "{error}");
    }
}

#[test]
fn unsound_and_unsupported_fields_are_refused_by_name() {
    let cases = [
        (json!({ "model_type": "gpt2" }), "model_type: unsupported model type \"gpt2\""),
        (json!({ "model_type": null }), "model_type: is missing"),
        (json!({ "vocab_size": null }), "vocab_size: is missing"),
        (json!({ "vocab_size": 0 }), "vocab_size: 0"),
        (json!({ "vocab_size": "many" }), "vocab_size: \"many\", expected an integer"),
        (json!({ "vocab_size": 1u64 << 60 }), "vocab_size"),
        (json!({ "hidden_size": 65 }), "head_dim: is missing, and 4 heads do not divide 65"),
        (json!({ "hidden_size": -64 }), "hidden_size: -64"),
        (json!({ "hidden_size": 64.5 }), "hidden_size: 64.5"),
        (json!({ "intermediate_size": u64::MAX }), "intermediate_size"),
        (json!({ "num_hidden_layers": 1_000_000 }), "num_hidden_layers"),
        (json!({ "num_attention_heads": 0 }), "head_dim"),
        (json!({ "num_attention_heads": 0, "head_dim": 8 }), "num_attention_heads: 0"),
        (json!({ "num_key_value_heads": 3 }), "num_key_value_heads: 3 does not divide 4"),
        (json!({ "num_key_value_heads": 8 }), "num_key_value_heads: 8"),
        (json!({ "head_dim": 7 }), "head_dim: 7 is odd"),
        (json!({ "max_position_embeddings": 0 }), "max_position_embeddings: 0"),
        (json!({ "rms_norm_eps": -1e-6 }), "rms_norm_eps"),
        (json!({ "rms_norm_eps": 1.0 }), "rms_norm_eps"),
        (json!({ "rms_norm_eps": 0 }), "rms_norm_eps: 0, expected more than 0"),
        (json!({ "rope_theta": 0 }), "rope_theta: 0"),
        (json!({ "rope_theta": 1e300 }), "rope_theta: 1e300, expected 1e-30 to 1e30"),
        (json!({ "rope_theta": 1e-300 }), "rope_theta: 1e-300, expected 1e-30 to 1e30"),
        (json!({ "tie_word_embeddings": "yes" }), "tie_word_embeddings: \"yes\""),
        (json!({ "eos_token_id": -1 }), "eos_token_id: -1"),
        (json!({ "eos_token_id": [1, "two"] }), "eos_token_id: [1,\"two\"]"),
        (json!({ "hidden_act": "gelu" }), "hidden_act: unsupported activation \"gelu\""),
        (json!({ "use_sliding_window": true }), "use_sliding_window: unsupported"),
        (
            json!({ "layer_types": ["full_attention", "sliding_attention"] }),
            "layer_types: unsupported window of layer 1",
        ),
        (json!({ "layer_types": ["full_attention"] }), "layer_types: 1 types of 2 layers"),
        (json!({ "partial_rotary_factor": 0.5 }), "partial_rotary_factor: unsupported"),
        (json!({ "quantization_config": {} }), "quantization_config: unsupported"),
        (json!({ "rope_scaling": { "type": "yarn" } }), "rope_scaling.factor: is missing"),
        (
            json!({ "rope_scaling": { "type": "yarn", "factor": 2, "beta_fast": 1, "beta_slow": 1 },
                "max_position_embeddings": 64 }),
            "rope_scaling.beta_fast: 1, expected more than beta_slow, 1",
        ),
        (
            json!({ "rope_parameters": { "rope_type": "proportional" } }),
            "rope_parameters.rope_type: uns",
        ),
        (
            json!({ "rope_parameters": { "rope_type": "dynamic" } }),
            "rope_parameters.factor: is missing",
        ),
        (
            json!({ "rope_scaling": { "type": "dynamic", "factor": 0 } }),
            "rope_scaling.factor: 0, expected more than 0",
        ),
        (
            json!({ "rope_scaling": { "type": "dynamic", "factor": 1, "alpha": 2 } }),
            "rope_scaling.alpha: unsupported stretching by alpha in this family",
        ),
        (json!({ "rope_scaling": { "factor": 2.0 } }), "rope_scaling.rope_type: is missing"),
        (json!({ "rope_scaling": { "type": "linear" } }), "rope_scaling.factor: is missing"),
        (json!({ "rope_scaling": { "type": "linear", "factor": 0 } }), "rope_scaling.factor: 0"),
        (
            json!({ "rope_scaling": { "type": "factors", "factors": [1] } }),
            "rope_scaling.factors: 1 numbers, expected 8",
        ),
        (
            json!({ "rope_parameters": { "rope_type": "linear", "factor": -2 } }),
            "rope_parameters.factor: -2, expected more than 0",
        ),
        (json!({ "rope_scaling": "yarn" }), "rope_scaling: \"yarn\", expected an object"),
        (
            json!({ "rope_scaling": { "type": "llama3", "factor": 2, "low_freq_factor": 4,
                "high_freq_factor": 4, "original_max_position_embeddings": 10 } }),
            "rope_scaling.high_freq_factor: 4, expected more than low_freq_factor, 4",
        ),
    ];
    for (changes, expected) in cases {
        let error = read(&with("llama", &changes)).expect_err(expected).to_string();
        assert!(error.starts_with("dir/config.json: ") && error.contains(expected), "{error}");
    }
    for text in ["", "{", "[]", "null", "{\"a\":1e999}", &"[".repeat(100_000)] {
        let error = ModelConfig::from_json_slice(text.as_bytes(), "dir/config.json").unwrap_err();
        assert!(error.to_string().starts_with("dir/config.json: "), "{error}");
    }
}

#[test]
fn generation_config_adds_end_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, with("llama", &json!({ "eos_token_id": 2 })).to_string()).unwrap();
    assert_eq!(ModelConfig::from_json(&path).unwrap().eos_token_ids, [2]);
    let generation = folder.path().join("generation_config.json");
    fs::write(&generation, r#"{ "eos_token_id": [2, 7] }"#).unwrap();
    assert_eq!(ModelConfig::from_json(&path).unwrap().eos_token_ids, [2, 7]);
    fs::write(&generation, r#"{ "eos_token_id": "x" }"#).unwrap();
    let error = ModelConfig::from_json(&path).unwrap_err().to_string();
    assert!(error.contains("generation_config.json: eos_token_id: "), "{error}");
}

#[test]
fn written_configs_read_back() {
    for architecture in ["llama", "qwen2", "qwen3"] {
        let config = tiny_config(architecture);
        let text = config.to_json();
        assert_eq!(ModelConfig::from_json_slice(text.as_bytes(), "x").unwrap(), config);
        let rope_scaling = RopeScaling::LongRope {
            short_factor: vec![1.0, 1.1, 1.2],
            long_factor: vec![1.0, 2.5, 30.0],
            original_max_position_embeddings: 32.0,
            attention_factor: 1.19,
        };
        let config = ModelConfig { rope_scaling, ..config };
        let text = config.to_json();
        assert_eq!(ModelConfig::from_json_slice(text.as_bytes(), "x").unwrap(), config);
    }
}

#[test]
fn a_mark_of_byte_order_is_no_part_of_a_config() {
    let text = format!("\u{feff}{}", minimal("llama").to_string().replace(',', ",\r\n"));
    let marked = ModelConfig::from_json_slice(text.as_bytes(), "dir/config.json").unwrap();
    assert_eq!(marked, read(&minimal("llama")).unwrap());
    let error = ModelConfig::from_json_slice(b"{\n\"a\": \"\xe9\"}", "dir/config.json");
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("dir/config.json: JSON: line 2: not UTF-8"), "{error}");
}
