//! Budgets and bounds to the token: lines whose length is known, stepped by hand.

use std::sync::{Arc, Mutex};

use tts_core::toy::Sample;
use tts_core::*;

/// Two operations a token, whatever stands before it.
const PRICE: cost::ModelCost =
    cost::ModelCost { parameters: 1, layers: 0, query_width: 0, windows: None };

/// A step of five tokens, and ten to the end of a solution; less where it may not have so many.
struct Known;

impl Generator for Known {
    fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
        let line = |request: &Request| {
            let (wanted, finish) =
                if request.until == Until::End { (10, Finish::Stop) } else { (5, Finish::Step) };
            let count = wanted.min(request.max_tokens);
            let finish = if count < wanted { Finish::Length } else { finish };
            let tokens = vec![u32::from(b'x'); count as usize];
            let step = Step { text: "x".repeat(count as usize), tokens, ..Step::default() };
            Ok(Completion { steps: vec![step], finish, prompt_tokens: 0 })
        };
        Ok(Generated::by_seed(batch, |request, _| line(request)))
    }
    fn cost(&self) -> cost::ModelCost {
        PRICE
    }
}

/// What a function of the number of rounds and the open leaves says.
struct By<F>(F, usize);

impl<F: FnMut(usize, &mut View<'_>) -> Vec<Expand> + Send> SearchStrategy for By<F> {
    fn step(&mut self, view: &mut View<'_>) -> Vec<Expand> {
        self.1 += 1;
        (self.0)(self.1 - 1, view)
    }
}

/// One step after the other.
fn onward() -> impl SearchStrategy {
    By(|_, view: &mut View<'_>| view.open().iter().map(|&id| Expand::step(id, 1)).collect(), 0)
}

/// A whole solution, and then first steps for ever.
fn solved_first() -> impl SearchStrategy {
    let next = |round, _: &mut View<'_>| match round {
        0 => vec![Expand::end(NodeId::ROOT, 1)],
        _ => vec![Expand::step(NodeId::ROOT, 1)],
    };
    By(next, 0)
}

fn hard(budget: Budget) -> Budget {
    Budget { mode: Mode::Hard, ..budget }
}

fn search<'a>(budget: Budget) -> Search<'a> {
    Search::new(Known).budget(budget).rule(StepRule { max_steps: 30, ..StepRule::lines() })
}

fn judged<'a>(budget: Budget) -> Search<'a> {
    search(budget).scorer(scorer::from_fn(|_, _| 0.5))
}

#[test]
fn what_fits_exactly_is_judged() {
    let budget = |tokens| hard(Budget { scored_tokens: Some(tokens), ..Budget::default() });
    let outcome = judged(budget(20)).run(Sample { n: 2 }, "?").expect("runs");
    assert_eq!(outcome.usage.logical.scored_tokens, 20);
    assert!(outcome.tree.finished().all(|id| outcome.tree[id].score == Some(0.5)));
    // One token less is shared evenly, nine each.
    let outcome = judged(budget(19)).run(Sample { n: 2 }, "?").expect("runs");
    assert_eq!(outcome.usage.logical.scored_tokens, 18);
}

#[test]
fn hard_calls_keep_one_back_for_the_judge() {
    let two = || By(|_, _: &mut View<'_>| vec![Expand::end(NodeId::ROOT, 1); 2], 0);
    for (calls, lines) in [(1, 0), (2, 1), (3, 2)] {
        let budget = hard(Budget { calls: Some(calls), ..Budget::default() });
        let outcome = judged(budget).run(two(), "?").expect("runs");
        assert_eq!(outcome.tree.len(), 1 + lines, "{calls} calls");
        assert_eq!(outcome.usage.logical.calls, if lines > 0 { calls } else { 0 });
        assert!(outcome.tree.finished().all(|id| outcome.tree[id].score.is_some()));
    }
}

/// 25 tokens are paid for, in steps of five to a line; the reserve is not granted on top.
#[test]
fn hard_operations_count_what_is_spent_and_leave_no_reserve() {
    for reserve in [0, 8] {
        let budget = hard(Budget { flops: Some(46.0), reserve, ..Budget::default() });
        let outcome = search(budget).run(onward(), "?").expect("runs");
        let cost = outcome.usage.logical;
        assert_eq!((cost.generated_tokens, outcome.usage.rounds), (23, 5), "reserve {reserve}");
        assert_eq!(outcome.stop, Stop::Budget(Limit::Flops));
    }
}

#[test]
fn the_reserve_finishes_what_nothing_has_finished() {
    for mode in [Mode::Soft, Mode::Hard] {
        let budget = Budget { generated_tokens: Some(30), reserve: 10, mode, ..Budget::default() };
        // Four steps, and ten tokens that were held back.
        let outcome = search(budget).run(onward(), "?").expect("runs");
        let (cost, tree) = (outcome.usage.logical, &outcome.tree);
        assert_eq!((cost.generated_tokens, outcome.usage.rounds), (30, 5), "{mode:?}");
        assert_eq!(tree.finished().collect::<Vec<_>>(), [NodeId(5)]);
        assert_eq!(outcome.stop, Stop::Budget(Limit::GeneratedTokens));
        // With a solution at hand nothing is held back, and nothing more is finished.
        let outcome = search(budget).run(solved_first(), "?").expect("runs");
        let (cost, tree) = (outcome.usage.logical, &outcome.tree);
        assert_eq!((cost.generated_tokens, outcome.usage.rounds), (30, 5), "{mode:?}");
        assert_eq!(tree.finished().collect::<Vec<_>>(), [NodeId(1)]);
    }
}

#[test]
fn the_reserve_makes_no_solution_longer_than_the_rule() {
    let budget = Budget { rounds: Some(4), reserve: 100, ..Budget::default() };
    let rule = StepRule { max_tokens: 24, ..StepRule::lines() };
    let outcome = search(budget).rule(rule).run(onward(), "?").expect("runs");
    assert_eq!((outcome.usage.rounds, outcome.usage.logical.generated_tokens), (5, 24));
}

/// Two first steps of which the first of equals is finished.
#[test]
fn the_first_of_equal_open_paths_is_finished() {
    let two = By(|_, _: &mut View<'_>| vec![Expand::step(NodeId::ROOT, 2)], 0);
    let budget = Budget { rounds: Some(1), reserve: 10, ..Budget::default() };
    let outcome = judged(budget).run(two, "?").expect("runs");
    let ends: Vec<NodeId> = outcome.tree.finished().collect();
    assert_eq!((ends.len(), outcome.tree[ends[0]].parent), (1, Some(NodeId(1))));
}

#[test]
fn a_path_has_as_many_steps_as_the_rule_says() {
    let rule = StepRule { max_steps: 3, ..StepRule::lines() };
    let outcome = Search::new(Known).rule(rule).run(onward(), "?").expect("runs");
    let open: Vec<bool> = outcome.tree.iter().map(|(_, node)| node.open).collect();
    assert_eq!((open, outcome.stop), (vec![true, true, true, false], Stop::Done));
}

/// Two decisions about one node are as one: the second goes on counting.
#[test]
fn two_decisions_about_a_node_draw_other_numbers() {
    let seeds = |decisions: Vec<Expand>| -> Vec<u64> {
        let once = By(
            move |round, _: &mut View<'_>| if round == 0 { decisions.clone() } else { vec![] },
            0,
        );
        let tree = Search::new(Known).run(once, "?").expect("runs").tree;
        tree[NodeId::ROOT].children.iter().map(|&id| tree[id].seed).collect()
    };
    let one = Expand::step(NodeId::ROOT, 1);
    let three = seeds(vec![Expand::step(NodeId::ROOT, 3)]);
    assert_eq!(seeds(vec![one.clone(), Expand::step(NodeId::ROOT, 2)]), three);
    assert_eq!(seeds(vec![Expand::step(NodeId::ROOT, 2), one]), three);
    assert_ne!(three[0], three[1]);
}

/// The strategy's own numbers are new in every round, and the same in every run.
#[test]
fn every_round_decides_by_numbers_of_its_own() {
    let drawn = |seed: u64| -> Vec<u64> {
        let all = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&all);
        let draws = By(
            move |round, view: &mut View<'_>| {
                kept.lock().expect("whole").push(view.rng().next_u64());
                if round < 3 { vec![Expand::step(NodeId::ROOT, 1)] } else { vec![] }
            },
            0,
        );
        Search::new(Known).seed(seed).run(draws, "?").expect("runs");
        all.lock().expect("whole").clone()
    };
    let one = drawn(1);
    let different: std::collections::BTreeSet<u64> = one.iter().chain(&drawn(2)).copied().collect();
    assert_eq!((one.len(), different.len()), (4, 8));
    assert_eq!(drawn(1), one);
}

/// A strategy that goes by notes must not go by nothing.
#[test]
fn notes_that_were_asked_for_and_did_not_come_fail_the_line() {
    struct Noting(Option<Notes>, Vec<f32>);
    impl Generator for Noting {
        fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
            let notes = self.0.clone().map(Box::new);
            let (tokens, logprobs) = (vec![97, 98], self.1.clone());
            let step = Step { text: "ab".into(), tokens, notes, logprobs, ..Step::default() };
            let line = Completion { steps: vec![step], finish: Finish::Stop, prompt_tokens: 0 };
            let made = Generated::of(vec![Ok(line)]);
            Ok(vec![made; batch.len()])
        }
    }
    let told = |notes: Option<Notes>, logprobs: &[f32], watch: Watch| {
        let ask = Expand { watch, ..Expand::end(NodeId::ROOT, 1) };
        let once = By(
            move |round, _: &mut View<'_>| if round == 0 { vec![ask.clone()] } else { vec![] },
            0,
        );
        Search::new(Noting(notes, logprobs.to_vec()))
            .run(once, "?")
            .map_err(|error| error.to_string())
    };
    let run = |notes, watch| told(notes, &[-0.5, -0.5], watch);
    let both = vec![0.5, 0.5];
    // As it was drawn, and not what the model thinks.
    let notes = Notes { drawn: both.clone(), ..Default::default() };
    let watch = Watch { drawn: true, ..Watch::default() };
    let error = told(Some(notes), &[], watch).expect_err("half is missing");
    assert!(error.contains("notes no log-probability, which"), "{error}");
    let cases = [
        (
            Watch { confidence: 2, ..Watch::default() },
            Notes { confidence: both.clone(), ..Default::default() },
            "no confidence",
        ),
        (
            Watch { certainty: true, ..Watch::default() },
            Notes { certainty: both.clone(), ..Default::default() },
            "no certainty",
        ),
        (
            Watch { drawn: true, ..Watch::default() },
            Notes { drawn: both, ..Default::default() },
            "no log-probability as drawn",
        ),
    ];
    for (watch, notes, missing) in cases {
        assert!(run(Some(notes), watch).is_ok());
        let error = run(None, watch).expect_err("nothing was noted");
        assert!(error.contains(missing), "{error}");
    }
    assert!(run(None, Watch::default()).is_ok());
}

/// What is put in stands at the beginning of a line and nowhere else.
#[test]
fn given_tokens_behind_the_first_step_break_the_contract() {
    struct Gives(bool);
    impl Generator for Gives {
        fn generate(&self, batch: &[Request]) -> Result<Vec<Generated>, BoxError> {
            let step =
                |given| Step { text: "ab".into(), tokens: vec![97, 98], given, ..Step::default() };
            let steps = vec![step(1), step(u32::from(self.0))];
            let line = Completion { steps, finish: Finish::Stop, prompt_tokens: 0 };
            let made = Generated::of(vec![Ok(line)]);
            Ok(vec![made; batch.len()])
        }
    }
    let says = || {
        let say = Expand { append: Some("a".into()), ..Expand::end(NodeId::ROOT, 1) };
        By(move |round, _: &mut View<'_>| if round == 0 { vec![say.clone()] } else { vec![] }, 0)
    };
    assert!(Search::new(Gives(false)).run(says(), "?").is_ok());
    let error = Search::new(Gives(true)).run(says(), "?").expect_err("refused").to_string();
    assert!(error.contains("step 1: given tokens that nobody gave"), "{error}");
}
