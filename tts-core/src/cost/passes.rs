//! What forward passes compute and move, over context, lines and what lines share.
//!
//! A pass runs `rows` tokens through all layers. Weights are read once, however many rows there are,
//! but for experts that none of the rows goes to;
//! keys and values are read once for all the rows that share them, while every row computes its own
//! attention. So `lines` that continue one context of `shared` tokens cost the operations of
//! `lines * shared` positions, and the bytes of `shared`.
//!
//! Source: Pope et al. 2022 (arXiv:2211.05102), section 2; Juravsky et al. 2024 (Hydragen,
//! arXiv:2402.05099), section 3, for shared prefixes.

use std::ops::Add;

use serde::{Deserialize, Serialize};

use super::ModelShape;

/// A number of forward passes, described by sums over all of them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passes {
    /// Passes.
    pub count: f64,
    /// Tokens that run through the layers.
    pub rows: f64,
    /// Rows whose next token is drawn: they run through the output head as well.
    pub drawn: f64,
    /// Positions that rows attend to, each row for itself.
    pub attended: f64,
    /// Positions whose keys and values are read, once a pass for all rows that share them.
    pub read: f64,
}

impl Passes {
    /// Reads `tokens` new tokens of one sequence after `context` others, at most `chunk` a pass; the
    /// token after the last is drawn.
    pub fn prefill(context: u64, tokens: u64, chunk: u64) -> Self {
        let chunk = chunk.max(1);
        let (full, rest) = (tokens / chunk, tokens % chunk);
        let (start, all) = (context as f64, tokens as f64);
        // Chunk number i ends at context + i * chunk.
        let chunks = full as f64;
        let full_reads = chunks * start + chunk as f64 * chunks * (chunks + 1.0) / 2.0;
        let read = full_reads + if rest > 0 { start + all } else { 0.0 };
        Self {
            count: chunks + if rest > 0 { 1.0 } else { 0.0 },
            rows: all,
            drawn: if tokens > 0 { 1.0 } else { 0.0 },
            attended: all * start + all * (all + 1.0) / 2.0,
            read,
        }
    }

    /// Writes `tokens` tokens on each of `lines` lines, one a pass, after `shared` tokens that all
    /// lines have in common and `own` further ones of each line.
    ///
    /// ```
    /// use tts_core::cost::Passes;
    /// let [shared, own] = [Passes::decode(8, 100, 0, 1), Passes::decode(8, 0, 100, 1)];
    /// assert_eq!(shared.attended, own.attended);
    /// assert_eq!((shared.read, own.read), (108.0, 808.0));
    /// ```
    pub fn decode(lines: u64, shared: u64, own: u64, tokens: u64) -> Self {
        let [lines, shared, own, count] = [lines, shared, own, tokens].map(|n| n as f64);
        let written = count * (count + 1.0) / 2.0;
        Self {
            count,
            rows: lines * count,
            drawn: lines * count,
            attended: lines * ((shared + own) * count + written),
            read: shared * count + lines * (own * count + written),
        }
    }

    /// What all these passes together compute and move.
    pub fn work(&self, shape: &ModelShape) -> Work {
        let layers = shape.layers as f64;
        let some = if self.drawn > 0.0 { self.count.min(self.drawn) } else { 0.0 };
        // What a pass leaves unread, by the rows of a mean one.
        let unread = shape.experts.map_or(0.0, |experts| {
            let rows = if self.count > 0.0 { self.rows / self.count } else { 0.0 };
            experts.bytes as f64 * (1.0 - experts.read_by(rows))
        });
        Work {
            passes: self.count,
            layers: self.count * layers,
            products: 2.0
                * (shape.layer_parameters as f64 * self.rows
                    + shape.head_parameters as f64 * self.drawn),
            weight_bytes: (shape.layer_bytes as f64 - unread) * self.count
                + shape.head_bytes as f64 * some,
            attention: 4.0 * layers * shape.query_width as f64 * self.attended,
            key_value_bytes: shape.token_bytes as f64 * (self.read + self.rows),
            elements: self.rows * layers * shape.hidden as f64,
            lines: self.rows * layers,
            logits: self.drawn * shape.vocabulary as f64,
        }
    }
}

impl Add for Passes {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            rows: self.rows + other.rows,
            drawn: self.drawn + other.drawn,
            attended: self.attended + other.attended,
            read: self.read + other.read,
        }
    }
}

/// What passes compute and move, added up over all of them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// Passes.
    pub passes: f64,
    /// Layers run through, by passes.
    pub layers: f64,
    /// Operations of products with weights.
    pub products: f64,
    /// Bytes of weights that are read.
    pub weight_bytes: f64,
    /// Operations of attention.
    pub attention: f64,
    /// Bytes of keys and values that are read and written.
    pub key_value_bytes: f64,
    /// Numbers of the residual stream, by layers and rows.
    pub elements: f64,
    /// Rows, by layers.
    pub lines: f64,
    /// Logits that tokens are drawn from.
    pub logits: f64,
}

impl Work {
    /// Floating-point operations.
    pub fn flops(&self) -> f64 {
        self.products + self.attention
    }

    /// Bytes moved.
    pub fn bytes(&self) -> f64 {
        self.weight_bytes + self.key_value_bytes
    }
}
