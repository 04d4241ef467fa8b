//! Verdicts in boxes: `\boxed{7, 8}`.
//!
//! The last box of a text counts, whatever it holds: an earlier one was given up, or quoted. A box ends with the
//! brace that closes it; one that is never closed holds nothing.
//!
//! Source: Liu et al. 2025 (arXiv 2504.02495), section 2.2, the extraction of pointwise scores.

use std::collections::HashMap;

use super::Refusal;

/// What opens a box.
pub(super) const COMMAND: &str = "\\boxed{";

/// The contents of all boxes that are not within another, first to last, and where each begins; those that are never closed
/// are left out.
pub(super) fn all(text: &str) -> Vec<(usize, &str)> {
    let ends = ends(text);
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(at) = text[from..].find(COMMAND) {
        let inside = from + at + COMMAND.len();
        let end = ends.get(&(inside - 1)).copied();
        found.extend(end.map(|end| (inside, &text[inside..end])));
        // What is never closed may swallow others: they are looked for behind its beginning.
        from = end.unwrap_or(inside);
    }
    found
}

/// Where each brace closes that does, by where it opens.
fn ends(text: &str) -> HashMap<usize, usize> {
    let (mut open, mut ends) = (Vec::new(), HashMap::new());
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open.push(at),
            b'}' => {
                if let Some(start) = open.pop() {
                    ends.insert(start, at);
                }
            }
            _ => {}
        }
    }
    ends
}

/// Where the brace closes that was opened just before.
fn closed(inside: &str) -> Option<usize> {
    let mut depth = 1_usize;
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// What the last box holds.
fn last(text: &str) -> Result<&str, Refusal> {
    // Of a long text only the end is looked at: its last box begins with the last command.
    let at = text.rfind(COMMAND).ok_or_else(|| Refusal::missing("\\boxed{}"))?;
    let inside = &text[at + COMMAND.len()..];
    closed(inside)
        .map(|length| &inside[..length])
        .ok_or_else(|| Refusal::missing("closed \\boxed{}"))
}

/// A whole number without a sign.
fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// One whole number from `low` to `high` for each response.
pub(super) fn scores(
    text: &str,
    responses: usize,
    low: i64,
    high: i64,
) -> Result<Vec<f64>, Refusal> {
    numbers(last(text)?, responses, low, high)
}

/// The same of what a box, or a list, holds.
pub(super) fn numbers(
    content: &str,
    responses: usize,
    low: i64,
    high: i64,
) -> Result<Vec<f64>, Refusal> {
    let parts: Vec<&str> = content.split(',').collect();
    if parts.len() != responses {
        return Err(Refusal::Count { of: "scores", found: parts.len(), expected: responses });
    }
    let score = |part: &str| {
        let score = whole(part).filter(|score| (low..=high).contains(score));
        let expected = || format!("whole numbers from {low} to {high}");
        #[expect(clippy::cast_precision_loss, reason = "scores are small")]
        score.map(|score| score as f64).ok_or_else(|| Refusal::value(content, expected()))
    };
    parts.into_iter().map(score).collect()
}

/// 1 for the response whose number is in the box, 0 for the others.
pub(super) fn best(text: &str, responses: usize) -> Result<Vec<f64>, Refusal> {
    let content = last(text)?;
    let place = whole(content).and_then(|number| usize::try_from(number).ok());
    let place = place.filter(|place| (1..=responses).contains(place));
    let expected = || format!("the number of a response, 1 to {responses}");
    let place = place.ok_or_else(|| Refusal::value(content, expected()))?;
    Ok((1..=responses).map(|number| f64::from(u8::from(number == place))).collect())
}
