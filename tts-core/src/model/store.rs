//! A store of lines and judgements: what a model has once said to a request is never generated again, and what a scorer
//! has said of a path is not judged again.
//!
//! A continuation depends on model, prompt, path, seed and settings alone, so these name it: the key
//! of a line is a SHA-256 of them, and what is found under it is what the model would say, token for
//! token. A [`Stored`] is a generator that looks there first; searches, labellings and comparisons
//! over it can be killed, repeated or changed, and pay for what is new only. The file is JSON lines,
//! one completion each, appended as lines come in; a torn last line (the process was killed) is
//! dropped. A [`StoredScorer`] ([`Store::judging`]) does the same for judgements, each named by the scorer and the whole
//! path. What a search costs is counted as if all of it were made anew; what was found, the store says.
//!
//! ```
//! use tts_core::toy::{Sample, ToyWorld};
//! use tts_core::{Search, Store};
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("lines.jsonl");
//! let world = ToyWorld::default();
//! let store = Store::open(&path)?; // "lines.jsonl", say
//! let generator = store.over(&world, "toy world, error 0.2");
//! let first = Search::new(&generator).run(Sample { n: 4 }, world.prompt(0))?;
//! assert_eq!((store.lines(), store.found()), (4, 0));
//! // The first four of eight are there already.
//! let more = Search::new(&generator).run(Sample { n: 8 }, world.prompt(0))?;
//! assert_eq!((store.lines(), store.found()), (8, 4));
//! assert_eq!(store.found_tokens(), first.usage.logical.generated_tokens);
//! // A judge asks once, too.
//! let judge = store.judging(tts_core::toy::Oracle::of(&world), "oracle");
//! let judged = Search::new(&generator).scorer(&judge);
//! let once = judged.run(Sample { n: 8 }, world.prompt(0))?;
//! let again = judged.run(Sample { n: 8 }, world.prompt(0))?;
//! assert_eq!((once.tree, once.usage.logical), (again.tree, again.usage.logical));
//! assert!(store.found_judgements() >= 8);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Source: none; content addresses as version control has them.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::generator::{
    BoxError, Finished, Generated, Generator, LineId, Request, Session, gather,
};
use super::judged::Shelf;
use super::scorer::{Reads, Scored, StepScorer};
use super::stored_scorer::StoredScorer;
use crate::cost::ModelCost;
use crate::files::{Lines, Others};
use crate::{Completion, Finish, Prompt, RecordError, Sampling, StepRule, Until, Watch};

const HEADER: &[u8] = b"{\"store\":1}\n";

/// Names a line or a judgement: the first 128 bits of a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key(u128);

impl Key {
    pub(super) fn of(digest: Sha256) -> Self {
        let digest = digest.finalize();
        let bytes = digest.iter().take(16);
        Self(bytes.fold(0, |key, &byte| key << 8 | u128::from(byte)))
    }
}

/// Everything that a line depends on, but its seed.
#[derive(Serialize)]
struct Asked<'a> {
    model: &'a str,
    prompt: &'a Prompt,
    /// Text and tokens of each step of the prefix.
    steps: Vec<(&'a str, &'a [u32])>,
    finished: bool,
    append: Option<&'a str>,
    until: Until,
    sampling: &'a Sampling,
    rule: &'a StepRule,
    max_tokens: u32,
    /// Left out where there are none, so that lines of before keep their names.
    #[serde(skip_serializing_if = "<[u32]>::is_empty")]
    given: &'a [u32],
    #[serde(skip_serializing_if = "Watch::is_idle")]
    watch: Watch,
}

/// The keys of a request, in the order of its seeds.
pub(super) fn keys(model: &str, request: &Request) -> Result<Vec<Key>, BoxError> {
    let steps = request.prefix.steps().iter();
    let asked = Asked {
        model,
        prompt: request.prefix.prompt(),
        steps: steps.map(|step| (step.text.as_str(), &step.tokens[..])).collect(),
        finished: request.prefix.is_finished(),
        append: request.append.as_deref(),
        until: request.until,
        sampling: &request.sampling,
        rule: &request.rule,
        max_tokens: request.max_tokens,
        given: &request.given,
        watch: request.watch,
    };
    let shared = Sha256::new().chain_update(serde_json::to_vec(&asked)?);
    let key = |seed: &u64| Key::of(shared.clone().chain_update(seed.to_le_bytes()));
    Ok(request.seeds.iter().map(key).collect())
}

/// One line of the file: a line of a model, or a judgement.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<T, J = Judgement> {
    /// 32 hexadecimal digits.
    key: String,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    line: Option<T>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    judged: Option<J>,
}

/// Nothing, of whatever type.
fn none<T>() -> Option<T> {
    None
}

/// What a scorer said of a path that it did not refuse.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Judgement {
    scores: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reads: Option<Reads>,
}

/// A file of lines and judgements, see the [module](self). Threads may share it; another process that opens the
/// file is refused.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: Lines,
    /// Where each line stands, in bytes.
    places: HashMap<Key, Range<u64>>,
    /// Where each judgement stands.
    judged: HashMap<Key, Range<u64>>,
    found: u64,
    found_tokens: u64,
    found_judgements: u64,
}

impl Store {
    /// Opens a store, or starts one.
    ///
    /// # Errors
    /// When the file cannot be used, another process has it open, or it is not a store.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RecordError> {
        let path = path.as_ref();
        let io = |source| RecordError::Io { path: path.to_owned(), source };
        let bad =
            |line, problem: String| RecordError::Line { path: path.to_owned(), line, problem };
        let mut file = Lines::open(path, Others::Refused).map_err(io)?;
        let (mut places, mut judged, mut end) = (HashMap::new(), HashMap::new(), 0);
        let (mut reader, mut line) = (file.reader().map_err(io)?, Vec::new());
        for number in 1.. {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).map_err(io)?;
            if line.last() != Some(&b'\n') {
                // A torn first line is the beginning of the header; anything else is somebody's file.
                if number == 1 && !HEADER.starts_with(&line) {
                    return Err(bad(1, "not a store: the file is left as it is".into()));
                }
                break;
            }
            if number == 1 {
                if line != HEADER {
                    return Err(bad(1, "not a store: the file is left as it is".into()));
                }
            } else {
                let entry: Entry<IgnoredAny, IgnoredAny> = serde_json::from_slice(&line)
                    .map_err(|error| bad(number, format!("not an entry: {error}")))?;
                let key = u128::from_str_radix(&entry.key, 16)
                    .map_err(|error| bad(number, format!("key {:?}: {error}", entry.key)))?;
                let kind = match (&entry.line, &entry.judged) {
                    (Some(_), None) => &mut places,
                    (None, Some(_)) => &mut judged,
                    _ => {
                        let expected = "expected either a line or a judgement";
                        return Err(bad(number, format!("not an entry: {expected}")));
                    }
                };
                kind.insert(Key(key), end..end + length as u64);
            }
            end += length as u64;
        }
        // Only now is it known to be a store: drop the torn line at its end.
        file.cut(end).map_err(io)?;
        if end == 0 {
            file.append(HEADER).map_err(io)?;
        }
        let state = State { file, places, judged, found: 0, found_tokens: 0, found_judgements: 0 };
        Ok(Self { path: path.to_owned(), state: Mutex::new(state) })
    }

    /// A generator that looks here first. `model` names the generator and all that its lines depend
    /// on besides the request: another name is another model, whatever it is.
    pub fn over<G: Generator>(&self, generator: G, model: impl Into<String>) -> Stored<'_, G> {
        Stored { store: self, generator, model: model.into() }
    }

    /// A scorer that looks here first. `name` names the scorer and all that its scores depend on besides the path
    /// ([`StepScorer::identity`]): another name is another scorer, whatever it is.
    pub fn judging<S: StepScorer>(
        &self,
        scorer: S,
        name: impl Into<String>,
    ) -> StoredScorer<'_, S> {
        StoredScorer::new(self, scorer, name.into())
    }

    /// Lines held.
    pub fn lines(&self) -> usize {
        self.state().places.len()
    }

    /// Judgements held, each of a path.
    pub fn judgements(&self) -> usize {
        self.state().judged.len()
    }

    /// Whether it holds neither lines nor judgements.
    pub fn is_empty(&self) -> bool {
        let state = self.state();
        state.places.is_empty() && state.judged.is_empty()
    }

    /// Lines that were asked for since it was opened, and were there.
    pub fn found(&self) -> u64 {
        self.state().found
    }

    /// Tokens that were generated of these lines, before it was opened or since.
    pub fn found_tokens(&self) -> u64 {
        self.state().found_tokens
    }

    /// Judgements that were asked for since it was opened, and were there.
    pub fn found_judgements(&self) -> u64 {
        self.state().found_judgements
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves it as it was before or after a whole line.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, key: Key) -> Result<Option<Completion>, RecordError> {
        let mut state = self.state();
        let Some(place) = state.places.get(&key).cloned() else { return Ok(None) };
        let Some(line) = self.entry(&state, place, key)?.line else { return Ok(None) };
        state.found += 1;
        state.found_tokens += line.generated();
        Ok(Some(line))
    }

    /// The entry at a place of the file.
    fn entry(
        &self,
        state: &State,
        place: Range<u64>,
        key: Key,
    ) -> Result<Entry<Completion>, RecordError> {
        let io = |source| RecordError::Io { path: self.path.clone(), source };
        let bytes = state.file.read(place).map_err(io)?;
        // It was JSON with a key when the store was opened, or was written since.
        serde_json::from_slice(&bytes).map_err(|error| {
            let problem = format!("entry {:032x} is not what it should be: {error}", key.0);
            io(std::io::Error::new(std::io::ErrorKind::InvalidData, problem))
        })
    }

    fn put(&self, key: Key, line: &Completion) -> Result<(), RecordError> {
        // Where the caller's patience ended says nothing about the model.
        if line.finish == Finish::Cancelled {
            return Ok(());
        }
        let entry = Entry { key: format!("{:032x}", key.0), line: Some(line), judged: None };
        self.append(key, &entry, |state| &mut state.places)
    }

    /// Writes an entry, unless there is one of its key among those of its kind.
    fn append<T: Serialize>(
        &self,
        key: Key,
        entry: &Entry<T>,
        kind: impl Fn(&mut State) -> &mut HashMap<Key, Range<u64>>,
    ) -> Result<(), RecordError> {
        let io = |source| RecordError::Io { path: self.path.clone(), source };
        let mut bytes = serde_json::to_vec(entry).map_err(|error| io(error.into()))?;
        bytes.push(b'\n');
        let mut state = self.state();
        if kind(&mut state).contains_key(&key) {
            return Ok(());
        }
        let place = state.file.append(&bytes).map_err(io)?;
        kind(&mut state).insert(key, place);
        Ok(())
    }
}

impl Shelf for Store {
    fn get(&self, key: Key) -> Result<Option<Scored>, BoxError> {
        let mut state = self.state();
        let Some(place) = state.judged.get(&key).cloned() else { return Ok(None) };
        let Some(judged) = self.entry(&state, place, key)?.judged else { return Ok(None) };
        state.found_judgements += 1;
        Ok(Some(Scored::of(judged.scores).reading(judged.reads)))
    }

    fn put(&self, key: Key, scored: &Scored) -> Result<(), BoxError> {
        let judged = Judgement { scores: scored.scores.clone(), reads: scored.reads };
        let judged = Some(judged);
        let entry = Entry::<Completion> { key: format!("{:032x}", key.0), line: None, judged };
        Ok(self.append(key, &entry, |state| &mut state.judged)?)
    }
}

/// A generator behind a [`Store`].
#[derive(Debug, Clone)]
pub struct Stored<'s, G> {
    store: &'s Store,
    generator: G,
    model: String,
}

impl<G: Generator> Generator for Stored<'_, G> {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        gather(&mut *self.session(), batch)
    }

    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(StoredSession {
            store: self.store,
            model: &self.model,
            inner: self.generator.session(),
            next: 0,
            ready: BTreeMap::new(),
            waiting: HashMap::new(),
            failed: None,
        })
    }

    fn cost(&self) -> ModelCost {
        self.generator.cost()
    }

    fn vocabulary(&self) -> Option<u64> {
        self.generator.vocabulary()
    }

    fn vocabulary_size(&self) -> Option<u32> {
        self.generator.vocabulary_size()
    }

    fn identity(&self) -> Option<String> {
        Some(self.generator.identity().unwrap_or_else(|| self.model.clone()))
    }
}

struct StoredSession<'a> {
    store: &'a Store,
    model: &'a str,
    inner: Box<dyn Session + 'a>,
    next: u64,
    /// Lines that were found.
    ready: BTreeMap<LineId, Completion>,
    /// Lines of the model: which of ours each is, and its key.
    waiting: HashMap<LineId, (LineId, Key)>,
    /// The store failed while a request was taken up.
    failed: Option<BoxError>,
}

impl StoredSession<'_> {
    /// Keeps what is found, and asks the model for the rest.
    fn take_up(&mut self, request: Request, ids: &[LineId]) -> Result<(), BoxError> {
        let (mut seeds, mut missing) = (Vec::new(), Vec::new());
        for ((key, &id), &seed) in
            keys(self.model, &request)?.into_iter().zip(ids).zip(&request.seeds)
        {
            if let Some(line) = self.store.get(key)? {
                self.ready.insert(id, line);
            } else {
                seeds.push(seed);
                missing.push((id, key));
            }
        }
        if !seeds.is_empty() {
            let asked = self.inner.submit(Request { seeds, ..request });
            self.waiting.extend(asked.into_iter().zip(missing));
        }
        Ok(())
    }
}

impl StoredSession<'_> {
    /// What was found counts as done at once, so that nothing is empty while something is in flight.
    fn found(&mut self) -> Result<Option<Vec<Finished>>, BoxError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.ready.is_empty() {
            return Ok(None);
        }
        let found = std::mem::take(&mut self.ready).into_iter();
        let found = found.map(|(line, completion)| Finished {
            line,
            result: Ok(completion),
            computed_tokens: 0,
            cached_tokens: 0,
        });
        Ok(Some(found.collect()))
    }

    /// A line of the model that is not waited for any more.
    fn forget(&mut self, line: LineId) -> Option<LineId> {
        let asked = self.waiting.iter().find(|(_, (own, _))| *own == line).map(|(&id, _)| id)?;
        self.waiting.remove(&asked).map(|_| asked)
    }

    /// Writes down what the model has made.
    fn keep(&mut self, done: Vec<Finished>) -> Result<Vec<Finished>, BoxError> {
        let mut out = Vec::with_capacity(done.len());
        for done in done {
            let Some((line, key)) = self.waiting.remove(&done.line) else { continue };
            if let Ok(made) = &done.result {
                self.store.put(key, made)?;
            }
            out.push(Finished { line, ..done });
        }
        Ok(out)
    }
}

impl Session for StoredSession<'_> {
    fn submit(&mut self, request: Request) -> Vec<LineId> {
        let first = self.next;
        self.next += request.seeds.len() as u64;
        let ids: Vec<LineId> = (first..self.next).map(LineId).collect();
        if let Err(error) = self.take_up(request, &ids) {
            self.failed.get_or_insert(error);
        }
        ids
    }

    fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
        if let Some(found) = self.found()? {
            return Ok(found);
        }
        let done = self.inner.poll()?;
        self.keep(done)
    }

    fn step(&mut self) -> Result<Vec<Finished>, BoxError> {
        if let Some(found) = self.found()? {
            return Ok(found);
        }
        let done = self.inner.step()?;
        self.keep(done)
    }

    fn cancel(&mut self, line: LineId) {
        self.ready.remove(&line);
        if let Some(id) = self.forget(line) {
            self.inner.cancel(id);
        }
    }

    /// What was found is whole, and what the model has begun is not kept.
    fn cut(&mut self, line: LineId) -> Option<Finished> {
        if let Some(found) = self.ready.remove(&line) {
            return Some(Finished {
                line,
                result: Ok(found),
                computed_tokens: 0,
                cached_tokens: 0,
            });
        }
        let id = self.forget(line)?;
        self.inner.cut(id).map(|done| Finished { line, ..done })
    }
}
