//! Curation: which of a policy's own solutions it learns from next.
//!
//! A round of self-training samples solutions, keeps the good ones, and trains the base model anew on
//! them. What is good: a right final answer (`STaR`, RFT, `ReST-EM`), a verifier's score above a
//! threshold, or both; what is the same reasoning again counts once; and no problem may have more than
//! its share, or easy ones drown the others. Beside that a round can ask for a form, one script, and a length
//! ([`Curation::form`], [`Curation::script`], [`Curation::most_tokens`]): R1 leaves out what mixes languages. [`curate`] is that choice, and a [`CurationReport`] says
//! what the round was worth: how often one sample and any of N were right, and how different the kept
//! ones are. [`convincing`] chooses what is worth a label, [`revisions`] puts attempts and right
//! solutions together.
//!
//! ```
//! use tts_prm::curate::{Candidate, Curation, curate};
//! let candidate = |text: &str, solved| Candidate { text: text.into(), solved, ..Candidate::default() };
//! let pool = [
//!     candidate("2 + 3 = 5, so 5 * 2 = 10.", true),
//!     candidate("First 2 + 3 = 5. Then 5 * 2 = 10.", true), // the same equations
//!     candidate("2 * 2 = 4, 3 * 2 = 6, 4 + 6 = 10.", true),
//!     candidate("2 + 3 = 6, so 12.", false),
//! ];
//! let (kept, report) = curate(&pool, &Curation::default())?;
//! assert_eq!(kept, [0, 2]);
//! assert_eq!(report.pass_at_1, 0.75);
//! # Ok::<(), tts_prm::PrmError>(())
//! ```
//!
//! Source: Zelikman et al. 2022 (`STaR`, arXiv:2203.14465), section 3; Yuan et al. 2023 (RFT,
//! arXiv:2308.01825), section 3.3, for distinct lists of equations; Singh et al. 2023 (`ReST-EM`,
//! arXiv:2312.06585), section 4, for the cap of 10 a problem; Lightman et al. 2023, section 2.2, and the
//! filter by a process reward model; DeepSeek-AI 2025 (arXiv 2501.12948), section 2.3.3, for mixed languages and
//! long paragraphs.

mod active;
mod revision;

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::PrmError;
use crate::reinforce::{Format, Language, Script};
use crate::rule::equations;

pub use active::{Active, convincing};
pub use revision::{Attempted, Revising, Revision, revisions};

/// A sampled solution.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Which problem it is a solution of.
    pub problem: usize,
    /// The solution. Blank is one that was cut: an attempt, which is never kept.
    pub text: String,
    /// Whether its final answer is right.
    pub solved: bool,
    /// A verifier's score of the whole, higher is better; `None` without a verifier.
    pub score: Option<f64>,
    /// Tokens that were generated; `None` where nobody counted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
}

/// When two solutions of a problem are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sameness {
    /// Never.
    Never,
    /// With the same words, white space aside.
    Text,
    /// With the same equations in the same order; without any, as [`Self::Text`].
    #[default]
    Equations,
}

/// What is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Curation {
    /// Only solutions with the right final answer.
    pub solved: bool,
    /// Only solutions with at least this score.
    pub least_score: Option<f64>,
    /// Of the same solutions of a problem only the best, the first of equals.
    pub same: Sameness,
    /// So many a problem, the best first; 0 for all.
    pub per_problem: usize,
    /// Nothing of a problem of which all candidates are right: too easy to teach anything (rejective fine-tuning, Liu et
    /// al. 2025, arXiv:2504.02495, section 3.2). An attempt that was cut must be among the candidates, as a wrong one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drop_easy: bool,
    /// Only solutions of this form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Format>,
    /// Only solutions all of whose words are in this script; numbers and signs are in every one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    /// Only solutions of at most so many generated tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_tokens: Option<u64>,
}

impl Default for Curation {
    /// Right answers, distinct by their equations, 10 a problem.
    fn default() -> Self {
        Self {
            solved: true,
            least_score: None,
            same: Sameness::default(),
            per_problem: 10,
            drop_easy: false,
            form: None,
            script: None,
            most_tokens: None,
        }
    }
}

impl Curation {
    /// # Errors
    /// When the marks of the form mean nothing, or the least score is no number.
    pub fn check(&self) -> Result<(), PrmError> {
        if let Some(least) = self.least_score.filter(|least| !least.is_finite()) {
            let problem = format!("{least}, expected a finite number");
            return Err(PrmError::Solution { field: "least_score".to_owned(), problem });
        }
        self.form.as_ref().map_or(Ok(()), Format::check)
    }

    /// Whether form, script and length of a solution are as they should be.
    fn fits(&self, candidate: &Candidate) -> bool {
        let Candidate { text, tokens, .. } = candidate;
        let in_script = |script| Language { script }.share(text) >= 1.0;
        self.form.as_ref().is_none_or(|form| form.holds(text))
            && self.script.is_none_or(in_script)
            && self.most_tokens.is_none_or(|most| tokens.is_some_and(|tokens| tokens <= most))
    }
}

/// What a round was worth.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurationReport {
    /// Problems with a candidate.
    pub problems: usize,
    /// Candidates.
    pub candidates: usize,
    /// Candidates that are right.
    pub solved: usize,
    /// Kept ones.
    pub kept: usize,
    /// Problems with a kept one.
    pub kept_problems: usize,
    /// Problems that were left out as too easy.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub easy_problems: usize,
    /// Candidates that were good, but for their form, script or length; those of problems that were too easy are not
    /// among them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unfit: usize,
    /// Kept ones that are wrong: what a verifier alone lets through.
    pub kept_wrong: usize,
    /// Mean over problems of the share of right candidates.
    pub pass_at_1: f64,
    /// Share of problems with a right candidate among all of theirs.
    pub pass_at_n: f64,
    /// Mean over problems with a right candidate of the share of different ones among these.
    pub diversity: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What makes two solutions the same.
fn identity(text: &str, same: Sameness) -> String {
    let words = || text.split_whitespace().collect::<Vec<_>>().join(" ");
    if same != Sameness::Equations {
        return words();
    }
    let found = equations(text);
    if found.is_empty() {
        return words();
    }
    let list = found.iter().map(|equation| format!("{}={};", equation.left, equation.right));
    list.collect::<String>().replace(char::is_whitespace, "")
}

/// The places of the candidates that are kept, in order, and what the round was worth.
///
/// # Errors
/// As [`Curation::check`]; when a score is not finite, or a score or a number of tokens is asked for that a candidate
/// does not have.
pub fn curate(
    candidates: &[Candidate],
    config: &Curation,
) -> Result<(Vec<usize>, CurationReport), PrmError> {
    config.check()?;
    let wrong = |place: usize, problem: String| {
        Err(PrmError::Solution { field: format!("candidate {place}"), problem })
    };
    let mut problems: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        match candidate.score {
            Some(score) if !score.is_finite() => {
                return wrong(place, format!("the score is {score}, expected a finite number"));
            }
            None if config.least_score.is_some() => {
                return wrong(place, "no score, but a least one is asked for".to_owned());
            }
            _ if config.most_tokens.is_some() && candidate.tokens.is_none() => {
                return wrong(place, "no number of tokens, but a most is asked for".to_owned());
            }
            _ => problems.entry(candidate.problem).or_default().push(place),
        }
    }
    let mut report = CurationReport {
        problems: problems.len(),
        candidates: candidates.len(),
        ..CurationReport::default()
    };
    let mut kept = Vec::new();
    let mut diversity = 0.0;
    let mut solvable: usize = 0;
    for places in problems.values() {
        let solved: Vec<usize> =
            places.iter().copied().filter(|&place| candidates[place].solved).collect();
        report.solved += solved.len();
        report.pass_at_1 += solved.len() as f64 / places.len() as f64;
        if !solved.is_empty() {
            solvable += 1;
            let same = if config.same == Sameness::Never { Sameness::Text } else { config.same };
            let distinct: HashSet<String> =
                solved.iter().map(|&place| identity(&candidates[place].text, same)).collect();
            diversity += distinct.len() as f64 / solved.len() as f64;
        }
        let easy = config.drop_easy && solved.len() == places.len();
        report.easy_problems += usize::from(easy);
        let (own, unfit) = if easy { (Vec::new(), 0) } else { choose(candidates, places, config) };
        report.unfit += unfit;
        report.kept_problems += usize::from(!own.is_empty());
        report.kept_wrong += own.iter().filter(|&&place| !candidates[place].solved).count();
        kept.extend(own);
    }
    kept.sort_unstable();
    let mean = |sum: f64, count: usize| if count == 0 { 0.0 } else { sum / count as f64 };
    report.kept = kept.len();
    report.pass_at_1 = mean(report.pass_at_1, report.problems);
    report.pass_at_n = mean(solvable as f64, report.problems);
    report.diversity = mean(diversity, solvable);
    Ok((kept, report))
}

/// What is kept of one problem's candidates, and how many were good, but for form, script or length.
fn choose(candidates: &[Candidate], places: &[usize], config: &Curation) -> (Vec<usize>, usize) {
    let good = |place: &usize| {
        let Candidate { text, solved, score, .. } = &candidates[*place];
        let reaches = config.least_score.is_none_or(|least| score.is_some_and(|s| s >= least));
        (*solved || !config.solved) && reaches && !text.trim().is_empty()
    };
    let mut good: Vec<usize> = places.iter().copied().filter(good).collect();
    let all = good.len();
    good.retain(|&place| config.fits(&candidates[place]));
    let unfit = all - good.len();
    let score = |place: usize| candidates[place].score.unwrap_or(f64::NEG_INFINITY);
    good.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
    let mut seen = HashSet::new();
    if config.same != Sameness::Never {
        good.retain(|&place| seen.insert(identity(&candidates[place].text, config.same)));
    }
    if config.per_problem > 0 {
        good.truncate(config.per_problem);
    }
    (good, unfit)
}
