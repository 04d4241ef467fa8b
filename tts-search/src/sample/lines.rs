//! What the sampling strategies share: `n` independent lines from the prompt to the end.

use tts_core::select::{Vote, Weight, tally};
use tts_core::{Expand, NodeId, Sampling, Tree, View};

/// How often what came to nothing is asked for again, one time after the other.
pub(crate) const AGAIN: u32 = 3;

/// Asks for `n` whole lines, and then for the rest of those that were cut before their end.
///
/// A hard budget shares its tokens among the lines of a round and may cut all of them short. Asking
/// for the rest lets the budget, not the strategy, end the search, so that its reserve finishes the
/// best of them. The rest starts with numbers of its own, so it need not be what the uncut line would
/// have said.
pub(crate) fn step(view: &View<'_>, n: usize, sampling: Option<Sampling>) -> Vec<Expand> {
    let n = if view.is_start() { n } else { 1 };
    let line = |id| Expand { sampling, ..Expand::end(id, n) };
    view.open().into_iter().map(line).collect()
}

/// A sentence when a count that must be at least 1 is 0.
pub(crate) fn at_least_one(strategy: &str, field: &str, value: usize) -> Result<(), String> {
    if value == 0 { Err(format!("{strategy}: {field} is 0, expected at least 1")) } else { Ok(()) }
}

/// The answer with the greatest sum of weights, and of those who give it the one with the greatest weight;
/// the first of equals. `None` where nobody has an answer.
pub(crate) fn elected(tree: &Tree, weighted: &[(NodeId, f64)]) -> Option<NodeId> {
    let vote = |&(node, score): &(NodeId, f64)| {
        let answer = tree.get(node).and_then(|_| tree.answer(node)).map(str::to_owned);
        Vote { answer, score }
    };
    let votes: Vec<Vote> = weighted.iter().map(vote).collect();
    let classes = tally(&votes, tree.task().comparer(), Weight::Raw);
    // Of equals `min_by` keeps the first.
    let heaviest = classes.iter().min_by(|a, b| b.weight.total_cmp(&a.weight))?;
    let heavier = |a: &&usize, b: &&usize| weighted[**b].1.total_cmp(&weighted[**a].1);
    heaviest.members.iter().min_by(heavier).map(|&member| weighted[member].0)
}
