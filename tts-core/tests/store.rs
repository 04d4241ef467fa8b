//! Stores: what was written is found again, bit for bit, and nothing else is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tts_core::cost::ModelCost;
use tts_core::toy::{Oracle, Sample, ToyWorld};
use tts_core::{
    BoxError, Finish, Generated, Generator, LineError, Memo, Outcome, Prompt, Reads, RecordError,
    Request, Sampling, Scale, Scored, Search, Step, StepRule, StepScorer, Store, Trajectory, Until,
};

/// Counts the lines that it writes, and fails from a certain one on.
struct Counting {
    world: ToyWorld,
    written: AtomicUsize,
    most: usize,
}

impl Counting {
    fn new(most: usize) -> Self {
        let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
        Self { world, written: AtomicUsize::new(0), most }
    }

    fn written(&self) -> usize {
        self.written.load(Ordering::Relaxed)
    }
}

impl Generator for Counting {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let lines: usize = batch.iter().map(|request| request.seeds.len()).sum();
        if self.written.fetch_add(lines, Ordering::Relaxed) + lines > self.most {
            self.written.fetch_sub(lines, Ordering::Relaxed);
            return Err("the power is out".into());
        }
        self.world.generate(batch)
    }
}

fn search(store: &Store, generator: &Counting, n: usize) -> Vec<Outcome> {
    let stored = store.over(generator, "toy");
    let prompts = (0..5).map(|index| generator.world.prompt(index));
    let search = Search::new(&stored).rule(StepRule::lines()).concurrency(2);
    timeless(&search, n, prompts)
}

/// What was found, without the seconds that it took.
fn timeless(search: &Search<'_>, n: usize, prompts: impl Iterator<Item = Prompt>) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> =
        search.run_many(&Sample { n }, prompts).into_iter().map(Result::unwrap).collect();
    for outcome in &mut outcomes {
        outcome.usage.measured.seconds = 0.0;
    }
    outcomes
}

#[test]
fn a_second_search_generates_what_is_new_only_and_leaves_the_same_trees() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/lines.jsonl");
    let plain = Counting::new(usize::MAX);
    let prompts = (0..5).map(|index| plain.world.prompt(index));
    let without: Vec<Outcome> = Search::new(&plain)
        .rule(StepRule::lines())
        .run_many(&Sample { n: 6 }, prompts)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let generator = Counting::new(usize::MAX);
    let store = Store::open(&path).unwrap();
    let first = search(&store, &generator, 6);
    assert_eq!((generator.written(), store.lines(), store.found()), (30, 30, 0));
    for (first, without) in first.iter().zip(&without) {
        assert_eq!(first.tree, without.tree);
    }
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(search(&store, &generator, 6), first);
    assert_eq!((generator.written(), store.lines(), store.found()), (30, 30, 30));
    // Best of 6 is a prefix of best of 8.
    search(&store, &generator, 8);
    assert_eq!((generator.written(), store.lines()), (40, 40));
}

#[test]
fn a_run_that_broke_off_pays_for_the_rest_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.jsonl");
    let store = Store::open(&path).unwrap();
    let generator = Counting::new(14);
    let stored = store.over(&generator, "toy");
    let prompts = || (0..5).map(|index| generator.world.prompt(index));
    let broken = Search::new(&stored)
        .rule(StepRule::lines())
        .concurrency(2)
        .run_many(&Sample { n: 6 }, prompts());
    assert!(broken.iter().any(Result::is_err));
    let kept = store.lines();
    assert!(kept > 0 && kept <= 14, "{kept}");
    drop(store);
    // Killed while it wrote a line.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend(br#"{"key":"00"#);
    std::fs::write(&path, bytes).unwrap();
    let store = Store::open(&path).unwrap();
    let generator = Counting::new(usize::MAX);
    search(&store, &generator, 6);
    assert_eq!((generator.written(), store.lines()), (30 - kept, 30));
}

fn problem(error: &RecordError) -> String {
    error.to_string()
}

#[test]
fn what_is_no_store_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let good = "{\"store\":1}\n";
    let line = "{\"key\":\"0f\",\"line\":{\"steps\":[],\"finish\":\"stop\"}}\n";
    let judged = "{\"key\":\"0e\",\"judged\":{\"scores\":[0.5]}}\n";
    let both = line.replace("}\n", ",\"judged\":{\"scores\":[]}}\n");
    let table: [(String, &str); 8] = [
        ("my thesis\n".into(), "line 1: not a store"),
        ("my thesis".into(), "line 1: not a store"),
        ("{\"store\":2}\n".into(), "line 1: not a store"),
        (format!("{good}{{}}\n"), "line 2: not an entry"),
        (format!("{good}{line}nonsense\n{line}"), "line 3: not an entry"),
        (format!("{good}{}", line.replace("0f", "xy")), "line 2: key"),
        (format!("{good}{judged}{both}"), "line 3: not an entry: expected either a line or a"),
        (format!("{good}{{\"key\":\"0f\"}}\n"), "line 2: not an entry: expected either"),
    ];
    for (text, expected) in table {
        std::fs::write(&path, &text).unwrap();
        let error = problem(&Store::open(&path).unwrap_err());
        assert!(error.contains(expected), "{text:?}: {error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    // A torn beginning of the first line is the store's own.
    std::fs::write(&path, "{\"sto").unwrap();
    assert!(Store::open(&path).unwrap().is_empty());
    assert!(Store::open(folder.path()).is_err());
}

#[test]
fn two_at_once_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.jsonl");
    let store = Store::open(&path).unwrap();
    assert!(Store::open(&path).is_err());
    drop(store);
    Store::open(&path).unwrap();
}

fn request(world: &ToyWorld) -> Request {
    Request {
        until: Until::End,
        rule: Arc::new(StepRule::lines()),
        max_tokens: 200,
        ..Request::new(
            Trajectory::new(Arc::new(world.prompt(0)), Vec::new(), 0, false),
            vec![1, 2, 3],
        )
    }
}

fn ask(store: &Store, model: &str, request: &Request) -> (Generated, u64) {
    let before = store.found();
    let generator = Counting::new(usize::MAX);
    let made = store.over(&generator, model).generate(std::slice::from_ref(request));
    let made = made.expect("the toy world answers").remove(0);
    (made, store.found() - before)
}

/// Whatever a line depends on makes another key.
#[test]
fn another_request_is_another_line() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("lines.jsonl")).unwrap();
    let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
    let base = request(&world);
    ask(&store, "toy", &base);
    assert_eq!(ask(&store, "toy", &base).1, 3);
    assert_eq!(ask(&store, "other", &base).1, 0);
    let prefix = {
        let step = ask(&store, "toy", &base).0.lines[0].clone().unwrap().steps[0].clone();
        Trajectory::new(Arc::new(world.prompt(0)), vec![Arc::new(step)], 0, false)
    };
    let changed = [
        Request { prefix, ..base.clone() },
        Request {
            prefix: Trajectory::new(Arc::new(world.prompt(1)), Vec::new(), 0, false),
            ..base.clone()
        },
        Request { append: Some("1".into()), ..base.clone() },
        Request { seeds: vec![4, 5], ..base.clone() },
        Request { until: Until::Step, ..base.clone() },
        Request { sampling: Sampling::temperature(0.7), ..base.clone() },
        Request { rule: Arc::new(StepRule { max_steps: 2, ..StepRule::lines() }), ..base.clone() },
        Request { max_tokens: 30, ..base.clone() },
        Request { given: vec![u32::from(b'4')], ..base.clone() },
        Request { watch: tts_core::Watch { confidence: 3, ..Default::default() }, ..base.clone() },
    ];
    for request in changed {
        assert_eq!(ask(&store, "toy", &request).1, 0, "{request:?}");
        let lines = request.seeds.len() as u64;
        assert_eq!(ask(&store, "toy", &request).1, lines, "{request:?}");
    }
}

/// Equal text may be other tokens, and a path that has ended is another than one that goes on.
#[test]
fn tokens_and_the_end_of_a_path_belong_to_the_name_of_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("lines.jsonl")).unwrap();
    let world = ToyWorld::default();
    let behind = |tokens: &[u32], finished| {
        let step = Step { text: "1\n".into(), tokens: tokens.to_vec(), ..Step::default() };
        let prompt = Arc::new(world.prompt(0));
        let prefix = Trajectory::new(prompt, vec![Arc::new(step)], 0, finished);
        Request { prefix, ..request(&world) }
    };
    for (tokens, finished) in [(&[49, 10][..], false), (&[300], false), (&[49, 10], true)] {
        let request = behind(tokens, finished);
        assert_eq!(ask(&store, "toy", &request).1, 0, "{tokens:?} {finished}");
        assert_eq!(ask(&store, "toy", &request).1, 3, "{tokens:?} {finished}");
    }
}

/// Calls every line off.
struct Impatient;

impl Generator for Impatient {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let mut made = ToyWorld::default().generate(batch)?;
        for line in made.iter_mut().flat_map(|made| made.lines.iter_mut().flatten()) {
            line.finish = Finish::Cancelled;
        }
        Ok(made)
    }
}

#[test]
fn lines_that_were_called_off_are_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("lines.jsonl")).unwrap();
    let made = store.over(Impatient, "toy").generate(&[request(&ToyWorld::default())]).unwrap();
    assert_eq!(made[0].lines.len(), 3);
    assert!(store.is_empty());
}

/// Fails on odd seeds.
struct Moody;

impl Generator for Moody {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let mut made = ToyWorld::default().generate(batch)?;
        for (made, request) in made.iter_mut().zip(batch) {
            for (line, seed) in made.lines.iter_mut().zip(&request.seeds) {
                if seed % 2 == 1 {
                    *line = Err(LineError("not today".into()));
                }
            }
        }
        Ok(made)
    }
}

#[test]
fn failed_lines_are_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("lines.jsonl")).unwrap();
    let generator = store.over(Moody, "moody");
    let made = generator.generate(&[request(&ToyWorld::default())]).unwrap();
    assert!(made[0].lines[0].is_err() && made[0].lines[1].is_ok());
    assert_eq!(store.lines(), 1);
}

/// Counts the paths that it judges, and says what it read for them.
struct Judge {
    oracle: Oracle,
    judged: AtomicUsize,
}

impl Judge {
    fn new(noise: f64) -> Self {
        Self { oracle: Oracle { noise, seed: 4 }, judged: AtomicUsize::new(0) }
    }

    fn judged(&self) -> usize {
        self.judged.load(Ordering::Relaxed)
    }
}

impl StepScorer for Judge {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        self.judged.fetch_add(batch.len(), Ordering::Relaxed);
        let scored = self.oracle.score(batch)?.into_iter().zip(batch);
        let reading = |(scored, path): (Scored, &Trajectory)| {
            let tokens = path.text().len() as u64;
            scored.reading(Some(Reads { tokens, flops: 3.0 * tokens as f64, path: None }))
        };
        Ok(scored.map(reading).collect())
    }

    fn scale(&self) -> Scale {
        self.oracle.scale()
    }

    fn cost(&self) -> ModelCost {
        ModelCost { parameters: 11, layers: 1, query_width: 2, windows: None }
    }
}

/// The same five problems, judged; with what their records would hold of them.
fn judged(scorer: &dyn StepScorer, n: usize) -> Vec<Outcome> {
    let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
    let prompts = (0..5).map(|index| world.prompt(index));
    let search = Search::new(world).scorer(scorer).rule(StepRule::lines()).concurrency(3);
    timeless(&search, n, prompts)
}

/// Trees, scores and costs are those without; a path is judged once, also after the process was killed, and equal texts of
/// a round are one path.
#[test]
fn what_was_judged_is_not_judged_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.jsonl");
    let (plain, counting) = (Judge::new(0.3), Judge::new(0.3));
    let without = [6, 8].map(|n| judged(&plain, n));
    let store = Store::open(&path).unwrap();
    assert_eq!(judged(&store.judging(&counting, "judge"), 6), without[0]);
    let (first, held) = (counting.judged(), store.judgements());
    assert!(first == held && (5..=30).contains(&first), "{first} {held}");
    assert!(store.found_judgements() == 0 && store.lines() == 0 && !store.is_empty());
    drop(store);
    // Killed while it wrote a judgement.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend(br#"{"key":"00","judged":{"sc"#);
    std::fs::write(&path, bytes).unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.judgements(), held);
    let again = store.judging(&counting, "judge");
    assert_eq!(judged(&again, 6), without[0]);
    assert_eq!((counting.judged(), store.found_judgements()), (first, 30));
    assert_eq!(judged(&again, 8), without[1]);
    let second = counting.judged();
    assert!(second > first && second < plain.judged(), "{second}");
    // Another name is another judge, and a line of a model is none.
    let other = Judge::new(0.9);
    assert_ne!(judged(&store.judging(&other, "other"), 6), without[0]);
    assert_eq!(other.judged(), first);
    let generator = Counting::new(usize::MAX);
    search(&store, &generator, 6);
    assert_eq!((generator.written(), store.lines(), store.found()), (30, 30, 0));

    let memo = Memo::new(Judge::new(0.3));
    assert_eq!(judged(&memo, 6), without[0]);
    assert_eq!((memo.found(), memo.len(), memo.is_empty()), (0, first, false));
    assert_eq!(judged(&memo, 8), without[1]);
    assert!(memo.found() >= 30 && memo.len() == second);
    // Whatever it has no room for is judged again, and comes out the same.
    for most in [0, 1, 4] {
        let small = Memo::new(Judge::new(0.3)).at_most(most);
        assert_eq!(judged(&small, 6), without[0]);
        assert_eq!(judged(&small, 8), without[1]);
        assert!(small.len() <= most);
    }
}

/// A path of two steps, of which one is fresh.
fn judged_path(change: impl FnOnce(&mut Vec<Step>)) -> (Vec<Step>, Prompt) {
    let step = |text: &str| Step {
        text: text.into(),
        tokens: text.bytes().map(u32::from).collect(),
        logprobs: vec![-0.5; text.len()],
        ..Step::default()
    };
    let mut steps = vec![step("1 + 2 = 3\n"), step("3 + 4 = 7\n")];
    change(&mut steps);
    (steps, ToyWorld::default().prompt(0))
}

/// Whatever a judgement depends on makes another key.
#[test]
fn another_path_is_another_judgement() {
    let judge = Memo::new(Judge::new(0.3));
    let ask = |(steps, prompt): (Vec<Step>, Prompt), fresh, finished, about: Option<&Prompt>| {
        let steps = steps.into_iter().map(Arc::new).collect();
        let path = Trajectory::new(Arc::new(prompt), steps, fresh, finished);
        let path = match about {
            Some(problem) => path.about(Arc::new(problem.clone())),
            None => path,
        };
        let before = judge.found();
        judge.score(&[path]).unwrap();
        judge.found() > before
    };
    let same = || judged_path(|_| ());
    assert!(!ask(same(), 1, false, None));
    assert!(ask(same(), 1, false, None));
    let other = ToyWorld::default().prompt(1);
    assert!(!ask(same(), 2, false, None));
    assert!(!ask(same(), 1, true, None));
    assert!(!ask((same().0, other.clone()), 1, false, None));
    // The problem is the same, and what its writer was shown is not.
    assert!(!ask((same().0, other), 1, false, Some(&same().1)));
    let changes: [fn(&mut Vec<Step>); 4] = [
        |steps| steps[0].text.push(' '),
        |steps| steps[1].tokens[0] = 7,
        |steps| steps[0].logprobs[0] = -0.25,
        |steps| steps[1].closing = 1,
    ];
    for change in changes {
        assert!(!ask(judged_path(change), 1, false, None));
        assert!(ask(judged_path(change), 1, false, None));
    }
}

/// Says something that no search takes, and then the truth.
struct Unsound(AtomicUsize, fn() -> Vec<Scored>);

impl StepScorer for Unsound {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        if self.0.fetch_add(1, Ordering::Relaxed) == 0 {
            return Ok((self.1)());
        }
        Ok(batch.iter().map(|path| Scored::of(vec![0.5; path.fresh_steps().len()])).collect())
    }

    fn scale(&self) -> Scale {
        Scale::STEP
    }
}

#[test]
fn refusals_and_what_no_search_takes_are_not_kept() {
    let path = || {
        let (steps, prompt) = judged_path(|_| ());
        let steps = steps.into_iter().map(Arc::new).collect();
        Trajectory::new(Arc::new(prompt), steps, 1, true)
    };
    let table: [fn() -> Vec<Scored>; 6] = [
        || vec![Scored::refused("the server is busy")],
        || vec![Scored::of(vec![2.0])],
        || vec![Scored::of(vec![f64::NAN])],
        || vec![Scored::of(vec![0.5, 0.5])],
        || vec![Scored::of(vec![0.5]).reading(Some(Reads { flops: -1.0, ..Reads::default() }))],
        Vec::new,
    ];
    for odd in table {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("lines.jsonl")).unwrap();
        let scorer = store.judging(Unsound(AtomicUsize::new(0), odd), "unsound");
        let first = scorer.score(&[path()]);
        match odd().first() {
            None => assert!(first.unwrap_err().to_string().contains("judged 1 paths as 0")),
            Some(_) => assert_ne!(first.unwrap()[0], Scored::of(vec![0.5])),
        }
        assert_eq!(store.judgements(), 0);
        assert_eq!(scorer.score(&[path(), path()]).unwrap(), vec![Scored::of(vec![0.5]); 2]);
        assert_eq!(store.judgements(), 1);
    }
}

proptest! {
    /// Groups in any order, equal paths among them, some called off: each that is not is answered once, with the scorer's
    /// own words.
    #[test]
    fn groups_of_paths_are_answered_once(
        groups in proptest::collection::vec(proptest::collection::vec(0_u8..9, 0..5), 1..6),
        cancelled in proptest::collection::vec(any::<bool>(), 6),
    ) {
        let path = |number: &u8| {
            let step = Step { text: format!("{number}\n"), ..Step::default() };
            let prompt = Arc::new(ToyWorld::default().prompt(0));
            Trajectory::new(prompt, vec![Arc::new(step)], 1, true)
        };
        let judge = Judge::new(0.7);
        let memo = Memo::new(&judge);
        memo.score(&[path(&0), path(&1)]).unwrap();
        let mut session = memo.session();
        let paths = |group: &Vec<u8>| group.iter().map(path).collect::<Vec<_>>();
        let ids: Vec<_> = groups.iter().map(|group| session.submit(paths(group))).collect();
        for (&id, _) in ids.iter().zip(&cancelled).filter(|(_, cancelled)| **cancelled) {
            session.cancel(id);
        }
        let mut answers = std::collections::BTreeMap::new();
        loop {
            let judged = session.step();
            if judged.is_empty() {
                break;
            }
            for (id, scored) in judged {
                prop_assert!(answers.insert(id, scored.unwrap()).is_none());
            }
        }
        let plain = Judge::new(0.7);
        for ((id, group), cancelled) in ids.iter().zip(&groups).zip(cancelled) {
            match answers.get(id) {
                Some(answer) => {
                    prop_assert!(!cancelled);
                    prop_assert_eq!(answer, &plain.score(&paths(group)).unwrap());
                }
                None => prop_assert!(cancelled),
            }
        }
    }

    /// Sessions: lines found and lines made may come in any order, and some may be called off.
    #[test]
    fn sessions_answer_every_line_once(
        known in proptest::collection::vec(0_u64..20, 0..12),
        asked in proptest::collection::vec(0_u64..20, 1..12),
        cancelled in proptest::collection::vec(any::<bool>(), 12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("lines.jsonl")).unwrap();
        let world = ToyWorld { error: 0.4, ..ToyWorld::default() };
        let stored = store.over(world, "toy");
        stored.generate(&[Request { seeds: known, ..request(&world) }]).unwrap();
        let whole = Request { seeds: asked.clone(), ..request(&world) };
        let expected = world.generate(std::slice::from_ref(&whole)).unwrap().remove(0).lines;
        let mut session = stored.session();
        let ids = session.submit(whole);
        for (&id, _) in ids.iter().zip(&cancelled).filter(|(_, cancelled)| **cancelled) {
            session.cancel(id);
        }
        let mut answers = std::collections::BTreeMap::new();
        loop {
            let finished = session.poll().unwrap();
            if finished.is_empty() {
                break;
            }
            for done in finished {
                prop_assert!(answers.insert(done.line, done.result).is_none());
            }
        }
        for ((id, expected), cancelled) in ids.iter().zip(expected).zip(cancelled) {
            match answers.get(id) {
                Some(answer) => prop_assert!(!cancelled && *answer == expected),
                None => prop_assert!(cancelled),
            }
        }
    }
}
