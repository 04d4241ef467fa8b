//! What a decoder does beside, or in place of, what a Llama layer does.
//!
//! A layer of the Llama family is `x + attention(norm(x))`, then `x + feed_forward(norm(x))`, with `SiLU` gates,
//! every head turned whole by its position, and no bias but those of queries, keys and values. Each other family
//! is that with a few of these switches set; the default sets none. An executor asks for the switch, never for the
//! family, and refuses by name what it has no arithmetic for ([`Switches::refuse`]).
//!
//! Source: the modelling files of Hugging Face transformers for the families in
//! [`families`](crate::weights::config::families).

use super::bounds::held;
use super::experts::SHARED_WIDTH;
use super::{Experts, Problem, Router};
use crate::ModelError;

/// Where the norms of a block stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NormPlace {
    /// Before it: `x + block(norm(x))` (Llama).
    #[default]
    Before,
    /// After it: `x + norm(block(x))` (`OLMo` 2).
    After,
    /// Both (Gemma 2 and 3).
    Around,
}

/// What gates the feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Activation {
    /// `x / (1 + e^-x)`.
    #[default]
    Silu,
    /// `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.
    GeluTanh,
    /// `x / (1 + e^(-slope x))` of a gate that is cut off above `limit`. What it gates is cut off above `limit` and
    /// below `-limit`, and has 1 added (gpt-oss).
    Clamped {
        /// What the gate is multiplied with in the exponential.
        slope: f64,
        /// Where gate and gated are cut off.
        limit: f64,
    },
}

/// What the heads of a layer are turned by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rotation {
    /// The model's rotary embedding.
    #[default]
    Global,
    /// One of its own base, unscaled ([`Switches::local_rope_theta`]).
    Local,
    /// Nothing: the layer knows no positions (`SmolLM3`).
    None,
}

/// How one layer attends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attends {
    /// How many of the last positions a token sees, itself included; `None` for all.
    pub window: Option<usize>,
    /// What its heads are turned by.
    pub rotation: Rotation,
}

/// How queries grow with their position: by `1 + by ln(1 + floor(position / every))`, so that attention stays sharp over
/// long texts (Ministral 3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    /// What the logarithm is multiplied with.
    pub by: f64,
    /// After how many positions queries grow.
    pub every: f64,
}

impl Growth {
    /// What a query at a position is multiplied with.
    pub fn at(&self, position: usize) -> f64 {
        1.0 + self.by * (1.0 + (position as f64 / self.every).floor()).ln()
    }

    /// Whether no query of so many positions grows.
    pub(super) fn is_none_within(&self, positions: usize) -> bool {
        positions as f64 <= self.every
    }
}

/// What differs from a Llama layer.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "a list of what is so and what not")]
pub struct Switches {
    /// Where norms stand.
    pub norm_place: NormPlace,
    /// Whether the norms of queries and keys ([`qk_norm`](super::ModelConfig::qk_norm)) run over all heads at once
    /// (`OLMo` 2).
    pub whole_qk_norm: bool,
    /// Whether the norms of queries and keys stand behind the rotation (Hunyuan).
    pub qk_norm_turned: bool,
    /// How queries grow with their position.
    pub query_growth: Option<Growth>,
    /// What gates the feed-forward layer.
    pub activation: Activation,
    /// The experts that stand in the place of one feed-forward network, in every layer behind the first
    /// [`Self::dense_layers`]; `None` for one network.
    pub experts: Option<Experts>,
    /// What the router makes of its logits.
    pub router: Router,
    /// How many layers, from the first one on, have one network where the others have experts (GLM 4.5).
    pub dense_layers: usize,
    /// Whether the network that every token goes to beside its experts counts whole, and has no gate (GLM 4.5).
    pub whole_shared: bool,
    /// Whether the output projection of attention has a bias.
    pub output_bias: bool,
    /// Whether the projections of the feed-forward layer have biases; those of experts, and their router, likewise.
    pub feed_forward_bias: bool,
    /// Whether each query head has a sink: a score of its own that takes part in every softmax, and stands for no
    /// value (gpt-oss).
    pub sinks: bool,
    /// How many numbers of a head are turned, from its first one on; even. `None` for all (Phi: fewer).
    pub rotary_dim: Option<usize>,
    /// How each layer attends; empty where all see everything and are turned.
    pub layers: Vec<Attends>,
    /// The rotary base of layers with [`Rotation::Local`].
    pub local_rope_theta: f64,
    /// What embeddings are multiplied with.
    pub embedding_scale: f64,
    /// What a block's result is multiplied with before it is added.
    pub residual_scale: f64,
    /// What products of queries and keys are multiplied with; `None` for one over the root of a head's width.
    pub attention_scale: Option<f64>,
    /// What logits are multiplied with.
    pub logit_scale: f64,
    /// The bound `c` of attention's scores: `c tanh(score / c)`.
    pub attention_cap: Option<f64>,
    /// The same of logits.
    pub logit_cap: Option<f64>,
}

impl Default for Switches {
    /// A Llama layer.
    fn default() -> Self {
        Self {
            norm_place: NormPlace::Before,
            whole_qk_norm: false,
            qk_norm_turned: false,
            query_growth: None,
            activation: Activation::Silu,
            experts: None,
            router: Router::Softmax,
            dense_layers: 0,
            whole_shared: false,
            output_bias: false,
            feed_forward_bias: false,
            sinks: false,
            rotary_dim: None,
            layers: Vec::new(),
            local_rope_theta: 10_000.0,
            embedding_scale: 1.0,
            residual_scale: 1.0,
            attention_scale: None,
            logit_scale: 1.0,
            attention_cap: None,
            logit_cap: None,
        }
    }
}

/// Names and values of the fields that differ from the default's; a field that is left out does not compile.
macro_rules! differing {
    ($switches:expr, $($field:ident),*) => {{
        let (Switches { $($field),* }, plain) = ($switches, Switches::default());
        let mut told = String::new();
        $(if *$field != plain.$field {
            told += &format!("{} {:?}\n", stringify!($field), $field);
        })*
        told
    }};
}

impl Switches {
    /// What differs from a Llama layer, by name: a switch that models do not set says nothing of them, also one that
    /// comes to be later.
    #[expect(clippy::float_cmp, reason = "a factor that was set differs in its bits")]
    pub(crate) fn told(&self) -> String {
        differing!(
            self,
            norm_place,
            whole_qk_norm,
            qk_norm_turned,
            query_growth,
            activation,
            experts,
            router,
            dense_layers,
            whole_shared,
            output_bias,
            feed_forward_bias,
            sinks,
            rotary_dim,
            layers,
            local_rope_theta,
            embedding_scale,
            residual_scale,
            attention_scale,
            logit_scale,
            attention_cap,
            logit_cap
        )
    }

    /// Without a list of layers that says nothing.
    pub(super) fn tidied(mut self) -> Self {
        if self.layers.iter().all(|layer| *layer == Attends::default()) {
            self.layers.clear();
        }
        self
    }

    /// How a layer attends.
    pub fn attends(&self, layer: usize) -> Attends {
        self.layers.get(layer).copied().unwrap_or_default()
    }

    /// The experts of a layer; `None` where it has one network.
    pub fn experts_of(&self, layer: usize) -> Option<Experts> {
        self.experts.filter(|_| layer >= self.dense_layers)
    }

    /// What products of queries and keys are multiplied with, for heads of this width.
    pub fn score_scale(&self, head_dim: usize) -> f64 {
        self.attention_scale.unwrap_or_else(|| 1.0 / (head_dim as f64).sqrt())
    }

    /// Whether a block's result can be added to the stream as it comes out of its last product.
    pub(crate) fn adds_plainly(&self) -> bool {
        self.norm_place == NormPlace::Before && is_one(self.residual_scale)
    }

    /// What is wrong with the numbers, for so many layers and heads of this width.
    pub(super) fn check(&self, layers: usize, head_dim: usize) -> Result<(), Problem> {
        if !self.layers.is_empty() && self.layers.len() != layers {
            return Err(("layers", format!("{} of {layers} are described", self.layers.len())));
        }
        if self.layers.iter().any(|layer| layer.window == Some(0)) {
            return Err(("sliding_window", "0, expected at least 1".to_owned()));
        }
        if let Some(dim) = self.rotary_dim
            && !(dim.is_multiple_of(2) && (2..=head_dim).contains(&dim))
        {
            let problem = format!("{dim} of {head_dim}, expected an even number of at least 2");
            return Err(("partial_rotary_factor", problem));
        }
        if let Some(experts) = &self.experts {
            let width = "moe_intermediate_size";
            experts.check(["num_experts", "num_experts_per_tok", width, SHARED_WIDTH])?;
        }
        let most = if self.experts.is_some() { layers.saturating_sub(1) } else { 0 };
        if self.dense_layers > most {
            let problem =
                format!("{} of {layers} layers, expected at most {most}", self.dense_layers);
            return Err(("first_k_dense_replace", problem));
        }
        let (slope, limit) = match self.activation {
            Activation::Clamped { slope, limit } => (slope, limit),
            Activation::Silu | Activation::GeluTanh => (1.0, 1.0),
        };
        let growth = self.query_growth.unwrap_or(Growth { by: 1.0, every: 1.0 });
        let positive = [
            ("llama_4_scaling_beta", growth.by),
            ("rope_scaling.original_max_position_embeddings", growth.every),
            ("swiglu_alpha", slope),
            ("swiglu_limit", limit),
            ("routed_scaling_factor", self.router.scale()),
            ("rope_local_base_freq", self.local_rope_theta),
            ("embedding_multiplier", self.embedding_scale),
            ("residual_multiplier", self.residual_scale),
            ("attention_multiplier", self.attention_scale.unwrap_or(1.0)),
            ("logits_scaling", self.logit_scale),
            ("attn_logit_softcapping", self.attention_cap.unwrap_or(1.0)),
            ("final_logit_softcapping", self.logit_cap.unwrap_or(1.0)),
        ];
        for (field, value) in positive {
            held(field, value)?;
        }
        Ok(())
    }

    /// Refuses, for somebody without arithmetic for it, the first switch that is set.
    ///
    /// # Errors
    /// When any is.
    pub fn refuse(&self, who: &str) -> Result<(), ModelError> {
        let plain = Self::default();
        // What mixtures alone have is refused with them.
        let set = [
            (
                "a mixture of experts (every backend runs it; to learn, and to be saved, take a dense model)",
                self.experts.is_some(),
            ),
            ("norms after a block", self.norm_place != plain.norm_place),
            ("a norm over all heads", self.whole_qk_norm),
            ("norms of heads behind their rotation", self.qk_norm_turned),
            (
                "queries that grow with their position (they do not within the original context)",
                self.query_growth.is_some(),
            ),
            ("another activation than SiLU", self.activation != plain.activation),
            ("a bias of the output projection", self.output_bias),
            ("biases of the feed-forward layer", self.feed_forward_bias),
            ("sinks of attention", self.sinks),
            ("heads that are turned in part", self.rotary_dim.is_some()),
            (
                "windows (none are left within positions up to theirs)",
                self.layers.iter().any(|layer| layer.window.is_some()),
            ),
            (
                "layers that are turned otherwise",
                self.layers.iter().any(|layer| layer.rotation != Rotation::Global),
            ),
            ("a factor of embeddings", !is_one(self.embedding_scale)),
            ("a factor of blocks", !is_one(self.residual_scale)),
            ("a factor of scores", self.attention_scale.is_some()),
            ("a factor of logits", !is_one(self.logit_scale)),
            ("a bound of scores", self.attention_cap.is_some()),
            ("a bound of logits", self.logit_cap.is_some()),
        ];
        match set.iter().find(|(_, set)| *set) {
            Some((what, _)) => {
                let problem = format!("{who} has no arithmetic for {what}");
                Err(ModelError::input("model", problem))
            }
            None => Ok(()),
        }
    }
}

/// Whether a factor is 1, which changes nothing; NaN is not.
pub(crate) fn is_one(factor: f64) -> bool {
    (factor - 1.0).abs() <= 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_is_what_differs_and_nothing_else() {
        let plain = Switches::default();
        assert_eq!(plain.told(), "");
        let set = Switches { sinks: true, logit_scale: 0.5, ..plain };
        assert_eq!(set.told(), "sinks true\nlogit_scale 0.5\n");
    }
}
