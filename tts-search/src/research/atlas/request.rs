//! A request for a report on Atlas, and how right a report is.
//!
//! A report is a record: a line for each slot, with its value and what it cites, `capital > river: Mira [3]`; a question
//! mark where a value is not known. A slot is right when its value is.
//!
//! Source: none; see [`super`].

use tts_core::Prompt;

use crate::research::{Sources, cite};

/// What is to be found out about a land.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    land: String,
    slots: Vec<(String, String)>,
}

/// The name and value of a line of a record, without its citations.
pub(super) fn slot(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(": ")?;
    let value = value.split('[').next().unwrap_or_default();
    Some((name.trim_start_matches("- ").trim(), value.trim().trim_end_matches('.')))
}

impl Request {
    pub(super) fn new(land: &str, slots: Vec<(String, String)>) -> Self {
        Self { land: land.to_owned(), slots }
    }

    /// The land that it is about.
    pub fn land(&self) -> &str {
        &self.land
    }

    /// Names of the slots, with the right values.
    pub fn slots(&self) -> &[(String, String)] {
        &self.slots
    }

    /// What is asked.
    pub fn prompt(&self) -> Prompt {
        let names: Vec<&str> = self.slots.iter().map(|(name, _)| name.as_str()).collect();
        Prompt::from(format!("Report on {}: {}", self.land, names.join("; ")))
    }

    /// A record with all values, without citations.
    pub fn best(&self) -> String {
        let lines = self.slots.iter().map(|(name, value)| format!("{name}: {value}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Whether each slot is right in a report.
    pub fn verdicts(&self, report: &str) -> Vec<bool> {
        let said = |name: &str| report.lines().filter_map(slot).find(|(said, _)| *said == name);
        self.slots
            .iter()
            .map(|(name, value)| said(name).is_some_and(|(_, said)| said == value))
            .collect()
    }

    /// Slots that a report has right.
    pub fn right(&self, report: &str) -> usize {
        self.verdicts(report).into_iter().filter(|right| *right).count()
    }

    /// Slots that a report has right and supports: the line cites a passage that was retrieved and holds the value.
    pub fn supported(&self, report: &str, sources: &Sources) -> usize {
        let holds = |line: &str| {
            let Some((name, value)) = slot(line) else { return false };
            let right = self.slots.iter().any(|(slot, right)| slot == name && right == value);
            let cited = cite::check(line, sources).cited();
            right
                && cited
                    .into_iter()
                    .any(|n| sources.shown(n).iter().any(|page| page.contains(value)))
        };
        report.lines().filter(|line| holds(line)).count()
    }
}
