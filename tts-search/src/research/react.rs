//! `ReAct`: one transcript of thoughts, searches and what they found, until the model says that it is done.
//!
//! ```text
//! Thought: ... Action: search[...] -- Observation: sources -- Thought: ... Action: finish[...] -- report
//! ```
//!
//! The whole transcript is shown each time; the model decides what to search for and when to end. What it ends with is the
//! draft that the report is written on, so that reports of all methods are written alike.
//!
//! Cost: a line and a search a turn, and the lines of the report; prompts grow with the turns.
//!
//! When: a model that was trained on such transcripts.
//!
//! Source: Yao et al. 2023, "`ReAct`: Synergizing Reasoning and Acting in Language Models" (arXiv 2210.03629), section 2.

use minijinja::{Value, context};
use serde::{Deserialize, Serialize};
use tts_core::{Desk, NodeId, Requirements, Script};

use super::crew::{Crew, Parts, said};
use super::notes::{Notes, Shown};
use super::part::Part;
use super::purse::Need;
use crate::retrieve::harmless;

/// Turns of thought, search and observation, then the report.
///
/// ```
/// use tts_core::Script;
/// assert!(tts_search::research::ReAct::default().check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReAct {
    /// Who writes what: turns are by the question part's role, and only the report is evolved.
    pub parts: Parts,
    /// Most turns with a search.
    pub rounds: usize,
}

impl Default for ReAct {
    /// Seven turns, as the paper has for `HotpotQA`.
    fn default() -> Self {
        Self { parts: Parts::plain(), rounds: 7 }
    }
}

/// What a turn does: the last action that it names.
#[derive(Debug, PartialEq, Eq)]
enum Action {
    Search(String),
    Finish(String),
}

/// What stands between the brackets of the last action; a bracket that is not closed goes to the end of its line.
fn action(turn: &str) -> Option<Action> {
    let of = |name: &str| {
        turn.to_ascii_lowercase().rfind(&format!("{name}[")).map(|at| (at, name.len() + 1))
    };
    let (search, finish) = (of("search"), of("finish"));
    let ((at, length), is_search) = match (search, finish) {
        (Some(search), Some(finish)) if search > finish => (search, true),
        (_, Some(finish)) => (finish, false),
        (Some(search), None) => (search, true),
        (None, None) => return None,
    };
    let rest = turn.get(at + length..)?;
    // An answer has citations in brackets of their own, and may have lines.
    let inside = if is_search {
        rest.lines().next().unwrap_or_default().split(']').next().unwrap_or_default()
    } else {
        rest.rfind(']').map_or(rest, |end| &rest[..end])
    };
    let inside = inside.trim().to_owned();
    Some(if is_search { Action::Search(inside) } else { Action::Finish(inside) })
}

impl Script for ReAct {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let parts = &self.parts;
        let crew = Crew::new(desk, parts);
        let turn = Part { role: parts.question.role.clone(), ..Part::of(1, 0) };
        let (mut notes, mut turns) = (Notes::default(), Vec::<(String, Option<Shown>)>::new());
        let (mut about, mut answer) = (NodeId::ROOT, String::new());
        for round in 0..=self.rounds {
            let last = round == self.rounds;
            let need = turn.need() + if last { Need::default() } else { Need::SEARCH };
            let Some(cap) = crew.room(need) else { break };
            let shown = |(said, shown): &(String, Option<Shown>)| {
                let sources = shown.as_ref().map_or_else(|| Value::from(()), Shown::value);
                context! { said, sources }
            };
            let turns_shown: Value = turns.iter().map(shown).collect();
            let values = context! { problem => crew.question(), turns => turns_shown, last };
            let Some(line) = crew.part(&turn, &parts.prompts.react, values, about, cap).await
            else {
                break;
            };
            about = line.node;
            let text = said(&line);
            match action(&text) {
                Some(Action::Search(query)) if !last && !query.is_empty() => {
                    let mut seen = None;
                    if let Some((found, node)) = crew.search(&query, about).await {
                        about = node;
                        seen = Some(notes.quote(&query, &found));
                    }
                    turns.push((harmless(&text), seen));
                }
                Some(Action::Finish(said)) => {
                    answer = said;
                    break;
                }
                // What names no action is what it has to say.
                _ => {
                    answer = text;
                    break;
                }
            }
        }
        crew.report("", &harmless(&answer), &notes, about).await
    }

    fn check(&self) -> Result<(), String> {
        self.parts.check().map_err(|problem| format!("react: {problem}"))
    }

    fn requires(&self) -> Requirements {
        self.parts.requires()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_action_counts() {
        let search = |words: &str| Some(Action::Search(words.into()));
        let finish = |words: &str| Some(Action::Finish(words.into()));
        for (turn, expected) in [
            ("Thought: x\nAction: search[the Mira]", search("the Mira")),
            ("Action: search[a]\nAction: finish[It is 31 km [2].]", finish("It is 31 km [2].")),
            ("Action: Search[a\nmore", search("a")),
            ("Action: finish[", finish("")),
            ("I do not know.", None),
        ] {
            assert_eq!(action(turn), expected, "{turn}");
        }
    }
}
