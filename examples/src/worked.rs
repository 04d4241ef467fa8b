//! What is fine-tuned on, as files have it.
//!
//! | Form | Fields |
//! |---|---|
//! | worked solutions | those of [`FewShot`]: `question` and `answer`, `problem` and `solution` |
//! | chats | `messages`: turns with `role` and `content`, of which the last, the assistant's, is learnt |
//! | texts | `prompt` and `completion`, as they stand |
//!
//! The first record tells the form. Worked solutions are asked as the options say; chats and texts say it themselves.
//!
//! Source: the data formats of fine-tuning services and of TRL (`messages`; `prompt` and `completion`).

use std::path::Path;

use serde::Serialize;
use tts_core::rows::{self, Row, RowError, RowsError};
use tts_core::{Message, Prompt, Role};
use tts_search::FewShot;

use crate::Error;

/// How something is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A question, to be put as the options say.
    Question(String),
    /// What the model is given.
    Prompt(Prompt),
}

impl Asked {
    /// The question in it.
    pub fn question(&self) -> &str {
        match self {
            Self::Question(question) => question,
            Self::Prompt(prompt) => prompt.question(),
        }
    }
}

/// Something to learn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worked {
    /// What is asked.
    pub asked: Asked,
    /// What is to be written.
    pub answer: String,
}

/// Reads what is to be learnt.
///
/// # Errors
/// When the file cannot be read, or a record is not of the form of the first; the error names file and place.
pub fn read(path: &Path) -> Result<Vec<Worked>, Error> {
    let rows = rows::read(path)?;
    if !rows.first().is_some_and(says_how) {
        let worked = FewShot::from_file(path)?.examples.into_iter();
        return Ok(worked
            .map(|example| Worked {
                asked: Asked::Question(example.question),
                answer: example.answer,
            })
            .collect());
    }
    let at = |source: RowError| RowsError::Row { path: path.to_owned(), source };
    Ok(rows.iter().map(|row| worked(row).map_err(at)).collect::<Result<_, _>>()?)
}

/// Whether a record says how it is asked.
fn says_how(row: &Row) -> bool {
    row.has("messages") || (row.has("prompt") && row.has("completion"))
}

fn worked(row: &Row) -> Result<Worked, RowError> {
    if !row.has("messages") {
        let (prompt, answer) = (row.required("prompt")?, row.required("completion")?);
        if answer.trim().is_empty() {
            return Err(row.wrong("field \"completion\": empty, expected something to learn"));
        }
        return Ok(Worked { asked: Asked::Prompt(Prompt::Text(prompt)), answer });
    }
    let mut turns: Vec<Message> = row.field("messages")?;
    let last =
        turns.pop().filter(|turn| turn.role == Role::Assistant && !turn.content.trim().is_empty());
    let Some(last) = last else {
        return Err(row.wrong("field \"messages\": the last turn is not the assistant's, or empty"));
    };
    if !turns.iter().any(|turn| turn.role == Role::User) {
        return Err(
            row.wrong("field \"messages\": no turn of the user before the assistant's last")
        );
    }
    Ok(Worked { asked: Asked::Prompt(Prompt::Chat(turns)), answer: last.content })
}

/// A line of data: what was asked, and what is to be written.
///
/// ```
/// use tts_core::Prompt;
/// use tts_examples::worked::line;
/// assert_eq!(line(&Prompt::text("2 + 2 ="), " 4"), r#"{"prompt":"2 + 2 =","completion":" 4"}"#);
/// assert_eq!(
///     line(&Prompt::from("2 + 2?"), "4"),
///     r#"{"messages":[{"role":"user","content":"2 + 2?"},{"role":"assistant","content":"4"}]}"#
/// );
/// ```
pub fn line(prompt: &Prompt, answer: &str) -> String {
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Line<'a> {
        Chat { messages: Vec<Message> },
        Text { prompt: &'a str, completion: &'a str },
    }
    let line = match prompt {
        Prompt::Text(text) => Line::Text { prompt: text, completion: answer },
        Prompt::Chat(turns) => {
            let answer = Message { role: Role::Assistant, content: answer.to_owned() };
            Line::Chat { messages: turns.iter().cloned().chain([answer]).collect() }
        }
    };
    // Texts under names that are texts: nothing of it can fail.
    serde_json::to_string(&line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Worked>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data.jsonl");
        std::fs::write(&path, text).expect("written");
        read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn each_form_is_read_as_it_stands() {
        let chat = Prompt::chat("Be brief.", "2 + 2?");
        let text = line(&chat, "4\n\nThat is all.") + "\n";
        let read = of(&text).expect("chats");
        assert_eq!(
            read,
            [Worked { asked: Asked::Prompt(chat), answer: "4\n\nThat is all.".into() }]
        );
        let raw = Prompt::text("Q: 2 + 2\nA:");
        let read = of(&line(&raw, " 4")).expect("texts");
        assert_eq!(read, [Worked { asked: Asked::Prompt(raw), answer: " 4".into() }]);
        let read = of("{\"question\": \"2 + 2?\", \"answer\": \"4\"}\n").expect("solutions");
        assert_eq!(read[0].asked, Asked::Question("2 + 2?".into()));
        assert_eq!(read[0].asked.question(), "2 + 2?");
    }

    #[test]
    fn what_has_nothing_to_learn_is_named() {
        let good = line(&Prompt::from("2 + 2?"), "4");
        for (bad, expected) in [
            (r#"{"messages": []}"#, "the last turn"),
            (r#"{"messages": [{"role": "user", "content": "2 + 2?"}]}"#, "the last turn"),
            (r#"{"messages": [{"role": "assistant", "content": "4"}]}"#, "no turn of the user"),
            (r#"{"messages": [{"role": "tool", "content": "4"}]}"#, "tool"),
            (r#"{"messages": "4"}"#, "messages"),
            (r#"{"prompt": "2 + 2 ="}"#, "completion"),
            (r#"{"prompt": "2 + 2 =", "completion": " "}"#, "something to learn"),
        ] {
            let error = of(&format!("{good}\n{bad}\n")).expect_err(bad);
            assert!(error.contains(expected) && error.contains("line 2"), "{error}");
        }
    }
}
