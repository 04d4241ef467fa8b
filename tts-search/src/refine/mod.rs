//! Strategies that show a model what it wrote, and ask for better.

mod revision;
mod words;

pub use revision::Revision;
pub use words::Words;
