//! A model that chooses among solutions.

use std::sync::Mutex;

use tts_core::seed::Rng;
use tts_core::*;
use tts_search::GenSelect;
use tts_search::refine::Words;

use crate::addition::{problem, right};
use crate::sums::Sums;
use crate::text_model::TextModel;
use crate::{laws, lines, picture};

const SOLVER: Sums = Sums { skill: 0.3, eye: 0.0 };

/// The answers that a question shows, in order.
pub(crate) fn shown(asked: &str) -> Vec<&str> {
    let answers = asked.split("The answer is ").skip(1);
    answers.filter_map(|rest| rest.split_once('.').map(|(answer, _)| answer)).collect()
}

/// A judge that names the first right solution with probability `eye`, else one by chance.
fn judge(eye: f64) -> impl Generator {
    TextModel(move |prompt: &Prompt, _: &str, rng: &mut Rng| {
        let asked = prompt.question();
        let (gold, answers) = (right(asked), shown(asked));
        let found = answers.iter().position(|answer| *answer == gold);
        let place = found.filter(|_| rng.uniform() < eye).unwrap_or(rng.below(answers.len()));
        Ok(format!("I compare them.\nBest: {}", place + 1))
    })
}

fn story(n: usize, group: usize, votes: usize) -> GenSelect {
    GenSelect { n, group, votes, judge: Some("judge".into()), ..Default::default() }
}

fn run(select: GenSelect, judge: &dyn Generator, index: u64) -> Outcome {
    let search = Search::new(SOLVER).role("judge", judge).seed(5);
    search.run(Scripted::of(select), problem(index)).expect("runs")
}

/// Solutions that all differ.
fn different() -> impl Generator {
    TextModel(|_: &Prompt, _: &str, rng: &mut Rng| {
        Ok(format!("I guess. The answer is {:.0}.", rng.uniform() * 1e9))
    })
}

#[test]
fn of_many_it_is_a_bracket_of_groups() {
    for (n, group, votes, asked, rounds) in [
        (1, 2, 3, 0, 1),
        (2, 2, 3, 3, 2),
        (4, 4, 1, 1, 2),
        (5, 4, 1, 2 + 1, 3),
        (16, 4, 2, 2 * (4 + 1), 3),
        (9, 2, 1, 4 + 2 + 1 + 1, 5),
        (7, 3, 1, 3 + 1, 3),
    ] {
        let sizes = Mutex::new(Vec::new());
        let judge = TextModel(|prompt: &Prompt, _: &str, _: &mut Rng| {
            let shown = shown(prompt.question()).len();
            sizes.lock().expect("no panic").push(shown);
            Ok("Best: 1".into())
        });
        let search = Search::new(different()).role("judge", &judge);
        let outcome = search.run(Scripted::of(story(n, group, votes)), problem(0)).expect("runs");
        assert_eq!((lines(&outcome, ""), lines(&outcome, "judge")), (n as u64, asked), "{n}");
        assert_eq!(outcome.usage.rounds, rounds, "{n} by {group}");
        drop(search);
        let sizes = sizes.into_inner().expect("no panic");
        assert!(sizes.iter().all(|size| (2..=group).contains(size)), "{sizes:?}");
        assert_eq!(outcome.tree.candidates().len(), n);
    }
}

#[test]
fn a_judge_that_knows_finds_what_is_there() {
    let mut found = 0;
    for index in 0..60 {
        let gold = right(problem(index).question());
        let outcome = run(story(4, 3, 1), &judge(1.0), index);
        let tree = &outcome.tree;
        let there = tree.candidates().iter().any(|&id| tree.answer(id) == Some(&gold));
        assert_eq!(outcome.answer() == Some(gold), there);
        found += u32::from(there);
    }
    assert!((35..56).contains(&found), "{found}");
}

#[test]
fn more_votes_make_a_weak_judge_better() {
    let rate = |votes| {
        let solved = |&index: &u64| {
            let outcome = run(story(8, 8, votes), &judge(0.4), index);
            outcome.answer() == Some(right(problem(index).question()))
        };
        (0..100).filter(solved).count()
    };
    // One vote finds a right one in 0.4 + 0.6 x 0.3 of cases.
    let (one, many) = (rate(1), rate(15));
    assert!(one + 15 < many, "{one} {many}");
}

#[test]
fn a_judge_of_places_chooses_by_chance() {
    // It always names the first that it is shown. In the order of the samples that would be the first.
    let first = TextModel(|_: &Prompt, _: &str, _: &mut Rng| Ok("Best: 1".into()));
    let mut chosen = [0_u32; 4];
    for index in 0..200 {
        let search = Search::new(different()).role("judge", &first).seed(index);
        let outcome = search.run(Scripted::of(story(4, 4, 1)), problem(index)).expect("runs");
        let place = outcome.best.expect("an answer").index() - 1;
        chosen[place] += 1;
    }
    // 50 each, with a standard deviation of 6.
    assert!(chosen.iter().all(|count| (26..75).contains(count)), "{chosen:?}");
}

#[test]
fn what_cannot_be_read_leaves_the_majority() {
    for said in ["They are all fine.", "Best: 9", "Best: 0", ""] {
        let mumbles = TextModel(move |_: &Prompt, _: &str, _: &mut Rng| Ok(said.to_owned()));
        for index in 0..10 {
            let outcome = run(story(8, 8, 2), &mumbles, index);
            let vote = Selection::majority().pick(&outcome.tree).expect("a majority");
            assert_eq!(outcome.answer().as_deref(), outcome.tree.answer(vote));
            assert_eq!(lines(&outcome, "judge"), 2);
        }
    }
    let down = TextModel(|_: &Prompt, _: &str, _: &mut Rng| Err(LineError("it is down".into())));
    let outcome = run(story(8, 4, 2), &down, 0);
    assert!(outcome.best.is_some() && outcome.failed.len() >= 4, "{:?}", outcome.failed);
}

#[test]
fn a_verdict_that_was_cut_is_no_vote() {
    let hasty = TextModel(|_: &Prompt, _: &str, _: &mut Rng| {
        Ok(format!("Best: 2\n{}", "Or not? ".repeat(1_000)))
    });
    let rule = StepRule { max_tokens: 60, ..StepRule::default() };
    for index in 0..10 {
        let search = Search::new(SOLVER).role("judge", &hasty).rule(rule.clone()).seed(5);
        let outcome = search.run(Scripted::of(story(8, 8, 2)), problem(index)).expect("runs");
        let vote = Selection::majority().pick(&outcome.tree).expect("a majority");
        assert_eq!(outcome.answer().as_deref(), outcome.tree.answer(vote));
        assert_eq!(lines(&outcome, "judge"), 2);
    }
}

#[test]
fn equals_go_to_the_earlier_sample() {
    // Each vote is for another one.
    let turn = Mutex::new(0);
    let judge = TextModel(|prompt: &Prompt, _: &str, _: &mut Rng| {
        let mut answers = shown(prompt.question());
        let all = answers.clone();
        answers.sort_unstable();
        let mut turn = turn.lock().expect("no panic");
        *turn += 1;
        let wanted = answers[*turn % answers.len()];
        let place = all.iter().position(|answer| *answer == wanted).expect("shown");
        Ok(format!("Best: {}", place + 1))
    });
    let search = Search::new(different()).role("judge", &judge);
    for votes in [4, 8] {
        let outcome = search.run(Scripted::of(story(4, 4, votes)), problem(0)).expect("runs");
        assert_eq!(outcome.best, Some(NodeId(1)));
    }
}

#[test]
fn a_group_of_one_answer_is_not_asked_about() {
    let same = TextModel(|_: &Prompt, _: &str, rng: &mut Rng| {
        Ok(format!("By way {:.0}. The answer is 7.", rng.uniform() * 1e9))
    });
    let judge = judge(1.0);
    let search = Search::new(same).role("judge", &judge);
    let outcome = search.run(Scripted::of(story(8, 3, 2)), problem(0)).expect("runs");
    assert_eq!((lines(&outcome, "judge"), outcome.best), (0, Some(NodeId(1))));
    // Texts without answers are, since nothing says that they are the same.
    let texts = TextModel(|_: &Prompt, _: &str, _: &mut Rng| Ok("I do not know.".into()));
    let last = TextModel(|_: &Prompt, _: &str, _: &mut Rng| Ok("Best: 2".into()));
    let search = Search::new(texts).role("judge", last);
    let outcome = search.run(Scripted::of(story(3, 3, 1)), "Write a poem.").expect("runs");
    assert_eq!(outcome.answer(), None);
    assert_eq!((lines(&outcome, "judge"), outcome.best.is_some()), (1, true));
}

#[test]
fn what_has_no_answer_is_not_shown_where_others_have_one() {
    let some = TextModel(|_: &Prompt, _: &str, rng: &mut Rng| match rng.uniform() {
        luck if luck < 0.5 => Ok("I do not know.".into()),
        luck => Ok(format!("The answer is {:.0}.", luck * 1e9)),
    });
    let texts = Mutex::new(String::new());
    let judge = TextModel(|prompt: &Prompt, _: &str, _: &mut Rng| {
        texts.lock().expect("no panic").push_str(prompt.question());
        Ok("Best: 1".into())
    });
    let search = Search::new(some).role("judge", &judge);
    let outcome = search.run(Scripted::of(story(12, 12, 1)), problem(0)).expect("runs");
    assert!(outcome.answer().is_some());
    drop(search);
    let texts = texts.into_inner().expect("no panic");
    let silent =
        outcome.tree.candidates().into_iter().filter(|&id| outcome.tree.answer(id).is_none());
    assert!(silent.count() > 2 && !texts.contains("I do not know."));
    assert!(texts.contains("<solution 1>\nThe answer is ") && texts.contains("</solution 4>\n"));
    assert!(!texts.contains("<solution 0>"));
}

#[test]
fn what_was_cut_is_neither_shown_nor_chosen() {
    let some = TextModel(|_: &Prompt, _: &str, rng: &mut Rng| match rng.uniform() {
        luck if luck < 0.7 => Ok("The answer is 9. ".repeat(1000)),
        luck => Ok(format!("The answer is {:.0}.", luck * 1e9)),
    });
    let texts = Mutex::new(String::new());
    let judge = TextModel(|prompt: &Prompt, _: &str, _: &mut Rng| {
        texts.lock().expect("no panic").push_str(prompt.question());
        Ok("They are all fine.".into())
    });
    let rule = StepRule { max_tokens: 60, ..StepRule::default() };
    let search = Search::new(some).role("judge", &judge).rule(rule).seed(2);
    let outcome = search.run(Scripted::of(story(12, 12, 1)), problem(0)).expect("runs");
    drop(search);
    let texts = texts.into_inner().expect("no panic");
    assert!(texts.contains("<solution 2>") && !texts.contains("The answer is 9."), "{texts}");
    assert!(outcome.tree[outcome.best.expect("an answer")].is_finished());
}

#[test]
fn a_budget_that_ends_before_a_verdict_leaves_the_majority() {
    for index in 0..10 {
        let search = Search::new(SOLVER).role("judge", judge(1.0)).seed(5);
        let search = search.budget(Budget { samples: Some(8), ..Budget::default() });
        let outcome = search.run(Scripted::of(story(8, 4, 1)), problem(index)).expect("runs");
        assert_eq!(lines(&outcome, "judge"), 0);
        let vote = Selection::majority().pick(&outcome.tree).expect("a majority");
        assert_eq!(outcome.answer().as_deref(), outcome.tree.answer(vote));
    }
}

#[test]
fn its_tree() {
    assert_eq!(
        picture(&run(story(3, 2, 1), &judge(1.0), 1)),
        "1 + 0 59.\n\
         2 + 0 61.\n\
         3 + 0 58. *\n\
         4 ?~ 0\n\
         5 ~ 4 I compare them.\n\
         Best: 1 [judge]\n\
         6 ?~ 0\n\
         7 ~ 6 I compare them.\n\
         Best: 2 [judge]"
    );
}

#[test]
fn bad_settings_are_named() {
    let words = |each: &str| GenSelect {
        words: Words { each: each.into(), ..GenSelect::default().words },
        ..story(4, 2, 1)
    };
    for (select, expected) in [
        (story(0, 2, 1), "gen-select: n is 0"),
        (story(4, 1, 1), "gen-select: group is 1, expected at least 2"),
        (story(4, 2, 0), "gen-select: votes is 0"),
        (GenSelect { marker: " ".into(), ..story(4, 2, 1) }, "gen-select: marker is blank"),
        (
            GenSelect { marker: "I take".into(), ..story(4, 2, 1) },
            "words.ask does not say \"I take\"",
        ),
        (words("{attempt}"), "gen-select: words.each does not say where {number} stands"),
        (words("{number}"), "gen-select: words.each does not say where {attempt} stands"),
    ] {
        let error = Search::new(SOLVER)
            .role("judge", judge(1.0))
            .run(Scripted::of(select), problem(0))
            .expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let error = Search::new(SOLVER).run(Scripted::of(story(4, 2, 1)), problem(0));
    assert!(error.is_err_and(|error| error.to_string().contains("judge")));
}

#[test]
fn laws() {
    let prompts: Vec<_> = (0..8).map(problem).collect();
    let search = Search::new(SOLVER).role("judge", judge(0.6)).seed(5);
    laws::hold(&search, &Scripted::of(story(6, 3, 2)), &prompts);
}
