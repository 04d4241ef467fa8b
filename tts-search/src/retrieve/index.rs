//! A full-text index of documents, on disk or in memory: BM25 over title and text, by Tantivy.
//!
//! [`Index::update`] reads a folder ([what it reads](super)) and touches only files that are new, changed or gone, by a digest of
//! their bytes. What the index knows of files is committed with it, so an update that was killed is made good by
//! the next, and one that failed has changed nothing. Words are in lower case, and in English reduced to their stems; queries are words, never a query language, so
//! nothing in them can be an error. Equals are told by their ids.
//!
//! Source: Robertson and Zaragoza 2009 for BM25 (k1 = 1.2, b = 0.75); Porter 2001, "Snowball", for the stems.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tantivy::collector::{DocSetCollector, TopDocs};
use tantivy::query::{AllQuery, BooleanQuery, BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::{
    Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions, Value as _,
};
use tantivy::tokenizer::{Language, LowerCaser, RemoveLongFilter, Stemmer, TextAnalyzer};
use tantivy::{IndexReader, IndexWriter, TantivyDocument, TantivyError, Term};
use tts_core::{BoxError, seed};

use super::reading;
use super::tokens::Words;
use super::{Cut, Document, Passage, RetrieveError, Retriever, Vectors};

/// How an index is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IndexSettings {
    /// How documents are cut into passages.
    pub cut: Cut,
    /// Whether words are reduced to their English stems.
    pub stems: bool,
    /// How much more a word of the title counts than one of the text.
    pub title: f32,
    /// Bytes of memory while documents are added; at least 15 million.
    pub memory: usize,
}

impl Default for IndexSettings {
    /// Passages of 1,000 characters, English stems, titles half as much again, 64 MB.
    fn default() -> Self {
        Self { cut: Cut::default(), stems: true, title: 1.5, memory: 64_000_000 }
    }
}

impl IndexSettings {
    /// # Errors
    /// A sentence that names the field.
    pub fn check(&self) -> Result<(), String> {
        self.cut.check().map_err(|problem| format!("index: cut: {problem}"))?;
        if !(self.title.is_finite() && self.title >= 0.0) {
            return Err(format!("index: title is {}, expected a number of at least 0", self.title));
        }
        if self.memory < 15_000_000 {
            return Err(format!(
                "index: memory is {}, expected at least 15000000 bytes",
                self.memory
            ));
        }
        Ok(())
    }
}

/// What an index was made of, and how: kept with it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Manifest {
    settings: IndexSettings,
    /// Names of files with the digests of their bytes.
    files: BTreeMap<String, u64>,
}

/// What an update did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Updated {
    /// Files that were new or had changed.
    pub read: usize,
    /// Files that were as before.
    pub same: usize,
    /// Files that are gone.
    pub gone: usize,
    /// Passages that were added.
    pub passages: usize,
    /// Files that cannot be read, and why; they are not in the index.
    pub skipped: Vec<(PathBuf, String)>,
}

#[derive(Clone, Copy)]
struct Fields {
    /// The file, by which its passages are taken out.
    file: Field,
    id: Field,
    title: Field,
    text: Field,
    place: Field,
}

/// A full-text index of documents, on disk or in memory: BM25 over title and text.
///
/// ```
/// use tts_search::retrieve::{Document, Index, IndexSettings, Retriever};
/// let index = Index::in_memory(IndexSettings::default())?;
/// let document = |id: &str, text: &str| Document { id: id.into(), text: text.into(), ..Document::default() };
/// index.add([document("a", "Rivers of the north."), document("b", "Lakes of the south.")])?;
/// assert_eq!(index.search("a northern river?", 5)?[0].id, "a#1");
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub struct Index {
    engine: tantivy::Index,
    reader: IndexReader,
    fields: Fields,
    settings: IndexSettings,
    folder: Option<PathBuf>,
    manifest: Mutex<Manifest>,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index")
            .field("folder", &self.folder)
            .field("passages", &self.len())
            .finish_non_exhaustive()
    }
}

fn engine(error: &TantivyError) -> RetrieveError {
    RetrieveError::Engine(error.to_string())
}

/// Where the engine says what the index is.
const META: &str = "meta.json";

/// Named anew whenever words are told apart in another way, so that an index of another way is refused.
const WORDS: &str = "words-2";

fn schema() -> (Schema, Fields) {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(WORDS)
        .set_index_option(IndexRecordOption::WithFreqs);
    let words = TextOptions::default().set_indexing_options(indexing).set_stored();
    let mut schema = Schema::builder();
    let fields = Fields {
        file: schema.add_text_field("file", STRING),
        id: schema.add_text_field("id", STRING | STORED),
        title: schema.add_text_field("title", words.clone()),
        text: schema.add_text_field("text", words),
        place: schema.add_text_field("place", STORED),
    };
    (schema.build(), fields)
}

fn analyzer(settings: &IndexSettings) -> TextAnalyzer {
    let words = TextAnalyzer::builder(Words).filter(RemoveLongFilter::limit(80)).filter(LowerCaser);
    if settings.stems {
        words.filter(Stemmer::new(Language::English)).build()
    } else {
        words.build()
    }
}

impl Index {
    /// An index that ends with the program.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn in_memory(settings: IndexSettings) -> Result<Self, RetrieveError> {
        settings.check().map_err(RetrieveError::Settings)?;
        let (schema, fields) = schema();
        Self::over(tantivy::Index::create_in_ram(schema), fields, settings, None)
    }

    /// The index in a folder, which is made if it is not there. Beside it may lie a [file of vectors](super::Vectors::FILE),
    /// and stay there when the index is made anew: remove all else.
    ///
    /// # Errors
    /// When the folder cannot be read or written, holds no index of this library, one that was made with
    /// other settings, or other files without an index.
    pub fn on_disk(
        folder: impl AsRef<Path>,
        settings: IndexSettings,
    ) -> Result<Self, RetrieveError> {
        settings.check().map_err(RetrieveError::Settings)?;
        let folder = folder.as_ref();
        let io = |source| RetrieveError::Io { path: folder.to_owned(), source };
        let bad = |problem: String| RetrieveError::File { path: folder.to_owned(), problem };
        std::fs::create_dir_all(folder).map_err(io)?;
        let (schema, fields) = schema();
        let opened = if folder.join(META).exists() {
            tantivy::Index::open_in_dir(folder)
        } else {
            // A folder of documents that was meant for something else is not written into.
            for entry in std::fs::read_dir(folder).map_err(io)? {
                let name = entry.map_err(io)?.file_name();
                let name = name.to_string_lossy();
                if name != Vectors::FILE && !name.starts_with('.') {
                    let problem = format!(
                        "no index: there is no {META} in it, but {name}; expected an index or an empty folder, where \
                         nothing but {} may lie",
                        Vectors::FILE
                    );
                    return Err(bad(problem));
                }
            }
            tantivy::Index::create_in_dir(folder, schema.clone())
        };
        let opened = opened.map_err(|error| bad(format!("no index: {error}")))?;
        if opened.schema() != schema {
            return Err(bad(format!(
                "an index of another program, or of another version of this one: make it anew by removing all but {} \
                     from the folder",
                Vectors::FILE
            )));
        }
        Self::over(opened, fields, settings, Some(folder.to_owned()))
    }

    fn over(
        opened: tantivy::Index,
        fields: Fields,
        settings: IndexSettings,
        folder: Option<PathBuf>,
    ) -> Result<Self, RetrieveError> {
        opened.tokenizers().register(WORDS, analyzer(&settings));
        let payload = opened.load_metas().map_err(|error| engine(&error))?.payload;
        let made = payload.and_then(|payload| serde_json::from_str::<Manifest>(&payload).ok());
        let manifest =
            made.unwrap_or(Manifest { settings: settings.clone(), files: BTreeMap::new() });
        let how = |settings: &IndexSettings| (settings.cut, settings.stems);
        if let (Some(path), true) = (&folder, how(&manifest.settings) != how(&settings)) {
            let (cut, stems) = how(&manifest.settings);
            let problem = format!(
                "the index was made with cut.chars {} and stems {stems}, not {} and {}: use these, or make it anew by \
                 removing all but {} from the folder",
                cut.chars,
                settings.cut.chars,
                settings.stems,
                Vectors::FILE
            );
            return Err(RetrieveError::File { path: path.clone(), problem });
        }
        // Whoever adds something reloads.
        let reader =
            opened.reader_builder().reload_policy(tantivy::ReloadPolicy::Manual).try_into();
        let reader: IndexReader = reader.map_err(|error| engine(&error))?;
        Ok(Self {
            engine: opened,
            reader,
            fields,
            settings,
            folder,
            manifest: Mutex::new(manifest),
        })
    }

    /// Number of passages.
    pub fn len(&self) -> usize {
        usize::try_from(self.reader.searcher().num_docs()).unwrap_or(usize::MAX)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds documents; those of the same id are replaced.
    ///
    /// # Errors
    /// When the engine fails, or another program adds at the same time.
    pub fn add(&self, documents: impl IntoIterator<Item = Document>) -> Result<(), RetrieveError> {
        let mut kept = self.manifest();
        let mut manifest = kept.clone();
        let mut writer = self.writer()?;
        for document in documents {
            writer.delete_term(Term::from_field_text(self.fields.file, &document.id));
            let mut digest = seed::hash_text(0, &document.title);
            digest = seed::hash_text(digest, &document.text);
            digest = seed::mix(digest, u64::from(document.headings));
            manifest.files.insert(document.id.clone(), digest);
            self.put(&writer, &document.id, &document)?;
        }
        self.commit(&mut writer, &mut kept, manifest)
    }

    /// Brings the index up to date with a folder of documents, or a file of them. Files of the folder that are
    /// gone go from the index as well, and so does what was indexed from elsewhere.
    ///
    /// # Errors
    /// When the folder cannot be read, or the engine fails. A file that cannot be read is [skipped](Updated::skipped).
    pub fn update(&self, root: &Path) -> Result<Updated, RetrieveError> {
        let mut kept = self.manifest();
        // What is known of files changes with the index, or not at all.
        let mut manifest = Manifest { files: BTreeMap::new(), ..kept.clone() };
        let mut writer = self.writer()?;
        let mut updated = Updated::default();
        let mut left = kept.files.clone();
        for path in reading::files(root, self.folder.as_deref())? {
            let form = match reading::form(&path) {
                Ok(form) => form,
                Err(why) => {
                    updated.skipped.extend(why.map(|why| (path, why.to_owned())));
                    continue;
                }
            };
            let name = reading::name(root, &path);
            let bytes = match std::fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) => {
                    updated.skipped.push((path, error.to_string()));
                    continue;
                }
            };
            let digest = digest(&bytes);
            if left.get(&name) == Some(&digest) {
                left.remove(&name);
                manifest.files.insert(name, digest);
                updated.same += 1;
                continue;
            }
            match reading::documents(&name, &path, form, bytes) {
                Ok(documents) if reading::is_wordless(&documents) => {
                    updated.skipped.push((path, reading::WORDLESS.to_owned()));
                }
                Ok(documents) => {
                    left.remove(&name);
                    writer.delete_term(Term::from_field_text(self.fields.file, &name));
                    for document in &documents {
                        updated.passages += self.put(&writer, &name, document)?;
                    }
                    manifest.files.insert(name, digest);
                    updated.read += 1;
                }
                // What it held before goes with what is left.
                Err(error) => updated.skipped.push((path, error.reason())),
            }
        }
        for gone in left.keys() {
            writer.delete_term(Term::from_field_text(self.fields.file, gone));
            updated.gone += 1;
        }
        self.commit(&mut writer, &mut kept, manifest)?;
        Ok(updated)
    }

    /// All passages, in the order of their ids: what vectors are made of.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn passages(&self) -> Result<Vec<Passage>, RetrieveError> {
        let searcher = self.reader.searcher();
        let all = searcher.search(&AllQuery, &DocSetCollector).map_err(|error| engine(&error))?;
        let read = |address| searcher.doc(address).map(|document| self.passage(&document, 0.0));
        let read: Result<Vec<Passage>, TantivyError> = all.into_iter().map(read).collect();
        let mut passages = read.map_err(|error| engine(&error))?;
        passages.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(passages)
    }

    fn passage(&self, document: &TantivyDocument, score: f32) -> Passage {
        let field = |field| {
            let value = document.get_first(field).and_then(|value| value.as_str());
            value.unwrap_or_default().to_owned()
        };
        let Fields { id, title, text, place, .. } = self.fields;
        let (id, title, text, place) = (field(id), field(title), field(text), field(place));
        Passage { id, title, text, place, score: f64::from(score) }
    }

    fn manifest(&self) -> std::sync::MutexGuard<'_, Manifest> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> Result<IndexWriter, RetrieveError> {
        // One thread: passages get their places in the order in which they are added.
        let writer = self.engine.writer_with_num_threads(1, self.settings.memory);
        writer.map_err(|error| engine(&error))
    }

    /// Adds the passages of a document; how many there are.
    fn put(
        &self,
        writer: &IndexWriter,
        file: &str,
        document: &Document,
    ) -> Result<usize, RetrieveError> {
        let Fields { file: in_file, id, title, text, place } = self.fields;
        let passages = self.settings.cut.passages(document);
        for passage in &passages {
            let mut entry = TantivyDocument::default();
            let values = [
                (in_file, file),
                (id, &passage.id),
                (title, &passage.title),
                (text, &passage.text),
                (place, &passage.place),
            ];
            for (field, value) in values {
                entry.add_text(field, value);
            }
            writer.add_document(entry).map_err(|error| engine(&error))?;
        }
        Ok(passages.len())
    }

    /// Makes what was written last, with what is known of files.
    fn commit(
        &self,
        writer: &mut IndexWriter,
        kept: &mut Manifest,
        manifest: Manifest,
    ) -> Result<(), RetrieveError> {
        let payload = serde_json::to_string(&manifest).unwrap_or_default();
        let mut commit = writer.prepare_commit().map_err(|error| engine(&error))?;
        commit.set_payload(&payload);
        commit.commit().map_err(|error| engine(&error))?;
        *kept = manifest;
        self.forget(writer)?;
        self.reader.reload().map_err(|error| engine(&error))
    }

    /// Writes anew what has passages that were taken out: until then the engine counts them where it says how rare a word
    /// is, and an index would rank by what it once held.
    fn forget(&self, writer: &mut IndexWriter) -> Result<(), RetrieveError> {
        let segments = self.engine.searchable_segment_metas().map_err(|error| engine(&error))?;
        if segments.iter().all(|segment| segment.num_deleted_docs() == 0) {
            return Ok(());
        }
        let segments: Vec<_> = segments.iter().map(tantivy::SegmentMeta::id).collect();
        writer.merge(&segments).wait().map_err(|error| engine(&error))?;
        writer.garbage_collect_files().wait().map_err(|error| engine(&error))?;
        Ok(())
    }

    fn query(&self, query: &str) -> BooleanQuery {
        let mut words: Vec<String> = Vec::new();
        let mut analyzer = analyzer(&self.settings);
        analyzer.token_stream(query).process(&mut |token| words.push(token.text.clone()));
        words.sort_unstable();
        words.dedup();
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for word in &words {
            for (field, weight) in
                [(self.fields.text, 1.0), (self.fields.title, self.settings.title)]
            {
                let term = Term::from_field_text(field, word);
                let term = TermQuery::new(term, IndexRecordOption::WithFreqs);
                clauses.push((Occur::Should, Box::new(BoostQuery::new(Box::new(term), weight))));
            }
        }
        BooleanQuery::new(clauses)
    }
}

fn digest(bytes: &[u8]) -> u64 {
    seed::hash_bytes(bytes.len() as u64, bytes)
}

impl Retriever for Index {
    fn search(&self, query: &str, most: usize) -> Result<Vec<Passage>, BoxError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let searcher = self.reader.searcher();
        // A few more, so that equals at the end are told by their ids and not by where they lie.
        let top = TopDocs::with_limit(most.saturating_add(16)).order_by_score();
        let mut found = Vec::new();
        for (score, address) in searcher.search(&self.query(query), &top)? {
            found.push(self.passage(&searcher.doc(address)?, score));
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        found.truncate(most);
        Ok(found)
    }

    fn identity(&self) -> Option<String> {
        let manifest = self.manifest();
        let files = manifest.files.iter();
        let digest =
            files.fold(0, |digest, (name, file)| seed::mix(seed::hash_text(digest, name), *file));
        let IndexSettings { cut, stems, title, .. } = &self.settings;
        Some(format!(
            "index {digest:016x}, passages of {}, stems {stems}, title {title}",
            cut.chars
        ))
    }
}
