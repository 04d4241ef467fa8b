//! Fits which strategy each problem gets, by how easy it looks after a few samples, and writes it as a recipe.
//!
//! `cargo run --release --example choose -- eight.records beam.records wide.records --probe eight.records
//! --baseline wide.records --out compute-optimal.json`
//!
//! The folders are those of `evaluate`, on problems like those to come; of one in shards, name all of them with commas
//! between. One of few samples is the probe. The recipe is run by `solve`, `evaluate` and `serve` as
//! `--recipe compute-optimal.json`, on the same model and scorer. What the choice is worth is told on halves of the
//! problems that had no say in it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tts_examples::choosing::{Choosing, ChoosingOptions};
use tts_examples::{Error, exit};
use tts_search::evaluate::check_writable;

/// Fits which strategy each problem gets, by how easy it looks after a few samples.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    choosing: ChoosingOptions,
    /// Writes the choice as a recipe.
    #[arg(long)]
    out: Option<PathBuf>,
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    if let Some(path) = &arguments.out {
        check_writable(path)?;
    }
    let found = Choosing::of(&arguments.choosing)?;
    found.write(&mut std::io::stdout().lock())?;
    if let Some(path) = &arguments.out {
        found.write_recipe(path)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    exit("choose", run(&Arguments::parse()))
}
