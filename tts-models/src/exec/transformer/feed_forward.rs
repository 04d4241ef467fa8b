//! The gated feed-forward layer: `down(silu(gate(x)) * up(x))`, or with another [`Activation`] for `SiLU`.
//!
//! Shazeer 2020, arXiv:2002.05202, section 2, equation 6 (`SwiGLU` without bias).

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::{sigmoid, silu};
use burn::tensor::backend::Backend;

use super::Projection;
use crate::weights::config::Activation;
use crate::weights::decoder::NetworkWeights;
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
    /// What gates.
    #[module(skip)]
    pub activation: Activation,
}

impl<B: Backend> FeedForward<B> {
    /// Moves the weights of gate and up `[inner, hidden]` and down `[hidden, inner]`, and their biases, to a device.
    ///
    /// # Errors
    /// When one does not have that size.
    pub fn new(
        NetworkWeights { gate, up, down, biases }: NetworkWeights,
        (config, inner): (&ModelConfig, usize),
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let hidden = config.hidden_size;
        let [of_gate, of_up, of_down] = biases.map_or([None, None, None], |b| b.map(Some));
        Ok(Self {
            gate: Projection::new("gate", gate, of_gate, [inner, hidden], device)?,
            up: Projection::new("up", up, of_up, [inner, hidden], device)?,
            down: Projection::new("down", down, of_down, [hidden, inner], device)?,
            activation: config.switches.activation,
        })
    }

    /// The weights and the biases, as [`FeedForward::new`] takes them.
    ///
    /// # Errors
    /// When the device does not give them back.
    pub fn weights(&self) -> Result<NetworkWeights, ModelError> {
        let ((gate, of_gate), (up, of_up)) = (self.gate.weights()?, self.up.weights()?);
        let (down, of_down) = self.down.weights()?;
        let biases = match (of_gate, of_up, of_down) {
            (Some(gate), Some(up), Some(down)) => Some([gate, up, down]),
            _ => None,
        };
        Ok(NetworkWeights { gate, up, down, biases })
    }

    /// Maps rows `[rows, hidden]` to `[rows, hidden]`.
    pub fn forward(&self, rows: Tensor<B, 2>) -> Tensor<B, 2> {
        // Burn's `silu` has a backward pass that holds for large negative inputs;
        // `x / (1 + exp(-x))` written out has not.
        let gate = self.gate.forward(rows.clone()); // [rows, intermediate]
        let up = self.up.forward(rows); // [rows, intermediate]
        let (gate, up) = match self.activation {
            Activation::Silu => (silu(gate), up),
            Activation::GeluTanh => (gelu_tanh(gate), up),
            Activation::Clamped { slope, limit } => {
                let gate = gate.clamp_max(limit); // [rows, intermediate]
                let sigmoid = sigmoid(gate.clone().mul_scalar(slope)); // [rows, intermediate]
                (gate * sigmoid, up.clamp(-limit, limit).add_scalar(1.0))
            }
        }; // [rows, intermediate]
        self.down.forward(gate * up) // [rows, hidden]
    }
}

/// GELU by the hyperbolic tangent.
fn gelu_tanh<B: Backend>(x: Tensor<B, 2>) -> Tensor<B, 2> {
    let cube = x.clone() * x.clone() * x.clone(); // [rows, intermediate]
    let inner = (x.clone() + cube.mul_scalar(0.044_715)).mul_scalar(0.797_884_560_802_865_4);
    x.mul_scalar(0.5) * (inner.tanh().add_scalar(1.0)) // [rows, intermediate]
}
