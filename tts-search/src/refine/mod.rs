//! Strategies that show a model what it wrote, and ask for better.

mod ratio;
mod revision;
mod rsa;
mod self_refine;
pub(crate) mod words;

pub use ratio::Ratio;
pub use revision::Revision;
pub use rsa::{Rsa, RsaAnswer};
pub use self_refine::{RefineWords, SelfRefine};
pub use words::Words;
