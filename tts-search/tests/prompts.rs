//! Worked examples and the two calls of zero-shot prompting.

mod common;

use common::{Says, line};
use tts_core::toy::ToyWorld;
use tts_core::*;
use tts_search::*;

#[test]
fn rows_of_every_form_become_examples() {
    let rows = concat!(
        r#"{"question": "1 + 1?", "answer": "1 + 1 = 2.\nThe answer is 2."}"#,
        "\n\n",
        r#"{"question": "Eggs?", "answer": "6 * 4 = <<6*4=24>>24 eggs.\nLess 3: <<24-3=21>>21.\n#### 21"}"#,
        "\r\n",
        r#"{"problem": "Roots?", "solution": "Factor.\n\nSo $\\boxed{3}$.", "answer": "3", "level": 2}"#,
    );
    let examples = FewShot::parse(rows).expect("parses").examples;
    let answers: Vec<&str> = examples.iter().map(|example| example.answer.as_str()).collect();
    assert_eq!(
        answers,
        [
            "1 + 1 = 2.\nThe answer is 2.",
            "6 * 4 = 24 eggs.\nLess 3: 21.\nThe answer is 21.",
            "Factor.\nSo $\\boxed{3}$.",
        ]
    );
}

#[test]
fn marks_that_are_not_closed_are_text() {
    let row = r#"{"question": "q", "answer": "1 << 2 is 4\n#### 1,024"}"#;
    let examples = FewShot::parse(row).expect("parses").examples;
    assert_eq!(examples[0].answer, "1 << 2 is 4\nThe answer is 1,024.");
}

#[test]
fn bad_rows_are_named_by_their_line() {
    for (text, expected) in [
        ("\n{\"question\": []}", "line 2: field \"question\": expected a text or a number"),
        ("{\"question\": \"q\"}", "line 1: expected question and answer, or problem and solution"),
        ("{\"question\": \"q\", \"answer\": \" \\n\"}", "line 1: the answer is blank"),
        ("not JSON", "line 1: expected"),
        (" \n\n", "no examples"),
    ] {
        let error = FewShot::parse(text).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("examples.jsonl");
    let error = FewShot::from_file(&path).expect_err("no file").to_string();
    assert!(error.contains("examples.jsonl: "), "{error}");
    std::fs::write(&path, "{}").expect("written");
    let error = FewShot::from_file(&path).expect_err("no example").to_string();
    assert!(error.contains("examples.jsonl: line 1: expected"), "{error}");
    std::fs::write(&path, r#"{"question": "q", "answer": "a"}"#).expect("written");
    assert_eq!(FewShot::from_file(&path).expect("reads").examples.len(), 1);
}

#[test]
fn the_prompt_shows_the_examples_and_then_the_question() {
    let example =
        |question: &str, answer: &str| Example { question: question.into(), answer: answer.into() };
    let examples =
        FewShot { examples: vec![example("A?", "1.\nThe answer is 1."), example("B?", "2.")] };
    assert_eq!(
        examples.prompt(" C? "),
        Prompt::text(
            "Question: A?\nAnswer: 1.\nThe answer is 1.\n\nQuestion: B?\nAnswer: 2.\n\n\
             Question: C?\nAnswer:"
        )
    );
    assert_eq!(examples.take(0).prompt("C?"), Prompt::text("Question: C?\nAnswer:"));
}

#[test]
fn the_built_in_examples_are_right_and_fit_the_rule() {
    let examples = FewShot::default().examples;
    assert_eq!(examples.len(), 8);
    for Example { question, answer } in &examples {
        assert!(answer.lines().count() >= 3, "{answer}");
        assert!(!answer.contains("\n\n") && !answer.contains("Question:"), "{answer}");
        let (_, last) = answer.rsplit_once("The answer is ").expect("an answer");
        assert_eq!(answer::extract(answer).as_deref(), Some(last.trim_end_matches('.')));
        // Every equation holds, and the last one gives the answer.
        let mut equations = 0;
        let words: Vec<&str> = answer.split_whitespace().collect();
        for (index, _) in words.iter().enumerate().filter(|(_, word)| **word == "=") {
            let number = |word: &str| word.trim_end_matches('.').parse::<i64>().expect(word);
            let (a, b, result) =
                (number(words[index - 3]), number(words[index - 1]), number(words[index + 1]));
            let expected = match words[index - 2] {
                "+" => a + b,
                "-" => a - b,
                "*" => a * b,
                "/" => a / b,
                other => unreachable!("{other} in {question}"),
            };
            assert_eq!(result, expected, "{question}");
            equations += 1;
        }
        assert!(equations > 0);
    }
    FewShot::rule().check().expect("a rule");
}

#[test]
fn zero_shot_asks_every_rationale_for_its_answer() {
    let world = ToyWorld { error: 0.3, ..ToyWorld::default() };
    let outcome = Search::new(world)
        .rule(StepRule::lines())
        .sampling(Sampling::temperature(1.0))
        .run(ZeroShot { n: 5, sampling: None, ..Default::default() }, world.prompt(0))
        .expect("runs");
    assert_eq!((outcome.usage.rounds, outcome.usage.logical.samples), (2, 10));
    let finished: Vec<String> = outcome.tree.finished().map(|id| outcome.tree.text(id)).collect();
    assert_eq!(finished.len(), 5);
    for text in &finished {
        assert!(text.starts_with("Let's think step by step."), "{text}");
        assert!(text.contains("\nTherefore, the answer (arabic numerals) is "), "{text}");
    }
    // Given words are not generated ones.
    let given: u64 = outcome.tree.iter().map(|(_, node)| u64::from(node.step.given)).sum();
    let ZeroShot { think, answer, .. } = ZeroShot::default();
    assert_eq!(given, 5 * (think.len() + answer.len()) as u64);
}

#[test]
fn zero_shot_keeps_a_rationale_whose_answer_failed_and_leaves_cut_ones_alone() {
    // The first answers in the second call, the second fails there, the third is cut.
    let model = Says(|prefix: &Trajectory, place| {
        if prefix.steps().is_empty() {
            let finish = if place == 2 { Finish::Length } else { Finish::Stop };
            return line(&format!("The answer is {place}."), finish);
        }
        if prefix.text().ends_with("1.") {
            Err(LineError("lost".into()))
        } else {
            line("0.", Finish::Stop)
        }
    });
    let rule = StepRule { max_steps: 1, ..StepRule::default() };
    let outcome = Search::new(&model)
        .rule(rule)
        .run(ZeroShot { n: 3, ..Default::default() }, "a question")
        .expect("runs");
    assert_eq!((outcome.usage.logical.samples, outcome.failed.len()), (5, 1));
    assert_eq!(outcome.tree.finished().count(), 2);
}

#[test]
fn zero_shot_settings_are_checked() {
    for (strategy, expected) in [
        (ZeroShot { n: 0, ..Default::default() }, "zero-shot: n is 0"),
        (ZeroShot { answer_tokens: 0, ..Default::default() }, "zero-shot: answer_tokens is 0"),
        (ZeroShot { think: " ".into(), ..Default::default() }, "zero-shot: think is blank"),
        (ZeroShot { answer: String::new(), ..Default::default() }, "zero-shot: answer is blank"),
    ] {
        let error = strategy.check().expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(ZeroShot::prompt("2 + 2?"), Prompt::text("Q: 2 + 2?\nA: "));
}
