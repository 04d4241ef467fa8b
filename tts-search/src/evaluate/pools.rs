//! Pools of samples: written once, scored once by each scorer, chosen from by every rule.
//!
//! [`draw`] writes N solutions of each problem, [`score`] judges them all in large batches. Majority,
//! best-of-N and the weighted vote then choose from the same samples ([`choose`]), so that none of
//! them can be right where pass@N is not. Seeds go by place in the tree: the first 4 samples of a
//! pool of 16 are the pool of 4.
//!
//! Source: the selectors of [`tts_core::select`].

use std::sync::Arc;

use tts_core::family::lines;
use tts_core::select::{Vote, best, majority, weighted};
use tts_core::task::Math;
use tts_core::{Aggregate, NodeId, Outcome, Step, StepScorer, Task, Trajectory, select};

use super::{Comparison, EvaluateError, Method};

/// Paths in one call of a scorer.
const BATCH: usize = 256;

/// One sampled solution.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The prompt, and the steps up to the last one with any text.
    pub path: Trajectory,
    /// The final answer found in the text, if it is finished.
    pub answer: Option<String>,
    /// Whether it is a finished, right solution.
    pub correct: bool,
    /// Tokens that were generated.
    pub generated: u64,
    /// Tokens that a scorer judges.
    pub judged: u64,
}

/// Draws `n` samples of each problem at these places; `done` hears of each pool as it comes.
///
/// # Errors
/// When a search fails.
pub fn draw<E: From<EvaluateError>>(
    comparison: &Comparison<'_>,
    n: usize,
    places: &[usize],
    mut done: impl FnMut(usize, &[Sample]) -> Result<(), E>,
) -> Result<Vec<Vec<Sample>>, E> {
    let recipe = Method::PassAtN.search(n, Aggregate::ByScale)?;
    let outcomes = comparison.search(&recipe, None, places, |place, outcome| {
        done(place, &pool(comparison, place, outcome))
    })?;
    Ok(places
        .iter()
        .zip(&outcomes)
        .map(|(&place, outcome)| pool(comparison, place, outcome))
        .collect())
}

/// The samples of one problem, in the order in which they were asked for.
fn pool(comparison: &Comparison<'_>, place: usize, outcome: &Outcome) -> Vec<Sample> {
    let question = &comparison.problems[place].question;
    let tree = &outcome.tree;
    let sample = |&first: &NodeId| {
        let line = std::iter::successors(Some(first), |&id| tree[id].children.first().copied());
        let line: Vec<NodeId> = line.collect();
        let finished = line.last().is_some_and(|&end| tree[end].is_finished());
        let mut steps: Vec<Arc<Step>> = line.iter().map(|&id| Arc::clone(&tree[id].step)).collect();
        let generated = steps.iter().map(|step| step.generated()).sum();
        // As the driver has it: nothing is judged after the last text.
        while steps.last().is_some_and(|step| step.is_blank()) {
            steps.pop();
        }
        let judged = steps.iter().map(|step| step.tokens.len() as u64).sum();
        let count = steps.len();
        let path = Trajectory::new(Arc::clone(tree.prompt()), steps, count, finished);
        let text = path.text();
        Sample {
            // What was cut off has no final answer: a number that stands last does not vote.
            answer: Math.answer(&text).filter(|_| finished),
            correct: finished && comparison.family.solved(question, &lines(&text)),
            generated,
            judged,
            path,
        }
    };
    tree[NodeId::ROOT].children.iter().map(sample).collect()
}

/// The score of each sample, from the scores of its steps; `tick` hears how many samples are judged
/// after each batch.
///
/// # Errors
/// When the scorer fails.
pub fn score(
    scorer: &dyn StepScorer,
    aggregate: Aggregate,
    pools: &[Vec<Sample>],
    mut tick: impl FnMut(usize),
) -> Result<Vec<Vec<f64>>, EvaluateError> {
    let paths: Vec<Trajectory> = pools.iter().flatten().map(|sample| sample.path.clone()).collect();
    let mut scores = Vec::with_capacity(paths.len());
    for batch in paths.chunks(BATCH) {
        let scored = scorer.score(batch).map_err(EvaluateError::Scorer)?;
        if scored.len() != batch.len() {
            let problem = format!("{} paths scored of {}", scored.len(), batch.len());
            return Err(EvaluateError::Scorer(problem.into()));
        }
        // A sample without any text has no step to judge: nothing speaks for it.
        scores.extend(scored.into_iter().map(|s| aggregate.apply(s.scores).unwrap_or(0.0)));
        tick(batch.len());
    }
    let mut scores = scores.into_iter();
    Ok(pools.iter().map(|pool| scores.by_ref().take(pool.len()).collect()).collect())
}

/// Whether a choice from a pool is right: of `correct` samples with these votes.
pub fn choose(method: Method, votes: &[Vote], correct: &[bool]) -> bool {
    let same = Math.comparer();
    let chosen = match method {
        Method::Majority => majority(votes, same),
        Method::Weighted => weighted(votes, same, select::Weight::Raw),
        Method::PassAtN => return correct.contains(&true),
        _ => best(votes),
    };
    chosen.is_some_and(|index| correct.get(index) == Some(&true))
}
