//! Files as users have them: of every system, of spreadsheets, half-written, of another kind.

use super::*;

/// Places and both fields of all records, or the error.
fn pairs(bytes: &[u8]) -> Result<Vec<(String, String, String)>, String> {
    let pair = |row: &Row| Ok((row.place().to_string(), row.required("q")?, row.required("a")?));
    let rows = parse(bytes).map_err(|error| error.to_string())?;
    rows.iter().map(pair).collect::<Result<_, RowError>>().map_err(|error| error.to_string())
}

fn expected(rows: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    rows.iter().map(|&(place, q, a)| (place.into(), q.into(), a.into())).collect()
}

fn utf16(text: &str, little: bool) -> Vec<u8> {
    let bytes = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
}

#[test]
fn the_same_records_are_read_from_every_format() {
    let lines = "{\"q\": \"x, y\", \"a\": 3}\n{\"q\": \"\u{e9}\", \"a\": \"4\"}\n";
    let of_lines = expected(&[("line 1", "x, y", "3"), ("line 2", "\u{e9}", "4")]);
    for text in [
        lines.to_owned(),
        lines.trim_end().to_owned(),
        lines.replace('\n', "\r\n"),
        format!("\u{feff}{lines}"),
    ] {
        assert_eq!(pairs(text.as_bytes()), Ok(of_lines.clone()), "{text:?}");
    }
    for little in [true, false] {
        assert_eq!(pairs(&utf16(lines, little)), Ok(of_lines.clone()));
    }
    let later = expected(&[("line 2", "x, y", "3"), ("line 4", "\u{e9}", "4")]);
    let blank = format!("\n{}", lines.replace("}\n{", "}\n \t\n{"));
    assert_eq!(pairs(blank.as_bytes()), Ok(later));
    let list = format!("[{}]", lines.trim_end().replace('\n', ",\n\n"));
    let of_list = expected(&[("item 1", "x, y", "3"), ("item 2", "\u{e9}", "4")]);
    assert_eq!(pairs(list.as_bytes()), Ok(of_list));
    let of_table = expected(&[("line 2", "x, y", "3"), ("line 3", "\u{e9}", "4")]);
    for table in [
        "q,a\n\"x, y\",3\n\u{e9},4\n",
        "q;a;\r\n\"x, y\";3;\r\n\u{e9};4;\r\n;;\r\n",
        "\u{feff}q\ta\tother\r\n\"x, y\"\t3\t\r\n\u{e9}\t4\tz",
        "\"q\",\" a \"\n\"x, y\",3\n\u{e9},4\n",
    ] {
        assert_eq!(pairs(table.as_bytes()), Ok(of_table.clone()), "{table:?}");
    }
    assert_eq!(pairs(&utf16("q\ta\r\n\"x, y\"\t3\r\n\u{e9}\t4\r\n", true)), Ok(of_table.clone()));
    assert_eq!(pairs(b"q,a\r\"x, y\",3\r\xc3\xa9,4\r"), Ok(of_table));
    // A record over several lines stands where it begins.
    let over = expected(&[("line 2", "x\n\"y\"", "3"), ("line 4", "z", "4")]);
    assert_eq!(pairs(b"q,a\n\"x\n\"\"y\"\"\",3\nz,4\n"), Ok(over));
}

#[test]
fn nothing_is_nothing() {
    for text in ["", "\n", "\u{feff}", "\r\n \r\n", "[]", "q,a\n"] {
        assert_eq!(pairs(text.as_bytes()), Ok(Vec::new()), "{text:?}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let table: [(&[u8], &str); 22] = [
        (b"{\"q\": 1, \"a\": 2}\n{\"q\": 1, \"a", "line 2: the line ends within the object"),
        (b"{\"q\": 1, \"a\": 2}\n\n{\"q\": 1 \"a\"}", "line 3: column 9: expected `,` or `}`"),
        (b"{\"q\": 1, \"a\": 2}\n7\n", "line 2: expected an object with fields, found 7"),
        (b"{\n \"q\": 1}\n", "line 1: an object over several lines"),
        (b"{\"q\": 1}\n", "line 1: field \"a\" is not there; fields are q"),
        (b"{}\n", "line 1: field \"q\" is not there; fields are none"),
        (b"{\"q\": 1, \"a\": null}\n", "line 1: field \"a\" is null"),
        (
            b"{\"q\": 1, \"a\": [2]}\n",
            "line 1: field \"a\": expected a text or a number, found [2]",
        ),
        (b"{\"q\": true, \"a\": 1}\n", "field \"q\": expected a text or a number, found true"),
        (b"{\"q\": \"\\ud800\", \"a\": 1}\n", "line 1: "),
        (b"{\"q\": 1, \"a\": 2}\n{\"q\": \"\xe9\", \"a\": 2}\n", "line 2: not UTF-8: save"),
        (b"[{\"q\": 1, \"a\": 2}, 3]", "item 2: expected an object with fields, found 3"),
        (b"[{\"q\": 1, \"a\": 2}, {\"q\": 1}]", "item 2: field \"a\" is not there"),
        (b"[{\"q\": 1, \"a\": 2},", "a list of records: EOF while parsing"),
        (b"q,a\n1,2\n1,2,3\n", "line 3: 3 cells, but the first row names 2"),
        (b"q,a\n1,\xe9\n", "line 2: not UTF-8"),
        (b"q,q\n1,2\n", "line 1: two columns are called \"q\""),
        (b"Natalia sold 48 clips.\n", "line 1: expected JSON lines, a JSON list, or a table"),
        #[cfg(not(feature = "parquet"))]
        (b"PAR1\x15\x04", "built without the feature `parquet` of tts-core: build it with"),
        #[cfg(feature = "parquet")]
        (b"PAR1\x15\x04", "a damaged Parquet file: "),
        (b"PK\x03\x04\x14\0", "a spreadsheet or an archive: export it as CSV"),
        (b"\x1f\x8b\x08\0", "compressed by gzip"),
        (b"\xff\xfe\x41\0\x42", "damaged UTF-16"),
    ];
    for (bytes, problem) in table {
        let found = pairs(bytes).expect_err(problem);
        assert!(
            found.starts_with(problem) || found.contains(problem),
            "{found:?}, not {problem:?}"
        );
    }
}

#[test]
fn digits_stay_as_they_were_written() {
    let digits = "123456789012345678901234567890";
    let rows = parse(format!("{{\"q\": {digits}, \"a\": 1.50}}").as_bytes()).expect("a record");
    assert_eq!(rows[0].text("q"), Ok(Some(digits.to_owned())));
    assert_eq!(rows[0].text("a"), Ok(Some("1.50".to_owned())));
    assert_eq!(rows[0].text("other"), Ok(None));
    let rows = parse(b"{\"q\": -1.50}").expect("a record");
    assert_eq!(rows[0].text("q"), Ok(Some("-1.50".to_owned())));
}

#[test]
fn columns_are_those_with_names() {
    let rows = parse(b"q;a;\n1;2;3\n").expect("a table");
    assert!(rows[0].names().eq(["a", "q"]));
    // What stands in quotes is no mark between columns.
    let rows = parse(b"\"q, r, s\";a\n1;2\n").expect("a table");
    assert!(rows[0].names().eq(["a", "q, r, s"]));
}

#[derive(serde::Deserialize, Debug, PartialEq)]
struct Pair {
    q: String,
    a: Option<f64>,
}

#[test]
fn records_are_read_as_types() {
    let rows = parse(b"{\"q\": \"x\", \"a\": 0.1}\n{\"q\": 1}\n").expect("records");
    assert_eq!(rows[0].read(), Ok(Pair { q: "x".into(), a: Some(0.1) }));
    let error = rows[1].read::<Pair>().expect_err("a number").to_string();
    assert_eq!(error, "line 2: invalid type: integer `1`, expected a string");
}

/// Each record is there before the next is read, and what was read before an error is had.
#[test]
fn lines_come_one_by_one() {
    let mut rows = Rows::new(&b"{\"q\": 1}\n{\"q\": 2}\noops\n{\"q\": 4}\n"[..]);
    assert_eq!(rows.next().map(|row| row.map(|row| row.required("q"))), Some(Ok(Ok("1".into()))));
    assert_eq!(rows.input.first(), Some(&b'{'));
    assert!(rows.next().is_some_and(|row| row.is_ok()));
    let error = rows.next().and_then(Result::err).map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("line 3: column 1: expected value"));
    assert!(rows.next().is_none());
}

#[test]
fn a_missing_file_is_named() {
    let error = read(Path::new("none/such.jsonl")).expect_err("no file").to_string();
    assert!(error.starts_with("none/such.jsonl: "), "{error}");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.csv");
    std::fs::write(&path, "q,a\n1\n").expect("written");
    let error = read(&path).expect_err("a short row").to_string();
    assert!(error.ends_with("x.csv: line 2: 1 cells, but the first row names 2"), "{error}");
}
