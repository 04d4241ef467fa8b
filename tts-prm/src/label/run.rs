//! A labelling method over many problems.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tts_core::{
    Expand, NodeId, Prompt, RunError, Search, SearchError, SearchErrorKind, SearchStrategy, Tree,
    Usage, View,
};

use super::{Grade, LabelledSolution, MonteCarlo, MonteCarloSearch, OmegaPrm, OmegaPrmSearch};
use crate::PrmError;

/// A way of labelling, as recipes have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Method {
    /// Every prefix of sampled or given solutions.
    MonteCarlo(MonteCarlo),
    /// First errors by halving.
    OmegaPrm(OmegaPrm),
}

/// A problem to label solutions of.
#[derive(Clone)]
pub struct Problem {
    /// What the policy is asked.
    pub prompt: Prompt,
    /// Says which solutions are right.
    pub grade: Arc<dyn Grade>,
}

impl std::fmt::Debug for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Problem").field("prompt", &self.prompt).finish_non_exhaustive()
    }
}

/// The strategy of a method.
enum Labelling {
    MonteCarlo(MonteCarloSearch),
    OmegaPrm(OmegaPrmSearch),
}

impl Labelling {
    fn get(&self) -> &dyn SearchStrategy {
        match self {
            Self::MonteCarlo(search) => search,
            Self::OmegaPrm(search) => search,
        }
    }
}

impl SearchStrategy for Labelling {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        match self {
            Self::MonteCarlo(search) => search.step(view),
            Self::OmegaPrm(search) => search.step(view),
        }
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        self.get().pick(tree)
    }

    fn check(&self) -> Result<(), String> {
        self.get().check()
    }
}

/// What became of a problem.
#[derive(Debug, Clone)]
pub struct Done<'a> {
    /// Its labels; none where every line failed.
    pub labelled: &'a [LabelledSolution],
    /// What it cost.
    pub usage: &'a Usage,
    /// Why nothing was written about it: the first line that failed, of a problem without labels.
    pub failed: Option<String>,
}

/// Labels solutions of each problem, and tells `done` of each as it is done, in any order, with what
/// it cost. The labels come back in the order of the problems. Trees are dropped as they are
/// read, so that memory holds those in flight only ([`Search::concurrency`]).
///
/// A problem of which every line fails (its prompt is too long, say) has no labels; the others are no
/// worse for it, and `done` is told of it as of them.
///
/// # Errors
/// When a problem's search fails otherwise, or every line of every problem: the error names the
/// question. With a [`tts_core::Store`] under the search nothing that was generated is lost then.
pub fn label(
    search: &Search<'_>,
    method: &Method,
    problems: &[Problem],
    mut done: impl FnMut(usize, Done<'_>),
) -> Result<Vec<Vec<LabelledSolution>>, PrmError> {
    let failed = |place: usize, error: SearchError| PrmError::Rollout {
        question: problems[place].prompt.question().chars().take(200).collect(),
        source: Box::new(error),
    };
    let mut all_failed: Vec<(usize, SearchError)> = Vec::new();
    let together = search.problems_in_flight();
    let mut pool = search.pool();
    let mut places = HashMap::new();
    let mut labelled: Vec<Vec<LabelledSolution>> = vec![Vec::new(); problems.len()];
    let mut next = problems.iter().enumerate();
    loop {
        while pool.len() < together {
            let Some((place, problem)) = next.next() else { break };
            let grade = Arc::clone(&problem.grade);
            let strategy = match method {
                Method::MonteCarlo(method) => Labelling::MonteCarlo(method.search(grade)),
                Method::OmegaPrm(method) => Labelling::OmegaPrm(method.search(grade)),
            };
            let id = pool.submit(strategy, problem.prompt.clone(), None);
            places.insert(id.map_err(|error| failed(place, error))?, place);
        }
        let Some((id, outcome)) = pool.poll() else { break };
        let Some(&place) = places.get(&id) else { continue };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => match error.kind {
                SearchErrorKind::Run(RunError::AllLinesFailed { .. }) => {
                    let usage = error.partial.as_ref().map(|partial| partial.usage);
                    let usage = usage.unwrap_or_default();
                    done(
                        place,
                        Done { labelled: &[], usage: &usage, failed: Some(error.to_string()) },
                    );
                    all_failed.push((place, error));
                    continue;
                }
                _ => return Err(failed(place, error)),
            },
        };
        let grade = problems[place].grade.as_ref();
        labelled[place] = match method {
            Method::MonteCarlo(method) => method.labelled(&outcome.tree, grade),
            Method::OmegaPrm(_) => OmegaPrm::labelled(&outcome.tree, grade),
        };
        let (labelled, usage) = (&labelled[place][..], &outcome.usage);
        let first = outcome.failed.first().filter(|_| labelled.is_empty());
        done(place, Done { labelled, usage, failed: first.map(|line| line.error.to_string()) });
    }
    // Where nothing was written about any, it is not the problems that are at fault.
    let none = all_failed.len() == problems.len();
    let first = all_failed.into_iter().min_by_key(|(place, _)| *place).filter(|_| none);
    first.map_or(Ok(labelled), |(place, error)| Err(failed(place, error)))
}
