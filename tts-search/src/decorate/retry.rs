//! Retry: lines that failed, or were cut, are asked for again before the strategy inside goes on.
//!
//! ```text
//! inner asks for 4 lines -> 2 come, 1 was cut, 1 failed -> 2 more, up to so many times -> inner sees 4
//! ```
//!
//! Further lines are further siblings, with seeds of their own, so that nothing else changes: where no line
//! fails, the search is that of the strategy inside, bit for bit. A line that was cut stays in the tree, and
//! is shown to the strategy inside only when nothing has come in its place; one that was drawn greedily is not
//! asked for again, since it would be the same. A round all of whose lines fail is asked for again too; when
//! nothing comes of that, the search ends in the error of the last line. Where some have come, the strategy inside
//! goes on with those, whatever becomes of the rest. What is fewer samples of such a search
//! cannot be told, since lines that were replaced stand among them.
//!
//! Cost: that of the strategy inside, and one line for each that is missing, in rounds of their own.
//!
//! When: servers that fail now and then, limits that cut few solutions. Where most are cut, the limit is too
//! low, and further lines are cut too.
//!
//! Source: none; what clients do, where it is counted and recorded.

use serde::{Deserialize, Serialize};
use tts_core::{Expand, Finish, NodeId, SearchStrategy, View, passes_on};

use super::again::Again;
use crate::sample::lines::at_least_one;

/// A strategy whose missing lines are asked for again.
///
/// ```
/// use tts_core::{Search, StepRule, toy::ToyWorld};
/// use tts_search::{SelfConsistency, decorate::Retry};
/// let world = ToyWorld::default();
/// let search = Search::new(&world).rule(StepRule::lines());
/// let inner = SelfConsistency { n: 4, ..Default::default() };
/// let plain = search.run(inner, world.prompt(0))?;
/// let again = search.run(Retry::of(inner), world.prompt(0))?;
/// assert_eq!(again.tree, plain.tree); // nothing failed
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry<S> {
    /// What is decorated; `inner` in a recipe.
    #[serde(rename = "inner")]
    pub strategy: S,
    /// How often the missing lines of a round are asked for again, at most.
    #[serde(default = "twice")]
    pub times: usize,
    /// Whether lines that were cut by a limit are asked for again too.
    #[serde(default = "yes")]
    pub cut: bool,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

fn twice() -> usize {
    2
}

fn yes() -> bool {
    true
}

/// Where a [`Retry`] stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State(Again);

impl<S> Retry<S> {
    /// Up to two retries, of lines that were cut too.
    pub fn of(strategy: S) -> Self {
        Self { strategy, times: twice(), cut: yes(), state: State::default() }
    }
}

impl<S: SearchStrategy> SearchStrategy for Retry<S> {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let round = &mut self.state.0;
        let decisions = if view.is_start() {
            self.strategy.step(view)
        } else {
            let (tree, usual) = (view.tree(), view.sampling());
            let whole = |id: NodeId, decision: &Expand| {
                let cut = matches!(tree[id].finish, Finish::Length | Finish::Context);
                // Drawn once more, it would be the same.
                let greedy = decision.sampling.unwrap_or(usual).is_greedy();
                !(self.cut && cut) || greedy
            };
            round.take(view, whole);
            let more = round.once_more(view, self.times);
            if !more.is_empty() {
                return more;
            }
            let (fresh, origin) = round.shown(true);
            self.strategy.step(&mut view.with_fresh(&fresh, &origin))
        };
        round.begin(&decisions);
        decisions
    }

    // Not `samples`: lines that were cut are drawn until they are not, which is another distribution.
    passes_on!(self => self.strategy; pick, requires);

    fn check(&self) -> Result<(), String> {
        at_least_one("retry", "times", self.times)?;
        self.strategy.check()
    }

    fn outlives_failure(&self) -> bool {
        let round = &self.state.0;
        round.has_tries(self.times) || round.holds(true) || self.strategy.outlives_failure()
    }
}
