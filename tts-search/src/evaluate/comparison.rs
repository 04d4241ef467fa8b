//! Strategies on the same problems of a family, with its exact checker.
//!
//! A [`Comparison`] holds what stays the same while strategies are compared. Problems run together, so
//! that the generator's batch is full; a problem's tree is the same alone and in company.

use tts_core::family::{Family, Problem, Solved};
use tts_core::{NodeId, Outcome, Search, SearchStrategy, StepScorer, Task, Tree};

use super::EvaluateError;

/// What all strategies have in common.
#[derive(Clone)]
pub struct Comparison<'a> {
    /// Writes solutions: generator, step rule, sampling, seed, problems at a time.
    pub search: Search<'a>,
    /// Says what is right.
    pub family: &'a dyn Family,
    /// The problems.
    pub problems: &'a [Problem],
}

impl std::fmt::Debug for Comparison<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Comparison")
            .field("search", &self.search)
            .field("problems", &self.problems.len())
            .finish_non_exhaustive()
    }
}

impl Comparison<'_> {
    /// Searches the problems at these places; `done` hears of each outcome as it comes, with the
    /// problem's place.
    ///
    /// # Errors
    /// When a search fails, or a line of one: the error names the problem.
    pub fn search<S, E>(
        &self,
        strategy: &S,
        scorer: Option<&dyn StepScorer>,
        places: &[usize],
        mut done: impl FnMut(usize, &Outcome) -> Result<(), E>,
    ) -> Result<Vec<Outcome>, E>
    where
        S: SearchStrategy + Clone,
        E: From<EvaluateError>,
    {
        let mut search = self.search.clone();
        if let Some(scorer) = scorer {
            search = search.scorer(scorer);
        }
        let question = |place: usize| self.problems[place].question.as_str();
        let prompts = places.iter().map(|&place| self.family.prompt(question(place)));
        let mut told = Ok(());
        let results =
            search.run_each(prompts.map(|prompt| (strategy.clone(), prompt)), |id, result| {
                if let (Ok(outcome), Ok(())) = (result, &told) {
                    let place = places[id.0];
                    told = match outcome.failed.first() {
                        None => done(place, outcome),
                        Some(failed) => Err(EvaluateError::Search {
                            question: question(place).to_owned(),
                            source: failed.error.clone().into(),
                        }
                        .into()),
                    };
                }
            });
        told?;
        let named = |(result, &place): (Result<Outcome, _>, &usize)| {
            result.map_err(|error| EvaluateError::search(question(place), error).into())
        };
        results.into_iter().zip(places).map(named).collect()
    }

    /// All places.
    pub fn places(&self) -> Vec<usize> {
        (0..self.problems.len()).collect()
    }

    /// Whether a search ended with a right solution of the problem at `place`.
    pub fn is_solved(&self, place: usize, outcome: &Outcome) -> bool {
        outcome.best.is_some_and(|end| {
            is_right(self.family, &self.problems[place].question, &outcome.tree, end)
        })
    }
}

/// Whether the path to `end` is finished and solves the problem, by the family's verdict.
pub fn is_right(family: &dyn Family, question: &str, tree: &Tree, end: NodeId) -> bool {
    let verdict = || Solved(family).verdict(question, "", &tree.text(end));
    tree[end].is_finished() && verdict().is_right()
}
