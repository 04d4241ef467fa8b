//! Experts in `config.json`: the fields of each family, what is refused, and what they count.

use serde_json::{Value, json};
use tts_models::testing::tiny_config;
use tts_models::weights::config::{Activation, Attends, Experts, Router};
use tts_models::{ModelConfig, RopeScaling, Switches};

use crate::{read, with};

#[test]
fn experts_are_read_with_the_defaults_of_their_class() {
    let experts = |model: &str, mut changes: Value| {
        changes["num_key_value_heads"] = json!(4);
        let config = read(&with(model, &changes)).unwrap();
        assert_eq!(config.feed_forward_width(), config.switches.experts.unwrap().width);
        config.switches.experts.unwrap()
    };
    let of = |count, used, width, normed| Experts { count, used, width, normed, shared: None };
    assert_eq!(experts("qwen3_moe", json!({})), of(128, 8, 768, false));
    let told = json!({ "num_experts": 6, "num_experts_per_tok": 3, "moe_intermediate_size": 20,
        "norm_topk_prob": true, "decoder_sparse_step": 1, "mlp_only_layers": [] });
    assert_eq!(experts("qwen3_moe", told), of(6, 3, 20, true));
    // The name under which newer files say it.
    let other = json!({ "num_local_experts": 9, "mlp_only_layers": null });
    assert_eq!(experts("qwen3_moe", other), of(9, 8, 768, false));
    // One that every token goes to besides.
    let shared = |width| Experts { shared: Some(width), ..of(60, 4, 1_408, false) };
    assert_eq!(experts("qwen2_moe", json!({})), shared(5_632));
    let told = json!({ "shared_expert_intermediate_size": 64, "qkv_bias": true });
    assert_eq!(experts("qwen2_moe", told), shared(64));
    assert_eq!(experts("mixtral", json!({})), of(8, 2, 96, true));
    let told = json!({ "num_local_experts": 4, "num_experts_per_tok": 1 });
    assert_eq!(experts("mixtral", told), of(4, 1, 96, true));
    // What a token's experts count is left as it is, unless the file says otherwise.
    assert_eq!(experts("olmoe", json!({})), of(64, 8, 96, false));
    assert_eq!(experts("olmoe", json!({ "norm_topk_prob": true })), of(64, 8, 96, true));
    assert_eq!(experts("granitemoe", json!({})), of(8, 2, 96, true));
    let shared = |width| Experts { shared: width, ..of(128, 8, 1_408, true) };
    assert_eq!(experts("glm4_moe", json!({})), shared(Some(1_408)));
    assert_eq!(experts("glm4_moe", json!({ "n_shared_experts": 3 })), shared(Some(4_224)));
    assert_eq!(experts("glm4_moe", json!({ "n_shared_experts": 0 })), shared(None));
    let mixtral = read(&with("mixtral", &json!({ "num_attention_heads": 8 }))).unwrap();
    assert_eq!((mixtral.num_key_value_heads, mixtral.rope_theta), (8, 1_000_000.0));
    assert_eq!(mixtral.switches.attends(0).window, None);
    let window = json!({ "num_key_value_heads": 4, "sliding_window": 7 });
    assert_eq!(read(&with("mixtral", &window)).unwrap().switches.attends(1).window, Some(7));
    let granite = json!({ "attention_bias": true, "logits_scaling": 6.0, "mlp_bias": true });
    let granite = read(&with("granitemoe", &granite)).unwrap();
    assert!(granite.attention_bias && granite.switches.output_bias);
    assert!(!granite.switches.feed_forward_bias);
    assert_eq!((granite.switches.attention_scale, granite.rms_norm_eps), (Some(1.0), 1e-6));
    assert!((granite.switches.logit_scale - 1.0 / 6.0).abs() < 1e-12);
    let qwen = read(&with("qwen3_moe", &json!({}))).unwrap();
    assert!(qwen.qk_norm && qwen.head_dim == 16 && qwen.num_key_value_heads == 4);
}

#[test]
fn unsound_experts_are_refused_by_field() {
    let server = "ask a server";
    let cases = [
        ("qwen3_moe", json!({ "num_experts": 0 }), "num_experts: 0, expected 1 to 4096"),
        ("qwen3_moe", json!({ "num_experts": 1_u64 << 40 }), "num_experts: 1099511627776"),
        ("qwen3_moe", json!({ "num_experts": -3 }), "num_experts: -3, expected an integer"),
        ("qwen3_moe", json!({ "num_experts": 4 }), "num_experts_per_tok: 8, expected 1 to 4"),
        ("qwen3_moe", json!({ "num_experts_per_tok": 0 }), "num_experts_per_tok: 0, expected 1"),
        ("qwen3_moe", json!({ "num_experts_per_tok": u64::MAX }), "num_experts_per_tok: 18446"),
        ("qwen3_moe", json!({ "moe_intermediate_size": 0 }), "moe_intermediate_size: 0, expected"),
        (
            "qwen3_moe",
            json!({ "moe_intermediate_size": 1_u64 << 40 }),
            "moe_intermediate_size: 1099511627776, expected 1 to 1048576",
        ),
        ("qwen3_moe", json!({ "norm_topk_prob": "yes" }), "norm_topk_prob: \"yes\""),
        ("qwen3_moe", json!({ "decoder_sparse_step": 2 }), "decoder_sparse_step: unsupported"),
        ("qwen3_moe", json!({ "decoder_sparse_step": 2 }), server),
        ("qwen3_moe", json!({ "mlp_only_layers": [1] }), "mlp_only_layers: unsupported"),
        ("qwen3_moe", json!({ "mlp_only_layers": 1 }), "mlp_only_layers: 1, expected a list"),
        ("qwen3_moe", json!({ "n_shared_experts": 1 }), "n_shared_experts: unsupported"),
        (
            "qwen3_moe",
            json!({ "shared_expert_intermediate_size": 64 }),
            "shared_expert_intermediate_size: unsupported experts that every token goes to",
        ),
        ("qwen3_moe", json!({ "use_sliding_window": true }), "use_sliding_window: unsupported"),
        ("qwen3_moe", json!({ "hidden_act": "gelu" }), "hidden_act: unsupported"),
        (
            "qwen2_moe",
            json!({ "shared_expert_intermediate_size": 0 }),
            "shared_expert_intermediate_size: 0, expected 1 to 1048576",
        ),
        ("qwen2_moe", json!({ "n_shared_experts": 2 }), "n_shared_experts: unsupported"),
        ("qwen2_moe", json!({ "qkv_bias": false }), "qkv_bias: unsupported projections without"),
        ("olmoe", json!({ "num_experts": 0 }), "num_experts: 0, expected 1 to 4096"),
        (
            "olmoe",
            json!({ "num_experts_per_tok": 65 }),
            "num_experts_per_tok: 65, expected 1 to 64",
        ),
        ("olmoe", json!({ "clip_qkv": 8.0 }), "clip_qkv: unsupported bound 8 of queries, keys"),
        ("mixtral", json!({ "num_local_experts": 0 }), "num_local_experts: 0, expected 1 to 4096"),
        ("mixtral", json!({ "num_experts_per_tok": 9 }), "num_experts_per_tok: 9, expected 1 to 8"),
        ("mixtral", json!({ "intermediate_size": 0 }), "intermediate_size: 0"),
    ];
    for (model, mut changes, expected) in cases {
        changes["num_key_value_heads"] = json!(4);
        let error = read(&with(model, &changes)).expect_err(expected).to_string();
        assert!(error.starts_with("dir/config.json: ") && error.contains(expected), "{error}");
    }
    // Made by hand.
    let of = |experts: Option<Experts>, architecture: &str| {
        let config = tiny_config(architecture);
        let switches = Switches { experts, ..config.switches.clone() };
        ModelConfig { switches, ..config }.validate().unwrap_err().to_string()
    };
    let sound = Experts { count: 4, used: 2, width: 8, normed: true, shared: None };
    assert_eq!(of(Some(sound), "qwen3"), "num_experts: experts in qwen3");
    assert_eq!(of(None, "mixtral"), "num_experts: none in mixtral");
    let none = of(Some(Experts { used: 5, ..sound }), "qwen3_moe");
    assert_eq!(none, "num_experts_per_tok: 5, expected 1 to 4");
}

#[test]
fn unsound_fields_of_granitemoe_and_glm4_moe_are_refused_by_name() {
    let cases = [
        ("granitemoe", json!({ "num_local_experts": 0 }), "num_local_experts: 0, expected 1 to"),
        ("granitemoe", json!({ "num_experts_per_tok": 9 }), "num_experts_per_tok: 9, expected 1"),
        ("granitemoe", json!({ "logits_scaling": 0.0 }), "logits_scaling: 0, expected more than"),
        (
            "granitemoe",
            json!({ "shared_intermediate_size": 64 }),
            "shared_intermediate_size: unsupported experts that every token goes to",
        ),
        ("granitemoe", json!({ "hidden_act": "gelu" }), "hidden_act: unsupported activation"),
        (
            "granitemoe",
            json!({ "quantization_config": { "quant_method": "mxfp4" } }),
            "quantization_config: unsupported quantised layers; use GGUF",
        ),
        ("glm4_moe", json!({ "n_routed_experts": 0 }), "n_routed_experts: 0, expected 1 to 4096"),
        ("glm4_moe", json!({ "n_routed_experts": 4 }), "num_experts_per_tok: 8, expected 1 to 4"),
        ("glm4_moe", json!({ "moe_intermediate_size": 0 }), "moe_intermediate_size: 0, expected"),
        (
            "glm4_moe",
            json!({ "n_shared_experts": u64::MAX }),
            "n_shared_experts: 18446744073709551615 of width 1408, expected at most 1048576 together",
        ),
        (
            "glm4_moe",
            json!({ "n_shared_experts": -1 }),
            "n_shared_experts: -1, expected an integer",
        ),
        ("glm4_moe", json!({ "n_group": 8 }), "n_group: unsupported 8 groups of experts"),
        ("glm4_moe", json!({ "topk_group": 2 }), "topk_group: unsupported 2 groups of experts"),
        (
            "glm4_moe",
            json!({ "first_k_dense_replace": 2 }),
            "first_k_dense_replace: 2 of 2 layers, expected at most 1",
        ),
        (
            "glm4_moe",
            json!({ "routed_scaling_factor": 0.0 }),
            "routed_scaling_factor: 0, expected more than 0",
        ),
        ("glm4_moe", json!({ "use_qk_norm": 1 }), "use_qk_norm: 1, expected true or false"),
        (
            "glm4_moe",
            json!({ "partial_rotary_factor": 1.5 }),
            "partial_rotary_factor: 1.5, expected more than 0",
        ),
        (
            "glm4_moe",
            json!({ "shared_expert_intermediate_size": 64 }),
            "shared_expert_intermediate_size: unsupported experts that every token goes to",
        ),
        ("glm4_moe", json!({ "mlp_only_layers": [1] }), "mlp_only_layers: unsupported layers"),
        (
            "glm4_moe",
            json!({ "layer_types": ["sliding_attention", "full_attention"] }),
            "layer_types: unsupported window of layer 0",
        ),
    ];
    for (model, mut changes, expected) in cases {
        changes["num_key_value_heads"] = json!(4);
        let error = read(&with(model, &changes)).expect_err(expected).to_string();
        assert!(error.starts_with("dir/config.json: ") && error.contains(expected), "{error}");
    }
}

/// What `_compute_yarn_parameters` of transformers 5.24 makes of `GptOssConfig()`: what cosines are multiplied with, and
/// how fast some pairs of a head turn.
const GPT_OSS_ATTENTION: f64 = 1.346_573_590_279_972_7;
const GPT_OSS_FREQUENCIES: [(usize, f64); 7] = [
    (0, 1.0),
    (7, 0.073_744_565),
    (9, 0.031_705_696),
    (14, 0.002_093_792_7),
    (16, 0.000_456_483_92),
    (18, 3.830_881_2e-5),
    (31, 3.023_511_4e-7),
];

#[test]
fn gpt_oss_is_read_with_the_defaults_of_its_class() {
    let changes = json!({ "num_attention_heads": 8, "num_hidden_layers": 4 });
    let config = read(&with("gpt_oss", &changes)).unwrap();
    assert_eq!(
        (config.num_key_value_heads, config.head_dim, config.rope_theta),
        (8, 64, 150_000.0)
    );
    assert_eq!((config.max_position_embeddings, config.rms_norm_eps), (131_072, 1e-5));
    let scaling = RopeScaling::Yarn {
        factor: 32.0,
        original_max_position_embeddings: 4_096.0,
        beta_fast: 32.0,
        beta_slow: 1.0,
        attention_factor: GPT_OSS_ATTENTION,
        truncate: false,
    };
    assert_eq!(config.rope_scaling, scaling);
    let frequencies = config.rope_frequencies();
    assert_eq!(frequencies.len(), 32);
    for (pair, expected) in GPT_OSS_FREQUENCIES {
        let far = (frequencies[pair] / expected - 1.0).abs();
        assert!(far < 1e-6, "{pair}: {} {expected}", frequencies[pair]);
    }
    assert!(config.attention_bias && !config.qk_norm && !config.tie_word_embeddings);
    let whole = Attends::default();
    let window = Attends { window: Some(128), ..whole };
    assert_eq!(config.switches.layers, [window, whole, window, whole]);
    let switches = Switches {
        activation: Activation::Clamped { slope: 1.702, limit: 7.0 },
        experts: Some(Experts { count: 128, used: 4, width: 96, normed: true, shared: None }),
        output_bias: true,
        feed_forward_bias: true,
        sinks: true,
        layers: config.switches.layers.clone(),
        ..Switches::default()
    };
    assert_eq!(config.switches, switches);
    let told = json!({
        "num_attention_heads": 8, "swiglu_limit": 3.5, "swiglu_alpha": 1.0, "sliding_window": 131_072,
        "num_local_experts": 32, "num_experts_per_tok": 2, "hidden_act": "silu",
        "quantization_config": { "quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"] }
    });
    let Switches { activation, experts, layers, .. } =
        read(&with("gpt_oss", &told)).unwrap().switches;
    assert_eq!(activation, Activation::Clamped { slope: 1.0, limit: 3.5 });
    assert_eq!(
        experts,
        Some(Experts { count: 32, used: 2, width: 96, normed: true, shared: None })
    );
    assert!(layers.is_empty());
    // Whoever has no arithmetic for a part of it says so.
    let refused = |switches: Switches| switches.refuse("somebody").unwrap_err().to_string();
    let of_mixture = refused(config.switches.clone());
    assert!(of_mixture.contains("somebody has no arithmetic for a mixture of"), "{of_mixture}");
    let of_sinks = refused(Switches { sinks: true, ..Switches::default() });
    assert_eq!(of_sinks, "model: somebody has no arithmetic for sinks of attention");
    let clamped = Activation::Clamped { slope: 1.0, limit: 1.0 };
    let of_gates = refused(Switches { activation: clamped, ..Switches::default() });
    assert!(of_gates.contains("another activation than SiLU"), "{of_gates}");
    // By hand: numbers that no JSON holds.
    for (slope, limit, field) in [
        (f64::NAN, 7.0, "swiglu_alpha: NaN, expected more than 0"),
        (1.702, f64::NAN, "swiglu_limit: NaN, expected more than 0"),
        (1.702, f64::INFINITY, "swiglu_limit: inf, expected 1e-30 to 1e30"),
    ] {
        let activation = Activation::Clamped { slope, limit };
        let switches = Switches { activation, ..config.switches.clone() };
        let error = ModelConfig { switches, ..config.clone() }.validate().unwrap_err().to_string();
        assert_eq!(error, field);
    }
}

#[test]
fn unsound_fields_of_gpt_oss_are_refused_by_name() {
    let cases = [
        (json!({ "num_local_experts": 0 }), "num_local_experts: 0, expected 1 to 4096"),
        (json!({ "num_experts_per_tok": 0 }), "num_experts_per_tok: 0, expected 1 to 128"),
        (json!({ "num_experts_per_tok": 200 }), "num_experts_per_tok: 200, expected 1 to 128"),
        (json!({ "sliding_window": 0 }), "sliding_window: 0, expected at least 1"),
        (json!({ "sliding_window": -1 }), "sliding_window: -1, expected an integer"),
        (json!({ "swiglu_limit": -7.0 }), "swiglu_limit: -7, expected more than 0"),
        (json!({ "swiglu_limit": 0 }), "swiglu_limit: 0, expected more than 0"),
        (json!({ "swiglu_limit": "NaN" }), "swiglu_limit: \"NaN\", expected a number"),
        (json!({ "swiglu_alpha": -1.0 }), "swiglu_alpha: -1, expected more than 0"),
        (json!({ "attention_bias": false }), "attention_bias: unsupported projections without"),
        (json!({ "hidden_act": "gelu" }), "hidden_act: unsupported activation"),
        (json!({ "layer_types": ["full_attention"] }), "layer_types: 1 types of 2 layers"),
        (
            json!({ "quantization_config": { "quant_method": "gptq" } }),
            "quantization_config.quant_method: unsupported layers quantised by \"gptq\"",
        ),
        (json!({ "quantization_config": {} }), "quantization_config: unsupported quantised layers"),
        (json!({ "quantization_config": "mxfp4" }), "quantization_config: \"mxfp4\", expected an"),
    ];
    for (mut changes, expected) in cases {
        changes["num_key_value_heads"] = json!(4);
        let error = read(&with("gpt_oss", &changes)).expect_err(expected).to_string();
        assert!(error.starts_with("dir/config.json: ") && error.contains(expected), "{error}");
    }
    // In a family whose files hold no blocks.
    let four = json!({ "quantization_config": { "quant_method": "mxfp4" } });
    let error = read(&with("llama", &four)).unwrap_err().to_string();
    assert!(error.contains("quantization_config: unsupported quantised layers"), "{error}");
}

/// Biases and sinks are parameters, and a token runs through those of the experts that it goes to.
#[test]
fn biases_and_sinks_count() {
    let config = ModelConfig { num_hidden_layers: 2, ..tiny_config("gpt_oss") };
    // As for other mixtures; two sinks, a bias for each output of the router, of queries, keys, values and output, and
    // of an expert.
    let rest = 8 * (2 * 12 + 2 * 6 + 2 + 5) + 2 + 5 + (12 + 6 + 6 + 8);
    let (expert, head) = (3 * 8 * 12 + 12 + 12 + 8, 8 * 11);
    assert_eq!(config.active_parameters(), 2 * (rest + 2 * expert) + 8 + head);
    let shape = config.shape(16.0, 2);
    assert_eq!(shape.layer_bytes, 2 * (2 * (rest + 5 * expert) + 8));
    assert_eq!(shape.experts.unwrap().bytes, 2 * 2 * 5 * expert);
}

#[test]
fn glm4_moe_is_read_with_the_defaults_of_its_class() {
    let config = read(&with("glm4_moe", &json!({ "num_attention_heads": 8 }))).unwrap();
    assert_eq!((config.num_key_value_heads, config.head_dim, config.rms_norm_eps), (8, 8, 1e-5));
    assert_eq!(config.max_position_embeddings, 131_072);
    assert!(!config.qk_norm && !config.attention_bias && !config.tie_word_embeddings);
    let switches = Switches {
        experts: Some(Experts {
            count: 128,
            used: 8,
            width: 1_408,
            normed: true,
            shared: Some(1_408),
        }),
        router: Router::Sigmoid { scale: 1.0 },
        dense_layers: 1,
        whole_shared: true,
        rotary_dim: Some(4),
        ..Switches::default()
    };
    assert_eq!(config.switches, switches);
    assert_eq!((switches.experts_of(0), switches.experts_of(1)), (None, switches.experts));
    let told = json!({
        "num_key_value_heads": 4, "use_qk_norm": true, "first_k_dense_replace": 0,
        "routed_scaling_factor": 2.5, "partial_rotary_factor": 1.0, "num_nextn_predict_layers": 1
    });
    let told = read(&with("glm4_moe", &told)).unwrap();
    assert!(told.qk_norm && told.num_hidden_layers == 2);
    assert_eq!((told.switches.dense_layers, told.switches.rotary_dim), (0, None));
    assert_eq!(told.switches.router, Router::Sigmoid { scale: 2.5 });
    // Made by hand: layers without experts in a model that has none.
    let config = tiny_config("llama");
    let switches = Switches { dense_layers: 1, ..config.switches.clone() };
    let error = ModelConfig { switches, ..config }.validate().unwrap_err().to_string();
    assert_eq!(error, "first_k_dense_replace: 1 of 2 layers, expected at most 0");
}

/// The published shape of GLM-4.5-Air: 106 billion parameters, 12 of them active.
#[test]
fn a_published_shape_has_its_published_size() {
    let config = json!({
        "model_type": "glm4_moe", "vocab_size": 151_552, "hidden_size": 4_096,
        "intermediate_size": 10_944, "num_hidden_layers": 46, "num_attention_heads": 96,
        "num_key_value_heads": 8, "head_dim": 128, "attention_bias": true, "use_qk_norm": false,
        "n_routed_experts": 128, "num_experts_per_tok": 8, "n_shared_experts": 1,
        "moe_intermediate_size": 1_408, "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1,
        "norm_topk_prob": true, "routed_scaling_factor": 1.0, "partial_rotary_factor": 0.5,
        "rope_theta": 1_000_000, "rope_scaling": null, "num_nextn_predict_layers": 1
    });
    let config = read(&config).unwrap();
    let embedding = 151_552 * 4_096;
    let shape = config.shape(8.0, 1);
    let billions = |parameters: u64| parameters / 1_000_000_000;
    assert_eq!(billions(shape.layer_bytes + shape.head_bytes + embedding), 106);
    assert_eq!(billions(config.active_parameters()), 12);
}

/// What every token goes to counts for each, and is no expert's.
#[test]
fn shared_networks_count() {
    let config = ModelConfig { num_hidden_layers: 3, ..tiny_config("qwen2_moe") };
    // As without, and a network of width 14 with a gate of one output; and biases of queries, keys and values.
    let rest = 8 * (2 * 12 + 2 * 6 + 2 + 5 + 3 * 14 + 1) + 12 + 2 * 6;
    let (expert, head) = (3 * 8 * 12, 8 * 11);
    assert_eq!(config.active_parameters(), 3 * (rest + 2 * expert) + 8 + head);
    let shape = config.shape(16.0, 2);
    assert_eq!(shape.layer_bytes, 2 * (3 * (rest + 5 * expert) + 8));
    assert_eq!(shape.experts.unwrap().bytes, 2 * 3 * 5 * expert);
}

/// What a token runs through is counted, and all that there is held.
#[test]
fn experts_count_where_a_token_goes_to_them() {
    let config = ModelConfig { num_hidden_layers: 3, ..tiny_config("qwen3_moe") };
    // Queries and outputs of 12, keys and values of 6, two norms, and a router of five outputs, all of width 8; and
    // norms of heads of 6.
    let rest = 8 * (2 * 12 + 2 * 6 + 2 + 5) + 2 * 6;
    let (expert, head) = (3 * 8 * 12, 8 * 11);
    assert_eq!(config.active_parameters(), 3 * (rest + 2 * expert) + 8 + head);
    assert_eq!(config.cost().parameters, config.active_parameters());
    let flops = 2 * (3 * (rest + 2 * expert) + 8 + head) + 4 * 3 * 12;
    assert!((config.cost().flops(0, 1) - flops as f64).abs() < 0.5);
    let shape = config.shape(16.0, 2);
    assert_eq!(shape.layer_parameters, 3 * (rest + 2 * expert) + 8);
    assert_eq!(shape.layer_bytes, 2 * (3 * (rest + 5 * expert) + 8));
    assert_eq!(shape.experts.unwrap().bytes, 2 * 3 * 5 * expert);
    assert_eq!((shape.experts.unwrap().count, shape.experts.unwrap().used), (5, 2));
    assert_eq!(tiny_config("qwen3").shape(16.0, 2).experts, None);
}
