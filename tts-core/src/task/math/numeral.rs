//! Numbers in words, rewritten in digits: `negative twenty-one` is `-21`, `two and a half` is
//! `2 and 1/2`, `5 squared` is `5^2`, `three out of four` is `3/4`.
//!
//! Only words change, and only where they spell a number; what is no number word stays as it is.

use std::borrow::Cow;

use super::quantity::scale;

/// The value of one word of a cardinal, and whether it multiplies what stands before it.
fn value(word: &str) -> Option<(u64, bool)> {
    Some(match word {
        "zero" => (0, false),
        "one" => (1, false),
        "two" => (2, false),
        "three" => (3, false),
        "four" => (4, false),
        "five" => (5, false),
        "six" => (6, false),
        "seven" => (7, false),
        "eight" => (8, false),
        "nine" => (9, false),
        "ten" => (10, false),
        "eleven" => (11, false),
        "twelve" => (12, false),
        "thirteen" => (13, false),
        "fourteen" => (14, false),
        "fifteen" => (15, false),
        "sixteen" => (16, false),
        "seventeen" => (17, false),
        "eighteen" => (18, false),
        "nineteen" => (19, false),
        "twenty" => (20, false),
        "thirty" => (30, false),
        "forty" => (40, false),
        "fifty" => (50, false),
        "sixty" => (60, false),
        "seventy" => (70, false),
        "eighty" => (80, false),
        "ninety" => (90, false),
        "hundred" => (100, true),
        "thousand" => (1000, true),
        "million" => (1_000_000, true),
        "billion" => (1_000_000_000, true),
        _ => return None,
    })
}

/// Whether a word alone spells a number.
pub(super) fn is_cardinal(word: &str) -> bool {
    value(&word.to_ascii_lowercase()).is_some_and(|(_, multiplies)| !multiplies)
}

/// The number that a word is.
pub(super) fn cardinal(word: &str) -> Option<u64> {
    value(&word.to_ascii_lowercase()).filter(|(_, multiplies)| !multiplies).map(|(n, _)| n)
}

/// A word and where it stands, and what stands between it and the next.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    from: usize,
    to: usize,
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(from) = text.get(at..).and_then(|rest| rest.find(|c: char| c.is_alphabetic())) {
        let from = at + from;
        let rest = text.get(from..).unwrap_or_default();
        let to = from + rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        at = to;
        if !text.get(..from).is_some_and(|head| head.ends_with('\\')) {
            out.push(Word { text: text.get(from..to).unwrap_or_default(), from, to });
        }
    }
    out
}

/// The cardinal at the head of `words`, and how many of them it takes; `group` stands before them,
/// as the article does in "a hundred".
fn read(text: &str, words: &[Word], group: u64) -> Option<(u64, usize)> {
    let (mut total, mut group) = (0_u64, group);
    let mut taken = 0;
    let mut last = 0;
    for (index, word) in words.iter().enumerate() {
        let joined = index == 0 || {
            let before = words.get(index - 1)?.to;
            matches!(text.get(before..word.from), Some(" " | "-"))
        };
        if !joined {
            break;
        }
        let lower = word.text.to_ascii_lowercase();
        // `one hundred and five`
        if lower == "and" && last >= 100 && taken == index {
            continue;
        }
        let Some((n, multiplies)) = value(&lower) else { break };
        if multiplies {
            if group == 0 {
                break;
            }
            if n == 100 {
                group = group.checked_mul(100)?;
            } else {
                total = total.checked_add(group.checked_mul(n)?)?;
                group = 0;
            }
        } else {
            // `twenty one` is one number, `two three` are two.
            let fits = index == 0 || last >= 100 || (last >= 20 && n < 10 && n > 0);
            if !fits {
                break;
            }
            group = group.checked_add(n)?;
        }
        last = n;
        taken = index + 1;
    }
    (taken > 0).then_some((total.checked_add(group)?, taken))
}

/// The decimals that `words` begin with, `point five`, and how many words they take.
fn decimals(words: &[Word]) -> (String, usize) {
    let mut out = String::from(".");
    let digits = words.iter().skip(1).map_while(|word| cardinal(word.text).filter(|n| *n < 10));
    for digit in digits {
        out.push_str(&digit.to_string());
    }
    let point = words.first().is_some_and(|word| word.text.eq_ignore_ascii_case("point"));
    if point && out.len() > 1 {
        let taken = out.len();
        return (out, taken);
    }
    (String::new(), 0)
}

/// Whether three letters stand together that are no command: no number word is shorter.
fn has_words(text: &str) -> bool {
    let (mut length, mut command, mut before) = (0, false, b' ');
    for b in text.bytes() {
        if b.is_ascii_alphabetic() {
            command = if length == 0 { before == b'\\' } else { command };
            length += 1;
            if length > 2 && !command {
                return true;
            }
        } else {
            length = 0;
        }
        before = b;
    }
    false
}

/// `text` with numbers in words spelled in digits.
pub(super) fn digits(text: &str) -> Cow<'_, str> {
    if !has_words(text) {
        return Cow::Borrowed(text);
    }
    let words = words(text);
    let mut out = String::new();
    let mut from = 0;
    let mut index = 0;
    while let Some(word) = words.get(index) {
        let lower = word.text.to_ascii_lowercase();
        let head = text.get(from..word.from).unwrap_or_default();
        let before = text.get(..word.from).unwrap_or_default().trim_end();
        let after = text.get(word.to..).unwrap_or_default();
        let next = words.get(index + 1).map(|w| w.text.to_ascii_lowercase()).unwrap_or_default();
        let digit_before = before.ends_with(|c: char| c.is_ascii_digit() || c == ')' || c == '}')
            || (index > 0
                && words
                    .get(index - 1)
                    .is_some_and(|w| w.to == before.len() && is_cardinal(w.text)));
        let number_after =
            after.trim_start().starts_with(|c: char| c.is_ascii_digit() || "$\\(.√".contains(c))
                || value(&next).is_some();
        let (replacement, taken) = match lower.as_str() {
            "negative" | "minus" if number_after => {
                let to = word.to + after.len() - after.trim_start().len();
                out.push_str(head);
                out.push('-');
                from = to;
                index += 1;
                continue;
            }
            "squared" if digit_before => ("^2".to_owned(), 1),
            "cubed" if digit_before => ("^3".to_owned(), 1),
            "out" if digit_before && next == "of" => ("/".to_owned(), 2),
            "over" if digit_before && number_after => ("/".to_owned(), 1),
            "a" | "an" if !digit_before && scale(&next).is_some() => {
                let rest = words.get(index + 1..).unwrap_or_default();
                match read(text, rest, 1).filter(|_| value(&next).is_some()) {
                    Some((n, taken)) => (n.to_string(), taken + 1),
                    None => (scale(&next).unwrap_or_default().to_string(), 2),
                }
            }
            "half" if before.is_empty() && next != "past" => ("1/2".to_owned(), 1),
            _ => {
                let number = read(text, words.get(index..).unwrap_or_default(), 0);
                let Some((n, taken)) = number else {
                    index += 1;
                    continue;
                };
                let (decimals, more) = decimals(words.get(index + taken..).unwrap_or_default());
                (format!("{n}{decimals}"), taken + more)
            }
        };
        // An exponent follows its base at once.
        out.push_str(if replacement.starts_with('^') { head.trim_end() } else { head });
        out.push_str(&replacement);
        index += taken;
        from = words.get(index - 1).map_or(text.len(), |word| word.to);
        // `two-thirds`: a hyphen before a part is no minus.
        let part =
            words.get(index).filter(|word| scale(word.text).is_some() && word.from == from + 1);
        if part.is_some() && text.get(from..=from) == Some("-") {
            out.push(' ');
            from += 1;
        }
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn words_become_digits() {
        for (text, expected) in [
            ("seventeen", "17"),
            ("Forty-two apples", "42 apples"),
            ("one hundred and five", "105"),
            ("two thousand three hundred", "2300"),
            ("minus eight", "-8"),
            ("negative 8", "-8"),
            ("three and a half", "3 and 1/2"),
            ("7 squared", "7^2"),
            ("four cubed", "4^3"),
            ("3 out of 8", "3 / 8"),
            ("two, three", "2, 3"),
            ("a stone", "a stone"),
            (r"\one", r"\one"),
            ("hundred", "hundred"),
            ("5 million", "5 million"),
        ] {
            assert_eq!(digits(text), expected, "{text}");
        }
    }
}
