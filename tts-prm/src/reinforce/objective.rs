//! The schemes of the literature as settings of one objective.
//!
//! What [`tts_models::train::PolicyGoal`] leaves to who makes its examples: baseline and spread of rewards, what
//! the loss is divided by, the clip, and what becomes of groups whose rewards are all the same. A [`Scheme`] names
//! a usual choice of all of them, and [`Adjust`] changes single ones: GRPO without a deviation, DAPO with a
//! divergence.
//!
//! | scheme | advantage | divided by | clip | divergence | equal groups |
//! |---|---|---|---|---|---|
//! | `grpo` | group mean, population deviation | each sample's tokens, then samples | 0.2, 0.2 | none | kept |
//! | `dapo` | the same | all tokens of the update | 0.2, 0.28 | none | others drawn |
//! | `dr-grpo` | group mean | a constant, the most tokens of a solution, then samples | 0.2, 0.2 | none | kept |
//! | `gspo` | as GRPO | each sample's tokens, ratios of sequences | 0.0003, 0.0004 | none | kept |
//! | `cispo` | as GRPO | all tokens of the update | none below, 4, of the weight | none | kept |
//! | `rloo` | mean of the others | samples | none | none | kept |
//! | `reinforce` | mean of the batch | samples | none | none | kept |
//!
//! No scheme has a divergence unless `beta` is set: GRPO was published with 0.04, and later work does without.
//!
//! Source: Shao et al. 2024 (arXiv 2402.03300), section 4.1; Yu et al. 2025 (arXiv 2503.14476),
//! section 3; Liu et al. 2025 (arXiv 2503.20783), section 3.2; Zheng et al. 2025 (arXiv 2507.18071), sections 4
//! and 5.1; `MiniMax` 2025 (arXiv 2506.13585), section 3.1, the bound of Khatri et al. 2025 (arXiv 2510.13786);
//! Ahmadian et al. 2024 (arXiv 2402.14740).

use serde::{Deserialize, Serialize};
use tts_models::train::{Clipping, Ratio};

use super::{Baseline, Spread};
use crate::PrmError;

/// A usual choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Scheme {
    /// Group relative policy optimisation.
    #[default]
    Grpo,
    /// Decoupled clip and dynamic sampling.
    Dapo,
    /// GRPO without what favours short right and long wrong solutions.
    DrGrpo,
    /// Ratios of sequences.
    Gspo,
    /// Clipped weights, under which no token stops to teach.
    Cispo,
    /// REINFORCE, leave one out.
    Rloo,
    /// REINFORCE with the mean of the batch as baseline.
    Reinforce,
}

/// What the loss of a sample is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Divisor {
    /// Its tokens; the update, by its samples.
    Sequence,
    /// Nothing; the update, by its tokens.
    Tokens,
    /// The most tokens that a solution may have; the update, by its samples.
    Constant,
    /// Nothing; the update, by its samples.
    Samples,
}

/// How far a ratio may move.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clip {
    /// As far as it likes.
    Free,
    /// So far below 1 and above it.
    Within([f32; 2]),
    /// As far as it likes, and it weighs no more than so far below 1 and above it says.
    Weight([f32; 2]),
}

/// What becomes of a group whose rewards are all the same, from which nothing is learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Equal {
    /// Its samples count in the divisor.
    Keep,
    /// They do not.
    Drop,
    /// They do not, and other problems are drawn in its place, up to so many problems a step in all; where right answers
    /// are rewarded, a group is one that is all right or all wrong, whatever else its samples get.
    Redraw {
        /// The most problems that are drawn in a step, as a multiple of those asked for; at least 1.
        most: usize,
    },
}

/// Everything that decides what is learnt of rewards.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// What a reward is compared with.
    pub baseline: Baseline,
    /// What the difference is divided by.
    pub spread: Spread,
    /// What the loss is divided by.
    pub divisor: Divisor,
    /// Of what ratios are.
    pub ratio: Ratio,
    /// How far they may move.
    pub clip: Clip,
    /// What a nat of divergence from the reference costs.
    pub beta: f32,
    /// What becomes of groups whose rewards are all the same.
    pub equal: Equal,
}

/// What is other than the scheme says.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adjust {
    /// In place of the scheme's baseline.
    pub baseline: Option<Baseline>,
    /// In place of its spread.
    pub spread: Option<Spread>,
    /// In place of its divisor.
    pub divisor: Option<Divisor>,
    /// In place of its ratio.
    pub ratio: Option<Ratio>,
    /// In place of its clip.
    pub clip: Option<Clip>,
    /// In place of its divergence.
    pub beta: Option<f32>,
    /// In place of what it does with groups of equal rewards.
    pub equal: Option<Equal>,
}

impl Scheme {
    /// Its name, as recipes and command lines have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpo => "grpo",
            Self::Dapo => "dapo",
            Self::DrGrpo => "dr-grpo",
            Self::Gspo => "gspo",
            Self::Cispo => "cispo",
            Self::Rloo => "rloo",
            Self::Reinforce => "reinforce",
        }
    }

    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Grpo,
        Self::Dapo,
        Self::DrGrpo,
        Self::Gspo,
        Self::Cispo,
        Self::Rloo,
        Self::Reinforce,
    ];

    /// Its settings.
    pub fn objective(self) -> Objective {
        let grpo = Objective {
            baseline: Baseline::Mean,
            spread: Spread::Population,
            divisor: Divisor::Sequence,
            ratio: Ratio::Token,
            clip: Clip::Within([0.2, 0.2]),
            beta: 0.0,
            equal: Equal::Keep,
        };
        let samples = Divisor::Samples;
        match self {
            Self::Grpo => grpo,
            Self::Dapo => Objective {
                divisor: Divisor::Tokens,
                clip: Clip::Within([0.2, 0.28]),
                equal: Equal::Redraw { most: 4 },
                ..grpo
            },
            Self::DrGrpo => Objective { spread: Spread::None, divisor: Divisor::Constant, ..grpo },
            Self::Gspo => {
                Objective { ratio: Ratio::Sequence, clip: Clip::Within([3e-4, 4e-4]), ..grpo }
            }
            Self::Cispo => {
                Objective { divisor: Divisor::Tokens, clip: Clip::Weight([1.0, 4.0]), ..grpo }
            }
            Self::Rloo | Self::Reinforce => {
                let baseline = if self == Self::Rloo { Baseline::Others } else { Baseline::Batch };
                let (spread, clip) = (Spread::None, Clip::Free);
                Objective { baseline, spread, divisor: samples, clip, ..grpo }
            }
        }
    }
}

impl std::str::FromStr for Scheme {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let known = Self::ALL.into_iter().find(|scheme| scheme.name() == name);
        known.ok_or_else(|| format!("{name:?} is not a scheme: {}", names()))
    }
}

impl Objective {
    /// The same with what is said otherwise.
    #[must_use]
    pub fn adjusted(self, adjust: Adjust) -> Self {
        Self {
            baseline: adjust.baseline.unwrap_or(self.baseline),
            spread: adjust.spread.unwrap_or(self.spread),
            divisor: adjust.divisor.unwrap_or(self.divisor),
            ratio: adjust.ratio.unwrap_or(self.ratio),
            clip: adjust.clip.unwrap_or(self.clip),
            beta: adjust.beta.unwrap_or(self.beta),
            equal: adjust.equal.unwrap_or(self.equal),
        }
    }

    /// The clip as a goal has it.
    pub(super) fn bounds(&self) -> [f32; 2] {
        match self.clip {
            Clip::Free => [f32::INFINITY; 2],
            Clip::Within(bounds) | Clip::Weight(bounds) => bounds,
        }
    }

    /// What these bound.
    pub(super) fn clipping(&self) -> Clipping {
        match self.clip {
            Clip::Free | Clip::Within(_) => Clipping::Loss,
            Clip::Weight(_) => Clipping::Weight,
        }
    }

    /// # Errors
    /// Naming the setting that makes no sense.
    pub(super) fn check(&self) -> Result<(), PrmError> {
        if !(self.beta.is_finite() && self.beta >= 0.0) {
            let problem = format!("{}, expected a number of at least 0", self.beta);
            return Err(PrmError::reinforce("beta", problem));
        }
        if let Clip::Within([below, above]) | Clip::Weight([below, above]) = self.clip
            && !(below > 0.0 && above > 0.0 && below.is_finite() && above.is_finite())
        {
            let problem = format!("{below} and {above}, expected numbers above 0");
            return Err(PrmError::reinforce("clip", problem));
        }
        if self.equal == (Equal::Redraw { most: 0 }) {
            return Err(PrmError::reinforce("equal", "redraw of 0, expected at least 1"));
        }
        if self.baseline == Baseline::Batch && self.equal != Equal::Keep {
            let problem =
                "a group of equal rewards differs from the mean of the batch: expected keep";
            return Err(PrmError::reinforce("equal", problem));
        }
        if self.baseline == Baseline::Batch
            && matches!(self.spread, Spread::Population | Spread::Sample)
        {
            let problem = "of the group, beside the batch's mean: expected batch or none";
            return Err(PrmError::reinforce("spread", problem));
        }
        Ok(())
    }
}
