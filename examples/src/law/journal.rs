//! Points as they are measured, a JSON line for each context of a model.

use std::collections::BTreeMap;
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
    /// Which model that name is; made-up ones are what they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    context: u64,
    points: Vec<Point>,
}

/// What has been measured so far.
#[derive(Debug)]
pub struct Journal {
    setting: String,
    file: Lines,
    entries: Vec<Entry>,
    identities: BTreeMap<String, String>,
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
        Ok(Self { setting: setting.to_owned(), file, entries, identities: BTreeMap::new() })
    }

    /// Says which model a name is: points that are added under it are of this one.
    ///
    /// # Errors
    /// When points are there that another model of the same name has left.
    pub fn claim(&mut self, model: &str, identity: String) -> Result<(), Error> {
        let other = |entry: &&Entry| {
            entry.model == model && entry.identity.as_deref() != Some(identity.as_str())
        };
        if let Some(entry) = self.entries.iter().find(other) {
            let there = entry.identity.as_deref().unwrap_or("not said");
            let path = self.file.path().display();
            let problem = format!("points of another model that is called {model:?}");
            return Err(format!(
                "{path}: {problem} ({there}, and now {identity}): name another folder"
            )
            .into());
        }
        self.identities.insert(model.to_owned(), identity);
        Ok(())
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
        let identity = self.identities.get(model).cloned();
        let entry = Entry { setting, model: model.to_owned(), identity, context, points };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_models_of_one_name_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("points.jsonl");
        let open = || Journal::open(&path, "a setting").expect("a journal");
        let mut journal = open();
        journal.claim("model", "one".into()).expect("nothing is there");
        journal.add("model", 100, Vec::new()).expect("written");
        journal.add("1M", 100, Vec::new()).expect("written");
        drop(journal);
        let mut journal = open();
        journal.claim("model", "one".into()).expect("the same");
        assert!(journal.has("model", 100) && journal.has("1M", 100));
        for (name, identity, there) in [("model", "two", "one"), ("1M", "two", "not said")] {
            let error = journal.claim(name, identity.into()).expect_err("another").to_string();
            let expected = format!("called \"{name}\" ({there}, and now two): name another folder");
            assert!(error.contains(&expected) && error.contains("points.jsonl"), "{error}");
        }
        journal.claim("other", "two".into()).expect("another name");
    }
}
