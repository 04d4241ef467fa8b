//! Many problems in flight: submit, poll, cancel; or, turn by turn, beside other work.

mod judging;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use self::judging::Parts;
use super::lanes::{JudgeLane, WriterLane};
use super::search::{Observer, POLICY, ProblemId, Search};
use super::{Need, Outcome, RecordedRun, Run, SearchStrategy, Settings};
use crate::fast::IdMap;
use crate::{
    BoxError, Event, Finished, GroupId, LineError, LineId, Prompt, RunError, SearchError,
    SearchErrorKind, Stop, What,
};

/// One problem in flight.
struct InFlight<S> {
    run: RecordedRun<S>,
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
    settings: Settings,
    observers: Vec<Arc<dyn Observer + 'a>>,
    writers: Vec<WriterLane<'a>>,
    roles: BTreeMap<String, usize>,
    judges: Vec<JudgeLane<'a>>,
    /// Scorers by name; the search's own has none.
    scorers: BTreeMap<Option<Arc<str>>, usize>,
    problems: BTreeMap<ProblemId, InFlight<S>>,
    /// Problems whose need changed.
    ready: VecDeque<ProblemId>,
    /// Who waits for which line, at which slot.
    owners: IdMap<(usize, LineId), (ProblemId, usize)>,
    /// Who waits for which judgement, as which part of it.
    groups: IdMap<(usize, GroupId), (ProblemId, usize)>,
    done: VecDeque<(ProblemId, Result<Outcome, SearchError>)>,
    next: usize,
}

impl<S> std::fmt::Debug for SearchPool<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SearchPool").field("problems", &self.problems.len()).finish_non_exhaustive()
    }
}

impl<'a, S: SearchStrategy> SearchPool<'a, S> {
    pub(crate) fn new(search: &Search<'a>) -> Self {
        let (mut writers, mut roles, mut known) = (Vec::new(), BTreeMap::new(), HashMap::new());
        for (role, generator) in &search.generators {
            let lane = *known.entry(generator.lane()).or_insert_with(|| {
                writers.push(WriterLane::new(Arc::clone(generator)));
                writers.len() - 1
            });
            roles.insert(role.clone(), lane);
        }
        let (mut judges, mut scorers, mut known) = (Vec::new(), BTreeMap::new(), HashMap::new());
        for (name, scorer) in &search.scorers {
            let lane = *known.entry(scorer.lane()).or_insert_with(|| {
                judges.push(JudgeLane::new(Arc::clone(scorer)));
                judges.len() - 1
            });
            scorers.insert(name.clone(), lane);
        }
        Self {
            settings: search.settings.clone(),
            observers: search.observers.clone(),
            writers,
            roles,
            judges,
            scorers,
            problems: BTreeMap::new(),
            ready: VecDeque::new(),
            owners: IdMap::default(),
            groups: IdMap::default(),
            done: VecDeque::new(),
            next: 0,
        }
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
        let id = ProblemId(self.next);
        self.next += 1;
        let run = Run::new(strategy, prompt, self.settings.clone())?;
        let run = RecordedRun::new(run, record)?;
        let replayed = run.run().usage().rounds;
        let problem = InFlight { run, flying: Vec::new(), judging: Parts::default(), down: None };
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
        for (lane, line) in std::mem::take(&mut problem.flying) {
            if self.owners.remove(&(lane, line)).is_some() {
                self.writers[lane].cancel(line);
            }
        }
        for (lane, group) in std::mem::take(&mut problem.judging).groups() {
            if self.groups.remove(&(lane, group)).is_some() {
                self.judges[lane].cancel(group);
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
        self.advance_all();
        self.judge();
        self.advance_all();
        let busy = || (0..self.writers.len()).filter(|&lane| self.writers[lane].flying > 0);
        let lanes: Vec<usize> = busy().collect();
        // With several at work none may hold up the others.
        let wait = wait && lanes.len() == 1 && self.groups.is_empty() && self.done.is_empty();
        for lane in lanes {
            match self.writers[lane].work(wait) {
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
            Need::Lines(calls) => {
                let mut asked = Vec::with_capacity(problem.run.missing());
                for call in calls {
                    let role = call.expand.role.as_deref().unwrap_or(POLICY);
                    // Settings and generators come from one search: the run has looked.
                    let Some(&lane) = self.roles.get(role) else { continue };
                    match self.writers[lane].submit(call.request.clone()) {
                        Ok(lines) => asked.extend(lines.into_iter().map(|line| (lane, line))),
                        Err(error) => {
                            problem.flying = asked;
                            self.end_in_error(id, SearchErrorKind::Generator(error.into()));
                            return;
                        }
                    }
                }
                self.owners.reserve(asked.len());
                for (slot, &key) in asked.iter().enumerate() {
                    self.owners.insert(key, (id, slot));
                }
                let lines = asked.len();
                let expected = problem.run.missing();
                problem.flying = asked;
                if lines != expected {
                    let error = format!("the generator took up {lines} lines of {expected}");
                    self.end_in_error(id, SearchErrorKind::Generator(error.into()));
                    return;
                }
                self.tell(id, What::Asked { lines });
            }
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
        self.writers[lane].flying -= 1;
        if !self.observers.is_empty() {
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
        for observer in &self.observers {
            observer.tell(&event);
        }
    }
}
