//! Strategies that were evaluated on the same problems, side by side: which differences are more than chance, and
//! what each costs.
//!
//! `cargo run --release --example compare -- beam.records best=best-of-16.records --against best --html compare.html`
//!
//! The folders are those of `evaluate`; of one in shards, name all of them with commas between. Differences are taken
//! inside each problem, with intervals, and their p-values are adjusted for their number. `--difficulty FOLDER` names
//! an evaluation of independent samples from another seed, and tells fifths of the problems apart by it. `--larger FOLDER
//! --share 0.16,0.79,22` sets the arms beside a larger model that answers at once, at as many operations.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tts_examples::comparing::{LargerOptions, Study};
use tts_examples::folders::Folders;
use tts_examples::{Error, exit};
use tts_search::evaluate::check_writable;

/// Compares strategies that were evaluated on the same problems.
#[derive(Parser)]
struct Arguments {
    /// Evaluations, as FOLDER, NAME=FOLDER, or FOLDER,FOLDER,.. for shards; two or more, or one beside --larger.
    #[arg(required = true)]
    arms: Vec<Folders>,
    /// Only differences with this arm, by its name; default: each with each.
    #[arg(long)]
    against: Option<String>,
    /// An evaluation of independent samples from another seed, which says how difficult the problems are.
    #[arg(long)]
    difficulty: Option<Folders>,
    #[command(flatten)]
    larger: LargerOptions,
    /// Writes the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Writes a page for a browser: tables, accuracy against each cost, and the problems of disagreement.
    #[arg(long)]
    html: Option<PathBuf>,
    /// Folder for charts of accuracy against each cost, one file each.
    #[arg(long)]
    svg: Option<PathBuf>,
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    for path in arguments.json.iter().chain(&arguments.html) {
        check_writable(path)?;
    }
    let difficulty = arguments.difficulty.as_ref();
    let study = Study::read(&arguments.arms, difficulty, &arguments.larger)?;
    let compared = study.compare(arguments.against.as_deref())?;
    let mut out = std::io::stdout().lock();
    study.write_settings(&mut out)?;
    compared.write(&mut out)?;
    study.write_matched(&mut out)?;
    if let Some(path) = &arguments.json {
        study.write_json(path, &compared)?;
    }
    if let Some(path) = &arguments.html {
        study.write_page(path, &compared)?;
    }
    if let Some(folder) = &arguments.svg {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        study.write_charts(folder)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    exit("compare", run(&Arguments::parse()))
}
