//! Pools of texts that were sampled elsewhere, from data files: rows of questions, each with what was written for it.
//!
//! A row names its problem by question or id and has a text, or a list of them; rows of one problem are joined, in order, so
//! that a file may have a row a sample as well. A text stands alone or in an object (`{"text": .., "finish": "length"}`, as
//! servers answer). A field of texts that is not named is the first of the usual ones that the first row has.
//! [`TextPool::texts`] are a generator that writes these texts ([`GivenTexts`]).
//!
//! Source: none; the usual fields are those of search-and-learn, lm-evaluation-harness, vLLM and `OpenAI`'s interface.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tts_core::rows::{self, Place, Row, RowError};
use tts_core::{Finish, GivenText, GivenTexts, Prompt, seed};

use super::Item;
use super::open::USUAL;
use crate::evaluate::EvaluateError;

/// Fields that texts stand in, usually.
const TEXTS: [&str; 10] = [
    "completions",
    "responses",
    "samples",
    "generations",
    "outputs",
    "resps",
    "completion",
    "response",
    "generation",
    "output",
];

/// Fields of a problem's name, usually.
const IDS: [&str; 5] = ["id", "unique_id", "problem_id", "question_id", "ID"];

/// Texts of many questions, as a file has them.
///
/// ```
/// use std::path::Path;
/// use tts_core::Prompt;
/// use tts_search::evaluate::{Item, TextPool};
/// let rows = r#"{"problem": "2+3?", "completions": ["It is 5.", {"text": "It is", "finish": "length"}]}"#;
/// let pool = TextPool::parse(rows.as_bytes(), Path::new("pool.jsonl"), None)?;
/// assert_eq!(pool.taken(), "2 texts in 1 rows, from completions");
/// // Whatever words the problem is asked with.
/// let item = Item::new("2+3?", "5");
/// let given = pool.texts([(&item, Prompt::from("Solve: 2+3?"))])?;
/// assert_eq!(given.count("Solve: 2+3?"), 2);
/// # Ok::<(), tts_search::evaluate::EvaluateError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TextPool {
    path: PathBuf,
    /// The field of the texts.
    field: String,
    rows: Vec<Texts>,
    questions: HashMap<String, Vec<usize>>,
    ids: HashMap<String, Vec<usize>>,
    identity: String,
}

/// A row.
#[derive(Debug, Clone)]
struct Texts {
    place: Place,
    texts: Vec<GivenText>,
}

impl TextPool {
    /// Reads a file; `field` is that of the texts, where it is none of the usual ones.
    ///
    /// # Errors
    /// When the file cannot be read or has no rows, no field of texts or problems is found, or a row lacks one or has
    /// something else there; the error names its place.
    pub fn read(path: &Path, field: Option<&str>) -> Result<Self, EvaluateError> {
        let bytes = std::fs::read(path).map_err(EvaluateError::at(path))?;
        Self::parse(&bytes, path, field)
    }

    /// [`TextPool::read`] from the bytes of a file; `path` is what errors call it.
    ///
    /// # Errors
    /// As [`TextPool::read`].
    pub fn parse(bytes: &[u8], path: &Path, field: Option<&str>) -> Result<Self, EvaluateError> {
        let bad = |source: RowError| EvaluateError::Row { path: path.to_owned(), source };
        let rows = rows::parse(bytes).map_err(bad)?;
        let Some(first) = rows.first() else {
            return Err(EvaluateError::Settings(format!("{}: no rows", path.display())));
        };
        let fields = Fields::of(first, field).map_err(|problem| bad(first.wrong(problem)))?;
        let digest = seed::hash_text(seed::hash_bytes(0, bytes), &fields.texts);
        let mut pool = Self {
            path: path.to_owned(),
            field: fields.texts.clone(),
            rows: Vec::with_capacity(rows.len()),
            questions: HashMap::new(),
            ids: HashMap::new(),
            identity: format!("given texts {digest:016x}"),
        };
        for row in &rows {
            pool.push(row, &fields).map_err(bad)?;
        }
        Ok(pool)
    }

    fn push(&mut self, row: &Row, fields: &Fields) -> Result<(), RowError> {
        let (number, mut named) = (self.rows.len(), false);
        for (names, known) in
            [(&fields.questions, &mut self.questions), (&fields.ids, &mut self.ids)]
        {
            for field in names {
                let Some(name) = row.text(field)? else { continue };
                let rows = known.entry(name.trim().to_owned()).or_default();
                // A row may say the same in two fields.
                if rows.last() != Some(&number) {
                    rows.push(number);
                }
                named = true;
            }
        }
        if let (false, Some(first)) = (named, fields.questions.iter().chain(&fields.ids).next()) {
            row.required(first)?;
        }
        let value: Value = row.field(&fields.texts)?;
        let texts = texts(&value)
            .map_err(|problem| row.wrong(format!("field {:?}: {problem}", fields.texts)))?;
        self.rows.push(Texts { place: row.place(), texts });
        Ok(())
    }

    /// A generator that writes the texts of these problems, each asked by its prompt. A row is a problem's by its id, by its
    /// question, or by the words that it is asked with.
    ///
    /// # Errors
    /// When a problem has no row; the first is named, with how many there are.
    pub fn texts<'i>(
        &self,
        problems: impl IntoIterator<Item = (&'i Item, Prompt)>,
    ) -> Result<GivenTexts, EvaluateError> {
        let mut given = GivenTexts::default().named(&*self.identity);
        let (mut first, mut lacking) = (None, 0_usize);
        for (item, prompt) in problems {
            let id = item.id.as_deref().and_then(|id| self.ids.get(id.trim()));
            let question = || self.questions.get(item.question.trim());
            let asked = || self.questions.get(prompt.question().trim());
            let Some(rows) = id.or_else(question).or_else(asked) else {
                first.get_or_insert(item);
                lacking += 1;
                continue;
            };
            if given.count(prompt.question()) > 0 {
                continue;
            }
            for row in rows.iter().filter_map(|&row| self.rows.get(row)) {
                let name = format!("{}: {}", self.path.display(), row.place);
                given.add(prompt.question(), name, row.texts.iter().cloned());
            }
        }
        let Some(item) = first else { return Ok(given) };
        let question: String = item.question.chars().take(60).collect();
        let others =
            if lacking > 1 { format!(", and {} more", lacking - 1) } else { String::new() };
        Err(EvaluateError::Settings(format!(
            "{}: no row is of the problem {question:?}{others}: expected its question or id",
            self.path.display()
        )))
    }

    /// What its fields were taken for, in one line.
    pub fn taken(&self) -> String {
        let texts: usize = self.rows.iter().map(|row| row.texts.len()).sum();
        let rows = self.rows.len();
        format!("{texts} texts in {rows} rows, from {}", self.field)
    }
}

/// Which fields are what.
struct Fields {
    texts: String,
    questions: Vec<String>,
    ids: Vec<String>,
}

impl Fields {
    fn of(row: &Row, texts: Option<&str>) -> Result<Self, String> {
        let names = || row.names().take(12).collect::<Vec<_>>().join(", ");
        let usual = |known: &[&str]| -> Vec<String> {
            let is_text = |name: &&&str| row.text(name).is_ok_and(|text| text.is_some());
            known.iter().filter(is_text).map(|&name| name.to_owned()).collect()
        };
        let texts = match texts {
            Some(name) => name.to_owned(),
            None => {
                let found = TEXTS.iter().find(|name| row.has(name));
                let found = found.ok_or_else(|| {
                    let usual = TEXTS.join(", ");
                    format!(
                        "no field of texts is named, and the fields are {}: expected one of {usual}",
                        names()
                    )
                })?;
                (*found).to_owned()
            }
        };
        let (questions, ids) = (usual(&USUAL), usual(&IDS));
        if questions.is_empty() && ids.is_empty() {
            let usual = USUAL.iter().chain(&IDS).copied().collect::<Vec<_>>().join(", ");
            return Err(format!(
                "nothing says which problem a row is of: the fields are {}, expected one of {usual}",
                names()
            ));
        }
        Ok(Self { texts, questions, ids })
    }
}

/// A text, or a list of them.
fn texts(value: &Value) -> Result<Vec<GivenText>, String> {
    let all = match value {
        Value::Array(all) => {
            all.iter().flat_map(nested).map(text).collect::<Result<Vec<_>, _>>()?
        }
        one => vec![text(one)?],
    };
    if all.is_empty() { Err("no texts, expected at least one".into()) } else { Ok(all) }
}

/// What an element of a list holds: harnesses keep a list for each time a question was asked.
fn nested(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(inner) => inner.iter().collect(),
        one => vec![one],
    }
}

/// A text, alone or in an object that says why it ended.
fn text(value: &Value) -> Result<GivenText, String> {
    let wrong = || {
        let shown: String = value.to_string().chars().take(60).collect();
        Err(format!("expected a text, or an object with \"text\", found {shown}"))
    };
    let text = match value {
        Value::String(text) => return Ok(GivenText::new(text)),
        Value::Object(_) => {
            let places = ["/text", "/content", "/message/content"];
            let found = places.iter().find_map(|place| value.pointer(place)?.as_str());
            let Some(text) = found else { return wrong() };
            GivenText::new(text)
        }
        _ => return wrong(),
    };
    match value.get("finish").or_else(|| value.get("finish_reason")) {
        None | Some(Value::Null) => Ok(text),
        Some(Value::String(why)) => match why.as_str() {
            "stop" | "eos" | "end_turn" => Ok(text),
            "length" | "max_tokens" => Ok(text.ended_by(Finish::Length)),
            other => Err(format!("finish {other:?}, expected stop or length")),
        },
        Some(other) => Err(format!("finish {other}, expected \"stop\" or \"length\"")),
    }
}
