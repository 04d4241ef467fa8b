//! Log-probabilities and gold answers by hand.

use std::sync::Arc;

use tts_core::{Aggregate, Prompt, Scored, Step, StepScorer, Trajectory};
use tts_prm::{GoldAnswer, GoldAnswers, MeanLogprob, SumLogprob};

fn step(given: u32, logprobs: &[f32]) -> Arc<Step> {
    let tokens = vec![3; given as usize + logprobs.len()];
    Arc::new(Step {
        text: "a".into(),
        tokens,
        given,
        logprobs: logprobs.to_vec(),
        ..Step::default()
    })
}

fn path(steps: &[Arc<Step>], fresh: usize) -> Trajectory {
    Trajectory::new(Arc::new(Prompt::from("Q")), steps.to_vec(), fresh, false)
}

fn scores(scored: Vec<Scored>) -> Vec<f64> {
    scored.into_iter().flat_map(|scored| scored.scores).collect()
}

#[test]
fn means_and_sums_by_hand() {
    let steps = [
        step(0, &[-1.0, -0.5]),
        step(2, &[-0.25, -0.25, -1.0]),
        // All given.
        step(3, &[]),
        step(0, &[-2.0]),
    ];
    let whole = path(&steps, 4);
    let mean = scores(MeanLogprob.score(std::slice::from_ref(&whole)).unwrap());
    assert_eq!(mean, [-0.75, -0.5, -3.0 / 5.0, -2.0]);
    let sum = scores(SumLogprob.score(&[whole]).unwrap());
    assert_eq!(sum, [-1.5, -1.5, 0.0, -2.0]);
    assert_eq!(Aggregate::Sum.apply(sum), Some(-5.0));
    // One by one, and only what is fresh.
    for count in 1..=4 {
        let one = scores(MeanLogprob.score(&[path(&steps[..count], 1)]).unwrap());
        assert_eq!(one, mean[count - 1..count]);
    }
    assert_eq!(scores(MeanLogprob.score(&[path(&[step(2, &[])], 1)]).unwrap()), [0.0]);
}

#[test]
fn missing_log_probabilities_are_an_error_that_names_the_step() {
    let silent = Arc::new(Step { text: "a".into(), tokens: vec![1, 2], ..Step::default() });
    let short = Arc::new(Step { logprobs: vec![-1.0], ..Step::clone(&silent) });
    let odd = Arc::new(Step { logprobs: vec![-1.0, f32::NEG_INFINITY], ..Step::clone(&silent) });
    let good = path(&[step(0, &[-1.0])], 1);
    for (bad, problem) in [(&silent, "does"), (&short, "1 log-prob"), (&odd, "-inf")] {
        let batch = [good.clone(), path(&[step(0, &[-1.0]), Arc::clone(bad)], 1)];
        let error = MeanLogprob.score(&batch).unwrap_err().to_string();
        assert!(error.contains("path 1: step 1"), "{error}");
        assert!(problem == "does" || error.contains(problem), "{error}");
        // What was judged before is background.
        let after = path(&[Arc::clone(bad), step(0, &[-1.5])], 1);
        assert_eq!(scores(MeanLogprob.score(&[after]).unwrap()), [-1.5]);
    }
}

fn solution(question: &str, texts: &[&str], finished: bool) -> Trajectory {
    let step = |text: &&str| Arc::new(Step { text: (*text).to_owned(), ..Step::default() });
    let steps: Vec<_> = texts.iter().map(step).collect();
    let fresh = steps.len();
    Trajectory::new(Arc::new(Prompt::from(question)), steps, fresh, finished)
}

#[test]
fn gold_answers_judge_the_end_only() {
    let rules = GoldAnswers::new([("half?", "1/2"), ("seven?", "7")]);
    let batch = [
        solution("half?", &["Think.\n", "The answer is 0.5."], true),
        solution("half?", &["Think.\n", "The answer is 0.6."], true),
        solution("seven?", &["Think.\n", "The answer is 7."], false),
        solution("seven?", &["I do not know"], true),
    ];
    let all = rules.score(&batch).unwrap();
    let expected: [&[f64]; 4] = [&[0.5, 1.0], &[0.5, 0.0], &[0.5, 0.5], &[0.0]];
    for (found, expected) in all.iter().zip(expected) {
        assert_eq!(found.scores, expected);
    }
    let one = GoldAnswer { gold: "7".into() };
    assert_eq!(one.score(&batch[3..]).unwrap()[0].scores, [0.0]);
    let error = rules.score(&[solution("eight?", &["8"], true)]).unwrap_err().to_string();
    assert!(error.contains("eight?"), "{error}");
}
