//! What a judge's text says, read strictly: what cannot be read is no vote.
//!
//! A verdict is the word behind the last time that the text holds a marker, `Verdict: B` say. Marks
//! between them (`**Verdict:** \boxed{B}` holds some) are passed over; a line break ends the search.

/// The letters and digits behind the last `marker`.
pub(crate) fn verdict<'t>(said: &'t str, marker: &str) -> Option<&'t str> {
    let (_, rest) = said.rsplit_once(marker)?;
    let line = rest.lines().next()?.trim_start_matches(|c: char| !c.is_alphanumeric());
    let line = line.strip_prefix("boxed{").unwrap_or(line);
    let end = line.find(|c: char| !c.is_alphanumeric()).unwrap_or(line.len());
    Some(&line[..end]).filter(|word| !word.is_empty())
}

/// The place (from 0) of the choice (from 1) of `n` behind the last `marker`.
pub(crate) fn choice(said: &str, marker: &str, n: usize) -> Option<usize> {
    let place = verdict(said, marker)?.parse::<usize>().ok()?.checked_sub(1)?;
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
            ("I cannot say.", None),
        ] {
            assert_eq!(verdict(said, "Verdict:"), expected, "{said:?}");
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
            ("Best: 1\nBest: 9", None),
            ("1", None),
        ] {
            assert_eq!(choice(said, "Best:", 3), expected, "{said:?}");
        }
    }
}
