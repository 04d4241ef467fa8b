//! What a citation is: numbers in brackets, for whoever reads reports and for whoever fences pages.
//!
//! Brackets, square or of the wide kinds, that hold digits and what stands between numbers (blanks, commas, dashes,
//! signs), and nothing else, are a citation, whether or not it can be resolved: `[1]`, `[2; 5]`, `[3–5]`, `[+7]`,
//! `[1-99]`, `【9】`. There is one such rule, so a page can hold nothing that a report would be read to cite: the fence
//! puts into round brackets what this finds, and a check refuses what this finds and no source has.
//!
//! Source: none; numbers in brackets as in Menick et al. 2022 (arXiv 2203.11147) and most systems since.

use super::fence::is_hidden;

/// A piece of a text: words, or a citation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    /// What stands between citations.
    Words(&'t str),
    /// What stands inside of the brackets of one.
    Cites(&'t str),
}

/// One thing that a citation names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cite {
    /// A number.
    Number(u32),
    /// What is digits and no number that a source may have: too large, or a range that goes nowhere.
    Unread(String),
}

/// A range of more than that is a slip.
const WIDEST: u32 = 20;

/// Whether a character ends one number and begins the next; a line is never gone beyond.
fn separates(c: char) -> bool {
    (c.is_whitespace() && c != '\n') || ",;，；、،+&#^".contains(c) || is_hidden(c) && c != '\n'
}

/// Whether a character stands between the ends of a range.
fn spans(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '~' | '～' | '－')
}

/// The bracket that closes this one.
fn closing(open: char) -> Option<char> {
    match open {
        '[' => Some(']'),
        '［' => Some('］'),
        '【' => Some('】'),
        '〔' => Some('〕'),
        '⁅' => Some('⁆'),
        '⟦' => Some('⟧'),
        _ => None,
    }
}

/// What stands inside of the brackets that a text begins with, when that is a citation, and what follows it.
pub(crate) fn leading(text: &str) -> Option<(&str, &str)> {
    let close = text.chars().next().and_then(closing)?;
    let open = text.chars().next().map_or(0, char::len_utf8);
    let inside = &text[open..];
    let end = inside.find(|c: char| !(c.is_numeric() || separates(c) || spans(c)))?;
    let (inside, rest) = inside.split_at(end);
    let rest = rest.strip_prefix(close)?;
    inside.contains(char::is_numeric).then_some((inside, rest))
}

/// Words and citations of a text, in order.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut out, mut begin, mut from) = (Vec::new(), 0, 0);
    while let Some(open) = text[from..].find(|c| closing(c).is_some()).map(|at| from + at) {
        if let Some((inside, rest)) = leading(&text[open..]) {
            if begin < open {
                out.push(Piece::Words(&text[begin..open]));
            }
            out.push(Piece::Cites(inside));
            (begin, from) = (text.len() - rest.len(), text.len() - rest.len());
        } else {
            from = open + text[open..].chars().next().map_or(1, char::len_utf8);
        }
    }
    if begin < text.len() {
        out.push(Piece::Words(&text[begin..]));
    }
    out
}

/// A number of plain or wide digits.
fn number(text: &str) -> Option<u32> {
    let digit = |c: char| match c {
        '０'..='９' => Some(c as u32 - '０' as u32),
        c => c.to_digit(10),
    };
    if text.is_empty() {
        return None;
    }
    text.chars().try_fold(0_u32, |sum, c| sum.checked_mul(10)?.checked_add(digit(c)?))
}

/// What one part between separators names.
fn resolved(part: &str) -> Vec<Cite> {
    let unread = || vec![Cite::Unread(part.to_owned())];
    let ends: Vec<&str> = part.split(spans).collect();
    match ends[..] {
        [one] => number(one).map_or_else(unread, |number| vec![Cite::Number(number)]),
        [from, to] => match (number(from), number(to)) {
            (Some(from), Some(to)) if from <= to && to - from <= WIDEST => {
                (from..=to).map(Cite::Number).collect()
            }
            _ => unread(),
        },
        _ => unread(),
    }
}

/// What a citation names, in order; `inside` is what stands in its brackets.
pub(crate) fn cites(inside: &str) -> Vec<Cite> {
    // Blanks around a dash belong to the range.
    let mut joined = String::with_capacity(inside.len());
    let mut gap = false;
    for c in inside.chars() {
        if separates(c) {
            gap = true;
            continue;
        }
        if gap && !joined.is_empty() && !spans(c) && !joined.ends_with(spans) {
            joined.push(',');
        }
        gap = false;
        joined.push(c);
    }
    joined.split(',').filter(|part| !part.is_empty()).flat_map(resolved).collect()
}

/// A text whose citations stand in round brackets: they are given by prompts, not by pages.
pub(crate) fn without_citations(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Words(words) => out.push_str(words),
            Piece::Cites(inside) => out.extend(["(", inside, ")"]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<Cite> {
        let cites = |piece| match piece {
            Piece::Cites(inside) => cites(inside),
            Piece::Words(_) => Vec::new(),
        };
        pieces(text).into_iter().flat_map(cites).collect()
    }

    #[test]
    fn digits_in_brackets_are_citations_whatever_stands_between() {
        let numbers = |numbers: &[u32]| numbers.iter().copied().map(Cite::Number).collect();
        let unread = |text: &str| vec![Cite::Unread(text.into())];
        let cases: [(&str, Vec<Cite>); 14] = [
            ("[1]", numbers(&[1])),
            ("[2;5], [ 7 8 ]", numbers(&[2, 5, 7, 8])),
            ("[+2][\u{a0}3][\t4]", numbers(&[2, 3, 4])),
            ("[3 – 5]", numbers(&[3, 4, 5])),
            ("[1—3]", numbers(&[1, 2, 3])),
            ("【9】［１２］", numbers(&[9, 12])),
            ("[\u{200b}99]", numbers(&[99])),
            ("[99999999999]", unread("99999999999")),
            ("[1-99]", unread("1-99")),
            ("[5-3]", unread("5-3")),
            ("[-3]", unread("-3")),
            ("[1-2-3]", unread("1-2-3")),
            ("[²]", unread("²")),
            ("a[i], [sic], [], [ ], [-], [1, [4\n5], [1】", Vec::new()),
        ];
        for (text, expected) in cases {
            assert_eq!(named(text), expected, "{text}");
            assert_eq!(named(&without_citations(text)), [], "{text}");
        }
        assert_eq!(without_citations("[1], [2, 3] [[4]]"), "(1), (2, 3) [(4)]");
    }
}
