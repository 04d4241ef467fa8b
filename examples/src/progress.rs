//! How far a search of one problem is: a line that changes, on a terminal, or lines in a log.
//!
//! Rounds are told as they are asked for, and lines as they are done: a round of a judge that writes much is long. In a log the first
//! rounds are told each, and what comes later every few seconds.
//!
//! Source: none.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tts_core::{Event, What};
use tts_search::evaluate::words;

use crate::Error;

/// Rounds that a log has each.
const FIRST: u32 = 4;

/// How long a log says nothing of a search that goes on.
const PAUSE: Duration = Duration::from_secs(5);

/// How often the line of a terminal is drawn, in milliseconds.
const BEAT: u64 = 200;

/// How far a search is.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    is_log: bool,
    told: Instant,
    round: u32,
    asked: usize,
    done: usize,
    failed: usize,
}

impl Progress {
    /// A search that has not begun, told on standard error.
    ///
    /// # Errors
    /// When the style of the line is none.
    pub fn new() -> Result<Self, Error> {
        let bar = ProgressBar::new_spinner()
            .with_style(ProgressStyle::with_template("{spinner} {elapsed} {msg}")?);
        let is_log = !std::io::stderr().is_terminal();
        if !is_log {
            bar.enable_steady_tick(Duration::from_millis(BEAT));
        }
        Ok(Self { bar, is_log, told: Instant::now(), round: 0, asked: 0, done: 0, failed: 0 })
    }

    /// Takes what happened, and says how far it is.
    pub fn see(&mut self, event: &Event<'_>) {
        match event.what {
            What::Asked { lines } => {
                (self.round, self.asked) = (event.usage.rounds + 1, lines);
                (self.done, self.failed) = (0, 0);
            }
            What::Line { .. } => self.done += 1,
            What::Failed { .. } => self.failed += 1,
            _ => return,
        }
        let said = self.said(event.usage.logical.generated_tokens);
        if !self.is_log {
            self.bar.set_message(said);
            return;
        }
        let begins = matches!(event.what, What::Asked { .. }) && self.round <= FIRST;
        if begins || self.told.elapsed() >= PAUSE {
            self.told = Instant::now();
            // A log that cannot be written takes no answer with it.
            let _ = writeln!(std::io::stderr(), "{said}");
        }
    }

    fn said(&self, tokens: u64) -> String {
        let Self { round, asked, done, failed, .. } = self;
        let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
        let tokens = words::thousands(tokens);
        format!("round {round}: {done} of {asked} lines done{failed}; {tokens} tokens so far")
    }

    /// Takes the line off the terminal.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use tts_core::toy::{Sample, ToyWorld};
    use tts_core::{Search, StepRule};

    use super::*;

    #[test]
    fn rounds_and_lines_are_counted() {
        let (world, mut said) = (ToyWorld::default(), Vec::new());
        let mut progress = Progress::new().expect("a style");
        let search = Search::new(world).rule(StepRule::lines()).observer(|event| {
            progress.see(event);
            said.push(progress.said(event.usage.logical.generated_tokens));
        });
        search.run(Sample { n: 3 }, world.prompt(0)).expect("runs");
        drop(search);
        progress.finish();
        assert!(
            said.iter().any(|said| said.starts_with("round 1: 0 of 3 lines done; 0 tokens")),
            "{said:?}"
        );
        assert!(
            said.iter().any(|said| said.starts_with("round 1: 3 of 3 lines done; ")),
            "{said:?}"
        );
    }
}
