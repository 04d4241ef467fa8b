//! A file read piece by piece, never as a whole.
//!
//! Every read states what it is for and is checked against the real length first, so that no
//! allocation is larger than the file. Mapping the file is not an option: one that changes
//! underneath would be undefined behaviour.

use std::fmt;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::files::{Files, ReadSeek};
use crate::ModelError;

/// A readable, seekable input of known length; shared by lock.
pub(crate) struct Source {
    files: Files,
    length: u64,
    reader: Mutex<Box<dyn ReadSeek>>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("path", &self.path())
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl Source {
    /// A file on disk or in memory.
    pub(crate) fn open(files: &Files) -> Result<Self, ModelError> {
        let reader = files.open().map_err(|e| ModelError::io(files.path(), e))?;
        Self::of(reader, files.clone())
    }

    /// An input of whatever kind; `files` is what errors call it, and where it lies.
    pub(crate) fn new(
        reader: impl Read + Seek + Send + 'static,
        files: Files,
    ) -> Result<Self, ModelError> {
        Self::of(Box::new(reader), files)
    }

    fn of(mut reader: Box<dyn ReadSeek>, files: Files) -> Result<Self, ModelError> {
        let length = reader.seek(SeekFrom::End(0)).map_err(|e| ModelError::io(files.path(), e))?;
        Ok(Self { files, length, reader: Mutex::new(reader) })
    }

    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    pub(crate) fn path(&self) -> &Path {
        self.files.path()
    }

    /// Length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// `length` bytes from byte `offset` on. `field` says in errors what they are.
    pub(crate) fn read_at(
        &self,
        offset: u64,
        length: u64,
        field: &str,
    ) -> Result<Vec<u8>, ModelError> {
        let end = offset.checked_add(length).filter(|end| *end <= self.length);
        let (Some(_), Ok(size)) = (end, usize::try_from(length)) else {
            let problem =
                format!("{length} bytes from byte {offset} on, but the file has {}", self.length);
            return Err(ModelError::format(self.path(), field, problem));
        };
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.seek(SeekFrom::Start(offset)).map_err(|e| ModelError::io(self.path(), e))?;
        let mut bytes = vec![0; size];
        reader.read_exact(&mut bytes).map_err(|e| early_end(self.path(), field, e))?;
        Ok(bytes)
    }

    /// Runs `parse` over the input from its start.
    pub(crate) fn parse<T>(
        &self,
        parse: impl FnOnce(&mut Cursor<'_>) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.seek(SeekFrom::Start(0)).map_err(|e| ModelError::io(self.path(), e))?;
        parse(&mut Cursor {
            reader: BufReader::new(&mut **reader),
            path: self.path(),
            position: 0,
            length: self.length,
        })
    }
}

/// A position in a [`Source`] that only moves forward.
pub(crate) struct Cursor<'a> {
    reader: BufReader<&'a mut dyn ReadSeek>,
    path: &'a Path,
    position: u64,
    length: u64,
}

impl Cursor<'_> {
    pub(crate) fn path(&self) -> &Path {
        self.path
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Bytes left.
    pub(crate) fn remaining(&self) -> u64 {
        self.length.saturating_sub(self.position)
    }

    /// `count`, if that many items of at least `size` bytes each can still follow.
    pub(crate) fn count(&self, count: u64, size: u64, field: &str) -> Result<usize, ModelError> {
        match usize::try_from(count) {
            Ok(fits) if count <= self.remaining() / size => Ok(fits),
            _ => Err(self.error(
                field,
                format!(
                    "{count} items of {size} bytes or more, but {} bytes left",
                    self.remaining()
                ),
            )),
        }
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self, field: &str) -> Result<[u8; N], ModelError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, field)?;
        Ok(bytes)
    }

    /// The next `length` bytes.
    pub(crate) fn bytes(&mut self, length: u64, field: &str) -> Result<Vec<u8>, ModelError> {
        let mut bytes = vec![0; self.count(length, 1, field)?];
        self.fill(&mut bytes, field)?;
        Ok(bytes)
    }

    /// A format error at this position.
    pub(crate) fn error(&self, field: &str, problem: impl AsRef<str>) -> ModelError {
        let problem = format!("{} (at byte {})", problem.as_ref(), self.position);
        ModelError::format(self.path, field, problem)
    }

    fn fill(&mut self, bytes: &mut [u8], field: &str) -> Result<(), ModelError> {
        let wanted = bytes.len() as u64;
        if wanted > self.remaining() {
            return Err(self.error(field, format!("file ends {} bytes later", self.remaining())));
        }
        self.reader.read_exact(bytes).map_err(|e| early_end(self.path, field, e))?;
        self.position += wanted;
        Ok(())
    }
}

/// A file that shrank since it was opened is malformed; anything else is the system's fault.
fn early_end(path: &Path, field: &str, error: std::io::Error) -> ModelError {
    if error.kind() == ErrorKind::UnexpectedEof {
        ModelError::format(path, field, "the file ends early: it shrank while open")
    } else {
        ModelError::io(path, error)
    }
}

/// A small text file (JSON) as a whole, if it has at most `limit` bytes.
pub(crate) fn read_text(files: &Files, limit: u64) -> Result<Vec<u8>, ModelError> {
    let source = Source::open(files)?;
    if source.length() > limit {
        let problem = format!("{} bytes, more than the {limit} allowed", source.length());
        return Err(ModelError::format(files.path(), "size", problem));
    }
    source.read_at(0, source.length(), "text")
}
