//! The record of a search with damage: told or refused without its strategy; an error, or a search that
//! goes on from it, and from what it leaves again to the same end.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::inspect::{Case, Page};
use tts_core::{Outcome, Search, SearchError};
use tts_fuzz::edited;
use tts_search::BeamSearch;

fn search(record: &Path) -> Result<Outcome, SearchError> {
    let world = ToyWorld::default();
    let oracle = Oracle::of(&world);
    let strategy = BeamSearch { keep: 2, branch: 2, ..BeamSearch::default() };
    Search::new(&world).scorer(&oracle).seed(1).record(record).run(strategy, world.prompt(0))
}

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    search(&path).expect("a search");
    std::fs::read(path).expect("a record")
});

fuzz_target!(|damage: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    std::fs::write(&path, edited(&WHOLE, damage)).expect("written");
    if let Ok(case) = Case::read(&path) {
        assert_eq!(Page::new("").case(case).html().matches("</script>").count(), 2);
    }
    if let Ok(first) = search(&path) {
        let again = search(&path).expect("what it left is a record");
        assert_eq!((first.answer(), first.tree == again.tree), (again.answer(), true));
    }
});
