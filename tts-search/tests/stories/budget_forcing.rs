//! Thinking of a set length.

#[path = "../../examples/stories/worlds/recheck.rs"]
mod recheck;

use recheck::{CLOSE, thinker};
use tts_core::toy::Sample;
use tts_core::{Finish, NodeId, Outcome, Search, SearchStrategy, Step, StepRule};
use tts_search::BudgetForcing;

use crate::addition::problem;
use crate::laws;

const WAIT: &str = "Wait. ";

fn forcing(waits: usize, most: u32) -> BudgetForcing {
    BudgetForcing { waits, most, wait: WAIT.into(), force: CLOSE.into(), ..Default::default() }
}

/// A plain run breaks its steps at the end of thinking, and nowhere else.
fn search() -> Search<'static> {
    let rule = StepRule { delimiters: vec![CLOSE.into()], ..StepRule::default() };
    Search::new(thinker()).rule(rule).seed(3)
}

fn run(waits: usize, most: u32, index: u64) -> Outcome {
    search().run(forcing(waits, most), problem(index)).expect("runs")
}

/// The steps of the answer.
fn steps(outcome: &Outcome) -> Vec<Step> {
    let path = outcome.tree.path(outcome.best.expect("an answer"));
    path.into_iter().map(|id| (*outcome.tree[id].step).clone()).collect()
}

/// Tokens that were generated as thinking, those that were dropped included: all but the answer's.
fn thought(outcome: &Outcome) -> u64 {
    let answer = outcome.tree[outcome.best.expect("an answer")].step.generated();
    outcome.usage.logical.generated_tokens - answer
}

#[test]
fn without_waits_it_is_the_plain_run() {
    for index in 0..30 {
        let plain = search().run(Sample { n: 1 }, problem(index)).expect("runs");
        let forced = run(0, 1_000, index);
        // But for the note that the end of thinking closes a line.
        let bare = |outcome| -> Vec<Step> {
            steps(outcome).into_iter().map(|step| Step { closing: 0, ..step }).collect()
        };
        assert_eq!(bare(&forced), bare(&plain));
        let seeds = |outcome: &Outcome| -> Vec<u64> {
            outcome.tree.iter().map(|(_, node)| node.seed).collect()
        };
        assert_eq!(seeds(&forced), seeds(&plain));
        assert_eq!(forced.usage.logical.generated_tokens, plain.usage.logical.generated_tokens);
        assert_eq!(steps(&forced)[0].closing, 8);
    }
}

#[test]
fn every_wait_is_honoured_and_thinking_ends_once() {
    for (index, waits) in (0..30).zip([1, 2, 3, 6].into_iter().cycle()) {
        let outcome = run(waits, 10_000, index);
        let text = outcome.text().expect("an answer");
        assert_eq!(text.matches(WAIT).count(), waits, "{text}");
        let (thinking, answer) = text.rsplit_once(CLOSE).expect("thinking ends");
        assert!(!thinking.contains(CLOSE), "{text}");
        assert!(answer.starts_with(" The answer is "), "{text}");
        // What was thought before a wait is what one wait fewer thinks.
        let fewer = run(waits - 1, 10_000, index).text().expect("an answer");
        let before = fewer.rsplit_once(CLOSE).expect("thinking ends").0;
        assert!(text.starts_with(&format!("{before}{WAIT}")), "{text}\n{fewer}");
        assert_eq!(outcome.usage.logical.samples, waits as u64 + 2);
    }
}

#[test]
fn the_cap_is_exact() {
    let (mut cut, mut between) = (0, 0);
    for (index, most) in (0..40).zip([5, 13, 40, 77, 100].into_iter().cycle()) {
        // As many waits as it takes.
        let outcome = run(1_000, most, index);
        assert_eq!(thought(&outcome), u64::from(most));
        let text = outcome.text().expect("an answer");
        assert_eq!(text.matches(CLOSE).count(), 1, "{text}");
        assert!(outcome.tree[outcome.best.expect("an answer")].is_finished());
        // Below the cap, a few waits leave tokens over.
        let free = thought(&run(1, most, index));
        assert!(free <= u64::from(most));
        cut += u32::from(free == u64::from(most));
        between += u32::from(free < u64::from(most));
    }
    assert!(cut > 5 && between > 5, "{cut} {between}");
}

#[test]
fn a_cap_that_ends_with_the_thinking_closes_it_once() {
    let natural = thought(&run(0, 1_000, 0));
    let most = u32::try_from(natural).expect("short");
    for waits in [0, 4] {
        let outcome = run(waits, most, 0);
        assert_eq!(outcome.text(), run(0, 1_000, 0).text());
        assert_eq!(outcome.tree[NodeId(1)].finish, Finish::Pause);
    }
}

#[test]
fn a_length_from_below_goes_on_only_before_it() {
    let mut natural = [0, 0];
    for index in 0..40 {
        let length = thought(&run(0, 10_000, index));
        let least = 30;
        let forced = BudgetForcing { least: Some(least), ..forcing(50, 10_000) };
        let outcome = search().run(forced, problem(index)).expect("runs");
        let waits = outcome.text().expect("an answer").matches(WAIT).count();
        if length >= u64::from(least) {
            assert_eq!((waits, thought(&outcome)), (0, length));
            natural[0] += 1;
        } else {
            assert!(waits > 0 && thought(&outcome) >= u64::from(least));
            // One wait fewer would have been too short.
            assert!(thought(&run(waits - 1, 10_000, index)) < u64::from(least));
            natural[1] += 1;
        }
    }
    assert!(natural.iter().all(|&count| count > 5), "{natural:?}");
}

#[test]
fn its_tree() {
    let outcome = search().run(forcing(2, 40), problem(1)).expect("runs");
    let tree = &outcome.tree;
    let shown: Vec<String> = tree
        .iter()
        .skip(1)
        .map(|(id, node)| {
            let (parent, text) = (node.parent.expect("a step").0, &node.step.text);
            format!("{} behind {parent}, {:?}: {text:?}", id.0, node.finish)
        })
        .collect();
    assert_eq!(shown.join("\n"), TREE.trim());
}

/// Two waits under a cap of 40 tokens, which the first of them reaches: 19 before it and 21 behind.
const TREE: &str = r#"
1 behind 0, Pause: "It is 582.\n</think>"
2 behind 0, Step: "It is 582.\nWait. It is 582.\nIt is 581."
3 behind 2, Stop: "</think> The answer is 582."
"#;

#[test]
fn both_ends_control_the_length() {
    let forced = BudgetForcing { least: Some(50), ..forcing(1_000, 150) };
    let lengths: Vec<u64> = (0..30)
        .map(|index| thought(&search().run(forced.clone(), problem(index)).expect("runs")))
        .collect();
    assert_eq!(tts_search::think::control(&lengths, 50..=150), Some(1.0));
    let free: Vec<u64> = (0..30).map(|index| thought(&run(0, 10_000, index))).collect();
    assert!(tts_search::think::control(&free, 50..=150).is_some_and(|share| share < 0.9));
}

#[test]
fn a_thinking_budget_forces_the_answer() {
    let force = " No more.</think>".to_owned();
    let budget = BudgetForcing { force, ..BudgetForcing::budget(25) };
    let mut cut = 0;
    for index in 0..30 {
        let outcome = search().run(budget.clone(), problem(index)).expect("runs");
        let text = outcome.text().expect("an answer");
        let plain = run(0, 10_000, index).text().expect("an answer");
        if thought(&outcome) == 25 && !plain[..25].contains(CLOSE) {
            assert_eq!(text.find(" No more.</think>"), Some(25), "{text}");
            assert!(plain.starts_with(&text[..25]));
            cut += 1;
        } else {
            assert_eq!(text, plain);
        }
        assert!(text.contains(" The answer is "), "{text}");
    }
    assert!(cut > 5 && cut < 30, "{cut}");
    // An answer has a bound of its own; what is cut there is not finished, and not written on.
    let brief = BudgetForcing { answer_tokens: Some(5), ..budget };
    let outcome = search().run(brief, problem(0)).expect("runs");
    let best = outcome.best.expect("an answer");
    assert_eq!(outcome.tree[best].step.generated(), 5);
    assert!(!outcome.tree[best].is_finished());
}

#[test]
fn several_think_side_by_side_and_vote() {
    let many = BudgetForcing { n: 5, ..forcing(2, 10_000) };
    for index in 0..10 {
        let outcome = search().run(many.clone(), problem(index)).expect("runs");
        assert_eq!(outcome.usage.logical.samples, 5 * 4);
        assert_eq!(outcome.usage.rounds, 4);
        assert_eq!(outcome.tree.finished().count(), 5);
        assert_eq!(outcome.best, tts_core::Selection::majority().pick(&outcome.tree));
        // Before anybody waits they are the samples of a plain run.
        let plain = search().run(Sample { n: 5 }, problem(index)).expect("runs");
        for (forced, whole) in outcome.tree.finished().zip(plain.tree.finished()) {
            let (forced, plain) = (outcome.tree.text(forced), plain.tree.text(whole));
            assert_eq!(forced.split(WAIT).next(), plain.split(CLOSE).next());
        }
    }
}

#[test]
fn a_generator_that_breaks_steps_as_it_likes_keeps_the_cap() {
    // The toy world writes a step a line, whatever the rule says.
    let world = tts_core::toy::ToyWorld::default();
    let ends = vec!["The answer is".to_owned()];
    let forcing =
        |most| BudgetForcing { ends: ends.clone(), force: ends[0].clone(), ..forcing(1_000, most) };
    for most in [15, 60, 90, 131] {
        let outcome = Search::new(world)
            .rule(StepRule::lines())
            .run(forcing(most), world.prompt(0))
            .expect("runs");
        // The last round is the answer's.
        let thinking = outcome.tree.iter().filter(|(_, node)| node.round < outcome.usage.rounds);
        let thought: u64 = thinking.map(|(_, node)| node.step.generated()).sum();
        assert_eq!(thought, u64::from(most));
    }
}

/// One who says nothing, and answers only when the end of thinking is put in.
fn mute() -> impl tts_core::Generator + Clone {
    crate::text_model::TextModel(
        |_: &tts_core::Prompt, so_far: &str, _: &mut tts_core::seed::Rng| {
            Ok(if so_far.contains(CLOSE) {
                " The answer is 4.".into()
            } else {
                "I do not know. ".to_owned()
            })
        },
    )
}

#[test]
fn who_ends_the_turn_while_thinking_is_made_to_answer() {
    let run = |waits| {
        let outcome = Search::new(mute()).run(forcing(waits, 1_000), "2 + 2?").expect("runs");
        (outcome.text().expect("an answer"), outcome.usage.logical.samples)
    };
    assert_eq!(run(0), ("I do not know. </think> The answer is 4.".into(), 2));
    assert_eq!(
        run(2),
        (
            "I do not know. Wait. I do not know. Wait. I do not know. </think> The answer is 4."
                .into(),
            4
        )
    );
    // One who has answered is taken at his word, when no waits are left.
    let answers = crate::text_model::TextModel(
        |_: &tts_core::Prompt, _: &str, _: &mut tts_core::seed::Rng| {
            Ok("The answer is 4.".to_owned())
        },
    );
    let outcome = Search::new(answers.clone()).run(forcing(0, 1_000), "2 + 2?").expect("runs");
    assert_eq!(outcome.usage.logical.samples, 1);
    let outcome = Search::new(answers).run(forcing(1, 1_000), "2 + 2?").expect("runs");
    assert_eq!(outcome.text().as_deref(), Some("The answer is 4.Wait. The answer is 4."));
    assert_eq!(outcome.usage.logical.samples, 2);
}

#[test]
fn a_hard_budget_still_ends_in_an_answer() {
    let budget = tts_core::Budget {
        mode: tts_core::Mode::Hard,
        reserve: 40,
        ..tts_core::Budget::tokens(90)
    };
    for index in 0..20 {
        let many = BudgetForcing { n: 2, ..forcing(3, 10_000) };
        let outcome = search().budget(budget).run(many, problem(index)).expect("runs");
        assert!(outcome.usage.logical.generated_tokens <= 90);
        assert!(outcome.best.is_some());
    }
}

#[test]
fn bad_settings_are_refused() {
    for (strategy, expected) in [
        (BudgetForcing { n: 0, ..forcing(1, 9) }, "budget forcing: n is 0"),
        (BudgetForcing { least: Some(0), ..forcing(1, 9) }, "least is 0"),
        (BudgetForcing { least: Some(10), ..forcing(1, 9) }, "least is 10, expected at most 9"),
        (BudgetForcing { least: Some(5), ..forcing(0, 9) }, "least needs waits"),
        (BudgetForcing { answer_tokens: Some(0), ..forcing(1, 9) }, "answer_tokens is 0"),
        (BudgetForcing { ends: Vec::new(), ..forcing(1, 9) }, "ends is empty"),
        (BudgetForcing { ends: vec![String::new()], ..forcing(1, 9) }, "has an empty text"),
        (BudgetForcing { force: "Answer:".into(), ..forcing(1, 9) }, "which ends no thinking"),
        (BudgetForcing { wait: String::new(), ..forcing(1, 9) }, "wait is empty"),
    ] {
        let error = strategy.check().expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    let all = BudgetForcing { least: Some(9), answer_tokens: Some(1), ..forcing(1, 9) };
    assert!(all.check().is_ok());
    assert!(BudgetForcing { wait: String::new(), ..forcing(0, 9) }.check().is_ok());
}

#[test]
fn laws() {
    let prompts: Vec<_> = (0..8).map(problem).collect();
    let outcomes = laws::hold(&search(), &forcing(3, 120), &prompts);
    assert!(outcomes.iter().all(|outcome| thought(outcome) <= 120));
    let nothing = BudgetForcing { most: 0, ..forcing(1, 1) };
    assert!(nothing.check().is_err_and(|problem| problem.contains("most")));
}
