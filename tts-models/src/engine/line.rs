//! One line: what it has written, and when its steps and it itself end.

use tts_core::seed::{self, Rng};
use tts_core::{Completion, Finish, LineError, LineId, Request, Step, Until};

use super::prefix::Prefix;
use crate::sampling::sample;
use crate::tokenizer::{BoundaryState, Tokenizer};

/// A line in flight.
pub(super) struct Line<S> {
    pub(super) id: LineId,
    pub(super) state: S,
    /// The token that was sampled last and has not been run yet.
    pub(super) next: u32,
    /// All tokens that the state holds, for the cache.
    pub(super) tokens: Vec<u32>,
    /// Hidden rows of some of them, by position, where a scorer has asked for such.
    pub(super) rows: Vec<(usize, Vec<f32>)>,
    pub(super) computed: u64,
    pub(super) cached: u64,
    /// Bytes that it may come to.
    pub(super) charge: usize,
    pub(super) writer: Writer,
}

/// Turns sampled tokens into steps.
pub(super) struct Writer {
    request: std::sync::Arc<Request>,
    seed: u64,
    rng: Rng,
    boundary: BoundaryState,
    stop: BoundaryState,
    steps: Vec<Step>,
    tokens: Vec<u32>,
    logprobs: Vec<f32>,
    given: u32,
    generated: u32,
    /// Tokens until the model's last position.
    room: usize,
    prompt: u64,
}

impl Writer {
    pub(super) fn new(
        request: std::sync::Arc<Request>,
        seed: u64,
        prefix: &Prefix,
        boundary: BoundaryState,
        mut stop: BoundaryState,
        positions: usize,
    ) -> Self {
        // A stop string may begin in an earlier step.
        for token in request.prefix.tokens() {
            stop.push(token);
        }
        let given = prefix.tokens[prefix.tokens.len() - prefix.given..].to_vec();
        let mut writer = Self {
            rng: seed::rng(seed),
            seed,
            boundary,
            stop,
            steps: Vec::new(),
            logprobs: Vec::new(),
            given: u32::try_from(given.len()).unwrap_or(u32::MAX),
            generated: 0,
            room: positions.saturating_sub(prefix.tokens.len()),
            prompt: prefix.prompt as u64,
            tokens: Vec::new(),
            request,
        };
        for token in given {
            writer.tokens.push(token);
            writer.boundary.push(token);
            writer.stop.push(token);
        }
        writer
    }

    /// Samples the next token from its logits; the completion when the line ends with it.
    pub(super) fn write(
        &mut self,
        logits: &[f32],
        tokenizer: &Tokenizer,
        ends: &[u32],
    ) -> Result<(u32, Option<Completion>), LineError> {
        let (token, logprob) = sample(logits, &self.request.sampling, &mut self.rng)?;
        self.tokens.push(token);
        self.logprobs.push(logprob);
        self.generated += 1;
        let finish = self.after(token, ends, tokenizer);
        Ok((token, finish.map(|finish| self.complete(finish, tokenizer))))
    }

    /// Why the line ends after `token`, if it does; closes steps on the way.
    fn after(&mut self, token: u32, ends: &[u32], tokenizer: &Tokenizer) -> Option<Finish> {
        let stop = self.stop.push(token);
        let boundary = self.boundary.push(token);
        if stop || ends.contains(&token) {
            return Some(Finish::Stop);
        }
        let rule = &self.request.rule;
        let full = self.logprobs.len() >= rule.max_step_tokens as usize;
        let out = self.generated >= self.request.max_tokens;
        if self.generated as usize >= self.room {
            return Some(Finish::Context);
        }
        let counted = match self.request.until {
            Until::Tokens(tokens) => self.generated >= tokens,
            _ => false,
        };
        if counted {
            return Some(Finish::Step);
        }
        if boundary || full {
            let steps = self.steps.len() + 1;
            let most = match self.request.until {
                Until::Step => 1,
                Until::Steps(most) => most.max(1) as usize,
                Until::End | Until::Tokens(_) => usize::MAX,
            };
            if steps >= most {
                return Some(if boundary { Finish::Step } else { Finish::Length });
            }
            if out || self.request.prefix.steps().len() + steps >= rule.max_steps as usize {
                return Some(Finish::Length);
            }
            self.close(tokenizer);
            return None;
        }
        out.then_some(Finish::Length)
    }

    /// Ends the present step and begins the next.
    fn close(&mut self, tokenizer: &Tokenizer) {
        let tokens = std::mem::take(&mut self.tokens);
        self.steps.push(Step {
            text: tokenizer.text(&tokens),
            tokens,
            given: std::mem::take(&mut self.given),
            logprobs: std::mem::take(&mut self.logprobs),
        });
        self.boundary.reset();
        self.seed = seed::child(self.seed, 0);
        self.rng = seed::rng(self.seed);
    }

    fn complete(&mut self, finish: Finish, tokenizer: &Tokenizer) -> Completion {
        self.close(tokenizer);
        let steps = std::mem::take(&mut self.steps);
        Completion { steps, finish, prompt_tokens: self.prompt }
    }
}
