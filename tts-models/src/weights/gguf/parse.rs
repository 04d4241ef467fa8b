//! The header of a GGUF file: metadata and tensor descriptions.
//!
//! Layout: `GGUF`, version, number of tensors, number of metadata pairs; the pairs (key, type,
//! value); the tensor descriptions (name, dimensions, type, offset); padding to the alignment; the
//! data. Every count is checked against the bytes that are left before anything is allocated for
//! it.
//!
//! Source: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

use std::collections::BTreeMap;

use super::metadata::{self, string, u32, u64};
use super::types;
use super::value::Value;
use crate::ModelError;
use crate::weights::Dtype;
use crate::weights::source::Cursor;

/// Most dimensions of a tensor, as in ggml.
const DIMENSIONS: u32 = 4;
/// Largest alignment accepted, in bytes.
const ALIGNMENT: u64 = 1 << 20;

/// Where a tensor lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Row-major shape: the file's dimensions reversed.
    pub shape: Vec<usize>,
    /// Element type.
    pub dtype: Dtype,
    /// First byte, from the start of the file.
    pub offset: u64,
    /// Size in bytes.
    pub length: u64,
}

/// Everything before the data.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) metadata: BTreeMap<String, Value>,
    pub(super) tensors: BTreeMap<String, TensorInfo>,
}

pub(super) fn header(input: &mut Cursor<'_>) -> Result<Header, ModelError> {
    let magic: [u8; 4] = input.array("magic")?;
    if &magic != b"GGUF" {
        return Err(input.error("magic", format!("{magic:02x?}, expected the letters GGUF")));
    }
    let version = u32(input, "version")?;
    match version {
        2 | 3 => {}
        _ if matches!(version.swap_bytes(), 1..=3) => {
            return Err(ModelError::unsupported(
                input.path(),
                "version",
                "byte order (big endian)",
            ));
        }
        _ => {
            return Err(ModelError::unsupported(
                input.path(),
                "version",
                format!("version {version}; 2 and 3 are supported"),
            ));
        }
    }
    let tensor_count = u64(input, "tensor count")?;
    let pair_count = u64(input, "metadata count")?;
    // The least a pair takes: key length, type, one byte; a tensor: name length, rank, one
    // dimension, type, offset.
    let pair_count = input.count(pair_count, 13, "metadata count")?;
    let metadata = metadata::pairs(input, pair_count)?;
    let tensor_count = input.count(tensor_count, 32, "tensor count")?;
    let mut tensors = BTreeMap::new();
    for index in 0..tensor_count {
        let name = string(input, &format!("name of tensor {index}"))?;
        let info = tensor(input, &name)?;
        if tensors.insert(name.clone(), info).is_some() {
            return Err(input.error(&name, "this tensor is described twice"));
        }
    }
    place(input, &metadata, &mut tensors)?;
    Ok(Header { version, metadata, tensors })
}

/// A tensor description; its offset is still relative to the data.
fn tensor(input: &mut Cursor<'_>, name: &str) -> Result<TensorInfo, ModelError> {
    let rank = u32(input, name)?;
    if rank == 0 || rank > DIMENSIONS {
        return Err(input.error(name, format!("{rank} dimensions, expected 1 to {DIMENSIONS}")));
    }
    let mut shape = Vec::new();
    for _ in 0..rank {
        let dimension = u64(input, name)?;
        shape.push(usize::try_from(dimension).map_err(|_| {
            input.error(name, format!("a dimension of {dimension} does not fit this machine"))
        })?);
    }
    shape.reverse();
    let code = u32(input, name)?;
    let Some(dtype) = types::dtype(code) else {
        return Err(ModelError::unsupported(
            input.path(),
            name,
            format!("tensor type {}", types::name(code)),
        ));
    };
    let length = dtype.size_of(&shape).map_err(|problem| input.error(name, problem))? as u64;
    let offset = u64(input, name)?;
    Ok(TensorInfo { shape, dtype, offset, length })
}

/// Turns offsets into file positions, and checks them: aligned, inside the file, apart.
fn place(
    input: &Cursor<'_>,
    metadata: &BTreeMap<String, Value>,
    tensors: &mut BTreeMap<String, TensorInfo>,
) -> Result<(), ModelError> {
    const KEY: &str = "general.alignment";
    let alignment = match metadata.get(KEY) {
        None => 32,
        Some(value) => {
            value.as_u64().filter(|n| n.is_power_of_two() && *n <= ALIGNMENT).ok_or_else(|| {
                ModelError::format(input.path(), KEY, "not a power of two up to 1 MiB")
            })?
        }
    };
    let start = input.position().next_multiple_of(alignment);
    let end_of_file = input.position() + input.remaining();
    for (name, info) in tensors.iter_mut() {
        if !info.offset.is_multiple_of(alignment) {
            let problem = format!("offset {} is not a multiple of {alignment}", info.offset);
            return Err(ModelError::format(input.path(), name, problem));
        }
        let position = info.offset.checked_add(start);
        match position.and_then(|p| p.checked_add(info.length)) {
            Some(end) if end <= end_of_file => info.offset = end - info.length,
            _ => {
                let problem = format!(
                    "{} bytes at offset {} of the data end past the file's {end_of_file} bytes",
                    info.length, info.offset
                );
                return Err(ModelError::format(input.path(), name, problem));
            }
        }
    }
    let mut order: Vec<_> = tensors.iter().collect();
    order.sort_by_key(|(_, info)| info.offset);
    for pair in order.windows(2) {
        let ((first, a), (second, b)) = (pair[0], pair[1]);
        if a.offset + a.length > b.offset {
            let problem = format!("its data overlaps that of {first}");
            return Err(ModelError::format(input.path(), second, problem));
        }
    }
    Ok(())
}
