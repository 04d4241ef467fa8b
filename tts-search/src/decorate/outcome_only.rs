//! Outcome-only: a scorer that says nothing of steps, and judges a finished solution as a whole.
//!
//! Unfinished paths get the score that says nothing, 1/2 of a probability and 0 of log-odds, without asking
//! the scorer inside; a finished one gets at its last step what the scorer says of all of its steps, aggregated
//! as its scale has it. So a search by steps becomes one by outcomes, and what is lost is the worth of judging
//! steps: the comparison of process and outcome supervision with one model.
//!
//! Cost: that of the scorer inside for finished solutions, each from its first step on; nothing for others. A hard
//! budget of scored tokens counts on as much for every path as the longest before took. To be asked on a thread of its own, the whole goes into [`tts_core::scorer::Apart`], not the scorer inside.
//!
//! When: to tell what step scores are worth; a scorer that was trained on outcomes alone.
//!
//! Source: the comparison of outcome with process supervision, Lightman et al. 2023 (arXiv 2305.20050),
//! section 2; the score of an unfinished path is that of [`tts_core::scorer`].

use std::sync::Arc;

use tts_core::cost::ModelCost;
use tts_core::scorer::{NEUTRAL, Reads, Scored};
use tts_core::{Aggregate, BoxError, Scale, StepScorer, Trajectory, Unit};

/// A scorer of outcomes.
///
/// ```
/// use tts_core::{Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::{BestOfN, decorate::OutcomeOnly};
/// let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
/// let oracle = OutcomeOnly::of(Oracle::of(&world))?;
/// let search = Search::new(&world).scorer(oracle).rule(StepRule::lines());
/// let outcome = search.run(BestOfN { n: 8, ..Default::default() }, world.prompt(0))?;
/// let best = outcome.best.expect("an answer");
/// let scores = outcome.tree.scores(best);
/// assert!(scores[..scores.len() - 1].iter().all(|&score| score == 0.5));
/// assert_eq!(scores.last(), Some(&1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct OutcomeOnly<S> {
    scorer: S,
    neutral: f64,
}

impl<S: StepScorer> OutcomeOnly<S> {
    /// The outcomes of `scorer`.
    ///
    /// # Errors
    /// A sentence when its scale has no score that says nothing (of probabilities and log-odds there is one),
    /// or its steps come to what is none of its scores.
    pub fn of(scorer: S) -> Result<Self, String> {
        let neutral = match scorer.scale().unit {
            Unit::Probability => NEUTRAL,
            Unit::LogOdds => 0.0,
            other => {
                return Err(format!(
                    "outcome-only: on the scale {other:?} no score says nothing, expected \
                     probabilities or log-odds"
                ));
            }
        };
        let (scale, aggregate) = (scorer.scale(), scorer.scale().resolve(Aggregate::ByScale));
        scale.check_aggregate(aggregate).map_err(|problem| format!("outcome-only: {problem}"))?;
        let sums = matches!(aggregate, Aggregate::Sum | Aggregate::SumLog);
        if sums && scale.unit == Unit::Probability {
            return Err(format!(
                "outcome-only: on the scale {scale} a solution comes to no probability, expected another \
                 aggregate than a sum"
            ));
        }
        Ok(Self { scorer, neutral })
    }

    fn judged(&self, path: &Trajectory, scored: Scored) -> Scored {
        let score = self.scorer.scale().resolve(Aggregate::ByScale).apply(scored.scores);
        let (Some(score), None) = (score, &scored.refused) else {
            let why = scored.refused.unwrap_or_else(|| "it has no score".into());
            return Scored::refused(why).reading(scored.reads);
        };
        let mut scores = vec![self.neutral; path.fresh_steps().len()];
        if let Some(last) = scores.last_mut() {
            *last = score;
        }
        Scored::of(scores).reading(self.reads(path, scored.reads))
    }

    /// What was read of a whole path: the steps before the fresh ones, too, where the path was.
    fn reads(&self, path: &Trajectory, inner: Option<Reads>) -> Option<Reads> {
        let before = path.judged_steps().iter().map(|step| step.tokens.len() as u64).sum::<u64>();
        match inner {
            None if before == 0 => None,
            None => Some(Reads { tokens: before, flops: 0.0, path: Some(self.cost()) }),
            Some(reads) if reads.path.is_some() => {
                Some(Reads { tokens: reads.tokens + before, ..reads })
            }
            Some(reads) => Some(reads),
        }
    }
}

impl<S: StepScorer> StepScorer for OutcomeOnly<S> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let whole = |path: &Trajectory| {
            let asked = Arc::new(path.asked().clone());
            let (steps, all) = (path.steps().to_vec(), path.len());
            Trajectory::new(asked, steps, all, true).about(Arc::clone(path.shared_prompt()))
        };
        let finished: Vec<Trajectory> =
            batch.iter().filter(|path| path.is_finished()).map(whole).collect();
        let scored = if finished.is_empty() { Vec::new() } else { self.scorer.score(&finished)? };
        if scored.len() != finished.len() {
            let (paths, judged) = (finished.len(), scored.len());
            return Err(format!("{judged} judgements of {paths} paths").into());
        }
        let mut scored = scored.into_iter();
        let mut judged = |path: &Trajectory| path.is_finished().then(|| scored.next()).flatten();
        let score = |path: &Trajectory| match judged(path) {
            Some(judged) => self.judged(path, judged),
            None => Scored::of(vec![self.neutral; path.fresh_steps().len()])
                .reading(Some(Reads::default())),
        };
        Ok(batch.iter().map(score).collect())
    }

    fn scale(&self) -> Scale {
        self.scorer.scale().by(Aggregate::Last)
    }

    fn cost(&self) -> ModelCost {
        self.scorer.cost()
    }

    fn identity(&self) -> Option<String> {
        self.scorer.identity().map(|inner| format!("outcome-only({inner})"))
    }

    fn vocabulary(&self) -> Option<u64> {
        self.scorer.vocabulary()
    }
}
