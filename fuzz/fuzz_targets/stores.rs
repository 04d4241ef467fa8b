//! A store of lines with damage: an error, or a store that answers and is a store afterwards.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tts_core::toy::{Sample, ToyWorld};
use tts_core::{RecordError, Search, Store};
use tts_fuzz::edited;

/// Searches with the lines of a store, as far as it can be opened.
fn search(path: &Path) -> Result<(), RecordError> {
    let (world, store) = (ToyWorld::default(), Store::open(path)?);
    let generator = store.over(&world, "toy");
    // A damaged line is an error of its search.
    let _ = Search::new(&generator).seed(1).run(Sample { n: 3 }, world.prompt(0));
    Ok(())
}

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.jsonl");
    search(&path).expect("a store");
    std::fs::read(path).expect("lines")
});

fuzz_target!(|damage: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.jsonl");
    std::fs::write(&path, edited(&WHOLE, damage)).expect("written");
    if search(&path).is_ok() {
        search(&path).expect("what it left is a store");
    }
});
