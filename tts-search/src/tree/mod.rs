//! Strategies that look at steps and decide which paths go on: beams, forests, lookahead, convergence.

mod beam;
mod converged;
mod dvts;
mod forest;
mod lookahead;

pub use beam::{BeamSearch, Completed, Duplicates};
pub use converged::Converged;
pub use dvts::Dvts;
pub use forest::Forest;
pub use lookahead::Lookahead;
