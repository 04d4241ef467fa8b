//! The part of a tree that fits a picture: the chosen path, and then the best of the top.
//!
//! Nodes come in by depth, and at a depth by the score of their path, each only below one that is in. What
//! is left out below a node is counted there.

use std::collections::BTreeSet;

use super::{Case, Fate, fates, text};
use crate::{Aggregate, NodeId, NodeKind, Tree};

/// What a picture shows.
pub(super) struct Excerpt {
    /// The nodes, parents first.
    pub(super) nodes: Vec<Drawn>,
    /// How many there are in all.
    pub(super) all: usize,
}

/// A node of a picture.
pub(super) struct Drawn {
    pub(super) id: NodeId,
    pub(super) parent: Option<NodeId>,
    /// Its text, and its score below where it has one.
    pub(super) lines: Vec<String>,
    pub(super) kind: NodeKind,
    pub(super) question: bool,
    pub(super) chosen: bool,
    pub(super) fate: Fate,
    /// Nodes below it that are left out, whose parents are in the picture or left out too.
    pub(super) left_out: usize,
}

/// The longest text of a node, in characters.
const TEXT: usize = 44;

impl Excerpt {
    /// At most `most` nodes of a tree, the root at least.
    pub(super) fn of(case: &Case, most: usize) -> Self {
        let tree = &case.outcome.tree;
        let chosen = chosen(case);
        let taken = taken(tree, &chosen, most.max(1));
        let fates = fates(tree, &case.decisions);
        let mut left_out = vec![0_usize; tree.len()];
        for (id, node) in tree.iter().rev() {
            let Some(parent) = node.parent else { continue };
            if !taken.contains(&id) {
                // Counted at the nearest node above that is in.
                left_out[parent.index()] += 1 + std::mem::take(&mut left_out[id.index()]);
            }
        }
        let nodes = taken.iter().map(|&id| {
            let node = &tree[id];
            let words = node.prompt.as_ref().map_or(&*node.step.text, |prompt| prompt.question());
            let mut lines = vec![text::line(words, TEXT)];
            if let Some(score) = node.value.or(node.score) {
                lines.push(format!("{score:.2}"));
            }
            if let Fate::Pruned(passed) = &fates[id.index()] {
                lines.push(format!("pruned, round {}", passed.round));
            }
            Drawn {
                id,
                parent: node.parent,
                lines,
                kind: node.kind,
                question: node.is_question(),
                chosen: chosen.contains(&id),
                fate: fates[id.index()].clone(),
                left_out: left_out[id.index()],
            }
        });
        Self { nodes: nodes.collect(), all: tree.len() }
    }

    /// What is not shown, in words; empty when all is.
    pub(super) fn note(&self) -> String {
        match self.all - self.nodes.len() {
            0 => String::new(),
            left => format!("{left} of {} nodes are left out", self.all),
        }
    }
}

/// The chosen node and all above it, questions and what they are about included.
fn chosen(case: &Case) -> BTreeSet<NodeId> {
    let tree = &case.outcome.tree;
    std::iter::successors(case.outcome.best, |&id| tree[id].parent).collect()
}

fn taken(tree: &Tree, chosen: &BTreeSet<NodeId>, most: usize) -> BTreeSet<NodeId> {
    // A chosen path longer than a picture is shown from its top.
    let mut taken: BTreeSet<NodeId> = chosen.iter().copied().take(most).collect();
    taken.insert(NodeId::ROOT);
    let mut level = vec![NodeId::ROOT];
    while taken.len() < most && !level.is_empty() {
        let mut next: Vec<NodeId> = level
            .iter()
            .flat_map(|&id| {
                let node = &tree[id];
                [&node.questions, &node.children, &node.asides, &node.rollouts]
                    .into_iter()
                    .flatten()
            })
            .copied()
            .collect();
        let worth = |id: NodeId| {
            let score = tree.score(id, Aggregate::ByScale).unwrap_or(f64::NEG_INFINITY);
            (!tree[id].is_question(), -score, id)
        };
        next.sort_by(|&a, &b| {
            let (a, b) = (worth(a), worth(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2))
        });
        for &id in &next {
            if taken.len() < most {
                taken.insert(id);
            }
        }
        level = next.into_iter().filter(|id| taken.contains(id)).collect();
    }
    taken
}
