//! Faults of other implementations, each with a test that fails where the fault is present.

mod common;

use std::collections::HashSet;

use common::{ByHand, Says, line};
use tts_core::toy::{Oracle, ToyWorld};
use tts_core::*;
use tts_search::*;

const WORLD: ToyWorld = ToyWorld { additions: 4, error: 0.4, seed: 2 };
const ORACLE: Oracle = Oracle { noise: 0.3, seed: 8 };

fn search(rule: StepRule) -> Search<'static> {
    Search::new(WORLD).scorer(ORACLE).rule(rule).sampling(Sampling::temperature(1.0)).seed(11)
}

fn run(strategy: impl SearchStrategy, rule: StepRule) -> Outcome {
    search(rule).run(strategy, WORLD.prompt(0)).expect("runs")
}

/// Likes everything alike.
struct Indifferent;
const INDIFFERENT: Indifferent = Indifferent;

impl StepScorer for Indifferent {
    fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
        let half = |path: &Trajectory| Scored::of(vec![0.5; path.fresh_steps().len()]);
        Ok(batch.iter().map(half).collect())
    }
    fn scale(&self) -> Scale {
        Scale::PREFIX
    }
}

/// The strategies that search step by step.
fn stepwise() -> Vec<Recipe> {
    let beam = |completed| BeamSearch { keep: 2, branch: 3, completed, ..Default::default() };
    vec![
        beam(Completed::FreeSlot).into(),
        beam(Completed::Refill).into(),
        beam(Completed::Compete).into(),
        Lookahead::of(Recipe::from(beam(Completed::FreeSlot))).into(),
        Dvts { n: 6, branch: 3, ..Default::default() }.into(),
        ParticleFilter::of(6).into(),
        ParticleFilter::twisted(6).into(),
        ParticleGibbs { iterations: 2, filter: ParticleFilter::of(4), ..Default::default() }.into(),
        Rebase { width: 6, ..Default::default() }.into(),
        StepBestOfN { n: 3, ..Default::default() }.into(),
        Mcts { simulations: 8, leaves: 2, branch: 3, ..Default::default() }.into(),
    ]
}

fn all() -> Vec<Recipe> {
    let names = Recipe::NAMES.iter().map(|name| Recipe::default_of(name, 4).expect("known"));
    stepwise().into_iter().chain(names).collect()
}

// search-and-learn

#[test]
fn lookahead_changes_what_is_kept() {
    // There the rollouts were generated, and the scorer was shown the text without them.
    let plain = BeamSearch::source(6, 2).expect("possible");
    let ahead = |k| Lookahead { depth: k, ..Lookahead::of(plain.clone()) };
    let kept = |outcome: &Outcome| -> Vec<String> {
        let tree = &outcome.tree;
        let first = tree[NodeId::ROOT].children.iter();
        first.filter(|&&id| !tree[id].children.is_empty()).map(|&id| tree.text(id)).collect()
    };
    let noisy = Oracle { noise: 0.9, seed: 1 };
    let mut differs = false;
    for problem in 0..10 {
        let run = |k| {
            let search = search(StepRule::lines()).scorer(noisy);
            search.run(ahead(k), WORLD.prompt(problem)).expect("runs")
        };
        let (without, with) = (run(0), run(2));
        differs |= kept(&without) != kept(&with);
        let open = with.tree.iter().filter(|(_, node)| !node.rollouts.is_empty());
        let values = open.filter(|(_, node)| node.value.is_some_and(|v| Some(v) != node.score));
        assert!(values.count() > 0, "problem {problem}: no score has changed");
    }
    assert!(differs);
}

#[test]
fn fewer_candidates_than_branches_are_refused() {
    // There `n // m` was 0, and the last 0 of a list were all of it: nothing was pruned.
    for n in [1, 2, 3] {
        assert!(BeamSearch::snell(n, 4).is_err());
        assert!(Dvts { n, branch: 4, ..Default::default() }.check().is_err());
    }
}

#[test]
fn a_step_cut_by_its_length_is_not_finished() {
    // There no stop reason meant the end of the solution, also when a limit had cut the step.
    let rule = StepRule { max_step_tokens: 4, ..StepRule::lines() };
    for recipe in all() {
        let outcome = run(recipe.clone(), rule.clone());
        for id in outcome.tree.finished() {
            assert!(outcome.tree.text(id).contains("The answer is"), "{recipe:?}");
        }
        // Zero-shot bounds the answer of its second call on purpose.
        let best = outcome.best.expect("an answer");
        let bounded = matches!(recipe, Recipe::ZeroShot(_));
        assert!(bounded || outcome.tree[best].is_finished(), "{recipe:?} gave up at a cut");
    }
}

#[test]
fn a_solution_cut_by_its_length_takes_no_slot() {
    let mut search = ByHand::new(BeamSearch { keep: 2, branch: 1, ..Default::default() });
    search.start();
    let cut = search.leaf(0, Finish::Length, 0.9);
    assert!(!search.tree[cut].open && !search.tree[cut].is_finished());
    let mut first = vec![cut];
    first.extend(search.open(0, &[0.5, 0.4]));
    assert_eq!(search.next(&first), [(2, 1), (3, 1)]);
    let second = vec![search.stop(2, 0.1), search.leaf(3, Finish::Length, 0.9)];
    assert_eq!(search.next(&second), []);
    assert_eq!(search.pick(), Some(4), "only the finished path is an answer");
}

#[test]
fn votes_respect_the_aggregate() {
    // There votes and best-of-n always went by the last score, whatever was configured.
    let mut tree = Tree::new(Prompt::from("a question"), 0);
    let mut grow = |answer: u32, scores: [f64; 2]| {
        let step = tree.grow(NodeId::ROOT, "So.\n", Finish::Step, Some(scores[0]));
        let text = format!("The answer is {answer}.");
        tree.grow(step, &text, Finish::Stop, Some(scores[1]))
    };
    let (last, min) = (grow(1, [0.1, 0.9]), grow(2, [0.6, 0.5]));
    for rule in [Rule::Best, Rule::Weighted] {
        let pick = |aggregate| BestOfN { n: 2, select: Selection { rule, aggregate } }.pick(&tree);
        assert_eq!(pick(Aggregate::Last), Some(last));
        assert_eq!(pick(Aggregate::Min), Some(min));
    }
    let beam = BeamSearch { select: Selection::best(Aggregate::Min), ..Default::default() };
    assert_eq!(beam.pick(&tree), Some(min));
}

#[test]
fn every_finished_path_is_a_candidate_not_the_first_n() {
    // There the first n to finish were returned, unsorted: the best could be among the rest.
    let mut search = ByHand::new(BeamSearch { keep: 2, branch: 2, ..Default::default() });
    search.start();
    let mut first = vec![search.stop(0, 0.1), search.stop(0, 0.2)];
    first.extend(search.open(0, &[0.9, 0.8]));
    search.next(&first);
    let second = vec![search.stop(3, 0.3), search.stop(3, 0.4), search.stop(4, 0.95)];
    search.next(&second);
    assert_eq!(search.pick(), Some(7));
}

#[test]
fn nothing_is_padded_by_copies() {
    // There results were duplicated until there were n.
    for recipe in all() {
        let tree = run(recipe, StepRule::lines()).tree;
        let nodes: HashSet<NodeId> = tree.candidates().into_iter().collect();
        assert_eq!(nodes.len(), tree.candidates().len());
        let seeds: HashSet<u64> = tree.iter().map(|(_, node)| node.seed).collect();
        assert_eq!(seeds.len(), tree.len(), "a path was made twice from one seed");
    }
}

#[test]
fn finished_beams_are_not_refilled_unless_asked() {
    let lines = |completed| {
        let mut search = ByHand::new(BeamSearch { completed, ..Default::default() });
        search.start();
        let mut first = vec![search.stop(0, 0.9), search.stop(0, 0.8), search.stop(0, 0.7)];
        first.extend(search.open(0, &[0.1]));
        search.next(&first)
    };
    assert_eq!(lines(Completed::FreeSlot), [(4, 4)]);
    assert_eq!(lines(Completed::Refill), [(4, 16)]);
}

#[test]
fn tokens_are_counted_for_every_strategy() {
    // There beam search reported 0 tokens, and DVTS minus 1.
    for recipe in all() {
        let outcome = run(recipe.clone(), StepRule::lines());
        let tokens: u64 = outcome.tree.iter().map(|(_, node)| node.step.generated()).sum();
        assert!(tokens > 0);
        assert_eq!(outcome.usage.logical.generated_tokens, tokens, "{recipe:?}");
    }
    let ahead = run(Recipe::default_of("lookahead", 4).expect("known"), StepRule::lines());
    let rollouts = ahead.tree.iter().filter(|(_, node)| node.kind == NodeKind::Rollout);
    let tokens: u64 = rollouts.map(|(_, node)| node.cost.generated_tokens).sum();
    assert!(tokens > 0, "looking ahead is not free");
}

#[test]
fn a_trailing_empty_step_is_never_judged_or_ranked() {
    // There a text that ended with the delimiter had an empty last step, whose score decided.
    let model = Says(|prefix: &Trajectory, place| match prefix.steps().len() {
        0 => line(&format!("step {place}\n\n"), Finish::Step),
        // The better path ends with nothing but an end token.
        1 if prefix.text() == "step 1\n\n" => line("", Finish::Stop),
        _ => line("The answer is 3.", Finish::Stop),
    });
    let judge = scorer::from_fn(|path: &Trajectory, step: &Step| {
        assert!(!step.is_blank());
        if path.text().starts_with("step 1") { 0.9 } else { 0.2 }
    });
    let beam = BeamSearch { first: Some(3), keep: 2, branch: 1, ..Default::default() };
    let outcome = Search::new(&model).scorer(judge).run(beam, "a question").expect("runs");
    assert_eq!(outcome.text().as_deref(), Some("step 1\n\n"));
}

#[test]
fn equal_prompts_stay_apart() {
    // There results were grouped by the text of the prompt: two equal problems became one with 2 n.
    for recipe in all() {
        let search = search(StepRule::lines());
        let outcomes = search.run_many(&recipe, [(); 3].map(|()| WORLD.prompt(0)));
        assert_eq!(outcomes.len(), 3);
        let alone = run(recipe, StepRule::lines());
        for outcome in outcomes {
            assert_eq!(outcome.expect("runs").tree, alone.tree);
        }
    }
}

#[test]
fn all_first_steps_may_finish_at_once() {
    // There an empty list of beams was divided by its length.
    let model =
        Says(|_: &Trajectory, place| line(&format!("The answer is {place}."), Finish::Stop));
    for recipe in stepwise() {
        let search = Search::new(&model).scorer(&INDIFFERENT);
        // Particle Gibbs goes through its iterations.
        let rounds = if let Recipe::ParticleGibbs(gibbs) = &recipe { gibbs.iterations } else { 1 };
        let outcome = search.run(recipe, "a question").expect("runs");
        assert_eq!((outcome.usage.rounds as usize, outcome.stop), (rounds, Stop::Done));
        assert!(outcome.best.is_some());
    }
}

#[test]
fn half_is_one_half() {
    // There answers were compared as strings after a simplification that could time out.
    let mut tree = Tree::new(Prompt::from("a question"), 0);
    for answer in ["3", "\\frac{1}{2}", "3", "1/2", "0.5"] {
        tree.grow(NodeId::ROOT, &format!("So it is \\boxed{{{answer}}}"), Finish::Stop, Some(0.5));
    }
    assert_eq!(SelfConsistency::default().pick(&tree), Some(NodeId(2)));
    assert_eq!(BestOfN::weighted(5).pick(&tree), Some(NodeId(2)));
}

#[test]
fn dvts_keeps_to_the_limits_of_the_search() {
    // There 2,048 tokens were hard-coded, and "boxed{" in the text ended a tree.
    let rule = StepRule { max_tokens: 25, ..StepRule::lines() };
    let tree = run(Dvts::default(), rule).tree;
    assert!(tree.iter().all(|(id, _)| tree.generated(id) <= 25));
    let mut search = ByHand::new(Dvts { n: 2, branch: 2, ..Default::default() });
    search.start();
    let boxed = search.tree.grow(NodeId::ROOT, "\\boxed{3}, or is it?\n", Finish::Step, Some(0.9));
    assert_eq!(search.next(&[boxed]), [(1, 2)]);
}

#[test]
fn dvts_chooses_among_all_trees_and_finished_paths_only() {
    // There each tree returned all candidates of its last step, finished or not, and the best of
    // them was the answer.
    let select = Selection::best(Aggregate::Last);
    let mut search = ByHand::new(Dvts { n: 4, branch: 2, select, ..Default::default() });
    search.start();
    let first = [
        search.stop(0, 0.5),
        search.leaf(0, Finish::Length, 0.9),
        search.stop(0, 0.7),
        search.leaf(0, Finish::Length, 0.8),
    ];
    assert!(search.decide(&first, &[0, 0, 1, 1]).is_empty());
    assert_eq!(search.pick(), Some(3));
}

#[test]
fn a_finished_path_is_judged_by_itself_not_by_a_rollout() {
    let outcome = run(Lookahead::source(4, 2, 3).expect("possible"), StepRule::lines());
    for id in outcome.tree.finished() {
        assert_eq!(outcome.tree[id].value, None);
    }
}

// its_hub

#[test]
fn the_first_round_explores_the_whole_population() {
    // There a beam of 8 began with 2 paths and grew only slowly.
    let mut search = ByHand::new(BeamSearch { keep: 2, branch: 4, ..Default::default() });
    assert_eq!(search.start(), [(0, 8)]);
    assert_eq!(ByHand::new(BeamSearch::snell(8, 4).expect("possible")).start(), [(0, 8)]);
}

#[test]
fn finished_paths_are_never_copied_or_continued() {
    // There they stayed in the ranking and were copied like live ones, until they filled the pool.
    let mut search = ByHand::new(BeamSearch {
        keep: 3,
        branch: 4,
        completed: Completed::Compete,
        ..Default::default()
    });
    search.start();
    let mut first = vec![search.stop(0, 0.9)];
    first.extend(search.open(0, &[0.8, 0.7, 0.6]));
    assert_eq!(search.next(&first), [(2, 4), (3, 4)]);
    let second = search.open(2, &[0.5, 0.4]);
    // Still one slot for one finished path.
    assert_eq!(search.next(&second), [(5, 4), (6, 4)]);
}

#[test]
fn paths_have_exactly_as_many_steps_as_allowed() {
    // There they had one more.
    let rule = StepRule { max_steps: 3, ..StepRule::lines() };
    for recipe in stepwise() {
        let tree = run(recipe, rule.clone()).tree;
        assert_eq!(tree.iter().map(|(_, node)| node.depth).max(), Some(3));
    }
}

#[test]
fn a_model_that_is_done_is_not_called_again() {
    // There the end token was not looked at: finished paths were continued with empty steps.
    let model = Says(|prefix: &Trajectory, place| {
        assert!(!prefix.is_finished(), "continued behind its end");
        match prefix.steps().len() {
            0 if place % 2 == 0 => line("The answer is 1.", Finish::Stop),
            steps if steps < 2 => line("On.\n\n", Finish::Step),
            _ => line("The answer is 2.", Finish::Stop),
        }
    });
    for recipe in all() {
        // The second call of zero-shot takes up finished paths on purpose.
        if !matches!(recipe, Recipe::ZeroShot(_)) {
            let search = Search::new(&model).scorer(&INDIFFERENT);
            search.run(recipe, "a question").expect("runs");
        }
    }
}

#[test]
fn one_failed_line_does_not_end_a_search() {
    let model = Says(|prefix: &Trajectory, place| match (prefix.steps().len(), place) {
        (_, 1) => Err(LineError("lost".into())),
        (0 | 1, _) => line(&format!("Step {place}.\n\n"), Finish::Step),
        _ => line("The answer is 2.", Finish::Stop),
    });
    for recipe in stepwise() {
        let search = Search::new(&model).scorer(&INDIFFERENT);
        let outcome = search.run(recipe, "a question").expect("runs");
        assert!(!outcome.failed.is_empty());
        assert_eq!(outcome.answer().as_deref(), Some("2"));
    }
}

#[test]
fn votes_are_about_answers_not_about_texts() {
    // There whole texts were compared, and ties were broken at random.
    let mut tree = Tree::new(Prompt::from("a question"), 0);
    for text in ["One way. The answer is 5.", "It is 4.\nThe answer is 4.", "The answer is 5."] {
        tree.grow(NodeId::ROOT, text, Finish::Stop, None);
    }
    assert_eq!(SelfConsistency::default().pick(&tree), Some(NodeId(1)));
    let tied = tree.grow(NodeId::ROOT, "The answer is 4.", Finish::Stop, None);
    for _ in 0..20 {
        assert_eq!(SelfConsistency::default().pick(&tree), Some(NodeId(1)), "{tied:?}");
    }
}

#[test]
fn equal_samples_are_votes_of_their_own() {
    // There best-of-n merged them before judging, and did not judge at all when all were equal.
    let model = Says(|_: &Trajectory, place| {
        line(if place == 0 { "The answer is 7." } else { "The answer is 5." }, Finish::Stop)
    });
    let judge = scorer::from_fn(
        |path: &Trajectory, _: &Step| {
            if path.text().contains('7') { 0.9 } else { 0.4 }
        },
    )
    .with_scale(Scale::OUTCOME);
    let run = |strategy: BestOfN| {
        Search::new(&model).scorer(judge).run(strategy, "a question").expect("runs")
    };
    assert_eq!(run(BestOfN { n: 4, ..Default::default() }).answer().as_deref(), Some("7"));
    let weighted = run(BestOfN::weighted(4));
    assert_eq!(weighted.answer().as_deref(), Some("5"));
    assert!(weighted.tree.finished().all(|id| weighted.tree[id].score.is_some()));
}

#[test]
fn a_seed_makes_a_search_repeatable() {
    // There all randomness was global.
    for recipe in all() {
        let first = run(recipe.clone(), StepRule::lines());
        assert_eq!(first.tree, run(recipe, StepRule::lines()).tree);
    }
}

#[test]
fn particles_are_drawn_in_the_way_that_was_asked_for() {
    // There the way of resampling was not passed on. (That a reference weighs what it did at this step,
    // and that nothing is drawn after the last one, is tested with the strategies.)
    let kept = |resampling| {
        let mut search = ByHand::new(ParticleFilter { resampling, ..ParticleFilter::of(32) });
        search.tree = search.tree.with_scale(Scale::PREFIX);
        search.start();
        let first = search.open(0, &[0.5; 32]);
        search.next(&first).len()
    };
    assert_eq!(kept(particle::Resampling::Systematic), 32);
    assert_eq!(kept(particle::Resampling::Residual), 32);
    assert!(kept(particle::Resampling::Multinomial) < 32);
}

// REBASE, OpenR, llm-reasoners, OptiLLM, ThinkBooster

#[test]
fn what_was_not_judged_takes_no_width_with_it() {
    // There a path without a score was dropped, and the lines that were meant for it with it.
    let mut search = ByHand::new(Rebase { width: 6, ..Default::default() });
    search.start();
    let mut first = search.open(0, &[0.1]);
    first.push(search.tree.grow(NodeId::ROOT, "not judged\n", Finish::Step, None));
    assert_eq!(search.next(&first), [(1, 6)]);
}

#[test]
fn a_solution_that_is_reached_again_is_one_candidate() {
    // There each visit of a solution returned it once more, and all of them voted.
    let strategy = Mcts { simulations: 40, leaves: 3, branch: 2, ..Default::default() };
    let outcome = run(strategy, StepRule::lines());
    // A leaf has two children, of which a solution that was written once more would be a third.
    let tree = &outcome.tree;
    let most =
        tree.finished().filter_map(|end| tree[end].parent).map(|leaf| tree[leaf].children.len());
    assert_eq!(most.max(), Some(2));
    // 40 simulations at 2 lines each, had none gone to a solution again.
    assert!(outcome.usage.logical.samples < 80, "{}", outcome.usage.logical.samples);
}

#[test]
fn each_solution_of_a_batch_draws_its_own_writer() {
    // There one draw decided for the whole batch.
    let roles = vec!["one".to_owned(), "two".to_owned()];
    let mut search = ByHand::new(AbMcts { batch: 16, roles, ..Default::default() });
    let decided = search.decide(&[NodeId::ROOT], &[0]);
    let writers: HashSet<Option<String>> = decided.into_iter().map(|expand| expand.role).collect();
    assert_eq!(writers.len(), 2);
}

#[test]
fn candidates_without_a_score_are_not_dropped() {
    struct Refuses;
    impl StepScorer for Refuses {
        fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
            Ok(batch.iter().map(|_| Scored::refused("too long")).collect())
        }
        fn scale(&self) -> Scale {
            Scale::PREFIX
        }
    }
    for recipe in stepwise() {
        let search = search(StepRule::lines()).scorer(&Refuses);
        let outcome = search.run(recipe.clone(), WORLD.prompt(0)).expect("runs");
        assert!(outcome.best.is_some() && outcome.usage.logical.scored_tokens == 0);
        assert!(outcome.unscored.iter().all(|path| path.why == "too long"));
        // Without a scorer it is not run as something else.
        let error = Search::new(WORLD).run(recipe, WORLD.prompt(0)).expect_err("no scorer");
        assert!(error.to_string().contains("needs a scorer"), "{error}");
    }
    // Next to judged ones they rank last.
    let mut search = ByHand::new(BeamSearch { keep: 2, branch: 1, ..Default::default() });
    search.start();
    let blank = search.tree.grow(NodeId::ROOT, "a", Finish::Step, None);
    let judged = search.open(0, &[-3.0]);
    assert_eq!(search.next(&[blank, judged[0]]), [(2, 1), (1, 1)]);
}

#[test]
fn a_scorer_that_miscounts_steps_is_an_error() {
    // There the value was silently 0.
    struct None;
    impl StepScorer for None {
        fn score(&self, batch: &[Trajectory]) -> Result<Vec<Scored>, BoxError> {
            Ok(batch.iter().map(|_| Scored::of(Vec::new())).collect())
        }
        fn scale(&self) -> Scale {
            Scale::PREFIX
        }
    }
    for recipe in stepwise() {
        let search = search(StepRule::lines()).scorer(&None);
        let error = search.run(recipe, WORLD.prompt(0)).expect_err("miscounted").to_string();
        assert!(error.contains("judged 0 steps"), "{error}");
    }
}

#[test]
fn a_score_that_is_not_a_number_is_an_error() {
    // There it was dropped.
    let judge = scorer::from_fn(|_, _| f64::NAN).with_scale(Scale::PREFIX);
    for recipe in stepwise() {
        let search = search(StepRule::lines()).scorer(judge);
        let error = search.run(recipe, WORLD.prompt(0)).expect_err("no number").to_string();
        assert!(error.contains("the score NaN"), "{error}");
    }
}

#[test]
fn merging_works_from_the_first_round_on_and_by_whole_paths() {
    // There it used a list before it was made; elsewhere steps were compared without their paths.
    let mut search = ByHand::new(BeamSearch {
        keep: 4,
        branch: 1,
        duplicates: Duplicates::Merge,
        ..Default::default()
    });
    search.start();
    let grow = |search: &mut ByHand<BeamSearch>, parent: u32, text: &str| {
        search.tree.grow(NodeId(parent), text, Finish::Step, Some(0.5))
    };
    let first = ["a", "b", "a"].map(|text| grow(&mut search, 0, text));
    assert_eq!(search.next(&first), [(1, 1), (2, 1)]);
    let second = [1, 2].map(|parent| grow(&mut search, parent, "same"));
    assert_eq!(search.next(&second), [(4, 1), (5, 1)]);
}

#[test]
fn one_problem_does_not_change_the_next() {
    // There the temperature of a beam fell from problem to problem.
    for recipe in all() {
        let search = search(StepRule::lines());
        let prompts = || (0..3).map(|problem| WORLD.prompt(problem));
        let first = search.run_many(&recipe, prompts());
        let again = search.run_many(&recipe, prompts());
        for (first, again) in first.into_iter().zip(again) {
            assert_eq!(first.expect("runs").tree, again.expect("runs").tree);
        }
    }
}

#[test]
fn alike_texts_with_unlike_answers_do_not_vote_together() {
    // There texts that were 80 % equal counted as one.
    let mut tree = Tree::new(Prompt::from("a question"), 0);
    for answer in ["17", "17", "71", "12", "13"] {
        let text = format!("A long and careful argument, always the same. The answer is {answer}.");
        tree.grow(NodeId::ROOT, &text, Finish::Stop, None);
    }
    assert_eq!(SelfConsistency::default().pick(&tree), Some(NodeId(1)));
}

#[test]
fn higher_is_better_for_every_aggregate() {
    use Aggregate::{Last, Mean, Min, Product, Sum, SumLog};
    for aggregate in [Last, Mean, Min, Product, Sum, SumLog] {
        let mut search = ByHand::new(BeamSearch { keep: 1, aggregate, ..Default::default() });
        search.start();
        let first = search.open(0, &[0.3, 0.7, 0.5]);
        assert_eq!(search.next(&first), [(2, 4)], "{aggregate:?}");
    }
}

#[test]
fn every_script_is_a_language() {
    // There two Chinese characters were garbage and ended the path.
    let model = Says(|prefix: &Trajectory, _| {
        if prefix.steps().len() < 3 {
            line("我们一步一步来想。🙂\n\n", Finish::Step)
        } else {
            line("所以答案是 \\boxed{4}", Finish::Stop)
        }
    });
    for recipe in stepwise() {
        let search = Search::new(&model).scorer(&INDIFFERENT);
        let outcome = search.run(recipe, "二加二等于几?").expect("runs");
        assert_eq!(outcome.answer().as_deref(), Some("4"));
    }
}
