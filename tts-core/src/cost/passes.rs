//! What forward passes compute and move, over context, lines and what lines share.
//!
//! A pass runs `rows` tokens through all layers. Weights are read once, however many rows there are,
//! but for experts that none of the rows goes to;
//! keys and values are read once for all the rows that share them, while every row computes its own
//! attention. So `lines` that continue one context of `shared` tokens cost the operations of
//! `lines * shared` positions, and the bytes of `shared`. Layers with windows see the last tokens only, and have sums
//! of their own.
//!
//! Source: Pope et al. 2022 (arXiv:2211.05102), section 2; Juravsky et al. 2024 (Hydragen,
//! arXiv:2402.05099), section 3, for shared prefixes.

use std::iter::Sum;
use std::ops::Add;

use serde::{Deserialize, Serialize};

use super::ModelShape;
use super::model::attended;

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
    /// The same in layers with windows; `None` where these are as the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near: Option<Near>,
}

/// What layers with windows attend to and read.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Near {
    /// Positions that rows attend to, each row for itself.
    pub attended: f64,
    /// Positions whose keys and values are read, once a pass for all rows that share them.
    pub read: f64,
}

impl Near {
    /// Of [`Passes::prefill`], where a token sees `window` others, itself included.
    pub(super) fn prefill(context: u64, tokens: u64, chunk: u64, window: u64) -> Self {
        let chunk = chunk.max(1);
        let (full, rest) = (tokens / chunk, tokens % chunk);
        // A chunk reads itself and what its first row sees before it.
        let seen = |rows: u64, end: u64| end.min(rows.saturating_add(window.saturating_sub(1)));
        // Chunk number i ends at context + i * chunk, and the first ones read all before them.
        let most = chunk.saturating_add(window.saturating_sub(1));
        let whole = (most.saturating_sub(context) / chunk).min(full);
        let chunks = whole as f64;
        let first = chunks * context as f64 + chunk as f64 * chunks * (chunks + 1.0) / 2.0;
        let last = if rest > 0 { seen(rest, context + tokens) } else { 0 };
        Self {
            attended: attended(context, tokens, Some(window)),
            read: first + (full - whole) as f64 * most as f64 + last as f64,
        }
    }

    /// Of [`Passes::decode`], where a token sees `window` others, itself included.
    pub(super) fn decode(lines: u64, shared: u64, own: u64, tokens: u64, window: u64) -> Self {
        let [all, alone] = [shared + own, own].map(|before| attended(before, tokens, Some(window)));
        let lines = lines as f64;
        // What a line's window shows of the shared tokens is what its own ones leave of it.
        Self { attended: lines * all, read: (all - alone) + lines * alone }
    }
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
            attended: attended(context, tokens, None),
            read,
            near: None,
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
            near: None,
        }
    }

    /// What all these passes together compute and move.
    pub fn work(&self, shape: &ModelShape) -> Work {
        let layers = shape.layers as f64;
        let some = if self.drawn > 0.0 { self.count.min(self.drawn) } else { 0.0 };
        // What a pass leaves unread, by the rows of a mean one: passes of different kinds are added up as work.
        let unread = shape.experts.map_or(0.0, |experts| {
            let rows = if self.count > 0.0 { self.rows / self.count } else { 0.0 };
            experts.bytes as f64 * (1.0 - experts.read_by(rows))
        });
        // What layers with windows leave out.
        let near = self.near.unwrap_or(Near { attended: self.attended, read: self.read });
        let (far, few, bytes) = match shape.near() {
            Some((few, _)) => {
                let bytes = shape.windows.map_or(0, |windows| windows.bytes);
                (layers - few as f64, few as f64, bytes.min(shape.token_bytes) as f64)
            }
            None => (layers, 0.0, 0.0),
        };
        let read = (shape.token_bytes as f64 - bytes) * self.read + bytes * near.read;
        Work {
            passes: self.count,
            layers: self.count * layers,
            products: 2.0
                * (shape.layer_parameters as f64 * self.rows
                    + shape.head_parameters as f64 * self.drawn),
            weight_bytes: (shape.layer_bytes as f64 - unread) * self.count
                + shape.head_bytes as f64 * some,
            attention: 4.0 * shape.query_width as f64 * (far * self.attended + few * near.attended),
            key_value_bytes: read + shape.token_bytes as f64 * self.rows,
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
            near: (self.near.is_some() || other.near.is_some()).then(|| {
                let [a, b] = [self, other].map(|passes| {
                    passes.near.unwrap_or(Near { attended: passes.attended, read: passes.read })
                });
                Near { attended: a.attended + b.attended, read: a.read + b.read }
            }),
        }
    }
}

impl Sum for Passes {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl Add for Work {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passes: self.passes + other.passes,
            layers: self.layers + other.layers,
            products: self.products + other.products,
            weight_bytes: self.weight_bytes + other.weight_bytes,
            attention: self.attention + other.attention,
            key_value_bytes: self.key_value_bytes + other.key_value_bytes,
            elements: self.elements + other.elements,
            lines: self.lines + other.lines,
            logits: self.logits + other.logits,
        }
    }
}

impl Sum for Work {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
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
