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
    use std::sync::{Arc, Mutex};

    use tts_core::toy::ToyWorld;
    use tts_core::{Search, StepRule};

    use super::*;
    use crate::plan::Plan;

    /// All texts that were sure on the way, and the answer.
    fn watched(stop: &[String]) -> (Vec<String>, Answer) {
        let (world, sures) = (ToyWorld::default(), Arc::new(Mutex::new(Vec::new())));
        let (mut sight, stops, seen) = (Sight::default(), stop.to_vec(), Arc::clone(&sures));
        let outcome = Search::new(world)
            .rule(StepRule { stop: stop.to_vec(), ..StepRule::lines() })
            .observer(move |event| {
                sight.look(event, Some(&stops));
                seen.lock().expect("not poisoned").push(sight.sure.clone());
            })
            .run(Plan::Plain, world.prompt(4))
            .expect("runs");
        let mut sures = sures.lock().expect("not poisoned").clone();
        sures.dedup();
        (sures, Answer::of(&outcome, stop, false))
    }

    #[test]
    fn what_is_sure_is_part_of_the_answer() {
        let (sures, answer) = watched(&[]);
        let lines: Vec<&str> = answer.text.split_inclusive('\n').collect();
        let shown: Vec<String> = (0..lines.len()).map(|n| lines[..n].concat()).collect();
        assert_eq!(sures, shown, "each step when it is written, the last one with the end");
        // A stop text that begins with the end of a step.
        let stop = format!("\n{}", &lines[2][..1]);
        let (sures, answer) = watched(&[stop]);
        assert!(sures.len() > 1 && answer.finished);
        assert!(
            sures.iter().all(|sure| answer.text.starts_with(sure)),
            "{sures:?}\n{}",
            answer.text
        );
    }

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
