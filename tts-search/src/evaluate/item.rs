//! Problems with their right answers, from data files: GSM8K, MATH, SVAMP, or whatever the fields are called.

use std::path::Path;

use tts_core::rows::{self, Place, Row, RowError};
use tts_core::seed;

use super::EvaluateError;

/// A problem of a data set, with its right answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Item {
    /// The question.
    pub question: String,
    /// The right answer, bare: what stands behind `####` where there is one.
    pub gold: String,
    /// Where it stands in its file; `None` if it is of none.
    pub place: Option<Place>,
}

impl Item {
    /// A question and its right answer.
    pub fn new(question: impl Into<String>, gold: impl Into<String>) -> Self {
        Self { question: question.into(), gold: gold.into(), place: None }
    }
}

impl From<&tts_core::family::Problem> for Item {
    fn from(problem: &tts_core::family::Problem) -> Self {
        Self::new(&problem.question, &problem.answer)
    }
}

/// What the fields of a data set are called. What is left empty follows from the first record: `question` and
/// `answer` (GSM8K), `problem` and `answer` (MATH), or `Body,Question` and `Answer` (SVAMP).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields {
    /// Of the question: several are joined by spaces, in order.
    pub question: Vec<String>,
    /// Of the answer.
    pub answer: Option<String>,
}

impl Fields {
    /// Fields as named on a command line, those of the question separated by commas.
    pub fn named(question: Option<&str>, answer: Option<&str>) -> Self {
        let split = |names: &str| names.split(',').map(|name| name.trim().to_owned()).collect();
        Self { question: question.map_or_else(Vec::new, split), answer: answer.map(str::to_owned) }
    }

    /// With what was left empty, as the first record tells it.
    fn resolve(&self, row: &Row) -> Option<(Vec<String>, String)> {
        let known = [
            (["question"].as_slice(), "answer"),
            (&["problem"], "answer"),
            (&["Body", "Question"], "Answer"),
        ];
        let found = known.iter().find(|(fields, _)| fields.iter().all(|field| row.has(field)));
        let question = if self.question.is_empty() {
            found?.0.iter().map(|&name| name.to_owned()).collect()
        } else {
            self.question.clone()
        };
        let answer = self.answer.as_deref().or(found.map(|(_, answer)| *answer))?;
        Some((question, answer.to_owned()))
    }
}

/// Reads problems from a file of JSON lines, a JSON list, or a table with names in its first row
/// ([`tts_core::rows`]).
///
/// # Errors
/// When the file cannot be read, or a record is damaged, lacks a field or has none of an answer; the error
/// names its place.
pub fn load(path: &Path, fields: &Fields) -> Result<Vec<Item>, EvaluateError> {
    let bytes = std::fs::read(path).map_err(EvaluateError::at(path))?;
    parse(&bytes, path, fields)
}

/// Reads problems from the bytes of a file; `path` is what errors call it.
///
/// ```
/// use std::path::Path;
/// use tts_search::evaluate::{Fields, parse};
/// let text = r#"{"question": "1 + 1?", "answer": "So 1 + 1 = 2. #### 2"}"#;
/// let items = parse(text.as_bytes(), Path::new("a text"), &Fields::default())?;
/// assert_eq!((&*items[0].question, &*items[0].gold), ("1 + 1?", "2"));
/// # Ok::<(), tts_search::evaluate::EvaluateError>(())
/// ```
///
/// # Errors
/// As [`load`].
pub fn parse(bytes: &[u8], path: &Path, fields: &Fields) -> Result<Vec<Item>, EvaluateError> {
    let items = || {
        let rows = rows::parse(bytes)?;
        let names = rows.first().map(|row| {
            let unknown = || {
                let there = row.names().take(12).collect::<Vec<_>>().join(", ");
                row.wrong(format!("no known fields, name those of question and answer: {there}"))
            };
            fields.resolve(row).ok_or_else(unknown)
        });
        let Some((question, answer)) = names.transpose()? else { return Ok(Vec::new()) };
        rows.iter().map(|row| item(row, &question, &answer)).collect()
    };
    items().map_err(|source: RowError| EvaluateError::Row { path: path.to_owned(), source })
}

/// The problem of a record.
fn item(row: &Row, question: &[String], answer: &str) -> Result<Item, RowError> {
    let parts: Vec<String> =
        question.iter().map(|name| row.required(name)).collect::<Result<_, _>>()?;
    let question = parts.join(" ");
    if question.trim().is_empty() {
        return Err(row.wrong("the question is blank"));
    }
    let whole = row.required(answer)?;
    let behind = whole.rsplit_once("####").map(|(_, gold)| gold);
    let gold = behind.unwrap_or(&whole).trim();
    if gold.is_empty() {
        let where_from = if behind.is_some() { " behind ####" } else { "" };
        return Err(row.wrong(format!("field {answer:?} has no answer{where_from}")));
    }
    Ok(Item { question, gold: gold.to_owned(), place: Some(row.place()) })
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
        let fields = Fields::named(question, answer);
        let items = parse(text.as_bytes(), Path::new("p.jsonl"), &fields);
        let pair = |item: Item| (item.question, item.gold);
        items.map(|i| i.into_iter().map(pair).collect()).map_err(|error| error.to_string())
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
