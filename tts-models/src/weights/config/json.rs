//! A JSON object whose errors name the file and the field, and JSON files as Python writes them.
//!
//! Absent fields and `null` are the same: Hugging Face writes either. What Python writes for numbers that JSON has
//! none for is read as texts, see [`Files::read_json`].

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tts_core::rows;

use crate::{Files, ModelError};

/// An object within a file.
pub(crate) struct Object<'a> {
    path: &'a Path,
    /// Where it lies in the file, with a trailing dot; empty at the top.
    prefix: String,
    map: Map<String, Value>,
}

impl<'a> Object<'a> {
    pub(super) fn parse(bytes: &[u8], path: &'a Path) -> Result<Self, ModelError> {
        Ok(Self { path, prefix: String::new(), map: parse(bytes, path)? })
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

    /// A count of which there is at least one.
    pub(super) fn some(&self, name: &str) -> Result<Option<usize>, ModelError> {
        match self.count(name)? {
            Some(0) => Err(self.error(name, "0, expected at least 1")),
            count => Ok(count),
        }
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

impl Files {
    /// The value of this JSON file; `None` when there is no such file. As Python's own reader it takes `NaN`, `Infinity`
    /// and `-Infinity`, here as texts of these names: the field that reads one says what it expected, and in one that
    /// nobody reads it does no harm. Encodings are those of [`tts_core::rows::decode`].
    ///
    /// # Errors
    /// When the file cannot be read or is no JSON, by line.
    pub fn read_json(&self) -> Result<Option<Value>, ModelError> {
        let bytes = self.read_if_there()?;
        bytes.map(|bytes| parse(&bytes, self.path())).transpose()
    }
}

/// Reads a JSON text as Python writes it; `path` is what errors call it.
fn parse<T: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<T, ModelError> {
    let wrong = |problem: String| ModelError::format(path, "JSON", problem);
    let text = rows::decode(bytes).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).or_else(|error| {
        // The sentence of the file as it is, where these were not what is wrong with it.
        serde_json::from_str(&quoted(&text)).map_err(|_| wrong(error.to_string()))
    })
}

/// A text with what Python writes for numbers that JSON has none for as strings.
fn quoted(text: &str) -> String {
    const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    let (mut out, mut rest) = (String::with_capacity(text.len() + 16), text);
    let (mut within, mut escaped) = (false, false);
    while let Some(c) = rest.chars().next() {
        let word = WORDS.into_iter().find(|word| !within && rest.starts_with(word));
        let taken = word.map_or(c.len_utf8(), str::len);
        if word.is_some() {
            out.push('"');
        }
        out.push_str(&rest[..taken]);
        if word.is_some() {
            out.push('"');
        }
        rest = &rest[taken..];
        within ^= c == '"' && !escaped;
        escaped = within && c == '\\' && !escaped;
    }
    out
}

/// A value, cut to what an error can hold.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_told_by_its_field_and_does_no_harm_elsewhere() {
        let text = r#"{"a": NaN, "b": -Infinity, "c": [1, Infinity], "d": "NaN \" Infinity", "e": 2, "f": {"g": NaN}}"#;
        let path = Path::new("config.json");
        let object = Object::parse(text.as_bytes(), path).expect("read");
        assert_eq!(object.float("e").expect("a number"), Some(2.0));
        assert_eq!(object.text("d").expect("a text"), Some("NaN \" Infinity"));
        let inner = object.object("f").expect("an object").expect("there");
        for (error, expected) in [
            (object.float("a").unwrap_err(), "config.json: a: \"NaN\", expected a number"),
            (object.float("b").unwrap_err(), "config.json: b: \"-Infinity\", expected a number"),
            (object.floats("c").unwrap_err(), "config.json: c: [1,\"Infinity\"], expected a list"),
            (inner.float("g").unwrap_err(), "config.json: f.g: \"NaN\", expected a number"),
        ] {
            assert!(error.to_string().starts_with(expected), "{error}");
        }
        // What else is wrong is told of the file as it is.
        let error = Object::parse(b"{\"a\": NaN, \"b\"}", path).err().expect("refused").to_string();
        assert!(
            error.starts_with("config.json: JSON: expected value at line 1 column 7"),
            "{error}"
        );
    }

    #[test]
    fn files_are_read_as_python_writes_them() {
        let kept: &[(&str, &[u8])] = &[
            ("list.json", b"[NaN, {\"a\": -Infinity}, \"NaN\", 1]"),
            ("mark.json", b"\xef\xbb\xbf{\"a\": 1}"),
            ("bad.json", b"{\"a\": NaN,\n}"),
        ];
        let files = Files::in_memory("m", kept);
        let read = |name: &str| files.join(name).read_json();
        let list = serde_json::json!(["NaN", {"a": "-Infinity"}, "NaN", 1]);
        assert_eq!(read("list.json").expect("read"), Some(list));
        assert_eq!(read("mark.json").expect("read"), Some(serde_json::json!({"a": 1})));
        assert_eq!(read("none.json").expect("read"), None);
        let error = read("bad.json").expect_err("refused").to_string();
        assert!(
            error.starts_with("m/bad.json: JSON: expected value at line 1 column 7"),
            "{error}"
        );
    }
}
