//! `OpenR`, and compute-optimal-tts, which runs the same searches with numbers of its own: beams and `vanila_mcts`.
//!
//! | there | here |
//! |---|---|
//! | a path that ends takes one of the beam with it, wherever it ranks | if it is among the best ([`Completed::FreeSlot`](crate::Completed)) |
//! | `OpenR` expands each node by as many actions as the first, compute-optimal-tts by its share of them | the latter |
//! | actions of one text are one, blank ones none; cut ones are dropped, up to three times | of one text are one; a cut path goes on, and is no answer |
//! | a path of the tree search walks to its end and expands all nodes on its way | a simulation expands one leaf: ten of them a path |
//! | a node that was never visited has the verifier's value | so has every child, and that is a visit |
//! | an end that is reached again is one more solution, and votes again | it counts again in the values, and votes once |
//! | a path with other steps than the verifier counts is worth 0 | an error |
//! | a solution ends where "The answer is" or `\boxed` begins, too | where the model ends it: `rule` has no stop text |
//! | votes by the last or the least score, and others | `select`, a vote by the last |
//!
//! Source: `OpenR`, commit 54ae004, its `methods.py`, environment and tree; compute-optimal-tts, commit 0ee2578, for steps,
//! temperature and the width of a beam.

use tts_core::{Aggregate, Sampling, Selection, StepRule};

use crate::tree::mcts::{Bound, Choice, Prior};
use crate::{BeamSearch, Duplicates, Mcts};

/// Steps that `OpenR` gives a path.
const DEPTH: usize = 10;

/// The vote by the score of the last step.
fn vote() -> Selection {
    Selection { aggregate: Aggregate::Last, ..Selection::weighted() }
}

/// Where steps end: behind a blank line, after 2,048 tokens at most, 40 steps in all.
pub fn rule() -> StepRule {
    StepRule { max_step_tokens: 2048, max_steps: 40, max_tokens: 2048 * 40, ..StepRule::default() }
}

/// How tokens are drawn: at temperature 0.7.
pub fn sampling() -> Sampling {
    Sampling::temperature(0.7)
}

/// Beam search of `n` lines a round, `width` of them for each path that is kept.
///
/// ```
/// use tts_search::compat::openr;
/// let beam = openr::beam_search(16, 4)?;
/// assert_eq!((beam.first, beam.keep, beam.branch), (Some(16), 4, 4));
/// assert!(openr::beam_search(6, 4).is_err());
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
/// When `width` does not divide `n`, or either is 0.
pub fn beam_search(n: usize, width: usize) -> Result<BeamSearch, String> {
    let beam = BeamSearch::snell(n, width)?;
    Ok(BeamSearch {
        aggregate: Aggregate::Last,
        duplicates: Duplicates::Merge,
        select: vote(),
        ..beam
    })
}

/// `vanila_mcts` with `num_path` of `paths`: PUCT with the prior of siblings' mean log-probabilities, and an exploration that
/// grows with the logarithm of visits.
///
/// ```
/// use tts_search::compat::openr;
/// let search = openr::mcts(4);
/// assert_eq!((search.simulations, search.leaves, search.growth), (40, 1, Some(19_652.0)));
/// ```
pub fn mcts(paths: usize) -> Mcts {
    Mcts {
        simulations: paths.saturating_mul(DEPTH),
        leaves: 1,
        bound: Bound::Puct,
        exploration: Some(1.25),
        growth: Some(19_652.0),
        prior: Prior::Likelihood,
        duplicates: Duplicates::Merge,
        choice: Choice::Select(vote()),
        aggregate: Aggregate::Last,
        ..Mcts::default()
    }
}
