//! Judges in searches: what is asked, read, refused, voted on, paid for; hostile responses; transcripts of
//! published judges; simulated ones.

mod again;
mod hostile;
mod published;
mod quoting;
mod searches;
mod semi_scalar;
mod settings;
mod simulated;
mod turns;

use tts_core::Prompt;

use super::{By, Judge, Reading};

/// A judge whose verdicts on steps are read so; any other as it is.
pub(super) fn by(mut judge: Judge, how: &By) -> Judge {
    if let Reading::Steps { by, .. } = &mut judge.reading {
        by.clone_from(how);
    }
    judge
}

/// What stands between the marks of each response that a judge is shown, in the order of the marks.
fn shown(asked: &Prompt) -> Vec<String> {
    let (begin, end) = ("[The Begin of Response ", "[The End of Response ");
    let blocks = asked.question().split(begin).skip(1);
    blocks
        .map(|block| {
            let body = block.split_once("]\n").map_or(block, |(_, body)| body);
            body.split(end).next().unwrap_or_default().trim().to_owned()
        })
        .collect()
}

/// A judgement with these scores.
fn verdict(scores: &[i64]) -> String {
    let scores: Vec<String> = scores.iter().map(i64::to_string).collect();
    format!("Specific Criteria: none\nAnalysis: ...\nScores: \\boxed{{{}}}", scores.join(", "))
}
