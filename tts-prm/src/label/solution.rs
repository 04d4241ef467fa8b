//! A solution with what is known of its prefixes, and the labels that this makes.
//!
//! Values are kept as they were estimated; which labels a reward model learns is decided when
//! it is trained, at no new rollouts.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use tts_core::{Aggregate, Prompt};

use crate::train::{Solution, StepClass};
use crate::{PrmError, best_of};

/// A step, and the value of the prefix that ends with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelledStep {
    /// What was written.
    pub text: String,
    /// The token ids, where they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<u32>,
    /// Probability that the policy solves the problem from here, 0 to 1; `None` where nobody knows.
    pub value: Option<f64>,
    /// Rollouts that the value was estimated from; 0 where it is exact.
    #[serde(default)]
    pub rollouts: u32,
}

/// A solution with labels: one line of a file of labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelledSolution {
    /// The problem.
    pub prompt: Prompt,
    /// The value of the prompt itself; `None` where nobody knows.
    pub start: Option<f64>,
    /// The steps, first to last.
    pub steps: Vec<LabelledStep>,
    /// Whether the final answer is right.
    pub solved: bool,
}

/// What a process reward model learns of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum LabelKind {
    /// The value itself: a value function, whose last score stands for a path (Snell et al.).
    #[default]
    Soft,
    /// 1 where any rollout ended right, else 0 (Math-Shepherd's hard estimate).
    Hard,
    /// The same up to and with the first 0: nothing is learnt of what follows an error (Lightman
    /// et al.).
    FirstError,
    /// The value up to and with the first 0: as little as hard labels, nothing is learnt of what follows an
    /// error.
    SoftFirstError,
    /// What the step did to the value, from -1 to 1 mapped onto 0 to 1: one half is no change (the
    /// advantage of Setlur et al. 2024, arXiv:2410.08146, under the policy itself as prover).
    Progress,
    /// The same under a prover that takes the best of so many tries of the policy, whose values are
    /// those of [`best_of`]; one try is [`LabelKind::Progress`], and 4 are about what the paper found
    /// best. For [`crate::AdvantageScorer`].
    Advantage {
        /// Solutions that the prover tries.
        tries: NonZeroU32,
    },
    /// 1 where the step left at least so many percent of the value that there was before it, else 0 (relative progress, `MC(s, a) /
    /// MC(s)`, of Zhao et al. 2025, arXiv:2504.00891, section 3.3, who take 80). A step has a label only where the value before
    /// it is known too, and none where the policy was lost before it.
    Relative {
        /// The least share, in percent.
        percent: NonZeroU32,
    },
    /// Good, neutral or bad, as 1, 1/2 and 0 ([`crate::train::StepClass`]), up to and with the first bad
    /// step.
    ///
    /// Bad is the step from which no rollout came right any more, where some did before it. Neutral is
    /// one that can still come right, but cost more than [`LabelledSolution::NEUTRAL_DROP`] of the
    /// value: no error for sure, and no help. Good are all others. A step has a class only where the
    /// value before it is known too, and none where the policy was lost before it.
    #[serde(rename = "three-class")]
    ThreeClass,
}

impl LabelKind {
    /// How the scores of a model that learnt such labels become that of a path: what says of single steps
    /// whether they are right multiplies, the value of a state stands for all before it.
    pub fn aggregate(self) -> Aggregate {
        match self {
            Self::Hard | Self::FirstError | Self::ThreeClass | Self::Relative { .. } => {
                Aggregate::Product
            }
            Self::Soft | Self::SoftFirstError | Self::Progress | Self::Advantage { .. } => {
                Aggregate::Last
            }
        }
    }
}

/// What was gained from one value to the next under the best of `tries`, mapped onto 0 to 1.
fn advantage(before: Option<f64>, now: Option<f64>, tries: NonZeroU32) -> Option<f64> {
    let (before, now) = before.zip(now)?;
    Some(f64::midpoint(1.0, best_of(now, tries) - best_of(before, tries)))
}

/// Whether a step left so many percent of the value before it; `None` where nothing is known, or nothing was there to lose.
fn relative(before: Option<f64>, now: Option<f64>, percent: NonZeroU32) -> Option<f64> {
    let (before, now) = before.zip(now)?;
    // Values are shares of rollouts: what is exactly so many percent is not below them.
    let least = f64::from(percent.get()) / 100.0 * before - 1e-9;
    (before > 0.0).then(|| f64::from(u8::from(now > 0.0 && now >= least)))
}

/// The class of a step that leads from one value to the next; `None` where nothing is known.
fn class(before: Option<f64>, now: Option<f64>) -> Option<StepClass> {
    let (before, now) = before.zip(now)?;
    match (before > 0.0, now > 0.0) {
        (false, false) => None,
        (true, false) => Some(StepClass::Bad),
        (true, true) if before - now > LabelledSolution::NEUTRAL_DROP => Some(StepClass::Neutral),
        (_, true) => Some(StepClass::Good),
    }
}

impl LabelledSolution {
    /// A step that lowers the value by more than this is neutral, if not bad ([`LabelKind::ThreeClass`]).
    ///
    /// The difference of two values that were each estimated from 16 rollouts has a standard error of up
    /// to 0.18: good steps seldom seem neutral then, with 8 rollouts (0.25) more often.
    pub const NEUTRAL_DROP: f64 = 0.25;

    /// A label for each step that has one.
    ///
    /// ```
    /// use tts_core::Prompt;
    /// use tts_prm::label::{LabelKind, LabelledSolution, LabelledStep};
    /// let step = |value| LabelledStep { text: "...\n".into(), tokens: vec![], value: Some(value), rollouts: 8 };
    /// let solution = LabelledSolution {
    ///     prompt: Prompt::from("?"),
    ///     start: Some(0.5),
    ///     steps: vec![step(0.75), step(0.0), step(0.0)],
    ///     solved: false,
    /// };
    /// assert_eq!(solution.labels(LabelKind::Soft), [Some(0.75), Some(0.0), Some(0.0)]);
    /// assert_eq!(solution.labels(LabelKind::Hard), [Some(1.0), Some(0.0), Some(0.0)]);
    /// assert_eq!(solution.labels(LabelKind::FirstError), [Some(1.0), Some(0.0), None]);
    /// assert_eq!(solution.labels(LabelKind::SoftFirstError), [Some(0.75), Some(0.0), None]);
    /// assert_eq!(solution.labels(LabelKind::Progress), [Some(0.625), Some(0.125), Some(0.5)]);
    /// // Of two tries, values of 0.5 and 0.75 become 0.75 and 0.9375.
    /// // A step that cost less than a quarter is good; after the bad one nothing is said.
    /// assert_eq!(solution.labels(LabelKind::ThreeClass), [Some(1.0), Some(0.0), None]);
    /// let advantage = LabelKind::Advantage { tries: 2.try_into().unwrap() };
    /// assert_eq!(solution.labels(advantage), [Some(0.59375), Some(0.03125), Some(0.5)]);
    /// // More was there than before, then nothing, and behind that nothing could be lost.
    /// let relative = LabelKind::Relative { percent: 80.try_into().unwrap() };
    /// assert_eq!(solution.labels(relative), [Some(1.0), Some(0.0), None]);
    /// ```
    pub fn labels(&self, kind: LabelKind) -> Vec<Option<f32>> {
        let hard = |value: f64| f64::from(u8::from(value > 0.0));
        let mut before = self.start;
        let mut wrong = false;
        let label = |step: &LabelledStep| {
            let before = std::mem::replace(&mut before, step.value);
            let label = match kind {
                LabelKind::Soft => step.value,
                LabelKind::Hard => step.value.map(hard),
                LabelKind::FirstError | LabelKind::SoftFirstError | LabelKind::ThreeClass
                    if wrong =>
                {
                    None
                }
                LabelKind::FirstError => {
                    wrong |= step.value == Some(0.0);
                    step.value.map(hard)
                }
                LabelKind::SoftFirstError => {
                    wrong |= step.value == Some(0.0);
                    step.value
                }
                LabelKind::ThreeClass => {
                    wrong |= step.value == Some(0.0);
                    class(before, step.value).map(|class| f64::from(class.label()))
                }
                LabelKind::Progress => advantage(before, step.value, NonZeroU32::MIN),
                LabelKind::Advantage { tries } => advantage(before, step.value, tries),
                LabelKind::Relative { percent } => relative(before, step.value, percent),
            };
            #[expect(clippy::cast_possible_truncation, reason = "labels are f32")]
            label.map(|label| label as f32)
        };
        self.steps.iter().map(label).collect()
    }

    /// A value that is not between 0 and 1, if there is one, with the place of its step; `None` for the
    /// place of the prompt.
    pub(super) fn bad_value(&self) -> Option<(Option<usize>, f64)> {
        let steps = self.steps.iter().enumerate().map(|(place, step)| (Some(place), step.value));
        let values = steps.chain([(None, self.start)]);
        let known = values.filter_map(|(place, value)| Some((place, value?)));
        known.into_iter().find(|(_, value)| !(0.0..=1.0).contains(value))
    }

    /// The place of the first step that no rollout came right from; `None` when there is none.
    pub fn first_error(&self) -> Option<usize> {
        self.steps.iter().position(|step| step.value == Some(0.0))
    }

    /// What a reward model learns from, its prompt and steps encoded by `encode`, which is given
    /// a step and says its tokens; the last of them is where the label is learnt.
    ///
    /// # Errors
    /// When a text cannot be encoded, a value is not between 0 and 1, or no step has a label.
    pub fn solution(
        &self,
        kind: LabelKind,
        prompt: Vec<u32>,
        mut encode: impl FnMut(&LabelledStep) -> Result<Vec<u32>, PrmError>,
    ) -> Result<Solution, PrmError> {
        if let Some((place, value)) = self.bad_value() {
            let field = place.map_or("start".to_owned(), |place| format!("value of step {place}"));
            let problem = format!("{value}, expected 0 to 1");
            return Err(PrmError::Solution { field, problem });
        }
        let steps = self.steps.iter().map(&mut encode).collect::<Result<_, _>>()?;
        Solution::with_labels(prompt, steps, self.labels(kind), self.solved)
    }
}
