//! The rows: every family that is read.
//!
//! Each is Llama's row with what differs. Names of tensors that several rows share stand before them.
//!
//! Source: `configuration_*.py` and `modeling_*.py` of Hugging Face transformers; `constants.py` of gguf-py.

use super::fields::{
    cwm, cwm_scaling, ernie4_5, exaone4, gemma2, gemma3, glm4, glm4_moe, gpt_oss, gpt_oss_scaling,
    granite, granite_hybrid, granitemoe, hunyuan, llama, ministral, ministral_scaling, mistral,
    mixtral, olmo, olmoe, phi3, qwen, qwen2_moe, qwen3, qwen3_moe, seed_oss, smollm3,
};
use super::keys::{
    exaone4_keys, gemma2_keys, gemma3_keys, glm4_keys, glm4_moe_keys, gpt_oss_keys, granite_keys,
    granitemoe_keys, hunyuan_keys, ministral_keys, mixture_keys, olmo2_keys, olmoe_keys, phi3_keys,
    plain_keys, shared_keys, smollm3_keys,
};

use super::{Defaults, Family, Fused, Pairs, Stacked};
use crate::RopeScaling;

const PLAIN: Family = Family {
    name: "llama",
    class: "LlamaForCausalLM",
    held_as: "llama",
    gguf: Some(("llama", plain_keys)),
    pairs: Pairs::BesideInGguf,
    experts: false,
    attention_bias: false,
    bias_field: "attention_bias",
    width: "intermediate_size",
    qk_norm: false,
    qk_norm_field: None,
    norm_offset: false,
    fused: Fused::Nothing,
    stacked: Stacked::Apart,
    yarn_truncates: true,
    yarn_is_whole: false,
    yarn_logarithm: false,
    stretches_by_alpha: false,
    turns_in_part: false,
    writes: true,
    defaults: Defaults {
        positions: 2_048,
        original_positions: None,
        key_heads: None,
        head_dim: None,
        epsilon: 1e-6,
        attention_bias: false,
        tied: false,
        rope_theta: 10_000.0,
        scaling: RopeScaling::default,
        activation: "silu",
    },
    names: &[],
    words: &[],
    switches: llama,
};

/// Norms around each block, as Gemma calls them.
const AROUND: &[(&str, &str, &str)] = &[
    ("post_attention_layernorm", "pre_feedforward_layernorm", "ffn_norm"),
    ("post_attention_norm", "post_attention_layernorm", "post_attention_norm"),
    ("post_feedforward_norm", "post_feedforward_layernorm", "post_ffw_norm"),
];

/// Norms around each block, and gate and up in one tensor, as GLM calls them.
const GLM: &[(&str, &str, &str)] = &[
    ("post_attention_norm", "post_self_attn_layernorm", "post_attention_norm"),
    ("post_feedforward_norm", "post_mlp_layernorm", "post_ffw_norm"),
    ("mlp.gate_up_proj", "mlp.gate_up_proj", "ffn_up"),
];

/// Norms after each block, as `OLMo` calls them.
const AFTER: &[(&str, &str, &str)] = &[
    ("input_layernorm", "post_attention_layernorm", "post_attention_norm"),
    ("post_attention_layernorm", "post_feedforward_layernorm", "post_ffw_norm"),
];

/// Experts, as Mixtral calls them.
const BLOCK_SPARSE: &[(&str, &str)] =
    &[("mlp", "block_sparse_moe"), ("gate_proj", "w1"), ("up_proj", "w3"), ("down_proj", "w2")];

const GEMMA: Defaults = Defaults {
    positions: 8_192,
    original_positions: None,
    key_heads: Some(4),
    head_dim: Some(256),
    epsilon: 1e-6,
    attention_bias: false,
    tied: true,
    rope_theta: 10_000.0,
    scaling: RopeScaling::default,
    activation: "gelu_pytorch_tanh",
};

/// A router, and the norm before it, as gpt-oss calls them.
const ROUTED: &[(&str, &str, &str)] = &[
    ("mlp.gate", "mlp.router", "ffn_gate_inp"),
    ("post_attention_layernorm", "post_attention_layernorm", "post_attention_norm"),
];

/// A router, and what holds all experts of a layer, as Granite calls them; in GGUF experts have names of their own.
const PARALLEL: &[(&str, &str, &str)] = &[
    ("mlp.gate", "block_sparse_moe.router.layer", "ffn_gate_inp"),
    ("mlp.experts.gate_up_proj", "block_sparse_moe.input_linear", "ffn_gate_up_exps"),
    ("mlp.experts.down_proj", "block_sparse_moe.output_linear", "ffn_down_exps"),
];

/// The one network of a layer, as hybrids of Granite call it; gate and up in one tensor.
const SHARED: &[(&str, &str, &str)] = &[
    ("mlp.gate_up_proj", "shared_mlp.input_linear", "ffn_up"),
    ("mlp.down_proj", "shared_mlp.output_linear", "ffn_down"),
];

/// The second norm of a layer, as GGUF calls it where it is named after what it follows.
const AFTER_ATTENTION: &[(&str, &str, &str)] =
    &[("post_attention_layernorm", "post_attention_layernorm", "post_attention_norm")];

/// The norms of queries and keys, as Hunyuan calls them.
const QUERY_AND_KEY: &[(&str, &str, &str)] = &[
    ("self_attn.q_norm", "self_attn.query_layernorm", "attn_q_norm"),
    ("self_attn.k_norm", "self_attn.key_layernorm", "attn_k_norm"),
];

/// Tensors that are fused, as GGUF calls them.
const FUSED: &[(&str, &str, &str)] = &[
    ("self_attn.qkv_proj", "self_attn.qkv_proj", "attn_qkv"),
    ("mlp.gate_up_proj", "mlp.gate_up_proj", "ffn_up"),
];

/// Every family.
pub(crate) const FAMILIES: &[Family] = &[
    PLAIN,
    Family {
        name: "mistral",
        class: "MistralForCausalLM",
        gguf: None,
        defaults: Defaults { positions: 131_072, key_heads: Some(8), ..PLAIN.defaults },
        switches: mistral,
        ..PLAIN
    },
    Family {
        name: "ministral3",
        class: "Ministral3ForCausalLM",
        held_as: "ministral3",
        gguf: Some(("mistral3", ministral_keys)),
        yarn_logarithm: true,
        writes: false,
        defaults: Defaults {
            positions: 262_144,
            key_heads: Some(8),
            head_dim: Some(128),
            epsilon: 1e-5,
            rope_theta: 1_000_000.0,
            scaling: ministral_scaling,
            ..PLAIN.defaults
        },
        switches: ministral,
        ..PLAIN
    },
    Family {
        name: "hunyuan_v1_dense",
        class: "HunYuanDenseV1ForCausalLM",
        held_as: "hunyuan_v1_dense",
        gguf: Some(("hunyuan-dense", hunyuan_keys)),
        pairs: Pairs::Apart,
        qk_norm: true,
        stretches_by_alpha: true,
        writes: false,
        defaults: Defaults { epsilon: 1e-5, ..PLAIN.defaults },
        names: QUERY_AND_KEY,
        switches: hunyuan,
        ..PLAIN
    },
    Family {
        name: "cwm",
        class: "CwmForCausalLM",
        gguf: None,
        defaults: Defaults {
            positions: 131_072,
            key_heads: Some(8),
            head_dim: Some(128),
            epsilon: 1e-5,
            rope_theta: 1_000_000.0,
            scaling: cwm_scaling,
            ..PLAIN.defaults
        },
        switches: cwm,
        ..PLAIN
    },
    Family {
        name: "seed_oss",
        class: "SeedOssForCausalLM",
        held_as: "seed_oss",
        gguf: Some(("seed_oss", plain_keys)),
        pairs: Pairs::Apart,
        writes: false,
        defaults: Defaults {
            positions: 524_288,
            key_heads: Some(8),
            head_dim: Some(128),
            attention_bias: true,
            ..PLAIN.defaults
        },
        names: AFTER_ATTENTION,
        switches: seed_oss,
        ..PLAIN
    },
    Family {
        name: "ernie4_5",
        class: "Ernie4_5ForCausalLM",
        held_as: "ernie4_5",
        gguf: Some(("ernie4_5", plain_keys)),
        pairs: Pairs::Beside,
        writes: false,
        bias_field: "use_bias",
        defaults: Defaults {
            positions: 131_072,
            key_heads: Some(2),
            head_dim: Some(128),
            epsilon: 1e-5,
            tied: true,
            rope_theta: 500_000.0,
            ..PLAIN.defaults
        },
        switches: ernie4_5,
        ..PLAIN
    },
    Family {
        name: "qwen2",
        class: "Qwen2ForCausalLM",
        held_as: "qwen2",
        gguf: Some(("qwen2", plain_keys)),
        pairs: Pairs::Apart,
        attention_bias: true,
        defaults: Defaults { positions: 32_768, key_heads: Some(32), ..PLAIN.defaults },
        switches: qwen,
        ..PLAIN
    },
    Family {
        // With layers that guess further tokens, which are passed over.
        name: "mimo",
        class: "MiMoForCausalLM",
        held_as: "qwen2",
        gguf: None,
        pairs: Pairs::Apart,
        attention_bias: true,
        defaults: Defaults { positions: 32_768, key_heads: Some(32), ..PLAIN.defaults },
        switches: qwen,
        ..PLAIN
    },
    Family {
        name: "qwen3",
        class: "Qwen3ForCausalLM",
        held_as: "qwen3",
        gguf: Some(("qwen3", plain_keys)),
        pairs: Pairs::Apart,
        qk_norm: true,
        defaults: Defaults {
            positions: 32_768,
            key_heads: Some(32),
            head_dim: Some(128),
            ..PLAIN.defaults
        },
        switches: qwen3,
        ..PLAIN
    },
    Family {
        name: "qwen2_moe",
        class: "Qwen2MoeForCausalLM",
        held_as: "qwen2_moe",
        gguf: Some(("qwen2moe", shared_keys)),
        pairs: Pairs::Apart,
        experts: true,
        attention_bias: true,
        writes: false,
        defaults: Defaults { positions: 32_768, key_heads: Some(16), ..PLAIN.defaults },
        switches: qwen2_moe,
        ..PLAIN
    },
    Family {
        name: "qwen3_moe",
        class: "Qwen3MoeForCausalLM",
        held_as: "qwen3_moe",
        gguf: Some(("qwen3moe", mixture_keys)),
        pairs: Pairs::Apart,
        experts: true,
        qk_norm: true,
        writes: false,
        defaults: Defaults { positions: 32_768, key_heads: Some(4), ..PLAIN.defaults },
        switches: qwen3_moe,
        ..PLAIN
    },
    Family {
        name: "mixtral",
        class: "MixtralForCausalLM",
        held_as: "mixtral",
        gguf: Some(("llama", mixture_keys)),
        experts: true,
        writes: false,
        defaults: Defaults {
            positions: 131_072,
            key_heads: Some(8),
            epsilon: 1e-5,
            rope_theta: 1_000_000.0,
            ..PLAIN.defaults
        },
        words: BLOCK_SPARSE,
        switches: mixtral,
        ..PLAIN
    },
    Family {
        name: "gpt_oss",
        class: "GptOssForCausalLM",
        held_as: "gpt_oss",
        gguf: Some(("gpt-oss", gpt_oss_keys)),
        pairs: Pairs::Apart,
        experts: true,
        attention_bias: true,
        stacked: Stacked::ByTurns,
        yarn_truncates: false,
        writes: false,
        defaults: Defaults {
            positions: 131_072,
            key_heads: Some(8),
            head_dim: Some(64),
            epsilon: 1e-5,
            rope_theta: 150_000.0,
            scaling: gpt_oss_scaling,
            ..PLAIN.defaults
        },
        names: ROUTED,
        switches: gpt_oss,
        ..PLAIN
    },
    Family {
        name: "olmoe",
        class: "OlmoeForCausalLM",
        held_as: "olmoe",
        gguf: Some(("olmoe", olmoe_keys)),
        pairs: Pairs::Apart,
        experts: true,
        qk_norm: true,
        writes: false,
        defaults: Defaults { positions: 4_096, epsilon: 1e-5, ..PLAIN.defaults },
        switches: olmoe,
        ..PLAIN
    },
    Family {
        name: "granite",
        class: "GraniteForCausalLM",
        held_as: "granite",
        gguf: Some(("granite", granite_keys)),
        writes: false,
        switches: granite,
        ..PLAIN
    },
    Family {
        name: "granitemoe",
        class: "GraniteMoeForCausalLM",
        held_as: "granitemoe",
        gguf: Some(("granitemoe", granitemoe_keys)),
        experts: true,
        stacked: Stacked::Halves,
        writes: false,
        names: PARALLEL,
        switches: granitemoe,
        ..PLAIN
    },
    Family {
        name: "granitemoehybrid",
        class: "GraniteMoeHybridForCausalLM",
        held_as: "granitemoehybrid",
        // Without layers of other kinds, under the name of the one before, as which they are held then.
        gguf: None,
        fused: Fused::GateUp,
        width: "shared_intermediate_size",
        writes: false,
        names: SHARED,
        switches: granite_hybrid,
        ..PLAIN
    },
    Family {
        name: "smollm3",
        class: "SmolLM3ForCausalLM",
        held_as: "smollm3",
        gguf: Some(("smollm3", smollm3_keys)),
        writes: false,
        defaults: Defaults {
            positions: 32_768,
            key_heads: Some(4),
            tied: true,
            rope_theta: 2_000_000.0,
            ..PLAIN.defaults
        },
        switches: smollm3,
        ..PLAIN
    },
    Family {
        name: "olmo2",
        class: "Olmo2ForCausalLM",
        held_as: "olmo2",
        gguf: Some(("olmo2", olmo2_keys)),
        pairs: Pairs::Apart,
        yarn_is_whole: true,
        writes: false,
        qk_norm: true,
        defaults: Defaults { epsilon: 1e-5, ..PLAIN.defaults },
        names: AFTER,
        switches: olmo,
        ..PLAIN
    },
    Family {
        name: "olmo3",
        class: "Olmo3ForCausalLM",
        held_as: "olmo3",
        // Under the name of the one before, as which they are held then.
        gguf: None,
        writes: false,
        qk_norm: true,
        defaults: Defaults { epsilon: 1e-5, rope_theta: 500_000.0, ..PLAIN.defaults },
        names: AFTER,
        switches: olmo,
        ..PLAIN
    },
    Family {
        name: "exaone4",
        class: "Exaone4ForCausalLM",
        held_as: "exaone4",
        gguf: Some(("exaone4", exaone4_keys)),
        pairs: Pairs::Apart,
        writes: false,
        qk_norm: true,
        defaults: Defaults { key_heads: Some(32), epsilon: 1e-5, ..PLAIN.defaults },
        names: AFTER,
        switches: exaone4,
        ..PLAIN
    },
    Family {
        name: "phi3",
        class: "Phi3ForCausalLM",
        held_as: "phi3",
        gguf: Some(("phi3", phi3_keys)),
        pairs: Pairs::Apart,
        fused: Fused::All,
        turns_in_part: true,
        writes: false,
        defaults: Defaults {
            positions: 4_096,
            original_positions: Some(4_096.0),
            epsilon: 1e-5,
            ..PLAIN.defaults
        },
        names: FUSED,
        switches: phi3,
        ..PLAIN
    },
    Family {
        name: "glm4",
        class: "Glm4ForCausalLM",
        held_as: "glm4",
        gguf: Some(("glm4", glm4_keys)),
        pairs: Pairs::Beside,
        fused: Fused::GateUp,
        turns_in_part: true,
        writes: false,
        defaults: Defaults {
            positions: 131_072,
            key_heads: Some(2),
            head_dim: Some(128),
            epsilon: 1.5625e-7,
            attention_bias: true,
            ..PLAIN.defaults
        },
        names: GLM,
        switches: glm4,
        ..PLAIN
    },
    Family {
        name: "glm4_moe",
        class: "Glm4MoeForCausalLM",
        held_as: "glm4_moe",
        gguf: Some(("glm4moe", glm4_moe_keys)),
        pairs: Pairs::Apart,
        experts: true,
        qk_norm_field: Some("use_qk_norm"),
        turns_in_part: true,
        writes: false,
        defaults: Defaults {
            positions: 131_072,
            key_heads: Some(8),
            epsilon: 1e-5,
            ..PLAIN.defaults
        },
        names: AFTER_ATTENTION,
        words: &[("shared_expert", "shared_experts")],
        switches: glm4_moe,
        ..PLAIN
    },
    Family {
        name: "gemma2",
        class: "Gemma2ForCausalLM",
        held_as: "gemma2",
        gguf: Some(("gemma2", gemma2_keys)),
        pairs: Pairs::Apart,
        writes: false,
        norm_offset: true,
        defaults: GEMMA,
        names: AROUND,
        switches: gemma2,
        ..PLAIN
    },
    Family {
        name: "gemma3_text",
        class: "Gemma3ForCausalLM",
        held_as: "gemma3_text",
        gguf: Some(("gemma3", gemma3_keys)),
        pairs: Pairs::Apart,
        writes: false,
        qk_norm: true,
        norm_offset: true,
        defaults: Defaults { positions: 131_072, rope_theta: 1_000_000.0, ..GEMMA },
        names: AROUND,
        switches: gemma3,
        ..PLAIN
    },
];
