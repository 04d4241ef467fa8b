//! A text that stands already, in steps: cut where a model that wrote it would have been.
//!
//! The texts of a [`StepRule`] are looked for byte by byte. A delimiter ends a step that holds something other than white
//! space before it, and is looked for within the step; the blank line `"\n\n"` may have white space on it. Stop and pause
//! texts may begin in a step before; what follows them is left out. Lengths cut nothing here.
//!
//! Source: none; the rule is that of [`StepRule`].

use crate::{Finish, StepRule};

/// The delimiter that stands for a blank line.
const BLANK_LINE: &str = "\n\n";

/// A text in steps.
pub(crate) struct Cut<'t> {
    /// Not one of them is empty.
    pub(crate) steps: Vec<&'t str>,
    /// What ended it, if a stop or pause text did, and how many bytes that has.
    pub(crate) ended: Option<(Finish, usize)>,
}

impl StepRule {
    /// Cuts a whole text.
    pub(crate) fn cut<'t>(&self, text: &'t str) -> Cut<'t> {
        let (mut steps, mut start) = (Vec::new(), 0);
        for end in 1..=text.len() {
            let so_far = &text.as_bytes()[..end];
            let stop = longest(&self.stop, so_far).map(|length| (Finish::Stop, length));
            let pause = || longest(&self.pause, so_far).map(|length| (Finish::Pause, length));
            let ended = stop.or_else(pause);
            if ended.is_some() || self.ends(&so_far[start..]) {
                steps.extend(text.get(start..end));
                start = end;
            }
            if ended.is_some() {
                return Cut { steps, ended };
            }
        }
        steps.extend(text.get(start..).filter(|rest| !rest.is_empty()));
        Cut { steps, ended: None }
    }

    /// Whether a step is over with its last byte.
    fn ends(&self, step: &[u8]) -> bool {
        let space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0B;
        let Some(first) = step.iter().position(|byte| !space(byte)) else { return false };
        let counts = |length: usize| step.len() - length > first;
        self.delimiters.iter().any(|delimiter| {
            let whole = step.ends_with(delimiter.as_bytes()) && counts(delimiter.len());
            whole || (delimiter == BLANK_LINE && blank_line(step).is_some_and(counts))
        })
    }
}

/// How long the longest of these texts is that ends here.
fn longest(texts: &[String], so_far: &[u8]) -> Option<usize> {
    let ended = texts.iter().filter(|text| so_far.ends_with(text.as_bytes()));
    ended.map(String::len).max()
}

/// The bytes of a blank line that ends here, from the line break before it on.
fn blank_line(step: &[u8]) -> Option<usize> {
    let before = step.strip_suffix(b"\n")?;
    let line = before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
    before[..before.len() - line].ends_with(b"\n").then_some(line + 2)
}
