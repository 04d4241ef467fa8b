//! Self-certainty with Borda voting: votes that count more the surer the model was of the sample.
//!
//! ```text
//! answer   self-certainty   place   vote, power 1
//! 12            1.9           1          3
//! 15            1.4           2          2   \
//! 15            0.8           3          1   /  15: 3; of equals the first seen: 12
//! ```
//!
//! The self-certainty of a sample is the mean over its `n` tokens of the divergence of the uniform distribution
//! from the model's, over a vocabulary of `V`: `C = -1/(n V) sum_i sum_v ln(V p(v | ..))`. It is 0 where the model
//! knows nothing, and does not shrink with length, as probabilities do. Samples with an answer are ranked by it,
//! and the one at place `r` of `N` votes with `(N - r + 1)^p`; equals share the mean of their places. With `p = 0`
//! that is the majority; with growing `p` it tends to the most certain sample alone ([`SelfCertainty::power`] of
//! `None`). The power moves with `N`: the paper tunes it between about 0.3 and 1.2.
//!
//! Cost: `n` lines in one round, and a pass over the logits of each token; no scorer.
//!
//! When to use: best-of-N and votes where there is no verifier, also on answers that are hard to compare (with
//! `None`). When not: generators that do not tell their distributions; without notes all certainties are equal,
//! and it is the majority.
//!
//! Source: Kang et al. 2025, "Scalable Best-of-N Selection for Large Language Models via Self-Certainty" (arXiv
//! 2502.18581), sections 3 and 4.

use serde::{Deserialize, Serialize};
use tts_core::{Aggregate, Expand, NodeId, Sampling, SearchStrategy, Selection, Tree, View, Watch};

use super::confidence::{elect, noted};
use super::lines::{self, at_least_one};

/// The vote of `n` samples by the places of their self-certainty.
///
/// ```
/// use tts_core::{Search, StepRule, toy::ToyWorld};
/// use tts_search::SelfCertainty;
///
/// let world = ToyWorld { error: 0.2, ..ToyWorld::default() };
/// let outcome = Search::new(&world)
///     .rule(StepRule::lines())
///     .run(SelfCertainty { n: 16, ..Default::default() }, world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SelfCertainty {
    /// How many samples.
    pub n: usize,
    /// The power `p` of the Borda vote; `None` for the most certain sample alone.
    pub power: Option<f64>,
    /// In place of the search's own sampling.
    pub sampling: Option<Sampling>,
}

impl Default for SelfCertainty {
    /// Sixteen samples, power 0.5.
    fn default() -> Self {
        Self { n: 16, power: Some(0.5), sampling: None }
    }
}

impl SelfCertainty {
    /// The self-certainty of the path to `id`, in nats; `None` where none was noted.
    pub fn certainty(tree: &Tree, id: NodeId) -> Option<f64> {
        let noted = noted(tree, id, |step| step.certainty());
        let sum: f64 = noted.iter().map(|&certainty| f64::from(certainty)).sum();
        (!noted.is_empty()).then(|| sum / noted.len() as f64)
    }

    /// What a sample that `better` others surpass and `equal` others equal weighs among `all`; only ratios count.
    fn weight(self, all: usize, better: usize, equal: usize) -> f64 {
        let all = all as f64;
        let points = all - better as f64 - 0.5 * equal as f64;
        match self.power {
            // As they are, points of whole powers are exact, and sums that are equal are a tie.
            Some(power) if (all.powf(power) * all).is_finite() => points.powf(power),
            // Against the best, so that no power overflows.
            Some(power) => (points / all).powf(power),
            None => f64::from(u8::from(better == 0)),
        }
    }
}

impl SearchStrategy for SelfCertainty {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let watch = Watch { certainty: true, ..Watch::default() };
        let lines = lines::step(view, self.n, self.sampling);
        lines.into_iter().map(|line| Expand { watch, ..line }).collect()
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let voters = tree.finished().filter(|&id| tree.answer(id).is_some());
        let certain = |id| (id, Self::certainty(tree, id).unwrap_or(f64::NEG_INFINITY));
        let mut ranked: Vec<(NodeId, f64)> = voters.map(certain).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let (all, mut weights) = (ranked.len(), Vec::with_capacity(ranked.len()));
        let mut better = 0;
        for tied in ranked.chunk_by(|a, b| a.1.total_cmp(&b.1).is_eq()) {
            let weight = self.weight(all, better, tied.len() - 1);
            weights.extend(tied.iter().map(|&(id, _)| (id, weight)));
            better += tied.len();
        }
        // In the order in which they were made, for ties of answers.
        weights.sort_by_key(|&(id, _)| id);
        let elected = elect(tree, &weights).map(|elected| elected.node);
        elected.or_else(|| Selection::majority().pick(tree))
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("self-certainty", "n", self.n)?;
        match self.power {
            Some(power) if !(power.is_finite() && power >= 0.0) => {
                Err(format!("self-certainty: power is {power}, expected a number of at least 0"))
            }
            _ => Ok(()),
        }
    }

    fn samples(&self) -> Option<Aggregate> {
        Some(Aggregate::ByScale)
    }
}
