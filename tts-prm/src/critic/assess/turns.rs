//! Conversations in files of preferences: what was asked, and what each side answered last.
//!
//! A side is a text, or the turns of a chat. Turns that hold a question of the user's are the whole conversation: all sides
//! must have the same but for the last turn, the assistant's, which is the response; what came before is what is asked, and
//! a field with the question beside it says nothing more. Turns of the assistant alone answer what that field asks. Texts
//! that open as `Human:` and go on with `Assistant:` are such a conversation, too, where no field asks.
//!
//! Source: the preference formats of TRL (explicit and implicit prompts); the data set card of `Anthropic/hh-rlhf`.

use serde::Deserialize;
use serde_json::Value;
use tts_core::rows::{Row, RowError};
use tts_core::{Message, Prompt, Role};

/// What stands in a field of a response.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Side {
    Text(String),
    Turns(Vec<Message>),
}

/// A turn, beside whose words some files have more.
#[derive(Deserialize)]
struct Turn {
    role: Role,
    content: String,
}

impl From<Turn> for Message {
    fn from(turn: Turn) -> Self {
        Self { role: turn.role, content: turn.content }
    }
}

/// The turns of a field.
fn turns(row: &Row, field: &str) -> Result<Vec<Message>, RowError> {
    Ok(row.field::<Vec<Turn>>(field)?.into_iter().map(Message::from).collect())
}

/// The responses of a field: a text, a list of texts, or the turns of one chat.
pub(super) fn sides(row: &Row, field: &str) -> Result<Vec<Side>, RowError> {
    let empty = || row.wrong(format!("field {field:?}: empty, expected a text"));
    if let Ok(text) = row.text(field) {
        return Ok(vec![Side::Text(text.ok_or_else(empty)?)]);
    }
    let items: Vec<Value> = row.field(field)?;
    match items.first() {
        None => Err(empty()),
        Some(Value::Object(_)) => Ok(vec![Side::Turns(turns(row, field)?)]),
        Some(_) => Ok(row.field::<Vec<String>>(field)?.into_iter().map(Side::Text).collect()),
    }
}

/// A value as a response, or a question.
pub(super) fn side_of(value: Value) -> Result<Side, String> {
    match value {
        Value::String(text) => Ok(Side::Text(text)),
        Value::Number(number) => Ok(Side::Text(number.to_string())),
        Value::Array(items) if items.first().is_some_and(Value::is_object) => {
            let turns = serde_json::from_value::<Vec<Turn>>(Value::Array(items));
            let turns = turns.map_err(|error| error.to_string())?;
            Ok(Side::Turns(turns.into_iter().map(Message::from).collect()))
        }
        _ => Err("expected a text or turns".into()),
    }
}

/// The one response of a field.
pub(super) fn side(row: &Row, field: &str) -> Result<Side, RowError> {
    let mut sides = sides(row, field)?;
    match (sides.pop(), sides.is_empty()) {
        (Some(side), true) => Ok(side),
        _ => Err(row.wrong(format!("field {field:?}: several texts, expected one, or turns"))),
    }
}

/// The question of a field, if the record has one: a text, or turns.
fn question(row: &Row, field: &str) -> Result<Option<Vec<Message>>, RowError> {
    if !row.has(field) {
        return Ok(None);
    }
    let asked = match row.text(field) {
        Ok(None) => return Ok(None),
        Ok(Some(content)) => vec![Message { role: Role::User, content }],
        Err(_) => turns(row, field)?,
    };
    asks(&asked).map_err(|problem| row.wrong(format!("field {field:?}: {problem}")))?;
    Ok(Some(asked))
}

/// Refuses turns in which the user says nothing.
pub(super) fn asks(turns: &[Message]) -> Result<(), &'static str> {
    let mut own = turns.iter().filter(|turn| turn.role == Role::User).peekable();
    if own.peek().is_none() {
        return Err("no turn of the user, expected what is asked");
    }
    if own.all(|turn| turn.content.trim().is_empty()) {
        return Err("the user's turns are blank, expected what is asked");
    }
    Ok(())
}

/// Whether turns begin with standing instructions.
fn instructs(turns: &[Message]) -> bool {
    turns.first().is_some_and(|turn| turn.role == Role::System)
}

/// What is asked by a field of the record, behind standing instructions where it has some.
pub(super) fn asked(row: &Row, field: Option<&str>) -> Result<Option<Vec<Message>>, RowError> {
    let Some(field) = field else { return Ok(None) };
    let Some(mut turns) = question(row, field)? else { return Ok(None) };
    if row.has("system")
        && !instructs(&turns)
        && let Some(content) = row.text("system")?.filter(|text| !text.trim().is_empty())
    {
        turns.insert(0, Message { role: Role::System, content });
    }
    Ok(Some(turns))
}

/// The question and the responses of a record: what was asked by a field, and its sides with their names.
pub(super) fn conversation(
    row: &Row,
    asked: Option<Vec<Message>>,
    sides: Vec<(&str, Side)>,
) -> Result<(Prompt, Vec<String>), RowError> {
    let names: Vec<&str> = sides.iter().map(|(name, _)| *name).collect();
    let nobody = || {
        row.wrong(format!(
            "nothing is asked: expected a field \"prompt\", or turns of the user in {}",
            named(&names)
        ))
    };
    let mut before: Vec<(&str, Vec<Message>)> = Vec::new();
    let (mut responses, mut texts) = (Vec::new(), 0);
    for (name, side) in sides {
        let turns = match side {
            Side::Turns(turns) => turns,
            Side::Text(text) => {
                if let Some(turns) = transcript(&text).filter(|_| asked.is_none()) {
                    turns
                } else {
                    texts += 1;
                    responses.push(text);
                    continue;
                }
            }
        };
        let (turns, response) = answered(row, name, turns)?;
        before.push((name, turns));
        responses.push(response);
    }
    if texts > 0 && !before.is_empty() {
        return Err(row.wrong(format!(
            "fields {}: some are texts and some are turns, expected one form",
            named(&names)
        )));
    }
    let Some(((first, turns), others)) = before.split_first() else {
        return Ok((Prompt::Chat(asked.ok_or_else(nobody)?), responses));
    };
    for (other, found) in others {
        if found != turns {
            let common = found.iter().zip(turns).take_while(|(a, b)| a == b).count();
            return Err(row.wrong(format!(
                "fields {first:?} and {other:?} part at turn {}, expected the same conversation up to the last turn",
                common + 1
            )));
        }
    }
    let mut all = asked.unwrap_or_default();
    let has = |turns: &[Message], role: Role| turns.iter().any(|turn| turn.role == role);
    let goes_on = has(&all, Role::Assistant) && !turns.starts_with(&all);
    if has(turns, Role::User) && !goes_on {
        // The sides have the whole conversation, but perhaps not what stands before it.
        let instructed = instructs(turns);
        all.retain(|turn| turn.role == Role::System && !instructed);
    }
    all.extend(turns.iter().cloned());
    if has(&all, Role::User) { Ok((Prompt::Chat(all), responses)) } else { Err(nobody()) }
}

/// The turns before the last one, and what that says, the assistant's.
fn answered(
    row: &Row,
    name: &str,
    mut turns: Vec<Message>,
) -> Result<(Vec<Message>, String), RowError> {
    match turns.pop() {
        Some(last) if last.role == Role::Assistant => Ok((turns, last.content)),
        _ => Err(row.wrong(format!("field {name:?}: the last turn is not the assistant's"))),
    }
}

/// The names of fields for a sentence.
fn named(names: &[&str]) -> String {
    let mut names = names.to_vec();
    names.dedup();
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    names.join(" and ")
}

/// The turns of a text that is written as a conversation; `None` of any other.
fn transcript(text: &str) -> Option<Vec<Message>> {
    const MARKS: [(&str, Role); 2] =
        [("\n\nHuman:", Role::User), ("\n\nAssistant:", Role::Assistant)];
    if !text.starts_with(MARKS[0].0) {
        return None;
    }
    let mut turns = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (mark, role) = MARKS.into_iter().find(|(mark, _)| rest.starts_with(mark))?;
        let behind = &rest[mark.len()..];
        let ends = MARKS.iter().filter_map(|(mark, _)| behind.find(mark));
        let end = ends.min().unwrap_or(behind.len());
        turns.push(Message { role, content: behind[..end].trim().to_owned() });
        rest = &behind[end..];
    }
    Some(turns)
}
