//! Revisions: right solutions after wrong attempts, for a model that improves on its own answers.
//!
//! Nothing is sampled in turns: independent samples of a problem are put together so that they look
//! like it. Before each right solution go a random number of wrong ones, of which the last is the one most
//! like it, by edits of characters, so that there is something to learn from it.
//!
//! A model trained so has only seen wrong attempts, and breaks right ones too (38 % in the paper): choose
//! over the whole chain of its answers, never the last alone.
//!
//! Source: Snell et al. 2024 (arXiv:2408.03314), section 6.1 and appendix H.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tts_core::seed;

use super::Candidate;

/// A right solution and the wrong attempts before it, by their places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// The problem.
    pub problem: usize,
    /// Wrong attempts, in order; the last is the closest to the answer. May be empty.
    pub attempts: Vec<usize>,
    /// What is learnt.
    pub answer: usize,
}

/// One revision for each right solution, with at most `most` attempts before it (4 in the paper).
///
/// How many, and which but the last, is drawn from `seed`, the problem and the place of the solution.
///
/// ```
/// use tts_prm::curate::{Candidate, revisions};
/// let candidate = |text: &str, solved| Candidate { problem: 0, text: text.into(), solved, score: None };
/// let pool = [candidate("2+3=6", false), candidate("9", false), candidate("2+3=5", true)];
/// for revision in (0..20).flat_map(|seed| revisions(&pool, 4, seed)) {
///     assert_eq!(revision.answer, 2);
///     assert!(revision.attempts.is_empty() || revision.attempts.last() == Some(&0));
/// }
/// ```
pub fn revisions(candidates: &[Candidate], most: usize, seed: u64) -> Vec<Revision> {
    let mut problems: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        problems.entry(candidate.problem).or_default().push(place);
    }
    let mut all = Vec::new();
    for (problem, places) in problems {
        let (right, wrong): (Vec<usize>, Vec<usize>) =
            places.into_iter().partition(|&place| candidates[place].solved);
        for answer in right {
            let mut rng = seed::rng(seed::mix(seed::mix(seed, problem as u64), answer as u64));
            let mut below = |count: usize| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "below"
                )]
                let drawn = (rng.uniform() * count as f64) as usize;
                drawn
            };
            let count = below(most.saturating_add(1)).min(wrong.len());
            let mut attempts = Vec::with_capacity(count);
            let far = |&place: &usize| {
                strsim::levenshtein(&candidates[place].text, &candidates[answer].text)
            };
            if let Some(closest) = wrong.iter().copied().min_by_key(far).filter(|_| count > 0) {
                let mut others: Vec<usize> =
                    wrong.iter().copied().filter(|&place| place != closest).collect();
                while attempts.len() + 1 < count {
                    attempts.push(others.swap_remove(below(others.len())));
                }
                attempts.push(closest);
            }
            all.push(Revision { problem, attempts, answer });
        }
    }
    all
}
