//! Files of a folder as documents.
//!
//! Read are text (`.txt`, `.text`), Markdown (`.md`, `.markdown`), web pages (`.html`, `.htm`, `.xhtml`), and files of records
//! in any form of [`tts_core::rows`] (`.jsonl`, `.ndjson`, `.csv`, `.tsv`; `.parquet` with the feature `parquet`). A record is a document
//! of its own: its text is its field `text`, `contents`, `content`, `body`, `passage` or `paragraph`, its name `id`, `_id` or
//! `docid`, else its place. Hidden files and links are passed over, so that nothing runs in a circle.
//!
//! Source: none; field names as in BEIR and Pyserini.

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
    /// Files that cannot be read, and why.
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
                let found = documents(&name(root, &path), &path, form, &bytes);
                found.map_err(RetrieveError::reason)
            });
            match documents {
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
    Html,
    Records,
}

/// What a file is, by its ending; a sentence for one that users expect to be read, nothing for others.
pub(super) fn form(path: &Path) -> Result<Form, Option<&'static str>> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "txt" | "text" | "md" | "markdown" => Ok(Form::Text),
        "html" | "htm" | "xhtml" => Ok(Form::Html),
        "jsonl" | "ndjson" | "csv" | "tsv" | "parquet" => Ok(Form::Records),
        "pdf" => Err(Some("PDF is not read: make text of it first, by pdftotext say")),
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
pub(super) fn documents(
    name: &str,
    path: &Path,
    form: Form,
    bytes: &[u8],
) -> Result<Vec<Document>, RetrieveError> {
    let bad = |problem: String| RetrieveError::File { path: path.to_owned(), problem };
    let place = path.display().to_string();
    let id = name.to_owned();
    let called = path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
    match form {
        Form::Text => {
            let text = rows::decode(bytes).map_err(|error| bad(error.to_string()))?.into_owned();
            Ok(vec![Document { id, title: called, text, place }])
        }
        Form::Html => {
            let page = rows::decode(bytes).map_err(|error| bad(error.to_string()))?;
            let (title, text) = html::text(&page);
            let title = if title.is_empty() { called } else { title };
            Ok(vec![Document { id, title, text, place }])
        }
        Form::Records => {
            let rows = rows::parse(bytes).map_err(|error| bad(error.to_string()))?;
            let document = |(number, row): (usize, &rows::Row)| {
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
                let own = field(&IDS)?.unwrap_or_else(|| number.to_string());
                let (title, place) =
                    (field(&["title"])?, field(&PLACES)?.unwrap_or_else(|| place.clone()));
                Ok(Document {
                    id: format!("{name}/{own}"),
                    title: title.unwrap_or_default(),
                    text,
                    place,
                })
            };
            (1..).zip(&rows).map(document).collect()
        }
    }
}
