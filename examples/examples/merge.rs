//! Joins the shards of an evaluation into one report.
//!
//! `cargo run --release --example merge -- shard-1.records shard-2.records --json figures.json`
//!
//! The folders are those of `evaluate --shard 1/2` and so on, in any order, copied from any machine. Figures are
//! those of one run, to the byte. Shards of other settings are refused, and so are missing, doubled and
//! unfinished ones, each by name.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde::Deserialize;
use serde_json::value::RawValue;
use tts_examples::families::kept_task;
use tts_examples::figures::write_figures;
use tts_examples::folders::check_folder;
use tts_examples::{Error, exit};
use tts_search::evaluate::{self, Merged};

/// Joins the shards of an evaluation into one report.
#[derive(Parser)]
struct Arguments {
    /// The folders of all shards.
    #[arg(required = true)]
    folders: Vec<PathBuf>,
    /// Writes figures and candidates as JSON, as `evaluate` does.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What `evaluate` keeps of its options.
#[derive(Deserialize)]
struct Settings<'a> {
    #[serde(borrow)]
    setup: &'a RawValue,
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    if let Some(path) = &arguments.json {
        evaluate::check_writable(path)?;
    }
    arguments.folders.iter().try_for_each(|folder| check_folder(folder))?;
    let merged = Merged::of(&arguments.folders)?;
    let settings: serde_json::Value = serde_json::from_str(merged.settings().get())?;
    let report = merged.report(&*kept_task(merged.task(), &settings)?)?;
    report.write(&mut std::io::stdout().lock())?;
    if let Some(path) = &arguments.json {
        let settings: Settings<'_> = serde_json::from_str(merged.settings().get())?;
        write_figures(path, settings.setup, &report)?;
    }
    match report.failed {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} problems failed; see above", report.problems).into()),
    }
}

fn main() -> ExitCode {
    exit("merge", run(&Arguments::parse()))
}
