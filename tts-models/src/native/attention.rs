//! Attention of new rows over the shared segments of their sequences.
//!
//! For each row and head: scores of all keys in the order of their positions, softmax, and the
//! weighted sum of values, again in the order of positions. Where a segment ends plays no part in
//! the arithmetic. Rows are shared out among threads; heads that share keys run together.

use rayon::prelude::*;

use super::NativeState;
use crate::kernels::{dots, softmax, weighted};
use crate::{ModelConfig, Span};

/// Attention of all rows, `qkv [rows, q + 2 kv]` to `[rows, q]`. The states hold the keys and values
/// of the new rows already; row `i` of a span sees its past and the span's rows up to itself.
pub(super) fn attend(
    config: &ModelConfig,
    layer: usize,
    qkv: &[f32],
    spans: &[Span<'_, NativeState>],
    out: &mut Vec<f32>,
) {
    let width = config.head_dim;
    let q = config.num_attention_heads * width;
    let kv = config.num_key_value_heads * width;
    let group = config.num_attention_heads / config.num_key_value_heads;
    let scale = 1.0 / (width as f32).sqrt();
    let runs: Vec<_> = spans.iter().map(|span| span.state.runs(layer, kv)).collect();
    // For each row: its sequence, and how many positions it sees.
    let rows: Vec<(usize, usize)> = spans
        .iter()
        .enumerate()
        .flat_map(|(index, span)| {
            let past = span.state.len();
            (1..=span.tokens.len()).map(move |new| (index, past + new))
        })
        .collect();
    // The weighted sums start from zero.
    out.clear();
    out.resize(rows.len() * q, 0.0);
    out.par_chunks_mut(q).zip(qkv.par_chunks(q + 2 * kv)).zip(&rows).with_min_len(1).for_each(
        |((out, qkv), &(sequence, seen))| {
            let mut weights = vec![0.0; seen];
            for head in 0..config.num_attention_heads {
                let query = &qkv[head * width..(head + 1) * width];
                let offset = head / group * width;
                let mut at = 0;
                for (keys, _) in &runs[sequence] {
                    let count = (keys.len() / kv).min(seen - at);
                    if count > 0 {
                        dots(query, &keys[offset..], kv, &mut weights[at..at + count]);
                    }
                    at += count;
                }
                for weight in &mut weights {
                    *weight *= scale;
                }
                softmax(&mut weights);
                let out = &mut out[head * width..(head + 1) * width];
                let mut weights = weights.as_slice();
                for (_, values) in &runs[sequence] {
                    let (here, later) = weights.split_at(weights.len().min(values.len() / kv));
                    if !here.is_empty() {
                        weighted(here, &values[offset..], kv, out);
                    }
                    weights = later;
                }
            }
        },
    );
}
