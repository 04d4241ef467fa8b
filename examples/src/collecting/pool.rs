//! The solutions of an evaluation, as they come.
//!
//! Source: none.

use std::collections::BTreeMap;

use tts_core::{Outcome, SearchError, SearchStrategy};
use tts_prm::curate::Candidate;
use tts_search::evaluate::{Graded, Solution, solutions};

/// Solutions by the place of their problem. A problem whose search failed has none: it is tried again another time.
#[derive(Debug, Default)]
pub struct Pool {
    of: BTreeMap<usize, Vec<Solution>>,
}

impl Pool {
    /// Takes the solutions of a problem.
    pub fn see<S: SearchStrategy + ?Sized>(
        &mut self,
        strategy: &S,
        row: &Graded,
        result: &Result<Outcome, SearchError>,
    ) {
        if let Ok(outcome) = result {
            self.of.insert(row.index, solutions(strategy, outcome, &row.gold));
        }
    }

    /// Whether anything has a score.
    pub(super) fn is_scored(&self) -> bool {
        self.of.values().flatten().any(|solution| solution.sampled.score.is_some())
    }

    /// The problems that were searched and of which no solution is right.
    pub(super) fn unsolved(&self) -> Vec<usize> {
        let hard = |all: &[Solution]| all.iter().all(|solution| !solution.sampled.right);
        self.of.iter().filter(|(_, all)| hard(all)).map(|(place, _)| *place).collect()
    }

    /// All of them as candidates, with the place of the problem of each. What was cut is blank: an attempt, and nothing to
    /// learn. What a scorer could not judge has the least of all scores.
    pub(super) fn candidates(&self) -> (Vec<Candidate>, Vec<usize>) {
        let (mut candidates, mut places) = (Vec::new(), Vec::new());
        for (&problem, all) in &self.of {
            for Solution { text, sampled, tokens } in all {
                let score = sampled.score.filter(|score| !score.is_nan()).unwrap_or(f64::MIN);
                candidates.push(Candidate {
                    problem,
                    text: if sampled.finished { text.clone() } else { String::new() },
                    solved: sampled.right,
                    score: Some(score.clamp(f64::MIN, f64::MAX)),
                    tokens: Some(*tokens),
                });
                places.push(problem);
            }
        }
        (candidates, places)
    }
}
