//! Beam search without a verifier: which beams go on is drawn by lot.
//!
//! What is measured is the search itself: forks, shared prefixes, rounds. Every step has the same
//! number of tokens, and nothing ends early, so that all engines generate as many; but for servers, which
//! end a text where the model does: there what is open goes on.

use tts_core::seed::Rng;
use tts_core::{Expand, NodeId, SearchStrategy, Until, View};

/// Keeps `keep` of each round's leaves by a seeded shuffle and continues each `branch` ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShuffledBeam {
    /// Leaves that go on.
    pub keep: usize,
    /// Continuations of each; the first round has `keep * branch` lines.
    pub branch: usize,
    /// Rounds.
    pub steps: u32,
    /// Tokens of a step.
    pub step_tokens: u32,
    /// Rounds that are over.
    pub done: u32,
}

impl ShuffledBeam {
    /// Nothing is over yet.
    pub fn new(keep: usize, branch: usize, steps: u32, step_tokens: u32) -> Self {
        Self { keep, branch, steps, step_tokens, done: 0 }
    }

    fn shuffled(nodes: &[NodeId], rng: &mut Rng) -> Vec<NodeId> {
        let mut nodes = nodes.to_vec();
        rng.shuffle(&mut nodes);
        nodes
    }
}

impl SearchStrategy for ShuffledBeam {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if self.done == self.steps {
            return Vec::new();
        }
        self.done += 1;
        let expand =
            |node, n| Expand { until: Until::Tokens(self.step_tokens), ..Expand::step(node, n) };
        if view.fresh() == [NodeId::ROOT] {
            return vec![expand(NodeId::ROOT, self.keep * self.branch)];
        }
        let open = |id: &NodeId| view.tree().get(*id).is_some_and(|node| node.open);
        let fresh: Vec<NodeId> = view.fresh().iter().copied().filter(open).collect();
        let kept = Self::shuffled(&fresh, view.rng());
        kept.into_iter().take(self.keep).map(|node| expand(node, self.branch)).collect()
    }
}
