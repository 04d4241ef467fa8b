//! Values in running text: where the last one stands, and all that belongs to it.
//!
//! A value is more than its digits: `4 2/3 cups`, `3:45 PM`, `3 out of 4`, `2 hours and 15 minutes`,
//! `May 5`, `(3, 4)`. A value that the text denies ("not 12", "12 is wrong") is skipped. Where no digits
//! are, numbers in words count.

use super::denial::refuted;
use super::glyph::fraction;
use super::moment::MONTH_NAMES;
use super::number::scan;
use super::numeral;
use super::quantity::{labelled, magnifies};
use super::unit;

/// Words that make a short text a sentence, and its last value the answer.
const SENTENCE: [&str; 58] = [
    "i",
    "we",
    "she",
    "he",
    "it",
    "they",
    "you",
    "is",
    "are",
    "was",
    "were",
    "be",
    "has",
    "have",
    "had",
    "get",
    "gets",
    "got",
    "gives",
    "gave",
    "makes",
    "made",
    "costs",
    "cost",
    "equals",
    "takes",
    "took",
    "needs",
    "leaves",
    "left",
    "there",
    "so",
    "thus",
    "hence",
    "therefore",
    "in",
    "as",
    "by",
    "for",
    "to",
    "on",
    "at",
    "of",
    "with",
    "do",
    "know",
    "cannot",
    "don't",
    "that",
    "this",
    "its",
    "it's",
    "that's",
    "sold",
    "paid",
    "then",
    "since",
    "because",
];

/// Whether a text without a mark talks about its answer, and is none.
pub(super) fn is_prose(text: &str) -> bool {
    let mut words =
        text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|w| !w.is_empty());
    words.any(|word| word != "I" && SENTENCE.contains(&word.to_lowercase().as_str()))
        || (text.contains("I ") && text.trim() != "I")
}

/// Whether a sentence says that there is no solution.
pub(super) fn nothing(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["no solution", "no real solution", "no integer solution", "no real root"]
        .iter()
        .any(|phrase| lower.contains(phrase))
}

/// The last value of `text`, with all that belongs to it.
pub(super) fn last_value(text: &str) -> Option<String> {
    last_in_digits(text).or_else(|| {
        let counts = |word: &str| numeral::is_cardinal(word) && !word.eq_ignore_ascii_case("one");
        let counted = text.split(|c: char| !c.is_alphabetic()).any(counts);
        counted.then(|| last_in_digits(&numeral::digits(text)))?
    })
}

fn last_in_digits(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let walk = Walk { chars: &chars, ratio: text.contains("ratio") };
    let mut at = 0;
    let mut found = None;
    while at < chars.len() {
        if !walk.starts_value(at) {
            at += 1;
            continue;
        }
        let Some(end) = walk.value(at) else {
            at += 1;
            continue;
        };
        let glued = at.checked_sub(1).and_then(|before| walk.here(before));
        if !glued.is_some_and(|c| c.is_alphabetic() || c == '_') {
            let from = walk.start(at);
            if !walk.is_denied(from, end) {
                found = Some(walk.bracket(from, end).unwrap_or((from, end)));
            }
        }
        at = end.max(at + 1);
    }
    let (from, to) = found?;
    Some(chars.get(from..to)?.iter().collect())
}

struct Walk<'a> {
    chars: &'a [char],
    /// Whether the text speaks of a ratio, and `3 to 2` is one.
    ratio: bool,
}

impl Walk<'_> {
    fn here(&self, at: usize) -> Option<char> {
        self.chars.get(at).copied()
    }

    fn is_digit(&self, at: usize) -> bool {
        self.here(at).is_some_and(|c| c.is_ascii_digit())
    }

    fn starts_value(&self, at: usize) -> bool {
        self.is_digit(at)
            || (self.here(at) == Some('.') && self.is_digit(at + 1))
            || self.here(at).is_some_and(|c| fraction(c).is_some())
    }

    fn spaces(&self, mut at: usize) -> usize {
        while self.here(at) == Some(' ') {
            at += 1;
        }
        at
    }

    /// The word at `at`, and where it ends.
    fn word(&self, at: usize) -> (String, usize) {
        let word: String =
            self.chars.iter().skip(at).take(14).take_while(|c| c.is_alphabetic()).collect();
        let end = at + word.chars().count();
        (word.to_lowercase(), end)
    }

    /// The word before `at`, and where it begins.
    fn word_before(&self, at: usize) -> (String, usize) {
        let mut end = at;
        while end > 0 && self.here(end - 1).is_some_and(|c| matches!(c, ' ' | '.' | ',')) {
            end -= 1;
        }
        let mut from = end;
        while from > 0
            && end - from < 14
            && self.here(from - 1).is_some_and(|c| c.is_alphabetic() || c == '\'' || c == '’')
        {
            from -= 1;
        }
        let word: String = self.chars.get(from..end).unwrap_or_default().iter().collect();
        (word.to_lowercase(), from)
    }

    /// Whether `text` stands at `at`; its end if so.
    fn after(&self, at: usize, text: &str) -> Option<usize> {
        let mut end = at;
        for c in text.chars() {
            if self.here(end)?.to_ascii_lowercase() != c {
                return None;
            }
            end += 1;
        }
        Some(end)
    }

    /// Where the value whose digits begin at `at` ends.
    fn value(&self, at: usize) -> Option<usize> {
        if let Some((_, end)) = labelled(self.chars, at) {
            return Some(end);
        }
        let mut end = self.fraction(at)?;
        let steps: [fn(&Self, usize) -> Option<usize>; 7] = [
            Self::clock,
            Self::power,
            Self::share,
            Self::imaginary,
            Self::scale,
            Self::date,
            Self::measured,
        ];
        for step in steps {
            end = step(self, end).unwrap_or(end);
        }
        Some(end)
    }

    /// A literal with its fraction: `2/3`, `4 2/3`, `4½`, `4 and a half`.
    fn fraction(&self, at: usize) -> Option<usize> {
        if self.here(at).is_some_and(|c| fraction(c).is_some()) {
            return Some(at + 1);
        }
        let plain = |at: usize| {
            let end = scan(self.chars, at, false)?.end;
            let over = (self.here(end) == Some('/') && self.is_digit(end + 1))
                .then(|| scan(self.chars, end + 1, false));
            over.flatten().map(|bottom| bottom.end)
        };
        let end = scan(self.chars, at, true)?.end;
        if self.here(end) == Some('/') && self.is_digit(end + 1) {
            return Some(scan(self.chars, end + 1, false)?.end);
        }
        let next = self.spaces(end);
        if self.here(next).is_some_and(|c| fraction(c).is_some()) {
            return Some(next + 1);
        }
        if let Some(mixed) = (next == end + 1).then(|| plain(next)).flatten() {
            return Some(mixed);
        }
        if let Some(part) = self.after(end, " and ") {
            for words in ["a half", "a third", "a quarter", "a fourth", "a fifth"] {
                if let Some(after) = self.after(part, words) {
                    return Some(after);
                }
            }
            return Some(plain(part).unwrap_or(end));
        }
        Some(end)
    }

    /// `3:45`, `3:45 p.m.`, `3 PM`, `3:2`
    fn clock(&self, mut end: usize) -> Option<usize> {
        while self.here(end) == Some(':') && self.is_digit(end + 1) {
            end = scan(self.chars, end + 1, false)?.end;
        }
        let next = self.spaces(end);
        for half in ["a.m.", "p.m.", "a.m", "p.m", "am", "pm"] {
            if let Some(after) = self.after(next, half)
                && !self.here(after).is_some_and(char::is_alphanumeric)
            {
                return Some(after);
            }
        }
        if let Some(high) = self.after(end, " to ").filter(|at| self.ratio && self.is_digit(*at)) {
            return Some(scan(self.chars, high, true)?.end);
        }
        Some(end)
    }

    /// `2^10`, `5 squared`, `1.5 x 10^3`, `2√3`, `3π`
    fn power(&self, end: usize) -> Option<usize> {
        let mut end = end;
        let next = self.spaces(end);
        if matches!(self.here(next), Some('x' | '×' | '*' | '·')) {
            let ten = self.spaces(next + 1);
            if let Some(after) = self
                .after(ten, "10")
                .filter(|at| self.here(*at).is_some_and(|c| c == '^' || "⁰¹²³⁴⁵⁶⁷⁸⁹⁻".contains(c)))
            {
                end = after;
            }
        }
        if self.here(end) == Some('√') && self.is_digit(end + 1) {
            end = scan(self.chars, end + 1, false)?.end;
        }
        if self.here(end) == Some('π') {
            end += 1;
        }
        if self.here(end) == Some('^') {
            let from = end + 1 + usize::from(self.here(end + 1) == Some('-'));
            if self.is_digit(from) {
                end = scan(self.chars, from, false)?.end;
            }
        }
        while self.here(end).is_some_and(|c| "⁰¹²³⁴⁵⁶⁷⁸⁹⁻".contains(c)) {
            end += 1;
        }
        for words in [" squared", " cubed"] {
            end = self.after(end, words).unwrap_or(end);
        }
        Some(end)
    }

    /// `3 out of 4`, `28 %`
    fn share(&self, end: usize) -> Option<usize> {
        if let Some(whole) = self.after(end, " out of ").filter(|at| self.is_digit(*at)) {
            return Some(scan(self.chars, whole, true)?.end);
        }
        let next = self.spaces(end);
        if self.here(next) == Some('%') {
            return Some(next + 1);
        }
        self.after(next, "percent")
    }

    /// `3 + 2i`
    fn imaginary(&self, end: usize) -> Option<usize> {
        let sign = self.spaces(end);
        matches!(self.here(sign), Some('+' | '-' | '−')).then_some(())?;
        let digits = self.spaces(sign + 1);
        let i = if self.is_digit(digits) { scan(self.chars, digits, false)?.end } else { digits };
        let alone = !self.here(i + 1).is_some_and(char::is_alphanumeric);
        (self.here(i) == Some('i') && alone).then_some(i + 1)
    }

    /// `5 million`
    fn scale(&self, mut end: usize) -> Option<usize> {
        loop {
            let (word, after) = self.word(self.spaces(end));
            if !magnifies(&word) || after == end {
                return Some(end);
            }
            end = after;
        }
    }

    /// `5 May 2023`, `5, 2023` after a month, `2023-05-01`
    fn date(&self, end: usize) -> Option<usize> {
        let year = |at: usize| {
            let digits = (at..at + 4).all(|at| self.is_digit(at)) && !self.is_digit(at + 4);
            digits.then_some(at + 4)
        };
        let mut digits = end;
        while digits > 0 && self.is_digit(digits - 1) {
            digits -= 1;
        }
        let mut end = end;
        for ending in ["st", "nd", "rd", "th"] {
            end = self
                .after(end, ending)
                .filter(|at| !self.here(*at).is_some_and(char::is_alphanumeric))
                .unwrap_or(end);
        }
        if is_month(&self.word_before(digits).0) {
            let next = self.after(end, ", ").unwrap_or_else(|| self.spaces(end));
            return Some(year(next).unwrap_or(end));
        }
        let (word, after) = self.word(self.spaces(end));
        if is_month(&word) {
            let next = self.after(after, ", ").unwrap_or_else(|| self.spaces(after));
            return Some(year(next).unwrap_or(after));
        }
        let mut to = end;
        while self.here(to) == Some('-') && self.is_digit(to + 1) && self.is_digit(to + 2) {
            to += 3;
        }
        (to == end + 6).then_some(to)
    }

    /// A unit, and further quantities of a smaller one: `2 hours and 15 minutes`.
    fn measured(&self, end: usize) -> Option<usize> {
        let next = self.spaces(end);
        let (unit, mut end) = unit::scan(self.chars, next, false).or_else(|| {
            // `8.2 m/s^2`: letters that are divided are a unit in prose.
            unit::scan(self.chars, next, true).filter(|(unit, _)| unit.contains('/'))
        })?;
        let mut last = unit::measure(&unit)?;
        loop {
            let joint = [", and ", " and ", ", ", " "];
            let next = joint
                .iter()
                .find_map(|joint| self.after(end, joint).filter(|at| self.is_digit(*at)));
            let more = next.and_then(|next| {
                let digits = self.fraction(next)?;
                let (unit, end) = unit::scan(self.chars, self.spaces(digits), true)?;
                let measure = unit::measure(&unit)?;
                (measure.is_alike(&last) && measure.scale < last.scale).then_some((measure, end))
            });
            let Some((measure, to)) = more else { return Some(end) };
            (last, end) = (measure, to);
        }
    }

    /// Where the value whose digits begin at `at` begins: a sign, a currency, a month, a root.
    fn start(&self, at: usize) -> usize {
        let mut from = at;
        while from > 0 && matches!(self.here(from - 1), Some('€' | '£' | '¥' | '₹' | '√')) {
            from -= 1;
        }
        if from > 0 && self.here(from - 1) == Some('$') {
            from -= 1;
            from -= usize::from(from > 0 && self.here(from - 1) == Some('\\'));
        }
        let minus = from > 0 && matches!(self.here(from - 1), Some('-' | '−'));
        let operand = from.checked_sub(2).and_then(|at| self.here(at));
        if minus && !operand.is_some_and(|c| c.is_alphanumeric() || c == ')') {
            return from - 1;
        }
        let (word, start) = self.word_before(from);
        let close = from - start <= word.chars().count() + 2;
        if close && (is_month(&word) || matches!(word.as_str(), "negative" | "minus")) {
            return start;
        }
        from
    }

    /// Whether the text says that the value is not the one.
    fn is_denied(&self, from: usize, end: usize) -> bool {
        let mut at = from;
        for _ in 0..4 {
            let (word, start) = self.word_before(at);
            if word == "not"
                || word == "never"
                || word.ends_with("n't")
                || word.ends_with("n’t")
                || word == "cannot"
            {
                return true;
            }
            if !matches!(word.as_str(), "be" | "equal" | "to" | "just" | "simply" | "a") {
                break;
            }
            at = start;
        }
        // A bound is no value: "less than 15".
        let (than, start) = self.word_before(from);
        if than == "than" {
            let (more, _) = self.word_before(start);
            if matches!(more.as_str(), "less" | "greater" | "smaller" | "larger" | "bigger") {
                return true;
            }
        }
        let after: String = self.chars.iter().skip(end).take(24).collect();
        refuted(&after).is_some()
    }

    /// The tuple or interval that the value stands in: `(3, 4)`.
    fn bracket(&self, from: usize, end: usize) -> Option<(usize, usize)> {
        let mathematical = |c: char| c.is_ascii_digit() || " ,./-−+√π∞^".contains(c);
        let mut open = from;
        while open > 0 && from - open < 60 && mathematical(self.here(open - 1)?) {
            open -= 1;
        }
        open = open.checked_sub(1).filter(|at| matches!(self.here(*at), Some('(' | '[' | '{')))?;
        let mut close = end;
        while close - end < 60 && mathematical(self.here(close)?) {
            close += 1;
        }
        matches!(self.here(close), Some(')' | ']' | '}')).then_some(())?;
        let inside = self.chars.get(open..close)?;
        let called =
            open.checked_sub(1).and_then(|at| self.here(at)).is_some_and(char::is_alphanumeric);
        (inside.contains(&',') && !called).then_some((open, close + 1))
    }
}

fn is_month(word: &str) -> bool {
    // "May" is a verb as well, but hardly beside a number.
    MONTH_NAMES.contains(&word)
}
