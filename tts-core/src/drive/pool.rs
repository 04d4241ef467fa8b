//! Many problems in flight: submit, poll, cancel; or, turn by turn, beside other work.
//!
//! Problems of different searches run together where these have generators or scorers in common
//! ([`SearchPool::submit_under`]): a pool has one session of each, whoever asks for it (`seats.rs`). Lines
//! are handed to a generator problem by problem (`handing.rs`), all at once or, within a
//! [`SearchPool::window`], in turns. Hard budgets of wall time are kept between pieces of work (`clock.rs`).

mod clock;
mod handing;
mod judging;
mod seats;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::time::Instant;

use self::handing::Waiting;
use self::judging::Parts;
use self::seats::{Lanes, Seats};
use super::search::{ProblemId, Search};
use super::{Need, Outcome, RecordedRun, Run, SearchStrategy};
use crate::fast::IdMap;
use crate::{
    BoxError, Event, Finished, GroupId, LineError, LineId, Prompt, RunError, SearchError,
    SearchErrorKind, Stop, What,
};

/// One problem in flight.
struct InFlight<'a, S> {
    run: RecordedRun<S>,
    /// Who writes, judges and is told.
    seats: Seats<'a>,
    /// Lines of the present round that no generator was given yet.
    waiting: VecDeque<Waiting>,
    /// Lines of the present round, slot by slot, and whose they are.
    flying: Vec<(usize, LineId)>,
    /// Judgements of the present round.
    judging: Parts,
    /// Why its generator failed as a whole, if it did.
    down: Option<String>,
}

/// Problems that run together, see [`Search::pool`]. It holds what it needs of the search, so it can be
/// kept in a struct and sent to another thread.
///
/// ```
/// use tts_core::toy::{Sample, ToyWorld};
/// use tts_core::Search;
///
/// let world = ToyWorld::default();
/// let search = Search::new(&world);
/// let mut pool = search.pool();
/// let first = pool.submit(Sample { n: 4 }, world.prompt(0), None)?;
/// let second = pool.submit(Sample { n: 1 }, world.prompt(1), None)?;
/// pool.cancel(first);
/// while let Some((problem, outcome)) = pool.poll() {
///     println!("{problem:?}: {:?}", outcome?.answer());
/// }
/// # Ok::<(), tts_core::SearchError>(())
/// ```
pub struct SearchPool<'a, S> {
    search: Search<'a>,
    lanes: Lanes<'a>,
    /// The most lines that a generator is given at a time.
    window: usize,
    /// For each generator whose turn it is to hand lines in.
    turns: Vec<VecDeque<ProblemId>>,
    problems: BTreeMap<ProblemId, InFlight<'a, S>>,
    /// Problems whose need changed.
    ready: VecDeque<ProblemId>,
    /// Who waits for which line, at which slot.
    owners: IdMap<(usize, LineId), (ProblemId, usize)>,
    /// Who waits for which judgement, as which part of it.
    groups: IdMap<(usize, GroupId), (ProblemId, usize)>,
    done: VecDeque<(ProblemId, Result<Outcome, SearchError>)>,
    /// When problems end, of those with a hard budget of wall time.
    deadlines: BTreeSet<(Instant, ProblemId)>,
    next: usize,
}

impl<S> std::fmt::Debug for SearchPool<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SearchPool").field("problems", &self.problems.len()).finish_non_exhaustive()
    }
}

impl<'a, S: SearchStrategy> SearchPool<'a, S> {
    pub(crate) fn new(search: &Search<'a>) -> Self {
        let mut pool = Self {
            search: search.clone(),
            lanes: Lanes::default(),
            window: usize::MAX,
            turns: Vec::new(),
            problems: BTreeMap::new(),
            ready: VecDeque::new(),
            owners: IdMap::default(),
            groups: IdMap::default(),
            done: VecDeque::new(),
            deadlines: BTreeSet::new(),
            next: 0,
        };
        pool.lanes.seat(search);
        pool
    }

    /// The same pool, which hands each generator at most so many lines at a time, at least 1; problems
    /// with more to write take turns. Without a window a problem of many lines is written before one that
    /// joins later; within it, both go on side by side. It changes no tree. A window as large as the lines
    /// that a generator writes together costs no speed.
    ///
    /// ```
    /// # use tts_core::toy::{Sample, ToyWorld};
    /// # use tts_core::Search;
    /// # let world = ToyWorld::default();
    /// let mut pool = Search::new(&world).pool().window(4);
    /// pool.submit(Sample { n: 100 }, world.prompt(0), None)?;
    /// let small = pool.submit(Sample { n: 2 }, world.prompt(1), None)?;
    /// assert_eq!(pool.poll().map(|(problem, _)| problem), Some(small));
    /// # Ok::<(), tts_core::SearchError>(())
    /// ```
    #[must_use]
    pub fn window(mut self, lines: usize) -> Self {
        self.window = lines.max(1);
        self
    }

    /// Problems in flight.
    pub fn len(&self) -> usize {
        self.problems.len()
    }

    /// Whether no problem is in flight.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Takes up a problem, and its record if it has one. Problems may join at any time.
    ///
    /// # Errors
    /// When the problem is empty, a setting is out of range or missing, or the record belongs to
    /// another search. The problem's number is used up then.
    pub fn submit(
        &mut self,
        strategy: S,
        prompt: impl Into<Prompt>,
        record: Option<&Path>,
    ) -> Result<ProblemId, SearchError> {
        self.submit_under(&self.search.clone(), strategy, prompt, record)
    }

    /// Takes up a problem of another search: under its settings, with its generators and scorers, told
    /// to its observers. What generators and scorers the searches have in common is shared, in one batch.
    /// Its tree is that of [`Search::run`].
    ///
    /// Sessions are kept as long as the pool, so many problems are best submitted under copies of few
    /// searches, each with settings of its own.
    ///
    /// ```
    /// # use tts_core::toy::{Sample, ToyWorld};
    /// # use tts_core::Search;
    /// # let world = ToyWorld::default();
    /// let search = Search::new(&world);
    /// let mut pool = search.pool();
    /// for seed in 0..3 {
    ///     pool.submit_under(&search.clone().seed(seed), Sample { n: 4 }, world.prompt(0), None)?;
    /// }
    /// while let Some((problem, outcome)) = pool.poll() {
    ///     println!("{problem:?}: {:?}", outcome?.answer());
    /// }
    /// # Ok::<(), tts_core::SearchError>(())
    /// ```
    ///
    /// # Errors
    /// As [`SearchPool::submit`].
    pub fn submit_under(
        &mut self,
        search: &Search<'a>,
        strategy: S,
        prompt: impl Into<Prompt>,
        record: Option<&Path>,
    ) -> Result<ProblemId, SearchError> {
        let id = ProblemId(self.next);
        self.next += 1;
        let run = Run::new(strategy, prompt, search.settings.clone())?;
        let run = RecordedRun::new(run, record)?;
        let replayed = run.run().usage().rounds;
        self.deadlines.extend(run.deadline().map(|deadline| (deadline, id)));
        let problem = InFlight {
            run,
            seats: self.lanes.seat(search),
            waiting: VecDeque::new(),
            flying: Vec::new(),
            judging: Parts::default(),
            down: None,
        };
        self.problems.insert(id, problem);
        self.tell(id, What::Started { replayed });
        self.ready.push_back(id);
        Ok(id)
    }

    /// Calls a problem off; it comes back from `poll` with what it has.
    pub fn cancel(&mut self, id: ProblemId) {
        if self.problems.contains_key(&id) {
            self.abandon(id);
            self.ready.push_back(id);
        }
    }

    /// Calls off all that a problem waits for.
    fn abandon(&mut self, id: ProblemId) {
        let Some(problem) = self.problems.get_mut(&id) else { return };
        problem.run.cancel();
        problem.waiting.clear();
        for (lane, line) in std::mem::take(&mut problem.flying) {
            if self.owners.remove(&(lane, line)).is_some() {
                self.lanes.writers[lane].cancel(line);
            }
        }
        self.abandon_judging(id);
    }

    /// Calls off the judgements that a problem waits for.
    fn abandon_judging(&mut self, id: ProblemId) {
        let Some(problem) = self.problems.get_mut(&id) else { return };
        for (lane, group) in std::mem::take(&mut problem.judging).groups() {
            if self.groups.remove(&(lane, group)).is_some() {
                self.lanes.judges[lane].cancel(group);
            }
        }
    }

    /// Works until a problem is over, and returns it; `None` when none is in flight.
    pub fn poll(&mut self) -> Option<(ProblemId, Result<Outcome, SearchError>)> {
        loop {
            if let Some(done) = self.done.pop_front() {
                return Some(done);
            }
            if self.problems.is_empty() {
                return None;
            }
            self.work(true);
        }
    }

    /// Does what can be done without waiting: submits what problems need, judges what waits, lets every
    /// generator do a piece of work. Returns the problems that are over by then; between turns others
    /// may join or be called off. With no problem in flight it does nothing.
    ///
    /// ```
    /// # use tts_core::toy::{Sample, ToyWorld};
    /// # use tts_core::Search;
    /// # let world = ToyWorld::default();
    /// let mut pool = Search::new(world).pool();
    /// pool.submit(Sample { n: 4 }, world.prompt(0), None)?;
    /// let mut over = Vec::new();
    /// while !pool.is_empty() {
    ///     over.extend(pool.turn());
    /// }
    /// assert_eq!(over.len(), 1);
    /// # Ok::<(), tts_core::SearchError>(())
    /// ```
    pub fn turn(&mut self) -> Vec<(ProblemId, Result<Outcome, SearchError>)> {
        self.work(false);
        self.done.drain(..).collect()
    }

    fn work(&mut self, wait: bool) {
        self.keep_time();
        self.advance_all();
        self.judge();
        self.advance_all();
        self.hand_in();
        let writers = &self.lanes.writers;
        let lanes: Vec<usize> = (0..writers.len()).filter(|&l| writers[l].flying > 0).collect();
        // With several at work none may hold up the others.
        let alone = lanes.len() == 1 && self.groups.is_empty() && self.done.is_empty();
        // Whoever waits for a line would miss a deadline.
        let wait = wait && alone && self.deadlines.is_empty();
        for lane in lanes {
            match self.lanes.writers[lane].work(wait) {
                Ok(finished) => finished.into_iter().for_each(|line| self.take(lane, line)),
                Err(error) => self.lose(lane, &error),
            }
        }
    }

    fn advance_all(&mut self) {
        while let Some(id) = self.ready.pop_front() {
            self.advance(id);
        }
    }

    /// Acts on what a problem needs now.
    fn advance(&mut self, id: ProblemId) {
        let Some(problem) = self.problems.get_mut(&id) else { return };
        match problem.run.need() {
            Need::Lines(_) => self.queue(id),
            Need::Scores(_) => self.submit_judgings(id),
            Need::Nothing(_) => self.end(id),
        }
    }

    /// Every line of a generator is lost: the lines fail, one by one.
    fn lose(&mut self, lane: usize, error: &BoxError) {
        let error = LineError(error.to_string());
        let mut lost: Vec<(ProblemId, usize, LineId)> = self
            .owners
            .iter()
            .filter(|((owner, _), _)| *owner == lane)
            .map(|((_, line), &(id, slot))| (id, slot, *line))
            .collect();
        lost.sort_unstable();
        for (id, _, line) in lost {
            if let Some(problem) = self.problems.get_mut(&id) {
                problem.down = Some(error.0.clone());
            }
            let result = Err(error.clone());
            self.take(lane, Finished { line, result, computed_tokens: 0, cached_tokens: 0 });
        }
    }

    /// One line is done.
    fn take(&mut self, lane: usize, finished: Finished) {
        let Some((id, slot)) = self.owners.remove(&(lane, finished.line)) else { return };
        self.lanes.writers[lane].flying -= 1;
        if self.is_observed(id) {
            match &finished.result {
                Ok(line) => self.tell(id, What::Line { tokens: line.generated() }),
                Err(error) => self.tell(id, What::Failed { error }),
            }
        }
        let Some(problem) = self.problems.get_mut(&id) else { return };
        problem.run.measure(finished.computed_tokens, finished.cached_tokens);
        let last = problem.run.missing() == 1;
        match problem.run.give_line(slot, finished.result) {
            Ok(()) if last => {
                problem.flying.clear();
                self.ready.push_back(id);
            }
            Ok(()) => {}
            Err(SearchErrorKind::Run(RunError::AllLinesFailed { .. }))
                if problem.down.is_some() =>
            {
                let error = problem.down.take().unwrap_or_default();
                self.end_in_error(id, SearchErrorKind::Generator(error.into()));
            }
            Err(kind) => self.end_in_error(id, kind),
        }
    }

    fn end(&mut self, id: ProblemId) {
        let Some(problem) = self.problems.get(&id) else { return };
        let stop = match problem.run.need() {
            Need::Nothing(stop) => stop,
            _ => Stop::Cancelled,
        };
        self.tell(id, What::Finished { stop });
        if let Some(problem) = self.problems.remove(&id) {
            self.done.push_back((id, problem.run.finish()));
        }
    }

    fn end_in_error(&mut self, id: ProblemId, kind: SearchErrorKind) {
        self.abandon(id);
        if let Some(problem) = self.problems.remove(&id) {
            self.done.push_back((id, Err(problem.run.fail(kind))));
        }
    }

    fn tell(&self, id: ProblemId, what: What<'_>) {
        let Some(problem) = self.problems.get(&id) else { return };
        let run = problem.run.run();
        let event = Event { problem: id, what, tree: run.tree(), usage: run.usage() };
        for observer in &problem.seats.observers {
            observer.tell(&event);
        }
    }

    fn is_observed(&self, id: ProblemId) -> bool {
        self.problems.get(&id).is_some_and(|problem| !problem.seats.observers.is_empty())
    }
}
