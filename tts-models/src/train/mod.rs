//! Training of decoders and label heads on Burn's autodiff.
//!
//! A [`Model`] is a decoder's weights, with or without a head that gives probabilities; a
//! [`Dataset`] gives [`Example`]s, token ids with targets; a [`Trainer`] runs `AdamW` with warm-up,
//! cosine decay and clipping over them. Language models, outcome and process reward models are the
//! same run with other targets.
//!
//! ```
//! use tts_models::train::{Example, Model, TrainConfig, Trainer};
//! # use tts_models::{DecoderWeights, testing::tiny_config};
//! # let config = tiny_config("llama");
//! let model = Model { decoder: DecoderWeights::initial(config, 1)?, label: None };
//! // To count: after 3 comes 4.
//! let data = vec![Example::continuation(vec![3, 4, 5, 6, 7], 1)];
//! let settings = TrainConfig { steps: 3, warmup: 1, ..TrainConfig::default() };
//! let trained = Trainer::new(settings).train(model, &data)?;
//! assert!(trained.history.updates[2].loss < trained.history.updates[0].loss);
//! # Ok::<(), tts_models::ModelError>(())
//! ```
//!
//! The same seed, data and number of parts give the same weights, bit for bit, on the same kind of
//! processor, also when the run was stopped and went on from a checkpoint: see [`Trainer`].

mod bar;
mod checkpoint;
mod config;
mod example;
mod flat;
mod history;
mod order;
mod trainee;
mod update;

use std::ops::ControlFlow;
use std::path::PathBuf;

use burn::backend::Autodiff;
use burn::backend::ndarray::NdArrayDevice;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

pub use bar::Bar;
pub use config::TrainConfig;
pub use example::{Dataset, Example, Goal, Target};
pub use history::{HeldOut, History, Update};

use crate::backend::Cpu;
use crate::transformer::{Decoder, Projection};
use crate::{DecoderWeights, ModelError};
use checkpoint::State;
use flat::{flatten, matrices, unflatten};
use order::Order;
use trainee::Trainee;
use update::{Frozen, Optimizer, sums};

/// A linear layer from a hidden row to the log-odds of labels.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelHead {
    /// `[labels, hidden_size]`.
    pub weight: Vec<f32>,
    /// `[labels]`, added to the products.
    pub bias: Vec<f32>,
}

impl LabelHead {
    /// A head of one label that gives probability one half to everything.
    pub fn zero(hidden_size: usize) -> Self {
        Self { weight: vec![0.0; hidden_size], bias: vec![0.0] }
    }

    /// A head with a label for each token, whose log-odds are at first the decoder's logits of the
    /// next token.
    ///
    /// What it learns is whether a token is right where it stands: the logit of a token read as the
    /// value of writing it, as in Rafailov et al. 2024 (arXiv:2404.12358), section 4.1. A decoder
    /// that knows what comes next need not learn to compare this with what came.
    pub fn of_tokens(decoder: &DecoderWeights) -> Self {
        let weight = decoder.head.as_ref().unwrap_or(&decoder.embedding).clone();
        Self { weight, bias: vec![0.0; decoder.config.vocab_size] }
    }
}

/// What is trained: a decoder, with or without a label head.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The decoder.
    pub decoder: DecoderWeights,
    /// Gives probabilities at a position; what [`Goal::Probability`] trains.
    pub label: Option<LabelHead>,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The weights after the last update.
    pub model: Model,
    /// All updates, those before the last resumption included.
    pub history: History,
    /// False when the watcher stopped the run before its last update.
    pub complete: bool,
}

/// How far a run is, after an update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The update just done.
    pub update: Update,
    /// Updates of the whole run.
    pub steps: usize,
    /// The latest measurement on held-out examples.
    pub held_out: Option<HeldOut>,
}

type Watcher<'a> = Box<dyn FnMut(&Progress) -> ControlFlow<()> + 'a>;

/// Runs a training.
///
/// With [`Trainer::checkpoints`] the state is kept in a file every few updates, and a run that
/// finds one goes on from it; one that finds a complete one only returns what it holds. A loss or
/// gradient that is not finite ends the run with an error before it touches the weights.
pub struct Trainer<'a> {
    config: TrainConfig,
    folder: Option<PathBuf>,
    held_out: Option<&'a dyn Dataset>,
    watch: Option<Watcher<'a>>,
}

impl std::fmt::Debug for Trainer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer")
            .field("config", &self.config)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl<'a> Trainer<'a> {
    /// A trainer without checkpoints and held-out examples.
    pub fn new(config: TrainConfig) -> Self {
        Self { config, folder: None, held_out: None, watch: None }
    }

    /// Keeps checkpoints in `folder`, which is made if need be, and goes on from one that is there.
    #[must_use]
    pub fn checkpoints(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Measures the loss on these examples every [`TrainConfig::evaluate_every`] updates.
    #[must_use]
    pub fn held_out(mut self, data: &'a dyn Dataset) -> Self {
        self.held_out = Some(data);
        self
    }

    /// Calls `watch` after each update; on `Break` the run keeps a checkpoint and ends.
    /// [`Bar`] shows a progress bar.
    #[must_use]
    pub fn watch(mut self, watch: impl FnMut(&Progress) -> ControlFlow<()> + 'a) -> Self {
        self.watch = Some(Box::new(watch));
        self
    }

    /// Trains `model` on `data` on the CPU, in f32.
    ///
    /// # Errors
    /// When settings or examples are wrong, there are no examples, a loss or gradient is not
    /// finite, or a checkpoint cannot be read or written. The last checkpoint stays.
    pub fn train(self, model: Model, data: &dyn Dataset) -> Result<Trained, ModelError> {
        self.train_on::<Cpu>(model, data, &NdArrayDevice::default())
    }

    /// [`Trainer::train`] on a device of any Burn backend.
    ///
    /// # Errors
    /// As [`Trainer::train`].
    pub fn train_on<B: Backend>(
        mut self,
        model: Model,
        data: &dyn Dataset,
        device: &B::Device,
    ) -> Result<Trained, ModelError> {
        self.config.check()?;
        self.check(&model, data)?;
        let shape = model.decoder.config.clone();
        let digest = digest(&self.config, &model, data);
        let frozen = Frozen(frozen(&model.decoder, self.config.frozen_layers)?);
        let template = trainee::<Autodiff<B>>(model, device)?;
        let weights = flatten(&template).inner(); // [n]
        let count = weights.dims()[0];
        let decays = matrices(&template, frozen.0).inner(); // [n]
        let saved = match &self.folder {
            Some(folder) => State::load(folder, digest, count)?,
            None => None,
        };
        let (mut step, mut history) = (0, History::default());
        let mut optimizer = if let Some(State { step: done, vectors, history: past }) = saved {
            (step, history) = (done, past);
            let [weights, first, second] = vectors.map(|vector| {
                Tensor::from_data(TensorData::new(vector, [count]), device) // [n]
            });
            Optimizer::new(&self.config, weights, [first, second], decays, step)
        } else {
            let zeros = Tensor::zeros([count], device); // [n]
            Optimizer::new(&self.config, weights, [zeros.clone(), zeros], decays, 0)
        };
        let mut order = Order::new(data.len(), self.config.batch, self.config.seed);
        let mut complete = true;
        while step < self.config.steps {
            let batch: Vec<Example> =
                order.batch(data, step).iter().map(|&index| data.example(index)).collect();
            let update = self.update(&template, frozen, &mut optimizer, &batch, &history)?;
            step = update.step;
            history.updates.push(update);
            let last = step == self.config.steps;
            if let Some(held_out) = self.held_out
                && (last || due(step, self.config.evaluate_every))
            {
                let loss = self.mean_loss(&template, &optimizer.weights, held_out)?;
                history.held_out.push(HeldOut { step, loss });
            }
            let progress = Progress {
                update,
                steps: self.config.steps,
                held_out: history.held_out.last().copied(),
            };
            let stop = self.watch.as_mut().is_some_and(|watch| watch(&progress).is_break());
            if let Some(folder) = &self.folder
                && (last || stop || due(step, self.config.checkpoint_every))
            {
                let vectors = optimizer.vectors()?;
                let state = State { step, vectors, history: history.clone() };
                state.save(folder, digest)?;
            }
            if stop && !last {
                complete = false;
                break;
            }
        }
        let trained = unflatten::<Autodiff<B>, _>(template, &optimizer.weights, 0);
        let decoder = trained.decoder.weights(shape)?;
        let label = trained.label.map(|head| head.weights()).transpose()?;
        let label =
            label.map(|(weight, bias)| LabelHead { weight, bias: bias.unwrap_or_default() });
        Ok(Trained { model: Model { decoder, label }, history, complete })
    }

    fn update<B: Backend>(
        &self,
        template: &Trainee<Autodiff<B>>,
        frozen: Frozen,
        optimizer: &mut Optimizer<B>,
        batch: &[Example],
        history: &History,
    ) -> Result<Update, ModelError> {
        let past = history.updates.last();
        let step = past.map_or(0, |update| update.step) + 1;
        let wrong = |what: &str, value: f64| ModelError::Training {
            step,
            problem: format!(
                "the {what} is {value}: try a smaller learning rate or longer warm-up"
            ),
        };
        let sums = sums(template, &optimizer.weights, batch, self.config.parts, Some(frozen))?;
        let loss = sums.loss / sums.weight;
        let Some(gradient) = sums.gradient.filter(|_| sums.weight > 0.0) else {
            let problem = "the examples of this update have no targets with weight".to_owned();
            return Err(ModelError::Training { step, problem });
        };
        if !loss.is_finite() {
            return Err(wrong("loss", loss));
        }
        let rate = self.config.rate(step - 1);
        let gradient_norm = optimizer.step(&self.config, gradient.div_scalar(sums.weight));
        if !gradient_norm.is_finite() {
            return Err(wrong("gradient's norm", gradient_norm));
        }
        let tokens = past.map_or(0, |update| update.tokens) + sums.tokens as u64;
        Ok(Update { step, tokens, loss, rate, gradient_norm })
    }

    /// Weighted mean of the losses of all targets of `data`, in nats.
    fn mean_loss<B: Backend>(
        &self,
        template: &Trainee<Autodiff<B>>,
        weights: &Tensor<B, 1>,
        data: &dyn Dataset,
    ) -> Result<f64, ModelError> {
        let (mut loss, mut weight) = (0.0, 0.0);
        let all: Vec<usize> = (0..data.len()).collect();
        for batch in all.chunks(self.config.batch) {
            let batch: Vec<Example> = batch.iter().map(|&index| data.example(index)).collect();
            let sums = sums(template, weights, &batch, self.config.parts, None)?;
            loss += sums.loss;
            weight += sums.weight;
        }
        Ok(loss / weight)
    }

    fn check(&self, model: &Model, data: &dyn Dataset) -> Result<(), ModelError> {
        let shape = &model.decoder.config;
        for (name, data) in [Some(("data", data)), self.held_out.map(|data| ("held out", data))]
            .into_iter()
            .flatten()
        {
            if data.is_empty() {
                return Err(ModelError::input(name, "no examples, expected at least one"));
            }
            let (vocab, positions) = (shape.vocab_size, shape.max_position_embeddings);
            let labels = model.label.as_ref().map_or(0, |head| head.bias.len());
            let mut weight = 0.0;
            for index in 0..data.len() {
                let example = data.example(index);
                example.check(index, vocab, positions, labels)?;
                weight += example.targets.iter().map(|t| f64::from(t.weight)).sum::<f64>();
            }
            if weight <= 0.0 {
                return Err(ModelError::input(name, "no targets, expected at least one"));
            }
        }
        Ok(())
    }
}

fn due(step: usize, every: usize) -> bool {
    every > 0 && step.is_multiple_of(every)
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
fn frozen(decoder: &DecoderWeights, layers: usize) -> Result<usize, ModelError> {
    if layers > decoder.layers.len() {
        let problem = format!("{layers}, expected at most {}", decoder.layers.len());
        return Err(ModelError::input("frozen_layers", problem));
    }
    let learnt = |name: &str| {
        let layer = name.strip_prefix("model.layers.").and_then(|rest| rest.split('.').next());
        let layer: Option<usize> = layer.and_then(|layer| layer.parse().ok());
        layer.is_some_and(|layer| layer >= layers)
    };
    // The embedding comes first, then the layers, as in the module.
    let tensors = decoder.tensors();
    let below = tensors.iter().take_while(|tensor| layers > 0 && !learnt(&tensor.name));
    let norm = |name: &str| name == "model.norm.weight" || name == "lm_head.weight";
    Ok(below.filter(|tensor| !norm(&tensor.name)).map(|tensor| tensor.values.len()).sum())
}

/// Tells runs apart: settings, shape and beginnings of the weights, and up to a thousand examples.
fn digest(config: &TrainConfig, model: &Model, data: &dyn Dataset) -> u64 {
    use std::fmt::Write as _;
    // Writing to a text cannot fail.
    let mut text = format!("{config:?} {:?} {:?}", model.decoder.config, model.label);
    for tensor in model.decoder.tensors() {
        let _ = write!(text, "{} {:?}", tensor.name, &tensor.values[..tensor.values.len().min(8)]);
    }
    let stride = data.len().div_ceil(1_000).max(1);
    let _ = write!(text, "{} examples", data.len());
    for index in (0..data.len()).step_by(stride) {
        let _ = write!(text, "{:?}", data.example(index));
    }
    tts_core::seed::root(0, &text)
}
