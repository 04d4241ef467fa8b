//! Parquet files as pyarrow writes them (`scripts/parquet_fixtures.py`), and damaged ones.
#![cfg(feature = "parquet")]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tts_core::rows::{self, Place};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The fields that the script wrote, however the pages are compressed.
#[test]
fn every_kind_of_column_is_read() {
    for name in ["plain", "snappy", "zstd", "zstd2"] {
        let rows = rows::read(&file(&format!("kinds.{name}.parquet"))).unwrap();
        assert_eq!((rows.len(), rows[1].place()), (2, Place::Item(2)), "{name}");
        let all: Vec<Value> = rows.iter().map(|row| row.read().unwrap()).collect();
        let first = json!({
            "long": 9_007_199_254_740_993_i64, "unsigned": u64::MAX, "small": -7, "single": 0.1,
            "double": 145.0, "yes": true, "text": "größer", "day": "2026-11-29", "price": "12.50",
            "picture": { "bytes": 3 }, "none": null, "list": [1, null, 3], "map": { "a": 1 },
        });
        let second = json!({
            "long": null, "unsigned": 0, "small": 7, "single": null, "double": 1e-7, "yes": false,
            "text": "", "day": null, "price": "-0.05", "picture": "text", "none": null, "list": [],
            "map": {},
        });
        assert_eq!(all, [first, second], "{name}");
        // Digits as written.
        let text = |field: &str| rows[0].text(field).unwrap().unwrap();
        assert_eq!((text("long"), text("single")), ("9007199254740993".into(), "0.1".into()));
        let error = rows[0].text("picture").unwrap_err().to_string();
        assert!(
            error.contains("item 1: field \"picture\"") && error.contains("{\"bytes\":3}"),
            "{error}"
        );
    }
}

#[test]
fn long_pages_of_zstd_are_whole() {
    let rows = rows::read(&file("long.zstd.parquet")).unwrap();
    assert_eq!(rows.len(), 40);
    for (number, row) in rows.iter().enumerate() {
        let question = row.required("question").unwrap();
        assert_eq!(question, format!("{number}: {}", "word ".repeat(4000)));
    }
}

#[test]
fn what_cannot_be_undone_is_named() {
    let error = rows::read(&file("gzip.parquet")).unwrap_err().to_string();
    assert!(error.contains("gzip.parquet: column \"question\" is compressed by GZIP"), "{error}");
    assert!(error.contains("expected snappy, zstd or none"), "{error}");
}

/// Bytes cut off, flipped or swapped are errors or other records, never a panic.
#[test]
fn damaged_files_are_errors() {
    let cut = |bytes: &[u8]| rows::parse(bytes).map(|rows| rows.len());
    for name in ["kinds.plain", "kinds.snappy", "kinds.zstd", "kinds.zstd2"] {
        let whole = std::fs::read(file(&format!("{name}.parquet"))).unwrap();
        for end in (4..whole.len() - 1).step_by(97) {
            let error = cut(&whole[..end]).unwrap_err().to_string();
            assert!(error.contains("a damaged Parquet file: "), "{error}");
        }
        let mut rng = tts_core::seed::rng(7);
        let mut refused = 0;
        for _ in 0..300 {
            let mut bytes = whole.clone();
            let place = 4 + (rng.uniform() * (whole.len() - 12) as f64) as usize;
            bytes[place] ^= 1 << ((rng.uniform() * 8.0) as u32);
            refused += usize::from(cut(&bytes).is_err());
        }
        assert!(refused > 30, "{name}: {refused}");
    }
}
