//! Training on any Burn backend: the reference for the native one, and the way to train on a GPU.
//!
//! Burn's autodiff makes the gradients; the weights that learn are one vector `[n]` (see `flat.rs`), all of them or the
//! factors of an adapter with the label head. A batch passes in pieces of whole examples, so that logits and
//! scores take memory for a piece. On the processors of the machine [`super::native`] gives the same gradients several times as fast.
//!
//! `AdamW`: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2. Clipping by the norm of the
//! whole gradient: Pascanu et al. 2013, arXiv:1211.5063, algorithm 1.

use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use burn::optim::{AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, SimpleOptimizer};
use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion, Tensor, TensorData};

use super::adapter::Adapter;
use super::burn_adapter::{attach, detach};
use super::flat::{Learnt, flatten, gradients, matrices, unflatten};
use super::learner::{Learner, Sums};
use super::trainee::{Batch, Trainee};
use super::{Example, LabelHead, Model, TrainConfig};
use crate::exec::transformer::{Decoder, Projection};
use crate::{DecoderWeights, ModelConfig, ModelError};

/// Numbers that the largest tensor of a piece of a batch may have, logits or scores of a layer: 512 MiB.
const NUMBERS: usize = 1 << 27;

/// A model that learns on a device.
pub(super) struct BurnLearner<B: Backend> {
    config: ModelConfig,
    /// Says how the module is built; the weights that learn are those at the start.
    template: Trainee<Autodiff<B>>,
    learnt: Learnt,
    /// The adapter at the start, where one learns in the decoder's place.
    adapter: Option<Adapter>,
    optimizer: Optimizer<B>,
    /// So many of the first weights stay as they are.
    frozen: usize,
    /// Numbers that the largest tensor of a piece of a batch may have.
    piece: usize,
    gradient: Option<Tensor<B, 1>>,
}

impl<B: Backend> std::fmt::Debug for BurnLearner<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BurnLearner")
            .field("config", &self.config)
            .field("learnt", &self.learnt)
            .field("step", &self.optimizer.step)
            .finish_non_exhaustive()
    }
}

impl<B: Backend> BurnLearner<B> {
    /// # Errors
    /// When the model's tensors do not have the sizes of its config.
    pub(super) fn new(
        config: &TrainConfig,
        mut model: Model,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let shape = model.decoder.config.clone();
        let adapter = model.adapter.take();
        let (learnt, frozen) = match &adapter {
            Some(adapter) => (Learnt::Beside, adapter.first(config.frozen_layers)),
            None => (Learnt::All, frozen(&model.decoder, config.frozen_layers)),
        };
        let mut template = trainee::<Autodiff<B>>(model, device)?;
        if let Some(adapter) = &adapter {
            attach(&mut template.decoder, adapter, &shape, device)?;
        }
        let weights = flatten(&template, learnt).inner(); // [n]
        let zeros = Tensor::zeros([weights.dims()[0]], device); // [n]
        let decays = matrices(&template, learnt, frozen).inner(); // [n]
        let optimizer = Optimizer::new(config, weights, [zeros.clone(), zeros], decays, 0);
        Ok(Self {
            config: shape,
            template,
            learnt,
            adapter,
            optimizer,
            frozen,
            piece: NUMBERS,
            gradient: None,
        })
    }

    /// The module with the present weights, of which the first `frozen` are constants.
    fn module(&self, frozen: usize) -> Trainee<Autodiff<B>> {
        unflatten(self.template.clone(), self.learnt, &self.optimizer.weights, frozen)
    }

    /// The gradient of the last batch, in the form of a model.
    #[cfg(test)]
    pub(super) fn gradient(self) -> Result<Model, ModelError> {
        let mut own = self;
        own.optimizer.weights = own.gradient.take().expect("a batch was learnt");
        own.model()
    }

    /// Lets a batch pass in pieces whose largest tensor has so many numbers.
    #[cfg(test)]
    pub(super) fn in_pieces(mut self, numbers: usize) -> Self {
        self.piece = numbers;
        self
    }

    /// A batch in pieces.
    fn pieces<'b>(&self, batch: &'b [Example]) -> Vec<&'b [Example]> {
        let (vocab, heads) = (self.config.vocab_size, self.config.num_attention_heads);
        let fits = |texts: usize, longest: usize| {
            let each = vocab.max(heads.saturating_mul(longest));
            texts.saturating_mul(longest).saturating_mul(each) <= self.piece
        };
        pieces(batch, fits)
    }
}

impl<B: Backend> Learner for BurnLearner<B> {
    fn sums(&mut self, batch: &[Example], learn: bool) -> Result<Sums, ModelError> {
        let device = self.optimizer.weights.device();
        let mut sums = Sums::default();
        let mut gradient: Option<Tensor<B, 1>> = None;
        for piece in self.pieces(batch) {
            let batch = Batch::new(piece)?;
            // A graph serves one backward pass.
            let model = self.module(if learn { self.frozen } else { 0 });
            let (loss, figures) = if learn {
                let (loss, figures) = model.loss(&batch, &device)?; // [1]
                let own = gradients(&model, self.learnt, &loss.backward()); // [n]
                gradient = Some(match gradient {
                    Some(sum) => sum + own, // [n]
                    None => own,
                });
                (loss.inner(), figures)
            } else {
                // Without a graph: one that no backward pass consumes would stay in memory.
                model.valid().loss(&batch, &device)?
            };
            sums.loss += loss.into_scalar().elem::<f64>();
            sums.weight += batch.weight();
            sums.tokens += batch.count;
            sums.policy += figures;
        }
        if learn {
            self.gradient = gradient;
        }
        Ok(sums)
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

    fn nats(&mut self, batch: &[Example]) -> Result<Vec<f64>, ModelError> {
        let device = self.optimizer.weights.device();
        let model = self.module(0).valid();
        let mut nats = Vec::new();
        for piece in self.pieces(batch) {
            nats.extend(model.nats(&Batch::new(piece)?, &device)?);
        }
        Ok(nats)
    }

    fn model(&self) -> Result<Model, ModelError> {
        let trained = self.module(0);
        let decoder = trained.decoder.weights(self.config.clone())?;
        let label = trained.label.map(|head| head.weights()).transpose()?;
        let label =
            label.map(|(weight, bias)| LabelHead { weight, bias: bias.unwrap_or_default() });
        let adapter = self.adapter.as_ref();
        let adapter = adapter.map(|adapter| detach(trained.decoder, adapter)).transpose()?;
        Ok(Model { decoder, label, adapter })
    }
}

/// A batch in pieces of whole examples, of as many texts of the longest's length as fit, but for an example that does not
/// fit by itself.
fn pieces(batch: &[Example], fits: impl Fn(usize, usize) -> bool) -> Vec<&[Example]> {
    let mut pieces = Vec::new();
    let (mut start, mut texts, mut longest) = (0, 0, 0);
    for (index, example) in batch.iter().enumerate() {
        let own = example.texts().count();
        let length = example.texts().map(Vec::len).max().unwrap_or(0);
        if index > start && !fits(texts + own, longest.max(length)) {
            pieces.push(&batch[start..index]);
            (start, texts, longest) = (index, 0, 0);
        }
        texts += own;
        longest = longest.max(length);
    }
    if start < batch.len() {
        pieces.push(&batch[start..]);
    }
    pieces
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_has_whole_examples_and_no_more_than_fit() {
        let of = |length: usize| Example::continuation(vec![3; length], 1);
        let lengths = |most: usize, batch: &[Example]| -> Vec<Vec<usize>> {
            let piece = |piece: &[Example]| piece.iter().map(|one| one.tokens.len()).collect();
            let fits = |texts: usize, longest: usize| texts * longest <= most;
            pieces(batch, fits).into_iter().map(piece).collect()
        };
        let batch = [4, 2, 5, 30, 3, 3, 3].map(of);
        // Two of 4 are 8; a third of 5 would make 15. One that is longer than a piece stands alone.
        assert_eq!(lengths(10, &batch), [vec![4, 2], vec![5], vec![30], vec![3, 3, 3]]);
        assert_eq!(lengths(1_000, &batch), [vec![4, 2, 5, 30, 3, 3, 3]]);
        assert!(pieces(&[], |_, _| true).is_empty());
    }
}
