//! PDF: pages as they are drawn, and files that are none.

use super::*;
use crate::retrieve::Folder;

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
    let found = pages(&of(&[FIRST, kerned, scaled, turned, mapped, drawn])).expect("reads");
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

/// Whatever is cut off or changed, there is an answer: pages, or why there are none.
#[test]
fn damaged_files_never_end_the_program() {
    let good = of(&[FIRST, FIRST]);
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
        if let Err(why) = pages(&bytes) {
            let known = ["PDF", "it wants a password", "its encryption"];
            assert!(known.iter().any(|known| why.contains(known)), "{why}");
        }
    }
}

#[test]
fn a_reader_that_panics_is_an_error_and_the_next_one_reads() {
    let failed: Result<(), String> = apart(|| panic!("a fault of the reader"));
    assert_eq!(failed, Err("the reader of PDF failed on it".to_owned()));
    assert_eq!(pages(&of(&[FIRST])).map(|pages| pages.len()), Ok(1));
}

#[test]
fn what_refers_to_itself_ends() {
    let mut looped = objects(&[FIRST]);
    looped[1] = "<< /Type /Pages /Count 1 /Kids [2 0 R 2 0 R] >>".to_owned();
    let mut deep = objects(&[FIRST]);
    deep[6] = stream(&"[".repeat(200_000));
    let mut form = objects(&["/X Do"]);
    form[5] = form[5].replace("/Font <<", "/XObject << /X 8 0 R >> /Font <<");
    form.push(
        "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 8 0 R >> >> /Length 5 >>\n\
         stream\n/X Do\nendstream"
            .to_owned(),
    );
    for objects in [looped, deep, form] {
        // An answer of any kind, soon.
        let _ = pages(&file(&objects, ""));
    }
}
