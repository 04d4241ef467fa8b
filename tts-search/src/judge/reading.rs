//! What a judge's text says, read strictly: what cannot be read is no vote.
//!
//! A verdict is the word behind the last time that the text holds a marker, `Verdict: B` say. Marks
//! between them (`**Verdict:** \boxed{B}` holds some) are passed over; a line break ends the search. One that names two (`A or B`,
//! `1/3`), goes on (`1.5`, `A+`), or is a letter that may be a word (`A better answer`, and `B better answer` alike, lest one
//! place be favoured) is none.

use tts_core::judge::{Joint, beside, ends};

/// The letters and digits behind the last `marker`, if nothing that is `known` as a verdict stands beside them.
pub(crate) fn verdict<'t>(
    said: &'t str,
    marker: &str,
    known: impl Fn(&str) -> bool,
) -> Option<&'t str> {
    let (_, rest) = said.rsplit_once(marker)?;
    let whole = rest.lines().next()?;
    let line = whole.trim_start_matches(|c: char| !c.is_alphanumeric());
    let signed = whole[..whole.len() - line.len()].ends_with(['-', '.']);
    let line = line.strip_prefix("boxed{").unwrap_or(line);
    let (word, rest) = first_word(line);
    let goes_on = signed && word.starts_with(char::is_numeric)
        || rest.starts_with(['-', '+', '\'', '\u{2019}'])
        || rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
    let is_word = word.len() == 1
        && word.starts_with(char::is_alphabetic)
        && rest.starts_with(char::is_whitespace)
        && rest.trim_start().starts_with(char::is_alphabetic);
    let another = beside(rest).is_some_and(|(other, joint)| {
        let (other, rest) = first_word(other);
        known(other) && (joint == Joint::Other || ends(rest))
    });
    Some(word).filter(|word| !word.is_empty() && !goes_on && !is_word && !another)
}

/// A text's first letters and digits, and the rest.
fn first_word(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len()))
}

/// The place (from 0) of the choice (from 1) of `n` behind the last `marker`.
pub(crate) fn choice(said: &str, marker: &str, n: usize) -> Option<usize> {
    let number = |word: &str| word.parse::<usize>().is_ok();
    let place = verdict(said, marker, number)?.parse::<usize>().ok()?.checked_sub(1)?;
    Some(place).filter(|&place| place < n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_behind_the_last_marker() {
        for (said, expected) in [
            ("Verdict: B", Some("B")),
            ("Verdict: A, for now.\nNo. Verdict: tie.", Some("tie")),
            ("**Verdict:** \\boxed{A}", Some("A")),
            ("verdict: A", None),
            ("Verdict:\nA", None),
            ("Verdict: ", None),
            ("Verdict: A, since B is longer", Some("A")),
            ("Verdict: (B) \u{2014} it is careful", Some("B")),
            ("Verdict: tie between both", Some("tie")),
            ("Verdict: A/B", None),
            ("Verdict: A or B", None),
            ("Verdict: **A** or **B**", None),
            ("Verdict: A, B.", None),
            ("Verdict: tie, or A", None),
            ("Verdict: A better one is thinkable", None),
            ("Verdict: B better than A", None),
            ("Verdict: A+", None),
            ("Verdict: A's", None),
            ("I cannot say.", None),
        ] {
            let known = |word: &str| ["A", "B", "tie"].contains(&word);
            assert_eq!(verdict(said, "Verdict:", known), expected, "{said:?}");
        }
    }

    #[test]
    fn only_a_number_that_was_shown_is_a_choice() {
        for (said, expected) in [
            ("Best: 1", Some(0)),
            ("Best: 3", Some(2)),
            ("Best: 0", None),
            ("Best: 4", None),
            ("Best: 2nd", None),
            ("Best: two", None),
            ("Best: 2, though 3 is short", Some(1)),
            ("Best: 2.", Some(1)),
            ("Best: 2 or 3", None),
            ("Best: 1 and 2", None),
            ("Best: 2/3", None),
            ("Best: 1-2", None),
            ("Best: 1, 2", None),
            ("Best: 1.5", None),
            ("Best: -1", None),
            ("Best: 1\nBest: 9", None),
            ("1", None),
        ] {
            assert_eq!(choice(said, "Best:", 3), expected, "{said:?}");
        }
    }
}
