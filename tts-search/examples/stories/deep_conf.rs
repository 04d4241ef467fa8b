//! Deep Think with Confidence, online: samples that the model is less sure of than a warm-up are broken
//! off, and the others vote by their confidence.
//!
//! ```text
//! warm-up   ------------------------- lowest mean confidence of a window: 2.1, 0.4, 1.9, 2.6
//! later     ----------- halted        its last window fell below the threshold
//!           -------------------------
//! ```
//!
//! The confidence of a token is minus the mean log-probability of the most probable ones; over a small
//! vocabulary it tells certainty only if all tokens are taken that can occur. The threshold is the lowest
//! window of the least confident warm-up sample that is kept. Sampling ends when the winner has enough of
//! the votes, or after so many lines. What falls below the threshold does not vote. With all kept and
//! weights of 1 it is the majority.
//!
//! Cost: `most` lines at most, `batch` a round; a halted line is charged up to where it was broken off.
//!
//! Source: Fu et al. 2025, "Deep Think with Confidence" (arXiv 2508.15260), section 3.

use tts_core::select::{Vote, Weight, tally};
use tts_core::{Ask, Desk, Halt, Line, NodeId, Script, Watch};

/// A vote of the confident.
#[derive(Debug, Clone)]
pub(crate) struct DeepConf {
    /// Samples from which the threshold is set.
    pub(crate) warm_up: usize,
    /// Samples of a later round.
    pub(crate) batch: usize,
    /// Most samples in all.
    pub(crate) most: usize,
    /// How many most probable tokens a confidence is taken over.
    pub(crate) top: u32,
    /// Tokens of a window.
    pub(crate) window: u32,
    /// How much of the warm-up lies above the threshold, in percent: 10 or 90 in the paper.
    pub(crate) keep: usize,
    /// The share of the votes that ends the search; above 1 for never.
    pub(crate) consensus: f64,
    /// Whether votes weigh what their lowest window says, or 1.
    pub(crate) weighted: bool,
}

impl DeepConf {
    /// The lowest mean confidence of a window; of the whole line where that is shorter.
    pub(crate) fn lowest(&self, line: &Line) -> f32 {
        let noted = line.steps.iter().flat_map(|step| step.confidence());
        let noted: Vec<f32> = noted.copied().collect();
        let windows = noted.windows((self.window as usize).clamp(1, noted.len().max(1)));
        let means = windows.map(|window| window.iter().sum::<f32>() / window.len() as f32);
        means.fold(f32::INFINITY, f32::min)
    }

    /// Below what a sample is given up; `None` where all are kept.
    fn threshold(&self, warm_up: &[Line]) -> Option<f32> {
        let mut lowest: Vec<f32> = warm_up.iter().map(|line| self.lowest(line)).collect();
        lowest.sort_by(f32::total_cmp);
        let dropped = lowest.len() * 100_usize.saturating_sub(self.keep) / 100;
        lowest.get(dropped).copied().filter(|_| dropped > 0)
    }

    /// The first line with the winning answer, and the answer's share of the votes.
    fn vote(&self, lines: &[Line], below: Option<f32>) -> Option<(NodeId, f64)> {
        let vote = |line: &Line| {
            let lowest = self.lowest(line);
            // What was halted was halted below it.
            let votes = below.is_none_or(|below| lowest >= below);
            let score = if self.weighted { f64::from(lowest) } else { 1.0 };
            Vote { answer: line.answer().filter(|_| votes), score }
        };
        let classes =
            tally(&lines.iter().map(vote).collect::<Vec<_>>(), |a, b| a == b, Weight::Raw);
        let all: f64 = classes.iter().map(|class| class.weight).sum();
        let heavier = |a, b| if class_weight(b) > class_weight(a) { b } else { a };
        let winner = classes.iter().reduce(heavier)?;
        Some((lines[winner.members[0]].node, winner.weight / all))
    }
}

fn class_weight(class: &tts_core::select::Class) -> f64 {
    class.weight
}

impl Script for DeepConf {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let noted = Watch { confidence: self.top, ..Watch::default() };
        let mut lines = desk.ask(Ask::problem().times(self.warm_up).watch(noted)).await;
        let below = self.threshold(&lines);
        let halt = below.map(|below| Halt { window: self.window, below });
        let (mut asked, mut vote) = (self.warm_up, self.vote(&lines, below));
        while asked < self.most && vote.is_none_or(|(_, share)| share < self.consensus) {
            if let Some((winner, _)) = vote {
                desk.prefer(winner);
            }
            let n = self.batch.min(self.most - asked);
            let ask = Ask::problem().times(n).watch(Watch { halt, ..noted });
            lines.extend(desk.ask(ask).await);
            asked += n;
            vote = self.vote(&lines, below);
        }
        vote.map(|(winner, _)| winner)
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self { warm_up: 0, .. } => Err("deepconf: warm_up is 0, expected at least 1".into()),
            Self { batch: 0, .. } => Err("deepconf: batch is 0, expected at least 1".into()),
            Self { window: 0, .. } => Err("deepconf: window is 0, expected at least 1".into()),
            Self { top: 0, .. } => Err("deepconf: top is 0, expected at least 1".into()),
            _ => Ok(()),
        }
    }
}
