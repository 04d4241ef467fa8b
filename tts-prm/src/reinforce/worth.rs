//! What the samples of a group are worth: the sum of all terms, with their weights, times those that are factors
//! ([`super::Term::factor`]).
//!
//! A term that knows nothing of a sample gives it what its rule says ([`Reward::knows`]): that counts in the sum, and
//! is left out of what is told of the term. A term that knows nothing of a whole group is the same for all of it, so
//! that a comparison within the group is that of the other terms; where rewards are compared with those of the whole
//! batch, such a group is not learnt from.
//!
//! Source: sums of rewards are those of DeepSeek-AI 2025 (arXiv 2501.12948), section 2.3.2; factors those of `DeepSeekMath-V2`
//! (arXiv 2511.22570), section 2.1.

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
}

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
            for (place, (reward, knows)) in rewards.iter().zip(&knows).enumerate() {
                match weight {
                    Some(weight) => worth.rewards[place] += weight * reward,
                    None => factors[place] *= reward,
                }
                if *knows {
                    worth.each[place].insert(name.to_owned(), *reward);
                } else {
                    unknown += 1;
                }
            }
            if unknown > 0 {
                *note.unknown.entry(name.to_owned()).or_default() += unknown;
                worth.blank |= unknown == samples.len();
            }
        }
        for (reward, factor) in worth.rewards.iter_mut().zip(factors) {
            *reward *= factor;
        }
        Ok(worth)
    }
}

/// # Errors
/// When some term knew nothing of any sample of the first step, though the policy ended some: nobody says anything.
pub(super) fn check_first(note: &StepNote, finished: bool) -> Result<(), PrmError> {
    let silent = note.unknown.iter().find(|(_, unknown)| **unknown == note.samples);
    match silent.filter(|_| note.step == 1 && finished) {
        None => Ok(()),
        Some((name, unknown)) => {
            let problem =
                format!("it says nothing of any of the {unknown} samples of the first step");
            Err(PrmError::reinforce(format!("reward {name:?}"), problem))
        }
    }
}
