//! The draft as of now, and what may stand in its place.
//!
//! A budget, or the length of a line, can cut whatever is written next. A text that was cut has lost what stood at the end of
//! the one before, so it stands in its place only where that was cut as well, and no later.
//!
//! Source: none.

use tts_core::{Line, NodeId};

use super::cite;
use super::crew::says;
use super::notes::Notes;
use crate::retrieve::harmless;

/// Whether `next` may stand in place of `line`.
pub(super) fn succeeds(next: &Line, line: &Line) -> bool {
    next.is_finished() || !line.is_finished() && next.generated() >= line.generated()
}

/// A draft.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Its words, safe to quote, with citations of what had been found when it was written.
    pub(super) text: String,
    /// Where it stands; none while nothing was written that can be the answer.
    pub(super) node: Option<NodeId>,
    line: Option<Line>,
}

impl Draft {
    /// Words of an answer that was found out beside.
    pub(super) fn beside(text: &str, notes: &Notes) -> Self {
        Self { text: cite::refused(&harmless(text), &notes.sources), ..Self::default() }
    }

    /// Its length in tokens.
    pub(super) fn tokens(&self) -> u64 {
        self.line.as_ref().map_or(0, Line::generated)
    }

    /// Takes a line in its place, if it may stand there.
    pub(super) fn revise(&mut self, line: Line, notes: &Notes) {
        if self.line.as_ref().is_none_or(|own| succeeds(&line, own)) {
            let text = Self::beside(&says(&line), notes).text;
            *self = Self { text, node: Some(line.node), line: Some(line) };
        }
    }

    /// Whether a report is worth more: it is whole, or at least as long.
    pub(super) fn gives_way_to(&self, report: &Line) -> bool {
        report.is_finished() || report.generated() >= self.tokens()
    }
}
