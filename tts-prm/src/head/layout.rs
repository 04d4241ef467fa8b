//! The text around steps, as token ids: how it begins, and what stands after a step and between two.
//!
//! What does not depend on the problem is encoded once, when a scorer is opened, and inserted as
//! ids. Only the prompt is encoded for each problem. A step's text follows what stands before it and
//! is never encoded with it, but for [`HeadConfig::first_start`], so the tokens of a path begin those
//! of any longer one, and a score depends on the path up to its step alone. For
//! [`PromptLayout::Turns`] and [`PromptLayout::Answer`] the model's own chat template says what it
//! writes around a turn.
//!
//! Source: chats of steps, the inference code of `RLHFlow` (Xiong et al. 2024) and of
//! search-and-learn; chats of whole answers, the model card of Skywork-Reward; the spaces of
//! `SentencePiece`, Kudo and Richardson 2018.

use std::path::Path;

use serde_json::Value;
use tts_core::{Message, Prompt, Role};
use tts_models::{Backbone, Files, ModelError, TextSide, Tokenizer};

use super::config::{HeadConfig, PromptLayout, Separator, Token, json};
use super::judge::Kind;
use super::network::RewardHead;
use crate::PrmError;

/// What stands around steps.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// After a step; the score is read at its last token.
    pub(crate) separator: Vec<u32>,
    /// Between a separator and the next step.
    pub(crate) between: Vec<u32>,
    prompt: PromptLayout,
    /// The token that starts a text.
    start: Option<u32>,
    /// Writes chats; there only where the prompt needs more than its beginning.
    text: Option<TextSide>,
}

impl Layout {
    /// The layout of a head on a backbone that is there already, whose steps are token ids.
    pub(crate) fn on_backbone<T: Backbone + ?Sized>(
        backbone: &T,
        head: &RewardHead,
    ) -> Result<Self, PrmError> {
        let config = head.config();
        let refuse =
            |field: &str, problem: &str| Err(PrmError::config(head.path(), field, problem));
        if config.trim_steps || config.trim_lines {
            let field = if config.trim_steps { "trim_steps" } else { "trim_lines" };
            return refuse(field, "true, but the steps are token ids, which have no white space");
        }
        if config.prompt != PromptLayout::Own {
            return refuse(
                "prompt",
                "is for models with a tokenizer of their own, expected \"own\"",
            );
        }
        for (field, text) in
            [("prompt_end", &config.prompt_end), ("first_start", &config.first_start)]
        {
            if !text.is_empty() {
                return refuse(field, "is for models with a tokenizer of their own, expected none");
            }
        }
        let encode = |text: &str| {
            // As raw text, where names of special tokens are read; without the start token that
            // raw text may get.
            let ids = backbone.encode(&Prompt::text(text))?;
            let start = backbone.encode(&Prompt::text(""))?;
            Ok(ids.strip_prefix(&start[..]).map(<[u32]>::to_vec).unwrap_or(ids))
        };
        Ok(Self {
            separator: ids(head.path(), "separator", config.separator.as_ref(), encode)?,
            between: ids(head.path(), "between", config.between.as_ref(), encode)?,
            ..Self::default()
        })
    }

    /// The layout of a model with a tokenizer of its own, whose files lie in `folder`; `text` reads its text
    /// side, where that is needed.
    pub(crate) fn of_model(
        folder: &Files,
        text: impl FnOnce() -> Result<TextSide, ModelError>,
        tokenizer: &Tokenizer,
        head: &RewardHead,
        kind: Kind,
    ) -> Result<Self, PrmError> {
        let config = head.config();
        let (path, prompt) = (head.path(), config.prompt);
        if prompt != PromptLayout::Plain && !config.prompt_end.is_empty() {
            let problem = format!("{:?}, but the prompt is not \"plain\"", config.prompt_end);
            return Err(PrmError::config(path, "prompt_end", problem));
        }
        if matches!(prompt, PromptLayout::Turns | PromptLayout::Answer) {
            let taken = [("separator", &config.separator), ("between", &config.between)];
            if let Some((field, _)) = taken.into_iter().find(|(_, ids)| ids.is_some()) {
                let problem =
                    "set, but with this `prompt` the chat template says what stands there";
                return Err(PrmError::config(path, field, problem));
            }
            let text = text()?;
            let (separator, between) = match prompt {
                PromptLayout::Turns => turns(path, &text, config)?,
                _ => (answer(folder, path, &text, kind)?, Vec::new()),
            };
            return Ok(Self { separator, between, prompt, start: None, text: Some(text) });
        }
        let encode = |text: &str| Ok(encode_within(tokenizer, text, true)?);
        Ok(Self {
            separator: ids(path, "separator", config.separator.as_ref(), encode)?,
            between: ids(path, "between", config.between.as_ref(), encode)?,
            prompt,
            start: match prompt {
                PromptLayout::Plain => start_token(folder, tokenizer)?,
                _ => None,
            },
            text: None,
        })
    }

    /// The tokens before the first step.
    pub(crate) fn opening<T: Backbone + ?Sized>(
        &self,
        backbone: &T,
        tokenizer: Option<&Tokenizer>,
        prompt: &Prompt,
        config: &HeadConfig,
    ) -> Result<Vec<u32>, PrmError> {
        let user = |text: &str| Message { role: Role::User, content: text.to_owned() };
        match (self.prompt, &self.text, tokenizer, prompt) {
            (PromptLayout::Plain, _, Some(tokenizer), _) => {
                let question = prompt.question().to_owned() + &config.prompt_end;
                // Raw text may name control tokens; what people write in a chat may not.
                let raw = matches!(prompt, Prompt::Text(_));
                let mut tokens = tokenizer.encode(&question, raw)?;
                if let Some(start) = self.start
                    && tokens.first() != Some(&start)
                {
                    tokens.insert(0, start);
                }
                Ok(tokens)
            }
            (PromptLayout::Turns, Some(text), ..) => {
                Ok(text.around(&[user(prompt.question())], true)?.0)
            }
            (PromptLayout::Answer, Some(text), _, Prompt::Chat(messages))
                if text.template.is_some() =>
            {
                let answer = Message { role: Role::Assistant, content: String::new() };
                let chat: Vec<Message> = messages.iter().cloned().chain([answer]).collect();
                Ok(text.around(&chat, false)?.0)
            }
            _ => Ok(backbone.encode(prompt)?),
        }
    }
}

/// The ids of a separator; none when there is none.
fn ids(
    path: &Path,
    field: &str,
    separator: Option<&Separator>,
    encode: impl Fn(&str) -> Result<Vec<u32>, PrmError>,
) -> Result<Vec<u32>, PrmError> {
    let ids = match separator {
        None => return Ok(Vec::new()),
        Some(Separator::Ids(ids)) => ids.clone(),
        Some(Separator::Text(text)) => encode(text)?,
    };
    if ids.is_empty() {
        return Err(PrmError::config(path, field, "no tokens, expected at least one"));
    }
    Ok(ids)
}

/// What a chat template writes after a turn of the user, and from there to the next turn when the
/// assistant has answered as after a right step.
fn turns(
    path: &Path,
    text: &TextSide,
    config: &HeadConfig,
) -> Result<(Vec<u32>, Vec<u32>), PrmError> {
    let Some(contrast) = &config.contrast else {
        let problem = "\"turns\", but there is no `contrast`, whose `right` the assistant answers";
        return Err(PrmError::config(path, "prompt", problem));
    };
    let reply = match &contrast.right {
        Token::Text(text) => text.clone(),
        Token::Id(id) => text.tokenizer.text(&[*id]),
    };
    let say = |role, content: &str| Message { role, content: content.to_owned() };
    let first = [say(Role::User, "1")];
    let (before, after) = text.around(&first, true)?;
    let separator = encode_within(&text.tokenizer, &after, true)?;
    let [first] = first;
    let second = [first, say(Role::Assistant, &reply), say(Role::User, "")];
    let next = text.around(&second, true)?.0;
    let start = [before, separator.clone()].concat();
    let between = next.strip_prefix(&start[..]).filter(|rest| {
        let answer = text.tokenizer.text(rest);
        !separator.is_empty() && answer.trim_start().starts_with(&reply)
    });
    let Some(between) = between else {
        let problem = format!(
            "a second turn changes what stands before it, expected the answer {reply:?} to follow \
             the first turn"
        );
        return Err(PrmError::config(path, "chat_template", problem));
    };
    Ok((separator, between.to_vec()))
}

/// What a chat template writes after the assistant's answer.
fn answer(folder: &Files, path: &Path, text: &TextSide, kind: Kind) -> Result<Vec<u32>, PrmError> {
    if kind == Kind::Process {
        let problem =
            "\"answer\", which judges whole solutions: open it as an outcome reward model";
        return Err(PrmError::config(path, "prompt", problem));
    }
    // Without a template a chat is plain text, and nothing ends it.
    if text.template.is_none() {
        return Ok(Vec::new());
    }
    let chat = [(Role::User, "1"), (Role::Assistant, "1")]
        .map(|(role, content)| Message { role, content: content.to_owned() });
    let after = text.around(&chat, false)?.1;
    let mut separator = encode_within(&text.tokenizer, &after, true)?;
    // Hugging Face's classes read the last token that does not fill a batch.
    let config = json(&folder.join("config.json"))?;
    let fill = config.as_ref().and_then(|config| config.get("pad_token_id")?.as_u64());
    while fill.is_some() && separator.last().map(|&id| u64::from(id)) == fill {
        separator.pop();
    }
    Ok(separator)
}

/// The token that starts a text: the one that `tokenizer_config.json` names, or the tokenizer's own.
fn start_token(folder: &Files, tokenizer: &Tokenizer) -> Result<Option<u32>, PrmError> {
    let config = json(&folder.join("tokenizer_config.json"))?;
    let named = config.as_ref().and_then(|config| {
        let token = config.get("bos_token")?;
        token.as_str().or_else(|| token.get("content").and_then(Value::as_str))
    });
    Ok(named.and_then(|name| tokenizer.id(name)).or(tokenizer.special_ids().bos))
}

/// The tokens of a text in the middle of another. Tokenizers of the `SentencePiece` kind put a
/// space before a text; they are asked again with a line end in front, which is then taken off.
pub(crate) fn encode_within(
    tokenizer: &Tokenizer,
    text: &str,
    special: bool,
) -> Result<Vec<u32>, ModelError> {
    let ids = tokenizer.encode(text, special)?;
    if tokenizer.text(&ids).len() == text.len() {
        return Ok(ids);
    }
    // A vocabulary without line ends puts no space before a text that anyone knows of.
    let Ok(guard) = tokenizer.encode("\n", false) else { return Ok(ids) };
    if tokenizer.text(&guard) != " \n" {
        return Ok(ids);
    }
    let guarded = tokenizer.encode(&format!("\n{text}"), special)?;
    Ok(guarded.strip_prefix(&guard[..]).map(<[u32]>::to_vec).unwrap_or(ids))
}
