//! The figures of an evaluation as a file: with all that decided them, the same bytes from one run or from
//! the shards of many.

use std::path::Path;

use serde::Serialize;
use serde_json::value::RawValue;
use tts_search::evaluate::Report;

use crate::Error;
use crate::files::write_json;

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
    write_json(path, &Figures { setup, report })
}
