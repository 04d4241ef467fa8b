//! How far a solution of the toy world has come.

use crate::{LineError, Prompt};

pub(super) fn parse(prompt: &Prompt) -> Result<Vec<i64>, LineError> {
    let question = prompt.question();
    let sum = question.trim().trim_end_matches(['?', ' ', '=']);
    let numbers: Result<Vec<i64>, _> = sum.split('+').map(|n| n.trim().parse()).collect();
    numbers.map_err(|_| LineError(format!("not a sum: {question:?}")))
}

/// Where a solution stands.
pub(super) struct State<'t> {
    /// Complete lines.
    pub(super) done: usize,
    pub(super) total: i64,
    /// The last line, where it was cut.
    pub(super) partial: &'t str,
}

impl<'t> State<'t> {
    pub(super) fn of(numbers: &[i64], text: &'t str) -> Self {
        let mut state =
            State { done: 0, total: numbers.first().copied().unwrap_or(0), partial: "" };
        for line in text.split_inclusive('\n') {
            let result = line.rsplit_once('=').map(|(_, total)| total.trim().parse());
            match result {
                Some(Ok(total)) if line.ends_with('\n') => {
                    state.done += 1;
                    state.total = total;
                }
                _ if !line.ends_with('\n') => state.partial = line,
                _ => {}
            }
        }
        state
    }
}
