//! Problems with their right answers, from JSON lines: GSM8K, MATH, SVAMP, or whatever the fields are called.

use std::path::Path;

use serde_json::Value;
use tts_core::seed;

use super::EvaluateError;

/// A problem of a data set, with its right answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Item {
    /// The question.
    pub question: String,
    /// The right answer, bare: what stands behind `####` where there is one.
    pub gold: String,
}

impl Item {
    /// A question and its right answer.
    pub fn new(question: impl Into<String>, gold: impl Into<String>) -> Self {
        Self { question: question.into(), gold: gold.into() }
    }
}

impl From<&tts_core::family::Problem> for Item {
    fn from(problem: &tts_core::family::Problem) -> Self {
        Self::new(&problem.question, &problem.answer)
    }
}

/// What the fields of a data set are called. What is left empty follows from the first line: `question` and
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

    /// With what was left empty, as the first line tells it.
    fn resolve(&self, row: &Value) -> Option<(Vec<String>, String)> {
        let known = [
            (["question"].as_slice(), "answer"),
            (&["problem"], "answer"),
            (&["Body", "Question"], "Answer"),
        ];
        let found = known.iter().find(|(fields, _)| fields.iter().all(|f| row.get(f).is_some()));
        let question = if self.question.is_empty() {
            found?.0.iter().map(|&name| name.to_owned()).collect()
        } else {
            self.question.clone()
        };
        let answer = self.answer.as_deref().or(found.map(|(_, answer)| *answer))?;
        Some((question, answer.to_owned()))
    }
}

/// Reads problems from a file of JSON lines.
///
/// # Errors
/// When the file cannot be read, a line is not JSON or lacks a field; the error names the line.
pub fn load(path: &Path, fields: &Fields) -> Result<Vec<Item>, EvaluateError> {
    let text = std::fs::read_to_string(path).map_err(EvaluateError::at(path))?;
    parse(&text, path, fields)
}

/// Reads problems from text; `path` is what errors call it.
///
/// ```
/// use std::path::Path;
/// use tts_search::evaluate::{Fields, Item, parse};
/// let text = r#"{"question": "1 + 1?", "answer": "So 1 + 1 = 2. #### 2"}"#;
/// let items = parse(text, Path::new("a text"), &Fields::default())?;
/// assert_eq!(items, [Item::new("1 + 1?", "2")]);
/// # Ok::<(), tts_search::evaluate::EvaluateError>(())
/// ```
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, path: &Path, fields: &Fields) -> Result<Vec<Item>, EvaluateError> {
    let mut items = Vec::new();
    let mut names = None;
    for (row, line) in text.lines().zip(1..).filter(|(row, _)| !row.trim().is_empty()) {
        let bad = |problem: String| EvaluateError::Line { path: path.to_owned(), line, problem };
        let row: Value = serde_json::from_str(row).map_err(|error| bad(error.to_string()))?;
        if names.is_none() {
            names = fields.resolve(&row);
        }
        let Some((question, answer)) = &names else {
            return Err(bad("no known fields: name those of question and answer".into()));
        };
        let get = |name: &String| match row.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(other) => {
                Err(bad(format!("field {name:?} is {other}, expected text or a number")))
            }
            None => Err(bad(format!("no field {name:?}"))),
        };
        let parts: Vec<String> = question.iter().map(get).collect::<Result<_, _>>()?;
        let gold = get(answer)?;
        let gold = gold.rsplit_once("####").map_or(gold.as_str(), |(_, gold)| gold).trim();
        items.push(Item::new(parts.join(" "), gold));
    }
    Ok(items)
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

    fn read(text: &str, question: Option<&str>, answer: Option<&str>) -> Result<Vec<Item>, String> {
        let fields = Fields::named(question, answer);
        parse(text, Path::new("p.jsonl"), &fields).map_err(|error| error.to_string())
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
        ];
        for (row, question, gold) in table {
            let problem = Item { question: question.into(), gold: gold.into() };
            assert_eq!(read(row, None, None), Ok(vec![problem]));
        }
        let other = read(r#"{"a": "x", "b": "y", "c": 3}"#, Some("b,a"), Some("c"));
        assert_eq!(other.map(|p| p[0].question.clone()), Ok("y x".into()));
    }

    #[test]
    fn bad_rows_are_named() {
        let table = [
            ("{\"question\": \"Q\", \"answer\": \"1\"}\nnot json", "line 2"),
            ("{\"q\": \"Q\"}", "p.jsonl, line 1: no known fields"),
            (
                "{\"question\": \"Q\", \"answer\": \"1\"}\n\n{\"question\": \"Q\"}",
                "line 3: no field \"answer\"",
            ),
            ("{\"question\": [], \"answer\": \"1\"}", "line 1: field \"question\" is []"),
        ];
        for (text, expected) in table {
            let error = read(text, None, None).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
