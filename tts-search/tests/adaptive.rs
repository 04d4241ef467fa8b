//! Votes that stop when they are clear, votes by certainty, and searches that end when their answer settles.

mod common;
#[path = "stories/laws.rs"]
mod story_laws;

use common::ByHand;
use proptest::prelude::*;
use tts_core::toy::{Markov, Oracle, Sample, ToyWorld};
use tts_core::*;
use tts_search::sample::{ahead_of_all, ahead_of_second};
use tts_search::*;

fn adaptive(stop: StopWhen, first: usize, round: usize, most: usize) -> AdaptiveConsistency {
    AdaptiveConsistency { first, round: Some(round), most, stop, ..Default::default() }
}

/// Plays rounds of these answers, `""` for none and `"!"` for a line that failed; how many lines each decision
/// asked for, the first included.
fn rounds(strategy: AdaptiveConsistency, answers: &[&str]) -> Vec<usize> {
    let mut search = ByHand::new(strategy);
    let mut asked = vec![search.start()[0].1];
    let mut answers = answers.iter();
    loop {
        let n = *asked.last().expect("the first");
        let batch: Vec<&str> = answers.by_ref().take(n).copied().collect();
        assert_eq!(batch.len(), n, "it asked for more than was thought of: {asked:?}");
        let grow = |tree: &mut Tree, answer: &str| {
            let text = match answer {
                "" => "I do not know.".to_owned(),
                answer => format!("The answer is {answer}."),
            };
            tree.grow(NodeId::ROOT, &text, Finish::Stop, None)
        };
        let lines = batch.into_iter().filter(|&answer| answer != "!");
        let fresh: Vec<NodeId> = lines.map(|answer| grow(&mut search.tree, answer)).collect();
        match search.next(&fresh)[..] {
            [] => return asked,
            [(0, n)] => asked.push(n),
            ref other => panic!("{other:?}"),
        }
    }
}

#[test]
fn beta_stops_where_the_posterior_says() {
    let beta = |c| adaptive(StopWhen::Beta(c), 1, 1, 8);
    // (4, 0) has 0.96875, (3, 0) 0.9375.
    assert_eq!(rounds(beta(0.95), &["7"; 4]).len(), 4);
    assert_eq!(rounds(beta(0.96875), &["7"; 4]).len(), 4);
    assert_eq!(rounds(beta(0.969), &["7"; 5]).len(), 5);
    // (3, 1) has 0.8125, as much as was asked for; (2, 1) has 0.6875.
    assert_eq!(rounds(beta(0.8125), &["7", "8", "7", "7"]).len(), 4);
    // A third answer does not count: (3, 1, 1) stops as (3, 1) does.
    assert_eq!(rounds(beta(0.8125), &["7", "8", "9", "7", "7"]).len(), 5);
    // By the Dirichlet it does: 0.7407 there, 0.8395 after one more.
    let dirichlet = |c| adaptive(StopWhen::Dirichlet(c), 1, 1, 8);
    assert!(ahead_of_all(3, &[1, 1]) < 0.8 && ahead_of_all(4, &[1, 1]) > 0.8);
    assert_eq!(rounds(dirichlet(0.8), &["7", "8", "9", "7", "7", "7"]).len(), 6);
    // Never sure: as many as there may be.
    assert_eq!(rounds(beta(0.999), &["7", "8", "7", "8", "7", "8", "7", "8"]), [1; 8]);
}

#[test]
fn rounds_have_the_sizes_that_were_set() {
    let even = ["7", "8"].repeat(20);
    assert_eq!(rounds(adaptive(StopWhen::Beta(0.99), 3, 4, 12), &even), [3, 4, 4, 1]);
    // As many as all before: 2, 2, 4, 8, and what is left.
    let double = AdaptiveConsistency { round: None, ..adaptive(StopWhen::Share(0.75), 2, 1, 20) };
    assert_eq!(rounds(double, &even), [2, 2, 4, 8, 4]);
    assert_eq!(rounds(AdaptiveConsistency::of(2), &even), [2]);
    assert_eq!(rounds(AdaptiveConsistency::of(7), &even), [4, 3]);
}

#[test]
fn a_share_of_the_votes() {
    let share = |s| adaptive(StopWhen::Share(s), 2, 2, 8);
    assert_eq!(rounds(share(0.75), &["7", "8", "7", "7"]), [2, 2]);
    assert_eq!(rounds(share(0.76), &["7", "8", "7", "7", "7", "7"]), [2, 2, 2]);
    // Who says nothing does not vote, and who failed is not there.
    assert_eq!(rounds(share(1.0), &["", "7"]), [2]);
    assert_eq!(rounds(share(1.0), &["", "", "!", "7"]), [2, 2]);
}

#[test]
fn windows_of_one_answer() {
    let windows = AdaptiveConsistency::windows(3, 9);
    assert_eq!(rounds(windows.clone(), &["7", "7", "7"]), [3]);
    // The window alone counts, not what was before it; and nobody in it may be silent.
    assert_eq!(rounds(windows.clone(), &["8", "8", "7", "7", "7", "7"]), [3, 3]);
    assert_eq!(rounds(windows.clone(), &["7", "7", "", "7", "7", "7"]), [3, 3]);
    assert_eq!(rounds(windows.clone(), &["7", "7", "!", "7", "7", "8", "8", "8", "8"]), [3, 3, 3]);
    // The answer is the majority of all.
    let mut search = ByHand::new(windows);
    search.start();
    let line = |search: &mut ByHand<AdaptiveConsistency>, answer: u32| {
        let text = format!("The answer is {answer}.");
        search.tree.grow(NodeId::ROOT, &text, Finish::Stop, None)
    };
    let first = [8, 8, 7].map(|answer| line(&mut search, answer));
    assert_eq!(search.next(&first), [(0, 3)]);
    assert_eq!(search.pick(), Some(1));
    let second = [7, 7, 7].map(|answer| line(&mut search, answer));
    assert_eq!(search.next(&second), []);
    assert_eq!(search.pick(), Some(3));
}

#[test]
fn an_answer_that_stays_ahead() {
    let settled = |k| adaptive(StopWhen::Settled(k), 1, 1, 8);
    assert_eq!(rounds(settled(2), &["7", "8"]).len(), 2);
    // 8 overtakes with the third vote, and has been ahead twice after the fourth.
    assert_eq!(rounds(settled(3), &["7", "8", "8", "8", "7"]).len(), 5);
    // Nobody is ahead of nobody.
    assert_eq!(rounds(settled(2), &["", "", "7", "7"]).len(), 4);
}

#[test]
fn what_cannot_be_overtaken() {
    let decided = |most| adaptive(StopWhen::Decided, 1, 1, most);
    // Three of five, and of equals the first seen: two of four.
    assert_eq!(rounds(decided(5), &["7", "7", "7"]).len(), 3);
    assert_eq!(rounds(decided(4), &["7", "7"]).len(), 2);
    // At (2, 1) of 6 the second could get four; at (3, 1) of 6 no more than a tie with the first.
    assert_eq!(rounds(decided(6), &["7", "8", "7", "7"]).len(), 4);
    // But a tie with one seen earlier is lost.
    assert_eq!(rounds(decided(6), &["8", "7", "7", "7", "7"]).len(), 5);
}

#[test]
fn what_was_cut_is_written_to_its_end_first() {
    let mut search = ByHand::new(adaptive(StopWhen::Unanimous, 2, 2, 4));
    search.start();
    let whole = search.tree.grow(NodeId::ROOT, "The answer is 7.", Finish::Stop, None);
    let cut = search.tree.grow(NodeId::ROOT, "The ans", Finish::Step, None);
    assert_eq!(search.next(&[whole, cut]), [(2, 1)]);
    let rest = search.tree.grow(cut, "wer is 7.", Finish::Stop, None);
    assert_eq!(search.next(&[rest]), []);
    // A line that no rule lets go on is over.
    let mut search = ByHand::new(adaptive(StopWhen::Share(1.0), 2, 2, 4));
    search.start();
    let over = search.leaf(0, Finish::Length, 0.0);
    assert_eq!(search.next(&[over]), [(0, 2)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn decided_is_the_majority_of_all(answers in prop::collection::vec(0_u32..4, 1..16)) {
        let texts: Vec<String> = answers.iter().map(u32::to_string).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let stopped = rounds(adaptive(StopWhen::Decided, 1, 1, texts.len()), &texts).len();
        let first = |texts: &[&str]| -> String {
            let votes: Vec<_> = texts.iter().map(|t| select::Vote::new(*t, 0.0)).collect();
            texts[select::majority(&votes, |a, b| a == b).expect("votes")].to_owned()
        };
        prop_assert_eq!(first(&texts[..stopped]), first(&texts));
        // And it stops at the first moment at which it may: another could still win before.
        if stopped > 1 {
            let early = &texts[..stopped - 1];
            let others = ["0", "1", "2", "3", "9"];
            let turned = others.iter().any(|other| {
                let filled = [early, &vec![*other; texts.len() - early.len()]].concat();
                first(&filled) != first(early)
            });
            prop_assert!(turned);
        }
    }

    #[test]
    fn posteriors_are_probabilities_in_order(
        leader in 0_usize..60, second in 0_usize..60, third in 0_usize..60,
    ) {
        let two = ahead_of_second(leader, second);
        prop_assert!((two + ahead_of_second(second, leader) - 1.0).abs() < 1e-12);
        prop_assert!(ahead_of_second(leader + 1, second) >= two);
        let three = ahead_of_all(leader, &[second, third]);
        prop_assert!((0.0..=two + 1e-12).contains(&three));
        let all = three + ahead_of_all(second, &[leader, third]) + ahead_of_all(third, &[leader, second]);
        prop_assert!((all - 1.0).abs() < 1e-10, "{all}");
    }
}

fn world() -> ToyWorld {
    ToyWorld { additions: 2, error: 0.2, seed: 6 }
}

fn search() -> Search<'static> {
    Search::new(world()).rule(StepRule::lines()).sampling(Sampling::temperature(1.0)).seed(2)
}

#[test]
fn stopping_saves_samples_at_equal_accuracy() {
    // A sample is right with 0.64, and wrong answers are spread: the majority of 20 is right in over 97 % of
    // problems. By the Beta at 0.95 a problem may end at (4, 0), where a wrong answer stands with less than
    // 0.36^4 = 0.017. Over 300 problems two standard deviations of a difference of 0.02 are 0.016.
    let run = |recipe: Recipe| {
        let outcomes = search().run_many(&recipe, (0..300).map(|i| world().prompt(i)));
        let mut found = (0, 0);
        for (outcome, i) in outcomes.into_iter().zip(0..) {
            let outcome = outcome.expect("runs");
            found.0 += u32::from(outcome.answer() == Some(world().answer(i)));
            found.1 += outcome.usage.logical.samples;
        }
        found
    };
    let all = run(SelfConsistency { n: 20, ..Default::default() }.into());
    let beta = run(adaptive(StopWhen::Beta(0.95), 4, 2, 20).into());
    let decided = run(adaptive(StopWhen::Decided, 4, 1, 20).into());
    assert_eq!(all.1, 6_000);
    assert_eq!(decided.0, all.0);
    assert!(decided.1 < 5_000, "{decided:?}");
    assert!(beta.0 + 12 > all.0 && beta.1 * 10 < all.1 * 6, "{beta:?} {all:?}");
}

#[test]
fn its_lines_are_those_of_self_consistency() {
    for stop in [StopWhen::Beta(0.9), StopWhen::Unanimous, StopWhen::Settled(3)] {
        let outcome = search().run(adaptive(stop, 2, 3, 12), world().prompt(4)).expect("runs");
        let pool = search().run(Sample { n: 12 }, world().prompt(4)).expect("runs");
        let texts =
            |tree: &Tree| -> Vec<String> { tree.finished().map(|id| tree.text(id)).collect() };
        assert!(texts(&pool.tree).starts_with(&texts(&outcome.tree)));
    }
}

#[test]
fn its_tree() {
    let outcome =
        search().run(adaptive(StopWhen::Beta(0.9), 2, 2, 20), world().prompt(12)).expect("runs");
    let tree = &outcome.tree;
    let shown: Vec<String> = tree
        .finished()
        .map(|id| format!("{} {} {}", tree[id].round, id.0, tree.answer(id).unwrap_or("none")))
        .collect();
    assert_eq!(shown, TREE);
}

/// Round, node, answer: (2, 0) has 0.875, (3, 2) 0.656, and (8, 3) at last 0.927.
const TREE: [&str; 14] = [
    "1 3 17", "1 6 17", "2 9 18", "2 12 16", "3 15 17", "3 18 18", "4 21 17", "4 24 19", "5 27 17",
    "5 30 18", "6 33 17", "6 36 16", "7 39 17", "7 42 17",
];

#[test]
fn bad_settings_are_refused() {
    for (strategy, expected) in [
        (adaptive(StopWhen::Beta(0.9), 0, 1, 4), "adaptive consistency: first is 0"),
        (adaptive(StopWhen::Beta(0.9), 1, 0, 4), "round is 0"),
        (adaptive(StopWhen::Beta(0.9), 5, 1, 4), "most is 4, expected at least first, which is 5"),
        (adaptive(StopWhen::Beta(0.5), 1, 1, 4), "a confidence of 0.5, expected 0.5 < c < 1"),
        (adaptive(StopWhen::Dirichlet(1.0), 1, 1, 4), "a confidence of 1, expected"),
        (adaptive(StopWhen::Dirichlet(f64::NAN), 1, 1, 4), "a confidence of NaN"),
        (adaptive(StopWhen::Share(0.0), 1, 1, 4), "a share of 0, expected 0 < share <= 1"),
        (adaptive(StopWhen::Share(1.01), 1, 1, 4), "a share of 1.01"),
        (adaptive(StopWhen::Settled(1), 1, 1, 4), "stop after 1 rounds ahead, expected at least 2"),
        (adaptive(StopWhen::Unanimous, 1, 2, 4), "a round of 1 line is always unanimous"),
        (adaptive(StopWhen::Unanimous, 2, 1, 4), "a round of 1 line is always unanimous"),
    ] {
        let error = strategy.check().expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    for stop in [StopWhen::Share(1.0), StopWhen::Settled(2), StopWhen::Decided] {
        assert!(adaptive(stop, 1, 1, 1).check().is_ok());
    }
    for (json, expected) in [
        (r#"{"strategy": "adaptive-consistency", "stop": {"beta": 2}}"#, "a confidence of 2"),
        (r#"{"strategy": "adaptive-consistency", "stop": "alpha"}"#, "unknown variant `alpha`"),
        (r#"{"strategy": "self-certainty", "power": -1}"#, "power is -1, expected a number"),
        (r#"{"strategy": "self-certainty", "n": 0}"#, "self-certainty: n is 0"),
        (
            r#"{"strategy": "converged", "rounds": 1, "inner": {"strategy": "dvts"}}"#,
            "converged: rounds is 1, expected at least 2",
        ),
        (
            r#"{"strategy": "converged", "inner": {"strategy": "best-of-n", "n": 0}}"#,
            "best-of-n: n is 0",
        ),
        (r#"{"strategy": "converged", "inner": ["dvts"]}"#, "expected an object"),
    ] {
        let error = Recipe::from_json(json).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let read = |json| Recipe::from_json(json).expect("reads");
    let stop = r#"{"strategy": "adaptive-consistency", "stop": "unanimous", "round": null}"#;
    let expected =
        AdaptiveConsistency { stop: StopWhen::Unanimous, round: None, ..Default::default() };
    assert_eq!(read(stop), expected.into());
    let best = SelfCertainty { power: None, ..Default::default() };
    assert_eq!(read(r#"{"strategy": "self-certainty", "power": null}"#), best.into());
}

/// Solutions with these answers and certainties of their tokens.
fn certain(lines: &[(&str, &[f32])]) -> Tree {
    let mut tree = Tree::new(Prompt::from("a question"), 0);
    for (answer, certainty) in lines {
        let notes = Notes { certainty: certainty.to_vec(), ..Notes::default() };
        let text = match *answer {
            "" => "I do not know.".to_owned(),
            answer => format!("The answer is {answer}."),
        };
        let step = Step { text, notes: Some(Box::new(notes)), ..Step::default() };
        tree.push(Node { finish: Finish::Stop, depth: 1, ..Node::new(NodeId::ROOT, step) });
    }
    tree
}

fn borda(power: f64) -> SelfCertainty {
    SelfCertainty { power: Some(power), ..Default::default() }
}

#[test]
fn borda_votes_by_place() {
    let tree = certain(&[("15", &[1.0, 0.6]), ("12", &[1.9]), ("15", &[1.4, 1.4]), ("", &[5.0])]);
    assert_eq!(SelfCertainty::certainty(&tree, NodeId(3)), Some(f64::from(1.4_f32)));
    let close = |found: Option<f64>, expected: f64| (found.expect("noted") - expected).abs() < 1e-6;
    assert!(close(SelfCertainty::certainty(&tree, NodeId(1)), 0.8));
    let pick = |power| borda(power).pick(&tree).map(|id| id.0);
    // Votes 3 for 12, 2 and 1 for 15: equal at power 1, where the first seen wins by its surest sample.
    assert_eq!(pick(1.0), Some(3));
    assert_eq!(pick(0.99), Some(3));
    assert_eq!(pick(1.01), Some(2));
    assert_eq!(pick(0.0), Some(1));
    assert_eq!(pick(1e4), Some(2));
    let best = SelfCertainty { power: None, ..Default::default() };
    assert_eq!(best.pick(&tree), Some(NodeId(2)));
    // A path without an answer has no place, however sure it is.
    let few = certain(&[("", &[9.0]), ("7", &[0.1])]);
    assert_eq!(best.pick(&few), Some(NodeId(2)));
}

/// Votes 5 + 1 and 4 + 2: as shares of the whole, 1 + 0.2 is less than 0.8 + 0.4 by a rounding error.
#[test]
fn whole_votes_are_compared_exactly() {
    let tree =
        certain(&[("1", &[1.0]), ("2", &[2.0]), ("3", &[3.0]), ("2", &[4.0]), ("1", &[5.0])]);
    let answer = |power| borda(power).pick(&tree).and_then(|id| tree.answer(id));
    assert_eq!(answer(1.0), Some("1"));
    // 25 + 1 against 16 + 4; and out of range, where the surest decides.
    assert_eq!((answer(2.0), answer(1e4)), (Some("1"), Some("1")));
    // 2.24 + 1 against 2 + 1.41.
    assert_eq!(answer(0.5), Some("2"));
}

#[test]
fn equal_certainties_share_their_places() {
    let equal = certain(&[("7", &[1.0]), ("8", &[1.0]), ("8", &[1.0])]);
    for power in [0.0, 0.5, 1.0, 3.0] {
        assert_eq!(borda(power).pick(&equal), Some(NodeId(2)), "{power}");
    }
    // Places 1, 2.5, 2.5, 4: 4 + 1 against 2.5 + 2.5, a tie; with the square 17 against 12.5.
    let tied = certain(&[("8", &[2.0]), ("7", &[3.0]), ("8", &[2.0]), ("7", &[1.0])]);
    assert_eq!(borda(1.0).pick(&tied), Some(NodeId(1)));
    assert_eq!(borda(1.1).pick(&tied), Some(NodeId(2)));
    assert_eq!(borda(0.9).pick(&tied), Some(NodeId(1)));
    // The order in which they were made is none of certainty's business.
    let turned = certain(&[("7", &[1.0]), ("8", &[2.0]), ("7", &[3.0]), ("8", &[2.0])]);
    assert_eq!(borda(1.1).pick(&turned), Some(NodeId(3)));
    assert_eq!(borda(0.9).pick(&turned), Some(NodeId(2)));
    // Nobody noted anything: the majority.
    let bare = certain(&[("7", &[]), ("8", &[]), ("8", &[])]);
    assert_eq!(SelfCertainty::certainty(&bare, NodeId(1)), None);
    assert_eq!(borda(2.0).pick(&bare), Some(NodeId(2)));
}

#[test]
fn certainty_is_the_divergence_from_the_uniform_distribution() {
    for (odds, expected) in [(vec![0.7, 0.1, 0.1, 0.1], 0.429_813), (vec![0.25; 4], 0.0)] {
        let model =
            Markov::new(
                move |path| if path.len() < 3 { odds.clone() } else { vec![0.0, 0.0, 0.0, 1.0] },
            );
        let search = Search::new(&model).rule(StepRule { max_tokens: 2, ..StepRule::default() });
        let outcome = search.run(SelfCertainty { n: 4, ..Default::default() }, "?").expect("runs");
        assert_eq!(outcome.usage.logical.samples, 4);
        let found = SelfCertainty::certainty(&outcome.tree, NodeId(1)).expect("noted");
        assert!((found - expected).abs() < 1e-6, "{found}");
    }
}

#[test]
fn without_power_it_is_the_majority() {
    for problem in 0..30 {
        let run = |recipe: Recipe| search().run(recipe, world().prompt(problem)).expect("runs");
        let borda = run(SelfCertainty { n: 9, ..borda(0.0) }.into());
        let plain = run(SelfConsistency { n: 9, ..Default::default() }.into());
        assert_eq!(borda.answer(), plain.answer());
    }
}

#[test]
fn an_answer_that_settles_ends_the_search() {
    // Answers as of now: 7, 7, 8 (by its score), 8, 8.
    let inner = AdaptiveConsistency {
        first: 1,
        round: Some(1),
        most: 20,
        stop: StopWhen::Beta(0.999),
        ..Default::default()
    };
    let play = |rounds, least, answers: &[&str]| {
        let mut search = ByHand::new(Converged { rounds, least, ..Converged::of(inner.clone()) });
        search.start();
        for (at, answer) in answers.iter().enumerate() {
            let text = if answer.is_empty() {
                "I do not know.".to_owned()
            } else {
                format!("The answer is {answer}.")
            };
            let fresh = search.tree.grow(NodeId::ROOT, &text, Finish::Stop, None);
            if search.next(&[fresh]).is_empty() {
                return at + 1;
            }
        }
        0
    };
    assert_eq!(play(2, 0, &["7", "7", "7"]), 2);
    assert_eq!(play(3, 0, &["7", "7", "7"]), 3);
    // A tie keeps 7, the third vote turns it to 8.
    assert_eq!(play(3, 0, &["7", "8", "8", "8", "7"]), 5);
    assert_eq!(play(2, 4, &["7", "7", "7", "7", "7"]), 4);
    // 7.0 is 7, and no answer is no answer.
    assert_eq!(play(2, 0, &["7.0", "7"]), 2);
    assert_eq!(play(2, 0, &["", "", "", "7", "7"]), 5);
}

/// Samples one by one, and answers with the last.
#[derive(Clone)]
struct Latest;

impl SearchStrategy for Latest {
    fn step(&mut self, _: &mut View<'_>) -> Vec<Expand> {
        vec![Expand::end(NodeId::ROOT, 1)]
    }

    fn pick(&self, tree: &Tree) -> Option<NodeId> {
        tree.finished().last()
    }
}

#[test]
fn answers_that_mean_the_same_are_the_same_and_searches_start_anew() {
    let mut search = ByHand::new(Converged { rounds: 2, ..Converged::of(Latest) });
    for _ in 0..2 {
        assert_eq!(search.start(), [(0, 1)]);
        let first = search.tree.grow(NodeId::ROOT, "The answer is 7.0", Finish::Stop, None);
        assert_eq!(search.next(&[first]), [(0, 1)]);
        let other = search.tree.grow(NodeId::ROOT, "The answer is 8.", Finish::Stop, None);
        assert_eq!(search.next(&[other]), [(0, 1)]);
        let third = search.tree.grow(NodeId::ROOT, "The answer is 7.", Finish::Stop, None);
        assert_eq!(search.next(&[third]), [(0, 1)]);
        let again = search.tree.grow(NodeId::ROOT, "The answer is 7.0", Finish::Stop, None);
        assert_eq!(search.next(&[again]), []);
        search = ByHand::new(search.strategy);
    }
}

#[test]
fn what_only_looks_ahead_tells_nothing() {
    let mut search = ByHand::new(Converged { rounds: 2, ..Converged::of(Latest) });
    search.start();
    let first = search.tree.grow(NodeId::ROOT, "The answer is 7.", Finish::Stop, None);
    assert_eq!(search.next(&[first]), [(0, 1)]);
    let ahead = search.rollout(NodeId::ROOT, Finish::Stop, None);
    assert_eq!(search.next(&[ahead]), [(0, 1)]);
}

#[test]
fn rounds_that_finish_nothing_tell_nothing() {
    let beam = BeamSearch { keep: 2, branch: 2, ..Default::default() };
    let mut search = ByHand::new(Converged { rounds: 2, ..Converged::of(beam) });
    search.start();
    let first = search.open(0, &[0.5, 0.4]);
    assert_eq!(search.next(&first), [(1, 2), (2, 2)]);
    let mut second = vec![search.tree.grow(NodeId(1), "The answer is 7.", Finish::Stop, Some(0.3))];
    second.extend(search.open(2, &[0.6, 0.5]));
    assert_eq!(search.next(&second).len(), 2);
    // Nothing has finished: 7 was the answer once.
    let third = search.open(4, &[0.7, 0.6]);
    assert_eq!(search.next(&third).len(), 2);
    let mut fourth = vec![search.tree.grow(NodeId(6), "The answer is 7.", Finish::Stop, Some(0.9))];
    fourth.extend(search.open(7, &[0.8]));
    assert_eq!(search.next(&fourth), []);
    assert_eq!(search.pick(), Some(8));
}

#[test]
fn budget_forcing_by_hand() {
    let forcing = BudgetForcing { most: 50, waits: 1, wait: "Wait".into(), ..Default::default() };
    let mut search = ByHand::new(forcing.clone());
    let think = search.decide(&[NodeId::ROOT], &[0]);
    assert_eq!((think[0].n, think[0].until), (1, Until::Tokens(50)));
    let rule = think[0].rule.as_ref().expect("a rule of its own");
    assert_eq!((&rule.pause, rule.delimiters.len()), (&forcing.ends, 0));
    let line = |tree: &mut Tree, parent: u32, tokens: u32, closing: u32, finish| {
        let text = "The answer is 4.".to_owned();
        let step = Step { text, tokens: vec![7; tokens as usize], closing, ..Step::default() };
        let open = finish != Finish::Stop;
        let above = NodeId(parent);
        let round = tree.iter().map(|(_, node)| node.round).max().unwrap_or(0) + 1;
        tree.push(Node {
            finish,
            open,
            round,
            depth: tree[above].depth + 1,
            ..Node::new(above, step)
        })
    };
    // Twenty tokens, three of which end the thinking: they go, and thirty are left.
    let early = line(&mut search.tree, 0, 20, 3, Finish::Pause);
    let again = search.decide(&[early], &[0]);
    assert_eq!(
        (again[0].node, again[0].keep, again[0].until),
        (early, Some(17), Until::Tokens(30))
    );
    assert_eq!(again[0].append.as_deref(), Some("Wait"));
    // No waits are left: it is closed already, and answers under the search's rule.
    let closed = line(&mut search.tree, 0, 25, 3, Finish::Pause);
    assert_eq!(search.decide(&[closed], &[0]), [Expand::end(closed, 1)]);
    // An answer that a budget cut is written to its end.
    let cut = line(&mut search.tree, 2, 5, 0, Finish::Step);
    assert_eq!(search.decide(&[cut], &[0]), [Expand::end(cut, 1)]);
    let end = line(&mut search.tree, cut.0, 5, 1, Finish::Stop);
    assert_eq!(search.decide(&[end], &[0]), []);
    assert_eq!(search.pick(), Some(end.0));
    // One whose tokens are used up is forced, and its answer has a bound of its own.
    let mut search = ByHand::new(BudgetForcing { answer_tokens: Some(9), ..forcing });
    search.start();
    let long = line(&mut search.tree, 0, 50, 0, Finish::Step);
    let forced = search.decide(&[long], &[0]);
    assert_eq!((forced[0].node, forced[0].until), (long, Until::Tokens(9)));
    assert_eq!(forced[0].append.as_deref(), Some("\n</think>\n\nFinal Answer:"));
    let short = line(&mut search.tree, long.0, 9, 0, Finish::Step);
    assert_eq!(search.decide(&[short], &[0]), []);
    assert_eq!(search.pick(), Some(short.0));
}

#[test]
fn a_patient_one_is_the_inner_strategy() {
    let oracle = Oracle::of(&world());
    for name in ["beam-search", "adaptive-consistency", "dvts"] {
        let inner = Recipe::default_of(name, 8).expect("known");
        let search = search().scorer(oracle);
        let run = |recipe: Recipe| search.run(recipe, world().prompt(3)).expect("runs");
        let patient = Converged { rounds: 99, ..Converged::of(inner.clone()) };
        assert!(run(patient.into()).tree == run(inner).tree);
    }
}

#[test]
fn laws() {
    let prompts: Vec<Prompt> = (0..8).map(|i| world().prompt(i)).collect();
    for stop in [StopWhen::Beta(0.9), StopWhen::Dirichlet(0.9), StopWhen::Settled(2)] {
        story_laws::hold(&search(), &adaptive(stop, 2, 2, 10), &prompts);
    }
    story_laws::hold(&search(), &SelfCertainty { n: 5, ..Default::default() }, &prompts);
    let inner = adaptive(StopWhen::Decided, 2, 1, 12);
    story_laws::hold(&search(), &Converged { rounds: 2, ..Converged::of(inner) }, &prompts);
}
