//! Documents, and how they are cut into passages.
//!
//! A document is cut at blank lines; paragraphs are put together until a passage is long enough, and one that is
//! too long by itself is cut between sentences, else between words. A passage is named by its document and its
//! place in it, from 1 (`notes/rivers.md#3`), so ids stay the same while the document does. The headings
//! above a passage, from the outermost to the innermost, are part of its title, where the document says that it has some.
//!
//! Source: none; paragraphs as units of retrieval as in Karpukhin et al. 2020 (arXiv 2004.04906), section 4.

use serde::{Deserialize, Serialize};

use super::Passage;
use super::heading::{Outline, fences, heading, unescaped};

/// Characters of a heading, at most: a longer line is text, for every title below would have it.
const HEADING: usize = 200;

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
    /// Whether lines of `#`, a blank and words are headings, as in Markdown.
    pub headings: bool,
}

/// How documents are cut.
///
/// ```
/// use tts_search::retrieve::{Cut, Document};
/// let text = "# Rivers\n\n## North\n\nThe Mira is long.\n\nThe Wend is not.".to_owned();
/// let (id, title, headings) = ("a.md".into(), "a".into(), true);
/// let document = Document { id, title, text, headings, ..Document::default() };
/// let passages = Cut { chars: 20 }.passages(&document);
/// assert_eq!((passages[1].id.as_str(), passages[1].title.as_str()), ("a.md#2", "a: Rivers > North"));
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
        self.passages_within(document, usize::MAX)
    }

    /// The first passages of a document, as many as take so many bytes, see [`bytes`].
    pub(super) fn passages_within(self, document: &Document, room: usize) -> Vec<Passage> {
        let mut cutter = Cutter {
            document,
            most: self.chars.max(16),
            outline: Outline::default(),
            text: String::new(),
            length: 0,
            room: Some(room),
            passages: Vec::new(),
        };
        let normal = document.text.replace("\r\n", "\n");
        let (mut paragraph, mut code) = (String::new(), false);
        for line in normal.split('\n') {
            code ^= document.headings && fences(line);
            let named = heading(line).filter(|(_, words)| {
                let most = cutter.most.min(HEADING);
                document.headings && !code && words.chars().count() <= most
            });
            if cutter.room.is_none() {
                break;
            }
            if named.is_some() || line.is_empty() {
                cutter.paragraph(&std::mem::take(&mut paragraph));
            }
            if let Some((level, words)) = named {
                cutter.close(level);
                cutter.outline.open(level, words);
            } else if !line.is_empty() {
                paragraph.push_str(if document.headings { unescaped(line) } else { line });
                paragraph.push('\n');
            }
        }
        cutter.paragraph(&paragraph);
        cutter.close(0);
        cutter.passages
    }
}

/// A document that is being cut.
struct Cutter<'d> {
    document: &'d Document,
    most: usize,
    outline: Outline,
    /// What the next passage has so far.
    text: String,
    /// Characters of it.
    length: usize,
    /// Bytes that passages may still take; none once one did not fit.
    room: Option<usize>,
    passages: Vec<Passage>,
}

/// Bytes that a passage takes in memory.
pub(super) fn bytes(passage: &Passage) -> usize {
    let Passage { id, title, text, place, .. } = passage;
    size_of::<Passage>() + id.len() + title.len() + text.len() + place.len()
}

impl Cutter<'_> {
    fn paragraph(&mut self, lines: &str) {
        for piece in pieces(lines.trim(), self.most) {
            let length = piece.chars().count();
            if !self.text.is_empty() && self.length + 2 + length > self.most {
                self.end();
            }
            if !self.text.is_empty() {
                self.text.push_str("\n\n");
                self.length += 2;
            }
            self.text.push_str(piece);
            self.length += length;
        }
    }

    /// Ends the passage, and closes headings down to this level.
    fn close(&mut self, level: usize) {
        self.end();
        while let Some(closed) = self.outline.close(level) {
            self.text = closed.0.unwrap_or_default();
            self.end();
        }
    }

    fn end(&mut self) {
        let text = std::mem::take(&mut self.text);
        self.length = 0;
        if text.trim().is_empty() {
            return;
        }
        let Document { id, title, place, .. } = self.document;
        let path = self.outline.path();
        let title = match (title.is_empty(), path.is_empty()) {
            (false, false) => format!("{title}: {path}"),
            (true, false) => path,
            _ => title.clone(),
        };
        let id = format!("{id}#{}", self.passages.len() + 1);
        self.outline.used();
        let passage = Passage { id, title, text, place: place.clone(), score: 0.0 };
        self.room = self.room.and_then(|room| room.checked_sub(bytes(&passage)));
        if self.room.is_some() {
            self.passages.push(passage);
        }
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

    #[test]
    fn no_heading_is_lost() {
        let of = |text: &str, headings: bool| -> Vec<(String, String)> {
            let document = Document { text: text.into(), headings, ..Document::default() };
            let passages = Cut { chars: 40 }.passages(&document);
            passages.into_iter().map(|passage| (passage.title, passage.text)).collect()
        };
        let pair = |title: &str, text: &str| (title.to_owned(), text.to_owned());
        let text =
            "# Mira river\n\n## Length\n\nIt is 31 km long.\n## Mouth\nIt ends.\n# Wend\nNo.";
        assert_eq!(
            of(text, true),
            [
                pair("Mira river > Length", "It is 31 km long."),
                pair("Mira river > Mouth", "It ends."),
                pair("Wend", "No."),
            ]
        );
        // What stands above nothing is text.
        assert_eq!(of("# A\n\n# B\n\n## C", true), [pair("", "A"), pair("B", "C")]);
        assert_eq!(of("#ai is great", true), [pair("", "#ai is great")]);
        assert_eq!(of("# no heading\nhere", false), [pair("", "# no heading\nhere")]);
        assert_eq!(of("```\n# code\n```\n\\# text", true), [pair("", "```\n# code\n```\n# text")]);
        let long = format!("# {}", "word ".repeat(20));
        assert!(of(&long, true).iter().map(|(_, text)| text.len()).sum::<usize>() > 90);
    }

    #[test]
    fn titles_are_short_and_passages_end_where_there_is_no_room() {
        let long = "x".repeat(1_000);
        let headings = |words: &str| -> String {
            let lines = (1..=5).map(|level| ["#".repeat(level).as_str(), " ", words].concat());
            lines.collect::<Vec<_>>().join("\n\n") + "\n\n"
        };
        let many = "###### z\n\na\n\n".repeat(5_000);
        let text = headings(&long) + &headings(&"y".repeat(HEADING)) + &many;
        let document = Document { text, headings: true, ..Document::default() };
        let all = Cut::default().passages(&document);
        assert!(all.len() > 5_000, "{}", all.len());
        assert!(all.iter().all(|passage| passage.title.len() <= 6 * (HEADING + 3)));
        // What is too long for a heading is text.
        assert!(all.iter().filter(|passage| passage.text.contains(&long)).count() >= 5);
        let room = 100_000;
        let some = Cut::default().passages_within(&document, room);
        assert_eq!(some[..], all[..some.len()]);
        let taken: usize = some.iter().map(bytes).sum();
        assert!(taken <= room && taken + bytes(&all[some.len()]) > room, "{taken}");
        assert!(Cut::default().passages_within(&document, 10).is_empty());
    }
}
