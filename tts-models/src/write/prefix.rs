//! From a prompt, the steps so far and what is given to token ids.

use std::sync::{Arc, PoisonError};

use tts_core::{Prompt, Request};

use super::Encoder;
use crate::ModelError;

/// The tokens that a request's lines go on from.
pub(crate) struct Prefix {
    /// Prompt, steps, tokens that were kept of a step, and appended text.
    pub(crate) tokens: Vec<u32>,
    /// Tokens of the prompt alone.
    pub(crate) prompt: usize,
    /// Tokens that the first step begins with, kept and appended ones: the last of all.
    pub(crate) given: usize,
}

impl Encoder {
    /// What the lines of a request go on from.
    pub(crate) fn prefix(&self, request: &Request) -> Result<Prefix, ModelError> {
        let mut tokens = self.prompt_of(request)?.to_vec();
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
        // A step that begins with given tokens is run later as one: here it must stand on the same.
        if request.append.is_some() || !request.given.is_empty() {
            reopen(&mut tokens);
        }
        let before = tokens.len();
        tokens.extend(&request.given);
        if let Some(text) = &request.append {
            // It goes on after what is there: no space of a beginning stands before it.
            let words = self.text.tokenizer.encode_after(&tokens, text, false)?;
            tokens.extend(words);
        }
        if tokens.is_empty() {
            return Err(ModelError::input("prompt", "no tokens"));
        }
        Ok(Prefix { prompt, given: tokens.len() - before, tokens })
    }

    /// The token ids of a request's prompt.
    fn prompt_of(&self, request: &Request) -> Result<Arc<[u32]>, ModelError> {
        let prompt = request.prefix.shared_prompt();
        let prompts = || self.prompts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = prompts().find(prompt);
        if let Some(tokens) = known {
            return Ok(tokens);
        }
        let tokens: Arc<[u32]> = self.prompt_tokens(prompt)?.into();
        prompts().keep(Arc::clone(prompt), Arc::clone(&tokens));
        Ok(tokens)
    }

    /// Token ids of a prompt, see [`crate::TextSide::prompt_tokens`].
    pub(crate) fn prompt_tokens(&self, prompt: &Prompt) -> Result<Vec<u32>, ModelError> {
        self.text.prompt_tokens(prompt)
    }
}

#[cfg(test)]
mod tests {
    use tts_core::Trajectory;

    use super::*;
    use crate::{TextSide, Tokenizer};

    #[test]
    fn a_prompt_is_encoded_once() -> Result<(), ModelError> {
        let text = TextSide { tokenizer: Arc::new(Tokenizer::bytes()?), template: None };
        let encoder = Encoder::new(text, Vec::new());
        let request = |prompt: &Arc<Prompt>| {
            Request::new(Trajectory::new(Arc::clone(prompt), Vec::new(), 0, false), vec![1])
        };
        let prompt = Arc::new(Prompt::text("How many?"));
        let first = encoder.prompt_of(&request(&prompt))?;
        assert_eq!(first.to_vec(), encoder.prompt_tokens(&prompt)?);
        for same in [&prompt, &Arc::new((*prompt).clone())] {
            assert!(Arc::ptr_eq(&encoder.prompt_of(&request(same))?, &first));
        }
        let other = encoder.prompt_of(&request(&Arc::new(Prompt::from("How many?"))))?;
        assert_ne!(other, first);
        Ok(())
    }
}
