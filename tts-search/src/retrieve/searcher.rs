//! A retriever as a role: searches are lines, so they are counted, recorded and resumed like any other.
//!
//! The words of the prompt are the query, the line is what was found ([`Found`]). Every search runs on a thread of
//! its own, so that a slow engine holds up neither a model nor another search; one that takes longer than
//! [`SearchSettings::timeout`] fails its line, and what it finds later is dropped. A search that fails, panics or
//! hangs is a failed line: strategies go on without it, and the outcome says why it failed. Texts are cut to a length
//! before anything sees them ([`snippet`]), so what a record holds is what a model was shown.
//!
//! Source: none; a tool as a generator of a role.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tts_core::{
    BoxError, Completion, Finish, Finished, Generated, Generator, LineError, LineId, Request,
    Session, Step, gather,
};

use super::{Found, RetrieveError, Retriever, snippet};

/// How a retriever is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchSettings {
    /// Passages of a search, at most.
    pub most: usize,
    /// Characters of a passage, at most; of a longer one the window that fits the query best is kept.
    pub chars: usize,
    /// Characters of a query, at most: what stands behind them is cut off.
    pub query_chars: usize,
    /// Seconds after which a search has failed.
    pub timeout: f64,
    /// Searches that run at a time, at most. Once so many hang, further ones fail at once.
    pub at_once: usize,
}

impl Default for SearchSettings {
    /// Five passages of 1,000 characters, queries of 400; 30 seconds; 8 at a time.
    fn default() -> Self {
        Self { most: 5, chars: 1_000, query_chars: 400, timeout: 30.0, at_once: 8 }
    }
}

impl SearchSettings {
    /// # Errors
    /// A sentence that names the field.
    pub fn check(&self) -> Result<(), String> {
        let Self { most, chars, query_chars, timeout, at_once } = self;
        let counts = [
            ("most", most, 1),
            ("chars", chars, 16),
            ("query_chars", query_chars, 1),
            ("at_once", at_once, 1),
        ];
        if let Some((name, value, least)) =
            counts.into_iter().find(|(_, value, least)| *value < least)
        {
            return Err(format!("search: {name} is {value}, expected at least {least}"));
        }
        // A day is what a duration of any clock can hold.
        if !(*timeout > 0.0 && *timeout <= 86_400.0) {
            return Err(format!(
                "search: timeout is {timeout}, expected seconds above 0, at most 86400"
            ));
        }
        Ok(())
    }
}

/// Plays the role of the search engine: the words of a prompt are the query, the line is what was found
/// ([`Found`]). Every search runs on a thread of its own, and one that takes too long fails its line.
///
/// ```
/// use tts_core::{Search, toy::Sample};
/// use tts_search::retrieve::{Found, Memory, Passage, SearchSettings, Searcher};
/// let memory = Memory::new(vec![Passage::new("1", "Osleta", "It lies on the Mira.")]);
/// let searcher = Searcher::new(memory, SearchSettings::default())?;
/// let outcome = Search::new(&searcher).run(Sample { n: 1 }, "Osleta")?;
/// let found = Found::read(&outcome.text().unwrap_or_default()).unwrap_or_default();
/// assert_eq!(found.0[0].id, "1");
/// # Ok::<(), tts_core::BoxError>(())
/// ```
#[derive(Clone)]
pub struct Searcher {
    retriever: Arc<dyn Retriever>,
    settings: SearchSettings,
    /// Threads of searches that nobody waits for any more.
    hung: Arc<AtomicUsize>,
}

impl std::fmt::Debug for Searcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Searcher").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Searcher {
    /// Asks `retriever` like this.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn new(
        retriever: impl Retriever + 'static,
        settings: SearchSettings,
    ) -> Result<Self, RetrieveError> {
        settings.check().map_err(RetrieveError::Settings)?;
        Ok(Self { retriever: Arc::new(retriever), settings, hung: Arc::default() })
    }

    /// How it is asked.
    pub fn settings(&self) -> &SearchSettings {
        &self.settings
    }

    /// One search, on the thread of the caller, without a limit of time.
    ///
    /// # Errors
    /// When the query is blank, or the search fails or panics.
    pub fn find(&self, query: &str) -> Result<Found, LineError> {
        find(&*self.retriever, &self.settings, query)
    }
}

fn find(
    retriever: &dyn Retriever,
    settings: &SearchSettings,
    query: &str,
) -> Result<Found, LineError> {
    let query: String = query.trim().chars().take(settings.query_chars).collect();
    if query.is_empty() {
        return Err(LineError("the query is blank".into()));
    }
    // A retriever is code of others: its panic is the error of this one search.
    let search = std::panic::AssertUnwindSafe(|| retriever.search(&query, settings.most));
    let found = std::panic::catch_unwind(search)
        .map_err(|_| LineError("the search panicked".into()))?
        .map_err(|error| LineError(format!("the search failed: {error}")))?;
    let mut found: Vec<_> = found.into_iter().take(settings.most).collect();
    if found.iter().any(|passage| passage.id.trim().is_empty()) {
        return Err(LineError("the search failed: it found a passage without an id".into()));
    }
    for passage in &mut found {
        passage.text = snippet(&passage.text, &query, settings.chars);
        passage.title = passage.title.chars().take(settings.query_chars).collect();
        if !passage.score.is_finite() {
            passage.score = 0.0;
        }
    }
    Ok(Found(found))
}

impl Generator for Searcher {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        gather(&mut *self.session(), batch)
    }

    fn session(&self) -> Box<dyn Session + '_> {
        let (send, answers) = channel();
        Box::new(Searches {
            searcher: self,
            next: 0,
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            failed: Vec::new(),
            send,
            answers,
        })
    }

    fn identity(&self) -> Option<String> {
        let SearchSettings { most, chars, query_chars, .. } = self.settings;
        let retriever = self.retriever.identity()?;
        Some(format!(
            "search of {retriever}, {most} of {chars} characters, queries of {query_chars}"
        ))
    }
}

type Answer = (LineId, Result<Found, LineError>);

/// Searches in flight.
struct Searches<'a> {
    searcher: &'a Searcher,
    next: u64,
    waiting: VecDeque<(LineId, String)>,
    running: BTreeMap<LineId, Running>,
    /// Lines that failed before they were begun.
    failed: Vec<Answer>,
    send: Sender<Answer>,
    answers: Receiver<Answer>,
}

/// A search on its thread.
struct Running {
    begun: Instant,
    /// Set by the first of two: the thread that has its answer, and whoever gives up waiting for it.
    settled: Arc<AtomicBool>,
}

/// How long one look at what has arrived may take.
const LOOK: Duration = Duration::from_millis(20);

impl Searches<'_> {
    fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.searcher.settings.timeout)
    }

    /// Begins what may run.
    fn begin(&mut self) {
        while self.running.len() < self.searcher.settings.at_once {
            let Some((line, query)) = self.waiting.pop_front() else { return };
            if self.searcher.hung.load(Ordering::Acquire) >= self.searcher.settings.at_once {
                let hung = "the search engine hangs: earlier searches have not come back yet";
                self.failed.push((line, Err(LineError(hung.into()))));
                continue;
            }
            let (retriever, settings) =
                (Arc::clone(&self.searcher.retriever), self.searcher.settings.clone());
            let (send, hung) = (self.send.clone(), Arc::clone(&self.searcher.hung));
            let running = Running { begun: Instant::now(), settled: Arc::default() };
            let settled = Arc::clone(&running.settled);
            let search = move || {
                let found = find(&*retriever, &settings, &query);
                if settled.swap(true, Ordering::AcqRel) {
                    hung.fetch_sub(1, Ordering::AcqRel);
                } else {
                    // Nobody listens any more where the session is gone.
                    let _ = send.send((line, found));
                }
            };
            match std::thread::Builder::new().name("search".into()).spawn(search) {
                Ok(_) => {
                    self.running.insert(line, running);
                }
                Err(error) => {
                    let error = format!("no thread for a search: {error}");
                    self.failed.push((line, Err(LineError(error))));
                }
            }
        }
    }

    /// Waits no longer for this one. Whether it was still out.
    fn give_up(&mut self, line: LineId) -> bool {
        let Some(running) = self.running.get(&line) else { return false };
        // Counted first: the thread takes it back once it sees that nobody waits.
        self.searcher.hung.fetch_add(1, Ordering::AcqRel);
        let out = !running.settled.swap(true, Ordering::AcqRel);
        if out {
            self.running.remove(&line);
        } else {
            self.searcher.hung.fetch_sub(1, Ordering::AcqRel);
        }
        out
    }

    /// What is over, after waiting for at most so long.
    fn look(&mut self, most: Duration) -> Vec<Finished> {
        self.begin();
        let mut done = Vec::new();
        if self.failed.is_empty() && !self.running.is_empty() {
            // The sender is kept here, so that nobody can have hung up: no answer is no answer yet.
            done.extend(self.answers.recv_timeout(most));
        }
        done.extend(self.answers.try_iter());
        // What was called off, or given up before, is not answered again.
        done.retain(|(line, _)| self.running.remove(line).is_some());
        done.append(&mut self.failed);
        let timeout = self.timeout();
        let late = self.running.iter().filter(|(_, running)| running.begun.elapsed() > timeout);
        let late: Vec<LineId> = late.map(|(line, _)| *line).collect();
        // One that has its answer by now is taken at the next look.
        for line in late.into_iter().filter(|&line| self.give_up(line)).collect::<Vec<_>>() {
            let seconds = self.searcher.settings.timeout;
            let error = format!("the search did not answer within {seconds} s (search: timeout)");
            done.push((line, Err(LineError(error))));
        }
        done.into_iter().map(finished).collect()
    }
}

fn finished((line, found): Answer) -> Finished {
    let result = found.map(|found| Completion {
        steps: vec![Step { text: found.line(), ..Step::default() }],
        finish: Finish::Stop,
        prompt_tokens: 0,
    });
    Finished { line, result, computed_tokens: 0, cached_tokens: 0 }
}

impl Session for Searches<'_> {
    fn submit(&mut self, request: Request) -> Vec<LineId> {
        let query = request.prefix.prompt().question();
        let line = |_| {
            let line = LineId(self.next);
            self.next += 1;
            if request.prefix.steps().is_empty() {
                self.waiting.push_back((line, query.to_owned()));
            } else {
                let whole = "what a search found is whole: nothing continues it";
                self.failed.push((line, Err(LineError(whole.into()))));
            }
            line
        };
        let lines = request.seeds.iter().map(line).collect();
        self.begin();
        lines
    }

    fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
        loop {
            let done = self.look(LOOK);
            let idle = self.running.is_empty() && self.waiting.is_empty();
            if !done.is_empty() || idle && self.failed.is_empty() {
                return Ok(done);
            }
        }
    }

    fn step(&mut self) -> Result<Vec<Finished>, BoxError> {
        Ok(self.look(Duration::from_millis(1)))
    }

    fn cancel(&mut self, line: LineId) {
        self.waiting.retain(|(waiting, _)| *waiting != line);
        self.failed.retain(|(failed, _)| *failed != line);
        self.give_up(line);
        self.running.remove(&line);
    }
}

impl Drop for Searches<'_> {
    fn drop(&mut self) {
        let lines: Vec<LineId> = self.running.keys().copied().collect();
        for line in lines {
            self.give_up(line);
        }
    }
}
