//! Letters at places as text: words, lines and paragraphs by the gaps between them.
//!
//! Letters come in the order in which a page draws them. A gap along the line that is wider than a fifth of the letters'
//! height parts words, a step across it parts lines, and one of more than a line and a half parts paragraphs. A word that a
//! line's end has parted by a hyphen is put together where a small letter goes on. A run of
//! letters that is drawn twice, to look bold, counts once; ligatures are letters again.
//!
//! Source: none; the rules are those of most extractors, their widths are this project's.

/// What a letter stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Drawn {
    One(char),
    /// Several that are drawn as one, which is rare.
    More(Box<str>),
}

impl Drawn {
    /// About how many characters.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::More(text) => text.len().max(1),
        }
    }
}

/// A letter, or several that are drawn as one, on a page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Letter {
    pub(super) text: Drawn,
    /// Where it begins on its line.
    pub(super) at: [f64; 2],
    /// From there to where the next one would begin; the way that the line runs.
    pub(super) advance: [f64; 2],
    /// Height of the letters, in the same units.
    pub(super) size: f64,
}

/// Parts of the letters' height.
const WORD: f64 = 0.2;
const LINE: f64 = 0.5;
const PARAGRAPH: f64 = 1.75;
const TWICE: f64 = 0.1;

/// What stands between two letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    Nothing,
    Word,
    Line,
    Paragraph,
}

fn length([x, y]: [f64; 2]) -> f64 {
    x.hypot(y)
}

impl Letter {
    fn is_drawable(&self) -> bool {
        let numbers = self.at.iter().chain(&self.advance).chain([&self.size]);
        numbers.into_iter().all(|number| number.is_finite()) && self.size > 0.0
    }

    fn before(&self, next: &Self) -> Between {
        let size = self.size.max(next.size);
        let moved = [next.at[0] - self.at[0], next.at[1] - self.at[1]];
        let advance = length(self.advance);
        // Of a letter without a width the line runs to the right.
        let way = if advance > 0.0 {
            [self.advance[0] / advance, self.advance[1] / advance]
        } else {
            [1.0, 0.0]
        };
        let along = moved[0] * way[0] + moved[1] * way[1] - advance;
        let across = (moved[0] * way[1] - moved[1] * way[0]).abs();
        match () {
            () if across > PARAGRAPH * size => Between::Paragraph,
            // Backwards on the same line is another column, or another line that begins as high.
            () if across > LINE * size || along < -2.0 * size => Between::Line,
            () if along > WORD * size => Between::Word,
            () => Between::Nothing,
        }
    }
}

/// Writes a letter; what fonts draw as one is several again.
fn write(c: char, out: &mut String) {
    match c {
        '\u{fb00}' => out.push_str("ff"),
        '\u{fb01}' => out.push_str("fi"),
        '\u{fb02}' => out.push_str("fl"),
        '\u{fb03}' => out.push_str("ffi"),
        '\u{fb04}' => out.push_str("ffl"),
        '\u{fb05}' | '\u{fb06}' => out.push_str("st"),
        '\u{a0}' | '\t' | '\n' | '\r' => out.push(' '),
        c if c.is_control() => {}
        c => out.push(c),
    }
}

/// The letters of a page, run by run.
#[derive(Debug, Default)]
pub(super) struct Letters {
    all: Vec<Letter>,
    /// Where the last run begins.
    last: usize,
}

impl Letters {
    /// Adds a run of letters, unless it is the last one drawn once more.
    pub(super) fn add(&mut self, run: Vec<Letter>) {
        let again = |(a, b): (&Letter, &Letter)| {
            let moved = [b.at[0] - a.at[0], b.at[1] - a.at[1]];
            a.text == b.text && length(moved) < TWICE * a.size.max(b.size)
        };
        let before = &self.all[self.last..];
        if before.len() == run.len() && before.iter().zip(&run).all(again) {
            return;
        }
        self.last = self.all.len();
        self.all.extend(run);
    }

    /// Their text.
    pub(super) fn text(&self) -> String {
        text(&self.all)
    }
}

/// The text of a page's letters.
fn text(letters: &[Letter]) -> String {
    let mut paragraphs: Vec<Vec<String>> = vec![vec![String::new()]];
    let mut last: Option<&Letter> = None;
    for letter in letters.iter().filter(|letter| letter.is_drawable()) {
        let between = last.map_or(Between::Nothing, |last| last.before(letter));
        match between {
            Between::Paragraph => paragraphs.push(vec![String::new()]),
            Between::Line => line(&mut paragraphs).push(String::new()),
            Between::Word => here(&mut paragraphs).push(' '),
            Between::Nothing => {}
        }
        let out = here(&mut paragraphs);
        match &letter.text {
            Drawn::One(c) => write(*c, out),
            Drawn::More(text) => text.chars().for_each(|c| write(c, out)),
        }
        last = Some(letter);
    }
    let paragraphs = paragraphs.iter().map(|lines| joined(lines));
    paragraphs.filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// The lines of the last paragraph.
fn line(paragraphs: &mut Vec<Vec<String>>) -> &mut Vec<String> {
    if paragraphs.is_empty() {
        paragraphs.push(Vec::new());
    }
    let last = paragraphs.len() - 1;
    &mut paragraphs[last]
}

/// The last line.
fn here(paragraphs: &mut Vec<Vec<String>>) -> &mut String {
    let lines = line(paragraphs);
    if lines.is_empty() {
        lines.push(String::new());
    }
    let last = lines.len() - 1;
    &mut lines[last]
}

/// Lines as a paragraph: single blanks, and words whole.
fn joined(lines: &[String]) -> String {
    let mut out = String::new();
    for line in lines {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() {
            continue;
        }
        let parted = out.ends_with(['-', '\u{ad}', '\u{2010}'])
            && out.chars().nth_back(1).is_some_and(char::is_alphabetic)
            && line.starts_with(char::is_lowercase);
        if parted {
            out.pop();
        } else if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters of ten points, half as wide as high, from a place on.
    fn letters(words: &str, [x, y]: [f64; 2]) -> Vec<Letter> {
        let letter = |(place, c): (usize, char)| Letter {
            text: Drawn::One(c),
            at: [x + 5.0 * place as f64, y],
            advance: [5.0, 0.0],
            size: 10.0,
        };
        words.chars().enumerate().map(letter).collect()
    }

    fn page(parts: &[(&str, [f64; 2])]) -> String {
        let all: Vec<Letter> = parts.iter().flat_map(|(words, at)| letters(words, *at)).collect();
        text(&all)
    }

    #[test]
    fn gaps_part_words_lines_and_paragraphs() {
        for (parts, expected) in [
            (&[("one two", [0.0, 0.0])][..], "one two"),
            // A gap in place of a blank, and one that is kerning.
            (&[("one", [0.0, 0.0]), ("two", [18.0, 0.0])], "one two"),
            (&[("on", [0.0, 0.0]), ("e", [11.0, 0.0])], "one"),
            (&[("one", [0.0, 0.0]), ("two", [0.0, -12.0])], "one\ntwo"),
            (&[("one", [0.0, 0.0]), ("two", [0.0, 12.0])], "one\ntwo"),
            (&[("one", [0.0, 0.0]), ("two", [0.0, -24.0])], "one\n\ntwo"),
            // A number that stands higher, and a column that begins as high.
            (&[("x", [0.0, 0.0]), ("2", [5.0, 4.0])], "x2"),
            (&[("end", [200.0, 0.0]), ("begin", [0.0, 0.0])], "end\nbegin"),
            (
                &[("exam-", [0.0, 0.0]), ("ple one-", [0.0, -12.0]), ("Two", [0.0, -24.0])],
                "example one-\nTwo",
            ),
            (&[("  a   b ", [0.0, 0.0]), ("   ", [0.0, -12.0])], "a b"),
            (&[], ""),
        ] {
            assert_eq!(page(parts), expected);
        }
    }

    #[test]
    fn lines_may_run_any_way() {
        let down = |(place, c): (usize, char)| Letter {
            text: Drawn::One(c),
            at: [0.0, -5.0 * place as f64 - if place > 2 { 4.0 } else { 0.0 }],
            advance: [0.0, -5.0],
            size: 10.0,
        };
        assert_eq!(text(&"onetwo".chars().enumerate().map(down).collect::<Vec<_>>()), "one two");
    }

    #[test]
    fn letters_drawn_twice_or_as_one_are_what_they_are() {
        let mut bold = Letters::default();
        for moved in [0.0, 0.3, 50.0] {
            bold.add(letters("ab", [moved, 0.0]));
        }
        bold.add(letters("a", [60.0, 0.0]));
        assert_eq!(bold.text(), "ab aba");
        assert_eq!(text(&letters("aab", [0.0, 0.0])), "aab");
        let odd = |text: &str| {
            let text = Drawn::More(text.into());
            Letter { text, ..letters("x", [0.0, 0.0])[0].clone() }
        };
        assert_eq!(text(&[odd("e\u{fb03}c\u{0}\u{a0}t")]), "effic t");
        let nowhere = Letter { at: [f64::NAN, 0.0], ..odd("x") };
        let flat = Letter { size: 0.0, ..odd("y") };
        assert_eq!(text(&[nowhere, flat]), "");
        let still = Letter { advance: [0.0, 0.0], ..odd("a") };
        let next = Letter { at: [9.0, 0.0], ..still.clone() };
        assert_eq!(text(&[still.clone(), Letter { text: Drawn::One('b'), ..next }]), "a b");
    }
}
