use super::*;
use crate::family::{Split, first_error, lines, problems};
use crate::seed;

const QUESTION: &str = "g:b desc n=4 even s=24\n1:8 6 6 4\n2:9 6 4 2";

#[test]
fn grades_by_hand() {
    let query = Query::read(QUESTION).expect("a query");
    let grade = |criterion, place: usize| query.wanted.grade(criterion, &query.responses[place]);
    for (criterion, first, second) in [
        (Criterion::Sum, ("8+6+6+4=24", 5), ("9+6+4+2=21", 2)),
        (Criterion::Order, ("8>6=6>4", 3), ("9>6>4>2", 5)),
        (Criterion::Count, ("4", 5), ("4", 5)),
        (Criterion::Parity, ("eeee", 5), ("oeee", 4)),
        (Criterion::Repeats, ("8 6 4", 3), ("9 6 4 2", 5)),
    ] {
        assert_eq!(grade(criterion, 0), (first.0.into(), first.1), "{criterion:?}");
        assert_eq!(grade(criterion, 1), (second.0.into(), second.1), "{criterion:?}");
    }
    // Genre b: order 3, count 2, parity 1.
    assert_eq!(query.wanted.worth(&query.responses[0]), 3 * 3 + 2 * 5 + 5);
    assert_eq!(query.wanted.worth(&query.responses[1]), 3 * 5 + 2 * 5 + 4);
    assert_eq!(query.best(), Some((1, 5)));
}

#[test]
fn each_genre_weighs_three_criteria() {
    for genre in 0..5 {
        let wanted = Wanted { genre, descending: true, count: 3, even: true, sum: 9 };
        let weights = Criterion::ALL.map(|criterion| wanted.weight(criterion));
        assert_eq!(weights[genre], 3, "{genre}");
        assert_eq!(weights.iter().sum::<i64>(), 6, "{genre}");
    }
}

#[test]
fn a_judgement_is_checked_line_by_line() {
    let panel = Panel::default();
    let by_sum =
        ["s,o", "1s 8+6+6+4=24 5", "1o 8>6=6>4 3", "2s 9+6+4+2=21 2", "2o 9>6>4>2 5", "[8,7]"];
    // Without a slip, and wrong: the genre does not ask for the sum.
    assert_eq!(panel.check(QUESTION, &by_sum), [true; 6]);
    assert!(!panel.solved(QUESTION, &by_sum));
    assert!((panel.value(QUESTION, &by_sum[..1])).abs() < 1e-12);
    // A slip, and what follows it on its own terms.
    let slipped =
        ["s,o", "1s 8+6+6+4=24 5", "1o 8>6=6>4 1", "2s 9+6+4+2=21 2", "2o 9>6>4>2 5", "[6,7]"];
    assert_eq!(panel.check(QUESTION, &slipped), [true, true, false, true, true, true]);
    assert!(panel.solved(QUESTION, &slipped));
    assert!((panel.value(QUESTION, &slipped[..3]) - 1.0).abs() < 1e-12);
    for bad in ["[8,8]", "[8]", "[7,8,9]", "[7,11]", "[0,8]", "7,8", "[7, 8]", ""] {
        let mut judgement = slipped;
        judgement[5] = bad;
        assert!(!panel.solved(QUESTION, &judgement), "{bad}");
        assert!(!panel.check(QUESTION, &judgement)[5], "{bad}");
    }
    for first in ["s,s", "s", "s,x", "", "so"] {
        assert!(
            !panel.check(QUESTION, &[first, "1s 8+6+6+4=24 5"]).iter().any(|&right| right),
            "{first}"
        );
    }
}

#[test]
fn problems_have_solutions_within_the_margin() {
    let panel = Panel { responses: [2, 4], ..Panel::default() };
    for problem in problems(&panel, Split::Train, 3).take(300) {
        let question = &problem.question;
        assert_eq!(panel.parse(question).as_ref(), Ok(&problem));
        let (_, margin) = Query::read(question).expect("a query").best().expect("a best");
        assert!((2..=8).contains(&margin), "{question}");
        let steps = panel.solve(question).expect("solvable");
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        assert_eq!(first_error(&panel.check(question, &steps)), None, "{question}");
        assert!(panel.solved(question, &steps), "{question}");
        for upto in 0..=steps.len() {
            assert!(
                (panel.value(question, &steps[..upto]) - 1.0).abs() < 1e-12,
                "{question} {upto}"
            );
        }
    }
}

#[test]
fn a_margin_that_nobody_has_ends() {
    let none = Panel { margin: [31, 40], ..Panel::default() };
    assert_eq!(problems(&none, Split::Train, 1).next(), None);
}

#[test]
fn what_is_no_query_is_refused() {
    let panel = Panel::default();
    for (text, expected) in [
        ("", "no query"),
        ("g:b desc n=4 even", "five words"),
        ("g:f desc n=4 even s=24\n1:8\n2:9", "g:a to g:e"),
        ("g:b down n=4 even s=24\n1:8\n2:9", "desc or asc"),
        ("g:b desc n=x even s=24\n1:8\n2:9", "n= and a number"),
        ("g:b desc n=4 even s=24\n1:8\n3:9", "expected response 2"),
        ("g:b desc n=4 even s=24\n1:8 0\n2:9", "digits from 1 to 9"),
        ("g:b desc n=4 even s=24\n1:8", "expected 2 to 9"),
        ("g:b desc n=4 even s=24\n1:8\n2:8", "better than all others"),
        ("g:b desc n=4 even s=24\n1:8 6 4 2\n2:1 3 5", "leads by"),
    ] {
        let error = panel.parse(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(panel.check(text, &["s,o"]), [false]);
        assert!(panel.solve(text).is_none() && !panel.solved(text, &["[8,7]"]));
    }
}

#[test]
fn a_grader_writes_judgements_that_can_be_checked() {
    let panel = Panel::default();
    let grader = Grader { slip: 0.2, ..Grader::default() };
    let (mut slips, mut graded) = (0, 0);
    for problem in problems(&panel, Split::Test, 5).take(60) {
        let question = &problem.question;
        let mut rng = seed::rng(seed::hash_text(1, question));
        let mut text = String::new();
        loop {
            let next = grader.next(question, &lines(&text)).expect("goes on");
            let sum: f64 = next.iter().map(|(_, p, _)| p).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{sum}");
            let mut left = rng.uniform();
            let drawn = next.iter().find(|(_, p, _)| {
                left -= p;
                left < 0.0
            });
            let (line, _, last) = drawn.or(next.last()).expect("a line");
            text.push_str(line);
            text.push('\n');
            if *last {
                break;
            }
        }
        let checked = panel.check(question, &lines(&text));
        assert!(checked[0] && checked[checked.len() - 1], "{text}");
        slips += checked.iter().filter(|&&right| !right).count();
        graded += checked.len() - 2;
    }
    let share = slips as f64 / graded as f64;
    assert!((0.12..0.28).contains(&share), "{share}");
}

#[test]
fn a_grader_that_was_told_looks_at_what_agrees_and_one_of_fixed_principles_at_these() {
    let panel = Panel { responses: [2, 4], ..Panel::default() };
    let mut agree = 0;
    for problem in problems(&panel, Split::Test, 6).take(60) {
        let question = &problem.question;
        let best = problem.answer.parse::<usize>().expect("a place") - 1;
        let mut rng = seed::rng(seed::hash_text(2, question));
        let told = Grader { slip: 0.0, principles: Principles::Told, ..Grader::default() };
        assert!((told.right_at_once(question).expect("no slips") - 1.0).abs() < 1e-9);
        let scores = told.scores(question, &mut rng).expect("a judgement");
        assert!(is_ahead(&scores, best), "{question}: {scores:?}");
        let pair = (Criterion::Order, Criterion::Count);
        let fixed = Grader { principles: Principles::Fixed(pair.0, pair.1), ..Grader::default() };
        let next = fixed.next(question, &[]).expect("principles");
        assert_eq!(next, [("o,n".to_owned(), 1.0, false)]);
        agree += usize::from(fixed.next(question, &["s,d"]).is_some());
    }
    // What another hand began is gone on with.
    assert_eq!(agree, 60);
}

#[test]
fn the_greatest_care_looks_at_the_two_weightiest() {
    let question = "g:b desc n=4 even s=24\n1:8 6 6 4\n2:9 6 4 2";
    let grader = Grader { care: 100.0, ..Grader::default() };
    assert_eq!(grader.wrong(), None);
    let next = grader.next(question, &[]).expect("principles");
    let sum: f64 = next.iter().map(|(_, p, _)| p).sum();
    assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    // Genre b: order weighs 3, count 2.
    let (line, p, _) = next.iter().max_by(|a, b| a.1.total_cmp(&b.1)).expect("lines");
    assert_eq!((line.as_str(), *p > 0.999), ("o,n", true));
    for (grader, field) in [
        (Grader { care: f64::NAN, ..Grader::default() }, "care"),
        (Grader { care: 101.0, ..Grader::default() }, "care"),
        (Grader { slip: 1.5, ..Grader::default() }, "slip"),
        (Grader { slip: f64::NAN, ..Grader::default() }, "slip"),
    ] {
        assert!(grader.wrong().is_some_and(|problem| problem.starts_with(field)), "{grader:?}");
    }
}
