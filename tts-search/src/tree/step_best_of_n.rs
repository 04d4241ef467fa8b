//! Step-level best-of-N: write `n` next steps, follow the best, and so on to the end.
//!
//! ```text
//!          +-- 0.2
//! question +-- 0.9 --+-- 0.4
//!          +-- 0.6   +-- 0.8 --+-- finished, 0.7   <- the best of its step: the answer
//!                    +-- 0.3   +-- 0.5
//! ```
//!
//! All candidates of a round share the path before them, so the score of the newest step decides,
//! whatever the scorer's scale; equals rank in the order in which they were made. There is one path
//! and no way back: where a candidate that goes on beats one that has finished, the search goes on, and
//! the finished one is no answer unless the path that was followed never ends. A candidate that a limit closed is
//! passed over.
//!
//! Cost: `n` lines of one step a round, each judged once; rounds are bounded by the longest path.
//! That is what best-of-N costs at the same length, in more rounds.
//!
//! When: a strong scorer of steps and an answer wanted as it is written, for one path can be shown
//! step by step. Not with a weak one: a single wrong choice is final, where a beam of the same
//! cost keeps others.
//!
//! Source: Lightman et al. 2023 (arXiv 2305.20050), section 2.6, for the score of a step; Snell et al. 2024
//! (arXiv 2408.03314), section 5.2, whose beam search it is with one path kept.

use serde::{Deserialize, Serialize};
use tts_core::{Aggregate, Expand, NodeId, Requirements, SearchStrategy, Selection, Tree, View};

use crate::sample::lines::at_least_one;

/// The best of `n` at each step.
///
/// ```
/// use tts_core::{Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::StepBestOfN;
///
/// let world = ToyWorld { error: 0.5, ..ToyWorld::default() };
/// let oracle = Oracle::of(&world);
/// let outcome = Search::new(&world)
///     .scorer(&oracle)
///     .rule(StepRule::lines())
///     .run(StepBestOfN { n: 8, ..Default::default() }, world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// assert_eq!(outcome.usage.logical.samples, 8 * u64::from(outcome.usage.rounds));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StepBestOfN {
    /// Candidates of a step.
    pub n: usize,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where a [`StepBestOfN`] stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// The end of the path that is followed.
    at: Option<NodeId>,
}

impl Default for StepBestOfN {
    /// The best of 4.
    fn default() -> Self {
        Self { n: 4, state: State::default() }
    }
}

impl SearchStrategy for StepBestOfN {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = State::default();
            return vec![Expand::step(NodeId::ROOT, self.n)];
        }
        let tree = view.tree();
        let mut candidates = view.fresh().to_vec();
        candidates.retain(|&id| tree[id].open || tree[id].is_finished());
        let Some(&best) = view.ranked(&candidates, Aggregate::Last).first() else {
            return Vec::new();
        };
        self.state.at = Some(best);
        if tree[best].open { vec![Expand::step(best, self.n)] } else { Vec::new() }
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let followed = self.state.at.and_then(|at| tree.led_to(at, Aggregate::ByScale));
        followed.or_else(|| tree.best(Aggregate::ByScale))
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("step-best-of-n", "n", self.n)
    }

    fn requires(&self) -> Requirements {
        Requirements::scorer("step-best-of-n", [Selection::best(Aggregate::Last)])
    }
}
