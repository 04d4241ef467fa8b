//! Preferences as files have them.
//!
//! | Form | Fields |
//! |---|---|
//! | `RewardBench` | `prompt`, `chosen`, `rejected`; `subset` |
//! | `RewardBench` 2 | the same, with lists of `chosen` and `rejected` |
//! | `JudgeBench` | `question`, `response_A`, `response_B`, `label` (`A>B` or `B>A`); `source` |
//! | `LLMBar` | `input`, `output_1`, `output_2`, `label` (1 or 2) |
//! | lists | `prompt`, `responses`, `best` (from 0); `subset` |
//!
//! The form of a record is told by its fields; ties (`A=B`) have no best and are refused.
//!
//! Source: the data set cards of `allenai/reward-bench`, `allenai/reward-bench-2`, `ScalerLab/JudgeBench` and
//! `princeton-nlp/LLMBar`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tts_core::Prompt;
use tts_core::rows::{self, Row, RowError, RowsError};

use crate::PrmError;

/// Responses to a question, of which one is best.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preference {
    /// The question.
    pub prompt: Prompt,
    /// The responses, two at least.
    pub responses: Vec<String>,
    /// The place of the best one, from 0.
    pub best: usize,
    /// The part of the data that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
}

/// Reads the preferences of a file: JSON lines, a JSON list or a table.
///
/// # Errors
/// When the file cannot be read, or a record has none of the forms; the error names file and place.
pub fn read_preferences(path: impl AsRef<Path>) -> Result<Vec<Preference>, PrmError> {
    let path = path.as_ref();
    let at = |source: RowError| RowsError::Row { path: path.to_owned(), source };
    let rows = rows::read(path)?;
    rows.iter().map(|row| preference(row).map_err(|error| at(error).into())).collect()
}

/// The preference of a record.
pub(super) fn preference(row: &Row) -> Result<Preference, RowError> {
    let has = |fields: &[&str]| fields.iter().all(|field| row.has(field));
    let subset = ["subset", "source"].into_iter().find(|name| row.has(name));
    let subset = subset.map(|name| row.text(name)).transpose()?.flatten();
    let (prompt, responses, best) = if has(&["prompt", "chosen", "rejected"]) {
        let mut responses = texts(row, "chosen")?;
        // Of several that are right none is the best: the first stands for them.
        responses.truncate(1);
        responses.extend(texts(row, "rejected")?);
        (row.required("prompt")?, responses, 0)
    } else if has(&["question", "response_A", "response_B", "label"]) {
        let label = row.required("label")?;
        let best = match label.replace(' ', "").as_str() {
            "A>B" => 0,
            "B>A" => 1,
            _ => return Err(row.wrong(format!("field \"label\": {label:?}, expected A>B or B>A"))),
        };
        let responses = vec![row.required("response_A")?, row.required("response_B")?];
        (row.required("question")?, responses, best)
    } else if has(&["input", "output_1", "output_2", "label"]) {
        let label = row.required("label")?;
        let best = match label.as_str() {
            "1" => 0,
            "2" => 1,
            _ => return Err(row.wrong(format!("field \"label\": {label:?}, expected 1 or 2"))),
        };
        let responses = vec![row.required("output_1")?, row.required("output_2")?];
        (row.required("input")?, responses, best)
    } else if has(&["prompt", "responses", "best"]) {
        (row.required("prompt")?, row.field("responses")?, row.field("best")?)
    } else {
        let names: Vec<&str> = row.names().take(12).collect();
        let forms = "expected prompt, chosen and rejected (RewardBench), question, response_A, response_B and \
                     label (JudgeBench), input, output_1, output_2 and label (LLMBar), or prompt, responses and best";
        return Err(row.wrong(format!("fields are {}; {forms}", names.join(", "))));
    };
    if responses.len() < 2 || best >= responses.len() {
        let count = responses.len();
        return Err(row.wrong(format!(
            "{count} responses and number {best} the best, expected two or more and one of them"
        )));
    }
    Ok(Preference { prompt: Prompt::from(prompt), responses, best, subset })
}

/// A text, or a list of texts, one at least.
fn texts(row: &Row, field: &str) -> Result<Vec<String>, RowError> {
    let texts: Vec<String> = match row.text(field) {
        Ok(text) => text.into_iter().collect(),
        Err(_) => row.field(field)?,
    };
    if texts.is_empty() {
        return Err(row.wrong(format!("field {field:?}: empty, expected a text")));
    }
    Ok(texts)
}
