//! Forest: independent copies of one strategy in one tree, still one batch a round.
//!
//! ```text
//!          +-- copy 1 decides on its own leaves --+
//! question +-- copy 2 ...                         +-- one list of decisions, one batch
//!          +-- copy 3 ...                         +
//! ```
//!
//! Each copy has its own state and sees only the leaves that its own decisions led to. The copies
//! share the prompt, the tree and the rounds, so a forest of `k` beams is as well batched as one
//! beam `k` times as large, but no copy can crowd out another. A copy ends when it wants nothing
//! more, or when all of its lines failed; the others go on.
//!
//! Cost: `copies` times that of the strategy, in as many rounds as the longest copy takes.
//!
//! Source: the subtrees of diverse verifier tree search ([`crate::Dvts`]), made a combinator.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use tts_core::{
    Aggregate, Expand, NodeId, NodeKind, Requirements, SearchStrategy, Selection, Tree, View,
};

use crate::sample::lines::at_least_one;

/// Independent copies of a strategy.
///
/// ```
/// use tts_core::{Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::{BeamSearch, Forest};
///
/// let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
/// let oracle = Oracle::of(&world);
/// let beam = BeamSearch { keep: 1, branch: 4, ..Default::default() };
/// let outcome = Search::new(&world)
///     .scorer(&oracle)
///     .rule(StepRule::lines())
///     .run(Forest::of(3, beam), world.prompt(0))?;
/// assert_eq!(outcome.tree[tts_core::NodeId::ROOT].children.len(), 3 * 4);
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>")
)]
pub struct Forest<S> {
    /// How many copies.
    pub copies: usize,
    /// What is copied; `inner` in a recipe.
    #[serde(rename = "inner")]
    pub strategy: S,
    /// How the answer is chosen among the candidates of all copies; `None` for the strategy's own
    /// way, and where copies differ the best of these, or their majority when none was judged.
    #[serde(default)]
    pub select: Option<Selection>,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State<S>,
}

/// More copies than this are a slip of the pen.
const MOST_COPIES: usize = 1 << 20;

/// Where a [`Forest`] stands.
#[derive(Debug, Clone, PartialEq)]
pub struct State<S> {
    copies: Vec<Planted<S>>,
}

// Not derived: that would ask for `S: Default`.
impl<S> Default for State<S> {
    fn default() -> Self {
        Self { copies: Vec::new() }
    }
}

/// A copy at work.
#[derive(Debug, Clone, PartialEq)]
struct Planted<S> {
    strategy: S,
    /// Its place among the decisions of the last round.
    decisions: Range<usize>,
    /// Whether all it asked for were rollouts and asides: it goes on without them if they fail.
    ahead: bool,
    /// Whether it has ended.
    over: bool,
}

impl<S> Forest<S> {
    /// `copies` copies of `strategy`, with its way of choosing.
    pub fn of(copies: usize, strategy: S) -> Self {
        Self { copies, strategy, select: None, state: State::default() }
    }
}

impl<S: Default> Default for Forest<S> {
    /// A single copy.
    fn default() -> Self {
        Self::of(1, S::default())
    }
}

impl<S: SearchStrategy> Planted<S> {
    fn step(&mut self, view: &mut View<'_>, start: bool) -> Vec<Expand> {
        let leaves = view.fresh().iter().copied().zip(view.origin().iter().copied());
        let (fresh, origin): (Vec<NodeId>, Vec<usize>) = leaves
            .filter(|(_, origin)| start || self.decisions.contains(origin))
            .map(|(leaf, origin)| (leaf, origin.saturating_sub(self.decisions.start)))
            .unzip();
        // Whose lines have all failed ends, unless something has finished or it asks again: then it is asked
        // what now, as it would be alone.
        let lost = || {
            let finished = view.tree().finished().next().is_some();
            fresh.is_empty() && !self.ahead && !finished && !self.strategy.outlives_failure()
        };
        if self.over || lost() {
            return Vec::new();
        }
        self.strategy.step(&mut view.with_fresh(&fresh, &origin))
    }
}

impl<S: SearchStrategy + Clone> SearchStrategy for Forest<S> {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let start = view.is_start();
        if start {
            let plant = || Planted {
                strategy: self.strategy.clone(),
                decisions: 0..0,
                ahead: false,
                over: false,
            };
            self.state.copies = std::iter::repeat_with(plant).take(self.copies).collect();
        }
        let mut all = Vec::new();
        for copy in &mut self.state.copies {
            let decisions = copy.step(view, start);
            let beside = |expand: &Expand| expand.kind_in(view.tree()) != NodeKind::Committed;
            copy.ahead = !decisions.is_empty() && decisions.iter().all(beside);
            copy.over = decisions.is_empty();
            copy.decisions = all.len()..all.len() + decisions.len();
            all.extend(decisions);
        }
        all
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        if let Some(select) = self.select {
            return select.pick(tree);
        }
        let mut picks: Vec<NodeId> =
            self.state.copies.iter().filter_map(|copy| copy.strategy.pick(tree)).collect();
        picks.dedup();
        match picks[..] {
            [] => self.strategy.pick(tree),
            [only] => Some(only),
            // Copies that know their own answer only. Where nobody judged, the best would be the first.
            _ => {
                let judged = |&id: &NodeId| {
                    tree.get(id).is_some() && tree.score(id, Aggregate::ByScale).is_some()
                };
                let best = Selection::best(Aggregate::ByScale);
                let select = if picks.iter().any(judged) { best } else { Selection::majority() };
                select.pick_among(tree, &picks)
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("forest", "copies", self.copies)?;
        if self.copies > MOST_COPIES {
            let copies = self.copies;
            return Err(format!("forest: copies is {copies}, expected at most {MOST_COPIES}"));
        }
        self.strategy.check()
    }

    fn requires(&self) -> Requirements {
        let vote = self.select.map(|select| Requirements::vote("forest", select));
        self.strategy.requires().and(vote.unwrap_or_default())
    }

    fn outlives_failure(&self) -> bool {
        self.state.copies.iter().any(|copy| !copy.over && copy.strategy.outlives_failure())
    }
}
