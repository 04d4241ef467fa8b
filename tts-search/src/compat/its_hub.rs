//! `its_hub`: its algorithms with the `budget` that each is called with there.
//!
//! | there | here |
//! |---|---|
//! | the first level of a beam has `budget / beam_width` paths | `first` |
//! | finished paths are copied like live ones | each stays in the ranking, once |
//! | whole stripped texts vote, ties are drawn | answers vote, the first of a tie wins |
//! | the last step of a particle filter is resampled once more | nothing is drawn after it |
//! | a reference particle weighs at every step what it weighs at its end | what it weighs at that step |
//! | `resampling_method` is not passed on | it is |
//! | the entropy of two particles is not divided by `ln 2` | it is |
//! | a model that is done is asked for empty steps until `max_steps` | it is done |
//!
//! Source: `its_hub` 1.2.0 on the Python package index, `algorithms/`.

use tts_core::{Aggregate, Sampling, Selection};

use super::Steps;
use crate::particle::{Anneal, AnnealBy};
use crate::{
    AdaptiveConsistency, BeamSearch, BestOfN, Completed, ParticleFilter, ParticleGibbs,
    SelfConsistency, StopWhen,
};

/// `StepGeneration(max_steps, step_token)`: one step more than it says, as there. How long steps are it does not say.
pub fn steps(max_steps: u32, step_token: &str) -> Steps {
    Steps {
        delimiters: Some(vec![step_token.to_owned()]),
        max_steps: Some(max_steps.saturating_add(1)),
        ..Steps::default()
    }
}

/// How `StepGeneration` draws tokens: at temperature 0.8. Of whole samples nothing is said.
pub fn sampling() -> Sampling {
    Sampling::temperature(0.8)
}

/// `SelfConsistency`.
pub fn self_consistency(budget: usize) -> SelfConsistency {
    SelfConsistency { n: budget, ..SelfConsistency::default() }
}

/// `AdaptiveSelfConsistency`: two samples, then as many again as there are, until an answer has three quarters of
/// the votes.
pub fn adaptive_self_consistency(budget: usize) -> AdaptiveConsistency {
    AdaptiveConsistency {
        first: 2.min(budget),
        round: None,
        most: budget,
        stop: StopWhen::Share(0.75),
        ..AdaptiveConsistency::default()
    }
}

/// `BetaSelfConsistency`: until the leader is ahead with a probability of 0.95. There all samples are asked
/// for at once and the rest is called off; here they are asked for in rounds of `round`.
pub fn beta_self_consistency(budget: usize, round: usize) -> AdaptiveConsistency {
    AdaptiveConsistency {
        first: round.min(budget),
        round: Some(round),
        most: budget,
        stop: StopWhen::Beta(0.95),
        ..AdaptiveConsistency::default()
    }
}

/// `BestOfN`, by the score of the last step: an outcome reward model has no other.
pub fn best_of_n(budget: usize) -> BestOfN {
    BestOfN { n: budget, select: Selection::best(Aggregate::Last) }
}

/// `BeamSearch(beam_width)`, with scores joined as their process reward model joins them (`prod`, `min`, `last`).
///
/// ```
/// use tts_core::Aggregate;
/// use tts_search::compat::its_hub;
/// let beam = its_hub::beam_search(16, 4, Aggregate::Product)?;
/// assert_eq!((beam.first, beam.keep, beam.branch), (Some(4), 4, 4));
/// assert!(its_hub::beam_search(10, 4, Aggregate::Product).is_err());
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
/// When `beam_width` does not divide `budget`; when the first level would have fewer paths than are kept,
/// from which theirs grows: a first level of `beam_width` is what is meant there.
pub fn beam_search(
    budget: usize,
    beam_width: usize,
    aggregate: Aggregate,
) -> Result<BeamSearch, String> {
    let BeamSearch { branch, .. } = BeamSearch::snell(budget, beam_width)?;
    if budget / branch < branch {
        return Err(format!(
            "budget is {budget} with a beam width of {beam_width}: the first level would have {} paths, expected \
             at least {beam_width}",
            budget / beam_width
        ));
    }
    Ok(BeamSearch {
        first: Some(budget / beam_width),
        keep: beam_width,
        branch: budget / beam_width,
        aggregate,
        completed: Completed::Compete,
        select: Selection::best(aggregate),
        ..BeamSearch::default()
    })
}

/// `ParticleFiltering`: drawn after every step, by the odds of the score.
pub fn particle_filtering(budget: usize) -> ParticleFilter {
    ParticleFilter::of(budget)
}

/// `EntropicParticleFiltering`.
pub fn entropic_particle_filtering(budget: usize) -> ParticleFilter {
    ParticleFilter::entropic(budget)
}

/// `EntropicParticleFiltering(temperature_method)`: `ess`, `entropy`, and `base`, which begins at 2.
///
/// ```
/// use tts_search::compat::its_hub;
/// use tts_search::particle::AnnealBy;
/// let base = its_hub::entropic_particle_filtering_by(8, AnnealBy::Linear { from: 2.0 });
/// assert!(base.anneal.is_some_and(|anneal| anneal.temperature(0.125, 0.5, 10) == 1.75));
/// ```
pub fn entropic_particle_filtering_by(budget: usize, by: AnnealBy) -> ParticleFilter {
    let anneal = Some(Anneal { by, ..Anneal::default() });
    ParticleFilter { anneal, ..ParticleFilter::entropic(budget) }
}

/// `ParticleGibbs(num_iterations)`: as many particles an iteration as the budget leaves.
///
/// # Errors
/// When `iterations` does not divide `budget`, or leaves fewer than two particles.
pub fn particle_gibbs(budget: usize, iterations: usize) -> Result<ParticleGibbs, String> {
    if iterations == 0 || !budget.is_multiple_of(iterations) || budget / iterations < 2 {
        return Err(format!(
            "budget is {budget} for {iterations} iterations, expected at least two particles for each"
        ));
    }
    let filter = ParticleFilter::of(budget / iterations);
    Ok(ParticleGibbs { iterations, filter, ..ParticleGibbs::default() })
}
