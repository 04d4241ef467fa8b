//! What is fine-tuned on, as files have it.
//!
//! | Form | Fields |
//! |---|---|
//! | worked solutions | those of [`FewShot`]: `question` and `answer`, `problem` and `solution` |
//! | chats | `messages`: turns with `role` and `content`, of which the last, the assistant's, is learnt |
//! | texts | `prompt` and `completion`, as they stand |
//! | parts | `parts` with `text` and `learn`, behind a `prompt`, or behind `messages` without the answer: some are only read |
//!
//! All but worked solutions may have a `weight`, by which they count. The first record tells the form. Worked solutions are asked as the options say; chats and texts say it themselves.
//!
//! Source: the data formats of fine-tuning services and of TRL (`messages`; `prompt` and `completion`).

use std::path::Path;

use serde::Serialize;
use tts_core::rows::{self, Row, RowError, RowsError};
use tts_core::{Message, Prompt, Role};
use tts_prm::critic::Part;
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
#[derive(Debug, Clone, PartialEq)]
pub struct Worked {
    /// What is asked.
    pub asked: Asked,
    /// What is to be written, one at least; parts that are not learnt are read.
    pub parts: Vec<Part>,
    /// How much it counts, 1 for as much as any.
    pub weight: f32,
}

impl Worked {
    /// A question and its answer, all of which is learnt.
    pub fn of(asked: Asked, answer: impl Into<String>) -> Self {
        Self { asked, parts: vec![Part { text: answer.into(), learn: true }], weight: 1.0 }
    }

    /// All that is to stand behind the question.
    pub fn answer(&self) -> String {
        self.parts.iter().map(|part| part.text.as_str()).collect()
    }
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
            .map(|example| Worked::of(Asked::Question(example.question), example.answer))
            .collect());
    }
    let at = |source: RowError| RowsError::Row { path: path.to_owned(), source };
    Ok(rows.iter().map(|row| worked(row).map_err(at)).collect::<Result<_, _>>()?)
}

/// Whether a record says how it is asked.
fn says_how(row: &Row) -> bool {
    let has = |field: &str| row.has(field);
    has("messages") || (has("prompt") && (has("completion") || has("parts")))
}

fn worked(row: &Row) -> Result<Worked, RowError> {
    let weight = row.field::<Option<f32>>("weight")?.unwrap_or(1.0);
    if !(weight.is_finite() && weight > 0.0) {
        return Err(row.wrong(format!("field \"weight\": {weight}, expected a number above 0")));
    }
    if row.has("parts") {
        return in_parts(row, weight);
    }
    Ok(Worked { weight, ..whole(row)? })
}

/// What is learnt in parts.
fn in_parts(row: &Row, weight: f32) -> Result<Worked, RowError> {
    let parts: Vec<Part> = row.field("parts")?;
    if !parts.iter().any(|part| part.learn && !part.text.is_empty()) {
        return Err(row.wrong("field \"parts\": none is learnt, expected something to learn"));
    }
    let prompt = if row.has("messages") {
        let turns: Vec<Message> = row.field("messages")?;
        if turns.last().is_none_or(|turn| turn.role != Role::User) {
            return Err(
                row.wrong("field \"messages\": the last turn before parts is not the user's")
            );
        }
        Prompt::Chat(turns)
    } else {
        Prompt::Text(row.required("prompt")?)
    };
    Ok(Worked { asked: Asked::Prompt(prompt), parts, weight })
}

/// What is learnt as a whole.
fn whole(row: &Row) -> Result<Worked, RowError> {
    if !row.has("messages") {
        let (prompt, answer) = (row.required("prompt")?, row.required("completion")?);
        if answer.trim().is_empty() {
            return Err(row.wrong("field \"completion\": empty, expected something to learn"));
        }
        return Ok(Worked::of(Asked::Prompt(Prompt::Text(prompt)), answer));
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
    Ok(Worked::of(Asked::Prompt(Prompt::Chat(turns)), last.content))
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
    line_of(prompt, &[Part { text: answer.to_owned(), learn: true }], 1.0)
}

/// A line of data whose answer is in parts, and which counts so much, a number above 0. A weight that is no finite number is
/// written as 0, which is refused when it is read: none counts as another one would.
///
/// ```
/// use tts_core::Prompt;
/// use tts_examples::worked::line_of;
/// use tts_prm::critic::Part;
/// let part = |text: &str, learn| Part { text: text.into(), learn };
/// let prompt = Prompt::text("2 + 2 = 5.");
/// assert_eq!(
///     line_of(&prompt, &[part(" Right?", false), part(" No", true)], 0.5),
///     r#"{"prompt":"2 + 2 = 5.","parts":[{"text":" Right?","learn":false},{"text":" No","learn":true}],"weight":0.5}"#
/// );
/// // What is learnt as a whole needs no parts.
/// assert_eq!(line_of(&prompt, &[part(" N", true), part("o", true)], 1.0), r#"{"prompt":"2 + 2 = 5.","completion":" No"}"#);
/// ```
pub fn line_of(prompt: &Prompt, parts: &[Part], weight: f32) -> String {
    #[derive(Default, Serialize)]
    struct Line<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        messages: Option<Vec<Message>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        prompt: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        completion: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        parts: Option<&'a [Part]>,
        #[serde(skip_serializing_if = "Option::is_none")]
        weight: Option<f32>,
    }
    let answer: String = parts.iter().map(|part| part.text.as_str()).collect();
    let whole = parts.iter().all(|part| part.learn);
    let weight = if weight.is_finite() { weight } else { 0.0 };
    let mut line = Line {
        parts: (!whole).then_some(parts),
        weight: ((weight - 1.0).abs() > f32::EPSILON).then_some(weight),
        ..Line::default()
    };
    match prompt {
        Prompt::Text(text) => {
            line.prompt = Some(text.as_str());
            line.completion = whole.then_some(answer.as_str());
        }
        Prompt::Chat(turns) => {
            let answer = Message { role: Role::Assistant, content: answer };
            let answer = whole.then_some(answer);
            line.messages = Some(turns.iter().cloned().chain(answer).collect());
        }
    }
    // Texts and numbers under names that are texts: nothing of it can fail.
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
        assert_eq!(read, [Worked::of(Asked::Prompt(chat), "4\n\nThat is all.")]);
        let raw = Prompt::text("Q: 2 + 2\nA:");
        let read = of(&line(&raw, " 4")).expect("texts");
        assert_eq!(read, [Worked::of(Asked::Prompt(raw), " 4")]);
        let read = of("{\"question\": \"2 + 2?\", \"answer\": \"4\"}\n").expect("solutions");
        assert_eq!(read[0].asked, Asked::Question("2 + 2?".into()));
        assert_eq!(read[0].asked.question(), "2 + 2?");
    }

    #[test]
    fn parts_and_weights_come_back_as_they_were_written() {
        let part = |text: &str, learn| Part { text: text.to_owned(), learn };
        let parts = [
            part("Let's see: ", false),
            part("off.", true),
            part(" Right?", false),
            part(" No", true),
        ];
        for prompt in [Prompt::chat("Check.", "2 + 2 = 5"), Prompt::text("2 + 2 = 5\n")] {
            for (parts, weight) in [(&parts[..], 1.0), (&parts[..], 0.25), (&parts[1..2], 0.25)] {
                let read = of(&(line_of(&prompt, parts, weight) + "\n")).expect("a line");
                let [worked] = &read[..] else { panic!("{read:?}") };
                assert_eq!(worked.asked, Asked::Prompt(prompt.clone()));
                assert_eq!(worked.parts, parts);
                assert!((worked.weight - weight).abs() < 1e-9);
            }
        }
        for weight in [f32::NAN, f32::INFINITY] {
            let line = line_of(&Prompt::from("q"), &parts, weight);
            assert!(of(&line).expect_err("no weight").contains("above 0"), "{line}");
        }
        assert_eq!(
            of(&line_of(&Prompt::from("q"), &parts, 1.0)).expect("one")[0].answer(),
            "Let's see: off. Right? No"
        );
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
            (
                r#"{"prompt": "2 + 2 =", "parts": [{"text": "4", "learn": false}]}"#,
                "none is learnt",
            ),
            (r#"{"prompt": "2 + 2 =", "parts": [{"text": "4"}]}"#, "missing field `learn`"),
            (
                r#"{"messages": [{"role": "assistant", "content": "4"}], "parts": [{"text": "4", "learn": true}]}"#,
                "not the user's",
            ),
            (
                r#"{"prompt": "2 + 2 =", "completion": "4", "weight": 0}"#,
                "expected a number above 0",
            ),
        ] {
            let error = of(&format!("{good}\n{bad}\n")).expect_err(bad);
            assert!(error.contains(expected) && error.contains("line 2"), "{error}");
        }
    }
}
