//! A world small enough to check by hand: running sums, with a generator that slips and a judge
//! that knows.
//!
//! A problem is a chain of numbers, `3 + 5 + 2 = ?`. A solution adds one number a line and ends
//! with `The answer is 10.`. At temperature 1 the generator gets a line wrong with probability
//! [`ToyWorld::error`] (by -2, -1, 1 or 2, equally likely) and goes on from its wrong total, so
//! with `k` additions a sample is right with probability of about `(1 - error)^k`. Tokens are bytes,
//! and one end token. [`Oracle`] judges every line exactly, or with a noise that is a function of
//! the path. [`Markov`] is a language model of a few tokens whose every probability is given,
//! [`Voice`] a writer whose words are a closure's. Doctests,
//! laws and strategy tests run in this world.

mod draft;
mod markov;
mod oracle;
mod state;
mod voice;
mod world;

pub(crate) use draft::{Draft, OPTIONS, Writing};
pub use markov::Markov;
pub use oracle::Oracle;
pub use voice::{Said, Voice};
pub use world::ToyWorld;

use crate::{Aggregate, Expand, NodeId, SearchStrategy, View};

/// The token that ends a solution; all others are bytes.
pub const END: u32 = 256;

/// The smallest strategy: `n` independent solutions, the best of them by the last score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// How many.
    pub n: usize,
}

impl SearchStrategy for Sample {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        if view.is_start() { vec![Expand::end(NodeId::ROOT, self.n)] } else { Vec::new() }
    }

    fn check(&self) -> Result<(), String> {
        if self.n == 0 { Err("sample: n is 0, expected at least 1".into()) } else { Ok(()) }
    }

    fn samples(&self) -> Option<Aggregate> {
        Some(Aggregate::ByScale)
    }
}
