//! The families of decoders: for each, what its files are called and which switches they set.
//!
//! A [`Family`] is data: names of types and classes, defaults of Hugging Face's configuration class, names of
//! tensors that differ from Llama's, and one function that reads its own fields as [`Switches`]. Everything
//! else about a model is in [`ModelConfig`], and nothing below asks for a family by name. To add one: a row of
//! [`FAMILIES`], and a line in the golden test.
//!
//! Source: `configuration_*.py` and `modeling_*.py` of Hugging Face transformers; `constants.py` of gguf-py for
//! GGUF's names.

mod keys;

use super::ModelConfig;
use super::experts::{of_mixtral, of_qwen};
use super::gguf::Keys;
use super::json::Object;
use super::switches::{Activation, Attends, NormPlace, Rotation, Switches};
use crate::ModelError;
use keys::{gemma3_keys, mixture_keys, plain_keys};

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
    /// Whether GGUF files have the two numbers that are turned together side by side ([`crate::weights::names`]).
    pub(crate) interleaved: bool,
    /// Whether experts stand in the place of each feed-forward network.
    pub(crate) experts: bool,
    /// Whether the projections of queries, keys and values have biases without being asked.
    pub(crate) attention_bias: bool,
    /// Whether queries and keys are normed.
    pub(crate) qk_norm: bool,
    /// Whether norms are stored less 1 in Hugging Face's files.
    pub(crate) norm_offset: bool,
    /// Whether queries, keys and values lie in one tensor, and so do gate and up.
    pub(crate) fused: bool,
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

/// Defaults of a configuration class.
pub(crate) struct Defaults {
    /// `max_position_embeddings`.
    pub(crate) positions: usize,
    /// `num_key_value_heads`, where it is not the number of query heads.
    pub(crate) key_heads: Option<usize>,
    /// `head_dim`, where it is not the quotient.
    pub(crate) head_dim: Option<usize>,
    /// `rms_norm_eps`.
    pub(crate) epsilon: f64,
    /// `tie_word_embeddings`.
    pub(crate) tied: bool,
    /// `rope_theta`.
    pub(crate) rope_theta: f64,
    /// `hidden_act`, or `hidden_activation`.
    pub(crate) activation: &'static str,
}

const PLAIN: Family = Family {
    name: "llama",
    class: "LlamaForCausalLM",
    held_as: "llama",
    gguf: Some(("llama", plain_keys)),
    interleaved: true,
    experts: false,
    attention_bias: false,
    qk_norm: false,
    norm_offset: false,
    fused: false,
    turns_in_part: false,
    writes: true,
    defaults: Defaults {
        positions: 2_048,
        key_heads: None,
        head_dim: None,
        epsilon: 1e-6,
        tied: false,
        rope_theta: 10_000.0,
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
    key_heads: Some(4),
    head_dim: Some(256),
    epsilon: 1e-6,
    tied: true,
    rope_theta: 10_000.0,
    activation: "gelu_pytorch_tanh",
};

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
        interleaved: false,
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
        interleaved: false,
        qk_norm: true,
        defaults: Defaults { positions: 32_768, head_dim: Some(128), ..PLAIN.defaults },
        switches: qwen,
        ..PLAIN
    },
    Family {
        name: "qwen3_moe",
        class: "Qwen3MoeForCausalLM",
        held_as: "qwen3_moe",
        gguf: Some(("qwen3moe", mixture_keys)),
        interleaved: false,
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
        name: "granite",
        class: "GraniteForCausalLM",
        held_as: "granite",
        gguf: None,
        writes: false,
        switches: granite,
        ..PLAIN
    },
    Family {
        name: "smollm3",
        class: "SmolLM3ForCausalLM",
        held_as: "smollm3",
        gguf: None,
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
        gguf: None,
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
        gguf: None,
        fused: true,
        turns_in_part: true,
        writes: false,
        defaults: Defaults { positions: 4_096, epsilon: 1e-5, ..PLAIN.defaults },
        switches: phi3,
        ..PLAIN
    },
    Family {
        name: "gemma2",
        class: "Gemma2ForCausalLM",
        held_as: "gemma2",
        gguf: None,
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
        interleaved: false,
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

/// Biases that Llama's class knows: with `attention_bias` all four projections have one, unless the file says
/// otherwise of the last (this library's own do).
fn llama(object: &Object<'_>, _: &ModelConfig) -> Result<Switches, ModelError> {
    all_see_everything(object)?;
    let attention = object.boolean("attention_bias")?.unwrap_or(false);
    Ok(Switches {
        output_bias: object.boolean("attention_out_bias")?.unwrap_or(attention),
        feed_forward_bias: object.boolean("mlp_bias")?.unwrap_or(false),
        ..Switches::default()
    })
}

/// Refuses windows in a family that has none.
fn all_see_everything(object: &Object<'_>) -> Result<(), ModelError> {
    if object.boolean("use_sliding_window")? == Some(true) {
        return Err(object.unsupported("use_sliding_window", "windows in this family"));
    }
    let types = object.texts("layer_types")?.unwrap_or_default();
    match types.into_iter().find(|kind| *kind != "full_attention") {
        Some(other) => Err(object.unsupported("layer_types", format!("layer type {other:?}"))),
        None => Ok(()),
    }
}

/// The same window in every layer.
fn windows(window: Option<usize>, config: &ModelConfig) -> Vec<Attends> {
    match window {
        None => Vec::new(),
        // A window over everything is none.
        Some(tokens) if tokens >= config.max_position_embeddings => Vec::new(),
        window => vec![Attends { window, ..Attends::default() }; config.num_hidden_layers],
    }
}

fn mistral(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let window = match object.count("sliding_window")? {
        None if !object.is_null("sliding_window") => Some(4_096),
        window => window,
    };
    Ok(Switches { layers: windows(window, config), ..Switches::default() })
}

/// Windows from the layer `max_window_layers` on, where they are used at all.
fn qwen(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    if object.boolean("use_sliding_window")? != Some(true) {
        return Ok(Switches::default());
    }
    let first = object.count("max_window_layers")?.unwrap_or(28);
    let window = match object.count("sliding_window")? {
        None if object.is_null("sliding_window") => return Ok(Switches::default()),
        window => window.unwrap_or(4_096),
    };
    let layers = sliding(object, config, window, Rotation::Global, |layer| layer >= first)?;
    Ok(Switches { layers, ..Switches::default() })
}

/// Layers of which some have windows: those that `layer_types` says, or else what their number says. These are turned
/// by `rotation`. Empty where none differs from a layer of Llama.
fn sliding(
    object: &Object<'_>,
    config: &ModelConfig,
    window: usize,
    rotation: Rotation,
    default: impl Fn(usize) -> bool,
) -> Result<Vec<Attends>, ModelError> {
    let count = config.num_hidden_layers;
    let slides: Vec<bool> = match object.texts("layer_types")? {
        None => (0..count).map(default).collect(),
        Some(types) => {
            if types.len() != count {
                let problem = format!("{} types of {count} layers", types.len());
                return Err(object.error("layer_types", problem));
            }
            let slides = |kind: &str| match kind {
                "full_attention" => Ok(false),
                "sliding_attention" => Ok(true),
                other => Err(object.unsupported("layer_types", format!("layer type {other:?}"))),
            };
            types.into_iter().map(slides).collect::<Result<_, _>>()?
        }
    };
    let own = Attends {
        // A window over everything is none.
        window: Some(window).filter(|&tokens| tokens < config.max_position_embeddings),
        rotation,
    };
    if own == Attends::default() || !slides.contains(&true) {
        return Ok(Vec::new());
    }
    Ok(slides.into_iter().map(|slides| if slides { own } else { Attends::default() }).collect())
}

/// Its class has the window in every layer, where it is used; no model of it does.
fn qwen3_moe(object: &Object<'_>, _: &ModelConfig) -> Result<Switches, ModelError> {
    all_see_everything(object)?;
    Ok(Switches {
        experts: Some(of_qwen(object)?),
        output_bias: object.boolean("attention_bias")?.unwrap_or(false),
        ..Switches::default()
    })
}

fn mixtral(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    Ok(Switches {
        experts: Some(of_mixtral(object, config)?),
        layers: windows(object.count("sliding_window")?, config),
        ..Switches::default()
    })
}

fn granite(object: &Object<'_>, _: &ModelConfig) -> Result<Switches, ModelError> {
    all_see_everything(object)?;
    let factor = |name: &str| Ok::<f64, ModelError>(object.float(name)?.unwrap_or(1.0));
    let divisor = factor("logits_scaling")?;
    if divisor <= 0.0 {
        return Err(object.error("logits_scaling", format!("{divisor}, expected more than 0")));
    }
    Ok(Switches {
        output_bias: object.boolean("attention_bias")?.unwrap_or(false),
        feed_forward_bias: object.boolean("mlp_bias")?.unwrap_or(false),
        embedding_scale: factor("embedding_multiplier")?,
        residual_scale: factor("residual_multiplier")?,
        attention_scale: Some(factor("attention_multiplier")?),
        logit_scale: 1.0 / divisor,
        ..Switches::default()
    })
}

/// Every fourth layer is not turned, unless a list says which.
fn smollm3(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let count = config.num_hidden_layers;
    let turned: Vec<bool> = if object.has("no_rope_layers") {
        object.floats("no_rope_layers")?.into_iter().map(|turned| turned > 0.0).collect()
    } else {
        let interval = object.count("no_rope_layer_interval")?.unwrap_or(4).max(1);
        (1..=count).map(|layer| layer % interval != 0).collect()
    };
    if turned.len() != count {
        let problem = format!("{} of {count} layers", turned.len());
        return Err(object.error("no_rope_layers", problem));
    }
    let window = object.count("sliding_window")?.unwrap_or(usize::MAX);
    let used = object.boolean("use_sliding_window")? == Some(true);
    let slides = |layer: usize| used && !turned[layer];
    let mut layers = sliding(object, config, window, Rotation::Global, slides)?;
    layers.resize(count, Attends::default());
    for (layer, turned) in layers.iter_mut().zip(turned) {
        layer.rotation = if turned { Rotation::Global } else { Rotation::None };
    }
    Ok(Switches {
        output_bias: object.boolean("attention_bias")?.unwrap_or(false),
        feed_forward_bias: object.boolean("mlp_bias")?.unwrap_or(false),
        layers,
        ..Switches::default()
    })
}

/// The base of layers with windows, by the parameters of their kind; these are not scaled.
fn local_base(object: &Object<'_>) -> Result<Option<f64>, ModelError> {
    let Some(all) = object.object("rope_parameters")? else { return Ok(None) };
    let Some(own) = all.object("sliding_attention")? else { return Ok(None) };
    if let Some(other) = own.text("rope_type")?.filter(|kind| *kind != "default") {
        let what = format!("scaling {other:?} of layers with windows");
        return Err(own.unsupported("rope_type", what));
    }
    own.float("rope_theta")
}

fn olmo(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let window = object.count("sliding_window")?.unwrap_or(4_096);
    // Of OLMo 3 every fourth layer sees everything; OLMo 2 has no windows.
    let third = config.architecture == "olmo3";
    let slides = |layer: usize| third && !(layer + 1).is_multiple_of(4);
    let layers = sliding(object, config, window, Rotation::Local, slides)?;
    let local = local_base(object)?.unwrap_or(config.rope_theta);
    Ok(Switches {
        norm_place: NormPlace::After,
        whole_qk_norm: true,
        output_bias: object.boolean("attention_bias")?.unwrap_or(false),
        local_rope_theta: local,
        layers,
        ..Switches::default()
    })
}

fn phi3(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let mut switches = Switches {
        layers: windows(object.count("sliding_window")?, config),
        ..Switches::default()
    };
    let mut part = object.float("partial_rotary_factor")?;
    if let Some(own) = object.object("rope_parameters")? {
        part = own.float("partial_rotary_factor")?.or(part);
    }
    if let Some(part) = part.filter(|part| (part - 1.0).abs() > 0.0) {
        if !(0.0..1.0).contains(&part) {
            let problem = format!("{part}, expected more than 0 and at most 1");
            return Err(object.error("partial_rotary_factor", problem));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "below a width"
        )]
        let dim = (config.head_dim as f64 * part) as usize;
        switches.rotary_dim = Some(dim);
    }
    Ok(switches)
}

/// What Gemma 2 and 3 have in common.
fn gemma(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let both = "use_bidirectional_attention";
    if object.boolean(both)? == Some(true) {
        return Err(object.unsupported(both, "attention in both directions"));
    }
    let scale = object.float("query_pre_attn_scalar")?.unwrap_or(256.0);
    if scale <= 0.0 {
        let problem = format!("{scale}, expected more than 0");
        return Err(object.error("query_pre_attn_scalar", problem));
    }
    Ok(Switches {
        norm_place: NormPlace::Around,
        activation: Activation::GeluTanh,
        output_bias: object.boolean("attention_bias")?.unwrap_or(false),
        embedding_scale: (config.hidden_size as f64).sqrt(),
        attention_scale: Some(1.0 / scale.sqrt()),
        attention_cap: object.float("attn_logit_softcapping")?,
        logit_cap: object.float("final_logit_softcapping")?,
        ..Switches::default()
    })
}

fn gemma2(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let window = object.count("sliding_window")?.unwrap_or(4_096);
    let cap = |name: &str, default: f64| match object.float(name)? {
        None if !object.is_null(name) => Ok::<_, ModelError>(Some(default)),
        cap => Ok(cap),
    };
    Ok(Switches {
        attention_cap: cap("attn_logit_softcapping", 50.0)?,
        logit_cap: cap("final_logit_softcapping", 30.0)?,
        layers: sliding(object, config, window, Rotation::Global, |layer| layer % 2 == 0)?,
        ..gemma(object, config)?
    })
}

fn gemma3(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let window = object.count("sliding_window")?.unwrap_or(4_096);
    let pattern = object.count("sliding_window_pattern")?.unwrap_or(6).max(1);
    let slides = |layer: usize| !(layer + 1).is_multiple_of(pattern);
    let layers = sliding(object, config, window, Rotation::Local, slides)?;
    let local = local_base(object)?.or(object.float("rope_local_base_freq")?);
    Ok(Switches { local_rope_theta: local.unwrap_or(10_000.0), layers, ..gemma(object, config)? })
}
