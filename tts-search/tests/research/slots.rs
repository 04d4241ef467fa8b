//! Atlas: what each method finds out, exactly.

use super::*;
use tts_search::research::atlas::{Agents, Atlas, Lesson, lessons, prompts};

fn solve<S: Script>(world: &Atlas, agents: Agents, method: &S, request: usize) -> Outcome {
    let search = Search::new(agents).role("search", searcher(world.retriever())).seed(5);
    search.run(Scripted::of(method.clone()), world.request(request).prompt()).expect("runs")
}

/// The share of slots that are right over some requests.
fn right<S: Script>(world: &Atlas, agents: Agents, method: &S, requests: usize) -> f64 {
    let right = |number: usize| {
        let outcome = solve(world, agents, method, number);
        world.request(number).right(&outcome.text().unwrap_or_default())
    };
    (0..requests).map(right).sum::<usize>() as f64 / (6 * requests) as f64
}

#[test]
fn slots_never_fall_and_the_end_is_seen() {
    let world = Atlas::new(1, 300);
    for number in 0..5 {
        let request = world.request(number);
        let outcome = solve(&world, Agents::default(), &Research::plain(20), number);
        let trail = Trail::of(&outcome.tree, outcome.best, "search");
        let slots: Vec<usize> = trail.drafts.iter().map(|(_, text)| request.right(text)).collect();
        assert!(slots.windows(2).all(|pair| pair[0] <= pair[1]), "{slots:?}");
        assert_eq!((slots.first(), slots.last()), (Some(&0), Some(&6)), "{slots:?}");
        // Eight facts, one search each, none twice; then nothing is open.
        assert_eq!(lines(&outcome, "search"), 8);
        let mut questions: Vec<&str> =
            trail.exchanges.iter().map(|e| e.question.as_str()).collect();
        questions.sort_unstable();
        questions.dedup();
        assert_eq!(questions.len(), 8);
        // Whatever the report cites, an answer cited before; and every slot has its support.
        let report = trail.report().expect("a report");
        let checked = cite::check(report, &trail.sources);
        let known: String = trail.exchanges.iter().filter_map(|e| e.answer.clone()).collect();
        assert!(checked.cited().iter().all(|number| known.contains(&format!("[{number}]"))));
        assert!(checked.holds() && checked.uncited() == 0);
        assert_eq!(request.supported(report, &trail.sources), 6);
    }
}

#[test]
fn what_is_two_links_away_takes_a_second_question() {
    let world = Atlas::new(2, 300);
    let exact = Agents::default();
    // The land's own page has two of the six facts.
    let parallel = right(&world, exact, &ParallelSearch::default(), 5);
    assert!((parallel - 2.0 / 6.0).abs() < 1e-9, "{parallel}");
    assert!((right(&world, exact, &PlanSearchWrite::default(), 5) - 1.0).abs() < 1e-9);
    assert!((right(&world, exact, &Research::plain(20), 5) - 1.0).abs() < 1e-9);
    assert!(right(&world, exact, &Research::plain(3), 5) < 1.0);
    // The words of the request find no more than its own page and what lies about it.
    assert!(right(&world, exact, &RetrieveOnce::default(), 5) < 0.5);
}

#[test]
fn variants_of_an_answer_outvote_a_misreading() {
    let world = Atlas::new(3, 300);
    let careless = Agents { misread: 0.2, ..Agents::default() };
    let of = |n| {
        let parts = Parts { answer: Part::of(n, 0), ..Parts::plain() };
        right(&world, careless, &Research { parts, ..Research::plain(20) }, 30)
    };
    let (one, five) = (of(1), of(5));
    assert!(five > one + 0.1, "{one} {five}");
}

#[test]
fn agents_write_the_same_when_asked_in_few_words() {
    let world = Atlas::new(4, 300);
    let exact = Agents::default();
    let few = |parts: Parts| Parts { prompts: prompts(), ..parts };
    for number in 0..3 {
        let said = |outcome: &Outcome| (outcome.text(), outcome.tree.len());
        let long = Research::default();
        let short = Research { parts: few(long.parts.clone()), ..long.clone() };
        let (long, short) =
            (solve(&world, exact, &long, number), solve(&world, exact, &short, number));
        assert_eq!(said(&long), said(&short));
        let long = ParallelSearch::default();
        let short = ParallelSearch { parts: few(long.parts.clone()), ..long.clone() };
        let (long, short) =
            (solve(&world, exact, &long, number), solve(&world, exact, &short, number));
        assert_eq!(said(&long), said(&short));
        let long = RetrieveOnce::default();
        let short = RetrieveOnce { parts: few(long.parts.clone()) };
        let (long, short) =
            (solve(&world, exact, &long, number), solve(&world, exact, &short, number));
        assert_eq!(said(&long), said(&short));
    }
}

#[test]
fn lessons_are_sorted_by_an_exact_check() {
    let world = Atlas::new(4, 300);
    let careless = Agents { misread: 0.3, stray: 0.2 };
    let outcome = solve(&world, careless, &Research::default(), 0);
    let lessons = lessons(&outcome.tree);
    assert_eq!(lessons.len() as u64, lines(&outcome, ""));
    let (right, wrong): (Vec<_>, Vec<_>) = lessons.iter().partition(|lesson| lesson.is_right());
    assert!(!wrong.is_empty() && wrong.len() < right.len(), "{} {}", wrong.len(), right.len());
    // Only these are written with errors; whatever they led to, what comes after them is right.
    assert!(wrong.iter().all(|lesson| ["question", "answer"].contains(&lesson.part)));
    // Agents without errors write what is expected of those who have them.
    let exact = solve(&world, Agents::default(), &Research::default(), 0);
    let exact = tts_search::research::atlas::lessons(&exact.tree);
    assert!(exact.len() > 100 && exact.iter().all(Lesson::is_right), "{}", exact.len());
    let parts: std::collections::BTreeSet<&str> =
        lessons.iter().map(|lesson| lesson.part).collect();
    let all =
        ["answer", "critique", "draft", "merge", "plan", "question", "report", "revise", "rewrite"];
    assert!(parts.iter().eq(&all), "{parts:?}");
}
