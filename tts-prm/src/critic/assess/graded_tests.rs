//! Labels as files have them, and figures by hand.

use tts_core::NodeId;
use tts_core::toy::Voice;

use super::super::super::{Ballot, Judge, Judgement};
use super::*;

fn read(row: &str) -> Result<Graded, String> {
    let rows = rows::parse(row.as_bytes()).expect(row);
    graded(&rows[0]).map_err(|error| error.to_string())
}

#[test]
fn labels_are_numbers_or_truths() {
    for (row, label, subset) in [
        (r#"{"prompt": "q", "response": "a", "label": 1}"#, 1.0, None),
        (r#"{"prompt": "q", "completion": "a", "label": false}"#, 0.0, None),
        (
            r#"{"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "a"}], "label": true}"#,
            1.0,
            None,
        ),
        (
            r#"{"question": "q", "response": "a", "score": "0.5", "subset": "proofs"}"#,
            0.5,
            Some("proofs"),
        ),
        (
            r#"{"input": "q", "llm_response": "a", "error_label": "error", "dataset": "math"}"#,
            0.0,
            Some("math"),
        ),
        (r#"{"input": "q", "llm_response": "a", "error_label": "no_error"}"#, 1.0, None),
    ] {
        let found = read(row).expect(row);
        assert_eq!((found.prompt, found.response.as_str()), (Prompt::from("q"), "a"), "{row}");
        assert!((found.label - label).abs() < 1e-12, "{row}");
        assert_eq!(found.subset.as_deref(), subset, "{row}");
    }
    for (row, expected) in [
        (r#"{"prompt": "q", "response": "a"}"#, "fields are prompt, response"),
        (r#"{"prompt": "q", "response": "a", "label": "good"}"#, "field \"label\": \"good\""),
        (r#"{"prompt": "q", "response": "a", "label": null}"#, "field \"label\": null"),
        (r#"{"response": "a", "label": 1}"#, "nothing is asked"),
    ] {
        let error = read(row).expect_err(row);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_file_tells_whether_its_labels_are_grades() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("graded.jsonl");
    let score = jury("score");
    for (labels, truth, fits) in [
        (&["true", "true"][..], Some(true), Ok(())),
        (&["1", "0", "1"], Some(true), Ok(())),
        (&["1", "1", "7"], Some(false), Ok(())),
        (&["1", "1", "1", "1", "1"], None, Err("all labels are 1")),
        (&["0", "0"], None, Ok(())),
    ] {
        let row = |label: &&str| format!(r#"{{"prompt": "q", "response": "a", "label": {label}}}"#);
        let rows: Vec<String> = labels.iter().map(row).collect();
        std::fs::write(&path, rows.join("\n")).expect("written");
        let items = read_graded(&path).expect("read");
        assert!(items.iter().all(|item| item.truth == truth), "{labels:?}");
        match (score.check_labels(&items), fits) {
            (Ok(()), Ok(())) => {}
            (Err(problem), Err(expected)) => assert!(problem.contains(expected), "{problem}"),
            (found, _) => panic!("{labels:?}: {found:?}"),
        }
        // The first of them are of the same kind as all.
        let first = are_truths(&items[..1], [1.0, 10.0]);
        assert_eq!(first.ok(), truth.or((labels[0] == "0").then_some(true)), "{labels:?}");
    }
    // On a scale with 0 they are right and wrong, as ever.
    assert_eq!(are_truths(&[item(1.0, "x")], [0.0, 1.0]), Ok(true));
}

fn item(label: f64, subset: &str) -> Graded {
    let (response, subset) = ("a".to_owned(), Some(subset.to_owned()));
    Graded { prompt: "q".into(), response, label, truth: None, subset, reference: None }
}

fn ruling(scores: &[f64], refused: usize) -> Ruling {
    let judgement = |&score: &f64| Judgement {
        node: NodeId::ROOT,
        sample: 0,
        shown: vec![0],
        scores: vec![score],
        steps: Vec::new(),
        meta: 0.0,
    };
    let judgements = scores.iter().map(judgement).collect();
    let reasons = vec!["cut".to_owned(); refused];
    Ruling { ballot: Ballot { responses: 1, judgements, refused }, reasons }
}

fn jury(name: &str) -> Jury {
    Jury { role: None, ..Jury::of(Judge::published(name).expect(name), 2) }
}

#[test]
fn figures_by_hand() {
    let single = jury("deepseek-grm-single");
    let items = [
        item(1.0, "x"),
        item(0.0, "x"),
        item(1.0, "y"),
        item(0.0, "y"),
        item(1.0, "y"),
        item(0.0, "y"),
    ];
    let rulings = [
        Some(ruling(&[1.0, 1.0], 0)),
        Some(ruling(&[0.0, 1.0], 0)),
        Some(ruling(&[0.0], 1)),
        Some(ruling(&[0.0, 0.0], 0)),
        Some(ruling(&[], 2)),
        None,
    ];
    let found = GradedAssessment::of(&single, &items, &rulings, 3).expect("figures");
    // Right, in the middle, wrong, right, nothing.
    let accuracy = found.all.accuracy.expect("right and wrong");
    assert!((accuracy.mean - (1.0 + 0.5 + 0.0 + 1.0 + 0.5) / 5.0).abs() < 1e-12, "{accuracy:?}");
    let error = found.all.error.expect("something was read");
    assert!((error.mean - (0.0 + 0.5 + 1.0 + 0.0) / 4.0).abs() < 1e-12, "{error:?}");
    assert_eq!((found.all.items, found.all.abstained), (5, 1));
    assert_eq!((found.judgements, found.refused, found.reasons["cut"]), (7, 3, 3));
    // Scores 1 and 0 of right ones, one half and 0 of wrong ones: won, won, lost, tied.
    assert!((found.all.auc.expect("both kinds").area - 2.5 / 4.0).abs() < 1e-12);
    assert!((found.subsets["x"].accuracy.expect("right and wrong").mean - 0.75).abs() < 1e-12);
    assert!(found.calibration.is_none() && found.silence().is_none(), "four scores: {found:?}");
    // Eight times as many tell.
    let (many, heard) =
        (vec![items[..5].to_vec(); 8].concat(), vec![rulings[..5].to_vec(); 8].concat());
    let calibrated = GradedAssessment::of(&single, &many, &heard, 3).expect("figures").calibration;
    let calibrated = calibrated.expect("right and wrong");
    assert_eq!(calibrated.count, 32);
    assert!((calibrated.brier - (0.0 + 0.25 + 1.0 + 0.0) / 4.0).abs() < 1e-12, "{calibrated:?}");
    let mut text = Vec::new();
    found.write(&mut text).expect("written");
    let text = String::from_utf8(text).expect("text");
    assert!(text.starts_with("all: accuracy 60.0 %") && text.contains("3 refused: cut"), "{text}");
    assert!(text.contains("told from 30 scores on, and these are 4"), "{text}");
    let silent = GradedAssessment::of(&single, &items[4..5], &rulings[4..5], 3).expect("figures");
    assert_eq!(silent.silence().as_deref(), Some("none of 2 judgements could be read: cut"));
    // Grades have a distance, on the judge's own scale, and no more.
    let score = jury("score");
    let grades = [item(5.5, "x"), item(10.0, "x"), item(1.0, "x")];
    let rulings = [Some(ruling(&[10.0], 0)), Some(ruling(&[10.0, 7.3], 0)), Some(ruling(&[], 1))];
    let found = GradedAssessment::of(&score, &grades, &rulings, 3).expect("figures");
    assert!((found.all.error.expect("read").mean - 0.325).abs() < 1e-12);
    assert!(found.all.accuracy.is_none() && found.all.auc.is_none() && found.calibration.is_none());
    assert!(GradedAssessment::of(&score, &grades, &[None, None, None], 3).is_err());
    // Of right and wrong any judge can be asked, of grades one whose scale has them.
    assert_eq!(score.check_labels(&items), Ok(()));
    let error = single.check_labels(&grades).expect_err("no such scores");
    assert!(error.contains("item 0 has the label 5.5") && error.contains("0 to 1"), "{error}");
}

#[test]
fn one_response_is_asked_about_at_a_time() {
    let judge = Voice::new(|asked, _, _| {
        let shown = asked.question().matches("[The Begin of Response").count();
        format!("\\boxed{{{}}}", if shown == 1 { "9" } else { "1, 1" })
    });
    let grm = jury("deepseek-grm");
    let items = [item(1.0, "x"), item(0.0, "x")];
    let on = |_: usize, _: &Ruling, _: &Cost| ControlFlow::Continue(());
    let rulings = assess_graded(&Search::new(&judge), &grm, &items, on).expect("heard");
    let found = GradedAssessment::of(&grm, &items, &rulings, 3).expect("figures");
    assert_eq!((found.judgements, found.refused), (4, 0));
    let pairwise = jury("pairwise");
    let error =
        assess_graded(&Search::new(&judge), &pairwise, &items, on).expect_err("two at once");
    assert!(error.found.iter().all(Option::is_none), "{error}");
    let single = jury("deepseek-grm-single");
    let error = assess_graded(&Search::new(&judge), &single, &[item(0.5, "x"), item(3.0, "x")], on);
    assert!(error.expect_err("no such scores").to_string().contains("item 1 has the label 3"));
}
