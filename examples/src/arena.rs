//! Strategies on the same problems: one generator, one family with its exact checker.
//!
//! An [`Arena`] holds what stays the same while strategies are compared. Problems run together, so
//! that the generator's batch is full; a problem's tree is the same alone and in company.

use tts_core::family::{Family, Problem, Solved};
use tts_core::{Generator, NodeId, Outcome, Sampling, Search, StepRule, StepScorer, Task, Tree};
use tts_search::Recipe;

use crate::Error;

/// What all strategies have in common.
#[derive(Clone)]
pub struct Arena<'a> {
    /// Writes solutions.
    pub generator: &'a dyn Generator,
    /// Says what is right.
    pub family: &'a dyn Family,
    /// The problems.
    pub problems: &'a [Problem],
    /// Where all randomness comes from.
    pub seed: u64,
    /// Problems in flight at a time.
    pub concurrency: usize,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Where steps end, and how long solutions may get.
    pub rule: StepRule,
}

impl std::fmt::Debug for Arena<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arena")
            .field("problems", &self.problems.len())
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl Arena<'_> {
    /// Searches the problems at these places; `done` hears of each outcome as it comes, with the
    /// problem's place.
    ///
    /// # Errors
    /// When a search fails, or a line of one: the error names the problem.
    pub fn search(
        &self,
        recipe: &Recipe,
        scorer: Option<&dyn StepScorer>,
        places: &[usize],
        mut done: impl FnMut(usize, &Outcome) -> Result<(), Error>,
    ) -> Result<Vec<Outcome>, Error> {
        let mut search = Search::new(self.generator)
            .rule(self.rule.clone())
            .sampling(self.sampling)
            .seed(self.seed)
            .concurrency(self.concurrency);
        if let Some(scorer) = &scorer {
            search = search.scorer(scorer);
        }
        let prompts =
            places.iter().map(|&place| self.family.prompt(&self.problems[place].question));
        let mut told = Ok(());
        let results =
            search.run_each(prompts.map(|prompt| (recipe.clone(), prompt)), |id, result| {
                if let (Ok(outcome), Ok(())) = (result, &told) {
                    let place = places[id.0];
                    told = match outcome.failed.first() {
                        None => done(place, outcome),
                        Some(failed) => {
                            Err(format!("{}: {}", self.problems[place].question, failed.error)
                                .into())
                        }
                    };
                }
            });
        told?;
        let named = |(result, &place): (Result<Outcome, _>, &usize)| {
            result.map_err(|error| format!("{}: {error}", self.problems[place].question).into())
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
