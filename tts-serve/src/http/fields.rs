//! The fields of a request, taken one by one: what is left at the end was not understood.
//!
//! `null` says the same as leaving a field out. A field of a wrong type is an error that names it by its
//! path (`messages[1].content`).

use serde_json::{Map, Value};

use crate::fault::Fault;

/// The fields of an object that were not taken yet.
pub(super) struct Fields {
    map: Map<String, Value>,
    /// What comes before their names.
    path: String,
}

impl Fields {
    /// The fields of the body of a request.
    pub(super) fn of_body(body: &[u8]) -> Result<Self, Fault> {
        let value: Value = serde_json::from_slice(body).map_err(|error| {
            Fault::new(400, "invalid_json", format!("the body is not JSON: {error}"))
        })?;
        Self::of(value, "").map_err(|fault| fault.code("invalid_json"))
    }

    /// The fields of an object at a path.
    pub(super) fn of(value: Value, path: &str) -> Result<Self, Fault> {
        match value {
            Value::Object(map) => Ok(Self { map, path: path.to_owned() }),
            other => Err(wrong(path, "an object", &other)),
        }
    }

    /// The path of a field.
    pub(super) fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A field as it is.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    fn read<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let found = read(&value).ok_or_else(|| wrong(&self.at(name), expected, &value))?;
        Ok(Some(found))
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Fault> {
        self.read(name, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// Yes or no; no when it is missing.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Fault> {
        Ok(self.read(name, "true or false", Value::as_bool)?.unwrap_or(false))
    }

    /// A whole number within bounds.
    pub(super) fn count(
        &mut self,
        name: &str,
        least: u64,
        most: u64,
    ) -> Result<Option<u64>, Fault> {
        let expected = format!("a whole number from {least} to {most}");
        self.read(name, &expected, |value| {
            value.as_u64().filter(|count| (least..=most).contains(count))
        })
    }

    /// A number within bounds.
    pub(super) fn number(
        &mut self,
        name: &str,
        least: f32,
        most: f32,
    ) -> Result<Option<f32>, Fault> {
        #[expect(clippy::cast_possible_truncation, reason = "samplers take f32")]
        let narrow = |number: f64| number as f32;
        self.read(name, &format!("a number from {least} to {most}"), |value| {
            value.as_f64().map(narrow).filter(|number| (least..=most).contains(number))
        })
    }

    /// Any whole number of 64 bits, signed or not.
    pub(super) fn seed(&mut self, name: &str) -> Result<Option<u64>, Fault> {
        self.read(name, "a whole number of 64 bits", |value| {
            value.as_u64().or_else(|| value.as_i64().map(i64::cast_unsigned))
        })
    }

    /// A text, or a list of them, none of which is empty.
    pub(super) fn texts(&mut self, name: &str, most: usize) -> Result<Option<Vec<String>>, Fault> {
        let expected = format!("a text, or a list of at most {most}, none of them empty");
        let texts = self.read(name, &expected, |value| match value {
            Value::String(text) => Some(vec![text.clone()]),
            Value::Array(list) => list.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
            _ => None,
        })?;
        match texts {
            Some(texts) if texts.len() > most || texts.iter().any(String::is_empty) => Err(
                Fault::invalid(self.at(name), format!("{}: expected {expected}", self.at(name))),
            ),
            texts => Ok(texts),
        }
    }

    /// Refuses a field that would change the answer, unless it has a value that changes nothing.
    pub(super) fn refuse(&mut self, name: &str, idle: &[Value], why: &str) -> Result<(), Fault> {
        match self.take(name) {
            Some(value) if !idle.iter().any(|idle| same(idle, &value)) => {
                let at = self.at(name);
                let message = format!("{at} is not supported here: {why}");
                Err(Fault::invalid(at, message).code("unsupported_parameter"))
            }
            _ => Ok(()),
        }
    }

    /// Nothing is left.
    ///
    /// # Errors
    /// One that names what was not understood.
    pub(super) fn end(self) -> Result<(), Fault> {
        let left = self.map.iter().find(|(_, value)| !value.is_null());
        left.map_or(Ok(()), |(name, _)| {
            let at = self.at(name);
            let message = format!("{at} is not a field that is known here");
            Err(Fault::invalid(at, message).code("unknown_parameter"))
        })
    }
}

/// Whether two values say the same: `0` and `0.0` do.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.to_bits() == other.to_bits(),
        _ => one == other,
    }
}

/// A field of another type or range.
pub(super) fn wrong(at: &str, expected: &str, found: &Value) -> Fault {
    let found = match found.to_string() {
        text if text.chars().count() > 60 => {
            format!("{}...", text.chars().take(60).collect::<String>())
        }
        text => text,
    };
    let name = if at.is_empty() { "the body" } else { at };
    let fault = Fault::new(400, "invalid_value", format!("{name} is {found}, expected {expected}"));
    if at.is_empty() { fault } else { fault.at(at) }
}
