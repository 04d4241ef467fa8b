//! Comparisons on players without a model: budgets, shared pools, tables, trees, differences.

use serde_json::{Value, json};
use tts_core::family::{Chain, Checker, Family, Problem, Slipping, Split, problems};
use tts_core::plot::Scale;
use tts_core::select::Vote;
use tts_core::{Aggregate, Finish, NodeId, Outcome, Prompt, Stop, Tree, Usage};
use tts_examples::arena::Arena;
use tts_examples::branches::Branches;
use tts_examples::experiment::{Difficulty, Journal, Single};
use tts_examples::lineup::{Strategy, root};
use tts_examples::quick::Contest;
use tts_examples::table::{self, Row, Spent, Table};
use tts_examples::{figure, pools, setting};
use tts_search::Recipe;

const CHAIN: Chain = Chain { operations: [2, 4], digits: [1, 2], most: 999 };

fn held_out(count: usize) -> Vec<Problem> {
    problems(&CHAIN, Split::Test, 5).take(count).collect()
}

fn arena<'a>(player: &'a Slipping, problems: &'a [Problem]) -> Arena<'a> {
    let sampling = setting::sampling();
    Arena {
        generator: player,
        family: &CHAIN,
        problems,
        seed: 3,
        concurrency: 8,
        sampling,
        rule: setting::rule(),
    }
}

#[test]
fn a_budget_is_split_by_its_square_root() {
    for (n, expected) in [(1, 1), (4, 2), (16, 4), (64, 8)] {
        assert_eq!(root(n).unwrap(), expected);
        let search = |strategy: Strategy| strategy.search(n, Aggregate::Product).unwrap();
        let Recipe::BeamSearch(beam) = search(Strategy::Beam) else { panic!("not a beam") };
        assert_eq!((beam.first, beam.keep, beam.branch), (Some(n), expected, expected));
        let Recipe::Dvts(dvts) = search(Strategy::Dvts) else { panic!("not dvts") };
        assert_eq!((dvts.n, dvts.forest().unwrap().copies), (n, expected));
        let Recipe::Lookahead(ahead) = search(Strategy::Lookahead) else { panic!("no look ahead") };
        assert_eq!(ahead.depth, u32::from(n > 1));
        assert_eq!(ahead.aggregate, Aggregate::Product);
        assert_eq!(ahead.strategy, search(Strategy::Beam));
    }
    for n in [0, 2, 15] {
        assert!(root(n).unwrap_err().to_string().contains("expected a square"), "{n}");
        assert!(Strategy::Dvts.search(n, Aggregate::Last).is_err(), "{n}");
    }
}

#[test]
fn choices_from_a_pool_are_bounded_by_pass_at_n() {
    let votes = [("7", 0.2), ("8", 0.9), ("7", 0.3), ("9", 0.8), ("9", 0.7)];
    let votes = votes.map(|(answer, score)| Vote::new(answer, score));
    let right = |answer: &str| votes.clone().map(|vote| vote.answer.as_deref() == Some(answer));
    let of = |answer| Strategy::POOLED.map(|s| pools::choose(s, &votes, &right(answer)));
    // In the order majority, best-of-N, weighted, pass@N.
    assert_eq!(of("7"), [true, false, false, true]);
    assert_eq!(of("8"), [false, true, false, true]);
    assert_eq!(of("9"), [false, false, true, true]);
    assert_eq!(of("10"), [false; 4]);
}

#[test]
fn pools_of_a_player_keep_the_laws() {
    let (player, problems) = (Slipping { error: 0.3 }, held_out(30));
    let arena = arena(&player, &problems);
    let contest = Contest { arena, scorer: &Checker(CHAIN), aggregate: Aggregate::Last };
    let accuracies = |n| contest.pool(n).unwrap().into_iter().map(|row| row.accuracy);
    for n in [1, 4, 16] {
        let [majority, best, weighted, pass] = accuracies(n).collect::<Vec<_>>()[..] else {
            panic!("four strategies")
        };
        assert!(majority <= pass && weighted <= pass);
        // The oracle finds a right sample where there is one.
        assert!((best - pass).abs() < 1e-12);
    }
    // At N = 1 everything is one and the same sample.
    let one = &contest.pool(1).unwrap()[1];
    for strategy in Strategy::SEARCHED {
        let row = contest.search(strategy, 1).unwrap().row;
        assert!((row.accuracy - one.accuracy).abs() < 1e-12, "{strategy}");
        assert!((row.generated_tokens - one.generated_tokens).abs() < 1e-12, "{strategy}");
        assert!((row.scored_tokens - one.scored_tokens).abs() < 1e-12, "{strategy}");
    }
    // Looking ahead is paid for.
    let [beam, ahead] =
        [Strategy::Beam, Strategy::Lookahead].map(|s| contest.search(s, 4).unwrap().row);
    assert!(ahead.generated_tokens > beam.generated_tokens);
}

#[test]
fn four_samples_are_the_first_of_sixteen() {
    let (player, problems) = (Slipping { error: 0.3 }, held_out(5));
    let arena = arena(&player, &problems);
    let texts = |n| -> Vec<Vec<String>> {
        let pools = pools::draw(&arena, n, &arena.places(), |_, _| Ok(())).unwrap();
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
    let rows = vec![row(Strategy::Greedy, 1), row(Strategy::PassAtN, 16)];
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
    let names = Strategy::POOLED.into_iter().chain(Strategy::SEARCHED).map(|s| json!(s));
    let names: Vec<Value> = names.collect();
    let named = ["majority", "best-of-n", "weighted", "pass-at-n", "beam", "dvts", "lookahead"];
    assert_eq!(names, named);
}

#[test]
fn a_table_is_aligned() {
    let mut text = Vec::new();
    table::head(&mut text).unwrap();
    small_table().rows.iter().for_each(|row| table::row(&mut text, row).unwrap());
    let text = String::from_utf8(text).unwrap();
    assert_eq!(
        text,
        "  N  strategy   accuracy    95 % interval     generated      scored   seconds\n  \
           1  greedy       75.0 %  30.1 % to 95.4 %        1,000           -       1.5\n \
          16  pass-at-n    75.0 %  30.1 % to 95.4 %        1,000           -       1.5\n"
    );
    let chart = figure::chart(&small_table());
    assert_eq!((chart.series.len(), chart.x.scale), (2, Scale::Log2));
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
        failed: vec![],
        unscored: vec![],
    };
    let branches = Branches { family: &CHAIN, question, outcome: &outcome };
    let mut text = Vec::new();
    branches.write(&mut text).unwrap();
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
    assert_eq!(branches.height(), 8);
}

#[test]
fn what_cannot_be_asked_is_told() {
    let table = [
        ("12 / 4", "12/4, expected +, - and * only"),
        ("what is 2+2", "'w', expected a digit"),
        ("12", "nothing to compute"),
        ("3 - 5", "3-5 is not from 0 to 999"),
        ("", "expected numbers and operations"),
        ("900 + 900", "900+900 is not from 0 to 999"),
    ];
    for (text, expected) in table {
        let error = setting::family().parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
    assert_eq!(setting::family().parse("47 + 38 * 3 - 26").unwrap().answer, "135");
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
    let single = Single { correct: true, generated: 9, scored: 8 };
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
    assert!(journal.all::<Single>("beam", 3).is_err());
    // Another waits until this one is closed.
    drop(journal);
    let error = Journal::open(&path, &json!({"seed": 2})).unwrap_err().to_string();
    assert!(error.contains("other models or settings"), "{error}");

    let second = std::fs::read_to_string(&path).unwrap().lines().nth(1).unwrap().to_owned();
    let broken = String::from_utf8(whole).unwrap().replace(&second, "nonsense");
    std::fs::write(&path, broken).unwrap();
    let error = Journal::open(&path, &settings).unwrap_err().to_string();
    assert!(error.contains("record.jsonl, line 2: "), "{error}");
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
