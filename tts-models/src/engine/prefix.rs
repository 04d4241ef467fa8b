//! From a prompt and the steps so far to token ids.

use tts_core::{Prompt, Request};

use super::Engine;
use crate::{Executor, ModelError};

/// The tokens that a request's lines go on from.
pub(super) struct Prefix {
    /// Prompt, steps and appended text.
    pub(super) tokens: Vec<u32>,
    /// Tokens of the prompt alone.
    pub(super) prompt: usize,
    /// Tokens of the appended text, the last of all.
    pub(super) given: usize,
}

impl<E: Executor> Engine<E> {
    pub(super) fn prefix(&self, request: &Request) -> Result<Prefix, ModelError> {
        let mut tokens = self.prompt_tokens(request.prefix.prompt())?;
        let prompt = tokens.len();
        // A finished path that is taken up again loses its end token, which would end the new words
        // too: now, and whenever the path is run later.
        let reopen = |tokens: &mut Vec<u32>| {
            let ends = |token: &u32| self.end_tokens.contains(token);
            while tokens.len() > prompt && tokens.last().is_some_and(ends) {
                tokens.pop();
            }
        };
        for step in request.prefix.steps() {
            if step.given > 0 {
                reopen(&mut tokens);
            }
            tokens.extend(&step.tokens);
        }
        let mut given = 0;
        if let Some(text) = &request.append {
            reopen(&mut tokens);
            let words = self.text.tokenizer.encode(text, false)?;
            given = words.len();
            tokens.extend(words);
        }
        if tokens.is_empty() {
            return Err(ModelError::input("prompt", "no tokens"));
        }
        Ok(Prefix { tokens, prompt, given })
    }

    /// Token ids of a prompt, see [`crate::TextSide::prompt_tokens`].
    ///
    /// # Errors
    /// When the template refuses the chat or the text cannot be encoded.
    pub fn prompt_tokens(&self, prompt: &Prompt) -> Result<Vec<u32>, ModelError> {
        self.text.prompt_tokens(prompt)
    }
}
