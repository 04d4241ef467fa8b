//! What families read from the keys of a GGUF file.
//!
//! A function for each form, named in the rows of [`super::FAMILIES`]. Converters write fewer fields than there are in
//! `config.json`: what they leave out is fixed by the architecture, and stands here.
//!
//! Source: `conversion` and `constants.py` of llama.cpp and gguf-py; `llama-model.cpp`.

use super::super::bounds::held;
use super::super::experts::{Besides, Experts, Gate, Router, SHARED_COUNT, SHARED_LENGTH};
use super::super::gguf::{Keys, all_but_every, is_nonzero};
use super::super::switches::{Activation, Attends, Growth, NormPlace, Rotation, Switches};
use super::fields::{glm4_moe_switches, gpt_oss_switches, grows};
use super::sliding::everywhere;
use crate::{ModelConfig, ModelError};

/// A decoder without windows, with experts.
pub(super) fn mixture_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    keys.refuse_windows()?;
    let experts = Some(Experts::of_keys(keys, config, Besides::NOTHING)?);
    let output_bias = keys.has_tensor("blk.0.attn_output.bias");
    Ok(Switches { experts, output_bias, ..Switches::default() })
}

/// The same with a network that every token goes to; llama.cpp lets what experts count add up to 1 only where there is
/// none.
pub(super) fn shared_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    keys.refuse_windows()?;
    let besides = Besides { shared: Some(SHARED_LENGTH), normed: false, ..Besides::NOTHING };
    Ok(Switches { experts: Some(Experts::of_keys(keys, config, besides)?), ..Switches::default() })
}

/// A decoder without windows.
pub(super) fn plain_keys(keys: &Keys<'_>, _: &ModelConfig) -> Result<Switches, ModelError> {
    keys.refuse_windows()?;
    Ok(Switches {
        output_bias: keys.has_tensor("blk.0.attn_output.bias"),
        feed_forward_bias: keys.has_tensor("blk.0.ffn_down.bias"),
        ..Switches::default()
    })
}

/// Queries of Ministral 3 grow from the original context on; those of Mistral Small, which converters call the same, do
/// not.
pub(super) fn ministral_keys(
    keys: &Keys<'_>,
    config: &ModelConfig,
) -> Result<Switches, ModelError> {
    let by = keys.float("attention.temperature_scale")?.filter(|by| is_nonzero(*by));
    let original = keys.count("rope.scaling.original_context_length")?;
    let every = original.unwrap_or(config.max_position_embeddings) as f64;
    let growth = grows(by.map(|by| Growth { by, every }), config);
    Ok(Switches { query_growth: growth, ..plain_keys(keys, config)? })
}

/// Hunyuan: queries and keys are normed behind their rotation.
pub(super) fn hunyuan_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    Ok(Switches { qk_norm_turned: true, ..plain_keys(keys, config)? })
}

/// Layers with a window of so many tokens, if any, and others: as the file says, or all but every so many. Those with
/// the window are turned by `rotation`.
fn some_slide(
    keys: &Keys<'_>,
    config: &ModelConfig,
    (window, every): (Option<usize>, usize),
    rotation: Rotation,
) -> Result<Vec<Attends>, ModelError> {
    let Some(window) = window else { return Ok(Vec::new()) };
    let own = Attends {
        window: Some(window).filter(|&tokens| tokens < config.max_position_embeddings),
        rotation,
    };
    let count = config.num_hidden_layers;
    let slides = keys.slides(count)?.unwrap_or_else(|| all_but_every(every, count));
    Ok(slides.into_iter().map(|slides| if slides { own } else { Attends::default() }).collect())
}

/// Refuses another base of layers with windows, where no model of the family has one: it would go with the scaling of
/// all, which no rotation has.
fn one_base(keys: &Keys<'_>, config: &ModelConfig) -> Result<(), ModelError> {
    let base = "rope.freq_base_swa";
    match keys.float(base)?.filter(|own| is_nonzero(own - config.rope_theta)) {
        Some(other) => Err(keys.unsupported(base, format!("base {other} of layers with windows"))),
        None => Ok(()),
    }
}

/// gpt-oss: what a gate is multiplied with and where it is cut off is fixed; which layers have the window, too, unless
/// the file says so. (Its yarn ends between pairs, as in training; llama.cpp goes to whole ones.)
pub(super) fn gpt_oss_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let window = keys.required("attention.sliding_window")?;
    one_base(keys, config)?;
    let layers = some_slide(keys, config, (Some(window), 2), Rotation::Global)?;
    let besides = Besides { biased: true, gate: Gate::Chosen, ..Besides::NOTHING };
    let experts = Some(Experts::of_keys(keys, config, besides)?);
    Ok(Switches { experts, layers, ..gpt_oss_switches() })
}

/// EXAONE 4: the largest model, known by its number of layers, has windows also where its file has no word of them.
pub(super) fn exaone4_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let norms = Switches { norm_place: NormPlace::After, ..Switches::default() };
    let given = keys.count("attention.sliding_window")?.filter(|&tokens| tokens > 0);
    let Some(window) = given.or((config.num_hidden_layers == 64).then_some(4_096)) else {
        return Ok(norms);
    };
    let mut layers = some_slide(keys, config, (Some(window), 4), Rotation::Local)?;
    for layer in &mut layers {
        layer.rotation = match layer.rotation {
            Rotation::Local => Rotation::Global,
            _ => Rotation::None,
        };
    }
    Ok(Switches { layers, ..norms })
}

/// Phi-3 and Phi-4: a window of 0 tokens is none. (llama.cpp passes over it.)
pub(super) fn phi3_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let window = keys.count("attention.sliding_window")?.filter(|&tokens| tokens > 0);
    let turned = keys.count("rope.dimension_count")?;
    Ok(Switches {
        layers: everywhere(window, config),
        rotary_dim: turned.filter(|&dim| dim != config.head_dim),
        ..Switches::default()
    })
}

/// What Gemma 2 and 3 have in common. The largest model of each, known by its number of layers, divides by another
/// width than a head's.
fn gemma_keys(
    keys: &Keys<'_>,
    config: &ModelConfig,
    largest: usize,
) -> Result<Switches, ModelError> {
    let width = if config.num_hidden_layers == largest {
        config.hidden_size as f64 / config.num_attention_heads as f64
    } else {
        config.head_dim as f64
    };
    Ok(Switches {
        norm_place: NormPlace::Around,
        activation: Activation::GeluTanh,
        embedding_scale: (config.hidden_size as f64).sqrt(),
        attention_scale: Some(1.0 / width.sqrt()),
        logit_cap: keys.float("final_logit_softcapping")?,
        ..Switches::default()
    })
}

/// Gemma 2: every second layer has the window, from the first one on.
pub(super) fn gemma2_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let window = keys.count("attention.sliding_window")?.unwrap_or(4_096);
    one_base(keys, config)?;
    let gemma = gemma_keys(keys, config, 46)?;
    Ok(Switches {
        // llama.cpp has its class's bounds where a file has none.
        attention_cap: keys.float("attn_logit_softcapping")?.or(Some(50.0)),
        logit_cap: gemma.logit_cap.or(Some(30.0)),
        layers: some_slide(keys, config, (Some(window), 2), Rotation::Global)?,
        ..gemma
    })
}

/// Gemma 3's converter writes its window; that five of six layers have it, and their base, are fixed unless the file
/// says so.
pub(super) fn gemma3_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let bound = "attn_logit_softcapping";
    if keys.has(bound) {
        return Err(keys.unsupported(bound, "bound of scores in this architecture"));
    }
    let window = keys.count("attention.sliding_window")?.filter(|&tokens| tokens > 0);
    Ok(Switches {
        local_rope_theta: keys.float("rope.freq_base_swa")?.unwrap_or(10_000.0),
        layers: some_slide(keys, config, (window, 6), Rotation::Local)?,
        ..gemma_keys(keys, config, 62)?
    })
}

/// Granite's four factors; logits are divided by theirs.
pub(super) fn granite_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let plain = plain_keys(keys, config)?;
    let turned = "rope.scaling.finetuned";
    if keys.boolean(turned)? == Some(false) {
        return Err(keys.unsupported(turned, "heads that are not turned in this architecture"));
    }
    // 0 is none, as in llama.cpp.
    let factor = |key: &str| Ok::<_, ModelError>(keys.float(key)?.filter(|&by| is_nonzero(by)));
    let divisor = factor("logit_scale")?.unwrap_or(1.0);
    held("logit_scale", divisor).map_err(|(key, problem)| keys.error(key, problem))?;
    Ok(Switches {
        embedding_scale: factor("embedding_scale")?.unwrap_or(1.0),
        residual_scale: factor("residual_scale")?.unwrap_or(1.0),
        attention_scale: factor("attention.scale")?,
        logit_scale: 1.0 / divisor,
        ..plain
    })
}

/// The factors of Granite, and experts.
pub(super) fn granitemoe_keys(
    keys: &Keys<'_>,
    config: &ModelConfig,
) -> Result<Switches, ModelError> {
    let experts = Some(Experts::of_keys(keys, config, Besides::NOTHING)?);
    Ok(Switches { experts, ..granite_keys(keys, config)? })
}

/// Every fourth layer is not turned: no key says so.
pub(super) fn smollm3_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let turned = all_but_every(4, config.num_hidden_layers).into_iter();
    let rotation = |turned| if turned { Rotation::Global } else { Rotation::None };
    let layers = turned.map(|turned| Attends { rotation: rotation(turned), window: None });
    Ok(Switches { layers: layers.collect(), ..plain_keys(keys, config)? })
}

/// `OLMo` 2 and 3 have one name; the latter's file has a window, whose layers are turned without yarn.
pub(super) fn olmo2_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let window = keys.count("attention.sliding_window")?.filter(|&tokens| tokens > 0);
    Ok(Switches {
        norm_place: NormPlace::After,
        whole_qk_norm: true,
        local_rope_theta: keys.float("rope.freq_base_swa")?.unwrap_or(config.rope_theta),
        layers: some_slide(keys, config, (window, 4), Rotation::Local)?,
        ..Switches::default()
    })
}

/// `OLMoE`: experts behind norms of all heads at once.
pub(super) fn olmoe_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    keys.refuse_windows()?;
    if let Some(bound) = keys.float("attention.clamp_kqv")?.filter(|&bound| is_nonzero(bound)) {
        let what = format!("bound {bound} of queries, keys and values");
        return Err(keys.unsupported("attention.clamp_kqv", what));
    }
    let besides = Besides { normed: false, ..Besides::NOTHING };
    let experts = Some(Experts::of_keys(keys, config, besides)?);
    Ok(Switches { experts, whole_qk_norm: true, ..Switches::default() })
}

/// GLM 4: norms around each block, and heads turned in part.
pub(super) fn glm4_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    keys.refuse_windows()?;
    let guessing = "nextn_predict_layers";
    if keys.has(guessing) {
        return Err(keys.unsupported(guessing, "layers that guess further tokens"));
    }
    let rotary_dim = glm_turned(keys, config)?;
    Ok(Switches { norm_place: NormPlace::Around, rotary_dim, ..Switches::default() })
}

/// How many numbers of a head are turned, where it is a part of them.
fn glm_turned(keys: &Keys<'_>, config: &ModelConfig) -> Result<Option<usize>, ModelError> {
    let kinds = "rope.dimension_sections";
    if keys.has(kinds) {
        return Err(keys.unsupported(kinds, "positions of several kinds"));
    }
    Ok(keys.count("rope.dimension_count")?.filter(|&dim| dim != config.head_dim))
}

/// GLM 4.5: heads turned in part, and experts behind the first layers. llama.cpp lets what experts count add up to 1
/// only where a file says so.
pub(super) fn glm4_moe_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    keys.refuse_windows()?;
    let (shared, gate) = (Some(SHARED_COUNT), Gate::Sigmoid);
    let besides = Besides { shared, gate, normed: false, ..Besides::NOTHING };
    // 0 is none, as in llama.cpp.
    let scale = keys.float("expert_weights_scale")?.filter(|&by| is_nonzero(by)).unwrap_or(1.0);
    Ok(Switches {
        experts: Some(Experts::of_keys(keys, config, besides)?),
        router: Router::Sigmoid { scale },
        dense_layers: keys.count("leading_dense_block_count")?.unwrap_or(0),
        rotary_dim: glm_turned(keys, config)?,
        ..glm4_moe_switches()
    })
}
