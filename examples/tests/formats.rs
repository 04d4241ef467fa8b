//! `docs/formats.md` names every field of labels, and every column of values.

#[path = "../../tts-search/tests/common/formats.rs"]
mod formats;

use std::path::Path;

use tts_core::Prompt;
use tts_core::family::{Chain, Family};
use tts_examples::experiment::Figure;
use tts_prm::label::{LabelledSolution, LabelledStep, exact, read_labels, write_labels};

#[test]
fn every_field_of_labels_is_documented() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.jsonl");
    let question = "2+3*4";
    let steps = Chain::default().solve(question).unwrap();
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let worked = exact(&Chain::default(), question, &steps);
    let step = LabelledStep { text: "a".into(), tokens: vec![1], value: Some(0.5), rollouts: 2 };
    let asked = LabelledSolution {
        prompt: Prompt::chat("s", "u"),
        start: None,
        steps: vec![step],
        solved: false,
    };
    write_labels(&path, &[worked.clone(), asked.clone()]).unwrap();
    assert_eq!(read_labels(&path).unwrap(), [worked, asked]);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    formats::check("Labels", &lines);
}

/// A column's name with what differs from arm to arm as in the documentation.
fn kind(column: &str) -> String {
    let parts: Vec<&str> = column.split("; ").collect();
    match parts[..] {
        [turns, seed] if turns.starts_with("turns of ") && seed.starts_with("seed ") => {
            "turns of POLICY; seed S".to_owned()
        }
        [arm, n, x] if n.starts_with("N = ") && x.starts_with("x = ") => {
            let what = if arm.starts_with("tokens of ") { "tokens of ARM" } else { "ARM" };
            format!("{what}; N = n; x = x")
        }
        _ => column.to_owned(),
    }
}

#[test]
fn every_column_of_values_is_documented() {
    let documented = formats::documented("Values");
    let courses = ["model", "seed", "step"].into_iter().chain(Figure::ALL.map(Figure::name));
    for column in courses {
        assert!(documented.contains_key(column), "courses of training: {column}");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/results/values");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let bytes = flate2::read::GzDecoder::new(std::fs::File::open(&path).unwrap());
        let mut table = csv::Reader::from_reader(bytes);
        for column in table.headers().unwrap() {
            assert!(documented.contains_key(&kind(column)), "{}: {column}", path.display());
        }
        files += 1;
    }
    assert!(files > 0, "{files} files of values");
}
