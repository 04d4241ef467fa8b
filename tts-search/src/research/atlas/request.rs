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

    /// Slots that a report has right and supports, each once: a line with the right value cites a passage that was
    /// retrieved and holds the value.
    pub fn supported(&self, report: &str, sources: &Sources) -> usize {
        let shows = |number: u32, value: &str| {
            sources.shown(number).iter().any(|page| page.contains(value))
        };
        let holds = |(name, value): &(String, String)| {
            let right = Some((name.as_str(), value.as_str()));
            report.lines().filter(|line| slot(line) == right).any(|line| {
                let cited = cite::check(line, sources).cited();
                cited.into_iter().any(|number| shows(number, value))
            })
        };
        let slots = self.slots.iter().zip(self.verdicts(report));
        slots.filter(|(slot, right)| *right && holds(slot)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retrieve::{Found, Passage};

    #[test]
    fn a_slot_is_supported_once_however_often_it_is_said() {
        let slots = [("capital", "Osleta"), ("river", "Mira")];
        let slots = slots.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let request = Request::new("Skaia", slots);
        let mut sources = Sources::default();
        sources.add(&Found(vec![Passage::new("a", "", "The capital is Osleta.")]));
        for (report, right, supported) in [
            ("capital: Osleta [1]\n\n- capital: Osleta [1]\nriver: ?", 1, 1),
            // Either line may have the source.
            ("capital: Osleta\nriver: Mira [1]\ncapital: Osleta [1]", 2, 1),
            // What a report says first is what it says.
            ("capital: Mira\ncapital: Osleta [1]", 0, 0),
            ("capital: Osleta [2]", 1, 0),
            ("", 0, 0),
        ] {
            let found = (request.right(report), request.supported(report, &sources));
            assert_eq!(found, (right, supported), "{report}");
        }
    }
}
