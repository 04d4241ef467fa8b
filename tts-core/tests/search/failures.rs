//! Failures of generators, scorers and strategies: errors, and nothing lost.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use tts_core::toy::{Sample, ToyWorld};
use tts_core::*;

#[test]
fn one_failed_line_does_not_end_a_run() {
    let faulty = Faulty { world: world(), fails: |_, seed| seed % 2 == 0 };
    let outcome = Search::new(&faulty).run(Sample { n: 16 }, world().prompt(0)).expect("runs");
    assert!(!outcome.failed.is_empty() && outcome.tree.finished().count() > 0);
    assert_eq!(outcome.tree.finished().count() + outcome.failed.len(), 16);
    assert_eq!(outcome.usage.logical.samples, 16);
}

#[test]
fn a_round_of_failures_is_an_error_with_what_was_computed() {
    let faulty = Faulty { world: world(), fails: |request, _| !request.prefix.steps().is_empty() };
    let error = Search::new(&faulty).run(Stepwise { n: 3 }, world().prompt(0)).expect_err("fails");
    assert!(error.to_string().contains("every line of round 2 failed"), "{error}");
    assert!(error.to_string().contains("the server hung up"), "{error}");
    assert_eq!(error.partial.expect("kept").tree.len(), 4);
}

#[test]
fn bad_scores_are_errors_and_leave_other_problems_alone() {
    let world = world();
    let bad = world.prompt(1);
    let cases: [(&str, f64); 3] =
        [("NaN", f64::NAN), ("inf", f64::INFINITY), ("-inf", f64::NEG_INFINITY)];
    for (shown, value) in cases {
        let judge = scorer::from_fn(|path, _| if *path.prompt() == bad { value } else { 0.5 });
        let outcomes = Search::new(world)
            .scorer(judge)
            .run_many(&Sample { n: 2 }, (0..3).map(|i| world.prompt(i)));
        let error = outcomes[1].as_ref().expect_err("a bad score");
        assert!(
            error.to_string().contains(&format!("the score {shown}, expected a finite")),
            "{error}"
        );
        assert!(error.partial.as_ref().expect("kept").tree.len() > 2);
        assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    }
}

#[test]
fn a_scorer_that_miscounts_steps_is_an_error() {
    struct Short;
    impl StepScorer for Short {
        fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
            Ok(batch.iter().map(|_| Scored::of(vec![0.5])).collect())
        }
    }
    let world = world();
    let error =
        Search::new(world).scorer(&Short).run(Sample { n: 1 }, world.prompt(0)).expect_err("fails");
    assert!(
        error.to_string().contains("judged 1 steps of the path to node 6, expected 6"),
        "{error}"
    );
}

#[test]
fn an_end_token_alone_is_never_scored() {
    /// Writes one line, then ends at once.
    struct EndsAlone;
    impl Generator for EndsAlone {
        fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
            let step = |text: &str, token| Step {
                text: text.into(),
                tokens: vec![token],
                logprobs: vec![-0.5],
                ..Step::default()
            };
            let line = |_: &Request, _| {
                Ok(Completion {
                    steps: vec![step("It is 4.\n\n", 1), step("", 2)],
                    finish: Finish::Stop,
                    prompt_tokens: 3,
                })
            };
            Ok(Generated::by_seed(batch, line))
        }
    }
    let seen = Mutex::new(Vec::new());
    let judge = scorer::from_fn(|path, step| {
        seen.lock().expect("not poisoned").push((path.is_finished(), step.text.clone()));
        0.7
    });
    let outcome =
        Search::new(&EndsAlone).scorer(judge).run(Sample { n: 1 }, "2 + 2?").expect("runs");
    assert_eq!(*seen.lock().expect("not poisoned"), [(true, "It is 4.\n\n".to_owned())]);
    let end = outcome.best.expect("an answer");
    assert_eq!(
        (outcome.tree[end].score, outcome.tree.score(end, Aggregate::Mean)),
        (None, Some(0.7))
    );
}

#[test]
fn a_blank_step_in_the_middle_shifts_no_score() {
    /// Three steps, of which the second was cut while it held white space only.
    struct Gap;
    impl Generator for Gap {
        fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
            let step = |text: &str| Step {
                text: text.into(),
                tokens: vec![1],
                logprobs: vec![-0.5],
                ..Step::default()
            };
            let steps = || ["one", " \n", "two", ""].map(step).to_vec();
            let line = |_: &Request, _| {
                Ok(Completion { steps: steps(), finish: Finish::Stop, prompt_tokens: 3 })
            };
            Ok(Generated::by_seed(batch, line))
        }
    }
    let judge = scorer::from_fn(|_, step| step.text.len() as f64);
    let tree = Search::new(&Gap).scorer(judge).run(Sample { n: 1 }, "?").expect("runs").tree;
    let scores: Vec<Option<f64>> = tree.iter().skip(1).map(|(_, node)| node.score).collect();
    assert_eq!(scores, [Some(3.0), Some(2.0), Some(3.0), None]);
}

#[test]
fn settings_are_checked_before_anything_is_spent() {
    let world = world();
    let calls = AtomicUsize::new(0);
    let judge = scorer::from_fn(|_, _| {
        calls.fetch_add(1, Ordering::Relaxed);
        0.5
    });
    let search = || Search::new(world).scorer(judge);
    let prompt = || world.prompt(0);
    let table: Vec<(Result<Outcome, SearchError>, &str)> = vec![
        (search().run(Sample { n: 1 }, "  \n"), "the problem is empty"),
        (
            search().sampling(Sampling::temperature(f32::NAN)).run(Sample { n: 1 }, prompt()),
            "temperature is NaN",
        ),
        (
            search()
                .sampling(Sampling { top_p: 0.0, ..Sampling::default() })
                .run(Sample { n: 1 }, prompt()),
            "top_p is 0",
        ),
        (
            search()
                .rule(StepRule { max_steps: 0, ..StepRule::default() })
                .run(Sample { n: 1 }, prompt()),
            "max_steps is 0",
        ),
        (
            search()
                .rule(StepRule { stop: vec![String::new()], ..StepRule::default() })
                .run(Sample { n: 1 }, prompt()),
            "stop has an empty text",
        ),
        (
            search()
                .budget(Budget { flops: Some(f64::NAN), ..Budget::default() })
                .run(Sample { n: 1 }, prompt()),
            "flops is not a finite number",
        ),
        (
            search()
                .budget(Budget { reserve: 9, ..Budget::tokens(8) })
                .run(Sample { n: 1 }, prompt()),
            "reserve is 9",
        ),
    ];
    for (result, expected) in table {
        let error = result.expect_err(expected).to_string();
        assert!(error.contains(expected), "{error} does not mention {expected}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[test]
fn impossible_decisions_are_errors() {
    #[derive(Clone)]
    struct Bad(fn(&View<'_>) -> Expand);
    impl SearchStrategy for Bad {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            if view.fresh() == [NodeId::ROOT] {
                vec![Expand::end(NodeId::ROOT, 1)]
            } else {
                vec![(self.0)(view)]
            }
        }
    }
    let world = world();
    let table: [(Bad, &str); 3] = [
        (Bad(|view| Expand::step(view.fresh()[0], 1)), "closed (Stop"),
        (Bad(|_| Expand::step(NodeId(99), 1)), "the tree has 7 nodes only"),
        (
            Bad(|_| Expand { role: Some("judge".into()), ..Expand::step(NodeId::ROOT, 1) }),
            "no generator plays the role \"judge\"",
        ),
    ];
    for (strategy, expected) in table {
        let error = Search::new(world).run(strategy, world.prompt(0)).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_finished_path_can_be_taken_up_again_with_new_words() {
    struct TwoCalls;
    impl SearchStrategy for TwoCalls {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            let leaf = view.fresh()[0];
            let append = Some("\nTherefore, the answer is".to_owned());
            match view.tree()[leaf].depth {
                0 => vec![Expand::end(leaf, 1)],
                6 => vec![Expand { append, ..Expand::end(leaf, 1) }],
                _ => Vec::new(),
            }
        }
    }
    let outcome = run(TwoCalls, 0, Budget::default());
    let text = outcome.text().expect("an answer");
    assert!(text.contains("Therefore, the answer is "), "{text}");
    let last = &outcome.tree[outcome.best.expect("an answer")].step;
    assert_eq!(last.given, 25);
    assert_eq!(last.generated() + 25, last.tokens.len() as u64);
}

#[test]
fn a_finished_solution_outlives_a_failed_round() {
    // One line of the first round ends there; the other fails when it is continued.
    let faulty = Faulty { world: world(), fails: |request, _| !request.prefix.steps().is_empty() };
    struct Twice;
    impl SearchStrategy for Twice {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            if view.fresh() == [NodeId::ROOT] {
                return vec![Expand::end(NodeId::ROOT, 1), Expand::step(NodeId::ROOT, 1)];
            }
            view.open().into_iter().map(|id| Expand::end(id, 1)).collect()
        }
    }
    let outcome = Search::new(&faulty).run(Twice, world().prompt(0)).expect("an answer is there");
    assert_eq!((outcome.failed.len(), outcome.tree.finished().count()), (1, 1));
}

#[test]
fn one_bad_request_leaves_the_other_problems_alone() {
    /// Refuses a whole batch because of one prompt.
    struct Picky(ToyWorld, Prompt);
    impl Generator for Picky {
        fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
            if batch.iter().any(|request| *request.prefix.prompt() == self.1) {
                return Err("not this one".into());
            }
            self.0.generate(batch)
        }
    }
    let world = world();
    let picky = Picky(world, world.prompt(1));
    let judge = scorer::from_fn(|_, _| 0.5);
    let outcomes = Search::new(&picky)
        .scorer(judge)
        .run_many(&Sample { n: 2 }, (0..3).map(|i| world.prompt(i)));
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    assert!(outcomes[1].as_ref().expect_err("refused").to_string().contains("not this one"));

    /// A scorer that refuses a batch likewise.
    struct PickyJudge(Prompt);
    impl StepScorer for PickyJudge {
        fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
            if batch.iter().any(|path| *path.prompt() == self.0) {
                return Err("not that one".into());
            }
            let neutral = |path: &Trajectory| vec![0.5; path.fresh_steps().len()];
            Ok(batch.iter().map(|path| Scored::of(neutral(path))).collect())
        }
    }
    let judge = PickyJudge(world.prompt(1));
    let outcomes = Search::new(world)
        .scorer(&judge)
        .run_many(&Sample { n: 2 }, (0..3).map(|i| world.prompt(i)));
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    assert!(outcomes[1].as_ref().expect_err("refused").to_string().contains("not that one"));
}

#[test]
fn a_generator_that_is_down_is_not_called_line_by_line() {
    struct Down(AtomicUsize);
    impl Generator for Down {
        fn generate(&self, _: &[Request]) -> Result<Vec<Generated>, BoxError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err("connection refused".into())
        }
    }
    let down = Down(AtomicUsize::new(0));
    let world = world();
    let prompts = (0..10).map(|problem| world.prompt(problem));
    for outcome in Search::new(&down).run_many(&Sample { n: 64 }, prompts) {
        let error = outcome.expect_err("down");
        assert!(matches!(error.kind, SearchErrorKind::Generator(_)), "{error:?}");
        assert!(error.to_string().contains("connection refused"), "{error}");
    }
    let calls = down.0.into_inner();
    assert!(calls <= 10, "{calls} calls of a generator that is down");
}

#[test]
fn a_panic_takes_nobody_else_down() {
    let world = world();
    let bad = world.prompt(1);
    let judge = scorer::from_fn(|path: &Trajectory, _: &Step| {
        assert!(*path.prompt() != bad, "no such problem");
        0.5
    });
    let search = Search::new(world).scorer(judge);
    let outcomes = search.run_many(&Sample { n: 2 }, (0..3).map(|i| world.prompt(i)));
    let error = outcomes[1].as_ref().expect_err("panics");
    assert!(error.to_string().contains("the scorer panicked: "), "{error}");
    assert!(error.partial.as_ref().expect("kept").tree.len() > 2);
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());

    #[derive(Clone)]
    struct Trips;
    impl SearchStrategy for Trips {
        fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
            assert!(view.tree().len() < 4, "too many nodes");
            vec![Expand::step(NodeId::ROOT, 2)]
        }
    }
    let error = Search::new(world).run(Trips, world.prompt(0)).expect_err("trips");
    assert!(error.to_string().contains("the strategy panicked: too many nodes"), "{error}");
    assert_eq!(error.partial.expect("kept").tree.len(), 5);

    struct Breaks;
    impl Generator for Breaks {
        fn generate(&self, _: &[Request]) -> Result<Vec<Generated>, BoxError> {
            panic!("out of memory")
        }
    }
    let error = Search::new(&Breaks).run(Sample { n: 1 }, world.prompt(0)).expect_err("breaks");
    assert!(error.to_string().contains("the generator panicked: out of memory"), "{error}");
}

#[test]
fn a_path_that_cannot_be_judged_stays_a_sample() {
    /// Has room for so many steps.
    struct Short(usize);
    impl StepScorer for Short {
        fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
            let judge = |path: &Trajectory| match path.text().len() {
                length if length > self.0 => Scored::refused(format!("{length} bytes")),
                _ => Scored::of(vec![0.5; path.fresh_steps().len()]),
            };
            Ok(batch.iter().map(judge).collect())
        }
        fn scale(&self) -> Scale {
            Scale::PREFIX
        }
    }
    let world = world();
    let search = Search::new(world).scorer(Short(74)).sampling(Sampling::temperature(1.0));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("record.jsonl");
    let recorded = search.record(&path);
    let outcome = recorded.run(Sample { n: 16 }, world.prompt(0)).expect("runs");
    let samples = outcome.samples(Aggregate::ByScale, &world.answer(0));
    let unscored = samples.iter().filter(|sample| sample.score.is_none()).count();
    assert_eq!((samples.len(), unscored), (16, outcome.unscored.len()));
    assert!((1..16).contains(&unscored), "{unscored}");
    assert!(outcome.tree[outcome.best.expect("an answer")].score.is_some() || unscored == 16);
    // What was refused is refused again when the record is played back.
    let again = recorded.run(Sample { n: 16 }, world.prompt(0)).expect("resumes");
    assert_eq!((again.tree, again.unscored), (outcome.tree, outcome.unscored));
}

#[test]
fn probabilities_are_held_to_their_scale() {
    let world = world();
    let judge = scorer::from_fn(|_, _| 1.5).with_scale(Scale::PREFIX);
    let error = Search::new(world).scorer(judge).run(Sample { n: 1 }, world.prompt(0));
    let error = error.expect_err("no probability").to_string();
    assert!(error.contains("the score 1.5") && error.contains("StepScorer::scale"), "{error}");
}

#[test]
fn samples_of_nothing_are_refused() {
    let error = Search::new(world()).run(Sample { n: 0 }, "1 + 1 = ?").expect_err("none");
    assert!(error.to_string().contains("n is 0, expected at least 1"), "{error}");
}
