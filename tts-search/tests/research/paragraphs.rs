//! Real paragraphs of two hops: how they are read and scored, and what plain search finds of them.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use tts_search::research::multihop::{self, Question};
use tts_search::retrieve::Memory;

const ROW: &str = r#"{"id": "1", "question": "Where is the Mira?", "answer": "in Varno",
    "supporting_facts": {"title": ["Mira", "Varno"], "sent_id": [0, 1]},
    "context": {"title": ["Mira", "Varno"], "sentences": [["It is a river.", " It is long."], ["A land.", " It has rivers."]]}}"#;

fn read(text: &str) -> Result<Vec<Question>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("questions.jsonl");
    std::fs::write(&path, text).expect("written");
    multihop::read(&path).map_err(|error| error.to_string())
}

#[test]
fn records_are_read_and_answers_scored() {
    let row = ROW.replace('\n', " ");
    let questions = read(&row).expect("reads");
    let question = &questions[0];
    assert_eq!(question.gold(), BTreeSet::from(["Mira", "Varno"]));
    let passages = multihop::passages(&questions);
    assert_eq!(
        (passages[0].id.as_str(), passages[0].text.as_str()),
        ("Mira", "It is a river. It is long.")
    );
    assert_eq!(multihop::passages(&[question.clone(), question.clone()]).len(), 2);
    assert!(multihop::exact_match("in Varno", "In  the Varno."));
    assert!((multihop::f1("in Varno", "Varno") - 2.0 / 3.0).abs() < 1e-12);
    assert!(multihop::f1("yes", "yes and no") == 0.0 && multihop::f1("", "") == 0.0);
    let said = BTreeSet::from([("Mira".to_owned(), 0), ("Mira".to_owned(), 1)]);
    assert_eq!(multihop::facts(&question.facts, &said), (false, 0.5));
    assert_eq!(multihop::facts(&said, &said), (true, 1.0));
    let steps = multihop::recall(&question.gold(), [vec!["Mira"], vec![], vec!["Varno", "x"]]);
    assert_eq!(steps, [false, false, true]);
    let memory = Memory::new(passages);
    assert_eq!(multihop::found(&memory, &questions, &[9]).expect("finds"), [0]);
    let questions = [Question { question: "Is the Mira in Varno?".into(), ..question.clone() }];
    assert_eq!(multihop::found(&memory, &questions, &[0, 1, 2, 9]).expect("finds"), [0, 0, 1, 1]);
    assert_eq!(multihop::found(&Memory::default(), &questions, &[5]).expect("finds"), [0]);
    for (text, expected) in [("{\"question\": \"q\"}", "questions.jsonl: line 1: "), ("", "")] {
        match read(text) {
            Ok(questions) => assert!(questions.is_empty() && expected.is_empty()),
            Err(error) => {
                assert!(error.contains(expected) && error.contains("supporting_facts"), "{error}");
            }
        }
    }
}

#[test]
fn the_authors_own_form_is_read_alike() {
    let official = r#"[{"_id": "1", "question": "Where is the Mira?", "answer": "in Varno", "type": "bridge",
        "supporting_facts": [["Mira", 0], ["Varno", 1]],
        "context": [["Mira", ["It is a river.", " It is long."]], ["Varno", ["A land.", " It has rivers."]]]}]"#;
    assert_eq!(read(official), read(&ROW.replace('\n', " ")));
    assert_eq!(read(official).expect("reads")[0].id, "1");
}

/// Questions whose gold paragraphs are found where one is read at a time, and what it names is asked next: words in
/// capitals of what was read.
fn anew(memory: &Memory, questions: &[Question], reads: usize) -> usize {
    let both = |question: &&Question| {
        let (mut read, mut query) = (BTreeSet::new(), question.question.clone());
        for _ in 0..reads {
            let found = memory.search(&query, reads + 1).expect("finds");
            let Some(next) = found.into_iter().find(|passage| !read.contains(&passage.id)) else {
                break;
            };
            let first = next.text.split(". ").next().unwrap_or_default().to_owned();
            let names =
                first.split_whitespace().filter(|word| word.starts_with(char::is_uppercase));
            query = format!("{} {}", question.question, names.collect::<Vec<_>>().join(" "));
            read.insert(next.id);
        }
        question.gold().iter().all(|title| read.contains(*title))
    };
    questions.iter().filter(both).count()
}

#[test]
fn both_paragraphs_among_what_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/multihop/hotpotqa_distractor_100.jsonl");
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return;
    }
    let questions = multihop::read(&path).expect("reads");
    assert_eq!(questions.len(), 100);
    let memory = Memory::new(multihop::passages(&questions));
    let found = multihop::found(&memory, &questions, &[2, 4, 5, 10, 20]).expect("finds");
    let again = [2, 4, 5, 10].map(|k| anew(&memory, &questions, k));
    println!(
        "both gold paragraphs of {} passages: at once {found:?} (2, 4, 5, 10, 20); anew {again:?}",
        memory.len()
    );
    assert!(found.windows(2).all(|pair| pair[0] <= pair[1]));
    assert!(found[3] >= 70, "{found:?}");
}
