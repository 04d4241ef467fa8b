//! Rollouts in a tree: where each ended, and what those of a prefix say of it.
//!
//! A rollout is a line of nodes: the first hangs below the node it starts from, each further one
//! below the one before. Nodes inside a rollout can be rolled out again; their own line comes first
//! among what hangs below them, and is not counted: it was looked at because of how it ended.

use std::collections::HashMap;

use tts_core::{NodeId, NodeKind, Tree};

use super::Grade;

/// What rollouts say of a prefix: an estimate of the probability that the policy solves the problem
/// from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Estimate {
    /// Rollouts that ended right.
    pub solved: u32,
    /// All rollouts. One that was cut off, or has no answer, counts as not right; one that failed
    /// to be written does not count.
    pub rollouts: u32,
}

impl Estimate {
    /// The share that ended right; `None` without rollouts.
    pub fn share(self) -> Option<f64> {
        (self.rollouts > 0).then(|| f64::from(self.solved) / f64::from(self.rollouts))
    }

    fn add(&mut self, right: bool) {
        self.rollouts += 1;
        self.solved += u32::from(right);
    }
}

/// The end of the line that begins with `first`.
pub(super) fn end(tree: &Tree, first: NodeId) -> NodeId {
    let mut at = first;
    while let Some(&next) = tree[at].rollouts.first() {
        at = next;
    }
    at
}

/// The first nodes of the rollouts from a node, its own line left out.
pub(super) fn from(tree: &Tree, node: NodeId) -> &[NodeId] {
    let rollouts = &tree[node].rollouts;
    match tree[node].kind {
        NodeKind::Rollout => rollouts.get(1..).unwrap_or_default(),
        _ => rollouts,
    }
}

/// Whether the path to `end` is a solution that is right.
pub(super) fn is_right(tree: &Tree, end: NodeId, grade: &dyn Grade) -> bool {
    tree[end].is_finished() && grade.grade(&tree.text(end)) == Some(true)
}

/// What the rollouts from a node say.
pub(super) fn estimate(tree: &Tree, node: NodeId, grade: &dyn Grade) -> Estimate {
    let mut estimate = Estimate::default();
    for &first in from(tree, node) {
        estimate.add(is_right(tree, end(tree, first), grade));
    }
    estimate
}

/// What a path says, by which equal prefixes are known: texts and tokens of its steps.
pub(super) type Content = Vec<(String, Vec<u32>)>;

/// The first node of each content: equal prefixes share their rollouts.
#[derive(Debug, Clone, Default)]
pub(super) struct Firsts(HashMap<Content, NodeId>);

impl Firsts {
    /// The node that stands for the prefix that ends with `node`: itself, if it is the first.
    pub(super) fn of(&mut self, tree: &Tree, node: NodeId) -> NodeId {
        let step = |&id: &NodeId| (tree[id].step.text.clone(), tree[id].step.tokens.clone());
        *self.0.entry(tree.path(node).iter().map(step).collect()).or_insert(node)
    }
}
