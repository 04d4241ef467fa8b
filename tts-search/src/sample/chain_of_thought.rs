//! Chain of thought: one greedy solution, written out step by step.
//!
//! The reasoning comes from the prompt, not from the search: worked examples
//! ([`crate::FewShot`]), or a model that was trained to reason. This is the baseline against which
//! every other strategy spends its additional samples.
//!
//! ```text
//! question -- step -- step -- ... -- "The answer is 12."
//! ```
//!
//! Cost: 1 line; the scorer is not needed.
//!
//! Source: Wei et al. 2022, "Chain-of-Thought Prompting Elicits Reasoning in Large Language
//! Models" (arXiv 2201.11903), section 2.

use serde::{Deserialize, Serialize};
use tts_core::{Expand, NodeId, Sampling, SearchStrategy, View};

use super::lines;

/// One greedy solution.
///
/// ```
/// use tts_core::{Search, StepRule, toy::ToyWorld};
/// use tts_search::ChainOfThought;
///
/// let world = ToyWorld::default();
/// let outcome =
///     Search::new(&world).rule(StepRule::lines()).run(ChainOfThought {}, world.prompt(0))?;
/// // The toy generator errs only when it samples.
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// assert_eq!(outcome.usage.logical.samples, 1);
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChainOfThought {}

impl SearchStrategy for ChainOfThought {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        lines::step(view, 1, Some(Sampling::greedy()))
    }

    fn pick(&self, tree: &tts_core::Tree) -> Option<NodeId> {
        tree.candidates().first().copied()
    }
}
