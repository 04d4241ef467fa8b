//! Step-labelled sets as they are kept, and how well first errors are found in them.

use std::path::Path;

use tts_core::metrics::{FirstErrors, first_errors};
use tts_core::rows;
use tts_core::toy::Voice;
use tts_core::{BoxError, Prompt, scorer};

use super::super::super::{Judge, Meta};
use super::super::step_cases::{self, read_step_cases};
use super::*;

fn read(row: &str) -> Result<Option<StepCase>, String> {
    let rows = rows::parse(row.as_bytes()).expect(row);
    step_cases::case(&rows[0]).map_err(|error| error.to_string())
}

fn rated(reason: &str, last: &str) -> String {
    let first = r#"{"completions": [{"text": "no", "rating": -1}, {"text": "a", "rating": 1}], "human_completion": null, "chosen_completion": 1}"#;
    format!(
        r#"{{"labeler": "x", "question": {{"problem": "q"}}, "is_quality_control_question": false,
            "label": {{"steps": [{first}, {last}], "finish_reason": "{reason}", "total_time": 1}}}}"#
    )
    .replace('\n', " ")
}

#[test]
fn each_form_names_the_first_error() {
    let found = r#"{"completions": [{"text": "b", "rating": -1, "flagged": false}], "chosen_completion": null}"#;
    let neutral = r#"{"completions": [{"text": "b", "rating": 0}], "chosen_completion": 0}"#;
    let human = r#"{"completions": null, "human_completion": {"text": "b", "source": "human"}, "chosen_completion": null}"#;
    let ours = |values: [&str; 2]| {
        let [first, last] = values;
        format!(
            r#"{{"prompt": {{"chat": [{{"role": "user", "content": "q"}}]}}, "start": null, "solved": false,
                "steps": [{{"text": "a", "value": {first}}}, {{"text": "b", "value": {last}}}]}}"#
        )
        .replace('\n', " ")
    };
    for (row, first, subset) in [
        (r#"{"id": "omnimath-12", "problem": "q", "steps": ["a", "b"], "label": 1}"#.to_owned(), Some(1), Some("omnimath")),
        (r#"{"problem": "q", "steps": ["a", "b"], "label": -1}"#.into(), None, None),
        (
            r#"{"modified_question": "q", "question": "other", "modified_process": ["a", "b"], "error_steps": [2, 1, 7], "classification": "circular"}"#.into(),
            Some(0),
            Some("circular"),
        ),
        (
            r#"{"question": "q", "modified_process": ["a", "b"], "error_steps": [], "classification": "multi_solutions"}"#.into(),
            None,
            Some("multi_solutions"),
        ),
        (
            r#"{"question": "q", "model_output_steps": ["Step 1: a", "Step 2: b"], "model_output_solution_correctness": "wrong",
                "model_output_solution_first_error_step": 2, "question_type": "POT"}"#.replace('\n', " "),
            Some(1),
            Some("POT"),
        ),
        (
            r#"{"question": "q", "model_output_steps": ["a", "b"], "model_output_solution_correctness": "correct",
                "model_output_solution_first_error_step": "N/A"}"#.replace('\n', " "),
            None,
            None,
        ),
        (r#"{"input": "q", "steps": ["a", "b"], "mistake_index": 0, "answer": "1"}"#.into(), Some(0), None),
        (r#"{"input": "q", "steps": ["a", "b"], "mistake_index": null}"#.into(), None, None),
        (r#"{"prompt": "q", "completions": ["a", "b"], "labels": [true, false]}"#.into(), Some(1), None),
        (r#"{"prompt": "q", "completions": ["a", "b"], "labels": [true, true]}"#.into(), None, None),
        (rated("found_error", found), Some(1), None),
        (rated("solution", neutral), None, None),
        (rated("solution", human), None, None),
        (ours(["0.5", "0"]), Some(1), None),
        (ours(["0.5", "1.0"]), None, None),
    ] {
        let case = read(&row).expect(&row).unwrap_or_else(|| panic!("left out: {row}"));
        assert_eq!(case.prompt, Prompt::from("q"), "{row}");
        assert_eq!(case.steps, ["a", "b"], "{row}");
        assert_eq!((case.first_error, case.subset.as_deref()), (first, subset), "{row}");
    }
    let unrated = r#"{"completions": [{"text": "b", "rating": null}], "chosen_completion": 0}"#;
    for row in [
        rated("give_up", found),
        rated("found_error", neutral),
        rated("solution", unrated),
        rated("solution", human).replace("\"is_quality_control_question\": false", "\"is_quality_control_question\": true"),
        ours(["null", "0"]),
        ours(["0.5", "null"]),
        r#"{"question": "q", "model_output_steps": ["a"], "model_output_solution_correctness": "wrong",
            "model_output_solution_first_error_step": "N/A"}"#.replace('\n', " "),
    ] {
        assert_eq!(read(&row), Ok(None), "{row}");
    }
}

#[test]
fn what_is_no_step_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("steps.jsonl");
    let good = r#"{"problem": "q", "steps": ["a"], "label": 0}"#;
    for (row, expected) in [
        (r#"{"problem": "q", "steps": ["a"], "label": 1}"#, "step 1, from 0, of 1 steps"),
        (r#"{"problem": "q", "steps": ["a"], "label": -2}"#, "expected a step from 0, or -1"),
        (r#"{"problem": "q", "steps": [], "label": -1}"#, "without steps"),
        (
            r#"{"question": "q", "modified_process": ["a"], "error_steps": [0]}"#,
            "expected steps from 1",
        ),
        (r#"{"prompt": "q", "completions": ["a"], "labels": []}"#, "0 labels of 1 steps"),
        (r#"{"problem": "q", "steps": "a", "label": 0}"#, "field \"steps\""),
        (r#"{"question": "q", "answer": "a"}"#, "fields are answer, question; expected problem"),
    ] {
        std::fs::write(&path, format!("{good}\n{row}\n")).expect("written");
        let error = read_step_cases(&path).expect_err(row).to_string();
        assert!(error.contains(expected) && error.contains("line 2"), "{error}");
    }
    // What it was made of is one more solution, once.
    let made = |kind: &str| {
        format!(
            r#"{{"question": "q", "modified_process": ["a", "c"], "error_steps": [2], "original_process": ["a", "b"], "classification": "{kind}"}}"#
        )
    };
    std::fs::write(&path, format!("{}\n{}\n", made("one"), made("two"))).expect("written");
    let found = read_step_cases(&path).expect("read");
    let firsts: Vec<Option<usize>> = found.items.iter().map(|case| case.first_error).collect();
    assert_eq!((firsts, found.left_out), (vec![Some(1), None, Some(1)], 0));
}

fn case(name: &str, steps: usize, first_error: Option<usize>) -> StepCase {
    StepCase {
        prompt: name.into(),
        steps: (0..steps).map(|step| format!("step {step}")).collect(),
        first_error,
        subset: name.split_once(' ').map(|(part, _)| part.to_owned()),
    }
}

fn said(scores: &[f64]) -> StepRuling {
    StepRuling { scores: scores.to_vec(), judgements: 1, ..StepRuling::default() }
}

#[test]
fn figures_by_hand() {
    let cases = [
        case("x 1", 2, Some(1)), // exact
        case("x 2", 3, Some(1)), // too early
        case("x 3", 2, None),    // silent
        case("y 1", 2, Some(0)), // nothing was said
        case("y 2", 2, None),    // nothing was said, which is no silence
        case("y 3", 2, None),    // silent
        case("y 4", 1, None),    // not asked about
    ];
    let nothing =
        || Some(StepRuling { refused: 2, reasons: vec!["cut".into(); 2], ..StepRuling::default() });
    let rulings = [
        Some(said(&[0.9, 0.4])),
        Some(said(&[0.3, 0.2, 0.1])),
        Some(said(&[0.5, 0.8])),
        nothing(),
        nothing(),
        Some(said(&[0.9, 0.9])),
        None,
    ];
    let found = StepAssessment::of(&cases, &rulings, 0.5, 3).expect("figures");
    let shares = |figures: &StepFigures| {
        let share = |share: Option<Share>| share.map(|share| (share.hits, share.count));
        (share(figures.wrong), share(figures.right))
    };
    assert_eq!(shares(&found.all), (Some((1, 3)), Some((2, 3))));
    assert!((found.all.f1.expect("both kinds") - 4.0 / 9.0).abs() < 1e-12);
    assert_eq!((found.all.solutions, found.all.abstained), (6, 2));
    assert_eq!(shares(&found.subsets["x"]), (Some((1, 2)), Some((1, 1))));
    assert_eq!(shares(&found.subsets["y"]), (Some((0, 1)), Some((1, 2))));
    assert!((found.mean_f1.expect("two parts") - (2.0 / 3.0) / 2.0).abs() < 1e-12);
    assert_eq!((found.judgements, found.refused, found.reasons["cut"]), (4, 4, 4));
    // Steps up to the error: 0.9 and 0.3, 0.5, 0.8, 0.9, 0.9 are right, 0.4 and 0.2 are not.
    let auc = found.all.auc.expect("steps of both kinds");
    assert_eq!((auc.right, auc.wrong), (6, 2));
    assert!((auc.area - 11.0 / 12.0).abs() < 1e-12, "{auc:?}");
    let mut text = Vec::new();
    found.write(&mut text).expect("written");
    let text = String::from_utf8(text).expect("text");
    assert!(text.starts_with("all: F1 44.4; first errors 33.3 %"), "{text}");
    assert!(text.contains("2 of 6 abstained") && text.contains("4 refused: cut"), "{text}");
    // Where nobody abstains, the figures are those of the core.
    let (some, judged) =
        ([0, 1, 2, 5], [&[0.9, 0.4][..], &[0.3, 0.2, 0.1], &[0.5, 0.8], &[0.9; 2]]);
    let plain: Vec<Judged> = some
        .iter()
        .zip(judged)
        .map(|(&place, scores)| Judged {
            scores: scores.to_vec(),
            first_error: cases[place].first_error,
        })
        .collect();
    let known = first_errors(&plain, FirstErrors::THRESHOLD).expect("figures");
    let cases: Vec<StepCase> = some.iter().map(|&place| cases[place].clone()).collect();
    let rulings: Vec<Option<StepRuling>> =
        judged.into_iter().map(|scores| Some(said(scores))).collect();
    let own = StepAssessment::of(&cases, &rulings, 0.5, 3).expect("figures").all;
    assert_eq!(
        (own.wrong, own.right, own.f1),
        (Some(known.wrong), Some(known.right), Some(known.f1))
    );
    // Of one kind alone there is one share.
    let right = StepAssessment::of(&cases[2..], &rulings[2..], 0.5, 3).expect("figures");
    assert_eq!((right.all.wrong, right.all.f1, right.mean_f1), (None, None, None));
    assert!(StepAssessment::of(&cases, &[None, None, None, None], 0.5, 3).is_err(), "nothing");
    assert!(StepAssessment::of(&cases, &rulings, f64::NAN, 3).is_err(), "no threshold");
}

/// Judges boxes by what a step says, and cannot be read where it is asked about a riddle.
fn voice() -> Voice {
    Voice::new(|asked, _, _| {
        let text = asked.question();
        let solution = text.split("[Begin of Solution]").nth(1).unwrap_or("");
        let solution = solution.split("[End of Solution]").next().unwrap_or("");
        let mut said = String::new();
        for line in solution.lines().filter(|line| line.starts_with("Step ")) {
            let wrong = line.contains("wrong");
            said += if wrong { "Off. \\boxed{incorrect}" } else { "Fine. \\boxed{correct}\n" };
            if wrong {
                break;
            }
        }
        if text.contains("riddle") { "I cannot say.".to_owned() } else { said }
    })
}

fn on(_: usize, _: &Ruling, _: &Cost) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn a_judge_that_sees_errors_finds_them() {
    let steps = |texts: &[&str], first_error: Option<usize>| StepCase {
        steps: texts.iter().map(|text| format!("{text}\n")).collect(),
        ..case("sums", 0, first_error)
    };
    let mut cases = vec![
        steps(&["good", "wrong", "good"], Some(1)),
        steps(&["good", "good", "wrong"], Some(2)),
        steps(&["good", "good"], None),
        // People see what it does not.
        steps(&["good", "good"], Some(0)),
    ];
    cases.push(StepCase { prompt: "a riddle".into(), ..cases[2].clone() });
    let judge = voice();
    let jury = Jury { role: None, ..Jury::of(Judge::published("steps").expect("known"), 3) };
    let search = Search::new(&judge).seed(1);
    let rulings = assess_steps(&search, &jury, &cases, on).expect("heard");
    let found = StepAssessment::of(&cases, &rulings, 0.5, 1).expect("figures");
    let hits = |share: Option<Share>| share.map(|share| (share.hits, share.count));
    assert_eq!((hits(found.all.wrong), hits(found.all.right)), (Some((2, 3)), Some((1, 2))));
    assert_eq!((found.all.abstained, found.judgements, found.refused), (1, 12, 3));
    // Where it is ended, what is not begun is not asked about.
    let mut ended = 0;
    let stop = |_: usize, _: &Ruling, _: &Cost| {
        ended += 1;
        ControlFlow::Break(())
    };
    let few = assess_steps(&search.clone().concurrency(1), &jury, &cases, stop).expect("ended");
    assert_eq!(few.iter().flatten().count(), ended);
    assert!(ended < cases.len(), "{ended}");
    for (refused, expected) in [
        (Jury { judge: Judge::default(), ..jury.clone() }, "judges no steps"),
        (Jury { meta: Some(Meta::of("m", 1)), ..jury.clone() }, "leave it out"),
        (Jury { samples: 0, ..jury.clone() }, "samples is 0"),
    ] {
        let error = assess_steps(&search, &refused, &cases, on).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_scorer_of_steps_has_the_same_table() {
    let cases: Vec<StepCase> = (0..40)
        .map(|number| case(&format!("p {number}"), 4, (number % 2 == 0).then_some(number % 4)))
        .collect();
    // By its text: it is below one half from the third step on.
    let doubt = scorer::from_fn(|_, step| if step.text.as_str() >= "step 2" { 0.25 } else { 0.75 });
    let mut told = Vec::new();
    let rulings = score_steps(&doubt, &cases, |done, _| {
        told.push(done);
        ControlFlow::Continue(())
    })
    .expect("scored");
    assert_eq!(told, [16, 32, 40]);
    let found = StepAssessment::of(&cases, &rulings, 0.5, 1).expect("figures").all;
    let hits = |share: Option<Share>| share.map(|share| (share.hits, share.count));
    // Of even numbers every second has its error at step 2; nobody is taken for right.
    assert_eq!((hits(found.wrong), hits(found.right)), (Some((10, 20)), Some((0, 20))));
    let few = score_steps(&doubt, &cases, |_, _| ControlFlow::Break(())).expect("scored");
    assert_eq!(few.iter().flatten().count(), 16);
    let go_on = |_: usize, _: u64| ControlFlow::Continue(());
    let rulings = score_steps(&Refusing, &cases[..2], go_on).expect("told");
    let found = StepAssessment::of(&cases[..2], &rulings, 0.5, 1).expect("figures");
    assert_eq!((found.all.abstained, found.refused, found.judgements), (1, 1, 1), "{found:?}");
    assert_eq!(found.reasons["too long"], 1);
}

#[test]
fn a_scorer_that_fails_keeps_what_it_has_judged() {
    let cases: Vec<StepCase> =
        (0..40).map(|number| case(&format!("p {number}"), 2, None)).collect();
    let mut last = 0;
    let ended = score_steps(&Breaking { reads_ids: false }, &cases, |_, read| {
        last = read;
        ControlFlow::Continue(())
    })
    .expect_err("it breaks off");
    assert!(ended.to_string().contains("the line is dead"), "{ended}");
    assert_eq!((ended.found.iter().flatten().count(), last), (16, 48));
    let found = StepAssessment::of(&cases, &ended.found, 0.5, 1).expect("figures");
    assert_eq!(found.all.solutions, 16);
    // What reads token ids is given none: nothing is asked.
    let go_on = |_: usize, _: u64| ControlFlow::Continue(());
    let refused = score_steps(&Breaking { reads_ids: true }, &cases, go_on).expect_err("texts");
    assert!(refused.to_string().contains("reads token ids"), "{refused}");
    assert!(refused.found.iter().all(Option::is_none));
}

/// Reads three tokens a solution, and fails from the second batch on.
struct Breaking {
    reads_ids: bool,
}

impl StepScorer for Breaking {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<tts_core::Scored>, BoxError> {
        if batch.iter().any(|path| path.prompt().question() == "p 16") {
            return Err("the line is dead".into());
        }
        let reads = Some(tts_core::Reads { tokens: 3, ..tts_core::Reads::default() });
        let one = |path: &Trajectory| {
            let scores = vec![0.9; path.fresh_steps().len()];
            tts_core::Scored { scores, refused: None, reads }
        };
        Ok(batch.iter().map(one).collect())
    }

    fn vocabulary(&self) -> Option<u64> {
        self.reads_ids.then_some(7)
    }
}

/// Refuses solutions whose error is at the first step.
struct Refusing;

impl StepScorer for Refusing {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<tts_core::Scored>, BoxError> {
        let one = |path: &Trajectory| {
            let refused = (path.prompt().question() == "p 0").then(|| "too long".to_owned());
            let count = if refused.is_some() { 0 } else { path.fresh_steps().len() };
            tts_core::Scored { scores: vec![0.9; count], refused, reads: None }
        };
        Ok(batch.iter().map(one).collect())
    }
}

/// The sets that lie beside the workspace, where they do.
#[test]
fn sets_of_the_field_are_read_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/process");
    for (file, cases, wrong) in [
        ("bbmistake_multistep_arithmetic.jsonl", 300, 238),
        ("mrgsm8k_subset.jsonl", 584, 584),
        ("prmbench_subset400.jsonl", 394, 384),
    ] {
        let path = folder.join(file);
        if !path.exists() {
            eprintln!("skipped: {file} is not beside the workspace");
            continue;
        }
        let found = read_step_cases(&path).expect(file);
        let own = found.items.iter().filter(|case| case.subset.as_deref() != Some("unmodified"));
        let own: Vec<&StepCase> = own.collect();
        let errors = own.iter().filter(|case| case.first_error.is_some()).count();
        assert_eq!((own.len(), errors, found.left_out), (cases, wrong, 0), "{file}");
        assert!(own.iter().all(|case| !case.prompt.is_blank()), "{file}");
    }
}
