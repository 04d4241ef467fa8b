//! The step tree: an append-only arena of everything that a search asked and generated.
//!
//! Node 0 is the root, the problem itself. Every other node is a step, or a further *question* with a
//! prompt of its own: what is written behind that continues the question, not the path above it.
//! Nodes are appended in the order in which the strategy asked for them, never in the order in which
//! they were done.
//!
//! What depends on a whole path (its tokens, the aggregates of its scores, its steps as generators see
//! them) is kept beside each node and follows from that of its parent, so that a deep path costs no
//! more a step than a short one. Answers are extracted once a node.

mod along;
mod ends;
mod news;
mod read;

use std::collections::BTreeMap;
use std::ops::Index;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use self::along::Along;
use self::news::News;
use super::step::is_zero;
use super::trajectory::Link;
use crate::task::{Math, Task, Verdict};
use crate::{Aggregate, Cost, Finish, Limit, Prompt, Scale, Step, Trajectory, seed};

/// A node of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The problem.
    pub const ROOT: Self = Self(0);

    /// The node's place in the arena.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Whether a node may be part of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum NodeKind {
    /// Part of a candidate solution.
    #[default]
    Committed,
    /// Written only to look ahead: counted and recorded, never part of an answer.
    Rollout,
    /// Said about the problem or a path, not an answer to it: a critique, a query, a page that was
    /// found. Counted and recorded, never a candidate, and judged only by a scorer that is named.
    Aside,
}

/// One step in the tree, or a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The node before; of a question, the one it is about. `None` for the root only.
    pub parent: Option<NodeId>,
    /// Number of steps from the question.
    pub depth: u32,
    /// Whether it may be part of an answer.
    pub kind: NodeKind,
    /// What is asked from here on: the root's problem, and that of every question posed. Such a node
    /// has an empty step and depth 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Arc<Prompt>>,
    /// The role that wrote it; `None` for the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Arc<str>>,
    /// How many of its given tokens were generated before, as the beginning of another step that is kept:
    /// they count towards the length of the solution.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub kept: u32,
    /// What was written; empty for a question.
    pub step: Arc<Step>,
    /// Why the step ended.
    pub finish: Finish,
    /// Whether it can be continued: not finished, and within the limits of the step rule.
    pub open: bool,
    /// Where the step's randomness came from.
    pub seed: u64,
    /// The scorer's judgement of this step; `None` when it was not judged (a question, a blank step,
    /// no scorer, one that could not judge it).
    pub score: Option<f64>,
    /// The name of the scorer that judged it; `None` for the search's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scorer: Option<Arc<str>>,
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
    /// Children that are asides, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asides: Vec<NodeId>,
    /// Questions about it, in the order in which they were posed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<NodeId>,
}

impl Node {
    /// A committed step below `parent` that ended at a boundary, with nothing else known of it.
    pub fn new(parent: NodeId, step: impl Into<Arc<Step>>) -> Self {
        Self {
            parent: Some(parent),
            depth: 0,
            kind: NodeKind::Committed,
            prompt: None,
            role: None,
            kept: 0,
            step: step.into(),
            finish: Finish::Step,
            open: true,
            seed: 0,
            score: None,
            scorer: None,
            value: None,
            round: 0,
            cost: Cost::default(),
            children: Vec::new(),
            rollouts: Vec::new(),
            asides: Vec::new(),
            questions: Vec::new(),
        }
    }

    /// Whether the model said that the solution is complete.
    pub fn is_finished(&self) -> bool {
        self.finish == Finish::Stop
    }

    /// Whether it is a question: the root, or one that was posed.
    pub fn is_question(&self) -> bool {
        self.prompt.is_some()
    }

    /// How many of its first `keep` tokens were generated, here or in a step that it began with.
    pub(crate) fn generated_of(&self, keep: u32) -> u32 {
        keep.min(self.kept) + keep.saturating_sub(self.step.given)
    }

    /// The list that a child of this kind stands in.
    pub(crate) fn below(&self, kind: NodeKind) -> &Vec<NodeId> {
        match kind {
            NodeKind::Committed => &self.children,
            NodeKind::Rollout => &self.rollouts,
            NodeKind::Aside => &self.asides,
        }
    }

    /// Seed of the child of this kind with this number. What continues an aside is numbered like what
    /// continues a candidate.
    pub(crate) fn child_seed(&self, kind: NodeKind, number: u32) -> u64 {
        match kind {
            NodeKind::Rollout => seed::rollout(self.seed, number),
            NodeKind::Aside if self.kind != NodeKind::Aside => seed::aside(self.seed, number),
            NodeKind::Committed | NodeKind::Aside => seed::child(self.seed, number),
        }
    }
}

/// Everything that was asked and written in one problem's search.
#[derive(Clone)]
pub struct Tree {
    nodes: Vec<Node>,
    along: Vec<Along>,
    scale: Scale,
    /// Scales of named scorers.
    scales: BTreeMap<Arc<str>, Scale>,
    task: Arc<dyn Task>,
    /// What a strategy did wrong with it, until its driver asks.
    fault: OnceLock<String>,
    /// The limit that a strategy ends for, until its driver asks.
    ended: Option<Limit>,
    news: News,
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tree").field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes
            && self.scale == other.scale
            && self.scales == other.scales
            && self.task.name() == other.task.name()
    }
}

impl Index<NodeId> for Tree {
    type Output = Node;

    fn index(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Tree {
    /// A tree of the root alone, of a task of mathematics and scores of no stated scale.
    pub fn new(prompt: impl Into<Arc<Prompt>>, seed: u64) -> Self {
        let mut root = Node::new(NodeId::ROOT, Step::default());
        (root.parent, root.prompt, root.seed) = (None, Some(prompt.into()), seed);
        Self {
            nodes: vec![root],
            along: vec![Along::default()],
            scale: Scale::default(),
            scales: BTreeMap::new(),
            task: Arc::new(Math),
            fault: OnceLock::new(),
            ended: None,
            news: News::default(),
        }
    }

    /// The same tree with scores of another scale.
    #[must_use]
    pub fn with_scale(mut self, scale: Scale) -> Self {
        self.scale = scale;
        self
    }

    /// The same tree with what the scores of a named scorer are.
    #[must_use]
    pub fn with_scale_of(mut self, scorer: impl Into<Arc<str>>, scale: Scale) -> Self {
        self.scales.insert(scorer.into(), scale);
        self
    }

    /// The same tree as one of another task.
    #[must_use]
    pub fn with_task(mut self, task: Arc<dyn Task>) -> Self {
        self.task = task;
        self.along.iter_mut().for_each(|along| along.answer = OnceLock::new());
        self
    }

    /// What the scores of its candidates are.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// What the score of a node is: of the scorer that judged it.
    pub fn scale_of(&self, id: NodeId) -> Scale {
        let named = self[id].scorer.as_ref().and_then(|scorer| self.scales.get(scorer));
        named.copied().unwrap_or(self.scale)
    }

    /// What an answer is.
    pub fn task(&self) -> &Arc<dyn Task> {
        &self.task
    }

    /// Appends a node below its parent. Handmade trees in tests use it, and [`crate::Run`].
    ///
    /// # Panics
    /// When `node.parent` is not a node of this tree.
    pub fn push(&mut self, node: Node) -> NodeId {
        let id = NodeId(number(self.nodes.len()));
        if let Some(parent) = node.parent {
            if node.prompt.is_some() {
                self.along[parent.index()].asked[usize::from(node.kind == NodeKind::Aside)] += 1;
            }
            let parent = &mut self.nodes[parent.index()];
            match node.kind {
                _ if node.prompt.is_some() => parent.questions.push(id),
                NodeKind::Committed => parent.children.push(id),
                NodeKind::Rollout => parent.rollouts.push(id),
                NodeKind::Aside => parent.asides.push(id),
            }
        }
        let along = Along::of(&node, id, &self.nodes, &self.along);
        self.nodes.push(node);
        self.along.push(along);
        id
    }

    /// A node under `parent` with the given text and score, for handmade trees: depth, sibling
    /// number and seed follow from the parent. It is open behind [`Finish::Step`] and [`Finish::Pause`] alone: what
    /// its length cut is closed here, though a search leaves it open while the step rule has room.
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
        let kind =
            if above.kind == NodeKind::Aside { NodeKind::Aside } else { NodeKind::Committed };
        self.push(Node {
            depth: above.depth + 1,
            kind,
            finish,
            open: matches!(finish, Finish::Step | Finish::Pause),
            seed: above.child_seed(kind, number(above.below(kind).len())),
            score,
            round: above.round + 1,
            ..Node::new(parent, Step { text: text.into(), ..Step::default() })
        })
    }

    /// A question about a node: a root of its own, whose lines are candidates, or asides.
    ///
    /// ```
    /// use tts_core::{Finish, NodeId, NodeKind, Prompt, Tree};
    /// let mut tree = Tree::new(Prompt::from("1 + 1?"), 7);
    /// let draft = tree.grow(NodeId::ROOT, "It is 3.", Finish::Stop, None);
    /// let asked = tree.pose(draft, Prompt::from("Is 1 + 1 = 3?"), NodeKind::Aside);
    /// let critique = tree.grow(asked, "No.", Finish::Stop, None);
    /// assert_eq!(tree.text(critique), "No.");
    /// assert_eq!(tree.candidates(), [draft]); // still one, and the only one
    /// ```
    ///
    /// # Panics
    /// When `about` is not a node of this tree.
    pub fn pose(
        &mut self,
        about: NodeId,
        prompt: impl Into<Arc<Prompt>>,
        kind: NodeKind,
    ) -> NodeId {
        let (above, asked) = (self[about].seed, self.along[about.index()].asked);
        let round = self.nodes.last().map_or(0, |node| node.round);
        self.push(Node {
            kind,
            prompt: Some(prompt.into()),
            seed: match kind {
                NodeKind::Aside => seed::aside_question(above, asked[1]),
                _ => seed::question(above, asked[0]),
            },
            round,
            ..Node::new(about, Step::default())
        })
    }

    pub(crate) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.index()]
    }

    /// Follows up the aggregates of the nodes from `first` on, whose scores have come in.
    pub(crate) fn settle(&mut self, first: usize) {
        for index in first..self.nodes.len() {
            let node = &self.nodes[index];
            let parent = node.parent.map(|parent| self.along[parent.index()].scores);
            let before = parent.filter(|_| !node.is_question()).unwrap_or_default();
            self.along[index].scores = before.with(node.score);
        }
    }

    /// Notes what a strategy did wrong; the first fault counts.
    pub(crate) fn note_fault(&self, problem: String) {
        let _ = self.fault.set(problem);
    }

    pub(crate) fn take_fault(&mut self) -> Option<String> {
        self.fault.take()
    }

    pub(crate) fn note_limit(&mut self, limit: Limit) {
        self.ended = Some(limit);
    }

    pub(crate) fn take_limit(&mut self) -> Option<Limit> {
        self.ended.take()
    }

    /// The problem.
    pub fn prompt(&self) -> &Arc<Prompt> {
        self.asked(NodeId::ROOT)
    }

    /// What is asked where `id` was written: the problem, or the prompt of a question.
    pub fn asked(&self, id: NodeId) -> &Arc<Prompt> {
        static NOTHING: OnceLock<Arc<Prompt>> = OnceLock::new();
        let asked = self[self.question(id)].prompt.as_ref();
        // Every question has one: `push` and reading see to it.
        asked.unwrap_or_else(|| NOTHING.get_or_init(|| Arc::new(Prompt::text(""))))
    }

    /// Number of nodes, the root included.
    #[expect(clippy::len_without_is_empty, reason = "a tree always has its root")]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// All nodes in order, the root first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (NodeId, &Node)> + Clone {
        self.nodes.iter().enumerate().map(|(index, node)| (NodeId(number(index)), node))
    }

    /// The node, or `None` when the tree has no such node.
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.index())
    }

    /// The question that a node answers: the nearest one above it, the root at last; a question's own.
    pub fn question(&self, id: NodeId) -> NodeId {
        self.along[id.index()].question
    }

    /// The nodes from the question's child to `id`; empty for a question. The root is a question, so it is
    /// in no path.
    pub fn path(&self, id: NodeId) -> Vec<NodeId> {
        let steps = std::iter::successors(Some(id), |&id| self[id].parent);
        let mut path: Vec<NodeId> = steps.take_while(|&id| !self[id].is_question()).collect();
        path.reverse();
        path
    }

    /// The text from the question to `id`.
    pub fn text(&self, id: NodeId) -> String {
        self.path(id).iter().map(|&id| self[id].step.text.as_str()).collect()
    }

    /// Generated tokens from the question to `id`.
    pub fn generated(&self, id: NodeId) -> u64 {
        self.along[id.index()].generated
    }

    /// Tokens from the question to `id`, given ones included, the prompt left out.
    pub fn tokens(&self, id: NodeId) -> u64 {
        self.along[id.index()].tokens
    }

    /// The path as generators and scorers see it, with the last `fresh` steps to be judged.
    pub fn trajectory(&self, id: NodeId, fresh: usize) -> Trajectory {
        let (mut at, mut steps) = (id, Vec::new());
        while steps.len() < fresh
            && let node = &self[at]
            && let (false, Some(parent)) = (node.is_question(), node.parent)
        {
            steps.push(Arc::clone(&node.step));
            at = parent;
        }
        steps.reverse();
        let prompt = Arc::clone(self.asked(id));
        Trajectory::linked(prompt, self.link(at), steps, self[id].is_finished())
    }

    /// The steps to `id`, shared by all paths through it.
    fn link(&self, id: NodeId) -> Option<Arc<Link>> {
        let mut missing = Vec::new();
        let mut at = id;
        let mut link = loop {
            let node = &self[at];
            if node.is_question() {
                break None;
            }
            if let Some(link) = self.along[at.index()].link.get() {
                break Some(Arc::clone(link));
            }
            missing.push(at);
            at = node.parent?;
        };
        for id in missing.into_iter().rev() {
            let new = || Link::new(link, Arc::clone(&self[id].step));
            link = Some(Arc::clone(self.along[id.index()].link.get_or_init(new)));
        }
        link
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

    /// The score of the path to `id`, as [`Aggregate::apply`] of [`Tree::scores`]; `None` when nothing
    /// on it was judged.
    pub fn score(&self, id: NodeId, aggregate: Aggregate) -> Option<f64> {
        let node = &self[id];
        let before = match node.parent {
            Some(parent) if !node.is_question() => self.along[parent.index()].scores,
            _ => along::Running::default(),
        };
        before.with(node.value.or(node.score)).get(self.scale_of(id).resolve(aggregate))
    }

    /// The final answer in the text up to `id`, as the [`Task`] finds it; extracted once.
    pub fn answer(&self, id: NodeId) -> Option<&str> {
        let extract = || self.task.answer(&self.text(id)).map(Into::into);
        self.along[id.index()].answer.get_or_init(extract).as_deref()
    }

    /// The [`Task`]'s verdict on the solution that ends at `id`, where the right answer is known. One that
    /// was not finished has no answer yet, whatever number stands last in it.
    pub fn verdict(&self, id: NodeId, gold: &str) -> Verdict {
        if !self[id].is_finished() {
            return Verdict::Unanswered;
        }
        self.task.verdict(self.prompt().question(), gold, &self.text(id))
    }

    /// Finished candidates, in order.
    pub fn finished(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.iter()
            .filter(|(_, node)| node.kind == NodeKind::Committed && node.is_finished())
            .filter(|(_, node)| node.children.is_empty())
            .map(|(id, _)| id)
    }

    /// Candidates: the finished paths, or, when there is none, the ends of the unfinished ones. A
    /// solution that was asked about stays one.
    pub fn candidates(&self) -> Vec<NodeId> {
        let finished: Vec<NodeId> = self.finished().collect();
        if !finished.is_empty() {
            return finished;
        }
        let unfinished = self.iter().filter(|(_, node)| {
            !node.is_question() && node.kind == NodeKind::Committed && node.children.is_empty()
        });
        unfinished.map(|(id, _)| id).collect()
    }

    /// A copy in which these nodes are no candidates, as if they had been said aside.
    #[must_use]
    pub fn without(&self, nodes: impl IntoIterator<Item = NodeId>) -> Self {
        let mut tree = self.clone();
        for id in nodes {
            if let Some(node) = tree.nodes.get_mut(id.index()) {
                node.kind = NodeKind::Aside;
            }
        }
        tree
    }

    /// The candidate with the highest score; the first of equals. A path without scores ranks
    /// below every path with one.
    pub fn best(&self, aggregate: Aggregate) -> Option<NodeId> {
        self.best_of(self.candidates(), aggregate)
    }

    /// The one of these nodes with the highest score; the first of equals.
    pub fn best_of(
        &self,
        nodes: impl IntoIterator<Item = NodeId>,
        aggregate: Aggregate,
    ) -> Option<NodeId> {
        let mut best: Option<(NodeId, f64)> = None;
        for id in nodes {
            let score = self.score(id, aggregate).unwrap_or(f64::NEG_INFINITY);
            if best.is_none_or(|(_, top)| score > top) {
                best = Some((id, score));
            }
        }
        best.map(|(id, _)| id)
    }

    /// What each role wrote cost, judging included; the policy's name is empty.
    pub fn cost_by_role(&self) -> BTreeMap<String, Cost> {
        let mut costs: BTreeMap<String, Cost> = BTreeMap::new();
        for node in &self.nodes {
            let role = node.role.as_deref().unwrap_or_default();
            match costs.get_mut(role) {
                Some(cost) => *cost += node.cost,
                None => drop(costs.insert(role.to_owned(), node.cost)),
            }
        }
        costs
    }
}
