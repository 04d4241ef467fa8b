//! Labelling step by step, of rollouts that are written down: what is asked for, in which order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tts_core::{
    BoxError, Completion, Finish, Generated, Generator, Prompt, Request, Sampling, Search,
    SearchStrategy, Step, StepRule, Tree,
};
use tts_prm::label::{Grade, LabelledSolution, MonteCarlo, OmegaPrm};

/// The lines that are written after a text, each of its steps: a letter, or `R` and `W` for an end that
/// is right or wrong, and the number of tokens.
type Lines = &'static [&'static [(&'static str, usize)]];

/// An end that is right, and one that is wrong.
const R: &[(&str, usize)] = &[("R", 1)];
const W: &[(&str, usize)] = &[("W", 1)];

/// Tells known lines. From a text that it does not know, everything ends wrong.
struct Story {
    lines: HashMap<&'static str, Lines>,
    asked: Mutex<Vec<String>>,
}

impl Generator for Story {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = |request: &Request| {
            let steps = request.prefix.steps().iter();
            let before: String = steps.map(|step| step.text.as_str()).collect();
            let lines = self.lines.get(before.as_str()).copied().unwrap_or(&[W, W, W, W]);
            asked.push(before);
            let step = |&(text, tokens): &(&str, usize)| Step {
                text: text.to_owned(),
                tokens: vec![7; tokens],
                ..Step::default()
            };
            let line = |(_, line): (&u64, &&[_])| {
                let steps = line.iter().map(step).collect();
                Ok(Completion { steps, finish: Finish::Stop, prompt_tokens: 0 })
            };
            Generated {
                lines: request.seeds.iter().zip(lines).map(line).collect(),
                computed_tokens: 0,
                cached_tokens: 0,
            }
        };
        Ok(batch.iter().map(answer).collect())
    }
}

fn grade() -> Arc<dyn Grade> {
    Arc::new(|text: &str| Some(text.ends_with('R')))
}

/// What is asked for, and the tree in the end.
fn run(strategy: impl SearchStrategy, lines: &[(&'static str, Lines)]) -> (Vec<String>, Tree) {
    let lines = lines.iter().copied().collect();
    let story = Story { lines, asked: Mutex::default() };
    let outcome = Search::new(&story).rule(StepRule::lines()).run(strategy, Prompt::from("?"));
    let tree = outcome.expect("nothing fails").tree;
    (story.asked.into_inner().expect("no panic"), tree)
}

/// Four rollouts of a state; everything counts alike but what a test sets.
fn plain() -> OmegaPrm {
    let (alpha, beta, length, exploration) = (1.0, 1.0, 10.0, 0.0);
    OmegaPrm { rollouts: 4, alpha, beta, length, exploration, ..OmegaPrm::default() }
}

fn omega(config: &OmegaPrm, lines: &[(&'static str, Lines)]) -> Vec<String> {
    run(config.search(grade()), lines).0
}

#[test]
fn equal_prefixes_are_rolled_out_once() {
    let lines: [(&str, Lines); 1] = [(
        "",
        &[
            &[("a", 1), ("b", 1), ("R", 1)],
            &[("a", 1), ("b", 1), ("W", 1)],
            &[("a", 1), ("c", 1), ("W", 1)],
            // The same text of other tokens is another prefix.
            &[("a", 2), ("W", 1)],
        ],
    )];
    let config = MonteCarlo { solutions: 4, rollouts: 3, ..MonteCarlo::default() };
    let (mut asked, tree) = run(config.search(grade()), &lines);
    asked.sort_unstable();
    assert_eq!(asked, ["", "a", "a", "ab", "ac"]);
    let labelled = config.labelled(&tree, grade().as_ref());
    let rollouts = |s: &LabelledSolution| s.steps.iter().map(|s| s.rollouts).collect::<Vec<_>>();
    let expected = [vec![3, 3, 0], vec![3, 3, 0], vec![3, 3, 0], vec![3, 0]];
    assert_eq!(labelled.iter().map(rollouts).collect::<Vec<_>>(), expected);
}

/// The solution is right, one in three rollouts of the prompt is.
#[test]
fn the_value_of_the_prompt_is_that_of_who_writes_the_rollouts() {
    let lines: [(&str, Lines); 1] = [("", &[&[("a", 1), ("R", 1)], &[("W", 2)], W])];
    let alike = MonteCarlo { solutions: 1, rollouts: 3, ..MonteCarlo::default() };
    let otherwise = MonteCarlo { sampling: Some(Sampling::greedy()), ..alike.clone() };
    let third = Some(1.0 / 3.0);
    for (config, expected, start) in
        [(alike, &["", "a"][..], Some(1.0)), (otherwise, &["", "", "a"], third)]
    {
        let (mut asked, tree) = run(config.search(grade()), &lines);
        asked.sort_unstable();
        assert_eq!(asked, expected);
        let labelled = config.labelled(&tree, grade().as_ref());
        assert_eq!(labelled.iter().map(|own| own.start).collect::<Vec<_>>(), [start]);
    }
}

/// Rollouts of 8, 25, 26 and 30 tokens: the shortest is searched first. The one of 25 begins at a state
/// that lies 22 tokens behind the prompt, which do not count.
#[test]
fn short_rollouts_are_searched_first() {
    let lines: [(&str, Lines); 2] = [
        (
            "",
            &[
                &[("a", 2), ("b", 20), ("c", 2), ("W", 2)],
                &[("d", 4), ("W", 4)],
                &[("f", 15), ("W", 15)],
                R,
            ],
        ),
        ("ab", &[&[("e", 12), ("W", 13)], R, R, R]),
    ];
    let asked = omega(&OmegaPrm { beta: 0.5, ..plain() }, &lines);
    assert_eq!(asked, ["", "d", "ab", "abc", "abe", "f"]);
    // Where length does not count, the first of equals.
    assert_eq!(omega(&plain(), &lines), ["", "ab", "abc", "d", "f", "abe"]);
    // Every search begins with one of the states known by then.
    let two = OmegaPrm { searches: 2, beta: 0.5, ..plain() };
    assert_eq!(omega(&two, &lines), ["", "d", "ab", "abc"]);
}

/// Rollouts of `ab`, from where 3 of 4 come right, then those of the prompt, 2 of 4, then of `a`, 1 of 4.
#[test]
fn rollouts_of_states_that_are_likely_right_are_searched_first() {
    let lines: [(&str, Lines); 3] = [
        ("", &[&[("a", 1), ("b", 1), ("W", 1)], &[("c", 1), ("W", 1)], R, R]),
        ("a", &[&[("x", 1), ("W", 1)], &[("u", 1), ("W", 1)], &[("v", 1), ("W", 1)], R]),
        ("ab", &[&[("y", 1), ("W", 1)], R, R, R]),
    ];
    let asked = omega(&OmegaPrm { alpha: 0.5, ..plain() }, &lines);
    assert_eq!(asked, ["", "a", "ab", "aby", "c", "ax", "au", "av"]);
}

/// `Q + c sqrt(searches) / (1 + visits)` by hand, where every `Q` is 1.
#[test]
fn states_that_were_searched_rarely_are_searched_first() {
    let lines: [(&str, Lines); 3] = [
        ("", &[&[("a", 1), ("b", 1), ("W", 1)], &[("c", 1), ("W", 1)], R, R]),
        ("a", &[&[("x", 1), ("d", 1), ("W", 1)], R, R, R]),
        ("ax", &[&[("y", 1), ("W", 1)], &[("z", 1), ("W", 1)], R, R]),
    ];
    let visits = OmegaPrm { exploration: 1.0, ..plain() };
    // After the first search: 1 + 1/2 for what is left of the prompt, 1 + 1 for `a`. After the second
    // 1 + 1.41/2 and 1 + 1.41 for both of `ax`, after the third 1 + 1.73/2 for all, the first of which
    // is the prompt's.
    let (asked, tree) = run(visits.search(grade()), &lines);
    assert_eq!(asked, ["", "a", "ab", "ax", "axd", "axy", "c", "axz"]);
    // Each state is told once, on the first path through it.
    let labelled = OmegaPrm::labelled(&tree, grade().as_ref());
    let told = |solution: &LabelledSolution| -> Vec<(String, Option<f64>)> {
        solution.steps.iter().map(|step| (step.text.clone(), step.value)).collect()
    };
    let mut told: Vec<_> = labelled.iter().map(told).collect();
    told.sort_by(|a, b| b.iter().map(|(text, _)| text).cmp(a.iter().map(|(text, _)| text)));
    let step = |text: &str, value: Option<f64>| (text.to_owned(), value);
    let known: Vec<f64> =
        told.iter().flatten().filter(|(text, _)| text == "a").filter_map(|(_, v)| *v).collect();
    assert_eq!(known, [0.75]);
    assert!(labelled.iter().all(|solution| solution.start == Some(0.5)));
    let ends: Vec<_> = told.iter().filter_map(|path| path.last().cloned()).collect();
    let zero = Some(0.0);
    let expected = ["c", "z", "y", "d", "b"].map(|text| step(text, zero));
    assert_eq!(ends, expected);
}
