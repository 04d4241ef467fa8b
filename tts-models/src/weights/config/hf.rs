//! Reads and writes Hugging Face's `config.json`.
//!
//! The architecture is `model_type`, so a reward model on a known backbone is read as that backbone.
//! Absent fields take the defaults of Hugging Face's configuration classes. What would change the
//! arithmetic and is not implemented (other activations, other rotary scalings, quantised layers) is refused by
//! name. What is a family's own is read as its row of [`super::families`] says. End tokens of
//! `generation_config.json` beside the file are added.
//!
//! Source: `configuration_*.py` of Hugging Face transformers.

use std::path::Path;

use serde_json::{Value, json};

use super::families::{Family, Stacked};
use super::json::Object;
use super::rope::longrope_attention;
use super::wrapped::Wrapper;
use super::{ModelConfig, Problem, RopeScaling, Stored, Switches, refused};
use crate::ModelError;
use crate::weights::Files;
use crate::weights::source::read_text;

/// Largest JSON file accepted, in bytes.
pub(super) const LIMIT: u64 = 16 << 20;

/// The file of what is suggested for writing.
pub(super) const GENERATION: &str = "generation_config.json";

/// The tokens that end a text by a folder's `config.json` and `generation_config.json`, where they are there:
/// nothing else of them is read.
pub(crate) fn named_ends(folder: &Files) -> Result<Vec<u32>, ModelError> {
    let mut ends = Vec::new();
    for name in ["config.json", GENERATION] {
        let file = folder.join(name);
        if file.exists() {
            let bytes = read_text(&file, LIMIT)?;
            ends.extend(Object::parse(&bytes, file.path())?.ids("eos_token_id")?);
        }
    }
    Ok(ends)
}

impl ModelConfig {
    /// Reads a `config.json`, and the end tokens of a `generation_config.json` beside it.
    ///
    /// # Errors
    /// When a file cannot be read or parsed, a field is missing or out of bounds, or the model
    /// needs something that is not supported.
    pub fn from_json(file: impl Into<Files>) -> Result<Self, ModelError> {
        Self::from_json_file(&file.into())
    }

    fn from_json_file(file: &Files) -> Result<Self, ModelError> {
        let mut config = Self::from_json_slice(&read_text(file, LIMIT)?, file.path())?;
        let generation = file.folder().join(GENERATION);
        if generation.exists() {
            let bytes = read_text(&generation, LIMIT)?;
            config.add_eos(Object::parse(&bytes, generation.path())?.ids("eos_token_id")?);
        }
        Ok(config)
    }

    /// Reads the text of a `config.json`; `path` is what errors call it.
    ///
    /// # Errors
    /// As [`ModelConfig::from_json`].
    pub fn from_json_slice(bytes: &[u8], path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let (family, object) = decoder(Object::parse(bytes, path.as_ref())?)?;
        let config = read(&object, family)?;
        config.check().map_err(|problem| named(&object, problem))?;
        Ok(config)
    }

    /// The text of a `config.json` that reads back as this config, if it is of a family that is written as Llama's
    /// and sets no switch ([`DecoderWeights::save_safetensors`](crate::DecoderWeights::save_safetensors) refuses
    /// others). Of a model that was opened for fewer positions than its files say, it is that of the files
    /// ([`Stored`]).
    ///
    /// Hugging Face's classes read it too, except for [`RopeScaling::Factors`], which they do not
    /// know.
    pub fn to_json(&self) -> String {
        let class = self.family().map_or("LlamaForCausalLM", |family| family.class);
        let config = json!({
            "architectures": [class],
            "attention_bias": self.attention_bias,
            "attention_out_bias": self.switches.output_bias,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": self.eos_token_ids,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "max_position_embeddings": self.stored.positions.unwrap_or(self.max_position_embeddings),
            "model_type": self.architecture,
            "num_attention_heads": self.num_attention_heads,
            "num_hidden_layers": self.num_hidden_layers,
            "num_key_value_heads": self.num_key_value_heads,
            "rms_norm_eps": self.rms_norm_eps,
            "rope_scaling": scaling_to_json(&self.rope_scaling),
            "rope_theta": self.rope_theta,
            "tie_word_embeddings": self.tie_word_embeddings && !self.stored.headless,
            "torch_dtype": "float32",
            "vocab_size": self.vocab_size,
        });
        format!("{config:#}\n")
    }

    /// Adds end tokens that are not there yet.
    pub(super) fn add_eos(&mut self, ids: impl IntoIterator<Item = u32>) {
        for id in ids {
            if !self.eos_token_ids.contains(&id) {
                self.eos_token_ids.push(id);
            }
        }
    }
}

/// The family of a config, and the object that says its sizes: the text's of a model of several parts.
fn decoder(object: Object<'_>) -> Result<(&'static Family, Object<'_>), ModelError> {
    let name = object.required("model_type", object.text("model_type")?)?;
    if let Some(family) = Family::of(name) {
        return Ok((family, object));
    }
    if let Some((name, text)) = Wrapper::of(name).map(|w| w.text(&object)).transpose()?
        && let Some(family) = Family::of(name)
    {
        return Ok((family, text));
    }
    let supported = format!("{}, {}", Family::list(), Wrapper::list());
    let what = format!("model type {}", refused::why(name, &supported));
    Err(object.unsupported("model_type", what))
}

fn read(object: &Object<'_>, family: &Family) -> Result<ModelConfig, ModelError> {
    refuse(object, family)?;
    let count = |name| object.required(name, object.count(name)?);
    let hidden_size = count("hidden_size")?;
    let heads = count("num_attention_heads")?;
    let head_dim = match object.count("head_dim")? {
        Some(head_dim) => head_dim,
        // A class may have a fixed default in place of the quotient.
        None => match family.defaults.head_dim.filter(|_| !object.is_null("head_dim")) {
            Some(head_dim) => head_dim,
            None if heads == 0 || hidden_size % heads != 0 => {
                let problem = format!("is missing, and {heads} heads do not divide {hidden_size}");
                return Err(object.error("head_dim", problem));
            }
            None => hidden_size / heads,
        },
    };
    let (rope_theta, rope_scaling) = rope(object, family, head_dim)?;
    let mut config = ModelConfig {
        architecture: family.held_as.to_owned(),
        vocab_size: count("vocab_size")?,
        hidden_size,
        intermediate_size: count(family.width)?,
        num_hidden_layers: count("num_hidden_layers")?,
        num_attention_heads: heads,
        num_key_value_heads: match object.count("num_key_value_heads")? {
            None if object.is_null("num_key_value_heads") => heads,
            given => given.or(family.defaults.key_heads).unwrap_or(heads),
        },
        head_dim,
        rms_norm_eps: object.float("rms_norm_eps")?.unwrap_or(family.defaults.epsilon),
        rope_theta,
        rope_scaling,
        max_position_embeddings: object
            .count("max_position_embeddings")?
            .unwrap_or(family.defaults.positions),
        tie_word_embeddings: object.boolean("tie_word_embeddings")?.unwrap_or(family.defaults.tied),
        attention_bias: family.attention_bias
            || object.boolean(family.bias_field)?.unwrap_or(family.defaults.attention_bias),
        qk_norm: match family.qk_norm_field {
            Some(field) => object.boolean(field)?.unwrap_or(family.qk_norm),
            None => family.qk_norm,
        },
        switches: Switches::default(),
        stored: Stored::default(),
        bos_token_id: object.ids("bos_token_id")?.first().copied(),
        eos_token_ids: Vec::new(),
    };
    config.add_eos(object.ids("eos_token_id")?);
    // What a family reads is as long as there are layers.
    config.check_counts().map_err(|problem| named(object, problem))?;
    config.switches = (family.switches)(object, &config)?.tidied();
    Ok(config)
}

/// What is wrong with a field, under the name that the file has for it: how positions are scaled has a newer one.
fn named(object: &Object<'_>, (field, problem): Problem) -> ModelError {
    match field.strip_prefix("rope_scaling.").filter(|_| object.has("rope_parameters")) {
        Some(rest) => object.error(&format!("rope_parameters.{rest}"), problem),
        None => object.error(field, problem),
    }
}

/// Refuses what would change the arithmetic.
fn refuse(object: &Object<'_>, family: &Family) -> Result<(), ModelError> {
    let expected = family.defaults.activation;
    for name in ["hidden_act", "hidden_activation"] {
        let same = |act: &&str| {
            // Gemma's older files mean the same activation by this.
            let old = name == "hidden_act" && *act == "gelu" && expected == "gelu_pytorch_tanh";
            old || *act == expected || (*act == "gelu_new" && expected == "gelu_pytorch_tanh")
        };
        if let Some(other) = object.text(name)?.filter(|act| !same(act)) {
            let what = format!("activation {other:?} in {}; only {expected}", family.name);
            return Err(object.unsupported(name, what));
        }
    }
    let refuse_part = |object: &Object<'_>| {
        let rotated = object.float("partial_rotary_factor")?.unwrap_or(1.0);
        if (rotated - 1.0).abs() > 1e-9 && !family.turns_in_part {
            return Err(object.unsupported("partial_rotary_factor", format!("factor {rotated}")));
        }
        Ok(())
    };
    refuse_part(object)?;
    object.object("rope_parameters")?.map_or(Ok(()), |own| refuse_part(&own))?;
    if object.boolean("is_causal")? == Some(false) {
        return Err(object.unsupported("is_causal", "attention in both directions"));
    }
    let Some(quantised) = object.object("quantization_config")? else { return Ok(()) };
    match quantised.text("quant_method")? {
        Some("mxfp4") if family.stacked == Stacked::ByTurns => Ok(()),
        Some(method) if family.stacked == Stacked::ByTurns => {
            let what = format!("layers quantised by {method:?}; mxfp4 is, or use GGUF");
            Err(quantised.unsupported("quant_method", what))
        }
        _ => Err(object.unsupported("quantization_config", "quantised layers; use GGUF")),
    }
}

/// Base and scaling, of `rope_parameters` (transformers 5) or of `rope_theta` and `rope_scaling`.
fn rope(
    object: &Object<'_>,
    family: &Family,
    head_dim: usize,
) -> Result<(f64, RopeScaling), ModelError> {
    let top = object.float("rope_theta")?.unwrap_or(family.defaults.rope_theta);
    let mut own = object.object("rope_parameters")?;
    // By kinds of layers: those with windows are their family's.
    if let Some(all) = &own
        && let Some(whole) = all.object("full_attention")?
    {
        own = Some(whole);
    }
    let Some(own) = own.map_or_else(|| object.object("rope_scaling"), |own| Ok(Some(own)))? else {
        return Ok((top, (family.defaults.scaling)()));
    };
    let theta = own.float("rope_theta")?.unwrap_or(top);
    let name = if own.has("rope_type") { "rope_type" } else { "type" };
    let float = |name| own.required(name, own.float(name)?);
    let scaling = match own.text(name)? {
        Some("default") => RopeScaling::None,
        Some("linear") => RopeScaling::Linear { factor: float("factor")? },
        Some("llama3") => RopeScaling::Llama3 {
            factor: float("factor")?,
            low_freq_factor: float("low_freq_factor")?,
            high_freq_factor: float("high_freq_factor")?,
            original_max_position_embeddings: float("original_max_position_embeddings")?,
        },
        Some("yarn") => yarn(&own, object)?,
        // Its first name.
        Some("longrope" | "su") => longrope(&own, object, family)?,
        Some("factors") => RopeScaling::Factors(own.floats("factors")?),
        // Hunyuan's, which stretches the base at every length.
        Some("dynamic") if own.has("alpha") => {
            let alpha = float("alpha")?;
            if !(alpha > 0.0 && alpha.is_finite()) {
                return Err(own.error("alpha", format!("{alpha}, expected more than 0")));
            }
            // The slowest pair turns `alpha` times as slowly, the fastest as before.
            let width = head_dim as f64;
            return Ok((theta * alpha.powf(width / (width - 2.0)), RopeScaling::None));
        }
        // Nothing changes within the positions of the file, and no model is opened for more.
        Some("dynamic") => match float("factor")? {
            factor if factor > 0.0 && factor.is_finite() => RopeScaling::None,
            factor => return Err(own.error("factor", format!("{factor}, expected more than 0"))),
        },
        Some(other) => {
            let what = format!("scaling {other:?}; linear, dynamic, llama3, yarn and longrope are");
            return Err(own.unsupported(name, what));
        }
        None if own.has("rope_theta") => RopeScaling::None,
        None => return Err(own.error("rope_type", "is missing")),
    };
    Ok((theta, scaling))
}

/// The two lists of longrope. How long the original context was stands in them, or, in Phi's files, beside them: its
/// class has a number for those that do not say, and takes that before theirs, as transformers does.
fn longrope(
    own: &Object<'_>,
    object: &Object<'_>,
    family: &Family,
) -> Result<RopeScaling, ModelError> {
    for field in ["short_mscale", "long_mscale"] {
        if own.has(field) {
            return Err(own.unsupported(field, "factor of attention that differs by length"));
        }
    }
    let name = "original_max_position_embeddings";
    let original = match object.float(name)?.or(family.defaults.original_positions) {
        Some(original) => original,
        None => own.required(name, own.float(name)?)?,
    };
    let positions = object.float("max_position_embeddings")?;
    let positions = positions.unwrap_or(family.defaults.positions as f64);
    let factor = own.float("factor")?.unwrap_or(positions / original);
    let stated = own.float("attention_factor")?;
    Ok(RopeScaling::LongRope {
        short_factor: own.floats("short_factor")?,
        long_factor: own.floats("long_factor")?,
        original_max_position_embeddings: original,
        attention_factor: stated.unwrap_or_else(|| longrope_attention(factor, original)),
    })
}

/// Yarn's numbers, with the defaults that they have.
fn yarn(own: &Object<'_>, object: &Object<'_>) -> Result<RopeScaling, ModelError> {
    // An early name of Phi's for longrope with another factor of attention.
    for field in ["short_factor", "long_factor"] {
        if own.has(field) {
            return Err(own.unsupported(field, "list of factors in yarn; longrope has them"));
        }
    }
    let positions = || {
        let name = "max_position_embeddings";
        object.required(name, object.float(name)?)
    };
    let stated = own.float("original_max_position_embeddings")?;
    let factor = match (own.float("factor")?, stated) {
        (Some(factor), _) => factor,
        (None, Some(original)) if original > 0.0 => positions()? / original,
        (None, _) => return Err(own.error("factor", "is missing")),
    };
    let original = stated.map_or_else(positions, Ok)?;
    let grown = |by: f64| if factor <= 1.0 { 1.0 } else { 0.1 * by * factor.ln() + 1.0 };
    let attention_factor = match own.float("attention_factor")? {
        Some(given) => given,
        // By what stretching alone would give, as files for llama.cpp and vLLM say it; transformers passes over it.
        None if own.has("attn_factor") => own.float("attn_factor")?.unwrap_or(1.0) * grown(1.0),
        None => match (own.float("mscale")?, own.float("mscale_all_dim")?) {
            (Some(one), Some(all)) if one.abs() > 0.0 && all.abs() > 0.0 => grown(one) / grown(all),
            _ => grown(1.0),
        },
    };
    Ok(RopeScaling::Yarn {
        factor,
        original_max_position_embeddings: original,
        beta_fast: own.float("beta_fast")?.unwrap_or(32.0),
        beta_slow: own.float("beta_slow")?.unwrap_or(1.0),
        attention_factor,
        truncate: own.boolean("truncate")?.unwrap_or(true),
    })
}

fn scaling_to_json(scaling: &RopeScaling) -> Value {
    match scaling {
        RopeScaling::None => Value::Null,
        RopeScaling::Linear { factor } => json!({ "rope_type": "linear", "factor": factor }),
        RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
        } => json!({
            "rope_type": "llama3",
            "factor": factor,
            "low_freq_factor": low_freq_factor,
            "high_freq_factor": high_freq_factor,
            "original_max_position_embeddings": original_max_position_embeddings,
        }),
        RopeScaling::Yarn {
            factor,
            original_max_position_embeddings,
            beta_fast,
            beta_slow,
            attention_factor,
            truncate,
        } => json!({
            "rope_type": "yarn",
            "factor": factor,
            "original_max_position_embeddings": original_max_position_embeddings,
            "beta_fast": beta_fast,
            "beta_slow": beta_slow,
            "attention_factor": attention_factor,
            "truncate": truncate,
        }),
        RopeScaling::Factors(factors) => json!({ "rope_type": "factors", "factors": factors }),
        RopeScaling::LongRope {
            short_factor,
            long_factor,
            original_max_position_embeddings,
            attention_factor,
        } => json!({
            "rope_type": "longrope",
            "short_factor": short_factor,
            "long_factor": long_factor,
            "original_max_position_embeddings": original_max_position_embeddings,
            "attention_factor": attention_factor,
        }),
    }
}
