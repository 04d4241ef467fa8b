//! Attempt, critique, revision.

#[path = "../../examples/stories/self_refine.rs"]
mod story;

use story::{FAULTLESS, SelfRefine, critique, revision};
use tts_core::{NodeId, NodeKind, Outcome, Prompt, Scripted, Search};

use crate::addition::problem;
use crate::laws;
use crate::sums::Sums;

const SOLVER: Sums = Sums { skill: 0.4, eye: 0.9 };

fn run(rounds: usize, index: u64) -> Outcome {
    let search = Search::new(SOLVER).seed(5);
    search.run(Scripted::of(SelfRefine { rounds }), problem(index)).expect("runs")
}

/// The attempts, each with the critique of it.
fn attempts(outcome: &Outcome) -> Vec<(NodeId, Option<String>)> {
    let tree = &outcome.tree;
    let mut found = Vec::new();
    let mut at = tree[NodeId::ROOT].children.first().copied();
    while let Some(attempt) = at {
        let below = |kind| {
            let mut asked = tree[attempt].questions.iter().copied();
            asked.find(|&question| tree[question].kind == kind)
        };
        let critique = below(NodeKind::Aside).map(|question| {
            assert_eq!(tree[question].asides.len(), 1);
            tree.text(tree[question].asides[0])
        });
        found.push((attempt, critique));
        at = below(NodeKind::Committed).map(|question| tree[question].children[0]);
    }
    found
}

#[test]
fn critiques_are_asides_and_every_attempt_stays_a_candidate() {
    let mut lengths = [0; 4];
    for index in 0..40 {
        let outcome = run(3, index);
        let tree = &outcome.tree;
        let attempts = attempts(&outcome);
        let nodes: Vec<NodeId> = attempts.iter().map(|(node, _)| *node).collect();
        assert_eq!(tree.candidates(), nodes);
        assert_eq!(outcome.best, nodes.last().copied());
        let question = problem(index).question().to_owned();
        for pair in attempts.windows(2) {
            let ((before, said), (after, _)) = (&pair[0], &pair[1]);
            let said = said.as_deref().expect("a critique");
            let text = tree.text(*before);
            let asked = Prompt::from(revision(&question, &text, said));
            assert_eq!(**tree.asked(*after), asked);
            let about = tree[*before].questions[0];
            assert_eq!(**tree.asked(about), Prompt::from(critique(&question, &text)));
            assert!(!said.contains(FAULTLESS));
        }
        lengths[nodes.len() - 1] += 1;
        // The last one is without fault, or the rounds are used up.
        let last = attempts.last().expect("an attempt").1.as_deref();
        assert!(nodes.len() == 4 || last.is_some_and(|said| said.contains(FAULTLESS)));
    }
    assert!(lengths.iter().all(|&count| count > 2), "{lengths:?}");
}

#[test]
fn asking_for_critiques_changes_no_attempt() {
    for index in 0..20 {
        let (plain, refined) = (run(0, index), run(2, index));
        assert_eq!(plain.usage.logical.samples, 1);
        let (plain, refined) = (&plain.tree[NodeId(1)], &refined.tree[NodeId(1)]);
        assert_eq!((&plain.step, plain.seed), (&refined.step, refined.seed));
    }
}

#[test]
fn refinement_helps_one_who_sees_faults() {
    let right = |rounds| {
        let right = |&index: &u64| {
            let gold = crate::addition::right(problem(index).question());
            run(rounds, index).answer() == Some(gold)
        };
        (0..200).filter(right).count()
    };
    let (plain, refined) = (right(0), right(3));
    // 0.4 and 0.4 + 0.6 x 0.9 x ..: far more than chance apart.
    assert!((60..100).contains(&plain) && refined > plain + 40, "{plain} {refined}");
}

#[test]
fn laws() {
    let prompts: Vec<_> = (0..8).map(problem).collect();
    laws::hold(&Search::new(SOLVER).seed(5), &Scripted::of(SelfRefine { rounds: 3 }), &prompts);
    let scored = Search::new(SOLVER).scorer(SOLVER).seed(5);
    let outcomes = laws::hold(&scored, &Scripted::of(SelfRefine { rounds: 2 }), &prompts);
    for (_, node) in outcomes.iter().flat_map(|outcome| outcome.tree.iter()) {
        let judged = node.kind == NodeKind::Committed && !node.is_question();
        assert_eq!(node.score.is_some(), judged);
    }
}
