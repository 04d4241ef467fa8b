//! One record: fields by name, with numbers as they were written.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::said;
use super::{Place, RowError};

/// A record of a data file.
#[derive(Debug, Clone)]
pub struct Row {
    place: Place,
    fields: BTreeMap<String, Box<RawValue>>,
}

impl Row {
    /// The object of a JSON text.
    pub(super) fn json(text: &str, place: Place) -> Result<Self, RowError> {
        let fields = serde_json::from_str(text).map_err(|error| bad_json(text, place, &error))?;
        Ok(Self { place, fields })
    }

    /// A record of fields that are JSON already.
    #[cfg(feature = "parquet")]
    pub(super) fn of(place: Place, fields: BTreeMap<String, Box<RawValue>>) -> Self {
        Self { place, fields }
    }

    /// A row of a table.
    pub(super) fn cells<'a>(
        place: Place,
        cells: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, RowError> {
        let field = |(name, cell): (&str, &str)| {
            let cell = serde_json::value::to_raw_value(cell)
                .map_err(|error| RowError::new(Some(place), error.to_string()))?;
            Ok((name.to_owned(), cell))
        };
        Ok(Self { place, fields: cells.map(field).collect::<Result<_, RowError>>()? })
    }

    /// Where it stands.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether there is a field of this name, null or not.
    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// The names of the fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// A field that is a text, or a number as it was written; `None` where it is null or not there.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn text(&self, name: &str) -> Result<Option<String>, RowError> {
        let Some(value) = self.fields.get(name) else { return Ok(None) };
        written(value).map_err(|problem| self.wrong(format!("field {name:?}: {problem}")))
    }

    /// Whether a field is a number; cells of tables are texts.
    pub fn is_number(&self, name: &str) -> bool {
        let first = self.fields.get(name).and_then(|value| value.get().bytes().next());
        first.is_some_and(|byte| byte == b'-' || byte.is_ascii_digit())
    }

    /// A field as a type of its own; null where it is not there.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn field<T: DeserializeOwned>(&self, name: &str) -> Result<T, RowError> {
        let text = self.fields.get(name).map_or("null", |value| value.get());
        // Columns of this text are not those of the file.
        serde_json::from_str(text)
            .map_err(|error| self.wrong(format!("field {name:?}: {}", said(&error))))
    }

    /// [`text`](Self::text) of a field that must be there.
    ///
    /// # Errors
    /// When it is not, or is null; or as [`text`](Self::text).
    pub fn required(&self, name: &str) -> Result<String, RowError> {
        let missing = || {
            let there: Vec<&str> = self.names().take(12).collect();
            let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
            let problem = if self.has(name) { "is null" } else { "is not there" };
            self.wrong(format!("field {name:?} {problem}; fields are {there}"))
        };
        self.text(name)?.ok_or_else(missing)
    }

    /// All fields as a type of their own; cells of tables are texts.
    ///
    /// # Errors
    /// When they do not fit.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, RowError> {
        let text =
            serde_json::to_string(&self.fields).map_err(|error| self.wrong(error.to_string()))?;
        // Columns of this text are not those of the file.
        serde_json::from_str(&text).map_err(|error| self.wrong(said(&error)))
    }

    /// An error that names this record.
    pub fn wrong(&self, problem: impl Into<String>) -> RowError {
        RowError::new(Some(self.place), problem.into())
    }
}

/// A JSON value that is a text, or a number as it was written; `None` for null.
///
/// # Errors
/// A sentence, when it is anything else.
pub fn written(value: &RawValue) -> Result<Option<String>, String> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(text).map_err(|error| said(&error)),
        Some(b'-' | b'0'..=b'9') => Ok(Some(text.to_owned())),
        Some(b'n') => Ok(None),
        _ => {
            let shown: String = text.chars().take(60).collect();
            Err(format!("expected a text or a number, found {shown}"))
        }
    }
}

/// What is wrong with the JSON of a record, without the line that the parser counts: to it every record
/// is the first.
fn bad_json(text: &str, place: Place, error: &serde_json::Error) -> RowError {
    let problem = if error.is_eof() && matches!(place, Place::Line(_)) {
        if text.trim() == "{" {
            "an object over several lines: expected one object a line, or a list of objects"
                .to_owned()
        } else {
            "the line ends within the object: the file may be cut off here".to_owned()
        }
    } else if serde_json::from_str::<Value>(text).is_ok_and(|value| !value.is_object()) {
        let shown: String = text.trim().chars().take(60).collect();
        format!("expected an object with fields, found {shown}")
    } else {
        return RowError::json(place, error);
    };
    RowError::new(Some(place), problem)
}
