//! Results of single problems, one line of JSON each, written as they come.
//!
//! The first line holds everything that decides results; a journal of other settings is refused.
//! Each other line names a unit (a strategy at a budget under a seed), the place of the problem, and
//! what came of it. A last line that was torn by a crash is cut off. While a process has a journal
//! open, another that opens it waits.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use tts_core::rows::{Place, RowError};

use super::EvaluateError;

#[derive(Serialize, Deserialize)]
struct Line {
    unit: String,
    place: usize,
    found: Value,
}

/// What is known so far.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    found: HashMap<String, BTreeMap<usize, Value>>,
}

impl Journal {
    /// Opens or begins a journal.
    ///
    /// # Errors
    /// When the file cannot be used, or was made with other settings.
    pub fn open(path: &Path, settings: &Value) -> Result<Self, EvaluateError> {
        let mut found: HashMap<String, BTreeMap<usize, Value>> = HashMap::new();
        let at = EvaluateError::at(path);
        let bad = |line: usize| {
            move |error: serde_json::Error| EvaluateError::Row {
                path: path.to_owned(),
                source: RowError::json(Place::Line(line), &error),
            }
        };
        let mut file =
            File::options().read(true).append(true).create(true).open(path).map_err(&at)?;
        file.lock().map_err(&at)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(&at)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut lines = text[..whole].lines();
        file.set_len(whole as u64).map_err(&at)?;
        match lines.next() {
            None => writeln!(file, "{}", json!({ "settings": settings })).map_err(&at)?,
            Some(first) => {
                let first: Value = serde_json::from_str(first).map_err(bad(1))?;
                if first.get("settings") != Some(settings) {
                    let differs = vec!["model or setting".to_owned()];
                    return Err(EvaluateError::OtherRun { path: path.to_owned(), differs });
                }
            }
        }
        for (line, number) in lines.zip(2..) {
            let line: Line = serde_json::from_str(line).map_err(bad(number))?;
            found.entry(line.unit).or_default().insert(line.place, line.found);
        }
        Ok(Self { path: path.to_owned(), file, found })
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
        let found = serde_json::to_value(found)?;
        let line = Line { unit: unit.to_owned(), place, found };
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        let written = self.file.write_all(text.as_bytes());
        written.map_err(EvaluateError::at(&self.path))?;
        self.found.entry(line.unit).or_default().insert(place, line.found);
        Ok(())
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
        let bad = |place: usize, problem: String| {
            let path = self.path.display();
            EvaluateError::Settings(format!("{path}: {unit} of problem {place}: {problem}"))
        };
        (0..count)
            .map(|place| {
                let found = known.and_then(|known| known.get(&place));
                let found = found.ok_or_else(|| bad(place, "nothing is known".into()))?;
                T::deserialize(found).map_err(|error| bad(place, error.to_string()))
            })
            .collect()
    }
}
