//! Arms on made-up problems: what is compared, adjusted, binned, drawn and refused.

use tts_core::metrics::{holm, paired_shares};
use tts_core::task::Math;
use tts_core::{Cost, Scale};

use super::super::Graded;
use super::*;

fn row(index: usize, correct: bool, tokens: u64) -> Graded {
    Graded {
        index,
        place: None,
        id: None,
        gold: "7".into(),
        answer: Some(if correct { "7" } else { "8" }.into()),
        correct,
        stop: None,
        cost: Cost { samples: 2, generated_tokens: tokens, calls: 1, ..Cost::default() },
        error: None,
        unscored: 0,
        failed_lines: 0,
        why: None,
        curtailed: Vec::new(),
        candidates: Vec::new(),
    }
}

/// An arm that is right where the list says so, for so many tokens a problem.
fn arm(name: &str, right: &[bool], tokens: u64) -> Arm {
    let rows = right.iter().enumerate().map(|(at, &right)| row(at, right, tokens)).collect();
    Arm::new(name, Report::new(rows, None, Scale::PREFIX, &Math).expect("figures"))
}

/// Right on the first half, on the second, and on all.
fn three() -> Arms {
    let of = |right: fn(usize) -> bool| (0..20).map(right).collect::<Vec<bool>>();
    Arms::new(vec![
        arm("first", &of(|at| at < 10), 100),
        arm("second", &of(|at| at >= 10), 200),
        arm("all", &of(|_| true), 400),
    ])
    .expect("the same problems")
}

#[test]
fn differences_are_paired_and_adjusted_for_their_number() {
    let arms = three();
    let values: Vec<Vec<f64>> = arms.all().iter().map(|arm| arm.report.values()).collect();
    let compared = arms.compare(None, None).expect("figures");
    let pairs = [(1, 0), (2, 0), (2, 1)];
    let expected = pairs.map(|(a, b)| paired_shares(&values[a], &values[b], 2_000, 0).unwrap());
    let adjusted = holm(&expected.map(|paired| paired.p_value)).expect("p-values");
    assert_eq!(compared.differences.len(), 3);
    for (at, found) in compared.differences.iter().enumerate() {
        let names = [pairs[at].0, pairs[at].1].map(|place| arms.all()[place].name.clone());
        assert_eq!([found.first.clone(), found.second.clone()], names);
        assert_eq!(found.paired, expected[at]);
        assert!((found.adjusted - adjusted[at]).abs() < 1e-15);
    }
    // Ten wins and no loss: 2 of 1,024 sign patterns, three times.
    let p = 2.0 / 1024.0;
    assert!((compared.differences[1].paired.p_value - p).abs() < 1e-12);
    assert!((compared.differences[1].adjusted - 3.0 * p).abs() < 1e-12);
    assert_eq!(
        compared.differences.iter().map(|d| d.tokens).collect::<Vec<_>>(),
        [Some(2.0), Some(4.0), Some(2.0)]
    );
    // Against one arm there are fewer, and each counts for less.
    let against = arms.compare(Some("first"), None).expect("figures");
    let names: Vec<&str> = against.differences.iter().map(|d| d.first.as_str()).collect();
    assert_eq!(names, ["second", "all"]);
    assert!((against.differences[1].adjusted - 2.0 * p).abs() < 1e-12);
}

#[test]
fn difficulty_tells_who_is_right_on_what() {
    let arms = three();
    // The first ten problems are easy.
    let shares: Vec<f64> = (0..20).map(|at| if at < 10 { 0.9 } else { 0.1 }).collect();
    let difficulty = Difficulty::by_shares(16, &shares).expect("bins");
    let compared = arms.compare(Some("second"), Some(&difficulty)).expect("figures");
    assert_eq!(compared.bins.len(), 5);
    let means = |arm: usize| compared.bins.iter().map(|bin| bin.accuracies[arm].mean).collect();
    let (first, second, all): (Vec<f64>, Vec<f64>, Vec<f64>) = (means(0), means(1), means(2));
    assert_eq!(first, [1.0, 1.0, 0.5, 0.0, 0.0]);
    assert_eq!(second, [0.0, 0.0, 0.5, 1.0, 1.0]);
    assert_eq!(all, [1.0; 5]);
    // All ten differences of the bins are one table.
    let found: Vec<&Difference> = compared.bins.iter().flat_map(|bin| &bin.differences).collect();
    let p_values: Vec<f64> = found.iter().map(|difference| difference.paired.p_value).collect();
    let adjusted: Vec<f64> = found.iter().map(|difference| difference.adjusted).collect();
    assert_eq!(adjusted, holm(&p_values).expect("p-values"));
    assert_eq!(found.len(), 10);
    assert_eq!(found[0].paired.problems, 4);
    let other = Difficulty::by_shares(16, &shares[1..]).expect("bins");
    let error = arms.compare(None, Some(&other)).unwrap_err().to_string();
    assert_eq!(error, "difficulty of 19 problems, expected that of 20");
}

#[test]
fn a_pool_without_samples_says_nothing_of_difficulty() {
    let mut report = arm("pool", &[true, false], 1).report;
    let sample = |right| tts_core::metrics::Sampled { finished: true, right, ..Default::default() };
    report.rows[0].candidates = vec![sample(true), sample(true), sample(false), sample(true)];
    let error = Difficulty::of(&report).unwrap_err().to_string();
    assert_eq!(error, "problem 1 has no samples to be called hard by");
    report.rows[1].candidates = vec![sample(false)];
    let found = Difficulty::of(&report).expect("samples");
    assert_eq!((found.samples, found.pass_at_1.mean), (4, 0.375));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let one = || arm("one", &[true, false], 1);
    let cases: [(Vec<Arm>, &str); 5] = [
        (vec![], "no arms, expected two or more"),
        (vec![one()], "one arm, \"one\", expected two or more to compare"),
        (vec![one(), one()], "two arms are called \"one\": give one another name"),
        (vec![one(), arm(" ", &[true, false], 1)], "an arm without a name"),
        (
            vec![one(), arm("more", &[true, false, true], 1)],
            "reports of 2 and 3 problems, expected the same ones: 1 of \"more\" alone, such as problem 2 \
             (right answer \"7\")",
        ),
    ];
    for (arms, expected) in cases {
        assert_eq!(Arms::new(arms).unwrap_err().to_string(), expected);
    }
    let error = three().compare(Some("frist"), None).unwrap_err().to_string();
    assert_eq!(error, "no arm \"frist\", expected one of: first, second, all");
}

#[test]
fn the_tables_say_what_the_figures_do() {
    let compared = three().compare(Some("first"), None).expect("figures");
    let mut text = Vec::new();
    compared.write(&mut text).expect("in memory");
    let text = String::from_utf8(text).expect("text");
    let line = |start: &str| {
        let found = text.lines().find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("no {start} in {text}")).to_owned()
    };
    let words = |start: &str| line(start).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words("all ")[..3], ["all", "100.0", "%"]);
    assert_eq!(words("all ")[6..], ["2.0", "400", "-", "unknown", "-", "1.0"]);
    assert_eq!(words("all - first")[3], "+50.0");
    assert_eq!(words("all - first")[7..], ["0.0020", "0.0039", "4.00", "x"]);
    // Columns of no arm are left out.
    assert!(!["seconds", "money", "failed"].iter().any(|word| text.contains(word)), "{text}");
    let json = serde_json::to_value(&compared).expect("JSON");
    assert_eq!(json["differences"][1]["first"], "all");
    assert!(json.get("bins").is_none() && json["arms"][0].get("seconds").is_none());
}

#[test]
fn where_arms_disagree_stands_on_the_page() {
    let (arms, agreed) = (three(), [arm("a", &[true], 1), arm("b", &[true], 1)]);
    let html = arms.page("T", &arms.compare(None, None).expect("figures")).html();
    assert!(html.contains("Where they disagree") && html.contains("\u{2717} 8"));
    assert_eq!(html.matches("<td>\u{2713} 7</td>").count(), 40);
    let arms = Arms::new(agreed.to_vec()).expect("the same problem");
    let html = arms.page("T", &arms.compare(None, None).expect("figures")).html();
    assert!(!html.contains("Where they disagree"));
}

#[cfg(feature = "plot")]
#[test]
fn accuracy_is_drawn_against_costs_that_are_known_of_all() {
    let mut arms = three();
    let drawn = |arms: &Arms| {
        let axes = CostAxis::ALL.into_iter().filter(|&axis| arms.chart(axis).is_some());
        axes.map(CostAxis::name).collect::<Vec<_>>()
    };
    assert_eq!(drawn(&arms), ["lines", "generated", "calls"]);
    let chart = arms.chart(CostAxis::Generated).expect("known");
    let points: Vec<(&str, f64, f64)> = chart
        .series
        .iter()
        .map(|series| (series.name.as_str(), series.points[0].x, series.points[0].y))
        .collect();
    assert_eq!(points, [("first", 100.0, 0.5), ("second", 200.0, 0.5), ("all", 400.0, 1.0)]);
    assert!(chart.svg().is_ok());
    // Seconds of all but one are seconds of none.
    for at in [0, 1] {
        arms.arms[at].seconds = Some(1.5);
    }
    assert!(arms.chart(CostAxis::Seconds).is_none());
    arms.arms[2].seconds = Some(2.5);
    assert!(arms.chart(CostAxis::Seconds).is_some());
    // So is money.
    for arm in &mut arms.arms {
        assert!(CostAxis::Money.of(arm).is_none());
        arm.report.per_problem.money = Some(0.01);
    }
    assert_eq!(drawn(&arms)[3..], ["seconds", "money"]);
    let text = arms.compare(None, None).expect("figures");
    let mut told = Vec::new();
    text.write(&mut told).expect("in memory");
    assert!(String::from_utf8(told).expect("text").contains("1.00e-2"));
}
