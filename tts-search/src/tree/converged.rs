//! Early stop on convergence: any strategy, ended when its answer has stayed the same for some rounds.
//!
//! ```text
//! round     1    2    3    4    5
//! answer    -   15   12   12   12     with `rounds` of 3: over after round 5
//! ```
//!
//! After each round in which a candidate finished, the strategy is asked for its answer as of now. When that has
//! been one and the same [`Converged::rounds`] times in a row, and at least [`Converged::least`] candidates have
//! finished, nothing more is asked for. Rounds without a finished candidate (steps, rollouts, asides) tell nothing
//! new and count neither way. What is chosen is the strategy's own choice, at any moment.
//!
//! Cost: at most the strategy's.
//!
//! When to use: strategies of many rounds whose answer settles early: tree search, revisions, adaptive votes.
//! When not: strategies that finish all at once, which it never stops sooner. A wrong answer settles as well.
//!
//! Source: none; a stopping rule of practice, as `Settled` of [`crate::AdaptiveConsistency`] is for votes.

use serde::{Deserialize, Serialize};
use tts_core::{Expand, NodeId, NodeKind, SearchStrategy, View, passes_on};

/// Ends a strategy whose answer no longer changes.
///
/// ```
/// use tts_core::{Search, StepRule, toy::ToyWorld};
/// use tts_search::{AdaptiveConsistency, Converged};
///
/// let world = ToyWorld { error: 0.0, ..ToyWorld::default() };
/// let votes = AdaptiveConsistency { first: 2, round: Some(2), most: 40, ..Default::default() };
/// let search = Search::new(&world).rule(StepRule::lines());
/// let outcome = search.run(Converged { rounds: 2, ..Converged::of(votes) }, world.prompt(0))?;
/// assert_eq!(outcome.usage.rounds, 2);
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Converged<S> {
    /// For how many rounds the answer must have been the same.
    #[serde(default = "three")]
    pub rounds: usize,
    /// How many candidates must have finished.
    #[serde(default)]
    pub least: usize,
    /// What is ended; `inner` in a recipe.
    #[serde(rename = "inner")]
    pub strategy: S,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

fn three() -> usize {
    3
}

/// Where a [`Converged`] stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// The answer of the last round that told anything.
    answer: Option<String>,
    /// For how many rounds it has been that.
    held: usize,
    /// Candidates that have finished so far.
    finished: usize,
}

impl<S> Converged<S> {
    /// The strategy, ended after three rounds of one answer.
    pub fn of(strategy: S) -> Self {
        Self { rounds: three(), least: 0, strategy, state: State::default() }
    }
}

impl<S: SearchStrategy> Converged<S> {
    /// Whether the answer has stayed the same for long enough, the last round included.
    fn is_over(&mut self, view: &View<'_>) -> bool {
        let tree = view.tree();
        let done =
            |id: &&NodeId| tree[**id].kind == NodeKind::Committed && tree[**id].is_finished();
        let fresh = view.fresh().iter().filter(done).count();
        if fresh == 0 {
            return false;
        }
        let finished = self.state.finished + fresh;
        let answer = self.strategy.pick(tree).and_then(|id| tree.answer(id).map(str::to_owned));
        let mut same = tree.task().comparer();
        let held = match (&self.state.answer, &answer) {
            (Some(before), Some(now)) => before == now || same(before, now) || same(now, before),
            _ => false,
        };
        let held = if held { self.state.held + 1 } else { usize::from(answer.is_some()) };
        self.state = State { answer, held, finished };
        held >= self.rounds && finished >= self.least
    }
}

impl<S: SearchStrategy> SearchStrategy for Converged<S> {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = State::default();
        }
        // The strategy is told first: what it picks may follow from what it has seen.
        let decisions = self.strategy.step(view);
        if self.is_over(view) { Vec::new() } else { decisions }
    }

    // Not `samples`: how many there are depends on what they say.
    passes_on!(self => self.strategy; pick, requires, outlives_failure);

    fn check(&self) -> Result<(), String> {
        if self.rounds < 2 {
            let rounds = self.rounds;
            return Err(format!("converged: rounds is {rounds}, expected at least 2"));
        }
        self.strategy.check()
    }
}
