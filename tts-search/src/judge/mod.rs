//! Strategies that sample a pool of solutions, and let a model say which of them to believe.

mod bradley_terry;
mod gen_select;
mod gen_synthesis;
mod mutual;
mod pairing;
mod pool;
mod reading;
mod tournament;

pub use bradley_terry::bradley_terry;
pub use gen_select::GenSelect;
pub use gen_synthesis::GenSynthesis;
pub use mutual::MutualVerification;
pub use pairing::{Pairing, Table};
pub use tournament::{CompareWords, Ranking, Tournament};
