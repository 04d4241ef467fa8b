//! Floating-point operations of a decoder, by formula.
//!
//! A forward pass over one token costs two operations a parameter, plus attention: for each layer,
//! scores and weighted values over the context, `4 * context * query_width` (Kaplan et al. 2020,
//! table 1). A scorer is charged the same way for the tokens it judges.

use serde::{Deserialize, Serialize};

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
}

impl ModelCost {
    /// Operations of a forward pass over `tokens` new tokens after `context` others.
    ///
    /// ```
    /// use tts_core::cost::ModelCost;
    /// let model = ModelCost { parameters: 1_000, layers: 2, query_width: 8 };
    /// assert_eq!(model.flops(0, 1), 2_000.0 + 4.0 * 2.0 * 8.0);
    /// // Cost does not depend on how a text is cut up.
    /// assert_eq!(model.flops(0, 10), model.flops(0, 4) + model.flops(4, 6));
    /// ```
    pub fn flops(&self, context: u64, tokens: u64) -> f64 {
        let (context, tokens) = (context as f64, tokens as f64);
        // The i-th new token attends to context + i others, itself included.
        let attended = tokens * context + tokens * (tokens + 1.0) / 2.0;
        2.0 * self.parameters as f64 * tokens
            + 4.0 * self.layers as f64 * self.query_width as f64 * attended
    }
}
