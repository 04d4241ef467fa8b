//! What the full-text index takes: paragraphs a second to build it, and milliseconds to answer, in memory and on disk.
//!
//! `cargo run --release -p tts-benches --features index --bin index -- [--paragraphs 100000] [--queries 2000] [--folder FOLDER]`
//!
//! Paragraphs are those of Atlas, two of them each with a number, so that they are as long as those of an encyclopedia's
//! beginnings and no two are the same; each query is a question with a name. The index on disk is written to a new folder
//! below FOLDER, measured, opened anew, measured again, and removed. One line of JSON for each.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use serde::Serialize;
use tts_core::BoxError;
use tts_search::research::atlas::Atlas;
use tts_search::retrieve::{Document, Index, IndexSettings, Passage, Retriever};

/// Builds an index of paragraphs and asks it questions.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many paragraphs.
    #[arg(long, default_value_t = 100_000)]
    paragraphs: usize,
    /// How many questions.
    #[arg(long, default_value_t = 2_000)]
    queries: usize,
    /// Where the index on disk is written to, and removed from.
    #[arg(long, default_value = "target/index-bench")]
    folder: PathBuf,
}

/// What one index came to.
#[derive(Debug, Serialize)]
struct Figures {
    index: &'static str,
    paragraphs: usize,
    characters: usize,
    build_seconds: Option<f64>,
    paragraphs_per_second: Option<f64>,
    queries: usize,
    median_ms: f64,
    p95_ms: f64,
    worst_ms: f64,
    bytes: Option<u64>,
}

/// The paragraph of a number.
fn document(passages: &[Passage], number: usize) -> Document {
    let passage = &passages[number % passages.len()];
    let more = &passages[(number * 7 + 3) % passages.len()];
    let text = format!("{} {} Number {number}.", passage.text, more.text);
    Document { id: number.to_string(), title: passage.title.clone(), text, ..Document::default() }
}

/// Milliseconds of each query, from the least; every one of them has to find something.
fn answered(
    index: &Index,
    passages: &[Passage],
    arguments: &Arguments,
) -> Result<Vec<f64>, BoxError> {
    let &Arguments { paragraphs, queries, .. } = arguments;
    let mut times = Vec::with_capacity(queries);
    // Names that paragraphs of the index have.
    let names = &passages[..passages.len().min(paragraphs)];
    for number in 0..queries {
        let name = &names[(number * 31) % names.len()].title;
        let begun = Instant::now();
        let found = index.search(&format!("What is the river of {name}?"), 5)?;
        times.push(1e3 * begun.elapsed().as_secs_f64());
        if !found.iter().any(|passage| passage.title.contains(name.as_str())) {
            return Err(format!("nothing of {name} was found").into());
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// The bytes of all files of a folder.
fn bytes(folder: &Path) -> Result<u64, BoxError> {
    let sizes = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len()));
    sizes.sum::<std::io::Result<u64>>().map_err(Into::into)
}

fn figures(
    name: &'static str,
    index: &Index,
    arguments: &Arguments,
    passages: &[Passage],
    build: Option<f64>,
) -> Result<Figures, BoxError> {
    let times = answered(index, passages, arguments)?;
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let paragraphs = index.len();
    let characters = (0..arguments.paragraphs).map(|n| document(passages, n).text.len()).sum();
    Ok(Figures {
        index: name,
        paragraphs,
        characters,
        build_seconds: build,
        paragraphs_per_second: build.map(|seconds| paragraphs as f64 / seconds),
        queries: times.len(),
        median_ms: at(50),
        p95_ms: at(95),
        worst_ms: at(100),
        bytes: None,
    })
}

fn run(arguments: &Arguments) -> Result<Vec<Figures>, BoxError> {
    for (name, value) in [("paragraphs", arguments.paragraphs), ("queries", arguments.queries)] {
        if value == 0 {
            return Err(format!("--{name} is 0, expected at least 1").into());
        }
    }
    let world = Atlas::new(5, 2_000);
    let passages = world.passages();
    // Made before the clock runs.
    let documents = || -> Vec<Document> {
        (0..arguments.paragraphs).map(|number| document(passages, number)).collect()
    };
    let timed = |index: &Index| -> Result<f64, BoxError> {
        let documents = documents();
        let begun = Instant::now();
        index.add(documents)?;
        Ok(begun.elapsed().as_secs_f64())
    };
    let memory = Index::in_memory(IndexSettings::default())?;
    let build = timed(&memory)?;
    let mut all = vec![figures("memory", &memory, arguments, passages, Some(build))?];
    drop(memory);

    let folder = arguments.folder.join(std::process::id().to_string());
    let on_disk = || -> Result<[Figures; 2], BoxError> {
        let disk = Index::on_disk(&folder, IndexSettings::default())?;
        let build = timed(&disk)?;
        let fresh = figures("disk", &disk, arguments, passages, Some(build))?;
        drop(disk);
        let opened = Index::on_disk(&folder, IndexSettings::default())?;
        let again = figures("disk, opened anew", &opened, arguments, passages, None)?;
        let bytes = Some(bytes(&folder)?);
        Ok([Figures { bytes, ..fresh }, Figures { bytes, ..again }])
    };
    let figures = on_disk();
    // The folder is of this run alone.
    let removed = std::fs::remove_dir_all(&folder);
    all.extend(figures?);
    removed?;
    Ok(all)
}

fn main() -> ExitCode {
    tts_benches::report("index", run(&Arguments::parse()), None)
}
