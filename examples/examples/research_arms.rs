//! Slots of Atlas that each method of research gets right, against the lines that it may take: by agents that are rules,
//! and by a small model that learnt to write all parts.
//!
//! `cargo run --release --example research_arms -- examples/arms/atlas.json --writer runs/atlas-writer`

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tts_examples::arms::{self, Exact, Plan, Trial, Written};
use tts_examples::files::read_json;
use tts_examples::{Error, exit};
use tts_models::{Backend, EngineConfig};

/// Holds methods of research against each other on Atlas, and writes tables as Markdown.
#[derive(Debug, Parser)]
struct Arguments {
    /// What is tried, as JSON.
    plan: PathBuf,
    /// Trains the plan's writer in this folder, or goes on with it, and has it write all parts, too.
    #[arg(long, value_name = "FOLDER")]
    writer: Option<PathBuf>,
    /// Leaves out the agents that are rules.
    #[arg(long, requires = "writer")]
    writer_only: bool,
    /// Threads of the training and the model; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

/// What a writer learnt from, and how well it writes what it has not seen.
fn told(
    out: &mut impl Write,
    trial: &Trial,
    written: &Written,
    exact: &Exact,
) -> Result<(), Error> {
    let Written { history, lessons, left_out: [wrong, long], parameters, unmeasured, .. } = written;
    let learn = &trial.learn;
    let all: usize = lessons.values().sum();
    writeln!(
        out,
        "A decoder of {:.2} million parameters (width {}, {} layers) that learnt {all} lines of {} worlds, {} requests \
         each: {wrong} lines with errors and {long} too long ones were left out. {} updates of {} lines.",
        *parameters as f64 / 1e6,
        learn.shape.width,
        learn.shape.layers,
        learn.worlds,
        learn.requests,
        learn.train.steps,
        learn.train.batch
    )?;
    if let (Some(last), Some(held_out)) = (history.updates.last(), history.held_out.last()) {
        writeln!(
            out,
            "Loss at the end {:.4} nats a token, {:.4} on a world that it did not see.",
            last.loss, held_out.loss
        )?;
    }
    writeln!(
        out,
        "\nLines of that world that it writes exactly, by the most probable tokens; {unmeasured} were too long for it:\n"
    )?;
    writeln!(out, "| part | learnt | exact |\n|---|---|---|")?;
    for (part, (right, all)) in exact {
        let learnt = lessons.get(part).copied().unwrap_or_default();
        writeln!(out, "| {part} | {learnt} | {right} of {all} |")?;
    }
    Ok(())
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { plan: path, writer, writer_only, threads } = arguments;
    let plan: Plan = read_json(path)?;
    plan.check().map_err(|error| format!("{}: {error}", path.display()))?;
    let trial = match (writer, &plan.writer) {
        (Some(_), None) => {
            return Err(format!("{}: it says nothing of a writer", path.display()).into());
        }
        (Some(folder), Some(trial)) => Some((folder, trial.clone())),
        (None, _) => None,
    };
    let mut out = std::io::stdout().lock();
    let (requests, seeds) = (plan.requests, plan.seeds.len());
    if !writer_only {
        writeln!(out, "# Research on Atlas\n")?;
        writeln!(
            out,
            "Share of {requests} requests' six slots that are right, over {seeds} worlds of {} paragraphs, by the lines that a \
             request may take (searches included, a hard limit). The agents are rules that misread and stray at a rate, no \
             models: this measures what a method makes of its calls, not what a model writes. Made by \
             `cargo run --release --example research_arms -- {}`.\n",
            plan.paragraphs,
            path.display()
        )?;
        for &careless in &plan.agents {
            writeln!(
                out,
                "## Answers misread {:.0} %, questions astray {:.0} %\n",
                100.0 * careless.misread,
                100.0 * careless.stray
            )?;
            writeln!(out, "{}", arms::scripted(&plan, careless)?.markdown())?;
            out.flush()?;
        }
    }
    let Some((folder, mut trial)) = trial else { return Ok(()) };
    trial.learn.train.threads = *threads;
    let written = trial.learn.teach(&plan.arms, folder)?;
    let config = EngineConfig { threads: *threads, ..EngineConfig::default() };
    let model = tts_models::open(folder.clone(), Backend::Native, config)?;
    let exact = written.exact(&model, &trial.rule())?;
    writeln!(out, "## A trained writer\n")?;
    told(&mut out, &trial, &written, &exact)?;
    out.flush()?;
    writeln!(
        out,
        "\nThe same arms with the model as every agent, at temperature {}, on the first {} requests of each world; made with \
         `--writer FOLDER`:\n",
        trial.temperature, trial.requests
    )?;
    writeln!(out, "{}", arms::written(&plan, &trial, &model)?.markdown())?;
    Ok(())
}

fn main() -> ExitCode {
    exit("research_arms", run(&Arguments::parse()))
}
