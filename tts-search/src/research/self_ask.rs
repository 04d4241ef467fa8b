//! Self-ask: the model asks itself simpler questions, each answered by a search, until it needs none.
//!
//! ```text
//! Follow up: ... -- search, answer -- Follow up: ... -- search, answer -- So the final answer is: ... -- report
//! ```
//!
//! A line ends where the model begins an answer of its own to what it asks, and its first question counts. What it ends with
//! is the draft that the report is written on, so that reports of all methods are written alike.
//!
//! Cost: a line, a search and the lines of an answer for each follow-up question, and those of the report.
//!
//! When: questions of several hops with one short answer.
//!
//! Source: Press et al. 2023, "Measuring and Narrowing the Compositionality Gap in Language Models" (arXiv 2210.03350),
//! section 3, with the search engine of section 3.3.

use minijinja::context;
use serde::{Deserialize, Serialize};
use tts_core::{Desk, NodeId, NodeKind, Requirements, Script};

use super::crew::{Crew, says};
use super::draft::Draft;
use super::notes::Notes;
use super::part::{Part, Task};
use super::parts::Parts;
use super::purse::Need;

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
/// What begins the model's own idea of what is found: nothing behind it is read.
const FOUND: &str = "\nIntermediate answer:";

/// What a line comes to.
#[derive(Debug, PartialEq, Eq)]
enum Says<'t> {
    /// A simpler question.
    Asks(&'t str),
    Answers(&'t str),
}

/// The first follow-up question, at the beginning of a line; else the final answer, or whatever was said in place of one.
fn reading(text: &str) -> Says<'_> {
    let own = text.split(FOUND).next().unwrap_or_default();
    let question = own.lines().find_map(|line| {
        let line = line.trim_start_matches(['*', '-', ' ', '\t']);
        let head = line.get(..FOLLOW_UP.len())?;
        head.eq_ignore_ascii_case(FOLLOW_UP).then(|| &line[FOLLOW_UP.len()..])
    });
    let answer = own.rsplit_once(ANSWER).map_or(own, |(_, rest)| rest);
    question.map_or(Says::Answers(answer.trim()), |question| Says::Asks(question.trim()))
}

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
            let Some(asked) = crew.filled("self_ask", values, about) else { break };
            let (kind, stop) = (NodeKind::Aside, Some(FOUND));
            let line = crew.write(&asking, Task { asked, about, kind, cap, stop }).await;
            let Some(line) = line else { break };
            about = line.node;
            match reading(&says(&line)) {
                Says::Asks(question) if !last => {
                    let question = crew.asked(question);
                    // With nothing to ask, or what was asked before, it turns in circles.
                    if question.is_empty() || crew.repeats(&mut notes, &question, about) {
                        break;
                    }
                    about = crew.learn(&mut notes, &question, about, cap).await.node;
                }
                // A question that cannot be asked any more is no answer.
                Says::Asks(_) => break,
                Says::Answers(said) => {
                    said.clone_into(&mut answer);
                    break;
                }
            }
        }
        crew.report("", &Draft::beside(&answer, &notes), &notes, about).await
    }

    fn check(&self) -> Result<(), String> {
        self.parts.check().map_err(|problem| format!("self-ask: {problem}"))
    }

    fn requires(&self) -> Requirements {
        self.parts.requires()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follow_up_begins_a_line_and_ends_before_what_is_made_up() {
        for (text, expected) in [
            ("Follow up: How long?", Says::Asks("How long?")),
            ("Yes.\n**follow up: a?\nFollow up: b?", Says::Asks("a?")),
            ("Follow up: a?\nIntermediate answer: 3\nSo the final answer is: 3", Says::Asks("a?")),
            ("No Follow up: needed.\nSo the final answer is: 3 [1]", Says::Answers("3 [1]")),
            ("It is 3.", Says::Answers("It is 3.")),
            ("", Says::Answers("")),
        ] {
            assert_eq!(reading(text), expected, "{text}");
        }
    }
}
