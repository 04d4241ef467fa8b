//! A tree does not depend on what runs beside it.

use super::*;
use tts_core::toy::{Oracle, Sample, ToyWorld};
use tts_core::*;

#[test]
fn a_line_in_one_go_is_the_same_as_step_by_step() {
    let whole = run(Sample { n: 6 }, 0, Budget::default());
    let steps = run(Stepwise { n: 6 }, 0, Budget::default());
    let texts = |outcome: &Outcome| -> Vec<(String, Option<f64>)> {
        let tree = &outcome.tree;
        let mut all: Vec<_> =
            tree.finished().map(|id| (tree.text(id), tree.score(id, Aggregate::Mean))).collect();
        all.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
        all
    };
    assert_eq!(texts(&whole), texts(&steps));
    assert_eq!(whole.usage.logical.generated_tokens, steps.usage.logical.generated_tokens);
    assert_eq!(whole.usage.logical.scored_tokens, steps.usage.logical.scored_tokens);
}

#[test]
fn best_of_4_is_a_prefix_of_best_of_16() {
    let (few, many) =
        (run(Sample { n: 4 }, 2, Budget::default()), run(Sample { n: 16 }, 2, Budget::default()));
    let texts = |o: &Outcome| o.tree.finished().map(|id| o.tree.text(id)).collect::<Vec<_>>();
    assert_eq!(texts(&few), texts(&many)[..4]);
}

#[test]
fn a_tree_is_the_same_alone_and_in_company() {
    let (world, oracle) = (world(), Oracle { noise: 0.5, seed: 1 });
    let budget = Budget { rounds: Some(7), ..Budget::default() };
    let search = || Search::new(world).scorer(oracle).budget(budget).seed(11);
    let alone: Vec<Outcome> =
        (0..8).map(|i| search().run(Restless, world.prompt(i)).expect("runs")).collect();
    for concurrency in [1, 3, 8] {
        let together =
            search().concurrency(concurrency).run_many(&Restless, (0..8).map(|i| world.prompt(i)));
        for (one, other) in alone.iter().zip(together) {
            assert_eq!(one.tree, other.expect("runs").tree);
        }
    }
}

/// A generator that returns its lines one at a time, the last first.
struct Backwards(ToyWorld);

struct BackwardsSession<'a> {
    world: &'a ToyWorld,
    next: u64,
    waiting: Vec<(LineId, Request)>,
}

impl Generator for Backwards {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        self.0.generate(batch)
    }
    fn session(&self) -> Box<dyn Session + '_> {
        Box::new(BackwardsSession { world: &self.0, next: 0, waiting: Vec::new() })
    }
}

impl Session for BackwardsSession<'_> {
    fn submit(&mut self, request: Request) -> Vec<LineId> {
        let mut ids = Vec::new();
        for &seed in &request.seeds {
            let id = LineId(self.next);
            self.next += 1;
            self.waiting.push((id, Request { seeds: vec![seed], ..request.clone() }));
            ids.push(id);
        }
        ids
    }
    fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
        let Some((line, request)) = self.waiting.pop() else { return Ok(Vec::new()) };
        let result = self.world.generate(&[request])?.remove(0).lines.remove(0);
        Ok(vec![Finished { line, result, computed_tokens: 1, cached_tokens: 0 }])
    }
    fn cancel(&mut self, line: LineId) {
        self.waiting.retain(|(id, _)| *id != line);
    }
}

#[test]
fn the_order_of_completion_changes_nothing() {
    let oracle = Oracle { noise: 0.5, seed: 1 };
    let budget = Budget { rounds: Some(6), ..Budget::default() };
    let (forwards, backwards) = (world(), Backwards(world()));
    let trees = |generator: &dyn Generator| -> Vec<Tree> {
        Search::new(generator)
            .scorer(oracle)
            .budget(budget)
            .run_many(&Restless, (0..4).map(|i| forwards.prompt(i)))
            .into_iter()
            .map(|outcome| outcome.expect("runs").tree)
            .collect()
    };
    assert_eq!(trees(&forwards), trees(&backwards));
}

#[test]
fn cancelling_keeps_what_was_made() {
    let world = world();
    let search = Search::new(world);
    let mut pool = search.pool();
    let endless = pool.submit(Restless, world.prompt(0), None).expect("starts");
    let bounded = pool.submit(Restless, world.prompt(1), None).expect("starts");
    pool.cancel(endless);
    let (id, outcome) = pool.poll().expect("one is over");
    assert_eq!((id, outcome.expect("not an error").stop), (endless, Stop::Cancelled));
    pool.cancel(bounded);
    assert_eq!(pool.poll().map(|(id, _)| id), Some(bounded));
    assert!(pool.poll().is_none() && pool.is_empty());
}

#[test]
fn public_types_can_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<(Tree, Outcome, Trajectory, Request, Completion, Generated)>();
    crosses::<(Settings, Budget, Usage, Selection, Expand, SearchError, RunError, RecordError)>();
    crosses::<(ToyWorld, Oracle, Sample, Run<Sample>, NodeId, Node, Step, Prompt, Given, Scored)>();
}

/// A service that owns its model and its searches, and is driven turn by turn on another thread.
#[test]
fn searches_and_pools_can_be_owned_and_sent() {
    struct Service {
        world: std::sync::Arc<ToyWorld>,
        pool: SearchPool<'static, Sample>,
    }
    let world = std::sync::Arc::new(world());
    let search = Search::new(std::sync::Arc::clone(&world))
        .scorer(Oracle { noise: 0.3, seed: 5 })
        .sampling(Sampling::temperature(1.0))
        .seed(3);
    let mut service = Service { world, pool: search.pool() };
    let worker = std::thread::spawn(move || {
        let mut over = Vec::new();
        let mut next = 0;
        while next < 6 || !service.pool.is_empty() {
            // Problems join between turns.
            if next < 6 {
                service
                    .pool
                    .submit(Sample { n: 4 }, service.world.prompt(next), None)
                    .expect("starts");
                next += 1;
            }
            over.extend(service.pool.turn());
        }
        over
    });
    let mut over = worker.join().expect("no panic");
    over.sort_by_key(|(id, _)| *id);
    assert_eq!(over.len(), 6);
    for ((id, outcome), problem) in over.into_iter().zip(0..) {
        let alone = search.run(Sample { n: 4 }, super::world().prompt(problem)).expect("runs");
        assert_eq!(outcome.expect("runs").tree, alone.tree);
        assert_eq!(u64::try_from(id.0), Ok(problem));
    }
}

/// A scorer that takes its time: the writing goes on meanwhile.
#[test]
fn a_slow_scorer_does_not_stop_the_writing() {
    use std::sync::Mutex;

    /// Judges a group only when it was looked at several times.
    struct Slow<'a>(&'a Mutex<Vec<&'static str>>);
    struct SlowScoring<'a> {
        scorer: &'a Slow<'a>,
        waiting: Vec<(GroupId, Vec<Trajectory>, u32)>,
        next: u64,
    }
    impl StepScorer for Slow<'_> {
        fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
            let half = |path: &Trajectory| Scored::of(vec![0.5; path.fresh_steps().len()]);
            Ok(batch.iter().map(half).collect())
        }
        fn session(&self) -> Box<dyn Scoring + '_> {
            Box::new(SlowScoring { scorer: self, waiting: Vec::new(), next: 0 })
        }
    }
    impl Scoring for SlowScoring<'_> {
        fn submit(&mut self, paths: Vec<Trajectory>) -> GroupId {
            self.next += 1;
            self.waiting.push((GroupId(self.next), paths, 4));
            GroupId(self.next)
        }
        fn step(&mut self) -> Vec<Judged> {
            self.waiting.iter_mut().for_each(|(_, _, left)| *left -= 1);
            let done = self.waiting.extract_if(.., |(_, _, left)| *left == 0);
            let scorer = self.scorer;
            let judge = |(id, paths, _): (GroupId, Vec<Trajectory>, u32)| {
                scorer.0.lock().expect("not poisoned").push("judged");
                (id, scorer.score(&paths))
            };
            done.map(judge).collect()
        }
        fn cancel(&mut self, group: GroupId) {
            self.waiting.retain(|(id, _, _)| *id != group);
        }
    }
    let log = Mutex::new(Vec::new());
    let world = world();
    let slow = Slow(&log);
    let tell = |event: &Event<'_>| {
        if let What::Line { .. } = event.what {
            log.lock().expect("not poisoned").push("line");
        }
    };
    let search = Search::new(world).scorer(&slow).observer(tell);
    let mut pool = search.pool();
    pool.submit(Sample { n: 1 }, world.prompt(0), None).expect("starts");
    let mut over = pool.turn();
    for problem in 1..3 {
        pool.submit(Sample { n: 1 }, world.prompt(problem), None).expect("starts");
        over.extend(pool.turn());
    }
    while !pool.is_empty() {
        over.extend(pool.turn());
    }
    assert_eq!(over.len(), 3);
    // All three lines were written before the first judgement came.
    assert_eq!(log.lock().expect("not poisoned")[..4], ["line", "line", "line", "judged"]);
}
