//! Lines in flight on an engine: admission, ticks, results as they come.
//!
//! Admission takes waiting requests in order while there is room, runs the parts of their prefixes
//! that the cache lacks (a part that several share is run once), and samples each line's first
//! token. A tick then runs one token of every line together. Both happen inside `poll`, until a
//! line is done.

use std::collections::VecDeque;
use std::sync::Arc;

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
        let mut bytes: usize = self.lines.iter().map(|line| line.writer.most() * per_token).sum();
        while let Some(mut waiting) = self.waiting.pop_front() {
            let each = waiting.request.max_tokens as usize * per_token;
            let room = (self.engine.config.line_bytes.saturating_sub(bytes) / each.max(1))
                .min(self.engine.config.max_lines.saturating_sub(lines));
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
            bytes += waiting.lines.len() * each;
            match self.engine.prefix(&waiting.request).and_then(|prefix| self.check(prefix)) {
                Ok(prefix) => {
                    let Waiting { request, lines } = waiting;
                    let state = self.engine.executor.empty();
                    let hidden = Vec::new();
                    admissions.push(Admission {
                        request,
                        lines,
                        prefix,
                        state,
                        cached: 0,
                        done: 0,
                        hidden,
                    });
                }
                Err(error) => {
                    lines -= waiting.lines.len();
                    let failed = |(line, _)| failed(line, &LineError(error.to_string()));
                    finished.extend(waiting.lines.into_iter().map(failed));
                }
            }
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

    fn check(&self, prefix: Prefix) -> Result<Prefix, ModelError> {
        let positions = self.engine.executor.config().max_position_embeddings;
        if prefix.tokens.len() < positions {
            return Ok(prefix);
        }
        let found = prefix.tokens.len();
        let problem =
            format!("{found} tokens leave no room: the model knows {positions} positions");
        Err(ModelError::input("prompt", problem))
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
        for mut admission in round {
            let tokens = &admission.prefix.tokens;
            let length = tokens.len();
            let kept = engine.executor.fork(&mut admission.state, length);
            engine.cache().insert(&engine.executor, tokens.clone(), kept);
            let rule = &admission.request.rule;
            let boundary = Boundary::new(&engine.tokenizer, &rule.delimiters)?;
            let stop = Boundary::stop(&engine.tokenizer, &rule.stop)?;
            let mut fresh: Vec<Line<E::State>> = Vec::new();
            for &(id, seed) in &admission.lines {
                let first = fresh.is_empty();
                let writer = Writer::new(
                    Arc::clone(&admission.request),
                    seed,
                    &admission.prefix,
                    boundary.start(),
                    stop.start(),
                    positions,
                );
                fresh.push(Line {
                    id,
                    state: engine.executor.fork(&mut admission.state, length),
                    next: 0,
                    tokens: tokens.clone(),
                    // What the lines share is charged to the first of them.
                    computed: if first { (length - admission.cached) as u64 } else { 0 },
                    cached: if first { admission.cached } else { length } as u64,
                    writer,
                });
            }
            let logits = engine.executor.logits(&admission.hidden)?;
            let known = engine.tokenizer.vocab_size().min(logits.len());
            for mut line in fresh {
                let wrote =
                    line.writer.write(&logits[..known], &engine.tokenizer, &engine.end_tokens);
                if let Some(line) = self.settle(line, wrote, finished) {
                    self.lines.push(line);
                }
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
        wrote: Result<(u32, Option<Completion>), LineError>,
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
