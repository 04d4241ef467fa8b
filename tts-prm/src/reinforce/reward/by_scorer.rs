//! The scorer's own score as the reward: a reward model of outcomes, of steps, or one on a server.
//!
//! What a process or outcome reward model says of a solution is what it is worth, on the scorer's scale; so are the
//! values that a judge in the sampler gives. For open questions without a right answer it is the only reward there
//! is, and for others it is one more term. A policy that learns from it alone learns to please the scorer: keep
//! samples and read them, or let [`super::Right`] stand beside it.
//!
//! What was cut is no solution, and some scorers refuse what they cannot judge: such a sample is worth as much as
//! the least of its group that was scored, so that nothing is gained by not ending. It counts as one that nothing is
//! known of ([`Reward::knows`]). A group in which nothing was scored has 0 for all.
//!
//! Source: Shao et al. 2024 (arXiv 2402.03300), section 4.1.2, outcome supervision by a reward model; DeepSeek-AI
//! 2025 (arXiv 2501.12948), section 2.3.4, preference reward models for questions without a rule.

use serde::{Deserialize, Serialize};
use tts_core::Aggregate;

use super::{Asked, Reward};
use crate::PrmError;
use crate::reinforce::Sample;

/// What the scorer says of a finished solution.
///
/// ```
/// use tts_core::Aggregate;
/// use tts_prm::reinforce::{ByScorer, RewardSpec, Term};
/// let term: Term = serde_json::from_str(r#"{"of": {"scored": {"aggregate": "min"}}}"#)?;
/// assert_eq!(term.of, RewardSpec::Scored(ByScorer { aggregate: Aggregate::Min }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ByScorer {
    /// How scores of steps become that of a solution; by the scorer's scale unless said, as the search itself ranks.
    pub aggregate: Aggregate,
}

impl ByScorer {
    /// What a finished sample is worth, if it was scored.
    fn of(self, sample: &Sample) -> Option<f64> {
        if !sample.is_finished() {
            return None;
        }
        match self.aggregate {
            Aggregate::ByScale => sample.value,
            other => other.apply(sample.scored.iter().map(|step| step.score)),
        }
    }

    /// # Errors
    /// When the aggregate may be no number.
    pub(super) fn check(self) -> Result<(), PrmError> {
        if self.aggregate != Aggregate::SumLog {
            return Ok(());
        }
        let problem = "sum-log is minus infinity where a step has 0: expected another one";
        Err(PrmError::reinforce("scored.aggregate", problem))
    }
}

impl Reward for ByScorer {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let own: Vec<Option<f64>> = asked.samples.iter().map(|sample| self.of(sample)).collect();
        let least = own.iter().flatten().copied().reduce(f64::min).unwrap_or_default();
        own.into_iter().map(|score| score.unwrap_or(least)).collect()
    }

    fn knows(&self, asked: &Asked<'_>) -> Vec<bool> {
        asked.samples.iter().map(|sample| self.of(sample).is_some()).collect()
    }
}
