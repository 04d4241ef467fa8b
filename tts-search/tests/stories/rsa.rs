//! Populations that are aggregated.

use std::collections::BTreeSet;

use tts_core::toy::Sample;
use tts_core::*;
use tts_search::decorate::Phases;
use tts_search::refine::Words;
use tts_search::{Recipe, Revision, Rsa, RsaAnswer};

use crate::addition::problem;
use crate::sums::Sums;
use crate::{laws, picture, questions};

const SOLVER: Sums = Sums { skill: 0.4, eye: 0.8 };

fn story(population: usize, shown: usize, rounds: usize) -> Rsa {
    Rsa { population, shown, rounds, ..Default::default() }
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
    for (population, k, rounds) in [(1, 1, 1), (4, 2, 3), (6, 4, 5), (3, 3, 2)] {
        let mut batches = Vec::new();
        let mut observer = |event: &Event<'_>| {
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

/// Each of four members is taken in a quarter of 400 searches: the bound is four standard deviations.
#[test]
fn a_member_of_the_last_population_is_taken_at_random() {
    let mut taken = [0_usize; 4];
    for seed in 0..400 {
        let rsa = Rsa { answer: RsaAnswer::Member, ..story(4, 2, 2) };
        let outcome = Search::new(SOLVER).seed(seed).run(rsa, problem(0)).expect("runs");
        let tree = &outcome.tree;
        let last: Vec<NodeId> = tree
            .iter()
            .filter(|(_, node)| node.round == 2 && node.is_finished())
            .map(|(id, _)| id)
            .collect();
        let chosen = outcome.best.expect("chosen");
        taken[last.iter().position(|&id| id == chosen).expect("of the last population")] += 1;
    }
    assert!(taken.iter().all(|&count| count.abs_diff(100) < 35), "{taken:?}");
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
fn a_model_that_knows_a_right_solution_gains_by_every_population() {
    let right = |rounds, population, shown| {
        let right = |&index: &u64| {
            let search = Search::new(Sums { skill: 0.2, eye: 0.7 }).seed(3);
            let outcome = search.run(story(population, shown, rounds), problem(index));
            let gold = crate::addition::right(problem(index).question());
            outcome.expect("runs").answer() == Some(gold)
        };
        (0..200).filter(right).count()
    };
    // 32 lines as eight populations of four, which see one or four, and as one of 32: the majority. A member
    // that is shown a right one is right with 0.7 and more, else with 0.2.
    for shown in [1, 4] {
        let expected = 200.0 * rate(shown);
        let deviation = (expected * (1.0 - expected / 200.0)).sqrt();
        let found = right(8, 4, shown) as f64;
        assert!((found - expected).abs() < 4.0 * deviation, "{shown}: {found} of {expected}");
    }
    // What one sees matters: far more than chance, and one solution shown is more than the majority, 0.2.
    assert!(rate(4) > 0.9 && (0.3..0.6).contains(&rate(1)), "{} {}", rate(4), rate(1));
}

/// How often eight populations of four come to the right answer, by the probabilities of the world: a member
/// is right with 0.76 when it is shown a right one, else with 0.2, and a wrong one is any of four.
fn rate(shown: usize) -> f64 {
    let member = |right: usize| {
        let hit = if shown == 1 { right as f64 / 4.0 } else { f64::from(u8::from(right > 0)) };
        0.2 + hit * 0.56
    };
    let choose = [1.0, 4.0, 6.0, 4.0, 1.0];
    let count = |rate: f64, right: usize| {
        let wrong = i32::try_from(4 - right).expect("few");
        choose[right] * rate.powi(4 - wrong) * (1.0 - rate).powi(wrong)
    };
    // The majority of four, of equals the first: all ways in which they may answer, 0 is right.
    let wins = |rate: f64| -> f64 {
        let ways = (0..625_usize).map(|way| [way % 5, way / 5 % 5, way / 25 % 5, way / 125]);
        let chosen = |way: &[usize; 4]| {
            let votes = |answer: usize| way.iter().filter(|&&other| other == answer).count();
            let most = way.iter().map(|&answer| votes(answer)).max();
            way.iter().copied().find(|&answer| Some(votes(answer)) == most)
        };
        let each = |answer: &usize| if *answer == 0 { rate } else { (1.0 - rate) / 4.0 };
        let right = ways.filter(|way| chosen(way) == Some(0));
        right.map(|way| way.iter().map(each).product::<f64>()).sum()
    };
    let mut right: Vec<f64> = (0..5).map(|right| count(0.2, right)).collect();
    for _ in 2..8 {
        let next = |to: usize| (0..5).map(|from| right[from] * count(member(from), to)).sum();
        right = (0..5).map(next).collect();
    }
    (0..5).map(|last| right[last] * wins(member(last))).sum()
}

/// One decision of a strategy that is stepped by hand.
fn decide(strategy: &mut Rsa, tree: &mut Tree, fresh: &[NodeId]) -> Vec<Expand> {
    let (usage, budget, mut rng) = (Cost::default(), Budget::default(), seed::rng(0));
    let origin: Vec<usize> = (0..fresh.len()).collect();
    strategy.step(&mut View::new(tree, fresh, &origin, &usage, &budget, &mut rng))
}

/// A budget that ends within a population.
#[test]
fn a_population_without_an_answer_gives_way_to_the_one_before() {
    let mut tree = Tree::new(Prompt::from("3 + 4 = ?"), 0);
    let mut strategy = story(3, 1, 4);
    decide(&mut strategy, &mut tree, &[NodeId::ROOT]);
    let first = [8, 7, 7].map(|answer| {
        tree.grow(NodeId::ROOT, &format!("The answer is {answer}."), Finish::Stop, None)
    });
    let picked = |strategy: &Rsa, tree: &Tree| {
        strategy.pick(tree).map(|id| tree.text(id)).unwrap_or_default()
    };
    let asked = decide(&mut strategy, &mut tree, &first);
    assert_eq!((asked.len(), picked(&strategy, &tree).as_str()), (3, "The answer is 7."));
    let cut = tree.grow(asked[0].node, "I do not", Finish::Length, None);
    let blank = tree.grow(asked[1].node, "I do not know.", Finish::Stop, None);
    let asked = decide(&mut strategy, &mut tree, &[cut, blank]);
    assert_eq!(picked(&strategy, &tree), "The answer is 7.");
    let third = tree.grow(asked[0].node, "The answer is 8.", Finish::Stop, None);
    // What was cut says nothing beside what was finished.
    let cuts = [(); 2].map(|()| tree.grow(asked[1].node, "The answer is 9.", Finish::Length, None));
    decide(&mut strategy, &mut tree, &[third, cuts[0], cuts[1]]);
    assert_eq!(picked(&strategy, &tree), "The answer is 8.");
    // None has an answer: the last population.
    let mut tree = Tree::new(Prompt::from("3 + 4 = ?"), 0);
    decide(&mut strategy, &mut tree, &[NodeId::ROOT]);
    let first = tree.grow(NodeId::ROOT, "I do not know.", Finish::Stop, None);
    let asked = decide(&mut strategy, &mut tree, &[first]);
    let still = tree.grow(asked[0].node, "I still do not.", Finish::Stop, None);
    decide(&mut strategy, &mut tree, &[still]);
    assert_eq!(picked(&strategy, &tree), "I still do not.");
}

#[test]
fn in_company_its_populations_are_its_own() {
    let revision = Revision { chains: 3, length: 4, ..Default::default() };
    let revision = Revision { select: Selection::majority(), ..revision };
    let mut elsewhere = 0;
    for index in 0..20 {
        let phases = Phases::<Recipe>::default().then(0.5, revision.clone());
        let phases = phases.then(0.5, story(4, 2, 2));
        let outcome = Search::new(SOLVER).seed(5).run(phases, problem(index)).expect("runs");
        let tree = &outcome.tree;
        let last = tree.iter().filter(|(_, node)| node.round == 6 && !node.is_question());
        let last: Vec<NodeId> = last.map(|(id, _)| id).collect();
        assert_eq!((last.len(), outcome.usage.rounds), (4, 6));
        assert_eq!(outcome.best, Selection::majority().pick_among(tree, &last));
        elsewhere += u32::from(
            outcome.answer()
                != Recipe::from(revision.clone())
                    .pick(tree)
                    .and_then(|id| tree.answer(id).map(str::to_owned)),
        );
    }
    assert!(elsewhere > 0);
}

#[test]
fn its_tree() {
    let outcome = run(3, 2, 2, 2);
    assert_eq!(
        picture(&outcome),
        "1 + 0 49.\n\
         2 + 0 52.\n\
         3 + 0 52.\n\
         4 ? 2\n\
         5 ? 3\n\
         6 ? 1\n\
         7 + 4 49. *\n\
         8 + 5 49.\n\
         9 + 6 49."
    );
}

#[test]
fn its_budget_is_of_all_its_lines() {
    for (n, expected) in
        [(1, (1, 1, 1)), (3, (3, 3, 1)), (4, (2, 2, 2)), (16, (4, 4, 4)), (70, (8, 4, 8))]
    {
        let Rsa { population, shown, rounds, .. } = Rsa::square(n);
        assert_eq!((population, shown, rounds), expected);
    }
}

#[test]
fn one_value_searches_twice() {
    let search = Search::new(SOLVER).seed(5);
    let mut strategy = story(4, 2, 3);
    for _ in 0..2 {
        let outcome = search.run(&mut strategy, problem(3)).expect("runs");
        assert_eq!(outcome.tree, run(4, 2, 3, 3).tree);
    }
}

#[test]
fn raw_text_is_asked_in_raw_text_and_a_chat_in_a_chat() {
    let question = problem(0).question().to_owned();
    for (prompt, raw) in
        [(Prompt::text(&question), true), (Prompt::chat("Be brief.", &question), false)]
    {
        let search = Search::new(SOLVER).seed(5);
        let tree = search.run(story(3, 2, 2), prompt).expect("runs").tree;
        for question in questions(&tree) {
            match &**tree.asked(question) {
                Prompt::Text(text) => assert!(raw && text.contains("<solution>")),
                Prompt::Chat(messages) => {
                    assert!(!raw && messages.len() == 2 && messages[0].content == "Be brief.");
                    assert!(messages[1].content.contains("<solution>"));
                }
            }
        }
    }
}

#[test]
fn bad_settings_are_named() {
    let words = |each: &str, ask: &str| Words { each: each.into(), ask: ask.into() };
    for (rsa, expected) in [
        (story(0, 1, 1), "rsa: population is 0, expected at least 1"),
        (story(1, 0, 1), "rsa: shown is 0"),
        (story(1, 1, 0), "rsa: rounds is 0"),
        (story(3, 4, 2), "rsa: shown is 4, expected at most population, which is 3"),
        (
            Rsa { answer: RsaAnswer::Member, select: Selection::weighted(), ..story(4, 2, 2) },
            "rsa: select is a vote",
        ),
        (Rsa { words: words("x", "{question}{attempts}"), ..story(4, 2, 2) }, "rsa: words.each"),
        (Rsa { words: words("{attempt}", "{question}"), ..story(4, 2, 2) }, "rsa: words.ask"),
    ] {
        let error = Search::new(SOLVER).run(rsa, problem(0)).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let weighted = Rsa { select: Selection::weighted(), ..story(4, 2, 2) };
    let error = Search::new(SOLVER).run(weighted, problem(0)).expect_err("no scorer");
    assert!(error.to_string().contains("rsa needs a scorer"), "{error}");
}

#[test]
fn words_that_a_recipe_leaves_out_are_its_own() {
    let json = r#"{"strategy": "rsa", "words": {"each": "- {attempt}\n"}}"#;
    let recipe = Recipe::from_json(json).expect("parses");
    let words = Words { each: "- {attempt}\n".into(), ..Rsa::default().words };
    assert_eq!(recipe, Rsa { words, ..Rsa::default() }.into());
    let json = r#"{"strategy": "rsa", "words": {"ask": "{question} {attempts}"}}"#;
    let recipe = Recipe::from_json(json).expect("parses");
    let words = Words { ask: "{question} {attempts}".into(), ..Rsa::default().words };
    assert_eq!(recipe, Rsa { words, ..Rsa::default() }.into());
    let json = r#"{"strategy": "rsa", "words": {"eech": "- {attempt}"}}"#;
    let error = Recipe::from_json(json).expect_err("unknown").to_string();
    assert!(error.contains("unknown field `eech`"), "{error}");
}

#[test]
fn laws() {
    let prompts: Vec<_> = (0..8).map(problem).collect();
    laws::hold(&Search::new(SOLVER).scorer(SOLVER).seed(5), &story(4, 2, 3), &prompts);
}
