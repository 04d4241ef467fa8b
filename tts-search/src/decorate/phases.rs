//! Phases: strategies one after the other in one tree, each with a share of the budget.
//!
//! ```text
//! budget  |-- 30 %: best-of-n --|------------- 70 %: beam search --------------|   a vote over all
//! ```
//!
//! A phase ends when it wants nothing more, or, between two of its rounds, when what was spent reaches its share
//! and those before it of any limit of the budget (samples, tokens, operations, calls, rounds; wall time is not
//! looked at, since it would make two runs differ). It is shown its last round before, as it would be where the
//! budget is out. Where the shares come to 1, the budget itself ends the last phase, and its reserve is there
//! for it. A round is not cut to a share: a phase of one round takes what it asks for, and a hard budget bounds
//! it as a whole. The next phase starts at the problem, with further siblings, so that nothing is drawn twice.
//! Without a budget each goes on until it is done. What a phase leaves unspent is there for those behind it.
//!
//! Cost: the budget, or that of all strategies.
//!
//! When: a cheap search that solves easy problems, and a dear one for what is left; comparisons of splits.
//!
//! Source: none; the split of a budget between ways to spend it, as Snell et al. 2024 (arXiv 2408.03314),
//! section 6, have it for revisions and samples.

use serde::{Deserialize, Serialize};
use tts_core::{Expand, NodeId, Requirements, SearchStrategy, Selection, Tree, View};

/// Strategies one after the other.
///
/// ```
/// use tts_core::{Budget, Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::{BeamSearch, BestOfN, Recipe, decorate::Phases};
/// let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
/// let search = Search::new(&world).scorer(Oracle::of(&world)).rule(StepRule::lines());
/// let phases = Phases::<Recipe>::default()
///     .then(0.5, BestOfN { n: 4, ..Default::default() })
///     .then(0.5, BeamSearch { keep: 2, branch: 4, ..Default::default() });
/// let outcome = search.budget(Budget::tokens(5_000)).run(phases, world.prompt(0))?;
/// // Four samples, and the first eight steps of a beam.
/// assert_eq!(outcome.tree[tts_core::NodeId::ROOT].children.len(), 4 + 8);
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(serialize = "S: Serialize", deserialize = "S: Deserialize<'de>")
)]
pub struct Phases<S> {
    /// The phases, in order.
    pub phases: Vec<Phase<S>>,
    /// How the answer is chosen among all candidates; `None` for the way of the latest phase that has one.
    #[serde(default)]
    pub select: Option<Selection>,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// A strategy and its share of the budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase<S> {
    /// Its share, above 0; those of all phases come to 1 at most.
    pub share: f64,
    /// The strategy; `inner` in a recipe.
    #[serde(rename = "inner")]
    pub strategy: S,
}

/// Where [`Phases`] stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    phase: usize,
}

impl<S> Default for Phases<S> {
    /// No phase yet.
    fn default() -> Self {
        Self { phases: Vec::new(), select: None, state: State::default() }
    }
}

impl<S> Phases<S> {
    /// With a further phase.
    #[must_use]
    pub fn then(mut self, share: f64, strategy: impl Into<S>) -> Self {
        self.phases.push(Phase { share, strategy: strategy.into() });
        self
    }

    /// Whether what was spent reaches the shares up to the phase at hand.
    fn spent(&self, view: &View<'_>) -> bool {
        let share: f64 = self.phases[..=self.state.phase].iter().map(|phase| phase.share).sum();
        // The whole is the budget's to end: it winds up from its reserve.
        if share >= 1.0 - 1e-9 {
            return false;
        }
        let (used, budget) = (view.usage(), view.budget());
        let limits = [
            (used.samples, budget.samples),
            (used.generated_tokens, budget.generated_tokens),
            (used.scored_tokens, budget.scored_tokens),
            (used.calls, budget.calls),
            (u64::from(view.rounds()), budget.rounds.map(u64::from)),
        ];
        let out = |used: f64, limit: f64| used >= share * limit;
        limits
            .iter()
            .any(|&(used, limit)| limit.is_some_and(|limit| out(used as f64, limit as f64)))
            || budget.flops.is_some_and(|limit| out(used.flops, limit))
            || budget.money.is_some_and(|limit| out(used.money, limit))
    }
}

impl<S: SearchStrategy> SearchStrategy for Phases<S> {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let mut begins = view.is_start();
        if begins {
            self.state = State::default();
        }
        while self.state.phase < self.phases.len() {
            // Where the budget is out no further phase begins.
            let over = !begins && !view.is_last() && self.spent(view);
            let strategy = &mut self.phases[self.state.phase].strategy;
            let (fresh, origin) = (view.fresh(), view.origin());
            let (fresh, origin) =
                if begins { (&[NodeId::ROOT][..], &[0][..]) } else { (fresh, origin) };
            let last = over || view.is_last();
            let decisions = strategy.step(&mut view.with_fresh(fresh, origin).with_last(last));
            if !over && decisions.iter().any(|expand| expand.n > 0) {
                return decisions;
            }
            self.state.phase += 1;
            begins = true;
        }
        Vec::new()
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let mut begun = self.phases.iter().take(self.state.phase + 1).rev();
        match self.select {
            Some(select) => select.pick(tree),
            None => begun.find_map(|phase| phase.strategy.pick(tree)),
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.phases.is_empty() {
            return Err("phases: there is none, expected at least one".into());
        }
        for Phase { share, .. } in &self.phases {
            if !(*share > 0.0 && *share <= 1.0) {
                return Err(format!("phases: share is {share}, expected above 0 and at most 1"));
            }
        }
        let sum: f64 = self.phases.iter().map(|phase| phase.share).sum();
        if sum > 1.0 + 1e-9 {
            return Err(format!("phases: the shares come to {sum}, expected at most 1"));
        }
        self.phases.iter().try_for_each(|phase| phase.strategy.check())
    }

    fn requires(&self) -> Requirements {
        let vote = self.select.map(|select| Requirements::vote("phases", select));
        let inner = self.phases.iter().map(|phase| phase.strategy.requires());
        inner.fold(vote.unwrap_or_default(), Requirements::and)
    }

    fn outlives_failure(&self) -> bool {
        self.phases.get(self.state.phase).is_some_and(|phase| phase.strategy.outlives_failure())
    }
}
