//! One line on a server: calls, until the steps that it makes are what was asked for.
//!
//! A call goes to the next step's end (or, with [`Calls::Lines`], to the line's), and its seed is that of the
//! step. Where a step goes on after a call (the server ended at a blank line, at a stop text that is none here, or at
//! a limit of its own) the next call's seed is drawn from the step's and from how much of it there is. What a
//! server wrote past the end of a step is dropped.

use std::sync::Arc;

use tts_core::{Completion, Finish, LineError, LineId, Request, seed};

use super::call::{Ask, Drawn, Ended, Reply};
use super::cold::Cold;
use super::one::Asker;
use super::server::{Place, Server, Servers, Speech};
use super::{Calls, RemoteError};
use crate::engine::sampling::{Sampled, Signals};
use crate::write::{Encoder, Prefix, Writer};

/// Everything that a line needs.
pub(super) struct Line {
    pub(super) id: LineId,
    pub(super) servers: Arc<Servers>,
    pub(super) words: Arc<Encoder>,
    pub(super) request: Arc<Request>,
    pub(super) prefix: Arc<Prefix>,
    pub(super) writer: Writer,
    /// The line's seed.
    pub(super) seed: u64,
    /// Which problem it is of: what shares prefixes.
    pub(super) problem: u64,
}

/// What a line came to.
pub(super) struct Ran {
    pub(super) result: Result<Completion, LineError>,
    pub(super) computed: u64,
    pub(super) cached: u64,
}

impl Line {
    pub(super) async fn run(mut self) -> Ran {
        let (mut computed, mut cached) = (0, 0);
        let servers = Arc::clone(&self.servers);
        let result = match &servers.speech {
            Speech::Ids(_) => self.write(&mut computed, &mut cached).await,
            Speech::Text(interface) => self.write_text(interface, &mut computed, &mut cached).await,
        };
        let result = result.map_err(LineError::from);
        Ran { result, computed, cached }
    }

    async fn write(
        &mut self,
        computed: &mut u64,
        cached: &mut u64,
    ) -> Result<Completion, RemoteError> {
        let by_step = self.servers.calls() == Calls::Steps;
        let mut tokens = self.prefix.tokens.clone();
        let mut place = None;
        loop {
            let most = self.writer.most(by_step);
            let asked = if by_step { self.writer.step_seed() } else { self.seed };
            let behind = if by_step { self.writer.in_step() } else { self.writer.generated() };
            let seed = if behind == 0 { asked } else { seed::mix(asked, behind.into()) };
            let mut reply = self.ask(&tokens, most, seed, by_step, &mut place).await?;
            let known = reply.cached.unwrap_or(0).min(reply.prompt);
            *computed += reply.prompt - known + reply.drawn.len() as u64;
            *cached += known;
            let generated = reply.drawn.len() as u64;
            self.servers.ledger.answered(reply.prompt, known, generated);
            if let Ended::Failed(problem) = &reply.ended {
                return Err(self.answer(place.as_ref(), problem.clone()));
            }
            if reply.drawn.is_empty() {
                return Err(self.answer(place.as_ref(), "no tokens, expected at least one".into()));
            }
            self.check(&reply, most, place.as_ref())?;
            *computed += self.fill(&tokens, &mut reply.drawn, &mut place).await?;
            if let Some(done) = self.take(&reply, by_step, &mut tokens) {
                if let Some(place) = &place {
                    place.holds(&tokens);
                }
                return Ok(self.without_logprobs(done));
            }
            // What a server says of its end holds for the step that it ended in, not for one before that.
            let finish = match reply.ended {
                Ended::Context => Some(Finish::Context),
                Ended::Length if self.is_full(&tokens, place.as_ref()) => Some(Finish::Context),
                Ended::Repetition => Some(Finish::Length),
                // Others allow fewer tokens in an answer than there is room for.
                _ => None,
            };
            if let Some(finish) = finish.filter(|_| self.writer.in_step() > 0) {
                let done = self.writer.stop(finish, &self.words.text().tokenizer);
                return Ok(self.without_logprobs(done));
            }
        }
    }

    /// Whether a server has no positions left behind these tokens.
    fn is_full(&self, tokens: &[u32], place: Option<&Place>) -> bool {
        let positions = place.map(|place| self.servers.server(place).facts.positions);
        positions.is_some_and(|positions| tokens.len() >= positions)
    }

    async fn ask(
        &self,
        tokens: &[u32],
        most: u32,
        seed: u64,
        by_step: bool,
        place: &mut Option<Place>,
    ) -> Result<Reply, RemoteError> {
        let servers = &self.servers;
        let dialect = servers.dialect()?;
        let rule = &self.request.rule;
        let delimiters = if by_step { &rule.delimiters[..] } else { &[] };
        // Stop texts first: some servers take only so many.
        let stops: Vec<String> =
            rule.stop.iter().chain(&rule.pause).chain(delimiters).cloned().collect();
        let ask = |slot: Option<usize>, cold: Option<Cold>| Ask {
            tokens,
            most,
            seed,
            sampling: &self.request.sampling,
            stops: &stops,
            stop_tokens: self.words.end_tokens(),
            logprobs: servers.wants_logprobs(),
            top: self.request.watch.confidence,
            slot,
            cold,
        };
        let make = |server: &Server, slot| dialect.ask(&server.facts, &ask(slot, servers.cold()));
        let read = |_: &Server, answer| dialect.reply(&ask(None, None), answer);
        servers.call(self.problem, self.seed, tokens, place, make, read).await
    }

    /// Refuses answers that cannot be of this model, or of this call.
    fn check(&self, reply: &Reply, most: u32, place: Option<&Place>) -> Result<(), RemoteError> {
        let known = self.words.text().tokenizer.vocab_size();
        if let Some(bad) = reply.drawn.iter().find(|drawn| drawn.token as usize >= known) {
            let problem = format!("token {} is outside the vocabulary of {known}", bad.token);
            return Err(self.answer(place, problem));
        }
        let found = reply.drawn.len();
        if found > most as usize {
            return Err(self.answer(place, format!("{found} tokens, expected at most {most}")));
        }
        let top = self.request.watch.confidence as usize;
        let short = |drawn: &&Drawn| drawn.top.len() < top && drawn.logprob.is_some();
        if let Some(drawn) = reply.drawn.iter().find(short) {
            let found = drawn.top.len();
            return Err(self.answer(place, format!("{found} most probable tokens, expected {top}")));
        }
        Ok(())
    }

    /// Asks for log-probabilities that the server left out, one by one; how many tokens it computed for that.
    async fn fill(
        &self,
        tokens: &[u32],
        drawn: &mut [Drawn],
        place: &mut Option<Place>,
    ) -> Result<u64, RemoteError> {
        let servers = &self.servers;
        let confidence = self.request.watch.confidence;
        if !servers.wants_logprobs() && confidence == 0 {
            return Ok(0);
        }
        let mut computed = 0;
        for missing in 0..drawn.len() {
            if drawn[missing].logprob.is_some() {
                continue;
            }
            let token = drawn[missing].token;
            let before: Vec<u32> =
                tokens.iter().copied().chain(drawn[..missing].iter().map(|d| d.token)).collect();
            let asker =
                Asker { servers, words: &self.words, problem: self.problem, line: self.seed };
            let one = asker.logprob(&before, token, confidence, place).await?;
            computed += one.computed;
            (drawn[missing].logprob, drawn[missing].top) = (Some(one.logprob), one.top);
        }
        Ok(computed)
    }

    /// Takes the tokens up to the end of the line, or, step by step, of the step.
    fn take(&mut self, reply: &Reply, by_step: bool, tokens: &mut Vec<u32>) -> Option<Completion> {
        let tokenizer = Arc::clone(&self.words.text().tokenizer);
        let steps = self.writer.steps();
        for (place, drawn) in reply.drawn.iter().enumerate() {
            let last = place + 1 == reply.drawn.len() && reply.ended == Ended::Model;
            let last = last || self.words.end_tokens().contains(&drawn.token);
            tokens.push(drawn.token);
            let confidence = mean(&drawn.top).map(|mean| -mean);
            let signals = Signals { confidence, ..Signals::default() };
            let logprob = drawn.logprob.unwrap_or_default();
            let sampled = Sampled { token: drawn.token, logprob, signals };
            let done = self.writer.take(sampled, last, &tokenizer);
            if done.is_some() || (by_step && self.writer.steps() > steps) {
                let dropped = reply.drawn.len() - place - 1;
                self.servers.ledger.dropped(dropped as u64);
                return done;
            }
        }
        None
    }

    pub(super) fn without_logprobs(&self, mut done: Completion) -> Completion {
        if !self.servers.wants_logprobs() {
            for step in &mut done.steps {
                step.logprobs.clear();
            }
        }
        done
    }

    pub(super) fn answer(&self, place: Option<&Place>, problem: String) -> RemoteError {
        let server = place.map(|place| self.servers.server(place));
        RemoteError::answer(server.map_or("the server", |server| server.http.base()), problem)
    }
}

/// The mean of log-probabilities, summed as the engine does.
fn mean(logprobs: &[f32]) -> Option<f32> {
    let sum: f64 = logprobs.iter().copied().map(f64::from).sum();
    #[expect(clippy::cast_possible_truncation, reason = "signals are f32")]
    let mean = (sum / logprobs.len() as f64) as f32;
    (!logprobs.is_empty()).then_some(mean)
}
