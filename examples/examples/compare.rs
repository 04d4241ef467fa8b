//! Strategies against each other on many problems: paired differences, by difficulty too.
//!
//! `cargo run --release --example compare -- --problems 2000 --seeds 3 --n 4,16 --scorer prm,orm
//! --record compare.jsonl --json compare.json`
//!
//! Results of single problems go to the record as they come: kill the run, start it again with the
//! same options, and it goes on where it was. See [`tts_examples::compare`] for what is compared.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde_json::{Map, json};
use tts_core::family::{Problem, Split, problems};
use tts_examples::arena::Arena;
use tts_examples::compare::{Experiment, Journal, Plan, Report, print};
use tts_examples::judge::Judge;
use tts_examples::lineup::root;
use tts_examples::{Error, evaluate, exit, pair, setting};
use tts_models::{Backend, EngineConfig};

/// Compares search strategies on arithmetic, with paired intervals.
#[derive(Parser)]
struct Arguments {
    /// How many held-out problems.
    #[arg(long, default_value_t = 2000)]
    problems: usize,
    /// How often everything is run.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Budgets: squares, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = [4, 16])]
    n: Vec<usize>,
    /// Who judges: prm, orm or oracle, or several, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Judge::Prm, Judge::Orm])]
    scorer: Vec<Judge>,
    /// Samples in a pool; 0 for twice the greatest budget, at which lookahead's tokens are met.
    #[arg(long, default_value_t = 0)]
    pool: usize,
    /// Samples a problem that tell how difficult it is.
    #[arg(long, default_value_t = 64)]
    difficulty_samples: usize,
    /// Writes results of single problems here, and resumes from them.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Writes the report as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Threads; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Another pair: a folder with generator, prm and orm.
    #[arg(long, value_name = "FOLDER")]
    pair: Option<PathBuf>,
}

impl Arguments {
    fn plan(&self) -> Result<Plan, Error> {
        let mut budgets = self.n.clone();
        budgets.sort_unstable();
        budgets.dedup();
        budgets.iter().try_for_each(|&n| root(n).map(|_| ()))?;
        let most = budgets.last().copied().ok_or("--n is empty")?;
        let counts = [
            ("--problems", self.problems),
            ("--seeds", usize::try_from(self.seeds)?),
            ("--difficulty-samples", self.difficulty_samples),
        ];
        for (name, count) in counts {
            if count == 0 {
                return Err(format!("{name} is 0, expected at least 1").into());
            }
        }
        let pool = if self.pool == 0 { 2 * most } else { self.pool };
        if pool < most {
            return Err(format!("--pool is {pool}, expected at least {most}, as --n says").into());
        }
        Ok(Plan {
            seed: self.seed,
            seeds: self.seeds,
            budgets,
            pool,
            difficulty: self.difficulty_samples,
        })
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let family = setting::family();
    let plan = arguments.plan()?;
    for path in arguments.json.iter().chain(&arguments.record) {
        evaluate::check_writable(path)?;
    }
    let mut names = arguments.scorer.clone();
    names.sort_unstable();
    names.dedup();
    let held_out: Vec<Problem> =
        problems(&family, Split::Test, setting::HELD_OUT).take(arguments.problems).collect();

    let folder = arguments.pair.clone().unwrap_or_else(pair::folder);
    let engine = EngineConfig { threads: arguments.threads, ..EngineConfig::default() };
    let generator = tts_models::open(folder.join("generator"), Backend::Native, engine)?;
    let mut digests = Map::new();
    digests.insert("generator".into(), evaluate::digest(&folder.join("generator"))?.into());
    let mut judges = Vec::new();
    for judge in names {
        judges.push((judge, judge.open(&folder, engine)?));
        let digest =
            if judge == Judge::Oracle { 0 } else { evaluate::digest(&folder.join(judge.name()))? };
        digests.insert(judge.name().into(), digest.into());
    }
    // Not the numbers of problems and seeds: a record may grow in both.
    let settings = json!({
        "models": digests, "family": family, "rule": setting::rule(),
        "sampling": setting::sampling(), "held_out": setting::HELD_OUT, "seed": arguments.seed,
    });
    let arena = Arena {
        generator: &generator,
        family: &family,
        problems: &held_out,
        seed: arguments.seed,
        concurrency: setting::CONCURRENCY,
        sampling: setting::sampling(),
    };
    let journal = Journal::open(arguments.record.as_deref(), &settings)?;
    let mut experiment = Experiment { arena, judges, plan, journal };
    experiment.run()?;
    let report = Report::of(&experiment)?;
    print(&mut std::io::stdout().lock(), &report)?;
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn main() -> ExitCode {
    exit("compare", run(&Arguments::parse()))
}
