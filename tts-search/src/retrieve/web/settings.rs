//! How a search engine on the web is asked and read: templates of a call, pointers into its answer.
//!
//! All of it is checked before anything is asked: addresses, pointers, numbers, and every template, by filling it.
//!
//! Source: RFC 6901 (JSON pointer); the Jinja language.

use std::collections::BTreeMap;

use minijinja::{Environment, context};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PageSettings;
use crate::jinja::{environment, said};
use crate::retrieve::heading::unescaped;
use crate::retrieve::{Passage, RetrieveError, html, visible};

/// How a search engine is asked and read, see [`super::Web`] for an example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSettings {
    /// Its address, `http://` or `https://`.
    pub url: String,
    /// Parameters of the address, as templates; where nothing is said `q` and `format` of `SearXNG`, or none beside a body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<BTreeMap<String, String>>,
    /// Headers, as templates.
    pub headers: BTreeMap<String, String>,
    /// What is posted, JSON whose texts are templates; a text that is one expression, `{{ most }}`, becomes it.
    pub body: Option<Value>,
    /// The environment variable that holds the key, for templates that name `key`.
    pub key_variable: Option<String>,
    /// A JSON pointer to the list of results.
    pub results: String,
    /// An answer without that list has found nothing; else it is no answer.
    pub results_may_lack: bool,
    /// A pointer within a result to what names it; that of `place` where it is empty.
    pub id: String,
    /// A pointer to where a reader finds it.
    pub place: String,
    /// A pointer to its title; may be empty.
    pub title: String,
    /// Pointers to its words, put one after the other.
    pub texts: Vec<String>,
    /// A pointer to its score; may be empty.
    pub score: String,
    /// How often a call is made before the search has failed, at least 1.
    pub attempts: u32,
    /// Seconds before the first repetition; they double.
    pub pause_seconds: f64,
    /// Seconds for a call.
    pub call_seconds: f64,
    /// How the pages behind the results are opened; where nothing is said they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<PageSettings>,
}

impl Default for WebSettings {
    /// The names of fields that `SearXNG` has, at no address.
    fn default() -> Self {
        Self {
            url: String::new(),
            params: None,
            headers: BTreeMap::new(),
            body: None,
            key_variable: None,
            results: "/results".into(),
            results_may_lack: false,
            id: String::new(),
            place: "/url".into(),
            title: "/title".into(),
            texts: vec!["/content".into()],
            score: String::new(),
            attempts: 3,
            pause_seconds: 0.5,
            call_seconds: 20.0,
            pages: None,
        }
    }
}

/// What a call is filled with; `key` is known to templates only where there is one.
pub(super) struct Asked<'a> {
    pub(super) query: &'a str,
    pub(super) most: usize,
    pub(super) key: Option<&'a str>,
}

impl WebSettings {
    /// # Errors
    /// When the address, a pointer, a template or a number makes no sense; the error names the field.
    pub fn check(&self) -> Result<(), RetrieveError> {
        let bad = |field: &str, problem: String| {
            Err(RetrieveError::Settings(format!("web: {field} {problem}")))
        };
        let rest = ["http://", "https://"].iter().find_map(|scheme| self.url.strip_prefix(scheme));
        if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) {
            return bad(
                "url",
                format!("is {:?}, expected http:// or https:// and a host", self.url),
            );
        }
        let pointers = [
            ("results", &self.results),
            ("id", &self.id),
            ("place", &self.place),
            ("title", &self.title),
            ("score", &self.score),
        ];
        let texts = self.texts.iter().map(|text| ("texts", text));
        for (field, pointer) in pointers.into_iter().chain(texts) {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                return bad(
                    field,
                    format!("is {pointer:?}, expected a JSON pointer such as /web/results"),
                );
            }
        }
        if self.texts.is_empty() && self.title.is_empty() {
            return bad("texts", "is empty, expected at least one pointer, or a title".into());
        }
        if self.id.is_empty() && self.place.is_empty() {
            return bad(
                "id",
                "is empty and so is place: expected a pointer to what names a result".into(),
            );
        }
        if self.attempts == 0 {
            return bad("attempts", "is 0, expected at least 1".into());
        }
        for (field, seconds, least) in
            [("pause_seconds", self.pause_seconds, 0.0), ("call_seconds", self.call_seconds, 0.001)]
        {
            if !(least..=86_400.0).contains(&seconds) {
                return bad(field, format!("is {seconds}, expected seconds from {least} to 86400"));
            }
        }
        if self.pages.is_some() && self.place.is_empty() {
            return bad("place", "is empty, expected a pointer to the address of a page".into());
        }
        if let Some(Err(problem)) = self.pages.as_ref().map(PageSettings::check) {
            return bad("pages:", problem);
        }
        // Unknown names and bad syntax are found before anything is asked.
        let key = self.key_variable.as_ref().map(|_| "?");
        self.filled(&Asked { query: "?", most: 1, key }).map(drop)
    }

    /// What decides what is found: not how long is waited, and how often it is asked again.
    pub(super) fn deciding(&self) -> Self {
        let Self { attempts, pause_seconds, call_seconds, .. } = Self::default();
        let seconds = PageSettings::default().seconds;
        let pages = self.pages.clone().map(|pages| PageSettings { seconds, ..pages });
        Self { attempts, pause_seconds, call_seconds, pages, ..self.clone() }
    }

    /// Seconds that a search takes at most, its repetitions, their pauses and the pages behind results included.
    pub fn patience(&self) -> f64 {
        let pauses = 2.0_f64.powi(i32::try_from(self.attempts).unwrap_or(i32::MAX) - 1) - 1.0;
        // Pages are opened at the same time.
        let pages = self.pages.as_ref().map_or(0.0, |pages| pages.seconds);
        let calls = f64::from(self.attempts) * self.call_seconds;
        (calls + self.pause_seconds * pauses + pages).min(86_400.0)
    }

    /// Parameters, headers and body of a call.
    pub(super) fn filled(&self, asked: &Asked<'_>) -> Result<Filled, RetrieveError> {
        let environment = environment();
        let texts = |field: &str, all: &BTreeMap<String, String>| {
            let fill = |(name, text): (&String, &String)| {
                let filled = fill(&environment, text, asked);
                let filled =
                    filled.map_err(|problem| wrong(&format!("{field}.{name}"), &problem))?;
                Ok((name.clone(), filled))
            };
            all.iter().map(fill).collect::<Result<Vec<_>, RetrieveError>>()
        };
        let body = self.body.as_ref().map(|body| value(&environment, body, asked)).transpose();
        let params = match (&self.params, &self.body) {
            (Some(params), _) => params.clone(),
            (None, Some(_)) => BTreeMap::new(),
            (None, None) => {
                let usual = [("q", "{{ query }}"), ("format", "json")];
                usual.map(|(name, text)| (name.to_owned(), text.to_owned())).into()
            }
        };
        Ok(Filled {
            params: texts("params", &params)?,
            headers: texts("headers", &self.headers)?,
            body: body.map_err(|problem| wrong("body", &problem))?,
        })
    }

    /// A result as a passage; `None` of one that has no name or no words.
    pub(super) fn passage(&self, result: &Value) -> Option<Passage> {
        let text = |pointer: &str| {
            let found = (!pointer.is_empty()).then(|| result.pointer(pointer)).flatten();
            match found {
                Some(Value::String(text)) => visible(text.trim()),
                Some(Value::Number(number)) => number.to_string(),
                _ => String::new(),
            }
        };
        let plain = |pointer: &str| {
            let (_, read) = html::text(&text(pointer), false);
            // No headings are read from it, so that nothing needs to be told from them.
            let lines: Vec<&str> = read.trim().lines().map(unescaped).collect();
            lines.join("\n")
        };
        // Names and places are lines.
        let line = |pointer: &str| text(pointer).split_whitespace().collect::<Vec<_>>().join(" ");
        let (place, title) = (line(&self.place), plain(&self.title));
        let id = if self.id.is_empty() { place.clone() } else { line(&self.id) };
        let words: Vec<String> = self
            .texts
            .iter()
            .map(|pointer| plain(pointer))
            .filter(|words| !words.is_empty())
            .collect();
        if id.is_empty() || (words.is_empty() && title.is_empty()) {
            return None;
        }
        let score =
            (!self.score.is_empty()).then(|| result.pointer(&self.score)?.as_f64()).flatten();
        // A bracket would end the citation that names it.
        let id = id.replace('[', "%5B").replace(']', "%5D");
        Some(Passage { id, title, text: words.join("\n"), place, score: score.unwrap_or(0.0) })
    }
}

/// A call without its address.
pub(super) struct Filled {
    pub(super) params: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Value>,
}

pub(super) fn wrong(field: &str, problem: &str) -> RetrieveError {
    RetrieveError::Settings(format!("web: {field}: {problem}"))
}

fn fill(environment: &Environment<'_>, text: &str, asked: &Asked<'_>) -> Result<String, String> {
    let Asked { query, most, key } = *asked;
    let known = key.map_or_else(|| context!(query, most), |key| context!(query, most, key));
    environment.render_str(text, known).map_err(|error| said(&error))
}

/// Whether a text is nothing but the number of results that are wanted.
fn is_number(text: &str) -> bool {
    let inside = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    inside.is_some_and(|inside| inside.trim() == "most")
}

/// JSON with its texts filled in.
fn value(
    environment: &Environment<'_>,
    template: &Value,
    asked: &Asked<'_>,
) -> Result<Value, String> {
    Ok(match template {
        Value::String(text) if is_number(text) => asked.most.into(),
        Value::String(text) => fill(environment, text, asked)?.into(),
        Value::Array(items) => {
            items.iter().map(|item| value(environment, item, asked)).collect::<Result<_, _>>()?
        }
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| Ok((name.clone(), value(environment, field, asked)?)))
            .collect::<Result<_, String>>()?,
        other => other.clone(),
    })
}
