//! Lookahead: judge a step by where it leads, then search on from the step itself.
//!
//! ```text
//!                      rollout, greedy, thrown away
//! question +-- step A -- . -- . -- 0.8      A counts 0.8
//!          +-- step B -- . -- . -- 0.3      B counts 0.3
//!
//! the inner strategy sees A (0.8) and B (0.3), keeps A, and continues from A, not from its rollout
//! ```
//!
//! [`Lookahead`] decorates any strategy. When fresh leaves come in, it first asks for one rollout
//! of `depth` steps from each of them that is open. When these are in, the scores of the leaf and of
//! its rollout become the value of the leaf, and the inner strategy decides as if that had been the
//! leaf's score. A scorer of states (Monte-Carlo returns) judges by the final state only,
//! [`Aggregate::Last`], as in the paper. A scorer of single steps says of the final step alone
//! whether it follows from what stands before it, right or wrong: there it takes the product, or
//! the judgement of the leaf itself would be lost; by a sum of logarithms that is the same, for its exponential
//! stands in for the score. Finished leaves keep their own score, and so does
//! a leaf whose rollout failed or was not judged. Rollouts are counted and recorded, but never
//! part of an answer. Greedy ones draw no random numbers, so looking ahead changes what is kept,
//! never what is sampled from it. Depth 0 is the inner strategy.
//!
//! Cost: one further line of at most `depth` steps, generated and judged, for each open candidate,
//! in a round of its own. In the paper's account lookahead costs `depth + 1` times the search
//! without it.
//!
//! Source: Snell et al. 2024 (arXiv 2408.03314), section 5.2, lookahead search; the paper uses
//! depths 1 and 3.

use serde::{Deserialize, Serialize};
use tts_core::{
    Aggregate, Expand, NodeId, NodeKind, Requirements, Sampling, SearchStrategy, Selection, Tree,
    Until, View, passes_on,
};

use crate::BeamSearch;

/// Scores candidates by rollouts.
///
/// ```
/// use tts_core::{NodeKind, Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::{BeamSearch, Lookahead};
///
/// let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
/// let oracle = Oracle::of(&world);
/// let inner = BeamSearch { keep: 2, branch: 4, ..Default::default() };
/// let outcome = Search::new(&world)
///     .scorer(&oracle)
///     .rule(StepRule::lines())
///     .run(Lookahead { depth: 2, ..Lookahead::of(inner) }, world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// assert!(outcome.tree.iter().any(|(_, node)| node.kind == NodeKind::Rollout));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookahead<S> {
    /// What is decorated; `inner` in a recipe.
    #[serde(rename = "inner")]
    pub strategy: S,
    /// Most steps of a rollout.
    #[serde(default = "one")]
    pub depth: u32,
    /// How rollouts are drawn.
    #[serde(default = "Sampling::greedy")]
    pub sampling: Sampling,
    /// How the scores of a leaf and of the steps of its rollout become the leaf's value.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

fn one() -> u32 {
    1
}

/// Where a [`Lookahead`] stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    waiting: Option<Waiting>,
}

/// Candidates that wait for their rollouts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    /// What the inner strategy is shown afterwards.
    fresh: Vec<NodeId>,
    /// Which of its decisions led there.
    origin: Vec<usize>,
    /// Where rollouts start, in the order of the decisions.
    starts: Vec<NodeId>,
}

impl<S: Default> Default for Lookahead<S> {
    /// One greedy step ahead.
    fn default() -> Self {
        Self::of(S::default())
    }
}

impl<S> Lookahead<S> {
    /// One greedy step ahead of each candidate of `strategy`.
    pub fn of(strategy: S) -> Self {
        Self {
            strategy,
            depth: one(),
            sampling: Sampling::greedy(),
            aggregate: Aggregate::ByScale,
            state: State::default(),
        }
    }

    fn rollout(&self, leaf: NodeId) -> Expand {
        Expand {
            until: Until::Steps(self.depth),
            kind: NodeKind::Rollout,
            sampling: Some(self.sampling),
            ..Expand::step(leaf, 1)
        }
    }
}

impl Lookahead<BeamSearch> {
    /// The textbook form: `n` first steps, each followed by `k` greedy ones of which only the last
    /// is judged; keep `m` first steps, and continue each `n` ways.
    ///
    /// ```
    /// use tts_search::Lookahead;
    /// let search = Lookahead::source(8, 2, 3)?;
    /// assert_eq!((search.strategy.keep, search.depth), (2, 3));
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// See [`BeamSearch::source`].
    pub fn source(n: usize, m: usize, k: u32) -> Result<Self, String> {
        Ok(Self { depth: k, ..Self::of(BeamSearch::source(n, m)?) })
    }
}

/// What a rollout from `leaf` to `end` makes of the leaf; `None` when nothing of it was judged.
fn value(tree: &Tree, leaf: NodeId, end: NodeId, aggregate: Aggregate) -> Option<f64> {
    let rollout = std::iter::successors(Some(end), |&id| tree[id].parent);
    let mut scores: Vec<f64> =
        rollout.take_while(|&id| id != leaf).filter_map(|id| tree[id].score).collect();
    if scores.is_empty() {
        return None;
    }
    scores.extend(tree[leaf].score);
    scores.reverse();
    let aggregate = tree.scale().resolve(aggregate);
    let value = aggregate.apply(scores)?;
    // A value stands in for a score, and a sum of logarithms is none.
    Some(if aggregate == Aggregate::SumLog { value.exp() } else { value })
}

impl<S: SearchStrategy> SearchStrategy for Lookahead<S> {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = State::default();
            return self.strategy.step(view);
        }
        if let Some(waiting) = self.state.waiting.take() {
            for (&end, &origin) in view.fresh().iter().zip(view.origin()) {
                let Some(&leaf) = waiting.starts.get(origin) else { continue };
                if let Some(value) = value(view.tree(), leaf, end, self.aggregate) {
                    view.set_value(leaf, value);
                }
            }
            return self.strategy.step(&mut view.with_fresh(&waiting.fresh, &waiting.origin));
        }
        let mut starts = view.open();
        // What the inner strategy rolls out itself, or asks beside, is no candidate.
        starts.retain(|&id| self.depth > 0 && view.tree()[id].kind == NodeKind::Committed);
        // Without a budget for rollouts the inner strategy sees its last leaves as they are.
        if starts.is_empty() || view.is_last() {
            return self.strategy.step(view);
        }
        let rollouts = starts.iter().map(|&leaf| self.rollout(leaf)).collect();
        let (fresh, origin) = (view.fresh().to_vec(), view.origin().to_vec());
        self.state.waiting = Some(Waiting { fresh, origin, starts });
        rollouts
    }

    passes_on!(self => self.strategy; pick, outlives_failure);

    fn check(&self) -> Result<(), String> {
        self.sampling.check().map_err(|problem| format!("lookahead: {problem}"))?;
        self.strategy.check()
    }

    fn requires(&self) -> Requirements {
        if self.depth == 0 {
            return self.strategy.requires();
        }
        let own = Requirements::scorer("lookahead", [Selection::best(self.aggregate)]);
        self.strategy.requires().and(own)
    }
}
