//! Scores in a list: `[8,7]`, or between other marks.
//!
//! The last list counts, whatever it holds. A list opens where the mark stands directly before a number; a mark with
//! anything else behind it, a remark in brackets say, opens none, and so a response that is shown with a space there opens none
//! either.
//!
//! Source: none; the form of the family of panels.

use super::{Refusal, boxes};

/// What the number behind an opening mark begins with.
const BEGINS: &str = "0123456789-+.";

/// One whole number from `low` to `high` for each response.
pub(super) fn scores(
    text: &str,
    (open, close): (&str, &str),
    responses: usize,
    (low, high): (i64, i64),
) -> Result<Vec<f64>, Refusal> {
    let behind = |(at, _): (usize, &str)| &text[at + open.len()..];
    let list = text.rmatch_indices(open).map(behind).find(|rest| rest.starts_with(number));
    let list = list.ok_or_else(|| Refusal::missing(format!("{open}{close} with scores")))?;
    let end = list.find(close).ok_or_else(|| Refusal::missing(format!("{close} of the scores")))?;
    boxes::numbers(&list[..end], responses, low, high)
}

/// Whether a number may begin with it.
pub(super) fn number(c: char) -> bool {
    BEGINS.contains(c)
}

/// What a response must not hold as it stands, lest it open a list.
pub(super) fn marks(open: &str) -> Vec<String> {
    BEGINS.chars().map(|c| format!("{open}{c}")).collect()
}
