//! What a search leaves behind: the whole tree, the answer, the cost.

use serde::{Deserialize, Serialize};

use crate::drive::run::FailedLine;
use crate::{Aggregate, NodeId, Stop, Tree, Usage, answer};

/// A finished search of one problem. Every selection rule can be applied to it again, at no cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Everything that was generated.
    pub tree: Tree,
    /// The strategy's choice.
    pub best: Option<NodeId>,
    /// Why it ended.
    pub stop: Stop,
    /// What it cost.
    pub usage: Usage,
    /// Lines that failed.
    pub failed: Vec<FailedLine>,
}

/// One finished solution (or, when none finished, an unfinished one).
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its last node.
    pub node: NodeId,
    /// The final answer found in its text.
    pub answer: Option<String>,
    /// The score of its path; minus infinity when it was not judged.
    pub score: f64,
}

impl Outcome {
    /// The text of the chosen solution.
    pub fn text(&self) -> Option<String> {
        self.best.map(|id| self.tree.text(id))
    }

    /// The final answer of the chosen solution.
    pub fn answer(&self) -> Option<String> {
        self.text().and_then(|text| answer::extract(&text))
    }

    /// All candidates with their answers and scores.
    pub fn candidates(&self, aggregate: Aggregate) -> Vec<Candidate> {
        candidates(&self.tree, aggregate)
    }
}

/// All candidates of a tree with their answers and scores, in order.
pub fn candidates(tree: &Tree, aggregate: Aggregate) -> Vec<Candidate> {
    let candidate = |node| Candidate {
        node,
        answer: answer::extract(&tree.text(node)),
        score: tree.score(node, aggregate).unwrap_or(f64::NEG_INFINITY),
    };
    tree.candidates().into_iter().map(candidate).collect()
}
