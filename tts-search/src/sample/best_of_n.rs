//! Best-of-N: sample `n` solutions, return the one that the scorer likes most.
//!
//! ```text
//!          +-- 0.9 -- 0.8 -- 0.2   0.2
//! question +-- 0.7 -- 0.8 -- 0.9   0.9   <- the best by its last step
//!          +-- 0.9 -- 0.4 -- 0.6   0.6
//! ```
//!
//! One pool of samples serves every rule of [`Selection`]: the best candidate, the weighted vote
//! (scores summed over equal answers) or the plain majority. What the scorer was trained on says
//! which aggregate turns step scores into the score of a path, and the scorer says so itself
//! ([`tts_core::Scale`]); a recipe may name another:
//!
//! | scores                                     | aggregate |
//! |--------------------------------------------|-----------|
//! | value of the state (Monte-Carlo returns)   | `Last`    |
//! | probability that each step is right        | `Product`; `SumLog`, the same without underflow; or `Min` |
//! | log-probabilities                          | `Mean`; `Sum` of whole steps' |
//! | rewards, at the end of a solution          | `Last`    |
//!
//! The textbook form ranks by the cumulative score of all steps: [`BestOfN::textbook`] with
//! `Sum`. On scores that are never negative a sum rewards length: a wordy wrong path beats a short
//! right one. For probabilities use `SumLog`, to which a further step can add nothing.
//!
//! Cost: `n` lines in one round, and one judgement of each.
//!
//! Source: Cobbe et al. 2021, "Training Verifiers to Solve Math Word Problems" (arXiv 2110.14168),
//! section 4; Lightman et al. 2023, "Let's Verify Step by Step" (arXiv 2305.20050), section 2;
//! weighted: Li et al. 2023 (arXiv 2206.02336), section 3.

use serde::{Deserialize, Serialize};
use tts_core::{Aggregate, Expand, NodeId, Requirements, SearchStrategy, Selection, Tree, View};

use super::lines::{self, at_least_one};

/// The best of `n` samples.
///
/// ```
/// use tts_core::{Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::BestOfN;
///
/// let world = ToyWorld { error: 0.3, ..ToyWorld::default() };
/// let oracle = Oracle::of(&world);
/// let outcome = Search::new(&world)
///     .scorer(&oracle)
///     .rule(StepRule::lines())
///     .seed(4)
///     .run(BestOfN { n: 16, ..Default::default() }, world.prompt(2))?;
/// assert_eq!(outcome.answer(), Some(world.answer(2)));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BestOfN {
    /// How many samples.
    pub n: usize,
    /// How one is chosen.
    pub select: Selection,
}

impl Default for BestOfN {
    /// The best of 16, by the scorer's scale.
    fn default() -> Self {
        Self { n: 16, select: Selection::best(Aggregate::ByScale) }
    }
}

impl BestOfN {
    /// The textbook form: the highest cumulative score, [`Aggregate::Sum`].
    ///
    /// ```
    /// use tts_core::Aggregate;
    /// assert_eq!(tts_search::BestOfN::textbook(8).select.aggregate, Aggregate::Sum);
    /// ```
    pub fn textbook(n: usize) -> Self {
        Self { n, select: Selection::best(Aggregate::Sum) }
    }

    /// The weighted vote: the answer with the highest sum of weights, by the scorer's scale.
    pub fn weighted(n: usize) -> Self {
        Self { n, select: Selection::weighted() }
    }
}

impl SearchStrategy for BestOfN {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        lines::step(view, self.n, None)
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        self.select.pick(tree)
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("best-of-n", "n", self.n)
    }

    fn requires(&self) -> Requirements {
        Requirements::vote("best-of-n", self.select)
    }

    fn samples(&self) -> Option<Aggregate> {
        Some(self.select.aggregate)
    }
}
