//! A judgement of each step: boxes with a word that says whether it is right.
//!
//! The boxes that hold one of the two words are counted, in order; others (a result that the judge boxes while it
//! recomputes, say) are passed over. There must be one for each step, or, where the judge stops at the first
//! error, as many as there are steps up to it; then the steps behind it are worth what the one is that leads to
//! them.
//!
//! By word a step is worth 1 or 0. By probability it is worth how probable "right" was where the word was drawn: `p` of
//! the first token of the word for right, `1 - p` of that for wrong, since the two words are taken for all that could have
//! been said. Which token that is is known without a vocabulary: a judge that is read so writes a step of its own behind
//! each `\boxed{`, whose first token begins the word, unless the brace and the beginning of the word are one token, the
//! last of the step before. A word that stands elsewhere, behind a space of its own say, has no token that is known to
//! begin it, and is refused.
//!
//! Source: Khalifa et al. 2025, "Process Reward Models That Think" (arXiv 2504.16828), section 3.1; Zhao et al.
//! 2025, "`GenPRM`" (arXiv 2504.00891), section 3.2, for verdicts and for the probability of Yes at the box.

use tts_core::Line;

use super::{Refusal, boxes};

const TEXT: &str = "\\text{";

/// What was said of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Verdict {
    /// Whether it is right.
    right: bool,
    /// Where the word begins, in bytes of the text.
    at: usize,
}

/// The verdicts of a text on so many steps, or on those up to the first that is wrong.
pub(super) fn verdicts(
    text: &str,
    right: &str,
    wrong: &str,
    steps: usize,
) -> Result<Vec<Verdict>, Refusal> {
    let judged: Vec<Verdict> = all(text, right, wrong).collect();
    let Some(last) = judged.last() else {
        return Err(Refusal::missing(format!("\\boxed{{{right}}} or \\boxed{{{wrong}}}")));
    };
    let ended = !last.right && judged.iter().filter(|verdict| !verdict.right).count() == 1;
    if judged.len() > steps || (judged.len() < steps && !ended) {
        return Err(Refusal::Count { of: "judged steps", found: judged.len(), expected: steps });
    }
    Ok(judged)
}

/// Whether there is no verdict in a text.
pub(super) fn is_silent(text: &str, right: &str, wrong: &str) -> bool {
    all(text, right, wrong).next().is_none()
}

/// All verdicts of a text, in order.
fn all(text: &str, right: &str, wrong: &str) -> impl Iterator<Item = Verdict> {
    boxes::all(text).into_iter().filter_map(move |(from, content)| {
        let (skipped, content) = plain(content);
        let is = |word: &str| content.eq_ignore_ascii_case(word);
        let said = if is(right) { Some(true) } else { is(wrong).then_some(false) };
        said.map(|right| Verdict { right, at: from + skipped })
    })
}

/// 1 or 0 for each of so many steps.
pub(super) fn by_word(verdicts: &[Verdict], steps: usize) -> Vec<f64> {
    let values = verdicts.iter().map(|verdict| f64::from(u8::from(verdict.right)));
    filled(values.collect(), steps)
}

/// How probable it was for each of so many steps that it is right; the verdicts are those of the line's text from a byte on,
/// which begins with `begin` where words were put before it.
pub(super) fn by_probability(
    verdicts: &[Verdict],
    (line, from): (&Line, usize),
    begin: &str,
    steps: usize,
) -> Result<Vec<f64>, Refusal> {
    let value = |verdict: &Verdict| {
        let logprob =
            logprob_at(line, begin, from + verdict.at).filter(|logprob| !logprob.is_nan());
        let missing =
            "log-probability of the first token of a verdict (read by word, it needs none)";
        let logprob = logprob.ok_or_else(|| Refusal::missing(missing))?;
        let p = f64::from(logprob).exp().min(1.0);
        Ok(if verdict.right { p } else { 1.0 - p })
    };
    Ok(filled(verdicts.iter().map(value).collect::<Result<_, _>>()?, steps))
}

/// What is behind the last step that was judged is worth what that is.
fn filled(mut values: Vec<f64>, steps: usize) -> Vec<f64> {
    let last = values.last().copied().unwrap_or(0.0);
    values.resize(steps, last);
    values
}

/// The log-probability of the token that is known to hold the byte of a line's text at which a word begins, in nats.
fn logprob_at(line: &Line, begin: &str, at: usize) -> Option<f32> {
    let mut start = 0;
    let last = line.steps.len().saturating_sub(1);
    for (number, step) in line.steps.iter().enumerate() {
        let given = if step.given > 0 && step.text.starts_with(begin) { begin.len() } else { 0 };
        if at == start + given && (step.given == 0 || given > 0) {
            return step.logprobs.first().copied();
        }
        let end = start + step.text.len();
        if at < end {
            // The token that ended the step holds the brace and what stands behind it.
            let before = step.text.get(..at.checked_sub(start)?)?;
            let joined = number < last && before.ends_with(boxes::COMMAND);
            return step.logprobs.last().copied().filter(|_| joined);
        }
        start = end;
    }
    None
}

/// A word without what typesetting puts around it, and how many bytes stand before it.
fn plain(content: &str) -> (usize, &str) {
    let trimmed = content.trim();
    let text = trimmed.strip_prefix(TEXT).and_then(|rest| rest.strip_suffix('}'));
    let inner = text.unwrap_or(trimmed);
    let blank = |text: &str| text.len() - text.trim_start().len();
    let skipped = blank(content) + text.map_or(0, |_| TEXT.len()) + blank(inner);
    (skipped, inner.trim().trim_end_matches('.'))
}
