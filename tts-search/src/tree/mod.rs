//! Strategies that look at steps and decide which paths go on: beams, forests, lookahead, REBASE,
//! Monte-Carlo tree search, convergence.

pub mod ab_mcts;
mod beam;
mod converged;
mod dvts;
mod forest;
mod lookahead;
pub mod mcts;
mod rebase;
mod step_best_of_n;
mod token_beam;

pub use ab_mcts::AbMcts;
pub use beam::{BeamSearch, Completed, Duplicates};
pub use converged::Converged;
pub use dvts::Dvts;
pub use forest::Forest;
pub use lookahead::Lookahead;
pub use mcts::Mcts;
pub use rebase::Rebase;
pub use step_best_of_n::StepBestOfN;
pub use token_beam::TokenBeam;
