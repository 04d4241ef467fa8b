//! Solutions of a problem as texts, each with what became of it: what a model can learn from.
//!
//! Of a strategy that chooses among independent samples all samples are solutions, of any other its candidates. The
//! text is what stands behind the question that its writer was asked last; whether it is right, says the task.
//!
//! Source: none; the pool of Yuan et al. 2023 (RFT, arXiv:2308.01825), section 3.3, of any search.

use tts_core::metrics::Sampled;
use tts_core::{Aggregate, NodeId, Outcome, SearchStrategy};

/// A solution that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// Its text, whole.
    pub text: String,
    /// What became of it: its answer, its score, whether it ended, whether it is right.
    pub sampled: Sampled,
    /// Tokens that were generated for it.
    pub tokens: u64,
}

/// All solutions in an outcome, in the order in which they were asked for, or in that of the tree. What was lost was
/// never written, and is none.
///
/// ```
/// use tts_core::toy::ToyWorld;
/// use tts_core::{Search, StepRule};
/// use tts_search::SelfConsistency;
/// use tts_search::evaluate::solutions;
/// let world = ToyWorld { error: 0.2, ..ToyWorld::default() };
/// let votes = SelfConsistency { n: 4, ..SelfConsistency::default() };
/// let outcome = Search::new(world).rule(StepRule::lines()).run(votes, world.prompt(1))?;
/// let found = solutions(&votes, &outcome, &world.answer(1));
/// assert_eq!(found.len(), 4);
/// let right = found.iter().filter(|found| found.sampled.right);
/// assert!(right.clone().all(|found| found.text.contains(&world.answer(1)) && found.tokens > 0));
/// # Ok::<(), tts_core::SearchError>(())
/// ```
pub fn solutions<S: SearchStrategy + ?Sized>(
    strategy: &S,
    outcome: &Outcome,
    gold: &str,
) -> Vec<Solution> {
    let tree = &outcome.tree;
    let (ends, aggregate): (Vec<NodeId>, Aggregate) = match strategy.samples() {
        Some(aggregate) => {
            let line = |&first: &NodeId| {
                let next = |&id: &NodeId| tree[id].children.first().copied();
                std::iter::successors(Some(first), next).last().unwrap_or(first)
            };
            (tree[NodeId::ROOT].children.iter().map(line).collect(), aggregate)
        }
        None => (tree.candidates(), Aggregate::ByScale),
    };
    let solution = |end: NodeId| Solution {
        text: tree.text(end),
        sampled: Sampled {
            answer: tree.answer(end).map(str::to_owned),
            score: tree.score(end, aggregate),
            finished: tree[end].is_finished(),
            right: tree.verdict(end, gold).is_right(),
        },
        tokens: tree.generated(end),
    };
    ends.into_iter().map(solution).collect()
}

#[cfg(test)]
mod tests {
    use tts_core::toy::{Oracle, ToyWorld};
    use tts_core::{Search, StepRule};

    use super::*;
    use crate::evaluate::{Graded, Item};
    use crate::{BeamSearch, BestOfN, Recipe};

    /// Whatever the strategy: what is graded and what may be learnt are the same solutions.
    #[test]
    fn solutions_are_those_that_are_graded() {
        let world = ToyWorld { error: 0.2, ..ToyWorld::default() };
        let oracle = Oracle::of(&world);
        let search = Search::new(world).scorer(oracle).rule(StepRule::lines());
        let best = Recipe::BestOfN(BestOfN { n: 4, ..BestOfN::default() });
        for recipe in [best, Recipe::BeamSearch(BeamSearch::square(4))] {
            for number in 0..4 {
                let outcome = search.run(recipe.clone(), world.prompt(number)).expect("runs");
                let gold = world.answer(number);
                let found = solutions(&recipe, &outcome, &gold);
                let item = Item::new(world.prompt(number).question(), &gold);
                let graded = Graded::new(0, &item, &recipe, &Ok(outcome));
                let sampled: Vec<Sampled> =
                    found.iter().map(|found| found.sampled.clone()).collect();
                assert_eq!(sampled, graded.candidates);
                assert!(found.len() >= 2 && found.iter().all(|own| own.tokens > 0));
            }
        }
    }
}
