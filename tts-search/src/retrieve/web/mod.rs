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
//! Where [`WebSettings::pages`] says so, the pages behind the results are opened, and their passages stand in place of the
//! engine's words ([`PageSettings`]).
//!
//! The web changes: what was found stands in the record of a search, which is resumed from it.
//!
//! Source: RFC 6901 (JSON pointer); the Jinja language.

mod address;
mod charset;
mod kept;
mod pages;
mod settings;
mod visit;

use std::time::Duration;

use serde_json::Value;
use tts_core::BoxError;
use ureq::Agent;
use ureq::http::Response;

use self::pages::Pages;
use self::settings::{Asked, Filled, wrong};
use super::{Passage, RetrieveError, Retriever, visible};
use crate::agent::staying;

pub(crate) use address::PublicOnly;
pub use pages::{Opened, PageSettings};
pub use settings::WebSettings;

/// Bytes of an answer that are read, at most.
const MOST_BYTES: u64 = 16 << 20;
/// Characters of an engine's own words in an error.
const SHOWN: usize = 200;

/// A search engine on the web.
///
/// ```
/// use tts_search::retrieve::{Web, WebSettings};
/// let settings: WebSettings = serde_json::from_str(r#"{
///     "url": "https://api.search.brave.com/res/v1/web/search",
///     "params": {"q": "{{ query }}", "count": "{{ most }}"},
///     "headers": {"x-subscription-token": "{{ key }}"}, "key_variable": "PATH",
///     "results": "/web/results", "results_may_lack": true, "texts": ["/description"]
/// }"#)?;
/// assert!(Web::new(settings.clone()).is_ok());
/// // A key that is named and not said.
/// let keyless = WebSettings { key_variable: None, ..settings };
/// assert!(Web::new(keyless).unwrap_err().to_string().contains("headers.x-subscription-token"));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// A search may take [`WebSettings::patience`], which [`super::SearchSettings::timeout`] should leave it.
pub struct Web {
    settings: WebSettings,
    agent: Agent,
    key: Option<String>,
    pages: Option<Pages>,
}

/// Without the key.
impl std::fmt::Debug for Web {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Web").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Why a call failed, and whether it may do better.
#[derive(Debug, Clone)]
struct Failed {
    why: String,
    in_passing: bool,
}

/// Whether what a call failed by may be gone the next time.
fn is_passing(error: &ureq::Error) -> bool {
    use ureq::Error::{ConnectionFailed, HostNotFound, Io, Timeout};
    matches!(error, Io(_) | Timeout(_) | ConnectionFailed | HostNotFound)
}

/// Whether what a server refuses may be granted the next time.
fn may_pass(status: ureq::http::StatusCode) -> bool {
    status.as_u16() == 429 || status.is_server_error()
}

impl Web {
    /// A search engine that is asked like this.
    ///
    /// # Errors
    /// As [`WebSettings::check`], and when the environment variable of the key is not set, or empty.
    pub fn new(settings: WebSettings) -> Result<Self, RetrieveError> {
        settings.check()?;
        let key = |name: &String| {
            let key = std::env::var(name).ok().filter(|key| !key.trim().is_empty());
            let problem = || format!("{name} is not set in the environment");
            key.ok_or_else(|| wrong("key_variable", &problem()))
        };
        let key = settings.key_variable.as_ref().map(key).transpose()?;
        let agent = staying(Duration::from_secs_f64(settings.call_seconds));
        let pages = settings.pages.clone().map(Pages::new);
        Ok(Self { settings, agent, key, pages })
    }

    /// What became of the pages behind results so far; nothing where none are opened.
    pub fn opened(&self) -> Opened {
        self.pages.as_ref().map(Pages::opened).unwrap_or_default()
    }

    fn call(&self, filled: &Filled) -> Result<Vec<u8>, Failed> {
        let url = &self.settings.url;
        let params = || filled.params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut headers = filled.headers.iter();
        let sent = match &filled.body {
            None => {
                let call = self.agent.get(url).query_pairs(params());
                headers.fold(call, |call, (name, value)| call.header(name, value)).call()
            }
            Some(body) => {
                let call = self.agent.post(url).query_pairs(params());
                let call = call.header("content-type", "application/json");
                let call =
                    headers.by_ref().fold(call, |call, (name, value)| call.header(name, value));
                call.send(body.to_string().as_bytes())
            }
        };
        let lost = |error: &ureq::Error| Failed {
            why: format!("{url}: {}", self.told(&error.to_string())),
            in_passing: is_passing(error),
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
        let said = self.told(&String::from_utf8_lossy(&body));
        let why = format!("{}: {status}: {said}", self.settings.url);
        Err(Failed { why, in_passing: may_pass(status) })
    }

    /// What others say, in an error: short, without the key, and without what a terminal would obey.
    fn told(&self, text: &str) -> String {
        let mut text = text.trim().to_owned();
        // As it is, and as it stands in an address, by two encoders.
        for key in self
            .key
            .iter()
            .flat_map(|key| [key.clone(), encoded(key, "-._~!()*"), encoded(key, "-._~")])
        {
            text = text.replace(&key, "...");
        }
        // Cut when all of it is hidden, or half a key might stay.
        visible(&text).chars().take(SHOWN).collect()
    }

    fn found(&self, body: &[u8], most: usize) -> Result<Vec<Passage>, String> {
        let WebSettings { url, results, id, place, texts, .. } = &self.settings;
        let answer: Value = serde_json::from_slice(body)
            .map_err(|error| format!("{url}: the answer is no JSON: {error}"))?;
        let list = match answer.pointer(results) {
            Some(Value::Array(list)) => list,
            None if self.settings.results_may_lack => return Ok(Vec::new()),
            _ => {
                let names = answer.as_object().map(|fields| {
                    fields.keys().take(12).map(String::as_str).collect::<Vec<_>>().join(", ")
                });
                let names = self.told(names.as_deref().unwrap_or("no object"));
                return Err(format!(
                    "{url}: no list of results at {results:?}; the answer has {names}"
                ));
            }
        };
        let passages = || list.iter().filter_map(|result| self.settings.passage(result));
        if passages().next().is_none() && !list.is_empty() {
            let name = if id.is_empty() { place } else { id };
            let (count, texts) = (list.len(), texts.join(", "));
            return Err(format!(
                "{url}: none of {count} results has a name at {name:?} and words at {texts}"
            ));
        }
        Ok(passages().take(most).collect())
    }
}

/// A text as it stands in an address; letters, digits and what is kept stay as they are.
fn encoded(text: &str, kept: &str) -> String {
    let byte = |byte: u8| {
        let stays = byte.is_ascii_alphanumeric() || kept.bytes().any(|kept| kept == byte);
        if stays { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(byte).collect()
}

impl Retriever for Web {
    fn search(&self, query: &str, most: usize) -> Result<Vec<Passage>, BoxError> {
        let filled = self.settings.filled(&Asked { query, most, key: self.key.as_deref() })?;
        let (mut pause, mut attempts) = (self.settings.pause_seconds, 1);
        loop {
            match self.call(&filled) {
                Ok(body) => {
                    let found = self.found(&body, most)?;
                    return Ok(match &self.pages {
                        Some(pages) => pages.open(found, query, most),
                        None => found,
                    });
                }
                Err(failed) if failed.in_passing && attempts < self.settings.attempts => {
                    std::thread::sleep(Duration::from_secs_f64(pause.min(86_400.0)));
                    (pause, attempts) = (2.0 * pause, attempts + 1);
                }
                Err(failed) => return Err(failed.why.into()),
            }
        }
    }

    /// How it is asked; what it finds is another thing tomorrow.
    fn identity(&self) -> Option<String> {
        let settings = serde_json::to_string(&self.settings.deciding()).ok()?;
        Some(format!("web search {:016x}", tts_core::seed::hash_text(0, &settings)))
    }
}
