//! What a model is asked: raw text, or a chat that the model's own template renders.

use serde::{Deserialize, Serialize};

/// Who speaks in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Standing instructions.
    System,
    /// The person who asks.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The name that chat templates use: `system`, `user` or `assistant`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One turn of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// What a search starts from.
///
/// A `&str` or `String` becomes a chat of one user turn. Text for a base model, or text that is
/// already rendered, is [`Prompt::Text`].
///
/// ```
/// use tts_core::Prompt;
/// assert_eq!(Prompt::from("What is 2 + 2?").question(), "What is 2 + 2?");
/// assert_eq!(Prompt::text("Q: 2 + 2?\nA:").question(), "Q: 2 + 2?\nA:");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Prompt {
    /// Given to the model as it stands.
    Text(String),
    /// Rendered by the model's chat template, with the cue for the assistant's turn.
    Chat(Vec<Message>),
}

impl Prompt {
    /// Text given to the model as it stands.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A chat with standing instructions and one question.
    pub fn chat(system: impl Into<String>, user: impl Into<String>) -> Self {
        Self::Chat(vec![
            Message { role: Role::System, content: system.into() },
            Message { role: Role::User, content: user.into() },
        ])
    }

    /// The last user turn, or the whole raw text.
    pub fn question(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Chat(messages) => messages
                .iter()
                .rev()
                .find(|message| message.role == Role::User)
                .map_or("", |message| &message.content),
        }
    }

    /// Bytes of all that is said in it.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Chat(messages) => messages.iter().map(|said| said.content.len() as u64).sum(),
        }
    }

    /// Whether there is nothing but white space to answer.
    pub fn is_blank(&self) -> bool {
        self.question().trim().is_empty()
    }
}

impl From<&str> for Prompt {
    fn from(question: &str) -> Self {
        Self::from(question.to_owned())
    }
}

impl From<String> for Prompt {
    fn from(question: String) -> Self {
        Self::Chat(vec![Message { role: Role::User, content: question }])
    }
}
