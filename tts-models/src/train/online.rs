//! Training from the outside, update by update: for loops that make their own examples as they go.
//!
//! A [`super::Trainer`] has all of its examples before it begins. A policy that learns from what it writes has not:
//! it samples, learns, and samples anew. [`Online`] is the same learner, one batch at a time; it tells
//! log-probabilities by its own arithmetic, so that what was drawn a moment ago has ratios of 1; and it is saved and
//! opened to the same bits.
//!
//! ```
//! use tts_models::DecoderWeights;
//! use tts_models::train::{Example, Model, Online, PolicyGoal, TrainConfig};
//! # let config = tts_models::testing::tiny_config("llama");
//! let model = Model::from(DecoderWeights::initial(config, 1)?);
//! let settings = TrainConfig { steps: 20, warmup: 0, weight_decay: 0.0, ..TrainConfig::default() };
//! let mut online = Online::new(settings, model)?;
//! // Behind token 3, token 7 came out well and token 8 badly.
//! let before = online.logprobs(&[(&[3, 7], 1), (&[3, 8], 1)])?;
//! for _ in 0..5 {
//!     let old = online.logprobs(&[(&[3, 7], 1), (&[3, 8], 1)])?;
//!     let drawn = |token, advantage, old: &Vec<f32>| {
//!         let goal =
//!             PolicyGoal { advantage: vec![advantage], old: old.clone(), ..PolicyGoal::default() };
//!         Example::drawn(vec![3, token], goal)
//!     };
//!     online.update(&[drawn(7, 1.0, &old[0]), drawn(8, -1.0, &old[1])])?;
//! }
//! let after = online.logprobs(&[(&[3, 7], 1), (&[3, 8], 1)])?;
//! assert!(after[0][0] > before[0][0] && after[1][0] < before[1][0]);
//! # Ok::<(), tts_models::ModelError>(())
//! ```
//!
//! Source: none; what the loops of Shao et al. 2024 (arXiv 2402.03300) and others need of a trainer.

use std::path::Path;

use super::checkpoint::State;
use super::learner::Learner;
use super::{Example, History, Model, TrainConfig, Update, backend, digest, update};
use crate::{Backend, ModelConfig, ModelError};

/// A model that learns whatever it is given.
#[derive(Debug)]
pub struct Online {
    config: TrainConfig,
    shape: ModelConfig,
    /// Labels of its head.
    labels: usize,
    learner: Box<dyn Learner>,
    history: History,
    digest: u64,
}

impl Online {
    /// A model before its first update, on the processors of the machine. [`TrainConfig::steps`] says over how many
    /// updates the learning rate falls, and does not end anything; batch and the places of measurements and
    /// checkpoints mean nothing here.
    ///
    /// # Errors
    /// When settings or model are wrong.
    pub fn new(config: TrainConfig, model: Model) -> Result<Self, ModelError> {
        Self::on(Backend::Native, config, model)
    }

    /// [`Online::new`] on another backend: Burn on an NVIDIA GPU ([`Backend::Cuda`], with the feature `cuda`), or as the
    /// reference ([`Backend::Ndarray`]), whose type of numbers and threads are its own. Results are those of own
    /// kernels up to rounding, which on a GPU may be that of products in TF32: what was drawn a moment ago has ratios
    /// near 1 there, and not 1.
    ///
    /// # Errors
    /// When settings or model are wrong, or the backend is not there or trains nothing.
    pub fn on(backend: Backend, config: TrainConfig, model: Model) -> Result<Self, ModelError> {
        config.check()?;
        model.check()?;
        let shape = model.decoder.config.clone();
        if config.frozen_layers > shape.num_hidden_layers {
            let (frozen, layers) = (config.frozen_layers, shape.num_hidden_layers);
            let problem = format!("{frozen}, expected at most {layers}");
            return Err(ModelError::input("frozen_layers", problem));
        }
        let kind = match backend {
            Backend::Native => "online".to_owned(),
            _ => format!("online {}", backend::kind(backend)),
        };
        let digest = digest(&kind, &config, &model, &Vec::new());
        let labels = model.label.as_ref().map_or(0, |head| head.bias.len());
        let learner = backend::open(backend, &config, model)?;
        Ok(Self { config, shape, labels, learner, history: History::default(), digest })
    }

    /// The model where [`Online::save`] left it in `folder`, or as it is where nothing is there.
    ///
    /// # Errors
    /// When what is there cannot be read, or belongs to other settings, another model or another backend.
    ///
    /// ```
    /// use tts_models::train::{Model, Online, TrainConfig};
    /// use tts_models::{Backend, DecoderWeights};
    /// # let config = tts_models::testing::tiny_config("llama");
    /// # let folder = std::env::temp_dir().join("none-there");
    /// let model = Model::from(DecoderWeights::initial(config, 1)?);
    /// let online = Online::on(Backend::Ndarray, TrainConfig::default(), model)?.resume(&folder)?;
    /// assert_eq!(online.steps(), 0);
    /// # Ok::<(), tts_models::ModelError>(())
    /// ```
    pub fn resume(mut self, folder: &Path) -> Result<Self, ModelError> {
        let saved = State::load(folder, self.digest, self.learner.count())?;
        if let Some(State { step, vectors, history }) = saved {
            self.learner.restore(vectors, step);
            self.history = history;
        }
        Ok(self)
    }

    /// Keeps weights, moments and history in `folder`, which is made if need be. What was there before stays until
    /// all is written.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), ModelError> {
        let vectors = self.learner.vectors()?;
        let state = State { step: self.steps(), vectors, history: self.history.clone() };
        state.save(folder, self.digest)
    }

    /// One update: the gradient of these examples, and one step along it.
    ///
    /// # Errors
    /// When an example does not fit the model, none has a target with weight, or loss or gradient are not finite;
    /// the weights have not changed then.
    pub fn update(&mut self, batch: &[Example]) -> Result<Update, ModelError> {
        for (index, example) in batch.iter().enumerate() {
            example.check(index, &self.shape, self.labels)?;
        }
        let update = update(&self.config, &mut *self.learner, batch, &self.history)?;
        self.history.updates.push(update);
        Ok(update)
    }

    /// The log-probabilities, in nats, of the tokens of each text from the given index on, at least 1, by the
    /// arithmetic of the updates.
    ///
    /// # Errors
    /// When a text is empty or longer than the model's positions, a token is none of the model's, or an index is 0
    /// or beyond the text.
    pub fn logprobs(&mut self, texts: &[(&[u32], usize)]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut examples = Vec::with_capacity(texts.len());
        for (index, &(tokens, first)) in texts.iter().enumerate() {
            if first == 0 || first > tokens.len() {
                let problem =
                    format!("tokens from {first} of {}, expected 1 or more", tokens.len());
                return Err(ModelError::input(format!("text {index}"), problem));
            }
            let example = Example::continuation(tokens.to_vec(), first);
            example.check(index, &self.shape, self.labels)?;
            examples.push(example);
        }
        let nats = self.learner.nats(&examples)?;
        let mut left = nats.as_slice();
        let own = |example: &Example| {
            let (own, rest) = left.split_at(example.targets.len());
            left = rest;
            #[expect(clippy::cast_possible_truncation, reason = "log-probabilities are f32")]
            let own = own.iter().map(|nats| -nats as f32).collect();
            own
        };
        Ok(examples.iter().map(own).collect())
    }

    /// The model as it is. Of one with an adapter the decoder is the one that it began with, until the adapter is
    /// merged into it ([`super::Adapter::merge`]).
    ///
    /// # Errors
    /// When a device does not give its weights back.
    pub fn model(&self) -> Result<Model, ModelError> {
        self.learner.model()
    }

    /// Updates done.
    pub fn steps(&self) -> usize {
        self.history.updates.last().map_or(0, |update| update.step)
    }

    /// All updates.
    pub fn history(&self) -> &History {
        &self.history
    }
}
