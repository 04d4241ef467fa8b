//! A strategy is used again, lines are cut, copies fail: stepped by hand.

mod common;

use common::{ByHand, shown};
use tts_core::*;
use tts_search::refine::Words;
use tts_search::*;

/// What was cut is gone on with once, however many samples there were at the start.
#[test]
fn the_rest_of_a_cut_sample_is_one_line() {
    let mut search = ByHand::new(SelfConsistency { n: 5, ..SelfConsistency::default() });
    assert_eq!(search.start(), [(0, 5)]);
    let mut first = search.open(0, &[0.1, 0.2]);
    first.push(search.stop(0, 0.3));
    assert_eq!(search.next(&first), [(1, 1), (2, 1)]);
    let mut search = ByHand::new(BestOfN { n: 3, ..BestOfN::default() });
    assert_eq!(search.start(), [(0, 3)]);
    let first = search.open(0, &[0.1]);
    assert_eq!(search.next(&first), [(1, 1)]);
}

#[test]
fn zero_shot_asks_for_a_bounded_answer_drawn_as_the_rationale_was() {
    let sampling = Some(Sampling::temperature(0.3));
    let zero_shot = ZeroShot { n: 2, sampling, answer_tokens: 9, ..ZeroShot::default() };
    let mut search = ByHand::new(zero_shot);
    let think = search.decide(&[NodeId::ROOT], &[0]);
    assert_eq!(shown(&think), [(0, 2)]);
    assert_eq!((think[0].sampling, think[0].until), (sampling, Until::End));
    let rationales = [search.stop(0, 0.5), search.stop(0, 0.5)];
    let ask = search.decide(&rationales, &[0, 0]);
    assert_eq!(shown(&ask), [(1, 1), (2, 1)]);
    for expand in &ask {
        assert_eq!((expand.sampling, expand.until), (sampling, Until::Tokens(9)));
        assert_eq!(expand.append.as_deref(), Some(search.strategy.answer.as_str()));
    }
    let answers = [search.stop(1, 0.5), search.stop(2, 0.5)];
    assert_eq!(search.next(&answers), []);
}

/// One rationale is greedy; of several each must be able to differ.
#[test]
fn several_rationales_are_sampled() {
    assert_eq!(ZeroShot::of(1).sampling, Some(Sampling::greedy()));
    assert_eq!(ZeroShot::of(2).sampling, None);
}

#[test]
fn zero_shot_starts_anew() {
    let mut search = ByHand::new(ZeroShot::default());
    search.start();
    let rationale = search.stop(0, 0.5);
    assert_eq!(search.next(&[rationale]), [(1, 1)]);
    let mut again = ByHand::new(search.strategy);
    assert_eq!(again.start(), [(0, 1)]);
    let rationale = again.stop(0, 0.5);
    assert_eq!(again.next(&[rationale]), [(1, 1)]);
}

/// Paths that held their slots are of the tree before.
#[test]
fn a_beam_holds_nothing_of_another_search() {
    let compete = BeamSearch {
        first: Some(4),
        keep: 2,
        branch: 2,
        completed: Completed::Compete,
        ..BeamSearch::default()
    };
    let mut search = ByHand::new(compete);
    search.start();
    let mut first = search.open(0, &[0.1, 0.2]);
    first.push(search.stop(0, 0.9));
    assert_eq!(search.next(&first), [(2, 2)]);
    let mut again = ByHand::new(search.strategy);
    again.start();
    let first = again.open(0, &[0.1, 0.2, 0.9, 0.4]);
    assert_eq!(again.next(&first), [(3, 2), (4, 2)]);
}

#[test]
fn lookahead_waits_for_nothing_of_another_search() {
    let mut search = ByHand::new(Lookahead::source(2, 1, 1).expect("possible"));
    search.start();
    let first = search.open(0, &[0.4, 0.6]);
    assert_eq!(search.next(&first), [(1, 1), (2, 1)]);
    let mut again = ByHand::new(search.strategy);
    assert_eq!(again.start(), [(0, 2)]);
    let first = again.open(0, &[0.4, 0.6]);
    let rollouts = again.decide(&first, &[0, 0]);
    assert!(rollouts.iter().all(|expand| expand.kind == NodeKind::Rollout));
    assert_eq!(shown(&rollouts), [(1, 1), (2, 1)]);
}

/// Asks for a step each time, and from the second time on for a rollout beside it.
#[derive(Clone, Debug, PartialEq)]
struct Eager {
    asked: usize,
}

impl SearchStrategy for Eager {
    fn step(&mut self, _: &mut View<'_>) -> Vec<Expand> {
        self.asked += 1;
        let mut all = vec![Expand::step(NodeId::ROOT, 1)];
        if self.asked > 1 {
            all.push(Expand { kind: NodeKind::Rollout, ..Expand::step(NodeId::ROOT, 1) });
        }
        all
    }
}

/// A copy that wanted more than to look ahead ends when all of that fails.
#[test]
fn a_copy_ends_with_its_lines_unless_something_has_finished() {
    let mut search = ByHand::new(Forest::of(1, Eager { asked: 0 }));
    assert_eq!(search.start(), [(0, 1)]);
    let first = search.open(0, &[0.5]);
    assert_eq!(search.next(&first), [(0, 1), (0, 1)]);
    assert_eq!(search.next(&[]), []);
    // With a solution at hand it is asked what now.
    let mut search = ByHand::new(Forest::of(1, Eager { asked: 0 }));
    search.start();
    let first = vec![search.stop(0, 0.5)];
    assert_eq!(search.next(&first), [(0, 1), (0, 1)]);
    assert_eq!(search.next(&[]), [(0, 1), (0, 1)]);
}

/// Words that a chat's answer begins with stay where they are.
#[test]
fn in_a_chat_the_users_last_turn_is_asked_anew() {
    let say = |role, content: &str| Message { role, content: content.into() };
    let chat = |question: &str| {
        Prompt::Chat(vec![
            say(Role::User, "Hello."),
            say(Role::Assistant, "Hello!"),
            say(Role::User, question),
            say(Role::Assistant, "So"),
        ])
    };
    let words = Words { each: "[{attempt}]".into(), ask: "{question} {attempts}".into() };
    assert_eq!(words.prompt(&chat("2 + 2?"), &["5"]), chat("2 + 2? [5]"));
}

/// The answer of a worked solution stands behind the last of its marks.
#[test]
fn an_example_may_hold_marks_of_its_own() {
    let row = r#"{"question": "q", "answer": "Note #### one.\n1 + 1 = 2\n#### 2"}"#;
    let examples = FewShot::parse(row).expect("parses").examples;
    assert_eq!(examples[0].answer, "Note #### one.\n1 + 1 = 2\nThe answer is 2.");
}
