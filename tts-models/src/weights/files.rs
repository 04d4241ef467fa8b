//! Where the files of a model come from: a folder or a file on disk, or memory.
//!
//! [`Files`] is a path together with where it leads. Readers ask it for files by name and cannot tell
//! the two places apart. Files in memory are looked up in their list alone: what lies on disk under the
//! same path is never read in their stead.

use std::fmt;
use std::fs::File;
use std::io::{Cursor, Error, ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ModelError;

/// What a file can be read from.
pub(super) trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// A file's name and what it holds.
type Named = (&'static str, &'static [u8]);

/// A file or folder of a model, on disk or in memory.
///
/// Whatever opens a model takes what becomes one: a path, or files that a program holds itself,
/// such as those of `include_bytes!`.
///
/// ```
/// use tts_models::{Files, ModelConfig};
/// let config = br#"{
///     "model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 16,
///     "num_hidden_layers": 1, "num_attention_heads": 2
/// }"#;
/// let files = Files::in_memory("tiny", &[("config.json", config)]);
/// assert_eq!(ModelConfig::from_json(files.join("config.json"))?.head_dim, 4);
/// let missing = ModelConfig::from_json(files.join("other.json")).unwrap_err();
/// assert_eq!(missing.to_string(), "tiny/other.json: no such file in memory");
/// # Ok::<(), tts_models::ModelError>(())
/// ```
#[derive(Clone)]
pub struct Files {
    path: PathBuf,
    memory: Option<Arc<Memory>>,
}

/// Files in memory.
struct Memory {
    folder: PathBuf,
    contents: Vec<Named>,
}

impl Memory {
    /// What the file at `path` holds.
    fn contents(&self, path: &Path) -> Option<&'static [u8]> {
        let name = path.strip_prefix(&self.folder).ok()?;
        let found = self.contents.iter().find(|(known, _)| Path::new(known) == name);
        found.map(|(_, contents)| *contents)
    }

    /// Whether `path` is the folder of all files, or one within it that has files.
    fn is_folder(&self, path: &Path) -> bool {
        let Ok(name) = path.strip_prefix(&self.folder) else { return false };
        let within = |known: &str| Path::new(known) != name && Path::new(known).starts_with(name);
        path == self.folder || self.contents.iter().any(|(known, _)| within(known))
    }
}

impl Files {
    /// A folder in memory: names of files, with `/` where they lie in folders of their own, and what
    /// they hold. `folder` is what errors call it.
    pub fn in_memory(folder: impl Into<PathBuf>, files: &[(&'static str, &'static [u8])]) -> Self {
        Self::kept(folder.into(), files.to_vec())
    }

    fn kept(folder: PathBuf, contents: Vec<Named>) -> Self {
        Self { path: folder.clone(), memory: Some(Arc::new(Memory { folder, contents })) }
    }

    /// The file or folder, as errors name it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file or folder of that name within this folder. It need not be there.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> Self {
        Self { path: self.path.join(name), memory: self.memory.clone() }
    }

    /// This folder, or the one that this file lies in.
    #[must_use]
    pub fn folder(&self) -> Self {
        if self.is_folder() {
            return self.clone();
        }
        let path = match (self.path.parent(), &self.memory) {
            // Of a bare name, the current one.
            (Some(parent), None) if parent.as_os_str().is_empty() => Path::new("."),
            (Some(parent), _) => parent,
            (None, _) => &self.path,
        };
        Self { path: path.to_owned(), memory: self.memory.clone() }
    }

    /// Whether this is a folder that is there.
    pub fn is_folder(&self) -> bool {
        match &self.memory {
            Some(memory) => memory.is_folder(&self.path),
            None => self.path.is_dir(),
        }
    }

    /// Whether this is there.
    pub fn exists(&self) -> bool {
        match &self.memory {
            Some(memory) => memory.contents(&self.path).is_some() || memory.is_folder(&self.path),
            None => self.path.exists(),
        }
    }

    /// The whole file.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn read(&self) -> Result<Vec<u8>, ModelError> {
        let read = match &self.memory {
            Some(memory) => self.contents(memory).map(<[u8]>::to_vec),
            None => std::fs::read(&self.path),
        };
        read.map_err(|error| ModelError::io(&self.path, error))
    }

    /// The whole file; `None` when there is no such file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_if_there(&self) -> Result<Option<Vec<u8>>, ModelError> {
        match self.read() {
            Err(ModelError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// The file, to be read piece by piece.
    pub(super) fn open(&self) -> std::io::Result<Box<dyn ReadSeek>> {
        match &self.memory {
            Some(memory) => Ok(Box::new(Cursor::new(self.contents(memory)?))),
            None => Ok(Box::new(File::open(&self.path)?)),
        }
    }

    fn contents(&self, memory: &Memory) -> Result<&'static [u8], Error> {
        let missing = || Error::new(ErrorKind::NotFound, "no such file in memory");
        memory.contents(&self.path).ok_or_else(missing)
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |memory: &Memory| memory.contents.iter().map(|(name, _)| *name).collect();
        let memory: Option<Vec<&str>> = self.memory.as_deref().map(names);
        f.debug_struct("Files").field("path", &self.path).field("memory", &memory).finish()
    }
}

impl From<PathBuf> for Files {
    fn from(path: PathBuf) -> Self {
        Self { path, memory: None }
    }
}

impl From<String> for Files {
    fn from(path: String) -> Self {
        PathBuf::from(path).into()
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for Files {
    fn from(path: &P) -> Self {
        path.as_ref().to_owned().into()
    }
}

impl From<&Self> for Files {
    fn from(files: &Self) -> Self {
        files.clone()
    }
}
