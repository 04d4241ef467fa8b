//! Sentences of a line: what a report claims, one by one.
//!
//! A sentence ends behind a full stop, an exclamation or question mark and the citations that follow it, where a blank and
//! a capital, a number or a mark come next. It does not end within a quotation, behind an initial, or behind the number
//! of an item in a list.
//!
//! Source: none.

use super::quotes::quotations;
use crate::retrieve::leading;

/// The sentences of a line, with the citations behind them.
pub(super) fn sentences(line: &str) -> Vec<&str> {
    let quotations = quotations(line);
    let (mut out, mut begin) = (Vec::new(), 0);
    let mut next = 0;
    for (at, mark) in line.char_indices() {
        if at < next || !matches!(mark, '.' | '!' | '?' | '。' | '！' | '？') {
            continue;
        }
        let rest = line[at + mark.len_utf8()..]
            .trim_start_matches(['"', '”', '“', '»', ')', '*', '」', '』']);
        let behind = line.len() - rest.len();
        let mut end = behind;
        // Citations behind the mark are this sentence's.
        while let Some((_, rest)) = leading(line[end..].trim_start_matches(' ')) {
            end = line.len() - rest.len();
        }
        let wide = !mark.is_ascii();
        let starts = |c: char| c.is_uppercase() || c.is_numeric() || "\"“„«*[(".contains(c);
        let new = line[end..].trim_start().chars().next().is_none_or(|c| wide || starts(c));
        let apart = wide || line[end..].chars().next().is_none_or(char::is_whitespace);
        // "M. Night" and "e.g. this" are no ends: one letter before the mark. "It is 5. So" is one.
        let word = line[begin..at].rsplit([' ', '.']).next().unwrap_or_default();
        let mut letters = word.chars();
        let initial = letters.next().is_none_or(char::is_alphabetic) && letters.next().is_none();
        // "10. The Mira" and "2.1. The Mira": a number and nothing else before the mark.
        let item = line[..at].trim_start().chars().all(|c| c.is_numeric() || c == '.');
        let within = end == behind && mark == '.' && (initial || item);
        let quoted = quotations.iter().any(|at| at.start < end && end < at.end);
        if new && apart && !within && !quoted {
            out.push(&line[begin..end]);
            (begin, next) = (end, end);
        }
    }
    out.push(&line[begin..]);
    out.retain(|sentence| sentence.chars().any(char::is_alphanumeric));
    out
}
