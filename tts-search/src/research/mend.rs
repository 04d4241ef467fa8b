//! A report is written again while it cites or quotes what is not there.
//!
//! What is written again has to be better, not only other: it has fewer faults, is whole, and has kept at least half of what
//! held before, sources included; "I cannot do that" has no faults either. Otherwise the report stays, with its faults
//! named on its page.
//!
//! Source: none; asking again by named faults as in Madaan et al. 2023 (arXiv 2303.17651).

use minijinja::context;
use tts_core::Line;

use super::cite::{self, Checked};
use super::crew::{Crew, says};
use super::draft::succeeds;
use super::notes::Notes;
use super::purse::Need;
use crate::retrieve::{harmless, words};

/// Words of claims without a fault; of a report where nothing holds, all words.
fn worth_keeping(checked: &Checked) -> usize {
    let sound = checked.claims.iter().filter(|claim| claim.holds());
    match sound.map(|claim| words(&claim.text).count()).sum() {
        0 => words(&checked.text).count(),
        sound => sound,
    }
}

/// Whether a report that was written again is better.
fn is_better(again: &Checked, before: &Checked) -> bool {
    let cites = !again.cited().is_empty() || before.cited().is_empty();
    let long = 2 * words(&again.text).count() >= worth_keeping(before);
    again.faults().len() < before.faults().len() && cites && long
}

impl Crew<'_> {
    /// A report whose citations hold, as far as it can be had in so many attempts.
    pub(super) async fn mended(&self, mut report: Line, notes: &Notes) -> Line {
        let parts = self.parts;
        let part = parts.report.plain();
        for _ in 0..parts.mend {
            let text = says(&report);
            let checked = cite::check(&text, &notes.sources);
            let faults: Vec<String> =
                checked.faults().iter().map(|fault| harmless(fault)).collect();
            if faults.is_empty() {
                break;
            }
            let least = report.generated();
            let Some(cap) = self.holding(part.need(), Need::default(), least) else { break };
            let known = notes.known(parts.known_chars);
            let sources = notes.quotes(parts.known_chars);
            let values = context! { report => harmless(&text), faults, known, sources };
            let again = self.draft(&part, "mend", values, report.node, cap).await;
            let Some(again) = again else { break };
            if succeeds(&again, &report)
                && is_better(&cite::check(&says(&again), &notes.sources), &checked)
            {
                report = again;
            }
            self.desk.prefer(report.node);
        }
        report
    }
}
