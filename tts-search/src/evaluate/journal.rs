//! Results of single problems, one line of JSON each, written as they come.
//!
//! The first line holds the version and everything that decides results; a journal of other settings is
//! refused. Each other line names a unit (a strategy at a budget under a seed), the place of the problem, and
//! what came of it; of two lines of one unit and place, the later one counts. A last line that was torn by a
//! crash or a full disk is cut off. While a process has a journal open, another that opens it waits.
//!
//! Only where lines stand is held in memory: a result is read from the file when it is asked for.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use tts_core::files::{Lines, Others};
use tts_core::rows::{Place, RowError};

use super::EvaluateError;

#[derive(Serialize, Deserialize)]
struct Line<T> {
    unit: String,
    place: usize,
    found: T,
}

/// The version of the form.
const VERSION: u64 = 1;

/// What is known so far.
#[derive(Debug)]
pub struct Journal {
    file: Lines,
    found: Found,
}

/// By unit and place, the line that counts.
type Found = HashMap<String, BTreeMap<usize, Range<u64>>>;

impl Journal {
    /// Opens or begins a journal; waits while another process has it open.
    ///
    /// # Errors
    /// When the file cannot be used, is no journal, or was made with other settings.
    pub fn open(path: &Path, settings: &Value) -> Result<Self, EvaluateError> {
        Self::begin(path, settings, Others::Awaited)
    }

    /// [`Journal::open`], refused while another process has it open.
    pub(super) fn open_alone(path: &Path, settings: &Value) -> Result<Self, EvaluateError> {
        Self::begin(path, settings, Others::Refused)
    }

    fn begin(path: &Path, settings: &Value, others: Others) -> Result<Self, EvaluateError> {
        let at = EvaluateError::at(path);
        let mut file = Lines::open(path, others).map_err(&at)?;
        let (found, end) = parse(path, &file.bytes().map_err(&at)?, settings)?;
        // Only now is it known to be a journal: drop the torn line at its end.
        file.cut(end as u64).map_err(&at)?;
        if end == 0 {
            file.append(header(settings).as_bytes()).map_err(&at)?;
        }
        Ok(Self { file, found })
    }

    /// What a journal holds, without a change of it.
    pub(super) fn read(path: &Path, settings: &Value) -> Result<Self, EvaluateError> {
        let at = EvaluateError::at(path);
        let file = Lines::view(path).map_err(&at)?;
        let (found, _) = parse(path, &file.bytes().map_err(&at)?, settings)?;
        Ok(Self { file, found })
    }

    /// The places below `count` of which nothing is known in a unit.
    pub fn missing(&self, unit: &str, count: usize) -> Vec<usize> {
        let known = self.found.get(unit);
        (0..count).filter(|place| known.is_none_or(|known| !known.contains_key(place))).collect()
    }

    /// Notes a result.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(
        &mut self,
        unit: &str,
        place: usize,
        found: &impl Serialize,
    ) -> Result<(), EvaluateError> {
        let line = Line { unit: unit.to_owned(), place, found };
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        let written = self.file.append(text.as_bytes());
        let span = written.map_err(EvaluateError::at(self.file.path()))?;
        self.found.entry(line.unit).or_default().insert(place, span);
        Ok(())
    }

    /// The results of a unit, with their places, in order.
    pub(super) fn found<T: DeserializeOwned>(
        &self,
        unit: &str,
    ) -> Result<Vec<(usize, T)>, EvaluateError> {
        let known = self.found.get(unit).into_iter().flatten();
        known.map(|(&place, span)| Ok((place, self.value(unit, place, span)?))).collect()
    }

    fn value<T: DeserializeOwned>(
        &self,
        unit: &str,
        place: usize,
        span: &Range<u64>,
    ) -> Result<T, EvaluateError> {
        let bytes = self.file.read(span.clone()).map_err(EvaluateError::at(self.file.path()))?;
        let line: Result<Line<T>, _> = serde_json::from_slice(&bytes);
        line.map(|line| line.found).map_err(|error| self.bad(unit, place, &error.to_string()))
    }

    fn bad(&self, unit: &str, place: usize, problem: &str) -> EvaluateError {
        let path = self.file.path().display();
        EvaluateError::Settings(format!("{path}: {unit} of problem {place}: {problem}"))
    }

    /// The results of a unit on the first `count` problems.
    ///
    /// # Errors
    /// When one is missing or is no such result.
    pub fn all<T: DeserializeOwned>(
        &self,
        unit: &str,
        count: usize,
    ) -> Result<Vec<T>, EvaluateError> {
        let known = self.found.get(unit);
        (0..count)
            .map(|place| {
                let found = known.and_then(|known| known.get(&place));
                let found = found.ok_or_else(|| self.bad(unit, place, "nothing is known"))?;
                self.value(unit, place, found)
            })
            .collect()
    }
}

/// The first line of a journal.
fn header(settings: &Value) -> String {
    format!("{}\n", json!({ "journal": VERSION, "settings": settings }))
}

/// What a journal of these settings holds, and the length of its whole lines.
fn parse(path: &Path, bytes: &[u8], settings: &Value) -> Result<(Found, usize), EvaluateError> {
    let at = |line: usize, problem: String| EvaluateError::Row {
        path: path.to_owned(),
        source: RowError::new(Some(Place::Line(line)), problem),
    };
    let bad = |line: usize| {
        move |error: serde_json::Error| EvaluateError::Row {
            path: path.to_owned(),
            source: RowError::json(Place::Line(line), &error),
        }
    };
    let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let mut lines = bytes[..end].split_inclusive(|&byte| byte == b'\n');
    let mut found = Found::new();
    let Some(first) = lines.next() else {
        // A torn first line is the beginning of the one that would be written now; anything else is
        // somebody's file.
        if header(settings).as_bytes().starts_with(bytes) {
            return Ok((found, 0));
        }
        return Err(at(1, "not a journal: the file is left as it is".into()));
    };
    let first: Value = serde_json::from_slice(first).map_err(bad(1))?;
    let there = first.get("settings");
    // Before versions were written, there was one.
    match first.get("journal").map_or(Some(VERSION), Value::as_u64) {
        Some(VERSION) if there == Some(settings) => {}
        Some(VERSION) if there.is_some() => {
            let differs = vec!["model or setting".to_owned()];
            return Err(EvaluateError::OtherRun { path: path.to_owned(), differs });
        }
        Some(VERSION) => return Err(at(1, "not a journal: the file is left as it is".into())),
        _ => {
            let problem = format!("a journal of another version, expected {VERSION}");
            return Err(at(1, problem));
        }
    }
    let mut start = bytes[..end].iter().position(|&byte| byte == b'\n').map_or(end, |at| at + 1);
    for (line, number) in lines.zip(2..) {
        let span = start as u64..(start + line.len()) as u64;
        start += line.len();
        let line: Line<IgnoredAny> = serde_json::from_slice(line).map_err(bad(number))?;
        found.entry(line.unit).or_default().insert(line.place, span);
    }
    Ok((found, end))
}
