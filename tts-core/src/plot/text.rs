//! How wide text is, and what to do where it is too wide.
//!
//! An SVG is set by its reader in a font of its own, so widths are estimates from above: six tenths
//! of the size a character, a whole one for the wide scripts. What must fit is wrapped or ends in
//! an ellipsis.

use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{IntoFont, TextStyle};

use super::palette::INK;

/// The size of a title in pixels.
pub(super) const TITLE: u32 = 16;

/// The size of all other text in pixels.
pub(super) const TEXT: u32 = 13;

/// The style of text of a size in pixels.
pub(super) fn style(size: u32, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    // The SVG backend divides sizes by this.
    let size = f64::from(size) * 1.24;
    TextStyle::from(("sans-serif", size).into_font())
        .color(&INK)
        .pos(Pos::new(horizontal, vertical))
}

/// The width of a text in pixels, estimated from above.
pub(super) fn width(text: &str, size: u32) -> u32 {
    let tenths: u32 = text.chars().map(|c| if c < '\u{2e80}' { 6 } else { 10 }).sum();
    (tenths * size).div_ceil(10)
}

/// The text on one line without characters that XML forbids, cut to a width in pixels.
pub(super) fn fit(text: &str, size: u32, most: u32) -> String {
    let text = clean(text);
    if width(&text, size) <= most {
        return text;
    }
    let mut cut = String::new();
    for c in text.chars() {
        cut.push(c);
        if width(&cut, size) + width("…", size) > most {
            cut.pop();
            break;
        }
    }
    format!("{}…", cut.trim_end())
}

/// The text in lines no wider than `most` pixels, broken at spaces; a longer word is cut.
pub(super) fn wrap(text: &str, size: u32, most: u32) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for word in clean(text).split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line, size) + width(" ", size) + width(word, size) <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fit(word, size, most)),
        }
    }
    lines
}

/// The text with a space for each line break and control character.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{fffe}' | '\u{ffff}' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_wide_is_cut() {
        assert_eq!(width("abc", 10), 18);
        assert_eq!(fit("abc", 10, 18), "abc");
        assert_eq!(fit("abcd", 10, 18), "ab…");
        assert_eq!(fit("a cd", 10, 18), "a…");
        assert_eq!(fit("a\nb\u{0}", 10, 100), "a b ");
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three", 10, 42), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible two", 10, 42), ["incomp…", "two"]);
        assert!(wrap(" \n", 10, 42).is_empty());
    }
}
