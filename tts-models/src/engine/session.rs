//! Lines in flight on an engine: admission, passes, results as they come.
//!
//! Admission takes waiting requests in order while there is room. A pass then runs the next token
//! of every line, and beside them parts of the prefixes that the cache lacks, so that reading new
//! prompts does not hold up the lines that write. A prefix that shares much with one before it
//! waits for that one's work. Who is through with its prefix starts its lines at once; a line that
//! ends gives its place back at once. All of this happens inside `step`; `poll` does it until a line
//! is done.
//!
//! Lines that wait stand in a tree by their numbers, so that calling one off costs the same however many wait; of those
//! that run, and of those whose prefix is read, there are no more than an engine runs at once.
//!
//! Where layers have windows, a sequence that has gone on cannot be gone on from in its middle any more. So a prefix
//! is kept on its way where others part from it: those that wait for its work, and, where it had to be run again
//! because of that, the sequences that the cache knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tts_core::{BoxError, Completion, Finished, LineError, LineId, Request, Session};

use super::Engine;
use super::line::Line;
use crate::exec::cache::shared;
use crate::write::{Prefix, Writer};
use crate::{Executor, ModelError, Span, Want};

/// A prefix that shares at least this many tokens, beyond the cache, with one before it waits, so
/// that it finds the other's work.
const WORTH_WAITING: usize = 16;

/// A line that waits. Those of a request are neighbours, and requests stand in the order in which they came.
struct Waiting {
    request: Arc<Request>,
    seed: u64,
}

/// A request whose prefix is being run.
struct Admission<S> {
    number: u64,
    lines: Vec<(LineId, u64)>,
    prefix: Prefix,
    /// `None` while it waits for another one's work.
    state: Option<S>,
    /// Whose work it waits for.
    waits_for: Option<u64>,
    /// Tokens found in the cache.
    cached: usize,
    /// Tokens of the prefix that the state holds by now.
    done: usize,
    /// Where it is kept on its way.
    stops: BTreeSet<usize>,
    /// Last hidden row of the prefix, once it is known.
    hidden: Option<Vec<f32>>,
    /// What each line begins as.
    writer: Writer,
    /// Bytes that each line may come to.
    each: usize,
    /// Bytes of the prefix that were not in the cache.
    own: usize,
}

pub(super) struct EngineSession<'e, E: Executor> {
    engine: &'e Engine<E>,
    waiting: BTreeMap<LineId, Waiting>,
    pending: Vec<Admission<E::State>>,
    lines: Vec<Line<E::State>>,
    next: u64,
    /// Kept from pass to pass: it is large.
    logits: Vec<f32>,
}

impl<'e, E: Executor> EngineSession<'e, E> {
    pub(super) fn new(engine: &'e Engine<E>) -> Self {
        Self {
            engine,
            waiting: BTreeMap::new(),
            pending: Vec::new(),
            lines: Vec::new(),
            next: 0,
            logits: Vec::new(),
        }
    }

    /// Takes requests up while there is room. Requests that cannot run fail line by line.
    fn admit(&mut self, finished: &mut Vec<Finished>) {
        let config = &self.engine.config;
        let executor = &self.engine.executor;
        let positions = executor.config().max_position_embeddings;
        let pending = || self.pending.iter();
        let mut lines =
            self.lines.len() + pending().map(|admission| admission.lines.len()).sum::<usize>();
        let mut bytes: usize = self.lines.iter().map(|line| line.charge).sum::<usize>()
            + pending().map(|a| a.own + a.lines.len() * a.each).sum::<usize>();
        while lines < config.max_lines || lines == 0 {
            let Some((_, Waiting { request, .. })) = self.waiting.first_key_value() else { break };
            let request = Arc::clone(request);
            let mut admission = match self.prepare(&request) {
                Ok(admission) => admission,
                Err(error) => {
                    let error = LineError(error.to_string());
                    let all = self.first_of(&request, usize::MAX).into_iter();
                    finished.extend(all.map(|(line, _)| failed(line, &error)));
                    continue;
                }
            };
            // What a line may come to, and once what the cache does not hold of its beginning.
            let length = admission.prefix.tokens.len();
            let most = (request.max_tokens as usize).min(positions - length);
            let known = self.engine.cache().known(&admission.prefix.tokens);
            let each = executor.sequence_bytes(most, 1);
            let own = executor.sequence_bytes(length - known, config.prefill_rows);
            let left = config.line_bytes.saturating_sub(bytes + own);
            let room = (left / each.max(1)).min(config.max_lines.saturating_sub(lines));
            // One line may always run, or nothing ever would.
            let room = if lines == 0 { room.max(1) } else { room };
            if room == 0 {
                break;
            }
            admission.lines = self.first_of(&request, room);
            lines += admission.lines.len();
            bytes += own + admission.lines.len() * each;
            (admission.each, admission.own) = (each, own);
            self.pending.push(admission);
        }
    }

    /// Takes the first lines that wait, of one request, at most so many.
    fn first_of(&mut self, request: &Arc<Request>, most: usize) -> Vec<(LineId, u64)> {
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(first) = self.waiting.first_entry()
            && Arc::ptr_eq(&first.get().request, request)
        {
            let (line, Waiting { seed, .. }) = first.remove_entry();
            taken.push((line, seed));
        }
        taken
    }

    /// Everything about a request that can be wrong is found here, before it runs with others.
    fn prepare(&mut self, request: &Arc<Request>) -> Result<Admission<E::State>, ModelError> {
        let model = self.engine.executor.config();
        model.stored.check_head()?;
        let positions = model.max_position_embeddings;
        let (prefix, writer) = self.engine.words.begin(request, positions)?;
        self.engine.check_ids(&prefix.tokens)?;
        self.next += 1;
        Ok(Admission {
            number: self.next,
            writer,
            lines: Vec::new(),
            prefix,
            state: None,
            waits_for: None,
            cached: 0,
            done: 0,
            stops: BTreeSet::new(),
            hidden: None,
            each: 0,
            own: 0,
        })
    }

    /// Begins prefixes that need not wait for others.
    fn begin(&mut self) {
        let windows = self.engine.executor.windows().is_some();
        for index in 0..self.pending.len() {
            let (before, rest) = self.pending.split_at_mut(index);
            let Some(admission) = rest.first_mut() else { continue };
            let waits = |other: &Admission<_>| Some(other.number) == admission.waits_for;
            if admission.state.is_some() || before.iter().any(waits) {
                continue;
            }
            let tokens = &admission.prefix.tokens;
            let mut cache = self.engine.cache();
            let known = cache.known(tokens);
            let ahead =
                before.iter_mut().filter(|other| other.hidden.is_none()).find_map(|other| {
                    let together = shared(tokens, &other.prefix.tokens);
                    (together >= known + WORTH_WAITING).then_some((other, together))
                });
            admission.waits_for = ahead.as_ref().map(|(other, _)| other.number);
            if let Some((other, together)) = ahead {
                if windows {
                    other.stops.insert(together);
                }
                continue;
            }
            // Without its hidden row the last token is run again.
            let last = tokens.len() - 1;
            admission.hidden = cache.rows(tokens, &[last]).pop().flatten();
            let most = if admission.hidden.is_some() { tokens.len() } else { last };
            let state = cache.begin(&self.engine.executor, tokens, most);
            admission.done = self.engine.executor.length(&state);
            if admission.done < tokens.len() {
                admission.hidden = None;
            }
            admission.stops.extend(cache.parted(tokens));
            admission.cached = admission.done;
            admission.state = Some(state);
        }
    }

    /// Runs one token of every line, and some of the prefixes beside them.
    fn pass(&mut self, finished: &mut Vec<Finished>) -> Result<(), ModelError> {
        self.begin();
        let engine = self.engine;
        let width = engine.executor.config().hidden_size;
        let mut spans: Vec<Span<'_, E::State>> = Vec::new();
        for line in &mut self.lines {
            let tokens = std::slice::from_ref(&line.next);
            spans.push(Span { state: &mut line.state, tokens, want: Want::Last });
        }
        let mut room = engine.config.prefill_rows;
        // Which admissions, how many of their tokens, and whether these are the last.
        let mut ran = Vec::new();
        for (index, admission) in self.pending.iter_mut().enumerate() {
            if room == 0 {
                break;
            }
            let (Some(state), None) = (&mut admission.state, &admission.hidden) else { continue };
            let done = admission.done;
            let missing = &admission.prefix.tokens[done..];
            let stop =
                admission.stops.range(done + 1..).next().map_or(usize::MAX, |stop| stop - done);
            let tokens = &missing[..missing.len().min(room).min(stop)];
            let last = tokens.len() == missing.len();
            room -= tokens.len();
            ran.push((index, tokens.len(), last));
            spans.push(Span { state, tokens, want: if last { Want::Last } else { Want::Nothing } });
        }
        let mut hidden =
            if spans.is_empty() { Vec::new() } else { engine.executor.forward(&mut spans)? };
        drop(spans);
        let mut rows = hidden.chunks_exact(width).skip(self.lines.len());
        for (index, tokens, last) in ran {
            let admission = &mut self.pending[index];
            admission.done += tokens;
            if last {
                admission.hidden = rows.next().map(<[f32]>::to_vec);
            } else if admission.stops.contains(&admission.done)
                && let Some(state) = &mut admission.state
            {
                let pieces = engine.executor.pieces(state);
                let tokens = &admission.prefix.tokens[..admission.done];
                engine.cache().insert(&engine.executor, tokens, pieces, Vec::new());
            }
        }
        hidden.truncate(self.lines.len() * width);
        let ready: Vec<Admission<E::State>> =
            self.pending.extract_if(.., |admission| admission.hidden.is_some()).collect();
        self.write(hidden, ready, finished)
    }

    /// Lets running lines and those of the prefixes that are ready draw their next tokens.
    fn write(
        &mut self,
        mut hidden: Vec<f32>,
        ready: Vec<Admission<E::State>>,
        finished: &mut Vec<Finished>,
    ) -> Result<(), ModelError> {
        let engine = self.engine;
        let width = engine.executor.config().hidden_size;
        let mut lines = std::mem::take(&mut self.lines);
        for (line, row) in lines.iter_mut().zip(hidden.chunks_exact(width)) {
            line.tokens.push(line.next);
            line.computed += 1;
            if engine.keeps_rows() {
                line.rows.push((line.tokens.len() - 1, row.to_vec()));
            }
        }
        // Which row of logits each line draws from.
        let mut from: Vec<usize> = (0..lines.len()).collect();
        for admission in ready {
            let row = hidden.len() / width;
            hidden.extend(admission.hidden.iter().flatten());
            for line in self.fork(admission) {
                from.push(row);
                lines.push(line);
            }
        }
        engine.executor.logits_into(&hidden, &mut self.logits)?;
        let vocab = engine.executor.config().vocab_size;
        // Logits beyond the tokenizer are padding of the matrix, not tokens.
        let known = engine.tokenizer().drawn().min(vocab);
        let wrote: Vec<Mutex<Option<Wrote>>> = lines.iter().map(|_| Mutex::default()).collect();
        let writers: Vec<Mutex<&mut Writer>> =
            lines.iter_mut().map(|line| Mutex::new(&mut line.writer)).collect();
        let logits = &self.logits;
        engine.executor.parallel(writers.len(), &|index| {
            let logits = &logits[from[index] * vocab..][..known];
            let mut writer = writers[index].lock().unwrap_or_else(PoisonError::into_inner);
            let next = writer.write(logits, engine.tokenizer(), engine.end_tokens());
            *wrote[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
        });
        drop(writers);
        for (line, wrote) in lines.into_iter().zip(wrote) {
            let wrote = wrote.into_inner().unwrap_or_else(PoisonError::into_inner);
            let lost = || Err(LineError("the line was lost".into()));
            if let Some(line) = self.settle(line, wrote.unwrap_or_else(lost), finished) {
                self.lines.push(line);
            }
        }
        Ok(())
    }

    /// Whether no line is in flight.
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.pending.is_empty() && self.lines.is_empty()
    }

    /// The lines of a prefix that has been run, which the cache keeps from now on.
    fn fork(&self, admission: Admission<E::State>) -> Vec<Line<E::State>> {
        let engine = self.engine;
        let Admission { writer, lines, prefix, state, cached, hidden, each, own, .. } = admission;
        let Some(mut state) = state else { return Vec::new() };
        let length = prefix.tokens.len();
        let pieces = engine.executor.pieces(&mut state);
        let forks = lines.into_iter().enumerate().map(|(index, (id, seed))| {
            let first = index == 0;
            Line {
                id,
                state: engine.executor.begin(&pieces),
                next: 0,
                tokens: prefix.tokens.clone(),
                rows: Vec::new(),
                // What the lines share is charged to the first of them.
                computed: if first { (length - cached) as u64 } else { 0 },
                cached: if first { cached } else { length } as u64,
                charge: each + if first { own } else { 0 },
                writer: writer.seeded(seed),
            }
        });
        let forks = forks.collect();
        let rows = hidden.map(|row| (length - 1, row)).into_iter().collect();
        engine.cache().insert(&engine.executor, &prefix.tokens, pieces, rows);
        forks
    }

    /// A line after its next token: still running, or done.
    fn settle(
        &self,
        mut line: Line<E::State>,
        wrote: Wrote,
        finished: &mut Vec<Finished>,
    ) -> Option<Line<E::State>> {
        let result = match wrote {
            Ok((token, None)) => {
                line.next = token;
                return Some(line);
            }
            Ok((_, Some(completion))) => Ok(completion),
            Err(error) => Err(error),
        };
        finished.push(self.give_back(line, result));
        None
    }

    /// A line that is over, of which the cache keeps what was run.
    fn give_back(&self, line: Line<E::State>, result: Result<Completion, LineError>) -> Finished {
        let Line { id, mut state, tokens, rows, computed, cached, .. } = line;
        let executor = &self.engine.executor;
        let pieces = executor.pieces(&mut state);
        self.engine.cache().insert(executor, &tokens, pieces, rows);
        Finished { line: id, result, computed_tokens: computed, cached_tokens: cached }
    }
}

/// What a line wrote: its next token, and the completion if it ended with it.
type Wrote = Result<(u32, Option<Completion>), LineError>;

fn failed(line: LineId, error: &LineError) -> Finished {
    Finished { line, result: Err(error.clone()), computed_tokens: 0, cached_tokens: 0 }
}

impl<E: Executor> Session for EngineSession<'_, E> {
    fn submit(&mut self, request: Request) -> Vec<LineId> {
        let ids: Vec<LineId> = (self.next..).map(LineId).take(request.seeds.len()).collect();
        self.next += request.seeds.len() as u64;
        let request = Arc::new(request);
        let waiting = |&seed: &u64| Waiting { request: Arc::clone(&request), seed };
        self.waiting.extend(ids.iter().copied().zip(request.seeds.iter().map(waiting)));
        ids
    }

    fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
        let mut finished = Vec::new();
        while finished.is_empty() && !self.is_idle() {
            finished = self.step()?;
        }
        Ok(finished)
    }

    /// Admits requests, and runs one pass unless some of them are done already: they failed.
    fn step(&mut self) -> Result<Vec<Finished>, BoxError> {
        let mut finished = Vec::new();
        self.admit(&mut finished);
        if finished.is_empty() {
            self.pass(&mut finished)?;
        }
        Ok(finished)
    }

    fn cut(&mut self, line: LineId) -> Option<Finished> {
        let Some(place) = self.lines.iter().position(|other| other.id == line) else {
            self.cancel(line);
            return None;
        };
        let mut line = self.lines.remove(place);
        let written = line.writer.cut(self.engine.tokenizer())?;
        Some(self.give_back(line, Ok(written)))
    }

    fn cancel(&mut self, line: LineId) {
        if self.waiting.remove(&line).is_some() {
            return;
        }
        self.lines.retain(|other| other.id != line);
        for admission in &mut self.pending {
            admission.lines.retain(|(id, _)| *id != line);
        }
        self.pending.retain(|admission| !admission.lines.is_empty());
    }
}
