//! Self-ask: the model asks itself simpler questions, each answered by a search, until it needs none.
//!
//! ```text
//! Follow up: ... -- search, answer -- Follow up: ... -- search, answer -- So the final answer is: ... -- report
//! ```
//!
//! What it ends with is the draft that the report is written on, so that reports of all methods are written alike.
//!
//! Cost: a line, a search and the lines of an answer for each follow-up question, and those of the report.
//!
//! When: questions of several hops with one short answer.
//!
//! Source: Press et al. 2023, "Measuring and Narrowing the Compositionality Gap in Language Models" (arXiv 2210.03350),
//! section 3, with the search engine of section 3.3.

use minijinja::context;
use serde::{Deserialize, Serialize};
use tts_core::{Desk, NodeId, Requirements, Script};

use super::crew::{Crew, Parts, one_line, said};
use super::notes::Notes;
use super::part::Part;
use super::purse::Need;
use crate::retrieve::harmless;

/// Follow-up questions with their answers, then the report.
///
/// ```
/// use tts_core::Script;
/// assert!(tts_search::research::SelfAsk::default().check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SelfAsk {
    /// Who writes what: follow-ups are by the question part's role; answers and the report are evolved.
    pub parts: Parts,
    /// Most follow-up questions.
    pub rounds: usize,
}

impl Default for SelfAsk {
    /// Ten follow-up questions.
    fn default() -> Self {
        Self { parts: Parts::plain(), rounds: 10 }
    }
}

const FOLLOW_UP: &str = "Follow up:";
const ANSWER: &str = "So the final answer is:";

impl Script for SelfAsk {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let parts = &self.parts;
        let crew = Crew::new(desk, parts);
        let asking = Part { role: parts.question.role.clone(), ..Part::of(1, 0) };
        let mut notes = Notes::default();
        let (mut about, mut answer) = (NodeId::ROOT, String::new());
        for round in 0..=self.rounds {
            let last = round == self.rounds;
            let step = Need::SEARCH + parts.answer.need();
            let need = asking.need() + if last { Need::default() } else { step };
            let Some(cap) = crew.room(need) else { break };
            let known = notes.known(parts.known_chars);
            let values = context! { problem => crew.question(), known, last };
            let line = crew.part(&asking, &parts.prompts.self_ask, values, about, cap).await;
            let Some(line) = line else { break };
            about = line.node;
            let text = said(&line);
            let question = text.split_once(FOLLOW_UP).map(|(_, rest)| one_line(rest));
            match question.filter(|question| !last && !question.is_empty()) {
                Some(question) if !notes.repeats(&question) => {
                    about = crew.learn(&mut notes, &question, about, cap).await.node;
                }
                // A question that was asked before: it turns in circles.
                Some(_) => break,
                None => {
                    let said = text.rsplit_once(ANSWER).map_or(text.as_str(), |(_, rest)| rest);
                    said.trim().clone_into(&mut answer);
                    break;
                }
            }
        }
        crew.report("", &harmless(&answer), &notes, about).await
    }

    fn check(&self) -> Result<(), String> {
        self.parts.check().map_err(|problem| format!("self-ask: {problem}"))
    }

    fn requires(&self) -> Requirements {
        self.parts.requires()
    }
}
