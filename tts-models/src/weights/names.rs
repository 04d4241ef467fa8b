//! How GGUF files differ from Hugging Face's: tensor names, and the rows of rotary projections.
//!
//! Hugging Face rotates pairs `(i, i + d / 2)` of a head of width `d`, ggml's `llama` pairs
//! `(2 i, 2 i + 1)`. Its converter therefore stores row `(half, i)` of each query and key head at
//! `(i, half)`; [`unpermute`] puts it back. Qwen's converters leave rows alone. GLM has ggml's order in all files, of
//! the part of a head that is turned.
//!
//! The experts of a layer are one tensor of three dimensions there, and one each in most of Hugging Face's files.
//!
//! Source: the tensor tables of `gguf-py` (`constants.py`) and `LlamaModel.permute` of llama.cpp's
//! `convert_hf_to_gguf.py`.

/// The parts of a layer, as Hugging Face and GGUF name them.
const PARTS: [(&str, &str); 16] = [
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("post_attention_layernorm", "ffn_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
    ("mlp.gate", "ffn_gate_inp"),
    ("mlp.shared_expert.gate_proj", "ffn_gate_shexp"),
    ("mlp.shared_expert.up_proj", "ffn_up_shexp"),
    ("mlp.shared_expert.down_proj", "ffn_down_shexp"),
    ("mlp.shared_expert_gate", "ffn_gate_inp_shexp"),
];

/// Sinks of attention, and a bias by which experts are chosen: no parts with a weight in Hugging Face's files.
const WHOLE: [(&str, &str); 2] = [
    ("self_attn.sinks", "attn_sinks.weight"),
    ("mlp.gate.e_score_correction_bias", "exp_probs_b.bias"),
];

/// The parts of an expert, and what holds those of all experts of a layer in GGUF, one behind the other.
const STACKS: [(&str, &str); 3] =
    [("gate_proj", "ffn_gate_exps"), ("up_proj", "ffn_up_exps"), ("down_proj", "ffn_down_exps")];

/// A tensor of an expert, by what its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OfExpert<'a> {
    pub(crate) layer: usize,
    pub(crate) expert: usize,
    /// `gate_proj`, say.
    pub(crate) part: &'a str,
    /// Whether it is a bias, and not a weight.
    pub(crate) bias: bool,
}

impl<'a> OfExpert<'a> {
    /// Of a tensor's Hugging Face name; `None` where it is not an expert's.
    pub(crate) fn of(name: &'a str) -> Option<Self> {
        let (layer, rest) = name.strip_prefix("model.layers.")?.split_once('.')?;
        let (expert, part) = rest.strip_prefix("mlp.experts.")?.split_once('.')?;
        let (part, kind) = part.split_once('.')?;
        let bias = match kind {
            "weight" => false,
            "bias" => true,
            _ => return None,
        };
        Some(Self { layer: layer.parse().ok()?, expert: expert.parse().ok()?, part, bias })
    }
}

/// Where the tensor of an expert lies in GGUF, by its Hugging Face name: the tensor of all experts, and the expert's
/// number there.
pub(crate) fn stack(name: &str) -> Option<(String, usize)> {
    let OfExpert { layer, expert, part, bias } = OfExpert::of(name)?;
    let (_, stack) = STACKS.iter().find(|(ours, _)| *ours == part)?;
    let kind = if bias { "bias" } else { "weight" };
    Some((format!("blk.{layer}.{stack}.{kind}"), expert))
}

/// The GGUF name of a tensor under its Hugging Face name; `None` when it has no counterpart. `own` gives the names of
/// parts that a family calls otherwise.
pub(crate) fn to_gguf(name: &str, own: impl Fn(&str) -> Option<&'static str>) -> Option<String> {
    match name {
        "model.embed_tokens.weight" => return Some("token_embd.weight".to_owned()),
        "model.norm.weight" => return Some("output_norm.weight".to_owned()),
        "lm_head.weight" => return Some("output.weight".to_owned()),
        _ => {}
    }
    let (layer, rest) = name.strip_prefix("model.layers.")?.split_once('.')?;
    let layer: usize = layer.parse().ok()?;
    if let Some((_, whole)) = WHOLE.iter().find(|(ours, _)| *ours == rest) {
        return Some(format!("blk.{layer}.{whole}"));
    }
    let (part, kind) = rest.rsplit_once('.')?;
    let known = || PARTS.iter().find(|(ours, _)| *ours == part).map(|(_, part)| *part);
    let part = own(part).or_else(known)?;
    matches!(kind, "weight" | "bias").then(|| format!("blk.{layer}.{part}.{kind}"))
}

/// Which heads a tensor's rows belong to, if they are rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotary {
    Query,
    Key,
}

/// Whether a tensor, by its Hugging Face name, is rotated.
pub(crate) fn rotary(name: &str) -> Option<Rotary> {
    let (rest, _) = name.rsplit_once('.')?;
    if rest.ends_with(".self_attn.q_proj") {
        Some(Rotary::Query)
    } else if rest.ends_with(".self_attn.k_proj") {
        Some(Rotary::Key)
    } else {
        None
    }
}

/// Rows of `row` values in heads of `head_dim` rows, the first `turned` of each from interleaved pairs to half-split ones.
/// Rows that do not fill a head stay out: the caller has checked that there are none.
pub(crate) fn unpermute<T: Copy>(values: &[T], row: usize, widths: (usize, usize)) -> Vec<T> {
    reordered(values, row, widths, |index, half| 2 * (index % half) + index / half)
}

/// The way back of [`unpermute`].
pub(crate) fn permute<T: Copy>(values: &[T], row: usize, widths: (usize, usize)) -> Vec<T> {
    reordered(values, row, widths, |index, half| index / 2 + index % 2 * half)
}

/// Which row of its head each of those that are turned comes `from`, by its place and half of their number.
fn reordered<T: Copy>(
    values: &[T],
    row: usize,
    (head_dim, turned): (usize, usize),
    from: impl Fn(usize, usize) -> usize,
) -> Vec<T> {
    let half = turned / 2;
    let mut out = Vec::with_capacity(values.len());
    // A head of no width has no values.
    for head in values.chunks_exact((head_dim * row).max(1)) {
        for index in 0..head_dim {
            let from = if index < 2 * half { from(index, half) } else { index };
            out.extend_from_slice(&head[from * row..(from + 1) * row]);
        }
    }
    out
}
