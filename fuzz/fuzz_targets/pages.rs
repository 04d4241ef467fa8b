//! A PDF with damage: skipped with its reason, or pages of text. A stack that overflows in the foreign reader is a finding
//! that this library knows of (`tts_search::retrieve`); `-rss_limit_mb` bounds what is decompressed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tts_fuzz::edited;
use tts_search::retrieve::Folder;

/// A page of two lines in a plain font.
static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let content =
        "BT /F1 12 Tf 72 700 Td (The Mira is a river.) Tj 0 -14 Td [(It is) -300 (long.)] TJ ET";
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Count 1 /Kids [4 0 R] >>".to_owned(),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
            .to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R \
         /Resources << /Font << /F1 3 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
    ];
    let (mut out, mut table) = (String::from("%PDF-1.4\n"), String::new());
    for (number, object) in (1..).zip(&objects) {
        table += &format!("{:010} 00000 n \n", out.len());
        out += &format!("{number} 0 obj\n{object}\nendobj\n");
    }
    let (begin, size) = (out.len(), objects.len() + 1);
    out += &format!(
        "xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{begin}\n%%EOF\n"
    );
    out.into_bytes()
});

fuzz_target!(|damage: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.pdf");
    std::fs::write(&path, edited(&WHOLE, damage)).expect("written");
    let read = Folder::read(&path).expect("the folder is there");
    assert_eq!(read.documents.is_empty(), !read.skipped.is_empty());
    assert!(read.documents.iter().all(|page| page.id.starts_with("a.pdf/page ")));
});
