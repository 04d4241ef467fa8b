//! Whether a model is too weak for a research: signs that its texts are not worth reading, whatever they say.
//!
//! * the report cites none of the sources that were found, or only such as were not;
//! * more than half of the lines were cut at their greatest length, as of a model that does not end;
//! * the report says the same again: less than half of its groups of four words are different ones;
//! * more than half of the questions found nothing, failed, or were asked before.
//!
//! They are no proof: a strong model in a bad folder finds nothing either. What is said names the sign.
//!
//! Source: none; repetition as in Welleck et al. 2020 (arXiv 1908.04319), section 6.1 (`seq-rep-4`).

use std::collections::HashSet;

use tts_core::{Finish, Outcome};

use super::cite::Checked;
use super::crew::ASKED_BEFORE;
use super::trail::Trail;

/// Groups of words that repetition is counted in.
const GROUP: usize = 4;
/// Texts with fewer groups repeat nothing.
const LEAST: usize = 12;

/// The share of groups of four words that stood before.
fn repeated(text: &str) -> f64 {
    let words: Vec<&str> = text.split_whitespace().collect();
    let groups: Vec<&[&str]> = words.windows(GROUP).collect();
    if groups.len() < LEAST {
        return 0.0;
    }
    let distinct: HashSet<&[&str]> = groups.iter().copied().collect();
    1.0 - distinct.len() as f64 / groups.len() as f64
}

/// The signs of a research, in sentences; `search` is the role that searches.
pub(super) fn signs(
    outcome: &Outcome,
    search: &str,
    trail: &Trail,
    checked: &Checked,
) -> Vec<String> {
    let mut signs = Vec::new();
    let tree = &outcome.tree;
    let report = trail.report().unwrap_or_default();
    if !report.is_empty() && !trail.sources.is_empty() && checked.cited().is_empty() {
        signs.push("its report cites none of the sources that were found".to_owned());
    }
    // Of every line its last node: one that has none behind it.
    let ends = tree.iter().skip(1).filter(|(_, node)| {
        let last = node.children.is_empty() && node.asides.is_empty();
        !node.is_question() && last && node.step.generated() > 0
    });
    let (all, cut) = ends.fold((0_usize, 0), |(all, cut), (_, node)| {
        (all + 1, cut + usize::from(node.finish == Finish::Length))
    });
    if 2 * cut > all {
        signs.push(format!("{cut} of its {all} lines did not end by themselves"));
    }
    let repeated = repeated(report);
    if repeated > 0.5 {
        signs.push(format!("{:.0} % of its report stood in it before", 100.0 * repeated));
    }
    let empty = trail.exchanges.iter().filter(|exchange| exchange.found.is_empty()).count();
    let failed = outcome.failed.iter().filter(|line| line.role.as_deref() == Some(search)).count();
    let again = outcome.unscored.iter().filter(|line| line.why == ASKED_BEFORE).count();
    let (all, vain) = (trail.exchanges.len() + failed + again, empty + failed + again);
    if 2 * vain > all {
        let mut told = String::new();
        for (count, what) in [(failed, "failed"), (again, "were asked before")] {
            if count > 0 {
                told.extend([", ", &count.to_string(), " ", what]);
            }
        }
        signs.push(format!("{empty} of its {all} questions found nothing{told}"));
    }
    signs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_turns_in_circles_repeats() {
        assert!(repeated(&"the river is long ".repeat(20)) > 0.9);
        let different: Vec<String> = (0..60).map(|n| format!("w{n}")).collect();
        assert!(repeated(&different.join(" ")) < 1e-12);
        assert!(repeated("a a a a a") < 1e-12);
    }
}
