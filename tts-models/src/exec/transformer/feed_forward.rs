//! The gated feed-forward layer: `down(silu(gate(x)) * up(x))`.
//!
//! Shazeer 2020, arXiv:2002.05202, section 2, equation 6 (`SwiGLU` without bias).

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::silu;
use burn::tensor::backend::Backend;

use super::Projection;
use crate::{ModelConfig, ModelError};

/// A `SwiGLU` feed-forward layer.
#[derive(Module, Debug)]
pub struct FeedForward<B: Backend> {
    /// `hidden` to `intermediate`, through the activation.
    pub gate: Projection<B>,
    /// `hidden` to `intermediate`, gated.
    pub up: Projection<B>,
    /// `intermediate` back to `hidden`.
    pub down: Projection<B>,
}

impl<B: Backend> FeedForward<B> {
    /// Moves the weights of gate and up `[intermediate, hidden]` and down `[hidden, intermediate]`
    /// to a device.
    ///
    /// # Errors
    /// When one does not have that size.
    pub fn new(
        [gate, up, down]: [Vec<f32>; 3],
        config: &ModelConfig,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        Ok(Self {
            gate: Projection::new("gate", gate, None, [inner, hidden], device)?,
            up: Projection::new("up", up, None, [inner, hidden], device)?,
            down: Projection::new("down", down, None, [hidden, inner], device)?,
        })
    }

    /// Maps rows `[rows, hidden]` to `[rows, hidden]`.
    pub fn forward(&self, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        // Burn's `silu` has a backward pass that holds for large negative inputs;
        // `x / (1 + exp(-x))` written out has not.
        let gate = silu(self.gate.forward(rows.clone())); // [rows, intermediate]
        let up = self.up.forward(rows); // [rows, intermediate]
        self.down.forward(gate * up) // [rows, hidden]
    }
}
