//! Settings that all methods of this room have in common: the parts of a research, and who writes them.
//!
//! Every part (plan, draft, question, answer, revision, report) has its own [`Part`], so its own variants,
//! critiques and role, and its own template; searches are asked of a role, see [`crate::retrieve::Searcher`].
//! Methods differ in which parts they use, in what order, and in what each is shown.
//!
//! Source: Han et al. 2025 (arXiv 2507.16075), sections 2.1 and 2.2.

use serde::{Deserialize, Serialize};
use tts_core::Requirements;

use super::part::Part;
use super::prompts::ResearchPrompts;
use super::purse::Need;

/// Who writes what, and how it is asked.
///
/// ```
/// use tts_search::research::{Part, Parts};
/// let parts = Parts { report: Part { role: Some("editor".into()), ..Part::of(1, 1) }, ..Parts::default() };
/// parts.check()?;
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parts {
    /// The plan.
    pub plan: Part,
    /// The first draft.
    pub draft: Part,
    /// Each question to the search engine.
    pub question: Part,
    /// Each answer drawn from what was found.
    pub answer: Part,
    /// Each further draft.
    pub revision: Part,
    /// The report.
    pub report: Part,
    /// The role that searches.
    pub search: String,
    /// What the question part writes when nothing is open.
    pub covered: String,
    /// Characters of all questions and answers so far that a part is shown, at most, and as many of pages that it is shown
    /// whole; the longest are cut. No engine says how much it can read: it has to fit with a draft and a plan.
    pub known_chars: usize,
    /// Characters of a question, at most: what a model writes beyond is cut off.
    pub question_chars: usize,
    /// Generated tokens held back for each line of the report, within a budget of tokens; half of the budget at most. A
    /// part is evolved only where each line of it can have as many, or all that is left.
    pub report_tokens: u32,
    /// Times that a report is written again because it cites what was not found, or quotes what is nowhere.
    pub mend: usize,
    /// How each part is asked.
    pub prompts: ResearchPrompts,
}

impl Default for Parts {
    /// The paper's evolution: of the plan and the report one critique, of questions five variants, of answers three.
    fn default() -> Self {
        Self {
            plan: Part::of(1, 1),
            draft: Part::of(1, 0),
            question: Part::of(5, 0),
            answer: Part::of(3, 0),
            revision: Part::of(1, 0),
            report: Part::of(1, 1),
            search: "search".into(),
            covered: "NOTHING IS OPEN".into(),
            known_chars: 24_000,
            question_chars: 400,
            report_tokens: 1_024,
            mend: 0,
            prompts: ResearchPrompts::default(),
        }
    }
}

impl Parts {
    /// No part is evolved: one line each.
    pub fn plain() -> Self {
        let part = || Part::of(1, 0);
        Self { plan: part(), question: part(), answer: part(), report: part(), ..Self::default() }
    }

    fn named(&self) -> [(&'static str, &Part); 6] {
        [
            ("plan", &self.plan),
            ("draft", &self.draft),
            ("question", &self.question),
            ("answer", &self.answer),
            ("revision", &self.revision),
            ("report", &self.report),
        ]
    }

    /// # Errors
    /// A sentence that names the field.
    pub fn check(&self) -> Result<(), String> {
        self.named().into_iter().try_for_each(|(name, part)| part.check(name))?;
        if self.search.trim().is_empty() {
            return Err("search is blank, expected the name of the role that searches".into());
        }
        if self.covered.trim().is_empty() {
            return Err("covered is blank, expected what is written when nothing is open".into());
        }
        if self.known_chars < 100 {
            return Err(format!("known_chars is {}, expected at least 100", self.known_chars));
        }
        if self.question_chars < 16 {
            return Err(format!("question_chars is {}, expected at least 16", self.question_chars));
        }
        if self.report_tokens == 0 {
            return Err(
                "report_tokens is 0, expected at least 1 for each line of the report".into()
            );
        }
        self.prompts.check()
    }

    /// The same of a method that shows pages to the report itself, whose template has to show them.
    pub(super) fn check_quoting(&self) -> Result<(), String> {
        self.check()?;
        let mend = (self.mend > 0).then_some("mend");
        let shows = |name: &&str| self.prompts.shows(name, "sources");
        match ["report"].into_iter().chain(mend).find(|name| !shows(name)) {
            Some(name) => Err(format!(
                "prompt {name}: it does not say where {{{{ sources }}}} stand, and this method has no answers to show"
            )),
            None => Ok(()),
        }
    }

    /// What a method on these parts needs of its search.
    pub(super) fn requires(&self) -> Requirements {
        let mut roles = vec![self.search.clone()];
        roles.extend(self.named().into_iter().flat_map(|(_, part)| part.roles()));
        roles.sort();
        roles.dedup();
        Requirements { roles, ..Requirements::default() }
    }

    /// A step of a loop: a question, a search, an answer.
    pub(super) fn step(&self) -> Need {
        self.question.need() + Need::SEARCH + self.answer.need()
    }
}
