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
use super::positions::{self, named};
use super::wrapped::Wrapper;
use super::{ModelConfig, RopeScaling, Stored, Switches, refused};
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
        let Decoder { family, object, ties_by_head } =
            decoder(Object::parse(bytes, path.as_ref())?)?;
        let mut config = read(&object, family)?;
        config.stored.ties_by_head = ties_by_head;
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

/// A decoder in a config.
struct Decoder<'a> {
    family: &'static Family,
    /// What says its sizes: the text's object of a model of several parts.
    object: Object<'a>,
    /// Whether the tensors decide if its head is tied.
    ties_by_head: bool,
}

fn decoder(object: Object<'_>) -> Result<Decoder<'_>, ModelError> {
    let name = object.required("model_type", object.text("model_type")?)?;
    if let Some(family) = Family::of(name) {
        return Ok(Decoder { family, object, ties_by_head: false });
    }
    if let Some(whole) = Wrapper::of(name) {
        let (name, object) = whole.text(&object)?;
        if let Some(family) = Family::of(name) {
            let ties_by_head = whole.leaves_head(&object);
            return Ok(Decoder { family, object, ties_by_head });
        }
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
    let (rope_theta, rope_scaling) = positions::read(object, family, head_dim)?;
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
