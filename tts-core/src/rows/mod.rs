//! Data files of records: JSON, one object a line or all in one list, tables as spreadsheets export them,
//! and, with the feature `parquet`, Parquet.
//!
//! The format is told by how the file begins, not by its name: an object is JSON lines, a list is one
//! of records, anything else a table of comma-, semicolon- or tab-separated values whose first row names
//! the fields. Byte order marks are taken off, UTF-16 is read, line ends may be those of any system,
//! blank lines are passed over. Files that are something else, such as archives, are told apart by their
//! first bytes, so that the error can say what to do. Every record knows its place, which errors name.
//! JSON lines are read as they come, so that a command can answer each before the next is there.
//!
//! Numbers keep the digits that were written: a right answer of thirty digits is no rounded one.
//!
//! Source: RFC 8259 (JSON), RFC 4180 (CSV, by the `csv` crate); the first bytes of formats as in the
//! tables of `file`.

mod bytes;
mod error;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
mod parquet {
    //! Built without: says how to go on.
    use super::{Row, RowError};

    pub(super) fn parse(_: Vec<u8>) -> Result<Vec<Row>, RowError> {
        let problem = "a Parquet file, and this program was built without the feature `parquet` of tts-core: \
             build it with `--features parquet`, or write the file as JSON lines, in Python with \
             `pandas.read_parquet(file).to_json(\"file.jsonl\", orient=\"records\", lines=True)`";
        Err(RowError::new(None, problem.to_owned()))
    }
}
mod row;
mod table;

use std::io::{BufRead, Cursor};
use std::path::Path;

use serde_json::value::RawValue;

pub use bytes::decode;
pub use error::{Place, RowError, RowsError};
pub use row::{Row, written};

/// Reads all records of a file.
///
/// # Errors
/// When the file cannot be read, or a record is damaged; the error names file and place.
pub fn read(path: &Path) -> Result<Vec<Row>, RowsError> {
    let bytes =
        std::fs::read(path).map_err(|source| RowsError::Io { path: path.to_owned(), source })?;
    parse(&bytes).map_err(|source| RowsError::Row { path: path.to_owned(), source })
}

/// Reads all records from the bytes of a file.
///
/// ```
/// let table = tts_core::rows::parse("question,answer\r\n\"2, then 3?\",5\r\n".as_bytes())?;
/// assert_eq!(table[0].text("question")?.as_deref(), Some("2, then 3?"));
/// let lines = tts_core::rows::parse("{\"answer\": 123456789012345678901234567890}".as_bytes())?;
/// assert_eq!(lines[0].text("answer")?.as_deref(), Some("123456789012345678901234567890"));
/// # Ok::<(), tts_core::rows::RowError>(())
/// ```
///
/// # Errors
/// When a record is damaged, or the bytes are of another format.
pub fn parse(bytes: &[u8]) -> Result<Vec<Row>, RowError> {
    Rows::new(Cursor::new(bytes)).collect()
}

/// Records as they are read, each when it is there. After an error nothing follows.
#[derive(Debug)]
pub struct Rows<R> {
    input: R,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was read.
    Unread,
    /// JSON lines: so many were read.
    Lines(usize),
    /// All of it was read.
    Whole(std::vec::IntoIter<Row>),
    /// An error was found.
    Over,
}

impl<R: BufRead> Rows<R> {
    /// The records of a text.
    pub fn new(input: R) -> Self {
        Self { input, state: State::Unread }
    }

    fn following(&mut self) -> Result<Option<Row>, RowError> {
        loop {
            match &mut self.state {
                State::Over => return Ok(None),
                State::Whole(rows) => return Ok(rows.next()),
                State::Unread => {
                    let first = self.line(1)?;
                    match bytes::format(&first)? {
                        bytes::Format::Lines => {
                            self.state = State::Lines(1);
                            if let Some(row) = json_line(bytes::without_mark(&first), 1)? {
                                return Ok(Some(row));
                            }
                        }
                        bytes::Format::Blank if first.is_empty() => return Ok(None),
                        bytes::Format::Parquet => {
                            let rows = parquet::parse(self.rest(first)?)?;
                            self.state = State::Whole(rows.into_iter());
                        }
                        bytes::Format::Blank | bytes::Format::Whole => {
                            let all = self.rest(first)?;
                            self.state = State::Whole(whole(&decode(&all)?)?.into_iter());
                        }
                    }
                }
                State::Lines(number) => {
                    *number += 1;
                    let number = *number;
                    let line = self.line(number)?;
                    if line.is_empty() {
                        self.state = State::Over;
                        return Ok(None);
                    }
                    if let Some(row) = json_line(&line, number)? {
                        return Ok(Some(row));
                    }
                }
            }
        }
    }

    /// All that follows what was read, behind it.
    fn rest(&mut self, mut read: Vec<u8>) -> Result<Vec<u8>, RowError> {
        let rest = self.input.read_to_end(&mut read);
        rest.map_err(|error| RowError::new(None, error.to_string()))?;
        Ok(read)
    }

    /// The next line with its end; empty where there is none.
    fn line(&mut self, number: usize) -> Result<Vec<u8>, RowError> {
        let mut line = Vec::new();
        self.input
            .read_until(b'\n', &mut line)
            .map_err(|error| RowError::new(Some(Place::Line(number)), error.to_string()))?;
        Ok(line)
    }
}

impl<R: BufRead> Iterator for Rows<R> {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.following();
        if found.is_err() {
            self.state = State::Over;
        }
        found.transpose()
    }
}

/// A record on a line of its own; `None` for a blank line.
fn json_line(line: &[u8], number: usize) -> Result<Option<Row>, RowError> {
    let place = Place::Line(number);
    let line = bytes::text(line, Some(place))?;
    if line.trim().is_empty() {
        return Ok(None);
    }
    Row::json(line, place).map(Some)
}

/// The records of a text that is a list or a table.
fn whole(text: &str) -> Result<Vec<Row>, RowError> {
    let start = text.trim_start();
    if start.is_empty() {
        return Ok(Vec::new());
    }
    if start.starts_with('{') {
        return text
            .lines()
            .zip(1..)
            .filter_map(|(line, number)| json_line(line.as_bytes(), number).transpose())
            .collect();
    }
    if !start.starts_with('[') {
        return table::parse(text);
    }
    let list: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|error| RowError::new(None, format!("a list of records: {error}")))?;
    list.into_iter()
        .zip(1..)
        .map(|(row, number)| Row::json(row.get(), Place::Item(number)))
        .collect()
}

#[cfg(test)]
mod tests;
