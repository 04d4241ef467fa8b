//! What a model costs a token, and what it weighs.

use serde::{Deserialize, Serialize};

use super::{Near, Passes};

/// What a model costs a token. The default is a model that costs nothing (a rule, a test double).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelCost {
    /// Parameters that take part in a forward pass (an embedding that is only looked up does not).
    pub parameters: u64,
    /// Layers.
    pub layers: u64,
    /// Width of all query heads together.
    pub query_width: u64,
    /// The layers among them that see the last tokens only; `None` where every layer sees everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows: Option<WindowCost>,
}

/// What layers with windows cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowCost {
    /// How many of the last tokens they see, the one that looks included; of several windows the widest, so that what is
    /// counted is an upper bound.
    pub tokens: u64,
    /// Width of their query heads, of all such layers together.
    pub width: u64,
}

/// Positions that `tokens` new tokens after `context` others attend to where each sees `window` at most, itself included.
pub(super) fn attended(context: u64, tokens: u64, window: Option<u64>) -> f64 {
    let all = |context: u64, tokens: u64| {
        let (context, tokens) = (context as f64, tokens as f64);
        // The i-th new token attends to context + i positions.
        tokens * context + tokens * (tokens + 1.0) / 2.0
    };
    match window {
        None => all(context, tokens),
        Some(window) => {
            let within = window.saturating_sub(context).min(tokens);
            all(context, within) + (tokens - within) as f64 * window as f64
        }
    }
}

impl ModelCost {
    /// Operations of a forward pass over `tokens` new tokens after `context` others.
    ///
    /// ```
    /// use tts_core::cost::ModelCost;
    /// let model = ModelCost { parameters: 1_000, layers: 2, query_width: 8, windows: None };
    /// assert_eq!(model.flops(0, 1), 2_000.0 + 4.0 * 2.0 * 8.0);
    /// // Cost does not depend on how a text is cut up.
    /// assert_eq!(model.flops(0, 10), model.flops(0, 4) + model.flops(4, 6));
    /// // One of the layers sees three tokens.
    /// let windows = Some(tts_core::cost::WindowCost { tokens: 3, width: 8 });
    /// let windowed = ModelCost { windows, ..model };
    /// assert_eq!(windowed.flops(9, 1), 2_000.0 + 4.0 * 8.0 * (10.0 + 3.0));
    /// ```
    pub fn flops(&self, context: u64, tokens: u64) -> f64 {
        let width = self.layers as f64 * self.query_width as f64;
        let gone = self.windows.map_or(0.0, |windows| {
            let near = attended(context, tokens, Some(windows.tokens));
            windows.width as f64 * (attended(context, tokens, None) - near)
        });
        2.0 * self.parameters as f64 * tokens as f64
            + 4.0 * (width * attended(context, tokens, None) - gone)
    }

    /// What several models cost that read the same tokens: one model with the operations of all. Of different windows
    /// the widest counts for all.
    ///
    /// ```
    /// use tts_core::cost::ModelCost;
    /// let (a, b) = (
    ///     ModelCost { parameters: 10, layers: 2, query_width: 3, windows: None },
    ///     ModelCost { parameters: 5, layers: 1, query_width: 4, windows: None },
    /// );
    /// assert_eq!(ModelCost::together([a, b]).flops(7, 3), a.flops(7, 3) + b.flops(7, 3));
    /// ```
    #[must_use]
    pub fn together(all: impl IntoIterator<Item = Self>) -> Self {
        // Attention costs layers times width: as one layer that is as wide as all together.
        let none = Self { layers: 1, ..Self::default() };
        all.into_iter().fold(none, |sum, one| Self {
            parameters: sum.parameters + one.parameters,
            layers: 1,
            query_width: sum.query_width + one.layers * one.query_width,
            windows: match (sum.windows, one.windows) {
                (Some(a), Some(b)) => {
                    Some(WindowCost { tokens: a.tokens.max(b.tokens), width: a.width + b.width })
                }
                (a, b) => a.or(b),
            },
        })
    }
}

/// What decides a model's speed and memory: its size, and the types that its numbers are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelShape {
    /// Parameters of the layers that a row of a pass runs through: of experts, those of the ones that it goes to.
    pub layer_parameters: u64,
    /// Parameters of the output head, that only rows run through whose next token is drawn.
    pub head_parameters: u64,
    /// Layers.
    pub layers: u64,
    /// Width of the residual stream.
    pub hidden: u64,
    /// Width of all query heads together.
    pub query_width: u64,
    /// Token ids.
    pub vocabulary: u64,
    /// Bytes of the weights of the layers.
    pub layer_bytes: u64,
    /// Bytes of the weights of the output head.
    pub head_bytes: u64,
    /// Bytes of the weights of an embedding that is another matrix than the output head; a pass looks up a row of it for
    /// each of its own. 0 where they are one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub embedding_bytes: u64,
    /// Bytes of one token's keys and values in all layers.
    pub token_bytes: u64,
    /// The experts of its layers, of which a row reads some; `None` where every row reads all weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experts: Option<ExpertShape>,
    /// What sequences let go of; `None` where they keep the keys and values of all their tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<WindowShape>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if takes a reference"
)]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Layers that see the last tokens only: a sequence keeps their keys and values of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowShape {
    /// How many of its last tokens a sequence keeps there, at most.
    pub tokens: u64,
    /// Bytes of one token's keys and values in these layers, which [`ModelShape::token_bytes`] holds too.
    pub bytes: u64,
    /// How many layers they are. 0 where nobody says: then they are counted as if they saw everything.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub layers: u64,
    /// How many of the last tokens they see, the one that looks included; of several windows the widest.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seen: u64,
}

/// The experts of a mixture: a pass reads the weights of those that its rows go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpertShape {
    /// How many there are in a layer.
    pub count: u64,
    /// How many of them a row goes to.
    pub used: u64,
    /// Bytes of the weights of all experts of all layers, which [`ModelShape::layer_bytes`] holds too.
    pub bytes: u64,
}

impl ExpertShape {
    /// The share of the experts that a pass of so many rows reads, if rows go to any of them alike and each for
    /// itself: an expert is left alone by a row with a chance of `1 - used / count`.
    ///
    /// ```
    /// use tts_core::cost::ExpertShape;
    /// let experts = ExpertShape { count: 128, used: 8, bytes: 0 };
    /// assert_eq!(experts.read_by(1.0), 8.0 / 128.0);
    /// assert!(experts.read_by(64.0) > 0.98);
    /// ```
    pub fn read_by(&self, rows: f64) -> f64 {
        let taken = (self.used as f64 / self.count.max(1) as f64).min(1.0);
        1.0 - (1.0 - taken).powf(rows.max(0.0))
    }
}

impl ModelShape {
    /// Its cost a token, as budgets count it.
    pub fn cost(&self) -> ModelCost {
        ModelCost {
            parameters: self.layer_parameters + self.head_parameters,
            layers: self.layers,
            query_width: self.query_width,
            windows: self
                .near()
                .map(|(layers, tokens)| WindowCost { tokens, width: layers * self.query_width }),
        }
    }

    /// How many layers have windows, and how many tokens these see.
    pub(super) fn near(&self) -> Option<(u64, u64)> {
        let windows = self.windows.filter(|windows| windows.layers > 0 && windows.seen > 0);
        windows.map(|windows| (windows.layers.min(self.layers), windows.seen))
    }

    /// [`Passes::prefill`] of this model: with what its layers with windows see.
    pub fn prefill(&self, context: u64, tokens: u64, chunk: u64) -> Passes {
        let near = self.near().map(|(_, window)| Near::prefill(context, tokens, chunk, window));
        Passes { near, ..Passes::prefill(context, tokens, chunk) }
    }

    /// [`Passes::decode`] of this model: with what its layers with windows see.
    ///
    /// ```
    /// use tts_core::cost::{ModelShape, WindowShape};
    /// let windows = Some(WindowShape { tokens: 10, bytes: 4, layers: 1, seen: 10 });
    /// let shape = ModelShape { layers: 2, query_width: 1, token_bytes: 8, windows, ..Default::default() };
    /// let work = shape.decode(1, 100, 0, 1).work(&shape);
    /// assert_eq!(work.attention, 4.0 * (101.0 + 10.0));
    /// assert_eq!(work.key_value_bytes, 4.0 * (101.0 + 10.0) + 8.0);
    /// ```
    pub fn decode(&self, lines: u64, shared: u64, own: u64, tokens: u64) -> Passes {
        let near = self.near().map(|(_, window)| Near::decode(lines, shared, own, tokens, window));
        Passes { near, ..Passes::decode(lines, shared, own, tokens) }
    }

    /// Bytes of the keys and values of `tokens` distinct tokens in so many sequences, at most: where layers have windows
    /// each sequence keeps its last tokens there.
    ///
    /// ```
    /// use tts_core::cost::{ModelShape, WindowShape};
    /// let windows = Some(WindowShape { tokens: 10, bytes: 3, ..WindowShape::default() });
    /// let shape = ModelShape { token_bytes: 4, windows, ..Default::default() };
    /// assert_eq!(shape.key_value_bytes(25, 1), 25 + 10 * 3);
    /// assert_eq!(shape.key_value_bytes(25, 8), 25 * 4);
    /// ```
    pub fn key_value_bytes(&self, tokens: u64, sequences: u64) -> u64 {
        let gone = self.windows.map_or(0, |windows| {
            let kept = windows.tokens.saturating_mul(sequences);
            windows.bytes.saturating_mul(tokens.saturating_sub(kept))
        });
        self.token_bytes.saturating_mul(tokens).saturating_sub(gone)
    }

    /// Bytes of weights and of the keys and values of `tokens` distinct tokens in so many sequences.
    ///
    /// ```
    /// use tts_core::cost::ModelShape;
    /// let shape = ModelShape { layer_bytes: 90, head_bytes: 10, token_bytes: 4, ..Default::default() };
    /// assert_eq!(shape.memory(25, 1), 200);
    /// assert_eq!(ModelShape { embedding_bytes: 10, ..shape }.memory(25, 1), 210);
    /// ```
    pub fn memory(&self, tokens: u64, sequences: u64) -> u64 {
        let ends = self.head_bytes.saturating_add(self.embedding_bytes);
        let weights = self.layer_bytes.saturating_add(ends);
        weights.saturating_add(self.key_value_bytes(tokens, sequences))
    }
}
