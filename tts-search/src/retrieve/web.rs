//! Search engines on the web: any that answers in JSON, told by a mapping how it is asked and read.
//!
//! ```text
//! { "url": "http://127.0.0.1:8888/search", "params": { "q": "{{ query }}", "format": "json" },
//!   "results": "/results", "place": "/url", "title": "/title", "texts": ["/content"] }
//! ```
//!
//! Parameters, headers and the texts of a body are Jinja templates over `query`, `most` and `key` (what the environment
//! variable [`WebSettings::key_variable`] holds); without a body the engine is asked by GET, with one by POST. The answer's
//! results are a list behind a JSON pointer, and each part of a result has a pointer within it. A call that fails in
//! passing (no connection, too many requests, a fault of the server) is made again. What the engine says is never taken for more
//! than text: markup is taken out of it, and [`super::fenced`] puts it into prompts.
//!
//! The web changes: what was found stands in the record of a search, which is resumed from it.
//!
//! Source: RFC 6901 (JSON pointer); the Jinja language.

use std::collections::BTreeMap;
use std::time::Duration;

use minijinja::{Environment, context};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tts_core::BoxError;
use ureq::Agent;
use ureq::http::Response;

use super::{Passage, RetrieveError, Retriever, html};
use crate::agent::agent;
use crate::jinja::{environment, said};

/// Bytes of an answer that are read, at most.
const MOST_BYTES: u64 = 16 << 20;
/// Characters of an engine's own words in an error.
const SHOWN: usize = 200;

/// How a search engine is asked and read, see `Web` for an example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSettings {
    /// Its address, `http://` or `https://`.
    pub url: String,
    /// Parameters of the address, as templates.
    pub params: BTreeMap<String, String>,
    /// Headers, as templates.
    pub headers: BTreeMap<String, String>,
    /// What is posted, JSON whose texts are templates; a text that is one expression, `{{ most }}`, becomes its value.
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
}

impl Default for WebSettings {
    /// The names of fields that `SearXNG` has, at no address.
    fn default() -> Self {
        let texts = |list: &[(&str, &str)]| {
            list.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        Self {
            url: String::new(),
            params: texts(&[("q", "{{ query }}"), ("format", "json")]),
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
        }
    }
}

/// What a call is filled with.
struct Asked<'a> {
    query: &'a str,
    most: usize,
    key: &'a str,
}

impl WebSettings {
    /// # Errors
    /// When the address, a pointer, a template or a number makes no sense; the error names the field.
    pub fn check(&self) -> Result<(), RetrieveError> {
        let bad = |field: &str, problem: String| {
            Err(RetrieveError::Settings(format!("web: {field} {problem}")))
        };
        let rest = ["http://", "https://"].iter().find_map(|scheme| self.url.strip_prefix(scheme));
        if !rest.is_some_and(|rest| rest.chars().next().is_some_and(|first| first != '/')) {
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
        // Unknown names and bad syntax are found before anything is asked.
        self.filled(&Asked { query: "?", most: 1, key: "" }).map(drop)
    }

    /// Parameters, headers and body of a call.
    fn filled(&self, asked: &Asked<'_>) -> Result<Filled, RetrieveError> {
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
        Ok(Filled {
            params: texts("params", &self.params)?,
            headers: texts("headers", &self.headers)?,
            body: body.map_err(|problem| wrong("body", &problem))?,
        })
    }

    /// A result as a passage; `None` of one that has no name or no words.
    fn passage(&self, result: &Value) -> Option<Passage> {
        let text = |pointer: &str| {
            let found = (!pointer.is_empty()).then(|| result.pointer(pointer)).flatten();
            match found {
                Some(Value::String(text)) => text.trim().to_owned(),
                Some(Value::Number(number)) => number.to_string(),
                _ => String::new(),
            }
        };
        let plain = |pointer: &str| html::text(&text(pointer), false).1.trim().to_owned();
        let (place, title) = (text(&self.place), plain(&self.title));
        let id = if self.id.is_empty() { place.clone() } else { text(&self.id) };
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
struct Filled {
    params: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<Value>,
}

fn wrong(field: &str, problem: &str) -> RetrieveError {
    RetrieveError::Settings(format!("web: {field}: {problem}"))
}

fn fill(environment: &Environment<'_>, text: &str, asked: &Asked<'_>) -> Result<String, String> {
    let Asked { query, most, key } = *asked;
    environment.render_str(text, context!(query, most, key)).map_err(|error| said(&error))
}

/// JSON with its texts filled in.
fn value(
    environment: &Environment<'_>,
    template: &Value,
    asked: &Asked<'_>,
) -> Result<Value, String> {
    Ok(match template {
        Value::String(text) if text.trim() == "{{ most }}" => asked.most.into(),
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

/// A search engine on the web.
///
/// ```
/// use tts_search::retrieve::{Web, WebSettings};
/// let settings: WebSettings = serde_json::from_str(r#"{
///     "url": "https://api.search.brave.com/res/v1/web/search",
///     "params": {"q": "{{ query }}", "count": "{{ most }}"},
///     "headers": {"x-subscription-token": "{{ key }}"},
///     "results": "/web/results", "results_may_lack": true, "texts": ["/description"]
/// }"#)?;
/// assert!(Web::new(settings).is_ok());
/// let nowhere = Web::new(WebSettings::default()).unwrap_err();
/// assert!(nowhere.to_string().contains("url is \"\", expected http:// or https:// and a host"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug)]
pub struct Web {
    settings: WebSettings,
    agent: Agent,
    key: String,
}

/// Why a call failed, and whether it may do better.
struct Failed {
    why: String,
    in_passing: bool,
}

impl Web {
    /// A search engine that is asked like this.
    ///
    /// # Errors
    /// As [`WebSettings::check`], and when the environment variable of the key is not set.
    pub fn new(settings: WebSettings) -> Result<Self, RetrieveError> {
        settings.check()?;
        let key = match &settings.key_variable {
            None => String::new(),
            Some(name) => std::env::var(name).map_err(|_| {
                RetrieveError::Settings(format!(
                    "web: key_variable: {name} is not set in the environment"
                ))
            })?,
        };
        let patience = Duration::from_secs_f64(settings.call_seconds);
        Ok(Self { agent: agent(patience, Some(patience), false), settings, key })
    }

    fn call(&self, filled: &Filled) -> Result<Vec<u8>, Failed> {
        let url = &self.settings.url;
        let params = || filled.params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let sent = match &filled.body {
            None => {
                let call = self.agent.get(url).query_pairs(params());
                filled
                    .headers
                    .iter()
                    .fold(call, |call, (name, value)| call.header(name, value))
                    .call()
            }
            Some(body) => {
                let call = self.agent.post(url).query_pairs(params());
                let call = call.header("content-type", "application/json");
                let call = filled
                    .headers
                    .iter()
                    .fold(call, |call, (name, value)| call.header(name, value));
                call.send(body.to_string().as_bytes())
            }
        };
        // What the agent says may hold the address with its parameters, and so the key.
        let lost = |error: &ureq::Error| Failed {
            why: format!("{url}: {}", self.hidden(&error.to_string())),
            in_passing: matches!(
                error,
                ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed
            ),
        };
        let mut answer = sent.map_err(|error| lost(&error))?;
        let body = answer.body_mut().with_config().limit(MOST_BYTES).read_to_vec();
        let body = body.map_err(|error| lost(&error))?;
        self.accept(&answer, body)
    }

    /// The body of an answer that is one.
    fn accept(&self, answer: &Response<ureq::Body>, body: Vec<u8>) -> Result<Vec<u8>, Failed> {
        let status = answer.status();
        if status.is_success() {
            return Ok(body);
        }
        // Hidden before it is cut, or half a key might stay.
        let said = self.hidden(&String::from_utf8_lossy(&body));
        let said: String = said.trim().chars().take(SHOWN).collect();
        let why = format!("{}: {status}: {said}", self.settings.url);
        Err(Failed { why, in_passing: status.as_u16() == 429 || status.is_server_error() })
    }

    /// A text without the key.
    fn hidden(&self, text: &str) -> String {
        if self.key.is_empty() { text.to_owned() } else { text.replace(&self.key, "...") }
    }

    fn found(&self, body: &[u8], most: usize) -> Result<Vec<Passage>, String> {
        let WebSettings { url, results, .. } = &self.settings;
        let answer: Value = serde_json::from_slice(body)
            .map_err(|error| format!("{url}: the answer is no JSON: {error}"))?;
        let list = match answer.pointer(results) {
            Some(Value::Array(list)) => list,
            None if self.settings.results_may_lack => return Ok(Vec::new()),
            _ => {
                let fields = answer
                    .as_object()
                    .map(|fields| fields.keys().take(12).cloned().collect::<Vec<_>>());
                let fields = fields.map_or_else(|| "no object".into(), |names| names.join(", "));
                return Err(format!(
                    "{url}: no list of results at {results:?}; the answer has {fields}"
                ));
            }
        };
        let passages: Vec<Passage> =
            list.iter().filter_map(|result| self.settings.passage(result)).take(most).collect();
        // Asked for none, it has found none.
        if most == 0 {
            return Ok(passages);
        }
        if passages.is_empty() && !list.is_empty() {
            let WebSettings { id, place, texts, .. } = &self.settings;
            return Err(format!(
                "{url}: none of {} results has a name at {:?} and words at {}",
                list.len(),
                if id.is_empty() { place } else { id },
                texts.join(", ")
            ));
        }
        Ok(passages)
    }
}

impl Retriever for Web {
    fn search(&self, query: &str, most: usize) -> Result<Vec<Passage>, BoxError> {
        let filled = self.settings.filled(&Asked { query, most, key: &self.key })?;
        let mut pause = self.settings.pause_seconds;
        for attempt in 1.. {
            match self.call(&filled) {
                Ok(body) => return Ok(self.found(&body, most)?),
                Err(failed) if failed.in_passing && attempt < self.settings.attempts => {
                    std::thread::sleep(Duration::from_secs_f64(pause.min(86_400.0)));
                    pause *= 2.0;
                }
                Err(failed) => return Err(failed.why.into()),
            }
        }
        Ok(Vec::new())
    }

    /// How it is asked; what it finds is another thing tomorrow.
    fn identity(&self) -> Option<String> {
        let settings = serde_json::to_string(&self.settings).ok()?;
        Some(format!("web search {:016x}", tts_core::seed::hash_text(0, &settings)))
    }
}
