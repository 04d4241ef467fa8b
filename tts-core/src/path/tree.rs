//! The step tree: an append-only arena of everything that a search generated.
//!
//! Node 0 is the root, the prompt itself. Every other node is one step. Nodes are appended in the
//! order in which the strategy asked for them, never in the order in which they were done.

use std::ops::Index;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Aggregate, Cost, Finish, Prompt, Step, Trajectory};

/// A node of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The prompt.
    pub const ROOT: Self = Self(0);

    /// The node's place in the arena.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Whether a node may be part of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// Part of a candidate solution.
    #[default]
    Committed,
    /// Written only to look ahead: counted and recorded, never part of an answer.
    Rollout,
}

/// One step in the tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The node before; `None` for the root only.
    pub parent: Option<NodeId>,
    /// Number of steps from the root.
    pub depth: u32,
    /// Whether it may be part of an answer.
    pub kind: NodeKind,
    /// What was written; empty for the root.
    pub step: Arc<Step>,
    /// Why the step ended.
    pub finish: Finish,
    /// Whether it can be continued: not finished, and within the limits of the step rule.
    pub open: bool,
    /// Where the step's randomness came from.
    pub seed: u64,
    /// The scorer's judgement of this step; `None` when it was not judged (the root, a blank step,
    /// no scorer).
    pub score: Option<f64>,
    /// A better estimate that the strategy put in place of the score (the end of a rollout, say).
    pub value: Option<f64>,
    /// Round of generation that made it.
    pub round: u32,
    /// What this step cost.
    pub cost: Cost,
    /// Committed children, in order of their sibling number.
    pub children: Vec<NodeId>,
    /// Rollout children, likewise.
    pub rollouts: Vec<NodeId>,
}

impl Node {
    /// Whether the model said that the solution is complete.
    pub fn is_finished(&self) -> bool {
        self.finish == Finish::Stop
    }
}

/// All steps of one problem's search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Tree {
    prompt: Arc<Prompt>,
    nodes: Vec<Node>,
}

/// A tree as read, before its links are known to hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    prompt: Arc<Prompt>,
    nodes: Vec<Node>,
}

impl TryFrom<Unchecked> for Tree {
    type Error = String;

    fn try_from(read: Unchecked) -> Result<Self, String> {
        let tree = Self { prompt: read.prompt, nodes: read.nodes };
        if tree.nodes.first().is_none_or(|root| root.parent.is_some()) {
            return Err("tree: the first node must be a root, without a parent".into());
        }
        for (id, node) in tree.iter() {
            let links = node.children.iter().map(|c| (c, NodeKind::Committed));
            let links = links.chain(node.rollouts.iter().map(|c| (c, NodeKind::Rollout)));
            for (child, kind) in links {
                let sound = *child > id
                    && tree.get(*child).is_some_and(|c| c.parent == Some(id) && c.kind == kind);
                if !sound {
                    return Err(format!("tree: node {}: no such child {}", id.0, child.0));
                }
            }
            let sound = match node.parent {
                None => id == NodeId::ROOT,
                Some(parent) => {
                    parent < id && {
                        let parent = &tree[parent];
                        let siblings = match node.kind {
                            NodeKind::Committed => &parent.children,
                            NodeKind::Rollout => &parent.rollouts,
                        };
                        node.depth == parent.depth + 1 && siblings.contains(&id)
                    }
                }
            };
            if !sound {
                return Err(format!("tree: node {}: parent or depth does not fit", id.0));
            }
        }
        Ok(tree)
    }
}

impl Index<NodeId> for Tree {
    type Output = Node;

    fn index(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }
}

impl Tree {
    /// A tree of the root alone.
    pub fn new(prompt: impl Into<Arc<Prompt>>, seed: u64) -> Self {
        let root = Node {
            parent: None,
            depth: 0,
            kind: NodeKind::Committed,
            step: Arc::default(),
            finish: Finish::Step,
            open: true,
            seed,
            score: None,
            value: None,
            round: 0,
            cost: Cost::default(),
            children: Vec::new(),
            rollouts: Vec::new(),
        };
        Self { prompt: prompt.into(), nodes: vec![root] }
    }

    /// Appends a node below its parent. Handmade trees in tests use it, and [`crate::Run`].
    ///
    /// # Panics
    /// When `node.parent` is not a node of this tree.
    pub fn push(&mut self, node: Node) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        if let Some(parent) = node.parent {
            let parent = &mut self.nodes[parent.index()];
            match node.kind {
                NodeKind::Committed => parent.children.push(id),
                NodeKind::Rollout => parent.rollouts.push(id),
            }
        }
        self.nodes.push(node);
        id
    }

    /// A node under `parent` with the given text and score, for handmade trees: depth, sibling
    /// number and seed follow from the parent.
    ///
    /// ```
    /// use tts_core::{Aggregate, Finish, NodeId, Prompt, Tree};
    /// let mut tree = Tree::new(Prompt::from("1 + 1?"), 7);
    /// let step = tree.grow(NodeId::ROOT, "It is 2.", Finish::Stop, Some(0.9));
    /// assert_eq!(tree.best(Aggregate::Last), Some(step));
    /// ```
    pub fn grow(
        &mut self,
        parent: NodeId,
        text: &str,
        finish: Finish,
        score: Option<f64>,
    ) -> NodeId {
        let above = &self[parent];
        let sibling = u32::try_from(above.children.len()).unwrap_or(u32::MAX);
        let node = Node {
            parent: Some(parent),
            depth: above.depth + 1,
            kind: NodeKind::Committed,
            step: Arc::new(Step { text: text.into(), ..Step::default() }),
            finish,
            open: finish == Finish::Step,
            seed: crate::seed::child(above.seed, sibling),
            score,
            value: None,
            round: above.round + 1,
            cost: Cost::default(),
            children: Vec::new(),
            rollouts: Vec::new(),
        };
        self.push(node)
    }

    pub(crate) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.index()]
    }

    /// The question.
    pub fn prompt(&self) -> &Arc<Prompt> {
        &self.prompt
    }

    /// Number of nodes, the root included.
    #[expect(clippy::len_without_is_empty, reason = "a tree always has its root")]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// All nodes in order, the root first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (NodeId, &Node)> {
        let id = |index| NodeId(u32::try_from(index).unwrap_or(u32::MAX));
        self.nodes.iter().enumerate().map(move |(index, node)| (id(index), node))
    }

    /// The node, or `None` when the tree has no such node.
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.index())
    }

    /// The nodes from the root's child to `id`; empty for the root.
    pub fn path(&self, id: NodeId) -> Vec<NodeId> {
        let mut path: Vec<NodeId> =
            std::iter::successors(Some(id), |&id| self[id].parent).collect();
        path.pop();
        path.reverse();
        path
    }

    /// The text from the root to `id`.
    pub fn text(&self, id: NodeId) -> String {
        self.path(id).iter().map(|&id| self[id].step.text.as_str()).collect()
    }

    /// Generated tokens from the root to `id`.
    pub fn generated(&self, id: NodeId) -> u64 {
        self.path(id).iter().map(|&id| self[id].step.generated()).sum()
    }

    /// Tokens from the root to `id`, given ones included, the prompt left out.
    pub fn tokens(&self, id: NodeId) -> u64 {
        self.path(id).iter().map(|&id| self[id].step.tokens.len() as u64).sum()
    }

    /// The path as generators and scorers see it.
    pub fn trajectory(&self, id: NodeId, fresh: usize) -> Trajectory {
        let steps = self.path(id).into_iter().map(|id| Arc::clone(&self[id].step)).collect();
        Trajectory::new(Arc::clone(&self.prompt), steps, fresh, self[id].is_finished())
    }

    /// The scores on the way to `id`; the node's own value, where the strategy set one, stands in
    /// for its score.
    pub fn scores(&self, id: NodeId) -> Vec<f64> {
        let path = self.path(id);
        path.iter()
            .filter_map(|&step| {
                let node = &self[step];
                if step == id { node.value.or(node.score) } else { node.score }
            })
            .collect()
    }

    /// The score of the path to `id`; `None` when nothing on it was judged.
    pub fn score(&self, id: NodeId, aggregate: Aggregate) -> Option<f64> {
        aggregate.apply(self.scores(id))
    }

    /// Finished candidates, in order.
    pub fn finished(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.iter()
            .filter(|(_, node)| node.kind == NodeKind::Committed && node.is_finished())
            .filter(|(id, _)| self[*id].children.is_empty())
            .map(|(id, _)| id)
    }

    /// Candidates: the finished paths, or, when there is none, the ends of the unfinished ones.
    pub fn candidates(&self) -> Vec<NodeId> {
        let finished: Vec<NodeId> = self.finished().collect();
        if !finished.is_empty() {
            return finished;
        }
        self.iter()
            .filter(|(id, node)| {
                *id != NodeId::ROOT && node.kind == NodeKind::Committed && node.children.is_empty()
            })
            .map(|(id, _)| id)
            .collect()
    }

    /// The candidate with the highest score; the first of equals. A path without scores ranks
    /// below every path with one.
    pub fn best(&self, aggregate: Aggregate) -> Option<NodeId> {
        let mut best: Option<(NodeId, f64)> = None;
        for id in self.candidates() {
            let score = self.score(id, aggregate).unwrap_or(f64::NEG_INFINITY);
            if best.is_none_or(|(_, top)| score > top) {
                best = Some((id, score));
            }
        }
        best.map(|(id, _)| id)
    }
}
