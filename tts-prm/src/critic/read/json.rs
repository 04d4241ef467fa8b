//! A score in a field of a JSON object, wherever in the text the object stands.
//!
//! Judges write such objects bare, in code blocks and amid sentences. Every brace may begin one; the last object
//! that has the field counts. Where there is none the judgement is refused: no default stands in for it.
//!
//! Source: the judge prompts of `its_hub` 1.2.0, whose parser answers 5.0 where nothing parses.

use serde_json::{Map, Value};

use super::Refusal;

/// Braces looked at, from the last: a hostile text has many.
const MOST: usize = 256;

/// The number in the field of the last object that has it.
pub(super) fn score(text: &str, field: &str, low: f64, high: f64) -> Result<f64, Refusal> {
    let starts = text.rmatch_indices('{').take(MOST);
    let mut objects = starts.filter_map(|(at, _)| object(&text[at..]));
    let value = objects.find_map(|mut object| object.remove(field));
    let value =
        value.ok_or_else(|| Refusal::missing(format!("JSON object with the field {field:?}")))?;
    let score = value.as_f64().filter(|score| (low..=high).contains(score));
    score
        .ok_or_else(|| Refusal::value(&value.to_string(), format!("a number from {low} to {high}")))
}

/// The object that a text begins with.
fn object(text: &str) -> Option<Map<String, Value>> {
    serde_json::Deserializer::from_str(text).into_iter().next()?.ok()
}
