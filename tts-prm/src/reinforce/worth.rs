//! What the samples of a group are worth: the sum of all terms, with their weights, times those that are factors
//! ([`super::Term::factor`]).
//!
//! A term that knows nothing of a sample gives it what its rule says ([`Reward::knows`]): that counts in the sum, and
//! is left out of what is told of the term. A term that knows nothing of a whole group is the same for all of it, so
//! that a comparison within the group is that of the other terms, and a factor that knows nothing of it leaves the sum as it is;
//! where rewards are compared with those of the whole batch, such a group is not learnt from. A sum below 0 beside a factor
//! is refused: the worse its verdict, the better for the sample.
//!
//! Source: sums of rewards are those of DeepSeek-AI 2025 (arXiv 2501.12948), section 2.3.2; factors those of `DeepSeekMath-V2`
//! (arXiv 2511.22570), section 2.1.

use std::collections::BTreeSet;

use tts_core::SearchStrategy;

use super::step::Each;
use super::{Asked, Group, Heard, Problem, Reinforce, Reward, StepNote};
use crate::PrmError;

/// What the samples of a group are worth.
#[derive(Debug, Default)]
pub(super) struct Worth {
    /// The sum of each.
    pub(super) rewards: Vec<f64>,
    /// What each term gives it, of those that know something of it.
    pub(super) each: Vec<Each>,
    /// Whether some term knows nothing of any of them.
    pub(super) blank: bool,
    /// The terms that know nothing of a solution that the policy ended.
    pub(super) silent: BTreeSet<String>,
}

/// What a term has said until now.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    /// Whether it knew something of a sample.
    something: bool,
    /// Samples that it was asked of and knew nothing of.
    unknown: usize,
}

/// So many samples may be bad luck, where a term is asked of few.
const PATIENCE: usize = 16;

impl<S: SearchStrategy + Clone + std::fmt::Debug> Reinforce<'_, S> {
    /// The rewards of a group; of how many samples a term knows nothing is added to the note.
    pub(super) fn worth(
        &self,
        problems: &[Problem],
        (group, heard): (&Group, &Heard),
        note: &mut StepNote,
    ) -> Result<Worth, PrmError> {
        let (problem, samples) = (&problems[group.problem], &group.samples);
        let asked = Asked { heard, ..Asked::new(problem, &*self.task, samples, group.seed) };
        let own = self.config.rewards.iter().filter(|term| term.on.has(problem));
        let own = own.map(|term| {
            let weight = if term.factor { None } else { Some(term.weight) };
            (term.of.name(), weight, &term.of as &dyn Reward)
        });
        let more = self.rewards.iter();
        let more = more.map(|(name, weight, reward)| (&**name, Some(*weight), *reward));
        let mut factors = vec![1.0; samples.len()];
        let mut worth = Worth {
            rewards: vec![0.0; samples.len()],
            each: vec![Each::new(); samples.len()],
            blank: false,
            silent: BTreeSet::new(),
        };
        for (name, weight, reward) in own.chain(more) {
            let (rewards, knows) = (reward.rewards(&asked), reward.knows(&asked));
            let wrong =
                |problem: String| Err(PrmError::reinforce(format!("reward {name:?}"), problem));
            if rewards.len() != samples.len() || knows.len() != samples.len() {
                return wrong(format!(
                    "{} rewards of {} samples, and {} of which it says whether it knows something",
                    rewards.len(),
                    samples.len(),
                    knows.len()
                ));
            }
            if let Some(place) = rewards.iter().position(|reward| !reward.is_finite()) {
                let question: String = problem.question.chars().take(200).collect();
                let found = rewards[place];
                return wrong(format!(
                    "{found} for sample {place} of {question:?}, expected a number"
                ));
            }
            let mut unknown = 0;
            let silent = !knows.contains(&true);
            for (place, (reward, knows)) in rewards.iter().zip(&knows).enumerate() {
                match weight {
                    Some(weight) => worth.rewards[place] += weight * reward,
                    None if silent => {}
                    None => factors[place] *= reward,
                }
                if *knows {
                    worth.each[place].insert(name.to_owned(), *reward);
                } else {
                    unknown += 1;
                    if samples[place].is_finished() {
                        worth.silent.insert(name.to_owned());
                    }
                }
            }
            if unknown > 0 {
                *note.unknown.entry(name.to_owned()).or_default() += unknown;
                worth.blank |= unknown == samples.len();
            }
        }
        for (place, (reward, factor)) in worth.rewards.iter_mut().zip(factors).enumerate() {
            if *reward < 0.0 && (factor - 1.0).abs() > 0.0 {
                let problem = format!(
                    "a sum of {reward} for sample {place}, times factors of {factor}: the worse their verdict, the better; \
                     expected terms that are not below 0 beside a factor"
                );
                return Err(PrmError::reinforce("rewards", problem));
            }
            // Without the sign of a product with 0.
            *reward = *reward * factor + 0.0;
        }
        Ok(worth)
    }

    /// Remembers what terms said in a step.
    pub(super) fn hark(&mut self, note: &StepNote) {
        for name in note.rewards.keys() {
            self.said.entry(name.clone()).or_default().something = true;
        }
        for (name, unknown) in &note.unknown {
            self.said.entry(name.clone()).or_default().unknown += unknown;
        }
    }

    /// # Errors
    /// When a term that was asked has never said anything, though the policy ended solutions that it was asked of: of
    /// all samples of the first step, or, one that is of some problems alone, of as many as are no bad luck.
    pub(super) fn check_said(
        &mut self,
        note: &StepNote,
        silent: &BTreeSet<String>,
    ) -> Result<(), PrmError> {
        self.hark(note);
        for name in silent {
            let Said { something, unknown } = self.said.get(name).copied().unwrap_or_default();
            let first = note.step == 1 && unknown == note.samples;
            if something || !(first || unknown >= PATIENCE) {
                continue;
            }
            let until = if note.step == 1 { "the first step" } else { "the steps until now" };
            let problem =
                format!("it says nothing of any of the {unknown} samples of {until} that it is of");
            return Err(PrmError::reinforce(format!("reward {name:?}"), problem));
        }
        Ok(())
    }
}
