//! Written solutions to learn from: lines, and which of them are to be learnt.
//!
//! A solution that goes wrong and notices it teaches how to notice, and must not teach how to go wrong: the line
//! with the slip is read, and carries no target.
//!
//! Source: none; the loss mask of every fine-tuning on traces with errors in them.

/// A line of a written solution.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TraceLine {
    /// What is written, with its line break unless it is the last.
    pub text: String,
    /// Whether it is to be learnt, or read only.
    pub learnt: bool,
}

impl TraceLine {
    /// A line that is learnt.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), learnt: true }
    }
}

/// Puts line breaks between lines.
pub(super) fn joined(lines: impl IntoIterator<Item = TraceLine>) -> Vec<TraceLine> {
    let mut lines: Vec<TraceLine> = lines.into_iter().collect();
    let last = lines.len().saturating_sub(1);
    lines.iter_mut().take(last).for_each(|line| line.text.push('\n'));
    lines
}
