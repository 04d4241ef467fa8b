//! The text of a page's bytes.
//!
//! A byte order mark says how it is written, else the server does (`charset=`), else a web page itself by a `<meta>` tag
//! within its first 1,024 bytes, else it is UTF-8. Read are UTF-8, UTF-16 with its mark, and windows-1252, which is what
//! `iso-8859-1` stands for on the web. What is damaged or cut is replaced, as browsers do; where that is more than a
//! twentieth, or there is a zero, it is no text.
//!
//! Source: the WHATWG Encoding and HTML standards, 4.2 (names) and 13.2.3 (the sniffing algorithm), in part.

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

/// What stands behind the first `charset=`, in small letters.
pub(super) fn named(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let value = |(at, found): (usize, &str)| {
        let rest = text[at + found.len()..].trim_start().strip_prefix('=')?;
        let rest = rest.trim_start().trim_start_matches(['"', '\'']);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
        let name = &rest[..end.unwrap_or(rest.len())];
        (!name.is_empty()).then(|| name.to_owned())
    };
    text.match_indices("charset").find_map(value)
}

/// What a web page says itself.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]).to_ascii_lowercase();
    let mut rest = head.as_str();
    loop {
        rest = &rest[rest.find('<')?..];
        if rest.starts_with("<!--") {
            // `<!-->` is a whole one.
            rest = rest[2..].split_once("-->")?.1;
            continue;
        }
        let tag = &rest[..rest.find('>')?];
        let meta = tag.strip_prefix("<meta").filter(|inside| {
            let begins = inside.starts_with(|c: char| c.is_ascii_whitespace() || c == '/');
            // What describes the page in words says nothing of its letters.
            begins && (!inside.contains("content") || inside.contains("http-equiv"))
        });
        match meta.and_then(named) {
            // It was read as far as here in bytes.
            Some(name) if name.starts_with("utf-16") => return Some("utf-8".to_owned()),
            Some(name) => return Some(name),
            None => rest = &rest[1..],
        }
    }
}

/// Pairs of bytes as UTF-16; an odd last one is left out.
fn wide(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|&pair| unit(pair));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// The text; `told` is the charset that the server names, `markup` whether a page may say it in a tag.
pub(super) fn text(bytes: &[u8], told: Option<String>, markup: bool) -> Result<String, String> {
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return readable(String::from_utf8_lossy(rest).into_owned());
    }
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        return readable(wide(rest, u16::from_le_bytes));
    }
    if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        return readable(wide(rest, u16::from_be_bytes));
    }
    let own = || declared(bytes).filter(|_| markup);
    let name = told.or_else(own).unwrap_or_else(|| "utf-8".to_owned());
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
    let lost = text.matches(char::REPLACEMENT_CHARACTER).count();
    let damaged = text.contains('\0') || 20 * lost > text.chars().count();
    if damaged { Err("it is no text".to_owned()) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_as_they_say() {
        let own = |name: &str| Some(name.to_owned());
        let words = "The Mira is 31 km long. ".repeat(2);
        let long = |end: &[u8]| [b"\xef\xbb\xbf", words.as_bytes(), end].concat();
        let (cut, bad) = (long(b"\xe2\x82"), long(b"\xff."));
        let wide: Vec<u8> = words.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let odd = [b"\xff\xfe", &wide[..], b"a"].concat();
        let (cut_as, bad_as) = (format!("{words}\u{fffd}"), format!("{words}\u{fffd}."));
        let zero = [b"\0", words.repeat(100).as_bytes()].concat();
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
            (b"\xfe\xff\0a", own("utf-8"), Ok("a")),
            // What is cut or damaged behind a mark is read as far as it goes.
            (&cut, None, Ok(&cut_as)),
            (&bad, None, Ok(&bad_as)),
            (&odd, None, Ok(&words)),
            (&odd[..4], None, Ok("T")),
            // One zero among many letters.
            (&zero, None, Err("no text")),
            (b"\x82\xa0", own("shift_jis"), Err("shift_jis, expected utf-8")),
            (b"\x89PNG\r\n\0\0", None, Err("no text")),
            (b"a\0", own("utf-8"), Err("no text")),
            (b"\xff\xfd\xfc\xfb\xfa", None, Err("no text")),
            (b"", None, Ok("")),
        ] {
            let read = text(bytes, told, true);
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
            ("charset-of: x; charset=latin1", Some("latin1")),
        ] {
            assert_eq!(named(text).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn a_web_page_may_say_how_it_is_written() {
        for (page, name) in [
            ("<meta charset=latin1>", Some("latin1")),
            ("<META content='text/html; charset=CP1252' http-equiv=content-type>", Some("cp1252")),
            ("<meta name=charset-note><meta/charset = 'l1'>", Some("l1")),
            ("<meta name=d content='charset=koi8-r is old'><meta charset=utf-8>", Some("utf-8")),
            ("<!-- <meta charset=koi8-r> --><meta charset=ascii>", Some("ascii")),
            ("<!--><meta charset=ascii>", Some("ascii")),
            ("<meta charset=utf-16le>", Some("utf-8")),
            ("<p>A page of charset=koi8-r.", None),
            ("<metal charset=koi8-r>", None),
            ("<meta charset=koi8-r", None),
            ("<!-- <meta charset=koi8-r>", None),
            ("", None),
        ] {
            assert_eq!(declared(page.as_bytes()).as_deref(), name, "{page}");
        }
        let late = format!("{}<meta charset=koi8-r>", " ".repeat(HEAD));
        assert_eq!(declared(late.as_bytes()), None);
        // Only a web page has tags.
        let page = b"<meta charset=koi8-r>";
        assert!(text(page, None, false).is_ok() && text(page, None, true).is_err());
    }
}
