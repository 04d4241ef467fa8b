//! llm-reasoners: the tree search of RAP, by its defaults.
//!
//! | there | here |
//! |---|---|
//! | a world model makes states, and a configuration actions and rewards | a policy that writes steps, and a scorer of these |
//! | all actions that the configuration gives | four |
//! | a node that was never visited has its fast reward | every child is judged at once, and that is a visit |
//! | one simulation, by the actions of the highest fast reward | a greedy rollout from each child |
//! | states of a simulation stay in the tree | a rollout is no part of it |
//! | a state of depth five is terminal | a path of five steps that has not ended is cut, and leads nowhere |
//! | `output_strategy` of `max_visit` returns nothing | [`Choice::Visits`] |
//!
//! Source: llm-reasoners, commit f94e5ac, its `MCTS`; Hao et al. 2023 (arXiv 2305.14992).

use tts_core::{Aggregate, Sampling, Selection};

use super::Steps;
use crate::Mcts;
use crate::tree::mcts::{Bound, Choice};

/// Paths of five steps. What ends a step, and how long it is, is its world model's to say there.
pub fn steps() -> Steps {
    Steps { max_steps: Some(5), ..Steps::default() }
}

/// `MCTS` of so many iterations, ten there: UCT with a weight of 1, rewards that add up along a path, and the path
/// of the highest reward.
///
/// ```
/// use tts_search::compat::llm_reasoners;
/// let search = llm_reasoners::mcts(10);
/// assert_eq!((search.simulations, search.exploration, search.rollouts), (10, Some(1.0), 1));
/// ```
pub fn mcts(iterations: usize) -> Mcts {
    Mcts {
        simulations: iterations,
        leaves: 1,
        bound: Bound::Uct,
        exploration: Some(1.0),
        rollouts: 1,
        rollout_sampling: Some(Sampling::greedy()),
        choice: Choice::Select(Selection::best(Aggregate::Sum)),
        aggregate: Aggregate::Sum,
        ..Mcts::default()
    }
}
