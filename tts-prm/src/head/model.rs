//! Reward models that bring their own backbone: a Hugging Face folder, or a GGUF file.
//!
//! The backbone runs on any backend of `tts-models`; the head is read from the same safetensors, or is
//! two rows of the output head. The generator's token ids mean nothing here, so the prompt is rendered
//! by this model's own template, or as its [`crate::Format`] says, and the text of each step encoded
//! by its own tokenizer, step by step.

use tts_core::cost::ModelCost;
use tts_core::{BoxError, Scale, Scored, StepScorer, Trajectory};
use tts_models::{Backend, Checkpoint, EngineConfig, Files, LanguageModel, TextSide};

use crate::PrmError;
use crate::head::{HeadConfig, Judge, Kind, Layout, RewardHead};

/// A process or outcome reward model with a backbone of its own.
pub struct RewardModel {
    model: Box<dyn LanguageModel>,
    head: RewardHead,
    layout: Layout,
    kind: Kind,
}

impl std::fmt::Debug for RewardModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RewardModel")
            .field("head", &self.head.path())
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl RewardModel {
    /// Opens a process reward model: every step is judged, as by [`crate::ProcessHead`]. `files` are
    /// what [`tts_models::open`] opens; `head.json` is looked for in the folder of a file.
    ///
    /// # Errors
    /// When the model cannot be opened ([`tts_models::open`]), its head is missing or does not
    /// fit ([`RewardHead::from_checkpoint`]), or its configuration or chat template does not fit
    /// ([`HeadConfig`]).
    pub fn process(
        files: impl Into<Files>,
        backend: Backend,
        engine: EngineConfig,
    ) -> Result<Self, PrmError> {
        Self::open(files.into(), backend, engine, Kind::Process)
    }

    /// Opens an outcome reward model: finished solutions are judged, as by
    /// [`crate::OutcomeHead`].
    ///
    /// # Errors
    /// As [`RewardModel::process`].
    pub fn outcome(
        files: impl Into<Files>,
        backend: Backend,
        engine: EngineConfig,
    ) -> Result<Self, PrmError> {
        Self::open(files.into(), backend, engine, Kind::Outcome)
    }

    fn open(
        files: Files,
        backend: Backend,
        engine: EngineConfig,
        kind: Kind,
    ) -> Result<Self, PrmError> {
        // The head first: it fails fast.
        let checkpoint = Checkpoint::open(&files)?;
        let config = HeadConfig::beside(checkpoint.folder())?;
        let head = RewardHead::from_checkpoint(&checkpoint, config)?;
        head.check_width(checkpoint.config().hidden_size)?;
        let model = tts_models::open(files, backend, engine)?;
        let text = || TextSide::open(&checkpoint);
        let layout = Layout::of_model(checkpoint.folder(), text, model.tokenizer(), &head, kind)?;
        Ok(Self { model, head, layout, kind })
    }

    /// The head.
    pub fn head(&self) -> &RewardHead {
        &self.head
    }

    /// The model behind it.
    pub fn model(&self) -> &dyn LanguageModel {
        &*self.model
    }
}

impl StepScorer for RewardModel {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let judge = Judge {
            backbone: &*self.model,
            head: &self.head,
            layout: &self.layout,
            tokenizer: Some(self.model.tokenizer()),
            kind: self.kind,
        };
        Ok(judge.score(batch)?)
    }

    fn cost(&self) -> ModelCost {
        self.model.backbone_cost()
    }

    fn scale(&self) -> Scale {
        self.kind.scale(self.head.config())
    }

    fn identity(&self) -> Option<String> {
        let model = self.model.identity()?;
        Some(format!("{model}, head {:016x}", self.head.digest()))
    }
}
