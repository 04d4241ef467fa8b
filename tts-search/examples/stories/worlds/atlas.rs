//! An atlas of rivers: what a report must say, who writes it, who judges, and what can be found.
//!
//! A report is a line for each river, `river 7: 31 km`; a draft has a question mark where a length is not
//! known. The writer asks for the first one that the draft lacks, cites what was found, and puts it in.
//! Which words it uses is chance; what it says is not.
//!
//! Source: none; a world for tests, as [`tts_core::toy`].

use tts_core::seed::{self, Rng};
use tts_core::{Generator, Prompt};

use super::story::{ANSWER, DRAFT, MERGE, QUESTION, REPORT, REVISE, REWRITE};
use crate::text_model::TextModel;

/// How many rivers a report covers.
pub(crate) const RIVERS: usize = 24;

fn length(river: &str) -> u64 {
    seed::hash_text(5, river) % 900 + 100
}

/// What stands under the last heading of this name.
fn under<'p>(prompt: &'p str, heading: &str) -> &'p str {
    let section = prompt.rsplit_once(&format!("\n\n# {heading}\n"));
    section.map_or("", |(_, rest)| rest.split("\n\n# ").next().unwrap_or(rest))
}

/// Rivers that a report gives the right length.
pub(crate) fn covered(report: &str) -> usize {
    let sound = |line: &&str| {
        line.split_once(": ").is_some_and(|(river, said)| said == format!("{} km", length(river)))
    };
    report.lines().filter(sound).count()
}

/// Writes plans, drafts, questions, answers and reports.
pub(crate) fn writer() -> impl Generator {
    TextModel(|prompt: &Prompt, so_far: &str, rng: &mut Rng| {
        let asked = prompt.question();
        let is = |task: &str| asked.starts_with(task);
        let draft = under(asked, "Draft");
        let chance = if rng.uniform() < 0.5 { "" } else { " " };
        let text = if is(MERGE) || is(REWRITE) {
            under(asked, "Text").to_owned()
        } else if is(DRAFT) {
            (1..=RIVERS).map(|river| format!("river {river}: ?\n")).collect::<Vec<_>>().concat()
        } else if is(QUESTION) {
            let open = draft.lines().find_map(|line| line.strip_suffix(": ?"));
            open.map_or(String::new(), |river| format!("{river}{chance}"))
        } else if is(ANSWER) {
            format!("{}{chance}", under(asked, "Found"))
        } else if is(REVISE) {
            let known = under(asked, "Known");
            let line = |line: &str| {
                let river = line.split(':').next().unwrap_or(line);
                let found = known.lines().find(|said| said.starts_with(&format!("{river}: ")));
                format!("{}\n", found.map_or(line, str::trim))
            };
            draft.lines().map(line).collect()
        } else if is(REPORT) {
            draft.to_owned()
        } else {
            format!("One line for each river.{chance}")
        };
        Ok(text.get(so_far.len()..).unwrap_or_default().to_owned())
    })
}

/// Criticises whatever it is shown.
pub(crate) fn judge() -> impl Generator {
    TextModel(|_: &Prompt, _: &str, rng: &mut Rng| {
        Ok(format!("Helpful: {:.0} of 10.", rng.uniform() * 10.0))
    })
}

/// Finds the length of a river by its name.
pub(crate) fn search() -> impl Generator {
    TextModel(|prompt: &Prompt, _: &str, _: &mut Rng| {
        let river = prompt.question().trim();
        Ok(format!("{river}: {} km", length(river)))
    })
}
