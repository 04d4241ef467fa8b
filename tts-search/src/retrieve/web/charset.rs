//! The text of a page's bytes.
//!
//! A byte order mark says how it is written, else the server does (`charset=`), else the page itself within its first
//! 1,024 bytes, else it is UTF-8. Read are UTF-8, UTF-16 with its mark, and windows-1252, which is what `iso-8859-1` stands
//! for on the web. What is damaged is replaced, as browsers do; where that is more than a twentieth, or there are zeros, it
//! is no text.
//!
//! Source: the WHATWG Encoding and HTML standards, 4.2 (names) and 13.2.3 (the sniffing algorithm), in part.

use tts_core::rows;

/// Characters of windows-1252 from 0x80 to 0x9f.
const UPPER: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Names of windows-1252.
const LATIN: [&str; 9] = [
    "windows-1252",
    "cp1252",
    "x-cp1252",
    "iso-8859-1",
    "iso8859-1",
    "iso_8859-1",
    "latin1",
    "l1",
    "ascii",
];

/// Bytes in which a page may say how it is written.
const HEAD: usize = 1_024;

/// What stands behind `charset=`, in small letters.
pub(super) fn named(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (_, rest) = text.split_once("charset")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
    let name = &rest[..end.unwrap_or(rest.len())];
    (!name.is_empty()).then(|| name.to_owned())
}

/// The text; `told` is the charset that the server names.
pub(super) fn text(bytes: &[u8], told: Option<String>) -> Result<String, String> {
    let marked = [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"];
    if marked.iter().any(|mark| bytes.starts_with(mark)) {
        return match rows::decode(bytes) {
            Ok(text) => readable(text.into_owned()),
            Err(error) => Err(error.to_string()),
        };
    }
    let head = || named(&String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]));
    let name = told.or_else(head).unwrap_or_else(|| "utf-8".to_owned());
    match name.as_str() {
        "utf-8" | "utf8" | "unicode-1-1-utf-8" | "us-ascii" => {
            readable(String::from_utf8_lossy(bytes).into_owned())
        }
        name if LATIN.contains(&name) => readable(bytes.iter().map(|&byte| latin(byte)).collect()),
        name => Err(format!("it is written in {name}, expected utf-8 or windows-1252")),
    }
}

fn latin(byte: u8) -> char {
    match byte {
        0x80..=0x9f => UPPER[usize::from(byte - 0x80)],
        byte => char::from(byte),
    }
}

/// Refuses what is no text.
fn readable(text: String) -> Result<String, String> {
    let (mut all, mut lost) = (0_usize, 0_usize);
    for c in text.chars() {
        all += 1;
        lost += usize::from(c == char::REPLACEMENT_CHARACTER);
        if c == '\0' {
            lost += all;
        }
    }
    if 20 * lost > all { Err("it is no text".to_owned()) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_as_they_say() {
        let own = |name: &str| Some(name.to_owned());
        for (bytes, told, expected) in [
            ("é".as_bytes(), None, Ok("é")),
            (b"\xe9", own("iso-8859-1"), Ok("é")),
            (b"\x80 1", own("windows-1252"), Ok("€ 1")),
            (b"<meta charset=\"latin1\">\xe9", None, Ok("<meta charset=\"latin1\">é")),
            // A wrong word costs its letters, and no more.
            (
                b"<meta charset=utf-8>caf\xe9 au lait",
                None,
                Ok("<meta charset=utf-8>caf\u{fffd} au lait"),
            ),
            (b"\xef\xbb\xbfa", own("latin1"), Ok("a")),
            (b"\xff\xfea\0", None, Ok("a")),
            (b"\xff\xfea", None, Err("UTF-16")),
            (b"\x82\xa0", own("shift_jis"), Err("shift_jis, expected utf-8")),
            (b"\x89PNG\r\n\0\0", None, Err("no text")),
            (b"a\0", own("utf-8"), Err("no text")),
            (b"\xff\xfd\xfc\xfb\xfa", None, Err("no text")),
            (b"", None, Ok("")),
        ] {
            let read = text(bytes, told);
            match (&read, expected) {
                (Ok(read), Ok(text)) => assert_eq!(read, text),
                (Err(read), Err(why)) => assert!(read.contains(why), "{read}"),
                _ => panic!("{read:?}, expected {expected:?}"),
            }
        }
        for (text, name) in [
            ("text/html; charset=UTF-8", Some("utf-8")),
            ("text/html;charset = \"Latin1\"; x", Some("latin1")),
            ("text/html", None),
            ("charset=", None),
            ("charset", None),
        ] {
            assert_eq!(named(text).as_deref(), name, "{text}");
        }
    }
}
