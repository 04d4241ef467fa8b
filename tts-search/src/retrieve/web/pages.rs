//! Pages behind the results of a search engine: fetched within bounds, read, and cut into passages.
//!
//! Every page that is opened gives its passages in place of the engine's few words: first the best of each page, in the
//! engine's order, then the second best. A page that fails keeps what the engine said of it, and why is told
//! ([`Opened`]); so does one that says nothing of what is looked for. Pages of a search are fetched at the same time, each within
//! limits of bytes, seconds and redirects; a page that was opened before is not fetched again. Text and web pages that
//! are longer are cut, a PDF has to be whole. Only addresses of the open internet are asked, unless
//! [`PageSettings::private`] says otherwise, see [`super::address`]; without it no proxy is used, for it would resolve names
//! on its own.
//!
//! What a page says is data, whatever it says: see [`crate::retrieve::fenced`].
//!
//! Source: Nakano et al. 2021, "`WebGPT`" (arXiv 2112.09332), section 2, for search results that are opened.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::Agent;

use super::charset;
use crate::agent::visiting;
use crate::retrieve::reading::{self, Form};
use crate::retrieve::{Cut, Document, Memory, Passage, RetrieveError, Retriever as _, visible};

/// Characters of what others say, in a reason.
const SHOWN: usize = 200;

/// Pages that are kept, at most: each may be as long as [`PageSettings::bytes`].
const KEPT: usize = 64;

/// Reasons that are told, at most.
const TOLD: usize = 256;

/// What is asked for.
const ACCEPT: &str = "text/html, application/xhtml+xml, text/plain;q=0.9, application/pdf;q=0.8";

/// How pages behind results are opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PageSettings {
    /// Pages of a search, at most: those of its first results.
    pub most: usize,
    /// Bytes of a page, at most.
    pub bytes: u64,
    /// Seconds for a page, with all that it is sent elsewhere.
    pub seconds: f64,
    /// How often it may be sent elsewhere.
    pub redirects: u32,
    /// Whether addresses of this machine and of private networks are opened, too.
    pub private: bool,
    /// How pages are cut into passages.
    pub cut: Cut,
}

impl Default for PageSettings {
    /// Five pages of 2 MB, 10 seconds each, 5 redirects, of the open internet alone.
    fn default() -> Self {
        Self {
            most: 5,
            bytes: 2 << 20,
            seconds: 10.0,
            redirects: 5,
            private: false,
            cut: Cut::default(),
        }
    }
}

impl PageSettings {
    /// # Errors
    /// A sentence that names the field.
    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=64).contains(&self.most) {
            return Err(format!("most is {}, expected 1 to 64 pages", self.most));
        }
        if !(1_024..=1 << 30).contains(&self.bytes) {
            return Err(format!("bytes is {}, expected 1024 to {}", self.bytes, 1 << 30));
        }
        if !(0.001..=3_600.0).contains(&self.seconds) {
            return Err(format!("seconds is {}, expected 0.001 to 3600", self.seconds));
        }
        if self.redirects > 20 {
            return Err(format!("redirects is {}, expected at most 20", self.redirects));
        }
        self.cut.check().map_err(|problem| format!("cut.{problem}"))
    }
}

/// What became of the pages behind results.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// Pages that were read.
    pub pages: usize,
    /// Bytes of them.
    pub bytes: u64,
    /// Pages that were not, by address, and why: of those a model was shown what the engine said.
    pub failed: BTreeMap<String, String>,
}

/// A page that was fetched: its passages, or why there are none.
type Page = Arc<Result<Vec<Passage>, String>>;

/// Opens pages.
#[derive(Debug)]
pub(super) struct Pages {
    settings: PageSettings,
    agent: Agent,
    known: Mutex<BTreeMap<String, Page>>,
    opened: Mutex<Opened>,
}

/// What a panic of another thread left is whole: nothing here panics between two changes.
fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What others say, short, and without what a terminal would obey.
fn told(text: &str) -> String {
    visible(text).replace('\n', " ").chars().take(SHOWN).collect()
}

/// An address of letters that an address may have; what it leads to stays the same.
fn plain(place: &str) -> String {
    let byte = |byte: u8| match byte {
        b'!'..=b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    place.bytes().map(byte).collect()
}

/// What a page is read as, by what the server says that it is; a reason where it is not read.
fn form(content: &str) -> Result<Form, String> {
    let kind = content.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/html" => Ok(Form::Html),
        "application/xhtml+xml" => Ok(Form::Xhtml),
        "text/plain" => Ok(Form::Text),
        #[cfg(feature = "pdf")]
        "application/pdf" => Ok(Form::Pdf),
        "" => Err("the server does not say what it is".to_owned()),
        other => Err(format!("it is {}, which is not read", told(other))),
    }
}

/// Whether a form is characters, of which the first ones can be read alone.
fn is_text(form: Form) -> bool {
    matches!(form, Form::Text | Form::Markdown | Form::Html | Form::Xhtml)
}

impl Pages {
    pub(super) fn new(settings: PageSettings) -> Self {
        let whole = Duration::from_secs_f64(settings.seconds);
        let agent = visiting(whole, settings.redirects, settings.private);
        Self { settings, agent, known: Mutex::default(), opened: Mutex::default() }
    }

    /// What became of all pages so far.
    pub(super) fn opened(&self) -> Opened {
        locked(&self.opened).clone()
    }

    /// Passages of the pages behind these results, at most so many; of a page that says nothing of the query, or cannot be
    /// read, the result as it is.
    pub(super) fn open(&self, found: Vec<Passage>, query: &str, most: usize) -> Vec<Passage> {
        let opened: Vec<Page> = std::thread::scope(|scope| {
            let page = |result| {
                let thread = std::thread::Builder::new().name("page".into());
                thread.spawn_scoped(scope, move || self.page(result))
            };
            let running: Vec<_> = found.iter().take(self.settings.most).map(page).collect();
            let waited =
                running.into_iter().map(|thread| match thread.map(ScopedJoinHandle::join) {
                    Ok(Ok(page)) => page,
                    Ok(Err(_)) => Arc::new(Err("reading it panicked".to_owned())),
                    Err(error) => Arc::new(Err(format!("no thread to read it: {error}"))),
                });
            waited.collect()
        });
        let own = |(place, result): (usize, Passage)| {
            let passages = opened.get(place).and_then(|page| (**page).as_ref().ok());
            let memory = Memory::new(passages.cloned().unwrap_or_default());
            let mut best = memory.search(query, most).unwrap_or_default();
            for passage in &mut best {
                passage.score = result.score;
            }
            if best.is_empty() { vec![result] } else { best }
        };
        let ranked: Vec<Vec<Passage>> = found.into_iter().enumerate().map(own).collect();
        let turn = |n: usize| ranked.iter().filter_map(move |own| own.get(n).cloned());
        (0..most).flat_map(turn).take(most).collect()
    }

    /// The page behind a result, if it was opened before as it was then.
    fn page(&self, result: &Passage) -> Page {
        if let Some(page) = locked(&self.known).get(&result.place) {
            return Arc::clone(page);
        }
        let read = self.read(result);
        let mut opened = locked(&self.opened);
        match &read {
            Ok((_, bytes)) => {
                opened.pages += 1;
                opened.bytes += bytes;
            }
            Err(why) if opened.failed.len() < TOLD => {
                opened.failed.insert(result.place.clone(), why.clone());
            }
            Err(_) => {}
        }
        drop(opened);
        let page: Page = Arc::new(read.map(|(passages, _)| passages));
        let mut known = locked(&self.known);
        if known.len() < KEPT {
            known.insert(result.place.clone(), Arc::clone(&page));
        }
        page
    }

    /// Fetches and reads the page behind a result: its passages, and how many bytes it had.
    fn read(&self, result: &Passage) -> Result<(Vec<Passage>, u64), String> {
        let (form, told, bytes) = self.fetch(&result.place)?;
        let size = bytes.len() as u64;
        let bytes = if is_text(form) { charset::text(&bytes, told)?.into_bytes() } else { bytes };
        let documents = reading::documents(&result.id, Path::new(&result.place), form, bytes);
        let documents = documents.map_err(RetrieveError::reason)?;
        if reading::is_wordless(&documents) {
            return Err(reading::WORDLESS.to_owned());
        }
        let named = |document: Document| {
            // Of a PDF each page has its number in its title.
            let paged = document.id != result.id;
            let title = match (result.title.trim().is_empty(), paged) {
                (false, false) => result.title.clone(),
                _ => document.title,
            };
            Document { title, place: result.place.clone(), ..document }
        };
        let cut = |document| self.settings.cut.passages(&named(document));
        Ok((documents.into_iter().flat_map(cut).collect(), size))
    }

    /// What a server answers: what it is read as, the charset that is named, and its bytes, cut where there are too many.
    fn fetch(&self, place: &str) -> Result<(Form, Option<String>, Vec<u8>), String> {
        let scheme = place.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if !scheme.is_some_and(|scheme| ["http", "https"].contains(&scheme.as_str())) {
            return Err("no address of http or https".to_owned());
        }
        let call = self.agent.get(plain(place)).header("accept", ACCEPT);
        let mut answer = call.call().map_err(|error| told(&error.to_string()))?;
        if !answer.status().is_success() {
            return Err(answer.status().to_string());
        }
        let header = |name: &str| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let packed = header("content-encoding");
        if !["", "identity"].contains(&packed.trim()) {
            return Err(format!("it is packed as {}, which was not asked for", told(&packed)));
        }
        let content = header("content-type");
        let form = form(&content)?;
        let most = self.settings.bytes;
        let (mut bytes, body) = (Vec::new(), answer.body_mut().as_reader());
        let read = body.take(most + 1).read_to_end(&mut bytes);
        read.map_err(|error| told(&error.to_string()))?;
        let long = bytes.len() as u64 > most;
        if long && !is_text(form) {
            return Err(format!("it has more than {most} bytes, and cannot be read in part"));
        }
        if long {
            // The bound is that of a vector of bytes.
            bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        }
        Ok((form, charset::named(&content), bytes))
    }
}
