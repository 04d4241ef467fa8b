//! Who judges steps: a reward model of the pair, or the exact checker in its place.
//!
//! All are [`StepScorer`]s behind one pointer, so that nothing else depends on which it is. The
//! exact checker shows what a search would reach with a scorer that never errs.

use std::path::Path;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tts_core::family::Checker;
use tts_core::{Aggregate, StepScorer};
use tts_models::{Backend, EngineConfig};
use tts_prm::RewardModel;

use crate::{Error, setting};

/// A scorer by name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Verifier {
    /// The process reward model: each step.
    Prm,
    /// The outcome reward model: finished solutions.
    Orm,
    /// The exact checker: whether a path can still come out right.
    Oracle,
}

impl Verifier {
    /// The name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prm => "prm",
            Self::Orm => "orm",
            Self::Oracle => "oracle",
        }
    }

    /// How the scores of steps become that of a path.
    pub fn aggregate(self) -> Aggregate {
        match self {
            Self::Prm => setting::PROCESS,
            Self::Orm | Self::Oracle => setting::STATE,
        }
    }

    /// Whether it tells steps of unfinished solutions apart, so that a search may follow it.
    pub fn guides(self) -> bool {
        self != Self::Orm
    }

    /// Opens the scorer from a folder with `prm` and `orm`.
    ///
    /// # Errors
    /// When the model is not there or cannot be read.
    pub fn open(self, folder: &Path, engine: EngineConfig) -> Result<Box<dyn StepScorer>, Error> {
        let folder = folder.join(self.name());
        if self != Self::Oracle && !folder.is_dir() {
            let problem = "missing; train_embedded makes it, and --scorer oracle needs none";
            return Err(format!("{}: {problem}", folder.display()).into());
        }
        Ok(match self {
            Self::Prm => Box::new(RewardModel::process(folder, Backend::Native, engine)?),
            Self::Orm => Box::new(RewardModel::outcome(folder, Backend::Native, engine)?),
            Self::Oracle => Box::new(Checker(setting::family())),
        })
    }
}
