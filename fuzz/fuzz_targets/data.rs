//! Any bytes as a data file: an error, or records whose places ascend, the same read as they come.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tts_core::rows::{self, Row, Rows};
use tts_search::FewShot;
use tts_search::evaluate::{Mapping, parse};

fuzz_target!(|data: &[u8]| {
    let seen = |row: &Row| {
        let texts: Vec<_> =
            row.names().map(|name| (name.to_owned(), row.text(name).ok())).collect();
        (row.place(), texts)
    };
    let whole = rows::parse(data);
    let one_by_one: Result<Vec<Row>, _> = Rows::new(data).collect();
    match (&whole, &one_by_one) {
        (Ok(whole), Ok(other)) => {
            assert!(whole.iter().map(seen).eq(other.iter().map(seen)));
            assert!(whole.is_sorted_by(|a, b| a.place() < b.place()));
        }
        (Err(one), Err(other)) => assert_eq!(one, other),
        _ => panic!("{whole:?}, but {one_by_one:?}"),
    }
    for item in parse(data, Path::new("data"), &Mapping::default()).map(|data| data.items).into_iter().flatten() {
        assert!(!item.gold.is_empty() && !item.question.trim().is_empty());
    }
    let _ = FewShot::parse(data);
});
