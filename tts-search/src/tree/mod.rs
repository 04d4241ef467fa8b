//! Strategies that look at steps and decide which paths go on: beams, forests, lookahead.

mod beam;
mod dvts;
mod forest;
mod lookahead;

pub use beam::{BeamSearch, Completed, Duplicates};
pub use dvts::Dvts;
pub use forest::Forest;
pub use lookahead::Lookahead;
