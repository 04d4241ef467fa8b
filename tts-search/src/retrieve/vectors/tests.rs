//! Vectors: what is near, what is kept, what is refused.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use serde_json::{Value, json};
use tts_core::Embedded;

use super::*;

/// Gives every text a direction by chance, and fails once it has read so many.
struct Directions {
    name: &'static str,
    read: Arc<AtomicUsize>,
    most: usize,
}

impl Directions {
    fn new(name: &'static str, most: usize) -> (Self, Arc<AtomicUsize>) {
        let read = Arc::new(AtomicUsize::new(0));
        (Self { name, read: Arc::clone(&read), most }, read)
    }
}

const DIM: usize = 20;

fn direction(text: &str) -> Vec<f32> {
    let mut rng = seed::rng(seed::hash_text(7, text));
    #[expect(clippy::cast_possible_truncation, reason = "test data")]
    let vector: Vec<f32> = (0..DIM).map(|_| (rng.uniform() - 0.5) as f32).collect();
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.into_iter().map(|x| x / length).collect()
}

impl Embedder for Directions {
    fn embed(&self, texts: &[&str], kind: TextKind) -> Result<Embedded, BoxError> {
        if kind == TextKind::Passage
            && self.read.fetch_add(texts.len(), Ordering::Relaxed) + texts.len() > self.most
        {
            return Err("no power".into());
        }
        let long = texts.iter().enumerate().filter(|(_, text)| text.len() > 40);
        Ok(Embedded {
            vectors: texts.iter().flat_map(|text| direction(text)).collect(),
            cut: long.map(|(place, _)| place).collect(),
            tokens: texts.len() as u64,
        })
    }
    fn dim(&self) -> usize {
        DIM
    }
    fn max_tokens(&self) -> usize {
        40
    }
    fn identity(&self, kind: TextKind) -> Value {
        json!({"name": self.name, "prefix": if kind == TextKind::Query { "q: " } else { "" }})
    }
}

fn pages(texts: impl IntoIterator<Item = String>) -> Vec<Passage> {
    (1..).zip(texts).map(|(n, text): (u32, _)| Passage::new(n.to_string(), "", text)).collect()
}

fn many(count: usize) -> Vec<Passage> {
    pages((0..count).map(|n| format!("text {n}")))
}

fn kept(file: &Path, passages: Vec<Passage>, most: usize) -> Result<Vectors, RetrieveError> {
    Vectors::on_disk(file, passages, Directions::new("a", most).0, false, &mut |_, _| {})
}

fn bits(vectors: &Vectors) -> Vec<u32> {
    vectors.matrix.iter().map(|x| x.to_bits()).collect()
}

proptest! {
    #[test]
    fn the_nearest_are_found(count in 0_usize..60, most in 0_usize..70, query in "[a-z]{1,9}") {
        let vectors = Vectors::in_memory(many(count), Directions::new("a", 99).0).expect("embeds");
        let found = vectors.search(&query, most).expect("finds");
        let asked = direction(&query);
        let near = |text: &str| -> f64 {
            asked.iter().zip(direction(text)).map(|(a, b)| f64::from(*a) * f64::from(b)).sum()
        };
        let mut all: Vec<f64> = (0..count).map(|n| near(&format!("text {n}"))).collect();
        all.sort_by(|a, b| b.total_cmp(a));
        prop_assert_eq!(found.len(), count.min(most));
        for (passage, expected) in found.iter().zip(all) {
            prop_assert!((passage.score - expected).abs() < 1e-6);
            prop_assert!((passage.score - near(&passage.text)).abs() < 1e-6);
        }
    }
}

#[test]
fn only_what_is_new_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("deep/vectors.jsonl");
    let twice = || pages(["one", "two", "one"].map(str::to_owned));
    let done = |passages: Vec<Passage>| kept(&file, passages, 99).expect("embeds").done();
    let first = Vectored { made: 2, known: 1, tokens: 2, ..Vectored::default() };
    assert_eq!(done(twice()), first);
    assert_eq!(done(twice()), Vectored { known: 3, ..Vectored::default() });
    let changed = pages(["one", "three"].map(str::to_owned));
    let expected = Vectored { made: 1, known: 1, tokens: 1, spare: 1, cut: 0 };
    assert_eq!(done(changed), expected);
    // What comes back is known, and a title is part of the text.
    let mut back = twice();
    assert_eq!(done(back.clone()).made, 0);
    back[0].title = "A title".into();
    assert_eq!(done(back).made, 1);
    let long = || pages(["x".repeat(50), "x".repeat(50), "short".into()]);
    assert_eq!((done(long()).cut, done(long()).cut, done(long()).made), (2, 2, 0));
    let read = kept(&file, twice(), 0).expect("all is there");
    let memory = Vectors::in_memory(twice(), Directions::new("a", 9).0).expect("embeds");
    assert_eq!((bits(&read), read.identity()), (bits(&memory), memory.identity()));
    assert!(done(Vec::new()).spare > 3);
}

#[test]
fn what_was_killed_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("vectors.jsonl");
    let error = kept(&file, many(200), 150).expect_err("no power").to_string();
    assert_eq!(error, "encoder: passage \"129\": no power");
    // A line that was not written whole.
    let mut bytes = std::fs::read(&file).expect("there");
    let whole = bytes.len();
    bytes.extend_from_slice(b"{\"text\":\"00");
    std::fs::write(&file, &bytes).expect("written");
    let mut told = Vec::new();
    let mut progress = |done, all| told.push((done, all));
    let (directions, read) = Directions::new("a", 999);
    let vectors = Vectors::on_disk(&file, many(200), directions, false, &mut progress);
    let vectors = vectors.expect("goes on");
    assert_eq!((vectors.done().made, read.load(Ordering::Relaxed)), (72, 72));
    assert_eq!(told, [(64, 72), (72, 72)]);
    let fresh = Vectors::in_memory(many(200), Directions::new("a", 999).0).expect("embeds");
    assert_eq!(bits(&vectors), bits(&fresh));
    assert!(std::fs::read(&file).expect("there").len() > whole);
    // A header that was not.
    let header = bytes.iter().position(|&byte| byte == b'\n').expect("a header");
    for length in [0, 1, header] {
        std::fs::write(&file, &bytes[..length]).expect("written");
        assert_eq!(kept(&file, many(3), 99).expect("begins anew").done().made, 3, "{length}");
    }
}

#[test]
fn files_that_are_not_its_own_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("vectors.jsonl");
    kept(&file, many(3), 99).expect("embeds");
    let open = |rebuild: bool| {
        let other = Directions::new("b", 99).0;
        Vectors::on_disk(&file, many(3), other, rebuild, &mut |_, _| {})
    };
    let error = open(false).expect_err("of another encoder").to_string();
    assert!(
        error.contains("vectors of another encoder: encoder.name (\"a\", and now \"b\")"),
        "{error}"
    );
    assert_eq!(kept(&file, many(3), 99).expect("still there").done().made, 0);
    assert_eq!(open(true).expect("made anew").done().made, 3);
    assert_eq!(open(true).expect("its own").done().made, 0);
    let good = std::fs::read_to_string(&file).expect("there");
    let second = good.lines().nth(1).expect("a vector").to_owned();
    for (text, expected) in [
        ("notes of mine\n".to_owned(), "no file of vectors"),
        ("notes of mine".to_owned(), "no file of vectors"),
        ("{\"other\": 1}\n".to_owned(), "no file of vectors"),
        (good.replacen("\"vector\":\"", "\"vector\":\"00", 1), "line 2: expected"),
        (good.replacen("\"text\":\"", "\"text\":\"z", 1), "line 2: expected"),
        (good.replacen(&second, "{}", 1), "line 2: expected"),
        (
            good.replacen(&second[second.len() - 10..second.len() - 2], "0000c07f", 1),
            "line 2: expected",
        ),
    ] {
        std::fs::write(&file, &text).expect("written");
        let error = open(text.starts_with("notes")).expect_err("refused").to_string();
        assert!(error.contains(expected) && error.contains("vectors.jsonl"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).expect("there"), text);
    }
    std::fs::write(&file, &good).expect("written");
    let now = Directions::new("b", 0).0.identity(TextKind::Passage);
    let _held = VectorFile::open(&file, &now, DIM, false).expect("opens");
    let error = open(false).expect_err("in use").to_string();
    assert!(error.contains("another process works on it"), "{error}");
    let error = kept(folder.path(), many(1), 9).expect_err("a folder").to_string();
    assert!(error.contains(&folder.path().display().to_string()), "{error}");
}

/// What an error says to make anew is made anew when that is asked for, and what was whole before it stays.
#[test]
fn what_is_damaged_is_made_anew_where_that_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("vectors.jsonl");
    kept(&file, many(4), 99).expect("embeds");
    let good = std::fs::read_to_string(&file).expect("there");
    let lines: Vec<&str> = good.lines().collect();
    let header = lines[0];
    let open = |rebuild: bool| {
        let same = Directions::new("a", 99).0;
        Vectors::on_disk(&file, many(4), same, rebuild, &mut |_, _| {})
    };
    let torn = header.replace("\"a\"", "\"another\"");
    for (text, expected, made) in [
        (good.replacen(lines[3], "{}", 1), "line 4: expected", 2),
        (good.replacen(lines[1], "no line", 1), "line 2: expected", 4),
        (torn[..torn.len() - 3].to_owned(), "line 1: a header of vectors that was not written", 4),
    ] {
        std::fs::write(&file, &text).expect("written");
        let error = open(false).expect_err("refused").to_string();
        assert!(error.contains(expected) && error.contains("make the file anew"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).expect("there"), text);
        assert_eq!(open(true).expect("made anew").done().made, made, "{text}");
        assert_eq!(open(false).expect("whole").done().known, 4);
        let fresh = Vectors::in_memory(many(4), Directions::new("a", 9).0).expect("embeds");
        assert_eq!(bits(&open(false).expect("whole")), bits(&fresh));
    }
}

/// Gives texts with a mark of theirs what is no vector.
#[derive(Clone, Copy)]
struct Faulty(usize);

impl Embedder for Faulty {
    fn embed(&self, texts: &[&str], _: TextKind) -> Result<Embedded, BoxError> {
        if texts.iter().any(|text| text.contains("fails")) {
            return Err(Box::new(std::fmt::Error));
        }
        let mut vectors = Vec::new();
        for text in texts {
            match *text {
                text if text.contains("NaN") => vectors.extend([1.0, f32::NAN]),
                text if text.contains("large") => vectors.extend([f32::INFINITY, 1.0]),
                text if text.contains("short") => vectors.push(1.0),
                _ => vectors.extend([1.0, 0.0]),
            }
        }
        Ok(Embedded { vectors, ..Embedded::default() })
    }
    fn dim(&self) -> usize {
        self.0
    }
    fn max_tokens(&self) -> usize {
        2
    }
    fn identity(&self, _: TextKind) -> Value {
        "faulty".into()
    }
}

#[test]
fn what_is_no_vector_is_an_error_that_names_the_passage() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("vectors.jsonl");
    for (text, expected) in [
        ("NaN", "encoder: passage \"2\": number 1 of its vector is NaN"),
        ("large", "encoder: passage \"2\": number 0 of its vector is inf"),
        ("short", "encoder: passage \"2\": the encoder gave 1 numbers, expected 1 vectors of 2"),
        ("fails", "encoder: passage \"2\": an error occurred when formatting an argument"),
    ] {
        let texts = || pages(["one", text, "three"].map(str::to_owned));
        let error = Vectors::in_memory(texts(), Faulty(2)).expect_err("refused");
        assert_eq!(error.to_string(), expected);
        let source = std::error::Error::source(&error).expect("what the encoder said");
        assert_eq!(source.is::<std::fmt::Error>(), text == "fails");
        // Nothing of it is kept.
        Vectors::on_disk(&file, texts(), Faulty(2), false, &mut |_, _| {}).expect_err("refused");
        let good = || pages(["one", "two"].map(str::to_owned));
        let vectors = Vectors::on_disk(&file, good(), Faulty(2), false, &mut |_, _| {});
        let vectors = vectors.expect("embeds");
        assert_eq!(vectors.done().spare, 0);
        assert!(vectors.search(text, 2).is_err());
        assert_eq!(vectors.search("a query", 2).expect("finds").len(), 2);
    }
    let error = Vectors::in_memory(many(1), Faulty(0)).expect_err("refused").to_string();
    assert_eq!(error, "an encoder whose vectors have no numbers");
    let error = Vectors::on_disk(&file, many(1), Faulty(0), false, &mut |_, _| {});
    assert!(error.expect_err("refused").to_string().contains("no numbers"));
    let none = Vectors::in_memory(Vec::new(), Faulty(2)).expect("nothing to read");
    assert!(none.is_empty() && none.search("x", 3).expect("finds").is_empty());
}

/// How queries are read changes what is found, but no vector of a passage.
#[test]
fn vectors_of_passages_do_not_depend_on_how_queries_are_read() {
    struct Asks(Value);
    impl Embedder for Asks {
        fn embed(&self, texts: &[&str], _: TextKind) -> Result<Embedded, BoxError> {
            Ok(Embedded { vectors: vec![1.0; texts.len()], ..Embedded::default() })
        }
        fn dim(&self) -> usize {
            1
        }
        fn max_tokens(&self) -> usize {
            2
        }
        fn identity(&self, kind: TextKind) -> Value {
            if kind == TextKind::Query { self.0.clone() } else { json!({"model": 1}) }
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("vectors.jsonl");
    let open = |query: &str| {
        Vectors::on_disk(&file, many(3), Asks(query.into()), false, &mut |_, _| {}).expect("opens")
    };
    let (one, other) = (open("a").identity(), open("b"));
    assert_eq!((other.done().made, other.done().known), (0, 3));
    assert_ne!(one, other.identity());
    assert_eq!(one, open("a").identity());
}
