//! Revisions: right solutions after other attempts, for a model that improves on its own answers.
//!
//! Nothing is sampled in turns: independent samples of a problem are put together so that they look
//! like it. Before each right solution go some others. Where the last of them is wrong, it is the one most like
//! the solution, by edits of characters, so that there is something to learn from it.
//!
//! A model that has only seen wrong attempts, as published, breaks right ones too (38 % in the paper): choose
//! over the whole chain of its answers, never the last alone. One that has seen both kinds
//! ([`Attempted::Both`]) can learn to keep what is right.
//!
//! Source: Snell et al. 2024 (arXiv:2408.03314), section 6.1 and appendix H.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tts_core::seed::{self, Rng};

use super::Candidate;
use crate::PrmError;

/// Which attempts go before a right solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attempted {
    /// Wrong ones, as published.
    #[default]
    Wrong,
    /// Wrong and right ones: a coin says of each which it is, as long as there are both.
    Both,
}

/// How right solutions and attempts are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Revising {
    /// Attempts before a solution, at least: where a problem has not as many, its solutions are left out.
    pub least: usize,
    /// At most.
    pub most: usize,
    /// Of which kind.
    pub attempts: Attempted,
}

impl Revising {
    /// # Errors
    /// When more attempts are asked for at least than at most.
    pub fn check(&self) -> Result<(), PrmError> {
        let Self { least, most, .. } = *self;
        if least <= most {
            return Ok(());
        }
        let problem = format!("{least} attempts at least, expected at most {most}");
        Err(PrmError::Solution { field: "revisions".to_owned(), problem })
    }
}

impl Default for Revising {
    /// None to four wrong ones, as published.
    fn default() -> Self {
        Self { least: 0, most: 4, attempts: Attempted::Wrong }
    }
}

/// A right solution and the attempts before it, by their places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// The problem.
    pub problem: usize,
    /// Attempts, in order; the last one, if it is wrong, is the closest of those to the answer. May be empty.
    pub attempts: Vec<usize>,
    /// What is learnt.
    pub answer: usize,
}

fn below(rng: &mut Rng, count: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the count")]
    let drawn = (rng.uniform() * count as f64) as usize;
    drawn.min(count.saturating_sub(1))
}

/// The kinds of `count` attempts, whether each is right, drawn from so many.
fn kinds(
    attempted: Attempted,
    count: usize,
    (mut right, mut wrong): (usize, usize),
    rng: &mut Rng,
) -> Vec<bool> {
    let mut kind = || {
        let is_right = match attempted {
            Attempted::Wrong => false,
            Attempted::Both if right == 0 || wrong == 0 => right > 0,
            Attempted::Both => below(rng, 2) == 1,
        };
        *(if is_right { &mut right } else { &mut wrong }) -= 1;
        is_right
    };
    (0..count).map(|_| kind()).collect()
}

/// One revision for each right solution that has enough attempts to stand behind.
///
/// How many, of which kind, and which of them is drawn from `seed`, the problem and the place of the solution.
///
/// ```
/// use tts_prm::curate::{Attempted, Candidate, Revising, revisions};
/// let candidate = |text: &str, solved| Candidate { text: text.into(), solved, ..Candidate::default() };
/// let pool = [candidate("2+3=6", false), candidate("9", false), candidate("2+3=5", true)];
/// for revision in (0..20).flat_map(|seed| revisions(&pool, &Revising::default(), seed)) {
///     assert_eq!(revision.answer, 2);
///     assert!(revision.attempts.is_empty() || revision.attempts.last() == Some(&0));
/// }
/// let both = Revising { least: 1, attempts: Attempted::Both, ..Revising::default() };
/// let pool = [candidate("2+3=6", false), candidate("so 5", true), candidate("2+3=5", true)];
/// let seen = (0..20).flat_map(|seed| revisions(&pool, &both, seed));
/// assert!(seen.clone().all(|revision| !revision.attempts.is_empty()));
/// assert!(seen.clone().any(|revision| revision.attempts == [1]));
/// ```
pub fn revisions(candidates: &[Candidate], config: &Revising, seed: u64) -> Vec<Revision> {
    let mut problems: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        problems.entry(candidate.problem).or_default().push(place);
    }
    let mut all = Vec::new();
    for (problem, places) in problems {
        let (right, wrong): (Vec<usize>, Vec<usize>) =
            places.into_iter().partition(|&place| candidates[place].solved);
        for &answer in &right {
            let mut rng = seed::rng(seed::mix(seed::mix(seed, problem as u64), answer as u64));
            let mut wrong = wrong.clone();
            let mut right: Vec<usize> = match config.attempts {
                Attempted::Wrong => Vec::new(),
                Attempted::Both => right.iter().copied().filter(|&place| place != answer).collect(),
            };
            let there = (right.len(), wrong.len());
            let more = config.most.saturating_sub(config.least);
            let wanted = config.least.saturating_add(below(&mut rng, more.saturating_add(1)));
            let count = wanted.min(there.0 + there.1);
            if count < config.least {
                continue;
            }
            let kinds = kinds(config.attempts, count, there, &mut rng);
            // The closest is kept for the last place, where that is a wrong one's.
            let far = |&place: &usize| {
                strsim::levenshtein(&candidates[place].text, &candidates[answer].text)
            };
            let closest = match kinds.last() {
                Some(false) => wrong.iter().copied().min_by_key(far),
                _ => None,
            };
            wrong.retain(|&place| Some(place) != closest);
            let drawn = kinds.len() - usize::from(closest.is_some());
            let mut attempts: Vec<usize> = Vec::with_capacity(count);
            for &is_right in &kinds[..drawn] {
                let from = if is_right { &mut right } else { &mut wrong };
                attempts.push(from.swap_remove(below(&mut rng, from.len())));
            }
            attempts.extend(closest);
            all.push(Revision { problem, attempts, answer });
        }
    }
    all
}
