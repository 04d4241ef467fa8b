//! A file of vectors: a line for each text, behind a header that says which encoder made them.
//!
//! A line has the text's digest, so a text that is found again anywhere needs no second vector, and one that has changed
//! gets a new one. Numbers stand as the digits of their bits: what is read back is what was written. A process that ends in
//! the middle leaves whole lines, which the next one goes on from.
//!
//! Source: none; a format of this library.

use std::collections::HashMap;
use std::io::{BufRead as _, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tts_core::files::{Lines, Others, differing};

use crate::retrieve::RetrieveError;

/// Named anew whenever a vector would be another.
const VERSION: u32 = 1;

/// The name of a text: the first half of its SHA-256.
pub(super) type Key = [u8; 16];

/// The name of a text.
pub(super) fn key(text: &str) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    key
}

/// A text's vector, as its line has it.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    text: &'a str,
    /// Whether the text was longer than the encoder reads.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
    vector: &'a str,
}

/// A vector that was read.
pub(super) struct Read {
    pub(super) key: Key,
    pub(super) cut: bool,
    pub(super) vector: Vec<f32>,
}

/// An open file of vectors.
#[derive(Debug)]
pub(super) struct VectorFile {
    lines: Lines,
    dim: usize,
    /// Whether what cannot be used is dropped.
    rebuild: bool,
}

/// Bytes of a header, at most.
const HEADER: u64 = 1 << 16;

/// What a header begins with, whichever of its fields stands first.
const FIRST: [&[u8]; 3] = [b"{\"dim\":", b"{\"vectors\":", b"{\"encoder\":"];

impl VectorFile {
    /// Opens the file or makes it. What another encoder made, or what a header that was not written whole names, is
    /// refused, or with `rebuild` dropped; a file that is something else is left as it is.
    pub(super) fn open(
        path: &Path,
        encoder: &Value,
        dim: usize,
        rebuild: bool,
    ) -> Result<Self, RetrieveError> {
        let io = |source| RetrieveError::Io { path: path.to_owned(), source };
        let bad = |problem: String| RetrieveError::File { path: path.to_owned(), problem };
        let mut lines = Lines::open(path, Others::Refused).map_err(io)?;
        let now = json!({"vectors": VERSION, "dim": dim, "encoder": encoder});
        let mut header = Vec::new();
        lines.reader().map_err(io)?.take(HEADER).read_until(b'\n', &mut header).map_err(io)?;
        let whole = header.ends_with(b"\n");
        let first = format!("{now}\n");
        let torn = !whole
            && FIRST.iter().any(|first| header.starts_with(first))
            && (header.len() as u64) < HEADER;
        if !whole && first.as_bytes().starts_with(&header) || torn && rebuild {
            // Nothing, or what a process that ended in the middle left of it.
            lines.cut(0).map_err(io)?;
        } else if torn {
            return Err(bad(
                "line 1: a header of vectors that was not written whole; make the file anew".into(),
            ));
        } else {
            let there: Option<Value> = serde_json::from_slice(&header).ok();
            let Some(there) = there.filter(|there| whole && there.get("vectors").is_some()) else {
                return Err(bad("no file of vectors: its first line is no header of one".into()));
            };
            let differing = differing(&there, &now);
            if let (false, Some(field)) = (rebuild, differing.first()) {
                return Err(bad(format!(
                    "vectors of another encoder: {field}; use that one, name another file, or make the file anew"
                )));
            }
            if !differing.is_empty() {
                lines.cut(0).map_err(io)?;
            }
        }
        if lines.end() == 0 {
            lines.append_safely(first.as_bytes()).map_err(io)?;
        }
        Ok(Self { lines, dim, rebuild })
    }

    /// Reads all vectors, and cuts off what is left of a line that was not written whole; where the file is made anew, a
    /// line that is none as well, with all behind it.
    pub(super) fn read(&mut self, mut take: impl FnMut(Read)) -> Result<(), RetrieveError> {
        let path = self.lines.path().to_owned();
        let io = |source| RetrieveError::Io { path: path.clone(), source };
        let (mut end, mut number, mut bytes) = (0, 0, Vec::new());
        let mut reader = self.lines.reader().map_err(io)?;
        loop {
            bytes.clear();
            reader.read_until(b'\n', &mut bytes).map_err(io)?;
            if !bytes.ends_with(b"\n") {
                break;
            }
            number += 1;
            if number > 1 {
                match self.line(&bytes) {
                    Some(read) => take(read),
                    None if self.rebuild => break,
                    None => {
                        let problem = format!(
                            "line {number}: expected a text's digest and {} numbers; make the file anew",
                            self.dim
                        );
                        return Err(RetrieveError::File { path, problem });
                    }
                }
            }
            end += bytes.len() as u64;
        }
        drop(reader);
        if end < self.lines.end() {
            self.lines.cut(end).map_err(io)?;
        }
        Ok(())
    }

    fn line(&self, bytes: &[u8]) -> Option<Read> {
        let line: Line<'_> = serde_json::from_slice(bytes).ok()?;
        let key = Key::try_from(unhex(line.text)?).ok()?;
        let bytes = unhex(line.vector)?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        let vector: Vec<f32> = numbers.iter().map(|bits| f32::from_le_bytes(*bits)).collect();
        let whole = rest.is_empty() && vector.len() == self.dim;
        let numbers = vector.iter().all(|number| number.is_finite());
        (whole && numbers).then_some(Read { key, cut: line.cut, vector })
    }

    /// Writes vectors `[texts, dim]`, or none of them.
    pub(super) fn append(
        &mut self,
        texts: &[(Key, bool)],
        vectors: &[f32],
    ) -> Result<(), RetrieveError> {
        let mut lines = String::new();
        for ((key, cut), vector) in texts.iter().zip(vectors.chunks_exact(self.dim)) {
            let bits: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            let (text, vector) = (hex(key), hex(&bits));
            let line = Line { text: &text, cut: *cut, vector: &vector };
            // Texts and a truth: nothing here has no JSON.
            lines += &serde_json::to_string(&line).unwrap_or_default();
            lines.push('\n');
        }
        let written = self.lines.append_safely(lines.as_bytes());
        let path = self.lines.path();
        written.map(drop).map_err(|source| RetrieveError::Io { path: path.to_owned(), source })
    }
}

/// Which places have which text.
pub(super) fn places(keys: &[Key]) -> HashMap<Key, Vec<usize>> {
    let mut places: HashMap<Key, Vec<usize>> = HashMap::new();
    for (place, key) in keys.iter().enumerate() {
        places.entry(*key).or_default().push(place);
    }
    places
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|d| char::from(DIGITS[usize::from(d)]));
    bytes.iter().flat_map(digits).collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let digit = |d: u8| char::from(d).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    bytes.collect::<Option<Vec<u8>>>().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&all)), Some(all));
        assert_eq!(hex(&[1, 0xaf]), "01af");
        for bad in ["0", "0g", "é1"] {
            assert_eq!(unhex(bad), None, "{bad}");
        }
        assert_ne!(key("a"), key("b"));
    }
}
