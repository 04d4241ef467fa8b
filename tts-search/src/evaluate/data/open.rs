//! Open questions: problems of a file whose right answers nobody knows.
//!
//! The question is what a mapping says it is; where it says nothing, the first of the usual fields that the first
//! record has. Answers are empty, whatever other fields a record has.
//!
//! Source: none.

use std::path::Path;

use tts_core::rows::{self, Row, RowError};

use super::item::question;
use super::{DataSet, Item, Mapping, level};
use crate::evaluate::EvaluateError;

/// Fields that a question stands in, usually.
pub(super) const USUAL: [&str; 4] = ["question", "prompt", "problem", "instruction"];

/// Reads questions without answers, from a file of those forms that [`super::load`] reads.
///
/// ```
/// use std::path::Path;
/// use tts_search::evaluate::{Mapping, parse_open};
/// let text = r#"{"prompt": "A haiku on rust?", "source": "here"}"#;
/// let data = parse_open(text.as_bytes(), Path::new("a text"), &Mapping::default())?;
/// assert_eq!((&*data.items[0].question, &*data.items[0].gold), ("A haiku on rust?", ""));
/// # Ok::<(), tts_search::evaluate::EvaluateError>(())
/// ```
///
/// # Errors
/// When the file cannot be read, no field of the question is named or usual, the mapping names an answer or choices,
/// or a record is damaged, asks nothing or lacks a field that the mapping names; the error names its place.
pub fn load_open(path: &Path, mapping: &Mapping) -> Result<DataSet, EvaluateError> {
    let bytes = std::fs::read(path).map_err(EvaluateError::at(path))?;
    parse_open(&bytes, path, mapping)
}

/// [`load_open`] from the bytes of a file; `path` is what errors call it.
///
/// # Errors
/// As [`load_open`].
pub fn parse_open(bytes: &[u8], path: &Path, mapping: &Mapping) -> Result<DataSet, EvaluateError> {
    let data = || {
        let rows = rows::parse(bytes)?;
        let Some(first) = rows.first() else {
            return Ok(DataSet { items: Vec::new(), mapping: mapping.clone() });
        };
        let mapping = resolve(mapping, first).map_err(|problem| first.wrong(problem))?;
        let item = |row: &Row| {
            let id = mapping.id.as_deref().map(|id| row.required(id)).transpose()?;
            let item = Item::new(&question(row, &mapping)?, "");
            let difficulty = level::of_row(row, &mapping)?;
            Ok(Item { place: Some(row.place()), id, difficulty, ..item })
        };
        let items = rows.iter().map(item).collect::<Result<_, RowError>>()?;
        Ok(DataSet { items, mapping })
    };
    data().map_err(|source: RowError| EvaluateError::Row { path: path.to_owned(), source })
}

/// With the field of the question, as the first record has it.
fn resolve(mapping: &Mapping, row: &Row) -> Result<Mapping, String> {
    mapping.check()?;
    if mapping.answer.is_some() || mapping.choices.is_some() || !mapping.dataset.is_empty() {
        let problem =
            "open questions have no data set that is known, no field of the answer and no choices";
        return Err(format!("{problem}: expected that of the question alone"));
    }
    let mut mapping = mapping.clone();
    if mapping.question.is_empty() && mapping.question_template.is_none() {
        let usual = USUAL.into_iter().find(|name| row.has(name)).ok_or_else(|| {
            let names: Vec<&str> = row.names().collect();
            format!(
                "no field of the question is named, and the fields are {}: expected one of {}",
                names.join(", "),
                USUAL.join(", ")
            )
        })?;
        mapping.question = vec![usual.to_owned()];
    }
    Ok(mapping)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_stands_where_it_is_said_or_usual_and_answers_are_passed_over() {
        let read = |text: &str, mapping: &Mapping| {
            let data = parse_open(text.as_bytes(), Path::new("open.jsonl"), mapping);
            let items = |data: DataSet| {
                data.items.into_iter().map(|item| (item.question, item.gold)).collect::<Vec<_>>()
            };
            data.map(items).map_err(|error| error.to_string())
        };
        let plain = Mapping::default();
        let own = |question: &str| vec![(question.to_owned(), String::new())];
        assert_eq!(read(r#"{"question": "Q", "answer": "1"}"#, &plain), Ok(own("Q")));
        assert_eq!(read(r#"[{"instruction": "Q", "prompt": "P"}]"#, &plain), Ok(own("P")));
        let named = Mapping::fields(Some("text,more"), None);
        assert_eq!(read(r#"{"text": "Q", "more": "R"}"#, &named), Ok(own("Q R")));
        assert_eq!(read("", &plain), Ok(Vec::new()));
        let error = read(r#"{"text": "Q"}"#, &plain).unwrap_err();
        assert!(error.contains("the fields are text: expected one of question, prompt"), "{error}");
        let error = read(r#"{"question": " "}"#, &plain).unwrap_err();
        assert!(error.contains("the question is blank"), "{error}");
        let hard = Mapping { difficulty: Some("hard".into()), ..Mapping::default() };
        let row = r#"{"question": "Q", "hard": "Level 2"}"#;
        let data = parse_open(row.as_bytes(), Path::new("open.jsonl"), &hard).expect("a question");
        assert_eq!(data.items[0].difficulty, Some(2.0));
        let error = read(r#"{"question": "Q"}"#, &hard).unwrap_err();
        assert!(error.contains("field \"hard\" is not there"), "{error}");
        let answers = Mapping::fields(None, Some("answer"));
        let error = read(r#"{"question": "Q", "answer": "1"}"#, &answers).unwrap_err();
        assert!(error.contains("no field of the answer"), "{error}");
    }
}
