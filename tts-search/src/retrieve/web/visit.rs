//! One page of strangers: fetched, read and cut into passages, within bounds.
//!
//! All of it is to end within the seconds of a page; what is read has at most so many bytes, and passages take at most
//! four times as many: of a page that is made to have more of them, those are the first. Text and web pages that are longer
//! are cut, a PDF has to be whole.
//!
//! A PDF is read by foreign code on a thread of this program, and a file may be made to end it, see
//! [`PageSettings::pdf`].
//!
//! Source: none.

use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use ureq::Agent;

use super::{Failed, PageSettings, charset, is_passing, may_pass};
use crate::agent::visiting;
use crate::retrieve::document;
use crate::retrieve::reading::{self, Form};
use crate::retrieve::{Document, Memory, Passage, RetrieveError, visible};

/// Characters of what others say, in a reason.
const SHOWN: usize = 200;

/// Characters of a title, at most.
const TITLE: usize = 200;

/// Bytes of an address, at most: no server takes more.
const ADDRESS: usize = 8_192;

/// What is asked for.
const ACCEPT: &str = "text/html, application/xhtml+xml, text/plain;q=0.9";

/// A page that was read.
#[derive(Debug)]
pub(super) struct Read {
    /// Its passages: they have no place, and ids without the name of the page.
    pub(super) memory: Memory,
    /// Bytes of the page.
    pub(super) bytes: u64,
    /// Bytes of the passages.
    pub(super) kept: usize,
}

/// Opens pages.
#[derive(Debug)]
pub(super) struct Visitor {
    settings: PageSettings,
    agent: Agent,
}

/// What a server answers.
struct Fetched {
    form: Form,
    /// The charset that it names.
    told: Option<String>,
    /// Cut where there are too many.
    bytes: Vec<u8>,
}

/// What stays as it is.
impl From<String> for Failed {
    fn from(why: String) -> Self {
        Self { why, in_passing: false }
    }
}

/// What others say, short, and without what a terminal would obey.
pub(super) fn told(text: &str) -> String {
    visible(text).replace('\n', " ").chars().take(SHOWN).collect()
}

/// An address of letters that an address may have; what it leads to stays the same.
fn plain(place: &str) -> Result<String, String> {
    let scheme = place.split_once("://").map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    let (_, rest) = scheme
        .filter(|(scheme, _)| ["http", "https"].contains(&scheme.as_str()))
        .ok_or_else(|| "no address of http or https".to_owned())?;
    if place.len() > ADDRESS {
        return Err(format!("its address has more than {ADDRESS} bytes"));
    }
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (before, path) = place.split_at(place.len() - rest.len() + host);
    if !before.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("its host has other letters than a-z: expected its name as xn--".to_owned());
    }
    let byte = |byte: u8| match byte {
        b'!'..=b'~' if !b"<>`".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    Ok(before.to_owned() + &path.bytes().map(byte).collect::<String>())
}

/// What a page is read as, by what the server says that it is; a reason where it is not read.
fn form(content: &str, pdf: bool) -> Result<Form, String> {
    let kind = content.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/html" => Ok(Form::Html),
        "application/xhtml+xml" => Ok(Form::Xhtml),
        "text/plain" => Ok(Form::Text),
        #[cfg(feature = "pdf")]
        "application/pdf" if pdf => Ok(Form::Pdf),
        "application/pdf" if !pdf => {
            Err("it is application/pdf, which is read where `pdf` says so".to_owned())
        }
        "" => Err("the server does not say what it is".to_owned()),
        other => Err(format!("it is {}, which is not read", told(other))),
    }
}

/// Whether a form is characters, of which the first ones can be read alone.
fn is_text(form: Form) -> bool {
    matches!(form, Form::Text | Form::Markdown | Form::Html | Form::Xhtml)
}

fn is_markup(form: Form) -> bool {
    matches!(form, Form::Html | Form::Xhtml)
}

/// The passages of documents that are one page, by its own title unless it has another, and how many bytes they take.
fn passages(
    settings: &PageSettings,
    documents: Vec<Document>,
    title: &str,
) -> (Vec<Passage>, usize) {
    let short = |title: &str| title.chars().take(TITLE).collect::<String>();
    let most = usize::try_from(settings.bytes).unwrap_or(usize::MAX).saturating_mul(4);
    let (mut all, mut kept) = (Vec::new(), 0);
    for document in documents {
        // Of a PDF each page has its number in its title.
        let own = title.trim().is_empty() || !document.id.is_empty();
        let title = short(if own { &document.title } else { title });
        let document = Document { title, place: String::new(), ..document };
        let found = settings.cut.passages_within(&document, most - kept);
        kept += found.iter().map(document::bytes).sum::<usize>();
        all.extend(found);
    }
    (all, kept)
}

impl Visitor {
    pub(super) fn new(settings: PageSettings) -> Self {
        let whole = Duration::from_secs_f64(settings.seconds);
        let agent = visiting(whole, settings.redirects, settings.private);
        Self { settings, agent }
    }

    /// Fetches and reads the page at an address; `title` is what it is called elsewhere.
    pub(super) fn read(&self, place: &str, title: &str) -> Result<Read, Failed> {
        let until = Instant::now() + Duration::from_secs_f64(self.settings.seconds);
        let Fetched { form, told, bytes } = self.fetch(place)?;
        let size = bytes.len() as u64;
        let bytes = if is_text(form) {
            charset::text(&bytes, told, is_markup(form))?.into_bytes()
        } else {
            bytes
        };
        let documents = documents(Path::new(place), form, bytes, until);
        let documents = documents.map_err(RetrieveError::reason)?;
        if reading::is_wordless(&documents) {
            return Err(reading::WORDLESS.to_owned().into());
        }
        let (passages, kept) = passages(&self.settings, documents, title);
        Ok(Read { memory: Memory::new(passages), bytes: size, kept })
    }

    fn fetch(&self, place: &str) -> Result<Fetched, Failed> {
        let PageSettings { bytes: most, pdf, .. } = self.settings;
        let accept = if pdf { format!("{ACCEPT}, application/pdf;q=0.8") } else { ACCEPT.into() };
        let mut answer =
            self.agent.get(plain(place)?).header("accept", accept).call().map_err(|error| {
                Failed { why: told(&error.to_string()), in_passing: is_passing(&error) }
            })?;
        let status = answer.status();
        if !status.is_success() {
            return Err(Failed { why: status.to_string(), in_passing: may_pass(status) });
        }
        let header = |name: &str| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let packed = header("content-encoding");
        if !["", "identity"].contains(&packed.trim()) {
            let packed = told(&packed);
            return Err(format!("it is packed as {packed}, which was not asked for").into());
        }
        let content = header("content-type");
        let form = form(&content, pdf)?;
        let (mut bytes, body) = (Vec::new(), answer.body_mut().as_reader());
        let read = body.take(most + 1).read_to_end(&mut bytes);
        read.map_err(|error| Failed { why: told(&error.to_string()), in_passing: true })?;
        let long = bytes.len() as u64 > most;
        if long && !is_text(form) {
            let problem = format!("it has more than {most} bytes, and cannot be read in part");
            return Err(problem.into());
        }
        if long {
            // The bound is that of a vector of bytes.
            bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        }
        Ok(Fetched { form, told: charset::named(&content), bytes })
    }
}

/// The documents of a page; a PDF is given up at that time.
#[cfg_attr(
    not(feature = "pdf"),
    expect(unused_variables, reason = "nothing else takes long for its bytes")
)]
fn documents(
    place: &Path,
    form: Form,
    bytes: Vec<u8>,
    until: Instant,
) -> Result<Vec<Document>, RetrieveError> {
    match form {
        #[cfg(feature = "pdf")]
        Form::Pdf => {
            let left = until.saturating_duration_since(Instant::now());
            reading::paper("", place, bytes, left)
        }
        form => reading::documents("", place, form, bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_in_letters_that_they_may_have() {
        for (place, expected) in [
            ("http://a.example/x y?q=é#<z>", Ok("http://a.example/x%20y?q=%C3%A9#%3Cz%3E")),
            ("HTTPS://a.example?`=1", Ok("HTTPS://a.example?%60=1")),
            ("http://[::1]:8/%20", Ok("http://[::1]:8/%20")),
            ("http://a.example", Ok("http://a.example")),
            ("http://bücher.example/é", Err("its host has other letters")),
            ("http://a b/", Err("its host has other letters")),
            ("ftp://a.example/", Err("no address of http or https")),
            ("a.example", Err("no address of http or https")),
        ] {
            match (plain(place), expected) {
                (Ok(plain), Ok(expected)) => assert_eq!(plain, expected),
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{why}"),
                (plain, _) => panic!("{place}: {plain:?}, expected {expected:?}"),
            }
        }
        let long = format!("http://a.example/{}", "x".repeat(ADDRESS));
        assert!(plain(&long).is_err_and(|why| why.contains("more than 8192 bytes")));
    }

    #[test]
    fn passages_take_no_more_than_four_times_the_bytes_of_a_page() {
        let settings = PageSettings { bytes: 1 << 16, ..PageSettings::default() };
        let words = "x".repeat(190);
        let deep = ["<h1>", "<h2>", "<h3>", "<h4>", "<h5>"].join(&words) + &words;
        let long = "t".repeat(100_000);
        let page = format!("<title>{long}</title>{deep}{}", "<h6>a</h6>b".repeat(5_000));
        let documents = || {
            let read = reading::documents("", Path::new("a"), Form::Html, page.clone().into());
            read.expect("reads")
        };
        let (all, kept) = passages(&settings, documents(), "");
        assert_eq!(kept, all.iter().map(document::bytes).sum::<usize>());
        assert!(all.len() > 50 && kept <= 4 << 16, "{} {kept}", all.len());
        assert!(all.iter().all(|passage| passage.title.len() < 2_000));
        // Another title is not longer, and all pages of a paper share the room.
        let titled = Document { title: long.clone(), ..documents().remove(0) };
        let both = vec![titled.clone(), Document { id: "/page 2".into(), ..titled }];
        let (all, kept) = passages(&settings, both, &long);
        assert!(all.len() > 50 && kept <= 4 << 16, "{} {kept}", all.len());
        assert!(all.iter().all(|passage| passage.title.len() < 2_000));
    }
}
