//! What trains: something that makes gradients of batches and steps along them.

use super::{Example, Model, PolicyFigures, TrainConfig};
use crate::ModelError;

/// The sums of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Sums {
    /// Of the weighted losses, in nats.
    pub(super) loss: f64,
    /// Of the weights.
    pub(super) weight: f64,
    /// Tokens without padding.
    pub(super) tokens: usize,
    /// Of what its policy goals came to.
    pub(super) policy: PolicyFigures,
}

/// A model with the state of its optimiser.
pub(super) trait Learner: std::fmt::Debug + Send + Sync {
    /// The sums of a batch; with `learn` its gradient is kept for [`Learner::step`].
    fn sums(&mut self, batch: &[Example], learn: bool) -> Result<Sums, ModelError>;

    /// One step along the gradient divided by `weight`; returns the norm of that before clipping. One
    /// that is not finite changes nothing.
    fn step(&mut self, config: &TrainConfig, weight: f64) -> f64;

    /// Number of weights.
    fn count(&self) -> usize;

    /// Weights, first and second moment.
    fn vectors(&self) -> Result<[Vec<f32>; 3], ModelError>;

    /// Goes on from what [`Learner::vectors`] gave after so many steps.
    fn restore(&mut self, vectors: [Vec<f32>; 3], step: usize);

    /// `-ln p` of each next token of these examples, of weight 1, in nats.
    fn nats(&mut self, batch: &[Example]) -> Result<Vec<f64>, ModelError>;

    /// The model as it is.
    fn model(&self) -> Result<Model, ModelError>;
}
