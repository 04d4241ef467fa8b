//! What a research knows so far: questions, answers, and the sources by their numbers.
//!
//! A passage gets a number when it is first found, counted from 1, and keeps it: that is how it is cited, in prompts
//! and in the report. Numbers follow from the order of searches in the tree alone, so [`Sources::of`] finds the same
//! ones in a finished outcome, or a record, as the strategy did while it ran.
//!
//! Source: none; citations by number as in Menick et al. 2022 (arXiv 2203.11147) and most systems since.

use minijinja::{Value, context};
use tts_core::{NodeKind, Tree};

use crate::retrieve::{Found, Passage, fenced, harmless, without_citations};

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
            let known = self.0.iter().position(|known| known.passage.id == passage.id);
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

/// What was found for one question, numbered and ready to be shown.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    sources: Vec<(u32, Passage)>,
}

impl Shown {
    /// As a template has it.
    pub(super) fn value(&self) -> Value {
        let source = |(number, passage): &(u32, Passage)| {
            let title = harmless(&passage.title).replace(['\n', '[', ']'], " ");
            context! { number, title => title.trim(), text => fenced(&passage.text) }
        };
        self.sources.iter().map(source).collect()
    }
}

/// Questions, answers and sources.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    pub(super) sources: Sources,
    exchanges: Vec<(String, String)>,
    asked: Vec<String>,
}

/// A text that cannot begin a line of its own, and so no exchange that never was.
fn on_one_line(text: &str) -> String {
    harmless(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A question without what does not change it.
fn plain(question: &str) -> String {
    let words = question.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

impl Notes {
    /// Whether a question was asked before, but for capitals and punctuation; it counts as asked now.
    pub(super) fn repeats(&mut self, question: &str) -> bool {
        let plain = plain(question);
        let again = self.asked.contains(&plain);
        if !again {
            self.asked.push(plain);
        }
        again
    }

    /// Takes in what a search found.
    pub(super) fn found(&mut self, found: Found) -> Shown {
        let numbers = self.sources.add(&found);
        Shown { sources: numbers.into_iter().zip(found.0).collect() }
    }

    /// Notes an answer.
    pub(super) fn learn(&mut self, question: &str, answer: &str) {
        self.exchanges.push((on_one_line(question), on_one_line(answer)));
    }

    /// Takes in what a search found as it stands, in place of an answer.
    pub(super) fn quote(&mut self, question: &str, found: &Found) -> Shown {
        let shown = self.found(found.clone());
        let quoted = |(number, passage): &(u32, Passage)| {
            format!("{} [{number}]", without_citations(&on_one_line(&passage.text)))
        };
        let quotes: Vec<String> = shown.sources.iter().map(quoted).collect();
        let answer = if quotes.is_empty() { "Nothing was found.".into() } else { quotes.join(" ") };
        self.exchanges.push((on_one_line(question), answer));
        shown
    }

    /// As a template has them, in at most so many characters: the longest answers are cut first.
    pub(super) fn known(&self, most: usize) -> Value {
        let mut lengths: Vec<usize> =
            self.exchanges.iter().map(|(q, a)| q.chars().count() + a.chars().count()).collect();
        lengths.sort_unstable();
        // The limit that shares what is left evenly among all that are longer than it.
        let (mut left, mut limit) = (most, usize::MAX);
        for (place, &length) in lengths.iter().enumerate() {
            let share = left / (lengths.len() - place);
            if length > share {
                limit = share;
                break;
            }
            left -= length;
        }
        let exchange = |(question, answer): &(String, String)| {
            let room = limit.saturating_sub(question.chars().count());
            let cut: String = answer.chars().take(room).collect();
            let answer = if cut.len() < answer.len() { format!("{cut}…") } else { cut };
            context! { question, answer }
        };
        self.exchanges.iter().map(exchange).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_answers_are_cut_first() {
        let mut notes = Notes::default();
        notes.learn("q", "short");
        notes.learn("q", &"x".repeat(100));
        let text = notes.known(40).to_string();
        assert!(text.contains("short") && text.contains(&format!("{}…", "x".repeat(33))), "{text}");
        assert!(!text.contains(&"x".repeat(34)));
        assert!(notes.known(usize::MAX).to_string().contains(&"x".repeat(100)));
    }

    #[test]
    fn the_same_question_in_another_dress_is_a_repeat() {
        let mut notes = Notes::default();
        assert!(!notes.repeats("How long is the Mira?"));
        assert!(notes.repeats(" how long is the  Mira"));
        assert!(!notes.repeats("How long is the Wend?"));
    }
}
