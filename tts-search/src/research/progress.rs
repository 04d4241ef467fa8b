//! Where a research stands, in a line: what is known, and what it has cost.
//!
//! It is read from the tree that an observer is shown ([`tts_core::Event`]), so it is right after a resumption too.
//!
//! Source: none.

use std::fmt;

use tts_core::{Cost, NodeKind, Tree};

use super::trail::Trail;

/// Where a research stands.
///
/// ```
/// use tts_core::{Scripted, Search};
/// use tts_search::research::{Progress, Research, atlas};
/// use tts_search::retrieve::{SearchSettings, Searcher};
/// let world = atlas::Atlas::new(7, 100);
/// let searcher = Searcher::new(world.retriever(), SearchSettings::default())?;
/// let search = Search::new(atlas::Agents::default()).role("search", searcher);
/// let outcome = search.run(Scripted::of(Research::plain(2)), world.request(0).prompt())?;
/// let progress = Progress::of(&outcome.tree, outcome.usage.logical, "search");
/// assert!(progress.to_string().starts_with("2 searches, "));
/// # Ok::<(), tts_core::BoxError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Searches that have come back.
    pub searches: usize,
    /// Passages that were found.
    pub sources: usize,
    /// Drafts and reports that were written.
    pub drafts: usize,
    /// Words of the latest one.
    pub words: usize,
    /// What was searched for last.
    pub question: Option<String>,
    /// What it has cost.
    pub cost: Cost,
}

impl Progress {
    /// Of a tree as of now, and what it has cost; `search` is the role that searches.
    pub fn of(tree: &Tree, cost: Cost, search: &str) -> Self {
        let trail = Trail::of(tree, None, search);
        let drafts =
            tree.iter().filter(|(_, node)| node.is_question() && node.kind == NodeKind::Committed);
        Self {
            searches: trail.exchanges.len(),
            sources: trail.sources.len(),
            drafts: drafts.skip(1).filter(|(_, node)| !node.children.is_empty()).count(),
            words: trail.report().map_or(0, |text| text.split_whitespace().count()),
            question: trail.exchanges.last().map(|exchange| exchange.question.clone()),
            cost,
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { searches, sources, drafts, words, cost, .. } = self;
        write!(
            f,
            "{searches} searches, {sources} sources, {drafts} drafts, the latest of {words} words; {} lines, {} tokens",
            cost.samples, cost.generated_tokens
        )?;
        match &self.question {
            Some(question) => {
                write!(f, "; last: {}", question.chars().take(80).collect::<String>())
            }
            None => Ok(()),
        }
    }
}
