//! Values as text: the `tojson` filter and plain output, both bounded.
//!
//! `tojson` is Python's `json.dumps`, as chat templates expect it, not HTML-safe JSON: separators
//! are `", "` and `": "`, characters stay as they are, and `indent` breaks lines. The
//! text is bounded: a list that holds itself twice, a hundred times over, is small in memory but
//! endless in writing.

use std::io::{self, Write};

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, Output, State, Value, escape_formatter};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// Most bytes that one value becomes.
const MAX_BYTES: usize = 1 << 22;

/// A buffer that refuses to grow beyond its bound.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(io::Error::other(format!("longer than {MAX_BYTES} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a value as output does, lists and maps up to the bound.
pub(super) fn format_bounded(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::Iterable) {
        return escape_formatter(out, state, value);
    }
    let fail = |problem: String| Error::new(ErrorKind::WriteFailure, problem);
    let mut text = Bounded(Vec::new());
    write!(text, "{value}").map_err(|error| fail(error.to_string()))?;
    escape_formatter(out, state, &Value::from(String::from_utf8_lossy(&text.0).into_owned()))
}

/// Spaces after separators, no line breaks.
struct Python;

impl Formatter for Python {
    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

/// The filter; `indent` is its only option that changes the result.
#[expect(clippy::needless_pass_by_value, reason = "filters receive their arguments by value")]
pub(super) fn tojson(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    for ignored in ["ensure_ascii", "sort_keys", "separators"] {
        let _: Option<Value> = options.get(ignored)?;
    }
    options.assert_all_used()?;
    let mut out = Bounded(Vec::new());
    let written = match indent {
        None => value.serialize(&mut Serializer::with_formatter(&mut out, Python)),
        Some(indent) => {
            let spaces = vec![b' '; indent.min(16)];
            let format = PrettyFormatter::with_indent(&spaces);
            value.serialize(&mut Serializer::with_formatter(&mut out, format))
        }
    };
    let fail = |problem: String| Error::new(ErrorKind::BadSerialization, problem);
    written.map_err(|error| fail(error.to_string()))?;
    let text = String::from_utf8(out.0).map_err(|error| fail(error.to_string()))?;
    Ok(Value::from_safe_string(text))
}
