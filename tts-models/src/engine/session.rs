//! Lines in flight on an engine: admission, ticks, results as they come.
//!
//! Admission takes waiting requests in order while there is room, runs the parts of their prefixes
//! that the cache lacks (a part that several share is run once), and samples each line's first
//! token. A tick then runs one token of every line together. Both happen inside `poll`, until a
//! line is done.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tts_core::{BoxError, Completion, Finished, LineError, LineId, Request, Session};

use super::Engine;
use super::line::{Line, Writer};
use super::prefix::Prefix;
use crate::tokenizer::Boundary;
use crate::{Executor, ModelError, Span, Want};

/// Prefixes that share at least this many tokens beyond the cache are run one after the other, so
/// that the second finds the first's work.
const WORTH_WAITING: usize = 16;

/// A request that waits, with the lines of it that are still wanted.
struct Waiting {
    request: Arc<Request>,
    lines: Vec<(LineId, u64)>,
}

/// A request that is being admitted.
struct Admission<S> {
    request: Arc<Request>,
    lines: Vec<(LineId, u64)>,
    prefix: Prefix,
    state: S,
    /// Tokens found in the cache.
    cached: usize,
    /// Tokens of the prefix that the state holds by now.
    done: usize,
    /// Last hidden row of the prefix.
    hidden: Vec<f32>,
    boundary: Boundary,
    stop: Boundary,
    /// Bytes that each line may come to.
    each: usize,
    /// Bytes of the prefix that were not in the cache.
    own: usize,
}

pub(super) struct EngineSession<'e, E: Executor> {
    engine: &'e Engine<E>,
    waiting: VecDeque<Waiting>,
    lines: Vec<Line<E::State>>,
    next: u64,
}

impl<'e, E: Executor> EngineSession<'e, E> {
    pub(super) fn new(engine: &'e Engine<E>) -> Self {
        Self { engine, waiting: VecDeque::new(), lines: Vec::new(), next: 0 }
    }

    /// Takes requests up while there is room. Requests that cannot run fail line by line.
    fn admit(&mut self, finished: &mut Vec<Finished>) -> Result<(), ModelError> {
        let mut admissions = Vec::new();
        let mut lines = self.lines.len();
        let per_token = self.engine.bytes_per_token();
        let positions = self.engine.executor.config().max_position_embeddings;
        let mut bytes: usize = self.lines.iter().map(|line| line.charge).sum();
        while lines < self.engine.config.max_lines || lines == 0 {
            let Some(mut waiting) = self.waiting.pop_front() else { break };
            let mut admission = match self.prepare(&waiting.request) {
                Ok(admission) => admission,
                Err(error) => {
                    let failed = |(line, _)| failed(line, &LineError(error.to_string()));
                    finished.extend(waiting.lines.into_iter().map(failed));
                    continue;
                }
            };
            // What a line may come to, and once what the cache does not hold of its beginning.
            let length = admission.prefix.tokens.len();
            let most = (waiting.request.max_tokens as usize).min(positions - length);
            let known = self.engine.cache().known(&admission.prefix.tokens);
            let (each, own) = (most * per_token, (length - known) * per_token);
            let left = self.engine.config.line_bytes.saturating_sub(bytes + own);
            let room = (left / each.max(1)).min(self.engine.config.max_lines.saturating_sub(lines));
            // One line may always run, or nothing ever would.
            let room = if lines == 0 { room.max(1) } else { room };
            if room < waiting.lines.len() {
                let later = waiting.lines.split_off(room);
                let request = Arc::clone(&waiting.request);
                self.waiting.push_front(Waiting { request, lines: later });
            }
            if waiting.lines.is_empty() {
                break;
            }
            lines += waiting.lines.len();
            bytes += own + waiting.lines.len() * each;
            (admission.each, admission.own) = (each, own);
            admission.lines = waiting.lines;
            admissions.push(admission);
        }
        // Round by round: whoever shares much with one of the same round waits for the next.
        while !admissions.is_empty() {
            let mut round: Vec<Admission<E::State>> = Vec::new();
            let mut later = Vec::new();
            for mut admission in admissions {
                let tokens = &admission.prefix.tokens;
                // The last token is run again: its hidden row is needed.
                admission.state =
                    self.engine.cache().begin(&self.engine.executor, tokens, tokens.len() - 1);
                admission.done = self.engine.executor.length(&admission.state);
                let waits = round.iter().any(|other| {
                    let shared = tokens.iter().zip(&other.prefix.tokens);
                    let shared = shared.take_while(|(a, b)| a == b).count();
                    shared >= admission.done + WORTH_WAITING
                });
                if waits { later.push(admission) } else { round.push(admission) }
            }
            self.prefill(&mut round)?;
            self.start(round, finished)?;
            admissions = later;
        }
        Ok(())
    }

    /// Everything about a request that can be wrong is found here, before it runs with others.
    fn prepare(&self, request: &Arc<Request>) -> Result<Admission<E::State>, ModelError> {
        let prefix = self.engine.prefix(request)?;
        self.engine.check_ids(&prefix.tokens)?;
        let positions = self.engine.executor.config().max_position_embeddings;
        if prefix.tokens.len() >= positions {
            let found = prefix.tokens.len();
            let problem =
                format!("{found} tokens leave no room: the model knows {positions} positions");
            return Err(ModelError::input("prompt", problem));
        }
        Ok(Admission {
            boundary: Boundary::new(&self.engine.tokenizer, &request.rule.delimiters)?,
            stop: Boundary::stop(&self.engine.tokenizer, &request.rule.stop)?,
            request: Arc::clone(request),
            lines: Vec::new(),
            prefix,
            state: self.engine.executor.empty(),
            cached: 0,
            done: 0,
            hidden: Vec::new(),
            each: 0,
            own: 0,
        })
    }

    /// Runs what is missing of the prefixes, in passes of bounded size.
    fn prefill(&self, round: &mut [Admission<E::State>]) -> Result<(), ModelError> {
        for admission in &mut *round {
            admission.cached = admission.done;
        }
        let mut pending: Vec<&mut Admission<E::State>> = round.iter_mut().collect();
        while !pending.is_empty() {
            let mut room = self.engine.config.prefill_rows;
            let mut spans = Vec::new();
            let mut ends = Vec::new();
            for admission in &mut pending {
                if room == 0 {
                    break;
                }
                let missing = &admission.prefix.tokens[admission.done..];
                let tokens = &missing[..missing.len().min(room)];
                let last = tokens.len() == missing.len();
                room -= tokens.len();
                admission.done += tokens.len();
                ends.push(last);
                let want = if last { Want::Last } else { Want::Nothing };
                spans.push(Span { state: &mut admission.state, tokens, want });
            }
            let rows = self.engine.executor.forward(&mut spans)?;
            let mut rows = rows.chunks_exact(self.engine.executor.config().hidden_size);
            for (admission, &last) in pending.iter_mut().zip(&ends) {
                if let Some(row) = last.then(|| rows.next()).flatten() {
                    admission.hidden = row.to_vec();
                }
            }
            pending.retain(|admission| admission.hidden.is_empty());
        }
        Ok(())
    }

    /// Forks each prefix into its lines and samples their first tokens.
    fn start(
        &mut self,
        round: Vec<Admission<E::State>>,
        finished: &mut Vec<Finished>,
    ) -> Result<(), ModelError> {
        let engine = self.engine;
        let positions = engine.executor.config().max_position_embeddings;
        let hidden: Vec<f32> =
            round.iter().flat_map(|admission| admission.hidden.clone()).collect();
        let mut fresh: Vec<(usize, Line<E::State>)> = Vec::new();
        for (row, mut admission) in round.into_iter().enumerate() {
            let tokens = &admission.prefix.tokens;
            let length = tokens.len();
            let kept = engine.executor.fork(&mut admission.state, length);
            engine.cache().insert(&engine.executor, tokens.clone(), kept);
            for (index, &(id, seed)) in admission.lines.iter().enumerate() {
                let first = index == 0;
                let writer = Writer::new(
                    Arc::clone(&admission.request),
                    seed,
                    &admission.prefix,
                    admission.boundary.start(),
                    admission.stop.start(),
                    positions,
                );
                fresh.push((
                    row,
                    Line {
                        id,
                        state: engine.executor.fork(&mut admission.state, length),
                        next: 0,
                        tokens: tokens.clone(),
                        // What the lines share is charged to the first of them.
                        computed: if first { (length - admission.cached) as u64 } else { 0 },
                        cached: if first { admission.cached } else { length } as u64,
                        charge: admission.each + if first { admission.own } else { 0 },
                        writer,
                    },
                ));
            }
        }
        let writers: Vec<(usize, Mutex<&mut Writer>)> =
            fresh.iter_mut().map(|(row, line)| (*row, Mutex::new(&mut line.writer))).collect();
        // Lines of one prefix draw from the same logits.
        let wrote = engine.over_logits(&hidden, |row, logits| {
            let own = writers.iter().filter(|(of, _)| *of == row);
            own.map(|(_, writer)| engine.write(writer, logits)).collect::<Vec<_>>()
        })?;
        drop(writers);
        for ((_, line), wrote) in fresh.into_iter().zip(wrote.into_iter().flatten()) {
            if let Some(line) = self.settle(line, wrote, finished) {
                self.lines.push(line);
            }
        }
        Ok(())
    }

    /// Runs one token of every line.
    fn tick(&mut self, finished: &mut Vec<Finished>) -> Result<(), ModelError> {
        let engine = self.engine;
        let mut lines = std::mem::take(&mut self.lines);
        let mut spans: Vec<Span<'_, E::State>> = lines
            .iter_mut()
            .map(|line| Span {
                state: &mut line.state,
                tokens: std::slice::from_ref(&line.next),
                want: Want::Last,
            })
            .collect();
        let hidden = engine.executor.forward(&mut spans)?;
        drop(spans);
        let writers: Vec<std::sync::Mutex<&mut Writer>> =
            lines.iter_mut().map(|line| std::sync::Mutex::new(&mut line.writer)).collect();
        let wrote = engine.over_logits(&hidden, |row, logits| {
            let mut writer = writers[row].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            writer.write(logits, &engine.tokenizer, &engine.end_tokens)
        })?;
        drop(writers);
        for (mut line, wrote) in lines.into_iter().zip(wrote) {
            line.tokens.push(line.next);
            line.computed += 1;
            if let Some(line) = self.settle(line, wrote, finished) {
                self.lines.push(line);
            }
        }
        Ok(())
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
        let Line { id, state, tokens, computed, cached, .. } = line;
        self.engine.cache().insert(&self.engine.executor, tokens, state);
        finished.push(Finished {
            line: id,
            result,
            computed_tokens: computed,
            cached_tokens: cached,
        });
        None
    }
}

/// What a line wrote: its next token, and the completion if it ended with it.
type Wrote = Result<(u32, Option<Completion>), LineError>;

impl<E: Executor> Engine<E> {
    /// Lets a line draw its next token.
    fn write(&self, writer: &Mutex<&mut Writer>, logits: &[f32]) -> Wrote {
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write(logits, &self.tokenizer, &self.end_tokens)
    }
}

fn failed(line: LineId, error: &LineError) -> Finished {
    Finished { line, result: Err(error.clone()), computed_tokens: 0, cached_tokens: 0 }
}

impl<E: Executor> Session for EngineSession<'_, E> {
    fn submit(&mut self, request: Request) -> Vec<LineId> {
        let ids: Vec<LineId> = (self.next..).map(LineId).take(request.seeds.len()).collect();
        self.next += request.seeds.len() as u64;
        let lines = ids.iter().copied().zip(request.seeds.iter().copied()).collect();
        self.waiting.push_back(Waiting { request: Arc::new(request), lines });
        ids
    }

    fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
        let mut finished = Vec::new();
        while finished.is_empty() && !(self.waiting.is_empty() && self.lines.is_empty()) {
            self.admit(&mut finished)?;
            if finished.is_empty() && !self.lines.is_empty() {
                self.tick(&mut finished)?;
            }
        }
        Ok(finished)
    }

    fn cancel(&mut self, line: LineId) {
        self.lines.retain(|other| other.id != line);
        for waiting in &mut self.waiting {
            waiting.lines.retain(|(id, _)| *id != line);
        }
        self.waiting.retain(|waiting| !waiting.lines.is_empty());
    }
}
