//! The shape of a decoder.
//!
//! A [`ModelConfig`] comes from a Hugging Face `config.json` ([`ModelConfig::from_json`]) or from
//! GGUF metadata ([`ModelConfig::from_gguf`]). Both check it ([`ModelConfig::validate`]): every
//! number lies between bounds so wide that no real model meets them and so narrow that no product
//! of two overflows.
//!
//! What differs between the families of decoders is data: [`Switches`], and a table of families that
//! says how each writes them down.
//!
//! Source: the configuration classes of Hugging Face transformers.

mod bounds;
mod experts;
pub(crate) mod families;
mod gguf;
mod hf;
mod json;
mod positions;
mod refused;
mod rope;
mod stored;
mod suggested;
mod switches;
mod windows;
mod wrapped;

pub use experts::{Experts, Router};
pub(crate) use hf::named_ends;
pub use rope::RopeScaling;
pub use stored::Stored;
pub use suggested::SuggestedSampling;
pub(crate) use switches::is_one;
pub use switches::{Activation, Attends, Growth, NormPlace, Rotation, Switches};
pub use windows::Windows;

use tts_core::cost::{ExpertShape, ModelCost, ModelShape};

use crate::ModelError;
use bounds::{held, shown};
use families::Family;

/// The shape of a decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// The family, by `model_type` of `config.json`; Mistral is a `llama`.
    pub architecture: String,
    /// Number of token ids.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the feed-forward layer where it is one network; that of an expert is in [`Switches::experts`].
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Number of query heads.
    pub num_attention_heads: usize,
    /// Number of key and value heads; divides `num_attention_heads`.
    pub num_key_value_heads: usize,
    /// Width of one head; even.
    pub head_dim: usize,
    /// Epsilon of the RMS norms.
    pub rms_norm_eps: f64,
    /// Base of the rotary embedding.
    pub rope_theta: f64,
    /// Frequency scaling of the rotary embedding.
    pub rope_scaling: RopeScaling,
    /// Longest sequence, in tokens.
    pub max_position_embeddings: usize,
    /// Whether the output head is the embedding matrix.
    pub tie_word_embeddings: bool,
    /// Whether the query, key and value projections have a bias (Qwen2).
    pub attention_bias: bool,
    /// Whether queries and keys are normed: each head (Qwen3), or all together ([`Switches::whole_qk_norm`]).
    pub qk_norm: bool,
    /// What differs from a Llama layer.
    pub switches: Switches,
    /// What the files say beside that.
    pub stored: Stored,
    /// Token that starts a text, if the file names one.
    pub bos_token_id: Option<u32>,
    /// Tokens that end a generation.
    pub eos_token_ids: Vec<u32>,
}

/// A field and what is wrong with it.
type Problem = (&'static str, String);

impl ModelConfig {
    /// Rows of the query projection: `num_attention_heads * head_dim`.
    pub fn query_width(&self) -> usize {
        self.num_attention_heads * self.head_dim
    }

    /// Rows of the key projection and of the value projection: `num_key_value_heads * head_dim`.
    pub fn key_value_width(&self) -> usize {
        self.num_key_value_heads * self.head_dim
    }

    /// Numbers that a norm of queries, and one of keys, runs over.
    pub fn norm_widths(&self) -> [usize; 2] {
        if self.switches.whole_qk_norm {
            [self.query_width(), self.key_value_width()]
        } else {
            [self.head_dim; 2]
        }
    }

    /// Width of a feed-forward network: of the one that there is, or of an expert.
    pub fn feed_forward_width(&self) -> usize {
        self.switches.experts.map_or(self.intermediate_size, |experts| experts.width)
    }

    /// How many numbers of a head are turned by its position.
    pub fn rotary_dim(&self) -> usize {
        self.switches.rotary_dim.unwrap_or(self.head_dim)
    }

    /// The widest window, and how many layers have any; `None` where all see everything.
    pub(crate) fn windows(&self) -> Option<(usize, usize)> {
        let window = |layer: usize| self.switches.attends(layer).window;
        let windows = || (0..self.num_hidden_layers).filter_map(window);
        Some((windows().max()?, windows().count()))
    }

    /// The family that its files follow.
    pub(crate) fn family(&self) -> Option<&'static Family> {
        Family::of(&self.architecture)
    }

    /// The same within so many positions: windows that reach over all of them are none.
    pub(crate) fn within(&mut self, positions: usize) {
        let all = self.max_position_embeddings;
        let most = all.min(positions);
        if self.rope_scaling.turns_at(most, all) {
            self.stored.positions = None;
        } else if most < all {
            self.stored.positions.get_or_insert(all);
        }
        self.max_position_embeddings = most;
        for layer in &mut self.switches.layers {
            if let Some(tokens) = layer.window.filter(|&tokens| tokens >= most) {
                layer.window = None;
                // Beyond so many positions it would be another model.
                if tokens < all {
                    self.stored.positions = None;
                }
            }
        }
        if self.switches.query_growth.is_some_and(|growth| growth.is_none_within(most)) {
            self.switches.query_growth = None;
            if most < all {
                self.stored.positions = None;
            }
        }
        self.switches = std::mem::take(&mut self.switches).tidied();
    }

    /// Refuses, for somebody who writes checkpoints, a family whose files are not written yet, and switches.
    ///
    /// # Errors
    /// When it is one, or sets any.
    pub(crate) fn refuse_unwritten(&self, who: &str) -> Result<(), ModelError> {
        if self.switches.experts.is_some() {
            return self.switches.refuse(who);
        }
        if self.family().is_none_or(|family| !family.writes) {
            let problem = format!("{who} cannot write checkpoints of {} yet", self.architecture);
            return Err(ModelError::input("model", problem));
        }
        self.switches.refuse(who)
    }

    /// Checks that the numbers make a decoder: none is zero or absurdly large, the key and value
    /// heads divide the query heads, the head width is even, floats are finite.
    ///
    /// # Errors
    /// Naming the first field that is wrong.
    pub fn validate(&self) -> Result<(), ModelError> {
        self.check().map_err(|(field, problem)| ModelError::input(field, problem))
    }

    /// Whether every count is one of a decoder.
    fn check_counts(&self) -> Result<(), Problem> {
        let counts = [
            ("vocab_size", self.vocab_size, 1 << 24),
            ("hidden_size", self.hidden_size, 1 << 18),
            ("intermediate_size", self.intermediate_size, 1 << 20),
            ("num_hidden_layers", self.num_hidden_layers, 1 << 12),
            ("num_attention_heads", self.num_attention_heads, 1 << 12),
            ("num_key_value_heads", self.num_key_value_heads, self.num_attention_heads),
            ("head_dim", self.head_dim, 1 << 12),
            ("max_position_embeddings", self.max_position_embeddings, 1 << 30),
        ];
        for (field, count, limit) in counts {
            if count == 0 || count > limit {
                return Err((field, format!("{count}, expected 1 to {limit}")));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Problem> {
        self.check_counts()?;
        if !self.num_attention_heads.is_multiple_of(self.num_key_value_heads) {
            let problem = format!(
                "{} does not divide {} query heads",
                self.num_key_value_heads, self.num_attention_heads
            );
            return Err(("num_key_value_heads", problem));
        }
        if !self.head_dim.is_multiple_of(2) {
            return Err(("head_dim", format!("{} is odd", self.head_dim)));
        }
        // Numbers that f32 holds, as the others: of 0 a row of zeros has no norm.
        if !(1e-30..1.0).contains(&self.rms_norm_eps) {
            let epsilon = shown(self.rms_norm_eps);
            let problem = format!("{epsilon}, expected more than 0 and less than 1");
            return Err(("rms_norm_eps", problem));
        }
        held("rope_theta", self.rope_theta)?;
        self.switches.check(self.num_hidden_layers, self.head_dim)?;
        if matches!(self.rope_scaling, RopeScaling::Yarn { .. }) && self.rope_theta <= 1.0 {
            let problem = format!("{}, expected more than 1 for yarn", self.rope_theta);
            return Err(("rope_theta", problem));
        }
        self.rope_scaling.check(self.rotary_dim())?;
        self.check_architecture()
    }

    /// The architecture fixes what is neither stored in files nor left to the user.
    fn check_architecture(&self) -> Result<(), Problem> {
        let Some(family) = Family::of(&self.architecture) else {
            let problem = format!("{:?}, expected one of {}", self.architecture, Family::list());
            return Err(("architecture", problem));
        };
        if self.switches.experts.is_some() != family.experts {
            let there = if family.experts { "none" } else { "experts" };
            return Err(("num_experts", format!("{there} in {}", self.architecture)));
        }
        if family.qk_norm_field.is_none() && self.qk_norm != family.qk_norm {
            return Err(("qk_norm", format!("{} in {}", self.qk_norm, self.architecture)));
        }
        if family.attention_bias && !self.attention_bias {
            return Err(("attention_bias", format!("false in {}", self.architecture)));
        }
        Ok(())
    }
}

impl ModelConfig {
    /// Parameters of the layers and the final norm, without embedding and head, with so many networks in each layer.
    fn layer_parameters(&self, networks: usize) -> u64 {
        let switches = &self.switches;
        let experts = switches.experts;
        let shared = experts.and_then(|experts| experts.shared);
        let [norm_of_query, norm_of_key] = if self.qk_norm { self.norm_widths() } else { [0; 2] };
        let [hidden, networks, router, layers, dense, query, kv, sinks, qk_norms, shared, gate] = [
            self.hidden_size,
            networks,
            experts.map_or(0, |experts| experts.count),
            self.num_hidden_layers,
            switches.dense_layers,
            self.query_width(),
            self.key_value_width(),
            if switches.sinks { self.num_attention_heads } else { 0 },
            norm_of_query + norm_of_key,
            shared.unwrap_or(0),
            usize::from(shared.is_some() && !switches.whole_shared),
        ]
        .map(|n| n as u64);
        let of_query = if self.attention_bias { query + 2 * kv } else { 0 };
        let of_output = if switches.output_bias { hidden } else { 0 };
        let attention = 2 * hidden * (query + kv) + of_query + of_output + qk_norms + sinks;
        let norms = if switches.norm_place == NormPlace::Around { 4 } else { 2 };
        let biased = u64::from(switches.feed_forward_bias);
        let network = |width: usize| {
            let width = width as u64;
            3 * width * hidden + biased * (2 * width + hidden)
        };
        let biases_of_router = biased + u64::from(switches.router.favours());
        let beside = (3 * shared + router + gate) * hidden + biases_of_router * router;
        let mixture = networks * network(self.feed_forward_width()) + beside;
        let feed_forward =
            layers.saturating_sub(dense) * mixture + dense * network(self.intermediate_size);
        layers * (attention + norms * hidden) + feed_forward + hidden
    }

    /// Networks of a layer that a token runs through, and all that there are.
    fn networks(&self) -> [usize; 2] {
        self.switches.experts.map_or([1; 2], |experts| [experts.used, experts.count])
    }

    fn head_parameters(&self) -> u64 {
        self.hidden_size as u64 * self.vocab_size as u64
    }

    /// Parameters of the layers, the final norm and the head that a token runs through. An embedding that is only
    /// looked up is left out, and so are the experts that a token does not go to.
    pub fn active_parameters(&self) -> u64 {
        let [used, _] = self.networks();
        self.layer_parameters(used) + self.head_parameters()
    }

    /// What a forward pass costs, by formula.
    pub fn cost(&self) -> ModelCost {
        self.shape(32.0, 4).cost()
    }

    /// What decides speed and memory, with weights of `weight_bits` bits a parameter and keys and
    /// values of `key_value_bytes` bytes a number: also of models that are not at hand.
    ///
    /// ```no_run
    /// use tts_models::ModelConfig;
    /// // Weights of 4.5 bits, keys and values of 16.
    /// let shape = ModelConfig::from_json("Qwen2.5-7B/config.json")?.shape(4.5, 2);
    /// println!("{} bytes with 32 lines of 1,024 tokens", shape.memory(32 * 1024, 32));
    /// # Ok::<(), tts_models::ModelError>(())
    /// ```
    pub fn shape(&self, weight_bits: f64, key_value_bytes: usize) -> ModelShape {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bytes of a model, not negative and far below 2^53"
        )]
        let bytes = |parameters: u64| (parameters as f64 * weight_bits / 8.0).ceil() as u64;
        let [used, all] = self.networks().map(|networks| self.layer_parameters(networks));
        let experts = self.switches.experts.map(|experts| ExpertShape {
            count: experts.count as u64,
            used: experts.used as u64,
            bytes: bytes(all - self.layer_parameters(0)),
        });
        let layer = 2 * self.key_value_width() * key_value_bytes;
        let windows = self
            .windows()
            .map(|(tokens, layers)| Windows { tokens, bytes: layers * layer }.shape(layers));
        ModelShape {
            layer_parameters: used,
            head_parameters: self.head_parameters(),
            layers: self.num_hidden_layers as u64,
            hidden: self.hidden_size as u64,
            query_width: self.query_width() as u64,
            vocabulary: self.vocab_size as u64,
            layer_bytes: bytes(all),
            head_bytes: bytes(self.head_parameters()),
            embedding_bytes: if self.tie_word_embeddings {
                0
            } else {
                bytes(self.head_parameters())
            },
            token_bytes: (self.num_hidden_layers * layer) as u64,
            windows,
            experts,
        }
    }
}
