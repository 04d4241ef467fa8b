//! What families read from the fields of a `config.json`.
//!
//! A function for each form, named in the rows of [`super::FAMILIES`]. What a file leaves out is what the family's
//! configuration class has; what would change the arithmetic and no switch says is refused by the field's name.
//!
//! Source: `configuration_*.py` and `modeling_*.py` of Hugging Face transformers.

use super::super::bounds::held;
use super::super::experts::{Experts, Router, of_glm, of_local, of_qwen};
use super::super::json::Object;
use super::super::positions::{local_base, stated};
use super::super::switches::{Activation, Attends, Growth, NormPlace, Rotation, Switches};
use super::sliding::{all_see_everything, all_slide, some_slide, window};
use crate::{ModelConfig, ModelError, RopeScaling};

/// Biases that Llama's class knows: with `attention_bias` all four projections have one, unless the file says
/// otherwise of the last (this library's own do).
pub(super) fn llama(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    all_see_everything(object, config)?;
    let attention = object.boolean("attention_bias")?.unwrap_or(false);
    Ok(Switches {
        output_bias: object.boolean("attention_out_bias")?.unwrap_or(attention),
        feed_forward_bias: object.boolean("mlp_bias")?.unwrap_or(false),
        ..Switches::default()
    })
}

/// What the class of CWM stretches positions by where a file does not say.
pub(super) fn cwm_scaling() -> RopeScaling {
    RopeScaling::Llama3 {
        factor: 16.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 8_192.0,
    }
}

/// All but every fourth layer have a window, from the second one on.
pub(super) fn cwm(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let window = window(object, Some(8_192))?;
    let slides = |layer: usize| !layer.is_multiple_of(4);
    Ok(Switches {
        feed_forward_bias: object.boolean("mlp_bias")?.unwrap_or(false),
        layers: some_slide(object, config, window, Rotation::Global, slides)?,
        ..Switches::default()
    })
}

/// The output projection has a field of its own for its bias.
pub(super) fn seed_oss(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    all_see_everything(object, config)?;
    Ok(Switches {
        output_bias: object.boolean("attention_out_bias")?.unwrap_or(false),
        feed_forward_bias: object.boolean("mlp_bias")?.unwrap_or(false),
        ..Switches::default()
    })
}

/// One field for all biases.
pub(super) fn ernie4_5(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    all_see_everything(object, config)?;
    let biases = object.boolean("use_bias")?.unwrap_or(false);
    Ok(Switches { output_bias: biases, feed_forward_bias: biases, ..Switches::default() })
}

/// Norms after each block. Where some layers have windows, those that see everything are not turned.
pub(super) fn exaone4(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let norms = Switches { norm_place: NormPlace::After, ..Switches::default() };
    if object.is_null("sliding_window") {
        all_see_everything(object, config)?;
        return Ok(norms);
    }
    let window = window(object, Some(4_096))?;
    let count = config.num_hidden_layers;
    let every = if object.has("layer_types") {
        1
    } else {
        object.some("sliding_window_pattern")?.unwrap_or(4)
    };
    // Which they are, also where a window shows everything.
    let kinds =
        some_slide(object, config, Some(1), Rotation::Local, |layer| (layer + 1) % every != 0)?;
    let slides = |layer: usize| kinds.get(layer).is_some_and(|kind| kind.window.is_some());
    let layers = (0..count).map(|layer| {
        if slides(layer) {
            let window = window.filter(|&tokens| tokens < config.max_position_embeddings);
            Attends { window, ..Attends::default() }
        } else {
            Attends { rotation: Rotation::None, ..Attends::default() }
        }
    });
    Ok(Switches { layers: layers.collect(), ..norms })
}

pub(super) fn mistral(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let layers = all_slide(object, config, window(object, Some(4_096))?)?;
    Ok(Switches { layers, ..Switches::default() })
}

/// What Ministral 3's class stretches positions by where a file does not say.
pub(super) fn ministral_scaling() -> RopeScaling {
    RopeScaling::Yarn {
        factor: 16.0,
        original_max_position_embeddings: 16_384.0,
        beta_fast: 32.0,
        beta_slow: 1.0,
        attention_factor: 1.0,
        truncate: true,
    }
}

/// Queries grow from the original context on.
pub(super) fn ministral(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let growth = match stated(object)? {
        None => Some(Growth { by: 0.1, every: 16_384.0 }),
        Some(own) => match own.float("llama_4_scaling_beta")? {
            None => None,
            Some(by) => {
                let original = "original_max_position_embeddings";
                Some(Growth { by, every: own.required(original, own.float(original)?)? })
            }
        },
    };
    let layers = all_slide(object, config, window(object, None)?)?;
    Ok(Switches { query_growth: grows(growth, config), layers, ..Switches::default() })
}

/// Growth that no position of the model reaches is none.
pub(super) fn grows(growth: Option<Growth>, config: &ModelConfig) -> Option<Growth> {
    growth.filter(|growth| !growth.is_none_within(config.max_position_embeddings))
}

/// Queries and keys are normed behind their rotation; the output projection has a bias where the others have.
pub(super) fn hunyuan(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    all_see_everything(object, config)?;
    let output_bias = object.boolean("attention_bias")?.unwrap_or(false);
    Ok(Switches { qk_norm_turned: true, output_bias, ..Switches::default() })
}

/// Windows from the layer `max_window_layers` on, where they are used at all.
pub(super) fn qwen(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let used = object.boolean("use_sliding_window")? == Some(true);
    let window = if used { window(object, Some(4_096))? } else { None };
    let first = object.count("max_window_layers")?.unwrap_or(28);
    let slides = |layer: usize| window.is_some() && layer >= first;
    let layers = some_slide(object, config, window, Rotation::Global, slides)?;
    Ok(Switches { layers, ..Switches::default() })
}

/// The same; the output projection has a bias where the others have.
pub(super) fn qwen3(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let output_bias = object.boolean("attention_bias")?.unwrap_or(false);
    Ok(Switches { output_bias, ..qwen(object, config)? })
}

/// Its class has windows in some layers, where they are used; no model of it does.
pub(super) fn qwen2_moe(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    all_see_everything(object, config)?;
    let biases = "qkv_bias";
    if object.boolean(biases)? == Some(false) {
        return Err(object.unsupported(biases, "projections without biases in this family"));
    }
    let experts = of_qwen(object, ([60, 4, 1_408], Some(5_632)))?;
    Ok(Switches { experts: Some(experts), ..Switches::default() })
}

/// Its class has the window in every layer, where it is used; no model of it does.
pub(super) fn qwen3_moe(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    all_see_everything(object, config)?;
    Ok(Switches {
        experts: Some(of_qwen(object, ([128, 8, 768], None))?),
        output_bias: object.boolean("attention_bias")?.unwrap_or(false),
        ..Switches::default()
    })
}

/// Its norms of queries and keys run over all heads; no model of it bounds what comes out of them.
pub(super) fn olmoe(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    all_see_everything(object, config)?;
    let bound = "clip_qkv";
    if let Some(most) = object.float(bound)? {
        let what = format!("bound {most} of queries, keys and values");
        return Err(object.unsupported(bound, what));
    }
    let normed = object.boolean("norm_topk_prob")?.unwrap_or(false);
    Ok(Switches {
        experts: Some(Experts { normed, ..of_local(object, config, [64, 8])? }),
        whole_qk_norm: true,
        output_bias: object.boolean("attention_bias")?.unwrap_or(false),
        ..Switches::default()
    })
}

pub(super) fn mixtral(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    Ok(Switches {
        experts: Some(of_local(object, config, [8, 2])?),
        layers: all_slide(object, config, window(object, None)?)?,
        ..Switches::default()
    })
}

/// What gpt-oss's class stretches positions by where a file does not say.
pub(super) fn gpt_oss_scaling() -> RopeScaling {
    let factor: f64 = 32.0;
    RopeScaling::Yarn {
        factor,
        original_max_position_embeddings: 4_096.0,
        beta_fast: 32.0,
        beta_slow: 1.0,
        attention_factor: 0.1 * factor.ln() + 1.0,
        truncate: false,
    }
}

/// What every model of gpt-oss has, with the numbers of its activation that files need not say.
pub(crate) fn gpt_oss_switches() -> Switches {
    Switches {
        activation: Activation::Clamped { slope: SLOPE, limit: LIMIT },
        output_bias: true,
        feed_forward_bias: true,
        sinks: true,
        ..Switches::default()
    }
}

/// Every second layer has a window, from the first one on.
pub(super) fn gpt_oss(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let biases = "attention_bias";
    if object.boolean(biases)? == Some(false) {
        return Err(object.unsupported(biases, "projections without biases in this family"));
    }
    let window = window(object, Some(128))?;
    let second = |layer: usize| layer.is_multiple_of(2);
    let slope = object.float("swiglu_alpha")?.unwrap_or(SLOPE);
    let limit = object.float("swiglu_limit")?.unwrap_or(LIMIT);
    Ok(Switches {
        experts: Some(of_local(object, config, [128, 4])?),
        layers: some_slide(object, config, window, Rotation::Global, second)?,
        activation: Activation::Clamped { slope, limit },
        ..gpt_oss_switches()
    })
}

/// What gpt-oss's gates are multiplied with in the exponential, and where they are cut off.
const SLOPE: f64 = 1.702;
const LIMIT: f64 = 7.0;

pub(super) fn granite(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    all_see_everything(object, config)?;
    Ok(Switches {
        output_bias: object.boolean("attention_bias")?.unwrap_or(false),
        feed_forward_bias: object.boolean("mlp_bias")?.unwrap_or(false),
        ..granite_factors(object)?
    })
}

/// What Granite multiplies with; logits are divided by their factor.
fn granite_factors(object: &Object<'_>) -> Result<Switches, ModelError> {
    let factor = |name: &str| Ok::<f64, ModelError>(object.float(name)?.unwrap_or(1.0));
    let divisor = factor("logits_scaling")?;
    let sound = held("logits_scaling", divisor);
    sound.map_err(|(field, problem)| object.error(field, problem))?;
    Ok(Switches {
        embedding_scale: factor("embedding_multiplier")?,
        residual_scale: factor("residual_multiplier")?,
        attention_scale: Some(factor("attention_multiplier")?),
        logit_scale: 1.0 / divisor,
        ..Switches::default()
    })
}

/// The factors of Granite, and experts, which have no biases.
pub(super) fn granitemoe(
    object: &Object<'_>,
    config: &ModelConfig,
) -> Result<Switches, ModelError> {
    let experts = Some(of_local(object, config, [8, 2])?);
    Ok(Switches { experts, feed_forward_bias: false, ..granite(object, config)? })
}

/// The factors of Granite in a class of layers of several kinds, of which attention alone is here: those with a running
/// state are refused, and so are experts. Nothing is turned unless the file says so.
pub(super) fn granite_hybrid(
    object: &Object<'_>,
    config: &ModelConfig,
) -> Result<Switches, ModelError> {
    let kinds = ["layer_types", "layers_block_type"].into_iter().find(|name| object.has(name));
    let name = kinds.unwrap_or("layer_types");
    // What the class has where nothing is said.
    let types = object.texts(name)?.unwrap_or_else(|| vec!["mamba"]);
    let other = |kind: &&str| !matches!(*kind, "attention" | "full_attention");
    if let Some(kind) = types.iter().copied().find(other) {
        let what =
            format!("layers of type {kind:?}, which have a running state; attention is here");
        return Err(object.unsupported(name, what));
    }
    if types.len() != config.num_hidden_layers {
        let problem = format!("{} types of {} layers", types.len(), config.num_hidden_layers);
        return Err(object.error(name, problem));
    }
    let experts = "num_local_experts";
    match object.count(experts)? {
        Some(0) => {}
        None if object.is_null(experts) => {}
        _ => return Err(object.unsupported(experts, "experts in this family")),
    }
    let turned = match object.text("position_embedding_type")? {
        Some("rope") => true,
        None | Some("nope") => false,
        Some(other) => {
            let what = format!("positions by {other:?}");
            return Err(object.unsupported("position_embedding_type", what));
        }
    };
    let rotation = if turned { Rotation::Global } else { Rotation::None };
    Ok(Switches {
        output_bias: object.boolean("attention_bias")?.unwrap_or(false),
        layers: vec![Attends { rotation, ..Attends::default() }; config.num_hidden_layers],
        ..granite_factors(object)?
    })
}

/// Every fourth layer is not turned, unless a list says which.
pub(super) fn smollm3(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let count = config.num_hidden_layers;
    let turned: Vec<bool> = if object.has("no_rope_layers") {
        object.floats("no_rope_layers")?.into_iter().map(|turned| turned > 0.0).collect()
    } else {
        let interval = object.some("no_rope_layer_interval")?.unwrap_or(4);
        (1..=count).map(|layer| layer % interval != 0).collect()
    };
    if turned.len() != count {
        let problem = format!("{} of {count} layers", turned.len());
        return Err(object.error("no_rope_layers", problem));
    }
    let window = window(object, None)?;
    let used = object.boolean("use_sliding_window")? == Some(true);
    let slides = |layer: usize| used && window.is_some() && !turned[layer];
    let mut layers = some_slide(object, config, window, Rotation::Global, slides)?;
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

pub(super) fn olmo(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let window = window(object, Some(4_096))?;
    // Of OLMo 3 every fourth layer sees everything; OLMo 2 has no windows.
    let third = config.architecture == "olmo3";
    let slides = |layer: usize| third && !(layer + 1).is_multiple_of(4);
    let layers = some_slide(object, config, window, Rotation::Local, slides)?;
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

pub(super) fn phi3(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    Ok(Switches {
        layers: all_slide(object, config, window(object, None)?)?,
        rotary_dim: turned(object, config, 1.0)?,
        ..Switches::default()
    })
}

/// Norms around each block, and heads turned in part.
pub(super) fn glm4(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    all_see_everything(object, config)?;
    Ok(Switches {
        norm_place: NormPlace::Around,
        rotary_dim: turned(object, config, 0.5)?,
        ..Switches::default()
    })
}

/// What every model of GLM 4.5 has, with the factor that files need not say.
pub(crate) fn glm4_moe_switches() -> Switches {
    Switches { router: Router::Sigmoid { scale: 1.0 }, whole_shared: true, ..Switches::default() }
}

/// Heads turned in part, and experts behind the first layers. Layers that guess further tokens are passed over.
pub(super) fn glm4_moe(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    all_see_everything(object, config)?;
    let scale = object.float("routed_scaling_factor")?.unwrap_or(1.0);
    Ok(Switches {
        experts: Some(of_glm(object)?),
        router: Router::Sigmoid { scale },
        dense_layers: object.count("first_k_dense_replace")?.unwrap_or(1),
        rotary_dim: turned(object, config, 0.5)?,
        ..glm4_moe_switches()
    })
}

/// How many numbers of a head are turned, where it is a part of them: `default` of all if a file does not say.
fn turned(
    object: &Object<'_>,
    config: &ModelConfig,
    default: f64,
) -> Result<Option<usize>, ModelError> {
    let name = "partial_rotary_factor";
    let (top, own) = (object.float(name)?, object.object("rope_parameters")?);
    let inner = own.as_ref().map_or(Ok(None), |own| own.float(name))?;
    let part = inner.or(top).unwrap_or(default);
    if !(0.0..=1.0).contains(&part) {
        let place = own.as_ref().filter(|_| inner.is_some()).unwrap_or(object);
        return Err(place.error(name, format!("{part}, expected more than 0 and at most 1")));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below a width")]
    let dim = (config.head_dim as f64 * part) as usize;
    Ok(Some(dim).filter(|_| part < 1.0))
}

/// What Gemma 2 and 3 have in common.
fn gemma(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let both = "use_bidirectional_attention";
    if object.boolean(both)? == Some(true) {
        return Err(object.unsupported(both, "attention in both directions"));
    }
    let scale = object.float("query_pre_attn_scalar")?.unwrap_or(256.0);
    let sound = held("query_pre_attn_scalar", scale);
    sound.map_err(|(field, problem)| object.error(field, problem))?;
    Ok(Switches {
        norm_place: NormPlace::Around,
        activation: Activation::GeluTanh,
        output_bias: object.boolean("attention_bias")?.unwrap_or(false),
        embedding_scale: (config.hidden_size as f64).sqrt(),
        attention_scale: Some(1.0 / scale.sqrt()),
        logit_cap: object.float("final_logit_softcapping")?,
        ..Switches::default()
    })
}

pub(super) fn gemma2(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let window = window(object, Some(4_096))?;
    let cap = |name: &str, default: f64| match object.float(name)? {
        None if !object.is_null(name) => Ok::<_, ModelError>(Some(default)),
        cap => Ok(cap),
    };
    Ok(Switches {
        attention_cap: cap("attn_logit_softcapping", 50.0)?,
        logit_cap: cap("final_logit_softcapping", 30.0)?,
        layers: some_slide(object, config, window, Rotation::Global, |layer| layer % 2 == 0)?,
        ..gemma(object, config)?
    })
}

pub(super) fn gemma3(object: &Object<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    // Its class takes the field and has no arithmetic for it.
    let bound = "attn_logit_softcapping";
    if object.has(bound) {
        return Err(object.unsupported(bound, "bound of scores in this family"));
    }
    let window = window(object, Some(4_096))?;
    let pattern = object.some("sliding_window_pattern")?.unwrap_or(6);
    let slides = |layer: usize| !(layer + 1).is_multiple_of(pattern);
    let layers = some_slide(object, config, window, Rotation::Local, slides)?;
    let local = local_base(object)?.or(object.float("rope_local_base_freq")?);
    Ok(Switches { local_rope_theta: local.unwrap_or(10_000.0), layers, ..gemma(object, config)? })
}
