//! Reads GGUF files, the format of llama.cpp, tensor by tensor.
//!
//! Opening reads the header only: typed metadata ([`Value`]) and where each tensor lies
//! ([`TensorInfo`]), all checked against the real length of the file, so that a hostile file
//! costs an error and no memory. [`Gguf::read`] then seeks to one tensor. Versions 2 and 3, little
//! endian.
//!
//! Source: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

mod metadata;
mod parse;
mod split;
pub(crate) mod types;
mod value;

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::path::Path;

pub use self::parse::TensorInfo;
pub use self::value::{Array, Value};
use super::advice::refuse_pointer;
use super::source::Source;
use crate::ModelError;
use crate::weights::{Files, RawTensor};

/// An open GGUF file.
#[derive(Debug)]
pub struct Gguf {
    source: Source,
    version: u32,
    metadata: BTreeMap<String, Value>,
    tensors: BTreeMap<String, TensorInfo>,
    /// The other parts of a file in several, whose metadata is that of this one.
    others: Vec<Self>,
}

impl Gguf {
    /// Opens a file and reads its header; of a file in parts, all of them, by any one.
    ///
    /// # Errors
    /// When the file cannot be read, its structure is broken (the error names the field), or it
    /// uses another version, byte order or tensor type.
    pub fn open(file: impl Into<Files>) -> Result<Self, ModelError> {
        let file = file.into();
        Self::alone(&file)?.with_parts(&file)
    }

    /// One file, be it a part.
    fn alone(file: &Files) -> Result<Self, ModelError> {
        refuse_pointer(file)?;
        Self::from_source(Source::open(file)?)
    }

    /// Reads the header of any seekable input; `path` is what errors call it.
    ///
    /// # Errors
    /// As [`Gguf::open`].
    pub fn from_reader(
        reader: impl Read + Seek + Send + 'static,
        path: impl AsRef<Path>,
    ) -> Result<Self, ModelError> {
        let gguf = Self::from_source(Source::new(reader, path.as_ref().into())?)?;
        match gguf.count_of_parts()? {
            Some(count) => {
                let problem = format!("one of {count} parts; open it by its path, and all are");
                Err(ModelError::format(gguf.path(), "split.count", problem))
            }
            None => Ok(gguf),
        }
    }

    fn from_source(source: Source) -> Result<Self, ModelError> {
        let parse::Header { version, metadata, tensors } = source.parse(parse::header)?;
        Ok(Self { source, version, metadata, tensors, others: Vec::new() })
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The files of all parts, in order.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.source).chain(self.others.iter().map(|part| &part.source))
    }

    /// The file, as errors name it.
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// Version of the format: 2 or 3.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// All metadata, by key.
    pub fn metadata(&self) -> &BTreeMap<String, Value> {
        &self.metadata
    }

    /// Names of all tensors, as in the file (`blk.0.attn_q.weight`), in alphabetical order.
    pub fn tensor_names(&self) -> impl Iterator<Item = &str> {
        let parts = std::iter::once(self).chain(&self.others);
        let mut names: Vec<&str> =
            parts.flat_map(|part| part.tensors.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Shape, type and place of a tensor.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name).or_else(|| self.others.iter().find_map(|part| part.info(name)))
    }

    /// Reads one tensor.
    ///
    /// # Errors
    /// When there is none of that name, or the file cannot be read.
    pub fn read(&self, name: &str) -> Result<RawTensor, ModelError> {
        if let Some(part) = self.others.iter().find(|part| part.tensors.contains_key(name)) {
            return part.read(name);
        }
        let info = self
            .info(name)
            .ok_or_else(|| ModelError::format(self.path(), name, "there is no such tensor"))?;
        Ok(RawTensor {
            name: name.to_owned(),
            shape: info.shape.clone(),
            dtype: info.dtype,
            bytes: self.source.read_at(info.offset, info.length, name)?,
        })
    }

    /// Reads one of the tensors that a tensor is made of along its first dimension, and nothing of the others.
    ///
    /// # Errors
    /// When there is no tensor of that name, it has not that many parts, or the file cannot be read.
    pub(crate) fn read_part(&self, name: &str, part: usize) -> Result<RawTensor, ModelError> {
        if let Some(other) = self.others.iter().find(|other| other.tensors.contains_key(name)) {
            return other.read_part(name, part);
        }
        let wrong = |problem: String| ModelError::format(self.path(), name, problem);
        let info = self.info(name).ok_or_else(|| wrong("there is no such tensor".to_owned()))?;
        let (Some(&parts), Some(shape)) = (info.shape.first(), info.shape.get(1..)) else {
            return Err(wrong("has no dimensions".to_owned()));
        };
        if part >= parts || shape.is_empty() {
            let problem = format!("shape {:?}, expected more than {part} matrices", info.shape);
            return Err(wrong(problem));
        }
        // Rows are whole blocks, so parts are whole bytes.
        let length = info.length / parts as u64;
        Ok(RawTensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            dtype: info.dtype,
            bytes: self.source.read_at(info.offset + part as u64 * length, length, name)?,
        })
    }

    /// A metadata integer that is not negative; `None` when the key is absent.
    ///
    /// # Errors
    /// When the value is of another type.
    pub fn integer(&self, key: &str) -> Result<Option<u64>, ModelError> {
        self.typed(key, "an integer that is not negative", Value::as_u64)
    }

    /// A metadata float; `None` when the key is absent.
    ///
    /// # Errors
    /// When the value is of another type.
    pub fn float(&self, key: &str) -> Result<Option<f64>, ModelError> {
        self.typed(key, "a float", Value::as_f64)
    }

    /// A metadata truth value; `None` when the key is absent.
    ///
    /// # Errors
    /// When the value is of another type.
    pub fn boolean(&self, key: &str) -> Result<Option<bool>, ModelError> {
        self.typed(key, "a truth value", Value::as_bool)
    }

    /// A metadata text; `None` when the key is absent.
    ///
    /// # Errors
    /// When the value is of another type.
    pub fn text(&self, key: &str) -> Result<Option<&str>, ModelError> {
        self.typed(key, "a string", Value::as_str)
    }

    /// A metadata array of texts (tokens, merges); `None` when the key is absent.
    ///
    /// # Errors
    /// When the value is of another type.
    pub fn texts(&self, key: &str) -> Result<Option<&[String]>, ModelError> {
        self.typed(key, "an array of strings", |v| v.as_array().and_then(Array::as_strings))
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        expected: &str,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ModelError> {
        let Some(value) = self.metadata.get(key) else { return Ok(None) };
        match convert(value) {
            Some(converted) => Ok(Some(converted)),
            None => Err(ModelError::format(
                self.path(),
                key,
                format!("is {}, expected {expected}", value.kind()),
            )),
        }
    }
}
