//! One update: gradients of the parts of a batch, their sum, the clipped step.
//!
//! The examples of a batch are split into parts, each with a graph and a thread of its own, and
//! the gradients are summed in the order of the parts: the result depends on the number of parts,
//! never on the number of processors or on which thread is done first.
//!
//! `AdamW`: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2. Clipping by the norm of the
//! whole gradient: Pascanu et al. 2013, arXiv:1211.5063, algorithm 1.

use burn::module::AutodiffModule;
use burn::optim::{AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, SimpleOptimizer};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{ElementConversion, Tensor};

use super::flat::{gradients, unflatten};
use super::trainee::{Batch, Trainee};
use super::{Example, TrainConfig};
use crate::ModelError;

/// The sums of a batch.
pub(super) struct Sums<B: Backend> {
    /// Of the weighted losses, in nats.
    pub(super) loss: f64,
    /// Of the weights.
    pub(super) weight: f64,
    /// Tokens without padding.
    pub(super) tokens: usize,
    /// Of the gradients, `[n]`, 0 for what is frozen; `None` when only the loss was asked for.
    pub(super) gradient: Option<Tensor<B, 1>>,
}

/// So many of the first weights stay as they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frozen(pub(super) usize);

/// The sums over `examples` in at most `parts` parts; with their gradient if something is learnt.
pub(super) fn sums<B: AutodiffBackend>(
    template: &Trainee<B>,
    weights: &Tensor<B::InnerBackend, 1>,
    examples: &[Example],
    parts: usize,
    learn: Option<Frozen>,
) -> Result<Sums<B::InnerBackend>, ModelError> {
    let each = examples.len().div_ceil(parts).max(1);
    let done = std::thread::scope(|scope| {
        let threads: Vec<_> = examples
            .chunks(each)
            .map(|part| scope.spawn(move || one::<B>(template, weights, part, learn)))
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| {
                let said = panic.downcast_ref::<String>().cloned();
                let said = said.or(panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
                Err(ModelError::Device { problem: said.unwrap_or_else(|| "panic".to_owned()) })
            })
        };
        threads.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    let mut all = Sums { loss: 0.0, weight: 0.0, tokens: 0, gradient: None };
    for part in done {
        all.loss += part.loss;
        all.weight += part.weight;
        all.tokens += part.tokens;
        all.gradient = match (all.gradient, part.gradient) {
            (Some(sum), Some(gradient)) => Some(sum + gradient), // [n]
            (sum, gradient) => sum.or(gradient),
        };
    }
    Ok(all)
}

fn one<B: AutodiffBackend>(
    template: &Trainee<B>,
    weights: &Tensor<B::InnerBackend, 1>,
    part: &[Example],
    learn: Option<Frozen>,
) -> Result<Sums<B::InnerBackend>, ModelError> {
    let batch = Batch::new(part)?;
    let frozen = learn.map_or(0, |Frozen(count)| count);
    let model = unflatten::<B, _>(template.clone(), weights, frozen);
    let device = weights.device();
    let (loss, gradient) = if learn.is_some() {
        let loss = model.loss(&batch, &device); // [1]
        let gradient = gradients::<B, _>(&model, &loss.backward()); // [n]
        (loss.inner(), Some(gradient))
    } else {
        // Without a graph: one that no backward pass consumes would stay in memory.
        (model.valid().loss(&batch, &device), None)
    };
    Ok(Sums {
        loss: loss.into_scalar().elem(),
        weight: batch.weight(),
        tokens: batch.count,
        gradient,
    })
}

/// The optimiser: weights and moments.
pub(super) struct Optimizer<B: Backend> {
    adam: AdamW,
    /// `[n]`.
    pub(super) weights: Tensor<B, 1>,
    /// First and second moment, `[n]` each.
    moments: [Tensor<B, 1>; 2],
    /// 1 where weight decay applies, `[n]`.
    decays: Tensor<B, 1>,
    step: usize,
}

impl<B: Backend> Optimizer<B> {
    /// `step` updates are behind `weights` and `moments`.
    pub(super) fn new(
        config: &TrainConfig,
        weights: Tensor<B, 1>,
        moments: [Tensor<B, 1>; 2],
        decays: Tensor<B, 1>,
        step: usize,
    ) -> Self {
        let adam = AdamWConfig::new()
            .with_beta_1(config.beta_1)
            .with_beta_2(config.beta_2)
            .with_epsilon(config.epsilon)
            // Done here, because not all of the vector decays.
            .with_weight_decay(0.0)
            .build();
        Self { adam, weights, moments, decays, step }
    }

    /// One step along a gradient `[n]`; returns the gradient's norm before clipping. A gradient
    /// that is not finite changes nothing.
    pub(super) fn step(&mut self, config: &TrainConfig, gradient: Tensor<B, 1>) -> f64 {
        let square: f64 = gradient.clone().powi_scalar(2).sum().into_scalar().elem();
        let norm = square.sqrt();
        if !norm.is_finite() {
            return norm;
        }
        let gradient =
            if norm > config.clip { gradient.mul_scalar(config.clip / norm) } else { gradient };
        let rate = config.rate(self.step);
        let decay = self.weights.clone() * self.decays.clone(); // [n]
        let weights = self.weights.clone() - decay.mul_scalar(rate * config.weight_decay); // [n]
        let [first, second] = self.moments.clone();
        let state = (self.step > 0).then(|| {
            AdamWState::new(AdaptiveMomentumState {
                time: self.step,
                moment_1: first,
                moment_2: second,
                max_moment_2: None,
            })
        });
        let (weights, state) = self.adam.step(rate, weights, gradient, state); // [n]
        self.weights = weights;
        if let Some(state) = state {
            self.moments = [state.momentum.moment_1, state.momentum.moment_2];
        }
        self.step += 1;
        norm
    }

    /// Weights and moments on the host.
    pub(super) fn vectors(&self) -> Result<[Vec<f32>; 3], ModelError> {
        let host = |tensor: &Tensor<B, 1>| {
            let data = tensor.to_data().convert::<f32>();
            data.to_vec::<f32>()
                .map_err(|error| ModelError::Device { problem: format!("{error:?}") })
        };
        Ok([host(&self.weights)?, host(&self.moments[0])?, host(&self.moments[1])?])
    }
}
