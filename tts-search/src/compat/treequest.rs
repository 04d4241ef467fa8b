//! `TreeQuest`: AB-MCTS-A with one action a generator.
//!
//! | there | here |
//! |---|---|
//! | a generator is a closure from the parent's state to a state and a score | a role that writes, and the search's scorer |
//! | one draw of the generator decides for a whole batch | each solution of a batch draws its own |
//! | the number of `ask` and `tell` | `calls` |
//! | `StandardMCTS` takes the softmax of sibling scores as its prior | [`crate::Mcts`] has the policy's likelihood, or none |
//! | AB-MCTS-M | none |
//!
//! Source: `treequest` 0.3.3 on the Python package index, `algos/ab_mcts_a`; Inoue et al. 2025 (arXiv 2503.04412).

use crate::AbMcts;
use crate::tree::ab_mcts::{Gaussian, Prior};

/// `ABMCTSA()` with its Gaussian prior (`m = 0`, `kappa = 1`, `nu = 1`, `tau^2 = 0.1`), for so many generations by
/// these roles; none for the policy alone.
///
/// ```
/// use tts_search::compat::treequest;
/// let search = treequest::ab_mcts_a(64, ["small", "large"]);
/// assert_eq!((search.calls, search.roles.len(), search.batch), (64, 2, 1));
/// ```
pub fn ab_mcts_a<R: Into<String>>(calls: usize, roles: impl IntoIterator<Item = R>) -> AbMcts {
    let prior = Prior::Gaussian(Gaussian { m: 0.0, kappa: 1.0, nu: 1.0, tau2: 0.1 });
    let roles = roles.into_iter().map(Into::into).collect();
    AbMcts { calls, roles, prior, ..AbMcts::default() }
}
