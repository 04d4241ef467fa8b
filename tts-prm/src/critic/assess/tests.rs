use tts_core::rows;
use tts_core::toy::Voice;
use tts_core::{NodeId, Search};

use super::super::{Ballot, Judge, Judgement, Jury, Order, Vote};
use super::*;

#[test]
fn files_are_known_by_their_fields() {
    for (row, expected) in [
        (
            r#"{"prompt": "q", "chosen": "a", "rejected": "b", "subset": "math"}"#,
            (0, 2, Some("math")),
        ),
        (r#"{"prompt": "q", "chosen": ["a"], "rejected": ["b", "c", "d"]}"#, (0, 4, None)),
        (
            r#"{"question": "q", "response_A": "a", "response_B": "b", "label": "B>A", "source": "x"}"#,
            (1, 2, Some("x")),
        ),
        (r#"{"input": "q", "output_1": "a", "output_2": "b", "label": 2}"#, (1, 2, None)),
        (r#"{"prompt": "q", "responses": ["a", "b", "c"], "best": 2}"#, (2, 3, None)),
    ] {
        let rows = rows::parse(row.as_bytes()).expect(row);
        let found = preference::preference(&rows[0]).expect(row);
        let subset = found.subset.as_deref();
        assert_eq!((found.best, found.responses.len(), subset), expected, "{row}");
        assert_eq!((found.prompt.question(), found.responses[0].as_str()), ("q", "a"));
    }
    for (row, expected) in [
        (
            r#"{"question": "q", "response_A": "a", "response_B": "b", "label": "A=B"}"#,
            "expected A>B or B>A",
        ),
        (r#"{"input": "q", "output_1": "a", "output_2": "b", "label": 3}"#, "expected 1 or 2"),
        (r#"{"prompt": "q", "responses": ["a", "b"], "best": 2}"#, "number 2 the best"),
        (r#"{"prompt": "q", "answer": "a"}"#, "fields are answer, prompt"),
        (r#"{"prompt": "q", "responses": ["a"], "best": 0}"#, "1 responses"),
        (
            r#"{"prompt": "q", "chosen": "a", "rejected": null}"#,
            "field \"rejected\": empty, expected a text",
        ),
        (
            r#"{"prompt": "q", "chosen": null, "rejected": ["a", "b"]}"#,
            "field \"chosen\": empty, expected a text",
        ),
        (
            r#"{"prompt": "q", "chosen": [], "rejected": ["a", "b"]}"#,
            "field \"chosen\": empty, expected a text",
        ),
    ] {
        let rows = rows::parse(row.as_bytes()).expect(row);
        let error = preference::preference(&rows[0]).expect_err(row).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

fn pair(best: usize, lengths: [usize; 2]) -> Preference {
    let responses = lengths.map(|length| "x".repeat(length)).to_vec();
    Preference { prompt: "q".into(), responses, best, subset: None }
}

fn ruling(rows: &[([usize; 2], [f64; 2])]) -> Ruling {
    let judgement = |(shown, scores): &([usize; 2], [f64; 2])| Judgement {
        node: NodeId::ROOT,
        shown: shown.to_vec(),
        scores: scores.to_vec(),
        steps: Vec::new(),
        meta: 0.0,
    };
    let judgements = rows.iter().map(judgement).collect();
    Ruling { ballot: Ballot { responses: 2, judgements, refused: 0 }, reasons: Vec::new() }
}

fn grm() -> Jury {
    Jury { vote: Vote::Sum, ..Jury::of(Judge::published("deepseek-grm").expect("known"), 2) }
}

#[test]
fn figures_by_hand() {
    let preferences =
        [pair(0, [1, 2]), pair(1, [1, 2]), pair(0, [2, 1]), pair(1, [2, 1]), pair(0, [1, 1])];
    let rulings = [
        // The best is the first shown, and wins.
        Some(ruling(&[([0, 1], [9.0, 2.0])])),
        // The other is, and the best wins.
        Some(ruling(&[([0, 1], [3.0, 8.0])])),
        // A tie over two judgements.
        Some(ruling(&[([0, 1], [7.0, 3.0]), ([1, 0], [7.0, 3.0])])),
        // The wrong one.
        Some(ruling(&[([1, 0], [1.0, 9.0])])),
        // Nothing could be read.
        Some(Ruling {
            ballot: Ballot { responses: 2, refused: 2, ..Ballot::default() },
            reasons: vec!["cut".into(), "cut".into()],
        }),
    ];
    let found = Assessment::of(&grm(), &preferences, &rulings, 1).expect("figures");
    assert!((found.accuracy.mean - (1.0 + 1.0 + 0.5 + 0.0 + 0.5) / 5.0).abs() < 1e-12);
    assert_eq!((found.abstained, found.ties, found.judgements, found.refused), (1, 1, 5, 2));
    assert_eq!(found.reasons["cut"], 2);
    assert!((found.chance - 0.5).abs() < 1e-12);
    // Within items: won, won, tied, lost.
    assert!((found.auc_within.expect("judged") - 2.5 / 4.0).abs() < 1e-12);
    // The first shown won by 1/2, lost by 1/2, won by 1/2 twice, lost by 1/2.
    let position = found.position.expect("several were shown");
    assert!((position.mean - (0.5 - 0.5 + 0.5 - 0.5) / 4.0).abs() < 1e-12, "{position:?}");
    assert_eq!(position.items, 4);
    // The shorter is best and won; the shorter is best and lost; the longer is best, won, and half.
    let length = found.length.expect("pairs of both kinds");
    assert!((length.mean - (0.5 - 0.25)).abs() < 1e-12, "{length:?}");
    let mut text = Vec::new();
    found.write(&mut text).expect("written");
    let text = String::from_utf8(text).expect("text");
    assert!(text.contains("accuracy  60.0 %") && text.contains("2 refused: cut"), "{text}");
    assert!(Assessment::of(&grm(), &[], &[], 1).is_err());
}

#[test]
fn who_was_not_heard_is_worth_a_guess() {
    let three =
        Preference { responses: vec!["a".into(), "b".into(), "c".into()], ..pair(2, [1, 1]) };
    let found = Assessment::of(&grm(), &[three], &[Some(Ruling::default())], 1).expect("figures");
    assert!((found.accuracy.mean - 1.0 / 3.0).abs() < 1e-12, "{:?}", found.accuracy);
    assert!((found.chance - 1.0 / 3.0).abs() < 1e-12, "{}", found.chance);
    assert_eq!(found.abstained, 1);
}

#[test]
fn how_many_judgements_were_read_ranks_nobody() {
    let preferences = [pair(0, [1, 2]), pair(0, [1, 2])];
    // A response that was judged three times has a greater sum than a better one that was judged once.
    let rulings = [Some(ruling(&[([0, 1], [5.0, 4.0]); 3])), Some(ruling(&[([0, 1], [9.0, 2.0])]))];
    let found = Assessment::of(&grm(), &preferences, &rulings, 1).expect("figures");
    let auc = found.auc.expect("right and wrong ones");
    assert!((auc.area - 1.0).abs() < 1e-12, "{auc:?}");
}

#[test]
fn a_bias_that_never_varies_could_still_be_missed() {
    let item = || Some(ruling(&[([0, 1], [9.0, 2.0])]));
    let four: Vec<Preference> = (0..4).map(|number| pair(number % 2, [1, 2])).collect();
    let of = |jury: &Jury, count: usize| {
        let rulings: Vec<Option<Ruling>> = (0..count).map(|_| item()).collect();
        Assessment::of(jury, &four[..count], &rulings, 1).expect("figures").position
    };
    let position = of(&grm(), 4).expect("several were shown");
    assert!((position.detectable - 2.801_585 / 4.0).abs() < 1e-6, "{position:?}");
    assert_eq!(of(&grm(), 1), None, "one item has no spread");
    // In a fixed order the first place is that of a response.
    let fixed = Jury { order: Order::Fixed, ..grm() };
    assert_eq!(of(&fixed, 4), None);
    let shown_first = [pair(0, [1, 2]), pair(0, [2, 1])];
    let error = fixed.check_places(&shown_first).expect_err("all best are first");
    assert!(error.contains("order is fixed"), "{error}");
    assert_eq!(fixed.check_places(&four), Ok(()));
    assert_eq!(grm().check_places(&shown_first), Ok(()));
}

#[test]
fn biases_are_found_where_they_are() {
    // Orders follow from the question, so each has one of its own.
    let asked = |number: usize| Preference {
        prompt: format!("q{number}").into(),
        ..pair(number % 2, if number.is_multiple_of(3) { [10, 40] } else { [40, 10] })
    };
    let preferences: Vec<Preference> = (0..200).map(asked).collect();
    // A judge that likes what is long, and nothing else.
    let long = Voice::new(|asked: &tts_core::Prompt, _, _| {
        let shown: Vec<&str> = asked.question().split("[Begin of Response ").skip(1).collect();
        if shown[0].matches('x').count() > shown[1].matches('x').count() {
            "[[A]]"
        } else {
            "[[B]]"
        }
    });
    let jury = Jury { role: None, ..Jury::of(Judge::published("pairwise").expect("known"), 4) };
    let search = Search::new(&long);
    let rulings =
        assess(&search, &jury, &preferences, |_, _, _| ControlFlow::Continue(())).expect("judged");
    let found = Assessment::of(&jury, &preferences, &rulings, 1).expect("figures");
    let length = found.length.expect("pairs");
    assert!(
        (length.mean - 1.0).abs() < 1e-12 && length.interval[0] > length.detectable,
        "{length:?}"
    );
    let position = found.position.expect("several");
    assert!(
        position.mean.abs() < position.detectable && position.detectable < 0.15,
        "{position:?}"
    );
    // It was asked about all, and stops where it is told to.
    assert_eq!(found.judgements, 800);
    let few = assess(&search.concurrency(1), &jury, &preferences, |number, _, _| {
        if number == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(few.expect("judged").iter().flatten().count(), 3);
}
