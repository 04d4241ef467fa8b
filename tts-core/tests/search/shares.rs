//! Problems of several searches in one pool, and lines that are handed in turn by turn.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use tts_core::toy::{Oracle, Sample};

/// A toy world that counts its sessions, and writes down how many lines it was given with each request.
#[derive(Default)]
struct Counted {
    sessions: AtomicUsize,
    given: Mutex<Vec<usize>>,
    flying: AtomicUsize,
    most: AtomicUsize,
}

struct CountedSession<'a> {
    counted: &'a Counted,
    next: u64,
    waiting: Vec<(LineId, Request)>,
}

impl Generator for Counted {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        world().generate(batch)
    }
    fn session(&self) -> Box<dyn Session + '_> {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        Box::new(CountedSession { counted: self, next: 0, waiting: Vec::new() })
    }
}

impl Session for CountedSession<'_> {
    fn submit(&mut self, request: Request) -> Vec<LineId> {
        self.counted.given.lock().expect("not poisoned").push(request.seeds.len());
        let flying = self.counted.flying.fetch_add(request.seeds.len(), Ordering::Relaxed);
        self.counted.most.fetch_max(flying + request.seeds.len(), Ordering::Relaxed);
        let one = |&seed: &u64| {
            self.next += 1;
            (LineId(self.next), Request { seeds: vec![seed], ..request.clone() })
        };
        let lines: Vec<_> = request.seeds.iter().map(one).collect();
        let ids = lines.iter().map(|(id, _)| *id).collect();
        self.waiting.extend(lines);
        ids
    }
    fn poll(&mut self) -> Result<Vec<Finished>, BoxError> {
        if self.waiting.is_empty() {
            return Ok(Vec::new());
        }
        let (line, request) = self.waiting.remove(0);
        self.counted.flying.fetch_sub(1, Ordering::Relaxed);
        let result = world().generate(&[request])?.remove(0).lines.remove(0);
        Ok(vec![Finished { line, result, computed_tokens: 1, cached_tokens: 0 }])
    }
    fn cancel(&mut self, line: LineId) {
        let before = self.waiting.len();
        self.waiting.retain(|(id, _)| *id != line);
        self.counted.flying.fetch_sub(before - self.waiting.len(), Ordering::Relaxed);
    }
}

#[test]
fn a_pool_runs_problems_of_other_searches_under_their_own_settings() {
    let counted = Counted::default();
    let base = Search::new(&counted);
    let oracles = [Oracle { noise: 0.3, seed: 5 }, Oracle { noise: 0.9, seed: 1 }];
    let searches: Vec<Search<'_>> = (0..6)
        .map(|number| {
            let search = base.clone().seed(number).rule(StepRule {
                max_tokens: 30 + 10 * u32::try_from(number).expect("small"),
                ..StepRule::lines()
            });
            let budget = Budget { rounds: Some(3), ..Budget::default() };
            search.scorer(oracles[usize::from(number % 2 == 0)]).budget(budget)
        })
        .collect();
    let mut pool = base.pool().window(5);
    let ids: Vec<ProblemId> = (searches.iter().zip(0..))
        .map(|(search, n)| pool.submit_under(search, Restless, world().prompt(n), None).unwrap())
        .collect();
    let mut over = std::collections::HashMap::new();
    while let Some((id, outcome)) = pool.poll() {
        over.insert(id, outcome.expect("runs"));
    }
    assert_eq!(counted.sessions.load(Ordering::Relaxed), 1, "all searches share one session");
    for ((search, id), n) in searches.iter().zip(ids).zip(0..) {
        let alone = search.run(Restless, world().prompt(n)).expect("runs");
        assert_eq!(over[&id].tree, alone.tree);
        assert_eq!(over[&id].prompt_tokens, world().prompt(n).question().len() as u64);
    }
}

#[test]
fn observers_are_those_of_the_problems_search() {
    let (first, second) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let count = |by: &AtomicUsize| {
        by.fetch_add(1, Ordering::Relaxed);
    };
    let base = Search::new(world()).observer(|_| count(&first));
    let other = Search::new(world()).observer(|_| count(&second));
    let mut pool = base.pool();
    pool.submit_under(&other, Sample { n: 2 }, world().prompt(0), None).expect("starts");
    while pool.poll().is_some() {}
    // Started, asked, two lines, finished; without a scorer nothing is judged.
    let told = |by: &AtomicUsize| by.load(Ordering::Relaxed);
    assert_eq!((told(&first), told(&second)), (0, 5));
}

/// A scorer without a size is somebody else each time it is asked who it is: a search asks once.
#[test]
fn copies_of_a_search_share_a_scorer_without_a_size() {
    static SESSIONS: AtomicUsize = AtomicUsize::new(0);
    struct Half;
    impl StepScorer for Half {
        fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
            let half = |path: &Trajectory| Scored::of(vec![0.5; path.fresh_steps().len()]);
            Ok(batch.iter().map(half).collect())
        }
        fn session(&self) -> Box<dyn Scoring + '_> {
            SESSIONS.fetch_add(1, Ordering::Relaxed);
            Box::new(Never)
        }
    }
    struct Never;
    impl Scoring for Never {
        fn submit(&mut self, _: Vec<Trajectory>) -> GroupId {
            GroupId(0)
        }
        fn step(&mut self) -> Vec<Judged> {
            Vec::new()
        }
        fn cancel(&mut self, _: GroupId) {}
    }
    let search = Search::new(world()).scorer(Half);
    let mut pool = search.pool();
    for seed in 0..3 {
        let copy = search.clone().seed(seed);
        pool.submit_under(&copy, Sample { n: 1 }, world().prompt(0), None).expect("starts");
    }
    assert_eq!(SESSIONS.load(Ordering::Relaxed), 1);
}

/// The window is kept, and problems take turns at what is free in it.
#[test]
fn a_window_is_shared_in_turns() {
    let counted = Counted::default();
    let search = Search::new(&counted);
    let mut pool = search.pool().window(6);
    let ids: Vec<ProblemId> = [40, 3, 1]
        .into_iter()
        .map(|n| pool.submit(Sample { n }, world().prompt(0), None).expect("starts"))
        .collect();
    let order: Vec<ProblemId> = std::iter::from_fn(|| pool.poll().map(|(id, _)| id)).collect();
    // Two lines each at first, then a line whenever one is done.
    let given = counted.given.lock().expect("not poisoned");
    assert_eq!(given[..3], [2, 2, 1], "an even share of what is free");
    assert_eq!(given.iter().sum::<usize>(), 44);
    assert_eq!(counted.most.load(Ordering::Relaxed), 6);
    assert_eq!(order, [ids[2], ids[1], ids[0]]);
}

#[test]
fn a_problem_that_is_called_off_hands_in_nothing_more() {
    let counted = Counted::default();
    let search = Search::new(&counted);
    let mut pool = search.pool().window(4);
    let large = pool.submit(Sample { n: 50 }, world().prompt(0), None).expect("starts");
    let small = pool.submit(Sample { n: 3 }, world().prompt(1), None).expect("starts");
    assert!(pool.turn().is_empty());
    pool.cancel(large);
    let mut over = Vec::new();
    while let Some((id, outcome)) = pool.poll() {
        over.push((id, outcome.expect("no error").stop));
    }
    assert_eq!(over, [(large, Stop::Cancelled), (small, Stop::Done)]);
    assert_eq!(counted.flying.load(Ordering::Relaxed), 0);
    // Of the large one no more than the two of its first turn and one in the place of a line.
    assert!(counted.given.lock().expect("not poisoned").iter().sum::<usize>() <= 6);
}

/// Lines of a round that are handed in later fail like those before, when the generator is down.
#[test]
fn a_generator_that_is_down_ends_a_problem_whose_lines_wait() {
    struct Down;
    impl Generator for Down {
        fn generate(&self, _: &[Request]) -> Result<Vec<Generated>, BoxError> {
            Err("out of order".into())
        }
    }
    let search = Search::new(Down);
    let mut pool = search.pool().window(2);
    pool.submit(Sample { n: 9 }, "2 + 2?", None).expect("starts");
    let (_, outcome) = pool.poll().expect("over");
    let error = outcome.expect_err("nothing was written");
    assert!(matches!(&error.kind, SearchErrorKind::Generator(_)), "{error}");
    assert!(error.to_string().contains("out of order"), "{error}");
}
