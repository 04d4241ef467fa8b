//! The sources of a research: passages by their numbers.
//!
//! A passage gets a number when it is first found, counted from 1, and keeps it: that is how it is cited, in prompts
//! and in the report. Numbers follow from the order of searches in the tree alone, so [`Sources::of`] finds the same
//! ones in a finished outcome, or a record, as the strategy did while it ran.
//!
//! Source: none; citations by number as in Menick et al. 2022 (arXiv 2203.11147) and most systems since.

use tts_core::{NodeKind, Tree};

use crate::retrieve::{Found, Passage};

/// Passages in the order in which they were first found; number `n` is at place `n - 1`.
///
/// ```
/// use tts_search::research::Sources;
/// use tts_search::retrieve::{Found, Passage};
/// let mut sources = Sources::default();
/// let page = |id| Passage::new(id, "", "words");
/// assert_eq!(sources.add(&Found(vec![page("a"), page("b")])), [1, 2]);
/// assert_eq!(sources.add(&Found(vec![page("c"), page("a")])), [3, 1]);
/// assert_eq!(sources.get(3).map(|page| page.id.as_str()), Some("c"));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sources(Vec<Source>);

#[derive(Debug, Clone, PartialEq)]
struct Source {
    passage: Passage,
    /// Other windows of the same passage, which other queries were shown.
    also: Vec<String>,
}

impl Sources {
    /// Those that the searches of a tree found, whoever played the role `search`.
    pub fn of(tree: &Tree, search: &str) -> Self {
        let mut sources = Self::default();
        let searches = tree.iter().filter(|(_, node)| {
            node.kind == NodeKind::Aside
                && !node.is_question()
                && node.role.as_deref() == Some(search)
        });
        for (id, _) in searches {
            if let Some(found) = Found::read(&tree.text(id)) {
                sources.add(&found);
            }
        }
        sources
    }

    /// Numbers what was found; known passages keep their numbers.
    pub fn add(&mut self, found: &Found) -> Vec<u32> {
        let number = |passage: &Passage| {
            // Of those without a name only the text says which is which.
            let same = |known: &Passage| {
                known.id == passage.id
                    && (!known.id.trim().is_empty() || known.text == passage.text)
            };
            let known = self.0.iter().position(|known| same(&known.passage));
            let place = known.unwrap_or(self.0.len());
            if known.is_none() {
                self.0.push(Source { passage: passage.clone(), also: Vec::new() });
            }
            let source = &mut self.0[place];
            if source.passage.text != passage.text && !source.also.contains(&passage.text) {
                source.also.push(passage.text.clone());
            }
            u32::try_from(place + 1).unwrap_or(u32::MAX)
        };
        found.0.iter().map(number).collect()
    }

    /// The passage of a number.
    pub fn get(&self, number: u32) -> Option<&Passage> {
        self.source(number).map(|source| &source.passage)
    }

    fn source(&self, number: u32) -> Option<&Source> {
        self.0.get((number as usize).checked_sub(1)?)
    }

    /// All words that were shown of a passage: one text for each window of it.
    pub fn shown(&self, number: u32) -> Vec<&str> {
        let source = self.source(number).into_iter();
        source
            .flat_map(|source| {
                std::iter::once(source.passage.text.as_str())
                    .chain(source.also.iter().map(String::as_str))
            })
            .collect()
    }

    /// Those that were found first: what was known while there were only so many.
    #[must_use]
    pub fn first(&self, most: usize) -> Self {
        Self(self.0.iter().take(most).cloned().collect())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Passages with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Passage)> {
        (1..).zip(self.0.iter().map(|source| &source.passage))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_without_a_name_are_told_apart() {
        let mut sources = Sources::default();
        let page = |text| Passage::new(" ", "", text);
        assert_eq!(sources.add(&Found(vec![page("a"), page("b"), page("a")])), [1, 2, 1]);
    }
}
