//! `ReAct`: one transcript of thoughts, searches and what they found, until the model says that it is done.
//!
//! ```text
//! Thought: ... Action: search[...] -- Observation: sources -- Thought: ... Action: finish[...] -- report
//! ```
//!
//! The whole transcript is shown each time; the model decides what to search for and when to end. A turn ends where the model
//! begins an observation of its own, and its first action counts. What it ends with is the draft that the report is written
//! on, so that reports of all methods are written alike.
//!
//! Cost: a line and a search a turn, and the lines of the report; prompts grow with the turns.
//!
//! When: a model that was trained on such transcripts.
//!
//! Source: Yao et al. 2023, "`ReAct`: Synergizing Reasoning and Acting in Language Models" (arXiv 2210.03629), section 2.

use minijinja::{Value, context};
use serde::{Deserialize, Serialize};
use tts_core::{Desk, NodeId, NodeKind, Requirements, Script};

use super::crew::{Crew, says};
use super::draft::Draft;
use super::notes::{Notes, Shown, even_limit};
use super::part::{Part, Task};
use super::parts::Parts;
use super::purse::Need;

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

/// What a turn does: the first action that it names.
#[derive(Debug, PartialEq, Eq)]
enum Action {
    Search(String),
    Finish(String),
}

/// What begins the model's own idea of what was found: nothing behind it is read.
const OBSERVATION: &str = "\nObservation:";

/// What a turn itself says, and no more.
fn own(turn: &str) -> &str {
    let turn = turn.split(OBSERVATION).next().unwrap_or_default();
    let turn = if turn.starts_with(OBSERVATION.trim_start()) { "" } else { turn };
    turn.trim_end()
}

/// What stands in the bracket that was opened before a text; one that is not closed goes to its end.
fn bracketed(text: &str) -> &str {
    let mut depth = 1;
    let end = text.char_indices().find(|(_, c)| {
        depth += match c {
            '[' => 1,
            ']' => -1,
            _ => 0,
        };
        depth == 0
    });
    end.map_or(text, |(end, _)| &text[..end]).trim()
}

/// What a line may have before its action: `Action:`, `Action 2:`, a mark of a list or of emphasis.
fn without_label(line: &str) -> &str {
    let line = line.trim_start_matches(['*', '-', ' ', '\t']);
    let label = line.get(..6).filter(|label| label.eq_ignore_ascii_case("action"));
    let rest =
        label.map(|_| line[6..].trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()));
    let rest = rest.and_then(|rest| rest.strip_prefix(':'));
    rest.map_or(line, |rest| rest.trim_start_matches(['*', ' ']))
}

/// The first action of a turn: it stands at the beginning of a line. An answer has citations in brackets of its own, and may
/// have lines.
fn action(turn: &str) -> Option<Action> {
    let mut begins = 0;
    for line in turn.split_inclusive('\n') {
        let rest = without_label(line);
        let at = begins + line.len() - rest.len();
        begins += line.len();
        let named = |name: &str| {
            let head = rest.get(..name.len())?;
            head.eq_ignore_ascii_case(name).then_some(at + name.len())
        };
        if let Some(inside) = named("search[") {
            let line = turn[inside..].lines().next().unwrap_or_default();
            return Some(Action::Search(bracketed(line).to_owned()));
        }
        if let Some(inside) = named("finish[") {
            return Some(Action::Finish(bracketed(&turn[inside..]).to_owned()));
        }
    }
    None
}

impl ReAct {
    /// The turns so far as a template has them, what was found in as many characters as may be shown.
    fn transcript(&self, turns: &[(String, Shown)]) -> Value {
        let said: usize = turns.iter().map(|(said, _)| said.chars().count()).sum();
        let room = self.parts.known_chars.saturating_sub(said);
        let limit = even_limit(turns.iter().flat_map(|(_, shown)| shown.lengths()), room);
        let turn = |(said, shown): &(String, Shown)| {
            context! { said => said.as_str(), sources => shown.value(limit) }
        };
        turns.iter().map(turn).collect()
    }
}

impl Script for ReAct {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let parts = &self.parts;
        let crew = Crew::new(desk, parts);
        let turn = Part { role: parts.question.role.clone(), ..Part::of(1, 0) };
        let (mut notes, mut turns) = (Notes::default(), Vec::<(String, Shown)>::new());
        let (mut about, mut answer) = (NodeId::ROOT, String::new());
        for round in 0..=self.rounds {
            let last = round == self.rounds;
            let need = turn.need() + if last { Need::default() } else { Need::SEARCH };
            let Some(cap) = crew.room(need) else { break };
            let values =
                context! { problem => crew.question(), turns => self.transcript(&turns), last };
            let Some(asked) = crew.filled("react", values, about) else { break };
            let (kind, stop) = (NodeKind::Aside, Some(OBSERVATION));
            let Some(line) = crew.write(&turn, Task { asked, about, kind, cap, stop }).await else {
                break;
            };
            about = line.node;
            let said = says(&line);
            let text = own(&said);
            match action(text) {
                Some(Action::Search(query)) if !last && !query.is_empty() => {
                    let query = crew.asked(&query);
                    // What it has not seen yet it cannot cite.
                    let text = Draft::beside(text, &notes).text;
                    let found = crew.search(&query, about).await;
                    let seen = match found {
                        Some((found, _)) => notes.quote(&query, found),
                        None => Shown::default(),
                    };
                    turns.push((text, seen));
                }
                // There is nothing more to search for, and nothing was said.
                Some(Action::Search(_)) => break,
                Some(Action::Finish(said)) => {
                    answer = said;
                    break;
                }
                // What names no action is what it has to say.
                None => {
                    text.clone_into(&mut answer);
                    break;
                }
            }
        }
        crew.report("", &Draft::beside(&answer, &notes), &notes, about).await
    }

    fn check(&self) -> Result<(), String> {
        self.parts.check_quoting().map_err(|problem| format!("react: {problem}"))
    }

    fn requires(&self) -> Requirements {
        self.parts.requires()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_action_counts_and_nothing_behind_it() {
        let search = |words: &str| Some(Action::Search(words.into()));
        let finish = |words: &str| Some(Action::Finish(words.into()));
        for (turn, expected) in [
            ("Thought: x\nAction: search[the Mira]", search("the Mira")),
            ("Action: search[a]\nAction: finish[It is 31 km [2].]", search("a")),
            ("Action 1: **finish[It is\n31 km [2].] so", finish("It is\n31 km [2].")),
            ("Action: Search[a\nmore", search("a")),
            ("Thought: in research[3] and search[x]\n- action: search[y [1]]", search("y [1]")),
            ("Action: finish[", finish("")),
            ("SEARCH[é]", search("é")),
            ("I do not know.", None),
            ("", None),
        ] {
            assert_eq!(action(turn), expected, "{turn}");
        }
        let made_up = "Action: search[a]\nObservation: 31 km\nAction: finish[31 km]";
        assert_eq!(own(made_up), "Action: search[a]");
        assert_eq!(own("Observation: 31 km\nAction: finish[31 km]"), "");
    }
}
