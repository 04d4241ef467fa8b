//! Problems from data files: which fields are what, how a question is made of them, and how it is asked.
//!
//! A [`Mapping`] says it; those of well-known data sets have names ([`Mapping::NAMES`]), and a file whose
//! fields are those of one of them is recognised. `docs/data.md` has an example of each.

mod choices;
mod item;
mod known;
mod level;
mod mapping;
mod open;
mod pool;
mod template;

pub use item::{DataSet, Item, fingerprint, load, parse};
pub use mapping::Mapping;
pub use open::{load_open, parse_open};
pub use pool::TextPool;
