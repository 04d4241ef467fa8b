//! The text side of a model: tokenizer and chat template, and prompts as token ids.
//!
//! Engines read it, and whatever makes training data without an engine. Templates that write the date
//! are given a fixed one: a prompt must not change at midnight.

use std::sync::Arc;

use tts_core::{Message, Prompt};

use crate::text::template::{self, ChatTemplate, TemplateArgument};
use crate::text::tokenizer::{GgufVocabulary, Roles, begins_texts};
use crate::weights::advice;
use crate::weights::config::named_ends;
use crate::weights::gguf::Gguf;
use crate::{Checkpoint, Files, ModelError, Tokenizer};

/// What templates that write the date take for today, 26 July 2024, in seconds since 1970: a prompt
/// must not change at midnight, or a search that is resumed would not be the one that was killed.
const TODAY: i64 = 1_721_952_000;

/// Tokenizer and chat template.
#[derive(Debug)]
pub struct TextSide {
    /// Text to tokens and back.
    pub tokenizer: Arc<Tokenizer>,
    /// Writes chats; `None` for a base model, whose chats are plain text: turns separated by blank
    /// lines.
    pub template: Option<ChatTemplate>,
}

impl TextSide {
    /// Reads the text side of a checkpoint. A folder without a template is a base model; a template
    /// that is there must be sound.
    ///
    /// # Errors
    /// When the files or metadata are missing or damaged.
    pub fn open(checkpoint: &Checkpoint) -> Result<Self, ModelError> {
        match checkpoint.gguf() {
            Some(gguf) => Self::of_gguf(gguf),
            None => Self::of_folder(checkpoint.folder()),
        }
    }

    /// Reads the text side alone, of a GGUF file or of a folder that need hold no weights.
    ///
    /// # Errors
    /// As [`TextSide::open`].
    pub fn read(files: impl Into<Files>) -> Result<Self, ModelError> {
        Self::read_files(files.into())
    }

    fn read_files(files: Files) -> Result<Self, ModelError> {
        if files.is_folder() || files.path().extension().is_some_and(|ending| ending == "json") {
            return Self::of_folder(&files.folder());
        }
        Self::of_gguf(&Gguf::open(files)?)
    }

    fn of_gguf(gguf: &Gguf) -> Result<Self, ModelError> {
        let vocabulary = vocabulary(gguf)?;
        let text = |id: Option<u32>| {
            let token = id.and_then(|id| vocabulary.tokens.get(id as usize));
            token.cloned().unwrap_or_default()
        };
        let (bos, eos) = (text(vocabulary.bos), text(vocabulary.eos));
        let template = gguf.text("tokenizer.chat_template")?;
        let template = template.map(|source| ChatTemplate::new(source, &bos, &eos)).transpose()?;
        let template = template.map(|template| template.at(TODAY));
        let tokenizer = Arc::new(Tokenizer::from_vocabulary(&vocabulary, gguf.path())?);
        Ok(Self { tokenizer, template })
    }

    fn of_folder(folder: &Files) -> Result<Self, ModelError> {
        advice::tokenizer(folder)?;
        let file = folder.join("tokenizer.json");
        let named = mentioned(&folder.join("tokenizer_config.json"))?;
        let roles = Roles { ends: named_ends(folder)?, ..named };
        let tokenizer = Tokenizer::from_json_with_roles(&file.read()?, file.path(), &roles)?;
        let template = ChatTemplate::in_folder(folder)?.map(|template| template.at(TODAY));
        Ok(Self { tokenizer: Arc::new(tokenizer), template })
    }

    /// Tells the chat template a variable that it looks at, such as `enable_thinking`.
    ///
    /// # Errors
    /// When there is no chat template.
    pub fn set_template_argument(&mut self, argument: &TemplateArgument) -> Result<(), ModelError> {
        let template = self.template.take().ok_or_else(|| {
            let problem = format!("{argument}, but the model has no chat template");
            ModelError::input("template argument", problem)
        })?;
        self.template = Some(template.with_argument(argument));
        Ok(())
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
        self.encode_pieces(&self.pieces(template, messages, true)?)
    }

    /// What the chat template writes around a text that goes on where the last message ends: the token
    /// ids before it, that message's own included, and the template's text after it. With `reply`
    /// that reaches up to where the assistant's answer begins, else to the end of the chat.
    ///
    /// # Errors
    /// When there is no template or no message, the template refuses the chat or does not write its
    /// last message, or the text cannot be encoded.
    pub fn around(
        &self,
        messages: &[Message],
        reply: bool,
    ) -> Result<(Vec<u32>, String), ModelError> {
        let missing = |what: &str| ModelError::input("chat_template", what);
        let template = self.template.as_ref().ok_or_else(|| missing("the model has none"))?;
        let mut messages = messages.to_vec();
        let last = messages.last_mut().ok_or_else(|| missing("there is no message to write"))?;
        last.content.push_str(GAP);
        let mut before = self.pieces(template, &messages, reply)?;
        let lost = || missing("it does not write the last message");
        let ends = |piece: &Piece| piece.text.contains(GAP);
        let place = before.iter().rposition(ends).ok_or_else(lost)?;
        let mut rest = before.split_off(place).into_iter();
        let Piece { text, special } = rest.next().ok_or_else(lost)?;
        let (start, end) = text.rsplit_once(GAP).ok_or_else(lost)?;
        before.push(Piece { text: start.to_owned(), special });
        // Templates may write a message more than once: the text goes on where it stands last.
        for piece in &mut before {
            piece.text = piece.text.replace(GAP, "");
        }
        let after = rest.fold(end.to_owned(), |after, piece| after + &piece.text);
        Ok((self.encode_pieces(&before)?, after))
    }

    /// A chat as texts to encode apart: one, or, where someone wrote the name of a control token, the
    /// template's words and theirs by turns.
    fn pieces(
        &self,
        template: &ChatTemplate,
        messages: &[Message],
        reply: bool,
    ) -> Result<Vec<Piece>, ModelError> {
        let render = |messages: &[Message]| {
            let messages: Vec<template::Message> = messages
                .iter()
                .map(|m| template::Message::new(m.role.as_str(), &*m.content))
                .collect();
            template.render(&messages, reply)
        };
        let forged = |message: &Message| -> Result<bool, ModelError> {
            let content = message.content.strip_suffix(GAP).unwrap_or(&message.content);
            let plain = self.tokenizer.encode(content, true)?;
            Ok(plain.iter().any(|&id| self.tokenizer.is_special(id)))
        };
        let mut any = false;
        for message in messages {
            any |= forged(message)?;
        }
        let mark = |index: usize| format!("\u{e000}{index}\u{e001}");
        let marked: Vec<Message> = messages
            .iter()
            .enumerate()
            .map(|(index, m)| Message { role: m.role, content: mark(index) })
            .collect();
        // Templates write the start token themselves where the model wants one.
        if !any {
            let text = render(messages)?;
            // They may take words out of messages, and so join what makes a name.
            let joined = match render(&marked) {
                Ok(marked) => self.special(&text)? != self.special(&marked)?,
                Err(_) => false,
            };
            if !joined {
                return Ok(vec![Piece { text, special: true }]);
            }
        }
        let rendered = render(&marked)?;
        let mut rest = rendered.as_str();
        let mut pieces = Vec::new();
        // Templates may move a message, the system's into the user's, say.
        let first = |rest: &str| {
            let found = (0..messages.len()).filter_map(|i| rest.find(&mark(i)).map(|at| (at, i)));
            found.min()
        };
        while let Some((at, index)) = first(rest) {
            pieces.push(Piece { text: rest[..at].to_owned(), special: true });
            pieces.push(Piece { text: messages[index].content.clone(), special: false });
            rest = &rest[at + mark(index).len()..];
        }
        pieces.push(Piece { text: rest.to_owned(), special: true });
        Ok(pieces)
    }

    fn encode_pieces(&self, pieces: &[Piece]) -> Result<Vec<u32>, ModelError> {
        let mut tokens = Vec::new();
        for Piece { text, special } in pieces {
            let next = self.tokenizer.encode_after(&tokens, text, *special)?;
            tokens.extend(next);
        }
        Ok(tokens)
    }

    /// The control tokens that a text names.
    fn special(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let mut tokens = self.tokenizer.encode(text, true)?;
        tokens.retain(|&id| self.tokenizer.is_special(id));
        Ok(tokens)
    }
}

/// Stands where a text goes on after a message; no one writes it.
const GAP: &str = "\u{e002}\u{e003}";

/// A part of a rendered chat.
struct Piece {
    text: String,
    /// Whether names of control tokens in it are read as such.
    special: bool,
}

/// What a `tokenizer_config.json` says of tokens, if it is there; `config.json` names others.
fn mentioned(file: &Files) -> Result<Roles, ModelError> {
    let Some(config) = file.read_json()? else { return Ok(Roles::default()) };
    let token = |name: &str| {
        let token = &config[name];
        token.as_str().or_else(|| token["content"].as_str()).map(str::to_owned)
    };
    Ok(Roles {
        begin: token("bos_token"),
        begins: config["add_bos_token"] == true,
        end: token("eos_token"),
        ends: Vec::new(),
    })
}

/// The tokenizer's part of a GGUF file's metadata.
///
/// # Errors
/// When a key is missing or has another type.
fn vocabulary(gguf: &Gguf) -> Result<GgufVocabulary, ModelError> {
    let key = |name: &str| format!("tokenizer.ggml.{name}");
    let missing = |name: &str| ModelError::format(gguf.path(), key(name), "missing");
    let token = |name: &str| -> Result<Option<u32>, ModelError> {
        let id = gguf.integer(&key(name))?;
        id.map(|id| {
            u32::try_from(id).map_err(|_| {
                ModelError::format(gguf.path(), key(name), format!("{id} is not a token id"))
            })
        })
        .transpose()
    };
    let array = |name: &str| gguf.metadata().get(&key(name)).and_then(|value| value.as_array());
    let typed = |name: &str| {
        ModelError::format(gguf.path(), key(name), "not an array of the expected type")
    };
    let types = match array("token_type") {
        Some(types) => types.as_i32s().ok_or_else(|| typed("token_type"))?.to_vec(),
        None => Vec::new(),
    };
    let scores = match array("scores") {
        Some(scores) => scores.as_f32s().ok_or_else(|| typed("scores"))?.to_vec(),
        None => Vec::new(),
    };
    let model = gguf.text(&key("model"))?.ok_or_else(|| missing("model"))?.to_owned();
    let pre = gguf.text(&key("pre"))?.map(str::to_owned);
    // What llama.cpp takes where the key is absent.
    let starts = model == "llama" || pre.as_deref().is_some_and(begins_texts);
    Ok(GgufVocabulary {
        tokens: gguf.texts(&key("tokens"))?.ok_or_else(|| missing("tokens"))?.to_vec(),
        token_types: types,
        merges: gguf.texts(&key("merges"))?.unwrap_or_default().to_vec(),
        scores,
        bos: token("bos_token_id")?,
        eos: token("eos_token_id")?,
        eot: token("eot_token_id")?,
        unk: token("unknown_token_id")?,
        pad: token("padding_token_id")?,
        add_bos: gguf.boolean(&key("add_bos_token"))?.unwrap_or(starts),
        add_eos: gguf.boolean(&key("add_eos_token"))?.unwrap_or(false),
        add_space_prefix: gguf.boolean(&key("add_space_prefix"))?,
        model,
        pre,
    })
}

#[cfg(test)]
mod tests;
