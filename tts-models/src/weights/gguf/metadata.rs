//! Reads the metadata pairs of a GGUF file.
//!
//! A pair is a key, the code of a type, and a value. A string is its length in 8 bytes and its
//! UTF-8; an array the code of its element type, its length in 8 bytes and its elements.
//!
//! Source: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

use std::collections::BTreeMap;

use super::value::{Array, Value};
use crate::ModelError;
use crate::weights::source::Cursor;

/// Deepest nesting of arrays. No known key nests at all.
const DEPTH: usize = 4;

pub(super) fn pairs(
    input: &mut Cursor<'_>,
    count: usize,
) -> Result<BTreeMap<String, Value>, ModelError> {
    let mut metadata = BTreeMap::new();
    for index in 0..count {
        let key = string(input, &format!("metadata key {index}"))?;
        let kind = u32(input, &key)?;
        let value = value(input, kind, &key)?;
        if metadata.insert(key.clone(), value).is_some() {
            return Err(input.error(&key, "this key appears twice"));
        }
    }
    Ok(metadata)
}

pub(super) fn u32(input: &mut Cursor<'_>, field: &str) -> Result<u32, ModelError> {
    input.array(field).map(u32::from_le_bytes)
}

pub(super) fn u64(input: &mut Cursor<'_>, field: &str) -> Result<u64, ModelError> {
    input.array(field).map(u64::from_le_bytes)
}

pub(super) fn string(input: &mut Cursor<'_>, field: &str) -> Result<String, ModelError> {
    let length = u64(input, field)?;
    let bytes = input.bytes(length, field)?;
    String::from_utf8(bytes).map_err(|_| input.error(field, "the text is not UTF-8"))
}

fn truth(input: &Cursor<'_>, byte: u8, field: &str) -> Result<bool, ModelError> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(input.error(field, format!("{byte} is not a truth value"))),
    }
}

fn value(input: &mut Cursor<'_>, kind: u32, key: &str) -> Result<Value, ModelError> {
    Ok(match kind {
        0 => Value::U8(u8::from_le_bytes(input.array(key)?)),
        1 => Value::I8(i8::from_le_bytes(input.array(key)?)),
        2 => Value::U16(u16::from_le_bytes(input.array(key)?)),
        3 => Value::I16(i16::from_le_bytes(input.array(key)?)),
        4 => Value::U32(u32::from_le_bytes(input.array(key)?)),
        5 => Value::I32(i32::from_le_bytes(input.array(key)?)),
        6 => Value::F32(f32::from_le_bytes(input.array(key)?)),
        7 => {
            let [byte] = input.array(key)?;
            Value::Bool(truth(input, byte, key)?)
        }
        8 => Value::String(string(input, key)?),
        9 => Value::Array(array(input, key, 1)?),
        10 => Value::U64(u64::from_le_bytes(input.array(key)?)),
        11 => Value::I64(i64::from_le_bytes(input.array(key)?)),
        12 => Value::F64(f64::from_le_bytes(input.array(key)?)),
        _ => return Err(input.error(key, format!("{kind} is not a value type"))),
    })
}

fn array(input: &mut Cursor<'_>, key: &str, depth: usize) -> Result<Array, ModelError> {
    let kind = u32(input, key)?;
    let count = u64(input, key)?;
    Ok(match kind {
        0 => Array::U8(scalars(input, count, key, u8::from_le_bytes)?),
        1 => Array::I8(scalars(input, count, key, i8::from_le_bytes)?),
        2 => Array::U16(scalars(input, count, key, u16::from_le_bytes)?),
        3 => Array::I16(scalars(input, count, key, i16::from_le_bytes)?),
        4 => Array::U32(scalars(input, count, key, u32::from_le_bytes)?),
        5 => Array::I32(scalars(input, count, key, i32::from_le_bytes)?),
        6 => Array::F32(scalars(input, count, key, f32::from_le_bytes)?),
        7 => {
            let bytes = scalars(input, count, key, u8::from_le_bytes)?;
            Array::Bool(bytes.iter().map(|b| truth(input, *b, key)).collect::<Result<_, _>>()?)
        }
        8 => {
            let mut strings = Vec::new();
            for _ in 0..input.count(count, 8, key)? {
                strings.push(string(input, key)?);
            }
            Array::String(strings)
        }
        9 if depth >= DEPTH => {
            return Err(input.error(key, format!("arrays nested deeper than {DEPTH}")));
        }
        9 => {
            let mut arrays = Vec::new();
            for _ in 0..input.count(count, 12, key)? {
                arrays.push(array(input, key, depth + 1)?);
            }
            Array::Array(arrays)
        }
        10 => Array::U64(scalars(input, count, key, u64::from_le_bytes)?),
        11 => Array::I64(scalars(input, count, key, i64::from_le_bytes)?),
        12 => Array::F64(scalars(input, count, key, f64::from_le_bytes)?),
        _ => return Err(input.error(key, format!("{kind} is not an array's value type"))),
    })
}

fn scalars<const N: usize, T>(
    input: &mut Cursor<'_>,
    count: u64,
    key: &str,
    convert: fn([u8; N]) -> T,
) -> Result<Vec<T>, ModelError> {
    let count = input.count(count, N as u64, key)?;
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        values.push(convert(input.array(key)?));
    }
    Ok(values)
}
