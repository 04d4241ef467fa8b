//! Whose scores a setting is fitted to: numbers that are compared with scores mean nothing by another scorer.
//!
//! A threshold of 0.7 among probabilities has every log-probability below it. So a setting that was fitted says on whose
//! scores ([`FittedTo`]), a strategy passes that on as one of its needs ([`crate::Requirements::fitted`]), and a search
//! whose scorer is another is refused before anything is spent.
//!
//! Source: none.

use serde::{Deserialize, Serialize};

use super::settings::Judge;
use crate::Aggregate;
use crate::path::Unit;

/// The scorer that a setting is fitted to, as far as it matters.
///
/// ```
/// use tts_core::drive::{FittedTo, Judge};
/// use tts_core::Scale;
/// let prm = Judge { scale: Scale::STEP, identity: Some("a PRM".into()), ..Judge::default() };
/// let fitted = FittedTo::of(&prm, Default::default());
/// assert!(fitted.check(&prm).is_ok());
/// let logprob = Judge { scale: Scale::LOG_PROBABILITY, ..prm.clone() };
/// assert!(fitted.check(&logprob).unwrap_err().contains("fitted to probabilities"));
/// let other = Judge { identity: Some("another".into()), ..prm };
/// assert!(fitted.check(&other).unwrap_err().contains("\"a PRM\""));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedTo {
    /// What its scores are measured in.
    pub unit: Unit,
    /// How the scores of steps become that of a path; `None` where that is not the scorer's to say, or is all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Aggregate>,
    /// What it is ([`crate::StepScorer::identity`]); `None` for any scorer of that unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

impl FittedTo {
    /// This scorer, where paths are scored by `aggregate`.
    pub fn of(judge: &Judge, aggregate: Aggregate) -> Self {
        let by_scale = aggregate == Aggregate::ByScale;
        Self {
            unit: judge.scale.unit,
            aggregate: by_scale.then(|| judge.scale.resolve(aggregate)),
            identity: judge.identity.clone(),
        }
    }

    /// Refuses another scorer. One that cannot say who it is passes where its scores are of the kind.
    ///
    /// # Errors
    /// A sentence that tells whom the setting is fitted to, and who judges here.
    pub fn check(&self, judge: &Judge) -> Result<(), String> {
        let scale = judge.scale;
        if self.unit != scale.unit {
            let (own, found) = (self.unit.plural(), scale.unit.plural());
            return Err(format!("is fitted to {own}, and the scorer gives {found}"));
        }
        let found = scale.resolve(Aggregate::ByScale);
        if let Some(own) = self.aggregate.filter(|own| *own != found) {
            return Err(format!(
                "is fitted to paths by {}, and the scorer's are by {}",
                own.word(),
                found.word()
            ));
        }
        match (&self.identity, &judge.identity) {
            (Some(own), Some(found)) if own != found => {
                Err(format!("is fitted to the scorer {own:?}, and {found:?} judges here"))
            }
            _ => Ok(()),
        }
    }
}
