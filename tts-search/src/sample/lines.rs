//! What the sampling strategies share: `n` independent lines from the prompt to the end.

use tts_core::{Expand, Sampling, View};

/// Asks for `n` whole lines, and then for the rest of those that were cut before their end.
///
/// A hard budget shares its tokens among the lines of a round and may cut all of them short. Asking
/// for the rest lets the budget, not the strategy, end the search, so that its reserve finishes the
/// best of them. The rest starts with numbers of its own, so it need not be what the uncut line would
/// have said.
pub(crate) fn step(view: &View<'_>, n: usize, sampling: Option<Sampling>) -> Vec<Expand> {
    let n = if view.is_start() { n } else { 1 };
    let line = |id| Expand { sampling, ..Expand::end(id, n) };
    view.open().into_iter().map(line).collect()
}

/// A sentence when a count that must be at least 1 is 0.
pub(crate) fn at_least_one(strategy: &str, field: &str, value: usize) -> Result<(), String> {
    if value == 0 { Err(format!("{strategy}: {field} is 0, expected at least 1")) } else { Ok(()) }
}
