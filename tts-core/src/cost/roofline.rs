//! Seconds of forward passes: a roofline whose rates are fitted to one machine.
//!
//! A pass takes
//!
//! ```text
//! pass + layers * layer + lines * line + elements * element + logits * logit
//!      + corner(products  / product_rate   + weight_bytes    / weight_rate,    weight_bytes    / bandwidth)
//!      + corner(attention / attention_rate + key_value_bytes / key_value_rate, key_value_bytes / bandwidth)
//! ```
//!
//! where `corner(a, b) = (a^p + b^p)^(1/p)` is the roof: the larger of operations and traffic where
//! one of them rules, and more where they meet, because they overlap only in part. What is read is also
//! worked on once a pass, however few rows there are: weights are unpacked, 16-bit keys and values
//! widened. The bandwidth is that of the caches for what fits them and that of memory for what does
//! not.
//!
//! A roofline belongs to a machine, a number of threads and a type of weights: int8 products have
//! another rate than f32 ones.
//!
//! Source: Williams, Waterman and Patterson 2009 (doi:10.1145/1498765.1498785), equation 1.

use serde::{Deserialize, Serialize};

use super::{ModelShape, Passes, Work};

/// All rates as one list.
pub(super) type Rates = [f64; 13];

/// Rates of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roofline {
    /// Operations a second of products with weights.
    pub product_rate: f64,
    /// Operations a second of attention.
    pub attention_rate: f64,
    /// Bytes of weights that are unpacked a second, wherever they come from.
    pub weight_rate: f64,
    /// Bytes of keys and values that are widened a second, wherever they come from.
    pub key_value_rate: f64,
    /// Bytes a second from memory.
    pub memory_rate: f64,
    /// Bytes a second from the caches.
    pub cache_rate: f64,
    /// Bytes that the caches hold.
    pub cache_bytes: f64,
    /// Seconds that a pass takes besides.
    pub pass: f64,
    /// Seconds that a layer takes besides: threads that meet.
    pub layer: f64,
    /// Seconds of a row in a layer, whatever its width.
    pub line: f64,
    /// Seconds of a number of the residual stream in a layer: norms, activations, rounding.
    pub element: f64,
    /// Seconds of a logit: drawing tokens.
    pub logit: f64,
    /// How sharp the corners of the roof are: 1 adds operations and traffic, infinity takes the
    /// larger.
    pub sharpness: f64,
}

impl Default for Roofline {
    /// Somewhere near a core of a server: where fits begin, not a prediction for any machine.
    fn default() -> Self {
        Self {
            product_rate: 1e11,
            attention_rate: 3e10,
            weight_rate: 1e11,
            key_value_rate: 1e10,
            memory_rate: 2e10,
            cache_rate: 1e11,
            cache_bytes: 2e7,
            pass: 2e-5,
            layer: 5e-6,
            line: 3e-7,
            element: 3e-10,
            logit: 1e-9,
            sharpness: 2.0,
        }
    }
}

impl Roofline {
    /// Seconds that the passes take on a model.
    pub fn seconds(&self, shape: &ModelShape, passes: &Passes) -> f64 {
        self.seconds_of(&passes.work(shape))
    }

    /// Tokens a second when `lines` lines write after `shared` tokens in common and `own` of each.
    pub fn decode_rate(&self, shape: &ModelShape, lines: u64, shared: u64, own: u64) -> f64 {
        lines as f64 / self.seconds(shape, &shape.decode(lines, shared, own, 1))
    }

    /// Seconds of work.
    pub fn seconds_of(&self, work: &Work) -> f64 {
        if work.passes <= 0.0 {
            return 0.0;
        }
        let byte = self.seconds_a_byte(work.bytes() / work.passes);
        let products = self.corner(
            work.products / self.product_rate + work.weight_bytes / self.weight_rate,
            work.weight_bytes * byte,
        );
        let attention = self.corner(
            work.attention / self.attention_rate + work.key_value_bytes / self.key_value_rate,
            work.key_value_bytes * byte,
        );
        work.passes * self.pass
            + work.layers * self.layer
            + work.lines * self.line
            + work.elements * self.element
            + work.logits * self.logit
            + products
            + attention
    }

    /// Seconds a byte, when a pass touches so many.
    fn seconds_a_byte(&self, touched: f64) -> f64 {
        // A pass that just fits loses some of it to whatever else is cached, one twice the size
        // finds next to nothing: the fourth power bends over about that range.
        let outside = {
            let fourth = (touched / self.cache_bytes).powi(4);
            if fourth.is_finite() { fourth / (1.0 + fourth) } else { 1.0 }
        };
        outside / self.memory_rate + (1.0 - outside) / self.cache_rate
    }

    fn corner(&self, a: f64, b: f64) -> f64 {
        let most = a.max(b);
        if most <= 0.0 {
            return 0.0;
        }
        // Of the ratio, so that no power of a tiny number is lost.
        most * (1.0 + (a.min(b) / most).powf(self.sharpness)).powf(1.0 / self.sharpness)
    }

    /// All rates as one list, for fitting.
    pub(super) fn to_list(mut self) -> Rates {
        self.rates().map(|rate| *rate)
    }

    pub(super) fn from_list(list: Rates) -> Self {
        let mut law = Self::default();
        for (rate, value) in law.rates().into_iter().zip(list) {
            *rate = value;
        }
        law
    }

    fn rates(&mut self) -> [&mut f64; 13] {
        [
            &mut self.product_rate,
            &mut self.attention_rate,
            &mut self.weight_rate,
            &mut self.key_value_rate,
            &mut self.memory_rate,
            &mut self.cache_rate,
            &mut self.cache_bytes,
            &mut self.pass,
            &mut self.layer,
            &mut self.line,
            &mut self.element,
            &mut self.logit,
            &mut self.sharpness,
        ]
    }
}
