//! What is said of an evaluation beside its figures: which bounds were passed, and what can be done about lines that
//! failed. They are asked for again where a server lost them, and otherwise not.
//!
//! Lines that the time came before are no fault of anybody's. Lines that are not in records were sampled under
//! other settings there, which the records say, or there were not so many.
//!
//! Source: none.

use std::io::{self, Write};

use serde::Serialize;
use tts_core::{Limit, Settings};
use tts_search::evaluate::Report;

use super::Setup;
use crate::engines::Engine;

impl Setup {
    /// Says how many searches passed which bound of the budget, without having been ended by it.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write_passed(&self, out: &mut dyn Write, report: &Report) -> io::Result<()> {
        for (limit, passed) in report.passed(&self.budget) {
            let all = report.problems;
            writeln!(
                out,
                "budget    {limit}: exceeded by {passed} searches of {all}, a round is over when it is looked at"
            )?;
        }
        Ok(())
    }

    /// A hint on the lines that failed in an evaluation; `None` where there is nothing to be done.
    pub fn hint_on_lost(&self, policy: &Engine, report: &Report) -> Option<String> {
        let taken = report.rows.iter().flat_map(|row| &row.curtailed);
        let late: u64 = taken.filter(|taken| taken.limit == Limit::Wall).map(|t| t.unwritten).sum();
        if report.failed_lines as u64 <= late {
            return None;
        }
        let (folder, records) = match policy {
            Engine::Recorded(folder, records) => (folder, records),
            // Which rows have too few texts is said line by line.
            Engine::Given(_) => return None,
            _ => {
                let again = "lost lines can be asked for again: the same command with --retry-lost";
                return Some(again.into());
            }
        };
        let folder = folder.display();
        let others = self.beside(records.settings());
        Some(if others.is_empty() {
            format!(
                "the records of {folder} hold fewer lines than were asked for, or of other prompts"
            )
        } else {
            format!("the records of {folder} were made with {}", others.join(", "))
        })
    }

    /// Settings that decide lines and were others in records.
    fn beside(&self, then: &Settings) -> Vec<String> {
        let seeds = [then.seed, self.seed].map(|seed| seed.to_string());
        let sampling = [then.sampling, self.sampling].map(|sampling| json(&sampling));
        let rules = [json(&*then.rule), json(&self.rule)];
        let all = [("seed", seeds), ("sampling", sampling), ("step rule", rules)];
        let others = all.into_iter().filter(|(_, [then, now])| then != now);
        others.map(|(name, [then, now])| format!("{name} {then}, and not {now}")).collect()
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
