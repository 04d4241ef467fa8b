//! Values as text: the `tojson` filter and plain output, both bounded.
//!
//! `tojson` is Python's `json.dumps` with the options that `transformers` hands on, as chat templates expect it, not
//! HTML-safe JSON: separators are `", "` and `": "`, characters stay as they are and keys where they stand, unless
//! `separators`, `ensure_ascii`, `sort_keys` or `indent`, which breaks lines, say otherwise. The
//! text is bounded: a list that holds itself twice, a hundred times over, is small in memory but
//! endless in writing.
//!
//! Source: the module `json` of Python's library; `chat_template_utils.py` of `transformers`.

use std::io::{self, Write};

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, Output, State, Value, escape_formatter};
use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer as Sink};
use serde_json::ser::{Formatter, Serializer};

/// Most bytes that one value becomes.
const MAX_BYTES: usize = 1 << 22;
/// Most spaces of one step of `indent`.
const MAX_INDENT: usize = 1024;

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

/// What is written between values, and of characters.
#[derive(Debug)]
struct Python {
    /// Between two values.
    item: String,
    /// Between a key and its value.
    key: String,
    /// A step of indentation; `None` for no line breaks.
    indent: Option<String>,
    /// Whether all that is not printable ASCII is escaped.
    ascii: bool,
    depth: usize,
    /// Whether the list or map that ends has anything in it.
    filled: bool,
}

impl Python {
    fn of(options: &Kwargs) -> Result<Self, Error> {
        let refuse = |problem: String| Err(Error::new(ErrorKind::InvalidOperation, problem));
        let indent = match options.get::<Option<Value>>("indent")? {
            None => None,
            Some(text) if text.as_str().is_some() => text.as_str().map(str::to_owned),
            Some(value) => match i64::try_from(value.clone()) {
                // As in Python, less than none is none.
                Ok(spaces) => match usize::try_from(spaces.max(0)) {
                    Ok(spaces) if spaces <= MAX_INDENT => Some(" ".repeat(spaces)),
                    _ => {
                        return refuse(format!(
                            "tojson: indent {spaces}, expected at most {MAX_INDENT}"
                        ));
                    }
                },
                Err(_) => {
                    return refuse(format!("tojson: indent {value}, expected a number or a text"));
                }
            },
        };
        let (item, key) = match options.get::<Option<Value>>("separators")? {
            None => (if indent.is_some() { "," } else { ", " }.to_owned(), ": ".to_owned()),
            Some(value) => {
                let texts: Vec<Value> = value.try_iter().map(Iterator::collect).unwrap_or_default();
                match texts.iter().map(Value::as_str).collect::<Vec<_>>()[..] {
                    [Some(item), Some(key)] => (item.to_owned(), key.to_owned()),
                    _ => return refuse(format!("tojson: separators {value}, expected two texts")),
                }
            }
        };
        Ok(Self {
            item,
            key,
            indent,
            ascii: is_set(options, "ensure_ascii")?,
            depth: 0,
            filled: false,
        })
    }

    fn open<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        out.write_all(bracket)
    }

    fn close<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.filled {
            self.line(out)?;
        }
        out.write_all(bracket)
    }

    /// Begins a value of a list or a key of a map.
    fn next<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(self.item.as_bytes())?;
        }
        self.line(out)
    }

    /// Breaks the line, where there is indentation.
    fn line<W: Write + ?Sized>(&self, out: &mut W) -> io::Result<()> {
        let Some(indent) = &self.indent else { return Ok(()) };
        out.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| out.write_all(indent.as_bytes()))
    }
}

/// Whether an option is there and true.
fn is_set(options: &Kwargs, name: &str) -> Result<bool, Error> {
    Ok(options.get::<Option<Value>>(name)?.is_some_and(|value| value.is_true()))
}

impl Formatter for Python {
    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(self.key.as_bytes())
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn write_f64<W: Write + ?Sized>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        out.write_all(float(value).as_bytes())
    }

    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if !self.ascii {
            return out.write_all(fragment.as_bytes());
        }
        fragment.chars().try_for_each(|c| match c {
            ' '..='~' => write!(out, "{c}"),
            _ => {
                c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))
            }
        })
    }
}

/// A finite number as Python writes it: the fewest digits that read back, an exponent of two digits or more where it
/// is below -4 or above 15.
fn float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let fixed = value.to_string();
        return if fixed.contains('.') { fixed } else { fixed + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

/// A value whose maps are in the order of their keys, all the way down.
struct Sorted<'a>(&'a Value);

impl Serialize for Sorted<'_> {
    fn serialize<S: Sink>(&self, out: S) -> Result<S::Ok, S::Error> {
        let items = || self.0.try_iter().map_err(S::Error::custom);
        match self.0.kind() {
            ValueKind::Map => {
                let mut keys: Vec<Value> = items()?.collect();
                if keys.windows(2).any(|pair| pair[0].kind() != pair[1].kind()) {
                    return Err(S::Error::custom("keys of several types have no order"));
                }
                keys.sort();
                let mut map = out.serialize_map(Some(keys.len()))?;
                for key in &keys {
                    let value = self.0.get_item(key).map_err(S::Error::custom)?;
                    map.serialize_entry(key, &Sorted(&value))?;
                }
                map.end()
            }
            ValueKind::Seq | ValueKind::Iterable => {
                let mut list = out.serialize_seq(None)?;
                for item in items()? {
                    list.serialize_element(&Sorted(&item))?;
                }
                list.end()
            }
            _ => self.0.serialize(out),
        }
    }
}

/// The filter.
#[expect(clippy::needless_pass_by_value, reason = "filters receive their arguments by value")]
pub(super) fn tojson(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let format = Python::of(&options)?;
    let sorted = is_set(&options, "sort_keys")?;
    options.assert_all_used()?;
    let mut out = Bounded(Vec::new());
    let mut writer = Serializer::with_formatter(&mut out, format);
    let written =
        if sorted { Sorted(value).serialize(&mut writer) } else { value.serialize(&mut writer) };
    let fail = |problem: String| Error::new(ErrorKind::BadSerialization, problem);
    written.map_err(|error| fail(error.to_string()))?;
    let text = String::from_utf8(out.0).map_err(|error| fail(error.to_string()))?;
    Ok(Value::from_safe_string(text))
}
