//! Folders of records: they belong to one run, and another must not go on from them.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use tts_core::files::{differing, replace};

use super::EvaluateError;

/// The name of an evaluation's journal in its folder.
pub(super) const GRADED: &str = "graded.jsonl";

/// The name of the journal of wall times beside it.
pub(super) const TIMINGS: &str = "timings.jsonl";

/// Makes a folder of records, with a manifest of everything that decides results; or checks that the one
/// that is there was made by the same run.
///
/// ```
/// use serde_json::json;
/// use tts_search::evaluate::claim;
/// let folder = std::env::temp_dir().join(format!("claimed-{}", std::process::id()));
/// claim(&folder, &json!({"strategy": "best-of-n", "n": 8}))?;
/// claim(&folder, &json!({"strategy": "best-of-n", "n": 8}))?;
/// let error = claim(&folder, &json!({"strategy": "best-of-n", "n": 9})).unwrap_err();
/// assert!(error.to_string().contains("another n (8, and now 9)"), "{error}");
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), tts_search::evaluate::EvaluateError>(())
/// ```
///
/// # Errors
/// When the folder cannot be used, or belongs to another run; the error says what differs.
pub fn claim(folder: &Path, manifest: &impl Serialize) -> Result<(), EvaluateError> {
    let at = EvaluateError::at(folder);
    std::fs::create_dir_all(folder).map_err(&at)?;
    let path = folder.join("manifest.json");
    let text = serde_json::to_string_pretty(manifest)?;
    match std::fs::read_to_string(&path) {
        Ok(there) if there == text => Ok(()),
        Ok(there) => {
            let there = serde_json::from_str(&there).unwrap_or(Value::Null);
            let differs = differs(&there, &serde_json::to_value(manifest)?);
            Err(EvaluateError::OtherRun { path, differs })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // Whole or not at all: a torn manifest would lock the records out.
            replace(&path, |out| out.write_all(text.as_bytes())).map_err(at)
        }
        Err(error) => Err(at(error)),
    }
}

/// The records of a folder ([`tts_core::Record`], files `*.jsonl`), by name; of an evaluation that is kept
/// ([`super::Evaluation::keep`]), in the order of the problems. Its journals of graded problems and of times are no records.
///
/// ```
/// use tts_core::inspect::{Case, Page};
/// use tts_core::{Search, toy::ToyWorld};
/// use tts_search::SelfConsistency;
/// use tts_search::evaluate::{Evaluation, Item, records};
/// # let place = tempfile::tempdir()?;
/// # let folder = place.path();
///
/// let world = ToyWorld::default();
/// let items = [Item::new(world.prompt(0).question(), world.answer(0))];
/// let strategy = SelfConsistency { n: 4, ..Default::default() };
/// Evaluation::new(Search::new(&world), &items).keep(folder, &strategy)?.run(&strategy, |_| {})?;
/// let mut page = Page::new("Votes");
/// for record in records(folder)? {
///     page = page.case(Case::read(&record)?);
/// }
/// assert!(page.html().contains("00000"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the folder cannot be read, or holds no records.
pub fn records(folder: &Path) -> Result<Vec<PathBuf>, EvaluateError> {
    let at = EvaluateError::at(folder);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(&at)? {
        let path = entry.map_err(&at)?.path();
        let lines = path.extension().is_some_and(|ending| ending == "jsonl");
        if lines && path.file_name().is_some_and(|name| name != GRADED && name != TIMINGS) {
            found.push(path);
        }
    }
    if found.is_empty() {
        let problem = "no records, expected files *.jsonl";
        return Err(EvaluateError::Settings(format!("{}: {problem}", folder.display())));
    }
    found.sort();
    Ok(found)
}

/// The fields that two manifests differ in, with what they were where that is short.
pub(super) fn differs(there: &Value, now: &Value) -> Vec<String> {
    if !(there.is_object() && now.is_object()) {
        return vec!["form of manifest".into()];
    }
    differing(there, now).iter().map(ToString::to_string).collect()
}

/// Finds out before hours of work whether a file can be written; makes its folder, and leaves no file where
/// there was none.
///
/// # Errors
/// When it cannot.
pub fn check_writable(path: &Path) -> Result<(), EvaluateError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let there = path.exists();
    folder
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::File::options().append(true).create(true).open(path))
        .and_then(|_| if there { Ok(()) } else { std::fs::remove_file(path) })
        .map_err(EvaluateError::at(path))
}
