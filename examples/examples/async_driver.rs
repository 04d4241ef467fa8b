//! An asynchronous driver: many problems on a server with latency and failures, recorded and resumable.
//!
//! `cargo run --release --example async_driver -- runs/async`
//!
//! A [`RecordedRun`] says what it needs and is given it in any order; it does no I/O but its record. So
//! a driver of one's own is this file: a task for each problem, a task for each line, a semaphore that
//! bounds what is in flight, retries with growing pauses, and the scorer on a thread for blocking work.
//! The server here is the toy world behind a delay, which hangs up on one call in five. Trees are those
//! of the blocking driver, bit for bit; kill it, start it again, and it goes on where it was.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::{
    Completion, Generator, LineError, Need, Outcome, RecordedRun, Request, Run, Sampling,
    SearchError, SearchErrorKind, Settings, StepRule, StepScorer, Trajectory, drive, seed,
};
use tts_examples::{Error, exit};
use tts_search::BeamSearch;

/// Calls in flight at a time.
const CONCURRENCY: usize = 32;
/// Times that a call is made before its line counts as failed: with one call in five hung up on, whichever
/// it is, no line of a few thousand fails.
const TRIES: u32 = 12;

/// A server that takes its time, and hangs up now and then.
struct Server {
    world: ToyWorld,
    /// The longest that a call takes.
    latency: Duration,
    /// Calls so far, which decide who is hung up on.
    calls: AtomicU64,
    room: Semaphore,
}

impl Server {
    /// One call for one line.
    async fn call(&self, request: &Request) -> Result<Completion, LineError> {
        let hung_up = |_| LineError("the server is gone".into());
        let _room = self.room.acquire().await.map_err(hung_up)?;
        let luck = seed::mix(11, self.calls.fetch_add(1, Ordering::Relaxed));
        tokio::time::sleep(self.latency.mul_f64((luck % 100) as f64 / 100.0)).await;
        if luck.is_multiple_of(5) {
            return Err(LineError("the server hung up".into()));
        }
        let made = self.world.generate(std::slice::from_ref(request));
        let made = made.map_err(|error| LineError(error.to_string()))?;
        let lines = made.into_iter().flat_map(|generated| generated.lines);
        lines.last().unwrap_or_else(|| Err(LineError("no line came back".into())))
    }

    /// The same, made again after failures; a line is the same whenever it is made.
    async fn line(&self, request: Request) -> Result<Completion, LineError> {
        let mut pause = self.latency;
        for _ in 1..TRIES {
            if let Ok(line) = self.call(&request).await {
                return Ok(line);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.call(&request).await
    }
}

/// One problem from its first line to its outcome.
async fn solve(
    server: Arc<Server>,
    scorer: Arc<dyn StepScorer>,
    mut run: RecordedRun<BeamSearch>,
) -> Result<Outcome, SearchError> {
    loop {
        let step = match run.need() {
            Need::Nothing(_) => return run.finish(),
            Need::Lines(calls) => {
                let mut lines = JoinSet::new();
                let requests = calls.iter().flat_map(|call| {
                    let one = |&seed| Request { seeds: vec![seed], ..call.request.clone() };
                    call.request.seeds.iter().map(one)
                });
                for (slot, request) in requests.enumerate() {
                    let server = Arc::clone(&server);
                    lines.spawn(async move { (slot, server.line(request).await) });
                }
                let mut step = Ok(());
                // In the order in which they come: nothing depends on it.
                while let (Some(done), Ok(())) = (lines.join_next().await, &step) {
                    step = match done {
                        Ok((slot, line)) => run.give_line(slot, line),
                        Err(lost) => Err(SearchErrorKind::Generator(lost.into())),
                    };
                }
                step
            }
            Need::Scores(judgings) => {
                let paths: Vec<Trajectory> =
                    judgings.iter().map(|judging| judging.path.clone()).collect();
                let scorer = Arc::clone(&scorer);
                match spawn_blocking(move || scorer.score(&paths)).await {
                    Ok(Ok(scores)) => run.give_scores(scores),
                    Ok(Err(error)) => Err(SearchErrorKind::Scorer(error)),
                    Err(lost) => Err(SearchErrorKind::Scorer(lost.into())),
                }
            }
        };
        if let Err(kind) = step {
            return Err(run.fail(kind));
        }
    }
}

/// Solves these problems of a world together, each with its record in a folder.
fn solve_all(
    world: ToyWorld,
    problems: u64,
    latency: Duration,
    folder: &Path,
) -> Result<Vec<Outcome>, Error> {
    let scorer: Arc<dyn StepScorer> = Arc::new(Oracle { noise: 0.3, seed: 5 });
    let settings = Settings {
        scorer: Some(drive::Judge::of(&*scorer)),
        rule: Arc::new(StepRule::lines()),
        sampling: Sampling::temperature(1.0),
        seed: 7,
        ..Settings::default()
    };
    let (calls, room) = (AtomicU64::new(0), Semaphore::new(CONCURRENCY));
    let server = Arc::new(Server { world, latency, calls, room });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for problem in 0..problems {
            let run = Run::new(BeamSearch::default(), world.prompt(problem), settings.clone())?;
            let run = RecordedRun::new(run, Some(&folder.join(format!("{problem:05}.jsonl"))))?;
            let (server, scorer) = (Arc::clone(&server), Arc::clone(&scorer));
            tasks.spawn(async move { (problem, solve(server, scorer, run).await) });
        }
        let mut outcomes = tasks.join_all().await;
        outcomes.sort_by_key(|(problem, _)| *problem);
        outcomes.into_iter().map(|(_, outcome)| Ok(outcome?)).collect()
    })
}

fn run() -> Result<(), Error> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "runs/async".into());
    let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
    let outcomes = solve_all(world, 50, Duration::from_millis(20), Path::new(&folder))?;
    let mut out = std::io::stdout().lock();
    let right = (0..).zip(&outcomes).filter(|(n, o)| o.verdict(&world.answer(*n)).is_right());
    writeln!(out, "{} of {} problems solved; records in {folder}", right.count(), outcomes.len())?;
    Ok(())
}

fn main() -> ExitCode {
    exit("async_driver", run())
}

#[cfg(test)]
mod tests {
    use tts_core::Search;

    use super::*;

    #[test]
    fn trees_are_those_of_the_blocking_driver_and_records_resume() {
        let folder = tempfile::tempdir().expect("a folder");
        let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
        let solved = || solve_all(world, 6, Duration::from_millis(1), folder.path()).expect("runs");
        let outcomes = solved();
        let oracle = Oracle { noise: 0.3, seed: 5 };
        let search = Search::new(world)
            .scorer(oracle)
            .rule(StepRule::lines())
            .sampling(Sampling::temperature(1.0))
            .seed(7);
        for (problem, outcome) in (0..).zip(&outcomes) {
            let blocking = search.run(BeamSearch::default(), world.prompt(problem)).expect("runs");
            assert_eq!(outcome.tree, blocking.tree);
            // Killed behind any line of its record, it ends the same.
            let path = folder.path().join(format!("{problem:05}.jsonl"));
            let record = std::fs::read_to_string(&path).expect("a record");
            let lines: Vec<&str> = record.split_inclusive('\n').collect();
            std::fs::write(&path, lines[..lines.len() / 2].concat()).expect("written");
            let again = solved();
            assert_eq!(std::fs::read_to_string(&path).expect("a record"), record);
            assert_eq!(again[usize::try_from(problem).expect("small")].tree, outcome.tree);
        }
    }
}
