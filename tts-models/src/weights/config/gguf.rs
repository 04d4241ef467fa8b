//! Reads a config from GGUF metadata.
//!
//! Keys start with the architecture (`llama.block_count`). The vocabulary is as large as the
//! embedding has rows; the head is tied when there is no `output.weight`; biases are there when
//! their tensors are. `rope_freqs.weight`, where present, holds one divisor per rotary frequency:
//! that is how converters store Llama 3.1's scaling rule. `rope_factors_short.weight` and `rope_factors_long.weight`
//! hold those of longrope, and `rope.scaling.type` says so or nothing (Phi's converter writes none). Beside such lists
//! llama.cpp would scale by what the keys say as well; no model is made so, and a file that says both is refused.
//! An error names the key or the tensor, whoever found what is wrong. Some converters list a number for every layer; they
//! all have to be the same one.
//!
//! What is a family's own is read as its row of [`super::families`] says. A sliding window that the file states is
//! refused in a family without windows. Converters state none for the types `llama` and
//! `qwen2`, under which Mistral's models go as well: theirs cannot be known from the file, see
//! [`positions`](crate::EngineConfig::positions).
//!
//! Source: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>; `llama-model.cpp` and `conversion` of
//! llama.cpp.

use super::families::{Family, ReadKeys};
use super::switches::is_one;
use super::{ModelConfig, Problem, RopeScaling, Stored, Switches, refused};
use crate::ModelError;
use crate::weights::Gguf;
use crate::weights::gguf::{Array, Value};

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
        config.check_counts().map_err(|problem| keys.named(problem))?;
        config.switches = switches(&keys, &config)?.tidied();
        config.check().map_err(|problem| keys.named(problem))?;
        Ok(config)
    }
}

/// Which of so many layers have a window where every so many sees everything.
pub(crate) fn all_but_every(every: usize, layers: usize) -> Vec<bool> {
    (1..=layers).map(|layer| !layer.is_multiple_of(every)).collect()
}

/// Whether a number is not 0, which says nothing under many keys. NaN is not, so that a later check names it.
pub(crate) fn is_nonzero(number: f64) -> bool {
    number.abs() > 0.0 || number.is_nan()
}

/// Whether a number of a file is another one as f32 holds it.
#[expect(clippy::cast_possible_truncation, clippy::float_cmp, reason = "the bits of the file")]
fn is_same(stored: f64, number: f64) -> bool {
    stored as f32 == number as f32
}

/// Divisors of frequencies: one list, or the two of longrope.
const ONE: &str = "rope_freqs.weight";
const SHORT: &str = "rope_factors_short.weight";
const LONG: &str = "rope_factors_long.weight";

/// The tensors that fields of a config stand for in GGUF.
const TENSORS: [(&str, &str); 5] = [
    ("vocab_size", EMBEDDING),
    ("rope_scaling.factors", ONE),
    ("rope_scaling.short_factor", SHORT),
    ("rope_scaling.long_factor", LONG),
    ("qk_norm", "blk.0.attn_q_norm.weight"),
];
const EMBEDDING: &str = "token_embd.weight";

/// The keys that they stand for, behind the name of the architecture.
const KEYS: [(&str, &str); 31] = [
    ("hidden_size", "embedding_length"),
    ("intermediate_size", "feed_forward_length"),
    ("num_hidden_layers", "block_count"),
    ("num_attention_heads", "attention.head_count"),
    ("num_key_value_heads", "attention.head_count_kv"),
    ("head_dim", "attention.key_length"),
    ("max_position_embeddings", "context_length"),
    ("rms_norm_eps", "attention.layer_norm_rms_epsilon"),
    ("rope_theta", "rope.freq_base"),
    ("rope_local_base_freq", "rope.freq_base_swa"),
    ("partial_rotary_factor", "rope.dimension_count"),
    ("rope_scaling.factor", "rope.scaling.factor"),
    ("rope_scaling.original_max_position_embeddings", "rope.scaling.original_context_length"),
    ("rope_scaling.beta_fast", "rope.scaling.yarn_beta_fast"),
    ("rope_scaling.beta_slow", "rope.scaling.yarn_beta_slow"),
    ("rope_scaling.attention_factor", "rope.scaling.attn_factor"),
    ("llama_4_scaling_beta", "attention.temperature_scale"),
    ("sliding_window", "attention.sliding_window"),
    ("layers", "attention.sliding_window_pattern"),
    ("num_experts", "expert_count"),
    ("num_experts_per_tok", "expert_used_count"),
    ("moe_intermediate_size", "expert_feed_forward_length"),
    ("shared_expert_intermediate_size", "expert_shared_feed_forward_length"),
    ("first_k_dense_replace", "leading_dense_block_count"),
    ("routed_scaling_factor", "expert_weights_scale"),
    ("embedding_multiplier", "embedding_scale"),
    ("residual_multiplier", "residual_scale"),
    ("attention_multiplier", "attention.scale"),
    ("logits_scaling", "logit_scale"),
    ("attn_logit_softcapping", "attn_logit_softcapping"),
    ("final_logit_softcapping", "final_logit_softcapping"),
];

/// What the logarithm of yarn's factor is multiplied with.
const LOGARITHM: &str = "rope.scaling.yarn_log_multiplier";

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
        let what = format!("architecture {}", refused::why(architecture, &Family::list_gguf()));
        Err(ModelError::unsupported(self.gguf.path(), key, what))
    }

    fn read(&self, family: &Family) -> Result<ModelConfig, ModelError> {
        self.refuse()?;
        let hidden_size = self.required("embedding_length")?;
        let heads = self.of_all_layers("attention.head_count")?;
        let heads = heads.ok_or_else(|| self.error("attention.head_count", "is missing"))?;
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
        let vocab_size = match self.gguf.info(EMBEDDING).map(|info| info.shape.as_slice()) {
            Some([rows, _]) => *rows,
            Some(_) => return Err(self.format(EMBEDDING, "is not a matrix")),
            None => return Err(self.format(EMBEDDING, "there is no such tensor")),
        };
        let turned = self.count("rope.dimension_count")?.unwrap_or(head_dim);
        let mut config = ModelConfig {
            architecture: family.held_as.to_owned(),
            vocab_size,
            hidden_size,
            intermediate_size: self.feed_forward_length()?,
            num_hidden_layers: self.layers()?,
            num_attention_heads: heads,
            num_key_value_heads: self.of_all_layers("attention.head_count_kv")?.unwrap_or(heads),
            head_dim,
            rms_norm_eps: self
                .float("attention.layer_norm_rms_epsilon")?
                .ok_or_else(|| self.error("attention.layer_norm_rms_epsilon", "is missing"))?,
            rope_theta: self.float("rope.freq_base")?.unwrap_or(10_000.0),
            rope_scaling: self.scaling(family, turned)?,
            max_position_embeddings: self.required("context_length")?,
            tie_word_embeddings: self.gguf.info("output.weight").is_none(),
            attention_bias: family.attention_bias || self.gguf.info("blk.0.attn_q.bias").is_some(),
            qk_norm: match family.qk_norm_field {
                Some(_) => self.has_tensor("blk.0.attn_q_norm.weight"),
                None => family.qk_norm,
            },
            switches: Switches::default(),
            stored: Stored::default(),
            bos_token_id: self.token("bos")?,
            eos_token_ids: Vec::new(),
        };
        for kind in ["eos", "eot", "eom"] {
            config.add_eos(self.token(kind)?);
        }
        Ok(config)
    }

    /// How many layers a token runs through. Behind them files may hold others, which guess further tokens; they are passed
    /// over, as in llama.cpp.
    fn layers(&self) -> Result<usize, ModelError> {
        let (all, key) = (self.required("block_count")?, "nextn_predict_layers");
        let guessing = self.count(key)?.unwrap_or(0);
        if guessing > 0 && guessing >= all {
            return Err(self.error(key, format!("{guessing}, expected less than {all} layers")));
        }
        Ok(all - guessing)
    }

    /// Width of a feed-forward network; a file of experts may only say theirs.
    fn feed_forward_length(&self) -> Result<usize, ModelError> {
        match self.of_all_layers("feed_forward_length")? {
            Some(width) => Ok(width),
            None => match self.count("expert_feed_forward_length")? {
                Some(width) => Ok(width),
                None => self.required("feed_forward_length"),
            },
        }
    }

    /// A number that the file may also list for each layer.
    fn of_all_layers(&self, name: &str) -> Result<Option<usize>, ModelError> {
        let list = self.gguf.metadata().get(&self.key(name)).and_then(Value::as_array);
        let Some(list) = list else { return self.count(name) };
        let layers = self.required("block_count")?;
        let Some(numbers) = list.to_u64s().filter(|list| list.len() == layers) else {
            let problem = format!("{} values, expected an integer of each layer", list.len());
            return Err(self.error(name, problem));
        };
        let Some(&first) = numbers.first() else { return Ok(None) };
        if let Some(other) = numbers.iter().find(|number| **number != first) {
            let what = format!("{other} in some layers and {first} in others");
            return Err(self.unsupported(name, what));
        }
        let first = usize::try_from(first);
        first.map(Some).map_err(|_| self.error(name, "does not fit this machine"))
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

    /// Which of so many layers have a window: those of a list, or all but every so many, the last of which sees
    /// everything. `None` where the file does not say.
    pub(crate) fn slides(&self, layers: usize) -> Result<Option<Vec<bool>>, ModelError> {
        let pattern = "attention.sliding_window_pattern";
        let list = self.gguf.metadata().get(&self.key(pattern)).and_then(Value::as_array);
        match list {
            Some(Array::Bool(list)) if list.len() == layers => return Ok(Some(list.clone())),
            Some(list) => {
                let problem = format!("{} values, expected a truth value a layer", list.len());
                return Err(self.error(pattern, problem));
            }
            None => {}
        }
        match self.count(pattern)? {
            None => Ok(None),
            Some(0) => Err(self.error(pattern, "0, expected at least 1")),
            Some(every) => Ok(Some(all_but_every(every, layers))),
        }
    }

    /// Whether the file has a key.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.gguf.metadata().contains_key(&self.key(name))
    }

    /// Whether there is a tensor of this stored name.
    pub(crate) fn has_tensor(&self, name: &str) -> bool {
        self.gguf.info(name).is_some()
    }

    /// The factors that a tensor holds, one for each pair of the numbers that are turned of a head.
    fn factors(&self, tensor: &str, turned: usize) -> Result<Vec<f64>, ModelError> {
        let pairs = turned / 2;
        if let Some(info) = self.gguf.info(tensor).filter(|info| info.shape != [pairs]) {
            let problem = format!("shape {:?}, expected [{pairs}]", info.shape);
            return Err(self.format(tensor, &problem));
        }
        Ok(self.gguf.read(tensor)?.to_f32()?.into_iter().map(f64::from).collect())
    }

    /// Factors of frequencies, where the file lists any, and nothing else scales them.
    fn listed(&self, turned: usize) -> Result<Option<RopeScaling>, ModelError> {
        let two = [SHORT, LONG].into_iter().find(|name| self.has_tensor(name));
        let one = Some(ONE).filter(|name| self.has_tensor(name));
        let Some(list) = one.or(two) else { return Ok(None) };
        if let (Some(one), Some(two)) = (one, two) {
            return Err(self.unsupported_tensor(one, &format!("factors beside those of {two}")));
        }
        let kind = "rope.scaling.type";
        let known: &[&str] = if two.is_some() { &["longrope"] } else { &["none", "linear"] };
        if let Some(other) = self.text(kind)?.filter(|kind| !known.contains(kind)) {
            return Err(self.unsupported(kind, format!("scaling {other:?} beside {list}")));
        }
        if let Some(factor) = self.factor()?.filter(|factor| !is_one(*factor)) {
            let what = format!("factor {factor} beside {list}");
            return Err(self.unsupported("rope.scaling.factor", what));
        }
        if two.is_none() {
            return Ok(Some(RopeScaling::Factors(self.factors(ONE, turned)?)));
        }
        Ok(Some(RopeScaling::LongRope {
            original_max_position_embeddings: self
                .required("rope.scaling.original_context_length")?
                as f64,
            short_factor: self.factors(SHORT, turned)?,
            long_factor: self.factors(LONG, turned)?,
            attention_factor: self.attention_factor()?,
        }))
    }

    /// What positions are divided by; llama.cpp takes 0 for none.
    fn factor(&self) -> Result<Option<f64>, ModelError> {
        let factor = match self.float("rope.scaling.factor")? {
            // The key of older files.
            None => self.float("rope.scale_linear")?,
            found => found,
        };
        Ok(factor.filter(|&factor| is_nonzero(factor)))
    }

    /// What cosines and sines are multiplied with by the file's own word.
    fn attention_factor(&self) -> Result<f64, ModelError> {
        Ok(self.float("rope.scaling.attn_factor")?.unwrap_or(1.0))
    }

    fn scaling(&self, family: &Family, turned: usize) -> Result<RopeScaling, ModelError> {
        let scaling = match self.listed(turned)? {
            Some(listed) => listed,
            None => self.stated(family)?,
        };
        let by = self.attention_factor()?;
        let takes = matches!(scaling, RopeScaling::Yarn { .. } | RopeScaling::LongRope { .. });
        if !takes && !is_one(by) {
            let what = format!("factor {by} of attention without yarn or longrope");
            return Err(self.unsupported("rope.scaling.attn_factor", what));
        }
        Ok(scaling)
    }

    /// The scaling that keys alone say. llama.cpp: linear unless said otherwise.
    fn stated(&self, family: &Family) -> Result<RopeScaling, ModelError> {
        match (self.text("rope.scaling.type")?, self.factor()?) {
            (None | Some("linear"), Some(factor)) => Ok(RopeScaling::Linear { factor }),
            (None | Some("none" | "linear"), _) => Ok(RopeScaling::None),
            (Some("yarn"), Some(factor)) if factor > 1.0 => {
                let number = |name: &str, default: f64| {
                    Ok::<f64, ModelError>(self.float(name)?.unwrap_or(default))
                };
                let original = match self.count("rope.scaling.original_context_length")? {
                    Some(original) => original,
                    None => self.required("context_length")?,
                } as f64;
                let whole = self.yarn_factor(0.1 * factor.ln() + 1.0)?;
                let logarithm = self.float(LOGARITHM)?.filter(|by| is_nonzero(*by));
                if !family.yarn_logarithm
                    && let Some(by) = logarithm
                {
                    let what = format!("multiplier of yarn's logarithm {by}");
                    return Err(self.unsupported(LOGARITHM, what));
                }
                let whole = whole / logarithm.map_or(1.0, |by| 0.1 * by * factor.ln() + 1.0);
                let by = self.attention_factor()?;
                Ok(RopeScaling::Yarn {
                    factor,
                    original_max_position_embeddings: original,
                    beta_fast: number("rope.scaling.yarn_beta_fast", 32.0)?,
                    beta_slow: number("rope.scaling.yarn_beta_slow", 1.0)?,
                    attention_factor: if family.yarn_is_whole && is_same(by, whole) {
                        whole
                    } else {
                        by * whole
                    },
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

    /// What cosines and sines are multiplied with by yarn, of which its paper's is `whole`. Converters write a config's
    /// `attention_factor` under the same key as its `attn_factor`, which comes to that of the paper: a file is taken where
    /// there is one reading of it that gives 1 or the paper's, and refused where there are two, or another. llama.cpp has
    /// changed what these keys do, and passed over some.
    fn yarn_factor(&self, whole: f64) -> Result<f64, ModelError> {
        let [part, attention] = ["rope.scaling.yarn_ext_factor", "rope.scaling.yarn_attn_factor"];
        // Less than 0 is none said.
        let by = self.float(part)?.unwrap_or(1.0);
        if !(by < 0.0 || is_one(by)) {
            return Err(self.unsupported(part, format!("part of yarn {by}")));
        }
        match self.float(attention)? {
            None => Ok(whole),
            Some(by) if is_same(by, whole) => Ok(whole),
            // As f32 holds it.
            Some(by) if (by * whole - 1.0).abs() < 1e-6 => Ok(1.0),
            Some(by) => {
                let what = format!(
                    "attention factor of yarn {by}, of which files do not say what it comes to; \
                     open the model's folder instead"
                );
                Err(self.unsupported(attention, what))
            }
        }
    }

    /// What is wrong with a field of the config, under the name that the file has for it.
    fn named(&self, (field, problem): Problem) -> ModelError {
        let own = |names: &[(&'static str, &'static str)]| {
            names.iter().find(|(name, _)| *name == field).map(|(_, own)| *own)
        };
        match (own(&TENSORS), own(&KEYS)) {
            (Some(tensor), _) => self.format(tensor, &problem),
            (None, Some(key)) => self.error(key, problem),
            (None, None) => self.format(field, &problem),
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

    fn text(&self, name: &str) -> Result<Option<&str>, ModelError> {
        self.gguf.text(&self.key(name))
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
