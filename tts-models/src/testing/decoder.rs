//! A decoder as llama.cpp's converter would write it.
//!
//! [`decoder_gguf`] writes all of it, in f32. [`described`] and [`place`] say what stands beside its weights, and what a
//! tensor is called and of which shape it is there, of a config alone.
//!
//! Source: `conversion` of llama.cpp.

use super::GgufWriter;
use crate::weights::config::families::{Family, Pairs};
use crate::weights::config::{Attends, NormPlace, Rotation, Router, Switches, is_one};
use crate::weights::gguf::{Array, Value};
use crate::weights::{Dtype, RawTensor, names};
use crate::{DecoderWeights, ModelConfig, RopeScaling};

/// The weights of a decoder as llama.cpp's converter would write them, in f32, with a small
/// tokenizer.
pub fn decoder_gguf(weights: &DecoderWeights) -> GgufWriter {
    let config = &weights.config;
    let family = Family::of(&config.architecture);
    let beside = family.is_some_and(|family| family.pairs != Pairs::Apart);
    let mut out = described(config);
    for tensor in weights.tensors() {
        let heads = beside.then(|| names::rotary(&tensor.name)).flatten();
        let row = tensor.shape.get(1).copied().unwrap_or(1);
        let order: Vec<usize> = match heads {
            Some(_) => permutation(tensor.shape[0], (config.head_dim, config.rotary_dim())),
            None => (0..tensor.shape[0]).collect(),
        };
        let bytes: Vec<u8> = order
            .iter()
            .flat_map(|from| &tensor.values[from * row..(from + 1) * row])
            .flat_map(|x| x.to_le_bytes())
            .collect();
        let (name, shape) = place(family, tensor.name, tensor.shape);
        // Experts and what is fused one behind the other, in their order.
        match out.tensors.iter_mut().find(|other| other.name == name) {
            Some(whole) => {
                whole.bytes.extend(bytes);
                whole.shape[0] += shape[0];
            }
            None => out.tensors.push(RawTensor { name, shape, dtype: Dtype::F32, bytes }),
        }
    }
    out
}

/// The name and shape in GGUF of a tensor of Hugging Face's: of an expert, or a part of what is fused, those of the
/// whole as if it had no other part.
pub(super) fn place(
    family: Option<&Family>,
    name: String,
    shape: Vec<usize>,
) -> (String, Vec<usize>) {
    if let Some((name, _)) = names::stack(&name) {
        return (name, [vec![1], shape].concat());
    }
    let name = fused(family, name);
    let row = shape.first() == Some(&1) && name.ends_with("_expert_gate.weight");
    let own = |part: &str| family?.gguf_part(part);
    (names::to_gguf(&name, own).unwrap_or(name), shape[usize::from(row)..].to_vec())
}

/// All but the tensors of its layers, as the converter would write it, with a vocabulary of no meaning.
pub(super) fn described(config: &ModelConfig) -> GgufWriter {
    let family = Family::of(&config.architecture);
    let stored = family.and_then(|family| family.gguf).map(|(name, _)| name);
    let architecture = stored.unwrap_or(&config.architecture);
    let text = |s: &str| Value::String(s.to_owned());
    let texts = |n: usize| Value::Array(Array::String((0..n).map(|i| format!("t{i}")).collect()));
    let mut out = GgufWriter::default().with("general.architecture", text(architecture));
    let mut number = |key: &str, value: Value| {
        out.metadata.push((format!("{architecture}.{key}"), value));
    };
    number("block_count", count(config.num_hidden_layers));
    number("context_length", count(config.max_position_embeddings));
    number("embedding_length", count(config.hidden_size));
    number("feed_forward_length", count(config.intermediate_size));
    number("attention.head_count", count(config.num_attention_heads));
    number("attention.head_count_kv", count(config.num_key_value_heads));
    number("attention.key_length", count(config.head_dim));
    number("attention.layer_norm_rms_epsilon", Value::F64(config.rms_norm_eps));
    number("rope.freq_base", Value::F64(config.rope_theta));
    if let Some(experts) = config.switches.experts {
        number("expert_count", count(experts.count));
        number("expert_used_count", count(experts.used));
        number("expert_feed_forward_length", count(experts.width));
        let softmax = config.switches.router == Router::Softmax;
        let unsaid = experts.shared.is_none() && softmax && architecture != "olmoe";
        if experts.normed != unsaid {
            number("expert_weights_norm", Value::Bool(experts.normed));
        }
        match (experts.shared, config.switches.router) {
            (shared, Router::Sigmoid { scale }) => {
                number("expert_shared_count", count(shared.unwrap_or(0) / experts.width));
                number("expert_gating_func", Value::U32(2));
                number("expert_weights_scale", Value::F64(scale));
            }
            (Some(width), Router::Softmax) => {
                number("expert_shared_feed_forward_length", count(width));
            }
            (None, Router::Softmax) => {}
        }
        if config.switches.dense_layers > 0 {
            number("leading_dense_block_count", count(config.switches.dense_layers));
        }
    }
    positions(config, &mut number);
    factors_and_bounds(&config.switches, &mut number);
    out = out
        .with("tokenizer.ggml.model", text("gpt2"))
        .with("tokenizer.ggml.tokens", texts(config.vocab_size))
        .with("tokenizer.ggml.token_type", Value::Array(Array::I32(vec![1; config.vocab_size])))
        .with("tokenizer.ggml.merges", Value::Array(Array::String(vec!["t 1".to_owned()])));
    let ids = [("bos", config.bos_token_id)].into_iter().chain(
        ["eos", "eot", "eom"].into_iter().zip(config.eos_token_ids.iter().copied().map(Some)),
    );
    for (kind, id) in ids {
        if let Some(id) = id {
            out = out.with(&format!("tokenizer.ggml.{kind}_token_id"), Value::U32(id));
        }
    }
    if let RopeScaling::LongRope { short_factor, long_factor, .. } = &config.rope_scaling {
        out.tensors.push(factors("rope_factors_short.weight", short_factor));
        out.tensors.push(factors("rope_factors_long.weight", long_factor));
    }
    out
}

/// Windows, what is turned of a head, and how positions are scaled, as a converter writes them.
fn positions(config: &ModelConfig, mut number: impl FnMut(&str, Value)) {
    let text = |s: &str| Value::String(s.to_owned());
    let switches = &config.switches;
    let window = switches.layers.iter().find_map(|layer| layer.window);
    if switches.sinks || window.is_some() {
        // gpt-oss's always says one.
        let window = window.unwrap_or(config.max_position_embeddings);
        number("attention.sliding_window", count(window));
    }
    let slides = |layer: &Attends| layer.window.is_some();
    let some = switches.layers.iter().any(|layer| slides(layer) != slides(&switches.layers[0]));
    if some && !switches.sinks {
        let pattern = switches.layers.iter().map(slides).collect();
        number("attention.sliding_window_pattern", Value::Array(Array::Bool(pattern)));
    }
    if switches.layers.iter().any(|layer| layer.rotation == Rotation::Local) {
        number("rope.freq_base_swa", Value::F64(switches.local_rope_theta));
    }
    if let Some(growth) = switches.query_growth {
        number("attention.temperature_scale", Value::F64(growth.by));
    }
    if let Some(turned) = switches.rotary_dim {
        number("rope.dimension_count", count(turned));
    }
    match &config.rope_scaling {
        RopeScaling::Linear { factor } => {
            number("rope.scaling.type", text("linear"));
            number("rope.scaling.factor", Value::F64(*factor));
        }
        RopeScaling::Yarn {
            factor,
            original_max_position_embeddings: original,
            beta_fast,
            beta_slow,
            attention_factor,
            truncate: _,
        } => {
            number("rope.scaling.type", text("yarn"));
            number("rope.scaling.factor", Value::F64(*factor));
            number("rope.scaling.original_context_length", tokens(*original));
            number("rope.scaling.yarn_beta_fast", Value::F64(*beta_fast));
            number("rope.scaling.yarn_beta_slow", Value::F64(*beta_slow));
            let whole = 0.1 * factor.ln() + 1.0;
            if config.architecture == "ministral3" {
                number("rope.scaling.yarn_log_multiplier", Value::F64(1.0));
            } else if (attention_factor - whole).abs() > 1e-9 {
                // Converters write a config's own number under the name of another.
                number("rope.scaling.yarn_attn_factor", Value::F64(*attention_factor));
            }
        }
        RopeScaling::LongRope {
            original_max_position_embeddings: original,
            attention_factor,
            ..
        } => {
            number("rope.scaling.original_context_length", tokens(*original));
            number("rope.scaling.attn_factor", Value::F64(*attention_factor));
        }
        _ => {}
    }
}

/// Bounds and factors, as a converter writes them. Those of Gemma's embeddings and scores are fixed.
fn factors_and_bounds(switches: &Switches, mut number: impl FnMut(&str, Value)) {
    for (key, bound) in [
        ("attn_logit_softcapping", switches.attention_cap),
        ("final_logit_softcapping", switches.logit_cap),
    ] {
        if let Some(bound) = bound {
            number(key, Value::F64(bound));
        }
    }
    if switches.norm_place != NormPlace::Before {
        return;
    }
    for (key, factor) in [
        ("embedding_scale", switches.embedding_scale),
        ("residual_scale", switches.residual_scale),
        ("attention.scale", switches.attention_scale.unwrap_or(1.0)),
        ("logit_scale", 1.0 / switches.logit_scale),
    ] {
        if !is_one(factor) {
            number(key, Value::F64(factor));
        }
    }
}

/// The name of the tensor that a tensor is a part of, in families that fuse some.
fn fused(family: Option<&Family>, name: String) -> String {
    let parts = family.map(|family| family.fused.parts()).unwrap_or_default();
    match parts.iter().find(|(own, _)| name.contains(own)) {
        Some((own, whole)) => name.replace(own, whole),
        None => name,
    }
}

/// Factors of frequencies as a tensor.
fn factors(name: &str, values: &[f64]) -> RawTensor {
    #[expect(clippy::cast_possible_truncation, reason = "files hold them in f32")]
    let bytes = values.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect();
    RawTensor { name: name.to_owned(), shape: vec![values.len()], dtype: Dtype::F32, bytes }
}

/// Tokens that a config holds as a float.
fn tokens(n: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number")]
    let whole = n as u64;
    Value::U64(whole)
}

fn count(n: usize) -> Value {
    u32::try_from(n).map_or(Value::U64(n as u64), Value::U32)
}

/// Which of Hugging Face's rows stands at each of GGUF's, as the converter's reshape of what is turned of each head to
/// `[2, d / 2]` and transposition say.
fn permutation(rows: usize, (head_dim, turned): (usize, usize)) -> Vec<usize> {
    let mut order = Vec::with_capacity(rows);
    for head in (0..rows).step_by(head_dim) {
        for pair in 0..turned / 2 {
            order.extend([head + pair, head + turned / 2 + pair]);
        }
        order.extend(head + turned..head + head_dim);
    }
    order
}
