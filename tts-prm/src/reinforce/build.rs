//! What a run of reinforcement is given, beside its settings: sampler, task, folder, scorers, rewards, a watcher.
//!
//! [`Reinforce::run`] is in `run.rs`, its step in `step.rs`.
//!
//! Source: none; the form of [`tts_models::train::Trainer`].

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use tts_core::task::Math;
use tts_core::{BoxError, Generator, SearchStrategy, StepScorer, Task};
use tts_models::train::Model;
use tts_models::{Backend, LanguageModel};

use super::keep::Keeper;
use super::worth::Said;
use super::{
    GroupNote, Independent, Kept, Measured, Note, Problem, ReinforceConfig, Reward, StepNote,
};

/// How far a run is, after a step.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The step just done.
    pub note: &'a StepNote,
    /// All that was drawn in it, in order.
    pub groups: &'a [GroupNote],
    /// Steps of the whole run.
    pub steps: usize,
    /// The latest measurement on held-out problems.
    pub measured: Option<Measured>,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Reinforced {
    /// The weights after the last step; of one with an adapter the decoder is the one that it began with.
    pub model: Model,
    /// All steps and measurements, those before the last resumption included.
    pub notes: Vec<Note>,
    /// False when the watcher stopped the run before its last step.
    pub complete: bool,
}

pub(super) type Watcher<'a> = Box<dyn FnMut(&Progress<'_>) -> ControlFlow<()> + 'a>;

/// A policy that learns from rewards: see [the module](super) for an example.
pub struct Reinforce<'a, S = Independent> {
    pub(super) config: ReinforceConfig,
    pub(super) sampler: S,
    pub(super) task: Arc<dyn Task>,
    pub(super) folder: Option<PathBuf>,
    pub(super) trains_on: Backend,
    // Of no lifetime of its own, so that what a run is lent may be lent for shorter.
    pub(super) reference: Option<&'a mut (dyn LanguageModel + 'static)>,
    pub(super) scorer: Option<&'a dyn StepScorer>,
    pub(super) roles: BTreeMap<String, &'a dyn Generator>,
    pub(super) scorers: BTreeMap<String, &'a dyn StepScorer>,
    /// Whether the sampler is one that was given, which may choose among what it draws.
    pub(super) chooses: bool,
    pub(super) rewards: Vec<(String, f64, &'a dyn Reward)>,
    pub(super) held_out: Option<&'a [Problem]>,
    pub(super) watch: Option<Watcher<'a>>,
    pub(super) keeper: Option<Keeper<'a>>,
    /// Whether who draws was seen to compute as who learns.
    pub(super) trusted: bool,
    /// What each reward has said until now.
    pub(super) said: BTreeMap<String, Said>,
}

impl<S: std::fmt::Debug> std::fmt::Debug for Reinforce<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reinforce")
            .field("config", &self.config)
            .field("sampler", &self.sampler)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Reinforce<'_> {
    /// A run with these settings, of mathematics, with independent samples.
    pub fn new(config: ReinforceConfig) -> Self {
        let sampler = Independent { n: config.samples };
        Self {
            config,
            sampler,
            task: Arc::new(Math),
            folder: None,
            trains_on: Backend::Native,
            reference: None,
            scorer: None,
            roles: BTreeMap::new(),
            scorers: BTreeMap::new(),
            chooses: false,
            rewards: Vec::new(),
            held_out: None,
            watch: None,
            keeper: None,
            trusted: false,
            said: BTreeMap::new(),
        }
    }
}

impl<'a, S> Reinforce<'a, S> {
    /// Draws by another strategy, in place of [`ReinforceConfig::samples`] independent lines: every solution that
    /// its tree ends with is a sample. What it draws must be drawn at temperature 1 from all tokens, for the
    /// probabilities with which tokens are drawn are taken to be the model's own; a sampling of its own is refused,
    /// unless [`ReinforceConfig::importance`] weights what it drew: by the probability of each token as it was drawn,
    /// at that temperature and after that truncation. Of tokens that a truncation never draws nothing is learnt.
    #[must_use]
    pub fn sampler<T: SearchStrategy + Clone>(self, sampler: T) -> Reinforce<'a, T> {
        let Self {
            config,
            task,
            folder,
            trains_on,
            reference,
            scorer,
            roles,
            scorers,
            rewards,
            held_out,
            watch,
            keeper,
            ..
        } = self;
        Reinforce {
            config,
            sampler,
            task,
            folder,
            trains_on,
            reference,
            scorer,
            roles,
            scorers,
            chooses: true,
            rewards,
            held_out,
            watch,
            keeper,
            trusted: false,
            said: BTreeMap::new(),
        }
    }

    /// What an answer is; mathematics unless said.
    #[must_use]
    pub fn task(mut self, task: Arc<dyn Task>) -> Self {
        self.task = task;
        self
    }

    /// Where weights are learnt: on own kernels on the CPU unless said, or by Burn on an NVIDIA GPU ([`Backend::Cuda`])
    /// or as the reference ([`Backend::Ndarray`]). Who draws on another backend than who learns computes otherwise, and
    /// [`ReinforceConfig::old`] has to be recomputed.
    #[must_use]
    pub fn trains_on(mut self, backend: Backend) -> Self {
        self.trains_on = backend;
        self
    }

    /// Keeps journal, samples and state in `folder`, which is made if need be, and goes on from what is there.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// The model that the policy is held near, where `beta` is above 0. It should hold its weights in f32, or what
    /// it says is not comparable with what the trainer says. A folder is told by its name, too: a run that was held
    /// near another one is not gone on with. With [`ReinforceConfig::refresh`] its weights become the policy's as the
    /// run goes on; without they stay.
    #[must_use]
    pub fn reference(mut self, reference: &'a mut (dyn LanguageModel + 'static)) -> Self {
        self.reference = Some(reference);
        self
    }

    /// Who scores steps, for [`ReinforceConfig::process`], for the reward [`super::ByScorer`], and for samplers that go
    /// by scores.
    #[must_use]
    pub fn scorer(mut self, scorer: &'a dyn StepScorer) -> Self {
        self.scorer = Some(scorer);
        self
    }

    /// Another generator, for samplers that ask for it by name, and for juries ([`super::ByJury`]). What it writes is
    /// read, and not learnt.
    #[must_use]
    pub fn role(mut self, name: impl Into<String>, generator: &'a dyn Generator) -> Self {
        self.roles.insert(name.into(), generator);
        self
    }

    /// A scorer that samplers and juries ask for by name, a judge of judgements say.
    #[must_use]
    pub fn scorer_named(mut self, name: impl Into<String>, scorer: &'a dyn StepScorer) -> Self {
        self.scorers.insert(name.into(), scorer);
        self
    }

    /// One more reward beside those of the settings, with its name and weight.
    #[must_use]
    pub fn reward(mut self, name: impl Into<String>, weight: f64, reward: &'a dyn Reward) -> Self {
        self.rewards.push((name.into(), weight, reward));
        self
    }

    /// Measures on these problems, as [`ReinforceConfig::measure`] says.
    #[must_use]
    pub fn held_out(mut self, problems: &'a [Problem]) -> Self {
        self.held_out = Some(problems);
        self
    }

    /// Calls `watch` after each step; on `Break` the run saves its state and ends.
    #[must_use]
    pub fn watch(mut self, watch: impl FnMut(&Progress<'_>) -> ControlFlow<()> + 'a) -> Self {
        self.watch = Some(Box::new(watch));
        self
    }

    /// Calls `keep` with weights that are to be kept on the way, as [`ReinforceConfig::keep`] says: before the state
    /// behind them is saved, so that a run that was killed hands over what it had not. The same weights may be handed
    /// over again, with the same bits; what stood in their place is to be replaced. An error ends the run, as one of
    /// a step does: what was learnt is saved, and the weights are handed over again where it goes on.
    ///
    /// ```
    /// use tts_prm::reinforce::{Keeping, Reinforce, ReinforceConfig, Why};
    /// let keep = Keeping { every: 100, ..Keeping::default() };
    /// let folder = std::env::temp_dir();
    /// let run = Reinforce::new(ReinforceConfig { keep, ..ReinforceConfig::default() }).keep(|kept| {
    ///     let name = match kept.why {
    ///         Why::Best => "best".to_owned(),
    ///         Why::Chosen => format!("step-{:04}", kept.step),
    ///     };
    ///     let dtype = tts_models::weights::Dtype::F32;
    ///     Ok(kept.model.decoder.save_as(&folder.join(name), dtype, &[])?)
    /// });
    /// # drop(run);
    /// ```
    #[must_use]
    pub fn keep(mut self, keep: impl FnMut(&Kept<'_>) -> Result<(), BoxError> + 'a) -> Self {
        self.keeper = Some(Box::new(keep));
        self
    }
}
