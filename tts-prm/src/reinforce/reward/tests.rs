//! Rewards against solutions that want them without deserving them, and by hand.

use std::sync::Arc;

use tts_core::family::{Chain, Solved, lines};
use tts_core::task::Math;
use tts_core::{Finish, Prompt, Task, Verdict};

use super::*;
use crate::reinforce::Run;

/// A finished solution as the task judges it, of as many tokens as it has characters.
fn sample(task: &dyn Task, problem: &Problem, text: &str) -> Sample {
    let run = Run { logprobs: vec![-1.0; text.len()], ..Run::default() };
    Sample {
        prompt: Arc::new(problem.prompt.clone()),
        begun: problem.prompt.question().into(),
        text: text.into(),
        answer: task.answer(text),
        verdict: Some(task.verdict(&problem.question, &problem.gold, text)),
        finish: Finish::Stop,
        tokens: vec![1; text.len()],
        runs: vec![run],
        scored: Vec::new(),
        value: None,
        picked: false,
        path: Vec::new(),
    }
}

fn problem(question: &str, gold: &str) -> Problem {
    let prompt = Prompt::text(format!("{question}\n"));
    Problem { prompt, question: question.into(), gold: gold.into(), difficulty: None }
}

fn rewards(reward: &dyn Reward, task: &dyn Task, problem: &Problem, texts: &[&str]) -> Vec<f64> {
    let samples: Vec<Sample> = texts.iter().map(|text| sample(task, problem, text)).collect();
    reward.rewards(&Asked::new(problem, task, &samples, 5))
}

/// Two answers, an answer without work, nothing, the question copied out.
const HOSTILE: [&str; 6] = [
    "<think>2 + 2</think><answer>4</answer><answer>5</answer>",
    "<think></think><answer>4</answer>",
    "",
    "What is 2 + 2?",
    "<answer>4</answer><think>2 + 2</think>",
    "<think>2 + 2 = 4</think><answer> </answer>",
];

#[test]
fn what_is_near_is_worth_something_and_what_was_cut_nothing() {
    use crate::critic::{Graded, Judge, Judging};
    let judging = Judging::of_labels(Judge::published("score").expect("known")).expect("fits");
    let graded = Graded {
        prompt: "Prove it.".into(),
        response: "So.".into(),
        label: 10.0,
        truth: None,
        subset: None,
        reference: None,
    };
    let problem = judging.lesson_of(&graded).expect("a lesson").problem();
    let texts = ["{\"score\": 10}", "{\"score\": 5.5}", "{\"score\": 1}", "ten of ten"];
    assert_eq!(rewards(&Near {}, &judging, &problem, &texts), [1.0, 0.5, 0.0, 0.0]);
    let cut = Sample { finish: Finish::Length, ..sample(&judging, &problem, texts[0]) };
    assert_eq!(Near {}.rewards(&Asked::new(&problem, &judging, &[cut], 5)), [0.0]);
    // Of a task that knows right and wrong alone it is that.
    let sum = self::problem("2 + 2?", "4");
    assert_eq!(
        rewards(&Near {}, &Math, &sum, &["The answer is 4.", "The answer is 5."]),
        [1.0, 0.0]
    );
}

/// What is marked while thinking is not what is answered, of whatever mark.
#[test]
fn the_answer_is_what_the_form_says() {
    let problem = problem("What is 2 + 2?", "4");
    let of = |texts: &[&str]| rewards(&Right {}, &Math, &problem, texts);
    for thought in ["\\boxed{4}", "#### 4\n", "The answer is 4.", "\\boxed{4} \\boxed{4}"] {
        let [wrong, right] = [["4", "5"], ["5", "4"]].map(|[before, answer]| {
            let thought = thought.replace('4', before);
            format!("<think>so {thought}</think>\n<answer>{answer}</answer>\n")
        });
        assert_eq!(of(&[&wrong, &right]), [0.0, 1.0], "{thought}");
    }
}

#[test]
fn a_form_is_not_had_by_hostile_solutions() {
    let problem = problem("What is 2 + 2?", "4");
    let form = Format::default();
    let good = "<think>2 + 2 = 4</think>\n<answer>4</answer>\n";
    assert_eq!(rewards(&form, &Math, &problem, &[good]), [1.0]);
    assert_eq!(rewards(&form, &Math, &problem, &HOSTILE), [0.0; 6]);
    // Words outside, a mark within a mark's text, what was cut.
    assert!(!form.holds(&format!("Well. {good}")) && !form.holds(&format!("{good} Done.")));
    assert!(!form.holds("<think>I say <answer></think><answer>4</answer>"));
    let mut cut = sample(&Math, &problem, good);
    cut.finish = Finish::Length;
    let cut = [cut];
    let asked = Asked::new(&problem, &Math, &cut, 0);
    assert_eq!(form.rewards(&asked), [0.0]);
    // A template may have opened the first part; what opens it again has it twice.
    let rest = good.strip_prefix("<think>").unwrap();
    for (begun, text, holds) in [
        ("<|assistant|><think>\n", rest, true),
        ("<|assistant|><think>", good, false),
        ("<|assistant|>", rest, false),
        ("Write <think> first. ", rest, false),
        ("<think>", "</think><answer>4</answer>", false),
        ("", "", false),
    ] {
        assert_eq!(form.holds_behind(begun, text), holds, "{begun:?} {text:?}");
        let sample = Sample { begun: begun.into(), ..sample(&Math, &problem, text) };
        let samples = [sample];
        let asked = Asked::new(&problem, &Math, &samples, 0);
        assert_eq!(form.rewards(&asked), [of(holds)]);
    }
    let mark = Format { marks: vec!["####".into()], enclosed: false };
    assert!(!mark.holds_behind("2 + 2 = 4\n####", " 4"));
    for (text, holds) in [
        ("2 + 2 = 4\n#### 4", true),
        ("#### 4", false),
        ("2 + 2 = 4\n####", false),
        ("2 + 2 = 4\n#### 4\n#### 5", false),
        ("2 + 2 = 4", false),
        ("", false),
    ] {
        assert_eq!(mark.holds(text), holds, "{text:?}");
    }
    for (marks, enclosed, expected) in [
        (vec![], false, "0 marks, expected at least one"),
        (vec!["a", "b", "c"], true, "3 marks, expected pairs"),
        (vec!["a", " "], true, "mark 1 is blank"),
        (vec!["a", "a"], true, "\"a\" is in \"a\""),
        (vec!["##", "####"], true, "\"##\" is in \"####\""),
    ] {
        let form = Format { marks: marks.into_iter().map(str::to_owned).collect(), enclosed };
        let error = form.check().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_right_answer_is_the_verdict_of_the_task() {
    let sum = problem("What is 2 + 2?", "4");
    let texts = ["So it is \\boxed{4}.", "So it is \\boxed{5}.", "", "What is 2 + 2?"];
    assert_eq!(rewards(&Right {}, &Math, &sum, &texts), [1.0, 0.0, 0.0, 0.0]);
    // Where two answers are given, the last box counts, whatever stood before it.
    let two = ["\\boxed{4} or \\boxed{5}", "\\boxed{5}, no, \\boxed{4}"];
    assert_eq!(rewards(&Right {}, &Math, &sum, &two), [0.0, 1.0]);
    let chain = problem("3+4*2", "11");
    let task = Solved(Chain::default());
    let texts = ["=3+8\n=11", "=11", "=11\n=12", "=12\n=11", "3+4*2", "", "11"];
    // A chain is judged by its last line alone: the reward of the way is another one.
    let right = [1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0];
    assert_eq!(rewards(&Right {}, &task, &chain, &texts), right);
    let way = [1.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(rewards(&Checked {}, &task, &chain, &texts), way);
    assert!(lines("").is_empty());
    // What was cut has no answer, though a number stands last in it.
    let mut cut = sample(&task, &chain, "=3+8\n=11");
    (cut.finish, cut.verdict) = (Finish::Length, Some(Verdict::Unanswered));
    let cut = [cut];
    let asked = Asked::new(&chain, &task, &cut, 0);
    assert_eq!(Right {}.rewards(&asked), [0.0]);
}

#[test]
fn lengths_by_hand() {
    let problem = problem("What is 2 + 2?", "4");
    let of = |reward: &dyn Reward, texts: &[&str]| rewards(reward, &Math, &problem, texts);
    let (short, middle, long) = ("\\boxed{4}", "\\boxed{4}    ", "\\boxed{4}        ");
    assert_eq!(of(&Brevity {}, &[short, middle, long]), [0.5, 0.0, -0.5]);
    // Wrong ones are not praised for being short: the empty one is the shortest of all.
    assert_eq!(of(&Brevity {}, &["", "\\boxed{5}", "\\boxed{4}   xxxxxx"]), [0.0, 0.0, -0.5]);
    assert_eq!(of(&Brevity {}, &[short, short]), [0.0, 0.0]);
    assert!(of(&Brevity {}, &[]).is_empty());
    assert_eq!(
        of(&Target { tokens: 10 }, &["", "0123456789", "01234567890123456789"]),
        [-1.0, 0.0, -1.0]
    );
    let overlong = Overlong { most: 16_384, margin: 4_096 };
    for (tokens, expected) in
        [(0, 0.0), (12_288, 0.0), (14_336, -0.5), (16_384, -1.0), (16_385, -1.0)]
    {
        assert!((overlong.of(tokens) - expected).abs() < 1e-12, "{tokens}");
    }
    for margin in [0, 11] {
        let error = Overlong { most: 10, margin }.check().unwrap_err().to_string();
        assert!(error.starts_with("overlong.margin: "), "{error}");
    }
    assert!(Target { tokens: 0 }.check().is_err());
}

#[test]
fn a_language_is_told_by_its_words() {
    for (script, text, share) in [
        (Script::Latin, "Therefore x is größer, niño.", 1.0),
        (Script::Latin, "所以 x", 1.0 / 3.0),
        (Script::Han, "所以 x", 2.0 / 3.0),
        // A clause is no single word, and one word of several scripts is of none.
        (Script::Latin, "So we get: 所以我们得到了答案因此 done ok", 5.0 / 16.0),
        (Script::Latin, "ดังนั้น x", 1.0 / 7.0),
        (Script::Latin, "xα y", 0.5),
        (Script::Latin, "x所 y", 2.0 / 3.0),
        (Script::Cyrillic, "Значит, 4", 1.0),
        (Script::Japanese, "答えは四です", 1.0),
        (Script::Hangul, "답은 4", 1.0),
        (Script::Greek, "ἄρα four", 0.5),
        (Script::Latin, "=3+8\n=11", 1.0),
        (Script::Latin, "", 0.0),
        (Script::Latin, "\n \t", 0.0),
    ] {
        let found = Language { script }.share(text);
        assert!((found - share).abs() < 1e-12, "{script:?} of {text:?}: {found}");
    }
    // Nothing is had by a full stop, the question, or what was cut; numbers alone count beside an answer.
    let sum = problem("What is 2 + 2?", "4");
    let english = Language { script: Script::Latin };
    let texts = [".", "What is 2 + 2?\n", "", "So it is 4.", "2 + 2 = 4", "所以 x"];
    assert_eq!(rewards(&english, &Math, &sum, &texts), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0 / 3.0]);
    let mut cut = sample(&Math, &sum, "So it is 4.");
    cut.finish = Finish::Length;
    let cut = [cut];
    let asked = Asked::new(&sum, &Math, &cut, 0);
    assert_eq!(english.rewards(&asked), [0.0]);
}

#[test]
fn steps_behind_a_wrong_one_and_what_was_cut_are_worth_nothing() {
    let chain = Solved(Chain::default());
    let problem = problem("3+4*2", "11");
    let of = |texts: &[&str]| rewards(&Checked {}, &chain, &problem, texts);
    // An easier problem of one's own has right lines behind the wrong one that begins it.
    let zeros = "=0+0+0\n=0+0\n=0\n";
    let found = of(&["=3+8\n=11\n", "=3+8\n=12\n", zeros, "=3+9\n=12\n", "", "3+4*2"]);
    assert_eq!(found, [1.0, 0.5, 0.0, 0.0, 0.0, 0.0]);
    let cut = Sample { finish: Finish::Length, ..sample(&chain, &problem, "=3+8\n=11\n") };
    assert_eq!(Checked {}.rewards(&Asked::new(&problem, &chain, &[cut], 5)), [0.0]);
}

#[test]
fn a_majority_is_of_answers() {
    let problem = problem("What is 2 + 2?", "");
    let of = |texts: &[&str]| rewards(&Majority {}, &Math, &problem, texts);
    // 5.0 is 5; what has no answer votes for nothing, however many they are.
    let texts = ["\\boxed{4}", "\\boxed{5}", "\\boxed{5.0}", "", "", ""];
    assert_eq!(of(&texts), [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    // First seen, of equally many; nobody, where nobody answers.
    assert_eq!(of(&["\\boxed{4}", "\\boxed{5}"]), [1.0, 0.0]);
    assert_eq!(of(&["", " "]), [0.0, 0.0]);
    // Copies of the question agree with each other, and have no vote.
    let copied = "What is 2 + 2?";
    assert_eq!(
        of(&[copied, copied, copied, "\\boxed{5}", "\\boxed{6}"]),
        [0.0, 0.0, 0.0, 1.0, 0.0]
    );
}

#[test]
fn a_coin_is_the_same_for_the_same_seed_and_depends_on_nothing_else() {
    let one = problem("What is 2 + 2?", "4");
    let texts = ["\\boxed{4}"; 64];
    let coin = Random::default();
    let first = rewards(&coin, &Math, &one, &texts);
    assert_eq!(first, rewards(&coin, &Math, &problem("Else?", "5"), &[""; 64]));
    let heads = first.iter().sum::<f64>();
    assert!((16.0..48.0).contains(&heads), "{heads} of 64");
    for probability in [0.0, 1.0, f64::NAN] {
        assert!(Random { probability }.check().is_err(), "{probability}");
    }
}

#[test]
fn what_a_scorer_says_is_of_what_was_ended() {
    let sum = problem("What is 2 + 2?", "");
    let of = |reward: &dyn Reward, samples: &[Sample]| {
        let asked = Asked::new(&sum, &Math, samples, 0);
        (reward.rewards(&asked), reward.knows(&asked))
    };
    let scored = |finish, value: Option<f64>, scores: &[f64]| {
        let scored = scores.iter().map(|&score| crate::reinforce::Scored { end: 1, score });
        Sample { finish, value, scored: scored.collect(), ..sample(&Math, &sum, "4") }
    };
    // The second was cut where it was liked best, and of the third nobody said anything.
    let samples = [
        scored(Finish::Stop, Some(-0.5), &[0.9, -0.5]),
        scored(Finish::Length, Some(3.0), &[3.0]),
        scored(Finish::Stop, None, &[]),
        scored(Finish::Stop, Some(0.8), &[0.4, 0.8]),
    ];
    let knows = vec![true, false, false, true];
    let last = ByScorer::default();
    assert_eq!(of(&last, &samples), (vec![-0.5, -0.5, -0.5, 0.8], knows.clone()));
    let sum_of = ByScorer { aggregate: tts_core::Aggregate::Sum };
    let (found, told) = of(&sum_of, &samples);
    assert!(
        found.iter().zip([0.4, 0.4, 0.4, 1.2]).all(|(a, b)| (a - b).abs() < 1e-12),
        "{found:?}"
    );
    assert_eq!(told, knows);
    assert_eq!(of(&last, &samples[1..3]), (vec![0.0; 2], vec![false; 2]));
    assert_eq!(of(&last, &[]), (vec![], vec![]));
    let chosen = Sample { picked: true, ..samples[3].clone() };
    assert_eq!(of(&Picked {}, &[samples[0].clone(), chosen]), (vec![0.0, 1.0], vec![true; 2]));
}

#[test]
fn what_a_jury_says_nothing_of_is_the_mean_of_its_group() {
    let sum = problem("What is 2 + 2?", "");
    let by = ByJury::default();
    let of = |said: &[Option<f64>]| {
        let samples = vec![sample(&Math, &sum, "4"); said.len()];
        let heard: Heard = [(by.name().to_owned(), said.to_vec())].into();
        let asked = Asked { heard: &heard, ..Asked::new(&sum, &Math, &samples, 0) };
        (by.rewards(&asked), by.knows(&asked))
    };
    let found = of(&[Some(0.5), None, Some(1.0)]);
    assert_eq!(found, (vec![0.5, 0.75, 1.0], vec![true, false, true]));
    // The mean of three tenths is another number than a tenth, by rounding; the group stays one of equals.
    let equal = of(&[Some(0.1), Some(0.1), Some(0.1), None]).0;
    assert!(all_equal(&equal), "{equal:?}");
    assert_eq!(of(&[None, None]), (vec![0.0; 2], vec![false; 2]));
    // A jury that was not heard says nothing.
    let samples = [sample(&Math, &sum, "4")];
    let asked = Asked::new(&sum, &Math, &samples, 0);
    assert_eq!((by.rewards(&asked), by.knows(&asked)), (vec![0.0], vec![false]));
    let json = r#"{"of": {"judged": {"name": "style", "jury": {"samples": 4, "role": null}}}}"#;
    let term: Term = serde_json::from_str(json).unwrap();
    assert_eq!((term.of.name(), term.weight), ("style", 1.0));
    let again = serde_json::to_string(&term).unwrap();
    assert_eq!(serde_json::from_str::<Term>(&again).unwrap(), term);
    let blank = ByJury { name: Some(" ".into()), ..ByJury::default() };
    assert!(blank.check().unwrap_err().to_string().contains("judged.name: it is blank"));
}

#[test]
fn names_and_settings_are_read() {
    for name in RewardSpec::NAMES {
        let term: Term = name.parse().unwrap();
        assert_eq!((term.of.name(), term.weight), (name, 1.0));
        let json = serde_json::to_string(&term).unwrap();
        assert_eq!(serde_json::from_str::<Term>(&json).unwrap(), term);
    }
    let lengths = [
        ("overlong:200/50=0.5", RewardSpec::Overlong(Overlong { most: 200, margin: 50 }), 0.5),
        ("target:200", RewardSpec::Target(Target { tokens: 200 }), 1.0),
    ];
    for (text, of, weight) in lengths {
        assert_eq!(text.parse::<Term>().unwrap(), Term { weight, ..of.into() });
    }
    let term: Term =
        serde_json::from_str(r#"{"of": {"overlong": {"most": 200, "margin": 50}}, "weight": 0.5}"#)
            .unwrap();
    assert_eq!(term.of.name(), "overlong");
    for (text, expected) in [
        ("rights", "\"rights\" is not a reward by name: right, "),
        ("overlong", "overlong:MOST/MARGIN"),
        ("overlong:512", "expected overlong:MOST/MARGIN, such as overlong:512/128"),
        ("overlong:a/2", "\"a\" is no number of tokens"),
        ("target:", "\"\" is no number of tokens"),
        ("judged", "\"judged\" is not a reward by name"),
        ("right=much", "\"much\" is no weight"),
    ] {
        let error = text.parse::<Term>().unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let error = serde_json::from_str::<Term>(r#"{"of": {"right": {"points": 3}}}"#).unwrap_err();
    assert!(error.to_string().contains("unknown field `points`"), "{error}");
}
