//! The experts of a mixture: how many there are, and how a router chooses among them.
//!
//! A mixture has many feed-forward networks in the place of one, and a router that gives each token to a few of
//! them; some have one besides that every token goes to. [`Experts`] is what an executor has to know of it. Families
//! write it under names of their own, and some add what is not here: layers without experts among others, groups of
//! experts. Those are refused by the name of the field.
//!
//! Source: `configuration_qwen2_moe.py`, `configuration_qwen3_moe.py`, `configuration_mixtral.py`,
//! `configuration_gpt_oss.py` and `configuration_glm4_moe.py` of Hugging Face transformers; `constants.py` of gguf-py for GGUF's names.

use super::gguf::{Keys, is_nonzero};
use super::json::Object;
use super::switches::is_one;
use super::{ModelConfig, Problem};
use crate::ModelError;

/// Most experts of a layer.
const MOST: usize = 1 << 12;
/// Greatest width of an expert, as that of a feed-forward layer.
const WIDEST: usize = 1 << 20;

/// The experts of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Experts {
    /// How many there are in a layer.
    pub count: usize,
    /// How many of them a token goes to: those of the largest logits, and of equals the first.
    pub used: usize,
    /// Width of one of them.
    pub width: usize,
    /// Whether what a token's experts count adds up to 1; otherwise it is what the router ([`Router`]) makes of their
    /// logits, among those of all experts.
    pub normed: bool,
    /// Width of the network that every token goes to besides; `None` for none.
    pub shared: Option<usize>,
}

/// What a router makes of its logits.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Router {
    /// Their softmax.
    #[default]
    Softmax,
    /// The sigmoid of each. The experts are those of the largest sums with a bias of their own, and what they count,
    /// which leaves the bias out, is multiplied with `scale` (GLM 4.5).
    Sigmoid {
        /// The factor.
        scale: f64,
    },
}

impl Router {
    /// What is multiplied with what experts count.
    pub(crate) fn scale(self) -> f64 {
        match self {
            Self::Softmax => 1.0,
            Self::Sigmoid { scale } => scale,
        }
    }

    /// Whether experts are chosen with a bias that does not count.
    pub(crate) fn favours(self) -> bool {
        matches!(self, Self::Sigmoid { .. })
    }
}

/// What files call the numbers: how many there are, how many a token goes to, how wide one is, and how wide the network
/// is that every token goes to.
pub(crate) type ExpertFields = [&'static str; 4];

/// GGUF's names, behind that of the architecture.
const KEYS: ExpertFields =
    ["expert_count", "expert_used_count", "expert_feed_forward_length", SHARED_LENGTH];

/// GGUF's name for how wide the network is that every token goes to.
pub(super) const SHARED_LENGTH: &str = "expert_shared_feed_forward_length";

/// GGUF's name for how many experts it is as wide as.
pub(super) const SHARED_COUNT: &str = "expert_shared_count";

impl Experts {
    /// What is wrong with the numbers, under the names of a file.
    pub(super) fn check(&self, fields: ExpertFields) -> Result<(), Problem> {
        let [count, used, width, shared] = fields;
        let bounds =
            [(count, self.count, MOST), (used, self.used, self.count), (width, self.width, WIDEST)];
        for (field, number, most) in bounds {
            if number == 0 || number > most {
                return Err((field, format!("{number}, expected 1 to {most}")));
            }
        }
        match self.shared {
            Some(width) if width == 0 || width > WIDEST => {
                Err((shared, format!("{width}, expected 1 to {WIDEST}")))
            }
            _ => Ok(()),
        }
    }

    /// The experts of a GGUF file of an architecture that has this besides.
    pub(super) fn of_keys(
        keys: &Keys<'_>,
        config: &ModelConfig,
        besides: Besides,
    ) -> Result<Self, ModelError> {
        refuse_keys(keys, besides)?;
        let [count, used, width, _] = KEYS;
        let normed = keys.boolean("expert_weights_norm")?.unwrap_or(besides.normed);
        let experts = Self {
            count: keys.required(count)?,
            used: keys.required(used)?,
            width: keys.count(width)?.unwrap_or(config.intermediate_size),
            normed: gate(keys, besides)? == Gate::Chosen || normed,
            shared: None,
        };
        let shared = match besides.shared {
            None => None,
            Some(SHARED_COUNT) => experts.of_count(keys.required(SHARED_COUNT)?),
            Some(width) => Some(keys.count(width)?.unwrap_or(config.intermediate_size)),
        };
        let experts = Self { shared, ..experts };
        let fields = [count, used, width, besides.shared.unwrap_or(SHARED_LENGTH)];
        experts.check(fields).map_err(|(field, problem)| keys.error(field, problem))?;
        Ok(experts)
    }

    /// The width of so many more that every token goes to, which are one network; `None` of none.
    fn of_count(self, shared: usize) -> Option<usize> {
        Some(self.width.saturating_mul(shared)).filter(|_| shared > 0)
    }
}

/// What experts have besides in an architecture of GGUF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Besides {
    /// Biases of experts and router.
    pub(super) biased: bool,
    /// The key that says how wide the network is that every token goes to, or how many experts it is as wide as; `None`
    /// without one.
    pub(super) shared: Option<&'static str>,
    /// Whether what a token's experts count adds up to 1 in a file that does not say.
    pub(super) normed: bool,
    /// What the router makes of its logits.
    pub(super) gate: Gate,
}

/// What a router makes of its logits. Where what the chosen ones count adds up to 1 anyway, it makes no difference what
/// a softmax is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// The softmax over all experts.
    All,
    /// That over those that are chosen.
    Chosen,
    /// The sigmoid of each. It has a bias, and what the chosen ones count has a factor.
    Sigmoid,
}

impl Besides {
    /// Nothing, as in Mixtral.
    pub(super) const NOTHING: Self =
        Self { biased: false, shared: None, normed: true, gate: Gate::All };
}

/// What a file's router makes of its logits. llama.cpp goes by the architecture; a file that says something else
/// than it is not as its model was trained.
fn gate(keys: &Keys<'_>, besides: Besides) -> Result<Gate, ModelError> {
    let key = "expert_gating_func";
    let number = keys.count(key)?.unwrap_or(0);
    let told = match number {
        // None said.
        0 => return Ok(besides.gate),
        1 => Gate::All,
        2 => Gate::Sigmoid,
        3 => Gate::Chosen,
        other => {
            let known = "the softmax over all (1) or the chosen ones (3) and the sigmoid (2) are";
            return Err(keys.unsupported(key, format!("gate {other}; {known}")));
        }
    };
    let other = match (told, besides.gate) {
        (Gate::All, Gate::Chosen) => "a softmax over the chosen ones (3)",
        (Gate::Sigmoid, Gate::All | Gate::Chosen) => "a softmax (1 or 3)",
        (Gate::All | Gate::Chosen, Gate::Sigmoid) => "the sigmoid (2)",
        _ => return Ok(told),
    };
    let what = format!("gate {number} in an architecture whose router has {other}");
    Err(keys.unsupported(key, what))
}

/// How wide a network is that every token goes to, in Hugging Face's files.
pub(super) const SHARED_WIDTH: &str = "shared_expert_intermediate_size";

/// The experts of `qwen2_moe` and `qwen3_moe`, with the defaults of the class: how many there are, how many a token goes
/// to, how wide one is, and how wide the one that every token goes to, if the class has one.
pub(super) fn of_qwen(
    object: &Object<'_>,
    ([count, used, width], shared): ([usize; 3], Option<usize>),
) -> Result<Experts, ModelError> {
    let fields = ["num_experts", "num_experts_per_tok", "moe_intermediate_size", SHARED_WIDTH];
    let experts = Experts {
        // Its class takes the other name for the same.
        count: object.count(fields[0])?.or(object.count("num_local_experts")?).unwrap_or(count),
        used: object.count(fields[1])?.unwrap_or(used),
        width: object.count(fields[2])?.unwrap_or(width),
        normed: object.boolean("norm_topk_prob")?.unwrap_or(false),
        shared: match shared {
            Some(width) => Some(object.count(fields[3])?.unwrap_or(width)),
            None => None,
        },
    };
    checked(object, experts, fields)
}

/// The experts of `mixtral`, `granitemoe`, `gpt_oss` and `olmoe`: as wide as the feed-forward layer, and what they count adds up to 1
/// (`olmoe` says otherwise). With the defaults of the class for how many there are, and how many a token goes to.
pub(super) fn of_local(
    object: &Object<'_>,
    config: &ModelConfig,
    [count, used]: [usize; 2],
) -> Result<Experts, ModelError> {
    let names = ["num_local_experts", "num_experts"];
    let name = names.into_iter().find(|name| object.has(name)).unwrap_or(names[0]);
    let fields = [name, "num_experts_per_tok", "intermediate_size", SHARED_WIDTH];
    let experts = Experts {
        count: object.count(name)?.unwrap_or(count),
        used: object.count(fields[1])?.unwrap_or(used),
        width: config.intermediate_size,
        normed: true,
        shared: None,
    };
    checked(object, experts, fields)
}

/// The experts of `glm4_moe`, of which those that every token goes to besides are one network.
pub(super) fn of_glm(object: &Object<'_>) -> Result<Experts, ModelError> {
    for field in ["n_group", "topk_group"] {
        if let Some(groups) = object.count(field)?.filter(|groups| *groups != 1) {
            return Err(object.unsupported(field, format!("{groups} groups of experts")));
        }
    }
    let names = ["n_routed_experts", "num_local_experts"];
    let name = names.into_iter().find(|name| object.has(name)).unwrap_or(names[0]);
    let fields = [name, "num_experts_per_tok", "moe_intermediate_size", "n_shared_experts"];
    let experts = Experts {
        count: object.count(name)?.unwrap_or(128),
        used: object.count(fields[1])?.unwrap_or(8),
        width: object.count(fields[2])?.unwrap_or(1_408),
        normed: object.boolean("norm_topk_prob")?.unwrap_or(true),
        shared: None,
    };
    let number = object.count(fields[3])?.unwrap_or(1);
    let shared = experts.of_count(number);
    if shared.is_some_and(|together| together > WIDEST) {
        let problem =
            format!("{number} of width {}, expected at most {WIDEST} together", experts.width);
        return Err(object.error(fields[3], problem));
    }
    checked(object, Experts { shared, ..experts }, fields)
}

fn checked(
    object: &Object<'_>,
    experts: Experts,
    fields: ExpertFields,
) -> Result<Experts, ModelError> {
    refuse_fields(object, experts.shared.map(|_| fields[3]))?;
    experts.check(fields).map_err(|(field, problem)| object.error(field, problem))?;
    Ok(experts)
}

/// Networks that every token goes to besides, but by the field that a family has for them, and layers that have no
/// experts.
fn refuse_fields(object: &Object<'_>, known: Option<&str>) -> Result<(), ModelError> {
    let step = "decoder_sparse_step";
    if let Some(every) = object.count(step)?.filter(|every| *every != 1) {
        return Err(object.unsupported(step, format!("step {every}; {ALL}")));
    }
    let dense = "mlp_only_layers";
    if object.has(dense) && !object.floats(dense)?.is_empty() {
        return Err(object.unsupported(dense, format!("layers without experts; {ALL}")));
    }
    let shared =
        [SHARED_WIDTH, "n_shared_experts", "num_shared_experts", "shared_intermediate_size"];
    for field in shared.into_iter().filter(|field| known != Some(*field)) {
        if object.count(field)?.is_some_and(|shared| shared > 0) {
            return Err(object.unsupported(field, SHARED));
        }
    }
    Ok(())
}

const ALL: &str = "models run whose every layer has experts; ask a server for this one";
const SHARED: &str = "experts that every token goes to besides; ask a server for this model";

/// The same of GGUF, and routers that choose in another way, or have biases where they should not.
fn refuse_keys(keys: &Keys<'_>, besides: Besides) -> Result<(), ModelError> {
    let Besides { biased, shared: known, gate, .. } = besides;
    let sigmoid = gate == Gate::Sigmoid;
    for shared in [SHARED_COUNT, SHARED_LENGTH].into_iter().filter(|key| known != Some(*key)) {
        if keys.count(shared)?.is_some_and(|shared| shared > 0) {
            return Err(keys.unsupported(shared, SHARED));
        }
    }
    let dense = "leading_dense_block_count";
    if let Some(layers) = keys.count(dense)?.filter(|layers| *layers > 0 && !sigmoid) {
        let what = format!("{layers} layers without experts; {ALL}");
        return Err(keys.unsupported(dense, what));
    }
    for step in ["interleave_moe_layer_step", "moe_every_n_layers"] {
        if let Some(every) = keys.count(step)?.filter(|every| *every > 1) {
            return Err(keys.unsupported(step, format!("step {every}; {ALL}")));
        }
    }
    let groups = "expert_group_count";
    if let Some(count) = keys.count(groups)?.filter(|groups| *groups > 1) {
        return Err(keys.unsupported(groups, format!("{count} groups of experts")));
    }
    let scale = "expert_weights_scale";
    let another = |by: &f64| is_nonzero(*by) && !is_one(*by) && !sigmoid;
    if let Some(by) = keys.float(scale)?.filter(another) {
        return Err(keys.unsupported(scale, format!("factor {by} of what experts count")));
    }
    // As converters wrote them before experts were stacked.
    for part in ["ffn_gate", "ffn_up", "ffn_down"] {
        let name = format!("blk.0.{part}.0.weight");
        if keys.has_tensor(&name) {
            let what = "a tensor for each expert; convert the model again, which stacks them";
            return Err(keys.unsupported_tensor(&name, what));
        }
    }
    for name in ["blk.0.ffn_gate_shexp.weight", "blk.0.ffn_up_shexp.weight"] {
        if keys.has_tensor(name) && known.is_none() {
            return Err(keys.unsupported_tensor(name, SHARED));
        }
    }
    for (name, known) in [("blk.0.ffn_gate_inp.bias", biased), ("blk.0.exp_probs_b.bias", sigmoid)]
    {
        if keys.has_tensor(name) && !known {
            return Err(keys.unsupported_tensor(name, "bias of a router"));
        }
    }
    Ok(())
}
