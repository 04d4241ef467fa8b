//! The rounds of a search: what was asked, what came of it, what went on.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::{Case, Fate, text};
use crate::{Expand, NodeId, NodeKind, Until};

/// A round, as the page shows it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Round {
    #[serde(rename = "round")]
    number: u32,
    nodes: usize,
    tokens: u64,
    /// Ends of candidates.
    ends: usize,
    continued: usize,
    finished: usize,
    pruned: usize,
    /// What was continued, in words.
    asked: Vec<(NodeId, String)>,
}

/// The rounds of a search, in order.
pub(super) fn rounds(case: &Case, fates: &[Fate]) -> Vec<Round> {
    let tree = &case.outcome.tree;
    let mut rounds: BTreeMap<u32, Round> = BTreeMap::new();
    for (id, node) in tree.iter().filter(|(_, node)| !node.is_question()) {
        let round = rounds.entry(node.round).or_default();
        round.nodes += 1;
        round.tokens += node.cost.generated_tokens;
        let within = node.children.iter().any(|&child| tree[child].round == node.round);
        if node.kind != NodeKind::Committed || within {
            continue;
        }
        round.ends += 1;
        match fates[id.index()] {
            Fate::Continued => round.continued += 1,
            Fate::Finished => round.finished += 1,
            Fate::Pruned(_) => round.pruned += 1,
            _ => {}
        }
    }
    for decided in &case.decisions {
        let round = rounds.entry(decided.round).or_default();
        round.asked = decided.expands.iter().map(|expand| (expand.node, words(expand))).collect();
    }
    // A round of the last decision may never have been made.
    let number = |(number, round)| Round { number, ..round };
    rounds.into_iter().map(number).collect()
}

/// A decision in words.
fn words(expand: &Expand) -> String {
    let lines = if expand.n == 1 { "1 line".into() } else { format!("{} lines", expand.n) };
    let until = match expand.until {
        Until::Step => "of a step".into(),
        Until::Steps(steps) => format!("of {steps} steps at most"),
        Until::End => "to the end".into(),
        Until::Tokens(tokens) => format!("of {tokens} tokens at most"),
    };
    let mut words = format!("{lines} {until}");
    match expand.kind {
        NodeKind::Rollout => words.push_str(", to look ahead"),
        NodeKind::Aside => words.push_str(", beside the search"),
        NodeKind::Committed => {}
    }
    if let Some(role) = &expand.role {
        let _ = write!(words, ", by {role}");
    }
    if let Some(sampling) = expand.sampling {
        let _ = write!(words, ", at temperature {}", sampling.temperature);
    }
    if let Some(keep) = expand.keep {
        let _ = write!(words, ", after its first {keep} tokens");
    }
    if let Some(append) = &expand.append {
        let _ = write!(words, ", with “{}” put behind it", text::line(append, 60));
    }
    words
}
