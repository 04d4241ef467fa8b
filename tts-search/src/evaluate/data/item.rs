//! Problems with their right answers, from data files.
//!
//! A mapping says which fields are what; the first record tells what it leaves open.

use std::path::Path;

use tts_core::rows::{self, Place, Row, RowError};
use tts_core::seed;

use super::{Mapping, choices, level, template};
use crate::evaluate::EvaluateError;

/// A problem of a data set, with its right answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The question.
    pub question: String,
    /// The right answer, bare: what stands behind `####` where there is one.
    pub gold: String,
    /// Where it stands in its file; `None` if it is of none.
    pub place: Option<Place>,
    /// Its name in its data set, if it has one.
    pub id: Option<String>,
    /// How hard it is, if its data set says so, on the scale of that; greater is harder. Nothing is graded by it.
    pub difficulty: Option<f64>,
}

impl Item {
    /// A question and its right answer.
    pub fn new(question: impl Into<String>, gold: impl Into<String>) -> Self {
        Self {
            question: question.into(),
            gold: gold.into(),
            place: None,
            id: None,
            difficulty: None,
        }
    }
}

impl From<&tts_core::family::Problem> for Item {
    fn from(problem: &tts_core::family::Problem) -> Self {
        Self::new(&problem.question, &problem.answer)
    }
}

/// The problems of a file, and what its fields were taken for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DataSet {
    /// The problems, in order.
    pub items: Vec<Item>,
    /// The mapping, with all that followed from the first record.
    pub mapping: Mapping,
}

impl DataSet {
    /// What its fields were taken for, in one line.
    pub fn taken(&self) -> String {
        let Mapping { dataset, question, question_template, answer, choices, task, .. } =
            &self.mapping;
        let dataset = if dataset.is_empty() { "fields as named" } else { dataset };
        let template = question_template.is_some();
        let question = if template { "a template".to_owned() } else { question.join(" ") };
        let answer = answer.as_deref().unwrap_or("-");
        let choices = choices.as_ref();
        let choices = choices.map_or(String::new(), |field| format!(", choices from {field}"));
        let task = task.as_deref().unwrap_or("math");
        format!("{dataset}: question from {question}, answer from {answer}{choices}; task {task}")
    }
}

/// Reads problems from a file of JSON lines, a JSON list, a table with names in its first row, or, with the
/// feature `parquet`, a Parquet file ([`tts_core::rows`]).
///
/// # Errors
/// When the file cannot be read, its fields are not those of the mapping or of a data set that is known, or a
/// record is damaged, lacks a field or has none of an answer; the error names its place.
pub fn load(path: &Path, mapping: &Mapping) -> Result<DataSet, EvaluateError> {
    let bytes = std::fs::read(path).map_err(EvaluateError::at(path))?;
    parse(&bytes, path, mapping)
}

/// Reads problems from the bytes of a file; `path` is what errors call it.
///
/// ```
/// use std::path::Path;
/// use tts_search::evaluate::{Mapping, parse};
/// let text = r#"{"question": "1 + 1?", "answer": "So 1 + 1 = 2. #### 2"}"#;
/// let data = parse(text.as_bytes(), Path::new("a text"), &Mapping::default())?;
/// assert_eq!((&*data.items[0].question, &*data.items[0].gold), ("1 + 1?", "2"));
/// assert_eq!(data.mapping.dataset, "gsm8k");
/// # Ok::<(), tts_search::evaluate::EvaluateError>(())
/// ```
///
/// # Errors
/// As [`load`].
pub fn parse(bytes: &[u8], path: &Path, mapping: &Mapping) -> Result<DataSet, EvaluateError> {
    let data = || {
        let rows = rows::parse(bytes)?;
        let Some(first) = rows.first() else {
            return Ok(DataSet { items: Vec::new(), mapping: mapping.clone() });
        };
        let mapping = mapping.resolve(first).map_err(|problem| first.wrong(problem))?;
        let items = rows.iter().map(|row| item(row, &mapping)).collect::<Result<_, RowError>>()?;
        Ok(DataSet { items, mapping })
    };
    data().map_err(|source: RowError| EvaluateError::Row { path: path.to_owned(), source })
}

/// The question of a record.
pub(super) fn question(row: &Row, mapping: &Mapping) -> Result<String, RowError> {
    let question = if let Some(template) = &mapping.question_template {
        template::of_row(template, row)
            .map_err(|problem| row.wrong(format!("question_template: {problem}")))?
    } else {
        let parts: Vec<String> =
            mapping.question.iter().map(|name| row.required(name)).collect::<Result<_, _>>()?;
        parts.join(" ")
    };
    if question.trim().is_empty() {
        return Err(row.wrong("the question is blank"));
    }
    Ok(question)
}

/// The problem of a record.
fn item(row: &Row, mapping: &Mapping) -> Result<Item, RowError> {
    let question = question(row, mapping)?;
    let answer =
        mapping.answer.as_deref().ok_or_else(|| row.wrong("no field of the answer is named"))?;
    let whole = row.required(answer)?;
    let behind = whole.rsplit_once("####").map(|(_, gold)| gold);
    let gold = behind.unwrap_or(&whole).trim();
    if gold.is_empty() {
        let where_from = if behind.is_some() { " behind ####" } else { "" };
        return Err(row.wrong(format!("field {answer:?} has no answer{where_from}")));
    }
    let (question, gold) = match &mapping.choices {
        Some(field) => choices::ask(row, field, &question, gold, row.is_number(answer))?,
        None => (question, gold.to_owned()),
    };
    let id = mapping.id.as_deref().map(|id| row.required(id)).transpose()?;
    let difficulty = level::of_row(row, mapping)?;
    Ok(Item { question, gold, place: Some(row.place()), id, difficulty })
}

/// A hash of questions and answers, in order.
pub fn fingerprint(items: &[Item]) -> u64 {
    items.iter().fold(items.len() as u64, |hash, item| {
        seed::hash_text(hash, &format!("{}\0{}", item.question, item.gold))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Questions with their answers.
    fn read(
        text: &str,
        question: Option<&str>,
        answer: Option<&str>,
    ) -> Result<Vec<(String, String)>, String> {
        let fields = Mapping::fields(question, answer);
        let data = parse(text.as_bytes(), Path::new("p.jsonl"), &fields);
        let pair = |item: Item| (item.question, item.gold);
        data.map(|data| data.items.into_iter().map(pair).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_usual_formats_are_known() {
        let table = [
            (r#"{"question": "Q", "answer": "So 1+1=2.\n#### 2"}"#, "Q", "2"),
            (r#"{"question": "Q", "answer": "Note #### one\n1+1=2\n#### 2"}"#, "Q", "2"),
            (
                r#"{"problem": "P", "solution": "...", "answer": "\\frac{1}{2}"}"#,
                "P",
                "\\frac{1}{2}",
            ),
            (r#"{"Body": "B.", "Question": "Q?", "Answer": 145.0}"#, "B. Q?", "145.0"),
            (
                r#"[{"question": "Q", "answer": 12345678901234567890123}]"#,
                "Q",
                "12345678901234567890123",
            ),
            ("\u{feff}question;answer\r\n\"1; 2\";3\r\n", "1; 2", "3"),
        ];
        for (row, question, gold) in table {
            assert_eq!(read(row, None, None), Ok(vec![(question.into(), gold.into())]));
        }
        let other = read(r#"{"a": "x", "b": "y", "c": 3}"#, Some("b,a"), Some("c"));
        assert_eq!(other.map(|p| p[0].0.clone()), Ok("y x".into()));
        assert_eq!(read("\n", None, None), Ok(Vec::new()));
    }

    #[test]
    fn bad_rows_are_named() {
        let first = r#"{"question": "Q", "answer": "1"}"#;
        let table = [
            ("\nnot json", "p.jsonl: line 2: column 2: expected"),
            ("\n\n{\"question\": \"Q\"}", "line 3: field \"answer\" is not there"),
            ("\n{\"question\": \"Q\", \"ans", "line 2: the line ends within the object"),
            (
                "\n{\"question\": [], \"answer\": \"1\"}",
                "line 2: field \"question\": expected a text or a number, found []",
            ),
            (
                "\n{\"question\": \"Q\", \"answer\": \"So 1. #### \"}",
                "line 2: field \"answer\" has no answer behind ####",
            ),
            (
                "\n{\"question\": \"Q\", \"answer\": \" \"}",
                "line 2: field \"answer\" has no answer",
            ),
            ("\n{\"question\": \" \", \"answer\": 1}", "line 2: the question is blank"),
        ];
        for (text, expected) in table {
            let error = read(&format!("{first}{text}"), None, None).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
        let error = read("{\"q\": \"Q\", \"a\": 1}", None, None).expect_err("unknown fields");
        assert_eq!(
            error,
            "p.jsonl: line 1: no known fields, name those of question and answer: a, q"
        );
    }
}
