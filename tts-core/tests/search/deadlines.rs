//! Hard budgets of wall time end a round where it is; what a hard budget takes from lines is told.

use std::time::{Duration, Instant};

use super::*;
use tts_core::toy::Sample;

/// A generator that writes a step of each line at a time, and of lines with odd numbers never the last one.
struct Hanging {
    world: ToyWorld,
    /// Whether the beginning of a line can be had.
    tells: bool,
}

struct HangingSession<'a> {
    of: &'a Hanging,
    /// Lines with the steps of them that are written.
    flying: Vec<(LineId, Completion, usize)>,
    next: u64,
}

impl Generator for Hanging {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        self.world.generate(batch)
    }
    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(HangingSession { of: self, flying: Vec::new(), next: 0 })
    }
}

impl Session for HangingSession<'_> {
    fn submit(&mut self, request: Request) -> Vec<LineId> {
        let made = self.of.world.generate(&[request]).expect("a toy").remove(0);
        let mut ids = Vec::new();
        for line in made.lines {
            ids.push(LineId(self.next));
            self.flying.push((LineId(self.next), line.expect("a line"), 0));
            self.next += 1;
        }
        ids
    }
    fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
        panic!("whoever waits for a line here waits for ever");
    }
    fn step(&mut self) -> Result<Vec<Finished>, BoxError> {
        std::thread::sleep(Duration::from_millis(1));
        for (_, line, written) in &mut self.flying {
            *written = (*written + 1).min(line.steps.len());
        }
        let is_done = |(id, line, written): &mut (LineId, Completion, usize)| {
            id.0 % 2 == 0 && *written == line.steps.len()
        };
        let done = self.flying.extract_if(.., is_done);
        let finished = |(line, completion, _)| Finished {
            line,
            result: Ok(completion),
            computed_tokens: 1,
            cached_tokens: 0,
        };
        Ok(done.map(finished).collect())
    }
    fn cut(&mut self, line: LineId) -> Option<Finished> {
        let place = self.flying.iter().position(|(id, ..)| *id == line)?;
        let (line, mut completion, written) = self.flying.remove(place);
        completion.steps.truncate(written.min(completion.steps.len() - 1));
        completion.finish = Finish::Cancelled;
        let told = self.of.tells && !completion.steps.is_empty();
        let result = Ok(completion);
        told.then_some(Finished { line, result, computed_tokens: 1, cached_tokens: 0 })
    }
    fn cancel(&mut self, line: LineId) {
        self.flying.retain(|(id, ..)| *id != line);
    }
}

fn hanging(tells: bool) -> Hanging {
    Hanging { world: world(), tells }
}

/// A hard budget of so many seconds.
fn hard(seconds: f64) -> Budget {
    Budget { mode: Mode::Hard, ..Budget::wall(Duration::from_secs_f64(seconds)) }
}

fn searched(generator: &Hanging) -> Search<'_> {
    Search::new(generator)
        .rule(StepRule { max_steps: 9, ..StepRule::lines() })
        .sampling(Sampling::temperature(1.0))
        .budget(hard(0.05))
        .seed(3)
}

fn record_bytes(path: &std::path::Path) -> Vec<u8> {
    std::fs::read(path).expect("a record")
}

/// What is not measured.
fn told(mut outcome: Outcome) -> Outcome {
    outcome.usage.measured = Measured::default();
    outcome
}

#[test]
fn a_round_ends_at_the_deadline_with_what_is_written() {
    let (generator, folder) = (hanging(true), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("record.jsonl");
    for scored in [false, true] {
        let mut search = searched(&generator).record(&path);
        if scored {
            search = search.scorer(Oracle { noise: 0.3, seed: 5 });
        }
        let began = Instant::now();
        let outcome = search.run(Sample { n: 4 }, world().prompt(0)).expect("runs");
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!(outcome.stop, Stop::Budget(Limit::Wall));
        // Two lines are whole, of two all is there but the last step; nothing is written beyond.
        assert_eq!((outcome.tree.finished().count(), outcome.failed.len()), (2, 0));
        let cut: Vec<&Node> = outcome
            .tree
            .iter()
            .map(|(_, node)| node)
            .filter(|node| node.finish == Finish::Cancelled)
            .collect();
        assert_eq!(cut.len(), 2);
        assert!(cut.iter().all(|node| !node.open && node.depth > 1));
        assert_eq!(outcome.curtailed, [Curtailed { limit: Limit::Wall, unwritten: 0, cut: 2 }]);
        assert!(outcome.best.is_some_and(|best| outcome.tree[best].is_finished()));
        assert_eq!(outcome.usage.rounds, 1);

        // The record knows it all, without the model and without the strategy.
        let bytes = record_bytes(&path);
        let mut none = Search::new(Faulty { world: world(), fails: |_, _| true })
            .rule(StepRule { max_steps: 9, ..StepRule::lines() })
            .sampling(Sampling::temperature(1.0))
            .budget(hard(0.05))
            .seed(3)
            .record(&path);
        if scored {
            none = none.scorer(Oracle { noise: 0.3, seed: 5 });
        }
        let again = none.run(Sample { n: 4 }, world().prompt(0)).expect("resumes");
        assert_eq!(record_bytes(&path), bytes);
        let retold = Retold::read(&path).expect("a record");
        assert_eq!((&retold.outcome.tree, retold.stop), (&outcome.tree, Some(outcome.stop)));
        assert_eq!(retold.expired, Some(Limit::Wall));
        assert_eq!(told(again), told(outcome));

        // What was cut is no line of the model's.
        assert_eq!(Replay::read(std::slice::from_ref(&path)).expect("reads").len(), 2);
        std::fs::remove_file(&path).expect("removed");
    }
}

#[test]
fn a_deadline_before_anything_is_written_is_no_error() {
    for (generator, seconds) in [(hanging(false), 0.05), (hanging(true), 0.0)] {
        let mut pool = searched(&generator).budget(hard(seconds)).pool();
        pool.submit(Restless, world().prompt(0), None).expect("starts");
        let (_, outcome) = pool.poll().expect("is over");
        let outcome = outcome.expect("is no failure");
        assert_eq!(outcome.stop, Stop::Budget(Limit::Wall));
        assert!(outcome.failed.iter().all(|line| line.error.0.contains("wall time was out")));
        assert!(outcome.curtailed[0].unwritten > 0 && outcome.curtailed[0].cut == 0);
    }
}

/// A scorer that never comes to an end.
struct Pondering;

impl StepScorer for Pondering {
    fn score(&self, _: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        Err("never".into())
    }
    fn session(&self) -> Box<dyn Scoring + '_> {
        Box::new(Self)
    }
}

impl Scoring for Pondering {
    fn submit(&mut self, _: Vec<Trajectory>) -> GroupId {
        GroupId(0)
    }
    fn step(&mut self) -> Vec<Judged> {
        Vec::new()
    }
    fn cancel(&mut self, _: GroupId) {}
}

#[test]
fn judgements_are_not_waited_for_beyond_the_deadline() {
    let (world, folder) = (world(), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("record.jsonl");
    let search = Search::new(world).scorer(Pondering).budget(hard(0.02)).record(&path);
    let outcome = search.run(Sample { n: 2 }, world.prompt(0)).expect("runs");
    assert_eq!(outcome.stop, Stop::Budget(Limit::Wall));
    assert!(outcome.best.is_some() && outcome.curtailed.is_empty());
    assert!(outcome.tree.iter().all(|(_, node)| node.score.is_none()));
    let bytes = record_bytes(&path);
    let again = search.run(Sample { n: 2 }, world.prompt(0)).expect("resumes");
    assert_eq!((&again.tree, again.stop, again.best), (&outcome.tree, outcome.stop, outcome.best));
    assert_eq!(record_bytes(&path), bytes);
    assert_eq!(Retold::read(&path).expect("a record").outcome.tree, outcome.tree);
}

/// A deadline that is not reached changes nothing, for nobody in the pool.
#[test]
fn deadlines_that_are_kept_leave_no_trace() {
    let (world, oracle) = (world(), Oracle { noise: 0.3, seed: 5 });
    let free = Search::new(world)
        .scorer(oracle)
        .rule(StepRule { max_steps: 9, ..StepRule::lines() })
        .budget(Budget { rounds: Some(6), mode: Mode::Hard, ..Budget::default() });
    let timed = free.clone().budget(Budget { wall: Some(1e5), ..free.settings().budget });
    let mut pool = free.pool();
    pool.submit_under(&timed, Restless, world.prompt(0), None).expect("starts");
    pool.submit(Restless, world.prompt(1), None).expect("starts");
    while let Some((id, outcome)) = pool.poll() {
        let outcome = outcome.expect("runs");
        let alone = free.run(Restless, world.prompt(id.0 as u64)).expect("runs");
        assert_eq!((&outcome.tree, outcome.stop), (&alone.tree, alone.stop));
    }
}

#[test]
fn what_a_hard_budget_takes_from_lines_is_told() {
    let of = |budget: Budget, n: usize| run(Sample { n }, 0, budget);
    let hard = Budget { mode: Mode::Hard, ..Budget::default() };
    let counted = of(Budget { samples: Some(3), ..hard }, 8);
    // The strategy asked once, and was done.
    assert_eq!(counted.stop, Stop::Done);
    assert_eq!(counted.curtailed, [Curtailed { limit: Limit::Samples, unwritten: 5, cut: 0 }]);
    let short = of(Budget { generated_tokens: Some(40), ..hard }, 4);
    assert_eq!(
        short.curtailed,
        [Curtailed { limit: Limit::GeneratedTokens, unwritten: 0, cut: 4 }]
    );
    // What is ended by its rule, or not at all, is not of the budget's making.
    for budget in [
        Budget { samples: Some(3), ..Budget::default() },
        Budget { generated_tokens: Some(1_000_000), samples: Some(8), ..hard },
    ] {
        assert_eq!(of(budget, 8).curtailed, []);
    }
    let rule = StepRule { max_tokens: 12, ..StepRule::lines() };
    let search = Search::new(world()).rule(rule).budget(Budget { samples: Some(9), ..hard });
    assert_eq!(search.run(Sample { n: 2 }, world().prompt(0)).expect("runs").curtailed, []);
}
