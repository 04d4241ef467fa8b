//! JSON of commands, in and out: errors name the file, and what is written is whole or not there.

use std::io::Write as _;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// Reads a file of JSON, with or without a byte order mark.
///
/// # Errors
/// When it cannot be read, or is something else: with the file, the place and the field.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
    Ok(serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| named(&error))?)
}

/// Writes JSON that a person can read.
///
/// # Errors
/// When it cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    write_whole(path, &serde_json::to_vec_pretty(value)?)
}

/// Writes a file beside its place, and puts it there when it is whole: a full disk leaves what was there.
///
/// # Errors
/// When it cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    tts_core::files::replace(path, |out| out.write_all(bytes))
        .map_err(|error| format!("{}: {error}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_leaves_what_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("figures.json");
        write_whole(&path, b"one").expect("written");
        write_json(&path, &[2]).expect("written again");
        assert_eq!(read_json::<Vec<u32>>(&path).expect("read"), [2]);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
        let error =
            write_whole(&folder.path().join("no/figures.json"), b"x").expect_err("no folder");
        assert!(error.to_string().contains("figures.json: "), "{error}");
    }

    #[test]
    fn what_is_no_json_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings.json");
        std::fs::write(&path, "\u{feff}{\r\n  \"a\": 1\r\n}\r\n").expect("written");
        let read = read_json::<serde_json::Value>(&path).expect("a mark and other line ends");
        assert_eq!(read["a"], 1);
        std::fs::write(&path, "{\"a\": }").expect("written");
        let error = read_json::<serde_json::Value>(&path).expect_err("no JSON").to_string();
        assert!(error.contains("settings.json: expected value at line 1"), "{error}");
        let none = read_json::<serde_json::Value>(&folder.path().join("none.json"));
        assert!(none.expect_err("no file").to_string().contains("none.json: "));
    }
}
