//! What `docs/models.md` says of each family's tokenizer and memory.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tts_models::text::tokenizer::GgufVocabulary;
use tts_models::{ModelConfig, Tokenizer};

/// A file of the workspace; `None` where this crate stands alone.
fn at(path: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if !file.exists() {
        println!("skipped: no {path} beside this crate");
        return None;
    }
    Some(file)
}

/// The cells of the rows of families.
fn rows() -> Option<Vec<Vec<String>>> {
    let page = std::fs::read_to_string(at("docs/models.md")?).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    Some(rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect()).collect())
}

/// What a text has between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A vocabulary that is split into words by a rule of this name.
fn split_by(pre: &str) -> GgufVocabulary {
    GgufVocabulary {
        model: "gpt2".to_owned(),
        pre: Some(pre.to_owned()),
        tokens: ["a", "b"].map(str::to_owned).to_vec(),
        ..GgufVocabulary::default()
    }
}

#[test]
fn every_tokenizer_that_the_page_names_is_known() {
    let Some(rows) = rows() else { return };
    assert!(rows.len() > 20);
    let read = |spec: &GgufVocabulary| Tokenizer::from_vocabulary(spec, Path::new("page"));
    assert!(read(&split_by("no-such-rule")).is_err());
    for row in rows {
        let (gguf, tokenizer) = (&row[4], &row[5]);
        assert_eq!(gguf.is_empty(), tokenizer.is_empty(), "{row:?}");
        let mut known = 0;
        for name in quoted(tokenizer) {
            let found = read(&split_by(name));
            assert!(found.is_ok(), "{name} of {row:?}: {found:?}");
            known += 1;
        }
        let other = ["SentencePiece", "as its decoder"].iter().any(|word| tokenizer.contains(word));
        assert!(tokenizer.is_empty() || known > 0 || other, "{row:?}");
    }
}

/// Bytes as the page tells them: three figures, in GB.
fn gigabytes(bytes: u64) -> String {
    let amount = bytes as f64 / 1e9;
    match amount {
        amount if amount < 1.0 => format!("{amount:.2}"),
        amount if amount < 100.0 => format!("{amount:.1}"),
        amount => format!("{amount:.0}"),
    }
}

/// Weights at 4.5 bits (`Q4_0`) and at 16. What is published in MXFP4 is held at 8.5 bits, and there is no smaller file.
#[test]
fn the_page_says_in_how_much_memory_each_shape_is_held() {
    let (Some(rows), Some(folder)) = (rows(), at("benches/shapes")) else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20);
    let mut wrong = Vec::new();
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let json: Value = serde_json::from_slice(&bytes).unwrap();
        let (family, name) = (&json["model_type"], file.file_stem().unwrap().to_string_lossy());
        let few = if *family == "gpt_oss" { 8.5 } else { 4.5 };
        let config = ModelConfig::from_json_slice(&bytes, &file).unwrap();
        let [few, many] = [few, 16.0].map(|bits| gigabytes(config.shape(bits, 2).memory(0, 0)));
        let expected = format!("`{name}` {few}, {many}");
        let row = rows.iter().find(|row| quoted(&row[1]).any(|own| family == own));
        let row = row.unwrap_or_else(|| panic!("no row of {family}"));
        let last = &row[row.len() - 2];
        if !last.split("; ").any(|own| own == expected) {
            wrong.push(format!("{family}: {expected:?}, the page says {last:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
