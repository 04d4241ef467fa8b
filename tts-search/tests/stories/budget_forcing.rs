//! Thinking of a set length.

#[path = "../../examples/stories/worlds/recheck.rs"]
mod recheck;
#[path = "../../examples/stories/budget_forcing.rs"]
mod story;

use recheck::{CLOSE, thinker};
use story::BudgetForcing;
use tts_core::toy::Sample;
use tts_core::{Finish, NodeId, Outcome, Script, Scripted, Search, Step, StepRule};

use crate::addition::problem;
use crate::laws;

const WAIT: &str = "Wait. ";

fn forcing(waits: usize, most: u32) -> Scripted<BudgetForcing> {
    Scripted::of(BudgetForcing { waits, most, wait: WAIT.into(), close: CLOSE.into() })
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
fn laws() {
    let prompts: Vec<_> = (0..8).map(problem).collect();
    let outcomes = laws::hold(&search(), &forcing(3, 120), &prompts);
    assert!(outcomes.iter().all(|outcome| thought(outcome) <= 120));
    let nothing = BudgetForcing { most: 0, ..forcing(1, 1).script };
    assert!(nothing.check().is_err_and(|problem| problem.contains("most")));
}
