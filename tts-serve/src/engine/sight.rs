//! What can be seen of a search while it runs.

use std::sync::Arc;

use serde::Serialize;
use tts_core::{Event, NodeId, What};

use super::Answer;
use crate::fault::Fault;

/// How far a search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Progress {
    /// Tokens generated so far.
    pub(crate) tokens: u64,
    /// Rounds of generation that are over.
    pub(crate) rounds: u32,
    /// Lines that are done.
    pub(crate) lines: u64,
    /// Finished candidates so far.
    pub(crate) candidates: u64,
}

/// The latest state of a search.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sight {
    pub(crate) progress: Progress,
    /// Text that is part of the answer whatever follows.
    pub(crate) sure: String,
    /// How it ended.
    pub(crate) over: Option<Arc<Result<Answer, Fault>>>,
    /// Tokens of lines of a round that is not over yet.
    ahead: u64,
}

impl Sight {
    /// Looks at an event; `plain` holds the stop texts of a search whose only path is its answer.
    pub(super) fn look(&mut self, event: &Event<'_>, plain: Option<&[String]>) {
        let progress = &mut self.progress;
        match event.what {
            What::Line { tokens } => {
                progress.lines += 1;
                self.ahead += tokens;
            }
            What::Failed { .. } => {}
            _ => {
                self.ahead = 0;
                progress.rounds = event.usage.rounds;
                progress.candidates = event.tree.finished().count() as u64;
            }
        }
        progress.tokens = event.usage.logical.generated_tokens + self.ahead;
        if let (Some(stops), What::Asked { .. }) = (plain, &event.what) {
            let last = event.tree.iter().map(|(id, _)| id).next_back().unwrap_or(NodeId::ROOT);
            let mut text = event.tree.text(last);
            text.truncate(text.len() - held_back(&text, stops));
            self.sure = text;
        }
    }
}

/// How many bytes at the end of a text may turn out to be the beginning of a stop text, which is no part
/// of an answer.
fn held_back(text: &str, stops: &[String]) -> usize {
    let begins = |stop: &String| {
        let ends = stop.char_indices().map(|(at, _)| at).filter(|&at| at > 0);
        ends.filter(|&at| text.ends_with(&stop[..at])).max().unwrap_or(0)
    };
    stops.iter().map(begins).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_stop_text_is_held_back() {
        let stops = ["###".to_owned(), "\n\nQ".to_owned(), "ä!".to_owned()];
        for (text, held) in [
            ("", 0),
            ("a", 0),
            ("a#", 1),
            ("a##", 2),
            ("a\n", 1),
            ("a\n\n", 2),
            ("aä", 2),
            ("#a", 0),
        ] {
            assert_eq!(held_back(text, &stops), held, "{text:?}");
        }
        assert_eq!(held_back("a##", &[]), 0);
    }
}
