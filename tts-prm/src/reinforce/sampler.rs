//! The usual sampler: so many independent solutions of each problem.
//!
//! A group of GRPO is drawn in one round, each line to its end. Any other strategy can stand in its place
//! ([`super::Reinforce::sampler`]). One that draws by a sampling of its own is refused, or has the probability of
//! each token as it was drawn noted, so that what it drew can be weighted.
//!
//! Source: Shao et al. 2024 (arXiv 2402.03300), section 4.1.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use tts_core::{Aggregate, Expand, NodeId, NodeKind, Sampling, SearchStrategy, View, passes_on};

use crate::PrmError;

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

/// A sampler that stops where it is to draw a solution otherwise than at temperature 1 from all tokens, or notes the
/// probabilities that it is drawn with; and puts before each solution what it is to begin with. Shared by its clones is what it was to draw by.
#[derive(Debug, Clone)]
pub(super) struct Plain<S> {
    strategy: S,
    /// Whether anything may be drawn, and is noted: what the trainer makes of it is weighted.
    free: bool,
    /// What is put before each solution.
    begin: String,
    other: Arc<OnceLock<Sampling>>,
}

impl<S> Plain<S> {
    pub(super) fn new(strategy: S, free: bool) -> Self {
        Self { strategy, free, begin: String::new(), other: Arc::default() }
    }

    /// The same, where each solution begins with a text.
    pub(super) fn begun(self, begin: &str) -> Self {
        Self { begin: begin.to_owned(), ..self }
    }

    /// # Errors
    /// When a clone was to draw otherwise.
    pub(super) fn drew_plainly(&self) -> Result<(), PrmError> {
        let Some(other) = self.other.get() else { return Ok(()) };
        let problem = format!(
            "draws solutions by {other:?}, expected temperature 1 from all tokens, or old recomputed with importance"
        );
        Err(PrmError::reinforce("sampler", problem))
    }
}

impl<S: SearchStrategy> SearchStrategy for Plain<S> {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let mut expands = self.strategy.step(view);
        let plain = Sampling::temperature(1.0);
        for expand in &mut expands {
            // What others write and what only looks ahead is not learnt.
            let learnt = expand.role.is_none() && expand.kind == NodeKind::Committed;
            let begins = learnt && expand.node == NodeId::ROOT && expand.append.is_none();
            if begins && !self.begin.is_empty() {
                expand.append = Some(self.begin.clone());
            }
            let Some(other) = expand.sampling.filter(|own| learnt && *own != plain) else {
                continue;
            };
            if !self.free {
                // The first is as good as any.
                let _ = self.other.set(other);
                return Vec::new();
            }
            expand.watch.drawn = true;
        }
        expands
    }

    passes_on!(self => self.strategy; pick, check, requires, samples, outlives_failure);
}
