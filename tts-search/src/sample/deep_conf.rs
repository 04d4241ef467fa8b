//! Deep Think with Confidence, offline: the confident samples of a pool vote by their confidence.
//!
//! ```text
//! answer  confidence
//! 12         2.6        kept
//! 15         2.1        kept
//! 15         1.9        kept
//! 20         0.4        below the threshold: no vote        15 wins, with 4.0 of 6.6
//! ```
//!
//! The confidence of a token is minus the mean log-probability of the [`DeepConf::top`] most probable ones, that
//! of a sample a [`Measure`] of its tokens. Samples with an answer at or above the percentile `1 - keep` vote,
//! each with its confidence `C_t`: `V(a) = sum_t C_t [a_t = a]`. With `keep` of 1 and weights of 1 it is the
//! majority.
//!
//! Over a small vocabulary take `top` as large as the vocabulary: minus the mean of the log-probabilities of few
//! tokens is *smaller* for a peaked distribution. Of four tokens, `(.7, .1, .1, .1)` has 0.357 and 1.330 for
//! `top` of 1 and 2, below the 1.386 of the uniform distribution, and 1.816 for `top` of 4. Where the generator
//! says that its vocabulary has fewer than 256 tokens, a smaller `top` is refused.
//!
//! Cost: `n` lines in one round; no scorer.
//!
//! When to use: no verifier, answers that can be compared, a pool that is there anyway. `keep` of 0.9 is safe; 0.1
//! is stronger, and amplifies majorities that are confidently wrong. When tokens are to be saved:
//! [`DeepConfOnline`](super::DeepConfOnline). When not: generators that do not tell their distributions; without
//! notes it is the majority.
//!
//! Source: Fu et al. 2025, "Deep Think with Confidence" (arXiv 2508.15260), sections 3.1 and 3.2.

use serde::{Deserialize, Serialize};
use tts_core::{
    Aggregate, Expand, NodeId, Requirements, Sampling, SearchStrategy, Selection, Tree, View, Watch,
};

use super::confidence::{Measure, elect, noted, threshold};
use super::lines::{self, at_least_one};

/// The vote of the confident samples.
///
/// ```
/// use tts_core::{Search, StepRule, toy::ToyWorld};
/// use tts_search::DeepConf;
///
/// let world = ToyWorld { error: 0.2, ..ToyWorld::default() };
/// // A choice of this world is among five.
/// let strategy = DeepConf { n: 16, top: 5, window: 8, ..Default::default() };
/// let outcome = Search::new(&world).rule(StepRule::lines()).run(strategy, world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeepConf {
    /// How many samples.
    pub n: usize,
    /// How many most probable tokens a confidence is taken over.
    pub top: u32,
    /// Tokens of a group.
    pub window: u32,
    /// The confidence of a sample.
    pub measure: Measure,
    /// The share of the samples that is kept, 0.1 or 0.9 in the paper.
    pub keep: f64,
    /// Whether votes weigh their confidence, or 1.
    pub weighted: bool,
    /// In place of the search's own sampling.
    pub sampling: Option<Sampling>,
}

impl Default for DeepConf {
    /// Nine of ten among 64 samples, by the lowest groups of 2,048 tokens, over the 20 most probable ones.
    fn default() -> Self {
        Self {
            n: 64,
            top: 20,
            window: 2_048,
            measure: Measure::Bottom,
            keep: 0.9,
            weighted: true,
            sampling: None,
        }
    }
}

impl SearchStrategy for DeepConf {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let watch = Watch { confidence: self.top, ..Watch::default() };
        let lines = lines::step(view, self.n, self.sampling);
        lines.into_iter().map(|line| Expand { watch, ..line }).collect()
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let voters = tree.finished().filter(|&id| tree.answer(id).is_some());
        let confident = |id| {
            let noted = noted(tree, id, |step| step.confidence());
            Some((id, self.measure.of(&noted, self.window as usize)?))
        };
        let mut voters: Vec<(NodeId, f64)> = voters.filter_map(confident).collect();
        let all = voters.iter().map(|&(_, confidence)| confidence).collect();
        let below = threshold(all, self.keep).unwrap_or(f64::NEG_INFINITY);
        voters.retain(|&(_, confidence)| confidence >= below);
        weigh(&mut voters, self.weighted);
        let elected = elect(tree, &voters).map(|elected| elected.node);
        elected.or_else(|| Selection::majority().pick(tree))
    }

    fn check(&self) -> Result<(), String> {
        at_least_one("deep-conf", "n", self.n)?;
        check("deep-conf", self.top, self.window, self.keep)
    }

    fn requires(&self) -> Requirements {
        Requirements { confidence: Some(self.top), ..Requirements::default() }
    }

    fn samples(&self) -> Option<Aggregate> {
        Some(Aggregate::ByScale)
    }
}

/// Weights of 1, where confidence does not weigh.
pub(super) fn weigh(voters: &mut [(NodeId, f64)], weighted: bool) {
    if !weighted {
        for (_, weight) in voters {
            *weight = 1.0;
        }
    }
}

/// What both forms refuse.
pub(super) fn check(name: &str, top: u32, window: u32, keep: f64) -> Result<(), String> {
    at_least_one(name, "top", top as usize)?;
    at_least_one(name, "window", window as usize)?;
    if keep > 0.0 && keep <= 1.0 {
        return Ok(());
    }
    Err(format!("{name}: keep is {keep}, expected 0 < keep <= 1"))
}
