//! A record as the search it was, without the strategy that made it.
//!
//! What was decided stands in the record, so a strategy that decides the same again and the recorded
//! answers rebuild the tree, by the driver that made it: nodes, scores and costs have one origin. The
//! record of a run that was killed, or still runs, is told as far as it goes.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use super::{Call, Entry, Header, LineResult, Told};
use crate::{
    Budget, Completion, Expand, Limit, LineError, Need, Outcome, RecordError, Run, RunError,
    Scored, SearchStrategy, Settings, Stop, View, task,
};

/// A search as its record tells it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Retold {
    /// Tree, costs and choice. Of a run without an end the choice is `None`, and it counts as cancelled. A record has
    /// prices where money was bounded: without, money is that of the whole search alone, as its end has it, and 0 of
    /// nodes and of a run without an end.
    pub outcome: Outcome,
    /// Why it ended; `None` when the record has no end: the run was killed, called off, or still runs.
    pub stop: Option<Stop>,
    /// The limit of time that ran out on the way.
    pub expired: Option<Limit>,
    /// The settings it ran under.
    pub settings: Settings,
    /// What was decided, round by round.
    pub decisions: Vec<Decided>,
}

/// The decision of one round.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Decided {
    /// The round of generation that it led to.
    pub round: u32,
    /// What was continued, with as many lines as were started.
    pub expands: Vec<Expand>,
}

impl Retold {
    /// Reads a record. A task that is not one of this library's keeps its name, and finds no answers.
    ///
    /// ```
    /// use tts_core::toy::{Sample, ToyWorld};
    /// use tts_core::{Retold, Search};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("record.jsonl");
    /// let world = ToyWorld::default();
    /// let outcome = Search::new(&world).record(&path).run(Sample { n: 3 }, world.prompt(0))?;
    /// let retold = Retold::read(&path)?;
    /// assert_eq!((&retold.outcome.tree, retold.stop), (&outcome.tree, Some(outcome.stop)));
    /// assert_eq!(retold.decisions[0].expands[0].n, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the file cannot be read, a whole line of it is not one of a record, or it was written before
    /// records told what was decided.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let io = |source| RecordError::Io { path: path.to_owned(), source };
        Self::parse(&std::fs::read(path).map_err(io)?, path)
    }

    /// Reads a record from the bytes of a file; `path` is what errors call it.
    ///
    /// # Errors
    /// As [`Retold::read`].
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, RecordError> {
        Self::hear(bytes, path, &mut |_, _| {})
    }

    /// As [`Retold::parse`]; `line` hears of what was asked, with one seed, and what came.
    pub(crate) fn hear(bytes: &[u8], path: &Path, line: Hear<'_>) -> Result<Self, RecordError> {
        let bad = |line, problem| RecordError::Line { path: path.to_owned(), line, problem };
        let mut lines =
            bytes[..super::whole(bytes)].split_inclusive(|&byte| byte == b'\n').zip(1..);
        let Some((first, number)) = lines.next() else {
            return Err(bad(1, "not a record: it has no whole line".into()));
        };
        let header = Header::read(first).map_err(|problem| bad(number, problem))?;
        let mut entries = VecDeque::new();
        let mut decisions = VecDeque::new();
        for (line, number) in lines {
            let entry: Entry = serde_json::from_slice(line)
                .map_err(|error| bad(number, format!("not an entry: {error}")))?;
            let told = match &entry {
                Entry::Lines { told, .. } => Some(told.clone().ok_or_else(|| {
                    let problem = "does not tell what was decided, as records of before: run the \
                                   search again, with a new record";
                    bad(number, problem.into())
                })?),
                Entry::Outcome { told, .. } => told.clone(),
                _ => None,
            };
            if let Some(told) = told {
                let expands = told.expands();
                let decision = |error| bad(number, format!("not a decision: {error}"));
                decisions.push_back((told, expands.map_err(decision)?));
            }
            entries.push_back((number, entry));
        }
        let rounds = decisions.iter().filter(|(_, expands)| !expands.is_empty());
        let decided = rounds
            .zip(1..)
            .map(|((_, expands), round)| Decided { round, expands: expands.clone() });
        let decided = decided.collect();
        let settings = header.settings();
        let teller = Teller { decisions };
        // What the budget took away is not asked for again.
        let free = Settings { budget: Budget::default(), ..settings.clone() };
        let run = Run::new(teller, crate::Prompt::clone(&header.prompt), free);
        let run = run.map_err(|error| bad(1, error.to_string()))?;
        tell(run, entries, (settings, decided), bad, line)
    }
}

/// Hears of a call with one of its seeds, and of the line that came.
type Hear<'a> = &'a mut dyn FnMut((&Call, u64), Result<&Completion, &LineError>);

/// Decides what was decided.
struct Teller {
    decisions: VecDeque<(Told, Vec<Expand>)>,
}

impl SearchStrategy for Teller {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        let Some((told, expands)) = self.decisions.pop_front() else { return Vec::new() };
        told.apply(view);
        expands
    }

    /// What ended the search is not in its record.
    fn outlives_failure(&self) -> bool {
        true
    }
}

fn tell(
    mut run: Run<Teller>,
    entries: VecDeque<(usize, Entry)>,
    (settings, decisions): (Settings, Vec<Decided>),
    bad: impl Fn(usize, String) -> RecordError,
    hear: Hear<'_>,
) -> Result<Retold, RecordError> {
    let (mut end, mut expired) = (None, None);
    for (number, entry) in entries {
        let wrong = |error: RunError| bad(number, error.to_string());
        if end.is_some() {
            return Err(bad(number, format!("holds {entry:?}, but the search is over")));
        }
        match entry {
            Entry::Expired(limit) => expired = Some(limit),
            Entry::Cut(limit) => {
                expired = Some(limit);
                // Without anything to judge the last decision was asked for already.
                if matches!(run.need(), Need::Scores(_)) {
                    run.cut(limit).map_err(wrong)?;
                }
            }
            Entry::Outcome { stop, best, cost, .. } => {
                if best.is_some_and(|best| run.tree().get(best).is_none()) {
                    return Err(bad(number, "chooses a node that is not there".into()));
                }
                end = Some((stop, best, cost.money));
            }
            Entry::Lines { made, .. } => {
                let Need::Lines(calls) = run.need() else {
                    return Err(bad(number, "holds lines that nobody asked for".into()));
                };
                let wanted = calls.iter().flat_map(|call| {
                    call.request.seeds.iter().map(|&seed| (call.expand.node, seed))
                });
                if !wanted.eq(made.iter().map(|line| (line.node, line.seed))) {
                    return Err(bad(number, "holds other lines than were decided".into()));
                }
                let asked =
                    calls.iter().flat_map(|call| call.request.seeds.iter().map(move |_| call));
                for (call, line) in asked.zip(&made) {
                    let result = match &line.result {
                        LineResult::Made(completion) => Ok(completion),
                        LineResult::Failed(error) => Err(error),
                    };
                    hear((call, line.seed), result);
                }
                for (slot, line) in made.into_iter().enumerate() {
                    let line = match line.result {
                        LineResult::Made(completion) => Ok(completion),
                        LineResult::Failed(error) => Err(error),
                    };
                    match run.give_line(slot, line) {
                        // Of the last line of a search whose budget was out, nothing may be left.
                        Ok(()) | Err(RunError::AllLinesFailed { .. }) => {}
                        Err(error) => return Err(wrong(error)),
                    }
                }
            }
            Entry::Scores(scores) => {
                run.give_scores(scores.into_iter().map(Scored::from).collect()).map_err(wrong)?;
            }
        }
    }
    let mut outcome = run.finish();
    outcome.stop = end.map_or(Stop::Cancelled, |(stop, ..)| stop);
    outcome.best = end.and_then(|(_, best, _)| best);
    if let Some((.., money)) = end.filter(|_| settings.prices.is_empty()) {
        outcome.usage.logical.money = money;
    }
    Ok(Retold { outcome, stop: end.map(|(stop, ..)| stop), expired, settings, decisions })
}

impl Header {
    /// The settings of the search.
    fn settings(&self) -> Settings {
        let task = task::by_name(&self.task);
        Settings {
            task: task.unwrap_or_else(|_| Arc::new(task::Foreign(self.task.clone()))),
            rule: Arc::clone(&self.rule),
            sampling: self.sampling,
            budget: self.budget,
            seed: self.seed,
            policy: self.policy.clone(),
            vocabulary_size: None,
            roles: self.roles.clone(),
            scorer: self.scorer.clone(),
            scorers: self.scorers.clone(),
            prices: self.prices.clone(),
        }
    }
}
