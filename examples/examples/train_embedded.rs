//! Trains the embedded pair from nothing: generator, process and outcome reward model.
//!
//! 1. The generator learns from the written solutions of [`PairConfig::problems`] problems.
//! 2. It samples solutions of other training problems; the exact checker says which steps are
//!    right.
//! 3. The generator's weights learn from many more written solutions: who is to judge must know
//!    better. From there both reward models learn from the samples, the process model which tokens
//!    are right, up to the first wrong one, the outcome model whether the answer is right.
//! 4. All are reported on held-out problems; the model card is written.
//!
//! Every stage can be killed and goes on where its last checkpoint was. The same seed gives the
//! same bytes on the same machine.
//!
//! Lightman et al. 2023 (arXiv:2305.20050), section 2.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tts_examples::pair::{self, PairConfig};
use tts_examples::{Error, exit, pair_training};

/// Trains the embedded pair from nothing.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the models go.
    #[arg(long, default_value_os_t = pair::folder())]
    out: PathBuf,
    /// Where checkpoints and samples are kept.
    #[arg(long, default_value = "target/train-embedded")]
    work: PathBuf,
    /// JSON of other settings; fields that are left out keep their defaults.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Ends after this stage, 1 to 4.
    #[arg(long, default_value_t = 4)]
    until: usize,
}

fn config(path: Option<&Path>) -> Result<PairConfig, Error> {
    let Some(path) = path else { return Ok(PairConfig::default()) };
    let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let config = serde_json::from_slice(&text);
    Ok(config.map_err(|error| format!("{}: {error}", path.display()))?)
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let config = config(arguments.config.as_deref())?;
    let stages = pair_training::Stages::new(config, &arguments.out, &arguments.work)?;
    stages.run(arguments.until)
}

fn main() -> ExitCode {
    exit("train_embedded", run(&Arguments::parse()))
}
