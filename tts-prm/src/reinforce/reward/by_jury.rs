//! A judge's verdict as the reward: style, helpfulness, open questions, whatever a model can be asked about.
//!
//! The judge writes, is asked several times, and its votes add up, as in any search ([`Jury`]). All samples of a
//! round are heard at once, before rewards are given; what it costs goes to the journal. A judge that sees several
//! responses at once compares those of a group, which is what advantages do.
//!
//! A sample of which no judgement could be read is worth the mean of its group, so that this term neither praises nor
//! blames it, and counts as one that nothing is known of ([`Reward::knows`]). A group without any judgement has 0
//! for all.
//!
//! Source: Bai et al. 2022 (arXiv 2212.08073), section 4 (a model's preferences as the reward); Yuan et al. 2024
//! (arXiv 2401.10020), section 2, for a policy that judges itself; Liu et al. 2025 (arXiv 2504.02495), section 4, for
//! votes.

use serde::{Deserialize, Serialize};

use super::{Asked, Reward, neutral};
use crate::PrmError;
use crate::critic::Jury;

/// What a jury says of a solution, 0 to 1 of the judge's range, or its share of wins.
///
/// ```
/// use tts_prm::reinforce::Term;
/// let term: Term = serde_json::from_str(
///     r#"{"of": {"judged": {"jury": {"judge": {"template": "score",
///         "reading": {"json": {"field": "score", "low": 1, "high": 10}}}, "samples": 2}}}, "weight": 0.5}"#,
/// )?;
/// assert_eq!(term.of.name(), "judged");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ByJury {
    /// What the journal calls it; `judged` unless said. Several juries need several names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who judges, and how often. Its role is one of the run's ([`crate::reinforce::Reinforce::role`]); without one
    /// the policy judges itself, as it is by then.
    pub jury: Jury,
    /// Whether it is shown the whole prompt, with instructions and worked examples, in place of the question alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole_prompt: bool,
}

impl ByJury {
    /// What the journal calls it.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("judged")
    }

    /// What was said of each sample, if this jury was heard.
    fn said<'a>(&self, asked: &Asked<'a>) -> &'a [Option<f64>] {
        asked.heard.get(self.name()).map_or(&[], Vec::as_slice)
    }

    /// # Errors
    /// When nobody is asked, or the jury makes no sense.
    pub(super) fn check(&self) -> Result<(), PrmError> {
        let wrong = |problem: String| Err(PrmError::reinforce(self.name(), problem));
        if self.name().trim().is_empty() {
            return Err(PrmError::reinforce("judged.name", "it is blank, expected a name"));
        }
        if self.jury.samples == 0 {
            return wrong("samples is 0, expected at least 1".to_owned());
        }
        self.jury.check().or_else(wrong)
    }
}

impl Reward for ByJury {
    fn rewards(&self, asked: &Asked<'_>) -> Vec<f64> {
        let said = self.said(asked);
        let own = |place| said.get(place).copied().flatten();
        neutral(&(0..asked.samples.len()).map(own).collect::<Vec<_>>())
    }

    fn knows(&self, asked: &Asked<'_>) -> Vec<bool> {
        let said = self.said(asked);
        (0..asked.samples.len()).map(|place| said.get(place).is_some_and(Option::is_some)).collect()
    }
}
