//! Drafts that searches correct.

#[path = "../../examples/stories/worlds/atlas.rs"]
mod atlas;
#[path = "../../examples/stories/research.rs"]
mod story;

use atlas::{RIVERS, covered, judge, search, writer};
use story::{DRAFT, Evolve, QUESTION, REPORT, REVISE, Research};
use tts_core::seed::Rng;
use tts_core::*;

use crate::text_model::TextModel;
use crate::{laws, lines};

/// Steps are blank lines or 256 bytes, so a draft has several.
fn engine() -> Search<'static> {
    Search::new(writer()).role("judge", judge()).role("search", search()).seed(2)
}

/// A line is one step.
fn whole() -> Search<'static> {
    let rule = StepRule { delimiters: Vec::new(), max_step_tokens: 1024, ..StepRule::default() };
    engine().rule(rule)
}

fn run(research: &Research) -> Outcome {
    whole().run(Scripted::of(research.clone()), "How long are the rivers?").expect("runs")
}

fn once() -> Research {
    let part = Evolve { n: 1, s: 0 };
    Research { plan: part, question: part, answer: part, report: part, rounds: 0 }
}

/// Lines of writer and judge, and searches.
fn counted(outcome: &Outcome) -> (u64, u64) {
    (lines(outcome, "") + lines(outcome, "judge"), lines(outcome, "search"))
}

/// Lines that were asked for with these words, in order.
fn asked<'o>(outcome: &'o Outcome, task: &str) -> Vec<(NodeId, &'o str)> {
    let tree = &outcome.tree;
    let lines = tree.iter().filter(|(_, node)| !node.is_question());
    let lines = lines.map(|(id, _)| (id, tree.asked(id).question()));
    lines.filter(|(_, asked)| asked.starts_with(task)).collect()
}

#[test]
fn at_the_papers_settings_it_takes_227_lines_and_20_searches() {
    let outcome = run(&Research::default());
    assert_eq!(counted(&outcome), (227, 20));
    assert_eq!((lines(&outcome, "judge"), outcome.failed.len()), (2, 0));
    // Everything that can run together does: a plan of 3, a draft, 20 of 6, a report of 3.
    assert_eq!(outcome.usage.rounds, 3 + 1 + 20 * 6 + 3);
    assert_eq!(covered(&outcome.text().expect("a report")), 20);
    let best = outcome.best.expect("a report");
    assert_eq!(outcome.tree[best].kind, NodeKind::Committed);
}

#[test]
fn a_part_takes_as_many_lines_as_stated() {
    // Plan, draft and report: with one variant and no evolution each is one call.
    assert_eq!(counted(&run(&once())), (3, 0));
    for (n, s) in [(1, 1), (1, 3), (2, 0), (4, 0), (3, 2)] {
        let plan = Evolve { n, s };
        let lines = n * (1 + 2 * s) + usize::from(n > 1);
        assert_eq!(counted(&run(&Research { plan, ..once() })), (2 + lines as u64, 0), "{plan:?}");
    }
}

#[test]
fn without_rounds_the_report_is_on_the_first_draft() {
    let outcome = run(&once());
    let draft = asked(&outcome, DRAFT)[0].0;
    let (report, words) = asked(&outcome, REPORT)[0];
    assert!(words.contains(&outcome.tree.text(draft)));
    assert_eq!(outcome.best, Some(report));
    assert_eq!(outcome.tree.candidates(), [draft, report]);
}

#[test]
fn every_question_sees_the_draft_before_it_and_no_slot_is_lost() {
    let outcome = run(&Research { rounds: 6, ..Research::default() });
    let tree = &outcome.tree;
    let first = asked(&outcome, DRAFT).into_iter();
    let drafts: Vec<NodeId> = first.chain(asked(&outcome, REVISE)).map(|(id, _)| id).collect();
    assert_eq!(drafts.len(), 7);
    let questions = asked(&outcome, QUESTION);
    assert_eq!(questions.len(), 6 * 5);
    for (round, variants) in questions.chunks(5).enumerate() {
        let before = tree.text(drafts[round]);
        assert!(variants.iter().all(|(_, words)| words.contains(&format!("# Draft\n{before}"))));
    }
    let slots: Vec<usize> = drafts.iter().map(|&draft| covered(&tree.text(draft))).collect();
    assert_eq!(slots, [0, 1, 2, 3, 4, 5, 6]);
    // A revision is about the draft that it revises.
    for pair in drafts.windows(2) {
        assert_eq!(tree[tree.question(pair[1])].parent, Some(pair[0]));
    }
}

#[test]
fn it_ends_when_nothing_is_left_to_ask() {
    let outcome = run(&Research { rounds: 100, ..once() });
    assert_eq!(counted(&outcome), (3 + 3 * RIVERS as u64 + 1, RIVERS as u64));
    assert_eq!(covered(&outcome.text().expect("a report")), RIVERS);
}

#[test]
fn a_hard_budget_of_calls_is_never_passed() {
    let research = Research { rounds: 3, ..Research::default() };
    let calls = run(&research).usage.logical.calls;
    for limit in 1..calls + 2 {
        let budget = Budget { calls: Some(limit), mode: Mode::Hard, ..Budget::default() };
        let search = whole().budget(budget);
        let outcome = search.run(Scripted::of(research.clone()), "How long?").expect("runs");
        assert!(outcome.usage.logical.calls <= limit, "{} of {limit}", outcome.usage.logical.calls);
        let out = outcome.stop == Stop::Budget(Limit::Calls);
        assert_eq!(out, limit < calls, "{:?} at {limit} of {calls}", outcome.stop);
        // A plan takes three calls; from the first draft on there is an answer: the latest draft.
        let latest = asked(&outcome, REVISE).into_iter().chain(asked(&outcome, DRAFT)).max();
        let latest = latest.map(|(id, _)| id);
        assert_eq!(latest.is_some(), limit >= 4, "{limit}");
        assert!(outcome.best == latest || limit >= calls, "{limit}");
    }
}

#[test]
fn a_search_that_fails_leaves_the_latest_draft() {
    let down = TextModel(|prompt: &Prompt, _: &str, _: &mut Rng| match prompt.question().trim() {
        "river 3" => Err(LineError("it is down".into())),
        river => Ok(format!("{river}: 100 km")),
    });
    let search = whole().role("search", down);
    let outcome = search.run(Scripted::of(Research::default()), "How long?").expect("runs");
    let drafts = asked(&outcome, REVISE);
    assert_eq!((drafts.len(), outcome.failed.len(), lines(&outcome, "search")), (2, 1, 2));
    assert_eq!((outcome.best, outcome.stop), (Some(drafts[1].0), Stop::Done));
}

#[test]
fn laws() {
    let prompts: Vec<Prompt> = (0..8).map(|i| Prompt::from(format!("Rivers of {i}?"))).collect();
    let research = Research { rounds: 2, ..Research::default() };
    laws::hold(&engine(), &Scripted::of(research), &prompts);
}
