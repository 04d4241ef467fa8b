//! What the bytes of a data file are: the format by how they begin, and text whatever its encoding.

use std::borrow::Cow;

use super::{Place, RowError};

/// How the records of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON, one object a line.
    Lines,
    /// Something that is read as a whole: a list, a table, or UTF-16.
    Whole,
    /// Parquet, read as a whole.
    Parquet,
    /// Not told by a blank line.
    Blank,
}

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Formats that are no records of text, by their first bytes, and what to do about them.
const OTHERS: [(&[u8], &str); 5] = [
    (
        b"ARROW1",
        "an Arrow file: write it as JSON lines first, with `to_json` of the `datasets` package",
    ),
    (b"PK\x03\x04", "a spreadsheet or an archive: export it as CSV, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet: export it as CSV"),
    (b"\x1f\x8b", "compressed by gzip: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd: unpack it first"),
];

/// How a Parquet file begins, and ends.
const PARQUET: &[u8] = b"PAR1";

/// The text without a byte order mark of UTF-8.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

/// The format of a file that begins so.
pub(super) fn format(first: &[u8]) -> Result<Format, RowError> {
    if let Some((_, what)) = OTHERS.iter().find(|(start, _)| first.starts_with(start)) {
        return Err(RowError::new(None, (*what).to_owned()));
    }
    if first.starts_with(PARQUET) {
        return Ok(Format::Parquet);
    }
    if is_utf16(first) {
        return Ok(Format::Whole);
    }
    Ok(match without_mark(first).trim_ascii_start().first() {
        None => Format::Blank,
        Some(b'{') => Format::Lines,
        Some(_) => Format::Whole,
    })
}

fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")
}

/// Bytes as text.
pub(super) fn text(bytes: &[u8], place: Option<Place>) -> Result<&str, RowError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.split(|&byte| byte == b'\n').count();
        RowError::new(
            Some(place.unwrap_or(Place::Line(line))),
            "not UTF-8: save the file with that encoding".to_owned(),
        )
    })
}

/// The bytes of a file as text: without a byte order mark, in UTF-8 or, where the mark says so, UTF-16.
///
/// ```
/// assert_eq!(&*tts_core::rows::decode(b"\xef\xbb\xbf{}")?, "{}");
/// # Ok::<(), tts_core::rows::RowError>(())
/// ```
///
/// # Errors
/// When they are neither; the error names the line.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, RowError> {
    if !is_utf16(bytes) {
        return text(without_mark(bytes), None).map(Cow::Borrowed);
    }
    let little = bytes.starts_with(b"\xff\xfe");
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs
        .iter()
        .skip(1)
        .map(|&pair| if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
        .collect();
    match String::from_utf16(&units) {
        Ok(text) if rest.is_empty() => Ok(Cow::Owned(text)),
        _ => Err(RowError::new(None, "damaged UTF-16: save the file as UTF-8".to_owned())),
    }
}
