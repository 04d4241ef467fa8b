//! What families read from the keys of a GGUF file.
//!
//! A function for each form, named in the rows of [`super::FAMILIES`]. Converters write fewer fields than there are in
//! `config.json`: what they leave out is fixed by the architecture, and stands here.
//!
//! Source: `conversion` and `constants.py` of llama.cpp and gguf-py; `llama-model.cpp`.

use super::super::experts::{Besides, Experts};
use super::super::gguf::Keys;
use super::super::switches::{Activation, Attends, NormPlace, Rotation, Switches};
use super::fields::{gpt_oss_switches, windows};
use crate::{ModelConfig, ModelError};

/// A decoder without windows, with experts.
pub(super) fn mixture_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    keys.refuse_windows()?;
    let experts = Some(Experts::of_keys(keys, config, Besides::default())?);
    let output_bias = keys.has_tensor("blk.0.attn_output.bias");
    Ok(Switches { experts, output_bias, ..Switches::default() })
}

/// The same with a network that every token goes to.
pub(super) fn shared_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    keys.refuse_windows()?;
    let besides = Besides { shared: true, ..Besides::default() };
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

/// gpt-oss: what a gate is multiplied with and where it is cut off is fixed; which layers have the window, too, unless
/// the file says so. (Its yarn ends between pairs, as in training; llama.cpp goes to whole ones.)
pub(super) fn gpt_oss_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let window = keys.required("attention.sliding_window")?;
    let pattern = "attention.sliding_window_pattern";
    let every = keys.count(pattern)?.unwrap_or(2);
    if every == 0 {
        return Err(keys.error(pattern, "0, expected at least 1"));
    }
    let own = Attends {
        window: Some(window).filter(|&tokens| tokens < config.max_position_embeddings),
        rotation: Rotation::Global,
    };
    // The last of so many layers sees everything.
    let slides = |layer: usize| !(layer + 1).is_multiple_of(every);
    let layers = (0..config.num_hidden_layers)
        .map(|layer| if slides(layer) { own } else { Attends::default() });
    // The softmax of its router is over the chosen ones, whatever the file says.
    let besides = Besides { biased: true, ..Besides::default() };
    let experts = Experts { normed: true, ..Experts::of_keys(keys, config, besides)? };
    Ok(Switches { experts: Some(experts), layers: layers.collect(), ..gpt_oss_switches() })
}

/// Phi-3 and Phi-4: a window of 0 tokens is none. (llama.cpp passes over it.)
pub(super) fn phi3_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    let window = keys.count("attention.sliding_window")?.filter(|&tokens| tokens > 0);
    let turned = keys.count("rope.dimension_count")?;
    Ok(Switches {
        layers: windows(window, config),
        rotary_dim: turned.filter(|&dim| dim != config.head_dim),
        ..Switches::default()
    })
}

/// Gemma 3's converter writes its window; that five of six layers have it, and their base, are fixed.
pub(super) fn gemma3_keys(keys: &Keys<'_>, config: &ModelConfig) -> Result<Switches, ModelError> {
    const WHOLE: usize = 6;
    let window = keys.count("attention.sliding_window")?.unwrap_or(0);
    let pattern = "attention.sliding_window_pattern";
    if let Some(other) = keys.count(pattern)?.filter(|&every| every != WHOLE) {
        return Err(
            keys.unsupported(pattern, format!("every {other}th layer whole, not {WHOLE}th"))
        );
    }
    let own = Attends {
        window: Some(window).filter(|&tokens| tokens < config.max_position_embeddings),
        rotation: Rotation::Local,
    };
    let slides = |layer: usize| window > 0 && !(layer + 1).is_multiple_of(WHOLE);
    let layers = (0..config.num_hidden_layers)
        .map(|layer| if slides(layer) { own } else { Attends::default() });
    // The largest model of the family divides by another width.
    let width = if config.num_hidden_layers == 62 {
        config.hidden_size as f64 / config.num_attention_heads as f64
    } else {
        config.head_dim as f64
    };
    Ok(Switches {
        norm_place: NormPlace::Around,
        activation: Activation::GeluTanh,
        embedding_scale: (config.hidden_size as f64).sqrt(),
        attention_scale: Some(1.0 / width.sqrt()),
        attention_cap: keys.float("attn_logit_softcapping")?,
        logit_cap: keys.float("final_logit_softcapping")?,
        local_rope_theta: keys.float("rope.freq_base_swa")?.unwrap_or(10_000.0),
        layers: layers.collect(),
        ..Switches::default()
    })
}
