//! Jinja templates over the fields of a record.
//!
//! Texts are texts. Whole numbers are numbers, so that they may choose from a list; other numbers are texts as
//! they were written, so that no digit is lost. A field that is not there is an error, not nothing.

use minijinja::value::Serde;
use minijinja::{Value, context};
use tts_core::rows::Row;

use crate::jinja::{environment, said};

/// Refuses what is no template.
pub(super) fn check(template: &str) -> Result<(), String> {
    environment().template_from_str(template).map(|_| ()).map_err(|error| said(&error))
}

/// A way of asking around a question.
pub(super) fn ask(template: &str, question: &str) -> Result<String, String> {
    environment().render_str(template, context! { question }).map_err(|error| said(&error))
}

/// A template over the fields of a record.
pub(super) fn of_row(template: &str, row: &Row) -> Result<String, String> {
    let fields: Vec<(String, Value)> = row
        .names()
        .map(|name| Ok((name.to_owned(), value(row, name)?)))
        .collect::<Result<_, String>>()?;
    let fields = Value::from_pairs(fields);
    environment().render_str(template, fields).map_err(|error| said(&error))
}

fn value(row: &Row, name: &str) -> Result<Value, String> {
    let Ok(text) = row.text(name) else {
        let value: serde_json::Value = row.field(name).map_err(|error| error.problem)?;
        return Ok(Value::from(Serde(value)));
    };
    let Some(text) = text else { return Ok(Value::from(())) };
    let number = row.is_number(name).then(|| text.parse::<i64>().ok()).flatten();
    Ok(number.map_or_else(|| Value::from(text), Value::from))
}
