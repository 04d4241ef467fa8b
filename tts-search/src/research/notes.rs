//! What a research knows so far: questions, answers, and pages that are shown as they were found.
//!
//! What is noted is safe to quote, stands on one line and cites only what its writer was shown. What a template is given of it
//! is bounded: the longest are cut first, to one length.
//!
//! Source: none.

use minijinja::{Value, context};

use super::cite;
use super::sources::Sources;
use crate::retrieve::{Found, Passage, fenced, harmless};

/// What was found for one question, numbered and ready to be shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown(Vec<(u32, Passage)>);

impl Shown {
    /// As a template has it, each text in at most so many characters.
    pub(super) fn value(&self, most: usize) -> Value {
        let source = |(number, passage): &(u32, Passage)| {
            let title = fenced(&on_one_line(&passage.title));
            context! { number, title, text => fenced(&cut(&passage.text, most)) }
        };
        self.0.iter().map(source).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Characters of its texts.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().map(|(_, passage)| passage.text.chars().count())
    }

    fn has(&self, number: u32) -> bool {
        self.0.iter().any(|(shown, _)| *shown == number)
    }
}

/// A question and what came of it.
#[derive(Debug, Clone)]
struct Exchange {
    question: String,
    answer: String,
    /// Whether its search failed, so that it can be asked again.
    failed: bool,
}

/// Questions, answers and sources.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    pub(super) sources: Sources,
    exchanges: Vec<Exchange>,
    /// What is shown as it was found.
    quotes: Shown,
    asked: Vec<String>,
    /// Turns in a row without news.
    idle: usize,
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

/// A text in at most so many characters; an ellipsis says that it was cut.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) if most == 0 => String::new(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

/// The length that texts of these lengths are cut to so that together they have at most `most`: an even share for all
/// that are longer than it.
pub(super) fn even_limit(lengths: impl IntoIterator<Item = usize>, most: usize) -> usize {
    let mut lengths: Vec<usize> = lengths.into_iter().collect();
    lengths.sort_unstable();
    let mut left = most;
    for (place, &length) in lengths.iter().enumerate() {
        let share = left / (lengths.len() - place);
        if length > share {
            return share;
        }
        left -= length;
    }
    usize::MAX
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

    /// Turns in a row without news, after one that had some or not.
    pub(super) fn idle(&mut self, news: bool) -> usize {
        self.idle = if news { 0 } else { self.idle + 1 };
        self.idle
    }

    /// Takes in what a search found.
    pub(super) fn found(&mut self, found: Found) -> Shown {
        let numbers = self.sources.add(&found);
        Shown(numbers.into_iter().zip(found.0).collect())
    }

    fn exchange(&mut self, question: &str, answer: String, failed: bool) {
        // One that failed before has come to something now.
        let same = plain(question);
        self.exchanges.retain(|known| !(known.failed && plain(&known.question) == same));
        let question = cite::refused(&on_one_line(question), &self.sources);
        self.exchanges.push(Exchange { question, answer, failed });
    }

    /// Notes an answer: what it cites and was not shown goes no further.
    pub(super) fn learn(&mut self, question: &str, answer: &str, shown: &Shown) {
        let answer = cite::only(&on_one_line(answer), |number| shown.has(number));
        self.exchange(question, answer, false);
    }

    /// Notes what became of a question that has no answer.
    pub(super) fn note(&mut self, question: &str, what: &str) {
        self.exchange(question, what.to_owned(), false);
    }

    /// Notes that a search failed: the question counts as not asked.
    pub(super) fn fail(&mut self, question: &str) {
        let plain = plain(question);
        self.asked.retain(|asked| *asked != plain);
        self.exchange(question, "The search failed.".to_owned(), true);
    }

    /// Takes in what a search found, to be shown as it stands in place of an answer.
    pub(super) fn quote(&mut self, question: &str, found: Found) -> Shown {
        let shown = self.found(found);
        let numbers: Vec<String> =
            shown.0.iter().map(|(number, _)| format!("[{number}]")).collect();
        let answer =
            if numbers.is_empty() { "Nothing was found.".into() } else { numbers.join(" ") };
        self.exchange(question, answer, false);
        for (number, passage) in &shown.0 {
            let known =
                |(same, other): &(u32, Passage)| same == number && other.text == passage.text;
            if !self.quotes.0.iter().any(known) {
                self.quotes.0.push((*number, passage.clone()));
            }
        }
        shown
    }

    /// Questions and answers as a template has them, in at most so many characters: the longest are cut first.
    pub(super) fn known(&self, most: usize) -> Value {
        let length =
            |known: &Exchange| known.question.chars().count() + known.answer.chars().count();
        let limit = even_limit(self.exchanges.iter().map(length), most);
        let exchange = |known: &Exchange| {
            let question = cut(&known.question, limit);
            let room = limit.saturating_sub(question.chars().count());
            context! { question, answer => cut(&known.answer, room) }
        };
        self.exchanges.iter().map(exchange).collect()
    }

    /// What is shown as it was found, likewise.
    pub(super) fn quotes(&self, most: usize) -> Value {
        self.quotes.value(even_limit(self.quotes.lengths(), most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_are_cut_first() {
        let mut notes = Notes::default();
        notes.note("q", "short");
        notes.note("q", &"x".repeat(100));
        let text = notes.known(40).to_string();
        assert!(text.contains("short") && text.contains(&format!("{}…", "x".repeat(32))), "{text}");
        assert!(!text.contains(&"x".repeat(33)));
        assert!(notes.known(usize::MAX).to_string().contains(&"x".repeat(100)));
    }

    #[test]
    fn what_is_known_is_bounded_whatever_it_is() {
        let mut notes = Notes::default();
        for n in 0..20 {
            notes.note(&format!("{n} {}", "why ".repeat(1_000)), &"x".repeat(n * 100));
        }
        for most in [100, 1_000, 24_000] {
            let mut chars = 0;
            for known in notes.known(most).try_iter().expect("a list") {
                for part in ["question", "answer"] {
                    let text = known.get_attr(part).expect("is there").to_string();
                    chars += text.chars().count();
                }
            }
            assert!(chars <= most && chars + 40 > most, "{chars} of {most}");
        }
    }

    #[test]
    fn a_search_that_failed_can_be_made_again() {
        let mut notes = Notes::default();
        assert!(!notes.repeats("How long?"));
        notes.fail("How long?");
        assert!(!notes.repeats("how long"));
        notes.note("how long", "31 km");
        assert!(notes.repeats("How long?"));
        let known = notes.known(1_000).to_string();
        assert!(known.contains("31 km") && !known.contains("failed"), "{known}");
    }

    #[test]
    fn the_same_question_in_another_dress_is_a_repeat() {
        let mut notes = Notes::default();
        assert!(!notes.repeats("How long is the Mira?"));
        assert!(notes.repeats(" how long is the  Mira"));
        assert!(!notes.repeats("How long is the Wend?"));
    }
}
