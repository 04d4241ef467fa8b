//! Deep Think with Confidence, online: samples less sure than a warm-up are broken off, the others vote by their
//! confidence.
//!
//! ```text
//! warm-up   ------------------------- lowest mean confidence of a group: 2.1, 0.4, 1.9, 2.6
//! later     ----------- halted        its last group fell below the threshold
//!           -------------------------
//! ```
//!
//! The first [`DeepConfOnline::warm_up`] lines are written whole. The threshold is the percentile `1 - keep` of
//! their lowest group confidences ([`Measure::Lowest`]); later lines are broken off by the generator with the
//! token at which a group falls below it. What lies below the threshold has no vote, in the warm-up neither; the
//! others vote with their lowest group. Sampling ends when the winner has [`DeepConfOnline::consensus`] of the
//! weights, or after [`DeepConfOnline::most`] lines. With `keep` of 1 nothing is broken off, and with weights of 1
//! as well it is the majority.
//!
//! Over a small vocabulary `top` must be as large as the vocabulary, see [`DeepConf`](super::DeepConf).
//!
//! Cost: `most` lines at most, [`DeepConfOnline::round`] a round; a halted line is charged up to where it was
//! broken off; no scorer.
//!
//! When to use: long solutions, many samples, no verifier. When not: solutions shorter than a window or two, where
//! nothing is left to save; a generator that does not tell its distributions refuses to halt.
//!
//! Source: Fu et al. 2025, "Deep Think with Confidence" (arXiv 2508.15260), section 3.3.

use serde::{Deserialize, Serialize};
use tts_core::{
    Expand, Halt, NodeId, Requirements, Sampling, SearchStrategy, Selection, Tree, View, Watch,
};

use super::confidence::{Elected, Measure, elect, noted, threshold};
use super::deep_conf::{check, weigh};
use super::lines::at_least_one;

/// The vote of the confident, who are known before they end.
///
/// ```
/// use tts_core::{Search, StepRule, toy::ToyWorld};
/// use tts_search::DeepConfOnline;
///
/// let world = ToyWorld { error: 0.1, ..ToyWorld::default() };
/// let strategy = DeepConfOnline { warm_up: 8, most: 32, top: 5, window: 8, ..Default::default() };
/// let outcome = Search::new(&world).rule(StepRule::lines()).run(strategy, world.prompt(0))?;
/// assert_eq!(outcome.answer(), Some(world.answer(0)));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeepConfOnline {
    /// Samples from which the threshold is set.
    pub warm_up: usize,
    /// Samples of a later round.
    pub round: usize,
    /// Most samples in all.
    pub most: usize,
    /// How many most probable tokens a confidence is taken over.
    pub top: u32,
    /// Tokens of a group.
    pub window: u32,
    /// The share of the warm-up that is kept, 0.1 or 0.9 in the paper.
    pub keep: f64,
    /// The share of the weights that ends the search; `None` for never.
    pub consensus: Option<f64>,
    /// Whether votes weigh their lowest group, or 1.
    pub weighted: bool,
    /// In place of the search's own sampling.
    pub sampling: Option<Sampling>,
    /// Where the search stands.
    #[serde(skip)]
    pub state: State,
}

/// Where a [`DeepConfOnline`] stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// Lines asked for.
    asked: usize,
    /// The ends of its lines.
    lines: Vec<NodeId>,
    /// Below which confidence a line is given up, once the warm-up is over.
    below: Option<f64>,
}

impl Default for DeepConfOnline {
    /// The paper's safe form: 16 to warm up, nine of ten kept, until 0.95 agree; at most 64.
    fn default() -> Self {
        Self {
            warm_up: 16,
            round: 16,
            most: 64,
            top: 20,
            window: 2_048,
            keep: 0.9,
            consensus: Some(0.95),
            weighted: true,
            sampling: None,
            state: State::default(),
        }
    }
}

impl DeepConfOnline {
    /// At most `n` lines, a quarter of them to warm up.
    pub fn of(n: usize) -> Self {
        let warm_up = n.div_ceil(4).clamp(1, 16);
        Self { warm_up, round: warm_up, most: n, ..Self::default() }
    }

    fn expand(&self, node: NodeId, n: usize) -> Expand {
        #[expect(clippy::cast_possible_truncation, reason = "confidences are noted as f32")]
        let halt = |below: f64| Halt { window: self.window, below: below as f32 };
        let halt = self.state.below.map(halt);
        let watch = Watch { confidence: self.top, halt, ..Watch::default() };
        Expand { sampling: self.sampling, watch, ..Expand::end(node, n) }
    }

    fn lowest(&self, tree: &Tree, id: NodeId) -> Option<f64> {
        let noted = noted(tree, id, |step| step.confidence());
        Measure::Lowest.of(&noted, self.window as usize)
    }

    /// The vote of the finished among these.
    fn vote(&self, tree: &Tree, lines: impl Iterator<Item = NodeId>) -> Option<Elected> {
        let confident = |id| Some((id, self.lowest(tree, id)?));
        let finished = lines.filter(|&id| tree[id].is_finished());
        let mut voters: Vec<(NodeId, f64)> = finished.filter_map(confident).collect();
        let below = self.state.below.unwrap_or(f64::NEG_INFINITY);
        voters.retain(|&(_, lowest)| lowest >= below);
        weigh(&mut voters, self.weighted);
        elect(tree, &voters)
    }

    fn is_settled(&self, tree: &Tree) -> bool {
        let share = self.vote(tree, self.state.lines.iter().copied()).map(|vote| vote.share);
        self.consensus.zip(share).is_some_and(|(enough, share)| share >= enough)
    }
}

impl SearchStrategy for DeepConfOnline {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() {
            let asked = self.warm_up;
            self.state = State { asked, ..State::default() };
            return vec![self.expand(NodeId::ROOT, asked)];
        }
        let tree = view.tree();
        let warm_up = self.state.asked == self.warm_up;
        self.state.lines.extend(view.fresh().iter().filter(|&&id| !tree[id].open));
        // What a hard budget cut is written to its end before anything is counted.
        let rest = view.open();
        if !rest.is_empty() {
            return rest.into_iter().map(|id| self.expand(id, 1)).collect();
        }
        if warm_up && self.keep < 1.0 {
            let lines = self.state.lines.iter();
            let lowest = lines.filter_map(|&id| self.lowest(tree, id)).collect();
            self.state.below = threshold(lowest, self.keep);
        }
        let left = self.most.saturating_sub(self.state.asked);
        if left == 0 || self.is_settled(tree) {
            return Vec::new();
        }
        let n = self.round.min(left);
        self.state.asked += n;
        vec![self.expand(NodeId::ROOT, n)]
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        let elected = self.vote(tree, tree.finished()).map(|elected| elected.node);
        elected.or_else(|| Selection::majority().pick(tree))
    }

    fn check(&self) -> Result<(), String> {
        let name = "deep-conf-online";
        at_least_one(name, "warm_up", self.warm_up)?;
        at_least_one(name, "round", self.round)?;
        if self.most < self.warm_up {
            let (most, least) = (self.most, self.warm_up);
            return Err(format!(
                "{name}: most is {most}, expected at least warm_up, which is {least}"
            ));
        }
        if let Some(consensus) = self.consensus
            && !(consensus > 0.0 && consensus <= 1.0)
        {
            return Err(format!("{name}: consensus is {consensus}, expected 0 < consensus <= 1"));
        }
        check(name, self.top, self.window, self.keep)
    }

    fn requires(&self) -> Requirements {
        Requirements { confidence: Some(self.top), ..Requirements::default() }
    }
}
