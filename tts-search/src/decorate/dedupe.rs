//! Dedupe: steps that say the same are merged, and others asked for in their place.
//!
//! ```text
//! inner asks for 4 steps -> "x = 2", "x = 2", "y = 3", "x = 2" -> 2 more -> "z = 1", "y = 3" -> inner sees 3
//! ```
//!
//! Two open steps of a round are the same when their paths from the question are, letter by letter. The first
//! stands for all; the others stay in the tree, but are not shown to the strategy inside, which so spends its
//! width on different paths. Finished solutions are left alone: how often one came is its vote. So are rollouts
//! and asides. Where no other step comes, the strategy inside goes on with those that it has. `times` is 0 to merge
//! only.
//!
//! Cost: that of the strategy inside, and a line for each duplicate, in at most `times` rounds more a round.
//!
//! When: low temperatures, short steps, small models, which say the same thing many times. A beam can also
//! merge by itself ([`crate::Duplicates`]).
//!
//! Source: none; the deduplication that many tree searches have built in (Hao et al. 2024, `LLM Reasoners`,
//! arXiv 2404.05221, say), made a decorator.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use tts_core::{Expand, NodeId, NodeKind, SearchStrategy, View, passes_on};

use super::again::Again;

/// A strategy that is shown different steps only.
///
/// ```
/// use tts_core::{Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::{BeamSearch, decorate::Dedupe};
/// let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
/// let search = Search::new(&world).scorer(Oracle::of(&world)).rule(StepRule::lines());
/// let beam = BeamSearch { keep: 3, branch: 3, ..Default::default() };
/// let outcome = search.run(Dedupe::of(beam), world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dedupe<S> {
    /// What is decorated; `inner` in a recipe.
    #[serde(rename = "inner")]
    pub strategy: S,
    /// How often others are asked for in place of duplicates, at most.
    #[serde(default = "once")]
    pub times: usize,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

fn once() -> usize {
    1
}

/// Where a [`Dedupe`] stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    round: Again,
    /// The question and the text of each path of the round.
    seen: HashSet<(NodeId, String)>,
}

impl<S> Dedupe<S> {
    /// Others are asked for once.
    pub fn of(strategy: S) -> Self {
        Self { strategy, times: once(), state: State::default() }
    }
}

impl<S: SearchStrategy> SearchStrategy for Dedupe<S> {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let State { round, seen } = &mut self.state;
        let decisions = if view.is_start() {
            self.strategy.step(view)
        } else {
            let tree = view.tree();
            round.take(view, |id, _| {
                let step = tree[id].open && tree[id].kind == NodeKind::Committed;
                !step || seen.insert((tree.question(id), tree.text(id)))
            });
            let more = round.once_more(view, self.times);
            if !more.is_empty() {
                return more;
            }
            let (fresh, origin) = round.shown(false);
            self.strategy.step(&mut view.with_fresh(&fresh, &origin))
        };
        seen.clear();
        round.begin(&decisions);
        decisions
    }

    passes_on!(self => self.strategy; pick, check, requires, samples);

    fn outlives_failure(&self) -> bool {
        self.state.round.holds(false) || self.strategy.outlives_failure()
    }
}
