//! Evaluations and comparisons on toy worlds: reports, budgets, shared pools, tables, trees, journals.

mod common;

use std::sync::Arc;

use common::{Says, line};
use serde_json::{Value, json};
use tts_core::family::{Chain, Problem, Slipping, Split, problems};
use tts_core::metrics::Sampled;
use tts_core::task::{Math, Puzzle, Task};
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::evaluate::*;
use tts_search::{BestOfN, Recipe, SelfConsistency};

const CHAIN: Chain = Chain { operations: [2, 4], digits: [1, 2], most: 999 };

fn held_out(count: usize) -> Vec<Problem> {
    problems(&CHAIN, Split::Test, 5).take(count).collect()
}

fn comparison<'a>(player: &'a Slipping, problems: &'a [Problem]) -> Comparison<'a> {
    let rule = StepRule { max_step_tokens: 200, max_tokens: 200, ..StepRule::lines() };
    let sampling = Sampling::temperature(0.7);
    let search = Search::new(player).rule(rule).sampling(sampling).seed(3).concurrency(8);
    Comparison { search, family: &CHAIN, problems }
}

#[test]
fn a_budget_is_split_by_its_square_root() {
    for (n, expected) in [(1, 1), (4, 2), (16, 4), (64, 8)] {
        assert_eq!(square_root(n).unwrap(), expected);
        let search = |method: Method| method.search(n, Aggregate::Product).unwrap();
        let Recipe::BeamSearch(beam) = search(Method::Beam) else { panic!("not a beam") };
        assert_eq!((beam.first, beam.keep, beam.branch), (Some(n), expected, expected));
        let Recipe::Dvts(dvts) = search(Method::Dvts) else { panic!("not dvts") };
        assert_eq!((dvts.n, dvts.forest().unwrap().copies), (n, expected));
        let Recipe::Lookahead(ahead) = search(Method::Lookahead) else { panic!("no look ahead") };
        assert_eq!(ahead.depth, u32::from(n > 1));
        assert_eq!(ahead.aggregate, Aggregate::Product);
        assert_eq!(ahead.strategy, search(Method::Beam));
    }
    for n in [0, 2, 15] {
        assert!(square_root(n).unwrap_err().to_string().contains("expected a square"), "{n}");
        assert!(Method::Dvts.search(n, Aggregate::Last).is_err(), "{n}");
    }
}

#[test]
fn choices_from_a_pool_are_bounded_by_pass_at_n() {
    let scored = [("7", 0.2), ("8", 0.9), ("7", 0.3), ("9", 0.8), ("9", 0.7)];
    let of = |right: &str| {
        let samples = scored.map(|(answer, score)| Sampled {
            answer: Some(answer.into()),
            score: Some(score),
            finished: true,
            right: answer == right,
        });
        let choose =
            |method| pools::choose(method, &samples, Scale::PREFIX, Aggregate::ByScale).unwrap();
        Method::POOLED.map(choose)
    };
    // In the order majority, best-of-N, weighted, pass@N.
    assert_eq!(of("7"), [true, false, false, true]);
    assert_eq!(of("8"), [false, true, false, true]);
    assert_eq!(of("9"), [false, false, true, true]);
    assert_eq!(of("10"), [false; 4]);
}

#[test]
fn four_samples_are_the_first_of_sixteen() {
    let (player, problems) = (Slipping { error: 0.3 }, held_out(5));
    let comparison = comparison(&player, &problems);
    let texts = |n| -> Vec<Vec<String>> {
        let pools =
            pools::draw(&comparison, n, &comparison.places(), |_, _| Ok::<(), EvaluateError>(()));
        let pools = pools.unwrap();
        pools.iter().map(|pool| pool.iter().map(|s| s.path.text()).collect()).collect()
    };
    for (four, sixteen) in texts(4).iter().zip(texts(16)) {
        assert_eq!((four.len(), sixteen.len()), (4, 16));
        assert_eq!(four[..], sixteen[..4]);
    }
}

fn small_table() -> Table {
    let spent = Spent { generated: 4000, scored: 0, seconds: 1.5 };
    let row = |strategy, n| {
        Row::new(strategy, n, &[true, false, true, true], spent).expect("four problems")
    };
    let rows = vec![row(Method::Greedy, 1), row(Method::PassAtN, 16)];
    Table { task: "sums".into(), problems: 4, rows }
}

#[test]
fn a_table_has_the_agreed_shape() {
    let table = serde_json::to_value(small_table()).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&table), ["problems", "rows", "task"]);
    let row = &table["rows"][1];
    let expected =
        ["accuracy", "ci95", "generated_tokens", "n", "scored_tokens", "seconds", "strategy"];
    assert_eq!(keys(row), expected);
    assert_eq!((&row["strategy"], &row["n"]), (&json!("pass-at-n"), &json!(16)));
    assert_eq!((&row["accuracy"], &row["generated_tokens"]), (&json!(0.75), &json!(1000.0)));
    let [low, high] = [0, 1].map(|end| row["ci95"][end].as_f64().unwrap());
    assert!(low < 0.75 && 0.75 < high);
    let names = Method::POOLED.into_iter().chain(Method::SEARCHED).map(|s| json!(s));
    let names: Vec<Value> = names.collect();
    let named = ["majority", "best-of-n", "weighted", "pass-at-n", "beam", "dvts", "lookahead"];
    assert_eq!(names, named);
}

#[test]
fn a_table_is_aligned() {
    let mut text = Vec::new();
    head(&mut text).unwrap();
    small_table().rows.iter().for_each(|shown| row(&mut text, shown).unwrap());
    let text = String::from_utf8(text).unwrap();
    assert_eq!(
        text,
        "  N  strategy   accuracy    95 % interval     generated      scored   seconds\n  \
           1  greedy       75.0 %  30.1 % to 95.4 %        1,000           -       1.5\n \
          16  pass-at-n    75.0 %  30.1 % to 95.4 %        1,000           -       1.5\n"
    );
}

#[cfg(feature = "plot")]
#[test]
fn a_table_is_drawn() {
    let chart = chart(&small_table());
    assert_eq!((chart.series.len(), chart.x.scale), (2, tts_core::plot::Scale::Log2));
    assert!(chart.svg().unwrap().starts_with("<svg"));
}

#[test]
fn a_tree_is_drawn_with_its_marks() {
    let question = "47+38*3-26";
    let mut tree = Tree::new(Prompt::text(format!("{question}\n")), 7);
    let right = tree.grow(NodeId::ROOT, "=47+114-26\n", Finish::Step, Some(0.98));
    for _ in 0..2 {
        tree.grow(NodeId::ROOT, "=47+104-26\n", Finish::Step, Some(0.02));
    }
    let other = tree.grow(NodeId::ROOT, "=47+114-26\n", Finish::Step, Some(0.99));
    let next = tree.grow(right, "=161-26\n", Finish::Step, Some(0.97));
    tree.grow(right, "=151-26\n", Finish::Step, Some(0.31));
    tree.grow(other, "=162-26", Finish::Length, None);
    tree.grow(next, "=135", Finish::Stop, Some(0.99));
    let best = tree.grow(next, "=135", Finish::Stop, Some(0.99));
    let usage = Usage::default();
    let outcome = Outcome {
        tree,
        best: Some(best),
        stop: Stop::Done,
        usage,
        prompt_tokens: 0,
        failed: vec![],
        unscored: vec![],
        curtailed: vec![],
    };
    let view = TreeView { family: &CHAIN, question, outcome: &outcome };
    let mut text = Vec::new();
    view.write(&mut text).unwrap();
    let expected = "\
47+38*3-26
├─ 0.99 =47+114-26
│  └─    - =162-26 ✗ cut
├─ 0.98 =47+114-26 ◀
│  ├─ 0.97 =161-26 ◀
│  │  └─ 0.99 =135 ◀ end ×2
│  └─ 0.31 =151-26 ✗ pruned
└─ 0.02 =47+104-26 ✗ pruned ×2
";
    let text = String::from_utf8(text).unwrap();
    assert_eq!(text, expected);
    assert_eq!(view.height(), 8);
}

#[test]
fn bins_are_fifths_from_easy_to_hard() {
    let shares = [0.0, 1.0, 0.5, 0.25, 0.75, 0.0, 0.125, 0.875, 0.5, 1.0];
    let difficulty = Difficulty::by_shares(8, &shares).unwrap();
    let places: Vec<&[usize]> = difficulty.bins.iter().map(|bin| &bin.places[..]).collect();
    assert_eq!(places, [&[1, 9][..], &[4, 7], &[2, 8], &[3, 6], &[0, 5]]);
    assert!((difficulty.pass_at_1.mean - 0.5).abs() < 1e-12);
    assert!((difficulty.pass_at_samples.mean - 0.8).abs() < 1e-12);
    assert!((difficulty.bins[1].pass_at_1 - 0.8125).abs() < 1e-12);
    let mean = difficulty.bins[4].mean(&shares).unwrap().mean;
    assert!(mean.abs() < 1e-12);
}

#[test]
fn a_journal_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.jsonl");
    let settings = json!({"seed": 1});
    let single = (true, 9, 8);
    let scores = vec![vec![0.1, 0.7], vec![]];
    let mut journal = Journal::open(&path, &settings).unwrap();
    journal.note("beam", 2, &single).unwrap();
    journal.note("scores", 0, &scores).unwrap();
    drop(journal);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&whole[..], b"{\"unit\": \"be"].concat()).unwrap();
    let journal = Journal::open(&path, &settings).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    assert_eq!(journal.missing("beam", 4), [0, 1, 3]);
    assert_eq!(journal.all::<Vec<Vec<f64>>>("scores", 1).unwrap(), [scores]);
    assert!(journal.all::<(bool, u64, u64)>("beam", 3).is_err());
    // Another waits until this one is closed.
    drop(journal);
    let error = Journal::open(&path, &json!({"seed": 2})).unwrap_err().to_string();
    assert!(error.contains("made with another model or setting"), "{error}");

    let second = std::fs::read_to_string(&path).unwrap().lines().nth(1).unwrap().to_owned();
    let broken = String::from_utf8(whole).unwrap().replace(&second, "nonsense");
    std::fs::write(&path, broken).unwrap();
    let error = Journal::open(&path, &settings).unwrap_err().to_string();
    assert!(error.contains("record.jsonl: line 2: column 2: expected ident"), "{error}");
}

/// Two processes that share a store lose nothing to each other: the second goes on where the first ends.
#[test]
fn a_journal_that_is_open_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.jsonl");
    let settings = json!({"seed": 1});
    let mut first = Journal::open(&path, &settings).unwrap();
    let (started, start) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            started.send(()).unwrap();
            Journal::open(&path, &settings).unwrap().missing("unit", 100)
        });
        start.recv().unwrap();
        for place in 0..100 {
            first.note("unit", place, &place).unwrap();
        }
        drop(first);
        assert!(second.join().unwrap().is_empty());
    });
}

fn items(world: &ToyWorld, count: u64) -> Vec<Item> {
    (0..count).map(|n| Item::new(world.prompt(n).question(), world.answer(n))).collect()
}

/// What the report says of fewer samples is what the strategies make of them: at the whole pool exactly.
#[test]
fn the_curve_ends_where_the_strategies_are() {
    let world = ToyWorld { error: 0.45, ..ToyWorld::default() };
    let oracle = Oracle { noise: 0.7, ..Oracle::of(&world) };
    let items = items(&world, 40);
    let evaluation =
        Evaluation::new(Search::new(world).scorer(oracle).rule(StepRule::lines()).seed(2), &items);
    let run = |recipe: Recipe| evaluation.run(&recipe, |_| {}).unwrap();
    let best = run(BestOfN { n: 8, ..Default::default() }.into());
    let weighted = run(BestOfN::weighted(8).into());
    let majority = run(SelfConsistency { n: 8, ..Default::default() }.into());
    let end = best.curve.last().unwrap();
    assert_eq!((end.k, end.problems), (8, 40));
    let same = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    same(end.best.unwrap(), best.accuracy.mean);
    same(end.weighted.unwrap(), weighted.accuracy.mean);
    same(end.majority, majority.accuracy.mean);
    same(end.pass, best.any_candidate.mean);
    assert!(majority.accuracy.mean < end.pass && end.pass < 1.0, "nothing is told apart");
    // So it is by whatever aggregate the strategy chooses.
    let mut means = Vec::new();
    for aggregate in [Aggregate::Last, Aggregate::Product, Aggregate::Min, Aggregate::Mean] {
        let select = Selection::best(aggregate);
        let report = run(BestOfN { n: 8, select }.into());
        same(report.curve.last().unwrap().best.unwrap(), report.accuracy.mean);
        means.push(report.accuracy.mean);
    }
    assert!(
        means.iter().any(|mean| (mean - means[0]).abs() > 1e-9),
        "aggregates are not told apart"
    );
    let ks: Vec<usize> = best.curve.iter().map(|point| point.k).collect();
    assert_eq!(ks, [1, 2, 4, 8]);
    // A search whose candidates depend on each other has none.
    let beam = run(tts_search::BeamSearch::square(8).into());
    assert!(beam.curve.is_empty() && beam.rows.iter().any(|row| row.candidates.len() > 1));
}

/// Answers that count as one need not all be right: a guess beside a solution, a length in another unit.
#[test]
fn the_curve_ends_there_where_an_answer_proves_nothing() {
    let guess = "132=132; 132";
    let solution = "50*3=150; 7 25 150\n25-7=18; 18 150\n150-18=132; 132";
    let puzzle: Arc<dyn Task> = Arc::new(Puzzle);
    let math: Arc<dyn Task> = Arc::new(Math);
    let lengths = vec!["The answer is 5 m.", "The answer is 5.", "The answer is 5 cm."];
    for (task, item, texts, scores, right) in [
        (&puzzle, ("3 7 25 50 -> 132", "132"), vec![guess, solution], [0.2, 0.9, 0.0], true),
        (&puzzle, ("3 7 25 50 -> 132", "132"), vec![guess, solution], [0.9, 0.2, 0.0], false),
        (&math, ("How long?", "5 cm"), lengths.clone(), [0.2, 0.3, 0.9], true),
        (&math, ("How long?", "5 cm"), lengths, [0.9, 0.3, 0.2], false),
    ] {
        let items = [Item::new(item.0, item.1)];
        let writer = Says(|_: &Trajectory, place| line(texts[place], Finish::Stop));
        let judge = scorer::from_fn(|_, step| {
            let place = texts.iter().position(|text| *text == step.text).unwrap();
            scores[place]
        });
        let search = Search::new(&writer).shared_task(Arc::clone(task));
        let search = search.scorer(judge.with_scale(Scale::PREFIX));
        let evaluation = Evaluation::new(search, &items);
        let n = texts.len();
        let weighted = evaluation.run(&BestOfN::weighted(n), |_| {}).unwrap();
        let end = weighted.curve.last().unwrap();
        let truth = f64::from(u8::from(right));
        let same = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{item:?} {scores:?}: {a} {b}");
        same(weighted.accuracy.mean, truth);
        same(end.weighted.unwrap(), truth);
        let majority = SelfConsistency { n, ..Default::default() };
        let majority = evaluation.run(&majority, |_| {}).unwrap();
        same(majority.accuracy.mean, truth);
        same(majority.curve.last().unwrap().majority, truth);
    }
}

/// Fails on problems whose first number is odd.
struct Picky(ToyWorld);

impl Generator for Picky {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let refuses = |request: &Request| {
            let first = request.prefix.prompt().question().split(' ').next();
            first.and_then(|n| n.parse::<u64>().ok()).is_some_and(|n| n % 2 == 1)
        };
        if batch.iter().any(refuses) {
            return Err("an odd number".into());
        }
        self.0.generate(batch)
    }
}

#[test]
fn what_failed_counts_as_wrong_and_is_told_apart() {
    let world = ToyWorld { error: 0.0, ..ToyWorld::default() };
    let items = items(&world, 20);
    let odd =
        |item: &&Item| item.question.split(' ').next().unwrap().parse::<u64>().unwrap() % 2 == 1;
    let odd = items.iter().filter(odd).count();
    assert!((3..17).contains(&odd));
    let search = Search::new(Picky(world)).rule(StepRule::lines()).concurrency(1);
    let evaluation = Evaluation::new(search, &items);
    let mut heard = Vec::new();
    let strategy = SelfConsistency { n: 4, ..Default::default() };
    let report = evaluation.run(&strategy, |row| heard.push(row.index)).unwrap();
    heard.sort_unstable();
    assert_eq!(heard, (0..20).collect::<Vec<_>>());
    assert_eq!((report.problems, report.failed), (20, odd));
    assert!((report.accuracy.mean - (20 - odd) as f64 / 20.0).abs() < 1e-12);
    assert!((report.accuracy_of_run.unwrap().mean - 1.0).abs() < 1e-12);
    assert!(report.curve.iter().all(|point| point.problems == 20 - odd));
    let mut text = Vec::new();
    report.write(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains(&format!("problems  20, {odd} failed")), "{text}");
    assert!(text.contains("failed: ") && text.contains("an odd number"), "{text}");
    assert!(text.contains("100.0 %"), "{text}");
    // Nothing was scored, so nobody can say which sample is best.
    assert!(report.curve.iter().all(|point| point.best.is_none() && point.weighted.is_none()));
    assert!(text.contains("   100.0    100.0        -           -"), "{text}");
    let none = Evaluation::new(evaluation.search().clone(), &[]).run(&strategy, |_| {});
    let error = none.unwrap_err();
    assert!(matches!(error, EvaluateError::NoProblems), "{error}");
    assert_eq!(error.to_string(), "no problems to evaluate on, expected at least one");
    let shard = Shard::new(21, 21).unwrap();
    let error = evaluation.shard(shard).run(&strategy, |_| {}).unwrap_err().to_string();
    assert_eq!(error, "shard 21/21 has none of 20 problems, and no report");
}

/// A search that fails at its second round has an answer in what it leaves, which does not count.
#[test]
fn what_failed_late_is_not_right() {
    #[derive(Clone)]
    struct GoesWrong;
    impl SearchStrategy for GoesWrong {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            let node = if view.is_start() { NodeId::ROOT } else { NodeId(10_000) };
            vec![Expand::end(node, 1)]
        }
    }
    let world = ToyWorld { error: 0.0, ..ToyWorld::default() };
    let items = items(&world, 3);
    let evaluation = Evaluation::new(Search::new(world).rule(StepRule::lines()), &items);
    let (report, results) = evaluation.run_keeping(&GoesWrong, |_| {}).unwrap();
    let left = results[0].as_ref().unwrap_err().partial.as_ref().unwrap();
    assert!(left.verdict(&items[0].gold).is_right(), "nothing right was left: nothing is tested");
    assert_eq!((report.failed, report.accuracy.mean > 0.0), (3, false));
    assert!(report.rows.iter().all(|row| row.answer.is_none() && row.candidates.len() == 1));
}

/// Words that a model cannot read are told, though problems go on with what was written before them.
#[test]
fn lines_that_fail_are_told() {
    #[derive(Clone)]
    struct Appends;
    impl SearchStrategy for Appends {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            if view.is_start() {
                return vec![Expand::end(NodeId::ROOT, 2)];
            }
            // A coin knows no words.
            let ends: Vec<NodeId> = view.tree().finished().collect();
            let asked = view.usage().samples > 2;
            let append =
                |&end: &NodeId| Expand { append: Some("so".into()), ..Expand::end(end, 1) };
            if asked { Vec::new() } else { ends.iter().map(append).collect() }
        }
    }
    let coin =
        toy::Markov::new(
            |path| if path.is_empty() { vec![0.5, 0.5, 0.0] } else { vec![0.0, 0.0, 1.0] },
        );
    let items = [Item::new("heads?", "a"), Item::new("tails?", "b")];
    let report = Evaluation::new(Search::new(coin), &items).run(&Appends, |_| {}).unwrap();
    assert_eq!((report.failed, report.failed_lines), (0, 4));
    let mut text = Vec::new();
    report.write(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("lost      4 lines failed, the first in problem 0: "), "{text}");
    assert!(text.contains("this model has no words"), "{text}");
}

/// A run that was killed and goes on leaves the report of one that was not, and no other may go on from it.
#[test]
fn a_recorded_evaluation_goes_on() {
    let world = ToyWorld::default();
    let items = items(&world, 6);
    let folder = tempfile::tempdir().unwrap();
    let run = |folder: &std::path::Path| {
        let search = Search::new(world).scorer(Oracle::of(&world)).rule(StepRule::lines());
        let evaluation = Evaluation::new(search.record(folder), &items)
            .prompt(|question| Prompt::text(question));
        evaluation.run(&BestOfN { n: 4, ..Default::default() }, |_| {}).unwrap()
    };
    let manifest = json!({"n": 4, "problems": fingerprint(&items)});
    claim(folder.path(), &manifest).unwrap();
    let first = run(folder.path());
    let record = folder.path().join("00003.jsonl");
    let whole = std::fs::read(&record).unwrap();
    std::fs::write(&record, &whole[..whole.len() - 20]).unwrap();
    claim(folder.path(), &manifest).unwrap();
    assert_eq!(run(folder.path()), first);
    assert_eq!(std::fs::read(&record).unwrap(), whole);
    let mut others = items.clone();
    others[2].gold = "7".into();
    let other = json!({"n": 4, "problems": fingerprint(&others)});
    let error = claim(folder.path(), &other).unwrap_err().to_string();
    assert!(error.contains("another problems ("), "{error}");
}

/// JSON has no infinities: what was judged impossible is not unjudged when an evaluation goes on.
#[test]
fn an_evaluation_that_goes_on_keeps_what_is_minus_infinity() {
    let writer = Says(|_: &Trajectory, place| {
        line(["The answer is 5.", "The answer is 4.", "The answer is 4."][place], Finish::Stop)
    });
    let items = [Item::new("2 + 2?", "4"), Item::new("3 + 1?", "4")];
    for zeros in [true, false] {
        // Every step is impossible, or those of one answer are.
        let judge = scorer::from_fn(move |_, step: &Step| {
            f64::from(u8::from(!zeros && step.text.contains('5')))
        });
        let folder = tempfile::tempdir().unwrap();
        let search = Search::new(&writer).scorer(judge.with_scale(Scale::STEP));
        let evaluation = Evaluation::new(search, &items).keep(folder.path(), &json!({"n": 3}));
        let evaluation = evaluation.unwrap();
        let select = Selection { rule: Rule::Weighted, aggregate: Aggregate::SumLog };
        let strategy = BestOfN { n: 3, select };
        let first = evaluation.run(&strategy, |_| {}).unwrap();
        let scores = first.rows[0].candidates.iter().map(|sample| sample.score);
        let low = Some(f64::NEG_INFINITY);
        let five = if zeros { low } else { Some(0.0) };
        assert_eq!(scores.collect::<Vec<_>>(), [five, low, low]);
        // As the strategy chose.
        let end = first.curve.last().unwrap().weighted.unwrap();
        assert!((end - first.accuracy.mean).abs() < 1e-12, "{end}");
        let journal = || std::fs::read(folder.path().join("graded.jsonl")).unwrap();
        let before = journal();
        assert_eq!(evaluation.run(&strategy, |_| {}).unwrap(), first);
        assert_eq!(evaluation.run_keeping(&strategy, |_| {}).unwrap().0, first);
        assert_eq!(journal(), before, "nothing new was noted");
    }
}

#[test]
fn attempts_are_judged_step_by_step() {
    let (player, problems) = (Slipping { error: 0.3 }, held_out(12));
    let comparison = comparison(&player, &problems);
    let all = attempts::sample(&comparison.search, &CHAIN, &problems, 5, || {}).unwrap();
    let drawn =
        pools::draw(&comparison, 5, &comparison.places(), |_, _| Ok::<(), EvaluateError>(()));
    let (mut right, mut wrong) = (0, 0);
    for (attempts, pool) in all.iter().zip(drawn.unwrap()) {
        assert_eq!(attempts.attempts.len(), 5);
        for (attempt, sample) in attempts.attempts.iter().zip(pool) {
            // The same samples, seen in two ways.
            assert_eq!(attempt.solved, sample.correct);
            assert_eq!(attempt.generated, sample.generated);
            assert_eq!(attempt.steps.concat(), sample.path.text());
            assert_eq!(attempt.right.len(), attempt.steps.len());
            right += usize::from(attempt.solved);
            wrong += usize::from(!attempt.solved);
        }
    }
    assert!(right > 5 && wrong > 5, "{right} {wrong}");
    // What was cut is no solution: nothing can be learnt from its steps.
    let search = comparison.search.clone().rule(StepRule { max_tokens: 9, ..StepRule::lines() });
    let short = Comparison { search, ..comparison.clone() };
    let cut = attempts::sample(&short.search, &CHAIN, &problems, 5, || {}).unwrap();
    let drawn = pools::draw(&short, 5, &short.places(), |_, _| Ok::<(), EvaluateError>(()));
    let (cut, drawn) = (cut.iter().flat_map(|all| &all.attempts), drawn.unwrap().concat());
    let mut lost = 0;
    for (attempt, sample) in cut.zip(drawn) {
        assert_eq!(attempt.steps.is_empty(), !sample.path.is_finished());
        lost += usize::from(attempt.steps.is_empty() && !sample.path.text().is_empty());
    }
    assert!(lost > 10, "{lost}");
    assert_eq!(all.iter().map(attempts::Attempts::solved).sum::<usize>(), right);
}

/// What is played back takes no time: the time of a search is known where one process ran all of it.
#[test]
fn a_replay_tells_no_time() {
    let world = ToyWorld::default();
    let item = |number| Item::new(world.prompt(number).question(), world.answer(number));
    let items: Vec<Item> = (0..3).map(item).collect();
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let run = || {
        let search = Search::new(world).rule(StepRule::lines());
        let kept = Evaluation::new(search, &items).keep(place.path(), &json!({})).unwrap();
        kept.run_keeping(&SelfConsistency { n: 3, ..Default::default() }, |_| {}).unwrap()
    };
    run();
    let (timings, graded) = (at("timings.jsonl"), at("graded.jsonl"));
    let rows = std::fs::read_to_string(&graded).unwrap();
    // A folder of before: no times, and rows that lack what is counted now.
    std::fs::remove_file(&timings).unwrap();
    let before: String = rows
        .lines()
        .map(|line| {
            let mut row: Value = serde_json::from_str(line).unwrap();
            let Some(cost) = row.pointer_mut("/found/cost") else { return line.to_owned() + "\n" };
            cost.as_object_mut().unwrap().remove("read_tokens").unwrap();
            row.to_string() + "\n"
        })
        .collect();
    std::fs::write(&graded, &before).unwrap();
    run();
    assert!(!timings.exists());
    assert_eq!(std::fs::read_to_string(&graded).unwrap(), before, "nothing is noted again");
    // Half of a search is there, and none of two.
    let header = rows.lines().next().unwrap();
    std::fs::write(&graded, format!("{header}\n")).unwrap();
    let record = std::fs::read(at("00000.jsonl")).unwrap();
    std::fs::write(at("00000.jsonl"), &record[..record.len() / 2]).unwrap();
    std::fs::remove_file(at("00001.jsonl")).unwrap();
    std::fs::remove_file(at("00002.jsonl")).unwrap();
    run();
    let text = std::fs::read_to_string(&timings).unwrap();
    let known = [0, 1, 2].map(|place| text.contains(&format!("\"place\":{place},")));
    assert_eq!(known, [false, true, true]);
    assert_eq!(Merged::of(&[place.path()]).unwrap().seconds(), None);
}
