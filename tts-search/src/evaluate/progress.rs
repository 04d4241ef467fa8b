//! How far an evaluation is, in numbers; whoever watches draws them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tts_core::{Cost, Outcome, SearchError};

use super::Graded;

/// Where an evaluation stands.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Progress {
    /// Problems of this run: of its shard, if it is one.
    pub problems: usize,
    /// Of these, how many were done before it was started again.
    pub resumed: usize,
    /// How many are done, those included.
    pub done: usize,
    /// How many of these are right.
    pub right: usize,
    /// How many of these failed.
    pub failed: usize,
    /// What all that is done cost, whenever it was done.
    pub cost: Cost,
    /// Tokens that were generated since it was started, of problems in flight too.
    pub generated_now: u64,
    /// Tokens that models ran over since then, for problems that are done.
    pub computed_now: u64,
    /// Tokens found in a cache instead.
    pub cached_now: u64,
    /// Wall time since then, in seconds.
    pub seconds: f64,
}

impl Progress {
    /// Tokens generated a second since it was started; 0 before the clock has moved.
    pub fn tokens_per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.generated_now as f64 / self.seconds } else { 0.0 }
    }

    /// Wall time to go, in seconds, if what is left takes as long as what was done now; `None` before
    /// the first problem is done.
    pub fn seconds_left(&self) -> Option<f64> {
        let now = self.done - self.resumed;
        let left = self.problems - self.done;
        (now > 0).then(|| self.seconds / now as f64 * left as f64)
    }

    /// The share of right answers among what is done; `None` before the first.
    pub fn accuracy(&self) -> Option<f64> {
        (self.done > 0).then(|| self.right as f64 / self.done as f64)
    }
}

/// Who is told.
pub(super) type Watcher<'a> = Arc<Mutex<dyn FnMut(&Progress) + Send + 'a>>;

/// Counts, and tells who watches.
pub(super) struct Tally<'a> {
    progress: Progress,
    started: Instant,
    watcher: Option<Watcher<'a>>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(problems: usize, watcher: Option<Watcher<'a>>) -> Self {
        let progress = Progress { problems, ..Progress::default() };
        Self { progress, started: Instant::now(), watcher }
    }

    /// A problem that was done before.
    pub(super) fn known(&mut self, graded: &Graded) {
        self.progress.resumed += 1;
        self.over(graded);
    }

    /// Tokens of a line that is done.
    pub(super) fn line(&mut self, tokens: u64) {
        self.progress.generated_now += tokens;
        self.tell();
    }

    /// A problem that is done now.
    pub(super) fn done(&mut self, graded: &Graded, result: &Result<Outcome, SearchError>) {
        if let Ok(outcome) = result {
            let measured = outcome.usage.measured;
            self.progress.computed_now += measured.computed_tokens;
            self.progress.cached_now += measured.cached_tokens;
        }
        self.over(graded);
        self.tell();
    }

    fn over(&mut self, graded: &Graded) {
        let progress = &mut self.progress;
        progress.done += 1;
        progress.right += usize::from(graded.correct);
        progress.failed += usize::from(graded.error.is_some());
        progress.cost += graded.cost;
    }

    pub(super) fn tell(&mut self) {
        self.progress.seconds = self.started.elapsed().as_secs_f64();
        if let Some(watcher) = &self.watcher {
            // One that panicked is told of what follows all the same.
            (watcher.lock().unwrap_or_else(PoisonError::into_inner))(&self.progress);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_reckoned_from_what_was_done_now() {
        let progress = Progress {
            problems: 10,
            resumed: 4,
            done: 6,
            right: 3,
            seconds: 8.0,
            ..Progress::default()
        };
        assert_eq!(progress.seconds_left(), Some(16.0));
        assert_eq!(progress.accuracy(), Some(0.5));
        let progress = Progress { generated_now: 80, ..progress };
        assert!((progress.tokens_per_second() - 10.0).abs() < 1e-12);
        let fresh = Progress { problems: 10, resumed: 4, done: 4, ..Progress::default() };
        assert_eq!((fresh.seconds_left(), fresh.tokens_per_second()), (None, 0.0));
        assert_eq!(Progress::default().accuracy(), None);
    }
}
