//! Wider or deeper, and by whom.

#[path = "../../examples/stories/worlds/quality.rs"]
mod quality;
#[path = "../../examples/stories/ab_mcts.rs"]
mod story;

use quality::{reader, writer};
use story::{AbMcts, Arms, Place, Posterior};
use tts_core::{NodeId, Outcome, Prompt, Scripted, Search};

use crate::{laws, lines};

fn story(calls: usize, batch: usize) -> Scripted<AbMcts> {
    let roles = vec!["one".to_owned(), "two".to_owned()];
    Scripted::of(AbMcts { calls, batch, roles })
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

/// Solutions of the problem itself, and the depth of the deepest, over ten searches of 40 calls.
fn shape(one: (f64, f64), two: (f64, f64)) -> (usize, usize) {
    let (mut wide, mut deep) = (0, 0);
    for seed in 0..10 {
        let outcome = search(one, two).seed(seed).run(story(40, 1), "a problem").expect("runs");
        let depths = outcome.tree.candidates().into_iter().map(|id| depth(&outcome, id));
        let depths: Vec<usize> = depths.collect();
        assert_eq!(depths.len(), 40);
        wide += depths.iter().filter(|&&depth| depth == 1).count();
        deep += depths.iter().max().expect("solutions");
    }
    (wide / 10, deep / 10)
}

#[test]
fn posteriors_by_hand() {
    let close = |scores: &[f64], m: f64, kappa: f64, tau2: f64| {
        let found = Posterior::after(scores);
        assert!((found.m - m).abs() < 1e-9, "{found:?}");
        assert!((found.kappa - kappa).abs() < 1e-9, "{found:?}");
        assert!((found.tau2 - tau2).abs() < 1e-6, "{found:?}");
        assert_eq!(found.nu, 1 + scores.len());
    };
    close(&[], 0.0, 1.0, 0.1);
    close(&[0.5], 0.25, 2.0, 0.1125);
    close(&[0.2, 0.8], 1.0 / 3.0, 3.0, 0.148_889);
    close(&[0.8, 0.2], 1.0 / 3.0, 3.0, 0.148_889);
}

#[test]
fn scores_go_to_the_arms_above() {
    let mut arms = Arms::new(2);
    for (above, role, score) in [(0, 0, 0.5), (1, 1, 0.9), (2, 0, 0.1), (0, 0, 0.2), (1, 1, 0.7)] {
        arms.tell((above, role), NodeId(9), String::new(), score);
    }
    let seen = |place: usize| {
        let Place { here, below, own, .. } = &arms.places[place];
        (here.as_slice(), below.as_slice(), own.as_slice())
    };
    assert_eq!(seen(0), (&[0.5, 0.2][..], &[0.9, 0.1, 0.7][..], &[][..]));
    assert_eq!(seen(1), (&[0.9, 0.7][..], &[0.1][..], &[0.5, 0.9, 0.1, 0.7][..]));
    assert_eq!(seen(2), (&[0.1][..], &[][..], &[0.9, 0.1][..]));
    assert_eq!(seen(4), (&[][..], &[][..], &[0.2][..]));
    assert_eq!(arms.roles, [vec![0.5, 0.1, 0.2], vec![0.9, 0.7]]);
}

#[test]
fn where_refinements_never_help_it_goes_wide_and_where_they_always_do_it_goes_deep() {
    let never = shape((0.6, -0.5), (0.6, -0.5));
    let always = shape((0.2, 0.1), (0.2, 0.1));
    assert!(never.0 > 32 && never.1 <= 2, "{never:?}");
    assert!(always.0 < 10 && always.1 >= 4, "{always:?}");
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
        assert_eq!(outcome.best, outcome.tree.best(tts_core::Aggregate::ByScale));
    }
}

#[test]
fn laws() {
    let prompts: Vec<Prompt> = (0..8).map(|i| Prompt::from(format!("problem {i}"))).collect();
    let outcomes = laws::hold(&search((0.3, 0.1), (0.4, 0.05)), &story(12, 2), &prompts);
    // Random numbers are the problem's own.
    assert_ne!(outcomes[0].tree.len(), outcomes[1].tree.len());
}
