//! Documents, and how they are cut into passages.
//!
//! A document is cut at blank lines; paragraphs are put together until a passage is long enough, and one that is
//! too long by itself is cut between sentences, else between words. A passage is named by its document and its
//! place in it, from 1 (`notes/rivers.md#3`), so ids stay the same while the document does. The heading
//! above a passage, in the form of Markdown, is part of its title.
//!
//! Source: none; paragraphs as units of retrieval as in Karpukhin et al. 2020 (arXiv 2004.04906), section 4.

use serde::{Deserialize, Serialize};

use super::Passage;

/// A text with a name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Document {
    /// Names it, the same every time: a path, an address, the id of a record.
    pub id: String,
    /// What it is called; may be empty.
    pub title: String,
    /// Its words.
    pub text: String,
    /// Where a reader finds it; may be empty.
    pub place: String,
}

/// How documents are cut.
///
/// ```
/// use tts_search::retrieve::{Cut, Document};
/// let text = "# Rivers\n\nThe Mira is long.\n\nThe Wend is not.".to_owned();
/// let document = Document { id: "a.md".into(), title: "a".into(), text, ..Document::default() };
/// let passages = Cut { chars: 20 }.passages(&document);
/// assert_eq!((passages[1].id.as_str(), passages[1].title.as_str()), ("a.md#2", "a: Rivers"));
/// assert_eq!(passages[1].text, "The Wend is not.");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cut {
    /// Characters of a passage, at most.
    pub chars: usize,
}

impl Default for Cut {
    /// 1,000 characters: about 200 words.
    fn default() -> Self {
        Self { chars: 1_000 }
    }
}

impl Cut {
    /// # Errors
    /// A sentence when passages would be too short to hold a sentence.
    pub fn check(self) -> Result<(), String> {
        if self.chars < 16 {
            return Err(format!(
                "chars is {}, expected at least 16 characters a passage",
                self.chars
            ));
        }
        Ok(())
    }

    /// The passages of a document, in order; none of one without words.
    pub fn passages(self, document: &Document) -> Vec<Passage> {
        let most = self.chars.max(16);
        let (mut passages, mut heading) = (Vec::new(), String::new());
        let mut text = String::new();
        let mut close = |text: &mut String, heading: &str| {
            if text.trim().is_empty() {
                text.clear();
                return;
            }
            let title = match (document.title.is_empty(), heading.is_empty()) {
                (false, false) => format!("{}: {heading}", document.title),
                (true, false) => heading.to_owned(),
                _ => document.title.clone(),
            };
            let id = format!("{}#{}", document.id, passages.len() + 1);
            let place = document.place.clone();
            let text = std::mem::take(text);
            passages.push(Passage { id, title, text, place, score: 0.0 });
        };
        let normal = document.text.replace("\r\n", "\n");
        for paragraph in normal.split("\n\n") {
            let mut lines = paragraph.trim_matches('\n');
            if let Some(named) = lines.strip_prefix('#') {
                close(&mut text, &heading);
                let (line, rest) = named.split_once('\n').unwrap_or((named, ""));
                line.trim_matches(['#', ' ']).clone_into(&mut heading);
                lines = rest;
            }
            for piece in pieces(lines.trim(), most) {
                if !text.is_empty() && text.chars().count() + 2 + piece.chars().count() > most {
                    close(&mut text, &heading);
                }
                if !text.is_empty() {
                    text.push_str("\n\n");
                }
                text.push_str(piece);
            }
        }
        close(&mut text, &heading);
        passages
    }
}

/// A paragraph in pieces of at most so many characters, between sentences or else between words.
fn pieces(mut text: &str, most: usize) -> Vec<&str> {
    let mut out = Vec::new();
    while let Some((limit, _)) = text.char_indices().nth(most) {
        let window = &text[..limit];
        let sentence = [". ", "! ", "? ", ".\n"].iter().filter_map(|end| window.rfind(end)).max();
        // A first sentence of a few letters is no piece worth having.
        let at = sentence.map(|at| at + 1).filter(|&at| at > limit / 3);
        let at =
            at.or_else(|| window.rfind(char::is_whitespace)).filter(|&at| at > 0).unwrap_or(limit);
        out.push(text[..at].trim_end());
        text = text[at..].trim_start();
    }
    if !text.is_empty() {
        out.push(text);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_and_nothing_is_too_long() {
        let words: Vec<String> =
            (0..500).map(|n| format!("w{n}{}", if n % 7 == 0 { "." } else { "" })).collect();
        let long = "é".repeat(90);
        for text in [
            words.join(" "),
            words.join("\n\n"),
            format!("{long}\n\nend"),
            "\r\n\r\n".into(),
            String::new(),
        ] {
            let document = Document { id: "d".into(), text: text.clone(), ..Document::default() };
            let passages = Cut { chars: 40 }.passages(&document);
            assert!(passages.iter().all(|passage| passage.text.chars().count() <= 40));
            let of = |text: &str| text.split_whitespace().collect::<String>();
            let all: Vec<&str> = passages.iter().map(|passage| passage.text.as_str()).collect();
            assert_eq!(of(&all.concat()), of(&text));
            let ids: Vec<String> = (1..=passages.len()).map(|n| format!("d#{n}")).collect();
            assert!(passages.iter().zip(ids).all(|(passage, id)| passage.id == id));
        }
    }
}
