//! Populations that are aggregated.

#[path = "../../examples/stories/aggregation.rs"]
mod story;

use std::collections::BTreeSet;

use story::Aggregation;
use tts_core::toy::Sample;
use tts_core::{NodeId, Outcome, Scripted, Search, What};

use crate::addition::problem;
use crate::sums::Sums;
use crate::{laws, questions};

const SOLVER: Sums = Sums { skill: 0.4, eye: 0.8 };

fn story(population: usize, shown: usize, rounds: usize) -> Scripted<Aggregation> {
    Scripted::of(Aggregation { population, shown, rounds })
}

fn run(population: usize, shown: usize, rounds: usize, index: u64) -> Outcome {
    let search = Search::new(SOLVER).seed(5);
    search.run(story(population, shown, rounds), problem(index)).expect("runs")
}

/// The solutions that a question shows.
fn shown(outcome: &Outcome, question: NodeId) -> Vec<String> {
    let text = outcome.tree.asked(question).question();
    let solutions = text.split("<solution>\n").skip(1);
    solutions.filter_map(|rest| rest.split_once("\n</solution>").map(|s| s.0.to_owned())).collect()
}

#[test]
fn it_takes_population_times_rounds_lines_in_one_batch_a_round() {
    for (population, k, rounds) in [(1, 1, 1), (4, 2, 3), (6, 4, 5), (3, 9, 2)] {
        let mut batches = Vec::new();
        let mut observer = |event: &tts_core::Event<'_>| {
            if let What::Asked { lines } = event.what {
                batches.push(lines);
            }
        };
        let search = Search::new(SOLVER).observer(&mut observer);
        let outcome = search.run(story(population, k, rounds), problem(0)).expect("runs");
        drop(search);
        assert_eq!(batches, vec![population; rounds]);
        assert_eq!(outcome.usage.logical.samples, (population * rounds) as u64);
        assert_eq!(outcome.usage.rounds as usize, rounds);
        assert_eq!(outcome.tree.candidates().len(), population * rounds);
        // The first population is one call, each aggregation one more.
        assert_eq!(outcome.usage.logical.calls, 1 + (population * (rounds - 1)) as u64);
    }
}

#[test]
fn one_round_is_the_pool_of_best_of_n() {
    for index in 0..8 {
        let pool = Search::new(SOLVER).seed(5).run(Sample { n: 6 }, problem(index)).expect("runs");
        assert_eq!(run(6, 3, 1, index).tree, pool.tree);
        // And that is what further rounds begin with.
        let longer = run(6, 3, 4, index).tree;
        for (id, node) in pool.tree.iter().skip(1) {
            assert_eq!((longer.text(id), longer[id].seed), (pool.tree.text(id), node.seed));
        }
    }
}

#[test]
fn solutions_are_shown_without_replacement_and_are_of_the_last_population() {
    let (mut orders, mut sets) = (BTreeSet::new(), BTreeSet::new());
    for index in 0..20 {
        let outcome = run(5, 3, 3, index);
        let tree = &outcome.tree;
        let asked = questions(tree);
        assert_eq!(asked.len(), 10);
        for question in asked {
            let texts = shown(&outcome, question);
            let round = tree[question].round;
            let mut last: Vec<String> = tree
                .iter()
                .filter(|(_, node)| !node.is_question() && node.round == round)
                .map(|(id, _)| tree.text(id))
                .collect();
            assert_eq!((texts.len(), last.len()), (3, 5));
            for text in &texts {
                let place = last.iter().position(|other| other == text);
                last.swap_remove(place.expect("a member that was not drawn before"));
            }
            // About the first that it shows.
            let about = tree[question].parent.expect("about a solution");
            assert_eq!(texts[0], tree.text(about));
            orders.insert((index, round, texts.clone()));
            sets.insert(about);
        }
    }
    assert!(orders.len() > 100 && sets.len() > 5, "{} {}", orders.len(), sets.len());
}

#[test]
fn one_solution_shown_is_self_refinement() {
    let outcome = run(4, 1, 3, 1);
    for question in questions(&outcome.tree) {
        let about = outcome.tree[question].parent.expect("about a solution");
        assert_eq!(shown(&outcome, question), [outcome.tree.text(about)]);
        assert_eq!(outcome.tree[question].children.len(), 1);
    }
}

#[test]
fn the_answer_is_the_majority_of_the_last_population() {
    for index in 0..20 {
        let outcome = run(5, 3, 3, index);
        let tree = &outcome.tree;
        let last: Vec<&str> = tree
            .iter()
            .filter(|(_, node)| node.round == 3)
            .filter_map(|(id, _)| tree.answer(id))
            .collect();
        let count = |answer: &str| last.iter().filter(|other| **other == answer).count();
        let most = last.iter().map(|answer| count(answer)).max();
        assert_eq!(Some(count(&outcome.answer().expect("an answer"))), most);
    }
}

#[test]
fn laws() {
    let prompts: Vec<_> = (0..8).map(problem).collect();
    laws::hold(&Search::new(SOLVER).scorer(SOLVER).seed(5), &story(4, 2, 3), &prompts);
}
