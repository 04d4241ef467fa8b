//! `TreeQuest`: AB-MCTS-A and -M with one action a generator.
//!
//! | there | here |
//! |---|---|
//! | a generator is a closure from the parent's state to a state and a score | a role that writes, and the search's scorer |
//! | one draw of the generator decides for a whole batch | each solution of a batch draws its own |
//! | the number of `ask` and `tell` | `calls` |
//! | `StandardMCTS` takes the softmax of sibling scores as its prior | [`crate::Mcts`] has the policy's likelihood, or none |
//! | AB-MCTS-M fits its mixed model by Markov chains, and draws each arm by itself | [`Prior::Mixed`] has the model's law in closed form, and draws all arms together |
//! | a best child that is given up makes way for another child, never for a new one | for whichever is next |
//!
//! Source: `treequest` 0.3.3 on the Python package index, `algos/ab_mcts_a` and `algos/ab_mcts_m`; Inoue et al. 2025 (arXiv 2503.04412).

use crate::AbMcts;
use crate::tree::ab_mcts::{Gaussian, Mixed, Prior};

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

/// `ABMCTSM()` with its priors and its pruning, likewise.
///
/// ```
/// use tts_search::compat::treequest;
/// use tts_search::tree::ab_mcts::Prior;
/// let search = treequest::ab_mcts_m(64, ["small", "large"]);
/// assert!(matches!(search.prior, Prior::Mixed(prior) if prior.mean == 0.5 && prior.prune.is_some()));
/// ```
pub fn ab_mcts_m<R: Into<String>>(calls: usize, roles: impl IntoIterator<Item = R>) -> AbMcts {
    AbMcts { prior: Prior::Mixed(Mixed::default()), ..ab_mcts_a(calls, roles) }
}
