//! Pools of texts that were sampled elsewhere, from data files: rows of questions, each with what was written for it.
//!
//! A row names its problem by question or id and has a text, or a list of them; rows of one problem are joined, in order, so
//! that a file may have a row a sample as well. A text stands alone or in an object (`{"text": .., "finish": "length"}`, as
//! servers answer). A field of texts that is not named is the first of the usual ones that the first row has. Question and
//! id may stand in an object `doc`, the record of the data set that a harness asked about. A question counts before an id,
//! which may be a running number.
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

/// The record of the data set, in samples of harnesses.
const DOC: &str = "doc";

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
    /// What it says that was asked.
    questions: Vec<String>,
    all: Vec<GivenText>,
}

impl Texts {
    /// Whether it may be of a problem that it names by its id alone: it names no question, or that of the problem with other
    /// words around it.
    fn may_ask(&self, question: &str) -> bool {
        self.questions.is_empty() || self.questions.iter().any(|own| stands_in(question, own))
    }
}

/// Whether a text stands in another, and not within a word or a number of it.
fn stands_in(text: &str, other: &str) -> bool {
    other.match_indices(text).any(|(start, found)| {
        let before = other[..start].chars().next_back();
        let behind = other[start + found.len()..].chars().next();
        !before.into_iter().chain(behind).any(char::is_alphanumeric)
    })
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
        let mut asked = Vec::new();
        for field in &fields.questions {
            asked.extend(name(row, field)?.map(|question| question.trim().to_owned()));
        }
        for (names, known) in
            [(&fields.questions, &mut self.questions), (&fields.ids, &mut self.ids)]
        {
            for field in names {
                let Some(name) = name(row, field)? else { continue };
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
        self.rows.push(Texts { place: row.place(), questions: asked, all: texts });
        Ok(())
    }

    /// A generator that writes the texts of these problems, each asked by its prompt. Rows are a problem's by its question,
    /// else by the words that it is asked with, else by its id.
    ///
    /// # Errors
    /// When a problem has no row; the first is named, with how many there are. When a row has its id and another question.
    pub fn texts<'i>(
        &self,
        problems: impl IntoIterator<Item = (&'i Item, Prompt)>,
    ) -> Result<GivenTexts, EvaluateError> {
        let mut given = GivenTexts::default().named(&*self.identity);
        let (mut first, mut lacking) = (None, 0_usize);
        for (item, prompt) in problems {
            let question = self.questions.get(item.question.trim());
            let asked = || self.questions.get(prompt.question().trim());
            let rows = match question.or_else(asked) {
                Some(rows) => Some(rows),
                None => self.by_id(item)?,
            };
            let Some(rows) = rows else {
                first.get_or_insert(item);
                lacking += 1;
                continue;
            };
            if given.count(prompt.question()) > 0 {
                continue;
            }
            for row in rows.iter().filter_map(|&row| self.rows.get(row)) {
                let name = format!("{}: {}", self.path.display(), row.place);
                given.add(prompt.question(), name, row.all.iter().cloned());
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

    /// The rows that have the id of a problem whose question no row has.
    fn by_id(&self, item: &Item) -> Result<Option<&Vec<usize>>, EvaluateError> {
        let Some((id, rows)) = item.id.as_deref().and_then(|id| self.ids.get_key_value(id.trim()))
        else {
            return Ok(None);
        };
        let question = item.question.trim();
        let mut all = rows.iter().filter_map(|&row| self.rows.get(row));
        let Some(other) = all.find(|row| !row.may_ask(question)) else { return Ok(Some(rows)) };
        let short = |text: &str| text.chars().take(60).collect::<String>();
        let own = other.questions.first().map(|question| short(question)).unwrap_or_default();
        Err(EvaluateError::Settings(format!(
            "{}: {}: its id {id:?} is that of the problem {:?}, and its question is {own:?}: expected the same question, or ids \
             that are those of the data set",
            self.path.display(),
            other.place,
            short(question)
        )))
    }

    /// What its fields were taken for, in one line.
    pub fn taken(&self) -> String {
        let texts: usize = self.rows.iter().map(|row| row.all.len()).sum();
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
            let inner = known.iter().map(|field| format!("{DOC}.{field}"));
            let all = known.iter().map(|&field| field.to_owned()).chain(inner);
            all.filter(|field| name(row, field).is_ok_and(|text| text.is_some())).collect()
        };
        let found = texts.or_else(|| TEXTS.iter().copied().find(|name| row.has(name)));
        let texts = found.ok_or_else(|| {
            let usual = TEXTS.join(", ");
            format!(
                "no field of texts is named, and the fields are {}: expected one of {usual}",
                names()
            )
        })?;
        let texts = texts.to_owned();
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

/// The text of a field, or of one in the record that was asked about (`doc.question`).
fn name(row: &Row, field: &str) -> Result<Option<String>, RowError> {
    let inner = field.strip_prefix(DOC).and_then(|rest| rest.strip_prefix('.'));
    let Some(inner) = inner.filter(|_| !row.has(field)) else { return row.text(field) };
    let Some(doc) = row.field::<Option<Value>>(DOC)? else { return Ok(None) };
    match doc.get(inner) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(other) => {
            let shown: String = other.to_string().chars().take(60).collect();
            Err(row.wrong(format!("field {field:?}: expected a text or a number, found {shown}")))
        }
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
