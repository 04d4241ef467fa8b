//! What is wrong with a data file, and where.

use std::fmt;
use std::path::PathBuf;

/// Where a record stands in its file, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// The line on which it begins.
    Line(usize),
    /// Which of a list it is.
    Item(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Item(number) => write!(f, "item {number}"),
        }
    }
}

/// What is wrong with a record, or with all of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", place.map(|place| format!("{place}: ")).unwrap_or_default())]
pub struct RowError {
    /// Where; `None` where it is the file as a whole.
    pub place: Option<Place>,
    /// What is wrong, and what was expected.
    pub problem: String,
}

impl RowError {
    /// A problem at a place.
    pub fn new(place: Option<Place>, problem: String) -> Self {
        Self { place, problem }
    }

    /// What a parser of JSON says of a record, which it counts as the first line.
    pub fn json(place: Place, error: &serde_json::Error) -> Self {
        let problem = match error.column() {
            0 => said(error),
            column => format!("column {column}: {}", said(error)),
        };
        Self { place: Some(place), problem }
    }
}

/// What a parser of JSON says, without where it says it is.
pub(super) fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// Why the records of a file cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowsError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A record is damaged.
    #[error("{}: {source}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: RowError,
    },
}
