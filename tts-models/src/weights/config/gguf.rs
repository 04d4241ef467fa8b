//! Reads a config from GGUF metadata.
//!
//! Keys start with the architecture (`llama.block_count`). The vocabulary is as large as the
//! embedding has rows; the head is tied when there is no `output.weight`; biases are there when
//! their tensors are. `rope_freqs.weight`, where present, holds one divisor per rotary frequency:
//! that is how converters store Llama 3.1's scaling rule. `rope_factors_short.weight` and `rope_factors_long.weight`
//! hold those of longrope, which has no other mark.
//!
//! What is a family's own is read as its row of [`super::families`] says. A sliding window that the file states is
//! refused in a family without windows. Converters state none for the types `llama` and
//! `qwen2`, under which Mistral's models go as well: theirs cannot be known from the file, see
//! [`positions`](crate::EngineConfig::positions).
//!
//! Source: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>; `llama-model.cpp`.

use super::families::{Family, ReadKeys};
use super::rope::longrope_attention;
use super::{ModelConfig, RopeScaling, Switches};
use crate::ModelError;
use crate::weights::Gguf;

impl ModelConfig {
    /// Reads the config of an open GGUF file.
    ///
    /// # Errors
    /// When a key is missing, of another type or out of bounds, or the model needs something that
    /// is not supported.
    pub fn from_gguf(gguf: &Gguf) -> Result<Self, ModelError> {
        const KEY: &str = "general.architecture";
        let architecture =
            gguf.text(KEY)?.ok_or_else(|| ModelError::format(gguf.path(), KEY, "is missing"))?;
        let keys = Keys { gguf, architecture };
        let (family, switches) = keys.family(KEY)?;
        let mut config = keys.read(family)?;
        let wrong = |(field, problem)| ModelError::format(gguf.path(), field, problem);
        config.check_counts().map_err(wrong)?;
        config.switches = switches(&keys, &config)?.tidied();
        config
            .check()
            .map_err(|(field, problem)| ModelError::format(gguf.path(), field, problem))?;
        Ok(config)
    }
}

/// The metadata of one architecture.
pub(crate) struct Keys<'a> {
    gguf: &'a Gguf,
    architecture: &'a str,
}

impl Keys<'_> {
    /// The family of the architecture, with experts where the file counts any.
    fn family(&self, key: &str) -> Result<(&'static Family, ReadKeys), ModelError> {
        let experts = self.count("expert_count")?.filter(|count| *count > 0);
        if let Some(found) = Family::of_gguf(self.architecture, experts.is_some()) {
            return Ok(found);
        }
        let (known, what) = match experts {
            Some(count) => (false, format!("mixture of {count} experts in this architecture")),
            None => (true, "mixture without experts".to_owned()),
        };
        if Family::of_gguf(self.architecture, known).is_some() {
            return Err(self.unsupported("expert_count", what));
        }
        let architecture = self.architecture;
        let what = format!("architecture {architecture:?}; supported are {}", Family::list_gguf());
        Err(ModelError::unsupported(self.gguf.path(), key, what))
    }

    fn read(&self, family: &Family) -> Result<ModelConfig, ModelError> {
        self.refuse()?;
        let hidden_size = self.required("embedding_length")?;
        let heads = self.required("attention.head_count")?;
        let head_dim = match self.count("attention.key_length")? {
            Some(head_dim) => head_dim,
            None if heads == 0 || hidden_size % heads != 0 => {
                let problem = format!("is missing, and {heads} heads do not divide {hidden_size}");
                return Err(self.error("attention.key_length", problem));
            }
            None => hidden_size / heads,
        };
        let whole = ["attention.value_length", "rope.dimension_count"];
        for key in whole.into_iter().take(if family.turns_in_part { 1 } else { 2 }) {
            if let Some(other) = self.count(key)?.filter(|n| *n != head_dim) {
                return Err(self.unsupported(key, format!("width {other} in heads of {head_dim}")));
            }
        }
        let embedding = "token_embd.weight";
        let vocab_size = match self.gguf.info(embedding).map(|info| info.shape.as_slice()) {
            Some([rows, _]) => *rows,
            Some(_) => return Err(self.format(embedding, "is not a matrix")),
            None => return Err(self.format(embedding, "there is no such tensor")),
        };
        let mut config = ModelConfig {
            architecture: family.held_as.to_owned(),
            vocab_size,
            hidden_size,
            intermediate_size: self.feed_forward_length()?,
            num_hidden_layers: self.required("block_count")?,
            num_attention_heads: heads,
            num_key_value_heads: self.count("attention.head_count_kv")?.unwrap_or(heads),
            head_dim,
            rms_norm_eps: self
                .float("attention.layer_norm_rms_epsilon")?
                .ok_or_else(|| self.error("attention.layer_norm_rms_epsilon", "is missing"))?,
            rope_theta: self.float("rope.freq_base")?.unwrap_or(10_000.0),
            rope_scaling: self.scaling(family)?,
            max_position_embeddings: self.required("context_length")?,
            tie_word_embeddings: self.gguf.info("output.weight").is_none(),
            attention_bias: family.attention_bias || self.gguf.info("blk.0.attn_q.bias").is_some(),
            qk_norm: family.qk_norm,
            switches: Switches::default(),
            bos_token_id: self.token("bos")?,
            eos_token_ids: Vec::new(),
        };
        for kind in ["eos", "eot", "eom"] {
            config.add_eos(self.token(kind)?);
        }
        Ok(config)
    }

    /// Width of a feed-forward network; a file of experts may only say theirs.
    fn feed_forward_length(&self) -> Result<usize, ModelError> {
        match self.count("feed_forward_length")? {
            Some(width) => Ok(width),
            None => match self.count("expert_feed_forward_length")? {
                Some(width) => Ok(width),
                None => self.required("feed_forward_length"),
            },
        }
    }

    /// Refuses what would change the arithmetic.
    fn refuse(&self) -> Result<(), ModelError> {
        if self.gguf.boolean(&self.key("attention.causal"))? == Some(false) {
            return Err(self.unsupported("attention.causal", "attention in both directions"));
        }
        Ok(())
    }

    /// Refuses a window that reaches less far than the context.
    pub(crate) fn refuse_windows(&self) -> Result<(), ModelError> {
        let window = "attention.sliding_window";
        if let Some(tokens) = self.count(window)?.filter(|n| *n > 0)
            && tokens < self.required("context_length")?
        {
            return Err(self.unsupported(window, format!("window of {tokens} tokens")));
        }
        Ok(())
    }

    /// Whether there is a tensor of this stored name.
    pub(crate) fn has_tensor(&self, name: &str) -> bool {
        self.gguf.info(name).is_some()
    }

    /// The factors that a tensor holds.
    fn factors(&self, tensor: &str) -> Result<Vec<f64>, ModelError> {
        Ok(self.gguf.read(tensor)?.to_f32()?.into_iter().map(f64::from).collect())
    }

    /// Two lists of factors, where the file has any.
    fn longrope(&self) -> Result<Option<RopeScaling>, ModelError> {
        let [short, long] = ["rope_factors_short.weight", "rope_factors_long.weight"];
        if !self.has_tensor(short) && !self.has_tensor(long) {
            return Ok(None);
        }
        let original = self.required("rope.scaling.original_context_length")? as f64;
        let factor = self.required("context_length")? as f64 / original;
        let stated = self.float("rope.scaling.attn_factor")?;
        Ok(Some(RopeScaling::LongRope {
            short_factor: self.factors(short)?,
            long_factor: self.factors(long)?,
            original_max_position_embeddings: original,
            attention_factor: stated.unwrap_or_else(|| longrope_attention(factor, original)),
        }))
    }

    fn scaling(&self, family: &Family) -> Result<RopeScaling, ModelError> {
        let tensor = "rope_freqs.weight";
        if self.has_tensor(tensor) {
            return Ok(RopeScaling::Factors(self.factors(tensor)?));
        }
        if let Some(longrope) = self.longrope()? {
            return Ok(longrope);
        }
        let factor = match self.float("rope.scaling.factor")? {
            // The key of older files.
            None => self.float("rope.scale_linear")?,
            found => found,
        };
        // llama.cpp: linear unless said otherwise; a factor of 0 is none.
        match (self.gguf.text(&self.key("rope.scaling.type"))?, factor) {
            (None | Some("linear"), Some(factor)) if factor.abs() > 0.0 => {
                Ok(RopeScaling::Linear { factor })
            }
            (None | Some("none" | "linear"), _) => Ok(RopeScaling::None),
            (Some("yarn"), Some(factor)) if factor > 1.0 => {
                let number = |name: &str, default: f64| {
                    Ok::<f64, ModelError>(self.float(name)?.unwrap_or(default))
                };
                let original = match self.count("rope.scaling.original_context_length")? {
                    Some(original) => original,
                    None => self.required("context_length")?,
                } as f64;
                let own = number("rope.scaling.attn_factor", 1.0)?;
                Ok(RopeScaling::Yarn {
                    factor,
                    original_max_position_embeddings: original,
                    beta_fast: number("rope.scaling.yarn_beta_fast", 32.0)?,
                    beta_slow: number("rope.scaling.yarn_beta_slow", 1.0)?,
                    attention_factor: own * (0.1 * factor.ln() + 1.0),
                    truncate: family.yarn_truncates,
                })
            }
            (Some("yarn"), factor) => {
                let problem = format!("{factor:?}, expected more than 1 for yarn");
                Err(self.error("rope.scaling.factor", problem))
            }
            (Some(other), _) => {
                let what =
                    format!("scaling {other:?}; linear, yarn and longrope with its tensors are");
                Err(self.unsupported("rope.scaling.type", what))
            }
        }
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture)
    }

    pub(crate) fn error(&self, name: &str, problem: impl Into<String>) -> ModelError {
        ModelError::format(self.gguf.path(), self.key(name), problem)
    }

    fn format(&self, field: &str, problem: &str) -> ModelError {
        ModelError::format(self.gguf.path(), field, problem)
    }

    pub(crate) fn unsupported(&self, name: &str, what: impl Into<String>) -> ModelError {
        ModelError::unsupported(self.gguf.path(), self.key(name), what)
    }

    /// The same of a tensor, by its stored name.
    pub(super) fn unsupported_tensor(&self, name: &str, what: &str) -> ModelError {
        ModelError::unsupported(self.gguf.path(), name, what)
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, ModelError> {
        self.gguf.boolean(&self.key(name))
    }

    pub(crate) fn float(&self, name: &str) -> Result<Option<f64>, ModelError> {
        self.gguf.float(&self.key(name))
    }

    pub(crate) fn count(&self, name: &str) -> Result<Option<usize>, ModelError> {
        match self.gguf.integer(&self.key(name))?.map(usize::try_from) {
            None => Ok(None),
            Some(Ok(count)) => Ok(Some(count)),
            Some(Err(_)) => Err(self.error(name, "does not fit this machine")),
        }
    }

    pub(crate) fn required(&self, name: &str) -> Result<usize, ModelError> {
        self.count(name)?.ok_or_else(|| self.error(name, "is missing"))
    }

    fn token(&self, kind: &str) -> Result<Option<u32>, ModelError> {
        let key = format!("tokenizer.ggml.{kind}_token_id");
        match self.gguf.integer(&key)?.map(u32::try_from) {
            None => Ok(None),
            Some(Ok(id)) => Ok(Some(id)),
            Some(Err(_)) => Err(self.format(&key, "is not a token id")),
        }
    }
}
