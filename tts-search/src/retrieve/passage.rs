//! A passage that was found, and the line of a search that holds several.
//!
//! A passage has an id that stays the same as long as its document does (`notes/rivers.md#3`), so that citations
//! can be followed later. Of a long text, [`snippet`] keeps the window in which most words of the query stand.
//! [`Found`] is how passages travel through a search: a JSON list as the text of a line.
//!
//! Source: none; a format of this library.

use serde::{Deserialize, Serialize};

/// A piece of a document, as a search found it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Passage {
    /// Names it among all passages of its retriever, the same every time.
    pub id: String,
    /// What it is called; may be empty.
    pub title: String,
    /// Its words.
    pub text: String,
    /// Where a reader finds it, an address or a file; may be empty.
    pub place: String,
    /// How well it fits, on the retriever's own scale; 0 where it does not say.
    pub score: f64,
}

impl Passage {
    /// A passage without place and score.
    pub fn new(id: impl Into<String>, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into(), text: text.into(), ..Self::default() }
    }
}

/// What a search found: the text of its line.
///
/// ```
/// use tts_search::retrieve::{Found, Passage};
/// let found = Found(vec![Passage::new("a#1", "A", "words")]);
/// assert_eq!(Found::read(&found.line()), Some(found));
/// assert_eq!(Found::read("words"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Found(pub Vec<Passage>);

impl Found {
    /// As the text of a line.
    pub fn line(&self) -> String {
        // Texts and finite numbers: nothing here has no JSON. A score that is none is 0.
        serde_json::to_string(self).unwrap_or_else(|_| "[]".into())
    }

    /// The text of a line; `None` when it is not a list of passages.
    pub fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

/// Words of a text, in lower case.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase)
}

/// At most `most` characters of a text: the window in which most different words of the query stand, the first of
/// equals. What is left out is marked by an ellipsis.
///
/// ```
/// use tts_search::retrieve::snippet;
/// assert_eq!(snippet("The Mira is a river. It is 31 km long.", "how long", 20), "…It is 31 km long.");
/// assert_eq!(snippet("short", "anything", 18), "short");
/// ```
pub fn snippet(text: &str, query: &str, most: usize) -> String {
    let text = text.trim();
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let wanted: Vec<String> = words(query).collect();
    // Each word with where it begins and ends, in bytes, and how many characters stand before it.
    let mut pieces: Vec<(usize, usize, usize, Option<usize>)> = Vec::new();
    let (mut begin, mut chars) = (None, 0);
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_whitespace(), begin) {
            (false, None) => begin = Some((at, chars)),
            (true, Some((from, before))) => {
                let known =
                    words(&text[from..at]).find_map(|w| wanted.iter().position(|q| *q == w));
                pieces.push((from, at, before, known));
                begin = None;
            }
            _ => {}
        }
        chars += 1;
    }
    // Two for the ellipses at both ends.
    let room = most.saturating_sub(2).max(1);
    let (mut best, mut best_hits, mut last) = ((0, 0), None, 0);
    for first in 0..pieces.len() {
        last = last.max(first);
        let length = |last: usize| {
            let (from, until, before, _) = pieces[last];
            before + text[from..until].chars().count() - pieces[first].2
        };
        while last + 1 < pieces.len() && length(last + 1) <= room {
            last += 1;
        }
        let mut hits = vec![false; wanted.len()];
        for (.., known) in &pieces[first..=last] {
            if let Some(known) = known {
                hits[*known] = true;
            }
        }
        let hits = hits.iter().filter(|hit| **hit).count();
        if best_hits.is_none_or(|most| hits > most) {
            (best, best_hits) = ((first, last), Some(hits));
        }
        if last + 1 == pieces.len() {
            break;
        }
    }
    let Some((&(from, ..), &(_, until, ..))) = pieces.get(best.0).zip(pieces.get(best.1)) else {
        return String::new();
    };
    // One word may be longer than all that there is room for.
    let window: String = text[from..until].chars().take(room).collect();
    let end = if until < text.len() || window.len() < until - from { "…" } else { "" };
    format!("{}{window}{end}", if from > 0 { "…" } else { "" })
}
