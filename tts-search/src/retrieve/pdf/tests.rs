//! PDF: pages as they are drawn, and files that are none.

use super::*;
use crate::retrieve::Folder;

/// All pages, however long they take.
fn read_pages(bytes: Vec<u8>) -> Result<Vec<String>, String> {
    pages(bytes, PATIENCE)
}

/// A file of these objects, numbered from 1; the first is the catalogue.
fn file(objects: &[String], trailer: &str) -> Vec<u8> {
    let (mut out, mut table) = (String::from("%PDF-1.4\n"), String::new());
    for (number, object) in (1..).zip(objects) {
        table.extend([format!("{:010} 00000 n \n", out.len())]);
        out.extend([format!("{number} 0 obj\n{object}\nendobj\n")]);
    }
    let (begin, size) = (out.len(), objects.len() + 1);
    let end = format!(
        "xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\n\
         startxref\n{begin}\n%%EOF\n"
    );
    (out + &end).into_bytes()
}

fn stream(content: &str) -> String {
    format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len())
}

/// Pages that draw these contents in a plain font, `/F1`, and in one whose letters stand for others, `/F2`.
fn objects(contents: &[&str]) -> Vec<String> {
    let page = |number: usize| 6 + 2 * number;
    let kids: Vec<String> =
        (0..contents.len()).map(|number| format!("{} 0 R", page(number))).collect();
    let map = "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /M def /CMapType 2 def \
               1 begincodespacerange <00> <ff> endcodespacerange 2 beginbfchar <41> <004F> <42> <0066006600690063> \
               endbfchar endcmap end end";
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Count {} /Kids [{}] >>", contents.len(), kids.join(" ")),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
            .to_owned(),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 5 0 R >>".to_owned(),
        stream(map),
    ];
    for (number, content) in contents.iter().enumerate() {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R \
             /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>",
            page(number) + 1
        ));
        objects.push(stream(content));
    }
    objects
}

/// A content with a form of its own, `/X`, which is object `form`.
fn with_form(content: &str, form: usize) -> Vec<String> {
    let mut objects = objects(&[content]);
    let x = format!("/XObject << /X {form} 0 R >> /Font <<");
    objects[5] = objects[5].replace("/Font <<", &x);
    objects
}

/// A form that may draw `/X`, which is object `other`.
fn form(content: &str, other: usize) -> String {
    format!(
        "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X {other} 0 R >> >> \
         /Length {} >>\nstream\n{content}\nendstream",
        content.len()
    )
}

fn of(contents: &[&str]) -> Vec<u8> {
    file(&objects(contents), "")
}

const FIRST: &str = "BT /F1 12 Tf 14 TL 72 720 Td (The Mira is a river of the exam-) Tj T* (ple.) Tj 0 -40 Td (It is 31 km long.) Tj ET";

#[test]
fn words_lines_and_paragraphs_are_those_of_the_page() {
    let kerned = "BT /F1 12 Tf 72 720 Td [(Os) -20 (leta) -400 (lies) -350 (there)] TJ ET";
    let scaled = "q 2 0 0 2 0 0 cm BT /F1 1 Tf 6 0 0 6 36 300 Tm (Large letters) Tj ET Q";
    let turned = "BT /F1 12 Tf 0 1 -1 0 300 100 Tm (Up the page) Tj ET";
    let mapped = "BT /F2 12 Tf 72 720 Td (AB) Tj ET";
    let drawn = "0 0 100 100 re f 10 10 m 20 20 l S";
    let found = read_pages(of(&[FIRST, kerned, scaled, turned, mapped, drawn])).expect("reads");
    assert_eq!(
        found,
        [
            "The Mira is a river of the example.\n\nIt is 31 km long.",
            "Osleta lies there",
            "Large letters",
            "Up the page",
            "Offic",
            "",
        ]
    );
}

#[test]
fn files_that_are_none_are_errors_and_others_go_on() {
    let good = of(&[FIRST]);
    let locked = format!(
        "/Encrypt << /Filter /Standard /V 1 /R 2 /O <{0}> /U <{0}> /P -4 >> /ID [<{0}> <{0}>]",
        "0123456789abcdef".repeat(4)
    );
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes, expected) in [
        ("empty.pdf", Vec::new(), "no PDF"),
        ("text.pdf", b"This is no PDF.".to_vec(), "no PDF"),
        ("head.pdf", good[..30].to_vec(), "no PDF"),
        ("locked.pdf", file(&objects(&[FIRST]), &locked), "password"),
        ("blank.pdf", of(&["0 0 100 100 re f"]), "there is no text in it"),
    ] {
        std::fs::write(folder.path().join(name), bytes).expect("written");
        let read = Folder::read(folder.path()).expect("reads");
        let why = read.skipped.iter().find(|(path, _)| path.ends_with(name));
        let why = why.map(|(_, why)| why.as_str()).unwrap_or_default();
        assert!(why.contains(expected), "{name}: {why}");
    }
    std::fs::write(folder.path().join("paper.PDF"), &good).expect("written");
    let read = Folder::read(folder.path()).expect("reads");
    assert_eq!((read.documents.len(), read.skipped.len()), (1, 5));
    let page = &read.documents[0];
    assert_eq!((page.id.as_str(), page.title.as_str()), ("paper.PDF/page 1", "paper, page 1"));
    assert!(page.place.ends_with("paper.PDF, page 1"), "{}", page.place);
}

/// A font that the file does not bring, half as wide as what would stand in for it, or twice as wide.
#[test]
fn letters_of_fonts_that_are_not_there_are_as_wide_as_the_file_says() {
    for (width, gap) in [(250, 150), (556, 300), (1_200, 300)] {
        let widths = vec![width.to_string(); 256].join(" ");
        for kind in ["/Type1 /BaseFont /Frutiger-LightCn", "/TrueType /BaseFont /ArialNarrow"] {
            let words = "BT /F1 12 Tf 72 720 Td (computer) Tj (s) Tj ET";
            let parted = format!("BT /F1 12 Tf 72 720 Td [(one) -{gap} (two)] TJ ET");
            let mut objects = objects(&[words, &parted]);
            objects[2] = format!(
                "<< /Type /Font /Subtype {kind} /FirstChar 0 /LastChar 255 /Widths [{widths}] \
                 /Encoding /WinAnsiEncoding >>"
            );
            let found = read_pages(file(&objects, ""));
            let expected = ["computers", if gap > 200 { "one two" } else { "onetwo" }];
            assert_eq!(found, Ok(expected.map(str::to_owned).to_vec()), "{kind} {width}");
        }
    }
}

/// The same for fonts of many letters: codes of two bytes, whose widths stand in `/W`.
#[test]
fn letters_of_large_fonts_that_are_not_there_are_so_too() {
    let mut objects = objects(&["BT /F1 12 Tf 72 720 Td <00410041004100410041> Tj ET"]);
    let map = "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /M def /CMapType 2 def \
               1 begincodespacerange <0000> <ffff> endcodespacerange 1 beginbfchar <0041> <0061> endbfchar \
               endcmap end end";
    objects[2] =
        "<< /Type /Font /Subtype /Type0 /BaseFont /Frutiger-LightCn /Encoding /Identity-H \
                  /DescendantFonts [8 0 R] /ToUnicode 9 0 R >>"
            .to_owned();
    objects.push(
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Frutiger-LightCn /DW 1000 /W [0 [250] 65 [250]] \
         /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>"
            .to_owned(),
    );
    objects.push(stream(map));
    assert_eq!(read_pages(file(&objects, "")), Ok(vec!["aaaaa".to_owned()]));
}

#[test]
fn pages_that_cannot_be_numbered_are_an_error() {
    let whole = objects(&[FIRST, FIRST, FIRST]);
    for (from, to, expected) in [
        ("[6 0 R 8 0 R 10 0 R]", "[6 0 R 99 0 R 10 0 R]", "says 3 pages, but 2 can be read"),
        ("[6 0 R 8 0 R 10 0 R]", "[6 0 R 6 0 R 10 0 R]", "says 3 pages, but 2 can be read"),
        ("/Count 3", "/Count 4", "says 4 pages, but 3 can be read"),
        ("/Count 3", "", "says no number of pages, but 3 can be read"),
        ("[6 0 R 8 0 R 10 0 R]", "[2 0 R 2 0 R 2 0 R]", "says 3 pages, but 0 can be read"),
    ] {
        let mut broken = whole.clone();
        broken[1] = broken[1].replace(from, to);
        assert_ne!(broken, whole);
        let why = read_pages(file(&broken, "")).expect_err("refused");
        assert!(why.contains(expected), "{why}");
    }
    assert_eq!(read_pages(file(&whole, "")).map(|pages| pages.len()), Ok(3));
}

/// Whatever is cut off or changed, there is an answer: pages, or why there are none.
#[test]
fn damaged_files_never_end_the_program() {
    let good = of(&[FIRST, FIRST]);
    let known = [
        "no PDF, or a damaged one",
        "its page tree says",
        "it wants a password",
        "its encryption cannot",
        "the reader of PDF failed on it: ",
    ];
    let (mut read, mut refused) = (0, [0; 5]);
    let mut rng = tts_core::seed::rng(3);
    for round in 0..400 {
        let mut bytes = good.clone();
        match round % 3 {
            0 => bytes.truncate(rng.below(good.len())),
            1 => {
                for _ in 0..=rng.below(8) {
                    let place = rng.below(bytes.len());
                    bytes[place] = u8::try_from(rng.below(256)).expect("a byte");
                }
            }
            _ => {
                let (from, length) = (rng.below(bytes.len()), rng.below(40));
                let until = (from + length).min(bytes.len());
                bytes.drain(from..until);
            }
        }
        match read_pages(bytes) {
            Ok(pages) => {
                assert_eq!(pages.len(), 2);
                read += usize::from(pages.iter().any(|page| page.contains("river")));
            }
            Err(why) => {
                let kind = known.iter().position(|known| why.starts_with(known));
                refused[kind.unwrap_or_else(|| panic!("{why}"))] += 1;
            }
        }
    }
    // Most changes are mended by the reader; of those that are cut off most are refused. None makes it panic.
    println!("{read} read, refused {refused:?}");
    assert!(read > 150 && refused[0] > 0 && refused[1] > 0, "{read} {refused:?}");
    assert_eq!(refused[4], 0);
}

#[test]
fn a_reader_that_panics_is_an_error_and_the_next_one_reads() {
    let failed: Result<(), String> = apart(|| panic!("a fault of the reader"));
    assert_eq!(failed, Err("the reader of PDF failed on it: a fault of the reader".to_owned()));
    let number = read_pages(of(&[FIRST])).map(|pages| pages.len());
    let failed: Result<(), String> = apart(|| panic!("{number:?}"));
    assert_eq!(failed, Err("the reader of PDF failed on it: Ok(1)".to_owned()));
    let failed: Result<(), String> = apart(|| std::panic::resume_unwind(Box::new(3)));
    assert_eq!(failed, Err("the reader of PDF failed on it".to_owned()));
}

#[test]
fn what_refers_to_itself_ends() {
    let mut deep = objects(&[FIRST]);
    deep[6] = stream(&format!("{} {FIRST}", "[".repeat(200_000)));
    // What stands behind brackets that nothing closes is in them.
    assert_eq!(read_pages(file(&deep, "")), Ok(vec![String::new()]));
    let mut looped = with_form(&format!("/X Do {FIRST}"), 8);
    looped.push(form("/X Do", 8));
    let found = read_pages(file(&looped, "")).expect("reads");
    assert!(found[0].starts_with("The Mira"), "{found:?}");
}

/// Forty forms, each of which draws the next one twice: 2^40 of them.
#[test]
fn what_draws_without_end_is_an_error_soon() {
    let mut objects = with_form(&format!("{FIRST} /X Do"), 8);
    objects.extend((9..49).map(|next| form("/X Do /X Do", next)));
    objects.push(form("", 49));
    let bytes = file(&objects, "");
    let few = Limits { drawn: 5_000, ..PAGE };
    let cases = [
        (few, FILE, "page 1 draws more than 5000 things"),
        (PAGE, few, "the file draws more than 5000 things"),
        (Limits { letters: 9, ..PAGE }, FILE, "page 1 has more than 9 letters"),
        (Limits { time: Duration::ZERO, ..PAGE }, FILE, "page 1 takes more than 0 seconds"),
    ];
    for (page, of_file, expected) in cases {
        let begun = Instant::now();
        assert_eq!(within(bytes.clone(), page, of_file), Err(expected.to_owned()));
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
    // As a user meets it, beside a file that is read.
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("endless.pdf"), bytes).expect("written");
    std::fs::write(folder.path().join("good.pdf"), of(&[FIRST])).expect("written");
    let read = Folder::read(folder.path()).expect("reads");
    assert_eq!(read.documents.len(), 1);
    let [(path, why)] = &read.skipped[..] else { panic!("{:?}", read.skipped) };
    assert!(path.ends_with("endless.pdf") && why.starts_with("page 1 "), "{why}");
}
