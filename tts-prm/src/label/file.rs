//! Files of labels: one [`LabelledSolution`] a line, as JSON.

use std::path::Path;

use tts_core::rows::{self, RowError, RowsError};

use super::LabelledSolution;
use crate::PrmError;
use crate::head::replace;

/// Writes labels; the file is whole or as it was.
///
/// # Errors
/// When a value is not between 0 and 1, or the file cannot be written.
pub fn write_labels<'a>(
    path: impl AsRef<Path>,
    labels: impl IntoIterator<Item = &'a LabelledSolution>,
) -> Result<(), PrmError> {
    let path = path.as_ref();
    let mut bytes = Vec::new();
    for (solution, number) in labels.into_iter().zip(1..) {
        if let Some((_, value)) = solution.bad_value() {
            let problem = format!("a value of {value}, expected 0 to 1");
            return Err(PrmError::config(path, &format!("line {number}"), problem));
        }
        serde_json::to_writer(&mut bytes, solution)
            .map_err(|error| PrmError::config(path, "JSON", error.to_string()))?;
        bytes.push(b'\n');
    }
    replace(path, &bytes)
}

/// Reads labels.
///
/// # Errors
/// When the file cannot be read, or a line of it is not a solution with values between 0 and 1; the
/// error names its place.
///
/// ```
/// use tts_core::family::Chain;
/// use tts_prm::label::{exact, read_labels, write_labels};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("labels.jsonl");
/// let labels = vec![exact(&Chain::default(), "2+3*4", &["=2+12\n", "=14"])];
/// write_labels(&path, &labels)?;
/// assert_eq!(read_labels(&path)?, labels);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_labels(path: impl AsRef<Path>) -> Result<Vec<LabelledSolution>, PrmError> {
    let path = path.as_ref();
    let mut labels = Vec::new();
    for row in rows::read(path)? {
        let at = |source: RowError| RowsError::Row { path: path.to_owned(), source };
        let solution: LabelledSolution = row.read().map_err(at)?;
        if let Some((_, value)) = solution.bad_value() {
            return Err(at(row.wrong(format!("a value of {value}, expected 0 to 1"))).into());
        }
        if solution.steps.is_empty() {
            return Err(at(row.wrong("a solution without steps")).into());
        }
        labels.push(solution);
    }
    Ok(labels)
}
