//! Points as they are measured, a JSON line for each context of a model.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tts_core::files::{Lines, Others};

use super::Point;
use crate::Error;

/// The points of a context.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    setting: String,
    model: String,
    context: u64,
    points: Vec<Point>,
}

/// What has been measured so far.
#[derive(Debug)]
pub struct Journal {
    setting: String,
    file: Lines,
    entries: Vec<Entry>,
}

impl Journal {
    /// Opens a journal, or begins one, of measurements under a setting. A last line without its end
    /// was cut by a crash, and is dropped.
    ///
    /// # Errors
    /// When the file cannot be read or written, holds something else, or another setting.
    pub fn open(path: &Path, setting: &str) -> Result<Self, Error> {
        let named = |problem: String| format!("{}: {problem}", path.display());
        let failed = |error: std::io::Error| named(error.to_string());
        let mut file = Lines::open(path, Others::Refused).map_err(failed)?;
        let text = String::from_utf8(file.bytes().map_err(failed)?)
            .map_err(|error| named(format!("not UTF-8: {error}")))?;
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let mut entries = Vec::new();
        for (number, line) in (1..).zip(whole.lines()) {
            let entry: Entry = serde_json::from_str(line)
                .map_err(|error| named(format!("line {number}: {error}")))?;
            if entry.setting != setting {
                let problem =
                    format!("line {number} was measured under {}, not {setting}", entry.setting);
                return Err(named(problem).into());
            }
            entries.push(entry);
        }
        file.cut(whole.len() as u64).map_err(failed)?;
        Ok(Self { setting: setting.to_owned(), file, entries })
    }

    /// Whether a context of a model is there.
    pub fn has(&self, model: &str, context: u64) -> bool {
        self.entries.iter().any(|entry| entry.model == model && entry.context == context)
    }

    /// Adds the points of a context.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&mut self, model: &str, context: u64, points: Vec<Point>) -> Result<(), Error> {
        let setting = self.setting.clone();
        let entry = Entry { setting, model: model.to_owned(), context, points };
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        let written = self.file.append(&line);
        written.map_err(|error| format!("{}: {error}", self.file.path().display()))?;
        self.entries.push(entry);
        Ok(())
    }

    /// All points, in the order of their measurement.
    pub fn points(&self) -> Vec<Point> {
        self.entries.iter().flat_map(|entry| entry.points.iter().cloned()).collect()
    }
}
