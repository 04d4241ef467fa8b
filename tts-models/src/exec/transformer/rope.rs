//! Rotary position embedding, in the half-split layout.
//!
//! Dimension `i` of a head is paired with `i + head_dim / 2`, as in Hugging Face's weights, and
//! each pair turned by `position * frequency[i]`. Angles are computed in f64: in f32 an angle of
//! some thousand radians is already off by 1e-4.
//!
//! Su et al. 2021, arXiv:2104.09864, section 3.2.2 (there with neighbouring dimensions paired).

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use crate::ModelConfig;
use crate::weights::config::Growth;

/// The frequencies of a rotary embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// Radians a position, one for each pair: `[head_dim / 2]`, or fewer where heads are turned in part.
    pub frequencies: Vec<f64>,
    /// What cosines and sines are multiplied with.
    pub amplitude: f64,
    /// How queries grow with their position.
    pub growth: Option<Growth>,
}

/// Cosines and sines of the angles of some rows.
#[derive(Debug, Clone)]
pub struct Angles<B: Backend> {
    /// `[rows, 1, head_dim / 2]`.
    pub cos: Tensor<B, 3>,
    /// `[rows, 1, head_dim / 2]`.
    pub sin: Tensor<B, 3>,
    /// What queries are multiplied with, `[rows, 1, 1]`; `None` where nothing grows.
    pub growth: Option<Tensor<B, 3>>,
}

impl Rope {
    /// The rotary embedding of a config.
    pub fn new(config: &ModelConfig) -> Self {
        Self {
            frequencies: config.rope_frequencies(),
            amplitude: config.rope_scaling.amplitude(),
            growth: config.switches.query_growth,
        }
    }

    /// That of layers with a base of their own.
    pub fn local(config: &ModelConfig) -> Self {
        Self {
            frequencies: config.local_rope_frequencies(),
            amplitude: 1.0,
            growth: config.switches.query_growth,
        }
    }

    /// The angles of rows at `positions`, in tokens from the start of each row's sequence.
    pub fn angles<B: Backend>(
        &self,
        positions: impl Iterator<Item = usize>,
        device: &B::Device,
    ) -> Angles<B> {
        let (mut cos, mut sin, mut grown) = (Vec::new(), Vec::new(), Vec::new());
        let mut rows = 0;
        for position in positions {
            rows += 1;
            grown.extend(self.growth.map(|growth| narrow(growth.at(position))));
            for frequency in &self.frequencies {
                let (s, c) = (position as f64 * frequency).sin_cos();
                cos.push(narrow(self.amplitude * c));
                sin.push(narrow(self.amplitude * s));
            }
        }
        let shape = [rows, 1, self.frequencies.len()];
        Angles {
            cos: Tensor::from_data(TensorData::new(cos, shape), device), // [rows, 1, half]
            sin: Tensor::from_data(TensorData::new(sin, shape), device), // [rows, 1, half]
            growth: self
                .growth
                .map(|_| Tensor::from_data(TensorData::new(grown, [rows, 1, 1]), device)), // [rows, 1, 1]
        }
    }
}

impl<B: Backend> Angles<B> {
    /// Turns the heads of rows, `[rows, heads, head_dim]`; the shape stays.
    pub fn rotate(&self, heads: Tensor<B, 3>) -> Tensor<B, 3> {
        let (half, width) = (self.cos.dims()[2], heads.dims()[2]);
        let first = heads.clone().narrow(2, 0, half); // [rows, heads, half]
        let second = heads.clone().narrow(2, half, half); // [rows, heads, half]
        let (cos, sin) = (self.cos.clone(), self.sin.clone()); // [rows, 1, half]
        let turned = [
            first.clone() * cos.clone() - second.clone() * sin.clone(), // [rows, heads, half]
            second * cos + first * sin,                                 // [rows, heads, half]
        ];
        let mut parts = turned.to_vec();
        if width > 2 * half {
            parts.push(heads.narrow(2, 2 * half, width - 2 * half)); // [rows, heads, rest]
        }
        Tensor::cat(parts, 2) // [rows, heads, head_dim]
    }

    /// Queries `[rows, heads, head_dim]` as they have grown at their positions; the shape stays.
    pub fn grow(&self, queries: Tensor<B, 3>) -> Tensor<B, 3> {
        match &self.growth {
            Some(growth) => queries * growth.clone(), // [rows, heads, head_dim]
            None => queries,
        }
    }
}

/// A cosine or sine in f32.
#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the purpose")]
fn narrow(value: f64) -> f32 {
    value as f32
}
