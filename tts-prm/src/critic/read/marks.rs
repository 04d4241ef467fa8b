//! Verdicts behind or between marks: `[[A]]`, `Ranking: [2] > [1]`, `[RESULT] 4`, `Grade: B`.
//!
//! The last mark of a text counts. Marks of emphasis (`**Grade:** B` holds some) are passed over. A letter that may be a word
//! (`Grade: a mixed answer`), a number that goes on (`1,000`), and two where one was asked for (`A or B`, `4 to 5`) are
//! refused.
//!
//! Source: Zheng et al. 2023, "Judging LLM-as-a-Judge" (arXiv 2306.05685), for `[[A]]`; Kim et al. 2024,
//! "Prometheus 2" (arXiv 2405.01535), for `[RESULT]`.

use tts_core::judge::{Joint, beside, ends, is_word};

use super::Refusal;

/// 1 and 0 for the better and the other, halves for a tie, by the last mark.
pub(super) fn verdict(
    text: &str,
    first: &str,
    second: &str,
    tie: Option<&str>,
) -> Result<Vec<f64>, Refusal> {
    let marks = [(Some(first), 1.0), (Some(second), 0.0), (tie, 0.5)];
    // Where one mark begins as another does, the longer one was written.
    let found = marks
        .iter()
        .filter_map(|&(mark, score)| {
            let mark = mark?;
            Some((text.rfind(mark)? + mark.len(), mark.len(), score))
        })
        .max_by_key(|&(end, length, _)| (end, length));
    let (_, _, score) = found.ok_or_else(|| {
        let tie = tie.map_or(String::new(), |tie| format!(" or {tie:?}"));
        Refusal::missing(format!("{first:?}, {second:?}{tie}"))
    })?;
    Ok(vec![score, 1.0 - score])
}

/// What stands on the line of the last mark, behind it.
fn behind<'t>(text: &'t str, marker: &str) -> Result<&'t str, Refusal> {
    let (_, rest) =
        text.rsplit_once(marker).ok_or_else(|| Refusal::missing(format!("{marker:?}")))?;
    let plain = rest.trim_start_matches(['*', '_', ':', ' ', '\t', '$']);
    Ok(plain.lines().next().unwrap_or_default().trim_end_matches(['*', '_', ' ', '\r', '$']))
}

/// The share of the others that each response is ranked before, equals counted half.
pub(super) fn ranking(text: &str, marker: &str, responses: usize) -> Result<Vec<f64>, Refusal> {
    let line = behind(text, marker)?;
    let expected = || format!("all numbers from 1 to {responses} in order, as in [2] > [1]");
    let bad = || Refusal::value(line, expected());
    let mut ranks: Vec<Option<usize>> = vec![None; responses];
    let (mut rank, mut rest, mut seen) = (0, line.trim_end_matches('.'), 0);
    loop {
        let end = rest.find(['>', '=']).unwrap_or(rest.len());
        let number = rest[..end].trim().trim_start_matches('[').trim_end_matches(']');
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let place = digits.then(|| number.parse::<usize>().ok()).flatten();
        let place = place.and_then(|number| number.checked_sub(1)).ok_or_else(bad)?;
        let slot = ranks.get_mut(place).filter(|slot| slot.is_none()).ok_or_else(bad)?;
        *slot = Some(rank);
        seen += 1;
        match rest[end..].chars().next() {
            None => break,
            // Who stands behind a `>` is behind all who were seen.
            Some('>') => rank = seen,
            Some(_) => {}
        }
        rest = &rest[end + 1..];
    }
    let ranks: Vec<usize> = ranks.into_iter().collect::<Option<_>>().ok_or_else(bad)?;
    let others = responses.saturating_sub(1).max(1) as f64;
    let share = |&rank: &usize| {
        let behind = ranks.iter().filter(|&&other| other > rank).count() as f64;
        let equal = ranks.iter().filter(|&&other| other == rank).count() as f64 - 1.0;
        (behind + 0.5 * equal) / others
    };
    Ok(ranks.iter().map(share).collect())
}

/// The number behind the last mark.
pub(super) fn number(text: &str, marker: &str, low: f64, high: f64) -> Result<f64, Refusal> {
    let line = behind(text, marker)?;
    let end =
        line.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-'))).unwrap_or(line.len());
    // A point may end the sentence.
    let (number, rest) = (line[..end].trim_end_matches('.'), &line[end..]);
    // `4/5` is not 4 on any scale that is known here, and neither is 4 out of 5.
    let share = ["/", "%", "of ", "out of "].iter().any(|of| rest.trim_start().starts_with(of));
    let goes_on = rest.starts_with(char::is_alphabetic)
        || rest.trim_start().starts_with(char::is_numeric)
        || beside(rest).is_some_and(|(other, joint)| {
            let behind = other.trim_start_matches(char::is_numeric);
            behind.len() < other.len() && (joint > Joint::Comma || ends(behind))
        });
    let whole = !share && !goes_on;
    let score = number.parse::<f64>().ok().filter(|score| whole && (low..=high).contains(score));
    score.ok_or_else(|| Refusal::value(line, format!("a number from {low} to {high}")))
}

/// How many letters stand behind the one that was given.
pub(super) fn letter(text: &str, marker: &str, letters: &str) -> Result<f64, Refusal> {
    let line = behind(text, marker)?;
    let known = |letter: &char| {
        let same = |(_, known): &(usize, char)| known.eq_ignore_ascii_case(letter);
        letters.chars().rev().enumerate().find(same)
    };
    let mut said = line.trim_start_matches(['(', '[']).chars();
    let letter = said.next();
    let rest = said.as_str();
    // `A-`, `A/B` and `A+` are others than `A`.
    let joined = |c: char| c.is_alphanumeric() || "-+/|&'\u{2013}\u{2014}\u{2019}".contains(c);
    let alone = !rest.starts_with(joined);
    let another = || {
        let (other, joint) = beside(rest)?;
        let mut other = other.chars();
        let (letter, rest) = (other.next()?, other.as_str());
        let (_, known) = known(&letter)?;
        let one = !rest.starts_with(char::is_alphanumeric) && !is_word(letter, known, rest);
        Some(one && (joint == Joint::Other || ends(rest)))
    };
    let place = letter.and_then(|letter| {
        let (place, known) = known(&letter)?;
        let one = alone && !is_word(letter, known, rest) && another() != Some(true);
        one.then_some(place)
    });
    let expected = || format!("one of the letters {letters}");
    #[expect(clippy::cast_precision_loss, reason = "there are few letters")]
    place.map(|place| place as f64).ok_or_else(|| Refusal::value(line, expected()))
}
