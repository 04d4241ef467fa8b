//! Wider or deeper, and by whom.

#[path = "../../examples/stories/worlds/quality.rs"]
mod quality;

use quality::{reader, writer};
use tts_core::{
    Aggregate, Budget, Cost, Expand, Finish, Node, NodeId, Outcome, Prompt, Scale, Search,
    SearchStrategy, Step, Trajectory, Tree, View, scorer, seed,
};
use tts_search::refine::Words;
use tts_search::tree::ab_mcts::{Beta, Gaussian, Mixed, Prior};
use tts_search::{AbMcts, Recipe};

use crate::text_model::TextModel;
use crate::{laws, lines};

/// How the writers of this world are shown a solution.
fn words() -> Words {
    Words {
        each: "<solution>\n{attempt}\n</solution>\n".into(),
        ask: "{question}\n\n{attempts}Write a better one.".into(),
    }
}

fn story(calls: usize, batch: usize) -> AbMcts {
    let roles = vec!["one".to_owned(), "two".to_owned()];
    AbMcts { calls, batch, roles, words: words(), ..AbMcts::default() }
}

/// Whoever asks gets a half.
fn writer_of_halves() -> impl tts_core::Generator + Clone {
    TextModel(|_: &Prompt, _: &str, _: &mut seed::Rng| Ok("0.500".to_owned()))
}

/// Two writers, each with the quality of a new solution and what a refinement gains.
fn search(one: (f64, f64), two: (f64, f64)) -> Search<'static> {
    let one = writer(one.0, one.1);
    // The policy is asked for nothing.
    Search::new(one.clone()).role("one", one).role("two", writer(two.0, two.1)).scorer(reader())
}

/// How far a solution is from the problem, in refinements, the first included.
fn depth(outcome: &Outcome, id: NodeId) -> usize {
    let tree = &outcome.tree;
    let about = |&id: &NodeId| tree[tree.question(id)].parent;
    std::iter::successors(Some(id), about).count()
}

/// Solutions of the problem itself, and the depth of the deepest, on average over ten searches of 40 calls.
fn shape(prior: Prior, fresh: f64, gain: f64) -> (f64, f64) {
    let (mut wide, mut deep) = (0, 0);
    for seed in 0..10 {
        let story = AbMcts { prior, ..story(40, 1) };
        let writers = ((fresh, gain), (fresh, gain));
        let search = search(writers.0, writers.1).seed(seed);
        let outcome = search.run(story, "a problem").expect("runs");
        let depths = outcome.tree.candidates().into_iter().map(|id| depth(&outcome, id));
        let depths: Vec<usize> = depths.collect();
        assert_eq!(depths.len(), 40);
        wide += depths.iter().filter(|&&depth| depth == 1).count();
        deep += depths.iter().max().expect("solutions");
    }
    (wide as f64 / 10.0, deep as f64 / 10.0)
}

/// The bounds are five standard errors of ten searches from what an independent program found in 3,000
/// searches of 40 calls, mean and standard deviation of one search:
///
/// ```text
///           refinements never help             they always help
/// Gaussian  37.9 (0.71) wide, 2.09 (0.29) deep   6.4 (2.98) wide, 4.34 (0.90) deep
/// Beta      36.2 (0.97) wide, 2.23 (0.44) deep  11.8 (2.73) wide, 4.01 (0.67) deep
/// ```
///
/// Where they change nothing it found 22.9 and 20.4 wide, with standard deviations (of 1,000 searches here) of 7.3
/// and 3.2: wider than where they always help by 16.5 and 8.6, with standard errors of 2.5 and 1.36.
#[test]
fn where_refinements_never_help_it_goes_wide_and_where_they_always_do_it_goes_deep() {
    let beta = Prior::Beta(Beta::default());
    // The least wide and most deep where they never help, the most wide and least deep where they do.
    // Last, how much wider it is at least where they change nothing.
    for (prior, never_wide, never_deep, always_wide, always_deep, wider) in
        [(Prior::default(), 36.8, 2.6, 11.2, 2.9, 4.0), (beta, 34.6, 3.0, 16.2, 2.9, 1.8)]
    {
        let never = shape(prior, 0.6, -0.5);
        assert!(never.0 > never_wide && never.1 < never_deep, "{prior:?}: {never:?}");
        let always = shape(prior, 0.2, 0.1);
        assert!(always.0 < always_wide && always.1 > always_deep, "{prior:?}: {always:?}");
        let neutral = shape(prior, 0.4, 0.0);
        assert!(always.0 + wider < neutral.0, "{prior:?}: {always:?}, {neutral:?}");
    }
}

/// A new child is one arm among all children of variant M, so that its trees have much the same shape whatever
/// refinements do. An independent program found in 150 searches of 40 calls, mean and standard deviation of one:
///
/// ```text
/// they never help   8.55 (1.45) wide, 3.77 (0.48) deep
/// they always help  9.01 (1.47) wide, 4.46 (0.67) deep
/// ```
///
/// The bounds are five standard errors of ten searches. Widths are far from those of the Gaussian arms above, 38 and 6.
#[test]
fn the_mixed_model_has_one_shape() {
    let mixed = Prior::Mixed(Mixed::default());
    for (fresh, gain, wide, deep) in
        [(0.6, -0.5, (6.2, 10.9), (3.0, 4.6)), (0.2, 0.1, (6.6, 11.4), (3.4, 5.6))]
    {
        let found = shape(mixed, fresh, gain);
        assert!(wide.0 < found.0 && found.0 < wide.1, "{fresh}: {found:?}");
        assert!(deep.0 < found.1 && found.1 < deep.1, "{fresh}: {found:?}");
    }
}

/// Where all solutions of a place are equal, what is below them is given up: nothing is refined a fourth time.
#[test]
fn children_that_say_nothing_new_are_given_up() {
    let calls = |prior, seed| {
        let search = Search::new(writer_of_halves()).scorer(reader()).seed(seed);
        let story = AbMcts { prior, roles: vec![], ..story(40, 1) };
        let outcome = search.run(story, "a problem").expect("runs");
        let tree = &outcome.tree;
        let below = |id: NodeId| {
            let about = |&id: &NodeId| tree[tree.question(id)].parent;
            let above =
                |&&other: &&NodeId| std::iter::successors(about(&other), about).any(|at| at == id);
            tree.candidates().iter().filter(above).count()
        };
        let first = tree.candidates().into_iter().filter(|&id| depth(&outcome, id) == 1);
        first.map(below).max().expect("solutions")
    };
    let most = |mixed| (0..10).map(|seed| calls(Prior::Mixed(mixed), seed)).max();
    assert_eq!(most(Mixed::default()), Some(3));
    assert!(most(Mixed { prune: None, ..Mixed::default() }) > Some(3));
}

#[test]
fn the_better_writer_writes_more_and_the_tree_says_who() {
    let mut better = 0;
    for seed in 0..10 {
        let search = search((0.2, 0.0), (0.8, 0.0)).seed(seed);
        let outcome = search.run(story(40, 1), "a problem").expect("runs");
        let tree = &outcome.tree;
        for id in tree.candidates() {
            let quality: f64 = tree.text(id).parse().expect("a number");
            let role = tree[id].role.as_deref().expect("a role");
            // New solutions of the first have 0.15 to 0.25, of the second 0.75 to 0.85.
            if depth(&outcome, id) == 1 {
                assert_eq!(role == "two", quality > 0.5);
            }
        }
        assert_eq!((lines(&outcome, ""), lines(&outcome, "one") + lines(&outcome, "two")), (0, 40));
        better += lines(&outcome, "two");
    }
    assert!(better > 240, "{better}");
}

#[test]
fn the_answer_is_the_best_solution_and_batches_keep_to_the_calls() {
    for (calls, batch) in [(1, 1), (7, 3), (12, 5), (4, 9)] {
        let search = search((0.3, 0.05), (0.4, 0.0));
        let outcome = search.run(story(calls, batch), "a problem").expect("runs");
        assert_eq!(outcome.usage.logical.samples, calls as u64);
        assert_eq!(outcome.usage.rounds as usize, calls.div_ceil(batch));
        assert_eq!(outcome.best, outcome.tree.best(Aggregate::ByScale));
    }
}

#[test]
fn laws() {
    let prompts: Vec<Prompt> = (0..8).map(|i| Prompt::from(format!("problem {i}"))).collect();
    for prior in [Prior::default(), Prior::Mixed(Mixed::default())] {
        let story = AbMcts { prior, ..story(12, 2) };
        let outcomes = laws::hold(&search((0.3, 0.1), (0.4, 0.05)), &story, &prompts);
        // Random numbers are the problem's own.
        let parents = |outcome: &Outcome| -> Vec<Option<NodeId>> {
            outcome.tree.iter().map(|(_, node)| node.parent).collect()
        };
        assert!(outcomes.iter().any(|outcome| parents(outcome) != parents(&outcomes[0])));
    }
}

#[test]
fn the_policy_alone_needs_no_role_and_draws_none() {
    let search = Search::new(writer(0.3, 0.05)).scorer(reader()).seed(4);
    let alone = search.run(AbMcts { roles: vec![], ..story(9, 1) }, "a problem").expect("runs");
    assert_eq!((lines(&alone, ""), alone.usage.logical.samples), (9, 9));
    let missing = search.run(story(9, 1), "a problem").expect_err("no such roles");
    assert!(missing.to_string().contains("one"), "{missing}");
    let bare = Search::new(writer(0.3, 0.05));
    let error = bare.run(AbMcts::default(), "a problem").expect_err("no scorer").to_string();
    assert!(error.contains("ab-mcts needs a scorer"), "{error}");
}

#[test]
fn a_refinement_is_shown_the_solution_it_refines() {
    let outcome = search((0.2, 0.1), (0.2, 0.1)).run(story(30, 1), "a problem").expect("runs");
    let (tree, mut refined) = (&outcome.tree, 0);
    for id in tree.candidates() {
        let question = tree.question(id);
        let asked = tree.asked(id).question();
        match tree[question].parent {
            None => assert_eq!(asked, "a problem"),
            Some(above) => {
                refined += 1;
                let text = tree.text(above);
                let expected =
                    format!("a problem\n\n<solution>\n{text}\n</solution>\nWrite a better one.");
                assert_eq!(asked, expected);
            }
        }
    }
    assert!(refined > 5, "{refined}");
}

type Reading = fn(f64) -> f64;

/// As the reader of this world, on another scale.
fn on(scale: Scale, of: Reading) -> impl tts_core::StepScorer {
    let read = move |_: &Trajectory, step: &Step| of(step.text.parse().unwrap_or(0.0));
    scorer::from_fn(read).with_scale(scale)
}

#[test]
fn scores_of_other_scales_become_probabilities() {
    // What a score says is the same on every scale, so the searches are.
    let plain = search((0.3, 0.05), (0.4, 0.0)).run(story(20, 2), "a problem").expect("runs");
    let logs = |p: f64| p.max(1e-9).ln();
    let odds = |p: f64| (p.max(1e-9) / (1.0 - p).max(1e-9)).ln();
    let texts = |outcome: &Outcome| -> Vec<String> {
        outcome.tree.candidates().into_iter().map(|id| outcome.tree.text(id)).collect()
    };
    let others: [(Scale, Reading); 4] = [
        (Scale::LOG_PROBABILITY, logs),
        (Scale::LOG_ODDS, odds),
        (Scale::REWARD, odds),
        (Scale::UNSTATED, |p| p),
    ];
    for (scale, of) in others {
        let search = search((0.3, 0.05), (0.4, 0.0)).scorer(on(scale, of));
        let other = search.run(story(20, 2), "a problem").expect("runs");
        assert_eq!(texts(&other), texts(&plain), "{scale}");
    }
}

/// What a strategy is and decides after solutions of the problem, each with how it ended and its score.
fn after(calls: usize, lines: &[(Finish, Option<f64>)]) -> (AbMcts, Tree, Vec<Expand>) {
    after_some(calls, lines, lines.len())
}

/// As above, but it is shown only the first of them.
fn after_some(
    calls: usize,
    lines: &[(Finish, Option<f64>)],
    shown: usize,
) -> (AbMcts, Tree, Vec<Expand>) {
    let mut tree = Tree::new(Prompt::from("a problem"), 3).with_scale(Scale::OUTCOME);
    let mut strategy = AbMcts { roles: vec![], ..story(calls, 2) };
    let (usage, budget, mut rng) = (Cost::default(), Budget::default(), seed::rng(0));
    let mut decide = |strategy: &mut AbMcts, tree: &mut Tree, fresh: &[NodeId]| {
        let origin: Vec<usize> = (0..fresh.len()).collect();
        let mut view = View::new(tree, fresh, &origin, &usage, &budget, &mut rng);
        strategy.step(&mut view)
    };
    assert_eq!(decide(&mut strategy, &mut tree, &[NodeId::ROOT]).len(), 2.min(calls));
    let grow = |&(finish, score): &(Finish, Option<f64>)| {
        tree.grow(NodeId::ROOT, "a solution", finish, score)
    };
    let fresh: Vec<NodeId> = lines.iter().map(grow).collect();
    let decided = decide(&mut strategy, &mut tree, &fresh[..shown]);
    (strategy, tree, decided)
}

#[test]
fn what_did_not_finish_is_no_answer_and_scores_nothing() {
    let done = (Finish::Stop, Some(0.1));
    let (high, tree, decided) = after(3, &[(Finish::Length, Some(0.9)), done]);
    assert_eq!((decided.len(), high.pick(&tree)), (1, Some(NodeId(2))));
    let (low, ..) = after(3, &[(Finish::Length, Some(0.0)), done]);
    assert_eq!(high.state, low.state);
}

#[test]
fn what_was_not_judged_teaches_nothing() {
    let judged = (Finish::Stop, Some(0.4));
    let lines = [judged, (Finish::Stop, None)];
    let (one, ..) = after_some(5, &lines, 1);
    let (both, tree, _) = after(5, &lines);
    assert_eq!(one.state, both.state);
    assert_eq!(both.pick(&tree), Some(NodeId(1)));
}

#[test]
fn the_rest_of_a_line_is_asked_of_its_writer() {
    let mut tree = Tree::new(Prompt::from("a problem"), 3).with_scale(Scale::OUTCOME);
    let mut strategy = story(2, 2);
    let (usage, budget, mut rng) = (Cost::default(), Budget::default(), seed::rng(0));
    let mut view = View::new(&mut tree, &[NodeId::ROOT], &[0], &usage, &budget, &mut rng);
    assert_eq!(strategy.step(&mut view).len(), 2);
    let cut = ["two", "one"].map(|role| {
        let step = Step { text: "a solution".into(), ..Step::default() };
        let role = Some(role.into());
        tree.push(Node { role, open: true, finish: Finish::Step, ..Node::new(NodeId::ROOT, step) })
    });
    let mut view = View::new(&mut tree, &cut, &[0, 1], &usage, &budget, &mut rng);
    let writers: Vec<Option<String>> =
        strategy.step(&mut view).into_iter().map(|line| line.role).collect();
    assert_eq!(writers, [Some("two".to_owned()), Some("one".to_owned())]);
}

#[test]
fn a_solution_is_asked_about_once() {
    let outcome = search((0.2, 0.1), (0.2, 0.1)).run(story(40, 1), "a problem").expect("runs");
    let (tree, mut again) = (&outcome.tree, 0);
    for (_, node) in tree.iter() {
        assert!(node.questions.len() <= 1, "{:?}", node.questions);
        again +=
            node.questions.iter().filter(|&&question| tree[question].children.len() > 1).count();
    }
    assert!(again > 0, "no solution was refined twice");
}

#[test]
fn where_all_was_cut_short_the_rest_is_asked_for() {
    let cut = (Finish::Step, Some(0.4));
    let rest = |(mut strategy, mut tree, decided): (AbMcts, Tree, Vec<Expand>)| {
        let asked: Vec<(NodeId, usize)> = decided.iter().map(|line| (line.node, line.n)).collect();
        let end = tree.grow(NodeId(1), ", done", Finish::Stop, Some(0.2));
        let (usage, budget, mut rng) = (Cost::default(), Budget::default(), seed::rng(0));
        let fresh = [end];
        let mut view = View::new(&mut tree, &fresh, &[0], &usage, &budget, &mut rng);
        assert_eq!(strategy.step(&mut view), []);
        (asked, strategy.pick(&tree))
    };
    let lines = vec![(NodeId(1), 1), (NodeId(2), 1)];
    assert_eq!(rest(after(2, &[cut, cut])), (lines, Some(NodeId(3))));
    // Not where there is a solution.
    let (.., decided) = after(2, &[cut, (Finish::Stop, Some(0.1))]);
    assert_eq!(decided, []);
}

#[test]
fn bad_settings_are_refused() {
    let gaussian = |change: fn(&mut Gaussian)| {
        let mut prior = Gaussian::default();
        change(&mut prior);
        AbMcts { prior: Prior::Gaussian(prior), ..story(2, 1) }
    };
    let beta = |a, b| AbMcts { prior: Prior::Beta(Beta { a, b }), ..story(2, 1) };
    let twice = vec!["one".to_owned(), "two".to_owned(), "one".to_owned()];
    for (strategy, expected) in [
        (story(0, 1), "ab-mcts: calls is 0"),
        (story(1, 0), "ab-mcts: batch is 0"),
        (
            AbMcts { aggregate: Aggregate::Sum, ..story(1, 1) },
            "ab-mcts: aggregate is sum, which has no bounds, expected by-scale, last, min, mean, product or sum-log",
        ),
        (AbMcts { roles: twice, ..story(1, 1) }, "ab-mcts: roles names \"one\" twice"),
        (gaussian(|prior| prior.kappa = 0.0), "ab-mcts: prior.kappa is 0, expected"),
        (gaussian(|prior| prior.nu = -1.0), "prior.nu is -1"),
        (gaussian(|prior| prior.tau2 = 0.0), "prior.tau2 is 0"),
        (gaussian(|prior| prior.m = f64::NAN), "prior.m is NaN"),
        (beta(0.0, 1.0), "prior.a is 0"),
        (beta(1.0, f64::INFINITY), "prior.b is inf"),
        (AbMcts { words: Words { each: "x".into(), ..words() }, ..story(1, 1) }, "words.each"),
    ] {
        let error = Recipe::from(strategy).check().expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    let json = r#"{"strategy": "ab-mcts", "prior": {"beta": {"a": 1}}}"#;
    let Ok(Recipe::AbMcts(read)) = Recipe::from_json(json) else { panic!("is read") };
    assert_eq!(read.prior, Prior::Beta(Beta { a: 1.0, b: 0.5 }));
    assert!(Recipe::from_json(r#"{"strategy": "ab-mcts", "prior": {"beta": {"c": 1}}}"#).is_err());
}
