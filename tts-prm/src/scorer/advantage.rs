//! Process advantage verifiers: a step is worth what can still come of it, and what it has changed.
//!
//! A value alone favours steps after which a problem is easy, whoever wrote what made it so; the
//! advantage of a step is what the step itself did, under a prover that would go on from there. The
//! search maximises `Q + alpha A`. The prover of the paper is the policy with the best of `K` tries
//! ([`best_of`]): a weak one makes nothing of a good step, one that solves the problem from anywhere
//! sees no difference between steps.
//!
//! `Q` is the score of a process reward model that was trained on soft labels
//! ([`crate::label::LabelKind::Soft`]). `A` is that of a second one, which learnt advantages
//! ([`crate::label::LabelKind::Advantage`]), or is taken from the first: `V(t) - V(t - 1)`, each under the
//! prover. Scores lie between `-alpha` and `1 + alpha`. The last score stands for
//! the path, and a vote goes by a softmax over paths ([`Scale::REWARD`]).
//!
//! Source: Setlur et al. 2024, "Rewarding Progress" (arXiv:2410.08146), section 3 for the effective
//! reward, section 4 for provers.

use std::num::NonZeroU32;
use std::sync::Arc;

use tts_core::cost::ModelCost;
use tts_core::{BoxError, Reads, Scale, Scored, StepScorer, Trajectory};

use crate::PrmError;

/// The probability that at least one of `tries` comes right, when one does with probability `value`:
/// `1 - (1 - value)^tries`.
///
/// ```
/// use std::num::NonZeroU32;
/// use tts_prm::best_of;
/// assert_eq!(best_of(0.5, NonZeroU32::new(2).unwrap()), 0.75);
/// assert_eq!(best_of(0.3, NonZeroU32::MIN), 0.3);
/// ```
pub fn best_of(value: f64, tries: NonZeroU32) -> f64 {
    // One try is the value itself, to the last bit, so that nothing depends on how it was asked for.
    if tries == NonZeroU32::MIN {
        return value;
    }
    // Exact for small values, where 1 - (1 - value) would lose them.
    -(f64::from(tries.get()) * (-value).ln_1p()).exp_m1()
}

/// Where advantages come from.
enum Advantage<'a> {
    /// A scorer of advantages, mapped onto 0 to 1.
    Learnt(Box<dyn StepScorer + 'a>),
    /// The values themselves, under the best of so many tries; and the value of the prompt.
    Derived { tries: NonZeroU32, start: f64 },
}

/// Scores steps by `Q + alpha A`.
///
/// ```
/// use std::num::NonZeroU32;
/// use std::sync::Arc;
/// use tts_core::{Prompt, Step, StepScorer, Trajectory, scorer};
/// use tts_prm::AdvantageScorer;
///
/// // A value function that says 0.25 of one character, and 0.5 of two.
/// let value = scorer::from_fn(|_, step| step.text.len() as f64 / 4.0);
/// let scorer = AdvantageScorer::derived(&value, NonZeroU32::new(2).unwrap(), 0.25, 0.5)?;
/// let step = |text: &str| Arc::new(Step { text: text.into(), ..Step::default() });
/// let path = Trajectory::new(Arc::new(Prompt::from("?")), vec![step("a"), step("ab")], 2, false);
/// // Best of two: from 0.4375 to 0.4375, and then to 0.75.
/// assert_eq!(scorer.score(&[path])?[0].scores, [0.25, 0.5 + 0.5 * (0.75 - 0.4375)]);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub struct AdvantageScorer<'a> {
    value: Box<dyn StepScorer + 'a>,
    advantage: Advantage<'a>,
    alpha: f64,
}

impl std::fmt::Debug for AdvantageScorer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdvantageScorer").field("alpha", &self.alpha).finish_non_exhaustive()
    }
}

impl<'a> AdvantageScorer<'a> {
    /// How much an advantage counts in the paper's searches, about.
    pub const ALPHA: f64 = 0.5;

    /// How many tries the paper's best provers have, about.
    pub const TRIES: NonZeroU32 = NonZeroU32::MIN.saturating_add(3);

    /// Values by one scorer and advantages by another, which gives `(1 + A) / 2`, as one does that
    /// learnt [`crate::label::LabelKind::Advantage`] or [`crate::label::LabelKind::Progress`].
    ///
    /// # Errors
    /// When `alpha` is not a number of 0 or more.
    pub fn learnt(
        value: impl StepScorer + 'a,
        advantage: impl StepScorer + 'a,
        alpha: f64,
    ) -> Result<Self, PrmError> {
        Self::new(Box::new(value), Advantage::Learnt(Box::new(advantage)), alpha)
    }

    /// Values by a scorer, and advantages from the same values under the best of `tries`: what one
    /// step has added to the step before. `start` is the value of the prompt, before any step, which
    /// no scorer of steps tells; it moves all first steps of a problem alike.
    ///
    /// The scorer judges the step before the fresh ones again, from the same text: one that keeps
    /// prefixes computes nothing for it. Its score of a step must not depend on what follows.
    ///
    /// # Errors
    /// When `start` is not between 0 and 1, or `alpha` is not a number of 0 or more.
    pub fn derived(
        value: impl StepScorer + 'a,
        tries: NonZeroU32,
        start: f64,
        alpha: f64,
    ) -> Result<Self, PrmError> {
        if !(0.0..=1.0).contains(&start) {
            return Err(refuse("start", format!("{start}, expected 0 to 1")));
        }
        Self::new(Box::new(value), Advantage::Derived { tries, start }, alpha)
    }

    fn new(
        value: Box<dyn StepScorer + 'a>,
        advantage: Advantage<'a>,
        alpha: f64,
    ) -> Result<Self, PrmError> {
        if !(alpha.is_finite() && alpha >= 0.0) {
            return Err(refuse("alpha", format!("{alpha}, expected a number of 0 or more")));
        }
        Ok(Self { value, advantage, alpha })
    }

    fn combined(&self, values: Vec<f64>, advantages: impl Iterator<Item = f64>) -> Scored {
        let both = values.into_iter().zip(advantages);
        Scored::of(both.map(|(q, a)| self.alpha.mul_add(a, q)).collect())
    }
}

fn refuse(field: &str, problem: String) -> PrmError {
    PrmError::Solution { field: field.to_owned(), problem }
}

/// The scores of all paths, which are to be probabilities, of the fresh steps; or why a path has none.
fn probabilities(
    scorer: &dyn StepScorer,
    name: &str,
    batch: &[Trajectory],
) -> Result<Vec<Scored>, BoxError> {
    let scored = scorer.score(batch)?;
    if scored.len() != batch.len() {
        let problem = format!("{} paths judged, expected {}", scored.len(), batch.len());
        return Err(refuse(name, problem).into());
    }
    for (index, (path, Scored { scores, refused, .. })) in batch.iter().zip(&scored).enumerate() {
        if refused.is_some() {
            continue;
        }
        let (first, fresh) = (path.judged_steps().len(), path.fresh_steps().len());
        if scores.len() != fresh {
            let problem = format!("{} scores of the {name}, expected {fresh}", scores.len());
            return Err(PrmError::step(index, first, problem).into());
        }
        if let Some(place) = scores.iter().position(|score| !(0.0..=1.0).contains(score)) {
            let problem = format!("the {name} is {}, expected 0 to 1", scores[place]);
            return Err(PrmError::step(index, first + place, problem).into());
        }
    }
    Ok(scored)
}

/// The path with one more fresh step, if there is one; one without fresh steps stays as it is.
fn with_step_before(path: &Trajectory) -> Trajectory {
    let fresh = path.fresh_steps().len();
    let more = if fresh == 0 { 0 } else { fresh + 1 };
    let prompt = Arc::clone(path.shared_prompt());
    Trajectory::new(prompt, path.steps().to_vec(), more, path.is_finished())
}

impl StepScorer for AdvantageScorer<'_> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        match &self.advantage {
            Advantage::Learnt(advantage) => {
                let values = probabilities(&*self.value, "value", batch)?;
                let advantages = probabilities(&**advantage, "advantage", batch)?;
                let pairs = values.into_iter().zip(advantages);
                let costs = [self.value.cost(), advantage.cost()];
                let score = |(values, advantages): (Scored, Scored)| {
                    let reads = [values.reads, advantages.reads];
                    let reads = Reads::together(reads.into_iter().zip(costs));
                    if values.refused.is_some() {
                        return values.reading(reads);
                    } else if advantages.refused.is_some() {
                        return advantages.reading(reads);
                    }
                    let advantages = advantages.scores.into_iter().map(|a| 2.0 * a - 1.0);
                    self.combined(values.scores, advantages).reading(reads)
                };
                Ok(pairs.map(score).collect())
            }
            Advantage::Derived { tries, start } => {
                let longer: Vec<Trajectory> = batch.iter().map(with_step_before).collect();
                let all = probabilities(&*self.value, "value", &longer)?;
                let score = |(path, scored): (&Trajectory, Scored)| {
                    if scored.refused.is_some() {
                        return scored;
                    }
                    let (reads, mut values) = (scored.reads, scored.scores);
                    // The step before the fresh ones, or the prompt before all of them.
                    let mut before = *start;
                    if values.len() > path.fresh_steps().len() {
                        before = values.remove(0);
                    }
                    let after = values.clone().into_iter();
                    let advantages = after.map(|now| {
                        let before = std::mem::replace(&mut before, now);
                        best_of(now, *tries) - best_of(before, *tries)
                    });
                    self.combined(values, advantages).reading(reads)
                };
                Ok(batch.iter().zip(all).map(score).collect())
            }
        }
    }

    fn cost(&self) -> ModelCost {
        match &self.advantage {
            Advantage::Learnt(advantage) => {
                ModelCost::together([self.value.cost(), advantage.cost()])
            }
            Advantage::Derived { .. } => self.value.cost(),
        }
    }

    /// From `-alpha` to `1 + alpha`, of the state.
    fn scale(&self) -> Scale {
        Scale::REWARD
    }

    fn identity(&self) -> Option<String> {
        let value = self.value.identity()?;
        let alpha = self.alpha;
        Some(match &self.advantage {
            Advantage::Learnt(learnt) => format!("{value} + {alpha} x {}", learnt.identity()?),
            Advantage::Derived { tries, start } => {
                format!("{value} + {alpha} x best of {tries} from {start}")
            }
        })
    }

    fn vocabulary(&self) -> Option<u64> {
        self.value.vocabulary()
    }
}
