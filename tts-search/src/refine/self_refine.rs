//! Self-refinement: the model criticises its attempt, and writes it again in sight of the critique.
//!
//! ```text
//! question -- attempt            a candidate, and stays one
//!             |- critique        an aside about it
//!             `- revision        a question about it, answered by a further candidate
//!                |- critique ...
//! ```
//!
//! It ends when a critique finds nothing wrong (the last line of a critique that was finished ends with the
//! words agreed on), or after so many rounds. The answer is the last attempt that was finished. If a critique
//! fails, or a revision after an attempt that was finished, the attempt before stands; a revision that fails
//! while none was finished ends the search in its error, as any line does. A critic of its own, by its role, may be a better model than the writer.
//!
//! Cost: one line, and two more for each round, one after the other. [`crate::Forest`] runs several side by
//! side.
//!
//! When: a model that sees faults more easily than it avoids them. Without such an eye it talks itself out of
//! right answers, and the last attempt is no better than the first: then [`super::Revision`], which votes
//! over all attempts, or samples side by side.
//!
//! Marks of the questions, and the words agreed on, that stand in an attempt are shown with a space in them.
//!
//! Source: Madaan et al. 2023, "Self-Refine: Iterative Refinement with Self-Feedback" (arXiv 2303.17651),
//! algorithm 1. The paper's prompt shows the whole history of attempts and their feedback, which is `shown` as
//! large as `rounds`; the default, the latest alone, is a shorter form.

use serde::{Deserialize, Serialize};
use tts_core::judge::{marks, shown};
use tts_core::{Ask, Desk, Line, NodeId, Prompt, Requirements, Script};

use super::words::{asked, filled, holds};
use crate::sample::lines::at_least_one;

/// Attempt, critique, revision, critique, ...
///
/// ```
/// use tts_core::toy::Markov;
/// use tts_core::{Scripted, Search};
/// use tts_search::SelfRefine;
/// // A model that only ever says "a", whatever it is asked.
/// let model = Markov::new(|path| if path.is_empty() { vec![1.0, 0.0] } else { vec![0.0, 1.0] });
/// let refine = SelfRefine { rounds: 3, faultless: "b".into(), ..Default::default() };
/// let outcome = Search::new(&model).run(Scripted::of(refine.clone()), "a or b?")?;
/// assert_eq!((outcome.usage.logical.samples, outcome.tree.candidates().len()), (7, 4));
/// // Its "a" as praise ends it after the first critique.
/// let refine = SelfRefine { faultless: "a".into(), ..refine };
/// let outcome = Search::new(&model).run(Scripted::of(refine), "a or b?")?;
/// assert_eq!((outcome.usage.logical.samples, outcome.tree.candidates().len()), (2, 1));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SelfRefine {
    /// Most revisions; 0 for none, a plain sample.
    pub rounds: usize,
    /// Most attempts with their critiques that a revision is shown: the latest.
    pub shown: usize,
    /// The role that criticises; `None` for the model itself.
    pub critic: Option<String>,
    /// What a critique says of an attempt without faults, at the end of its last line.
    pub faultless: String,
    /// How it is asked.
    pub words: RefineWords,
}

/// How critiques and revisions are asked for. What is filled in is never looked at again.
///
/// ```
/// use tts_search::refine::RefineWords;
/// assert!(RefineWords::default().critique.contains("{attempt}"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefineWords {
    /// Asks for a critique: `{question}`, `{attempt}` and `{faultless}`.
    pub critique: String,
    /// Of each attempt that a revision is shown: `{attempt}` and `{critique}`.
    pub each: String,
    /// Asks for a revision: `{question}` and `{attempts}`.
    pub revise: String,
}

impl Default for RefineWords {
    fn default() -> Self {
        Self {
            critique: "{question}\n\n<attempt>\n{attempt}\n</attempt>\n\
                       What is wrong with it? If nothing is, say \"{faultless}\" at the end."
                .into(),
            each: "<attempt>\n{attempt}\n</attempt>\n<critique>\n{critique}\n</critique>\n".into(),
            revise: "{question}\n\n{attempts}Write it again, without these faults.".into(),
        }
    }
}

impl Default for SelfRefine {
    /// Up to four revisions, each in sight of the latest attempt and its critique.
    fn default() -> Self {
        Self {
            rounds: 4,
            shown: 1,
            critic: None,
            faultless: "It is correct.".into(),
            words: RefineWords::default(),
        }
    }
}

impl SelfRefine {
    /// As many rounds as `n` lines allow.
    pub fn of(n: usize) -> Self {
        Self { rounds: n.saturating_sub(1) / 2, ..Self::default() }
    }

    /// The question for a critique of an attempt.
    pub fn critique(&self, problem: &Prompt, attempt: &str) -> Prompt {
        let mut marks = marks(&self.words.critique);
        marks.push(self.faultless.trim().to_owned());
        let attempt = shown(attempt, &marks, usize::MAX);
        let values = [("{attempt}", attempt.as_str()), ("{faultless}", self.faultless.as_str())];
        asked(problem, &self.words.critique, &values)
    }

    /// The question for a revision in sight of attempts and their critiques, the latest last.
    pub fn revision(&self, problem: &Prompt, attempts: &[(String, String)]) -> Prompt {
        let mut around = marks(&self.words.each);
        around.extend(marks(&self.words.revise));
        let each = |(attempt, critique): &(String, String)| {
            let [attempt, critique] =
                [attempt, critique].map(|text| shown(text, &around, usize::MAX));
            let values = [("{attempt}", attempt.as_str()), ("{critique}", critique.as_str())];
            filled(&self.words.each, &values)
        };
        let attempts: String =
            attempts[attempts.len().saturating_sub(self.shown)..].iter().map(each).collect();
        asked(problem, &self.words.revise, &[("{attempts}", &attempts)])
    }

    /// Whether a critique finds nothing wrong: it was finished, and its last line ends with the words. Earlier
    /// ones may quote them.
    fn is_faultless(&self, critique: &Line) -> bool {
        critique.is_finished() && self.praises(&critique.text())
    }

    fn praises(&self, said: &str) -> bool {
        let last = said.trim_end().lines().next_back().unwrap_or_default();
        last.trim_end().ends_with(self.faultless.trim())
    }
}

impl Script for SelfRefine {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let problem = desk.problem();
        let mut attempt = desk.line(Ask::problem()).await?;
        let mut said = Vec::new();
        let mut answer = attempt.node;
        for _ in 0..self.rounds {
            desk.prefer(answer);
            let ask = Ask::of(self.critique(&problem, &attempt.text())).about(attempt.node).aside();
            let ask = self.critic.iter().fold(ask, Ask::by);
            let Some(critique) = desk.line(ask).await else { break };
            if self.is_faultless(&critique) {
                break;
            }
            said.push((attempt.text(), critique.text()));
            let ask = Ask::of(self.revision(&problem, &said)).about(attempt.node);
            let Some(revision) = desk.line(ask).await else { break };
            attempt = revision;
            if attempt.is_finished() {
                answer = attempt.node;
            }
        }
        Some(answer)
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("self-refine", "shown", self.shown)?;
        if self.faultless.trim().is_empty() {
            return Err("self-refine: faultless is blank, and every critique holds that".into());
        }
        let RefineWords { critique, each, revise } = &self.words;
        if !critique.contains("{faultless}") && !critique.contains(self.faultless.trim()) {
            let faultless = &self.faultless;
            return Err(format!(
                "self-refine: words.critique does not say {{faultless}} or {faultless:?}, which faultless is"
            ));
        }
        holds("critique", critique, &["{question}", "{attempt}"])
            .and_then(|()| holds("each", each, &["{attempt}", "{critique}"]))
            .and_then(|()| holds("revise", revise, &["{question}", "{attempts}"]))
            .map_err(|problem| format!("self-refine: {problem}"))?;
        // A critic that repeats its question would have praised.
        if self.praises(&filled(critique, &[("{faultless}", &self.faultless)])) {
            return Err(
                "self-refine: words.critique ends with what faultless is, expected words behind it"
                    .into(),
            );
        }
        Ok(())
    }

    fn requires(&self) -> Requirements {
        Requirements { roles: self.critic.iter().cloned().collect(), ..Requirements::default() }
    }
}
