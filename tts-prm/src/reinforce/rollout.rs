//! Solutions of many problems, by any strategy, each problem under a seed of its own.
//!
//! All problems run together in one pool, so that the engine's batch is full; what is drawn of one does not depend
//! on the others, and groups come back in the order of the problems, not in that of their ends. A problem all of
//! whose lines failed has no samples, and says why; whatever else ends a search ends the step.
//!
//! Source: none; the driver is [`tts_core::SearchPool`].

use tts_core::{RunError, Search, SearchError, SearchErrorKind, SearchStrategy, seed};

use super::sample::samples;
use super::{Group, Problem};
use crate::PrmError;

/// What is drawn of the problems at these places.
pub(super) fn rollouts<S: SearchStrategy + Clone>(
    search: &Search<'_>,
    sampler: &S,
    (problems, places): (&[Problem], &[usize]),
    seed: u64,
    end_tokens: &[u32],
) -> Result<Vec<Group>, PrmError> {
    let ended = |place: usize, error| PrmError::Rollout {
        question: problems[place].question.chars().take(200).collect(),
        source: Box::new(error),
    };
    let mut pool = search.pool();
    let mut groups: Vec<Group> = Vec::with_capacity(places.len());
    for (number, &place) in places.iter().enumerate() {
        let seed = seed::mix(seed, number as u64);
        groups.push(Group { problem: place, seed, samples: Vec::new(), failed: None });
        let (own, prompt) = (search.clone().seed(seed), problems[place].prompt.clone());
        pool.submit_under(&own, sampler.clone(), prompt, None)
            .map_err(|error| ended(place, error))?;
    }
    while let Some((id, outcome)) = pool.poll() {
        // Numbers count in the order of submission.
        let Some(group) = groups.get_mut(id.0) else { continue };
        let Problem { question, gold, .. } = &problems[group.problem];
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(SearchError { kind: SearchErrorKind::Run(failed), .. })
                if matches!(failed, RunError::AllLinesFailed { .. }) =>
            {
                group.failed = Some(failed.to_string());
                continue;
            }
            Err(error) => return Err(ended(group.problem, error)),
        };
        group.samples = samples((&outcome.tree, outcome.best), (question, gold), end_tokens)?;
    }
    Ok(groups)
}
