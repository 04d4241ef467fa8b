//! Reads and writes Hugging Face's `config.json`.
//!
//! The architecture is `model_type`, so a reward model on a known backbone is read as that backbone.
//! Absent fields take the defaults of Hugging Face's configuration classes. What would change the
//! arithmetic and is not implemented (sliding windows, other activations, other rotary scalings,
//! quantised layers) is refused by name. `mistral` is read as `llama` with as many positions as its
//! sliding window, within which the two are the same. End tokens of `generation_config.json` beside the file
//! are added.
//!
//! Source: `configuration_{llama,qwen2,qwen3}.py` of Hugging Face transformers.

use std::path::Path;

use serde_json::{Value, json};

use super::json::Object;
use super::{ModelConfig, RopeScaling};
use crate::ModelError;
use crate::weights::Files;
use crate::weights::source::read_text;

/// Largest JSON file accepted, in bytes.
const LIMIT: u64 = 16 << 20;

/// The tokens that end a text by a folder's `config.json` and `generation_config.json`, where they are there:
/// nothing else of them is read.
#[cfg(feature = "remote")]
pub(crate) fn named_ends(folder: &Files) -> Result<Vec<u32>, ModelError> {
    let mut ends = Vec::new();
    for name in ["config.json", "generation_config.json"] {
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
        let generation = file.folder().join("generation_config.json");
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
        let object = Object::parse(bytes, path.as_ref())?;
        let config = read(&object)?;
        config.check().map_err(|(field, problem)| object.error(field, problem))?;
        Ok(config)
    }

    /// The text of a `config.json` that reads back as this config.
    ///
    /// Hugging Face's classes read it too, except for [`RopeScaling::Factors`], which they do not
    /// know.
    pub fn to_json(&self) -> String {
        let class = match self.architecture.as_str() {
            "qwen2" => "Qwen2ForCausalLM",
            "qwen3" => "Qwen3ForCausalLM",
            _ => "LlamaForCausalLM",
        };
        let config = json!({
            "architectures": [class],
            "attention_bias": self.attention_bias,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": self.eos_token_ids,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "max_position_embeddings": self.max_position_embeddings,
            "model_type": self.architecture,
            "num_attention_heads": self.num_attention_heads,
            "num_hidden_layers": self.num_hidden_layers,
            "num_key_value_heads": self.num_key_value_heads,
            "rms_norm_eps": self.rms_norm_eps,
            "rope_scaling": scaling_to_json(&self.rope_scaling),
            "rope_theta": self.rope_theta,
            "tie_word_embeddings": self.tie_word_embeddings,
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

fn read(object: &Object<'_>) -> Result<ModelConfig, ModelError> {
    let name = object.required("model_type", object.text("model_type")?)?;
    let (architecture, qwen2, qwen3) = match name {
        "llama" | "mistral" => ("llama", false, false),
        "qwen2" => (name, true, false),
        "qwen3" => (name, false, true),
        other => {
            let what =
                format!("model type {other:?}; llama, mistral, qwen2 and qwen3 are supported");
            return Err(object.unsupported("model_type", what));
        }
    };
    let window = match object.count("sliding_window")? {
        _ if name != "mistral" => None,
        None if !object.is_null("sliding_window") => Some(4_096),
        window => window,
    };
    refuse(object)?;
    let count = |name| object.required(name, object.count(name)?);
    let hidden_size = count("hidden_size")?;
    let heads = count("num_attention_heads")?;
    // Qwen3's class has a fixed default in place of the quotient.
    let head_dim = match object.count("head_dim")? {
        Some(head_dim) => head_dim,
        None if qwen3 && !object.is_null("head_dim") => 128,
        None if heads == 0 || hidden_size % heads != 0 => {
            let problem = format!("is missing, and {heads} heads do not divide {hidden_size}");
            return Err(object.error("head_dim", problem));
        }
        None => hidden_size / heads,
    };
    let (rope_theta, rope_scaling) = rope(object)?;
    let mut config = ModelConfig {
        architecture: architecture.to_owned(),
        vocab_size: count("vocab_size")?,
        hidden_size,
        intermediate_size: count("intermediate_size")?,
        num_hidden_layers: count("num_hidden_layers")?,
        num_attention_heads: heads,
        num_key_value_heads: object.count("num_key_value_heads")?.unwrap_or(heads),
        head_dim,
        rms_norm_eps: object.float("rms_norm_eps")?.unwrap_or(1e-6),
        rope_theta,
        rope_scaling,
        max_position_embeddings: object
            .count("max_position_embeddings")?
            .unwrap_or(if qwen2 || qwen3 { 32_768 } else { 2_048 })
            .min(window.unwrap_or(usize::MAX)),
        tie_word_embeddings: object.boolean("tie_word_embeddings")?.unwrap_or(false),
        attention_bias: qwen2 || object.boolean("attention_bias")?.unwrap_or(false),
        qk_norm: qwen3,
        bos_token_id: object.ids("bos_token_id")?.first().copied(),
        eos_token_ids: Vec::new(),
    };
    config.add_eos(object.ids("eos_token_id")?);
    Ok(config)
}

/// Refuses what would change the arithmetic.
fn refuse(object: &Object<'_>) -> Result<(), ModelError> {
    if object.boolean("use_sliding_window")? == Some(true) {
        return Err(object.unsupported("use_sliding_window", "sliding window attention"));
    }
    if let Some(Value::Array(layers)) = object.get("layer_types")
        && let Some(other) = layers.iter().find(|kind| *kind != "full_attention")
    {
        return Err(object.unsupported("layer_types", format!("layer type {other}")));
    }
    if let Some(other) = object.text("hidden_act")?.filter(|act| *act != "silu") {
        return Err(object.unsupported("hidden_act", format!("activation {other:?}; only silu")));
    }
    if object.boolean("mlp_bias")? == Some(true) {
        return Err(object.unsupported("mlp_bias", "biases in the feed-forward layers"));
    }
    let rotated = object.float("partial_rotary_factor")?.unwrap_or(1.0);
    if (rotated - 1.0).abs() > 1e-9 {
        return Err(object.unsupported("partial_rotary_factor", format!("factor {rotated}")));
    }
    if object.has("quantization_config") {
        return Err(object.unsupported("quantization_config", "quantised layers; use GGUF"));
    }
    Ok(())
}

/// Base and scaling, of `rope_parameters` (transformers 5) or of `rope_theta` and `rope_scaling`.
fn rope(object: &Object<'_>) -> Result<(f64, RopeScaling), ModelError> {
    let top = object.float("rope_theta")?.unwrap_or(10_000.0);
    let own = object.object("rope_parameters")?;
    let Some(own) = own.map_or_else(|| object.object("rope_scaling"), |own| Ok(Some(own)))? else {
        return Ok((top, RopeScaling::None));
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
        Some("factors") => RopeScaling::Factors(own.floats("factors")?),
        Some(other) => {
            return Err(own.unsupported(name, format!("scaling {other:?}; linear and llama3 are")));
        }
        None if own.has("rope_theta") => RopeScaling::None,
        None => return Err(own.error("rope_type", "is missing")),
    };
    Ok((theta, scaling))
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
        RopeScaling::Factors(factors) => json!({ "rope_type": "factors", "factors": factors }),
    }
}
