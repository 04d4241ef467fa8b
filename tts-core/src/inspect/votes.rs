//! The vote over answers: who has which, and what each weighs.
//!
//! Answers are found and compared by the tree's task, as every selection does it; weights are those of the
//! weighted vote on the scorer's scale, where it has one. An answer stands as the member has it that the vote would
//! return, the best scored one, and is right where that one is.

use serde::Serialize;

use crate::select::{Vote, Weight, tally};
use crate::{Aggregate, NodeId, Rule, Selection, Verdict};

use super::Case;

/// The vote, as the page shows it.
#[derive(Debug, Serialize)]
pub(super) struct Votes {
    pub(super) groups: Vec<Group>,
    /// Candidates without an answer.
    silent: Vec<NodeId>,
    /// Whether the candidates are finished solutions.
    finished: bool,
    /// What the weights are.
    words: &'static str,
}

/// An answer.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    pub(super) answer: String,
    pub(super) count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) weight: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    best: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<bool>,
    pub(super) nodes: Vec<NodeId>,
}

impl Votes {
    /// The vote over the candidates of a search, the answer with the most votes first.
    pub(super) fn of(case: &Case) -> Self {
        let tree = &case.outcome.tree;
        let nodes = tree.candidates();
        let scores: Vec<Option<f64>> =
            nodes.iter().map(|&id| tree.score(id, Aggregate::ByScale)).collect();
        let weighted = Selection { rule: Rule::Weighted, aggregate: Aggregate::ByScale };
        let judged = scores.iter().any(Option::is_some);
        let weights = (judged && tree.scale().check(weighted).is_ok())
            .then(|| tree.scale().weights(weighted, &scores));
        let votes: Vec<Vote> = nodes
            .iter()
            .map(|&id| Vote { answer: tree.answer(id).map(str::to_owned), score: 1.0 })
            .collect();
        let finished = tree.finished().next().is_some();
        let group = |members: Vec<usize>| {
            let low = |at: usize| scores[at].unwrap_or(f64::NEG_INFINITY);
            let better = |best, at| if low(at) > low(best) { at } else { best };
            // The one that the vote returns: answers that count as one need not all be right.
            let chosen = members.iter().copied().reduce(better).unwrap_or_default();
            Group {
                answer: votes[chosen].answer.clone().unwrap_or_default(),
                count: members.len(),
                weight: weights.as_ref().map(|weights| members.iter().map(|&at| weights[at]).sum()),
                best: members.iter().filter_map(|&at| scores[at]).reduce(f64::max),
                right: case
                    .gold
                    .as_deref()
                    .filter(|_| finished)
                    .map(|gold| tree.verdict(nodes[chosen], gold) == Verdict::Right),
                nodes: members.into_iter().map(|at| nodes[at]).collect(),
            }
        };
        let mut same = tree.task().comparer();
        let mut groups: Vec<Group> = tally(&votes, &mut same, Weight::Raw)
            .into_iter()
            .map(|class| group(class.members))
            .collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        let silent = nodes.iter().zip(&votes).filter(|(_, vote)| vote.parsed().is_none());
        let words = match (&weights, judged) {
            (Some(_), _) => "Weights are those of the weighted vote on the scorer's scale.",
            (None, true) => "The scorer states no scale, so that its scores rank and do not weigh.",
            (None, false) => "Nothing was scored: every vote weighs the same.",
        };
        Self { groups, silent: silent.map(|(&id, _)| id).collect(), finished, words }
    }
}
