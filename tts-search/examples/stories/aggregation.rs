//! Recursive self-aggregation (RSA): each member of the next population is written in sight of a few
//! of the last.
//!
//! ```text
//! question --> N solutions --> N times: draw K, "combine these" --> N solutions --> ... --> majority
//! ```
//!
//! Whole solutions are shown, not their answers alone. With one round it is the pool of best-of-N; with
//! one solution shown it is N self-refinements side by side.
//!
//! Cost: `population x rounds` lines, a batch of `population` a round.
//!
//! Source: Venkatraman et al. 2025, "Recursive Self-Aggregation Unlocks Deep Thinking in Large Language
//! Models" (arXiv 2509.26626), section 3.

use tts_core::select::{Vote, majority};
use tts_core::{Ask, Desk, Line, NodeId, Script, all};

/// A population that is aggregated again and again; the answer is the majority of the last.
#[derive(Debug, Clone)]
pub(crate) struct Aggregation {
    /// Members of a population (N).
    pub(crate) population: usize,
    /// Solutions that one aggregation is shown (K).
    pub(crate) shown: usize,
    /// Populations (T).
    pub(crate) rounds: usize,
}

/// The question that shows the drawn solutions.
pub(crate) fn words(question: &str, shown: &[&Line]) -> String {
    let shown = shown.iter().map(|line| format!("\n<solution>\n{}\n</solution>", line.text()));
    let shown: String = shown.collect();
    format!(
        "{question}\n\nHere are solutions, some of which may be wrong:{shown}\n\
         Combine them into one right solution, or start anew."
    )
}

impl Aggregation {
    /// K members, none of them twice.
    fn draw<'l>(&self, desk: &Desk, population: &'l [Line]) -> Vec<&'l Line> {
        let mut left: Vec<&Line> = population.iter().collect();
        let count = self.shown.min(left.len());
        (0..count).map(|_| left.swap_remove(desk.below(left.len()))).collect()
    }
}

impl Script for Aggregation {
    async fn play(self, desk: Desk) -> Option<NodeId> {
        let mut population = desk.ask(Ask::problem().times(self.population)).await;
        for _ in 1..self.rounds {
            let asks = (0..self.population).map(|_| {
                let shown = self.draw(&desk, &population);
                let about = shown.first().map_or(NodeId::ROOT, |line| line.node);
                desk.ask(Ask::of(words(&desk.question(), &shown)).about(about))
            });
            population = all(asks.collect::<Vec<_>>()).await.concat();
        }
        let votes: Vec<Vote> =
            population.iter().map(|line| Vote { answer: line.answer(), score: 0.0 }).collect();
        majority(&votes, |a, b| a == b).map(|winner| population[winner].node)
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self { population: 0, .. } => Err("aggregation: population is 0".into()),
            Self { shown: 0, .. } => Err("aggregation: shown is 0".into()),
            Self { rounds: 0, .. } => Err("aggregation: rounds is 0".into()),
            _ => Ok(()),
        }
    }
}
