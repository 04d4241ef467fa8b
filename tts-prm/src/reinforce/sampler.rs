//! The usual sampler: so many independent solutions of each problem.
//!
//! A group of GRPO is drawn in one round, each line to its end. Any other strategy can stand in its place
//! ([`super::Reinforce::sampler`]).
//!
//! Source: Shao et al. 2024 (arXiv 2402.03300), section 4.1.

use serde::{Deserialize, Serialize};
use tts_core::{Aggregate, Expand, NodeId, SearchStrategy, View};

/// Draws `n` independent solutions.
///
/// ```
/// use tts_core::{Search, toy::ToyWorld};
/// use tts_prm::reinforce::Independent;
/// let world = ToyWorld::default();
/// let outcome = Search::new(&world).run(Independent { n: 4 }, world.prompt(0))?;
/// assert_eq!(outcome.tree.candidates().len(), 4);
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Independent {
    /// How many.
    pub n: usize,
}

impl SearchStrategy for Independent {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() { vec![Expand::end(NodeId::ROOT, self.n)] } else { Vec::new() }
    }

    fn check(&self) -> Result<(), String> {
        if self.n == 0 { Err("samples is 0, expected at least 1".into()) } else { Ok(()) }
    }

    fn samples(&self) -> Option<Aggregate> {
        Some(Aggregate::ByScale)
    }
}
