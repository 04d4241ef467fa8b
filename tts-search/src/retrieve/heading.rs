//! The headings that a passage stands under.
//!
//! In Markdown a line of one to six `#`, a blank and words is a heading of that level, except in a block of code; one at
//! the beginning of a text line that is none is written `\#`. A heading holds until the next of its level or above. One
//! that closes before any text stood below it is text itself, so that nothing of a document is lost.
//!
//! Source: the `CommonMark` specification 0.31, sections 4.2 (ATX headings) and 4.5 (fenced code blocks).

/// Level and words of a line that is a heading.
pub(super) fn heading(line: &str) -> Option<(usize, &str)> {
    let words = line.trim_start_matches('#');
    let level = line.len() - words.len();
    let words = words.strip_prefix([' ', '\t']).filter(|_| (1..=6).contains(&level))?;
    let words = words.trim().trim_end_matches('#').trim_end();
    words.chars().any(char::is_alphanumeric).then_some((level, words))
}

/// Whether a line begins or ends a block of code.
pub(super) fn fences(line: &str) -> bool {
    ["```", "~~~"].iter().any(|mark| line.trim_start().starts_with(mark))
}

/// A line as it is read: a `#` that is no heading's stands without its stroke.
pub(super) fn unescaped(line: &str) -> &str {
    line.strip_prefix('\\').filter(|rest| rest.starts_with('#')).unwrap_or(line)
}

/// A heading that is open.
#[derive(Debug)]
struct Open {
    level: usize,
    words: String,
    /// Whether some passage stood below it.
    used: bool,
}

/// The headings that are open, from the outermost to the innermost.
#[derive(Debug, Default)]
pub(super) struct Outline(Vec<Open>);

impl Outline {
    /// What they say, for a title.
    pub(super) fn path(&self) -> String {
        self.0.iter().map(|open| open.words.as_str()).collect::<Vec<_>>().join(" > ")
    }

    /// A passage stands below them.
    pub(super) fn used(&mut self) {
        self.0.iter_mut().for_each(|open| open.used = true);
    }

    /// Closes one that reaches down to this level; its words when nothing stood below it.
    pub(super) fn close(&mut self, level: usize) -> Option<Closed> {
        let open = self.0.pop_if(|open| open.level >= level)?;
        Some(Closed(Some(open.words).filter(|_| !open.used)))
    }

    /// Opens one, once those of its level and below are closed.
    pub(super) fn open(&mut self, level: usize, words: &str) {
        self.0.push(Open { level, words: words.to_owned(), used: false });
    }
}

/// A heading that was closed: its words, when they stood above nothing.
#[derive(Debug)]
pub(super) struct Closed(pub(super) Option<String>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_marks_a_blank_and_words() {
        assert_eq!(heading("## Length ##"), Some((2, "Length")));
        assert_eq!(heading("#\tC#  x"), Some((1, "C#  x")));
        for line in ["#ai is great", "#include <a>", "####### seven", "# ", "#", "a # b", " # in"] {
            assert_eq!(heading(line), None, "{line}");
        }
        assert_eq!((unescaped("\\# a"), unescaped("\\a")), ("# a", "\\a"));
    }
}
