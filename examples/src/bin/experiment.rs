//! Runs an experiment: models, pools, searches, tables and a chart, from one recipe.
//!
//! `cargo run --release -p tts-examples --bin experiment -- NAME [--quick] [--json FILE]`. Without a
//! name it lists the recipes; a path to a JSON file is a recipe of one's own. Everything is kept under
//! `--store` as it comes: killed and started again, the run goes on where it was.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tts_examples::experiment::{self, RECIPES, Recipe};
use tts_examples::{Error, exit};
use tts_models::EngineConfig;

/// Runs an experiment from its recipe.
#[derive(Debug, Parser)]
struct Arguments {
    /// A recipe by name, or a JSON file; without one, the names are listed.
    name: Option<String>,
    /// A tenth of problems, examples and updates, one seed, N up to 16: minutes instead of hours.
    #[arg(long)]
    quick: bool,
    /// Writes the report as JSON here, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where tables and charts go; default: docs/results, of a quick run runs/quick.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Where models and results are kept.
    #[arg(long, value_name = "FOLDER", default_value = "runs/experiments")]
    store: PathBuf,
    /// Threads; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Lines that are written at a time; decides how fast it goes, and nothing else.
    #[arg(long, default_value_t = 64)]
    lines: usize,
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let mut out = std::io::stdout();
    let Some(name) = &arguments.name else {
        for (name, text) in RECIPES {
            writeln!(out, "{name:<24} {}", Recipe::parse(text)?.title)?;
        }
        return Ok(());
    };
    let (name, recipe) = experiment::find(name)?;
    let recipe = if arguments.quick { recipe.quick() } else { recipe };
    let Arguments { threads, lines, .. } = *arguments;
    let engine = EngineConfig { threads, max_lines: lines, ..EngineConfig::default() };
    let report = experiment::run(&recipe, arguments.quick, arguments.store.clone(), engine)?;
    let folder = if arguments.quick { "runs/quick" } else { "docs/results" };
    let folder = arguments.out.clone().unwrap_or_else(|| folder.into());
    report.write(&name, &folder)?;
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    writeln!(out, "{}", report.markdown(&name)?)?;
    writeln!(out, "{}", folder.join(format!("{name}.md")).display())?;
    Ok(())
}

fn main() -> ExitCode {
    exit("experiment", run(&Arguments::parse()))
}
