//! What decides: the [`SearchStrategy`] trait.
//!
//! A strategy looks at the leaves that were just generated and scored, and says which nodes to
//! continue, how often and how far. It calls no model, counts nothing and batches nothing: the
//! driver does that once, for every strategy. The first fresh leaf is the root, so most strategies
//! need no initial case.

use serde::{Deserialize, Serialize};

use crate::seed::Rng;
use crate::{Aggregate, Budget, Cost, NodeId, NodeKind, Sampling, Tree, Until};

/// A decision: continue `node` with `n` lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expand {
    /// What is continued. It must be open; a finished node only together with `append`.
    pub node: NodeId,
    /// How many lines.
    pub n: usize,
    /// How far each goes.
    pub until: Until,
    /// Candidates, or rollouts that only look ahead.
    pub kind: NodeKind,
    /// Text put after the node before the model goes on.
    pub append: Option<String>,
    /// In place of the search's own sampling.
    pub sampling: Option<Sampling>,
    /// The generator of this name instead of the policy (see [`crate::Search::role`]).
    pub role: Option<String>,
}

impl Expand {
    /// Continues `node` by one step, `n` times.
    pub fn step(node: NodeId, n: usize) -> Self {
        Self {
            node,
            n,
            until: Until::Step,
            kind: NodeKind::Committed,
            append: None,
            sampling: None,
            role: None,
        }
    }

    /// Continues `node` to the end, `n` times.
    pub fn end(node: NodeId, n: usize) -> Self {
        Self { until: Until::End, ..Self::step(node, n) }
    }
}

/// What a strategy sees.
#[derive(Debug)]
pub struct View<'a> {
    tree: &'a mut Tree,
    fresh: &'a [NodeId],
    origin: &'a [usize],
    usage: &'a Cost,
    budget: &'a Budget,
    rng: &'a mut Rng,
}

impl<'a> View<'a> {
    /// A view of `tree`; `origin[i]` tells which of the last decisions led to `fresh[i]`.
    pub fn new(
        tree: &'a mut Tree,
        fresh: &'a [NodeId],
        origin: &'a [usize],
        usage: &'a Cost,
        budget: &'a Budget,
        rng: &'a mut Rng,
    ) -> Self {
        Self { tree, fresh, origin, usage, budget, rng }
    }

    /// The same view with other fresh leaves: what a strategy that wraps another passes on.
    pub fn with_fresh<'b>(&'b mut self, fresh: &'b [NodeId], origin: &'b [usize]) -> View<'b> {
        View {
            tree: self.tree,
            fresh,
            origin,
            usage: self.usage,
            budget: self.budget,
            rng: self.rng,
        }
    }

    /// Everything so far.
    pub fn tree(&self) -> &Tree {
        self.tree
    }

    /// The ends of the lines that were just made and scored, in the order they were asked for; at
    /// first the root alone. Lines that failed are left out; nothing is left when a round was of
    /// rollouts alone and all of them failed.
    pub fn fresh(&self) -> &'a [NodeId] {
        self.fresh
    }

    /// `origin()[i]` is the place, among the decisions of the last call, of the one that led to
    /// `fresh()[i]`.
    pub fn origin(&self) -> &'a [usize] {
        self.origin
    }

    /// The fresh leaves that can be continued.
    pub fn open(&self) -> Vec<NodeId> {
        self.fresh.iter().copied().filter(|&id| self.tree[id].open).collect()
    }

    /// The score of the path to `id`; minus infinity when nothing on it was judged.
    pub fn score(&self, id: NodeId, aggregate: Aggregate) -> f64 {
        self.tree.score(id, aggregate).unwrap_or(f64::NEG_INFINITY)
    }

    /// `nodes` from best to worst; equals stay in order.
    pub fn ranked(&self, nodes: &[NodeId], aggregate: Aggregate) -> Vec<NodeId> {
        let mut scored: Vec<(NodeId, f64)> =
            nodes.iter().map(|&id| (id, self.score(id, aggregate))).collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        scored.into_iter().map(|(id, _)| id).collect()
    }

    /// Puts a better estimate in place of a node's score. Values that are not finite are ignored.
    pub fn set_value(&mut self, id: NodeId, value: f64) {
        if value.is_finite() {
            self.tree.node_mut(id).value = Some(value);
        }
    }

    /// What this problem has cost so far.
    pub fn usage(&self) -> &Cost {
        self.usage
    }

    /// What this problem may cost.
    pub fn budget(&self) -> &Budget {
        self.budget
    }

    /// The strategy's own random numbers, from the run's seed and the round.
    pub fn rng(&mut self) -> &mut Rng {
        self.rng
    }
}

/// Decides what to continue. See ADDING.md for one built from nothing.
pub trait SearchStrategy: Send {
    /// One decision, from leaves just made and scored (at first: the root). Empty means done.
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand>;

    /// The answer as of now; callable at any moment, so that every run is a curve.
    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        tree.best(Aggregate::Last)
    }

    /// Looks at the settings before anything is spent.
    ///
    /// # Errors
    /// A sentence that names the field and what it should be.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

macro_rules! forward {
    ($($owner:ty),*) => {$(
        impl<T: SearchStrategy + ?Sized> SearchStrategy for $owner {
            fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
                (**self).step(view)
            }
            fn pick(&self, tree: &Tree) -> Option<NodeId> {
                (**self).pick(tree)
            }
            fn check(&self) -> Result<(), String> {
                (**self).check()
            }
        }
    )*};
}
forward!(&mut T, Box<T>);
