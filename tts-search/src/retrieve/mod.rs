//! Retrieval: from words to passages with stable ids, as a role that strategies ask.
//!
//! A [`Retriever`] finds [`Passage`]s; a [`Searcher`] makes a [`tts_core::Generator`] of it, so that a strategy asks
//! for a search as it asks for any line: by a role, counted, recorded, batched and resumed, without a search
//! engine of its own. What comes back is data, and stays that: texts are cut to a length, and [`fenced`] puts
//! them into prompts so that no page can end its quotation or begin a turn of a chat.
//!
//! ```text
//! strategy -- Ask::of(question).by("search") --> Searcher --> Retriever: Memory, Index, Vectors, Hybrid, Web, yours
//!          <-- a line: passages as JSON (Found) --
//! ```
//!
//! [`Folder`] reads documents of text, Markdown, HTML, records and, with the feature `pdf`, PDF; [`Memory`] ranks passages that fit into memory, exactly. `Index`, with the feature
//! `index`, is a full-text index of folders of documents, in memory or on disk, that reads only what has changed. `Web`, with
//! the feature `web`, asks any search engine that answers in JSON, and opens the pages that it finds if it may. [`Vectors`] finds by meaning, with any
//! [`tts_core::Embedder`], and [`Hybrid`] joins words and meanings.
//!
//! Source: Lewis et al. 2020, "Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks" (arXiv 2005.11401),
//! for the use; Greshake et al. 2023 (arXiv 2302.12173), for why a page is never trusted.

mod citation;
mod document;
mod error;
mod fence;
mod heading;
mod html;
mod hybrid;
#[cfg(feature = "index")]
mod index;
mod memory;
mod passage;
#[cfg(feature = "pdf")]
mod pdf;
mod reading;
mod searcher;
#[cfg(feature = "index")]
mod tokens;
mod vectors;
#[cfg(feature = "web")]
mod web;

pub(crate) use citation::{Cite, Piece, cites, leading, pieces};
pub use document::{Cut, Document};
pub use error::RetrieveError;
pub(crate) use fence::quoted;
pub use fence::{fenced, harmless, visible};
pub use hybrid::{Hybrid, HybridSettings};
#[cfg(feature = "index")]
pub use index::{Index, IndexSettings, Updated};
pub use memory::Memory;
pub use passage::{Found, Passage, snippet};
pub(crate) use passage::{is_unspaced, words};
pub use reading::Folder;
pub use searcher::{SearchSettings, Searcher};
pub use vectors::{Vectored, Vectors};
#[cfg(feature = "web")]
pub(crate) use web::PublicOnly;
#[cfg(feature = "web")]
pub use web::{Opened, PageSettings, Web, WebSettings};

use tts_core::BoxError;

/// Finds passages.
///
/// ```
/// use tts_core::BoxError;
/// use tts_search::retrieve::{Passage, Retriever};
///
/// /// Knows one page.
/// struct OnePage;
///
/// impl Retriever for OnePage {
///     fn search(&self, query: &str, most: usize) -> Result<Vec<Passage>, BoxError> {
///         let page = Passage::new("rivers.txt#1", "Rivers", "The Mira is 31 km long.");
///         Ok(if query.contains("Mira") { vec![page; most.min(1)] } else { Vec::new() })
///     }
/// }
/// assert_eq!(OnePage.search("How long is the Mira?", 5)?[0].id, "rivers.txt#1");
/// # Ok::<(), BoxError>(())
/// ```
pub trait Retriever: Send + Sync {
    /// The passages that answer `query` best, the best first, at most so many; none is no error. The same
    /// query should find the same again.
    ///
    /// # Errors
    /// When the search itself failed: the engine is down, the index is damaged.
    fn search(&self, query: &str, most: usize) -> Result<Vec<Passage>, BoxError>;

    /// What its results depend on besides the query, as a short text: a record that was made with another
    /// index is not resumed. `None` for one that cannot tell.
    fn identity(&self) -> Option<String> {
        None
    }
}

impl<T: Retriever + ?Sized> Retriever for std::sync::Arc<T> {
    fn search(&self, query: &str, most: usize) -> Result<Vec<Passage>, BoxError> {
        (**self).search(query, most)
    }
    fn identity(&self) -> Option<String> {
        (**self).identity()
    }
}
