//! Self-consistency: sample several solutions, return the answer that most of them reach.
//!
//! ```text
//!          +-- ... -- 12  \
//! question +-- ... -- 12   > 12, with 2 of 3 votes
//!          +-- ... -- 15  /
//! ```
//!
//! Answers are compared after extraction and normalisation; a solution without an answer does not
//! vote. With `n` growing, the answer tends to the mode of the model's own distribution over
//! answers: where a wrong answer is the mode, accuracy falls with `n`. At temperature 0 all samples
//! are equal and nothing is gained.
//!
//! Cost: `n` lines in one round; the scorer is not needed.
//!
//! Source: Wang et al. 2022, "Self-Consistency Improves Chain of Thought Reasoning in Language
//! Models" (arXiv 2203.11171), section 2. There `n` is 40, at temperature 0.5 or 0.7 with top-k 40.

use serde::{Deserialize, Serialize};
use tts_core::{
    Aggregate, Expand, NodeId, Requirements, Sampling, SearchStrategy, Selection, Tree, View,
};

use super::lines::{self, at_least_one};

/// The majority answer of `n` samples.
///
/// ```
/// use tts_core::{Search, StepRule, toy::ToyWorld};
/// use tts_search::SelfConsistency;
///
/// let world = ToyWorld { error: 0.1, ..ToyWorld::default() };
/// let outcome = Search::new(&world)
///     .rule(StepRule::lines())
///     .seed(1)
///     .run(SelfConsistency { n: 20, ..Default::default() }, world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SelfConsistency {
    /// How many samples.
    pub n: usize,
    /// In place of the search's own sampling.
    pub sampling: Option<Sampling>,
    /// The vote; the majority by default.
    pub select: Selection,
}

impl Default for SelfConsistency {
    /// The majority of 40.
    fn default() -> Self {
        Self { n: 40, sampling: None, select: Selection::majority() }
    }
}

impl SearchStrategy for SelfConsistency {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        lines::step(view, self.n, self.sampling)
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        self.select.pick(tree)
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("self-consistency", "n", self.n)
    }

    fn requires(&self) -> Requirements {
        Requirements::vote("self-consistency", self.select)
    }

    fn samples(&self) -> Option<Aggregate> {
        Some(self.select.aggregate)
    }
}
