//! Lessons of preferences, grades and steps, and what of a judgement is right.

use super::*;

fn preference(responses: usize, best: usize) -> Preference {
    let responses = (0..responses).map(|place| format!("answer {place}")).collect();
    Preference {
        prompt: "2 + 2?".into(),
        responses,
        best,
        subset: None,
        reference: None,
        worth: None,
    }
}

fn judging(name: &str) -> Judging {
    Judging::of(Judge::published(name).expect(name)).expect(name)
}

#[test]
fn the_best_stands_at_every_place_and_is_known_there() {
    let judging = judging("deepseek-grm");
    let mut places = [0; 3];
    for seed in 0..300 {
        let lesson = judging.lesson(&preference(3, 1), seed).expect("a lesson");
        let mut shown = lesson.shown.clone();
        let Truth::Best(place) = lesson.truth else { panic!("{:?}", lesson.truth) };
        assert_eq!(lesson.shown[place], 1);
        places[place] += 1;
        // Each response is shown once, in this order.
        let text = lesson.prompt.question();
        let at = |place: usize| text.find(&format!("answer {place}")).expect("shown");
        assert!(shown.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{shown:?}");
        shown.sort_unstable();
        assert_eq!(shown, [0, 1, 2]);
        // The problem knows what the lesson knows.
        assert_eq!(known(&lesson.problem().gold), Some((lesson.truth, 3)));
    }
    assert!(places.iter().all(|&count| (70..130).contains(&count)), "{places:?}");
}

#[test]
fn one_response_is_the_best_or_not_by_a_coin() {
    let judging = judging("deepseek-grm-single");
    let mut best = 0;
    for seed in 0..200 {
        let lesson = judging.lesson(&preference(4, 2), seed).expect("a lesson");
        let [shown] = lesson.shown[..] else { panic!("{:?}", lesson.shown) };
        assert_eq!(lesson.truth, Truth::Label(if shown == 2 { 1.0 } else { 0.0 }));
        best += usize::from(shown == 2);
        let gold = lesson.problem().gold;
        let verdict = |text: &str| judging.verdict("", &gold, text);
        let (right, wrong) =
            if shown == 2 { ("\\boxed{1}", "\\boxed{0}") } else { ("\\boxed{0}", "\\boxed{1}") };
        assert_eq!([verdict(right), verdict(wrong)], [Verdict::Right, Verdict::Wrong]);
    }
    assert!((70..130).contains(&best), "{best}");
}

#[test]
fn verdicts_answers_and_rewards_agree() {
    let named = judging;
    let judging = named("deepseek-grm");
    for (text, gold, expected) in [
        ("\\boxed{7, 8}", "response 2 of 2", Verdict::Right),
        ("\\boxed{8, 7}", "response 2 of 2", Verdict::Wrong),
        ("\\boxed{8, 8}", "response 2 of 2", Verdict::Wrong),
        ("\\boxed{8, 7, 9}", "response 2 of 2", Verdict::Unanswered),
        ("\\boxed{8, 11}", "response 2 of 2", Verdict::Unanswered),
        ("", "response 2 of 2", Verdict::Unanswered),
        ("\\boxed{1, 2, 9}", "response 3 of 3", Verdict::Right),
        ("\\boxed{7, 8}", "response 3 of 2", Verdict::Wrong),
        ("\\boxed{7, 8}", "response 0 of 2", Verdict::Wrong),
    ] {
        assert_eq!(judging.verdict("", gold, text), expected, "{text} {gold}");
        let answer = judging.answer(text);
        if let (Some(answer), Verdict::Right | Verdict::Wrong) = (&answer, expected) {
            assert_eq!(judging.same(gold, answer), expected.is_right(), "{text} {gold}");
        }
    }
    let answer = |text: &str| judging.answer(text);
    assert_eq!(answer("\\boxed{7, 8}").as_deref(), Some("response 2"));
    assert_eq!(answer("\\boxed{1, 9}"), answer("\\boxed{7, 8}"), "the same first");
    assert_eq!(answer("\\boxed{8, 3, 8}").as_deref(), Some("responses 1, 3"));
    assert_eq!(answer("nothing"), None);
    assert!(judging.same("response 2", "response 2") && !judging.same("response 2", "response 1"));
    // A judge that names the best of three.
    let best = named("deepseek-judge");
    for (text, gold) in [("\\boxed{2}", "response 2 of 3"), ("\\boxed{1}", "response 1 of 3")] {
        assert_eq!(best.verdict("", gold, text), Verdict::Right);
        assert!(best.same(gold, &best.answer(text).expect("one")), "{text}");
    }
}

#[test]
fn a_judge_that_does_not_write_its_judgement_is_refused() {
    for (name, expected) in [
        ("genrm", "probability"),
        ("thinkprm", "probability"),
        ("genprm", "steps"),
        ("score", "expected 0 to 1"),
    ] {
        let Ok(judge) = Judge::published(name) else { panic!("{name}") };
        let error = Judging::of(judge).expect_err(name);
        assert!(error.contains(expected), "{name}: {error}");
    }
    let alone = judging("pairwise").lesson(&preference(1, 0), 1).expect_err("one response");
    assert!(alone.to_string().contains("expected two or more"), "{alone}");
    let broken = Judge { max_tokens: 0, ..Judge::default() };
    assert!(Judging::of(broken).expect_err("no tokens").contains("max_tokens"));
}

#[test]
fn grades_are_worth_what_they_are_near() {
    let judge = Judge::published("score").expect("known");
    assert!(Judging::of(judge.clone()).expect_err("of preferences").contains("expected 0 to 1"));
    let judging = Judging::of_labels(judge).expect("of labels");
    let graded = |label| Graded {
        prompt: "Prove it.".into(),
        response: "It is so.".into(),
        label,
        truth: None,
        subset: None,
        reference: Some("By induction.".into()),
    };
    // Right and wrong are the ends of the scale.
    for (label, score) in [(1.0, 10.0), (0.0, 1.0)] {
        let lesson = judging.lesson_of(&Graded { truth: Some(true), ..graded(label) });
        let gold = lesson.expect("a lesson").problem().gold;
        assert_eq!(gold, format!("score {score} within 9"));
    }
    let lesson = judging.lesson_of(&graded(5.5)).expect("a lesson");
    assert!(lesson.prompt.question().contains("By induction."));
    let problem = lesson.problem();
    assert_eq!(known(&problem.gold), Some((Truth::Near { label: 5.5, width: 9.0 }, 1)));
    for (text, verdict, credit) in [
        ("{\"score\": 5.5}", Verdict::Right, 1.0),
        ("{\"score\": 10}", Verdict::Wrong, 0.5),
        ("{\"score\": 1}", Verdict::Wrong, 0.5),
        ("{\"score\": 11}", Verdict::Unanswered, 0.0),
        ("", Verdict::Unanswered, 0.0),
    ] {
        assert_eq!(judging.verdict("", &problem.gold, text), verdict, "{text}");
        let found = judging.credit("", &problem.gold, text);
        assert!((found - credit).abs() < 1e-12, "{text}: {found}");
    }
    let answer = judging.answer("{\"score\": 5.5}").expect("one");
    assert!(judging.same(&problem.gold, &answer));
    let error = judging.lesson_of(&graded(0.5)).expect_err("not on its scale").to_string();
    assert!(error.contains("0.5, expected a score from 1 to 10"), "{error}");
    assert!(judging.lesson_of_steps(&steps(2, None)).is_err(), "it judges no steps");
}

fn steps(count: usize, first_error: Option<usize>) -> StepCase {
    let steps = (0..count).map(|step| format!("line {step}\n")).collect();
    StepCase { prompt: "A sum.".into(), steps, first_error, subset: None }
}

#[test]
fn of_steps_every_verdict_up_to_the_first_error_has_to_be_right() {
    let judging = Judging::of_labels(Judge::published("steps").expect("known")).expect("fits");
    let boxes = |verdicts: &[bool]| -> String {
        let word = |&right: &bool| {
            if right { "\\boxed{correct} " } else { "\\boxed{incorrect} " }
        };
        verdicts.iter().map(word).collect()
    };
    let (good, bad) = (true, false);
    for (first, verdicts, expected) in [
        (Some(1), &[good, bad][..], Verdict::Right),
        (Some(1), &[good, bad, good], Verdict::Right),
        (Some(1), &[bad], Verdict::Wrong),
        (Some(1), &[good, good, bad], Verdict::Wrong),
        (Some(1), &[good, good, good], Verdict::Wrong),
        (Some(1), &[good, good], Verdict::Unanswered),
        (Some(1), &[], Verdict::Unanswered),
        (None, &[good, good, good], Verdict::Right),
        (None, &[good, bad], Verdict::Wrong),
    ] {
        let lesson = judging.lesson_of_steps(&steps(3, first)).expect("a lesson");
        let gold = lesson.problem().gold;
        assert_eq!(known(&gold), Some((Truth::Steps(first), 3)));
        let text = boxes(verdicts);
        assert_eq!(judging.verdict("", &gold, &text), expected, "{first:?} {text}");
        let credit = judging.credit("", &gold, &text);
        assert!((credit - f64::from(u8::from(expected.is_right()))).abs() < 1e-12, "{text}");
        if let (Some(answer), Verdict::Right | Verdict::Wrong) = (judging.answer(&text), expected) {
            assert_eq!(judging.same(&gold, &answer), expected.is_right(), "{gold} {answer}");
        }
    }
    // Two that see the same first error answer the same.
    assert_eq!(judging.answer(&boxes(&[good, bad])), judging.answer(&boxes(&[good, bad, good])));
    let turns = Judging::of_labels(Judge::published("genprm").expect("known")).expect_err("turns");
    assert!(turns.contains("a solution that is reinforced is one text"), "{turns}");
    // What is put before all that it writes is read, and what it writes is learnt.
    let think = Judge::published("thinkprm-steps").expect("known");
    let begun = Judging::of_labels(think.clone()).expect("it writes its verdicts");
    assert_eq!(begun.begin(), "\nLet's verify step by step:");
    let lesson = begun.lesson_of_steps(&steps(2, Some(1))).expect("a lesson");
    let (gold, said) = (lesson.problem().gold, boxes(&[true, false]));
    assert!(begun.verdict("", &gold, &format!("{}{said}", begun.begin())).is_right());
    let again = Judging::of_labels(think.looking_again(1)).expect_err("again");
    assert!(again.contains("put in its mouth behind its beginning"), "{again}");
    let plain = judging.writes_all().and_then(|()| begun.writes_all()).expect_err("it begins");
    assert!(plain.contains("(begin)"), "{plain}");
    assert!(judging.lesson_of_steps(&steps(2, Some(2))).is_err(), "no such step");
    assert_eq!(known("error in step 3 of 2"), None);
}

#[test]
fn one_model_learns_to_judge_several_and_one() {
    let both = judging("deepseek-grm")
        .with_single(Judge::published("deepseek-grm-single").expect("known"))
        .expect("they go together");
    let pair = both.lesson(&preference(2, 0), 3).expect("a lesson").problem();
    let graded = Graded {
        prompt: "2 + 2?".into(),
        response: "4".into(),
        label: 1.0,
        truth: None,
        subset: None,
        reference: None,
    };
    let single = both.lesson_of(&graded).expect("a lesson");
    // Each is asked as its own judge asks.
    let alone = judging("deepseek-grm-single").lesson_of(&graded).expect("a lesson");
    assert_eq!(single, alone);
    let (single, right) = (single.problem(), pair.gold.ends_with("1 of 2"));
    let (good, bad) = ("\\boxed{9, 2}", "\\boxed{2, 9}");
    let (good, bad) = if right { (good, bad) } else { (bad, good) };
    for (gold, text, expected) in [
        (&pair.gold, good, Verdict::Right),
        (&pair.gold, bad, Verdict::Wrong),
        (&pair.gold, "\\boxed{1}", Verdict::Unanswered),
        (&single.gold, "\\boxed{1}", Verdict::Right),
        (&single.gold, "\\boxed{0}", Verdict::Wrong),
        (&single.gold, "\\boxed{9, 2}", Verdict::Unanswered),
        (&single.gold, "\\boxed{9}", Verdict::Unanswered),
    ] {
        assert_eq!(both.verdict("", gold, text), expected, "{gold} {text}");
        let answer = both.answer(text).expect("something is said");
        if expected != Verdict::Unanswered {
            assert_eq!(both.same(gold, &answer), expected.is_right(), "{gold} {answer}");
        }
    }
    let steps = Judging::of_labels(Judge::published("steps").expect("known")).expect("fits");
    let named = |name: &str| Judge::published(name).expect(name);
    for (wrong, expected) in [
        (judging("deepseek-grm").with_single(named("pairwise")), "of single responses"),
        (judging("deepseek-grm-single").with_single(named("score")), "expected one of several"),
        (judging("deepseek-grm").with_single(named("genrm")), "probability"),
        (steps.with_single(named("score")), "expected one of several"),
    ] {
        let error = wrong.expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
}
