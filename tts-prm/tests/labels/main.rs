//! Labels against what is known exactly: values of chains with a known rate of slips.

mod story;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tts_core::family::{Chain, Checker, Family, Slipping, Split, first_error, lines, problems};
use tts_core::{
    BoxError, Generated, Generator, GivenText, GivenTexts, LineError, NodeId, NodeKind, Outcome,
    Prompt, Request, Sampling, Search, StepRule, Store, scorer,
};
use tts_prm::label::{
    Consensus, Done, Grade, InFamily, LabelKind, LabelledSolution, LabelledStep, Method,
    MonteCarlo, OmegaPrm, Problem, label, read_labels, write_labels,
};

/// Chains whose solutions count as right when every step is, so that what went wrong once stays
/// wrong: a second slip can make up for a first.
fn chains(operations: usize, count: usize) -> (Chain, Vec<Problem>, Vec<String>) {
    let family = Chain { operations: [operations, operations], ..Chain::default() };
    let questions: Vec<String> =
        problems(&family, Split::Train, 3).take(count).map(|problem| problem.question).collect();
    let problem = |question: &String| {
        let exact = InFamily { family: family.clone(), question: question.clone() };
        let strict = move |text: &str| {
            let check = exact.family.check(&exact.question, &lines(text));
            Some(exact.grade(text)? && first_error(&check).is_none())
        };
        Problem { prompt: family.prompt(question), grade: Arc::new(strict) }
    };
    let problems = questions.iter().map(problem).collect();
    (family, problems, questions)
}

fn search(policy: &dyn Generator) -> Search<'_> {
    Search::new(policy).rule(StepRule::lines()).sampling(Sampling::temperature(1.0)).seed(5)
}

fn labelled(
    policy: &dyn Generator,
    method: &Method,
    problems: &[Problem],
) -> Vec<Vec<LabelledSolution>> {
    label(&search(policy), method, problems, |_, _| {}).expect("nothing fails")
}

fn texts(solution: &LabelledSolution) -> Vec<&str> {
    solution.steps.iter().map(|step| step.text.trim()).collect()
}

/// With `left` lines to go after a right prefix, `(1 - error)^left` of the rollouts come right;
/// after a wrong one none do. 400 problems, 4 solutions, 8 rollouts.
#[test]
fn monte_carlo_values_are_those_of_the_policy() {
    let policy = Slipping { error: 0.2 };
    let (family, problems, questions) = chains(4, 400);
    let config = MonteCarlo { solutions: 4, rollouts: 8, ..MonteCarlo::default() };
    let all = labelled(&policy, &Method::MonteCarlo(config), &problems);
    // Rollouts and right ones, by lines to go.
    let mut right: HashMap<usize, (f64, f64)> = HashMap::new();
    for (question, solutions) in questions.iter().zip(&all) {
        assert_eq!(solutions.len(), 4);
        // Equal prefixes share their rollouts: each is counted once.
        let mut seen = HashSet::new();
        for solution in solutions {
            let steps = texts(solution);
            let error = first_error(&family.check(question, &steps)).unwrap_or(steps.len());
            assert_eq!(solution.solved, error == steps.len());
            let (last, before) = solution.steps.split_last().unwrap();
            assert_eq!(last.value, Some(f64::from(u8::from(solution.solved))));
            assert_eq!(last.rollouts, 0);
            for (place, step) in before.iter().enumerate() {
                assert_eq!(step.rollouts, 8);
                let value = step.value.unwrap();
                if place >= error {
                    assert!(value <= 0.0, "{question}: {steps:?}: {place}");
                } else if seen.insert(steps[..=place].join("\n")) {
                    let (sum, count) = right.entry(before.len() - place).or_default();
                    *sum += 8.0 * value;
                    *count += 8.0;
                }
            }
            let hard = solution.labels(LabelKind::Hard);
            let soft = solution.labels(LabelKind::Soft);
            assert!(hard.iter().zip(soft).all(|(h, s)| (*h == Some(1.0)) == (s.unwrap() > 0.0)));
        }
    }
    assert_eq!(right.len(), 3);
    for (left, (sum, count)) in right {
        let expected = 0.8_f64.powi(i32::try_from(left).unwrap());
        // A standard error of binomial counts; 4 of them are missed once in 16,000 runs.
        let error = (expected * (1.0 - expected) / count).sqrt();
        let found = sum / count;
        assert!((found - expected).abs() < 4.0 * error, "{left}: {found} for {expected}");
        assert!(4.0 * error < 0.05, "too few rollouts to tell");
    }
}

/// A right and a wrong solution with the same first step: what the policy is worth at the prompt, and so what that step
/// did, is the same whichever is given, and as far as 800 rollouts tell that of its own solutions.
#[test]
fn the_value_of_the_prompt_does_not_depend_on_which_solution_is_given() {
    let policy = Slipping { error: 0.3 };
    let (family, question) = (Chain::default(), "47+38*3-26");
    let grade = Arc::new(InFamily { family: family.clone(), question: question.into() });
    let problem = [Problem { prompt: family.prompt(question), grade }];
    let right = ["=47+114-26\n", "=161-26\n", "=135"];
    let wrong = ["=47+114-26\n", "=151-26\n", "=125"];
    let method = |writer: Option<&str>, solutions, rollouts| {
        let writer = writer.map(str::to_owned);
        Method::MonteCarlo(MonteCarlo {
            solutions,
            rollouts,
            writer,
            completer: None,
            sampling: None,
        })
    };
    let of = |steps: &[&str]| {
        let mut given = GivenTexts::default().under(5);
        given.add(
            problem[0].prompt.question(),
            "the only row",
            [GivenText::of_steps(steps.iter().copied())],
        );
        let search = search(&policy).role("given", &given);
        label(&search, &method(Some("given"), 1, 800), &problem, |_, _| {})
            .unwrap()
            .remove(0)
            .remove(0)
    };
    let [right, wrong] = [right, wrong].map(|steps| of(&steps));
    assert!(right.solved && !wrong.solved);
    assert_eq!(right.start, wrong.start);
    for kind in [LabelKind::Progress, LabelKind::ThreeClass] {
        assert_eq!(right.labels(kind)[0], wrong.labels(kind)[0], "{kind:?}");
    }
    // The first step is sound: what is left to slip in is one step less.
    assert!(right.labels(LabelKind::Progress)[0] > Some(0.5), "{right:?}");
    let own = &labelled(&policy, &method(None, 800, 1), &problem)[0][0];
    let (given, own) = (right.start.unwrap(), own.start.unwrap());
    // Four standard errors of the difference of two shares.
    assert!((given - own).abs() < 4.0 * (0.5 / 800.0_f64).sqrt(), "{given}, {own}");
    assert!(given > 0.2 && given < 0.8, "{given}");
}

/// Cannot write about some problems.
struct Fails<'a>(&'a dyn Generator, Vec<Prompt>);

impl Generator for Fails<'_> {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let mut all = self.0.generate(batch)?;
        for (request, generated) in batch.iter().zip(&mut all) {
            if self.1.contains(request.prefix.prompt()) {
                let failed = |_| Err(LineError("the prompt is too long".into()));
                generated.lines = (0..generated.lines.len()).map(failed).collect();
            }
        }
        Ok(all)
    }
}

/// Relative progress, by hand: what is left of the value before, 80 % of it at least.
#[test]
fn a_good_step_leaves_most_of_what_was_there() {
    let solution = |start: Option<f64>, values: &[Option<f64>]| LabelledSolution {
        prompt: "?".into(),
        start,
        steps: values
            .iter()
            .map(|&value| LabelledStep {
                text: "...\n".into(),
                tokens: vec![],
                value,
                rollouts: 10,
            })
            .collect(),
        solved: false,
    };
    let relative = LabelKind::Relative { percent: 80.try_into().unwrap() };
    for (start, values, labels) in [
        // 0.8 / 1, 0.6 / 0.8, 0.6 / 0.6, 0.9 / 0.6.
        (
            Some(1.0),
            &[Some(0.8), Some(0.6), Some(0.6), Some(0.9)][..],
            &[Some(1.0), Some(0.0), Some(1.0), Some(1.0)][..],
        ),
        // 0.4 of 0.5 is 80 %, though not in binary.
        (Some(0.5), &[Some(0.4), Some(0.3)], &[Some(1.0), Some(0.0)]),
        // Lost, and nothing to lose.
        (Some(0.1), &[Some(0.0), Some(0.0), Some(0.2)], &[Some(0.0), None, None]),
        (Some(0.0), &[Some(0.0)], &[None]),
        // Nobody knows what was there.
        (None, &[Some(0.5), None, Some(0.5)], &[None, None, None]),
    ] {
        assert_eq!(solution(start, values).labels(relative), labels, "{values:?}");
    }
    assert_eq!(relative.aggregate(), tts_core::Aggregate::Product);
}

#[test]
fn a_problem_that_nothing_can_be_written_about_has_no_labels_and_the_others_have_theirs() {
    let policy = Slipping { error: 0.3 };
    let (_, problems, _) = chains(3, 4);
    for method in [
        Method::MonteCarlo(MonteCarlo { solutions: 4, rollouts: 2, ..MonteCarlo::default() }),
        Method::OmegaPrm(OmegaPrm { rollouts: 4, searches: 5, ..OmegaPrm::default() }),
    ] {
        let whole = labelled(&policy, &method, &problems);
        let fails = Fails(&policy, vec![problems[1].prompt.clone()]);
        let mut told = Vec::new();
        let mut why = Vec::new();
        let tell = |place, Done { labelled, usage, failed }: Done<'_>| {
            told.push((place, labelled.len(), usage.logical.samples));
            why.extend(failed.map(|why| (place, why)));
        };
        let found = label(&search(&fails), &method, &problems, tell).unwrap();
        assert!(why.len() == 1 && why[0].0 == 1, "{why:?}");
        assert!(why[0].1.contains("the prompt is too long"), "{why:?}");
        assert!(found[1].is_empty() && !whole[1].is_empty());
        for place in [0, 2, 3] {
            assert_eq!(found[place], whole[place]);
        }
        told.sort_unstable();
        assert_eq!(told.iter().map(|told| told.0).collect::<Vec<_>>(), [0, 1, 2, 3]);
        // Its lines were asked for.
        assert_eq!(told[1], (1, 0, 4));
    }
    // Where nothing can be written at all, that is said, and of what.
    let all = problems.iter().map(|problem| problem.prompt.clone()).collect();
    let method = Method::MonteCarlo(MonteCarlo { solutions: 4, ..MonteCarlo::default() });
    let error = label(&search(&Fails(&policy, all)), &method, &problems, |_, _| {}).unwrap_err();
    let (error, question) = (error.to_string(), problems[0].prompt.question());
    assert!(
        error.contains("the prompt is too long") && error.contains(&format!("{question:?}")),
        "{error}"
    );
}

#[test]
fn labels_do_not_depend_on_company_or_on_a_store() {
    let policy = Slipping { error: 0.3 };
    let (_, problems, _) = chains(3, 12);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("rollouts.jsonl")).unwrap();
    let stored = store.over(policy, "slips at 0.3");
    for method in [
        Method::MonteCarlo(MonteCarlo { solutions: 4, rollouts: 4, ..MonteCarlo::default() }),
        Method::OmegaPrm(OmegaPrm { rollouts: 4, searches: 5, ..OmegaPrm::default() }),
    ] {
        let together = labelled(&policy, &method, &problems);
        let alone: Vec<_> = problems
            .iter()
            .flat_map(|problem| labelled(&policy, &method, std::slice::from_ref(problem)))
            .collect();
        assert_eq!(together, alone);
        let kept = search(&stored).concurrency(3);
        assert_eq!(label(&kept, &method, &problems, |_, _| {}).unwrap(), together);
        let lines = store.lines();
        assert_eq!(label(&kept, &method, &problems, |_, _| {}).unwrap(), together);
        assert_eq!(store.lines(), lines, "generated twice");
    }
}

#[test]
fn values_that_are_none_are_refused() {
    let exact = tts_prm::label::exact(&Chain::default(), "2+3*4", &["=2+12\n", "=14"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.jsonl");
    write_labels(&path, [&exact]).unwrap();
    let encode = |_: &LabelledStep| Ok(vec![1]);
    for bad in [f64::NAN, 5.0, -0.1] {
        let mut step = exact.clone();
        step.steps[1].value = Some(bad);
        let start = LabelledSolution { start: Some(bad), ..exact.clone() };
        for (wrong, field) in [(&step, "value of step 1"), (&start, "start")] {
            for kind in [LabelKind::Hard, LabelKind::Soft, LabelKind::ThreeClass] {
                let error = wrong.solution(kind, vec![0], encode).unwrap_err().to_string();
                assert!(error.contains(field), "{bad} {kind:?}: {error}");
            }
            let error = write_labels(&path, [&exact, wrong]).unwrap_err().to_string();
            assert!(error.contains("line 2"), "{error}");
        }
    }
    assert_eq!(read_labels(&path).unwrap(), [exact]);
}

#[test]
fn solutions_without_an_answer_are_dropped() {
    let policy = Slipping { error: 0.3 };
    let (family, mut problems, questions) = chains(3, 1);
    let question = questions[0].clone();
    // As if some answers could not be read.
    problems[0].grade = Arc::new(move |text: &str| {
        let steps = lines(text);
        let even = steps.last()?.trim().ends_with(['0', '2', '4', '6', '8']);
        even.then(|| family.solved(&question, &steps))
    });
    let config = MonteCarlo { solutions: 32, rollouts: 2, ..MonteCarlo::default() };
    let solutions = &labelled(&policy, &Method::MonteCarlo(config), &problems)[0];
    assert!(!solutions.is_empty() && solutions.len() < 32, "{}", solutions.len());
    let ends = |s: &LabelledSolution| texts(s).last().unwrap().ends_with(['0', '2', '4', '6', '8']);
    assert!(solutions.iter().all(ends));
    // To the value of the prompt they count as not right, as among rollouts.
    let right = solutions.iter().filter(|solution| solution.solved).count();
    assert!(right > 0);
    assert_eq!(solutions[0].start, Some(right as f64 / 32.0));

    // And so does what was cut off.
    let (_, problems, _) = chains(3, 1);
    let config = MonteCarlo { solutions: 32, rollouts: 2, ..MonteCarlo::default() };
    let method = Method::MonteCarlo(config);
    let whole = &labelled(&policy, &method, &problems)[0];
    let length = |solution: &LabelledSolution| {
        solution.steps.iter().map(|step| step.text.len()).sum::<usize>()
    };
    let longest = whole.iter().map(length).max().unwrap();
    let rule = StepRule { max_tokens: u32::try_from(longest - 1).unwrap(), ..StepRule::lines() };
    let cut = label(&search(&policy).rule(rule), &method, &problems, |_, _| {}).unwrap();
    assert!((1..32).contains(&cut[0].len()) && whole.len() == 32, "{}", cut[0].len());
    let right = cut[0].iter().filter(|solution| solution.solved).count();
    assert_eq!(cut[0][0].start, Some(right as f64 / 32.0));
}

fn run(config: &OmegaPrm, policy: &dyn Generator, problem: &Problem) -> Outcome {
    let strategy = config.search(Arc::clone(&problem.grade));
    search(policy).run(strategy, problem.prompt.clone()).expect("nothing fails")
}

/// Nodes below which rollouts were started: not the next step of the same rollout.
fn states(outcome: &Outcome) -> Vec<(NodeId, usize)> {
    let started = |(id, node): (NodeId, &tts_core::Node)| {
        let own = usize::from(node.kind == NodeKind::Rollout);
        (id, node.rollouts.len().saturating_sub(own))
    };
    outcome.tree.iter().map(started).filter(|(_, rollouts)| *rollouts > 0).collect()
}

/// One search of one wrong rollout names its first error, in at most `log2(steps)` probes. From a
/// right prefix of eight lines at least one of 64 rollouts comes right but for 1 in 10^4 at worst.
#[test]
fn halving_finds_the_first_error_of_a_rollout() {
    let policy = Slipping { error: 0.2 };
    let (family, problems, questions) = chains(8, 40);
    let config = OmegaPrm { rollouts: 64, searches: 1, ..OmegaPrm::default() };
    let mut found = 0;
    for (problem, question) in problems.iter().zip(&questions) {
        let outcome = run(&config, &policy, problem);
        let states = states(&outcome);
        assert_eq!(states[0], (NodeId::ROOT, 64));
        assert!(states.len() - 1 <= 3, "{} probes for 8 steps", states.len() - 1);
        let labelled = OmegaPrm::labelled(&outcome.tree, problem.grade.as_ref());
        // Each probe is labelled once.
        let values = || labelled.iter().flat_map(|solution| &solution.steps);
        assert_eq!(values().filter(|step| step.value.is_some()).count(), states.len() - 1);
        for solution in &labelled {
            let check = family.check(question, &texts(solution));
            for (place, step) in solution.steps.iter().enumerate() {
                let right = first_error(&check[..=place]).is_none();
                assert!(step.value.is_none_or(|value| (value > 0.0) == right), "{question}");
            }
            found += usize::from(first_error(&check).is_some());
        }
    }
    assert!(found > 20, "the first error is rarely among what was probed: {found}");
}

/// Every rollout is searched at most once and every prefix rolled out at most once, until
/// nothing is left to search; rollouts are far fewer than for all prefixes.
#[test]
fn the_search_ends_and_repeats_nothing() {
    let policy = Slipping { error: 0.15 };
    let (_, problems, _) = chains(6, 10);
    let config = OmegaPrm { rollouts: 8, searches: 100_000, ..OmegaPrm::default() };
    let mut searched = 0;
    for problem in &problems {
        let outcome = run(&config, &policy, problem);
        let states = states(&outcome);
        searched += states.len();
        assert!(states.iter().all(|(_, rollouts)| *rollouts == 8));
        let texts: HashSet<String> = states.iter().map(|(id, _)| outcome.tree.text(*id)).collect();
        assert_eq!(texts.len(), states.len(), "a prefix was rolled out twice");
        assert_eq!(outcome.usage.logical.samples, 8 * states.len() as u64);
    }
    assert!(searched > 100, "{searched}");
}

/// Rollouts spent until the first error of a wrong solution is known: halving against all prefixes.
#[test]
fn halving_takes_fewer_rollouts_than_labelling_every_prefix() {
    let policy = Slipping { error: 0.1 };
    let (_, problems, _) = chains(8, 30);
    let halving = OmegaPrm { rollouts: 8, searches: 1, ..OmegaPrm::default() };
    let probes: usize =
        problems.iter().map(|problem| states(&run(&halving, &policy, problem)).len() - 1).sum();
    let searched = problems
        .iter()
        .filter(|problem| states(&run(&halving, &policy, problem)).len() > 1)
        .count();
    // All prefixes of a solution of 8 steps: 7 probes.
    assert!(searched > 20 && probes <= 3 * searched, "{probes} probes of {searched} solutions");
}

#[test]
fn settings_out_of_range_are_refused() {
    let policy = Slipping { error: 0.1 };
    let (_, problems, _) = chains(3, 1);
    let bad = [
        (Method::MonteCarlo(MonteCarlo { rollouts: 0, ..MonteCarlo::default() }), "rollouts is 0"),
        (
            Method::MonteCarlo(MonteCarlo { solutions: 0, ..MonteCarlo::default() }),
            "solutions is 0",
        ),
        (Method::OmegaPrm(OmegaPrm { rollouts: 0, ..OmegaPrm::default() }), "rollouts is 0"),
        (Method::OmegaPrm(OmegaPrm { alpha: 0.0, ..OmegaPrm::default() }), "alpha is 0"),
        (Method::OmegaPrm(OmegaPrm { beta: f64::NAN, ..OmegaPrm::default() }), "beta is NaN"),
        (Method::OmegaPrm(OmegaPrm { length: -1.0, ..OmegaPrm::default() }), "length is -1"),
    ];
    for (method, expected) in bad {
        let error = label(&search(&policy), &method, &problems, |_, _| {}).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_judge_keeps_what_it_agrees_with() {
    let policy = Slipping { error: 0.3 };
    let (family, problems, _) = chains(3, 20);
    let config = MonteCarlo { solutions: 4, rollouts: 32, ..MonteCarlo::default() };
    let all: Vec<LabelledSolution> =
        labelled(&policy, &Method::MonteCarlo(config), &problems).into_iter().flatten().collect();
    let wrong = all.iter().filter(|solution| !solution.solved).count();
    assert!(wrong > 10 && wrong < all.len() - 10);
    let judge = Checker(&family);
    let agrees = Consensus { judge: &judge, threshold: 0.5 }.agrees(&all).unwrap();
    assert!(agrees.iter().all(|&agrees| agrees), "the exact judge disagrees with sure labels");
    let credulous = scorer::from_fn(|_, _| 1.0);
    let agrees = Consensus { judge: &credulous, threshold: 0.5 }.agrees(&all).unwrap();
    for (solution, agrees) in all.iter().zip(agrees) {
        assert_eq!(agrees, solution.solved);
    }
    // A step is wrong below the threshold, not at it.
    let just = scorer::from_fn(|_, _| 0.5);
    for (threshold, same) in [(0.5, true), (0.5 + f64::EPSILON, false)] {
        let agrees = Consensus { judge: &just, threshold }.agrees(&all).unwrap();
        let right = all.iter().map(|solution| solution.solved);
        assert_eq!(agrees.iter().copied().eq(right), same, "{threshold}");
    }
    let broken = scorer::from_fn(|_, _| f64::NAN);
    let error = Consensus { judge: &broken, threshold: 0.5 }.agrees(&all).unwrap_err();
    assert!(error.to_string().contains("path 0: step 0"), "{error}");
    for threshold in [f64::NAN, f64::INFINITY] {
        let error = Consensus { judge: &judge, threshold }.agrees(&all).unwrap_err();
        assert!(error.to_string().contains("threshold"), "{error}");
    }
}
