//! A judgement of each step: boxes with a word that says whether it is right.
//!
//! The boxes that hold one of the two words are counted, in order; others (a result that the judge boxes while it
//! recomputes, say) are passed over. There must be one for each step, or, where the judge stops at the first
//! error, as many as there are steps up to it; then the steps behind it are as wrong as the path that leads to
//! them.
//!
//! Source: Khalifa et al. 2025, "Process Reward Models That Think" (arXiv 2504.16828), section 3.1; Zhao et al.
//! 2025, "`GenPRM`" (arXiv 2504.00891), section 3.2.

use super::{Refusal, boxes};

/// 1 or 0 for each step.
pub(super) fn judged(
    text: &str,
    right: &str,
    wrong: &str,
    steps: usize,
) -> Result<Vec<f64>, Refusal> {
    let word = |content: Option<&str>| {
        let content = plain(content?);
        let is = |word: &str| content.eq_ignore_ascii_case(word);
        if is(right) { Some(1.0) } else { is(wrong).then_some(0.0) }
    };
    let mut judged: Vec<f64> = boxes::all(text).into_iter().filter_map(word).collect();
    if judged.is_empty() {
        return Err(Refusal::missing(format!("\\boxed{{{right}}} or \\boxed{{{wrong}}}")));
    }
    let ended =
        judged.last() == Some(&0.0) && judged.iter().filter(|&&step| step < 1.0).count() == 1;
    if judged.len() > steps || (judged.len() < steps && !ended) {
        return Err(Refusal::Count { of: "judged steps", found: judged.len(), expected: steps });
    }
    judged.resize(steps, 0.0);
    Ok(judged)
}

/// A word without what typesetting puts around it.
fn plain(content: &str) -> &str {
    let content = content.trim();
    let inner = content.strip_prefix("\\text{").and_then(|rest| rest.strip_suffix('}'));
    inner.unwrap_or(content).trim().trim_end_matches('.')
}
