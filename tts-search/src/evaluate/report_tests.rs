//! Reports on made-up problems.

use tts_core::metrics::Sampled;
use tts_core::task::Math;
use tts_core::{Curtailed, Stop};

use super::*;

fn row(right: &[bool]) -> Graded {
    let sample = |&right: &bool| Sampled {
        answer: Some(if right { "7" } else { "8" }.into()),
        score: Some(f64::from(u8::from(right))),
        finished: true,
        right,
    };
    Graded {
        index: 0,
        place: None,
        id: None,
        gold: "7".into(),
        answer: None,
        correct: false,
        stop: None,
        cost: Cost::default(),
        error: None,
        unscored: 0,
        failed_lines: 0,
        why: None,
        curtailed: Vec::new(),
        candidates: right.iter().map(sample).collect(),
    }
}

#[test]
fn scores_are_measured_over_finished_candidates() {
    let report = |rows| Report::new(rows, None, Scale::PREFIX, &Math).expect("figures");
    // An easy problem with high scores, and a hard one whose scores say the opposite of the truth.
    let mut rows = vec![row(&[true, true]), row(&[true, false])];
    rows[1].candidates[0].score = Some(0.2);
    rows[1].candidates[1].score = Some(0.3);
    let found = report(rows.clone()).separation.expect("both kinds");
    assert!((found.all.area - 2.0 / 3.0).abs() < 1e-12, "{found:?}");
    assert_eq!((found.all.right, found.all.wrong, found.mixed), (3, 1, 1));
    assert_eq!(found.within_problems, Some(0.0));
    assert!(found.to_string().ends_with("0.000 within problems (1 of 2 with both)"), "{found}");
    let mut text = Vec::new();
    report(rows.clone()).write(&mut text).expect("in memory");
    let text = String::from_utf8(text).expect("text");
    assert!(text.contains("\nscores    area 0.667 (95 %: "), "{text}");
    // What was cut, lost its score, or is of a search that failed is not measured.
    let (mut cut, mut lost, mut failed) = (rows.clone(), rows.clone(), rows.clone());
    cut[1].candidates[1].finished = false;
    lost[1].candidates[1].score = None;
    failed[1].error = Some("gone".into());
    for rows in [cut, lost, failed] {
        let report = report(rows);
        assert_eq!(report.separation, None);
        let json = serde_json::to_value(&report).expect("JSON");
        assert!(json.get("separation").is_none(), "{json}");
    }
    // Both kinds, and never in one problem.
    let apart = report(vec![row(&[true]), row(&[false])]).separation.expect("both kinds");
    assert_eq!((apart.within_problems, apart.mixed), (None, 0));
    assert!((apart.all.area - 1.0).abs() < 1e-12);
}

/// A scorer that says the same of everything is told of, with what it says.
#[test]
fn scores_that_are_all_the_same_tell_nothing() {
    let mut rows = vec![row(&[true, false]), row(&[false])];
    let told = |rows: &[Graded]| {
        let report = Report::new(rows.to_vec(), None, Scale::PREFIX, &Math).expect("figures");
        let mut text = Vec::new();
        report.write(&mut text).expect("in memory");
        String::from_utf8(text).expect("text")
    };
    assert!(!told(&rows).contains("tells nothing apart"));
    rows.iter_mut().flat_map(|row| &mut row.candidates).for_each(|own| own.score = Some(0.5));
    let same = told(&rows);
    assert!(
        same.contains("\nscores    0.5 of all 3 candidates: the scorer tells nothing apart"),
        "{same}"
    );
    // Of one nothing can be told.
    assert!(!told(&rows[1..]).contains("tells nothing apart"));
}

/// What a budget did is counted over searches, by limit.
#[test]
fn searches_that_a_budget_touched_are_counted() {
    let mut rows = vec![row(&[true]), row(&[false]), row(&[true])];
    rows[0].stop = Some(Stop::Budget(Limit::Samples));
    rows[1].stop = Some(Stop::Budget(Limit::Samples));
    rows[1].curtailed = vec![Curtailed { limit: Limit::Money, unwritten: 0, cut: 3 }];
    rows[2].cost.samples = 16;
    let report = Report::new(rows, None, Scale::PREFIX, &Math).expect("figures");
    let counts: Vec<(Limit, usize, usize)> =
        report.limits.iter().map(|found| (found.limit, found.ended, found.curtailed)).collect();
    assert_eq!(counts, [(Limit::Samples, 2, 0), (Limit::Money, 0, 1)]);
    let mut text = Vec::new();
    report.write(&mut text).expect("in memory");
    let text = String::from_utf8(text).expect("text");
    assert!(text.contains("\nbudget    samples: ended 2 searches of 3\n"), "{text}");
    assert!(
        text.contains("\nbudget    money: left out or cut lines of 1 searches of 3\n"),
        "{text}"
    );
    let budget = Budget { samples: Some(8), ..Budget::default() };
    assert_eq!(report.passed(&budget), [(Limit::Samples, 1)]);
    assert_eq!(report.passed(&Budget::default()), []);
}

#[test]
fn reports_are_compared_on_the_same_problems() {
    let of = |right: &[bool]| {
        let graded = |(index, &correct)| Graded { index, correct, ..row(&[correct]) };
        let rows = right.iter().enumerate().map(graded).collect();
        Report::new(rows, None, Scale::PREFIX, &Math).expect("figures")
    };
    let (first, second) = (of(&[true, true, true, false]), of(&[false, false, true, false]));
    assert_eq!(first.values(), [1.0, 1.0, 1.0, 0.0]);
    let found = first.against(&second).expect("the same problems");
    let expected = metrics::paired_bootstrap(&first.values(), &second.values(), 2_000, 0);
    assert_eq!(found, expected.expect("four problems"));
    let error = |other: &Report| first.against(other).expect_err("others").to_string();
    assert_eq!(
        error(&of(&[true])),
        "reports of 4 and 1 problems, expected the same ones: \
         3 of the first alone, such as problem 1 (right answer \"7\")"
    );
    let mut other = second;
    other.rows[2].gold = "9".into();
    let error = error(&other);
    assert!(error.contains("1 of the first alone, such as problem 2"), "{error}");
    assert!(
        error.contains("1 of the second alone, such as problem 2 (right answer \"9\")"),
        "{error}"
    );
}

/// A row of before tokens that are read were counted lacks them, and a mean of the others is none of all.
#[test]
fn reads_that_nobody_counted_are_unknown() {
    let graded = |samples, read: &str| -> Graded {
        let mut json = serde_json::to_value(row(&[true])).expect("JSON");
        let cost = format!(
            r#"{{"samples":{samples},"generated_tokens":9,"scored_tokens":0{read},"flops":0.0,"calls":1}}"#
        );
        json["cost"] = serde_json::from_str(&cost).expect("JSON");
        serde_json::from_value(json).expect("a row")
    };
    let report = |rows: Vec<Graded>| {
        let report = Report::new(rows, None, Scale::PREFIX, &Math).expect("figures");
        let mut text = Vec::new();
        report.write(&mut text).expect("in memory");
        (report.per_problem, String::from_utf8(text).expect("text"))
    };
    let counted = graded(2, r#","read_tokens":50"#);
    // One whose lines all failed has read nothing.
    let failed = Graded { failed_lines: 2, ..graded(2, "") };
    let (means, text) = report(vec![counted.clone(), failed, row(&[])]);
    assert_eq!(means.read_tokens, Some(50.0 / 3.0));
    assert!(text.contains(" scored, 17 read, "), "{text}");
    let (means, text) = report(vec![counted, graded(1, "")]);
    assert_eq!(means.read_tokens, None);
    assert!(text.contains(" scored, unknown read, "), "{text}");
    assert!(serde_json::to_value(&means).expect("JSON").get("read_tokens").is_none());
}

/// What scores of no stated scale weigh, nobody knows; they rank all the same.
#[test]
fn a_vote_that_means_nothing_is_not_reported() {
    let rows = vec![row(&[true, false, true]), row(&[false, false, true])];
    for (scale, aggregate, weighs) in [
        (Scale::PREFIX, Aggregate::ByScale, true),
        (Scale::UNSTATED, Aggregate::ByScale, false),
        // A sum of logarithms is one of probabilities only.
        (Scale::STEP, Aggregate::SumLog, true),
        (Scale::REWARD, Aggregate::SumLog, false),
    ] {
        let report = Report::new(rows.clone(), Some(aggregate), scale, &Math).expect("figures");
        for point in &report.curve {
            assert_eq!((point.weighted.is_some(), point.best.is_some()), (weighs, true));
        }
        let mut text = Vec::new();
        report.write(&mut text).expect("in memory");
        let text = String::from_utf8(text).expect("text");
        assert_eq!(text.contains("  -         2\n"), !weighs, "{scale:?}: {text}");
    }
}

/// A problem with fewer samples, as a budget may leave it, says nothing of more.
#[test]
fn a_small_pool_speaks_of_small_numbers_only() {
    let rows = vec![row(&[true, false, false, false]), row(&[true, true]), row(&[])];
    let report = Report::new(rows, Some(Aggregate::Last), Scale::PREFIX, &Math).expect("figures");
    let points: Vec<_> = report.curve.iter().map(|p| (p.k, p.problems, p.pass)).collect();
    assert_eq!(points, [(1, 2, 0.625), (2, 2, 0.75), (4, 1, 1.0)]);
    assert!((report.curve[2].majority - 0.0).abs() < 1e-12);
}

/// The law is fitted over the problems that the curve's largest number has, and printed.
#[test]
fn the_law_of_coverage_is_told() {
    let some = |right: usize| row(&(0..8).map(|sample| sample < right).collect::<Vec<_>>());
    let rows = vec![some(1), some(3), some(0), some(6), row(&[true])];
    let of = |rows: Vec<Graded>, samples| {
        Report::new(rows, samples, Scale::PREFIX, &Math).expect("figures")
    };
    let report = of(rows.clone(), Some(Aggregate::Last));
    let law = report.coverage.clone().expect("some is right of more");
    let points: Vec<usize> = law.points.iter().map(|point| point.0).collect();
    assert_eq!(points, [1, 2, 4, 8]);
    // Of the four problems with eight samples.
    assert!((law.points[0].1 - (1.0 + 3.0 + 6.0) / 32.0).abs() < 1e-12);
    assert!((law.points[3].1 - 0.75).abs() < 1e-12);
    let mut text = Vec::new();
    report.write(&mut text).expect("memory");
    let text = String::from_utf8(text).expect("text");
    let line = format!("coverage  exp({:.3} k^{:.3})  (95 % of the exponent: ", law.a, law.b);
    assert!(text.contains(&line), "{text}");
    // No samples, and samples that are all alike, have no such law.
    assert_eq!(of(rows, None).coverage, None);
    assert_eq!(of(vec![some(8), some(8)], Some(Aggregate::Last)).coverage, None);
}
