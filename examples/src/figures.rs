//! The figures of an evaluation as a file: with all that decided them, the same bytes from one run or from
//! the shards of many.

use std::io::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::value::RawValue;
use tts_search::evaluate::Report;

use crate::Error;

#[derive(Serialize)]
struct Figures<'a> {
    setup: &'a RawValue,
    #[serde(flatten)]
    report: &'a Report,
}

/// Writes figures, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write_figures(path: &Path, setup: &RawValue, report: &Report) -> Result<(), Error> {
    write_whole(path, &serde_json::to_vec_pretty(&Figures { setup, report })?)
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
        write_whole(&path, b"two").expect("written again");
        assert_eq!(std::fs::read(&path).expect("there"), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
        let error =
            write_whole(&folder.path().join("no/figures.json"), b"x").expect_err("no folder");
        assert!(error.to_string().contains("figures.json: "), "{error}");
    }
}
