//! Solutions that a second model finishes.

use tts_core::toy::ToyWorld;
use tts_core::*;
use tts_search::MutualVerification;

use crate::{laws, lines, picture};

const WORLD: ToyWorld = ToyWorld { additions: 5, error: 0.35, seed: 1 };

fn search() -> Search<'static> {
    Search::new(WORLD).rule(StepRule::lines()).sampling(Sampling::temperature(1.0)).seed(5)
}

fn run(strategy: MutualVerification, error: f64, index: u64) -> Outcome {
    let search = search().role("verifier", ToyWorld { error, ..WORLD });
    search.run(strategy, WORLD.prompt(index)).expect("runs")
}

/// Each candidate with the number of its steps, of those given to the verifier, and the answers it got.
fn checks(outcome: &Outcome) -> Vec<(NodeId, usize, usize, Vec<Option<String>>)> {
    let tree = &outcome.tree;
    let check = |id: NodeId| {
        let path = tree.path(id);
        let ends = tree[id].questions.first().map_or(&[][..], |&asked| &tree[asked].asides);
        let given = ends.first().and_then(|&first| {
            // A token is a byte, and what was given ends with a step of the solution.
            let given = tree[first].step.given as usize;
            path.iter().position(|&step| tree.text(step).len() == given)
        });
        let end = |&first: &NodeId| {
            let next = |&id: &NodeId| tree[id].asides.first().copied();
            let end = std::iter::successors(Some(first), next).last();
            end.and_then(|end| tree.answer(end)).map(str::to_owned)
        };
        (id, path.len(), given.map_or(0, |place| place + 1), ends.iter().map(end).collect())
    };
    tree.candidates().into_iter().map(check).collect()
}

#[test]
fn every_solution_is_finished_from_20_to_80_percent_of_its_steps() {
    let mut given = std::collections::BTreeSet::new();
    for index in 0..20 {
        let strategy = MutualVerification { n: 6, times: 2, ..Default::default() };
        let outcome = run(strategy, 0.1, index);
        assert_eq!((lines(&outcome, ""), lines(&outcome, "verifier")), (6, 12));
        assert_eq!((outcome.usage.rounds, outcome.tree.candidates().len()), (2, 6));
        for (_, steps, cut, answers) in checks(&outcome) {
            // Five additions and the answer: 1.2 to 4.8 of six.
            assert_eq!((steps, answers.len()), (6, 2));
            given.insert(cut);
        }
        let written =
            |(_, node): &(NodeId, &Node)| node.kind == NodeKind::Aside && !node.is_question();
        let asides = outcome.tree.iter().filter(written);
        assert!(asides.clone().count() >= 12);
        for (_, node) in asides {
            assert_eq!((node.role.as_deref(), node.score), (Some("verifier"), None));
        }
    }
    assert_eq!(given.into_iter().collect::<Vec<_>>(), [2, 3, 4]);
}

#[test]
fn the_vote_is_held_over_what_agrees() {
    let (mut elsewhere, mut none) = (0, 0);
    for index in 0..150 {
        for agree in 1..4 {
            let strategy = MutualVerification { n: 5, times: 3, agree, ..Default::default() };
            let outcome = run(strategy, 0.3, index);
            let tree = &outcome.tree;
            let agreeing = |(id, _, _, answers): &(NodeId, usize, usize, Vec<Option<String>>)| {
                answers.iter().filter(|answer| answer.as_deref() == tree.answer(*id)).count()
            };
            let checks = checks(&outcome);
            let kept: Vec<NodeId> = checks
                .iter()
                .filter(|check| agreeing(check) >= agree)
                .map(|check| check.0)
                .collect();
            let vote = Selection::majority();
            let expected =
                if kept.is_empty() { vote.pick(tree) } else { vote.pick_among(tree, &kept) };
            assert_eq!(outcome.best, expected);
            none += u32::from(kept.is_empty());
            elsewhere += u32::from(outcome.best != vote.pick(tree));
        }
    }
    assert!(elsewhere > 20 && none > 5, "{elsewhere} {none}");
}

#[test]
fn a_verifier_with_other_errors_finds_the_right_one_more_often() {
    let rate = |error: Option<f64>| {
        let solved = |&index: &u64| {
            let strategy = MutualVerification { n: 6, least: 0.0, most: 0.2, ..Default::default() };
            let outcome = run(strategy, error.unwrap_or(0.0), index);
            let answer = match error {
                Some(_) => outcome.answer(),
                None => Selection::majority()
                    .pick(&outcome.tree)
                    .and_then(|id| outcome.tree.answer(id).map(str::to_owned)),
            };
            answer == Some(WORLD.answer(index))
        };
        (0..200).filter(solved).count()
    };
    let (plain, checked) = (rate(None), rate(Some(0.05)));
    assert!(checked > plain + 20, "{plain} {checked}");
}

#[test]
fn stepped_by_hand() {
    let mut tree = Tree::new(Prompt::from("a question"), 7);
    let mut strategy =
        MutualVerification { n: 4, times: 2, agree: 2, ..MutualVerification::default() };
    let decide = |strategy: &mut MutualVerification, tree: &mut Tree, fresh: &[NodeId]| {
        let (usage, budget, mut rng) = (Cost::default(), Budget::default(), seed::rng(0));
        let origin = vec![0; fresh.len()];
        strategy.step(&mut View::new(tree, fresh, &origin, &usage, &budget, &mut rng))
    };
    let start = decide(&mut strategy, &mut tree, &[NodeId::ROOT]);
    assert_eq!(start, [Expand::end(NodeId::ROOT, 4)]);
    let two = |tree: &mut Tree, answer: u32| {
        let first = tree.grow(NodeId::ROOT, "First.\n", Finish::Step, None);
        tree.grow(first, &format!("The answer is {answer}."), Finish::Stop, None)
    };
    let (a, b) = (two(&mut tree, 1), two(&mut tree, 1));
    let short = tree.grow(NodeId::ROOT, "The answer is 2.", Finish::Stop, None);
    let cut = tree.grow(NodeId::ROOT, "The", Finish::Length, None);
    // One step and a blank one are one step.
    let first = tree.grow(NodeId::ROOT, "The answer is 2.\n", Finish::Step, None);
    let blank = tree.grow(first, " \n", Finish::Stop, None);
    // One step cannot be finished by another, and what was cut has no answer to agree with.
    let asked = decide(&mut strategy, &mut tree, &[a, b, short, cut, blank]);
    let expected = |node: u32| Expand {
        kind: NodeKind::Aside,
        append: Some("First.\n".into()),
        role: Some("verifier".into()),
        score: ScoreBy::Nobody,
        ..Expand::end(NodeId(node), 2)
    };
    assert_eq!(asked, [expected(9), expected(10)]);
    for (solution, question) in [(a, NodeId(9)), (b, NodeId(10))] {
        assert_eq!(tree[question].parent, Some(solution));
        assert_eq!(tree.asked(question), tree.prompt());
    }
    // Nothing agrees yet: the majority of all.
    assert_eq!(strategy.pick(&tree), Some(a));
    let say = |tree: &mut Tree, parent: u32, text: &str, finish: Finish| {
        tree.grow(NodeId(parent), &format!("First.\n{text}"), finish, None)
    };
    let stop = Finish::Stop;
    let ends = [
        say(&mut tree, 9, "The answer is 1.", stop),
        say(&mut tree, 9, "The answer is 5.", stop),
        say(&mut tree, 10, "The answer is 1.0.", stop),
        say(&mut tree, 10, "So the answer is 1.", stop),
    ];
    assert_eq!(strategy.pick(&tree), Some(b), "both of its finishings agree, as numbers");
    assert_eq!(decide(&mut strategy, &mut tree, &ends), []);
    assert_eq!(strategy.pick(&tree), Some(b));
    // A further search begins anew.
    assert_eq!(decide(&mut strategy, &mut tree, &[NodeId::ROOT]).len(), 1);
    assert_eq!(strategy.pick(&tree), Some(a));
}

#[test]
fn a_verifier_that_says_nothing_of_its_own_does_not_agree() {
    // The first sample says 1 in its first step already, and two say 2.
    let agreeing = |said: &str, finish: Finish| {
        let mut tree = Tree::new(Prompt::from("a question"), 7);
        let mut strategy = MutualVerification { n: 3, ..MutualVerification::default() };
        let decide = |strategy: &mut MutualVerification, tree: &mut Tree, fresh: &[NodeId]| {
            let (usage, budget, mut rng) = (Cost::default(), Budget::default(), seed::rng(0));
            let origin = vec![0; fresh.len()];
            strategy.step(&mut View::new(tree, fresh, &origin, &usage, &budget, &mut rng))
        };
        decide(&mut strategy, &mut tree, &[NodeId::ROOT]);
        let given = "The answer is 1.\n";
        let first = tree.grow(NodeId::ROOT, given, Finish::Step, None);
        let own = tree.grow(first, "The answer is 1.", Finish::Stop, None);
        let others =
            [(); 2].map(|()| tree.grow(NodeId::ROOT, "The answer is 2.", Finish::Stop, None));
        let asked = decide(&mut strategy, &mut tree, &[own, others[0], others[1]]);
        assert_eq!(asked.len(), 1);
        tree.grow(asked[0].node, &format!("{given}{said}"), finish, None);
        assert!([Some(own), Some(others[0])].contains(&strategy.pick(&tree)));
        strategy.pick(&tree) == Some(own)
    };
    for (said, finish, expected) in [
        ("The answer is 1.", Finish::Stop, true),
        ("", Finish::Stop, false),
        ("I see.", Finish::Stop, false),
        ("The answer is 1.", Finish::Length, false),
    ] {
        assert_eq!(agreeing(said, finish), expected, "{said:?} {finish:?}");
    }
}

/// A toy world that says which vocabulary its token ids are of.
struct Speaks(u64);

impl Generator for Speaks {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        WORLD.generate(batch)
    }

    fn vocabulary(&self) -> Option<u64> {
        Some(self.0)
    }
}

#[test]
fn a_verifier_may_have_another_vocabulary() {
    let run = |vocabulary| {
        let search = Search::new(Speaks(1)).role("verifier", Speaks(vocabulary));
        let search = search.rule(StepRule::lines()).sampling(Sampling::temperature(1.0));
        let strategy = MutualVerification { n: 4, ..Default::default() };
        search.run(strategy, WORLD.prompt(0)).expect("runs")
    };
    let outcome = run(2);
    assert_eq!((lines(&outcome, ""), lines(&outcome, "verifier")), (4, 4));
    assert_eq!(outcome.tree, run(1).tree);
}

#[test]
fn a_verifier_that_fails_leaves_the_majority() {
    let down = tts_core::toy::Markov::new(|_| vec![f64::NAN]);
    let search = search().role("verifier", down);
    let strategy = MutualVerification { n: 5, ..Default::default() };
    let outcome = search.run(strategy, WORLD.prompt(0)).expect("runs");
    assert_eq!(outcome.best, Selection::majority().pick(&outcome.tree));
}

#[test]
fn its_tree() {
    let search = Search::new(ToyWorld { additions: 2, ..WORLD })
        .role("verifier", ToyWorld { additions: 2, error: 0.0, seed: 1 })
        .rule(StepRule::lines())
        .seed(4);
    let strategy = MutualVerification { n: 2, ..Default::default() };
    let world = ToyWorld { additions: 2, ..WORLD };
    assert_eq!(
        picture(&search.run(strategy, world.prompt(0)).expect("runs")),
        "1 + 0 9 + 2 = 11\n\
         2 + 1 11 + 4 = 15\n\
         3 + 2 15. *\n\
         4 + 0 9 + 2 = 11\n\
         5 + 4 11 + 4 = 16\n\
         6 + 5 16.\n\
         7 ?~ 3\n\
         8 ?~ 6\n\
         9 ~ 7 15. [verifier]\n\
         10 ~ 8 9 + 2 = 11\n\
         11 + 4 = 15 [verifier]\n\
         11 ~ 10 15. [verifier]"
    );
}

#[test]
fn bad_settings_are_named() {
    let plain = MutualVerification::default;
    for (strategy, expected) in [
        (MutualVerification { n: 0, ..plain() }, "mutual-verification: n is 0"),
        (MutualVerification { times: 0, ..plain() }, "mutual-verification: times is 0"),
        (MutualVerification { agree: 0, ..plain() }, "agree is 0, expected 1 to times, which is 1"),
        (MutualVerification { agree: 3, times: 2, ..plain() }, "agree is 3, expected 1 to times"),
        (MutualVerification { least: 0.9, ..plain() }, "least is 0.9 and most is 0.8"),
        (MutualVerification { most: 1.5, ..plain() }, "least is 0.2 and most is 1.5"),
        (MutualVerification { least: -0.5, ..plain() }, "least is -0.5"),
        (MutualVerification { least: f64::NAN, ..plain() }, "least is NaN"),
        (MutualVerification { verifier: String::new(), ..plain() }, "verifier is empty"),
    ] {
        let error = search().role("verifier", WORLD).run(strategy, WORLD.prompt(0));
        let error = error.expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = search().run(plain(), WORLD.prompt(0)).expect_err("nobody").to_string();
    assert!(error.contains("verifier"), "{error}");
    let weighted = MutualVerification { select: Selection::weighted(), ..plain() };
    let error = search().role("verifier", WORLD).run(weighted, WORLD.prompt(0));
    assert!(error.is_err_and(|error| error.to_string().contains("needs a scorer")));
}

#[test]
fn laws() {
    let prompts: Vec<_> = (0..8).map(|index| WORLD.prompt(index)).collect();
    let search = search().role("verifier", ToyWorld { error: 0.2, ..WORLD });
    let strategy = MutualVerification { n: 3, times: 2, ..Default::default() };
    laws::hold(&search, &strategy, &prompts);
}
