//! Searches to look at: a page for a browser, and pictures of trees for papers.
//!
//! A [`Case`] is one problem's search: an [`crate::Outcome`] at hand, or a record ([`Case::read`]), that of a
//! run which was killed too. [`Page`] makes one HTML file of cases, without network and without anything
//! beside it: trees to fold, search and compare, scores on their scale, log-probabilities, costs by node and
//! role, votes, and what became of every path ([`fates`]). [`dot`] and [`mermaid`] draw the part of a tree
//! that fits a paper, and say how much is left out.
//!
//! What models wrote is untrusted: data stand in the page as JSON that cannot leave its element, and reach
//! the document as text only.
//!
//! ```
//! use tts_core::inspect::{Case, Page};
//! use tts_core::toy::{Sample, ToyWorld};
//! use tts_core::Search;
//!
//! let world = ToyWorld::default();
//! let outcome = Search::new(&world).run(Sample { n: 4 }, world.prompt(0))?;
//! let page = Page::new("Four samples").case(Case::of("problem 0", outcome).gold(world.answer(0)));
//! assert!(page.html().starts_with("<!doctype html>"));
//! # Ok::<(), tts_core::SearchError>(())
//! ```

mod case;
mod data;
mod dot;
mod excerpt;
mod fate;
mod mermaid;
mod page;
mod report;
mod rounds;
mod text;
mod votes;

pub use case::Case;
pub use dot::dot;
pub use fate::{Fate, Passed, fates};
pub use mermaid::mermaid;
pub use page::Page;
pub use report::{Figures, Problem};

#[cfg(test)]
mod tests;
