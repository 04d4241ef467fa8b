//! A JSON object whose errors name the file and the field.
//!
//! Absent fields and `null` are the same: Hugging Face writes either.

use std::path::Path;

use serde_json::{Map, Value};
use tts_core::rows;

use crate::ModelError;

/// An object within a file.
pub(crate) struct Object<'a> {
    path: &'a Path,
    /// Where it lies in the file, with a trailing dot; empty at the top.
    prefix: String,
    map: Map<String, Value>,
}

impl<'a> Object<'a> {
    pub(super) fn parse(bytes: &[u8], path: &'a Path) -> Result<Self, ModelError> {
        let wrong = |problem: String| ModelError::format(path, "JSON", problem);
        let text = rows::decode(bytes).map_err(|error| wrong(error.to_string()))?;
        let map = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { path, prefix: String::new(), map })
    }

    pub(super) fn field(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(super) fn unsupported(&self, name: &str, what: impl Into<String>) -> ModelError {
        ModelError::unsupported(self.path, self.field(name), what)
    }

    pub(super) fn error(&self, name: &str, problem: impl Into<String>) -> ModelError {
        ModelError::format(self.path, self.field(name), problem)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// What the field is where the file does not say.
    pub(super) fn default(&mut self, name: &str, value: Value) {
        if !self.has(name) {
            self.map.insert(name.to_owned(), value);
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether the field is there and says `null`.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(Value::is_null)
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, ModelError> {
        let map = self.typed(name, "an object", |v| v.as_object().cloned())?;
        let prefix = self.field(name) + ".";
        Ok(map.map(|map| Object { path: self.path, prefix, map }))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ModelError> {
        self.typed(name, "a string", Value::as_str)
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, ModelError> {
        self.typed(name, "true or false", Value::as_bool)
    }

    pub(super) fn float(&self, name: &str) -> Result<Option<f64>, ModelError> {
        self.typed(name, "a number", Value::as_f64)
    }

    pub(super) fn count(&self, name: &str) -> Result<Option<usize>, ModelError> {
        self.typed(name, "an integer that is not negative", |v| v.as_u64()?.try_into().ok())
    }

    pub(super) fn floats(&self, name: &str) -> Result<Vec<f64>, ModelError> {
        let list = self.typed(name, "a list of numbers", |v| {
            v.as_array()?.iter().map(Value::as_f64).collect()
        })?;
        self.required(name, list)
    }

    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<&str>>, ModelError> {
        self.typed(name, "a list of strings", |v| v.as_array()?.iter().map(Value::as_str).collect())
    }

    /// One id, or a list of them.
    pub(super) fn ids(&self, name: &str) -> Result<Vec<u32>, ModelError> {
        let id = |v: &Value| u32::try_from(v.as_u64()?).ok();
        let ids = self.typed(name, "a token id or a list of them", |v| match v {
            Value::Array(list) => list.iter().map(id).collect(),
            one => id(one).map(|id| vec![id]),
        })?;
        Ok(ids.unwrap_or_default())
    }

    pub(super) fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, ModelError> {
        value.ok_or_else(|| self.error(name, "is missing"))
    }

    fn typed<'b, T>(
        &'b self,
        name: &str,
        expected: &str,
        convert: impl FnOnce(&'b Value) -> Option<T>,
    ) -> Result<Option<T>, ModelError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match convert(value) {
            Some(converted) => Ok(Some(converted)),
            None => Err(self.error(name, format!("{}, expected {expected}", shown(value)))),
        }
    }
}

/// A value, cut to what an error can hold.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
