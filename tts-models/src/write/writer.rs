//! Turns tokens into steps: when a step ends, when a line does, and why.
//!
//! It does not matter who draws the tokens: the engine hands over logits ([`Writer::write`]), a remote server
//! tokens that it has drawn ([`Writer::take`]). The rules of [`tts_core::StepRule`] and
//! [`tts_core::Finish`] are read here, once.

use std::sync::Arc;

use tts_core::seed::{self, Rng};
use tts_core::{Completion, Finish, LineError, Request, Step, Until};

use super::prefix::Prefix;
use super::texts::{Texts, holding};
use super::unfinished::Unfinished;
use super::watching::Watching;
use crate::engine::sampling::{Sampled, ranked, sample};
use crate::text::tokenizer::Tokenizer;

/// Turns sampled tokens into steps.
#[derive(Clone)]
pub(crate) struct Writer {
    request: Arc<Request>,
    seed: u64,
    rng: Rng,
    texts: Texts,
    watching: Watching,
    unfinished: Unfinished,
    steps: Vec<Step>,
    tokens: Vec<u32>,
    logprobs: Vec<f32>,
    given: usize,
    generated: u32,
    /// Tokens until the model's last position.
    room: usize,
    prompt: u64,
}

/// Why a line ends, how many of its last tokens say nothing but that, and how many of the last bytes
/// were written in one token with a stop text, after it.
struct End {
    finish: Finish,
    closing: usize,
    after: usize,
}

impl Writer {
    /// What the lines of a request begin as, each with its own seed ([`Self::seeded`]).
    pub(super) fn new(
        request: Arc<Request>,
        prefix: &Prefix,
        mut texts: Texts,
        tokenizer: &Tokenizer,
        positions: usize,
    ) -> Self {
        for step in request.prefix.steps() {
            step.tokens.iter().for_each(|&token| texts.pass(token));
        }
        let given = &prefix.tokens[prefix.tokens.len() - prefix.given..];
        for &token in given {
            texts.take(token);
        }
        Self {
            rng: seed::rng(0),
            seed: 0,
            texts,
            watching: Watching::new(&request.watch),
            unfinished: Unfinished::behind(tokenizer, request.prefix.steps()),
            steps: Vec::new(),
            tokens: given.to_vec(),
            logprobs: Vec::new(),
            given: given.len(),
            generated: 0,
            room: positions.saturating_sub(prefix.tokens.len()),
            prompt: prefix.prompt as u64,
            request,
        }
    }

    /// The line of a seed.
    pub(crate) fn seeded(&self, seed: u64) -> Self {
        Self { seed, rng: seed::rng(seed), ..self.clone() }
    }

    /// Samples the next token from its logits; the completion when the line ends with it.
    pub(crate) fn write(
        &mut self,
        logits: &[f32],
        tokenizer: &Tokenizer,
        ends: &[u32],
    ) -> Result<(u32, Option<Completion>), LineError> {
        let Request { sampling, watch, .. } = &*self.request;
        let sampled = match sampling.first {
            Some(rank) if self.generated == 0 => ranked(logits, rank, watch)?,
            _ => sample(logits, sampling, watch, &mut self.rng)?,
        };
        let last = ends.contains(&sampled.token);
        let token = sampled.token;
        Ok((token, self.take(sampled, last, tokenizer)))
    }

    /// Takes the next token, whoever drew it; the completion when the line ends with it. `last` says
    /// that the model is done with it.
    pub(crate) fn take(
        &mut self,
        sampled: Sampled,
        last: bool,
        tokenizer: &Tokenizer,
    ) -> Option<Completion> {
        let Sampled { token, logprob, signals } = sampled;
        self.tokens.push(token);
        self.logprobs.push(logprob);
        self.generated += 1;
        let halts = self.watching.note(signals);
        let end = self.after(token, last, halts, tokenizer);
        end.map(|end| self.complete(&end, tokenizer))
    }

    /// Ends the line where it is.
    #[cfg(feature = "remote")]
    pub(crate) fn stop(&mut self, finish: Finish, tokenizer: &Tokenizer) -> Completion {
        self.complete(&End { finish, closing: 0, after: 0 }, tokenizer)
    }

    /// What is written by now of a line that is called off; `None` where nothing is.
    pub(crate) fn cut(&mut self, tokenizer: &Tokenizer) -> Option<Completion> {
        let finish = Finish::Cancelled;
        match (self.generated, self.logprobs.is_empty()) {
            (0, _) => None,
            // It was cut between two steps.
            (_, true) => {
                let steps = std::mem::take(&mut self.steps);
                Some(Completion { steps, finish, prompt_tokens: self.prompt })
            }
            (_, false) => Some(self.complete(&End { finish, closing: 0, after: 0 }, tokenizer)),
        }
    }

    /// The seed of the present step.
    #[cfg(feature = "remote")]
    pub(crate) fn step_seed(&self) -> u64 {
        self.seed
    }

    /// Tokens generated in the present step.
    #[cfg(feature = "remote")]
    pub(crate) fn in_step(&self) -> u32 {
        u32::try_from(self.logprobs.len()).unwrap_or(u32::MAX)
    }

    /// Tokens generated in the whole line.
    #[cfg(feature = "remote")]
    pub(crate) fn generated(&self) -> u32 {
        self.generated
    }

    /// Steps that are over.
    #[cfg(feature = "remote")]
    pub(crate) fn steps(&self) -> usize {
        self.steps.len()
    }

    /// How many tokens may still come before the line ends by its length, or, if `in_step`, the step does.
    /// At least 1.
    #[cfg(feature = "remote")]
    pub(crate) fn most(&self, in_step: bool) -> u32 {
        let Request { rule, until, max_tokens, .. } = &*self.request;
        let mut most = max_tokens.saturating_sub(self.generated);
        if in_step || until.most_steps() == 1 {
            most = most.min(rule.max_step_tokens.saturating_sub(self.in_step()));
        }
        if let Until::Tokens(tokens) = until {
            most = most.min(tokens.saturating_sub(self.generated));
        }
        let room = self.room.saturating_sub(self.generated as usize);
        most.min(u32::try_from(room).unwrap_or(u32::MAX)).max(1)
    }

    /// Whether and why the line ends after `token`; closes steps on the way.
    fn after(&mut self, token: u32, last: bool, halts: bool, tokenizer: &Tokenizer) -> Option<End> {
        let found = self.texts.take(token);
        let said = |finish: Finish, reach: usize, after: usize| {
            Some(End { finish, closing: holding(tokenizer, &self.tokens, reach), after })
        };
        if let Some(stop) = found.stop {
            return said(Finish::Stop, stop.reach, stop.after);
        }
        if last {
            return Some(End { finish: Finish::Stop, closing: 1, after: 0 });
        }
        if let Some(reach) = found.pause {
            return said(Finish::Pause, reach, 0);
        }
        let end = |finish: Finish| Some(End { finish, closing: 0, after: 0 });
        if halts {
            return end(Finish::Halted);
        }
        let rule = &self.request.rule;
        let full = self.logprobs.len() >= rule.max_step_tokens as usize;
        let out = self.generated >= self.request.max_tokens;
        if self.generated as usize >= self.room {
            return end(Finish::Context);
        }
        if let Until::Tokens(tokens) = self.request.until
            && self.generated >= tokens
        {
            return end(Finish::Step);
        }
        if found.step || full {
            let steps = self.steps.len() + 1;
            if steps >= self.request.until.most_steps() {
                return end(if found.step { Finish::Step } else { Finish::Length });
            }
            if out || self.request.prefix.len() + steps >= rule.max_steps as usize {
                return end(Finish::Length);
            }
            self.close(&End { finish: Finish::Step, closing: 0, after: 0 }, tokenizer);
            return None;
        }
        if out { end(Finish::Length) } else { None }
    }

    /// Ends the present step and begins the next.
    fn close(&mut self, end: &End, tokenizer: &Tokenizer) {
        let tokens = std::mem::take(&mut self.tokens);
        let count = |tokens: usize| u32::try_from(tokens).unwrap_or(u32::MAX);
        let bytes = || tokens.iter().flat_map(|&id| tokenizer.token_bytes(id)).copied();
        let said = bytes().count().saturating_sub(end.after);
        let over = end.finish == Finish::Stop || end.closing > 0;
        self.steps.push(Step {
            text: self.unfinished.text(bytes().take(said), over),
            tokens,
            given: count(std::mem::take(&mut self.given)),
            logprobs: std::mem::take(&mut self.logprobs),
            closing: count(end.closing),
            notes: self.watching.take(),
        });
        self.texts.next_step();
        self.seed = seed::child(self.seed, 0);
        self.rng = seed::rng(self.seed);
    }

    fn complete(&mut self, end: &End, tokenizer: &Tokenizer) -> Completion {
        self.close(end, tokenizer);
        let steps = std::mem::take(&mut self.steps);
        Completion { steps, finish: end.finish, prompt_tokens: self.prompt }
    }
}
