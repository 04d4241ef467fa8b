//! From a prompt and the steps so far to token ids.

use tts_core::{Message, Prompt, Request};

use super::Engine;
use crate::template;
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
            let words = self.tokenizer.encode(text, false)?;
            given = words.len();
            tokens.extend(words);
        }
        if tokens.is_empty() {
            return Err(ModelError::input("prompt", "no tokens"));
        }
        Ok(Prefix { tokens, prompt, given })
    }

    /// Token ids of a prompt: raw text as it stands (control tokens by name included), a chat by
    /// the model's template. What people write in a chat is never read as control tokens.
    ///
    /// # Errors
    /// When the template refuses the chat or the text cannot be encoded.
    pub fn prompt_tokens(&self, prompt: &Prompt) -> Result<Vec<u32>, ModelError> {
        let messages = match prompt {
            Prompt::Text(text) => return self.tokenizer.encode_with_bos(text, true),
            Prompt::Chat(messages) => messages,
        };
        let Some(template) = &self.template else {
            let turns: Vec<&str> = messages.iter().map(|m| m.content.as_str()).collect();
            return self.tokenizer.encode_with_bos(&(turns.join("\n\n") + "\n\n"), false);
        };
        let render = |messages: &[Message]| {
            let messages: Vec<template::Message> = messages
                .iter()
                .map(|m| template::Message::new(m.role.as_str(), &*m.content))
                .collect();
            template.render(&messages, true)
        };
        let forged = |message: &Message| -> Result<bool, ModelError> {
            let plain = self.tokenizer.encode(&message.content, true)?;
            Ok(plain.iter().any(|&id| self.tokenizer.is_special(id)))
        };
        let mut any = false;
        for message in messages {
            any |= forged(message)?;
        }
        // Templates write the start token themselves where the model wants one.
        if !any {
            return self.tokenizer.encode(&render(messages)?, true);
        }
        // Someone wrote the name of a control token: encode the template's words and theirs apart.
        let mark = |index: usize| format!("\u{e000}{index}\u{e001}");
        let marked: Vec<Message> = messages
            .iter()
            .enumerate()
            .map(|(index, m)| Message { role: m.role, content: mark(index) })
            .collect();
        let rendered = render(&marked)?;
        let mut rest = rendered.as_str();
        let mut tokens = Vec::new();
        // Templates may move a message, the system's into the user's, say.
        let first = |rest: &str| {
            let found = (0..messages.len()).filter_map(|i| rest.find(&mark(i)).map(|at| (at, i)));
            found.min()
        };
        while let Some((at, index)) = first(rest) {
            tokens.extend(self.tokenizer.encode(&rest[..at], true)?);
            tokens.extend(self.tokenizer.encode(&messages[index].content, false)?);
            rest = &rest[at + mark(index).len()..];
        }
        tokens.extend(self.tokenizer.encode(rest, true)?);
        Ok(tokens)
    }
}
