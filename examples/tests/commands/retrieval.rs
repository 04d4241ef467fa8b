//! Research in folders by words and by meaning, run as a user runs it, and what is said where something is missing.

use std::path::{Path, PathBuf};

use serde_json::json;
use tts_core::seed;
use tts_examples::pair;
use tts_models::testing::fake::{Act, Fake};
use tts_search::research::atlas::Agents;

use super::{example, ran, text};

/// The small encoder that the tests of encoders have.
fn encoder() -> String {
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tts-models/tests/fixtures/encoder");
    at.to_str().unwrap().to_owned()
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = PathBuf::from(self.at(name));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        self.at(name)
    }
}

const QUESTION: &str = r#"{"id": "1", "question": "Where is the river?", "answer": "in Varno", "supporting_facts": [["Mira", 0], ["Varno", 0]], "context": [["Mira", ["It is a river of Varno."]], ["Varno", ["The land where it is."]]]}"#;

#[test]
fn how_much_is_found_is_told_without_a_model() {
    let Some(research) = example("research") else { return };
    let (place, encoder) = (Place::new(), encoder());
    let questions = place.write("questions.jsonl", QUESTION);
    let both = ran(&research, &["--recall", &questions, "--embed", &encoder]);
    let said = text(&both);
    assert!(both.status.success(), "{said}");
    for expected in
        ["questions 1, 2 paragraphs", "| words | 1 |", "| vectors | 1 |", "| hybrid | 1 |"]
    {
        assert!(said.contains(expected), "{said}");
    }
    let words = text(&ran(&research, &["--recall", &questions]));
    assert!(words.contains("| words | 1 |") && !words.contains("vectors"), "{words}");
    let (empty, folder) = (place.write("empty.jsonl", ""), place.write("nothing/a", ""));
    let folder = Path::new(&folder).parent().unwrap().to_str().unwrap();
    for (arguments, expected) in [
        (&["--recall", place.at("none.jsonl").as_str()][..], "none.jsonl"),
        (&["--recall", &empty], "empty.jsonl: no questions with paragraphs"),
        (&["--recall", &questions, "--embed", folder], "config.json"),
        (&["--recall", &questions, "--embed", &place.at("none")], "there is no such folder"),
        (&["--recall", &questions, "--vectors", "x"], "--embed"),
        (&["--recall", &questions, "a question"], "cannot be used with"),
        (&["--recall", &questions, "--model", "none"], "cannot be used with"),
        (&["--recall", &questions, "--out", "x.html"], "cannot be used with"),
        (&["--recall", &questions, "--estimate"], "cannot be used with"),
        (&["--recall", &questions, "--record", "x.jsonl"], "cannot be used with"),
        (&["--recall", &questions, "--judge-support", "1"], "cannot be used with"),
        (
            &["--recall", &questions, "--embed", &encoder, "--rebuild-vectors"],
            "--rebuild-vectors needs a file of vectors",
        ),
        (
            &["--recall", &questions, "--embed", &encoder, "--pooling", "max"],
            "expected mean or cls",
        ),
        (&["--index", folder, "a question"], "--model"),
    ] {
        let output = ran(&research, arguments);
        let said = text(&output);
        assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
    }
}

#[test]
fn vectors_of_a_folder_are_kept_beside_it() {
    let Some(research) = example("research") else { return };
    let (place, encoder) = (Place::new(), encoder());
    let notes = place.write("notes/a.txt", "The Mira is a river.\n\nIt is long.");
    let folder = Path::new(&notes).parent().unwrap().to_str().unwrap();
    let vectors = place.at("vectors.jsonl");
    let asked = |vectors: &str, more: &[&str]| {
        // Vectors are made before the model is opened, which is not there.
        let all = ["--index", folder, "--embed", &encoder, "--vectors", vectors, "--model", "none"];
        ran(&research, &[&all[..], &["where?"], more].concat())
    };
    let said = text(&asked(&vectors, &["--estimate"]));
    assert!(said.contains("estimate") && !said.contains("index  "), "{said}");
    assert!(!Path::new(&vectors).exists());
    for expected in ["1 passages: 1 read, 0 known", "1 passages: 0 read, 1 known"] {
        let output = asked(&vectors, &[]);
        let said = text(&output);
        assert!(said.contains(expected) && said.contains("none"), "{said}");
    }
    // How queries are read is no matter of the vectors of passages.
    let query = text(&asked(&vectors, &["--query-prefix", "the "]));
    assert!(query.contains("0 read, 1 known; pooling mean"), "{query}");
    let cls = text(&asked(&vectors, &["--pooling", "cls"]));
    assert!(cls.contains("encoder.pooling (\"mean\", and now \"cls\")"), "{cls}");
    let other = text(&asked(&vectors, &["--passage-prefix", "the "]));
    assert!(other.contains("encoder.prefix (\"\", and now \"the \")"), "{other}");
    assert!(
        other.contains("vectors of another encoder") && other.contains("vectors.jsonl"),
        "{other}"
    );
    let anew = text(&asked(&vectors, &["--passage-prefix", "the ", "--rebuild-vectors"]));
    assert!(anew.contains("1 read, 0 known"), "{anew}");
    // A damaged file is made anew as it is said.
    std::fs::write(&vectors, std::fs::read_to_string(&vectors).unwrap() + "no line\n").unwrap();
    let damaged = text(&asked(&vectors, &["--passage-prefix", "the "]));
    assert!(
        damaged.contains("line 3: expected") && damaged.contains("make the file anew"),
        "{damaged}"
    );
    let anew = text(&asked(&vectors, &["--passage-prefix", "the ", "--rebuild-vectors"]));
    assert!(anew.contains("0 read, 1 known"), "{anew}");
    let mine = place.write("mine.txt", "Notes of mine.\n");
    let refused = asked(&mine, &["--rebuild-vectors"]);
    assert!(!refused.status.success() && text(&refused).contains("no file of vectors"));
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "Notes of mine.\n");
    std::fs::remove_file(&notes).unwrap();
    let empty = asked(&vectors, &[]);
    assert!(!empty.status.success() && text(&empty).contains("nothing to search in"));
}

#[test]
fn where_nothing_cites_a_judge_of_support_is_asked_nothing() {
    let Some(research) = example("research") else { return };
    let place = Place::new();
    let notes = place.write("notes/a.txt", "The Mira is a river.");
    let folder = Path::new(&notes).parent().unwrap().to_str().unwrap();
    let out = place.at("report.md");
    let limits = ["--calls", "4", "--max-tokens", "12", "--out", &out, "--judge-support", "2"];
    // A model of sums that knows no letters: it fails at the first prompt, and leaves a page all the same.
    let asked = ["--index", folder, "--model", "embedded", "1+2"];
    let output = ran(&research, &[&asked[..], &limits].concat());
    let said = text(&output);
    assert!(!output.status.success() && said.contains("has no token"), "{said}");
    assert!(said.contains("support   0 of 0 sentences that cite"), "{said}");
    assert!(said.contains("judged    0 judgements read, 0 refused; 0 lines"), "{said}");
    assert!(std::fs::read_to_string(&out).unwrap().contains("No sentence of the report cites"));
}

/// A server of chats that writes every part of a research as the agents of Atlas do.
fn agents() -> Fake {
    Fake::start(|seen| {
        let messages = seen.body["messages"].as_array();
        let Some(asked) = messages.and_then(|all| all.last()?["content"].as_str()) else {
            return Act::Status(404, "", "{}".into());
        };
        let text = Agents::default().write(asked, &mut seed::rng(0));
        Act::Json(json!({
            "choices": [{ "message": { "content": text }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": asked.len(), "completion_tokens": text.len() },
        }))
    })
}

#[test]
fn a_judge_of_support_whose_lines_fail_takes_no_report_with_it() {
    let Some(research) = example("research") else { return };
    let (place, server) = (Place::new(), agents());
    let policy = json!({
        "servers": [server.address()], "kind": "chat", "model": "agents", "text": "bytes", "self_test": false,
        "unseeded": true,
    });
    // One that knows no letters.
    let judge = pair::folder().join("generator");
    let engines = json!({ "policy": policy, "judge": judge });
    let (engines, out) = (place.write("engines.json", &engines.to_string()), place.at("report.md"));
    let asked = ["--atlas", "0", "--model", &engines, "--out", &out];
    let sound = ran(&research, &asked);
    let said = text(&sound);
    assert!(
        sound.status.success() && said.contains("graded    6 of 6 right, 6 supported"),
        "{said}"
    );
    let report = std::fs::read_to_string(&out).unwrap();
    std::fs::remove_file(&out).unwrap();

    let judged = ran(&research, &[&asked[..], &["--judge-support", "1"]].concat());
    let said = text(&judged);
    assert!(judged.status.success(), "{said}");
    assert!(said.contains("graded    6 of 6 right, 6 supported"), "{said}");
    assert!(said.contains("judged    0 judgements read, 6 refused"), "{said}");
    let kept = std::fs::read_to_string(&out).unwrap();
    assert!(kept.contains("gave no judgement that could be read of 6"), "{kept}");
    // All that stood in the report stands there.
    let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    assert!(lines(&report).iter().all(|line| lines(&kept).contains(line)), "{report}\n\n{kept}");
}
