//! A score in a field of a JSON object, wherever in the text the object stands.
//!
//! Judges write such objects bare, in code blocks and amid sentences. Every brace outside an object may begin one; the last
//! object that has the field counts, and the field of the object itself before those of objects within it. Where there is
//! none, or the field is written again behind it, the judgement is refused: neither a default nor an earlier score
//! stands in for it. So is one whose key is written with escapes, by which a response that is quoted could have a score
//! that its guard does not see.
//!
//! Source: the judge prompts of `its_hub` 1.2.0, whose parser answers 5.0 where nothing parses.

use serde_json::{Map, Value};

use super::Refusal;

/// Objects that may begin and break off: a hostile text has many.
const MOST: usize = 256;

/// The number in the field of the last object that has it.
pub(super) fn score(text: &str, field: &str, low: f64, high: f64) -> Result<f64, Refusal> {
    let missing = || Refusal::missing(format!("JSON object with the field {field:?}"));
    let (raw, object) = last(text, field).ok_or_else(missing)?;
    let value = within(&object, field).ok_or_else(missing)?;
    if text[raw.end..].contains(&format!("\"{field}\"")) {
        return Err(Refusal::missing(format!("whole JSON object behind the last {field:?}")));
    }
    if escaped(&text[raw.start..raw.end]) {
        return Err(Refusal::missing(format!(
            "JSON object without escapes in keys with {field:?}"
        )));
    }
    let score = value.as_f64().filter(|score| (low..=high).contains(score));
    score
        .ok_or_else(|| Refusal::value(&value.to_string(), format!("a number from {low} to {high}")))
}

/// The last outermost object that has the field, and where it stands.
fn last(text: &str, field: &str) -> Option<(std::ops::Range<usize>, Map<String, Value>)> {
    let (mut found, mut from, mut broken) = (None, 0, 0);
    while let Some(at) = text[from..].find('{') {
        let start = from + at;
        let mut objects =
            serde_json::Deserializer::from_str(&text[start..]).into_iter::<Map<String, Value>>();
        match objects.next() {
            Some(Ok(object)) => {
                from = start + objects.byte_offset();
                if has(&object, field) {
                    found = Some((start..from, object));
                }
            }
            // One that is never closed holds all that is behind it.
            Some(Err(error)) if error.is_eof() => break,
            _ => {
                from = start + 1;
                // Most braces of a text begin no object, which shows at once.
                broken += usize::from(text[from..].trim_start().starts_with('"'));
                if broken > MOST {
                    return None;
                }
            }
        }
    }
    found
}

/// Whether the object, or one within it, has the field.
fn has(object: &Map<String, Value>, field: &str) -> bool {
    object.contains_key(field) || object.values().any(|value| inner(value, field).1 > 0)
}

/// The field of the object, or else of the one object within it that has it.
fn within<'o>(object: &'o Map<String, Value>, field: &str) -> Option<&'o Value> {
    if let Some(value) = object.get(field) {
        return Some(value);
    }
    let found = object.values().map(|value| inner(value, field));
    let (value, count) =
        found.fold((None, 0), |(value, count), (next, more)| (value.or(next), count + more));
    value.filter(|_| count == 1)
}

/// A field of that name within a value, and how many there are.
fn inner<'v>(value: &'v Value, field: &str) -> (Option<&'v Value>, usize) {
    let all: Vec<&Value> = match value {
        Value::Object(object) => {
            if let Some(value) = object.get(field) {
                return (Some(value), 1);
            }
            object.values().collect()
        }
        Value::Array(values) => values.iter().collect(),
        _ => Vec::new(),
    };
    all.into_iter()
        .map(|value| inner(value, field))
        .fold((None, 0), |(value, count), (next, more)| (value.or(next), count + more))
}

/// Whether a key of an object is written with escapes.
fn escaped(object: &str) -> bool {
    let bytes = object.as_bytes();
    let mut at = 0;
    while let Some(begin) = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == b'"')) {
        let (mut end, mut escapes) = (at + begin + 1, false);
        while let Some(&byte) = bytes.get(end).filter(|&&byte| byte != b'"') {
            escapes |= byte == b'\\';
            end += if byte == b'\\' { 2 } else { 1 };
        }
        at = end + 1;
        let behind = bytes.get(at..).unwrap_or_default();
        let next = behind.iter().find(|byte| !byte.is_ascii_whitespace());
        if escapes && next == Some(&b':') {
            return true;
        }
    }
    false
}
