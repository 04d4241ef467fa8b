//! A strategy behind a probe whose samples are its own first lines.
//!
//! Seeds follow from the path, so the first lines that a strategy asks for behind the problem are, bit for bit, those
//! that the probe has drawn there, and the first continuation of a step that stands in one of them is the step
//! behind it. Whatever a strategy asks for in the search's own way and the probe has written is shown to it, and only
//! the rest is asked of the model: `n - 8` of `n` samples behind a probe of eight, a round of a beam whose first
//! steps are there already. Whole lines that the probe only began are written to their end. The strategy inside waits
//! until its round is whole, and sees what it would see alone, in the same order; what is drawn in another way (a
//! sampling or a role of its own, a rollout, a question) is asked for as it is.
//!
//! The answer is chosen among the lines that the strategy has asked for: samples of the probe that it has not are no
//! part of what it would be alone.
//!
//! Where lines of the probe have failed, others take their place. Numbers that a strategy draws for itself (which
//! particles go on, say) follow the rounds of the search, and a probe is one: such a search is another than without
//! it, and as good.
//!
//! Source: none; a consequence of seeds by path.

use std::collections::BTreeSet;

use tts_core::{Budget, Cost, Expand, NodeId, Prompt, SearchStrategy, Tree, Until, View, seed};

/// Whether a decision continues a node in the search's own way, by a step or to the end: as a probe does.
fn is_usual(expand: &Expand) -> bool {
    let usual = Expand { until: expand.until, ..Expand::step(expand.node, expand.n) };
    matches!(expand.until, Until::Step | Until::End) && *expand == usual
}

/// How many lines a strategy asks for at first that a probe may have drawn before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FirstLines {
    /// Whole solutions.
    pub whole: usize,
    /// First steps.
    pub begun: usize,
}

impl FirstLines {
    /// Those of a strategy; one that asks for nothing in the search's own way has none.
    ///
    /// ```
    /// use tts_search::choose::FirstLines;
    /// use tts_search::{BeamSearch, BestOfN, ChainOfThought};
    /// let of_beam = FirstLines::of(BeamSearch { keep: 4, branch: 4, ..Default::default() });
    /// assert_eq!((of_beam.whole, of_beam.begun), (0, 16));
    /// assert_eq!(FirstLines::of(BestOfN { n: 8, ..Default::default() }).whole, 8);
    /// assert_eq!(FirstLines::of(ChainOfThought {}), FirstLines::default()); // greedy
    /// ```
    pub fn of(mut strategy: impl SearchStrategy) -> Self {
        let mut tree = Tree::new(Prompt::from("a problem"), 0);
        let (cost, budget, mut rng) = (Cost::default(), Budget::default(), seed::rng(0));
        let mut view = View::new(&mut tree, &[NodeId::ROOT], &[0], &cost, &budget, &mut rng);
        let mut found = Self::default();
        let first = strategy.step(&mut view);
        for expand in first.iter().filter(|expand| expand.node == NodeId::ROOT && is_usual(expand))
        {
            match expand.until {
                Until::End => found.whole += expand.n,
                _ => found.begun += expand.n,
            }
        }
        found
    }

    /// What a probe of so many samples costs on top of the strategy that goes on from them: `all` is what they cost
    /// together, `begun` what their first steps do. Later steps that a search would ask for again are not told
    /// from others, so it is that much at most. Costs are of what is paid by the token: a call is paid however few lines
    /// it asks for.
    ///
    /// ```
    /// use tts_search::choose::FirstLines;
    /// // Of eight samples four are the strategy's own, of the others it takes the first steps of two.
    /// let of = FirstLines { whole: 4, begun: 2 };
    /// assert!((of.on_top(8, 800.0, 160.0) - (800.0 - 400.0 - 40.0)).abs() < 1e-12);
    /// ```
    pub fn on_top(self, samples: usize, all: f64, begun: f64) -> f64 {
        if samples == 0 {
            return 0.0;
        }
        let share = |count: usize| count as f64 / samples as f64;
        let whole = self.whole.min(samples);
        let steps = self.begun.min(samples - whole);
        (all - all * share(whole) - begun * share(steps)).max(0.0)
    }
}

/// A strategy, and the lines that were paid for before it began.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Behind<S> {
    pub(super) strategy: S,
    /// Nodes that the strategy has not asked for yet.
    unclaimed: BTreeSet<NodeId>,
    /// Whether it is shown them when it asks.
    shared: bool,
    /// Whether their lines went as far as a line to the end does.
    whole: bool,
    /// Lines of the round that are there: decision, place in it, end.
    held: Vec<(usize, usize, NodeId)>,
    /// Decision and place of what is asked for.
    asked: Vec<(usize, usize)>,
}

impl<S> Behind<S> {
    /// A strategy that starts from nothing, beside lines that end here.
    pub(super) fn nothing(strategy: S, ends: &[NodeId]) -> Self {
        let (unclaimed, held, asked) = (ends.iter().copied().collect(), Vec::new(), Vec::new());
        Self { strategy, unclaimed, shared: false, whole: true, held, asked }
    }

    /// A strategy that has the lines which end here, written until there.
    pub(super) fn lines(strategy: S, tree: &Tree, ends: &[NodeId], until: Until) -> Self {
        let above = |&id: &NodeId| tree[id].parent.filter(|&parent| parent != NodeId::ROOT);
        let line = |&end: &NodeId| std::iter::successors(Some(end), above);
        let unclaimed = ends.iter().flat_map(line).collect();
        let whole = until == Until::End;
        Self { unclaimed, shared: true, whole, ..Self::nothing(strategy, &[]) }
    }

    /// Whether it has something to go on with though all lines of its round have failed.
    pub(super) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// The line that begins here, as far as it is asked for; it is nobody else's then.
    fn claim(&mut self, tree: &Tree, first: NodeId, until: Until) -> NodeId {
        let mut end = first;
        self.unclaimed.remove(&end);
        if until != Until::End {
            return end;
        }
        loop {
            let mut below = tree[end].children.iter().copied();
            let Some(next) = below.find(|id| self.unclaimed.contains(id)) else { break };
            self.unclaimed.remove(&next);
            end = next;
        }
        end
    }

    /// The ends of lines that are there for a decision, in the order in which they would be drawn.
    fn there(&mut self, tree: &Tree, expand: &Expand) -> Vec<NodeId> {
        if !self.shared || !is_usual(expand) {
            return Vec::new();
        }
        let Some(node) = tree.get(expand.node) else { return Vec::new() };
        let own = node.children.iter().filter(|id| self.unclaimed.contains(id));
        let first: Vec<NodeId> = own.take(expand.n).copied().collect();
        first.into_iter().map(|first| self.claim(tree, first, expand.until)).collect()
    }

    /// Takes from a round what is there, and returns what is left to ask for.
    fn take(&mut self, tree: &Tree, decisions: Vec<Expand>) -> Vec<Expand> {
        self.held.clear();
        self.asked.clear();
        let mut left = Vec::with_capacity(decisions.len());
        for (decision, expand) in decisions.into_iter().enumerate() {
            let there = self.there(tree, &expand);
            for (place, &end) in there.iter().enumerate() {
                let begun = expand.until == Until::End && !self.whole && tree[end].open;
                if begun {
                    self.asked.push((decision, place));
                    left.push(Expand::end(end, 1));
                } else {
                    self.held.push((decision, place, end));
                }
            }
            let rest = expand.n - there.len();
            if rest > 0 || there.is_empty() {
                self.asked.push((decision, there.len()));
                left.push(Expand { n: rest, ..expand });
            }
        }
        left
    }

    /// What the strategy is shown: lines that were there and those that came, in the order of its decisions.
    pub(super) fn shown(
        &mut self,
        fresh: &[NodeId],
        origin: &[usize],
    ) -> (Vec<NodeId>, Vec<usize>) {
        let mut lines = std::mem::take(&mut self.held);
        for (&end, &origin) in fresh.iter().zip(origin) {
            let Some(&(decision, place)) = self.asked.get(origin) else { continue };
            lines.push((decision, place, end));
        }
        lines.sort_by_key(|&(decision, place, _)| (decision, place));
        lines.into_iter().map(|(decision, _, end)| (end, decision)).unzip()
    }
}

impl<S: SearchStrategy> Behind<S> {
    /// The strategy's choice among what it asked for, as if nothing else had been drawn; among all while none of it
    /// is finished.
    pub(super) fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let (other, own): (Vec<NodeId>, Vec<NodeId>) =
            tree.finished().partition(|id| self.unclaimed.contains(id));
        if own.is_empty() || other.is_empty() {
            return self.strategy.pick(tree);
        }
        self.strategy.pick(&tree.without(other))
    }

    /// The strategy's decisions behind these leaves, without what is there: rounds of which nothing is left to ask
    /// are shown at once.
    pub(super) fn step(
        &mut self,
        view: &mut View<'_>,
        mut fresh: Vec<NodeId>,
        mut origin: Vec<usize>,
    ) -> Vec<Expand> {
        let mut lacked = None;
        loop {
            let decisions = self.strategy.step(&mut view.with_fresh(&fresh, &origin));
            let left = self.take(view.tree(), decisions);
            let asks = left.iter().any(|expand| expand.n > 0);
            if (asks && !view.is_last()) || !self.holds() {
                return lacked.unwrap_or(left);
            }
            // Where the budget is out nothing more comes, and what is there is shown; that it ended for the
            // budget's sake is told by what it lacked.
            if asks {
                lacked.get_or_insert(left);
            }
            (fresh, origin) = self.shown(&[], &[]);
        }
    }
}
