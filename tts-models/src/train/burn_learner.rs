//! Training on any Burn backend: the reference for the native one, and the way to train on a GPU.
//!
//! Burn's autodiff makes the gradients; the weights are one vector `[n]` (see `flat.rs`). On the
//! processors of the machine [`super::native`] gives the same gradients several times as fast.
//!
//! `AdamW`: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2. Clipping by the norm of the
//! whole gradient: Pascanu et al. 2013, arXiv:1211.5063, algorithm 1.

use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use burn::optim::{AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, SimpleOptimizer};
use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion, Tensor, TensorData};

use super::flat::{flatten, gradients, matrices, unflatten};
use super::learner::{Learner, Sums};
use super::trainee::{Batch, Trainee};
use super::{Example, LabelHead, Model, TrainConfig};
use crate::exec::transformer::{Decoder, Projection};
use crate::{DecoderWeights, ModelConfig, ModelError};

/// A model that learns on a device.
pub(super) struct BurnLearner<B: Backend> {
    config: ModelConfig,
    /// Says how the module is built; its weights are those at the start.
    template: Trainee<Autodiff<B>>,
    optimizer: Optimizer<B>,
    /// So many of the first weights stay as they are.
    frozen: usize,
    gradient: Option<Tensor<B, 1>>,
}

impl<B: Backend> BurnLearner<B> {
    /// # Errors
    /// When the model's tensors do not have the sizes of its config.
    pub(super) fn new(
        config: &TrainConfig,
        model: Model,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let shape = model.decoder.config.clone();
        let frozen = frozen(&model.decoder, config.frozen_layers);
        let template = trainee::<Autodiff<B>>(model, device)?;
        let weights = flatten(&template).inner(); // [n]
        let zeros = Tensor::zeros([weights.dims()[0]], device); // [n]
        let decays = matrices(&template, frozen).inner(); // [n]
        let optimizer = Optimizer::new(config, weights, [zeros.clone(), zeros], decays, 0);
        Ok(Self { config: shape, template, optimizer, frozen, gradient: None })
    }

    /// The gradient of the last batch, in the form of a model.
    #[cfg(test)]
    pub(super) fn gradient(self) -> Result<Model, ModelError> {
        let mut own = self;
        own.optimizer.weights = own.gradient.take().expect("a batch was learnt");
        own.model()
    }
}

impl<B: Backend> Learner for BurnLearner<B> {
    fn sums(&mut self, batch: &[Example], learn: bool) -> Result<Sums, ModelError> {
        let batch = Batch::new(batch)?;
        let weights = &self.optimizer.weights;
        let frozen = if learn { self.frozen } else { 0 };
        let model = unflatten::<Autodiff<B>, _>(self.template.clone(), weights, frozen);
        let device = weights.device();
        let loss = if learn {
            let loss = model.loss(&batch, &device); // [1]
            self.gradient = Some(gradients::<Autodiff<B>, _>(&model, &loss.backward())); // [n]
            loss.inner()
        } else {
            // Without a graph: one that no backward pass consumes would stay in memory.
            model.valid().loss(&batch, &device)
        };
        // The figures of policies are the native learner's: they would take the logits a second time.
        Ok(Sums {
            loss: loss.into_scalar().elem(),
            weight: batch.weight(),
            tokens: batch.count,
            ..Sums::default()
        })
    }

    fn step(&mut self, config: &TrainConfig, weight: f64) -> f64 {
        let gradient = self.gradient.take();
        gradient.map_or(f64::NAN, |sum| self.optimizer.step(config, sum.div_scalar(weight)))
    }

    fn count(&self) -> usize {
        self.optimizer.weights.dims()[0]
    }

    fn vectors(&self) -> Result<[Vec<f32>; 3], ModelError> {
        self.optimizer.vectors()
    }

    fn restore(&mut self, vectors: [Vec<f32>; 3], step: usize) {
        let device = self.optimizer.weights.device();
        let [weights, first, second] = vectors.map(|vector| {
            let count = vector.len();
            Tensor::from_data(TensorData::new(vector, [count]), &device) // [n]
        });
        self.optimizer.weights = weights;
        self.optimizer.moments = [first, second];
        self.optimizer.step = step;
    }

    fn model(self) -> Result<Model, ModelError> {
        let trained = unflatten::<Autodiff<B>, _>(self.template, &self.optimizer.weights, 0);
        let decoder = trained.decoder.weights(self.config)?;
        let label = trained.label.map(|head| head.weights()).transpose()?;
        let label =
            label.map(|(weight, bias)| LabelHead { weight, bias: bias.unwrap_or_default() });
        Ok(Model { decoder, label, adapter: None })
    }
}

fn trainee<B: Backend>(model: Model, device: &B::Device) -> Result<Trainee<B>, ModelError> {
    let hidden = model.decoder.config.hidden_size;
    let head = |head: LabelHead| {
        let shape = [head.bias.len(), hidden];
        Projection::new("label", head.weight, Some(head.bias), shape, device)
    };
    Ok(Trainee {
        label: model.label.map(head).transpose()?,
        decoder: Decoder::new(model.decoder, device)?,
    })
}

/// The number of weights in the embedding and the first `layers` layers; none for no layers.
fn frozen(decoder: &DecoderWeights, layers: usize) -> usize {
    let learnt = |name: &str| {
        let layer = name.strip_prefix("model.layers.").and_then(|rest| rest.split('.').next());
        let layer: Option<usize> = layer.and_then(|layer| layer.parse().ok());
        layer.is_some_and(|layer| layer >= layers)
    };
    // The embedding comes first, then the layers, as in the module.
    let tensors = decoder.tensors();
    let below = tensors.iter().take_while(|tensor| layers > 0 && !learnt(&tensor.name));
    let norm = |name: &str| name == "model.norm.weight" || name == "lm_head.weight";
    below.filter(|tensor| !norm(&tensor.name)).map(|tensor| tensor.values.len()).sum()
}

/// The optimiser: weights and moments.
struct Optimizer<B: Backend> {
    adam: AdamW,
    /// `[n]`.
    weights: Tensor<B, 1>,
    /// First and second moment, `[n]` each.
    moments: [Tensor<B, 1>; 2],
    /// 1 where weight decay applies, `[n]`.
    decays: Tensor<B, 1>,
    step: usize,
}

impl<B: Backend> Optimizer<B> {
    /// `step` updates are behind `weights` and `moments`.
    fn new(
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
    fn step(&mut self, config: &TrainConfig, gradient: Tensor<B, 1>) -> f64 {
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
    fn vectors(&self) -> Result<[Vec<f32>; 3], ModelError> {
        let host = |tensor: &Tensor<B, 1>| {
            let data = tensor.to_data().convert::<f32>();
            data.to_vec::<f32>()
                .map_err(|error| ModelError::Device { problem: format!("{error:?}") })
        };
        Ok([host(&self.weights)?, host(&self.moments[0])?, host(&self.moments[1])?])
    }
}
