//! Many problems in flight: submit, poll, cancel.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::drive::observe::What;
use crate::drive::record::Record;
use crate::drive::search::{Observer, POLICY, ProblemId, Search};
use crate::drive::strategy::SearchStrategy;
use crate::model::generator::BoxError;
use crate::model::scorer::Scored;
use crate::{
    Completion, Event, Finished, Limit, LineError, LineId, Need, Outcome, Prompt, Run, SearchError,
    SearchErrorKind, Session, StepScorer, Stop, Trajectory,
};

type Line = Result<Completion, LineError>;

/// One problem in flight.
struct Problem<S> {
    run: Run<S>,
    record: Option<Record>,
    started: Instant,
    /// The lines of the present round that are in, slot by slot.
    lines: Vec<Option<Line>>,
    /// Lines of the present round, slot by slot.
    flying: Vec<(String, LineId)>,
    /// How many of them are not in yet.
    missing: usize,
}

/// Problems that run together, see [`Search::pool`].
///
/// Generators of several roles are polled in turn, each until one of its lines is done: a slow one
/// holds up what the others have ready until then.
///
/// ```
/// use tts_core::toy::{Sample, ToyWorld};
/// use tts_core::Search;
///
/// let world = ToyWorld::default();
/// let mut search = Search::new(&world);
/// let mut pool = search.pool();
/// let first = pool.submit(Sample { n: 4 }, world.prompt(0), None)?;
/// let second = pool.submit(Sample { n: 1 }, world.prompt(1), None)?;
/// pool.cancel(first);
/// while let Some((problem, outcome)) = pool.poll() {
///     println!("{problem:?}: {:?}", outcome?.answer());
/// }
/// # Ok::<(), tts_core::SearchError>(())
/// ```
pub struct SearchPool<'s, 'a, S> {
    sessions: BTreeMap<String, Box<dyn Session + 'a>>,
    scorer: Option<&'a dyn StepScorer>,
    settings: crate::Settings,
    observers: &'s mut Vec<Observer<'a>>,
    problems: BTreeMap<ProblemId, Problem<S>>,
    /// Problems whose need changed.
    ready: VecDeque<ProblemId>,
    /// Problems that wait for scores.
    unscored: Vec<ProblemId>,
    /// Who waits for which line, at which slot.
    owners: HashMap<(String, LineId), (ProblemId, usize)>,
    done: VecDeque<(ProblemId, Result<Outcome, SearchError>)>,
    next: usize,
}

impl<S> std::fmt::Debug for SearchPool<'_, '_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SearchPool").field("problems", &self.problems.len()).finish_non_exhaustive()
    }
}

impl<'s, 'a, S: SearchStrategy> SearchPool<'s, 'a, S> {
    pub(crate) fn new(search: &'s mut Search<'a>) -> Self {
        let sessions = search
            .generators
            .iter()
            .map(|(role, generator)| (role.clone(), generator.session()))
            .collect();
        Self {
            sessions,
            scorer: search.scorer,
            settings: search.settings.clone(),
            observers: &mut search.observers,
            problems: BTreeMap::new(),
            ready: VecDeque::new(),
            unscored: Vec::new(),
            owners: HashMap::new(),
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

    /// Takes up a problem, and its record if it has one.
    ///
    /// # Errors
    /// When the problem is empty, a setting is out of range, or the record belongs to another
    /// search. The problem's number is used up then.
    pub fn submit(
        &mut self,
        strategy: S,
        prompt: impl Into<Prompt>,
        record: Option<&Path>,
    ) -> Result<ProblemId, SearchError> {
        let id = ProblemId(self.next);
        self.next += 1;
        let run = Run::new(strategy, prompt, self.settings.clone())?;
        let prompt = Arc::clone(run.tree().prompt());
        let record = record.map(|path| Record::open(path, &prompt, &self.settings)).transpose()?;
        let problem = Problem {
            run,
            record,
            started: Instant::now(),
            lines: Vec::new(),
            flying: Vec::new(),
            missing: 0,
        };
        self.problems.insert(id, problem);
        match self.replay(id) {
            Ok(replayed) => self.tell(id, What::Started { replayed }),
            Err(kind) => {
                let failed = self.fail(id, kind);
                return Err(failed);
            }
        }
        self.ready.push_back(id);
        Ok(id)
    }

    /// Calls a problem off; it comes back from `poll` with what it has.
    pub fn cancel(&mut self, id: ProblemId) {
        if let Some(problem) = self.problems.get_mut(&id) {
            problem.run.cancel();
            for (role, line) in std::mem::take(&mut problem.flying) {
                self.owners.remove(&(role.clone(), line));
                if let Some(session) = self.sessions.get_mut(&role) {
                    session.cancel(line);
                }
            }
            self.unscored.retain(|&other| other != id);
            self.ready.push_back(id);
        }
    }

    /// Works until a problem is over, and returns it; `None` when none is in flight.
    pub fn poll(&mut self) -> Option<(ProblemId, Result<Outcome, SearchError>)> {
        loop {
            while let Some(id) = self.ready.pop_front() {
                self.advance(id);
            }
            if let Some(done) = self.done.pop_front() {
                return Some(done);
            }
            if !self.unscored.is_empty() {
                self.score();
            } else if !self.owners.is_empty() {
                self.poll_lines();
            } else {
                return None;
            }
        }
    }

    /// Plays the record back as far as it goes; returns the number of rounds.
    fn replay(&mut self, id: ProblemId) -> Result<u32, SearchErrorKind> {
        let Some(problem) = self.problems.get_mut(&id) else { return Ok(0) };
        let Some(record) = &mut problem.record else { return Ok(0) };
        let run = &mut problem.run;
        loop {
            match run.need() {
                Need::Lines(calls) => {
                    let Some(lines) = record.replay_lines(calls)? else { break };
                    if let Some(limit) = record.replay_expiry() {
                        run.expire(limit);
                    }
                    for (slot, line) in lines.into_iter().enumerate() {
                        run.give_line(slot, line)?;
                    }
                }
                Need::Scores(_) => {
                    let Some(scores) = record.replay_scores()? else { break };
                    run.give_scores(scores)?;
                }
                Need::Nothing(_) => break,
            }
        }
        Ok(run.usage().rounds)
    }

    /// Acts on what a problem needs now.
    fn advance(&mut self, id: ProblemId) {
        let Some(problem) = self.problems.get_mut(&id) else { return };
        match problem.run.need() {
            Need::Lines(calls) => {
                let mut asked = Vec::new();
                for call in calls {
                    let role = call.expand.role.as_deref().unwrap_or(POLICY);
                    let Some(session) = self.sessions.get_mut(role) else {
                        let kind = SearchErrorKind::Role(role.to_owned());
                        self.end_in_error(id, kind);
                        return;
                    };
                    asked.extend(
                        session
                            .submit(call.request.clone())
                            .into_iter()
                            .map(|line| (role.to_owned(), line)),
                    );
                }
                problem.lines = vec![None; asked.len()];
                for (slot, key) in asked.iter().enumerate() {
                    self.owners.insert(key.clone(), (id, slot));
                }
                let lines = asked.len();
                problem.flying = asked;
                problem.missing = lines;
                self.tell(id, What::Asked { lines });
            }
            Need::Scores(_) => self.unscored.push(id),
            Need::Nothing(_) => self.end(id),
        }
    }

    /// Takes what the generators have done.
    fn poll_lines(&mut self) {
        let roles: Vec<String> = self.sessions.keys().cloned().collect();
        for role in roles {
            if !self.owners.keys().any(|(owner, _)| *owner == role) {
                continue;
            }
            let Some(session) = self.sessions.get_mut(&role) else { continue };
            match session.poll() {
                Ok(finished) if finished.is_empty() => {
                    let lost = "the generator lost its lines: nothing is in flight any more";
                    self.lose(&role, &lost.into());
                }
                Ok(finished) => finished.into_iter().for_each(|line| self.take(&role, line)),
                Err(error) => self.lose(&role, &error),
            }
        }
    }

    /// Every line of a generator is lost: the lines fail, one by one.
    fn lose(&mut self, role: &str, error: &BoxError) {
        let error = LineError(error.to_string());
        let mut lost: Vec<(ProblemId, usize, LineId)> = self
            .owners
            .iter()
            .filter(|((owner, _), _)| owner == role)
            .map(|((_, line), &(id, slot))| (id, slot, *line))
            .collect();
        lost.sort_unstable();
        for (_, _, line) in lost {
            let result = Err(error.clone());
            self.take(role, Finished { line, result, computed_tokens: 0, cached_tokens: 0 });
        }
    }

    /// One line is done.
    fn take(&mut self, role: &str, finished: Finished) {
        let Some((id, slot)) = self.owners.remove(&(role.to_owned(), finished.line)) else {
            return;
        };
        let Some(problem) = self.problems.get_mut(&id) else { return };
        problem.run.measure(finished.computed_tokens, finished.cached_tokens);
        match &finished.result {
            Ok(line) => {
                let tokens = line.generated();
                self.tell(id, What::Line { tokens });
            }
            Err(error) => {
                let error = error.clone();
                self.tell(id, What::Failed { error: &error });
            }
        }
        let Some(problem) = self.problems.get_mut(&id) else { return };
        problem.lines[slot] = Some(finished.result);
        problem.missing -= 1;
        if problem.missing == 0 {
            let lines = std::mem::take(&mut problem.lines).into_iter().flatten().collect();
            match problem.give_round(lines) {
                Ok(()) => self.ready.push_back(id),
                Err(kind) => self.end_in_error(id, kind),
            }
        }
    }

    /// Judges everything that waits, in one batch; if that fails, problem by problem, so that one
    /// problem's failure leaves the others alone.
    fn score(&mut self) {
        let waiting = std::mem::take(&mut self.unscored);
        let Some(scorer) = self.scorer else { return };
        let paths: Vec<(ProblemId, Vec<Trajectory>)> = waiting
            .into_iter()
            .filter_map(|id| match self.problems.get(&id)?.run.need() {
                Need::Scores(paths) => Some((id, paths.to_vec())),
                _ => None,
            })
            .collect();
        let batch: Vec<Trajectory> = paths.iter().flat_map(|(_, paths)| paths.clone()).collect();
        let mut judged = match scorer.score(&batch) {
            Ok(all) if all.len() == batch.len() => Some(all.into_iter()),
            _ => None,
        };
        for (id, paths) in paths {
            let own = match &mut judged {
                Some(all) => Ok(all.take(paths.len()).collect()),
                None => scorer.score(&paths),
            };
            self.give_scores(id, own);
        }
    }

    fn give_scores(&mut self, id: ProblemId, scores: Result<Vec<Scored>, BoxError>) {
        let Some(problem) = self.problems.get_mut(&id) else { return };
        let given = scores.map_err(SearchErrorKind::Scorer).and_then(|scores| {
            let paths = scores.len();
            problem.run.give_scores(scores.clone())?;
            if let Some(record) = &mut problem.record {
                record.write_scores(&scores)?;
            }
            Ok(paths)
        });
        match given {
            Ok(paths) => {
                self.tell(id, What::Scored { paths });
                self.ready.push_back(id);
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
        let Some(mut problem) = self.problems.remove(&id) else { return };
        let record = problem.record.take();
        let outcome = problem.outcome();
        let closed = match record {
            // A search that was called off stays open: it may be resumed.
            Some(mut record) if stop != Stop::Cancelled => {
                record.write_outcome(stop, outcome.best, outcome.usage.logical)
            }
            _ => Ok(()),
        };
        self.done.push_back((
            id,
            match closed {
                Ok(()) => Ok(outcome),
                Err(error) => {
                    Err(SearchError { kind: error.into(), partial: Some(Box::new(outcome)) })
                }
            },
        ));
    }

    fn end_in_error(&mut self, id: ProblemId, kind: SearchErrorKind) {
        let failed = self.fail(id, kind);
        self.done.push_back((id, Err(failed)));
    }

    fn fail(&mut self, id: ProblemId, kind: SearchErrorKind) -> SearchError {
        self.cancel(id);
        let partial = self.problems.remove(&id).map(|problem| Box::new(problem.outcome()));
        SearchError { kind, partial }
    }

    fn tell(&mut self, id: ProblemId, what: What<'_>) {
        let Some(problem) = self.problems.get(&id) else { return };
        let event =
            Event { problem: id, what, tree: problem.run.tree(), usage: problem.run.usage() };
        self.observers.iter_mut().for_each(|observer| observer(&event));
    }
}

impl<S: SearchStrategy> Problem<S> {
    /// A whole round is in: recorded first, so that a crash loses nothing, then given.
    fn give_round(&mut self, lines: Vec<Line>) -> Result<(), SearchErrorKind> {
        let wall = self.run.settings().budget.wall;
        let late = wall.is_some_and(|wall| self.started.elapsed().as_secs_f64() >= wall);
        let lines = self.run.vet(lines);
        // A round that ends the run in failure is left out, so that resuming tries it again.
        let record = self.record.as_mut().filter(|_| !self.run.fails(&lines));
        if let (Some(record), Need::Lines(calls)) = (record, self.run.need()) {
            record.write_lines(calls, &lines)?;
            if late {
                record.write_expiry(Limit::Wall)?;
            }
        }
        if late {
            self.run.expire(Limit::Wall);
        }
        for (slot, line) in lines.into_iter().enumerate() {
            self.run.give_line(slot, line)?;
        }
        Ok(())
    }

    fn outcome(self) -> Outcome {
        let seconds = self.started.elapsed().as_secs_f64();
        let mut outcome = self.run.finish();
        outcome.usage.measured.seconds = seconds;
        outcome
    }
}
