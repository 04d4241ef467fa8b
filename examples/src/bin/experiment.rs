//! Runs an experiment: models, pools, searches, tables and a chart, from one recipe.
//!
//! `cargo run --release -p tts-examples --bin experiment -- NAME [--quick] [--json FILE]`. Without a
//! name it lists the recipes; a path to a JSON file is a recipe of one's own. Everything is kept under
//! `--store` as it comes: killed and started again, the run goes on where it was.
//!
//! `--recompute [NAME...]` runs nothing: it computes the published intervals and p-values again from the
//! values by problem beside them, and fails where one differs. `--render [NAME...]` writes Markdown and
//! charts anew from the JSON; with `--html`, a page for a browser as well.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tts_examples::experiment::{self, RECIPES, Recipe, Report, recompute};
use tts_examples::files::{write_json, write_whole};
use tts_examples::{Error, exit};
use tts_models::EngineConfig;

/// Runs an experiment from its recipe.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
struct Arguments {
    /// A recipe by name, or a JSON file; without one, the names are listed. With --recompute or --render
    /// results by name, all without one.
    names: Vec<String>,
    /// A tenth of problems, examples and updates, one seed, N up to 16: minutes instead of hours.
    #[arg(long)]
    quick: bool,
    /// Computes published intervals and p-values again from the values by problem; runs nothing.
    #[arg(long, conflicts_with_all = ["quick", "json"])]
    recompute: bool,
    /// Writes Markdown, charts and adjusted p-values anew from the JSON of results; runs nothing.
    #[arg(long, conflicts_with_all = ["quick", "json", "recompute"])]
    render: bool,
    /// Writes `NAME.html` beside the Markdown, too: chart and tables as one page for a browser.
    #[arg(long, conflicts_with = "recompute")]
    html: bool,
    /// Writes the report as JSON here, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where tables and charts are; default: docs/results, of a quick run runs/quick, of a recipe of one's own
    /// runs/NAME.
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
    if arguments.recompute || arguments.render {
        let folder = arguments.out.clone().unwrap_or_else(|| "docs/results".into());
        let all = || experiment::names(&folder);
        let names = if arguments.names.is_empty() { all()? } else { arguments.names.clone() };
        return if arguments.render {
            render(&names, &folder, arguments.html, &mut out)
        } else {
            check(&names, &folder, &mut out)
        };
    }
    let [name] = &*arguments.names else {
        if let Some(second) = arguments.names.get(1) {
            return Err(format!("{second}: recipes are run one at a time").into());
        }
        for (name, text) in RECIPES {
            writeln!(out, "{name:<24} {}", Recipe::parse(text)?.title)?;
        }
        return Ok(());
    };
    let (given, (name, recipe)) = (name, experiment::find(name)?);
    let folder = match &arguments.out {
        Some(folder) => folder.clone(),
        None if arguments.quick => "runs/quick".into(),
        None if experiment::is_known(given) => "docs/results".into(),
        // What is published is of the project's recipes, whatever others call theirs.
        None => Path::new("runs").join(&name),
    };
    let recipe = if arguments.quick { recipe.quick() } else { recipe };
    let Arguments { threads, lines, .. } = *arguments;
    let engine = EngineConfig { threads, max_lines: lines, ..EngineConfig::default() };
    let mut report = experiment::run(&recipe, arguments.quick, arguments.store.clone(), engine)?;
    report.from = (!experiment::is_known(given)).then(|| given.clone());
    report.write(&name, &folder)?;
    if arguments.html {
        page(&report, &name, &folder)?;
    }
    if let Some(path) = &arguments.json {
        write_json(path, &report)?;
    }
    writeln!(out, "{}", report.markdown(&name)?)?;
    writeln!(out, "{}", folder.join(format!("{name}.md")).display())?;
    Ok(())
}

/// Writes Markdown and charts anew.
fn render(names: &[String], folder: &Path, html: bool, out: &mut impl Write) -> Result<(), Error> {
    for name in names {
        let report = Report::read(name, folder)?.told_again(name)?;
        report.write(name, folder)?;
        if html {
            page(&report, name, folder)?;
        }
        writeln!(out, "{}", folder.join(format!("{name}.md")).display())?;
    }
    Ok(())
}

fn page(report: &Report, name: &str, folder: &Path) -> Result<(), Error> {
    let path = folder.join(format!("{name}.html"));
    write_whole(&path, report.page()?.html().as_bytes())
}

/// Computes figures again.
fn check(names: &[String], folder: &Path, out: &mut impl Write) -> Result<(), Error> {
    let (mut differ, mut without) = (0, Vec::new());
    writeln!(out, "{:<24} {:>10} {:>7}", "result", "recomputed", "differ")?;
    for name in names {
        let found = recompute(&Report::read(name, folder)?)?;
        let note = if found.has_values { "" } else { "  (adjusted p-values alone)" };
        writeln!(out, "{name:<24} {:>10} {:>7}{note}", found.figures, found.differ.len())?;
        for line in &found.differ {
            writeln!(out, "    {line}")?;
        }
        differ += found.differ.len();
        if !found.has_values {
            without.push(name.as_str());
        }
    }
    if !without.is_empty() {
        writeln!(out, "no values by problem: {}", without.join(", "))?;
    }
    if differ > 0 {
        return Err(format!("{differ} published figures are not those of the values").into());
    }
    Ok(())
}

fn main() -> ExitCode {
    exit("experiment", run(&Arguments::parse()))
}
