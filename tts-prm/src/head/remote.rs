//! Reward models on servers, by the same formats, layouts and scales as those in this program.
//!
//! The server gives the logits of labels, or the log-probabilities of the two tokens of a judge
//! ([`RemoteRewards`]); the head makes nothing more of them. Where steps are judged and what stands around them
//! is decided by the configuration that lies with the model's tokenizer, as for a model of one's own.

use std::path::Path;

use tts_core::cost::ModelCost;
use tts_core::{BoxError, Scale, Scored, StepScorer, Trajectory};
use tts_models::remote::{Reads, RemoteConfig, RemoteRewards};
use tts_models::{Backbone, Files, TextSide};

use super::contrast;
use super::network::Linear;
use crate::PrmError;
use crate::head::{HeadConfig, Judge, Kind, Layout, RewardHead};

/// A process or outcome reward model on servers.
#[derive(Debug)]
pub struct RemoteRewardModel {
    rewards: RemoteRewards,
    head: RewardHead,
    layout: Layout,
    kind: Kind,
}

impl RemoteRewardModel {
    /// Connects to a process reward model: every step is judged. [`RemoteConfig::text`] names the folder of its
    /// tokenizer, with the `config.json` or `head.json` that says what it is.
    ///
    /// # Errors
    /// When the folder is missing or damaged, the configuration does not fit, or the server cannot be used or
    /// does not judge in this way.
    pub fn process(config: RemoteConfig) -> Result<Self, PrmError> {
        Self::open(config, Kind::Process)
    }

    /// Connects to an outcome reward model: finished solutions are judged.
    ///
    /// # Errors
    /// As [`RemoteRewardModel::process`].
    pub fn outcome(config: RemoteConfig) -> Result<Self, PrmError> {
        Self::open(config, Kind::Outcome)
    }

    fn open(config: RemoteConfig, kind: Kind) -> Result<Self, PrmError> {
        let Some(path) = config.text.clone() else {
            let problem =
                "none, expected the folder of the reward model's tokenizer and config.json";
            return Err(PrmError::config(Path::new("remote"), "text", problem));
        };
        let files = Files::from(&path);
        let folder = files.folder();
        let mut settings = HeadConfig::beside(&folder)?;
        let text = TextSide::read(&files)?;
        let reads = match (&settings.contrast, kind) {
            (Some(contrast), _) => {
                let [wrong, right] = contrast::tokens(&path, &text.tokenizer, contrast, &settings)?;
                Reads::Pair { wrong, right }
            }
            (None, Kind::Process) => Reads::Tokens,
            (None, Kind::Outcome) => Reads::Last,
        };
        let rewards = RemoteRewards::open(config, reads)?;
        // The server has applied the head already.
        settings.tensor = None;
        let labels = rewards.width();
        let weight = (0..labels * labels).map(|i| f32::from(u8::from(i % (labels + 1) == 0)));
        let weight = weight.collect();
        let same = Linear { weight, bias: None, outputs: labels, inputs: labels };
        let head = RewardHead::checked(vec![same], settings, path, "labels".to_owned())?;
        let layout = Layout::of_model(&folder, || Ok(text), rewards.tokenizer(), &head, kind)?;
        Ok(Self { rewards, head, layout, kind })
    }

    /// The servers.
    pub fn rewards(&self) -> &RemoteRewards {
        &self.rewards
    }
}

impl StepScorer for RemoteRewardModel {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let judge = Judge {
            backbone: &self.rewards,
            head: &self.head,
            layout: &self.layout,
            tokenizer: Some(self.rewards.tokenizer()),
            kind: self.kind,
        };
        Ok(judge.score(batch)?)
    }

    fn cost(&self) -> ModelCost {
        self.rewards.backbone_cost()
    }

    fn scale(&self) -> Scale {
        self.kind.scale(self.head.config())
    }

    fn identity(&self) -> Option<String> {
        Some(format!("{}, head {:016x}", self.rewards.identity(), self.head.digest()))
    }
}
