//! The families of decoders: for each, what its files are called and which switches they set.
//!
//! A [`Family`] is data: names of types and classes, defaults of Hugging Face's configuration class, names of
//! tensors that differ from Llama's, and one function that reads its own fields as [`Switches`] ([`fields`], and
//! [`keys`] for GGUF). Everything else about a model is in [`ModelConfig`], and nothing below asks for a family by
//! name. To add one: a row of [`FAMILIES`], and a line in the golden test.
//!
//! Source: `configuration_*.py` and `modeling_*.py` of Hugging Face transformers; `constants.py` of gguf-py for
//! GGUF's names.

mod fields;
mod keys;

use super::gguf::Keys;
use super::json::Object;
use super::{ModelConfig, RopeScaling, Switches};
use crate::ModelError;
use fields::{
    gemma2, gemma3, glm4, glm4_moe, gpt_oss, gpt_oss_scaling, granite, granitemoe, llama, mistral,
    mixtral, olmo, olmoe, phi3, qwen, qwen2_moe, qwen3_moe, smollm3,
};
pub(crate) use fields::{glm4_moe_switches, gpt_oss_switches};
use keys::{
    gemma2_keys, gemma3_keys, glm4_keys, glm4_moe_keys, gpt_oss_keys, granite_keys,
    granitemoe_keys, mixture_keys, olmo2_keys, olmoe_keys, phi3_keys, plain_keys, shared_keys,
    smollm3_keys,
};

/// Reads a family's own keys of a GGUF file.
pub(crate) type ReadKeys = fn(&Keys<'_>, &ModelConfig) -> Result<Switches, ModelError>;

/// A family of decoders.
#[expect(clippy::struct_excessive_bools, reason = "a table of what is so and what not")]
pub(crate) struct Family {
    /// `model_type` of `config.json`.
    pub(crate) name: &'static str,
    /// The first of `architectures` in `config.json`.
    pub(crate) class: &'static str,
    /// What its models are held as, where that is another family with switches set; else its own name.
    pub(crate) held_as: &'static str,
    /// What GGUF files call the architecture, and what reads their keys; `None` where they are not read. Of two
    /// families of one name, one has experts.
    pub(crate) gguf: Option<(&'static str, ReadKeys)>,
    /// Where files have the two numbers that are turned together ([`crate::weights::names`]).
    pub(crate) pairs: Pairs,
    /// Whether experts stand in the place of each feed-forward network.
    pub(crate) experts: bool,
    /// Whether the projections of queries, keys and values have biases, whatever a file says.
    pub(crate) attention_bias: bool,
    /// Whether queries and keys are normed.
    pub(crate) qk_norm: bool,
    /// The field that says so, where models of the family differ; in GGUF the tensors do.
    pub(crate) qk_norm_field: Option<&'static str>,
    /// Whether norms are stored less 1 in Hugging Face's files.
    pub(crate) norm_offset: bool,
    /// Which parts of a layer lie in one tensor.
    pub(crate) fused: Fused,
    /// How Hugging Face's files hold the experts of a layer.
    pub(crate) stacked: Stacked,
    /// Whether yarn's line between pairs that are kept and pairs that are slowed down ends at whole pairs, in files
    /// that have no word for it (GGUF).
    pub(crate) yarn_truncates: bool,
    /// Whether a factor of attention in GGUF that is yarn's own is all of it, as Hugging Face has it: a converter wrote it
    /// so. Otherwise yarn's comes to it.
    pub(crate) yarn_is_whole: bool,
    /// Whether heads may be turned in part.
    pub(crate) turns_in_part: bool,
    /// Whether a model of it without switches is written as it is held: its files are as Llama's.
    pub(crate) writes: bool,
    /// What a config that does not say has.
    pub(crate) defaults: Defaults,
    /// Parts of a layer that are called otherwise than in Llama: Llama's name, Hugging Face's, GGUF's.
    pub(crate) names: &'static [(&'static str, &'static str, &'static str)],
    /// Words between the dots of names that Hugging Face's files write otherwise: those of `qwen3_moe` for experts,
    /// and theirs.
    pub(crate) words: &'static [(&'static str, &'static str)],
    /// Reads its own fields.
    pub(crate) switches: fn(&Object<'_>, &ModelConfig) -> Result<Switches, ModelError>,
}

/// Where files have the two numbers of a head that are turned together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pairs {
    /// Half of what is turned apart, as executors have them.
    Apart,
    /// So in Hugging Face's files, and side by side in GGUF.
    BesideInGguf,
    /// Side by side in both.
    Beside,
}

/// Which parts of a layer lie in one tensor. A file that has the parts is read as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fused {
    /// None.
    Nothing,
    /// Gate and up.
    GateUp,
    /// These, and queries, keys and values.
    All,
}

impl Fused {
    /// The parts of a name that differ between a tensor and the one in which it lies.
    pub(crate) fn parts(self) -> &'static [(&'static str, &'static str)] {
        const ALL: &[(&str, &str)] = &[
            (".gate_proj.", ".gate_up_proj."),
            (".up_proj.", ".gate_up_proj."),
            (".q_proj.", ".qkv_proj."),
            (".k_proj.", ".qkv_proj."),
            (".v_proj.", ".qkv_proj."),
        ];
        match self {
            Self::Nothing => &[],
            Self::GateUp => &ALL[..2],
            Self::All => ALL,
        }
    }
}

/// How Hugging Face's files hold the experts of a layer ([`crate::weights::stacked`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stacked {
    /// Each by itself.
    Apart,
    /// All in one tensor, outputs behind inputs, those of gate and up by turns; as floats or in MXFP4.
    ByTurns,
    /// All in one tensor, outputs before inputs as in every projection, up's behind the gate's.
    Halves,
}

/// Defaults of a configuration class.
pub(crate) struct Defaults {
    /// `max_position_embeddings`.
    pub(crate) positions: usize,
    /// `original_max_position_embeddings` beside the scaling, where the class has it.
    pub(crate) original_positions: Option<f64>,
    /// `num_key_value_heads`, where it is not the number of query heads.
    pub(crate) key_heads: Option<usize>,
    /// `head_dim`, where it is not the quotient.
    pub(crate) head_dim: Option<usize>,
    /// `rms_norm_eps`.
    pub(crate) epsilon: f64,
    /// `attention_bias`.
    pub(crate) attention_bias: bool,
    /// `tie_word_embeddings`.
    pub(crate) tied: bool,
    /// `rope_theta`.
    pub(crate) rope_theta: f64,
    /// `rope_scaling`.
    pub(crate) scaling: fn() -> RopeScaling,
    /// `hidden_act`, or `hidden_activation`.
    pub(crate) activation: &'static str,
}

const PLAIN: Family = Family {
    name: "llama",
    class: "LlamaForCausalLM",
    held_as: "llama",
    gguf: Some(("llama", plain_keys)),
    pairs: Pairs::BesideInGguf,
    experts: false,
    attention_bias: false,
    qk_norm: false,
    qk_norm_field: None,
    norm_offset: false,
    fused: Fused::Nothing,
    stacked: Stacked::Apart,
    yarn_truncates: true,
    yarn_is_whole: false,
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

/// The second norm of a layer, as GGUF calls it where it is named after what it follows.
const AFTER_ATTENTION: &[(&str, &str, &str)] =
    &[("post_attention_layernorm", "post_attention_layernorm", "post_attention_norm")];

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
        name: "qwen2",
        class: "Qwen2ForCausalLM",
        held_as: "qwen2",
        gguf: Some(("qwen2", plain_keys)),
        pairs: Pairs::Apart,
        attention_bias: true,
        defaults: Defaults { positions: 32_768, ..PLAIN.defaults },
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
        defaults: Defaults { positions: 32_768, head_dim: Some(128), ..PLAIN.defaults },
        switches: qwen,
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

impl Family {
    /// The family of a name.
    pub(crate) fn of(name: &str) -> Option<&'static Self> {
        FAMILIES.iter().find(|family| family.name == name)
    }

    /// The family of a GGUF architecture, with experts or without.
    pub(crate) fn of_gguf(name: &str, experts: bool) -> Option<(&'static Self, ReadKeys)> {
        FAMILIES.iter().find_map(|family| match family.gguf {
            Some((own, read)) if own == name && family.experts == experts => Some((family, read)),
            _ => None,
        })
    }

    /// The GGUF architectures of all, for messages.
    pub(crate) fn list_gguf() -> String {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in FAMILIES.iter().filter_map(|family| family.gguf) {
            // Some have a name in common.
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(", ")
    }

    /// The names of all, for messages.
    pub(crate) fn list() -> String {
        let names: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
        names.join(", ")
    }

    /// Hugging Face's name of a tensor, from Llama's.
    pub(crate) fn stored(&self, name: &str) -> String {
        let renamed = self.names.iter().find_map(|(own, stored, _)| {
            let (front, rest) = name.split_once(own)?;
            let whole = front.ends_with('.') && rest.starts_with('.');
            whole.then(|| format!("{front}{stored}{rest}"))
        });
        let renamed = renamed.unwrap_or_else(|| name.to_owned());
        let word = |own: &'_ str| self.words.iter().find(|(word, _)| *word == own);
        let words = renamed.split('.').map(|own| word(own).map_or(own, |(_, stored)| *stored));
        words.collect::<Vec<&str>>().join(".")
    }

    /// GGUF's name of a part of a layer, from Llama's, where it is another than Llama's.
    pub(crate) fn gguf_part(&self, part: &str) -> Option<&'static str> {
        self.names.iter().find(|(own, _, _)| *own == part).map(|(_, _, stored)| *stored)
    }
}
