//! Problems from JSON lines: GSM8K, MATH, SVAMP, or whatever the field names say.

use std::path::Path;

use serde_json::Value;

use crate::Error;

/// A problem and its right answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The question.
    pub question: String,
    /// The right answer, bare: what stands behind `####` where there is one.
    pub gold: String,
}

/// Field names of question and answer: several are joined by spaces, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// Of the question.
    pub question: Vec<String>,
    /// Of the answer.
    pub answer: String,
}

impl Fields {
    /// Fields as named on the command line, question fields separated by commas; what is not named
    /// follows from the first row: `question` (GSM8K), `problem` (MATH) or `Body,Question` (SVAMP).
    fn resolve(question: Option<&str>, answer: Option<&str>, row: &Value) -> Option<Self> {
        let known = [
            (["question"].as_slice(), "answer"),
            (&["problem"], "answer"),
            (&["Body", "Question"], "Answer"),
        ];
        let found = known.iter().find(|(fields, _)| fields.iter().all(|f| row.get(f).is_some()));
        let split = |names: &str| names.split(',').map(|name| name.trim().to_owned()).collect();
        Some(Self {
            question: match question {
                Some(names) => split(names),
                None => found?.0.iter().map(|&name| name.to_owned()).collect(),
            },
            answer: answer.or(found.map(|(_, answer)| *answer))?.to_owned(),
        })
    }
}

/// Reads problems.
///
/// # Errors
/// When the file cannot be read, a line is not JSON or lacks a field; the error names the line.
pub fn load(
    path: &Path,
    question: Option<&str>,
    answer: Option<&str>,
) -> Result<Vec<Problem>, Error> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&text, question, answer).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Reads problems from text, see [`load`].
///
/// # Errors
/// As [`load`].
pub fn parse(
    text: &str,
    question: Option<&str>,
    answer: Option<&str>,
) -> Result<Vec<Problem>, String> {
    let mut problems = Vec::new();
    let mut fields: Option<Fields> = None;
    for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
        let bad = |problem: String| format!("line {number}: {problem}");
        let row: Value = serde_json::from_str(line).map_err(|error| bad(error.to_string()))?;
        if fields.is_none() {
            fields = Fields::resolve(question, answer, &row);
        }
        let Some(fields) = &fields else {
            return Err(bad(
                "no known fields: name them with --question-field and --answer-field".into()
            ));
        };
        let get = |name: &String| match row.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(other) => {
                Err(bad(format!("field {name:?} is {other}, expected text or a number")))
            }
            None => Err(bad(format!("no field {name:?}"))),
        };
        let parts: Result<Vec<String>, String> = fields.question.iter().map(get).collect();
        let gold = get(&fields.answer)?;
        let gold =
            gold.rsplit_once("####").map_or(gold.as_str(), |(_, gold)| gold).trim().to_owned();
        problems.push(Problem { question: parts?.join(" "), gold });
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_formats_are_known() {
        let table = [
            (r#"{"question": "Q", "answer": "So 1+1=2.\n#### 2"}"#, "Q", "2"),
            (
                r#"{"problem": "P", "solution": "...", "answer": "\\frac{1}{2}"}"#,
                "P",
                "\\frac{1}{2}",
            ),
            (r#"{"Body": "B.", "Question": "Q?", "Answer": 145.0}"#, "B. Q?", "145.0"),
        ];
        for (row, question, gold) in table {
            let problem = Problem { question: question.into(), gold: gold.into() };
            assert_eq!(parse(row, None, None), Ok(vec![problem]));
        }
        let other = parse(r#"{"a": "x", "b": "y", "c": 3}"#, Some("b,a"), Some("c"));
        assert_eq!(other.map(|p| p[0].question.clone()), Ok("y x".into()));
    }

    #[test]
    fn bad_rows_are_named() {
        let table = [
            ("{\"question\": \"Q\", \"answer\": \"1\"}\nnot json", "line 2"),
            ("{\"q\": \"Q\"}", "line 1: no known fields"),
            (
                "{\"question\": \"Q\", \"answer\": \"1\"}\n\n{\"question\": \"Q\"}",
                "line 3: no field \"answer\"",
            ),
            ("{\"question\": [], \"answer\": \"1\"}", "line 1: field \"question\" is []"),
        ];
        for (text, expected) in table {
            let error = parse(text, None, None).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
