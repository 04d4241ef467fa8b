//! Reads safetensors files, single or sharded, tensor by tensor.
//!
//! A file is the length of its header in 8 bytes, a JSON header (name, type, shape and data range
//! of each tensor) and the data, without gaps. The header is parsed with the types of the
//! `safetensors` crate and checked here, so that errors name the tensor; data is then read by
//! seek. A sharded checkpoint adds an index that maps each tensor to the file that holds it.
//!
//! Source: <https://github.com/huggingface/safetensors#format>.

mod shards;

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::path::Path;

use ::safetensors::tensor::{Dtype as Stored, TensorInfo};
use serde::Deserialize;

pub use self::shards::Shards;
use super::advice::refuse_pointer;
use super::source::Source;
use crate::ModelError;
use crate::weights::{Dtype, Files, RawTensor};

/// Largest header accepted, in bytes; the limit of the `safetensors` crate.
const HEADER: u64 = 100_000_000;

/// The JSON header.
#[derive(Deserialize)]
struct Header {
    #[serde(rename = "__metadata__", default)]
    _metadata: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    tensors: BTreeMap<String, TensorInfo>,
}

/// An open safetensors file.
#[derive(Debug)]
pub struct SafetensorsFile {
    source: Source,
    data: u64,
    tensors: BTreeMap<String, TensorInfo>,
}

impl SafetensorsFile {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// When the file cannot be read or its structure is broken; the error names the tensor.
    pub fn open(file: impl Into<Files>) -> Result<Self, ModelError> {
        let file = file.into();
        refuse_pointer(&file)?;
        Self::from_source(Source::open(&file)?)
    }

    /// Reads the header of any seekable input; `path` is what errors call it.
    ///
    /// # Errors
    /// As [`SafetensorsFile::open`].
    pub fn from_reader(
        reader: impl Read + Seek + Send + 'static,
        path: impl AsRef<Path>,
    ) -> Result<Self, ModelError> {
        Self::from_source(Source::new(reader, path.as_ref().into())?)
    }

    fn from_source(source: Source) -> Result<Self, ModelError> {
        let field = "header length";
        let mut length = [0; 8];
        length.copy_from_slice(&source.read_at(0, 8, field)?);
        let length = u64::from_le_bytes(length);
        if length > HEADER {
            let problem = format!("{length} bytes, more than the {HEADER} allowed");
            return Err(ModelError::format(source.path(), field, problem));
        }
        let header = source.read_at(8, length, "header")?;
        let header: Header = serde_json::from_slice(&header)
            .map_err(|e| ModelError::format(source.path(), "header", e.to_string()))?;
        // No overflow: the header was read, so it ends inside the file.
        let data = 8 + length;
        check(&header.tensors, source.length() - data)
            .map_err(|(name, problem)| ModelError::format(source.path(), name, problem))?;
        Ok(Self { source, data, tensors: header.tensors })
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The file, as errors name it.
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// Names of all tensors, in alphabetical order.
    pub fn tensor_names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether there is a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Reads one tensor.
    ///
    /// # Errors
    /// When there is none of that name, its type is not F32, F16 or BF16, or the file cannot be
    /// read.
    pub fn read(&self, name: &str) -> Result<RawTensor, ModelError> {
        let info = self.info(name)?;
        let dtype = self.dtype(name, info)?;
        let (start, end) = info.data_offsets;
        let bytes = self.source.read_at(self.data + start as u64, (end - start) as u64, name)?;
        Ok(RawTensor { name: name.to_owned(), shape: info.shape.clone(), dtype, bytes })
    }

    /// Reads one of `count` tensors that a tensor is made of along its first dimension, and nothing of the others.
    ///
    /// # Errors
    /// As [`Self::read`], and when it is not made of so many.
    pub(crate) fn read_part(
        &self,
        name: &str,
        (part, count): (usize, usize),
    ) -> Result<RawTensor, ModelError> {
        let dtype = self.dtype(name, self.info(name)?)?;
        let (shape, bytes) = self.part(name, (part, count))?;
        Ok(RawTensor { name: name.to_owned(), shape, dtype, bytes })
    }

    /// The same of a tensor of bytes that stand for something else: shape and bytes.
    ///
    /// # Errors
    /// As [`Self::read_part`], and when it is not of bytes.
    pub(crate) fn read_bytes(
        &self,
        name: &str,
        (part, count): (usize, usize),
    ) -> Result<(Vec<usize>, Vec<u8>), ModelError> {
        let dtype = self.info(name)?.dtype;
        if dtype != Stored::U8 {
            let problem = format!("tensor type {dtype:?}, expected U8");
            return Err(ModelError::format(self.path(), name, problem));
        }
        self.part(name, (part, count))
    }

    fn info(&self, name: &str) -> Result<&TensorInfo, ModelError> {
        let missing = || ModelError::format(self.path(), name, "there is no such tensor");
        self.tensors.get(name).ok_or_else(missing)
    }

    fn dtype(&self, name: &str, info: &TensorInfo) -> Result<Dtype, ModelError> {
        match info.dtype {
            Stored::F32 => Ok(Dtype::F32),
            Stored::F16 => Ok(Dtype::F16),
            Stored::BF16 => Ok(Dtype::BF16),
            other => {
                let what = format!("tensor type {other:?}; F32, F16 and BF16 are supported");
                Err(ModelError::unsupported(self.path(), name, what))
            }
        }
    }

    fn part(
        &self,
        name: &str,
        (part, count): (usize, usize),
    ) -> Result<(Vec<usize>, Vec<u8>), ModelError> {
        let info = self.info(name)?;
        let (start, end) = info.data_offsets;
        let shape = match info.shape.split_first() {
            Some((first, shape)) if *first == count && part < count && !shape.is_empty() => shape,
            _ => {
                let problem = format!("shape {:?}, expected {count} tensors", info.shape);
                return Err(ModelError::format(self.path(), name, problem));
            }
        };
        let length = ((end - start) / count) as u64;
        let offset = self.data + start as u64 + part as u64 * length;
        Ok((shape.to_vec(), self.source.read_at(offset, length, name)?))
    }
}

/// Tensors must follow each other without gaps, fill `length` bytes, and be as large as their
/// shape says.
fn check(tensors: &BTreeMap<String, TensorInfo>, length: u64) -> Result<(), (String, String)> {
    let mut order: Vec<_> = tensors.iter().collect();
    order.sort_by_key(|(_, info)| info.data_offsets);
    let mut position = 0;
    for (name, info) in order {
        let (start, end) = info.data_offsets;
        if start != position || end < start {
            let problem = format!("data range {start}..{end}, expected it to start at {position}");
            return Err((name.clone(), problem));
        }
        if end as u64 > length {
            let problem = format!("data range {start}..{end}, but the file has {length} bytes");
            return Err((name.clone(), problem));
        }
        let bits =
            info.shape.iter().try_fold(info.dtype.bitsize(), |product, n| product.checked_mul(*n));
        if bits != (end - start).checked_mul(8) {
            let problem =
                format!("{} bytes for {:?} of shape {:?}", end - start, info.dtype, info.shape);
            return Err((name.clone(), problem));
        }
        position = end;
    }
    if position as u64 == length {
        Ok(())
    } else {
        Err(("data".to_owned(), format!("{length} bytes, but the tensors take {position}")))
    }
}
