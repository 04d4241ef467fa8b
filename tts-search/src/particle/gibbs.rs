//! Particle Gibbs: particle filters one after the other, each with the solution that the last one chose.
//!
//! ```text
//! iteration 1   filter of n particles                      -> one solution, drawn by weight: the reference
//! iteration 2   filter of n - 1 particles + the reference  -> one solution, drawn by weight
//! ...
//! ```
//!
//! The reference takes part in every step as far as it has come by then: it weighs what its path weighed
//! at that step, not what it weighs at its end; it is never lost, and other particles that draw it copy
//! it up to that step and go on by themselves. Drawing given that it survives follows the conditional
//! law of each way of resampling. With [`crate::particle::Weights::Ratio`] the references are a Markov
//! chain whose law is `p(solution) g(solution)^(1/T)` for any `n` of at least 2, where a single
//! filter has it for many particles only; with the published weights it is a heuristic of several
//! rounds, in which good solutions stay.
//!
//! Cost: at most `n` lines a round in the first iteration and `n - 1` after it, each judged once; the rounds of
//! all iterations one after the other.
//!
//! When: a budget of several filters, and a scorer that is wrong at early steps now and then: within an
//! iteration the reference cannot be drawn away, however little its first steps weigh; for the next one
//! it is drawn anew. Not when latency counts: one filter with all of the particles takes a fraction of the
//! rounds. Ancestor sampling, by which the reference would change its early steps more often, is not
//! implemented.
//!
//! Source: Puri et al. 2025 (arXiv 2502.01618), particle Gibbs; Andrieu, Doucet, Holenstein 2010,
//! "Particle Markov chain Monte Carlo methods", section 4.5; Chopin and Singh 2015 (arXiv 1304.1887).

use serde::{Deserialize, Serialize};
use tts_core::{Expand, NodeId, Requirements, SearchStrategy, Tree, View};

use super::cloud::Cloud;
use super::filter::{Choose, ParticleFilter, drawn};
use crate::sample::lines::at_least_one;

/// Iterated particle filters with a reference.
///
/// ```
/// use tts_core::{Search, StepRule, toy::{Oracle, ToyWorld}};
/// use tts_search::{ParticleFilter, ParticleGibbs};
///
/// let world = ToyWorld { additions: 5, error: 0.5, ..ToyWorld::default() };
/// let oracle = Oracle::of(&world);
/// let search = Search::new(&world).scorer(&oracle).rule(StepRule::lines());
/// let filter = ParticleFilter { n: 4, ..ParticleFilter::default() };
/// let mut gibbs = ParticleGibbs { iterations: 4, filter, ..ParticleGibbs::default() };
/// let outcome = search.run(&mut gibbs, world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// assert_eq!(gibbs.state.references().len(), 4);
/// assert_eq!(outcome.tree[tts_core::NodeId::ROOT].children.len(), 4 + 3 * 3);
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParticleGibbs {
    /// How many filters, one after the other.
    pub iterations: usize,
    /// The filter. [`Choose::Sample`] answers with the last reference, [`Choose::Vote`] by the finished
    /// particles of all iterations.
    pub filter: ParticleFilter,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where a [`ParticleGibbs`] stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    cloud: Cloud,
    /// Iterations that are over.
    over: usize,
    /// Finished particles of these, with their weights.
    pool: Vec<(NodeId, f64)>,
    references: Vec<NodeId>,
}

impl State {
    /// The ends of the solutions that were drawn, one for each iteration in which something finished.
    pub fn references(&self) -> &[NodeId] {
        &self.references
    }
}

impl Default for ParticleGibbs {
    /// Four iterations of the published filter, with 4 particles.
    fn default() -> Self {
        Self { iterations: 4, filter: ParticleFilter::of(4), state: State::default() }
    }
}

impl ParticleGibbs {
    /// About as many iterations as particles, `n` solutions at most.
    ///
    /// ```
    /// let gibbs = tts_search::ParticleGibbs::square(16);
    /// assert_eq!((gibbs.iterations, gibbs.filter.n), (4, 4));
    /// ```
    pub fn square(n: usize) -> Self {
        let side = n.isqrt();
        // A single particle beside the reference would be none.
        let iterations = if side < 2 { 1 } else { side };
        Self { iterations, filter: ParticleFilter::of(n / iterations), ..Self::default() }
    }

    fn start(&mut self, tree: &Tree) -> Vec<Expand> {
        let last = self.state.references.last();
        let reference = last.map(|&end| tree.path(end)).unwrap_or_default();
        let (cloud, wanted) = Cloud::start(&self.filter, reference);
        self.state.cloud = cloud;
        wanted
    }
}

impl SearchStrategy for ParticleGibbs {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            self.state = State::default();
            return self.start(view.tree());
        }
        if self.state.over >= self.iterations {
            return Vec::new();
        }
        let wanted = self.state.cloud.advance(&self.filter, view);
        if !wanted.is_empty() {
            return wanted;
        }
        let finished = self.state.cloud.finished(view.tree());
        self.state.references.extend(drawn(&finished, view.rng().uniform()));
        self.state.pool.extend(finished);
        self.state.over += 1;
        if self.state.over < self.iterations { self.start(view.tree()) } else { Vec::new() }
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let last = self.state.references.last().copied();
        match self.filter.choose {
            Choose::Sample if last.is_some() => last,
            _ => self.filter.choice(tree, &self.state.pool, 0.0),
        }
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("particle gibbs", "iterations", self.iterations)?;
        self.filter.check_as("particle gibbs: filter")?;
        if self.iterations > 1 && self.filter.n < 2 {
            return Err(
                "particle gibbs: filter: n is 1, expected at least 2: one beside the reference"
                    .into(),
            );
        }
        Ok(())
    }

    fn requires(&self) -> Requirements {
        self.filter.requires_as("particle gibbs")
    }
}
