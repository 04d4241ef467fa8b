//! A strategy on a set of problems, with a search that is configured once.
//!
//! In memory it is one call. Kept in a folder ([`Evaluation::keep`]) it lasts: every problem has a record,
//! every graded problem is a line of a journal, and whatever ends the process, the next one goes on from there
//! and leaves the same report. A shard of it ([`Evaluation::shard`]) runs elsewhere, see [`super::merge`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tts_core::{
    Cost, Outcome, Prompt, Record, RecordError, Search, SearchError, SearchErrorKind,
    SearchStrategy, What,
};

use super::manifest::{Kept, Manifest};
use super::progress::{Tally, Watcher};
use super::{EvaluateError, Graded, Item, Progress, Report, Shard};

/// Problems with right answers, and the search that strategies are tried with on them.
///
/// The search brings generator, scorer, task, step rule, sampling, budget, seed, how many problems run at a
/// time and, with [`Search::record`], the folder of the records. Questions become prompts as the search's
/// task says, unless [`Evaluation::prompt`] says otherwise. See [`super`] for an example.
#[derive(Clone)]
pub struct Evaluation<'a> {
    search: Search<'a>,
    items: &'a [Item],
    pub(super) prompts: Vec<Prompt>,
    shard: Shard,
    retry_lost: bool,
    pub(super) kept: Option<(PathBuf, Box<serde_json::value::RawValue>)>,
    go: Option<Arc<dyn Fn() -> bool + Send + Sync + 'a>>,
    watcher: Option<Watcher<'a>>,
}

impl std::fmt::Debug for Evaluation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluation")
            .field("search", &self.search)
            .field("problems", &self.items.len())
            .field("shard", &self.shard)
            .field("folder", &self.kept.as_ref().map(|(folder, _)| folder))
            .finish_non_exhaustive()
    }
}

impl<'a> Evaluation<'a> {
    /// Of these problems.
    pub fn new(search: Search<'a>, items: &'a [Item]) -> Self {
        let task = &search.settings().task;
        let prompts = items.iter().map(|item| task.prompt(&item.question)).collect();
        let shard = Shard::WHOLE;
        let retry_lost = false;
        Self { search, items, prompts, shard, retry_lost, kept: None, go: None, watcher: None }
    }

    /// Asks in another way.
    #[must_use]
    pub fn prompt(mut self, prompt: impl Fn(&str) -> Prompt) -> Self {
        self.prompts = self.items.iter().map(|item| prompt(&item.question)).collect();
        self
    }

    /// Only the problems of a shard. A report of it speaks of these alone.
    #[must_use]
    pub fn shard(mut self, shard: Shard) -> Self {
        self.shard = shard;
        self
    }

    /// Keeps everything in a folder: a manifest, the record of each problem, and the journal of graded
    /// problems (`docs/formats.md` describes them). Started again with the same folder and settings, it goes on
    /// where it was, whatever ended it. `settings` is all that decides results and is not known here:
    /// the strategy, above all.
    ///
    /// # Errors
    /// When the settings are no JSON.
    pub fn keep(
        mut self,
        folder: impl AsRef<Path>,
        settings: &impl Serialize,
    ) -> Result<Self, EvaluateError> {
        let folder = folder.as_ref().to_owned();
        self.search = self.search.record(&folder);
        self.kept = Some((folder, serde_json::value::to_raw_value(settings)?));
        Ok(self)
    }

    /// Problems of which lines failed are searched again from the start when the evaluation goes on, where they
    /// would be taken as they are: what a server that was down lost may come now. Their records are deleted.
    #[must_use]
    pub fn retry_lost(mut self, retry: bool) -> Self {
        self.retry_lost = retry;
        self
    }

    /// Takes up no further problem once this says no; those in flight are finished, and
    /// [`Evaluation::run`] ends with [`EvaluateError::Stopped`].
    #[must_use]
    pub fn while_true(mut self, go: impl Fn() -> bool + Send + Sync + 'a) -> Self {
        self.go = Some(Arc::new(go));
        self
    }

    /// Tells how far it is: when it begins, and after each line and problem.
    #[must_use]
    pub fn watch(mut self, watcher: impl FnMut(&Progress) + Send + 'a) -> Self {
        self.watcher = Some(Arc::new(Mutex::new(watcher)));
        self
    }

    /// The search.
    pub fn search(&self) -> &Search<'a> {
        &self.search
    }

    /// Searches every problem; `done` hears of each as it comes, in any order. Of one that is kept, problems
    /// that were graded before are not searched again, and `done` does not hear of them.
    ///
    /// A problem whose search fails counts as wrong and is named in the report; the others go on. Of one that
    /// is kept, it is tried again when the evaluation is started again.
    ///
    /// # Errors
    /// When there are no problems; when the folder cannot be used, belongs to another run, or cannot be
    /// written any more (what is in it stays good); when it was stopped.
    pub fn run<S: SearchStrategy + Clone>(
        &self,
        strategy: &S,
        mut done: impl FnMut(&Graded),
    ) -> Result<Report, EvaluateError> {
        let rows = self.rows(strategy, true, &mut |graded, _| done(graded))?;
        self.report(strategy, rows)
    }

    /// [`Evaluation::run`], in which `done` sees the outcome of each problem, a whole tree, too: of all of them, for what
    /// was searched before is played back.
    ///
    /// # Errors
    /// As [`Evaluation::run`].
    pub fn run_seeing<S: SearchStrategy + Clone>(
        &self,
        strategy: &S,
        mut done: impl FnMut(&Graded, &Result<Outcome, SearchError>),
    ) -> Result<Report, EvaluateError> {
        let rows = self.rows(strategy, false, &mut |graded, result| done(graded, &result))?;
        self.report(strategy, rows)
    }

    /// [`Evaluation::run`], with the outcomes, whole trees, in the order of the problems: all of them, for
    /// what was searched before is played back.
    ///
    /// # Errors
    /// As [`Evaluation::run`].
    pub fn run_keeping<S: SearchStrategy + Clone>(
        &self,
        strategy: &S,
        mut done: impl FnMut(&Graded),
    ) -> Result<(Report, Vec<Result<Outcome, SearchError>>), EvaluateError> {
        let mut results = BTreeMap::new();
        let rows = self.rows(strategy, false, &mut |graded, result| {
            done(graded);
            results.insert(graded.index, result);
        })?;
        Ok((self.report(strategy, rows)?, results.into_values().collect()))
    }

    fn report<S: SearchStrategy>(
        &self,
        strategy: &S,
        rows: Vec<Graded>,
    ) -> Result<Report, EvaluateError> {
        if rows.is_empty() {
            let (shard, problems) = (self.shard, self.items.len());
            return Err(EvaluateError::EmptyShard { shard, problems });
        }
        let settings = self.search.settings();
        Report::new(rows, strategy.samples(), settings.scale(), &*settings.task)
    }

    /// The graded problems in order, those that are known already left out of the search if `skip` says so.
    fn rows<S: SearchStrategy + Clone>(
        &self,
        strategy: &S,
        skip: bool,
        done: &mut dyn FnMut(&Graded, Result<Outcome, SearchError>),
    ) -> Result<Vec<Graded>, EvaluateError> {
        if self.items.is_empty() {
            return Err(EvaluateError::NoProblems);
        }
        let places: Vec<usize> = self.shard.places(self.items.len()).collect();
        let mut kept = match &self.kept {
            Some((folder, settings)) => {
                let settings = settings.clone();
                let manifest =
                    Manifest::of(&self.search, strategy, self.items, self.shard, settings);
                Some(Kept::open(folder, &manifest)?)
            }
            None => None,
        };
        let mut rows: BTreeMap<usize, Graded> = BTreeMap::new();
        let mut tally = Tally::new(places.len(), self.watcher.clone());
        let mut known = BTreeMap::new();
        let there = kept.as_ref().map_or(Ok(Vec::new()), |kept| kept.rows(self.items.len()))?;
        for graded in there {
            if self.retry_lost && graded.failed_lines > 0 {
                self.forget(graded.index)?;
            } else if skip && graded.error.is_none() {
                // What failed is tried again.
                tally.known(&graded);
                rows.insert(graded.index, graded);
            } else {
                known.insert(graded.index, graded);
            }
        }
        tally.tell();
        let left: Vec<usize> =
            places.iter().copied().filter(|place| !rows.contains_key(place)).collect();
        // What is played back takes no time, and says nothing of the time that it took.
        let has_begun = |place: &usize| kept.as_ref().is_some_and(|kept| kept.has_begun(*place));
        let begun: BTreeSet<usize> = left.iter().copied().filter(has_begun).collect();
        let tally = Arc::new(Mutex::new(tally));
        let hears = Arc::clone(&tally);
        let search = self.search.clone().observer(move |event| {
            if let What::Line { tokens } = event.what {
                hears.lock().unwrap_or_else(PoisonError::into_inner).line(tokens);
            }
        });
        let problems =
            left.iter().map(|&place| (place, strategy.clone(), self.prompts[place].clone()));
        let mut broken = None;
        search.run_while(
            problems,
            || self.go.as_ref().is_none_or(|go| go()),
            |place, result| {
                let graded = match unwritten(result) {
                    Ok(result) => {
                        let graded = Graded::new(place, &self.items[place], strategy, &result);
                        // Played back, it is noted already.
                        let new = known.get(&place).is_none_or(|known| !is_same(known, &graded));
                        let kept = kept.as_mut().filter(|_| new);
                        let whole = result.as_ref().ok().filter(|_| !begun.contains(&place));
                        let seconds = whole.map(|done| done.usage.measured.seconds);
                        kept.map_or(Ok(()), |kept| kept.note(&graded, seconds)).map(|()| {
                            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                            tally.done(&graded, &result);
                            drop(tally);
                            done(&graded, result);
                            graded
                        })
                    }
                    Err(error) => Err(error),
                };
                match graded {
                    Ok(graded) => {
                        rows.insert(place, graded);
                        ControlFlow::Continue(())
                    }
                    Err(error) => {
                        broken = Some(error);
                        ControlFlow::Break(())
                    }
                }
            },
        );
        match broken {
            Some(error) => Err(error),
            None if rows.len() < places.len() => Err(EvaluateError::Stopped {
                done: rows.len(),
                of: places.len(),
                folder: self.kept.as_ref().map(|(folder, _)| folder.clone()),
            }),
            None => Ok(rows.into_values().collect()),
        }
    }
}

impl Evaluation<'_> {
    /// Deletes the record of a problem.
    fn forget(&self, place: usize) -> Result<(), EvaluateError> {
        let Some((folder, _)) = &self.kept else { return Ok(()) };
        let path = folder.join(Record::file_name(place));
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(EvaluateError::at(&path)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Whether two rows tell the same search: rows of before know neither tokens that are read nor money, nor what the
/// budget took from lines.
fn is_same(before: &Graded, now: &Graded) -> bool {
    let Cost { read_tokens, money, .. } = now.cost;
    let cost = Cost { read_tokens, money, ..before.cost };
    *now == Graded { cost, curtailed: now.curtailed.clone(), ..before.clone() }
}

/// A result, unless its record could not be written: that says nothing of the problem, and the disk may be
/// full for all others, too.
fn unwritten(
    result: Result<Outcome, SearchError>,
) -> Result<Result<Outcome, SearchError>, EvaluateError> {
    match result {
        Err(SearchError {
            kind: SearchErrorKind::Record(RecordError::Io { path, source }),
            ..
        }) => Err(EvaluateError::Io { path, source }),
        result => Ok(result),
    }
}
