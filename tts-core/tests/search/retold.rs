//! Records told without the strategy that made them: the same tree, whole or cut.

use std::path::Path;

use proptest::prelude::*;

use super::questions::Curious;
use super::*;
use tts_core::toy::{Oracle, Sample};
use tts_core::*;

/// A search, its outcome and its record; `None` when too much of it failed.
fn attempted(
    strategy: impl SearchStrategy,
    budget: Budget,
    faulty: bool,
) -> Option<(Outcome, Vec<u8>)> {
    let fails = |_: &Request, seed: u64| seed.is_multiple_of(5);
    let generator = Faulty { world: world(), fails: if faulty { fails } else { |_, _| false } };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let search = Search::new(&generator)
        .role("critic", world())
        .scorer(Oracle { noise: 0.3, seed: 5 })
        .rule(StepRule { max_steps: 9, ..StepRule::lines() })
        .sampling(Sampling::temperature(1.0))
        .budget(budget)
        .seed(3);
    let outcome = search.record(&path).run(strategy, world().prompt(0));
    assert!(faulty || outcome.is_ok(), "{budget:?}: {}", outcome.expect_err("failed"));
    Some((outcome.ok()?, std::fs::read(&path).expect("a record")))
}

fn recorded(strategy: impl SearchStrategy, budget: Budget) -> (Outcome, Vec<u8>) {
    attempted(strategy, budget, false).expect("runs")
}

fn retell(bytes: impl AsRef<[u8]>) -> Result<Retold, String> {
    Retold::parse(bytes.as_ref(), Path::new("r.jsonl")).map_err(|error| error.to_string())
}

/// Whatever is not measured.
fn told(outcome: &Outcome) -> Outcome {
    let mut told = outcome.clone();
    told.usage.measured = Measured::default();
    // What was never asked for is in no record.
    told.curtailed.clear();
    told
}

#[test]
fn candidates_rollouts_and_asides_come_back_under_any_budget() {
    let mut budgets = vec![Budget { rounds: Some(6), ..Budget::default() }];
    for mode in [Mode::Soft, Mode::Hard] {
        let reserve = 60;
        for tokens in [61, 80, 150, 400] {
            budgets.push(Budget { mode, reserve, ..Budget::tokens(tokens) });
        }
        let limited = Budget { mode, reserve, rounds: Some(9), ..Budget::default() };
        budgets.push(Budget { samples: Some(7), ..limited });
        budgets.push(Budget { scored_tokens: Some(90), ..limited });
        budgets.push(Budget { calls: Some(4), ..limited });
    }
    let (mut rollouts, mut asides, mut wound_up, mut lost) = (0, 0, 0, 0);
    for budget in budgets {
        for faulty in [false, true] {
            let searches = [
                attempted(Restless, budget, faulty),
                attempted(Curious::new(3, 2), budget, faulty),
                attempted(Sample { n: 6 }, budget, faulty),
            ];
            for (outcome, bytes) in searches.into_iter().flatten() {
                let retold = retell(&bytes).expect("is told");
                assert_eq!(retold.outcome, told(&outcome), "{budget:?}, faulty: {faulty}");
                assert_eq!((retold.stop, retold.settings.budget), (Some(outcome.stop), budget));
                assert_eq!(retold.decisions.len(), outcome.usage.rounds as usize);
                let kinds = |kind| outcome.tree.iter().filter(move |(_, n)| n.kind == kind).count();
                rollouts += kinds(NodeKind::Rollout);
                asides += kinds(NodeKind::Aside);
                wound_up += usize::from(matches!(outcome.stop, Stop::Budget(_)));
                lost += outcome.failed.len();
            }
        }
    }
    let seen = (rollouts, asides, wound_up, lost);
    assert!(seen.0.min(seen.1).min(seen.2).min(seen.3) > 20, "{seen:?}");
}

#[test]
fn a_value_set_at_last_is_told() {
    /// Samples once, and thinks better of it.
    struct Second;
    impl SearchStrategy for Second {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            if view.is_start() {
                return vec![Expand::end(NodeId::ROOT, 2)];
            }
            view.set_value(view.fresh()[0], 0.125);
            view.set_value(view.fresh()[0], 0.25);
            view.pose(view.fresh()[1], "1 + 1 = ?", NodeKind::Aside);
            Vec::new()
        }
    }
    let (outcome, bytes) = recorded(Second, Budget::default());
    let retold = retell(&bytes).expect("is told").outcome;
    assert_eq!(retold, told(&outcome));
    let end = retold.tree.candidates()[0];
    assert_eq!(retold.tree[end].value, Some(0.25));
    assert_eq!(retold.tree.iter().filter(|(_, node)| node.is_question()).count(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// A run that was killed is told as far as its record goes.
    #[test]
    fn a_record_cut_anywhere_is_told_as_far_as_it_goes(share in 0.0_f64..1.0) {
        let budget = Budget { rounds: Some(6), ..Budget::default() };
        let (whole, bytes) = recorded(Restless, budget);
        let first = bytes.iter().position(|&byte| byte == b'\n').expect("a line") + 1;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in it")]
        let cut = first + ((bytes.len() - first) as f64 * share) as usize;
        let retold = retell(&bytes[..cut]).expect("is told");
        prop_assert_eq!((retold.stop, retold.outcome.best), (None, None));
        prop_assert_eq!(retold.outcome.stop, Stop::Cancelled);
        let tree = &retold.outcome.tree;
        let same = |(id, node): (NodeId, &Node)| {
            let there = &whole.tree[id];
            (there.parent, there.kind, there.seed, &there.step)
                == (node.parent, node.kind, node.seed, &node.step)
        };
        prop_assert!(tree.len() <= whole.tree.len() && tree.iter().all(same));
        let rounds = retold.decisions.len();
        prop_assert_eq!(rounds, retold.outcome.usage.rounds as usize);
    }
}

#[test]
fn what_is_no_record_is_refused_by_line() {
    let budget = Budget { rounds: Some(3), ..Budget::default() };
    let (_, bytes) = recorded(Restless, budget);
    let text = String::from_utf8(bytes).expect("text");
    let edited = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let after = |line: &str| format!("{text}{line}");
    for (record, expected) in [
        (String::new(), "line 1: not a record: it has no whole line"),
        ("{\"precious\": true}\n".into(), "line 1: not a record's first line"),
        (edited("{\"record\":2", "{\"record\":1"), "line 1: the record was made with another"),
        (edited("\"scores\"", "\"stores\""), "line 3: not an entry"),
        (edited("\"expand\":[{\"n\":2", "\"expand\":[{\"n\":3"), "line 2: holds other lines than"),
        (edited("\"expand\":[{\"n\":2", "\"expand\":[{\"m\":2"), "line 2: not a decision"),
        ([lines[0], lines[2]].concat(), "line 2: no scores is waited for"),
        ([lines[0], lines[1], lines[1]].concat(), "line 3: holds lines that nobody asked for"),
        (after(lines[1]), "but the search is over"),
        (edited("\"best\":", "\"best\":9"), "chooses a node that is not there"),
    ] {
        let error = retell(&record).expect_err(expected);
        assert!(error.starts_with("r.jsonl: line ") && error.contains(expected), "{error}");
    }
    // A record of before told answers alone.
    let start = text.find("\"told\"").expect("told");
    let end = start + text[start..].find("\"made\"").expect("made");
    let old = format!("{}{}", &text[..start], &text[end..]);
    let error = retell(&old).expect_err("does not tell");
    assert!(error.contains("line 2: does not tell what was decided"), "{error}");
}
