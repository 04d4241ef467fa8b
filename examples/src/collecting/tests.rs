//! A writer of three questions: one that it always solves, one by chance, and one only if it is told the answer.

use std::path::Path;

use clap::Parser;
use tts_core::Search;
use tts_core::task::Math;
use tts_core::toy::Voice;
use tts_search::evaluate::{DataSet, Evaluation};
use tts_search::{BestOfN, FewShot, SelfConsistency};

use super::*;
use crate::options::WritingOptions;
use crate::problems::Problems;
use crate::worked::{self, Asked};

#[derive(Parser)]
struct Said {
    #[command(flatten)]
    writing: WritingOptions,
    #[command(flatten)]
    collect: CollectOptions,
}

fn said(options: &[&str]) -> Said {
    Said::parse_from([&["evaluate"], options].concat())
}

fn writer() -> Voice {
    Voice::new(|asked, _, rng| {
        let text = asked.question();
        let asked = text.rsplit("Question: ").next().unwrap_or_default();
        match asked.chars().next() {
            Some('1') => "1 + 1 = 2. The answer is 2.".to_owned(),
            Some('2') => {
                let sum = 3 + rng.below(2);
                format!("2 + 2 = {sum}. The answer is {sum}.")
            }
            _ if text.contains("right answer is 6") => "3 + 3 = 6. The answer is 6.".to_owned(),
            _ => "3 + 3 = 7. The answer is 7.".to_owned(),
        }
    })
}

fn problems() -> Problems {
    let items = [("1 + 1?", "2"), ("2 + 2?", "4"), ("3 + 3?", "6")];
    let items = items.map(|(question, gold)| Item::new(question, gold)).to_vec();
    Problems { data: DataSet { items, ..DataSet::default() }, family: None, name: "sums".into() }
}

/// Asks all, and writes what is kept; what was told, or the error.
fn collected(options: &[&str], path: &Path) -> Result<String, String> {
    let name = path.to_str().expect("text");
    let Said { writing, collect } = said(&[options, &["--learn", name]].concat());
    let (problems, writer) = (problems(), writer());
    let shots = writing.prompting.few_shot().expect("worked examples");
    let bare = shots.clone().map(|shots| shots.take(0));
    let asks = Asks::of(&problems, &writing, shots.as_ref(), bare.as_ref()).expect("asks");
    let items = &problems.data.items;
    let pool_of = |items: &[Item], n: usize, prompt: &dyn Fn(&str) -> Prompt| {
        let mut pool = Pool::default();
        let votes = SelfConsistency { n, ..SelfConsistency::default() };
        let search = Search::new(&writer).task(Math);
        let asked = Evaluation::new(search, items).prompt(prompt);
        asked.run_seeing(&votes, |row, result| pool.see(&votes, row, result)).expect("runs");
        pool
    };
    let collector = Collector {
        path: path.to_owned(),
        keep: collect.keep().map_err(|error| error.to_string())?,
        hint: collect.hint().map_err(|error| error.to_string())?,
        asks: &asks,
        items,
        stops: shots.is_some().then(|| FewShot::rule().stop),
    };
    let mut out = Vec::new();
    let pool = pool_of(items, 8, &|question| asks.prompt(question));
    let again = |items: &[Item], prompts: &HashMap<String, Prompt>| {
        Ok(pool_of(items, 1, &|question| prompts[question].clone()))
    };
    collector.finish(&pool, again, &mut out).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(out).expect("text"))
}

/// Questions and answers of a file.
fn read(path: &Path) -> Vec<(String, String)> {
    let read = worked::read(path).expect("a file that finetune reads");
    let pair = |own: &worked::Worked| {
        let Asked::Prompt(prompt) = &own.asked else { panic!("{own:?}") };
        (prompt.question().to_owned(), own.answer())
    };
    read.iter().map(pair).collect()
}

fn pair(question: &str, answer: &str) -> (String, String) {
    (question.to_owned(), answer.to_owned())
}

#[test]
fn what_is_right_is_learnt_once_and_behind_the_plain_question() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("solutions.jsonl");
    let own = [
        pair("1 + 1?", "1 + 1 = 2. The answer is 2."),
        pair("2 + 2?", "2 + 2 = 4. The answer is 4."),
        pair("3 + 3?", "3 + 3 = 6. The answer is 6."),
    ];
    let told = collected(&[], &path).expect("kept");
    assert_eq!(read(&path), own[..2]);
    assert!(told.contains("learn     2 of 24 solutions, of 2 of 3 problems"), "{told}");
    assert!(told.contains("66.7 % of any") && !told.contains("hinted"), "{told}");
    // Who was told the answer is learnt from as if nobody had told it.
    let told = collected(&["--hinted"], &path).expect("kept");
    assert_eq!(read(&path), own);
    assert!(told.contains(
        "hinted    1 problems that nobody solved, asked again with the answer: 1 right, 1 kept"
    ));
    // No hint makes a problem easy.
    let told = collected(&["--hinted", "--drop-easy"], &path).expect("kept");
    assert_eq!(read(&path), own[1..]);
    assert!(told.contains("1 problems are too easy"), "{told}");
    // All that was written, as often as it was; what was told the answer in vain is not.
    let all = ["--keep-wrong", "--distinct", "never", "--per-problem", "0"];
    let told = collected(&all, &path).expect("kept");
    assert_eq!(read(&path).len(), 24);
    assert!(told.contains("that are kept are wrong"), "{told}");
    assert_eq!(read(&path).iter().filter(|(question, _)| question == "1 + 1?").count(), 8);
    let few = ["--distinct", "never", "--per-problem", "3"];
    collected(&few, &path).expect("kept");
    assert_eq!(read(&path).iter().filter(|(question, _)| question == "1 + 1?").count(), 3);
}

#[test]
fn worked_examples_are_not_learnt() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("solutions.jsonl");
    collected(&["--few-shot", "builtin"], &path).expect("kept");
    let expected = pair("Question: 1 + 1?\nAnswer:", " 1 + 1 = 2. The answer is 2.\n\n");
    assert_eq!(read(&path)[0], expected);
}

#[test]
fn what_cannot_be_kept_is_said_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("solutions.jsonl");
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("written");
        file.to_str().expect("text").to_owned()
    };
    let hint = write("hint.jinja", "{{ question }}");
    let keep = write("keep.json", r#"{"solved": true, "shortest": 3}"#);
    let marks = write("marks.json", r#"{"form": {"marks": []}}"#);
    for (options, expected) in [
        (&["--form"][..], "nothing is kept"),
        (&["--most-tokens", "1"], "nothing is kept"),
        (&["--least-score", "0.5"], "nothing was scored, expected a --scorer"),
        (&["--least-score", "nan"], "least_score: NaN"),
        (&["--hinted", "--hint", &hint], "the hint shows no {{ answer }}"),
        (&["--hinted", "--hint", "none.jinja"], "--hint none.jinja: "),
        (&["--curation", &keep], "unknown field `shortest`"),
        (&["--curation", &marks], "format.marks: 0 marks"),
    ] {
        let error = collected(options, &path).expect_err(expected);
        assert!(error.contains(expected), "{error}");
        assert!(!path.exists(), "{options:?}");
    }
    assert!(Said::try_parse_from(["evaluate", "--learn", "x", "--script", "runic"]).is_err());
    assert!(Said::try_parse_from(["evaluate", "--drop-easy"]).is_err());
    let keep = said(&["--learn", "x", "--script", "latin", "--distinct", "text"]).collect.keep();
    let keep = keep.expect("sound");
    assert_eq!((keep.script, keep.same), (Some(Script::Latin), Sameness::Text));
}

/// The score of the search's own scorer chooses, of whatever strategy.
#[test]
fn the_best_scored_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("solutions.jsonl");
    let name = path.to_str().expect("text");
    let Said { writing, collect } =
        said(&["--learn", name, "--keep-wrong", "--least-score", "0.5"]);
    let (problems, writer) = (problems(), writer());
    let asks = Asks::of(&problems, &writing, None, None).expect("asks");
    let likes =
        tts_core::scorer::from_fn(|_, step| if step.text.contains('7') { 0.9 } else { 0.2 });
    let likes = likes.with_scale(tts_core::Scale::PREFIX);
    let (best, mut pool) = (BestOfN { n: 4, ..BestOfN::default() }, Pool::default());
    let search = Search::new(&writer).task(Math).scorer(likes);
    Evaluation::new(search, &problems.data.items)
        .run_seeing(&best, |row, result| pool.see(&best, row, result))
        .expect("runs");
    let keep = collect.keep().expect("sound");
    let items = &problems.data.items;
    let collector =
        Collector { path: path.clone(), keep, hint: None, asks: &asks, items, stops: None };
    let mut out = Vec::new();
    collector.finish(&pool, |_, _| Ok(Pool::default()), &mut out).expect("kept");
    assert_eq!(read(&path), [pair("3 + 3?", "3 + 3 = 7. The answer is 7.")]);
}
