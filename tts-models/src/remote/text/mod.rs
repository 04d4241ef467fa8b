//! Servers that take text and give text: the weaker mode, for what has no interface of token ids.
//!
//! mistral.rs, ollama and hosted models. A call writes a line, from its first step's seed; the answer is read as it
//! is written, cut at the byte where the step, or whatever was asked for, ends ([`Cutter`](crate::write::Cutter)),
//! and the connection closed there: no stop text is ever sent, as such servers do not tell a stop text from the
//! model's own end. Tokens are those of the text side here, each step's encoded for itself; the server has
//! others where it cuts words elsewhere. What cannot be kept: token ids, log-probabilities, confidence, the order
//! of filters in sampling, and, of many servers, seeds, which are tried out at connection.

mod facts;
mod interface;
mod line;
mod trial;

pub(super) use facts::facts;
pub(super) use interface::Interface;
pub(super) use trial::run as trial;

use tts_core::{Message, Prompt, Request};

use crate::write::{Encoder, Prefix};
use crate::{ModelError, Tokenizer};

/// What stands before an answer, as it is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// One text.
    Raw(String),
    /// A chat, and what the assistant has said already.
    Chat(Vec<Message>, String),
}

impl Said {
    /// What stands before the lines of a request, found before anything is sent.
    ///
    /// # Errors
    /// When it cannot be said in this way.
    pub(super) fn of(
        interface: &Interface,
        words: &Encoder,
        request: &Request,
        prefix: &Prefix,
    ) -> Result<Self, ModelError> {
        let refuse = |problem: &str| Err(ModelError::input("prompt", problem));
        let (prompt, path) = prefix.tokens.split_at(prefix.prompt);
        let path = text(&words.text().tokenizer, path)?;
        if !path.is_empty() && !interface.continues() {
            return refuse(
                "this server answers chats and cannot be made to go on with a path: set `prefill` to what it \
                 understands, or use a strategy of whole lines",
            );
        }
        if !interface.chats() {
            return Ok(Self::Raw(raw(words, request.prefix.prompt(), prompt)? + &path));
        }
        match request.prefix.prompt() {
            Prompt::Chat(messages) => Ok(Self::Chat(messages.clone(), path)),
            Prompt::Text(_) => refuse("a raw text, but the server takes chats alone"),
        }
    }

    /// The same with more behind it.
    pub(super) fn and(&self, more: &str) -> Self {
        match self {
            Self::Raw(text) => Self::Raw(format!("{text}{more}")),
            Self::Chat(messages, path) => Self::Chat(messages.clone(), format!("{path}{more}")),
        }
    }
}

/// The text of a prompt that has these tokens there, too.
fn raw(words: &Encoder, prompt: &Prompt, tokens: &[u32]) -> Result<String, ModelError> {
    let refuse = |problem: &str| Err(ModelError::input("prompt", problem));
    if matches!(prompt, Prompt::Chat(_)) && words.text().template.is_none() {
        return refuse(
            "a chat for a server of plain text, but the text side has no chat template: name the model's \
             folder as `text`, or a server of kind chat",
        );
    }
    let tokenizer = &words.text().tokenizer;
    // The server puts its own in front, where the model's files say that there is one.
    let tokens = tokens.strip_prefix(tokenizer.begins()).unwrap_or(tokens);
    let text = tokenizer.decode(tokens, false);
    if tokenizer.encode(&text, true)? != tokens {
        return refuse(
            "as text it has other tokens: it holds the name of a control token, or characters cut in parts",
        );
    }
    Ok(text)
}

/// The text of tokens that are followed by more.
fn text(tokenizer: &Tokenizer, tokens: &[u32]) -> Result<String, ModelError> {
    let bytes = tokens.iter().flat_map(|&token| tokenizer.token_bytes(token)).copied().collect();
    String::from_utf8(bytes).map_err(|_| {
        ModelError::input("prefix", "it ends within a character, which cannot be said in text")
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::TextSide;
    use crate::text::tokenizer::GgufVocabulary;

    /// SmolLM2's chats begin with the token that it names as the beginning of texts, and that nobody adds.
    #[test]
    fn a_first_token_is_left_to_the_server_where_it_adds_one() -> Result<(), ModelError> {
        for (add_bos, expected) in [(true, "hi"), (false, "<s>hi")] {
            let spec = GgufVocabulary {
                model: "gpt2".into(),
                pre: Some("gpt-2".into()),
                tokens: ["h", "i", "<s>"].map(str::to_owned).into(),
                token_types: vec![1, 1, 3],
                bos: Some(2),
                add_bos,
                ..GgufVocabulary::default()
            };
            let tokenizer = Arc::new(Tokenizer::from_vocabulary(&spec, Path::new("x"))?);
            let words = Encoder::new(TextSide { tokenizer, template: None }, Vec::new());
            let prompt = Prompt::text("<s>hi");
            let tokens = words.prompt_tokens(&prompt)?;
            assert_eq!(tokens, [2, 0, 1]);
            assert_eq!(raw(&words, &prompt, &tokens)?, expected, "add_bos {add_bos}");
        }
        Ok(())
    }

    /// What people write is text here, and would be a control token there.
    #[test]
    fn a_text_that_names_a_control_token_is_refused() -> Result<(), ModelError> {
        let spec = GgufVocabulary {
            model: "gpt2".into(),
            pre: Some("gpt-2".into()),
            tokens: ["<", "s", ">", "<s>"].map(str::to_owned).into(),
            token_types: vec![1, 1, 1, 3],
            ..GgufVocabulary::default()
        };
        let tokenizer = Arc::new(Tokenizer::from_vocabulary(&spec, Path::new("x"))?);
        let words = Encoder::new(TextSide { tokenizer, template: None }, Vec::new());
        let prompt = Prompt::text("<s>");
        assert_eq!(raw(&words, &prompt, &[3])?, "<s>");
        let error = raw(&words, &prompt, &[0, 1, 2]).expect_err("other tokens there").to_string();
        assert!(error.contains("control token"), "{error}");
        Ok(())
    }
}
