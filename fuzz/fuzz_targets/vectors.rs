//! A file of vectors with damage: an error that leaves it as it was, or vectors that are all there the next time.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tts_core::{BoxError, Embedded, Embedder, TextKind};
use tts_fuzz::edited;
use tts_search::retrieve::{Passage, RetrieveError, Retriever, Vectors};

/// Puts a text where its length says.
struct Lengths;

impl Embedder for Lengths {
    fn embed(&self, texts: &[&str], _: TextKind) -> Result<Embedded, BoxError> {
        let of = |text: &&str| {
            let angle = text.len() as f32 / 100.0;
            [angle.cos(), angle.sin()]
        };
        Ok(Embedded { vectors: texts.iter().flat_map(of).collect(), ..Embedded::default() })
    }

    fn dim(&self) -> usize {
        2
    }

    fn max_tokens(&self) -> usize {
        100
    }

    fn identity(&self, _: TextKind) -> serde_json::Value {
        "lengths".into()
    }
}

fn opened(path: &Path, rebuild: bool) -> Result<Vectors, RetrieveError> {
    let passage = |n: usize| Passage::new(n.to_string(), "", "x".repeat(n));
    Vectors::on_disk(path, (1..6).map(passage).collect(), Lengths, rebuild, &mut |_, _| {})
}

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vectors.jsonl");
    opened(&path, false).expect("vectors");
    std::fs::read(path).expect("a file")
});

fuzz_target!(|damage: (bool, &[u8])| {
    let (rebuild, damage) = damage;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vectors.jsonl");
    let bytes = edited(&WHOLE, damage);
    std::fs::write(&path, &bytes).expect("written");
    match opened(&path, rebuild) {
        Ok(vectors) => {
            let found = vectors.search("xx", 5).expect("finds");
            assert_eq!(found.len(), 5);
            drop(vectors);
            let again = opened(&path, false).expect("what it left is a file of vectors");
            assert_eq!(again.done().made, 0);
        }
        Err(_) => assert_eq!(std::fs::read(&path).expect("it is there"), bytes),
    }
});
