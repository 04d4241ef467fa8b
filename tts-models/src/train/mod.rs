//! Training of decoders and label heads: on own kernels, or on any Burn backend (feature `burn`).
//!
//! A [`Model`] is a decoder's weights, with or without a head that gives probabilities; a
//! [`Dataset`] gives [`Example`]s, token ids with targets; a [`Trainer`] runs `AdamW` with warm-up,
//! cosine decay and clipping over them. Language models, outcome, process and implicit reward models, and policies
//! that learn from rewards are the same run with other targets.
//!
//! ```
//! use tts_models::train::{Example, Model, TrainConfig, Trainer};
//! # use tts_models::{DecoderWeights, testing::tiny_config};
//! # let config = tiny_config("llama");
//! let model = Model::from(DecoderWeights::initial(config, 1)?);
//! // To count: after 3 comes 4.
//! let data = vec![Example::continuation(vec![3, 4, 5, 6, 7], 1)];
//! let settings = TrainConfig { steps: 3, warmup: 1, ..TrainConfig::default() };
//! let trained = Trainer::new(settings).train(model, &data)?;
//! assert!(trained.history.updates[2].loss < trained.history.updates[0].loss);
//! # Ok::<(), tts_models::ModelError>(())
//! ```
//!
//! [`Trainer::train`] runs own kernels on the processors of the machine, or Burn where [`Trainer::backend`] says so: on a
//! GPU, or as the reference; [`Trainer::train_on`] any Burn backend. On own kernels the same
//! seed and data give the same weights, bit for bit, on any number of threads (of the same kind of processor, for
//! training in BF16), also when the run was stopped and went on from a checkpoint: see [`Trainer`]. Burn chooses its
//! kernels on a GPU by timing them, and these may multiply f32 numbers in TF32: no bits are promised there.

mod adapter;
mod backend;
mod bar;
mod burn_adapter;
mod burn_learner;
mod checkpoint;
mod config;
mod example;
mod flat;
mod history;
mod learner;
mod native;
mod online;
mod order;
mod policy;
mod trainee;

use std::ops::ControlFlow;
use std::path::PathBuf;

pub use adapter::{Adapter, AdapterConfig, Factors, Site};
pub use bar::Bar;
pub use config::{Precision, TrainConfig};
pub use example::{Conjunction, Contest, Dataset, Example, Goal, SequenceGoal, Target};
pub use history::{HeldOut, History, Update};
pub use online::Online;
pub use policy::{Clipping, PolicyFigures, PolicyGoal, Ratio};

use crate::{Backend, DecoderWeights, ModelError};
use checkpoint::State;
use learner::Learner;
use order::Order;

/// A linear layer from a hidden row to the log-odds of labels, or the logits of classes.
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

    /// A head of so many classes, equally probable everywhere: for [`Goal::Class`].
    pub fn of_classes(classes: usize, hidden_size: usize) -> Self {
        Self { weight: vec![0.0; classes * hidden_size], bias: vec![0.0; classes] }
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
    /// Gives probabilities at a position; what [`Goal::Probability`] and [`Goal::Class`] train.
    pub label: Option<LabelHead>,
    /// What learns in the decoder's place, with the label head; `None` to learn all weights.
    pub adapter: Option<Adapter>,
}

impl From<DecoderWeights> for Model {
    /// A language model all of whose weights learn.
    fn from(decoder: DecoderWeights) -> Self {
        Self { decoder, label: None, adapter: None }
    }
}

impl Model {
    /// # Errors
    /// Naming the first tensor whose size is not that of the config.
    fn check(&self) -> Result<(), ModelError> {
        let shape = &self.decoder.config;
        shape.refuse_unwritten("training")?;
        let wrong = |name: String, found: usize, expected: &[usize]| {
            Err(ModelError::input(name, format!("{found} values, expected {expected:?}")))
        };
        if self.decoder.layers.len() != shape.num_hidden_layers {
            let problem =
                format!("{}, expected {}", self.decoder.layers.len(), shape.num_hidden_layers);
            return Err(ModelError::input("layers", problem));
        }
        for tensor in self.decoder.tensors() {
            if tensor.values.len() != tensor.shape.iter().product::<usize>() {
                return wrong(tensor.name, tensor.values.len(), &tensor.shape);
            }
        }
        if let Some(adapter) = &self.adapter {
            adapter.check(shape)?;
        }
        match &self.label {
            Some(LabelHead { weight, bias }) if weight.len() != bias.len() * shape.hidden_size => {
                wrong("label".to_owned(), weight.len(), &[bias.len(), shape.hidden_size])
            }
            _ => Ok(()),
        }
    }
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
    backend: Backend,
    folder: Option<PathBuf>,
    held_out: Option<&'a dyn Dataset>,
    watch: Option<Watcher<'a>>,
}

impl std::fmt::Debug for Trainer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer")
            .field("config", &self.config)
            .field("backend", &self.backend)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl<'a> Trainer<'a> {
    /// A trainer without checkpoints and held-out examples.
    pub fn new(config: TrainConfig) -> Self {
        Self { config, backend: Backend::Native, folder: None, held_out: None, watch: None }
    }

    /// Trains on this backend: own kernels on the CPU ([`Backend::Native`], unless said otherwise), or Burn on an NVIDIA
    /// GPU ([`Backend::Cuda`], with the feature `cuda`) or as the reference ([`Backend::Ndarray`]), whose type of
    /// numbers and threads are its own.
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
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

    /// Trains `model` on `data`, on the processors of the machine unless [`Trainer::backend`] names another place.
    ///
    /// # Errors
    /// When settings or examples are wrong, there are no examples, the backend is not there, a loss or gradient is not
    /// finite, or a checkpoint cannot be read or written. The last checkpoint stays.
    pub fn train(self, model: Model, data: &dyn Dataset) -> Result<Trained, ModelError> {
        self.check(&model, data)?;
        let digest = digest(&backend::kind(self.backend), &self.config, &model, data);
        let learner = backend::open(self.backend, &self.config, model)?;
        self.run(learner, data, digest)
    }

    /// [`Trainer::train`] on a device of any Burn backend, in its own float type: a GPU, or the
    /// reference for the native one. [`TrainConfig::precision`] and [`TrainConfig::threads`] are
    /// the backend's then.
    ///
    /// # Errors
    /// As [`Trainer::train`].
    #[cfg(feature = "burn")]
    pub fn train_on<B: burn::tensor::backend::Backend>(
        self,
        model: Model,
        data: &dyn Dataset,
        device: &B::Device,
    ) -> Result<Trained, ModelError> {
        self.check(&model, data)?;
        let digest = digest("burn", &self.config, &model, data);
        let learner = burn_learner::BurnLearner::<B>::new(&self.config, model, device)?;
        self.run(Box::new(learner), data, digest)
    }

    fn run(
        mut self,
        mut learner: Box<dyn Learner>,
        data: &dyn Dataset,
        digest: u64,
    ) -> Result<Trained, ModelError> {
        let saved = match &self.folder {
            Some(folder) => State::load(folder, digest, learner.count())?,
            None => None,
        };
        let (mut step, mut history) = (0, History::default());
        if let Some(State { step: done, vectors, history: past }) = saved {
            (step, history) = (done, past);
            learner.restore(vectors, step);
        }
        let mut order = Order::new(data.len(), self.config.batch, self.config.seed);
        let mut complete = true;
        while step < self.config.steps {
            let batch: Vec<Example> =
                order.batch(data, step).iter().map(|&index| data.example(index)).collect();
            let update = update(&self.config, &mut *learner, &batch, &history)?;
            step = update.step;
            history.updates.push(update);
            let last = step == self.config.steps;
            if let Some(held_out) = self.held_out
                && (last || due(step, self.config.evaluate_every))
            {
                let loss = self.mean_loss(&mut *learner, held_out)?;
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
                let vectors = learner.vectors()?;
                let state = State { step, vectors, history: history.clone() };
                state.save(folder, digest)?;
            }
            if stop && !last {
                complete = false;
                break;
            }
        }
        Ok(Trained { model: learner.model()?, history, complete })
    }

    /// Weighted mean of the losses of all targets of `data`, in nats.
    fn mean_loss(&self, learner: &mut dyn Learner, data: &dyn Dataset) -> Result<f64, ModelError> {
        let (mut loss, mut weight) = (0.0, 0.0);
        let all: Vec<usize> = (0..data.len()).collect();
        for batch in all.chunks(self.config.batch) {
            let batch: Vec<Example> = batch.iter().map(|&index| data.example(index)).collect();
            let sums = learner.sums(&batch, false)?;
            loss += sums.loss;
            weight += sums.weight;
        }
        Ok(loss / weight)
    }

    fn check(&self, model: &Model, data: &dyn Dataset) -> Result<(), ModelError> {
        self.config.check()?;
        model.check()?;
        let shape = &model.decoder.config;
        let (layers, frozen) = (shape.num_hidden_layers, self.config.frozen_layers);
        if frozen > layers {
            let problem = format!("{frozen}, expected at most {layers}");
            return Err(ModelError::input("frozen_layers", problem));
        }
        for (name, data) in [Some(("data", data)), self.held_out.map(|data| ("held out", data))]
            .into_iter()
            .flatten()
        {
            if data.is_empty() {
                return Err(ModelError::input(name, "no examples, expected at least one"));
            }
            let labels = model.label.as_ref().map_or(0, |head| head.bias.len());
            let mut weight = 0.0;
            for index in 0..data.len() {
                let example = data.example(index);
                example.check(index, shape, labels)?;
                weight += example.weight();
            }
            if weight <= 0.0 {
                return Err(ModelError::input(name, "no targets, expected at least one"));
            }
        }
        Ok(())
    }
}

/// One update of a learner; the weights have not changed when it fails.
fn update(
    config: &TrainConfig,
    learner: &mut dyn Learner,
    batch: &[Example],
    history: &History,
) -> Result<Update, ModelError> {
    let past = history.updates.last();
    let step = past.map_or(0, |update| update.step) + 1;
    let wrong = |what: &str, value: f64| ModelError::Training {
        step,
        problem: format!("the {what} is {value}: try a smaller learning rate or longer warm-up"),
    };
    let sums = learner.sums(batch, true)?;
    if sums.weight <= 0.0 {
        let problem = "the examples of this update have no targets with weight".to_owned();
        return Err(ModelError::Training { step, problem });
    }
    let loss = sums.loss / sums.weight;
    if !loss.is_finite() {
        return Err(wrong("loss", loss));
    }
    let rate = config.rate(step - 1);
    let gradient_norm = learner.step(config, sums.weight);
    if !gradient_norm.is_finite() {
        return Err(wrong("gradient's norm", gradient_norm));
    }
    let tokens = past.map_or(0, |update| update.tokens) + sums.tokens as u64;
    let policy = (sums.policy.tokens > 0).then_some(sums.policy);
    Ok(Update { step, tokens, loss, rate, gradient_norm, policy })
}

fn due(step: usize, every: usize) -> bool {
    every > 0 && step.is_multiple_of(every)
}

/// Tells runs apart: settings, shape and beginnings of the weights, and up to a thousand examples.
fn digest(kind: &str, config: &TrainConfig, model: &Model, data: &dyn Dataset) -> u64 {
    use std::fmt::Write as _;
    // The number of threads changes nothing.
    let config = TrainConfig { threads: 0, ..config.clone() };
    // Writing to a text cannot fail.
    let mut text = format!("{kind} {config:?} {:?} {:?}", model.decoder.config, model.label);
    if let Some(adapter) = &model.adapter {
        let _ = write!(text, "{:?} {:?}", adapter.config, adapter.layers.first());
    }
    for tensor in model.decoder.tensors() {
        let _ = write!(text, "{} {:?}", tensor.name, &tensor.values[..tensor.values.len().min(8)]);
    }
    let stride = data.len().div_ceil(1_000).max(1);
    let _ = write!(text, "{} examples", data.len());
    for index in (0..data.len()).step_by(stride) {
        let _ = write!(text, "{:?}", data.example(index));
    }
    tts_core::seed::hash_text(0, &text)
}
