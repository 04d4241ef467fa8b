//! Chains of revisions.

#[path = "../../examples/stories/revision.rs"]
mod story;

use story::Revision;
use tts_core::select::{Vote, Weight, weighted, weighted_over_chains};
use tts_core::toy::{Markov, Sample};
use tts_core::{Aggregate, NodeId, Outcome, Scripted, Search, Selection, StepRule, Stop};

use crate::addition::problem;
use crate::common::Fails;
use crate::laws;
use crate::sums::Sums;

const SOLVER: Sums = Sums { skill: 0.4, eye: 0.8 };

fn story(chains: usize, length: usize) -> Scripted<Revision> {
    Scripted::of(Revision { chains, length, shown: 4 })
}

fn run(chains: usize, length: usize, index: u64) -> Outcome {
    let search = Search::new(SOLVER).scorer(SOLVER).seed(5);
    search.run(story(chains, length), problem(index)).expect("runs")
}

/// The chains as the tree has them: each attempt is asked for in a question about the one before.
fn chains(outcome: &Outcome) -> Vec<Vec<NodeId>> {
    let tree = &outcome.tree;
    let next = |&attempt: &NodeId| {
        let question = tree[attempt].questions.first()?;
        tree[*question].children.first().copied()
    };
    let chain = |&first: &NodeId| std::iter::successors(Some(first), next).collect();
    tree[NodeId::ROOT].children.iter().map(chain).collect()
}

#[test]
fn a_revision_is_shown_the_latest_four_attempts_in_order() {
    let outcome = run(2, 8, 0);
    let tree = &outcome.tree;
    for chain in chains(&outcome) {
        assert_eq!(chain.len(), 8);
        for place in 1..8 {
            let asked = tree.asked(chain[place]).question();
            let latest = &chain[place.saturating_sub(4)..place];
            let shown = |&attempt| format!("<attempt>\n{}\n</attempt>\n", tree.text(attempt));
            let shown = latest.iter().map(shown).collect::<Vec<String>>().concat();
            assert!(asked.contains(&format!("attempts:\n{shown}Write")), "{asked}");
        }
    }
    assert_eq!((outcome.usage.rounds, outcome.usage.logical.samples), (8, 16));
    assert_eq!(outcome.tree.candidates().len(), 16);
}

#[test]
fn the_choice_is_hierarchical() {
    let mut elsewhere = 0;
    for index in 0..200 {
        let outcome = run(3, 4, index);
        let tree = &outcome.tree;
        let chains = chains(&outcome);
        let vote = |&node: &NodeId| Vote {
            answer: tree.answer(node).map(str::to_owned),
            score: tree.score(node, Aggregate::ByScale).expect("judged"),
        };
        let votes: Vec<Vec<Vote>> =
            chains.iter().map(|chain| chain.iter().map(vote).collect()).collect();
        let (chain, place) =
            weighted_over_chains(&votes, |a, b| a == b, Weight::Raw).expect("a winner");
        assert_eq!(outcome.best, Some(chains[chain][place]));
        let flat = Selection::weighted().pick(tree).expect("a winner");
        elsewhere += u32::from(tree.answer(flat) != outcome.answer().as_deref());
    }
    // It is not the flat vote.
    assert!(elsewhere > 0);
}

#[test]
fn chains_of_one_are_the_weighted_vote_over_best_of_n() {
    for index in 0..60 {
        let outcome = run(7, 1, index);
        let search = Search::new(SOLVER).scorer(SOLVER).seed(5);
        let pool = search.run(Sample { n: 7 }, problem(index)).expect("runs");
        assert_eq!(outcome.tree, pool.tree);
        let votes: Vec<Vote> = pool
            .candidates(Aggregate::ByScale)
            .into_iter()
            .map(|candidate| Vote { answer: candidate.answer, score: candidate.score })
            .collect();
        let winner = weighted(&votes, |a, b| a == b, Weight::Raw).expect("a winner");
        assert_eq!(outcome.best, Some(pool.tree.candidates()[winner]));
        let selected = Selection::weighted().pick(&pool.tree).expect("a winner");
        assert_eq!(outcome.answer().as_deref(), pool.tree.answer(selected));
    }
}

#[test]
fn one_chain_is_the_best_of_its_own_winner() {
    for index in 0..40 {
        let outcome = run(1, 5, index);
        assert_eq!(outcome.best, Selection::weighted().pick(&outcome.tree));
    }
}

#[test]
fn a_line_that_failed_ends_its_chain_and_not_the_search() {
    let endless = Markov::new(|_| vec![0.5, 0.5, 0.0]);
    let run = |request| {
        let model = Fails::of(endless.clone(), request);
        // Every attempt is cut, so that nothing has finished.
        let rule = StepRule { max_tokens: 3, ..StepRule::default() };
        let select = Selection::majority();
        let revision = tts_search::Revision { chains: 1, length: 4, select, ..Default::default() };
        Search::new(model).rule(rule).run(revision, "a or b?")
    };
    for attempts in 1..4 {
        let outcome = run(attempts).expect("the attempts before");
        assert_eq!((outcome.tree.candidates().len(), outcome.failed.len()), (attempts, 1));
        assert!(outcome.stop == Stop::Done && outcome.best.is_some());
    }
    assert_eq!(run(4).expect("four attempts").failed.len(), 0);
    let error = run(0).expect_err("nothing was written");
    assert!(error.to_string().contains("hung up"), "{error}");
}

/// The strategy of the library, without a script, makes the same trees and the same choice.
#[test]
fn the_strategy_of_the_library_is_the_same_search() {
    for (index, (chains, length)) in (0..30).zip([(1, 6), (3, 4), (5, 1)].into_iter().cycle()) {
        let search = Search::new(SOLVER).scorer(SOLVER).seed(5);
        let own = tts_search::Revision { chains, length, ..Default::default() };
        let strategy = search.run(own.clone(), problem(index)).expect("runs");
        let script = run(chains, length, index);
        // The script asks in a chat, the strategy as the problem was asked: in raw text.
        let nodes = |outcome: &Outcome| {
            let node = |(id, node): (NodeId, &tts_core::Node)| {
                (outcome.tree.text(id), node.seed, node.score, node.kind, node.cost)
            };
            outcome.tree.iter().map(node).collect::<Vec<_>>()
        };
        assert!(nodes(&strategy) == nodes(&script), "{chains} x {length}");
        assert_eq!(strategy.answer(), script.answer());
        assert_eq!(strategy.usage.logical, script.usage.logical);
        // The vote over all attempts at once is another one.
        let flat = tts_search::Revision { by_chain: false, ..own };
        let flat = search.run(flat, problem(index)).expect("runs");
        assert_eq!(flat.best, Selection::weighted().pick(&script.tree));
    }
}

#[test]
fn laws_of_the_strategy() {
    let prompts: Vec<_> = (0..8).map(problem).collect();
    let own = tts_search::Revision { chains: 2, length: 6, ..Default::default() };
    laws::hold(&Search::new(SOLVER).scorer(SOLVER).seed(5), &own, &prompts);
}

#[test]
fn bad_settings_are_named() {
    let default = tts_search::Revision::default;
    let words =
        |each: &str, ask: &str| tts_search::refine::Words { each: each.into(), ask: ask.into() };
    for (revision, expected) in [
        (tts_search::Revision { chains: 0, ..default() }, "chains is 0"),
        (tts_search::Revision { length: 0, ..default() }, "length is 0"),
        (tts_search::Revision { shown: 0, ..default() }, "shown is 0"),
        (
            tts_search::Revision { words: words("x", "{attempts}{question}"), ..default() },
            "words.each does not say where {attempt} stands",
        ),
        (
            tts_search::Revision { words: words("{attempt}", "{question}"), ..default() },
            "words.ask does not say where {attempts} stands",
        ),
        (
            tts_search::Revision { words: words("{attempt}", "{attempts}"), ..default() },
            "where {question} stands",
        ),
    ] {
        let error =
            Search::new(SOLVER).scorer(SOLVER).run(revision, problem(0)).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let bare = Search::new(SOLVER).run(default(), problem(0)).expect_err("no scorer");
    assert!(bare.to_string().contains("revision needs a scorer"), "{bare}");
}

#[test]
fn laws() {
    let prompts: Vec<_> = (0..8).map(problem).collect();
    laws::hold(&Search::new(SOLVER).scorer(SOLVER).seed(5), &story(2, 6), &prompts);
}
