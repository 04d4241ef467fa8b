//! A run with its record and its clock: what every driver of one problem needs besides asking.
//!
//! A [`RecordedRun`] plays its record back when it is made, writes every round before the run sees it,
//! and ends the run when wall time is out: a soft one between rounds, a hard one within a round, if its driver
//! keeps an eye on the [deadline](RecordedRun::deadline). Drivers ask it what it [needs](RecordedRun::need), and give
//! lines and scores in any order, as to a [`Run`]; so a driver of one's own (asynchronous, distributed)
//! has records and resuming without another word.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Need, Outcome, Record, Run};
use crate::{
    Completion, Limit, LineError, Mode, RunError, Scored, SearchError, SearchErrorKind,
    SearchStrategy,
};

type Line = Result<Completion, LineError>;

/// Why a line failed that the deadline came before.
const UNWRITTEN: &str = "wall time was out before anything of it was written";

/// One problem's search with its record, see the [module](self).
///
/// ```
/// use tts_core::toy::{Sample, ToyWorld};
/// use tts_core::{Generator, Need, RecordedRun, Run, Settings};
///
/// let world = ToyWorld::default();
/// let run = Run::new(Sample { n: 2 }, world.prompt(0), Settings::default())?;
/// let mut run = RecordedRun::new(run, None)?;
/// while let Need::Lines(calls) = run.need() {
///     let requests: Vec<_> = calls.iter().map(|call| call.request.clone()).collect();
///     let lines = world.generate(&requests)?.into_iter().flat_map(|made| made.lines);
///     for (slot, line) in lines.enumerate() {
///         run.give_line(slot, line)?;
///     }
/// }
/// assert_eq!(run.finish()?.tree.finished().count(), 2);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Debug)]
pub struct RecordedRun<S> {
    run: Run<S>,
    record: Option<Record>,
    started: Instant,
    /// The lines of the present round that are in, slot by slot.
    lines: Vec<Option<Line>>,
    missing: usize,
}

impl<S: SearchStrategy> RecordedRun<S> {
    /// A run, and the file of its record if it has one: what that holds is played back.
    ///
    /// # Errors
    /// When the file cannot be used, is of another search, or holds what the run does not accept; the
    /// error holds what was played back until then.
    pub fn new(run: Run<S>, record: Option<&Path>) -> Result<Self, SearchError> {
        let open = |path| Record::open(path, run.tree().prompt(), run.settings());
        let record = record.map(open).transpose()?;
        let mut made = Self { run, record, started: Instant::now(), lines: Vec::new(), missing: 0 };
        let replayed = match &mut made.record {
            Some(record) => record.replay(&mut made.run),
            None => Ok(()),
        };
        match replayed {
            Ok(()) => {
                made.await_round();
                Ok(made)
            }
            Err(kind) => Err(made.fail(kind)),
        }
    }

    /// The run itself.
    pub fn run(&self) -> &Run<S> {
        &self.run
    }

    /// What it waits for.
    pub fn need(&self) -> Need<'_> {
        self.run.need()
    }

    /// Lines of the present round that are not in yet.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Adds to the measured cost.
    pub fn measure(&mut self, computed_tokens: u64, cached_tokens: u64) {
        self.run.measure(computed_tokens, cached_tokens);
    }

    /// Ends the run now. What is in flight is lost, what was made stays; the record can be resumed.
    pub fn cancel(&mut self) {
        self.run.cancel();
    }

    /// When a hard budget of wall time is out. A driver that waits for lines or scores no longer than that, and
    /// then [cuts](RecordedRun::cut) the run, keeps it.
    pub fn deadline(&self) -> Option<Instant> {
        let budget = &self.run.settings().budget;
        let wall = budget.wall.filter(|_| budget.mode == Mode::Hard)?;
        self.started.checked_add(Duration::try_from_secs_f64(wall).ok()?)
    }

    /// Ends the run for wall time's sake, with what there is: lines that are in count, of the others what is written of
    /// them by now, slot by slot ([`crate::Session::cut`]), and what is not judged yet stays unjudged.
    ///
    /// ```
    /// use tts_core::toy::{Sample, ToyWorld};
    /// use tts_core::{Budget, Limit, Mode, RecordedRun, Run, Settings, Stop};
    ///
    /// let world = ToyWorld::default();
    /// let budget = Budget { wall: Some(0.5), mode: Mode::Hard, ..Budget::default() };
    /// let run = Run::new(Sample { n: 2 }, world.prompt(0), Settings { budget, ..Settings::default() })?;
    /// let mut run = RecordedRun::new(run, None)?;
    /// assert!(run.deadline().is_some());
    /// run.cut([])?;
    /// let outcome = run.finish()?;
    /// assert_eq!((outcome.stop, outcome.failed.len()), (Stop::Budget(Limit::Wall), 2));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    ///
    /// # Errors
    /// When the strategy fails in its last decision, or the record cannot be written.
    pub fn cut(
        &mut self,
        written: impl IntoIterator<Item = (usize, Completion)>,
    ) -> Result<(), SearchErrorKind> {
        match self.run.need() {
            Need::Nothing(_) => return Ok(()),
            Need::Scores(_) => {
                if let Some(record) = &mut self.record {
                    record.cut(Limit::Wall)?;
                }
                self.run.cut(Limit::Wall)?;
            }
            Need::Lines(_) => {
                for (slot, line) in written {
                    if let Some(place @ None) = self.lines.get_mut(slot) {
                        *place = Some(Ok(line));
                    }
                }
                self.run.cut(Limit::Wall)?;
                let unwritten = || Err(LineError(UNWRITTEN.into()));
                let lines = std::mem::take(&mut self.lines).into_iter();
                self.give_round(lines.map(|line| line.unwrap_or_else(unwritten)).collect(), true)?;
            }
        }
        self.await_round();
        Ok(())
    }

    fn await_round(&mut self) {
        self.missing = self.run.missing();
        self.lines.clear();
        self.lines.resize(self.missing, None);
    }

    /// Answers one line, as [`Run::give_line`]; with the last one the round is recorded and goes on.
    ///
    /// # Errors
    /// When no line is waited for in this slot, the round ends the run in failure, or the record cannot
    /// be written.
    pub fn give_line(&mut self, slot: usize, line: Line) -> Result<(), SearchErrorKind> {
        let Some(place @ None) = self.lines.get_mut(slot) else {
            return Err(RunError::NotWanted { what: "line", slot }.into());
        };
        *place = Some(line);
        self.missing -= 1;
        if self.missing > 0 {
            return Ok(());
        }
        let budget = self.run.settings().budget;
        let late = budget.wall.is_some_and(|wall| self.started.elapsed().as_secs_f64() >= wall);
        match budget.mode {
            Mode::Hard if late => self.run.cut(Limit::Wall)?,
            Mode::Soft if late => self.run.expire(Limit::Wall),
            _ => {}
        }
        let lines = std::mem::take(&mut self.lines).into_iter().flatten().collect();
        self.give_round(lines, late)?;
        self.await_round();
        Ok(())
    }

    /// Records the lines of a round, and gives them to the run.
    fn give_round(&mut self, mut lines: Vec<Line>, late: bool) -> Result<(), SearchErrorKind> {
        if let Some(record) = &mut self.record {
            lines = self.run.vet(lines);
            record.lines(&self.run, &lines, late)?;
        }
        for (slot, line) in lines.into_iter().enumerate() {
            self.run.give_line(slot, line)?;
        }
        Ok(())
    }

    /// Answers the judgements, as [`Run::give_scores`].
    ///
    /// # Errors
    /// When no scores are waited for, they do not fit, or the record cannot be written.
    pub fn give_scores(&mut self, scores: Vec<Scored>) -> Result<(), SearchErrorKind> {
        // Written once they are known to fit; only a run that goes on needs a copy for that.
        let kept = self.record.is_some().then(|| scores.clone());
        self.run.give_scores(scores)?;
        if let (Some(record), Some(scores)) = (&mut self.record, kept) {
            record.scores(&scores)?;
        }
        self.await_round();
        Ok(())
    }

    /// An error with what was computed until now.
    pub fn fail(mut self, kind: SearchErrorKind) -> SearchError {
        self.run.cancel();
        SearchError { kind, partial: Some(Box::new(self.outcome())) }
    }

    fn outcome(self) -> Outcome {
        let mut outcome = self.run.finish();
        outcome.usage.measured.seconds = self.started.elapsed().as_secs_f64();
        outcome
    }

    /// The outcome, which closes the record; a run that was not over counts as cancelled.
    ///
    /// # Errors
    /// When the strategy's choice can be no answer, or the record cannot be written or holds another
    /// outcome; the error holds what was computed.
    pub fn finish(mut self) -> Result<Outcome, SearchError> {
        if let Err(error) = self.run.pick() {
            return Err(self.fail(error.into()));
        }
        let record = self.record.take();
        let outcome = self.outcome();
        match record.map_or(Ok(()), |mut record| record.outcome(&outcome)) {
            Ok(()) => Ok(outcome),
            Err(error) => Err(SearchError { kind: error.into(), partial: Some(Box::new(outcome)) }),
        }
    }

    /// The problem.
    pub fn prompt(&self) -> &Arc<crate::Prompt> {
        self.run.tree().prompt()
    }
}
