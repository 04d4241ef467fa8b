use super::*;

fn scores(reading: &Reading, said: &str, responses: usize) -> Option<Vec<f64>> {
    reading.read(said, responses, 0).ok().map(|said| said.scores)
}

#[test]
fn a_box_holds_one_whole_number_for_each_response() {
    let boxes = Reading::default();
    for (said, expected) in [
        ("\\boxed{7, 8}", Some(vec![7.0, 8.0])),
        ("Scores: $\\boxed{ 10 ,1 }$.", Some(vec![10.0, 1.0])),
        // The last one counts, whatever it holds.
        ("\\boxed{1, 1} no, \\boxed{2, 3}", Some(vec![2.0, 3.0])),
        ("\\boxed{7, 8} or \\boxed{both}", None),
        ("\\boxed{7, 8} and \\boxed{7, 8", None),
        ("\\boxed{\\boxed{7, 8}}", None),
        ("\\boxed{7, 8, 9}", None),
        ("\\boxed{7}", None),
        ("\\boxed{11, 8}", None),
        ("\\boxed{0, 8}", None),
        ("\\boxed{7.5, 8}", None),
        ("\\boxed{+7, 8}", None),
        ("\\boxed{-7, 8}", None),
        ("\\boxed{7; 8}", None),
        ("\\boxed{}", None),
        ("\\boxed{99999999999999999999, 8}", None),
        ("Scores: 7, 8", None),
        ("", None),
    ] {
        let found = scores(&boxes, said, 2);
        // A box within a box: the inner one is the last.
        let expected =
            if said.starts_with("\\boxed{\\boxed") { Some(vec![7.0, 8.0]) } else { expected };
        assert_eq!(found, expected, "{said:?}");
    }
    let single = Reading::Boxes { low: 0, high: 1 };
    assert_eq!(scores(&single, "\\boxed{1}", 1), Some(vec![1.0]));
    assert_eq!(scores(&single, "\\boxed{2}", 1), None);
}

#[test]
fn the_best_is_a_number_that_was_shown() {
    for (said, expected) in [
        ("\\boxed{2}", Some(vec![0.0, 1.0, 0.0])),
        ("\\boxed{0}", None),
        ("\\boxed{4}", None),
        ("\\boxed{1, 2}", None),
        ("\\boxed{two}", None),
    ] {
        assert_eq!(scores(&Reading::Best, said, 3), expected, "{said:?}");
    }
}

#[test]
fn a_verdict_is_the_last_mark() {
    let mark = |text: &str| text.to_owned();
    let reading =
        Reading::Verdict { first: mark("[[A]]"), second: mark("[[B]]"), tie: Some(mark("[[C]]")) };
    for (said, expected) in [
        ("[[A]]", Some(vec![1.0, 0.0])),
        ("[[A]]? No: [[B]]", Some(vec![0.0, 1.0])),
        ("equal, [[C]]", Some(vec![0.5, 0.5])),
        ("[A]", None),
        ("", None),
    ] {
        assert_eq!(scores(&reading, said, 2), expected, "{said:?}");
    }
    // Of two marks that end at one place the longer one was written.
    let graded = Reading::Verdict { first: mark("A>B"), second: mark("A>B>B"), tie: None };
    assert_eq!(scores(&graded, "so A>B>B", 2), Some(vec![0.0, 1.0]));
    assert_eq!(scores(&graded, "so A>B", 2), Some(vec![1.0, 0.0]));
}

#[test]
fn a_ranking_names_each_once() {
    let reading = Reading::Ranking { marker: "Ranking:".into() };
    for (said, expected) in [
        ("Ranking: [2] > [1] > [3]", Some(vec![0.5, 1.0, 0.0])),
        ("**Ranking:** 3 > 1 = 2.", Some(vec![0.25, 0.25, 1.0])),
        ("Ranking: 1=2=3", Some(vec![0.5, 0.5, 0.5])),
        ("Ranking: 1 = 2 > 3", Some(vec![0.75, 0.75, 0.0])),
        ("Ranking: 1 > 2", None),
        ("Ranking: 1 > 2 > 2", None),
        ("Ranking: 1 > 2 > 4", None),
        ("Ranking: 1 > 2 > 3 > 3", None),
        ("Ranking: 0 > 1 > 2", None),
        ("1 > 2 > 3", None),
    ] {
        assert_eq!(scores(&reading, said, 3), expected, "{said:?}");
    }
}

#[test]
fn a_number_or_letter_stands_behind_its_mark() {
    let number = Reading::Number { marker: "[RESULT]".into(), low: 1.0, high: 5.0 };
    for (said, expected) in [
        ("Feedback: good. [RESULT] 4", Some(4.0)),
        ("[RESULT] (1) [RESULT] 4.5.", Some(4.5)),
        ("[RESULT] 6", None),
        ("[RESULT] 4/5", None),
        ("[RESULT] four", None),
        ("[RESULT] 4, since it is good.", Some(4.0)),
        ("[RESULT] **4** and good", Some(4.0)),
        ("[RESULT] 1,000", None),
        ("[RESULT] 4,5", None),
        ("[RESULT] 4e-1", None),
        ("[RESULT] 4\u{bd}", None),
        ("[RESULT] 4 1/2", None),
        ("[RESULT] 4x", None),
        ("[RESULT] 4 or 5", None),
        ("[RESULT] 4 to 5", None),
        ("[RESULT] 4, 5.", None),
        ("[RESULT] 4 - 5 points", None),
        ("[RESULT] 4, 3 of them hold", Some(4.0)),
        ("[RESULT] 4 out of 10", None),
        ("[RESULT]\n4", None),
        ("4", None),
    ] {
        assert_eq!(scores(&number, said, 1), expected.map(|score| vec![score]), "{said:?}");
    }
    let letter = Reading::Letter { marker: "Grade:".into(), letters: "ABCDE".into() };
    for (said, expected) in [
        ("Grade: A", Some(4.0)),
        ("**Grade:** e.", Some(0.0)),
        ("Grade: (C) fair", Some(2.0)),
        ("Grade: F", None),
        ("Grade: Awful", None),
        ("Grade: A, better than most", Some(4.0)),
        ("Grade: A. A good answer", Some(4.0)),
        ("Grade: B - a mixed answer", Some(3.0)),
        ("Grade: B because of its end", Some(3.0)),
        ("Grade: B (organic)", Some(3.0)),
        ("Grade: a", Some(4.0)),
        ("Grade: C, e.g. its units", Some(2.0)),
        ("Grade: A 95/100", Some(4.0)),
        ("Grade: B}", Some(3.0)),
        ("Grade: B</grade>", Some(3.0)),
        ("Grade: B\u{3002}", Some(3.0)),
        ("Grade: B?", Some(3.0)),
        ("Grade: A\u{2013}B", None),
        ("Grade: a mixed answer", None),
        ("Grade: A part of it", None),
        ("Grade: e un problema", None),
        ("Grade: A or B", None),
        ("Grade: (A) or (B)", None),
        ("Grade: B, or C", None),
        ("Grade: A/B", None),
        ("Grade: A-C", None),
        ("Grade: A - C", None),
        ("Grade: A, B", None),
        ("Grade: A+", None),
        ("Grade:", None),
        ("A", None),
    ] {
        assert_eq!(scores(&letter, said, 1), expected.map(|score| vec![score]), "{said:?}");
    }
}

#[test]
fn steps_are_judged_one_by_one_up_to_the_first_error() {
    let reading =
        Reading::Steps { right: "correct".into(), wrong: "incorrect".into(), by: By::Word };
    let steps = |said: &str, count| reading.read(said, 1, count).ok().map(|said| said.steps);
    let right = "\\boxed{correct}";
    let wrong = "\\boxed{incorrect}";
    for (said, expected) in [
        (format!("Step 1: {right} Step 2: {right} Step 3: {right}"), Some(vec![1.0, 1.0, 1.0])),
        (format!("{right} {wrong} {right}"), Some(vec![1.0, 0.0, 1.0])),
        // It stopped at the error.
        (format!("{right} {wrong}"), Some(vec![1.0, 0.0, 0.0])),
        (wrong.to_owned(), Some(vec![0.0, 0.0, 0.0])),
        // What it computed is boxed too.
        (
            format!("that is \\boxed{{14}}, so \\boxed{{\\text{{Correct}}}} {right} {right}"),
            Some(vec![1.0; 3]),
        ),
        // It forgot one, or judged one that is not there.
        (format!("{right} {right}"), None),
        (format!("{wrong} {right}"), None),
        (format!("{wrong} {wrong}"), None),
        (format!("{right} {right} {right} {right}"), None),
        ("all correct".to_owned(), None),
    ] {
        assert_eq!(steps(&said, 3), expected, "{said:?}");
    }
    assert_eq!(reading.read(wrong, 1, 2).expect("read").scores, [0.0]);
    // Boxes that are never closed hide none behind them, and cost no more than others.
    let open = "\\boxed{".repeat(100_000);
    assert_eq!(steps(&format!("{open}{right} {wrong}"), 2), Some(vec![1.0, 0.0]));
}

#[test]
fn a_list_opens_before_a_number_and_the_last_counts() {
    let reading = |open: &str, close: &str| {
        let (open, close) = (open.to_owned(), close.to_owned());
        Reading::List { open, close, low: 1, high: 10 }
    };
    let list = reading("[", "]");
    for (said, expected) in [
        ("s,o\n1s 8+6 5\n[8,7]", Some(vec![8.0, 7.0])),
        ("[1, 2] no: [8, 7] [so it is]", Some(vec![8.0, 7.0])),
        // A remark, or what a response was shown as, opens none.
        ("[8,7] [ 1,2]", Some(vec![8.0, 7.0])),
        ("[8,7] and [1]", None),
        ("[8,7] [-1,2]", None),
        ("[8,7,1]", None),
        ("[8,11]", None),
        ("[8,7.5]", None),
        ("[8,7", None),
        ("8,7", None),
        ("", None),
    ] {
        assert_eq!(scores(&list, said, 2), expected, "{said:?}");
    }
    assert_eq!(scores(&reading("<<", ">>"), "<1,1> <<3,4>>", 2), Some(vec![3.0, 4.0]));
    assert_eq!(reading("<<", ">>").check(), Ok(()));
    assert!(reading("[", ",").check().expect_err("in a list").contains("close is"));
    assert!(reading(" ", "]").check().expect_err("blank").contains("open is blank"));
    // A response that holds a list opens none when it is quoted.
    let judge = super::super::Judge { reading: list, ..super::super::Judge::default() };
    let responses = [super::super::Response::text("[10,1]"), super::super::Response::text("4")];
    let asked = judge.question(&"2 + 2?".into(), &responses.iter().collect::<Vec<_>>());
    assert!(asked.expect("asked").question().contains("[ 10,1]"));
}

#[test]
fn a_decision_is_a_word_or_the_beginning_of_one() {
    let decision = Decision { cue: "\nIs it right? ".into(), ..Decision::default() };
    let reading = Reading::Decision(decision.clone());
    for (said, expected) in [
        ("Is it right? Yes", Some(1.0)),
        ("Yes. Is it right? no", Some(0.0)),
        (" Y", Some(1.0)),
        ("**No**", Some(0.0)),
        ("Maybe", None),
        ("Yesterday", None),
        ("", None),
    ] {
        assert_eq!(scores(&reading, said, 1), expected.map(|score| vec![score]), "{said:?}");
    }
    let close = |found: Result<f64, Refusal>, expected: f64| {
        assert!((found.expect("read") - expected).abs() < 1e-12, "{expected}");
    };
    close(decision.expectation("Yes", 0.9_f64.ln()), 0.9);
    close(decision.expectation(" no", 0.8_f64.ln()), 0.2);
    // More than certain is a rounding error.
    close(decision.expectation("yes", 1e-6), 1.0);
    // What begins two words tells neither.
    let grades = Decision {
        words: vec![("good".into(), 1.0), ("great".into(), 2.0), ("bad".into(), 0.0)],
        ..Decision::default()
    };
    assert!(Reading::Decision(grades.clone()).read("g", 1, 0).is_err());
    assert_eq!(scores(&Reading::Decision(grades.clone()), "gr", 1), Some(vec![2.0]));
    assert_eq!(grades.range().map(f64::to_bits), [0.0, 2.0].map(f64::to_bits));
    let by = Decision { by: By::Probability, ..grades };
    assert!(by.check().expect_err("three words").contains("two words"));
}

#[test]
fn the_beginning_of_a_word_is_no_word_where_more_was_said() {
    let pair = |words: [&str; 2]| {
        let words = vec![(words[0].to_owned(), 1.0), (words[1].to_owned(), 0.0)];
        Reading::Decision(Decision { words, ..Decision::default() })
    };
    let yes_no = pair(["Yes", "No"]);
    let correct = pair(["Correct", "Incorrect"]);
    let agree = pair(["Agree", "Disagree"]);
    let letters = pair(["A", "B"]);
    let phrase = pair(["very good", "very bad"]);
    for (reading, said, expected) in [
        (&yes_no, "Yes", Some(1.0)),
        (&yes_no, " Y", Some(1.0)),
        (&yes_no, " no, it is not", Some(0.0)),
        (&yes_no, " N/A, I cannot tell", None),
        (&yes_no, "Yes/No", None),
        (&yes_no, " Yes, no errors found", Some(1.0)),
        (&yes_no, " Yes - no mistakes", Some(1.0)),
        (&yes_no, " Yes, no.", None),
        (&yes_no, " Yes or no, I cannot tell", None),
        (&yes_no, " Yes or no", None),
        (&yes_no, " Y is wrong", None),
        (&correct, " I think all lines hold", None),
        (&correct, " Incorr", Some(0.0)),
        (&correct, " Correctly done", None),
        (&agree, " A careful check shows", None),
        (&agree, " Agree: a careful check", Some(1.0)),
        (&letters, " A careful check shows", None),
        (&letters, " A", Some(1.0)),
        (&letters, " A\nIt is sound", Some(1.0)),
        (&letters, " B. A careful check shows", Some(0.0)),
        (&phrase, " very good.", Some(1.0)),
        (&phrase, " very", None),
        (&phrase, " very sure", None),
    ] {
        assert_eq!(scores(reading, said, 1), expected.map(|score| vec![score]), "{said:?}");
    }
    let unworthy = vec![("Yes".into(), 1.0), ("No".into(), f64::NAN), ("Maybe".into(), 0.0)];
    let decision = Decision { words: unworthy, ..Decision::default() };
    let error = Reading::Decision(decision).check().expect_err("no number");
    assert!(error.contains("\"No\" is worth NaN"), "{error}");
}

#[test]
fn scores_in_json_are_found_wherever_they_stand() {
    let reading = Reading::Json { field: "score".into(), low: 1.0, high: 10.0 };
    for (said, expected) in [
        ("{\"score\": 8}", Some(8.0)),
        ("I think {so}: {\"score\": 3.5, \"why\": \"{\"} indeed", Some(3.5)),
        ("{\"score\": 3} no, {\"score\": 4}", Some(4.0)),
        ("{\"all\": {\"score\": 4}}", Some(4.0)),
        // Its own field, not that of a part; of parts, if one has it.
        ("{\"score\": 8, \"parts\": {\"score\": 2}}", Some(8.0)),
        ("{\"parts\": [{\"score\": 8}, {\"score\": 2}]}", None),
        ("{\"score\": 3} {\"why\": \"short\"}", Some(3.0)),
        // The last was broken off, and an earlier one is not taken for it.
        ("{\"score\": 3} no, {\"score\": 9", None),
        ("{\"score\": 8, \"parts\": {\"score\": 2}", None),
        ("{\"score\": 3} no, {\"score\": nine}", None),
        // A key in disguise.
        ("{\"\\u0073core\": 9}", None),
        ("{\"score\": 3, \"\\u0073core\": 9}", None),
        ("{\"score\": 3, \"why\": \"a \\\"b\\\": c\"}", Some(3.0)),
        ("{\"score\": 11}", None),
        ("{\"score\": \"8\"}", None),
        ("{\"score\": 8", None),
        ("{\"rating\": 8}", None),
        ("8", None),
        ("", None),
    ] {
        assert_eq!(scores(&reading, said, 1), expected.map(|score| vec![score]), "{said:?}");
    }
    for hostile in ["{", "{\"a\":", "{\"a\" ", "{}"] {
        assert_eq!(scores(&reading, &hostile.repeat(100_000), 1), None);
    }
    let braces = "\\frac{1}{2} ".repeat(1_000) + "{\"score\": 4}";
    assert_eq!(scores(&reading, &braces, 1), Some(vec![4.0]));
}

#[test]
fn readings_are_data_and_are_checked() {
    for (json, problem) in [
        (r#"{"boxes": {"low": 1, "high": 10}}"#, None),
        (r#""best""#, None),
        (r#"{"boxes": {"low": 10, "high": 1}}"#, Some("low below high")),
        (r#"{"letter": {"marker": "Grade:", "letters": "ABA"}}"#, Some("each letter once")),
        (r#"{"steps": {"right": "yes", "wrong": "Yes"}}"#, Some("for right and for wrong")),
        (r#"{"letter": {"marker": "Grade:", "letters": ""}}"#, Some("expected at least two")),
        (r#"{"letter": {"marker": "Grade:", "letters": "A"}}"#, Some("expected at least two")),
        (r#"{"letter": {"marker": "G", "letters": "AB"}}"#, Some("marker is \"G\"")),
        (r#"{"verdict": {"first": "[[A]]", "second": "[[A]]"}}"#, Some("two verdicts")),
        (r#"{"verdict": {"first": "A", "second": "B"}}"#, Some("first is \"A\"")),
        (r#"{"verdict": {"first": "[[A]]", "second": "\u00e9"}}"#, Some("second is \"\u{e9}\"")),
        (r#"{"verdict": {"first": "[[A]]", "second": "[[B]]", "tie": "C"}}"#, Some("tie is \"C\"")),
        (r#"{"ranking": {"marker": "1"}}"#, Some("marker is \"1\"")),
        (r#"{"number": {"marker": "=", "low": 0, "high": 1}}"#, None),
        (r#"{"list": {"open": "-", "close": "]", "low": 0, "high": 1}}"#, Some("open is \"-\"")),
        (r#"{"json": {"field": "score", "low": -1e300, "high": 1e300}}"#, Some("none beyond")),
        (r#"{"number": {"marker": " ", "low": 0, "high": 1}}"#, Some("marker is blank")),
        (
            r#"{"decision": {"cue": "?", "words": [["a", 1]]}}"#,
            Some("1 words, expected at least 2"),
        ),
        (r#"{"decision": {"cue": "?", "words": [["a", 1], ["b", 1]]}}"#, Some("low below high")),
        (r#"{"decision": {"cue": "?", "words": [["a", 1e12], ["b", 1]]}}"#, Some("\"a\" is worth")),
        (
            r#"{"decision": {"cue": "?", "words": [["A+", 2], ["a", 1]]}}"#,
            Some("begins with \"a\""),
        ),
        (
            r#"{"decision": {"cue": "?", "words": [["good", 1], ["Goodish", 0]]}}"#,
            Some("\"Goodish\" begins"),
        ),
        (r#"{"decision": {"cue": "?", "words": [["a", 1], ["", 0]]}}"#, Some("the word \"\"")),
        (
            r#"{"decision": {"cue": "?", "words": [["a", 1], ["b", 0]], "outside": 2}}"#,
            Some("outside is 2"),
        ),
        (
            r#"{"decision": {"cue": "?", "words": [["a", 1], ["b", 0]], "least": 2}}"#,
            Some("least is 2"),
        ),
        (r#"{"decision": {"cue": "?", "words": [["a", 1], ["A", 0]]}}"#, Some("stands twice")),
    ] {
        let reading: Reading = serde_json::from_str(json).expect(json);
        match (reading.check(), problem) {
            (Ok(()), None) => {}
            (Err(found), Some(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{json}: {found:?}, expected {expected:?}"),
        }
        let again = serde_json::to_string(&reading).expect("written");
        assert_eq!(serde_json::from_str::<Reading>(&again).expect("read"), reading);
    }
    assert!(
        serde_json::from_str::<Reading>(r#"{"boxes": {"low": 1, "high": 2, "step": 1}}"#).is_err()
    );
}
