//! Root-mean-square norm over the last axis.
//!
//! `y = x / sqrt(mean(x^2) + eps) * weight`, in the backend's float type. The mean of a row reads
//! that row alone.
//!
//! Zhang and Sennrich 2019, arXiv:1910.07467, equation 4.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::param;
use crate::ModelError;

/// A root-mean-square norm.
#[derive(Module, Debug)]
pub struct RmsNorm<B: Backend> {
    /// The weight of each dimension, `[dim]`.
    pub weight: Param<Tensor<B, 1>>,
    /// Added to the mean square.
    #[module(skip)]
    pub eps: f64,
}

impl<B: Backend> RmsNorm<B> {
    /// Moves a weight `[dim]`, named `field` in errors, to a device.
    ///
    /// # Errors
    /// When `weight` is not `dim` long.
    pub fn new(
        field: &str,
        weight: Vec<f32>,
        dim: usize,
        eps: f64,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        Ok(Self { weight: param(field, weight, [dim], device)?, eps })
    }

    /// Norms the last axis of `x`, `[.., dim]`; the shape stays.
    pub fn forward<const D: usize>(&self, x: Tensor<B, D>) -> Tensor<B, D> {
        let square = x.clone() * x.clone(); // [.., dim]
        let size = square.mean_dim(D - 1).add_scalar(self.eps).sqrt(); // [.., 1]
        // Not `recip`: with Burn's `simd` feature ndarray approximates it, to four digits, for all
        // but the last few of a tensor's elements, so that a row depends on its neighbours' number.
        x / size * self.weight.val().unsqueeze() // [.., dim]
    }
}
