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

/// Whether words of a script are written without blanks between them: Chinese and Japanese characters, Hangul.
fn is_cjk(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}'
        | '\u{20000}'..='\u{3ffff}')
        && c.is_alphanumeric()
}

/// Whether a character is of a script that puts no blanks between words: [`is_cjk`], and those of South East Asia.
pub(crate) fn is_unspaced(c: char) -> bool {
    is_cjk(c)
        || matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
}

/// Where the words of a text stand, in bytes: runs of letters and digits. Of a run of Chinese, Japanese or Korean
/// characters every two neighbours are a word, and a single one is one.
pub(super) fn spans(text: &str) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut run: Option<usize> = None;
    let mut letters = text.char_indices().peekable();
    // Whether the character before is one of a run that is told by twos.
    let mut within = false;
    while let Some((at, c)) = letters.next() {
        let cjk = is_cjk(c);
        if let Some(from) = run.filter(|_| cjk || !c.is_alphanumeric()) {
            out.push((from, at));
            run = None;
        }
        if cjk {
            let next = letters.peek().filter(|(_, next)| is_cjk(*next));
            match next {
                Some((second, next)) => out.push((at, second + next.len_utf8())),
                None if !within => out.push((at, at + c.len_utf8())),
                None => {}
            }
        } else if c.is_alphanumeric() && run.is_none() {
            run = Some(at);
        }
        within = cjk;
    }
    out.extend(run.map(|from| (from, text.len())));
    out
}

/// Words of a text, in lower case.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    spans(text).into_iter().map(|(from, until)| text[from..until].to_lowercase())
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
    // Each piece with where it begins and ends, in bytes, and how many characters stand before it.
    let mut pieces: Vec<(usize, usize, usize, Option<usize>)> = Vec::new();
    let known = |text: &str| words(text).find_map(|w| wanted.iter().position(|q| *q == w));
    let (mut begin, mut chars) = (None, 0);
    // Where the character before stands, if it is one of those that are told by twos.
    let mut before = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let alone = is_cjk(c);
        if let (true, Some((from, place))) = (alone || c.is_whitespace(), begin) {
            pieces.push((from, at, place, known(&text[from..at])));
            begin = None;
        }
        if alone {
            // A window may begin between any two of them; the word ends with this one.
            let end = at + c.len_utf8();
            pieces.push((at, end, chars, known(&text[before.unwrap_or(at)..end])));
        } else if !c.is_whitespace() && begin.is_none() {
            begin = Some((at, chars));
        }
        before = alone.then_some(at);
        chars += 1;
    }
    // Two for the ellipses at both ends, where there is room for them and a word.
    let ellipses = most > 2;
    let room = if ellipses { most - 2 } else { most };
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
    if !ellipses {
        return window;
    }
    let end = if until < text.len() || window.len() < until - from { "…" } else { "" };
    format!("{}{window}{end}", if from > 0 { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_scripts_without_blanks_are_twos() {
        let of = |text: &str| words(text).collect::<Vec<_>>();
        assert_eq!(of("The Mira-2, É!"), ["the", "mira", "2", "é"]);
        assert_eq!(of("東京都に行く"), ["東京", "京都", "都に", "に行", "行く"]);
        assert_eq!(of("米a茶、酒屋 1"), ["米", "a", "茶", "酒屋", "1"]);
        assert_eq!(of("서울은 크다"), ["서울", "울은", "크다"]);
        assert_eq!(of(""), Vec::<String>::new());
    }

    #[test]
    fn a_snippet_is_never_longer_than_it_may_be() {
        let chinese = format!("{}米拉河长三十一公里{}", "山".repeat(200), "水".repeat(200));
        let text = "The Mira is a river. It is 31 km long.";
        for text in [text, &chinese, &"x".repeat(50)] {
            for most in 0..30 {
                assert!(snippet(text, "米拉河 long", most).chars().count() <= most, "{most}");
            }
        }
        assert!(snippet(&chinese, "米拉河有多长", 20).contains("米拉河"));
    }
}
