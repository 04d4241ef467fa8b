//! Files of a folder as documents.
//!
//! Read are text (`.txt`, `.text`), Markdown (`.md`, `.markdown`), web pages (`.html`, `.htm`, `.xhtml`), and files of records
//! in any form of [`tts_core::rows`] (`.jsonl`, `.ndjson`, `.csv`, `.tsv`; `.parquet` with the feature `parquet`). A record is a document
//! of its own: its text is its field `text`, `contents`, `content`, `body`, `passage` or `paragraph`, its name `id`, `_id` or
//! `docid`, else its place; of records of one name the second is `NAME~2`. With the feature `pdf` the pages of a PDF are documents of
//! their own, too. A file without words is said to be one. Hidden files and links are passed over, so that nothing runs in a circle.
//!
//! Source: none; field names as in BEIR and Pyserini.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tts_core::rows;

use super::html;
use super::{Document, RetrieveError};

const TEXTS: [&str; 6] = ["text", "contents", "content", "body", "passage", "paragraph"];
const IDS: [&str; 3] = ["id", "_id", "docid"];
const PLACES: [&str; 3] = ["url", "link", "place"];

/// The documents of a folder.
///
/// ```
/// use tts_search::retrieve::{Cut, Folder, Memory, Retriever};
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("rivers.md"), "The Mira is 31 km long.")?;
/// let read = Folder::read(folder.path())?;
/// let memory = Memory::of(&read.documents, Cut::default());
/// assert_eq!(memory.search("the Mira", 1)?[0].id, "rivers.md#1");
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folder {
    /// What was read, in the order of the files' names.
    pub documents: Vec<Document>,
    /// Files that cannot be read, or have no text, and why.
    pub skipped: Vec<(PathBuf, String)>,
}

impl Folder {
    /// Reads a folder with all below it, or one file.
    ///
    /// # Errors
    /// When the folder cannot be read. A file that cannot be is skipped.
    pub fn read(root: &Path) -> Result<Self, RetrieveError> {
        let mut read = Self::default();
        for path in files(root, None)? {
            let form = match form(&path) {
                Ok(form) => form,
                Err(why) => {
                    read.skipped.extend(why.map(|why| (path, why.to_owned())));
                    continue;
                }
            };
            let bytes = std::fs::read(&path).map_err(|error| error.to_string());
            let documents = bytes.and_then(|bytes| {
                let found = documents(&name(root, &path), &path, form, bytes);
                found.map_err(RetrieveError::reason)
            });
            match documents {
                Ok(documents) if is_wordless(&documents) => {
                    read.skipped.push((path, WORDLESS.to_owned()));
                }
                Ok(documents) => read.documents.extend(documents),
                Err(why) => read.skipped.push((path, why)),
            }
        }
        Ok(read)
    }
}

/// What a file is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Markdown,
    Html,
    Xhtml,
    Records,
    #[cfg(feature = "pdf")]
    Pdf,
}

/// What a file is, by its ending; a sentence for one that users expect to be read, nothing for others.
pub(super) fn form(path: &Path) -> Result<Form, Option<&'static str>> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "txt" | "text" => Ok(Form::Text),
        "md" | "markdown" => Ok(Form::Markdown),
        "html" | "htm" => Ok(Form::Html),
        "xhtml" => Ok(Form::Xhtml),
        "jsonl" | "ndjson" | "csv" | "tsv" | "parquet" => Ok(Form::Records),
        #[cfg(feature = "pdf")]
        "pdf" => Ok(Form::Pdf),
        #[cfg(not(feature = "pdf"))]
        "pdf" => Err(Some(
            "PDF is read with the feature `pdf`; without it make text of it first, by pdftotext say",
        )),
        "doc" | "docx" | "odt" | "epub" => Err(Some("not read: make text or HTML of it first")),
        _ => Err(None),
    }
}

/// All files below a folder, or the file itself, in the order of their names; `but` is left out with all below it.
pub(super) fn files(root: &Path, but: Option<&Path>) -> Result<Vec<PathBuf>, RetrieveError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| RetrieveError::Io { path, source }
    };
    if std::fs::metadata(root).map_err(io(root))?.is_file() {
        return Ok(vec![root.to_owned()]);
    }
    let but = but.and_then(|but| but.canonicalize().ok());
    let (mut out, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(io(&folder))? {
            let entry = entry.map_err(io(&folder))?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let (path, kind) = (entry.path(), entry.file_type().map_err(io(&folder))?);
            if kind.is_dir() && path.canonicalize().ok() != but {
                folders.push(path);
            } else if kind.is_file() {
                out.push(path);
            }
        }
    }
    out.sort();
    Ok(out)
}

/// The name of a file below its folder, by slashes whatever the system.
pub(super) fn name(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).ok().filter(|below| !below.as_os_str().is_empty());
    let own = || path.file_name().map_or(path, Path::new);
    let below = below.unwrap_or_else(own);
    let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// The documents of a file's bytes.
#[cfg_attr(
    not(feature = "pdf"),
    expect(clippy::needless_pass_by_value, reason = "a reader of PDF keeps them")
)]
pub(super) fn documents(
    name: &str,
    path: &Path,
    form: Form,
    bytes: Vec<u8>,
) -> Result<Vec<Document>, RetrieveError> {
    let bad = |problem: String| RetrieveError::File { path: path.to_owned(), problem };
    let place = path.display().to_string();
    let id = name.to_owned();
    let called = called(path);
    match form {
        Form::Text | Form::Markdown => {
            let text = rows::decode(&bytes).map_err(|error| bad(error.to_string()))?.into_owned();
            let headings = form == Form::Markdown;
            Ok(vec![Document { id, title: called, text, place, headings }])
        }
        Form::Html | Form::Xhtml => {
            let page = rows::decode(&bytes).map_err(|error| bad(error.to_string()))?;
            let xml = form == Form::Xhtml || page.trim_start().starts_with("<?xml");
            let (title, text) = html::text(&page, xml);
            let title = if title.is_empty() { called } else { title };
            Ok(vec![Document { id, title, text, place, headings: true }])
        }
        #[cfg(feature = "pdf")]
        Form::Pdf => paper(name, path, bytes, super::pdf::PATIENCE),
        Form::Records => {
            let rows = rows::parse(&bytes).map_err(|error| bad(error.to_string()))?;
            let mut given = HashMap::<String, usize>::new();
            let mut document = |(number, row): (usize, &rows::Row)| {
                let field = |names: &[&str]| {
                    let found = names.iter().find(|field| row.has(field));
                    found
                        .map_or(Ok(None), |field| row.text(field))
                        .map_err(|error| bad(error.to_string()))
                };
                let Some(text) = field(&TEXTS)? else {
                    let expected = TEXTS.join(", ");
                    return Err(bad(format!(
                        "record {number}: no text, expected one of {expected}"
                    )));
                };
                let own = field(&IDS)?.filter(|id| !id.trim().is_empty());
                let own = apart(&mut given, own.unwrap_or_else(|| number.to_string()));
                let (title, place) =
                    (field(&["title"])?, field(&PLACES)?.unwrap_or_else(|| place.clone()));
                Ok(Document {
                    id: format!("{name}/{own}"),
                    title: title.unwrap_or_default(),
                    text,
                    place,
                    headings: false,
                })
            };
            (1..).zip(&rows).map(&mut document).collect()
        }
    }
}

/// What a file without a title is called.
fn called(path: &Path) -> String {
    path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned())
}

/// The pages of a PDF, for which there is so much time.
#[cfg(feature = "pdf")]
pub(super) fn paper(
    name: &str,
    path: &Path,
    bytes: Vec<u8>,
    time: std::time::Duration,
) -> Result<Vec<Document>, RetrieveError> {
    let bad = |problem: String| RetrieveError::File { path: path.to_owned(), problem };
    let (called, place) = (called(path), path.display());
    let pages = super::pdf::pages(bytes, time).map_err(bad)?;
    let page = |(number, text): (usize, String)| Document {
        id: format!("{name}/page {number}"),
        title: format!("{called}, page {number}"),
        text,
        place: format!("{place}, page {number}"),
        headings: false,
    };
    Ok((1..).zip(pages).filter(|(_, text)| !text.is_empty()).map(page).collect())
}

/// A name that was given before is numbered: `r7`, `r7~2`, `r7~3`.
fn apart(given: &mut HashMap<String, usize>, name: String) -> String {
    let times = given.entry(name.clone()).or_insert(0);
    *times += 1;
    match *times {
        1 => name,
        // Whoever is called so already keeps the name.
        times => apart(given, format!("{name}~{times}")),
    }
}

/// Whether there is nothing in these documents that could be found.
pub(super) fn is_wordless(documents: &[Document]) -> bool {
    documents.iter().all(|document| !document.text.chars().any(char::is_alphanumeric))
}

/// What is said of a file without words.
pub(super) const WORDLESS: &str = "there is no text in it";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_files_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        let row = |id: &str, text: &str| format!("{{\"id\": \"{id}\", \"text\": \"{text}\"}}\n");
        file("r.jsonl", &[row("a", "1"), row("a", "2"), row("", "3"), row("a~2", "4")].concat());
        file("empty.txt", " \n");
        file("image.html", "<img src='x'>");
        file("tags.txt", "#ai is great");
        let read = Folder::read(folder.path()).expect("reads");
        let ids: Vec<&str> = read.documents.iter().map(|document| document.id.as_str()).collect();
        assert_eq!(ids, ["r.jsonl/a", "r.jsonl/a~2", "r.jsonl/3", "r.jsonl/a~2~2", "tags.txt"]);
        let skipped: Vec<String> = read
            .skipped
            .iter()
            .map(|(path, why)| format!("{}: {why}", name(folder.path(), path)))
            .collect();
        assert_eq!(
            skipped,
            ["empty.txt: there is no text in it", "image.html: there is no text in it"]
        );
    }
}
