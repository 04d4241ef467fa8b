//! Labelled items on file: kept, read again as they were, compared and shown.

use std::ops::ControlFlow;

use tts_core::toy::Voice;
use tts_core::{Outcome, Search};

use super::super::super::Judge;
use super::super::{
    GradedAssessment, StepAssessment, StepRuling, assess_graded_whole, assess_steps_whole,
    heard_page,
};
use super::*;

fn jury(name: &str) -> Jury {
    Jury { role: None, ..Jury::of(Judge::published(name).expect("known"), 2) }
}

fn graded(response: &str, label: f64) -> Graded {
    Graded {
        prompt: format!("is {response} it?").into(),
        response: response.into(),
        label,
        truth: None,
        subset: None,
        reference: None,
    }
}

/// What is kept of items is what the figures count, is read again as it was, and compared and shown.
#[test]
fn labelled_items_are_kept_as_preferences_are() {
    let voice = Voice::new(|asked, _, _| {
        let text = asked.question();
        match () {
            () if text.contains("mute") => "Hm.",
            () if text.contains("zeta") => "\\boxed{1}",
            () => "\\boxed{0}",
        }
    });
    let (jury, items) = (
        jury("deepseek-grm-single"),
        [graded("zeta", 1.0), graded("bad", 1.0), graded("mute", 0.0), graded("bad", 0.0)],
    );
    let mut heard: Vec<Option<Heard>> = vec![None; items.len()];
    let told = |item: usize, ruling: &Ruling, outcome: &Outcome| {
        let own = (&items[item], true);
        heard[item] = Some(Heard::of_graded(item, &jury, own, ruling, outcome));
        ControlFlow::Continue(())
    };
    let rulings = assess_graded_whole(&Search::new(&voice), &jury, &items, told).expect("judged");
    let found = GradedAssessment::of(&jury, &items, &rulings, 1).expect("figures");
    let heard: Vec<Heard> = heard.into_iter().flatten().collect();
    let right: Vec<f64> = heard.iter().map(|heard| heard.right).collect();
    assert_eq!(right, [1.0, 0.0, 0.5, 1.0]);
    let mean = right.iter().sum::<f64>() / 4.0;
    assert!((found.all.accuracy.expect("right and wrong").mean - mean).abs() < 1e-12);
    let abstained: Vec<bool> = heard.iter().map(Heard::abstains).collect();
    assert_eq!(abstained, [false, false, true, false]);
    let by = HeardBy::of(&jury, "a voice", BTreeMap::new(), (&items, 1));
    let record = Record { by: by.called("grm", "voice.gguf"), items: heard };
    let folder = tempfile::tempdir().expect("a folder");
    write_heard(&folder.path().join(FILE), &record).expect("written");
    assert_eq!(read_heard(folder.path()).expect("read"), record);
    assert!(
        compare(&record, &record).is_ok_and(|(paired, alone)| paired.problems == 4 && alone == 0)
    );
    let page = heard_page("Judgements", &record).expect("laid out");
    for part in ["grm by voice.gguf (a voice)", "label 1", ">abstained<", ">wrong<"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("of one mind"), "one response at a time is of no mind: {page}");
}

#[test]
fn solutions_are_kept_with_what_each_step_is_worth() {
    let voice = Voice::new(|_, _, _| "\\boxed{correct} \\boxed{incorrect}");
    let case = |first_error: Option<usize>| StepCase {
        prompt: format!("{first_error:?}?").into(),
        steps: vec!["one\n".into(), "two\n".into()],
        first_error,
        subset: None,
    };
    let (jury, cases) = (jury("steps"), [case(Some(1)), case(Some(0)), case(None)]);
    let mut heard: Vec<Option<Heard>> = vec![None; cases.len()];
    let told = |item: usize, ruling: &Ruling, outcome: &Outcome| {
        let own = (&cases[item], 0.5);
        heard[item] = Some(Heard::of_steps(item, &jury, own, ruling, outcome));
        ControlFlow::Continue(())
    };
    let rulings = assess_steps_whole(&Search::new(&voice), &jury, &cases, told).expect("judged");
    let found = StepAssessment::of(&cases, &rulings, 0.5, 1).expect("figures").all;
    let heard: Vec<Heard> = heard.into_iter().flatten().collect();
    let right: Vec<f64> = heard.iter().map(|heard| heard.right).collect();
    assert_eq!(right, [1.0, 0.0, 0.0]);
    assert_eq!(found.wrong.map(|share| share.hits), Some(1));
    assert_eq!(heard[0].written[0].steps, [1.0, 0.0]);
    // A scorer of steps says as much, and writes nothing.
    let said = StepRuling { scores: vec![0.9, 0.2], judgements: 1, ..StepRuling::default() };
    let scored = Heard::of_step_scores(0, &cases[0], 0.5, &said);
    assert!(scored.right >= 1.0 && !scored.abstains());
    let line = serde_json::to_string(&scored).expect("a line");
    assert_eq!(serde_json::from_str::<Heard>(&line).expect("read"), scored);
    assert!(line.contains(r#""steps":{"prompt""#), "{line}");
    let silent = Heard::of_step_scores(0, &cases[2], 0.5, &StepRuling::default());
    assert!(silent.right <= 0.0 && silent.abstains(), "silence is no finding");
    let by = HeardBy::of_scorer("a rule", (&cases, 0));
    let page = heard_page("Steps", &Record { by, items: vec![scored, silent] }).expect("laid out");
    assert!(page.contains("step 2: 0.2, <b>the first wrong one</b>"), "{page}");
    assert!(!page.contains("How they were judged"), "{page}");
}

#[test]
fn grades_are_worth_what_they_are_near_and_nothing_without_a_score() {
    let voice =
        Voice::new(
            |asked, _, _| {
                if asked.question().contains("mute") { "Hm." } else { "{\"score\": 10}" }
            },
        );
    let (jury, items) =
        (jury("score"), [graded("x", 10.0), graded("y", 5.5), graded("mute", 10.0)]);
    let mut right = vec![f64::NAN; items.len()];
    let told = |item: usize, ruling: &Ruling, outcome: &Outcome| {
        let own = (&items[item], false);
        right[item] = Heard::of_graded(item, &jury, own, ruling, outcome).right;
        ControlFlow::Continue(())
    };
    assess_graded_whole(&Search::new(&voice), &jury, &items, told).expect("judged");
    assert_eq!(right, [1.0, 0.5, 0.0]);
}

#[test]
fn lines_of_before_are_read_and_written_as_they_were() {
    let by = r#"{"jury":{},"template":"t","model":"m","data":"00","seed":3}"#;
    let by: HeardBy = serde_json::from_str(by).expect("a header of before");
    assert!(by.jury.is_some() && by.told() == "m", "{by:?}");
    let line = concat!(
        r#"{"item":0,"preference":{"prompt":{"text":"q"},"responses":["a","b"],"best":0},"#,
        r#""totals":[2.0,1.0],"right":1.0,"written":[{"sample":0,"shown":[0,1],"scores":[2.0,1.0],"text":"t","tokens":1}]}"#
    );
    let heard: Heard = serde_json::from_str(line).expect("a line of before");
    assert_eq!(serde_json::to_string(&heard).expect("a line"), line);
    for (wrong, expected) in [
        (line.replace("\"preference\"", "\"nothing\""), "unknown field"),
        (r#"{"item":0,"totals":[],"right":0.0,"written":[]}"#.to_owned(), "expected one of"),
    ] {
        let error = serde_json::from_str::<Heard>(&wrong).expect_err(&wrong).to_string();
        assert!(error.contains(expected), "{error}");
    }
}
