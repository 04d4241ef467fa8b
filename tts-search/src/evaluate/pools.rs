//! Pools of samples: written once, scored once by each scorer, chosen from by every rule.
//!
//! [`draw`] writes N solutions of each problem, [`score`] judges them all in large batches. Majority,
//! best-of-N and the weighted vote then choose from the same samples ([`choose`]), so that none of
//! them can be right where pass@N is not; and each is right where a search that samples so is. Seeds go
//! by place in the tree: the first 4 samples of a pool of 16 are the pool of 4.
//!
//! Source: the selectors of [`tts_core::select`].

use std::sync::Arc;

use tts_core::family::lines;
use tts_core::metrics::{Metric, Pool, Sampled};
use tts_core::select::Weight;
use tts_core::task::Math;
use tts_core::{
    Aggregate, NodeId, Outcome, Rule, Scale, Selection, Step, StepScorer, Task, Trajectory,
};

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

impl Sample {
    /// As one of a pool, with the score that [`score`] found.
    pub fn sampled(&self, score: Option<f64>) -> Sampled {
        Sampled {
            answer: self.answer.clone(),
            score,
            finished: self.path.is_finished(),
            right: self.correct,
        }
    }
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

/// The score of each sample, from the scores of its steps by this aggregate, as the scorer's scale reads it;
/// `None` of a sample without any text, or one that the scorer could not judge. `tick` hears how many samples are
/// judged after each batch.
///
/// # Errors
/// When the scorer fails.
pub fn score(
    scorer: &dyn StepScorer,
    aggregate: Aggregate,
    pools: &[Vec<Sample>],
    mut tick: impl FnMut(usize),
) -> Result<Vec<Vec<Option<f64>>>, EvaluateError> {
    let aggregate = scorer.scale().resolve(aggregate);
    let paths: Vec<Trajectory> = pools.iter().flatten().map(|sample| sample.path.clone()).collect();
    let mut scores = Vec::with_capacity(paths.len());
    for batch in paths.chunks(BATCH) {
        let scored = scorer.score(batch).map_err(EvaluateError::Scorer)?;
        if scored.len() != batch.len() {
            let problem = format!("{} paths scored of {}", scored.len(), batch.len());
            return Err(EvaluateError::Scorer(problem.into()));
        }
        scores.extend(scored.into_iter().map(|scored| aggregate.apply(scored.scores)));
        tick(batch.len());
    }
    let mut scores = scores.into_iter();
    Ok(pools.iter().map(|pool| scores.by_ref().take(pool.len()).collect()).collect())
}

/// Whether a choice from a pool is right: what a search that drew these samples would return, with scores of this
/// scale that `aggregate` made of those of steps.
///
/// ```
/// use tts_core::metrics::Sampled;
/// use tts_core::{Aggregate, Scale};
/// use tts_search::evaluate::{Method, pools};
/// let sample = |answer: &str, score| {
///     Sampled { answer: Some(answer.into()), score: Some(score), finished: true, right: answer == "4" }
/// };
/// let samples = [sample("5", -2.0), sample("4", -1.0), sample("4", -1.0)];
/// // Log-odds weigh by their probabilities, which are positive.
/// assert!(pools::choose(Method::Weighted, &samples, Scale::LOG_ODDS, Aggregate::ByScale)?);
/// // What a score of no stated scale weighs, nobody knows.
/// assert!(pools::choose(Method::Weighted, &samples, Scale::UNSTATED, Aggregate::ByScale).is_err());
/// # Ok::<(), tts_search::evaluate::EvaluateError>(())
/// ```
///
/// # Errors
/// When there are no samples, or the choice means nothing for scores of that scale.
pub fn choose(
    method: Method,
    samples: &[Sampled],
    scale: Scale,
    aggregate: Aggregate,
) -> Result<bool, EvaluateError> {
    let (metric, rule) = match method {
        Method::PassAtN => (Metric::Pass, Rule::Majority),
        Method::Majority => (Metric::Vote(Weight::Count), Rule::Majority),
        Method::Weighted => (Metric::Weighted, Rule::Weighted),
        _ => (Metric::Best, Rule::Best),
    };
    scale.check(Selection { rule, aggregate }).map_err(EvaluateError::Settings)?;
    let pool = Pool::of_samples(samples, scale, aggregate, Math.comparer())?;
    // The whole pool is one subset.
    Ok(pool.at_k(metric, pool.len(), 1, 0)?.value > 0.5)
}
