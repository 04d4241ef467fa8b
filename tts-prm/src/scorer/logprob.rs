//! Log-probabilities under the generator as scores: no reward model, and no model run.
//!
//! Every step carries the log-probability of each token that the model generated for it. A scorer
//! here reduces those to one number, in nats, at most 0.
//!
//! Which aggregate fits: with [`MeanLogprob`], `Mean` (steps weigh alike; the default) and `Min` or
//! `Last` (the least, or most recently, sure step). With [`SumLogprob`], `Sum` is the log-likelihood of
//! the path, which favours short paths. `Product` and `SumLog` mean nothing on this scale, and are
//! refused. A weighted vote weighs by the exponential ([`Scale::LOG_PROBABILITY`]).
//!
//! Source: mean token log-probability as in the length normalisation of beam search (Wu et al.
//! 2016, section 7) and as weights of self-consistency (Wang et al. 2023, section 3.1, table 1).

use tts_core::{Aggregate, BoxError, Scale, Scored, Step, StepScorer, Trajectory};

use crate::PrmError;

/// Mean log-probability of a step's generated tokens.
///
/// A step of which nothing was generated (all its tokens were given) gets the mean over the
/// generated tokens before it on its path, 0 when there are none: it moves no mean.
///
/// # Errors
/// [`StepScorer::score`] fails, naming the step, when a step has generated tokens without one
/// log-probability each (a generator that cannot tell), or one that is not finite.
///
/// ```
/// use std::sync::Arc;
/// use tts_core::{Prompt, Step, StepScorer, Trajectory};
/// use tts_prm::MeanLogprob;
///
/// let step = Step { text: "4".into(), tokens: vec![7, 8], logprobs: vec![-1.0, -0.5], ..Step::default() };
/// let path = Trajectory::new(Arc::new(Prompt::from("2 + 2?")), vec![Arc::new(step)], 1, true);
/// assert_eq!(MeanLogprob.score(&[path])?[0].scores, [-0.75]);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeanLogprob;

/// Sum of the log-probabilities of a step's generated tokens: with `Aggregate::Sum`, the
/// log-likelihood of the path. A step of which nothing was generated gets 0.
///
/// # Errors
/// As [`MeanLogprob`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SumLogprob;

/// Number and sum of log-probabilities.
type Tally = (u64, f64);

fn tally(path: usize, index: usize, step: &Step) -> Result<Tally, PrmError> {
    let (expected, found) = (step.generated(), step.logprobs.len() as u64);
    if found == 0 && expected > 0 {
        let problem = "no log-probabilities: the generator does not tell them";
        return Err(PrmError::step(path, index, problem));
    }
    if found != expected {
        let problem = format!("{found} log-probabilities for {expected} generated tokens");
        return Err(PrmError::step(path, index, problem));
    }
    if let Some(bad) = step.logprobs.iter().find(|logprob| !logprob.is_finite()) {
        return Err(PrmError::step(path, index, format!("a log-probability is {bad}")));
    }
    Ok((found, step.logprobs.iter().map(|&logprob| f64::from(logprob)).sum()))
}

/// `reduce` sees the tally of all steps before, and that of the step.
fn score(
    batch: &[Trajectory],
    reduce: impl Fn(Tally, Tally) -> f64,
) -> Result<Vec<Scored>, BoxError> {
    let one = |(index, path): (usize, &Trajectory)| -> Result<Scored, BoxError> {
        let judged = path.judged_steps().len();
        let mut before = (0, 0.0);
        let mut scores = Vec::new();
        for (place, step) in path.steps().iter().enumerate() {
            // A step that is not judged is only background: it may lack what it was judged by.
            let own = match tally(index, place, step) {
                Err(_) if place < judged => (0, 0.0),
                own => own?,
            };
            if place >= judged {
                scores.push(reduce(before, own));
            }
            before = (before.0 + own.0, before.1 + own.1);
        }
        Ok(Scored::of(scores))
    };
    batch.iter().enumerate().map(one).collect()
}

impl StepScorer for MeanLogprob {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        score(batch, |before, own| {
            let (count, sum) = if own.0 == 0 { before } else { own };
            if count == 0 { 0.0 } else { sum / count as f64 }
        })
    }

    fn scale(&self) -> Scale {
        Scale::LOG_PROBABILITY
    }

    fn identity(&self) -> Option<String> {
        Some("mean log-probability".into())
    }
}

impl StepScorer for SumLogprob {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        score(batch, |_, (_, sum)| sum)
    }

    fn scale(&self) -> Scale {
        Scale::LOG_PROBABILITY.by(Aggregate::Sum)
    }

    fn identity(&self) -> Option<String> {
        Some("summed log-probability".into())
    }
}
