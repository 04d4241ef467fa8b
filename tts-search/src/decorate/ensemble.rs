//! Ensemble: several scorers as one, by the mean or the least of what they say of a step.
//!
//! A search finds a scorer's errors; errors that two scorers do not share it does not find. The least trusts
//! a step only when all do. What is combined must be on one scale, unit and aggregate: the mean of a
//! probability and a reward means nothing, and neither do scores that only rank. A path that one of them cannot
//! judge is not judged; a score that is none of its scorer's scale is an error that names the scorer. The least
//! of unbounded rewards is refused: only their differences mean something.
//!
//! Cost: that of all scorers, one after the other; counted as the sum of their operations. To be asked on a
//! thread of its own, the whole goes into [`tts_core::scorer::Apart`], not its parts.
//!
//! When: noisy scorers with different errors. Copies of one scorer change nothing.
//!
//! Source: Coste et al. 2023, "Reward Model Ensembles Help Mitigate Overoptimization" (arXiv 2310.02743),
//! mean and worst-case optimisation.

use serde::{Deserialize, Serialize};
use tts_core::cost::ModelCost;
use tts_core::scorer::{Reads, Scored};
use tts_core::{BoxError, Scale, StepScorer, Trajectory, Unit};

/// How the scores of one step become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Combine {
    /// Their mean.
    #[default]
    Mean,
    /// The least of them.
    Min,
}

/// Scorers that cannot be combined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnsembleError {
    /// No scorer.
    #[error("ensemble: no scorer, expected at least one")]
    Empty,
    /// A scorer whose scores only rank.
    #[error("ensemble: {name} does not state its scale (StepScorer::scale)")]
    Unstated {
        /// Its name.
        name: String,
    },
    /// Scorers of different scales.
    #[error("ensemble: {name} scores on another scale than {first}")]
    Scale {
        /// The first one.
        first: String,
        /// The other one.
        name: String,
    },
    /// A scorer without bounds, whose least would be that of whoever has the lower numbers.
    #[error("ensemble: {name} scores by unbounded rewards, of which the least means nothing")]
    Unbounded {
        /// Its name.
        name: String,
    },
    /// Scorers of different vocabularies.
    #[error("ensemble: {name} reads another vocabulary than those before it")]
    Vocabulary {
        /// The other one.
        name: String,
    },
}

/// Several scorers as one.
///
/// ```
/// use tts_core::{Scale, Search, StepRule, scorer, toy::{Oracle, ToyWorld}};
/// use tts_search::decorate::{Combine, Ensemble};
/// use tts_search::BestOfN;
/// let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
/// let one = Oracle { noise: 0.3, seed: 1 };
/// let other = Oracle { noise: 0.3, seed: 2 };
/// let both = Ensemble::new(Combine::Min).with("one", one)?.with("other", other)?;
/// let search = Search::new(&world).scorer(both).rule(StepRule::lines());
/// let outcome = search.run(BestOfN { n: 8, ..Default::default() }, world.prompt(0))?;
/// assert!(outcome.answer().is_some());
///
/// let reward = scorer::from_fn(|_, _| 3.0).with_scale(Scale::REWARD);
/// let error = Ensemble::new(Combine::Mean).with("one", one)?.with("reward", reward).unwrap_err();
/// assert_eq!(error.to_string(), "ensemble: reward scores on another scale than one");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Ensemble<'a> {
    scorers: Vec<(String, Box<dyn StepScorer + 'a>)>,
    combine: Combine,
}

impl std::fmt::Debug for Ensemble<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.scorers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Ensemble").field("scorers", &names).field("combine", &self.combine).finish()
    }
}

impl<'a> Ensemble<'a> {
    /// No scorer yet; one without any cannot judge.
    pub fn new(combine: Combine) -> Self {
        Self { scorers: Vec::new(), combine }
    }

    /// With a further scorer, by a name for what is said of it.
    ///
    /// # Errors
    /// When its scale is not stated, it differs from those before in scale or vocabulary, or the least of
    /// its scores means nothing.
    pub fn with(
        mut self,
        name: impl Into<String>,
        scorer: impl StepScorer + 'a,
    ) -> Result<Self, EnsembleError> {
        let name = name.into();
        if scorer.scale().unit == Unit::Unstated {
            return Err(EnsembleError::Unstated { name });
        }
        if self.combine == Combine::Min && scorer.scale().unit == Unit::Reward {
            return Err(EnsembleError::Unbounded { name });
        }
        if let Some((first, other)) = self.scorers.first()
            && other.scale() != scorer.scale()
        {
            return Err(EnsembleError::Scale { first: first.clone(), name });
        }
        if let (Some(one), Some(other)) = (self.vocabulary(), scorer.vocabulary())
            && one != other
        {
            return Err(EnsembleError::Vocabulary { name });
        }
        self.scorers.push((name, Box::new(scorer)));
        Ok(self)
    }

    /// What all say of one path as one.
    fn combined(&self, said: &[Scored], steps: usize) -> Result<Scored, BoxError> {
        let costs = self.scorers.iter().map(|(_, scorer)| scorer.cost());
        let reads = Reads::together(said.iter().map(|scored| scored.reads).zip(costs));
        for ((name, scorer), scored) in self.scorers.iter().zip(said) {
            if let Some(why) = &scored.refused {
                return Ok(Scored::refused(format!("{name}: {why}")).reading(reads));
            }
            if scored.scores.len() != steps {
                let found = scored.scores.len();
                return Err(format!("{name}: {found} scores of {steps} steps").into());
            }
            let scale = scorer.scale();
            if let Some(place) = scored.scores.iter().position(|&score| !scale.holds(score)) {
                let score = scored.scores[place];
                return Err(
                    format!("{name}: the score of step {place} is {score}, on {scale}").into()
                );
            }
        }
        let step = |place: usize| {
            let scores = said.iter().map(|scored| scored.scores[place]);
            match self.combine {
                Combine::Mean => scores.sum::<f64>() / said.len() as f64,
                Combine::Min => scores.fold(f64::INFINITY, f64::min),
            }
        };
        Ok(Scored::of((0..steps).map(step).collect()).reading(reads))
    }
}

impl StepScorer for Ensemble<'_> {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        if self.scorers.is_empty() {
            return Err(EnsembleError::Empty.into());
        }
        let mut said: Vec<Vec<Scored>> = vec![Vec::new(); batch.len()];
        for (name, scorer) in &self.scorers {
            let scored = scorer.score(batch).map_err(|error| format!("{name}: {error}"))?;
            if scored.len() != batch.len() {
                let (paths, judged) = (batch.len(), scored.len());
                return Err(format!("{name}: {judged} judgements of {paths} paths").into());
            }
            said.iter_mut().zip(scored).for_each(|(said, scored)| said.push(scored));
        }
        let steps = batch.iter().map(|path| path.fresh_steps().len());
        said.iter().zip(steps).map(|(said, steps)| self.combined(said, steps)).collect()
    }

    fn scale(&self) -> Scale {
        self.scorers.first().map_or(Scale::UNSTATED, |(_, scorer)| scorer.scale())
    }

    /// One model with the operations of all.
    fn cost(&self) -> ModelCost {
        ModelCost::together(self.scorers.iter().map(|(_, scorer)| scorer.cost()))
    }

    fn identity(&self) -> Option<String> {
        let each = |(name, scorer): &(String, Box<dyn StepScorer + '_>)| {
            scorer.identity().map(|identity| format!("{name}={identity}"))
        };
        let all: Option<Vec<String>> = self.scorers.iter().map(each).collect();
        let all = all?;
        Some(format!("{:?}({})", self.combine, all.join(", ")))
    }

    fn vocabulary(&self) -> Option<u64> {
        self.scorers.iter().find_map(|(_, scorer)| scorer.vocabulary())
    }
}
