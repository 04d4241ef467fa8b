//! What an evaluation costs beside its model: a scripted model at a set pace, kept in a folder as `evaluate` keeps it.
//!
//! `cargo run --release -p tts-benches --bin evaluation -- [--problems 1000] [--samples 64] [--rate 50000]`
//!
//! The model writes sums, slips, and takes as long as one of `--rate` tokens a second; what is outside of it is
//! asking, grading, votes, records and the report. One line of JSON: seconds in all and outside, and the memory
//! that is resident after a tenth, a half and all of the problems.

use std::cell::Cell;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::{
    BoxError, Finished, Generated, Generator, LineId, Prompt, Request, Search, Session, StepRule,
};
use tts_search::BestOfN;
use tts_search::evaluate::{Evaluation, Item};

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, default_value_t = 1_000)]
    problems: usize,
    #[arg(long, default_value_t = 64)]
    samples: usize,
    /// Tokens a second that the model writes.
    #[arg(long, default_value_t = 50_000.0)]
    rate: f64,
    /// Problems at a time.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
}

/// A world whose words take their time, and are counted.
struct Paced {
    world: ToyWorld,
    rate: f64,
    tokens: AtomicU64,
    nanoseconds: AtomicU64,
}

struct Turn<'a> {
    paced: &'a Paced,
    session: Box<dyn Session + 'a>,
}

impl Turn<'_> {
    /// Does something of the model's, as slowly as the model is.
    fn timed<T>(
        &mut self,
        work: impl FnOnce(&mut dyn Session) -> T,
        tokens: impl Fn(&T) -> u64,
    ) -> T {
        let start = Instant::now();
        let done = work(&mut *self.session);
        let written = tokens(&done);
        let due = Duration::from_secs_f64(written as f64 / self.paced.rate);
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        self.paced.tokens.fetch_add(written, Ordering::Relaxed);
        let spent = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.paced.nanoseconds.fetch_add(spent, Ordering::Relaxed);
        done
    }
}

/// Tokens of lines that are done.
fn written(done: &Result<Vec<Finished>, BoxError>) -> u64 {
    let lines = done.iter().flatten().filter_map(|line| line.result.as_ref().ok());
    lines.flat_map(|line| &line.steps).map(|step| step.tokens.len() as u64).sum()
}

impl Session for Turn<'_> {
    fn submit(&mut self, request: Request) -> Vec<LineId> {
        self.timed(|session| session.submit(request), |_| 0)
    }
    fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
        self.timed(|session| session.poll(), written)
    }
    fn step(&mut self) -> Result<Vec<Finished>, BoxError> {
        self.timed(|session| session.step(), written)
    }
    fn cancel(&mut self, line: LineId) {
        self.session.cancel(line);
    }
}

impl Generator for Paced {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        self.world.generate(batch)
    }
    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(Turn { paced: self, session: self.world.session() })
    }
    fn identity(&self) -> Option<String> {
        self.world.identity()
    }
}

/// Resident memory in bytes; 0 where the system does not tell.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { problems, samples, rate, concurrency } = Arguments::parse();
    let world = ToyWorld { additions: 8, error: 0.1, seed: 3 };
    let oracle = Oracle::of(&world);
    let text = |prompt: Prompt| prompt.question().to_owned();
    let item = |index| Item::new(text(world.prompt(index)), world.answer(index));
    let items: Vec<Item> = (0..problems as u64).map(item).collect();
    let paced = Paced { world, rate, tokens: AtomicU64::new(0), nanoseconds: AtomicU64::new(0) };
    let folder = std::env::temp_dir().join(format!("evaluation-{}", std::process::id()));
    let search =
        Search::new(&paced).scorer(oracle).rule(StepRule::lines()).seed(7).concurrency(concurrency);
    let strategy = BestOfN { n: samples, ..BestOfN::default() };
    let settings = json!({"n": samples});
    let (start, done) = (Instant::now(), Cell::new(0_usize));
    let memory = Cell::new([0_u64; 3]);
    let evaluation = Evaluation::new(search, &items)
        .prompt(|text| Prompt::text(text))
        .keep(&folder, &settings)?;
    let report = evaluation.run(&strategy, |_| {
        done.set(done.get() + 1);
        let mut seen = memory.get();
        for (place, part) in [(0, problems / 10), (1, problems / 2), (2, problems)] {
            if done.get() == part.max(1) {
                seen[place] = resident();
            }
        }
        memory.set(seen);
    })?;
    let (seconds, bytes) = (start.elapsed().as_secs_f64(), folder_bytes(&folder)?);
    std::fs::remove_dir_all(&folder)?;
    let inside = paced.nanoseconds.load(Ordering::Relaxed) as f64 / 1e9;
    let megabytes = memory.get().map(|bytes| bytes / 1_000_000);
    let line = json!({
        "problems": problems, "samples": samples, "failed": report.failed,
        "tokens": paced.tokens.load(Ordering::Relaxed), "rate": rate, "seconds": seconds,
        "outside_seconds": seconds - inside, "outside_share": 1.0 - inside / seconds,
        "outside_us_per_sample": (seconds - inside) * 1e6 / (problems * samples) as f64,
        "megabytes_at_tenth_half_end": megabytes, "folder_bytes": bytes,
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

fn folder_bytes(folder: &std::path::Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
