//! Attempt, critique, revision.

use tts_core::seed::Rng;
use tts_core::{
    Budget, LineError, Mode, NodeId, NodeKind, Outcome, Prompt, Scripted, Search, StepRule,
};
use tts_search::SelfRefine;
use tts_search::refine::RefineWords;

use crate::addition::problem;
use crate::sums::Sums;
use crate::text_model::TextModel;
use crate::{laws, lines, picture};

const FAULTLESS: &str = "It is correct.";

const SOLVER: Sums = Sums { skill: 0.4, eye: 0.9 };

fn story(rounds: usize) -> SelfRefine {
    SelfRefine { rounds, ..Default::default() }
}

fn run(rounds: usize, index: u64) -> Outcome {
    let search = Search::new(SOLVER).seed(5);
    search.run(Scripted::of(story(rounds)), problem(index)).expect("runs")
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
        for pair in attempts.windows(2) {
            let ((before, said), (after, _)) = (&pair[0], &pair[1]);
            let said = said.as_deref().expect("a critique");
            let text = tree.text(*before);
            let asked = story(3).revision(&problem(index), &[(text.clone(), said.to_owned())]);
            assert_eq!(**tree.asked(*after), asked);
            assert!(asked.question().contains(&text) && asked.question().contains(said));
            let about = tree[*before].questions[0];
            assert_eq!(**tree.asked(about), story(3).critique(&problem(index), &text));
            assert!(tree.asked(about).question().contains(&text));
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

/// A writer that numbers what it writes, and a critic that never says more than its name.
fn numbered(
    praise: &'static str,
) -> TextModel<impl Fn(&Prompt, &str, &mut Rng) -> Result<String, LineError> + Clone> {
    TextModel(move |prompt: &Prompt, so_far: &str, _: &mut Rng| {
        let asked = prompt.question();
        if !so_far.is_empty() {
            return Ok(String::new());
        }
        if asked.contains("What is wrong") {
            return Ok(praise.to_owned());
        }
        Ok(format!("Try. The answer is {}.", asked.matches("<critique>").count()))
    })
}

#[test]
fn only_the_last_line_of_a_critique_ends_it() {
    for (said, lines) in [
        ("It is correct.", 2),
        ("I looked.\nYes: It is correct. \n\n", 2),
        ("I looked.\nIt is correct. Well, no: the sum is off.", 7),
        ("I cannot say \"It is correct.\"\nThe sum is off.", 7),
        ("it is correct.", 7),
        ("", 7),
    ] {
        let search = Search::new(numbered(said));
        let outcome = search.run(Scripted::of(story(3)), problem(0)).expect("runs");
        assert_eq!(outcome.usage.logical.samples, lines, "{said:?}");
    }
}

#[test]
fn a_critique_that_was_cut_praises_nothing() {
    // 40 tokens hold an attempt, and the praise, but not what comes behind it.
    let rule = |max_tokens| StepRule { max_tokens, ..StepRule::default() };
    for (most, said, lines) in
        [(100, "It is correct.", 2), (14, "It is correct.\nOr is it? I am not sure.", 7)]
    {
        let model = TextModel(move |prompt: &Prompt, so_far: &str, rng: &mut Rng| {
            if so_far.is_empty() && !prompt.question().contains("What is wrong") {
                return Ok("It is 7.".to_owned());
            }
            (numbered(said).0)(prompt, so_far, rng)
        });
        let search = Search::new(model).rule(rule(most));
        let outcome = search.run(Scripted::of(story(3)), problem(0)).expect("runs");
        assert_eq!(outcome.usage.logical.samples, lines, "{said:?}");
    }
}

#[test]
fn a_revision_is_shown_the_latest_attempts_with_their_critiques() {
    for shown in 1..5 {
        let refine = SelfRefine { shown, ..story(4) };
        let search = Search::new(numbered("No."));
        let outcome = search.run(Scripted::of(refine), problem(0)).expect("runs");
        let answers: Vec<_> = outcome
            .tree
            .candidates()
            .iter()
            .map(|&id| outcome.tree.answer(id).map(str::to_owned))
            .collect();
        let expected: Vec<_> = (0..5_usize).map(|n| Some(n.min(shown).to_string())).collect();
        assert_eq!(answers, expected);
    }
}

#[test]
fn a_critic_by_name_criticises_and_must_be_there() {
    let refine = SelfRefine { critic: Some("critic".into()), ..story(2) };
    let search = Search::new(numbered("It is correct.")).role("critic", numbered("No."));
    let outcome = search.run(Scripted::of(refine.clone()), problem(0)).expect("runs");
    assert_eq!((lines(&outcome, ""), lines(&outcome, "critic")), (3, 2));
    let error = Search::new(SOLVER).run(Scripted::of(refine), problem(0)).expect_err("nobody");
    assert!(error.to_string().contains("critic") && error.partial.is_none(), "{error}");
}

#[test]
fn what_fails_leaves_the_attempt_before() {
    for (fails, candidates) in [("What is wrong", 1), ("Write it again", 1)] {
        let model = TextModel(move |prompt: &Prompt, so_far: &str, rng: &mut Rng| {
            if prompt.question().contains(fails) {
                return Err(LineError("it is down".into()));
            }
            (numbered("No.").0)(prompt, so_far, rng)
        });
        let outcome = Search::new(model).run(Scripted::of(story(3)), problem(0)).expect("runs");
        assert_eq!(outcome.tree.candidates().len(), candidates);
        assert_eq!(outcome.answer().as_deref(), Some("0"), "{fails}");
    }
}

#[test]
fn a_revision_that_was_cut_is_not_the_answer() {
    // The first attempt has 23 tokens, the critique 4; of the revision 9 are left.
    let budget = Budget { mode: Mode::Hard, ..Budget::tokens(36) };
    let search = Search::new(numbered("No.")).budget(budget);
    let outcome = search.run(Scripted::of(story(3)), problem(0)).expect("runs");
    assert_eq!(outcome.usage.logical.generated_tokens, 36);
    assert_eq!(outcome.answer().as_deref(), Some("0"));
    assert_eq!(outcome.best, Some(NodeId(1)));
}

#[test]
fn a_budget_that_ends_leaves_the_latest_attempt() {
    // Attempt, critique, revision, critique.
    let budget = Budget { samples: Some(4), ..Budget::default() };
    let search = Search::new(numbered("No.")).budget(budget);
    let outcome = search.run(Scripted::of(story(3)), problem(0)).expect("runs");
    assert_eq!((outcome.usage.logical.samples, outcome.answer().as_deref()), (4, Some("1")));
}

#[test]
fn its_tree() {
    assert_eq!(
        picture(&run(2, 1)),
        "1 + 0 59.\n\
         2 ?~ 1\n\
         3 ~ 2 The sum is off.\n\
         4 ? 1\n\
         5 + 4 58. *\n\
         6 ?~ 5\n\
         7 ~ 6 It is correct."
    );
}

#[test]
fn its_budget_is_of_all_its_lines() {
    for (n, rounds) in [(1, 0), (2, 0), (3, 1), (4, 1), (9, 4)] {
        assert_eq!(SelfRefine::of(n).rounds, rounds);
    }
}

#[test]
fn bad_settings_are_named() {
    let words = |critique: &str, each: &str, revise: &str| SelfRefine {
        words: RefineWords { critique: critique.into(), each: each.into(), revise: revise.into() },
        ..story(1)
    };
    let (ask, each, revise) =
        ("{question}{faultless}{attempt}", "{attempt}{critique}", "{question}{attempts}");
    assert!(Search::new(SOLVER).run(Scripted::of(words(ask, each, revise)), problem(0)).is_ok());
    for (refine, expected) in [
        (SelfRefine { shown: 0, ..story(1) }, "self-refine: shown is 0"),
        (SelfRefine { faultless: " ".into(), ..story(1) }, "self-refine: faultless is blank"),
        (words("{question}{attempt}", each, revise), "words.critique does not say {faultless}"),
        (
            words("{question}{faultless}", each, revise),
            "words.critique does not say where {attempt}",
        ),
        (
            words("{attempt}{faultless}", each, revise),
            "words.critique does not say where {question}",
        ),
        (words(ask, "{attempt}", revise), "words.each does not say where {critique}"),
        (words(ask, "{critique}", revise), "words.each does not say where {attempt}"),
        (words(ask, each, "{question}"), "words.revise does not say where {attempts}"),
        (words(ask, each, "{attempts}"), "words.revise does not say where {question}"),
    ] {
        let error = Search::new(SOLVER).run(Scripted::of(refine), problem(0)).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn laws() {
    let prompts: Vec<_> = (0..8).map(problem).collect();
    laws::hold(&Search::new(SOLVER).seed(5), &Scripted::of(story(3)), &prompts);
    let scored = Search::new(SOLVER).scorer(SOLVER).seed(5);
    let outcomes = laws::hold(&scored, &Scripted::of(story(2)), &prompts);
    for (_, node) in outcomes.iter().flat_map(|outcome| outcome.tree.iter()) {
        let judged = node.kind == NodeKind::Committed && !node.is_question();
        assert_eq!(node.score.is_some(), judged);
    }
}
