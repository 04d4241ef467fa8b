//! Active learning: which solutions are worth a label.
//!
//! A label on a solution that the reward model already judges rightly says nothing new. What teaches
//! most are solutions that convince it and are wrong. Of each problem [`convincing`] picks these first, and
//! then the most convincing of what is left, right or wrong, so that the model does not learn that
//! whatever is shown to it is wrong.
//!
//! Source: Lightman et al. 2023 (arXiv:2305.20050), section 4.2 and appendix on active learning: 80 %
//! wrong ones; 2.6 times the value of a label drawn at random.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::Candidate;
use crate::PrmError;

/// How many are picked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Active {
    /// Solutions of each problem.
    pub per_problem: usize,
    /// Share of them that is to be wrong, where there are as many.
    pub wrong_share: f64,
}

impl Default for Active {
    /// Four a problem, 80 % of them wrong.
    fn default() -> Self {
        Self { per_problem: 4, wrong_share: 0.8 }
    }
}

/// The places of the solutions that are worth a label, in order.
///
/// # Errors
/// When a candidate has no finite score, or the share is not between 0 and 1.
///
/// ```
/// use tts_prm::curate::{Active, Candidate, convincing};
/// let candidate = |solved, score| Candidate { solved, score: Some(score), ..Candidate::default() };
/// let pool = [candidate(true, 0.9), candidate(false, 0.8), candidate(false, 0.1), candidate(true, 0.3)];
/// // Half of two: the most convincing wrong one, and the most convincing of the rest.
/// let config = Active { per_problem: 2, wrong_share: 0.5 };
/// assert_eq!(convincing(&pool, &config)?, [0, 1]);
/// # Ok::<(), tts_prm::PrmError>(())
/// ```
pub fn convincing(candidates: &[Candidate], config: &Active) -> Result<Vec<usize>, PrmError> {
    let refuse = |field: String, problem: String| Err(PrmError::Solution { field, problem });
    if !(0.0..=1.0).contains(&config.wrong_share) {
        return refuse("wrong_share".into(), format!("{}, expected 0 to 1", config.wrong_share));
    }
    let mut problems: BTreeMap<usize, Vec<(usize, f64)>> = BTreeMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        let Some(score) = candidate.score.filter(|score| score.is_finite()) else {
            let problem = format!("the score is {:?}, expected a number", candidate.score);
            return refuse(format!("candidate {place}"), problem);
        };
        problems.entry(candidate.problem).or_default().push((place, score));
    }
    let mut picked = Vec::new();
    for mut ranked in problems.into_values() {
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let wrong = (config.per_problem as f64 * config.wrong_share).round() as usize;
        let places = || ranked.iter().map(|&(place, _)| place);
        let first: HashSet<usize> =
            places().filter(|&place| !candidates[place].solved).take(wrong).collect();
        let rest = places().filter(|place| !first.contains(place));
        picked.extend(rest.take(config.per_problem - first.len()));
        picked.extend(first);
    }
    picked.sort_unstable();
    Ok(picked)
}
