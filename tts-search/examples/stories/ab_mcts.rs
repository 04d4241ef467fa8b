//! Adaptive branching tree search: at every solution, whether to write another one here (wider) or to
//! refine one of those below (deeper) is drawn from what has been seen of both.
//!
//! ```text
//! question -- GEN: a solution                    score 0.4
//!          `- CONT -- solution 1 -- GEN: refine  score 0.7
//!                                `- CONT -- ...
//! ```
//!
//! Each choice is a Thompson sample: a mean is drawn from the posterior of each arm, and the arm with the
//! highest goes. GEN knows the scores of the solutions written at this node, CONT those of everything
//! written further down, a child its own score and all below it. Who writes, one of several models, is
//! drawn in the same way. A refinement is a question about the solution that it refines, so the tree of
//! the search is the tree of questions.
//!
//! Cost: `calls` lines, `batch` a round, each judged; scores must lie between 0 and 1.
//!
//! Source: Inoue et al. 2025, "Wider or Deeper? Scaling LLM Inference-Time Compute with Adaptive Branching
//! Tree Search" (arXiv 2503.04412), section 3, variant A with the Gaussian posterior.

use std::f64::consts::TAU;

use tts_core::{Ask, Desk, NodeId, Requirements, Script, all};

/// A search that decides itself between width and depth.
#[derive(Debug, Clone)]
pub(crate) struct AbMcts {
    /// Solutions in all.
    pub(crate) calls: usize,
    /// Solutions of a round; many at a time make the search wide.
    pub(crate) batch: usize,
    /// The roles that write.
    pub(crate) roles: Vec<String>,
}

/// What is known of an arm's mean: a normal-inverse-gamma posterior.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Posterior {
    /// The mean.
    pub(crate) m: f64,
    /// What it is worth, in observations.
    pub(crate) kappa: f64,
    /// Degrees of freedom: one more than observations.
    pub(crate) nu: usize,
    /// The variance.
    pub(crate) tau2: f64,
}

impl Posterior {
    /// After these scores, from the prior `m = 0, kappa = 1, nu = 1, tau2 = 0.1`.
    pub(crate) fn after(scores: &[f64]) -> Self {
        let (prior_tau2, n) = (0.1, scores.len() as f64);
        let mean = scores.iter().sum::<f64>() / n.max(1.0);
        let spread: f64 = scores.iter().map(|score| (score - mean).powi(2)).sum();
        let (kappa, nu) = (1.0 + n, 1 + scores.len());
        let tau2 = (prior_tau2 + spread + n * mean * mean / kappa) / nu as f64;
        Self { m: n * mean / kappa, kappa, nu, tau2 }
    }

    /// A mean drawn from it: Student's t with `nu` degrees of freedom.
    fn draw(self, desk: &Desk) -> f64 {
        let normal = || (-2.0 * (1.0 - desk.uniform()).ln()).sqrt() * (TAU * desk.uniform()).cos();
        let chi2: f64 = (0..self.nu).map(|_| normal().powi(2)).sum();
        self.m + normal() * (self.tau2 / self.kappa * self.nu as f64 / chi2).sqrt()
    }
}

/// The question that shows a solution.
pub(crate) fn words(question: &str, solution: &str) -> String {
    format!("{question}\n\n<solution>\n{solution}\n</solution>\nWrite a better one.")
}

/// A solution, or the problem, with the scores that its arms have seen.
#[derive(Debug)]
pub(crate) struct Place {
    node: NodeId,
    text: String,
    above: Option<usize>,
    children: Vec<usize>,
    /// Of solutions written here (GEN).
    pub(crate) here: Vec<f64>,
    /// Of all that was written further down (CONT).
    pub(crate) below: Vec<f64>,
    /// Its own score, and all below.
    pub(crate) own: Vec<f64>,
}

/// The place of the arm with the highest draw.
fn thompson<'s>(desk: &Desk, arms: impl Iterator<Item = &'s Vec<f64>>) -> usize {
    let draws = arms.map(|scores| Posterior::after(scores).draw(desk)).enumerate();
    draws.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(arm, _)| arm)
}

/// What every arm has seen.
#[derive(Debug)]
pub(crate) struct Arms {
    /// The problem, then the solutions in the order in which they were told.
    pub(crate) places: Vec<Place>,
    /// Scores of each role's solutions.
    pub(crate) roles: Vec<Vec<f64>>,
}

impl Arms {
    /// Of the problem alone.
    pub(crate) fn new(roles: usize) -> Self {
        let mut arms = Self { places: Vec::new(), roles: vec![Vec::new(); roles] };
        arms.add(NodeId::ROOT, String::new(), None, Vec::new());
        arms
    }

    /// Where the next solution is written, and by whom.
    fn descend(&self, desk: &Desk) -> (usize, usize) {
        let mut at = &self.places[0];
        let mut place = 0;
        while !at.children.is_empty() && thompson(desk, [&at.here, &at.below].into_iter()) == 1 {
            let below = at.children.iter().map(|&child| &self.places[child].own);
            place = at.children[thompson(desk, below)];
            at = &self.places[place];
        }
        (place, thompson(desk, self.roles.iter()))
    }

    /// Takes in a solution: the role of this number wrote it at a place.
    pub(crate) fn tell(
        &mut self,
        (above, role): (usize, usize),
        node: NodeId,
        text: String,
        score: f64,
    ) {
        self.roles[role].push(score);
        self.places[above].here.push(score);
        let child = self.places.len();
        self.places[above].children.push(child);
        self.add(node, text, Some(above), vec![score]);
        let mut at = above;
        while let Some(next) = self.places[at].above {
            self.places[at].own.push(score);
            self.places[next].below.push(score);
            at = next;
        }
    }

    fn add(&mut self, node: NodeId, text: String, above: Option<usize>, own: Vec<f64>) {
        let (children, here, below) = (Vec::new(), Vec::new(), Vec::new());
        self.places.push(Place { node, text, above, children, here, below, own });
    }
}

impl Script for AbMcts {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let (question, mut best) = (desk.question(), None);
        let mut arms = Arms::new(self.roles.len());
        for done in (0..self.calls).step_by(self.batch) {
            let batch = self.batch.min(self.calls - done);
            let picks: Vec<(usize, usize)> = (0..batch).map(|_| arms.descend(&desk)).collect();
            let asks = picks.iter().map(|&(place, role)| {
                let Place { node, text, above, .. } = &arms.places[place];
                let ask = match above {
                    None => Ask::problem(),
                    Some(_) => Ask::of(words(&question, text)).about(*node),
                };
                desk.line(ask.by(&self.roles[role]))
            });
            let lines = all(asks.collect::<Vec<_>>()).await;
            for (pick, line) in picks.into_iter().zip(lines) {
                let Some(line) = line.filter(|line| line.score.is_finite()) else { continue };
                arms.tell(pick, line.node, line.text(), line.score);
                if best.is_none_or(|(_, score)| line.score > score) {
                    best = Some((line.node, line.score));
                    desk.prefer(line.node);
                }
            }
        }
        best.map(|(node, _)| node)
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self { batch: 0, .. } => Err("ab-mcts: batch is 0, expected at least 1".into()),
            _ if self.roles.is_empty() => Err("ab-mcts: roles is empty".into()),
            _ => Ok(()),
        }
    }

    fn requires(&self) -> Requirements {
        Requirements { roles: self.roles.clone(), ..Requirements::scorer("ab-mcts", []) }
    }
}
